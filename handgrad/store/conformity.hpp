// What a model keeps of rows that a network has not seen, to say within what its predictions may be trusted.
#pragma once

#include <cstddef>
#include <cstdint>
#include <variant>
#include <vector>

#include "handgrad/base/matrix.hpp"
#include "handgrad/data/preprocessing.hpp"
#include "handgrad/nn/mlp.hpp"

namespace handgrad {

/// Which rows the scores of conformal intervals are of: some that were held out for it; or all, each by a network that
/// was trained without its fold, or without it alone.
enum class IntervalMethod { split, cv_plus, jackknife_plus };

/// A network that was trained without some rows.
struct FoldNetwork {
    std::variant<BasicMlp<float>, BasicMlp<double>> net;
    Preprocessing preprocessing;  ///< the model's, with imputation and scaling of the rows that the network has seen
};

struct Conformity {
    IntervalMethod method = IntervalMethod::split;
    /// Of a row, by a network that has not seen it: in a regression |y − ŷ| of each target in the table's units (rows ×
    /// targets), in a classification 1 − p of its class (rows × 1).
    Matrix<double> scores = {};
    /// Of each row the one of `networks` that has not seen it; empty where that is the model's own (split).
    std::vector<std::uint32_t> network_of = {};
    std::vector<FoldNetwork> networks = {};

    [[nodiscard]] bool empty() const { return scores.rows() == 0; }
};

}  // namespace handgrad
