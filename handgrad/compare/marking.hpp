// A filled exercise sheet, marked: what is right, what follows from an earlier mistake, what is wrong and why.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "handgrad/compare/answers.hpp"
#include "handgrad/compare/comparison.hpp"
#include "handgrad/explain/explanation.hpp"

namespace handgrad::compare {

enum class Mark {
    right,       ///< ours, or what follows from answers that are all right: rounding on the way is no mistake
    follows,     ///< not ours, but what follows from the answers before it, of which one is wrong
    imprecise,   ///< one of the two as far as it goes, but with fewer digits than are wanted
    wrong,       ///< none of these
    unreadable,  ///< something was written that cannot be read; what can be read is right or follows
    blank,       ///< nothing was written
};
inline constexpr std::array<std::string_view, 6> mark_names{"right", "follows",    "imprecise",
                                                            "wrong", "unreadable", "blank"};
inline constexpr std::array all_marks{Mark::right, Mark::follows,    Mark::imprecise,
                                      Mark::wrong, Mark::unreadable, Mark::blank};
inline std::string_view name(Mark mark) { return mark_names[static_cast<std::size_t>(mark)]; }

/// What goes wrong on a sheet beside the causes of compare_gradients().
enum class Slip {
    missing_bias,        ///< z = W x without b
    missing_activation,  ///< z in the place of f(z)
    raw_input,           ///< x as it stands in the table, where the network sees it scaled
    raw_target,          ///< y likewise
    missing_rate,        ///< w − ∂l/∂w: the step without η
    too_few_digits,      ///< of one that is imprecise
};
inline constexpr std::array<std::string_view, 6> slip_names{"missing_bias", "missing_activation", "raw_input",
                                                            "raw_target",   "missing_rate",       "too_few_digits"};
inline std::string_view name(Slip slip) { return slip_names[static_cast<std::size_t>(slip)]; }

/// The mark of one quantity. Only numbers that were written are judged.
struct MarkedAnswer {
    std::string symbol;
    Mark mark = Mark::blank;
    std::size_t written = 0;                ///< numbers
    std::size_t left_blank = 0;             ///< numbers
    std::vector<Unreadable> unreadable;     ///< what could not be read; it is not judged
    std::optional<Cause> cause;             ///< of a wrong one: the mistake that explains every number of it
    std::optional<Slip> slip;               ///< or a slip that does
    std::vector<std::size_t> wrong_layers;  ///< of missing_hidden_derivative, derivative_at_activation; from 0
    std::string follows_from;               ///< of one that follows: the first mistake on the way to it
    // Of one that is wrong, imprecise or follows, where it is furthest off (i, or i and j, from 0):
    std::vector<std::size_t> where;
    double answer = 0.0;
    double expected = 0.0;  ///< ours
    double from_own = 0.0;  ///< what the answers before it lead to

    /// Of the cause or the slip; empty where there is neither.
    [[nodiscard]] std::string_view cause_name() const;
    /// Numbers that could not be read.
    [[nodiscard]] std::size_t count_unreadable() const;
};

/// How exact numbers have to be.
struct MarkingOptions {
    int digits = 3;                   ///< significant ones that the sheet asks for, at least 2
    std::optional<double> tolerance;  ///< relative, rather than half a unit of the last of these digits

    /// |a − t| may be so much of |t|.
    [[nodiscard]] double share_of_value() const;
    /// … and so much of the sizes of the terms.
    [[nodiscard]] double share_of_terms() const { return 0.1 * share_of_value(); }
};

struct Marking {
    std::size_t row = 1;  ///< from 1
    MarkingOptions how;
    std::vector<MarkedAnswer> answers;      ///< in the order of asked_quantities()
    std::vector<std::string> remarks = {};  ///< of ReadSheet

    [[nodiscard]] std::size_t count(Mark mark) const;
    /// Numbers left blank in quantities of which some were written.
    [[nodiscard]] std::size_t partly_blank() const;
    /// Numbers of all quantities that could not be read.
    [[nodiscard]] std::size_t unreadable() const;
    /// From 0 to 1: every quantity counts as much as any other, by the share of its numbers that was written; what
    /// follows counts as right, what is imprecise counts half.
    [[nodiscard]] double score() const;
    /// Nothing is wrong, imprecise or unreadable; blanks and what follows may be there.
    [[nodiscard]] bool passed() const;
};

/// Marks the answers of read_answers() to the row of `explanation`, which has one.
///
/// **When a number is right.** With D significant digits wanted, right is |a − t| ≤ ε |t| + ε/10 s with ε = ½ 10^(1−D)
/// (0.005 for three), or the tolerance. The first part is what rounding to D digits does at most (1.005 written as 1.00
/// or 1.01). In the second, s is the largest |t| of the quantity, or the sum of the sizes of the terms that make up the
/// entry, if that is more: numbers written with as many decimals as the largest needs, and sums whose terms were
/// rounded to D digits and cancel. Nothing smaller can be asked of who works by hand, and the causes below are all
/// larger: 2, ½, −1, a slope. So a mistake that changes every number by less than ε is not seen. An entry that is not
/// finite in ours is not judged.
///
/// **Too few digits.** A number that is not right so is imprecise rather than wrong when it is t rounded where its last
/// digit stands, 0.01 for 0.0123 or 0.00 for 0.0012. A whole number that is further off than its last digit is worth (1
/// for 0.6) is wrong. Of what may be rounding no mistake is named.
///
/// **What follows.** Each quantity is worked out again, in double and by the functions of the passes, from the answers
/// before it; a blank stands for ours, or where a mistake comes before it for what follows from that. Whoever takes a
/// slope from the z or the activation on the sheet rather than from the Jacobian, or ∂l/∂z of the last layer straight
/// from the logits, is right as well. If no answer before is wrong or imprecise, what follows is right.
///
/// **An updated parameter** has moved by so little that three digits of it often hide the step. It is wrong, too, when
/// at six digits all its numbers are those of a step of −1, 2, ½ or 1/η times the size, and one of them was written
/// with so many digits that it cannot be the right one rounded.
///
/// **Causes** are those of compare_gradients(), one at a time: a mistake is tried on the answers before, then on ours,
/// and named when it explains every number that was written. Beside them stand the slips of the way forward.
Marking mark_answers(const explain::Explanation& explanation, std::span<const Answer> answers,
                     const MarkingOptions& options = {});
/// The same with the remarks on the sheet.
Marking mark_answers(const explain::Explanation& explanation, const ReadSheet& sheet,
                     const MarkingOptions& options = {});

}  // namespace handgrad::compare
