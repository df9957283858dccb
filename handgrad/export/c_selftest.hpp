// What the C that is written checks itself by: rows that it makes, and what the program computes for them.
#pragma once

#include <string>

#include "handgrad/export/c_text.hpp"
#include "handgrad/export/recording.hpp"
#include "handgrad/nn/mlp.hpp"

namespace handgrad::exports {

/// The text of selftest(), behind what it calls; `twice`: of second derivatives too.
template <class T>
std::string selftest_text(const BasicMlp<T>& net, const std::string& prefix, FunctionSet& numbers, bool twice);

/// Row `seed` of those that selftest() makes: whole numbers over 64, from −2 to below 2, by a linear congruence.
template <class T>
std::vector<T> selftest_row(std::size_t inputs, std::uint32_t seed);

/// How far ŷ (K) at x may be from the exact values in numbers with 1 + 2·unit as the next above 1, whatever order and
/// fusing its sums have: to first order, with every function of math/ within 8 ulp.
template <class T>
std::vector<double> output_bounds(const BasicMlp<T>& net, std::span<const T> x);

extern template std::string selftest_text(const BasicMlp<float>&, const std::string&, FunctionSet&, bool);
extern template std::string selftest_text(const BasicMlp<double>&, const std::string&, FunctionSet&, bool);

}  // namespace handgrad::exports
