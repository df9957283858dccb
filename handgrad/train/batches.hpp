// Rows of a data set as the engine takes them, and what the penalty counts in a batch.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "handgrad/base/random.hpp"
#include "handgrad/data/preprocessing.hpp"
#include "handgrad/kernels/table.hpp"
#include "handgrad/nn/engine.hpp"
#include "handgrad/train/optimizer.hpp"
#include "handgrad/train/solver.hpp"

namespace handgrad {

/// The rows `order` of a data set, both of which must outlive the result.
template <class T>
EngineRows<T> engine_rows(const BasicDataset<T>& data, std::span<const std::size_t> order) {
    return {.x = data.x,
            .y = data.y,
            .weights = data.weights.empty() ? nullptr : data.weights.data(),
            .order = order.data(),
            .count = order.size()};
}

/// What these rows count in a mean.
template <class T>
double total_weight(const BasicDataset<T>& data, std::span<const std::size_t> rows) {
    if (data.weights.empty()) {
        return static_cast<double>(rows.size());
    }
    double sum = 0.0;
    for (const std::size_t row : rows) {
        sum += data.weight(row);
    }
    return sum;
}

/// The order of the rows in an epoch, counted from 1: the plan's, else drawn anew where rows are shuffled.
inline void take_order(std::vector<std::size_t>& order, const EpochPlan& plan, const TrainOptions& options,
                       std::size_t epoch) {
    if (!plan.order.empty()) {
        std::ranges::copy(plan.order, order.begin());
    } else if (options.shuffle) {
        permute(order, RandomStream(options.seed, Purpose::shuffle, static_cast<std::uint32_t>(epoch)),
                kernels::table(options.execution.level()).random_bits);
    }
}

/// What a batch of so many rows, or of rows whose weights have that sum, multiplies ½‖W‖² with.
inline double penalty_of_batch(double alpha, const Conventions& conventions, double total_weight) {
    return conventions.penalty == Penalty::weights_per_row ? alpha / total_weight : alpha;
}

}  // namespace handgrad
