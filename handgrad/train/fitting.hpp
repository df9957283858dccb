// One training of fit(), of rows that are shared out and columns that are decided: data sets, epochs, checkpoints,
// scores.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "handgrad/train/decisions.hpp"
#include "handgrad/train/fit.hpp"
#include "handgrad/train/share_out.hpp"

namespace handgrad {

/// What a training is made of, all of it referred to.
struct FittingTask {
    const Table& table;
    const FitOptions& options;
    const SharedRows& rows;
    const FitCallbacks& callbacks;
    const Tell& tell;
    const Tell& tell_rows;  ///< what is to be known of the rows learned from and those that judge them
    std::size_t last;       ///< ends after so many epochs of those of the options, as the schedule has them
    /// A checkpoint to go on from, or null. When it is of the second training and this is the first, its model is what
    /// this came to.
    const Model* from = nullptr;
    const FitResult* first = nullptr;  ///< of a second training, what the first came to
};

/// Fills in `result`, whose model has everything but weights, history and what is known of its rows. T is float or
/// double. Raises what fit() raises.
template <class T>
void run_fitting(const FittingTask& task, FitResult& result);

/// Puts the metrics into the model's provenance, under `metric.PART.NAME`.
void record_metrics(Model& model, const std::string& part, const Metrics& metrics);
/// Some of the names, where there are too many for a line.
std::string some_of(const std::vector<std::string>& names);

extern template void run_fitting<float>(const FittingTask&, FitResult&);
extern template void run_fitting<double>(const FittingTask&, FitResult&);

}  // namespace handgrad
