// Fields and lines of a CSV file as RFC 4180 wants them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace handgrad::cli {

/// `text` as it stands, or in double quotes when it holds a comma, a quote, a line end, or blanks at its ends.
inline std::string csv_field(std::string_view text) {
    const bool plain = text.find_first_of(",\"\r\n") == std::string_view::npos &&
                       (text.empty() || (text.front() != ' ' && text.back() != ' '));
    if (plain) {
        return std::string(text);
    }
    std::string field = "\"";
    for (const char c : text) {
        if (c == '"') {
            field += c;  // a quote inside is doubled
        }
        field += c;
    }
    return field + "\"";
}

/// A text of somebody else's as a field that no spreadsheet takes for a formula: one that begins with =, +, -, @, a tab
/// or a line end gets an apostrophe before it.
inline std::string csv_text(std::string_view text) {
    std::string field(text);
    if (!field.empty() && std::string_view("=+-@\t\r\n").find(field.front()) != std::string_view::npos) {
        field.insert(0, "'");
    }
    return field;
}

/// The fields of one line, of which there is at least one.
inline std::string csv_line(const std::vector<std::string>& fields) {
    std::string line;
    for (const std::string& field : fields) {
        line += csv_field(field);
        line += ',';
    }
    line.back() = '\n';
    return line;
}

}  // namespace handgrad::cli
