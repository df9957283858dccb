// What texts of the program are put together from: the private words of base/wording.hpp, which a user of the library has not.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace handgrad::cli {

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

/// Adds an item to a list, behind a separator unless it is the first.
inline void add_item(std::string& list, std::string_view separator, std::string_view item) {
    if (!list.empty()) {
        list += separator;
    }
    list += item;
}

}  // namespace handgrad::cli
