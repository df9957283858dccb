// Curves cut into quarters, the record of how training ended, and metrics of rows learned from beside those held out.
#include "handgrad/diagnose/training_course.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <numeric>
#include <span>
#include <utility>
#include <variant>
#include <vector>

#include "handgrad/base/wording.hpp"
#include "handgrad/diagnose/words.hpp"

namespace handgrad::diagnose {
namespace {

constexpr double unknown = std::numeric_limits<double>::quiet_NaN();

/// A number of the provenance; NaN where there is none.
double noted(const Model& model, const std::string& key) {
    const auto found = model.provenance.find(key);
    double value = unknown;
    if (found != model.provenance.end()) {
        std::from_chars(found->second.data(), found->second.data() + found->second.size(), value);
    }
    return value;
}

/// A whole number of the settings; 0 where there is none.
std::size_t chosen(const Model& model, const std::string& name) {
    const auto found = model.settings.find(name);
    if (found == model.settings.end()) {
        return 0;
    }
    const auto* number = std::get_if<std::uint64_t>(&found->second);
    if (number == nullptr) {
        return 0;
    }
    return static_cast<std::size_t>(*number);
}

double mean(std::span<const double> values) {
    return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

/// A loss by epoch, without the epochs that have none.
struct Curve {
    std::vector<double> epochs, losses;

    [[nodiscard]] std::size_t size() const { return losses.size(); }
    [[nodiscard]] std::span<const double> part(std::size_t first, std::size_t count) const {
        return std::span(losses).subspan(first, count);
    }
    /// Standard deviation of the jitter from one epoch to the next, over the second half: a trend cancels in second
    /// differences, whose variance is 6 times that of independent jitter.
    [[nodiscard]] double jitter() const {
        double sum = 0.0;
        std::size_t count = 0;
        for (std::size_t i = std::max(size() / 2, std::size_t{1}); i + 1 < size(); ++i, ++count) {
            const double bend = losses[i - 1] - 2.0 * losses[i] + losses[i + 1];
            sum += bend * bend;
        }
        if (count == 0) {
            return 0.0;
        }
        return std::sqrt(sum / (6.0 * static_cast<double>(count)));
    }
    /// Means of so many epochs around each.
    [[nodiscard]] std::vector<double> smooth(std::size_t window) const {
        std::vector<double> means;
        for (std::size_t i = 0; i < size(); ++i) {
            const std::size_t first = i - std::min(i, window / 2);
            means.push_back(mean(part(first, std::min(window, size() - first))));
        }
        return means;
    }
};

Curve curve_of(const History& history, const char* column) {
    const std::vector<double> epochs = history.column("epoch"), losses = history.column(column);
    Curve curve;
    for (std::size_t i = 0; i < losses.size(); ++i) {
        if (std::isfinite(losses[i])) {
            curve.epochs.push_back(epochs[i]);
            curve.losses.push_back(losses[i]);
        }
    }
    return curve;
}

std::string epoch_text(double epoch) { return std::to_string(static_cast<std::size_t>(epoch)); }

/// Whether a loss still falls over its last quarter beyond its jitter, and by which part of its size.
struct Trend {
    bool falls;
    bool flat;  ///< it does not, and jitter hides no fall that would be worth more epochs
    double part;
    double from;  ///< the first epoch of the last quarter
};

Trend trend_of(const Curve& curve) {
    const std::size_t quarter = curve.size() / 4, last = curve.size() - quarter;
    const double before = mean(curve.part(last - quarter, quarter)), after = mean(curve.part(last, quarter));
    const double lowest = *std::ranges::min_element(curve.losses);
    const double size = std::max(std::abs(before), std::abs(curve.losses.front() - lowest));
    const double error = curve.jitter() * std::sqrt(2.0 / static_cast<double>(quarter));
    const double fall = before - after;
    if (size == 0.0) {
        return {.falls = false, .flat = true, .part = 0.0, .from = curve.epochs[last]};
    }
    return {.falls = fall >= still_falls * size && fall >= beyond_noise * error,
            .flat = fall + beyond_noise * error < is_flat * size,
            .part = fall / size,
            .from = curve.epochs[last]};
}

/// The epoch since which the validation loss rises while the training loss falls; none where it does not.
std::optional<std::size_t> lowest_before_rise(const Curve& validation, const Curve& training) {
    const std::size_t window = std::max(validation.size() / 20, std::size_t{1});
    const std::vector<double> smooth = validation.smooth(window);
    const auto lowest = static_cast<std::size_t>(std::ranges::min_element(smooth) - smooth.begin());
    const double rise = mean(validation.part(validation.size() - window, window)) - smooth[lowest];
    const double error = validation.jitter() * std::sqrt(2.0 / static_cast<double>(window));
    const double floor = std::max(std::abs(smooth[lowest]), 0.2 * (smooth.front() - smooth[lowest]));
    const bool training_fell = training.losses.back() < training.losses[std::min(lowest, training.size() - 1)];
    if (rise >= risen * floor && rise >= rise_beyond_noise * error && training_fell) {
        return lowest;
    }
    return std::nullopt;
}

/// A metric of the rows learned from far above that of rows held out; empty where it is not.
std::string gap_text(const Model& model) {
    for (const char* part : {"test", "validation"}) {
        for (const char* metric : {"accuracy", "r2"}) {
            const double learned = noted(model, std::string("metric.train.") + metric);
            const double held_out = noted(model, std::string("metric.") + part + "." + metric);
            if (!std::isfinite(learned) || !std::isfinite(held_out)) {
                continue;
            }
            if (!(learned > 0.0)) {
                continue;  // worse than the mean even there: that is no overfitting
            }
            double border = r2_gap;
            if (std::string_view(metric) == "accuracy") {
                const double rows = std::max(noted(model, std::string("rows.") + part), 1.0);
                const double error = std::sqrt(held_out * (1.0 - held_out) / rows);
                border = std::max(accuracy_gap, gap_beyond_chance * error);
            }
            if (learned - held_out >= border) {
                return std::string(metric) + " is " + short_number(learned) + " on the rows that it learned from and " +
                       short_number(held_out) + " on the " + part + " rows";
            }
        }
    }
    return "";
}

/// The training loss of the epoch whose weights the model holds, or of the last kept before it; NaN without one.
double recorded_loss(const Model& model, const Curve& training) {
    const double best = noted(model, "epochs.best");
    double loss = unknown;
    for (std::size_t i = 0; i < training.size(); ++i) {
        if (!(training.epochs[i] > best)) {
            loss = training.losses[i];
        }
    }
    return loss;
}

class Reader {
public:
    explicit Reader(const Model& model)
        : model_(model),
          run_(noted(model, "epochs.run")),
          best_(noted(model, "epochs.best")),
          training_(curve_of(model.history, "loss")),
          validation_(curve_of(model.history, "validation_loss")) {}

    TrainingCourse read(const std::optional<TableLoss>& table) {
        if (std::isnan(run_)) {
            result_.text = "How it was trained is not recorded, so where training stands cannot be said.";
            return result_;
        }
        result_.epochs = static_cast<std::size_t>(run_);
        result_.loss = recorded_loss(model_, training_);
        if (ended("diverged")) {
            return diverged();
        }
        if (run_ == 0.0) {
            return set(Course::untrained, {}, "It has not been trained: these are first weights.");
        }
        if (ended_early()) {
            stopped_early();
        } else {
            say_whether_it_was_cut_short();
            by_curves();
        }
        compare_with_rows_held_out(table);
        return result_;
    }

private:
    TrainingCourse set(Course course, std::optional<std::size_t> since, const std::string& text) {
        result_.course = course;
        result_.overfits = course == Course::overfitting;
        result_.since = since;
        add_item(result_.text, " ", text);
        return result_;
    }
    [[nodiscard]] bool ended(const std::string& how) const {
        const auto found = model_.provenance.find("stopped");
        return found != model_.provenance.end() && found->second == how;
    }
    [[nodiscard]] bool recorded() const { return model_.provenance.contains("stopped"); }
    [[nodiscard]] double asked() const { return noted(model_, "epochs.asked"); }
    /// Files from before `stopped` was noted tell it by their epochs.
    [[nodiscard]] bool ended_early() const {
        if (recorded()) {
            return ended("early");
        }
        const auto patience = static_cast<double>(chosen(model_, "early_stopping"));
        return patience > 0.0 && run_ < asked() && run_ - best_ >= patience;
    }

    TrainingCourse diverged() {
        if (run_ == 0.0) {
            return set(Course::diverged, 0, "Training diverged in its first epoch; these are the first weights.");
        }
        return set(Course::diverged, result_.epochs,
                   "Training diverged in epoch " + epoch_text(run_ + 1.0) + "; these are the weights of epoch " +
                       epoch_text(run_) + ", the last whose numbers were finite.");
    }
    void stopped_early() {
        std::string weights = ", whose weights these are, and more epochs of the same would not help.";
        if (refitted()) {
            weights = "; these are the weights after as many epochs on all rows" +
                      when(noted(model_, "rows.test") > 0.0, " but the test's") + ".";
        } else if (noted_text("refit") == "interrupted") {
            weights = ", whose weights these are; the training on all rows that was to follow was interrupted.";
        }
        set(Course::stopped_early, static_cast<std::size_t>(best_),
            "Training stopped early, after epoch " + epoch_text(run_) + ": the validation loss was lowest in epoch " +
                epoch_text(best_) + weights);
    }
    [[nodiscard]] bool refitted() const { return noted_text("refit") == "yes"; }
    [[nodiscard]] std::string noted_text(const std::string& key) const {
        const auto found = model_.provenance.find(key);
        return found == model_.provenance.end() ? "" : found->second;
    }
    void say_whether_it_was_cut_short() {
        if (ended("interrupted")) {
            result_.text =
                "Training was interrupted after epoch " + epoch_text(run_) + " of " + epoch_text(asked()) + ".";
        } else if (!recorded() && run_ < asked()) {
            result_.text = "Training ended after epoch " + epoch_text(run_) + " of " + epoch_text(asked()) +
                           ", interrupted or because it diverged; the file does not say which.";
        }
    }

    void by_curves() {
        const bool judged = validation_.size() > 0;
        const Curve& curve = judged ? validation_ : training_;
        const std::string what = "the " + when(judged, "validation") + when(!judged, "training") + " loss";
        if (curve.size() == 0) {
            set(Course::unclear, {}, "The file keeps no losses by epoch that could tell whether training may go on.");
            return;
        }
        if (curve.size() < fewest_epochs) {
            set(Course::unclear, {},
                "A history of " + plural(curve.size(), "epoch") + " is too short to say whether " + what +
                    " still falls.");
            return;
        }
        if (judged && best_ < run_) {  // early stopping was on, and put these weights back at the end
            set(Course::flat, static_cast<std::size_t>(best_),
                "The validation loss has not fallen since epoch " + epoch_text(best_) + when(refitted(), ".") +
                    when(!refitted(), ", whose weights these are."));
            return;
        }
        std::optional<std::size_t> lowest;
        if (judged) {
            lowest = lowest_before_rise(validation_, training_);
        }
        if (lowest) {
            const double epoch = validation_.epochs[*lowest];
            set(Course::overfitting, static_cast<std::size_t>(epoch),
                "It overfits since epoch " + epoch_text(epoch) + ": from there on the validation loss rose from " +
                    short_number(validation_.losses[*lowest]) + " to " + short_number(validation_.losses.back()) +
                    " while the training loss fell.");
            return;
        }
        by_trend(curve, what);
    }
    void by_trend(const Curve& curve, const std::string& what) {
        const Trend trend = trend_of(curve);
        const std::string where =
            "over epochs " + epoch_text(trend.from) + " to " + epoch_text(curve.epochs.back()) + ".";
        if (trend.falls) {
            set(Course::falling, {},
                "When training ended, " + what + " was still falling, by " + short_number(100.0 * trend.part) + " % " +
                    where);
            return;
        }
        std::string sentence = what + " was flat " + where + " As many epochs again would hardly lower it.";
        if (!trend.flat) {
            sentence = what + " goes up and down too much " + where.substr(0, where.size() - 1) +
                       " to say whether it still falls.";
        }
        sentence.front() = 'T';
        if (trend.flat) {
            set(Course::flat, static_cast<std::size_t>(trend.from), sentence);
        } else {
            set(Course::unclear, {}, sentence);
        }
    }

    /// Whether the recorded loss is that of rows that are fitted at all, by weights that did not run away in the end.
    [[nodiscard]] bool fits_its_rows(double loss, const TableLoss& table) const {
        return training_.size() >= fewest_epochs && std::isfinite(table.of_zero) && loss < table.of_zero &&
               loss <= loss_gap * *std::ranges::min_element(training_.losses);
    }
    /// Overfitting that no curve shows.
    void compare_with_rows_held_out(const std::optional<TableLoss>& table) {
        const std::string gap = gap_text(model_);
        const double loss = result_.loss;
        const bool unlike = table && fits_its_rows(loss, *table) && table->loss > loss_gap * loss &&
                            table->loss > loss + loss_gap_of_zero * std::abs(table->of_zero);
        std::string text;
        if (!gap.empty()) {
            text = "It overfits, or the rows differ: " + gap + ".";
        } else if (unlike && result_.course != Course::overfitting) {
            text = "It fits the rows that it learned from far better than these: the loss was " + short_number(loss) +
                   " there and is " + short_number(table->loss) + " here.";
        }
        if (text.empty()) {
            if (validation_.size() == 0) {
                result_.text += " No rows were held out, so that overfitting cannot be seen.";
            }
            return;
        }
        add_item(result_.text, " ", text);
        result_.overfits = true;
        if (result_.course != Course::stopped_early && result_.course != Course::overfitting) {
            result_.course = Course::overfitting;
            result_.since.reset();
        }
    }

    const Model& model_;
    double run_, best_;
    Curve training_, validation_;
    TrainingCourse result_;
};

}  // namespace

std::string_view name(Course course) {
    static constexpr std::array<std::string_view, all_courses.size()> names{
        "unknown", "untrained", "unclear", "falling", "flat", "overfitting", "stopped_early", "diverged"};
    return names[static_cast<std::size_t>(course)];
}

TrainingCourse training_course(const Model& model, const std::optional<TableLoss>& table) {
    return Reader(model).read(table);
}

}  // namespace handgrad::diagnose
