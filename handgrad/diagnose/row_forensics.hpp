// Which rows of a table pull at the weights, how hard, and which way: the gradient of each row from its closed form.
#pragma once

#include <cstddef>
#include <type_traits>
#include <vector>

#include "handgrad/data/preprocessing.hpp"
#include "handgrad/nn/mlp.hpp"
#include "handgrad/nn/passes.hpp"
#include "handgrad/store/model.hpp"

namespace handgrad::diagnose {

/// The gradient of one row's own loss by all weights and biases, without the penalty.
struct RowGradient {
    std::size_t row = 0;  ///< of the data set, from 0
    double norm = 0.0;  ///< its 2-norm: the root of Σₗ ‖δₗ‖² (‖aₗ₋₁‖² + 1), since ∂l/∂W⁽ˡ⁾ = δₗ aₗ₋₁ᵀ (Table 2)
    double cosine = 0.0;     ///< between it and the batch gradient: 1 pulls along, −1 against; NaN where one is 0
    double influence = 0.0;  ///< norm · row's share in the mean: how much of the batch gradient's length may be its own
};

/// Every row in the order of the data. Needs memory for the rows, not for rows × parameters. Raises Error(data) when
/// there is no row.
template <class T>
std::vector<RowGradient> row_gradients(const BasicMlp<T>& net, const LossFunction& function,
                                       const std::type_identity_t<BasicDataset<T>>& data);
/// Of a model on a labelled table. Raises what apply_preprocessing() and check_target_domain() raise.
std::vector<RowGradient> row_gradients(const Model& model, const Table& table, const ApplyOptions& options = {});

/// The `count` rows of largest norm, the largest first, rows of equal norm in their order; NaN before all numbers.
std::vector<RowGradient> dominant_rows(std::vector<RowGradient> rows, std::size_t count);

}  // namespace handgrad::diagnose
