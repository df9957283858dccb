// Each line loses the quotes of a spreadsheet and what only wraps a list in TeX or Python.
#include "handgrad/compare/sheet_lines.hpp"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "handgrad/compare/answer_cells.hpp"
#include "handgrad/compare/plain_text.hpp"

namespace handgrad::compare {
namespace {

constexpr auto npos = std::string_view::npos;

/// `\begin{bmatrix}` and `\end{pmatrix}` as brackets.
void replace_tex_matrices(std::string& text) {
    for (const auto& [command, bracket] : {std::pair("\\begin{", "["), std::pair("\\end{", "]")}) {
        for (std::size_t at = text.find(command); at != npos; at = text.find(command, at + 1)) {
            const std::size_t close = text.find('}', at);
            if (close != npos && text.substr(at, close - at).ends_with("matrix")) {
                text.replace(at, close + 1 - at, bracket);
            }
        }
    }
    for (const std::string_view size : {"\\left", "\\right", "\\bigl", "\\bigr"}) {
        replace_all(text, size, "");
    }
}

std::string text_of(std::string_view raw) {
    std::string text = narrowed(trimmed(raw));
    const bool quoted = text.size() > 2 && text.front() == '"' && text.find('"', 1) == text.size() - 1;
    if (quoted) {  // a sheet that was pasted into a spreadsheet
        text = std::string(trimmed(std::string_view(text).substr(1, text.size() - 2)));
    }
    if (text.find('\\') != npos) {
        replace_tex_matrices(text);
    }
    std::erase(text, '$');
    for (const std::string_view wrapper :
         {"np.array(", "numpy.array(", "torch.tensor(", "array(", "tensor(", "Matrix("}) {
        replace_all(text, wrapper, "");
    }
    return text;
}

}  // namespace

std::vector<SheetLine> lines_of(std::string_view sheet) {
    std::vector<SheetLine> lines;
    while (!sheet.empty()) {
        const std::size_t end = std::min(sheet.find_first_of("\r\n"), sheet.size());
        const std::string_view raw = sheet.substr(0, end);
        lines.push_back({text_of(raw), raw});
        std::size_t behind = end + 1;
        if (sheet.substr(end).starts_with("\r\n")) {
            ++behind;
        }
        sheet.remove_prefix(std::min(behind, sheet.size()));
    }
    return lines;
}

std::string fields_of(std::string_view line, char delimiter) {
    std::string fields;
    bool quoted = false;
    for (const char c : line) {
        if (c == '"') {
            quoted = !quoted;
        } else if (c == delimiter && !quoted) {
            fields += ';';
        } else {
            fields += c;
        }
    }
    return fields;
}

void replace_all(std::string& text, std::string_view old, std::string_view with) {
    for (std::size_t at = text.find(old); at != npos; at = text.find(old, at + with.size())) {
        text.replace(at, old.size(), with);
    }
}

}  // namespace handgrad::compare
