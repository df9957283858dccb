// Trimming and quoting of cells.
#include "handgrad/data/cells.hpp"

#include <algorithm>
#include <cstdint>

namespace handgrad {
namespace {

bool is_blank(char c) { return c == ' ' || c == '\t'; }

/// How many bytes the UTF-8 character at the start of `text` has; 0 when there is none (overlong forms, surrogates and
/// code points beyond U+10FFFF are none).
std::size_t utf8_length(std::string_view text) {
    const auto byte = [&](std::size_t i) {
        return i < text.size() ? static_cast<std::uint8_t>(text[i]) : std::uint8_t{0};
    };
    const auto continues = [&](std::size_t i) { return (byte(i) & 0xC0U) == 0x80U; };
    const std::uint8_t first = byte(0);
    if (text.empty()) {
        return 0;
    }
    if (first < 0x80) {
        return 1;
    }
    if (first >= 0xC2 && first <= 0xDF) {
        return continues(1) ? 2 : 0;
    }
    if (first >= 0xE0 && first <= 0xEF) {
        const std::uint8_t low = first == 0xE0 ? 0xA0 : 0x80;
        const std::uint8_t high = first == 0xED ? 0x9F : 0xBF;
        return byte(1) >= low && byte(1) <= high && continues(2) ? 3 : 0;
    }
    if (first >= 0xF0 && first <= 0xF4) {
        const std::uint8_t low = first == 0xF0 ? 0x90 : 0x80;
        const std::uint8_t high = first == 0xF4 ? 0x8F : 0xBF;
        return byte(1) >= low && byte(1) <= high && continues(2) && continues(3) ? 4 : 0;
    }
    return 0;
}

void append_escaped(std::string& out, char c) {
    constexpr std::string_view digits = "0123456789abcdef";
    const auto byte = static_cast<std::uint8_t>(c);
    switch (c) {
        case '\n':
            out += "\\n";
            break;
        case '\r':
            out += "\\r";
            break;
        case '\t':
            out += "\\t";
            break;
        default:
            out.append("\\x") += digits[byte >> 4U];
            out += digits[byte & 15U];
    }
}

}  // namespace

std::string_view trimmed(std::string_view cell) {
    while (!cell.empty() && is_blank(cell.front())) {
        cell.remove_prefix(1);
    }
    while (!cell.empty() && is_blank(cell.back())) {
        cell.remove_suffix(1);
    }
    return cell;
}

std::string lower_case(std::string_view text) {
    std::string lower(text);
    for (char& c : lower) {
        c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    }
    return lower;
}

bool spells_infinity(std::string_view cell) {
    constexpr std::string_view longest = "infinity";
    cell = trimmed(cell);
    if (!cell.empty() && (cell.front() == '+' || cell.front() == '-')) {
        cell.remove_prefix(1);
    }
    if (cell.size() > longest.size()) {
        return false;
    }
    const std::string word = lower_case(cell);
    return word == "inf" || word == longest;
}

bool is_utf8(std::string_view text) {
    while (!text.empty()) {
        const std::size_t length = utf8_length(text);
        if (length == 0) {
            return false;
        }
        text.remove_prefix(length);
    }
    return true;
}

std::string in_quotes(std::string_view text) {
    constexpr int longest = 40;
    std::string out = "'";
    for (int shown = 0; !text.empty(); ++shown) {
        if (shown == longest) {
            out += "…";
            break;
        }
        const std::size_t length = utf8_length(text);
        const bool control = static_cast<std::uint8_t>(text.front()) < 0x20 || text.front() == 0x7F;
        if (length == 0 || control) {
            append_escaped(out, text.front());
        } else {
            out += text.substr(0, length);
        }
        text.remove_prefix(std::max<std::size_t>(length, 1));
    }
    return out + "'";
}

std::string listed(std::span<const std::string> names) {
    constexpr std::size_t longest = 8;
    std::string out;
    for (std::size_t i = 0; i < std::min(names.size(), longest); ++i) {
        out += (i == 0 ? "" : ", ") + in_quotes(names[i]);
    }
    return names.size() <= longest ? out : out + " and " + std::to_string(names.size() - longest) + " more";
}

std::string counted(std::size_t count, std::string_view noun) {
    return std::to_string(count) + " " + std::string(noun) + (count == 1 ? "" : "s");
}

}  // namespace handgrad
