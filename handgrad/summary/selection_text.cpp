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
#include "handgrad/train/settings.hpp"

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
std::string name_of(const selection::FoldScore& fold, std::size_t repeats) {
    const std::string number = std::to_string(fold.number + 1);
    return repeats > 1 ? std::to_string(fold.repeat + 1) + "." + number : number;
}

using Lines = std::vector<std::vector<std::string>>;

void add_fold(Lines& lines, const selection::CrossValidation& result, std::size_t i, const Strip& strip) {
    const selection::FoldScore& fold = result.folds[i];
    std::vector<std::string> line{name_of(fold, result.how.repeats), std::to_string(fold.test_rows)};
    for (const selection::MetricSummary& metric : result.metrics) {
        line.push_back(score_text(fold.metric(metric.name)));
        if (line.size() == 3) {
            line.push_back(strip.of(fold.metric(metric.name)));
        }
    }
    lines.push_back(std::move(line));
}

void add_summary(Lines& lines, const std::string& name, const selection::CrossValidation& result,
                 double selection::MetricSummary::*number, const std::string& picture) {
    std::vector<std::string> line{name, ""};
    for (const selection::MetricSummary& metric : result.metrics) {
        line.push_back(score_text(metric.*number));
        if (line.size() == 3) {
            line.push_back(picture);
        }
    }
    lines.push_back(std::move(line));
}

