// The number that a cell spells, and the shortest spelling of a number, the same in every locale.
#include <algorithm>
#include <array>
#include <charconv>
#include <system_error>

#include "handgrad/data/cells.hpp"
#include "handgrad/data/table.hpp"

namespace handgrad {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// Whether a decimal number beyond the range of double is too large rather than too small, which std::from_chars does
/// not tell: by the power of ten of its first digit that is not 0.
bool too_large(std::string_view number) {
    constexpr long long beyond = 1'000'000'000'000'000;  // no exponent in a cell of any size needs more to be clear
    long long power = 0;
    bool significant = false;
    bool fraction = false;
    std::size_t i = number.front() == '-' ? 1 : 0;
    for (; i < number.size() && (is_digit(number[i]) || number[i] == '.'); ++i) {
        if (number[i] == '.') {
            fraction = true;
            continue;
        }
        significant = significant || number[i] != '0';
        if (fraction && !significant) {
            --power;
        } else if (!fraction && significant) {
            ++power;
        }
    }
    long long exponent = 0;
    bool negative = false;
    for (++i; i < number.size(); ++i) {  // behind the e
        if (is_digit(number[i])) {
            exponent = std::min(beyond, exponent * 10 + (number[i] - '0'));
        } else {
            negative = number[i] == '-';
        }
    }
    if (negative) {
        exponent = -exponent;
    }
    return power + exponent > 0;
}

/// A number with a decimal point, no blanks and no leading plus.
ParsedNumber parse_plain(std::string_view number) {
    constexpr ParsedNumber none{0.0, NumberProblem::not_a_number};
    const std::size_t first = !number.empty() && number.front() == '-' ? 1 : 0;
    const bool whole = first < number.size() && is_digit(number[first]);
    const bool fraction = first + 1 < number.size() && number[first] == '.' && is_digit(number[first + 1]);
    if (!whole && !fraction) {  // from_chars would take inf and nan
        return none;
    }
    double value = 0.0;
    const char* const end = number.data() + number.size();
    const auto [rest, problem] = std::from_chars(number.data(), end, value);
    if (rest != end) {
        return none;
    }
    if (problem == std::errc::result_out_of_range) {
        return {0.0, too_large(number) ? NumberProblem::out_of_range : NumberProblem::underflow};
    }
    return {value, NumberProblem::none};
}

}  // namespace

ParsedNumber parse_number(std::string_view cell, char decimal) {
    cell = trimmed(cell);
    if (!cell.empty() && cell.front() == '+') {
        cell.remove_prefix(1);
        if (!cell.empty() && cell.front() == '-') {
            return {0.0, NumberProblem::not_a_number};
        }
    }
    if (decimal == '.') {
        return parse_plain(cell);
    }
    std::string pointed(cell);
    for (char& c : pointed) {
        if (c == '.') {  // a point is nothing in a number where the decimal is another mark
            return {0.0, NumberProblem::not_a_number};
        }
        if (c == decimal) {
            c = '.';
        }
    }
    return parse_plain(pointed);
}

std::string_view spell_number(double value, std::array<char, spelled_bytes>& buffer) {
    const auto [end, problem] = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value);
    return {buffer.data(), end};
}

std::string format_number(double value) {
    std::array<char, spelled_bytes> buffer{};
    return std::string(spell_number(value, buffer));
}

}  // namespace handgrad
