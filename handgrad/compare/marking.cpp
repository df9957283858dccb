// Quantity by quantity, in the order of the sheet: judged, then put on the sheet that later ones are worked out from.
#include "handgrad/compare/marking.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <limits>
#include <utility>

#include "handgrad/compare/reworked_sheet.hpp"

namespace handgrad::compare {
namespace {

/// Half a unit in the sixth digit, as numbers are shown.
constexpr double shown_share = 5e-6;

constexpr std::size_t no_mistake = static_cast<std::size_t>(-1);

/// How far from `target` each number may be.
std::vector<double> tolerances(const Worked& target, const MarkingOptions& how) {
    double largest = 0.0;
    for (const double v : target.value) {
        if (std::isfinite(v)) {
            largest = std::max(largest, std::fabs(v));
        }
    }
    std::vector<double> result;
    for (std::size_t k = 0; k < target.value.size(); ++k) {
        const double t = std::fabs(target.value[k]);
        const double of_terms = how.share_of_terms() * std::max(largest, target.terms[k]);
        result.push_back(std::numeric_limits<double>::infinity());
        if (std::isfinite(t)) {
            result.back() = how.share_of_value() * t + of_terms;
        }
    }
    return result;
}

/// |a − t| in tolerances, entry by entry; 0 for what was not written or cannot be judged.
std::vector<double> distances(const Answer& answer, const Worked& target, const MarkingOptions& how) {
    const std::vector<double> tolerance = tolerances(target, how);
    std::vector<double> result(target.value.size(), 0.0);
    for (std::size_t k = 0; k < result.size(); ++k) {
        if (answer.values[k] && std::isfinite(target.value[k])) {
            const double off = std::fabs(*answer.values[k] - target.value[k]);
            result[k] = off == 0.0 ? 0.0 : off / tolerance[k];
        }
    }
    return result;
}

bool agrees(const Answer& answer, const Worked& target, const MarkingOptions& how) {
    return std::ranges::all_of(distances(answer, target, how), [](double d) { return d <= 1.0; });
}

/// Whether every number that is not the target's is what the target is rounded to where its last digit stands.
bool agrees_as_far_as_it_goes(const Answer& answer, const Worked& target, const MarkingOptions& how) {
    const std::vector<double> tolerance = tolerances(target, how);
    for (std::size_t k = 0; k < tolerance.size(); ++k) {
        if (!answer.values[k] || !std::isfinite(target.value[k])) {
            continue;
        }
        const double a = *answer.values[k], unit = answer.units[k];
        const double off = std::fabs(a - target.value[k]);
        // 0.01 for 0.006 and 0.00 for 0.003 are rounded, 1 for 0.6 and 0 for 0.3 say nothing.
        const bool says_something = unit < 1.0 || unit <= std::fabs(target.value[k]);
        if (off > tolerance[k] && !(says_something && off <= 0.5 * unit + tolerance[k])) {
            return false;
        }
    }
    return true;
}

/// Whether at six digits these are the numbers of start + times·(target − start).
bool is_step(const Answer& answer, const Worked& target, std::span<const double> start, double times,
             double share_of_step) {
    for (std::size_t k = 0; k < start.size(); ++k) {
        const double step = times * (target.value[k] - start[k]);
        const double there = start[k] + step;
        if (answer.values[k] && !(std::fabs(*answer.values[k] - there) <=
                                  share_of_step * std::fabs(step) + shown_share * std::fabs(there))) {
            return false;
        }
    }
    return true;
}

/// Whether each number may be the target's, rounded where its last digit stands.
bool may_be_rounded(const Answer& answer, const Worked& target, std::span<const double> start, double share_of_step) {
    for (std::size_t k = 0; k < start.size(); ++k) {
        const double t = target.value[k];
        const double slack = share_of_step * std::fabs(t - start[k]) + shown_share * std::fabs(t);
        if (answer.values[k] && !(std::fabs(*answer.values[k] - t) <= 0.5 * answer.units[k] + slack)) {
            return false;
        }
    }
    return true;
}

class Marker {
public:
    Marker(const explain::Explanation& explanation, std::span<const Answer> answers, const MarkingOptions& how)
        : answers_(answers),
          asked_(asked_quantities(explanation.derivation)),
          how_(how),
          sheet_(explanation, how.share_of_terms()),
          mistake_(answers.size(), no_mistake) {
        assert(answers.size() == sheet_.size() && asked_.size() == sheet_.size());
        result_.row = explanation.row->number;
        result_.how = how;
    }

