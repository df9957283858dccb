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

/// What stands on a sheet.
struct ReadSheet {
    std::vector<Answer> answers;  ///< one for each of asked_quantities()
    std::vector<std::string>
        remarks;  ///< on lines that were left out: `line 7: dl/da1 is nothing that the sheet asks for; …`
};

/// Every symbol that a sheet of blanks asks for, in its order, with its shape.
std::vector<explain::Quantity> asked_quantities(const explain::Derivation& derivation);

/// The answers to a sheet for this network in text, Markdown, CSV or JSON; a symbol that the sheet has no more counts
/// as blank. In text a row stands in `[ ]`, its numbers between blanks, commas, semicolons or bars; a column may do
/// without brackets or stand upright, a diagonal matrix may be `diag( … )`, its diagonal alone or `I`. In CSV the cells
/// follow the symbol, `z1;0,37;1,25`, a line for each row. Symbols may be written as people write them: z₁, z_1, Z1,
/// ∂l/∂W⁽¹⁾, `L`, `z1:`. A blank is underscores alone, and of two lines for one symbol a blank one does not count;
/// whatever else the sheet says is left out of account. How numbers may be written is said in docs/explain.md; what
/// cannot be read costs its cell, or where the count is wrong its row or symbol, and is told in `unreadable`; a line
/// for a quantity that the sheet does not ask for costs itself and is told in `remarks`. Raises Error(data) with the
/// line for a sheet of another network (three symbols that only others have, or as many as of this one), and for what
/// is no sheet at all: empty, not text in UTF-8, without a single symbol.
ReadSheet read_sheet(std::string_view sheet, const std::string& source, const explain::Derivation& derivation);

/// The answers alone.
std::vector<Answer> read_answers(std::string_view sheet, const std::string& source,
                                 const explain::Derivation& derivation);

/// Why a file can be no sheet, by the ending of its name and the first of its bytes, with what to do: a word
/// processor's file, a spreadsheet's, a picture, a pickle, an archive of gradients. Empty where it may be one.
std::string why_no_sheet(std::string_view name, std::string_view bytes);

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
