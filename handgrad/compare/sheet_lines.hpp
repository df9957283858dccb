// The lines of a sheet in text, and the fields of one in CSV.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace handgrad::compare {

struct SheetLine {
    std::string text;      ///< without blanks around it, quotes and what only wraps a list
    std::string_view raw;  ///< as it stands in the file
};

/// Ended by LF, CR LF or CR. `sheet` must outlive them.
std::vector<SheetLine> lines_of(std::string_view sheet);

/// The fields of a line of CSV behind its first, one after the other with semicolons between; quotes are undone.
std::string fields_of(std::string_view line, char delimiter);

void replace_all(std::string& text, std::string_view old, std::string_view with);

}  // namespace handgrad::compare
