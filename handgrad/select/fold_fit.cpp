// The fold's rows become a table of their own, so that nothing of the others can reach the fit.
#include "handgrad/select/fold_fit.hpp"

#include <cmath>
#include <limits>
#include <string_view>
#include <utility>
#include <variant>

#include "handgrad/base/error.hpp"
#include "handgrad/train/evaluation.hpp"

namespace handgrad::selection {
namespace {

/// The same error, said of a fold.
Error in_fold(const Error& error, const Fold& fold) {
    Error named(error.kind(), "in fold " + std::to_string(fold.number + 1) + ": " + error.what());
    for (const SettingHint& hint : error.settings()) {
        named = std::move(named).about(hint.name, hint.value);
    }
    return named;
}

/// The first epoch behind which a share of all is done. What rounding has put on top of a whole number is taken off.
std::size_t epochs_of(double share, std::size_t epochs) {
    constexpr double rounding = 1e-9;
    return static_cast<std::size_t>(std::ceil(share * static_cast<double>(epochs) - rounding));
}

/// No infinity is a score.
Metrics without_infinities(Metrics metrics) {
    for (auto& [name, value] : metrics) {
        if (!std::isfinite(value)) {
            value = std::numeric_limits<double>::quiet_NaN();
        }
    }
    return metrics;
}

/// The scores of a model on the fold's test.
Metrics judged(const Model& model, const Table& test, FoldScore& score) {
    const Evaluation evaluation = evaluate(model, test, {.allow_extra = true}, {.threads = 1, .simd = {}});
    if (evaluation.nonfinite > 0) {
        score.failure = "what the model says of the rows that judge it are no finite numbers";
        return {};
    }
    score.baseline = without_infinities(evaluation.baseline.value_or(Metrics{}));
    return without_infinities(evaluation.metrics);
}

/// The first sentence: a table has no place for the norms of layers.
std::string in_short(const std::string& message) {
    const std::size_t end = message.find(". ");
    return message.substr(0, end);
}

}  // namespace

void refuse_useless(const FitOptions& options) {
    const auto refuse = [](bool there, const char* setting, const std::string& why) {
        if (there) {
            throw Error(ErrorKind::usage, std::string(setting) + ": " + why).about(setting);
        }
    };
    refuse(options.test.fraction != 0.0 || options.test.table != nullptr, "test",
           "each fold is judged by the rows that it was not learned from; leave it out");
    refuse(options.validation && options.validation->table != nullptr, "validation",
           "rows of another table would judge every fold alike; hold out a share of the rows that are learned from");
    refuse(options.init_from.has_value(), "init_from",
           "weights from elsewhere may have learned from the rows that judge them; leave it out");
    refuse(options.target_jacobian.has_value(), "target_jacobian",
           "derivatives that are learned cannot be dealt to folds in this version; leave it out");
    refuse(options.continue_from != nullptr, "continue",
           "a model that is gone on with has learned from rows that would judge it; leave it out");
}

FitOptions options_of_fold(FitOptions options, Task task, const Fold& fold) {
    options.task = task == Task::multilabel ? Task::classification : task;  // of several columns that is the same
    options.training.seed += fold.repeat;
    options.training.execution.threads = 1;
    return options;
}

FoldFit fit_fold(const Table& table, const FitOptions& options, const Fold& fold, double share, const Model* from,
                 const std::function<bool()>& stop) {
    FoldFit done;
    FoldScore& score = done.score;
    score = {.repeat = fold.repeat,
             .number = fold.number,
             .training_rows = fold.training.size(),
             .test_rows = fold.test.size(),
             .seed = options.training.seed};
    FitCallbacks callbacks{.on_notice = [&](const Notice& notice) { done.notices.push_back(notice.text); },
                           .stop = stop};
    bool pauses = false;
    if (share < 1.0) {
        callbacks.on_epoch = [&](const EpochReport& report, const Metrics& /*none*/) {
            pauses = report.epoch >= epochs_of(share, report.epochs);
            return !pauses;
        };
        callbacks.checkpoints.keep = [&](const Model& model) { done.paused = model; };
    }
    try {
        const FitResult result = fit(select_rows(table, fold.training), options, callbacks, from);
        const bool ended_by_us = result.training.stopped == Stopped::callback && !result.diverged;
        done.interrupted = ended_by_us && !pauses;
        score.epochs = result.training.epochs;
        score.best_epoch = result.training.best_epoch;
        score.seconds = result.training.seconds;
        score.parameters = std::visit([](const auto& net) { return net.parameters().size(); }, result.model.net);
        score.stopped = ended_by_us ? "paused" : std::string(stopped_name(result));
        if (!ended_by_us) {
            done.paused.reset();
        }
        if (result.diverged || (!ended_by_us && !result.usable)) {
            score.failure =
                in_short(result.diverged.value_or("what the model says of the training rows are no numbers"));
        } else if (!done.interrupted) {
            score.metrics = judged(ended_by_us ? *done.paused : result.model, select_rows(table, fold.test), score);
        }
    } catch (const Error& error) {
        throw in_fold(error, fold);
    }
    return done;
}

}  // namespace handgrad::selection
