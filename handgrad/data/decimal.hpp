// The number at the start of a text, read eight digits at a time and rounded to the nearest double.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace handgrad {

inline bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// The next eight bytes, the first in the lowest bits.
inline std::uint64_t load_eight(const char* from) {
    std::array<char, 8> bytes;
    std::memcpy(bytes.data(), from, bytes.size());
    if constexpr (std::endian::native == std::endian::big) {
        std::reverse(bytes.begin(), bytes.end());
    }
    return std::bit_cast<std::uint64_t>(bytes);
}

/// The number that eight digits (0 … 9, not '0' … '9') spell. Neighbours are joined to four pairs; one multiplication
/// then weighs the first and third pair, another the second and fourth, and the upper halves add up to the number.
constexpr std::uint64_t join_eight(std::uint64_t digits) {
    constexpr std::uint64_t every_other_pair = 0x000000FF000000FF;
    digits = digits * 10 + (digits >> 8U);
    return ((digits & every_other_pair) * (100 + (std::uint64_t{1'000'000} << 32U)) +
            ((digits >> 16U) & every_other_pair) * (1 + (std::uint64_t{10'000} << 32U))) >>
           32U;
}

/// Appends the digits from `at` on to `number`, which wraps around when they are too many; returns where they end.
[[gnu::always_inline]] inline const char* append_digits(const char* at, const char* end, std::uint64_t& number) {
    static constexpr std::uint64_t powers_of_ten[] = {1, 10, 100, 1'000, 10'000, 100'000, 1'000'000, 10'000'000};
    while (end - at >= 8) {
        const std::uint64_t word = load_eight(at) ^ 0x3030303030303030;  // a digit becomes its value, others 10 … 255
        const std::uint64_t others =
            ((word + 0x7676767676767676) | word) & 0x8080808080808080;  // exact up to the first
        if (others == 0) {
            number = number * 100'000'000 + join_eight(word);
            at += 8;
            continue;
        }
        const int count = std::countr_zero(others) / 8;
        number = number * powers_of_ten[count] + join_eight((word << 8U) << (56 - 8 * count));  // zeros in front
        return at + count;
    }
    while (at != end && is_digit(*at)) {
        number = number * 10 + static_cast<std::uint64_t>(*at++ - '0');
    }
    return at;
}

/// 1 for a minus, 0 for a digit, told by the one bit: signs come by chance, and no processor guesses them.
constexpr std::uint64_t sign_of(char minus_or_digit) { return ~static_cast<std::uint64_t>(minus_or_digit) >> 4U & 1U; }

inline double with_sign(double size, std::uint64_t sign) {
    return std::bit_cast<double>(std::bit_cast<std::uint64_t>(size) | sign << 63U);
}

/// The digits of a number: number · 10^power, before an exponent is taken into account.
struct Decimal {
    std::uint64_t sign;     ///< 1 when there is a minus before the digits
    const char* first;      ///< digit
    const char* end;        ///< of the digits
    std::uint64_t number;   ///< wrapped around when there are too many digits
    std::ptrdiff_t digits;  ///< how many, zeros in front included
    std::ptrdiff_t power;   ///< minus how many of them stand behind the point
};

/// read_decimal where there are many digits or an exponent.
const char* read_long_decimal(const Decimal& decimal, const char* end, double& value);

/// Whether a digit stands here, or a minus with a digit behind it.
inline bool at_decimal(const char* at, const char* end) {
    if (at == end) {
        return false;
    }
    const std::uint64_t sign = sign_of(*at);
    const bool minus_or_digit = static_cast<int>(sign == 0) | static_cast<int>(*at == '-');
    return end - at > static_cast<std::ptrdiff_t>(sign) && is_digit(at[sign]) && minus_or_digit;
}

/// Reads a number exactly as std::from_chars does. `start` must be at a digit, or at a minus with a digit behind it.
/// Returns the end of the number, or null when it is beyond the range of double.
/// Inlined where cells are read: a call costs a tenth of a cell of two digits.
[[gnu::always_inline]] inline const char* read_decimal(const char* start, const char* end, double& value) {
    constexpr std::ptrdiff_t exact_digits = 15;  // both 10^15 and what 15 digits spell are doubles
    static constexpr double powers_of_ten[] = {1e0, 1e1, 1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                               1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};
    const std::uint64_t sign = sign_of(*start);
    const char* const first = start + sign;
    std::uint64_t number = 0;
    const char* at = first;
    if (end - first > 1 && first[1] == '.') {  // as numbers below 10 have it, which most columns hold
        number = static_cast<std::uint64_t>(*at++ - '0');
    } else {
        at = append_digits(first, end, number);
    }
    std::ptrdiff_t digits = at - first;
    std::ptrdiff_t power = 0;
    if (at != end && *at == '.') {
        const char* const fraction = at + 1;
        at = append_digits(fraction, end, number);
        power = fraction - at;
        digits -= power;
    }
    if (digits > exact_digits || (at != end && (*at == 'e' || *at == 'E'))) {
        return read_long_decimal({sign, first, at, number, digits, power}, end, value);
    }
    value = with_sign(static_cast<double>(static_cast<std::int64_t>(number)) / powers_of_ten[-power], sign);
    return at;
}

}  // namespace handgrad
