// Fixed-shape predictors compiled for several instruction sets, behind plain functions
// (tests/nn/fixed_predictor_test.cpp).
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "handgrad/math/activations.hpp"

namespace handgrad {

/// One shape in one type; all matrices lie row after row. The predictor is made from `parameters`.
template <class T>
struct FixedCase {
    const std::size_t* sizes;       ///< n, then the units of each layer
    const Activation* activations;  ///< of each layer
    std::size_t layers;
    void (*answer)(const T* parameters, const ActivationSettings& settings, const T* x, std::size_t rows, T* yhat, T* J,
                   T* yhat_alone);
};
template <class T>
using FixedCases = std::span<const FixedCase<T>>;

/// Compiled without a word about the processor, for this machine's, and for one with AVX-512.
FixedCases<float> fixed_cases_plain(float);
FixedCases<double> fixed_cases_plain(double);
FixedCases<float> fixed_cases_native(float);
FixedCases<double> fixed_cases_native(double);
FixedCases<float> fixed_cases_avx512(float);
FixedCases<double> fixed_cases_avx512(double);

}  // namespace handgrad
