// How much room a UTF-8 text takes on a terminal.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string_view>

namespace handgrad {

/// How many places a UTF-8 text takes: one for each code point, which is right for mathematics and for names of columns
/// in most scripts.
inline std::size_t display_width(std::string_view text) {
    return static_cast<std::size_t>(std::count_if(
        text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

}  // namespace handgrad
