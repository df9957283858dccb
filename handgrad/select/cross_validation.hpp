// A training judged by rows that it has not seen: one fit for each fold, and what their scores come to.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "handgrad/select/folds.hpp"
#include "handgrad/train/fit.hpp"
#include "handgrad/train/metrics.hpp"

namespace handgrad::selection {

/// What one fit came to on the rows of its fold.
struct FoldScore {
    std::size_t repeat = 0, number = 0;  ///< of the fold, both from 0
    std::size_t training_rows = 0, test_rows = 0;
    std::uint64_t seed = 0;  ///< of the fit
    Metrics metrics = {};    ///< of the test rows, as evaluate() has them, NaN where undefined; empty after a failure
    Metrics baseline = {};   ///< of who always gives the constant answer of the rows learned from; likewise
    std::size_t epochs = 0, best_epoch = 0;
    std::string stopped = {};  ///< as stopped_name(); `paused` for a fit that has not come to its end
    std::string failure = {};  ///< why nothing came of it, in a sentence without a full stop; empty where something did
    double seconds = 0.0;
    std::size_t parameters = 0;  ///< of the network

    /// NaN where there is none of that name.
    [[nodiscard]] double metric(std::string_view name) const;
};

/// One metric over the folds.
struct MetricSummary {
    std::string name;
    std::vector<double> scores = {};  ///< of each fold
    double mean = 0.0;                ///< NaN where a fold has none
    double sd = 0.0;                  ///< √(Σ (s − mean)²/(n − 1)) over the n folds; NaN of one alone
    double baseline = 0.0;            ///< the mean of the baseline's
};
/// All metrics of these folds, in their order; none where a fold has failed.
std::vector<MetricSummary> summarize(std::span<const FoldScore> folds);

/// Whether a larger value of a metric is the better one; a smaller one is of rmse, mae and log_loss.
bool larger_is_better(std::string_view metric);
/// What a choice rests on unless somebody says otherwise: log_loss where there is one, of numbers rmse, else the first
/// of them. Both are defined on any row, and tell models apart that r2 and accuracy cannot.
std::string usual_score(const Metrics& metrics);
/// The score that was asked for, empty for the usual one, of a task with these metrics. Raises Error(usage) where they
/// have it not; without a task check_score() raises it for a name that no task has.
std::string chosen_score(const std::string& asked, const Metrics& metrics);
void check_score(const std::string& asked);

/// One training's scores.
struct CrossValidation {
    Task task = Task::regression;
    FoldOptions how;
    std::string score;                      ///< the metric that comes first
    std::vector<FoldScore> folds;           ///< those that have ended, in order
    std::size_t asked = 0;                  ///< how many there were to be
    std::vector<MetricSummary> metrics;     ///< `score` first
    std::vector<std::string> notices = {};  ///< what the fit of the first fold told
    bool interrupted = false;
};

struct CrossValidationCallbacks {
    std::function<void(const Notice&)> on_notice = {};  ///< decisions about the whole table
    /// After each fit, one call at a time, from any thread: how many have ended, of how many.
    std::function<void(std::size_t done, std::size_t of)> on_fold = {};
    std::function<bool()> stop = {};  ///< asked between two batches, from any thread; true ends all fits
};

/// Fits `options` once for each fold, on the fold's training rows alone, which are all that the fit sees: decisions,
/// imputation, scaling, categories and rows for early stopping are of them. The seed of a fit is the options' and the
/// number of its repeat. Fits run side by side, each in one thread, on as many threads as options.training.execution
/// says, which changes no number. `score` is the metric that comes first; empty for usual_score(). A fit that diverges
/// is a failure of its fold. Raises what make_folds() and fit() raise, the latter naming the fold; Error(usage) for
/// options that a fold has no use for: test, validation rows of another table, init_from, target_jacobian,
/// continue_from; Error(usage) for a score that the task has not.
CrossValidation cross_validate(const Table& table, const FitOptions& options, const FoldOptions& how,
                               const std::string& score = {}, const CrossValidationCallbacks& callbacks = {});

}  // namespace handgrad::selection
