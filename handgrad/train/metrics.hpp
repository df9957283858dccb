// Metrics under scikit-learn's names, in the user's units, from plain arrays in double.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "handgrad/base/matrix.hpp"

namespace handgrad {

/// Name and value in a fixed order; NaN where a metric is not defined on these rows (printed as null).
using Metrics = std::vector<std::pair<std::string, double>>;

/// Of fewer rows metrics may well be chance.
inline constexpr std::size_t fewest_rows_to_judge = 10;

/// r2, rmse, mae of predictions against targets (both rows × K), as scikit-learn's r2_score, root_mean_squared_error
/// and mean_absolute_error: K outputs averaged uniformly; weights, one a row, when there are any. r2 is NaN for fewer
/// than two rows and where a target is the same in all of them: no share of a spread of 0 can be explained.
Metrics regression_metrics(MatrixView<const double> predicted, MatrixView<const double> target,
                           std::span<const double> weights = {});

/// accuracy, balanced_accuracy (the mean over the classes that are there of their recalls), log_loss (natural
/// logarithm, of the true class; by `surprisals`, −ln of the probabilities, where they are given: they are finite where
/// a probability has become 0, so that nothing is clipped) and, for two classes, roc_auc (ties count half; NaN when
/// only one class is there). probabilities is rows × classes, or has no columns when the network's outputs are not
/// probabilities: then accuracy alone, with roc_auc from `scores`, one a row, when there are any.
Metrics classification_metrics(std::span<const std::uint32_t> predicted, std::span<const std::uint32_t> target,
                               MatrixView<const double> probabilities, std::span<const double> scores = {},
                               std::span<const double> weights = {}, MatrixView<const double> surprisals = {});

/// The answer of one label, 0 or 1, from its share ŷ.
inline double answer_of(double share) { return share > 0.5 ? 1.0 : 0.0; }

/// Of several labels, each a yes (share above ½) or no by itself; shares and target (0 or 1) are rows × K. accuracy:
/// the share of rows in which all labels are right, as scikit-learn's accuracy_score has it of such targets;
/// label_accuracy: of single labels (1 − hamming_loss); log_loss: the mean over the labels of theirs, where
/// `surprisals` are given, rows × 2K: −ln of the probability of no and of yes, label by label.
Metrics multilabel_metrics(MatrixView<const double> shares, MatrixView<const double> target,
                           std::span<const double> weights = {}, MatrixView<const double> surprisals = {});
/// One of those labels: classification_metrics() of no and yes.
Metrics label_metrics(MatrixView<const double> shares, MatrixView<const double> target, std::size_t label,
                      std::span<const double> weights = {}, MatrixView<const double> surprisals = {});

}  // namespace handgrad
