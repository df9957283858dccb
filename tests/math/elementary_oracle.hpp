// What MPFR says of the elementary functions, fast enough for every float: the list of them, Taylor blocks, ulp errors.
#pragma once

#include <mpfr.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <span>
#include <string_view>
#include <type_traits>
#include <vector>

#include "handgrad/math/elementary.hpp"

namespace handgrad::math::oracle {

/// c₀ … c₄ of f(x + d) = Σ cᵢ dⁱ.
using Taylor = std::array<long double, 5>;

/// An elementary function in one number type T: ours, MPFR's, and what a proof needs to know of it.
template <class T>
struct Elementary {
    std::string_view name;
    double bound;  ///< the worst error that docs/numerics.md states, in ulp
    void (*ours)(std::span<const T> xs, std::span<T> ys);
    int (*exact)(mpfr_t, const mpfr_t, mpfr_rnd_t);
    Taylor (*taylor)(long double x, long double value);
    long double (*reach)(long double x);  ///< |cᵢ| is at most some |value|·reach^(−i) near x
    T low, high;                          ///< outside of these every result is exactly …
    T below, above;                       ///< … this
};

namespace series {
inline long double gaussian(long double x) { return 1.128379167095512573896158903L * std::exp(-x * x); }

inline Taylor exp(long double /*x*/, long double v) { return {v, v, v / 2, v / 6, v / 24}; }
inline Taylor expm1(long double /*x*/, long double v) {
    const long double e = v + 1;
    return {v, e, e / 2, e / 6, e / 24};
}
inline Taylor log(long double x, long double v) {
    const long double r = 1 / x;
    return {v, r, -r * r / 2, r * r * r / 3, -r * r * r * r / 4};
}
inline Taylor log1p(long double x, long double v) { return log(1 + x, v); }
inline Taylor tanh(long double /*x*/, long double v) {
    const long double s = 1 - v * v;
    return {v, s, -v * s, s * (v * v - 1.0L / 3), v * s * (2.0L / 3 - v * v)};
}
inline Taylor erf(long double x, long double v) {
    const long double g = gaussian(x);
    return {v, g, -x * g, (2 * x * x - 1) / 3 * g, (3 * x - 2 * x * x * x) / 6 * g};
}
inline Taylor erfc(long double x, long double v) {
    const Taylor t = erf(x, -v);
    return {v, -t[1], -t[2], -t[3], -t[4]};
}
inline long double one(long double /*x*/) { return 1; }
inline long double distance_to_zero_and_one(long double x) { return std::min(std::fabs(x), std::fabs(x - 1)); }
inline long double distance_to_minus_one(long double x) { return 1 + x; }
inline long double gaussian_width(long double x) { return 1 / (1 + std::fabs(x)); }
}  // namespace series

/// y = f(x) for each x: a loop that the compiler can turn into SIMD instructions.
template <class T, T (*f)(T)>
void each(std::span<const T> xs, std::span<T> ys) {
    for (std::size_t i = 0; i < xs.size(); ++i) {
        ys[i] = f(xs[i]);
    }
}

/// All elementary functions in float or double.
template <class T>
const std::array<Elementary<T>, 7>& functions() {
    constexpr bool single = std::is_same_v<T, float>;
    constexpr T infinity = std::numeric_limits<T>::infinity();
    constexpr T nan = std::numeric_limits<T>::quiet_NaN();
    const auto pick = [](double f, double d) { return single ? f : d; };
    const auto at = [](double f, double d) { return static_cast<T>(single ? f : d); };
    static const std::array<Elementary<T>, 7> list{{
        {"exp", pick(0.76, 0.78), &each<T, &math::exp<T>>, &mpfr_exp, &series::exp, &series::one, at(-105, -746),
         at(89.5, 710), T(0), infinity},
        {"expm1", pick(0.9, 1.1), &each<T, &math::expm1<T>>, &mpfr_expm1, &series::expm1, &series::one, at(-18, -38),
         at(89.5, 710), T(-1), infinity},
        {"log", pick(0.88, 0.89), &each<T, &math::log<T>>, &mpfr_log, &series::log, &series::distance_to_zero_and_one,
         T(0), infinity, nan, infinity},
        {"log1p", pick(0.92, 0.93), &each<T, &math::log1p<T>>, &mpfr_log1p, &series::log1p,
         &series::distance_to_minus_one, T(-1), infinity, nan, infinity},
        {"tanh", pick(0.79, 0.92), &each<T, &math::tanh<T>>, &mpfr_tanh, &series::tanh, &series::one, at(-10, -20),
         at(10, 20), T(-1), T(1)},
        {"erf", pick(0.87, 0.87), &each<T, &math::erf<T>>, &mpfr_erf, &series::erf, &series::gaussian_width, at(-4, -6),
         at(4, 6), T(-1), T(1)},
        {"erfc", pick(2.0, 2.2), &each<T, &math::erfc<T>>, &mpfr_erfc, &series::erfc, &series::gaussian_width,
         at(-4, -6), at(10.2, 27.4), T(2), T(0)},
    }};
    return list;
}

/// MPFR's value, to long double.
template <class T>
long double exact_value(const Elementary<T>& f, T x) {
    thread_local struct Number {
        Number() { mpfr_init2(value, 80); }
        ~Number() { mpfr_clear(value); }
        Number(const Number&) = delete;
        Number& operator=(const Number&) = delete;
        mpfr_t value;
    } number;
    mpfr_set_d(number.value, static_cast<double>(x), MPFR_RNDN);
    f.exact(number.value, number.value, MPFR_RNDN);
    return mpfr_get_ld(number.value, MPFR_RNDN);
}

/// The type in which errors are computed: 29 or 11 bits beyond T's own.
template <class T>
using Wide = std::conditional_t<std::is_same_v<T, float>, double, long double>;

/// One unit in the last place of T at a finite exact value: at least the smallest subnormal, at most that of the
/// largest.
template <class T>
double ulp_at(Wide<T> exact) {
    using Limits = std::numeric_limits<T>;
    const auto size = static_cast<double>(std::min(std::fabs(exact), static_cast<Wide<T>>(Limits::max())));
    const double binade = std::bit_cast<double>(std::bit_cast<std::uint64_t>(size) & 0x7ff0'0000'0000'0000U);
    return std::max(binade, static_cast<double>(Limits::min())) * static_cast<double>(Limits::epsilon());
}

/// How far y is from the exact value, in ulp of it; overflow counts as 2^(largest exponent + 1). Infinite when one is
/// NaN and the other not, or where a zero is expected and y is none, or one of the other sign.
template <class T>
double ulp_error(T y, Wide<T> exact) {
    using W = Wide<T>;
    constexpr double wrong = std::numeric_limits<double>::infinity();
    if (std::isnan(y) || std::isnan(exact)) {
        return std::isnan(y) && std::isnan(exact) ? 0.0 : wrong;
    }
    if (exact == 0 && (y != 0 || std::signbit(y) != std::signbit(exact))) {
        return wrong;
    }
    static const W top = std::ldexp(W(1), std::numeric_limits<T>::max_exponent);
    const W difference = std::clamp(static_cast<W>(y), -top, top) - std::clamp(exact, -top, top);
    return static_cast<double>(std::fabs(difference) / static_cast<W>(ulp_at<T>(exact)));
}

/// The same against MPFR alone, without the rounding of a wide type: how far ours is off at an x whose value is finite.
template <class T>
double exact_error(const Elementary<T>& f, T x) {
    T y;
    f.ours({&x, 1}, {&y, 1});
    mpfr_t difference;
    mpfr_init2(difference, 160);
    mpfr_set_d(difference, static_cast<double>(x), MPFR_RNDN);
    f.exact(difference, difference, MPFR_RNDN);
    mpfr_sub_d(difference, difference, static_cast<double>(y), MPFR_RNDN);
    mpfr_div_d(difference, difference, ulp_at<T>(static_cast<Wide<T>>(exact_value(f, x))), MPFR_RNDN);
    const double error = std::fabs(mpfr_get_d(difference, MPFR_RNDN));
    mpfr_clear(difference);
    return error;
}

/// The worst error seen, and where.
template <class T>
struct Worst {
    double error = 0.0;
    T at = T(0);
    void see(double e, T x) {
        if (!(e <= error)) {
            error = e;
            at = x;
        }
    }
    void merge(const Worst& other) { see(other.error, other.at); }
};

/// Compares ours with MPFR itself (with the limit, outside of low … high).
template <class T>
void compare_one(const Elementary<T>& f, T x, Worst<T>& worst) {
    T y;
    f.ours({&x, 1}, {&y, 1});
    const bool outside = x < f.low || x > f.high;
    const T limit = x < f.low ? f.below : f.above;
    worst.see(ulp_error<T>(y, outside ? static_cast<Wide<T>>(limit) : static_cast<Wide<T>>(exact_value(f, x))), x);
}

template <class W, class Coefficient>
W sum(const std::array<Coefficient, 5>& c, W d) {
    return c[0] + d * (c[1] + d * (c[2] + d * (c[3] + d * c[4])));
}

/// A Taylor polynomial of degree 4 serves within reach × this: what is left out is below 2⁻³⁵ (float) or 2⁻⁶⁵ (double)
/// of the value.
template <class T>
constexpr double taylor_share = std::is_same_v<T, float> ? 0x1p-7 : 0x1p-13;

/// Whether the Taylor polynomial at `anchor` is as good as exact at every x: all lie on one side of 0, between low and
/// high, and near enough.
template <class T>
bool taylor_serves(const Elementary<T>& f, T anchor, std::span<const T> xs) {
    const long double width = taylor_share<T> * f.reach(anchor);
    const auto serves = [&](T x) {
        return f.low < x && x < f.high && x != 0 && std::signbit(x) == std::signbit(anchor) &&
               std::fabs(static_cast<long double>(x) - anchor) < width;
    };
    const auto [first, last] = std::minmax_element(xs.begin(), xs.end());
    return serves(*first) && serves(*last);
}

/// Fills xs with random numbers around a random anchor, near enough for its Taylor polynomial, and returns the anchor:
/// of three successive seeds one has it between −3 and 3, one in the range where f is not at its limit, one has random
/// bits.
template <class T>
T fill_randomly(const Elementary<T>& f, std::uint32_t seed, std::span<T> xs) {
    std::mt19937_64 bits(seed);
    const auto uniform = [&bits](double low, double high) {
        return static_cast<T>(low + (high - low) * static_cast<double>(bits() >> 11U) * 0x1p-53);
    };
    const T anchor = seed % 3 == 0   ? uniform(-3, 3)
                     : seed % 3 == 1 ? uniform(std::max<double>(f.low, -1e3), std::min<double>(f.high, 1e3))
                                     : std::bit_cast<T>(static_cast<typename Bits<T>::Integer>(bits()));
    const auto near = static_cast<double>(std::min<long double>(f.reach(anchor), std::fabs(anchor)));
    for (T& x : xs) {
        x = anchor + uniform(-1, 1) * static_cast<T>(near * taylor_share<T> / 2);
    }
    return anchor;
}

/// Compares ours at every x with the Taylor polynomial at `anchor`, whose value is MPFR's, where that serves; else with
/// MPFR itself.
template <class T>
void compare(const Elementary<T>& f, T anchor, std::span<const T> xs, Worst<T>& worst) {
    if (!taylor_serves(f, anchor, xs)) {
        for (const T x : xs) {
            compare_one(f, x, worst);
        }
        return;
    }
    const Taylor exact = f.taylor(anchor, exact_value(f, anchor));
    std::array<Wide<T>, 5> c{};
    std::copy(exact.begin(), exact.end(), c.begin());
    std::vector<T> ys(xs.size());
    f.ours(xs, ys);
    for (std::size_t i = 0; i < xs.size(); ++i) {
        const Wide<T> d = static_cast<Wide<T>>(xs[i]) - static_cast<Wide<T>>(anchor);
        worst.see(ulp_error<T>(ys[i], sum(c, d)), xs[i]);
    }
}

/// What the Taylor polynomial at `anchor` lacks at x, in ulp of T.
template <class T>
double taylor_error(const Elementary<T>& f, T anchor, T x) {
    const long double exact = exact_value(f, x);
    const Taylor c = f.taylor(anchor, exact_value(f, anchor));
    const long double there = sum(c, static_cast<long double>(x) - anchor);
    return static_cast<double>(std::fabs(there - exact) / ulp_at<T>(static_cast<Wide<T>>(exact)));
}

}  // namespace handgrad::math::oracle
