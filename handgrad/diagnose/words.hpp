// Numbers as the sentences of a diagnosis say them, and lists of layers and other names.
#pragma once

#include <array>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <string>
#include <vector>

namespace handgrad::diagnose {

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

/// `38 %`.
inline std::string percent(double share) { return short_number(std::round(100.0 * share)) + " %"; }

/// `85 % of`, `3 times`: a part, or a multiple where it is one.
inline std::string part_or_multiple(double ratio) {
    constexpr double multiple = 2.0;
    if (ratio < multiple) {
        return percent(ratio) + " of";
    }
    return short_number(ratio) + " times";
}

/// `a`, `a and b`, `a, b and c`; `last` is the word before the last.
inline std::string listed(const std::vector<std::string>& items, const std::string& last) {
    std::string text;
    for (std::size_t i = 0; i < items.size(); ++i) {
        if (i > 0 && i + 1 == items.size()) {
            text += " " + last + " ";
        } else if (i > 0) {
            text += ", ";
        }
        text += items[i];
    }
    return text;
}

}  // namespace handgrad::diagnose
