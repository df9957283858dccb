// The folds' trainings see the table whose columns are decided, and learn from their own rows of it.
#include "handgrad/select/fit_with_intervals.hpp"

#include <algorithm>
#include <atomic>
#include <iterator>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "handgrad/base/error.hpp"
#include "handgrad/base/random.hpp"
#include "handgrad/base/wording.hpp"
#include "handgrad/select/fold_fit.hpp"
#include "handgrad/select/folds.hpp"
#include "handgrad/train/intervals.hpp"
#include "handgrad/train/share_out.hpp"

namespace handgrad::selection {
namespace {

bool retrains(const FitOptions& options) {
    return options.interval_method && *options.interval_method != IntervalMethod::split;
}

void refuse_seen_rows(const FitOptions& options) {
    const auto refuse = [](bool there, const char* setting, const std::string& why) {
        if (there) {
            throw Error(ErrorKind::usage, std::string(setting) + ": " + why + " by rows that no network has seen")
                .about(setting)
                .about("interval_method", "split");
        }
    };
    refuse(options.validation && options.validation->table != nullptr, "validation",
           "rows of another table would stop every network; hold out a share of the rows, or make intervals");
    refuse(options.init_from.has_value(), "init_from",
           "weights from elsewhere may have learned from any row; leave them out, or make intervals");
    refuse(options.continue_from != nullptr, "continue",
           "a model that is gone on with has learned from all rows; begin anew, or make intervals");
    refuse(!options.group.empty() && options.interval_method == IntervalMethod::jackknife_plus, "group",
           "rows of a group are not left out one by one; take cv+, which keeps groups together, or make intervals");
}

/// The fold of each of these rows.
std::vector<std::uint32_t> folds_of(const Table& table, const FitOptions& options,
                                    const std::vector<std::size_t>& rows) {
    std::vector<std::uint32_t> fold(rows.size());
    if (options.interval_method == IntervalMethod::jackknife_plus) {
        std::ranges::generate(fold, [next = std::uint32_t{0}]() mutable { return next++; });
        return fold;
    }
    const RandomStream stream(options.training.seed, Purpose::interval_folds);
    const std::vector<std::uint32_t> strata(rows.size());  // one: by classes, rows would not be like any new ones
    if (options.group.empty()) {
        return deal_rows(strata, std::min(interval_folds, rows.size()), stream);
    }
    const std::vector<std::uint32_t> groups = labels_of(group_column(table, options, rows), rows);
    const std::size_t count = std::set<std::uint32_t>(groups.begin(), groups.end()).size();
    return deal_groups(groups, strata, std::min(interval_folds, count), stream);
}

/// What is left to learn from without a fold.
std::vector<std::size_t> without_fold(const std::vector<std::size_t>& rows, const std::vector<std::uint32_t>& fold,
                                      std::uint32_t out, bool inverse = false) {
    std::vector<std::size_t> left;
    for (std::size_t i = 0; i < rows.size(); ++i) {
        if ((fold[i] != out) != inverse) {
            left.push_back(rows[i]);
        }
    }
    return left;
}

FitOptions options_without(const FitOptions& options, Task task) {
    FitOptions one = options;
    one.task = task == Task::multilabel ? Task::classification : task;
    one.test = {};
    one.calibration = 0.0;
    one.interval_method.reset();
    one.keep_training = false;
    one.training.execution.threads = 1;
    return one;
}

/// Fills in the scores of its fold.
class FoldTrainings {
public:
    FoldTrainings(const Table& table, const FitOptions& options, const FitCallbacks& callbacks, Task task,
                  std::vector<std::size_t> rows)
        : table_(table),
          callbacks_(callbacks),
          options_(options_without(options, task)),
          threads_(options.training.execution.most_threads()),
          rows_(std::move(rows)) {
        conformity_.method = *options.interval_method;
        conformity_.network_of = folds_of(table, options, rows_);
        conformity_.networks.resize(*std::ranges::max_element(conformity_.network_of) + 1);
    }

    [[nodiscard]] std::size_t count() const { return conformity_.networks.size(); }

