// Numbers of many digits or with an exponent: by one multiplication where that decides, else by std::from_chars.
#include "handgrad/data/decimal.hpp"

#include <charconv>
#include <limits>
#include <optional>
#include <system_error>

namespace handgrad {
namespace {

__extension__ using Wide = unsigned __int128;

constexpr int largest_power = 27;  // 5^27 is the last that 64 bits hold

/// 10^power is fraction · 2^exponent, rounded down to a fraction of 64 bits of which the first is 1.
struct PowerOfTen {
    std::uint64_t fraction;
    int exponent;
};

using PowersOfTen = std::array<PowerOfTen, 2 * largest_power + 1>;

constexpr PowersOfTen powers_of_ten() {
    PowersOfTen powers{};
    std::uint64_t five = 1;
    for (int power = 0; power <= largest_power; ++power, five *= 5) {
        const int width = 64 - std::countl_zero(five);
        if (power > 0) {
            const Wide fraction = (Wide{1} << (63 + width)) / five;
            powers[largest_power - power] = {static_cast<std::uint64_t>(fraction), -63 - width - power};
        }
        powers[largest_power + power] = {five << (64 - width), width - 64 + power};
    }
    return powers;
}

/// number · 10^power rounded to the nearest double, or nothing when one multiplication does not tell which that is.
/// |power| ≤ largest_power.
std::optional<double> nearest_double(std::uint64_t number, int power) {
    static constexpr PowersOfTen powers = powers_of_ten();
    if (number == 0) {
        return 0.0;
    }
    const PowerOfTen& ten = powers[static_cast<unsigned>(largest_power + power)];
    const int shift = std::countl_zero(number);
    // The fraction is less than 1 too small, so the true product is less than one factor, 2^64, larger: in units of
    // 2^64 it lies in [high, high + 2). Unless a midpoint between two doubles is in there, all of that rounds alike.
    const auto high = static_cast<std::uint64_t>(Wide{number << shift} * ten.fraction >> 64U);
    const int surplus = 10 + static_cast<int>(high >> 63U);  // high has 63 or 64 bits, a double 53
    const std::uint64_t half = std::uint64_t{1} << (surplus - 1);
    const std::uint64_t rest = high & (2 * half - 1);
    if (half - rest <= 1) {
        return std::nullopt;
    }
    const std::uint64_t mantissa = (high >> surplus) + (rest > half ? 1 : 0);  // 2^52 … 2^53
    const int exponent = surplus + 64 + ten.exponent - shift;                  // the value is mantissa · 2^exponent
    // Added, not joined: the first 1 of the mantissa counts the exponent of the double up, and so does 2^53.
    return std::bit_cast<double>((static_cast<std::uint64_t>(exponent + 52 + 1022) << 52U) + mantissa);
}

/// Whether the number is what the digits spell: at most 19 of them, without the zeros in front.
bool fits(const Decimal& decimal) {
    constexpr std::ptrdiff_t most_digits = 19;  // 64 bits hold as many 9s
    std::ptrdiff_t digits = decimal.digits;
    for (const char* at = decimal.first; digits > most_digits && (*at == '0' || *at == '.'); ++at) {
        if (*at == '0') {
            --digits;
        }
    }
    return digits <= most_digits;
}

/// Adds the exponent (e5, E+05, e-5) that may stand here to `power`; returns its end, or `at` when there is none.
const char* read_exponent(const char* at, const char* end, std::ptrdiff_t& power) {
    if (at == end || (*at != 'e' && *at != 'E')) {
        return at;
    }
    const char* first = at + 1;
    if (end - first > 1 && *first == '+' && is_digit(first[1])) {
        ++first;
    }
    int exponent = 0;
    const auto [rest, problem] = std::from_chars(first, end, exponent);
    if (problem == std::errc::invalid_argument) {
        return at;
    }
    power += problem == std::errc{} ? exponent : std::numeric_limits<int>::max();  // large either way
    return rest;
}

}  // namespace

const char* read_long_decimal(const Decimal& decimal, const char* end, double& value) {
    std::ptrdiff_t power = decimal.power;
    const char* const rest = read_exponent(decimal.end, end, power);
    if (fits(decimal) && power >= -largest_power && power <= largest_power) {
        if (const std::optional<double> size = nearest_double(decimal.number, static_cast<int>(power))) {
            value = with_sign(*size, decimal.sign);
            return rest;
        }
    }
    const auto [any_rest, problem] = std::from_chars(decimal.first - decimal.sign, end, value);
    return problem == std::errc{} ? any_rest : nullptr;
}

}  // namespace handgrad
