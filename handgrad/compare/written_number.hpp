// Numbers as people write them by hand, in a word processor, in a spreadsheet or in TeX.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace handgrad::compare {

/// A number with the precision in which it stands there.
struct WrittenNumber {
    double value = 0.0;
    double unit = 0.0;  ///< of the last digit that was written: 0.01 for 0.37; 0 for a fraction, which has all digits
    bool decimal_comma = false;  ///< a comma stands before its decimals, and can be nothing else
    bool thousands = false;      ///< 1,234: the comma may stand before decimals, or between thousands
};

/// What stands in one place of a sheet: a number, or a text that is none; neither is a blank.
struct WrittenCell {
    std::optional<WrittenNumber> number;
    std::string text;  ///< of what is no number
};

/// A row of cells.
struct WrittenRow {
    std::vector<WrittenCell> cells = {};
    bool ambiguous = false;  ///< its commas can be taken in several ways, and nothing tells which; then without cells
};

/// The cell that `text` spells as a whole: `-0.37`, U+2212 or a dash for the minus, `.5`, `,5`, `5.`, `+2`, `0,37`,
/// `1/2`, `1½`, `2e-3`, `2D-3`, `2·10^-3`, `2 x 10⁻³`, `10^-3`, `1 234.5` with a narrow blank, `$-0{,}37$`,
/// `2\cdot10^{-3}`, `\frac{1}{2}`, `**0.37**`, full-width and Arabic digits, a full stop or dots behind it. A blank is
/// nothing at all, underscores, dashes or question marks alone. No percent, no units, no sums; nan and inf are no
/// numbers.
WrittenCell read_cell(std::string_view text);

/// The cells of a row where `count` belong, which stand between semicolons or bars, else between blanks or commas. A
/// comma right between digits stands before decimals where blanks part cells; in a row without blanks where the count
/// comes out only so, and where it comes out in several ways the row is ambiguous. Two words as `1 1/2` are taken for
/// one number where the count comes out so. Another number of cells than `count` when none of that helps.
WrittenRow read_cells(std::string_view row, std::size_t count);

/// The same of a number that a program wrote: the unit is that of the last digit of the shortest decimal.
WrittenNumber written_as(double value);

}  // namespace handgrad::compare
