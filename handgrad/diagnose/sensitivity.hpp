// How much each column of a table moves each output: statistics of ∂ŷ/∂x, and permutation importance beside them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "handgrad/data/preprocessing.hpp"
#include "handgrad/kernels/simd_level.hpp"
#include "handgrad/store/model.hpp"

namespace handgrad::diagnose {

/// One input (a column of numbers, or COLUMN=CATEGORY) and one output. Derivatives are in the user's units, as
/// jacobians() gives them, and every row counts alike.
struct ColumnSensitivity {
    std::string name;    ///< of the input
    std::string target;  ///< of the output: a target, or p(CLASS)
    double mean = 0.0;   ///< of ∂ŷ/∂x over the rows
    double sd = 0.0;     ///< standard deviation of ∂ŷ/∂x over the rows (dividing by rows)
    double rms = 0.0;    ///< root mean square: how much it moves, whichever way
    double sign = 0.0;  ///< (rows where ∂ŷ/∂x > 0 − rows where it is < 0) / rows: ±1 where it is always one way
    double effect = 0.0;       ///< rms · standard deviation of the input: comparable between columns of any unit
    double permutation = 0.0;  ///< rise of that output's loss when the input's column is shuffled; NaN without labels
};

struct SensitivityOptions {
    std::size_t repeats = 5;  ///< shuffles of each column, averaged, at least 1
    std::uint64_t seed = 0;
    std::function<bool()> stop = {};  ///< asked before each column; true: no more is measured, and none given back
};

/// Inputs in the order of the network's, and for each its outputs. A column of categories is shuffled as a whole; its
/// COLUMN=CATEGORY inputs share the result. Raises what apply_preprocessing() and check_target_domain() raise,
/// Error(data) when there is no row.
std::vector<ColumnSensitivity> sensitivity(const Model& model, const Table& table, const ApplyOptions& options = {},
                                           const SensitivityOptions& how = {}, const Execution& execution = {});
/// The same of rows that are encoded already, in the model's precision; with targets when they have some.
template <class T>
std::vector<ColumnSensitivity> sensitivity(const Model& model, BasicDataset<T> data, const SensitivityOptions& how = {},
                                           const Execution& execution = {});

}  // namespace handgrad::diagnose