    /// None, with the reason, where one has not come to its end.
    std::optional<Conformity> run(std::string& reason) {
        conformity_.scores = Matrix<double>(rows_.size(), options_.columns.targets.size());
        std::vector<std::string> failures(count());
        run_fits(threads_, count(), [&](std::size_t k) {
            if (!stops()) {
                failures[k] = train(static_cast<std::uint32_t>(k));
            }
        });
        if (ended_) {
            reason = "it was interrupted";
            return std::nullopt;
        }
        for (std::size_t k = 0; k < failures.size(); ++k) {
            if (!failures[k].empty()) {
                reason = "network " + std::to_string(k + 1) + " of " + std::to_string(count()) + " " + failures[k];
                return std::nullopt;
            }
        }
        return std::move(conformity_);
    }

private:
    /// The caller is asked in its own thread; the others hear of it.
    bool stops() {
        if (std::this_thread::get_id() == caller_ && callbacks_.stop && callbacks_.stop()) {
            ended_ = true;
        }
        return ended_;
    }

    /// Why nothing came of it; empty where something did.
    std::string train(std::uint32_t k) {
        FitOptions one = options_;
        one.only_rows = without_fold(rows_, conformity_.network_of, k);
        try {
            FitResult result = fit(table_, one, {.stop = [this] { return stops(); }});
            if (result.diverged || !result.usable || result.training.stopped == Stopped::callback) {
                return result.training.stopped == Stopped::callback ? "was interrupted" : "diverged";
            }
            return score(k, result.model);
        } catch (const Error& error) {
            Error named(error.kind(), "without fold " + std::to_string(k + 1) + ": " + error.what());
            for (const SettingHint& hint : error.settings()) {
                named = std::move(named).about(hint.name, hint.value);
            }
            throw named;
        }
    }

    std::string score(std::uint32_t k, Model& model) {
        const std::vector<std::size_t> judged = without_fold(rows_, conformity_.network_of, k, true);
        const Prediction prediction =
            predict(model, select_rows(table_, judged), {.labels = Labels::absent, .allow_extra = true},
                    {.threads = 1, .simd = options_.training.execution.simd});
        const Matrix<double> scores = conformity_scores(model, table_, judged, prediction);
        for (std::size_t i = 0, next = 0; i < rows_.size(); ++i) {
            if (conformity_.network_of[i] == k) {
                std::ranges::copy(scores.row(next++), conformity_.scores.row(i).begin());
            }
        }
        if (prediction.nonfinite > 0) {
            return "says of rows that it has not seen what are no finite numbers";
        }
        conformity_.networks[k] = {.net = std::move(model.net), .preprocessing = std::move(model.preprocessing)};
        return {};
    }

    const Table& table_;
    const FitCallbacks& callbacks_;
    FitOptions options_;
    std::size_t threads_;
    std::vector<std::size_t> rows_;  ///< all but those of the test, in table order
    Conformity conformity_;
    std::thread::id caller_ = std::this_thread::get_id();
    std::atomic<bool> ended_{false};
};

}  // namespace

FitResult fit_with_intervals(const Table& table, const FitOptions& options, const FitCallbacks& callbacks,
                             const Model* checkpoint) {
    if (!retrains(options)) {
        return fit(table, options, callbacks, checkpoint);
    }
    refuse_seen_rows(options);
    FitResult result = fit(table, options, callbacks, checkpoint);
    const auto tell = [&](const std::string& text) {
        if (callbacks.on_notice) {
            callbacks.on_notice({text});
        }
    };
    const std::string without = "warning: the model has nothing that intervals could be made of, as ";
    if (result.diverged || !result.usable || result.training.stopped == Stopped::callback) {
        tell(without + "its own training has not come to its end");
        return result;
    }
    const std::optional<RowsByPart> parts = parts_of(result.model, table);
    std::vector<std::size_t> rows;
    std::ranges::merge(parts->training, parts->validation, std::back_inserter(rows));
    if (rows.size() < 2) {
        throw Error(ErrorKind::data,
                    table.source + ": one row cannot be left out where there are no others to learn from");
    }
    FoldTrainings trainings(table, options, callbacks, result.model.preprocessing.task, std::move(rows));
    tell("intervals: " + std::to_string(trainings.count()) + " networks more, each trained without a " +
         when(options.interval_method == IntervalMethod::cv_plus, "fold of the rows") +
         when(options.interval_method == IntervalMethod::jackknife_plus, "row"));
    std::string reason;
    if (std::optional<Conformity> conformity = trainings.run(reason)) {
        result.model.conformity = *std::move(conformity);
    } else {
        tell(without + reason);
    }
    return result;
}

}  // namespace handgrad::selection
