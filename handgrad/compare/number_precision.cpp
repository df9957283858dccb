// Numbers computed in double are floats by chance once in 2²⁹ each, so a file of floats is known by its numbers.
#include "handgrad/compare/number_precision.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "handgrad/base/error.hpp"

namespace handgrad::compare {
namespace {

/// Doubles that all are floats: numbers computed in double are, once in 2²⁹ each. Those of few digits, as 0 and ½, tell
/// nothing.
bool float_numbers(const std::vector<double>& values) {
    const auto rounded = [](double v) { return static_cast<double>(static_cast<float>(v)) == v; };
    const auto long_number = [](double v) {
        int exponent = 0;
        const double digits = std::ldexp(std::frexp(v, &exponent), 12);
        return digits != std::trunc(digits);
    };
    return std::ranges::all_of(values, rounded) && std::ranges::any_of(values, long_number);
}

}  // namespace

int digits_of(std::span<const NamedArray> arrays) {
    constexpr int single = 24;
    int digits = std::numeric_limits<double>::digits;
    for (const NamedArray& array : arrays) {
        digits = std::min(digits, array.digits);
        if (float_numbers(array.values)) {
            digits = std::min(digits, single);
        }
    }
    return digits;
}

void check_finite(std::span<const NamedArray> arrays, const std::string& source) {
    for (const NamedArray& array : arrays) {
        for (std::size_t i = 0; i < array.values.size(); ++i) {
            if (!std::isfinite(array.values[i])) {
                throw Error(ErrorKind::data, source + ": tensor '" + array.name + "': number " + std::to_string(i) +
                                                 " is not finite; find the step that overflowed first");
            }
        }
    }
}

}  // namespace handgrad::compare