std::string table_of(const selection::CrossValidation& result) {
    constexpr std::size_t places = 16, most = 40;
    Span span;
    for (const double score : result.metrics.front().scores) {
        span.take_in(score);
    }
    const Strip strip(span, places);
    std::vector<std::string> heading{"fold", "rows"};
    for (const selection::MetricSummary& metric : result.metrics) {
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
    const selection::MetricSummary& first = result.metrics.front();
    add_summary(lines, "mean", result, &selection::MetricSummary::mean, strip.of(first.mean, first.sd));
    add_summary(lines, "sd", result, &selection::MetricSummary::sd, "");
    add_summary(lines, "constant", result, &selection::MetricSummary::baseline, "");
    return aligned(std::move(lines), Heading::first_row);
}

/// What the numbers are, and how far they can be trusted.
std::string notes_of(const selection::CrossValidation& result) {
    const selection::MetricSummary& first = result.metrics.front();
    std::string text =
        first.name + " counts first: " + (selection::larger_is_better(first.name) ? "larger" : "smaller") +
        " is better. sd is the spread over the folds, n - 1 below; the folds' scores share rows to learn "
        "from, so that it is no error of the mean. constant: who always answers " +
        constant_answer_name(result.task) + ".";
    for (const selection::MetricSummary& metric : result.metrics) {
        if (std::isnan(metric.mean)) {
            text += " A dash: " + metric.name + " is not defined on the rows of some fold.";
        }
    }
    return "\n" + wrapped(text) + "\n";
}

/// Short names of settings for the heading of a column.
std::string short_name(const std::string& setting) {
    if (setting == "hidden_activation") {
        return "activation";
    }
    if (setting == "learning_rate") {
        return "rate";
    }
    return setting == "weight_decay" ? "decay" : setting;
}

std::string value_text(const SettingValue& value) {
    const std::string text = setting_text(value);
    return text.empty() ? "none" : text;
}

/// `1/9` of the epochs.
std::string share_text(double share) { return share == 1.0 ? "all" : fmt::format("1/{:.0f}", 1.0 / share); }

std::string searched_text(const selection::Tuning& tuning) {
    std::string space, rungs;
    for (const selection::Dimension& dimension : tuning.options.space) {
        add_item(space, ", ", dimension.setting + "=" + dimension.text);
    }
    for (std::size_t rung = 0; rung < tuning.rungs.size(); ++rung) {
        const std::string share = share_text(tuning.rungs[rung]);
        add_item(rungs, ", ",
                 std::to_string(tuning.sizes[rung]) +
                     (share == "all" ? " to their end" : " for " + share + " of their epochs"));
    }
    std::string text = counted(tuning.trials.size(), "trial") + " of " + space +
                       when(tuning.exhaustive, ", all there are") + "; trained: " + rungs + ".";
    return wrapped(text) + "\n";
}

/// The best trials of the last rung that has any, at most `most`.
std::vector<std::size_t> shown_trials(const selection::Tuning& tuning, std::size_t most) {
    std::vector<std::size_t> shown_ones;
    for (const std::size_t i : tuning.ranking) {
        const selection::Trial& trial = tuning.trials[i];
        const bool same_rung = shown_ones.empty() || trial.rung == tuning.trials[shown_ones.front()].rung;
        if (!std::isnan(trial.mean()) && same_rung && shown_ones.size() < most) {
            shown_ones.push_back(i);
        }
    }
    return shown_ones;
}

std::string trials_table(const selection::Tuning& tuning, const std::vector<std::size_t>& trials) {
    constexpr std::size_t places = 12;
    Span span;
    for (const std::size_t i : trials) {
        const selection::Trial& trial = tuning.trials[i];
        span.take_in(trial.mean() - trial.sd());
        span.take_in(trial.mean() + trial.sd());
        span.take_in(trial.mean());
    }
    const Strip strip(span, places);
    std::vector<std::string> heading{"trial", tuning.score, "", "sd"};
    for (const selection::Dimension& dimension : tuning.options.space) {
        heading.push_back(short_name(dimension.setting));
    }
    Lines lines{heading};
    for (const std::size_t i : trials) {
        const selection::Trial& trial = tuning.trials[i];
        std::vector<std::string> line{std::to_string(i + 1), score_text(trial.mean()),
                                      strip.of(trial.mean(), trial.sd()), score_text(trial.sd())};
        for (const selection::Dimension& dimension : tuning.options.space) {
            const auto found = trial.settings.find(dimension.setting);
            line.push_back(found == trial.settings.end() ? "-" : value_text(found->second));
        }
        lines.push_back(std::move(line));
    }
    return aligned(std::move(lines), Heading::first_row);
}

/// Some of the trials that came to nothing, and why.
std::string failures_text(const selection::Tuning& tuning) {
    constexpr std::size_t most = 5;
    std::string text;
    std::size_t count = 0;
    for (const selection::Trial& trial : tuning.trials) {
        if (trial.failure.empty()) {
            continue;
        }
        ++count;
        if (count <= most) {
            std::string settings;
            for (const auto& [name, value] : trial.settings) {
                add_item(settings, " ", name + "=" + value_text(value));
            }
            text +=
                wrapped("trial " + std::to_string(trial.number + 1) + " (" + settings + "): " + trial.failure) + "\n";
        }
    }
    if (count == 0) {
        return "";
    }
    return "\n" + counted(count, "trial") + " came to nothing and cannot be chosen:\n" + text +
           when(count > most, "...\n");
}

std::string verdict_of(const selection::Tuning& tuning) {
    std::string text = tuning.score + ": the mean over the folds, " +
                       (selection::larger_is_better(tuning.score) ? "larger" : "smaller") +
                       " is better; sd is the spread over them, n - 1 below.";
    if (tuning.best) {
        text += fmt::format(
            " Trial {} is chosen. It was the best of {} by this very score, which is therefore better than what it "
            "will "
            "do on new rows: keep rows aside that no trial sees, and evaluate on them.",
            *tuning.best + 1, tuning.trials.size());
    }
    std::string more;
    if (tuning.smallest && *tuning.smallest != *tuning.best) {
        const selection::Trial& small = tuning.trials[*tuning.smallest];
        more = "\n" +
               wrapped(fmt::format("The smallest network within one standard error of its mean (sd / root of the "
                                   "number of folds) is that of trial {}: {} of {}, {} instead of {}.",
                                   small.number + 1, tuning.score, score_text(small.mean()),
                                   counted(small.parameters(), "parameter"),
                                   grouped(tuning.trials[*tuning.best].parameters()))) +
               "\n";
    }
    return "\n" + wrapped(text) + "\n" + more;
}

}  // namespace

std::string folds_text(const selection::FoldOptions& how, Task task, const std::string& group) {
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

std::string cross_validation_text(const selection::CrossValidation& result) {
    std::string text;
    for (const selection::FoldScore& fold : result.folds) {
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

std::string tuning_text(const selection::Tuning& tuning) {
    constexpr std::size_t most = 10;
    const std::vector<std::size_t> trials = shown_trials(tuning, most);
    std::string text = searched_text(tuning) + "\n";
    if (trials.empty()) {
        text += "no trial has a score\n";
    } else {
        text += trials_table(tuning, trials);
        const std::size_t rung = tuning.trials[trials.front()].rung;
        if (rung + 1 < tuning.rungs.size()) {
            text += "\nthese have been trained for " + share_text(tuning.rungs[rung]) + " of their epochs\n";
        }
        text += verdict_of(tuning);
    }
    text += failures_text(tuning);
    if (tuning.interrupted) {
        text += "interrupted: nothing is chosen\n";
    }
    return text;
}

}  // namespace handgrad::summary
