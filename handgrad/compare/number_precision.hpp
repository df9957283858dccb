// The precision of the numbers that somebody else computed, and the roundings that go with it.
#pragma once

#include <span>
#include <string>

#include "handgrad/data/npz.hpp"

namespace handgrad::compare {

/// Binary digits of float16.
inline constexpr int half_digits = 11;
// Half the distance from 1 to the next number.
inline constexpr double float_rounding = 0x1p-24;
inline constexpr double own_rounding = 0x1p-53;

/// Binary digits of all of them: the coarsest precision among them, since every number has passed through it; and float
/// for doubles that are floats in any tensor.
int digits_of(std::span<const NamedArray> arrays);

/// Raises Error(data) for a number that is not finite.
void check_finite(std::span<const NamedArray> arrays, const std::string& source);

}  // namespace handgrad::compare
