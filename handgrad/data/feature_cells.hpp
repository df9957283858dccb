// What a cell of a feature becomes for the network, and why one cannot be used: the same for a table and a single row.
#pragma once

#include <cmath>
#include <string>
#include <string_view>

#include "handgrad/data/hints.hpp"
#include "handgrad/data/preprocessing.hpp"

namespace handgrad {

/// What the network sees of a number: (x − shift) / scale.
inline double quotient(double x, double shift, double scale) { return (x - shift) / scale; }
/// The same, by way of long double where the difference overflows.
inline double scaled(double x, double shift, double scale) {
    const double value = quotient(x, shift, scale);
    return std::isfinite(value) ? value : static_cast<double>((static_cast<long double>(x) - shift) / scale);
}

/// Why a cell cannot be used, to stand behind its place, and the settings with which it could.
struct CellProblem {
    std::string cause;
    Hints settings{};
};

/// `such_rows` is empty, or `(3 such rows)` with a blank before it.
CellProblem missing_number_cause(std::string_view such_rows);
CellProblem missing_category_cause(const FeatureColumn& feature, std::string_view such_rows);
CellProblem unknown_category_cause(const FeatureColumn& feature, const std::string& text,
                                   std::string_view such_rows = "");
/// Whether two units are the same: by their letters, of currencies by their sign or their code.
bool same_unit(std::string_view one, std::string_view other);
std::string other_unit_cause(const FeatureColumn& feature, std::string_view unit);
CellProblem infinite_cause(double number);
/// `number` became `value` when scaled, beyond what T can hold.
template <class T>
CellProblem too_large_cause(double number, double value);

extern template CellProblem too_large_cause<float>(double, double);
extern template CellProblem too_large_cause<double>(double, double);

}  // namespace handgrad
