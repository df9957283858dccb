// UTF-8 texts: how much room they take on a terminal, and what to do with bytes that are none.
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

}  // namespace handgrad
