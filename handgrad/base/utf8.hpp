// UTF-8 texts: how much room they take on a terminal, and what to do with what is none or is a command to a terminal.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>

namespace handgrad {

/// How many places a UTF-8 text takes: one for each code point, which is right for mathematics and for names of columns
/// in most scripts.
inline std::size_t display_width(std::string_view text) {
    return static_cast<std::size_t>(std::count_if(
        text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

/// The text with U+FFFD in place of each longest run of bytes that begins a character and is none (Unicode 15, §3.9).
std::string replace_invalid_utf8(std::string_view text);

/// The text without the marks that turn the direction of writing, which would make a page say what its source does not:
/// each is shown as \u202e.
std::string without_direction_marks(std::string_view text);

/// The text or, of one of more than `most` bytes, its begin and its end and how much was left out between them. It is
/// cut between characters.
std::string shortened(std::string_view text, std::size_t most);

/// The text as a terminal may be shown it: control characters, the marks that turn the direction of writing (U+202A …
/// U+202E, U+2066 … U+2069), U+2028 and U+2029 as \x1b or \u009b, and bytes that are no UTF-8 as \x9b. Line ends and
/// tabs remain with `Layout::kept`, for a whole text; in a name they become \n and \t.
enum class Layout { kept, escaped };
std::string printable(std::string_view text, Layout layout = Layout::escaped);

}  // namespace handgrad
