// JSON as plain values: a strict reader for texts from strangers, and a writer whose numbers read back as the same
// bits.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "handgrad/base/limits.hpp"

namespace handgrad {

/// Any JSON value. Whole numbers without a sign are std::uint64_t, all others double.
struct Json {
    struct Member;
    using Array = std::vector<Json>;
    using Object = std::vector<Member>;  ///< in the order of the text, no name twice

    std::variant<std::nullptr_t, bool, std::uint64_t, double, std::string, Array, Object> value;

    bool operator==(const Json&) const;
};
struct Json::Member {
    std::string first;  ///< the name
    Json second;

    bool operator==(const Member&) const = default;
};
// Where both types are complete: clang looks into the lists before, and cannot default it here.
inline bool Json::operator==(const Json& other) const { return value == other.value; }

/// Limits on a text from a stranger, and so on our own.
inline constexpr std::size_t max_json_depth = limits::json_depth;
inline constexpr std::size_t max_json_values = limits::json_values;

/// The value that `text` spells. `place` stands in messages, with the byte counted from `first_byte` where the grammar
/// is broken. Raises Error(model) for anything but one JSON value in UTF-8, for a name that stands twice in an object,
/// and beyond the limits, before anything of that size is built.
Json parse_json(std::string_view text, const std::string& place, std::size_t first_byte = 0);

/// The text of a value without blanks, in UTF-8. A double is written with a point or an exponent and as few digits as
/// read back to the same bits. Raises Error(data) quoting a text that is not UTF-8, for a NaN or an infinity, and for
/// more values than parse_json reads.
std::string to_text(const Json& json);

/// The beginning of a stranger's text, short enough for a message.
std::string excerpt(const std::string& text);

}  // namespace handgrad
