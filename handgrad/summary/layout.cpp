// Plain text layout, without colours, so that there is nothing to switch off.
#include "handgrad/summary/layout.hpp"
#include "handgrad/base/wording.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cmath>

#include "handgrad/base/utf8.hpp"

namespace handgrad::summary {
namespace {

constexpr std::size_t line_width = 100;
constexpr std::size_t right_column = 34;
/// A text of a stranger's may be as long as his file: it does not make every line as wide, nor fill the screen.
constexpr std::size_t widest_column = 120;
constexpr std::size_t longest_cell = 4000;

/// Numbers, percentages, a missing value: things that stand better under each other at their right end.
bool looks_like_a_number(std::string_view cell) {
    return cell.empty() || std::isdigit(static_cast<unsigned char>(cell.back())) != 0 || cell == "nan" ||
           cell == "inf" || cell == "-inf" || cell == "-";
}

std::string padding(std::size_t places) { return std::string(places, ' '); }

}  // namespace

std::string two_columns(std::string_view left, std::string_view right) {
    std::string text = "  " + std::string(left);
    std::size_t column = 2 + display_width(left);
    if (column + 2 > right_column && !right.empty()) {
        text += "\n";
        column = 0;
    }
    bool fresh = true;  // nothing of `right` on this line yet
    while (!right.empty()) {
        const std::string_view word = right.substr(0, right.find(' '));
        right.remove_prefix(std::min(right.size(), word.size() + 1));
        if (!fresh && column + 1 + display_width(word) > line_width) {
            text += "\n";
            column = 0;
            fresh = true;
        }
        const std::size_t gap = fresh ? right_column - column : 1;
        text += padding(gap) + std::string(word);
        column += gap + display_width(word);
        fresh = false;
    }
    return text + "\n";
}

std::string wrapped(std::string_view given) {
    const std::string safe = printable(given);  // a line end in a name ends no line
    std::string_view sentence = safe;
    std::string text;
    std::size_t column = 0;
    while (!sentence.empty()) {
        const std::string_view word = sentence.substr(0, sentence.find(' '));
        sentence.remove_prefix(std::min(sentence.size(), word.size() + 1));
        const std::size_t width = display_width(word);
        if (column + 1 + width > line_width && column > 0) {
            text += "\n";
            column = 0;
        } else if (column > 0) {
            text += " ";
            ++column;
        }
        text += word;
        column += width;
    }
    return text;
}

std::string aligned(std::vector<std::vector<std::string>> rows, Heading heading) {
    for (auto& row : rows) {  // as it will be shown, to know the width; and the line ends in a name are no lines
        std::ranges::transform(row, row.begin(),
                               [](const std::string& cell) { return shortened(printable(cell), longest_cell); });
    }
    std::vector<std::size_t> widths;
    std::vector<bool> numeric;
    for (std::size_t r = 0; r < rows.size(); ++r) {
        widths.resize(std::max(widths.size(), rows[r].size()), 0);
        numeric.resize(widths.size(), true);
        for (std::size_t c = 0; c < rows[r].size(); ++c) {
            widths[c] = std::max(widths[c], std::min(display_width(rows[r][c]), widest_column));
            numeric[c] = numeric[c] && ((r == 0 && heading == Heading::first_row) || looks_like_a_number(rows[r][c]));
        }
    }
    std::string text;
    for (const auto& row : rows) {
        std::string line;
        for (std::size_t c = 0; c < row.size(); ++c) {
            const std::string gap = padding(widths[c] - std::min(widths[c], display_width(row[c])));
            const bool right = numeric[c] && c > 0;
            line += when(c > 0, "  ") + when(right, gap) + row[c] + when(!right, gap);
        }
        line.erase(line.find_last_not_of(' ') + 1);
        text += line + "\n";
    }
    return text;
}

std::string rounded(double value, int digits) {
    if (std::isnan(value)) {
        return "-";
    }
    return fmt::format("{:.{}g}", value, digits);
}

std::string grouped(std::size_t count) {
    std::string digits = std::to_string(count);
    for (std::size_t at = digits.size(); at > 3;) {
        at -= 3;
        digits.insert(at, ",");
    }
    return digits;
}

std::string shown(std::size_t count) {
    constexpr std::size_t many = 10'000;  // up to there a number is read at a glance
    return count < many ? std::to_string(count) : grouped(count);
}

std::string counted(std::size_t count, std::string_view what) {
    return shown(count) + " " + std::string(what) + when(count != 1, "s");
}

}  // namespace handgrad::summary
