// Nothing here knows of lines: a text is looked at, and said to be a value of a quantity or none.
#include "handgrad/compare/sheet_values.hpp"

#include <algorithm>

#include "handgrad/compare/answer_cells.hpp"
#include "handgrad/compare/sheet_lines.hpp"
#include "handgrad/compare/sheet_symbols.hpp"

namespace handgrad::compare {
namespace {

constexpr auto npos = std::string_view::npos;

/// What stands in the first brackets of `text`, which begins with them; several opening ones count as one.
std::string_view in_brackets(std::string_view text) {
    const char open = text.front();
    text.remove_prefix(std::min(text.find_first_not_of(std::string{open, ' '}), text.size()));
    return text.substr(0, text.find(closing(open)));
}

}  // namespace

std::string_view without_note(std::string_view text) { return trimmed(text.substr(0, text.find(" (", 1))); }

char closing(char open) {
    switch (open) {
        case '[':
            return ']';
        case '(':
            return ')';
        default:
            return '}';
    }
}

std::optional<std::string_view> list_of_diagonal(std::string_view value) {
    const std::size_t word = value.find("diag");
    constexpr std::string_view wrapping = "abcdefghijklmnopqrstuvwxyz\\{.$";
    if (word == npos || value.substr(0, word).find_first_not_of(wrapping) != npos) {
        return std::nullopt;
    }
    const std::size_t open = value.find_first_of("([{", word + 4);
    if (open == npos) {
        return std::nullopt;
    }
    value.remove_prefix(std::min(value.find_first_not_of("([{\\ ", open), value.size()));
    const std::size_t close = value.find_first_of(")]}\\");
    return value.substr(0, close);
}

bool is_identity(std::string_view value) {
    std::string plain = plain_symbol(without_note(value));
    while (!plain.empty() && plain.back() >= '0' && plain.back() <= '9') {
        plain.pop_back();
    }
    return plain == "i" || plain == "id" || value.starts_with("eye(") || value.starts_with("np.eye(");
}

bool has_number(const WrittenRow& row) {
    return row.ambiguous ||
           std::ranges::any_of(row.cells, [](const WrittenCell& cell) { return cell.number.has_value(); });
}
bool has_text(const WrittenRow& row) {
    return std::ranges::any_of(row.cells, [](const WrittenCell& cell) { return !cell.text.empty(); });
}

bool fits(std::string_view text, std::size_t count) {
    if (text.size() > longest_row) {
        return false;
    }
    const WrittenRow row = read_cells(text, count);
    return row.ambiguous || (row.cells.size() == count && has_number(row) && !has_text(row));
}

std::string_view end_of_chain(std::string_view value) {
    if (value.starts_with('>')) {  // z1 => …
        value.remove_prefix(1);
    }
    for (std::string_view part = value; !part.empty();) {
        part = trimmed(part);
        if (part.starts_with('[')) {
            return part;
        }
        part.remove_prefix(std::min(part.find('='), part.size()));
        part.remove_prefix(std::min<std::size_t>(1, part.size()));
    }
    const std::string_view alone = without_note(value);
    const std::size_t last = alone.rfind('=');
    if (last != npos && read_cell(alone.substr(last + 1)).number) {
        return alone.substr(last + 1);
    }
    return value;
}

bool is_square(const explain::Quantity& quantity) { return !quantity.vector && quantity.rows == quantity.columns; }

bool begins_row(const explain::Quantity& quantity, std::string_view text) {
    if (text.starts_with('[')) {
        return true;
    }
    const std::size_t length = row_length(quantity);
    return (text.starts_with('(') || text.starts_with('{')) && length > 1 && fits(in_brackets(text), length);
}

std::vector<std::string> parts_that_fit(const explain::Quantity& quantity, std::string_view text) {
    const std::size_t rows = rows_on_paper(quantity), length = row_length(quantity);
    if (rows == 1 || text.size() > rows * longest_row) {
        return {};
    }
    std::string marked(text);
    replace_all(marked, "\\\\", ";");
    std::ranges::replace(marked, '\n', ';');
    std::vector<std::string> parts;
    for (std::string_view left = marked; !left.empty() && parts.size() <= rows;) {
        const std::size_t end = std::min(left.find(';'), left.size());
        const std::string_view part = trimmed(left.substr(0, end));
        left.remove_prefix(std::min(end + 1, left.size()));
        if (!part.empty()) {
            parts.emplace_back(part);
        }
    }
    const bool fit = parts.size() == rows && std::ranges::all_of(parts, [&](const std::string& part) {
                         return read_cells(part, length).cells.size() == length;
                     });
    if (!fit) {
        parts.clear();
    }
    return parts;
}

}  // namespace handgrad::compare
