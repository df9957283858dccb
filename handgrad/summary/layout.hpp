// Laying out text for a terminal: help in two columns, aligned tables.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace handgrad::summary {

/// `left` and, from a fixed column on, `right`, wrapped at blanks to 100 places a line.
std::string two_columns(std::string_view left, std::string_view right);

/// A sentence, wrapped at blanks to 100 places a line; no line end behind the last. What a terminal would obey, in a
/// name from a file, is shown escaped.
std::string wrapped(std::string_view sentence);

/// Cells under each other, the first column to the left, the others to the right when they are numbers, whatever stands
/// in the heading, which is the first row if there is one. Two blanks between columns, none at the end of a line. What
/// a terminal would obey is shown escaped; very long cells are shortened, and do not widen their column beyond 120
/// places.
enum class Heading { none, first_row };
std::string aligned(std::vector<std::vector<std::string>> rows, Heading heading);

/// So many significant digits, for people, and a dash for what is not defined; machines get all digits by --json.
std::string rounded(double value, int digits = 6);

/// `1,234,567`.
std::string grouped(std::size_t count);

/// `1 row`, `2 rows`.
std::string counted(std::size_t count, std::string_view what);
/// `9999`, `10,000`.
std::string shown(std::size_t count);

}  // namespace handgrad::summary
