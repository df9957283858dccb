// Widths are shared out by shrinking the widest column; matrices keep their columns under each other.
#include "handgrad/document/layout.hpp"

#include <algorithm>
#include <cmath>

#include "handgrad/base/utf8.hpp"
#include "handgrad/base/wording.hpp"

namespace handgrad::document {
namespace {

constexpr std::size_t column_gap = 2;

std::string blanks(std::size_t count) { return std::string(count, ' '); }

std::string without_end_blanks(std::string line) {
    line.erase(line.find_last_not_of(' ') + 1);
    return line;
}

/// The width of the longest word, below which wrapping does not help.
std::size_t narrowest(const std::string& cell) {
    std::size_t width = 0;
    for (const std::string& line : wrapped(cell, 1)) {
        width = std::max(width, display_width(line));
    }
    return width;
}

/// One row of numbers or blanks as cells.
std::vector<std::string> cells_of_row(const Numbers& numbers, std::size_t row,
                                      const std::vector<std::size_t>& columns) {
    std::vector<std::string> cells;
    for (const std::size_t j : columns) {
        if (j == gap) {
            cells.emplace_back("…");
        } else if (numbers.blank) {
            cells.emplace_back(blank_mark);
        } else {
            cells.push_back(significant_digits(numbers.values(row, j), numbers.digits));
        }
    }
    return cells;
}

/// All rows as lines `[ a  b ]`, numbers right-aligned under each other, a row wrapped where it is too wide.
std::vector<std::string> bracketed(const std::vector<std::vector<std::string>>& rows, std::size_t width,
                                   const std::string& open, const std::string& close) {
    std::size_t widest = 0;
    std::vector<std::size_t> widths;
    for (const auto& row : rows) {
        widths.resize(std::max(widths.size(), row.size()), 0);
        for (std::size_t j = 0; j < row.size(); ++j) {
            widths[j] = std::max(widths[j], display_width(row[j]));
            widest = std::max(widest, widths[j]);
        }
    }
    std::vector<std::string> lines;
    for (const auto& row : rows) {
        std::string line = open;
        for (std::size_t j = 0; j < row.size(); ++j) {
            const std::string cell =
                when(j > 0, " ") + blanks(column_gap - 1 + widths[j] - display_width(row[j])) + row[j];
            if (j > 0 && display_width(line) + display_width(cell) + 2 + display_width(close) > width) {
                lines.push_back(line);
                line = blanks(display_width(open));
            }
            line += cell;
        }
        lines.push_back(line + " " + close);
    }
    return lines;
}

/// Takes from the widest column, as long as something in it can be wrapped, until all fit beside each other.
void shrink(std::vector<std::size_t>& widths, const std::vector<std::size_t>& least) {
    const auto total = [&] {
        std::size_t sum = 0;
        for (const std::size_t width : widths) {
            if (width > 0) {
                sum += width + column_gap;
            }
        }
        return sum - column_gap;
    };
    while (total() > text_width) {
        std::size_t give = widths.size();
        for (std::size_t c = 0; c < widths.size(); ++c) {
            if (widths[c] > least[c] && (give == widths.size() || widths[c] > widths[give])) {
                give = c;
            }
        }
        if (give == widths.size()) {
            return;
        }
        --widths[give];
    }
}

/// A row of a table, each cell wrapped to its column.
std::string row_text(const std::vector<std::string>& row, const std::vector<std::size_t>& widths) {
    std::vector<std::vector<std::string>> cells;
    std::size_t height = 0;
    for (std::size_t c = 0; c < row.size(); ++c) {
        cells.push_back(wrapped(row[c], widths[c]));
        height = std::max(height, cells.back().size());
    }
    std::string text;
    for (std::size_t k = 0; k < height; ++k) {
        std::string line;
        for (std::size_t c = 0; c < row.size(); ++c) {
            if (widths[c] == 0) {
                continue;
            }
            cells[c].resize(height);
            const std::string& cell = cells[c][k];
            line += cell + blanks(widths[c] - std::min(widths[c], display_width(cell)) + column_gap);
        }
        text += without_end_blanks(line) + "\n";
    }
    return text;
}

std::string rule_text(const std::vector<std::size_t>& widths) {
    std::string line;
    for (const std::size_t width : widths) {
        for (std::size_t k = 0; k < width; ++k) {
            line += "─";
        }
        line += when(width > 0, blanks(column_gap));
    }
    return without_end_blanks(line) + "\n";
}

/// Rows and columns as lines of cells; `most` columns are shown.
std::vector<std::vector<std::string>> cells_of(const Numbers& numbers, std::size_t most) {
    const std::vector<std::size_t> columns = shown_indices(numbers.values.columns(), most);
    std::vector<std::vector<std::string>> cells;
    for (const std::size_t i : shown_indices(numbers.values.rows())) {
        if (i == gap) {
            cells.emplace_back(columns.size(), "⋮");
        } else {
            cells.push_back(cells_of_row(numbers, i, columns));
        }
    }
    return cells;
}

}  // namespace

std::vector<std::string> wrapped(std::string_view text, std::size_t width) {
    std::vector<std::string> lines{""};
    while (!text.empty()) {
        const std::size_t start = std::min(text.find_first_not_of(' '), text.size());
        const std::size_t end = std::min(text.find(' ', start), text.size());
        const std::string_view word = text.substr(0, end);  // with the blanks before it
        const std::string_view bare = text.substr(start, end - start);
        text.remove_prefix(end);
        if (lines.back().empty()) {
            lines.back() = bare;
        } else if (display_width(lines.back()) + display_width(word) <= width) {
            lines.back() += word;
        } else if (!bare.empty()) {
            lines.emplace_back(bare);
        }
    }
    return lines;
}

std::string table_text(const std::vector<std::vector<std::string>>& rows) {
    const std::size_t columns = rows.front().size();
    std::vector<std::size_t> widths(columns, 0), least(columns, 0);
    for (const auto& row : rows) {
        for (std::size_t c = 0; c < columns; ++c) {
            widths[c] = std::max(widths[c], display_width(row[c]));
            least[c] = std::max(least[c], narrowest(row[c]));
        }
    }
    shrink(widths, least);
    std::string text;
    for (std::size_t r = 0; r < rows.size(); ++r) {
        const bool heading = r == 0;
        const bool empty = std::ranges::all_of(rows[r], &std::string::empty);
        if (heading && empty) {
            continue;
        }
        text += row_text(rows[r], widths) + when(heading, rule_text(widths));
    }
    return text;
}

std::string numbers_text(const Numbers& numbers) {
    const bool blank = numbers.blank, vector = numbers.layout == Layout::vector;
    const std::string label = blank ? numbers.symbol : unicode_of(numbers.name);
    const std::string formula = when(!numbers.formula.empty(), unicode_of(numbers.formula) + " = ");
    const std::string relation = numbers.updated && !blank ? " ← " : " = ";
    const std::string note = when(!numbers.note.empty(), "   (" + unicode_of_prose(numbers.note) + ")");
    if (numbers.layout == Layout::scalar) {
        return label + " = " + formula +
               (blank ? blank_mark : significant_digits(numbers.values(0, 0), numbers.digits)) + note + "\n";
    }
    Numbers shown = numbers;
    if (vector || numbers.layout == Layout::row) {
        Matrix<double> lying(1, numbers.values.rows());
        std::ranges::copy(numbers.values.values(), lying.values().begin());
        shown.values = std::move(lying);
    }
    std::string open = "[", close = "]" + when(vector && !blank, "ᵀ");
    if (numbers.layout == Layout::diagonal) {
        open = "diag{";
        close = "}";
    }
    std::string head = label + relation + formula;
    std::string text;
    const auto laid_out = [&](std::size_t most) {
        return bracketed(cells_of(shown, most), text_width - display_width(head), open, close);
    };
    const std::size_t rows = shown_indices(shown.values.rows()).size();
    std::vector<std::string> lines = laid_out(most_shown);
    if (!formula.empty() && lines.size() > rows) {  // on a line of its own
        text = label + relation + unicode_of(numbers.formula) + "\n";
        head = blanks(display_width(label)) + " = ";
        lines = laid_out(most_shown);
    }
    if (shown.values.columns() > most_shown) {  // what is shortened anyway is not wrapped as well
        for (std::size_t most = most_shown; most > 3 && lines.size() > rows;) {
            lines = laid_out(--most);
        }
    }
    for (std::size_t k = 0; k < lines.size(); ++k) {
        text += head + lines[k] + when(k + 1 == lines.size(), note) + "\n";
        head = blanks(display_width(head));
    }
    return text;
}

}  // namespace handgrad::document
