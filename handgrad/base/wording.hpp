// What texts are put together from: a part that may be missing, a count with its noun, a short number, a list.
#pragma once

#include <array>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <string>
#include <string_view>

namespace handgrad {

/// The text if `there`, else nothing.
inline std::string when(bool there, std::string_view text) {
    if (there) {
        return std::string(text);
    }
    return {};
}

/// `1 row`, `3 rows`.
inline std::string plural(std::size_t count, std::string_view noun) {
    return std::to_string(count) + " " + std::string(noun) + when(count != 1, "s");
}

/// Three digits, or so many: `0.523`, `1050`, `1.2e+06`.
inline std::string short_number(double value, int digits = 3) {
    std::array<char, 32> text{};
    auto end = std::to_chars(text.data(), text.data() + text.size(), value, std::chars_format::general, digits);
    constexpr double three_digits = 1e3, too_long = 1e6;
    if (std::abs(value) >= three_digits && std::abs(value) < too_long) {  // 1.05e+03 reads worse than 1050
        std::from_chars(text.data(), end.ptr, value);
        end = std::to_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed, 0);
    }
    return {text.data(), end.ptr};
}

/// Adds an item to a list, behind a separator unless it is the first.
inline void add_item(std::string& list, std::string_view separator, std::string_view item) {
    if (!list.empty()) {
        list += separator;
    }
    list += item;
}

}  // namespace handgrad
