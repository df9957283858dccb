// Every way of writing numbers turned into one, in ASCII.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "handgrad/data/decimal.hpp"  // is_digit

namespace handgrad::compare {

// Signs of the plain form that no text has.
inline constexpr char thin = '\x1E';          ///< a narrow blank: between groups of three digits, or a blank
inline constexpr char sure_comma = '\x1D';    ///< TeX's {,}: a decimal comma and nothing else
inline constexpr char and_fraction = '\x1F';  ///< 1½: a whole number and what is added to it

/// A text in the plain form, and where in the text each byte of it comes from.
struct PlainText {
    std::string text;
    std::vector<std::size_t> from;  ///< with the end of the text as one more

    void add(std::string_view more, std::size_t at) {
        text += more;
        from.resize(text.size(), at);
    }
};

/// `2·10⁻³` as `2*10^-3`, `\frac{1}{2}` and `½` as `1/2` behind and_fraction; semicolons for all that parts columns of
/// a table. What only decorates a number is left out.
PlainText plain_of(std::string_view text);

/// Full-width letters and signs, Arabic and Persian digits as those of ASCII; all else as it is.
std::string narrowed(std::string_view text);

inline bool is_blank(char c) { return c == ' ' || c == '\r' || c == '\n'; }

}  // namespace handgrad::compare
