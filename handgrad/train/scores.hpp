// What the metrics leave open: each class and target by itself, whether probabilities can be believed, and how much is
// won over a constant answer; from plain arrays in double.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "handgrad/base/matrix.hpp"
#include "handgrad/train/metrics.hpp"

namespace handgrad {

/// One class against all others, as scikit-learn's precision_recall_fscore_support, weighted by the rows' weights. NaN
/// where there is nothing to divide by: precision of a class that is never predicted, recall of one that no row has,
/// f1 of one that is neither.
struct ClassScore {
    std::string name{};
    std::size_t rows = 0;  ///< that are of this class
    double precision = 0.0, recall = 0.0, f1 = 0.0;
};
/// In the order of the classes, 0 … classes − 1; names are left for the caller.
std::vector<ClassScore> class_scores(std::span<const std::uint32_t> predicted, std::span<const std::uint32_t> target,
                                     std::size_t classes, std::span<const double> weights = {});
/// The means of those numbers over the classes where they are defined.
ClassScore macro_average(std::span<const ClassScore> scores);

/// Rows by class (down) and prediction (across), without weights.
Matrix<double> confusion_counts(std::span<const std::uint32_t> predicted, std::span<const std::uint32_t> target,
                                std::size_t classes);
/// Rows of one class that are taken for another.
struct Confused {
    std::uint32_t target, predicted;
    std::size_t rows;
};
/// The most frequent ones first, of equals by target and prediction.
std::vector<Confused> most_confused(std::span<const std::uint32_t> predicted, std::span<const std::uint32_t> target,
                                    std::size_t most);

/// The weighted mean of Σ (p_k − y_k)² over the classes, halved for two of them, as scikit-learn's brier_score_loss.
double brier_score(MatrixView<const double> probabilities, std::span<const std::uint32_t> target,
                   std::span<const double> weights = {});

/// How far the confidence of a prediction is from the share of such predictions that is right: Σ_b W_b |g_b| / W over
/// ten bins of equal width of the confidence, g_b the mean over the bin of (right − confidence). Rows are few, so the
/// gaps of even a perfect model are not 0, and the error is too large; lowest and highest are the 95 % interval of what
/// it would be on infinitely many rows: each g_b normal with the variance q(1 − q)/n of its share that is right, q =
/// (right + 1)/(n + 2), and the bias that |g_b| gets from it taken off. lowest is 0 where probabilities that are right
/// would show such an error in more than 1 of 40 tables. Coverage: docs/evaluate.md.
struct Calibration {
    double error = 0.0, lowest = 0.0, highest = 0.0;
};
Calibration calibration(MatrixView<const double> probabilities, std::span<const std::uint32_t> predicted,
                        std::span<const std::uint32_t> target, std::span<const double> weights = {});

/// r2, rmse, mae and median_absolute_error (with weights scikit-learn's weighted percentile) of one target.
Metrics target_metrics(std::span<const double> predicted, std::span<const double> target,
                       std::span<const double> weights = {});

/// By which share errors are smaller than those of a baseline, and the standard error of that share over rows.
struct Skill {
    double saved =
        0.0;  ///< 1 − Σ w own / Σ w baseline; NaN where the baseline makes no errors, −∞ where own is not finite
    double standard_error = 0.0;
};
Skill skill_of(std::span<const double> own, std::span<const double> baseline, std::span<const double> weights = {});

}  // namespace handgrad
