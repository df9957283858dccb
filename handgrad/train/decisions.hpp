// What fit() decides for the user where nothing was chosen: task, output and loss, and how long to train on which rows.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "handgrad/data/table.hpp"
#include "handgrad/store/head.hpp"
#include "handgrad/train/fit.hpp"

namespace handgrad {

/// Tells a decision or a warning.
using Tell = std::function<void(const Notice&)>;

/// By the options, and where they say nothing by the targets' cells. Raises Error(data) for texts of which hardly one
/// returns.
Task decide_task(const Table& table, const FitOptions& options, const Tell& tell);

/// Output activation and loss, the other one by what is given of the two; `classes` is their number, of a
/// classification. Raises what check_pair() raises.
Head decide_head(const FitOptions& options, Task task, std::size_t classes = 0);
/// Raises Error(usage) for a setting of a loss or an activation that is not there.
void refuse_unused(const FitOptions& options, Loss loss);
/// Whether (y − shift)/scale is learned: as chosen, else where neither output nor loss ties y to a range. Raises
/// Error(usage) where that was chosen and cannot be.
bool decide_scale_target(const FitOptions& options, Task task, const Head& head);

/// How long is trained, and which rows tell.
struct Length {
    std::size_t early_stopping = 0;
    HeldOut validation;
    bool refit = false;
    bool usual = false;  ///< nobody asked for rows to be held out
};
/// Of a table with so many labelled rows. Unless epochs or early stopping are chosen, a fifth of the rows is held out
/// to find out how many epochs are best, and then all rows are learned from. Raises Error(usage) for a refit without
/// early stopping, or with validation rows of another table.
Length decide_length(const FitOptions& options, std::size_t rows, const Tell& tell);
/// The chosen epochs, or usual_epochs().
std::size_t decide_epochs(const TrainOptions& training, std::size_t rows, const Tell& tell);

/// The rows of a calibration, where split is asked for and nobody says how many. Raises Error(usage) where intervals
/// are asked for in two ways, or of several labels.
void decide_intervals(FitOptions& options, Task task, const Tell& tell);
/// Raises Error(usage) for label sets of outputs that are no probabilities.
void refuse_unlikely_intervals(const FitOptions& options, Task task, const Head& head);

/// Raises Error(usage) for derivatives that are to be learned by a network with kinks, unless they are allowed.
void refuse_kinks(const FitOptions& options, const Architecture& shape);
/// The layers between these columns and this head, without weights.
Architecture shape_of(const FitOptions& options, const Preprocessing& columns, Activation output);
/// α of the L2 penalty that belongs to the loss; none for AdamW, whose decay does not.
double penalty_of(const OptimizerOptions& optimizer);

/// `'a', 'b'`.
std::string quoted(const std::vector<std::string>& names);

}  // namespace handgrad
