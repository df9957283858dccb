// What makes a network monotone, as formulas on one unit and one weight (docs/derivations/monotone.md).
#pragma once

#include <cstddef>

#include "handgrad/math/number.hpp"

namespace handgrad::math {

/// σ of hidden unit k (from 0): half of the units rise with what is monotone, half fall. monotone (M1).
constexpr int unit_sign(std::size_t k) { return k % 2 == 0 ? 1 : -1; }

/// The number nearest to w that sign · w ≥ 0 allows: w itself, or 0. Every w where sign is 0; a NaN stays one.
/// monotone (M8).
template <class T>
T of_sign(T w, T sign) {
    const T zero(0);
    const T lifted = select(less(w, zero), select(less(zero, sign), zero, w), w);
    return select(less(zero, lifted), select(less(sign, zero), zero, lifted), lifted);
}

}  // namespace handgrad::math
