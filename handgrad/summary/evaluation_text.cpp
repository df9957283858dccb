// What evaluate tells people: the standing, metrics beside the baseline, each class and target.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "handgrad/base/wording.hpp"
#include "handgrad/summary/descriptions.hpp"
#include "handgrad/summary/layout.hpp"
#include "handgrad/summary/texts.hpp"

namespace handgrad::summary {
namespace {

using Lines = std::vector<std::vector<std::string>>;

/// These rows, what they were for in training where that is known, and the constant answer.
std::string metrics_text(const Evaluation& evaluation, Task task) {
    Lines lines{{"", "rows"}};
    for (const auto& [metric, value] : evaluation.metrics) {
        lines.front().push_back(metric);
    }
    const auto add = [&](const std::string& what, std::size_t rows, const Metrics& metrics) {
        lines.push_back({what, std::to_string(rows)});
        for (const auto& [metric, value] : metrics) {
            lines.back().push_back(rounded(value));
        }
    };
    add("these rows", evaluation.rows, evaluation.metrics);
    if (evaluation.baseline) {
        add("always " + constant_answer_name(task), evaluation.rows, *evaluation.baseline);
    }
    if (evaluation.parts.size() > 1) {
        for (const PartScore& part : evaluation.parts) {
            add(when(part.name == "train", "  learned from") + when(part.name != "train", "  for " + part.name),
                part.rows, part.metrics);
        }
    }
    return aligned(lines, Heading::first_row) + not_defined(evaluation.undefined);
}

/// `12 of 200 rows (6 %); area in 10, age in 2`.
std::string outside_text(const OutsideScore& outside, std::size_t rows) {
    constexpr std::size_t most = 3;
    std::string text = fmt::format("{:.1f} %", 100.0 * static_cast<double>(outside.rows) / static_cast<double>(rows));
    std::string inputs;
    for (std::size_t i = 0; i < std::min(outside.inputs.size(), most); ++i) {
        add_item(inputs, ", ", fmt::format("'{}' in {}", outside.inputs[i].name, outside.inputs[i].rows));
    }
    return text + " of the rows lie outside the range of the training rows" + when(!inputs.empty(), ": " + inputs) +
           when(outside.inputs.size() > most, " ...");
}

/// Loss, what probabilities are worth, and rows outside the training range.
std::string further_text(const Model& model, const Evaluation& evaluation) {
    const bool scaled = std::ranges::any_of(model.preprocessing.targets, [](const TargetColumn& target) {
        return target.shift != 0.0 || target.scale != 1.0;
    });
    const bool part = evaluation.judged_rows < evaluation.rows;
    const bool weighed = !model.preprocessing.class_weights.empty();
    Lines lines{
        {"loss", rounded(evaluation.loss),
         fmt::format("{}{}{}{}{}", when(part, "of all rows, "), name(model.loss.kind), when(scaled, ", target scaled"),
                     when(weighed, ", classes weighed"), when(model.weight_decay != 0.0, ", penalty included"))}};
    if (evaluation.brier) {
        lines.push_back({"brier", rounded(*evaluation.brier), "squared error of the probabilities"});
    }
    if (evaluation.calibration) {
        const Calibration& c = *evaluation.calibration;
        lines.push_back({"calibration error", rounded(c.error, 3),
                         fmt::format("95 %: {} to {}; confidence of a prediction and share of such that is right",
                                     rounded(c.lowest, 3), rounded(c.highest, 3))});
    }
    if (evaluation.targets.size() == 1) {
        const auto& [metric, value] = evaluation.targets.front().metrics.back();
        lines.push_back({metric, rounded(value)});
    }
    if (evaluation.outside && evaluation.judged_rows > 0) {
        lines.push_back({"outside", std::to_string(evaluation.outside->rows),
                         outside_text(*evaluation.outside, evaluation.judged_rows)});
    }
    return aligned(lines, Heading::none);
}

std::string targets_text(const Evaluation& evaluation) {
    if (evaluation.targets.size() < 2) {
        return "";
    }
    Lines lines{{"target"}};
    for (const auto& [metric, value] : evaluation.targets.front().metrics) {
        lines.front().push_back(metric);
    }
    for (const TargetScore& target : evaluation.targets) {
        lines.push_back({target.name});
        for (const auto& [metric, value] : target.metrics) {
            lines.back().push_back(rounded(value));
        }
    }
    return "\n" + aligned(lines, Heading::first_row);
}

/// Each class by itself, unless they are too many for a screen.
std::string classes_text(const Evaluation& evaluation) {
    constexpr std::size_t most = 20;
    Lines lines{{"class", "rows", "precision", "recall", "f1"}};
    const auto add = [&](const std::string& name, const ClassScore& score) {
        lines.push_back({name, std::to_string(score.rows), rounded(score.precision, 3), rounded(score.recall, 3),
                         rounded(score.f1, 3)});
    };
    if (evaluation.classes.size() <= most) {
        for (const ClassScore& score : evaluation.classes) {
            add(score.name, score);
        }
    }
    add(fmt::format("mean of {} (macro)", evaluation.classes.size()), evaluation.macro);
    const bool never = std::ranges::any_of(evaluation.classes, [](const ClassScore& score) {
        return std::isnan(score.precision) || std::isnan(score.recall);
    });
    return "\n" + aligned(lines, Heading::first_row) +
           when(never, "-  no row is of that class, or none is predicted to be; the means leave it out\n");
}

std::string confusion_text(const Evaluation& evaluation) {
    constexpr std::size_t most = 8, pairs = 5;
    std::string text;
    if (evaluation.classes.size() <= most) {
        Lines lines{{"rows: is \\ predicted"}};
        for (std::size_t actual = 0; actual < evaluation.classes.size(); ++actual) {
            lines.front().push_back(evaluation.classes[actual].name);
            lines.push_back({evaluation.classes[actual].name});
            for (const double count : evaluation.confusion.view().row(actual)) {
                lines.back().push_back(fmt::format("{:.0f}", count));
            }
        }
        text += "\n" + aligned(lines, Heading::first_row);
    }
    if (evaluation.classes.size() > 2 && !evaluation.confused.empty()) {
        std::string list;
        for (std::size_t i = 0; i < std::min(evaluation.confused.size(), pairs); ++i) {
            const Confused& pair = evaluation.confused[i];
            add_item(list, ", ",
                     fmt::format("'{}' for '{}' ({})", evaluation.classes[pair.target].name,
                                 evaluation.classes[pair.predicted].name, pair.rows));
        }
        text += "\n" + wrapped("Most often taken: " + list + ".") + "\n";
    }
    return text;
}

/// Whether these are rows that the model learned from.
std::string seen_text(const Evaluation& evaluation) {
    if (!evaluation.seen_rows || *evaluation.seen_rows == 0 || *evaluation.seen_rows == evaluation.rows) {
        return "";
    }
    return "\n" + wrapped(fmt::format("This is the table that it was trained on: it has learned from {} of these {}.",
                                      *evaluation.seen_rows, counted(evaluation.rows, "row")));
}

}  // namespace

std::string evaluation_text(const Evaluation& evaluation, const Model& model) {
    std::string text = wrapped(standing_text(evaluation, model)) + seen_text(evaluation) + "\n\n" +
                       metrics_text(evaluation, model.preprocessing.task) + "\n";
    if (evaluation.judged_rows < evaluation.rows) {
        text += fmt::format("The {} that it has not learned from\n\n", counted(evaluation.judged_rows, "row"));
    }
    text += further_text(model, evaluation) + targets_text(evaluation);
    if (!evaluation.classes.empty()) {
        text += classes_text(evaluation) + confusion_text(evaluation);
    }
    return text;
}

}  // namespace handgrad::summary
