// The form of a text table, found in its first lines: delimiter, decimal sign, quotes, and lines that are no rows.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "handgrad/data/table.hpp"

namespace handgrad {

/// A column in which a cell like 1.200 may be 1.2 or 1200, and no cell of the table tells.
struct UndecidedColumn {
    std::size_t column;  ///< from 0, in the order of the fields
    std::string cell;    ///< the first such
};

struct TableForm {
    char delimiter = ',';  ///< ' ': any run of blanks and tabs
    char decimal = '.';
    char quote = '"';
    std::size_t lines_above = 0;      ///< `sep=` and comments above the names (or the first row)
    bool names_behind_hash = false;   ///< the last of them holds the names, as NumPy writes them
    bool trailing_delimiter = false;  ///< lines end in one that divides nothing
    bool unnamed_first = false;       ///< line 1 has no name for the first column, as R's write.table leaves it out
    std::vector<UndecidedColumn> undecided = {};
    std::vector<std::string> remarks = {};  ///< what a reader should know: `semicolons between fields`
};

/// The text as UTF-8, without a byte order mark: `bytes` or, where they had to be converted, `converted`. Raises
/// Error(data) naming the command that converts what it cannot read.
std::string_view utf8_text(std::string_view bytes, const std::string& source, std::string& converted,
                           std::vector<std::string>& remarks);

/// What a text that is not UTF-8 probably is: latin1, or cp1252 where it has characters that only that has.
std::string_view old_encoding(std::string_view text);
/// How to convert a file that is not UTF-8: `iconv -f latin1 -t utf-8 t.csv > t.utf-8.csv`.
std::string conversion_of(std::string_view encoding, const std::string& source);

/// Raises Error(usage) for signs between cells, thousands and decimals that cannot work.
void check_marks(const ReadOptions& options);

/// What options give is taken as given. Raises Error(usage) for options that cannot work, Error(data) naming the forms
/// that fit equally well.
TableForm find_form(std::string_view text, const std::string& source, const ReadOptions& options);

}  // namespace handgrad
