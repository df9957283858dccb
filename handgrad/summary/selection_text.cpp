// Tables of scores; beside them a strip on which a mark shows where a score lies between the lowest and the highest.
#include "handgrad/summary/selection_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "handgrad/base/wording.hpp"
#include "handgrad/summary/layout.hpp"
#include "handgrad/train/evaluation.hpp"

namespace handgrad::summary {
namespace {

/// Four digits, those that are 0 too, so that points stand under each other.
std::string score_text(double value) { return std::isnan(value) ? "-" : fmt::format("{:#.4g}", value); }

/// The ends of a picture.
struct Span {
    double lowest = std::numeric_limits<double>::infinity();
    double highest = -std::numeric_limits<double>::infinity();

    void take_in(double value) {
        if (std::isfinite(value)) {
            lowest = std::min(lowest, value);
            highest = std::max(highest, value);
        }
    }
};

class Strip {
public:
    Strip(Span span, std::size_t places) : span_(span), places_(places) {}

    /// A mark at the value; nothing for what is no number.
    [[nodiscard]] std::string of(double value) const {
        if (!std::isfinite(value)) {
            return "";
        }
        std::string text(places_, '.');
        text[place(value)] = '*';
        return text;
    }
    /// The mean, and a line over mean ± sd as far as the picture goes.
    [[nodiscard]] std::string of(double mean, double sd) const {
        if (!std::isfinite(mean)) {
            return "";
        }
        std::string text(places_, '.');
        if (std::isfinite(sd)) {
            const std::size_t first = place(mean - sd), last = place(mean + sd);
            std::fill(text.begin() + static_cast<std::ptrdiff_t>(first),
                      text.begin() + static_cast<std::ptrdiff_t>(last) + 1, '-');
        }
        text[place(mean)] = '|';
        return text;
    }

private:
    [[nodiscard]] std::size_t place(double value) const {
        const double width = span_.highest - span_.lowest;
        const double share = width > 0.0 ? std::clamp((value - span_.lowest) / width, 0.0, 1.0) : 0.5;
        return static_cast<std::size_t>(std::lround(share * static_cast<double>(places_ - 1)));
    }

    Span span_;
    std::size_t places_;
};

/// The fold's name in a table: `3`, of several repeats `2.3`.
std::string name_of(const select::FoldScore& fold, std::size_t repeats) {
    const std::string number = std::to_string(fold.number + 1);
    return repeats > 1 ? std::to_string(fold.repeat + 1) + "." + number : number;
}

using Lines = std::vector<std::vector<std::string>>;

void add_fold(Lines& lines, const select::CrossValidation& result, std::size_t i, const Strip& strip) {
    const select::FoldScore& fold = result.folds[i];
    std::vector<std::string> line{name_of(fold, result.how.repeats), std::to_string(fold.test_rows)};
    for (const select::MetricSummary& metric : result.metrics) {
        line.push_back(score_text(fold.metric(metric.name)));
        if (line.size() == 3) {
            line.push_back(strip.of(fold.metric(metric.name)));
        }
    }
    lines.push_back(std::move(line));
}

void add_summary(Lines& lines, const std::string& name, const select::CrossValidation& result,
                 double select::MetricSummary::*number, const std::string& picture) {
    std::vector<std::string> line{name, ""};
    for (const select::MetricSummary& metric : result.metrics) {
        line.push_back(score_text(metric.*number));
        if (line.size() == 3) {
            line.push_back(picture);
        }
    }
    lines.push_back(std::move(line));
}

std::string table_of(const select::CrossValidation& result) {
    constexpr std::size_t places = 16, most = 40;
    Span span;
    for (const double score : result.metrics.front().scores) {
        span.take_in(score);
    }
    const Strip strip(span, places);
    std::vector<std::string> heading{"fold", "rows"};
    for (const select::MetricSummary& metric : result.metrics) {
        heading.push_back(metric.name);
        if (heading.size() == 3) {
            heading.push_back("");
        }
    }
    Lines lines{heading};
    for (std::size_t i = 0; i < std::min(result.folds.size(), most); ++i) {
        add_fold(lines, result, i, strip);
    }
    if (result.folds.size() > most) {
        lines.push_back({"...", ""});
    }
    const select::MetricSummary& first = result.metrics.front();
    add_summary(lines, "mean", result, &select::MetricSummary::mean, strip.of(first.mean, first.sd));
    add_summary(lines, "sd", result, &select::MetricSummary::sd, "");
    add_summary(lines, "constant", result, &select::MetricSummary::baseline, "");
    return aligned(std::move(lines), Heading::first_row);
}

/// What the numbers are, and how far they can be trusted.
std::string notes_of(const select::CrossValidation& result) {
    const select::MetricSummary& first = result.metrics.front();
    std::string text =
        first.name + " counts first: " + (select::larger_is_better(first.name) ? "larger" : "smaller") +
        " is better. sd is the spread over the folds, n - 1 below; the folds' scores share rows to learn "
        "from, so that it is no error of the mean. constant: who always answers " +
        constant_answer_name(result.task) + ".";
    for (const select::MetricSummary& metric : result.metrics) {
        if (std::isnan(metric.mean)) {
            text += " A dash: " + metric.name + " is not defined on the rows of some fold.";
        }
    }
    return "\n" + wrapped(text) + "\n";
}

}  // namespace

std::string folds_text(const select::FoldOptions& how, Task task, const std::string& group) {
    std::string text = counted(how.folds, "fold");
    if (how.ordered) {
        return text + " in order of time, each learned from all rows before it";
    }
    if (!group.empty()) {
        text += ", groups by '" + group + "' kept whole";
    }
    if (task == Task::classification && how.stratified) {
        text +=
            group.empty() ? ", each with its share of every class" : ", classes in their shares as far as groups allow";
    }
    return text + when(how.repeats > 1, fmt::format(", dealt {} times", how.repeats));
}

std::string cross_validation_text(const select::CrossValidation& result) {
    std::string text;
    for (const select::FoldScore& fold : result.folds) {
        if (!fold.failure.empty()) {
            text += wrapped("fold " + name_of(fold, result.how.repeats) + ": " + fold.failure) + "\n";
        }
    }
    if (!result.metrics.empty()) {
        text += table_of(result) + notes_of(result);
    } else {
        text += "no scores: " + std::string(result.folds.empty() ? "no fold has ended\n" : "a fold has none\n");
    }
    if (result.interrupted) {
        text += fmt::format("interrupted: {} of {} folds have ended\n", result.folds.size(), result.asked);
    }
    return text;
}

}  // namespace handgrad::summary
