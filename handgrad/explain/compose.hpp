// An explanation laid out as a document: the tables of the network, then the five steps in numbers.
#pragma once

#include "handgrad/document/document.hpp"
#include "handgrad/explain/explanation.hpp"

namespace handgrad::explain {

/// Begins the heading of the numbers; the row's number, from 1, follows.
inline constexpr const char* row_heading = "One step in numbers: row ";

struct SheetOptions {
    bool components = false;  ///< also as sums over components
    bool blank = false;       ///< an exercise sheet: factors and numbers are left out
};

/// The tables, and with a row the five steps in numbers. Raises Error(usage) for a sheet of blanks wider than
/// document::most_shown, which nobody would fill in by hand.
document::Document compose(const Explanation& explanation, const SheetOptions& options);

/// `4×3` as a formula; a vector has one number.
document::Formula shape_of(const Quantity& quantity);

}  // namespace handgrad::explain
