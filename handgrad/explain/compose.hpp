// An explanation laid out as a document: the tables of the network, then the five steps in numbers.
#pragma once

#include <optional>

#include "handgrad/document/document.hpp"
#include "handgrad/explain/explanation.hpp"

namespace handgrad::explain {

/// Begins the heading of the numbers; the row's number, from 1, follows.
inline constexpr const char* row_heading = "One step in numbers: row ";

/// Begins the paragraph of an exercise sheet that says with how many significant digits numbers are wanted; the number
/// follows.
inline constexpr const char* digits_wanted = "Digits wanted: ";
/// One digit could not tell half a number from the number.
inline constexpr int fewest_digits = 2, most_digits = 15;
inline constexpr int usual_digits_wanted = 3;

struct SheetOptions {
    bool components = false;      ///< also as sums over components
    bool blank = false;           ///< an exercise sheet: factors and numbers are left out
    std::optional<int> digits{};  ///< significant ones that a sheet asks for (3), or that numbers are shown with (6)

    [[nodiscard]] int digits_asked() const { return digits.value_or(usual_digits_wanted); }
    [[nodiscard]] int digits_shown() const { return digits.value_or(document::usual_digits); }
};

/// The tables, and with a row the five steps in numbers. Raises Error(usage) for a sheet of blanks wider than
/// document::most_shown, which nobody would fill in by hand.
document::Document compose(const Explanation& explanation, const SheetOptions& options);

/// `4×3` as a formula; a vector has one number.
document::Formula shape_of(const Quantity& quantity);

}  // namespace handgrad::explain
