// Numbers as the sentences of a diagnosis say them, and lists of layers and other names.
#pragma once

#include <cmath>
#include <cstddef>
#include <string>
#include <vector>

#include "handgrad/base/wording.hpp"

namespace handgrad::diagnose {

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
