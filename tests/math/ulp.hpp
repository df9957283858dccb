// Distance of a number from a wider one, in units in the last place.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>

namespace handgrad::math::test {

/// |y − exact| in ulp of T at the exact value; a subnormal's ulp is the smallest subnormal. 0 when both are NaN, or
/// when `exact` rounds to an infinity that y is; infinite when only one of them is.
template <class T>
double ulps(T y, long double exact) {
    using Limits = std::numeric_limits<T>;
    constexpr double wrong = std::numeric_limits<double>::infinity();
    if (std::isnan(y) || std::isnan(exact)) {
        return std::isnan(y) && std::isnan(exact) ? 0.0 : wrong;
    }
    if (std::isinf(y) || std::isinf(static_cast<T>(exact))) {
        return y == static_cast<T>(exact) ? 0.0 : wrong;
    }
    int e = 0;
    (void)std::frexp(exact, &e);
    const int last = std::max(exact == 0 ? Limits::min_exponent : e, Limits::min_exponent) - Limits::digits;
    return static_cast<double>(std::ldexp(std::fabs(static_cast<long double>(y) - exact), -last));
}

}  // namespace handgrad::math::test
