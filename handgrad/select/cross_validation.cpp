// Folds dealt out to threads, and their scores summed up.
#include "handgrad/select/cross_validation.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>
#include <limits>
#include <mutex>

#include "handgrad/base/error.hpp"
#include "handgrad/base/suggest.hpp"
#include "handgrad/base/wording.hpp"
#include "handgrad/select/fold_fit.hpp"
#include "handgrad/train/decisions.hpp"

namespace handgrad::selection {

namespace {

double value_of(const Metrics& metrics, std::string_view name) {
    for (const auto& [its, value] : metrics) {
        if (its == name) {
            return value;
        }
    }
    return std::numeric_limits<double>::quiet_NaN();
}

}  // namespace

double FoldScore::metric(std::string_view name) const { return value_of(metrics, name); }

std::vector<MetricSummary> summarize(std::span<const FoldScore> folds) {
    std::vector<MetricSummary> all;
    if (folds.empty() || std::ranges::any_of(folds, [](const FoldScore& fold) { return fold.metrics.empty(); })) {
        return all;
    }
    const auto count = static_cast<double>(folds.size());
    for (const auto& named : folds.front().metrics) {
        MetricSummary summary{.name = named.first};
        double sum = 0.0, squares = 0.0, baseline = 0.0;
        for (const FoldScore& fold : folds) {
            sum += summary.scores.emplace_back(fold.metric(named.first));
            baseline += value_of(fold.baseline, named.first);
        }
        summary.mean = sum / count;
        summary.baseline = baseline / count;
        for (const double score : summary.scores) {
            squares += (score - summary.mean) * (score - summary.mean);
        }
        summary.sd = std::sqrt(squares / (count - 1.0));  // 0/0 of one fold
        all.push_back(std::move(summary));
    }
    return all;
}

bool larger_is_better(std::string_view metric) {
    constexpr std::array<std::string_view, 3> errors{"rmse", "mae", "log_loss"};
    return std::ranges::find(errors, metric) == errors.end();
}

std::string usual_score(const Metrics& metrics) {
    for (const std::string_view wanted : {"log_loss", "rmse"}) {
        for (const auto& [name, value] : metrics) {
            if (name == wanted) {
                return name;
            }
        }
    }
    return metrics.empty() ? std::string() : metrics.front().first;
}

void check_score(const std::string& asked) {
    static const std::vector<std::string> names{"r2",       "rmse",    "mae",           "accuracy", "balanced_accuracy",
                                                "log_loss", "roc_auc", "label_accuracy"};
    if (!asked.empty() && std::ranges::find(names, asked) == names.end()) {
        throw Error(ErrorKind::usage, "score: there is no '" + asked + "'" + did_you_mean(asked, names) +
                                          "; choose from: " + quoted(names))
            .about("score");
    }
}

std::string chosen_score(const std::string& asked, const Metrics& metrics) {
    if (asked.empty() || metrics.empty()) {
        return asked.empty() ? usual_score(metrics) : asked;
    }
    std::vector<std::string> names;
    for (const auto& named : metrics) {
        names.push_back(named.first);
    }
    if (std::ranges::find(names, asked) == names.end()) {
        throw Error(ErrorKind::usage, "score: this task has no '" + asked + "'" + did_you_mean(asked, names) +
                                          "; choose from: " + quoted(names))
            .about("score", usual_score(metrics));
    }
    return asked;
}

CrossValidation cross_validate(const Table& table, const FitOptions& options, const FoldOptions& how,
                               const std::string& score, const CrossValidationCallbacks& callbacks) {
    refuse_useless(options);
    check_score(score);
    const Tell tell = callbacks.on_notice ? callbacks.on_notice : [](const Notice&) {};
    CrossValidation result{.how = how};
    result.task = decide_task(table, options, tell);
    const std::vector<Fold> folds = make_folds(table, options, result.task, how);
    result.asked = folds.size();
    std::vector<std::optional<FoldFit>> fits(folds.size());
    std::mutex telling;
    std::size_t done = 0;
    std::atomic<bool> interrupted{false};
    run_fits(options.training.execution.most_threads(), folds.size(), [&](std::size_t i) {
        if (interrupted || (callbacks.stop && callbacks.stop())) {
            interrupted = true;
            return;
        }
        FoldFit fit =
            fit_fold(table, options_of_fold(options, result.task, folds[i]), folds[i], 1.0, nullptr, callbacks.stop);
        if (fit.interrupted) {
            interrupted = true;
            return;
        }
        const std::scoped_lock lock(telling);
        fits[i] = std::move(fit);
        ++done;
        if (callbacks.on_fold) {
            callbacks.on_fold(done, folds.size());
        }
    });
    result.interrupted = interrupted;
    for (std::optional<FoldFit>& fit : fits) {
        if (fit) {
            result.folds.push_back(std::move(fit->score));
        }
    }
    if (fits.front()) {
        result.notices = std::move(fits.front()->notices);
    }
    for (const FoldScore& fold : result.folds) {
        if (result.score.empty() && !fold.metrics.empty()) {
            result.score = chosen_score(score, fold.metrics);
        }
    }
    result.metrics = summarize(result.folds);
    std::ranges::stable_partition(result.metrics, [&](const MetricSummary& one) { return one.name == result.score; });
    return result;
}

}  // namespace handgrad::selection
