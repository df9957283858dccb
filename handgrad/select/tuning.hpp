// A search for the settings that suit a table: many trials, judged by the same folds, of which fewer and fewer are
// trained further.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "handgrad/select/cross_validation.hpp"
#include "handgrad/select/search_points.hpp"
#include "handgrad/select/search_space.hpp"
#include "handgrad/store/setting_values.hpp"
#include "handgrad/train/fit.hpp"

namespace handgrad::selection {

struct TuneOptions {
    std::size_t trials = 50;
    std::vector<Dimension> space;
    SearchMethod method = SearchMethod::sobol;
    /// Successive halving: after each rung the best 1/halving of the trials, rounded up, are trained so many times as
    /// long; 1: each to its end at once. At least 1.
    std::size_t halving = 3;
    FoldOptions how;
    std::string score;         ///< empty: usual_score()
    bool usual_decay = false;  ///< weight_decay is that of the trial's optimizer where it is not searched
};

/// What becomes of one point of the search.
struct Trial {
    std::size_t number = 0;  ///< from 0, in the order of the search
    SettingValues settings;  ///< what was searched
    std::size_t rung = 0;    ///< the last that it has come to, from 0
    /// Of each fold at that rung. An interrupted search has fewer of the trials that it had not come to the end with.
    std::vector<FoldScore> folds = {};
    std::vector<MetricSummary> metrics = {};  ///< the score that counts first; empty after a failure
    std::string failure = {};                 ///< of the first fold that has one
    bool complete = false;                    ///< all folds have been judged at that rung

    /// NaN without.
    [[nodiscard]] double mean() const;
    [[nodiscard]] double sd() const;
    [[nodiscard]] std::size_t parameters() const;  ///< of its network; 0 where that is not known
};

struct Tuning {
    Task task = Task::regression;
    TuneOptions options;
    std::string score;
    std::vector<double> rungs;         ///< the share of its epochs that a trial is trained at each
    std::vector<std::size_t> sizes;    ///< how many trials each rung has
    bool exhaustive = false;           ///< the trials are all combinations there are
    std::vector<Trial> trials;         ///< in the order of the search
    std::vector<std::size_t> ranking;  ///< numbers of trials, the best first: by rung, then by mean; failures last
    std::optional<std::size_t> best;   ///< of those that were trained to their end; none when all failed
    /// The smallest network of those whose mean is within sd/√folds of the best one's (Breiman and others 1984).
    std::optional<std::size_t> smallest;
    std::size_t fits = 0;  ///< that were asked for
    bool interrupted = false;
};

struct TuneCallbacks {
    std::function<void(const Notice&)> on_notice = {};
    /// After each fit, one call at a time, from any thread: how many of those to be made are done; and the best mean of
    /// a whole rung so far, NaN before.
    std::function<void(std::size_t done, std::size_t of, double best)> on_fit = {};
    /// The score of a fit that has ended, with the number of its trial and its rung; in turns with on_fit.
    std::function<void(std::size_t trial, std::size_t rung, const FoldScore& score)> on_score = {};
    /// A score that on_score was given in another run of the same search; none: to be fitted.
    std::function<std::optional<FoldScore>(std::size_t trial, std::size_t rung, std::size_t fold)> known = {};
    std::function<bool()> stop = {};
};

/// The options of a trial: `options` with its settings.
FitOptions options_of_trial(const FitOptions& options, const TuneOptions& how, const SettingValues& settings);

/// Tries at most options.trials points of the space, or all there are; none twice. Each is a training with these
/// settings, fitted and judged as cross_validate() does. With halving it is trained in rungs: at rung r of R for the
/// share halving^(r+1−R) of the epochs that the settings ask for, and judged as it stands; the trials with the best
/// means go on from there, those of equal means in the order of the search. There are as many rungs, at most four, as
/// leave three trials or more for the last. The best trial is the one with the best mean of the last rung. Each fit has
/// one thread and its numbers do not depend on the others', on the number of threads, nor on what was `known`.
///
/// A trial whose fit diverges, or is refused, is a failure with its reason, and never the best. Raises what
/// cross_validate() raises; Error(usage) for an empty space, a setting that is there twice, no trial; and what the
/// first trial's fit was refused for when all were.
Tuning tune(const Table& table, const FitOptions& options, const TuneOptions& how, const TuneCallbacks& callbacks = {});

}  // namespace handgrad::selection