    Marking mark() {
        for (std::size_t i = 0; i < answers_.size(); ++i) {
            mark(i);
        }
        return std::move(result_);
    }

private:
    void mark(std::size_t i) {
        const Answer& answer = answers_[i];
        MarkedAnswer& marked = result_.answers.emplace_back(MarkedAnswer{.symbol = answer.symbol});
        for (const auto& value : answer.values) {
            if (value) {
                ++marked.written;
            }
        }
        marked.unreadable = answer.unreadable;
        marked.left_blank = answer.values.size() - marked.written - answer.count_unreadable();
        const std::vector<Worked> ways = sheet_.ways(i);
        const std::size_t before = mistake_before(i);
        // What stands where nothing was written.
        const Worked& own = before == no_mistake || ways.empty() ? sheet_.ours(i) : ways.front();
        if (marked.written == 0) {
            mistake_[i] = before;
        } else {
            judge(i, ways, before, marked);
            if (marked.mark != Mark::right) {
                note_difference(i, ways, marked);
            }
        }
        const bool good = marked.mark == Mark::right || marked.mark == Mark::follows || marked.written == 0;
        if (good && !marked.unreadable.empty()) {
            marked.mark = Mark::unreadable;
        }
        std::vector<double> values = own.value;
        for (std::size_t k = 0; k < values.size(); ++k) {
            values[k] = answer.values[k].value_or(values[k]);
        }
        sheet_.put(i, std::move(values), marked.written > 0);
    }

    /// The first mistake that what `i` is made of goes back to.
    [[nodiscard]] std::size_t mistake_before(std::size_t i) const {
        std::size_t first = no_mistake;
        for (const std::size_t from : sheet_.made_of(i)) {
            first = std::min(first, mistake_[from]);
        }
        return first;
    }

    void judge(std::size_t i, const std::vector<Worked>& ways, std::size_t before, MarkedAnswer& marked) {
        const Answer& answer = answers_[i];
        const auto fits = [&](const Worked& target) { return agrees(answer, target, how_) && !wrong_step(i, target); };
        const auto fits_roughly = [&](const Worked& target) {
            return agrees_as_far_as_it_goes(answer, target, how_) && !wrong_step(i, target);
        };
        if (fits(sheet_.ours(i))) {
            marked.mark = Mark::right;
        } else if (std::ranges::any_of(ways, fits)) {
            mistake_[i] = before;
            marked.mark = Mark::right;
            if (before != no_mistake) {
                marked.mark = Mark::follows;
                marked.follows_from = answers_[before].symbol;
            }
        } else {
            name_cause_or_digits(i, ways, fits_roughly, before, marked);
        }
    }

    /// Of one that is not right and does not follow. What may be rounding is no mistake.
    template <class Fits>
    void name_cause_or_digits(std::size_t i, const std::vector<Worked>& ways, const Fits& fits_roughly,
                              std::size_t before, MarkedAnswer& marked) {
        if (fits_roughly(sheet_.ours(i)) || std::ranges::any_of(ways, fits_roughly)) {
            marked.mark = Mark::imprecise;
            marked.slip = Slip::too_few_digits;
            mistake_[i] = std::min(before, i);  // no mistake is the largest of all places
            return;
        }
        marked.mark = Mark::wrong;
        mistake_[i] = i;
        name_cause(i, ways, marked);
    }

    struct WrongStep {
        Cause cause = Cause::unexplained;
        std::optional<Slip> slip = {};  ///< rather than a cause
        double times = 1.0;
    };

    /// An updated parameter by another step than to `target`: by which one.
    [[nodiscard]] std::optional<WrongStep> wrong_step(std::size_t i, const Worked& target) const {
        const std::span<const double> start = sheet_.before_step(i);
        const double share = how_.share_of_value();
        if (start.empty() || may_be_rounded(answers_[i], target, start, share)) {
            return std::nullopt;
        }
        for (const WrongStep& step :
             {WrongStep{.cause = Cause::sign, .times = -1.0}, WrongStep{.cause = Cause::factor_2, .times = 2.0},
              WrongStep{.cause = Cause::factor_half, .times = 0.5},
              WrongStep{.slip = Slip::missing_rate, .times = sheet_.steps_without_rate()}}) {
            if (step.times != 1.0 && is_step(answers_[i], target, start, step.times, share)) {
                return step;
            }
        }
        return std::nullopt;
    }

