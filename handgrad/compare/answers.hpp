// Exercise sheets that have been filled in, read back.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "handgrad/explain/derivation.hpp"

namespace handgrad::compare {

/// The numbers that somebody wrote for one symbol; what was left blank is empty.
struct Answer {
    std::string symbol;  ///< z1, l, dl/dyhat, dl/dW1, linear1.weight (after the update) …
    std::size_t rows = 1;
    std::size_t columns = 1;
    std::vector<std::optional<double>> values;  ///< row by row
};

/// Every symbol that a sheet of blanks asks for, in its order, with its shape.
std::vector<explain::Quantity> asked_quantities(const explain::Derivation& derivation);

/// The answers to a sheet for this network in text, Markdown or JSON, one for each of asked_quantities(); a symbol that
/// the sheet has no more counts as blank. In text a row stands in `[ ]`, its numbers between blanks or commas; a blank
/// is underscores alone; whatever else the sheet says is left out of account. Raises Error(data) with the line for what
/// is neither number nor blank, for rows of another length, for a symbol that is answered twice or that this network
/// has not; and for what is no sheet at all: empty, not text in UTF-8, without a single symbol.
std::vector<Answer> read_answers(std::string_view sheet, const std::string& source,
                                 const explain::Derivation& derivation);

/// Raises Error(data) when the sheet says that it is about another row than `row` (from 1). One that says nothing of a
/// row is as good as any.
void check_row_of_sheet(std::string_view sheet, const std::string& source, std::size_t row);

}  // namespace handgrad::compare
