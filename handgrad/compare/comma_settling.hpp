// Whether the commas of a row stand before decimals or between cells.
#pragma once

#include <cstddef>
#include <string>

namespace handgrad::compare {

/// Of the commas that can be either.
enum class CommaUse { open, before_decimals, ambiguous };

/// Commas right behind and before digits, `0,5` or `1,2`: whether they stand before decimals or part cells. Where cells
/// are parted by blanks anywhere they stand before decimals; else as many do as the count of cells asks for, if there
/// is one way alone to choose them. The others become blanks.
/// `text` is in the plain form (plain_text.hpp); its commas become what they have turned out to be.
CommaUse settle_commas(std::string& text, std::size_t count);

}  // namespace handgrad::compare
