// Exercise sheets that have been filled in, read back.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "handgrad/explain/derivation.hpp"

namespace handgrad::compare {

/// Something that was written where numbers belong, and that cannot be read as such: a cell, a row, or all of a symbol.
struct Unreadable {
    std::vector<std::size_t> where;  ///< (i, or i and j, from 0); empty for more than one cell
    std::size_t numbers = 1;         ///< that belong there
    std::string text;                ///< what stands there, or empty
    std::string reason;              ///< `line 7: 'three' is not a number`

    /// The reason, and of more than one cell what stands there.
    [[nodiscard]] std::string told() const;
};

/// The numbers that somebody wrote for one symbol; what was left blank, or cannot be read, is empty.
struct Answer {
    std::string symbol;  ///< z1, l, dl/dyhat, dl/dW1, linear1.weight (after the update) …
    std::size_t rows = 1;
    std::size_t columns = 1;
    std::vector<std::optional<double>> values;  ///< row by row
    std::vector<double> units;                  ///< of the last digit that was written, as 0.01 for 0.37; 0: exact
    std::vector<Unreadable> unreadable = {};

    [[nodiscard]] std::size_t count_unreadable() const;
};

/// Every symbol that a sheet of blanks asks for, in its order, with its shape.
std::vector<explain::Quantity> asked_quantities(const explain::Derivation& derivation);

/// The answers to a sheet for this network in text, Markdown, CSV or JSON, one for each of asked_quantities(); a symbol
/// that the sheet has no more counts as blank. In text a row stands in `[ ]`, its numbers between blanks, commas or
/// semicolons; a column may do without brackets. In CSV the cells follow the symbol, `z1;0,37;1,25`, a line for each
/// row. A blank is underscores alone; whatever else the sheet says is left out of account. How numbers may be written
/// is said in docs/explain.md; what cannot be read costs its cell, or where the count is wrong its row or symbol, and
/// is told in `unreadable`. Raises Error(data) with the line for a symbol that this network has not, and for what is no
/// sheet at all: empty, not text in UTF-8, without a single symbol.
std::vector<Answer> read_answers(std::string_view sheet, const std::string& source,
                                 const explain::Derivation& derivation);

/// What a sheet says of itself; one may say nothing.
struct SheetSays {
    std::optional<std::size_t> row;  ///< of the table, from 1
    std::optional<int> digits;       ///< that are wanted
};
/// Raises Error(data) for what is no sheet at all.
SheetSays sheet_says(std::string_view sheet, const std::string& source);

/// Raises Error(data) when the sheet says that it is about another row than `row` (from 1). One that says nothing of a
/// row is as good as any.
void check_row_of_sheet(std::string_view sheet, const std::string& source, std::size_t row);

}  // namespace handgrad::compare
