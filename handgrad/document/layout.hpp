// Laying out text in places of a terminal: wrapped prose, tables, matrices.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "handgrad/document/document.hpp"

namespace handgrad::document {

inline constexpr std::size_t text_width = 100;

/// `text` cut at blanks into lines of at most `width` places, where a word is not wider itself. A blank behind an
/// opening bracket's content is as good as any other.
std::vector<std::string> wrapped(std::string_view text, std::size_t width);

/// Cells under each other, two blanks between columns, at most text_width places wide: what is too wide is wrapped in
/// its column. A line under the heading unless all of it is empty.
std::string table_text(const std::vector<std::vector<std::string>>& rows);

/// `name = formula = [ … ]` with one line for each row of a matrix.
std::string numbers_text(const Numbers& numbers);

}  // namespace handgrad::document