    void name_cause(std::size_t i, const std::vector<Worked>& ways, MarkedAnswer& marked) const {
        for (const Worked& way : ways) {
            if (const std::optional<WrongStep> step = wrong_step(i, way)) {
                marked.slip = step->slip;
                if (!step->slip) {
                    marked.cause = step->cause;
                }
                return;
            }
        }
        for (WrongWay& way : sheet_.wrong_ways(i)) {
            if (agrees(answers_[i], way.result, how_)) {
                marked.slip = way.slip;
                if (!way.slip) {
                    marked.cause = way.cause;
                }
                marked.wrong_layers = std::move(way.wrong_layers);
                return;
            }
        }
    }

    void note_difference(std::size_t i, const std::vector<Worked>& ways, MarkedAnswer& marked) const {
        const Worked& ours = sheet_.ours(i);
        const Worked& own = ways.empty() ? ours : ways.front();
        const std::vector<double> from_ours = distances(answers_[i], ours, how_);
        const std::vector<double> from_own = distances(answers_[i], own, how_);
        std::size_t worst = answers_[i].values.size();
        double furthest = -1.0;
        for (std::size_t k = 0; k < from_ours.size(); ++k) {
            double off = from_ours[k];
            if (marked.mark != Mark::follows) {
                off = std::min(off, from_own[k]);
            }
            if (answers_[i].values[k] && off > furthest) {
                furthest = off;
                worst = k;
            }
        }
        const explain::Quantity& quantity = asked_[i];
        marked.where =
            quantity.vector ? std::vector{worst} : std::vector{worst / quantity.columns, worst % quantity.columns};
        marked.answer = *answers_[i].values[worst];
        marked.expected = ours.value[worst];
        marked.from_own = own.value[worst];
    }

    std::span<const Answer> answers_;
    std::vector<explain::Quantity> asked_;
    MarkingOptions how_;
    ReworkedSheet sheet_;
    std::vector<std::size_t> mistake_;  ///< the first that each goes back to
    Marking result_;
};

}  // namespace

std::string_view MarkedAnswer::cause_name() const {
    if (cause) {
        return name(*cause);
    }
    if (slip) {
        return name(*slip);
    }
    return {};
}

std::size_t MarkedAnswer::count_unreadable() const {
    std::size_t numbers = 0;
    for (const Unreadable& cell : unreadable) {
        numbers += cell.numbers;
    }
    return numbers;
}

double MarkingOptions::share_of_value() const { return tolerance.value_or(5.0 * std::pow(10.0, -digits)); }

std::size_t Marking::unreadable() const {
    std::size_t numbers = 0;
    for (const MarkedAnswer& answer : answers) {
        numbers += answer.count_unreadable();
    }
    return numbers;
}

double Marking::score() const {
    double points = 0.0;
    for (const MarkedAnswer& answer : answers) {
        double worth = 0.0;
        // Of an unreadable one, what can be read is right or follows.
        if (answer.mark == Mark::right || answer.mark == Mark::follows || answer.mark == Mark::unreadable) {
            worth = 1.0;
        } else if (answer.mark == Mark::imprecise) {
            worth = 0.5;
        }
        const std::size_t numbers = answer.written + answer.left_blank + answer.count_unreadable();
        points += worth * static_cast<double>(answer.written) / static_cast<double>(numbers);
    }
    return points / static_cast<double>(std::max<std::size_t>(answers.size(), 1));
}

bool Marking::passed() const { return count(Mark::wrong) + count(Mark::imprecise) == 0 && unreadable() == 0; }

std::size_t Marking::count(Mark mark) const {
    return static_cast<std::size_t>(std::ranges::count(answers, mark, &MarkedAnswer::mark));
}

std::size_t Marking::partly_blank() const {
    std::size_t numbers = 0;
    for (const MarkedAnswer& answer : answers) {
        if (answer.written > 0) {
            numbers += answer.left_blank;
        }
    }
    return numbers;
}

Marking mark_answers(const explain::Explanation& explanation, std::span<const Answer> answers,
                     const MarkingOptions& options) {
    return Marker(explanation, answers, options).mark();
}

Marking mark_answers(const explain::Explanation& explanation, const ReadSheet& sheet, const MarkingOptions& options) {
    Marking marking = mark_answers(explanation, sheet.answers, options);
    marking.remarks = sheet.remarks;
    return marking;
}

}  // namespace handgrad::compare
