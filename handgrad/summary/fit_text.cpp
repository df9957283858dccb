// What train tells people at the end: how long it took, the metrics, and what to make of them.
#include <fmt/format.h>

#include <string>
#include <utility>
#include <vector>

#include "handgrad/base/wording.hpp"
#include "handgrad/diagnose/training_course.hpp"
#include "handgrad/summary/descriptions.hpp"
#include "handgrad/summary/layout.hpp"
#include "handgrad/summary/texts.hpp"

namespace handgrad::summary {
namespace {

/// Behind the number of epochs; nothing where these were all that were asked for.
std::string why_it_ended(const TrainResult& training) {
    switch (training.stopped) {
        case Stopped::epochs:
            return "";
        case Stopped::early:
            return " (early stopping)";
        case Stopped::callback:
            return " (interrupted)";
        case Stopped::gradient:
            return " (at a minimum: the gradient is as small as was asked for)";
        case Stopped::no_progress:
            return " (no step lowers the loss any more)";
        case Stopped::evaluations:
            return " (the loss was computed as often as it may be)";
    }
    __builtin_unreachable();
}

/// What the scores come to, and what should be known of them.
std::string verdict_text(const FitResult& result, const NextSteps& next, const std::vector<std::string>& warnings) {
    std::string text;
    switch (result.judged.standing) {
        case Standing::no_better:
        case Standing::unclear:
            break;  // a warning
        case Standing::seen:
            text += "\n" + wrapped(standing_words(result) + when(!next.hold_out.empty(), " " + next.hold_out));
            break;
        default:
            text += "\n" + wrapped(standing_words(result));
    }
    for (const std::string& warning : warnings) {
        text += "\n" + wrapped("warning: " + warning);
    }
    if (!warnings.empty() && !next.look_at.empty()) {
        text += "\n" + next.look_at;
    }
    return text;
}

}  // namespace

std::string standing_words(const FitResult& result) {
    const bool before = result.judged_model && result.baseline_on == "validation";
    return standing_text(result.judged, result.model) +
           when(before, " That was before it learned from these rows too.");
}

std::vector<std::string> warnings_of(const FitResult& result) {
    std::vector<std::string> warnings;
    if (result.judged.standing == Standing::no_better || result.judged.standing == Standing::unclear) {
        warnings.push_back(standing_words(result));
    }
    const diagnose::TrainingCourse course = diagnose::training_course(result.model);
    if (course.overfits) {
        warnings.push_back(course.text);
    }
    return warnings;
}

std::string fit_text(const FitResult& result, const NextSteps& next) {
    const TrainResult& training = result.training;
    std::string text = fmt::format("\n{} in {:.2f} s; the model holds the weights of epoch {}",
                                   counted(training.epochs, "epoch"), training.seconds, training.best_epoch);
    if (training.within_epoch) {
        text = fmt::format("\n{} in {:.2f} s; the model holds the weights as they were in epoch {}",
                           counted(training.epochs, "epoch"), training.seconds, training.epochs + 1);
    }
    text += why_it_ended(training);
    if (result.judged_model) {
        text = fmt::format("\n{} in {:.2f} s, the best after epoch {}; the model then learned as long from all {} rows",
                           counted(training.epochs, "epoch"), training.seconds, training.best_epoch,
                           result.model.provenance.at("rows.training"));
    }
    text += "\n\n";

    std::vector<std::pair<std::string, Metrics>> parts{{"train", result.train_metrics}};
    if (!result.validation_metrics.empty()) {
        parts.emplace_back("validation" + when(result.judged_model.has_value(), ", before"), result.validation_metrics);
    }
    if (!result.test_metrics.empty()) {
        parts.emplace_back("test", result.test_metrics);
    }
    parts.emplace_back(
        fmt::format("{}, always {}", result.baseline_on, constant_answer_name(result.model.preprocessing.task)),
        result.baseline);
    text += metrics_table(parts) + not_defined(result.undefined);
    return text + verdict_text(result, next, warnings_of(result)) + "\n";
}

}  // namespace handgrad::summary
