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
    right,    ///< ours, or what follows from answers that are all right: rounding on the way is no mistake
    follows,  ///< not ours, but what follows from the answers before it, of which one is wrong
    wrong,    ///< neither
    blank,    ///< nothing was written
};
inline constexpr std::array<std::string_view, 4> mark_names{"right", "follows", "wrong", "blank"};
inline std::string_view name(Mark mark) { return mark_names[static_cast<std::size_t>(mark)]; }

/// The mark of one quantity. Only numbers that were written are judged.
struct MarkedAnswer {
    std::string symbol;
    Mark mark = Mark::blank;
    std::size_t written = 0;                ///< numbers
    std::size_t left_blank = 0;             ///< numbers
    std::optional<Cause> cause;             ///< of a wrong one: the mistake that explains every number of it
    std::vector<std::size_t> wrong_layers;  ///< of missing_hidden_derivative, derivative_at_activation; from 0
    std::string follows_from;               ///< of one that follows: the first mistake on the way to it
    // Of one that is wrong or follows, where it is furthest off (i, or i and j, from 0):
    std::vector<std::size_t> where;
    double answer = 0.0;
    double expected = 0.0;  ///< ours
    double from_own = 0.0;  ///< what the answers before it lead to
};

struct Marking {
    std::size_t row = 1;                ///< from 1
    std::vector<MarkedAnswer> answers;  ///< in the order of asked_quantities()

    [[nodiscard]] std::size_t count(Mark mark) const;
    /// Numbers left blank in quantities of which some were written.
    [[nodiscard]] std::size_t partly_blank() const;
    [[nodiscard]] bool passed() const { return count(Mark::wrong) == 0; }
};

/// Marks the answers of read_answers() to the row of `explanation`, which has one.
///
/// **When a number is right.** Right is |a − t| ≤ 0.005 |t| + 0.0005 s. The first part is what rounding to three
/// significant digits does at most (1.005 written as 1.00 or 1.01). In the second, s is the largest |t| of the
/// quantity, or the sum of the sizes of the terms that make up the entry, if that is more: numbers written with as many
/// decimals as the largest needs, and sums whose terms were rounded to three digits and cancel. Nothing smaller can be
/// asked of who works by hand, and the causes below are all larger: 2, ½, −1, a slope. So a mistake that changes every
/// number by less than half a percent is not seen. An entry that is not finite in ours is not judged.
///
/// **What follows.** Each quantity is worked out again, in double and by the functions of the passes, from the answers
/// before it; a blank stands for ours, or where a mistake comes before it for what follows from that. Whoever takes a
/// slope from the z or the activation on the sheet rather than from the Jacobian, or ∂l/∂z of the last layer straight
/// from the logits, is right as well. If no answer before is wrong, what follows is right.
///
/// **An updated parameter** has moved by so little that three digits of it often hide the step. It is wrong, too, when
/// at six digits all its numbers are those of a step of −1, 2 or ½ times the size and not those of the right one.
///
/// **Causes** are those of compare_gradients(), one at a time: a mistake is tried on the answers before, then on ours,
/// and named when it explains every number that was written.
Marking mark_answers(const explain::Explanation& explanation, std::span<const Answer> answers);

}  // namespace handgrad::compare
