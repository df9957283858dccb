// The grammar of one number in the plain form.
#pragma once

#include <cstddef>
#include <optional>

#include "handgrad/compare/plain_text.hpp"
#include "handgrad/compare/written_number.hpp"

namespace handgrad::compare {

/// How a row is cut.
struct Habits {
    bool comma_before_decimals = false;  ///< else commas part cells
    bool thin_in_numbers = true;         ///< else narrow blanks part cells
};

/// The number that begins at `at`, which moves behind it; none and `at` where it was if there is none.
std::optional<WrittenNumber> take_number(const PlainText& plain, Habits habits, std::size_t& at);

}  // namespace handgrad::compare
