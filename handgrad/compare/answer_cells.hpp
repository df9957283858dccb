// What readers of sheets share: the answers of an empty sheet, one cell put in its place, what is said of what is none.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "handgrad/compare/answers.hpp"
#include "handgrad/compare/written_number.hpp"
#include "handgrad/explain/derivation.hpp"

namespace handgrad::compare {

/// Raises Error(data): the file is no sheet at all.
[[noreturn]] void fail_as_no_sheet(const std::string& source, const std::string& cause);
/// Raises Error(data): `symbol` is one of another network.
[[noreturn]] void refuse_symbol(const std::string& place, std::string_view symbol,
                                const std::vector<explain::Quantity>& asked);
/// Raises Error(data): nothing answers a symbol.
[[noreturn]] void refuse_empty(const std::string& source, const std::vector<explain::Quantity>& asked);

std::vector<Answer> all_blank(const std::vector<explain::Quantity>& asked);

/// `; it is 4x3, with one [ ] for each row`.
std::string shape_hint(const explain::Quantity& quantity);
/// Where entry k stands: i, or i and j.
std::vector<std::size_t> place_of(const explain::Quantity& quantity, std::size_t k);
/// One cell, read, into entry k. `place` begins what is said of one that cannot be read.
void put(const explain::Quantity& quantity, Answer& answer, std::size_t k, const WrittenCell& cell,
         const std::string& place);

/// A column lies in one row of the sheet.
std::size_t rows_on_paper(const explain::Quantity& quantity);
std::size_t row_length(const explain::Quantity& quantity);

/// Without the blanks around it, those of Unicode among them.
std::string_view trimmed(std::string_view text);

}  // namespace handgrad::compare
