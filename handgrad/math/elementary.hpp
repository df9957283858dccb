// exp, expm1, log, log1p, tanh, erf, erfc: own polynomials for float, double and SIMD; std for the wider witnesses.
#pragma once

#include <array>
#include <cmath>
#include <complex>
#include <cstddef>
#include <limits>
#include <type_traits>

#include "handgrad/math/coefficients.hpp"
#include "handgrad/math/number.hpp"

/// Every function is one straight line of the operations of number.hpp, with each fused multiply-add spelled out, so
/// the same text gives the same bits on a float and in each lane of a SIMD float. Stated errors are in units in the
/// last place of the exact result (ulp): in float over all 2³² arguments, in double over hundreds of millions of random
/// ones (tests/slow/elementary_proof.cpp; docs/numerics.md). Subnormal arguments and results count like all others.
namespace handgrad::math {

/// c₀ + c₁x + c₂x² + … by Horner's rule.
template <PolynomialNumber T, std::size_t N>
T polynomial(T x, const std::array<Scalar<T>, N>& c) {
    T sum = T(c[N - 1]);
    for (std::size_t i = N - 1; i-- > 0;) {
        sum = fma(sum, x, T(c[i]));
    }
    return sum;
}

/// e^x = 2ᵏ(1 + high + low) with |high| ≤ ½ log 2, and low the rest of e^high − 1 together with what high lost.
template <PolynomialNumber T>
struct ExpParts {
    T k, high, low;
};
template <PolynomialNumber T>
ExpParts<T> exp_parts(T x) {
    using C = Coefficients<Scalar<T>>;
    const T k = round(x * constant<T>(1.44269504088896340736L));
    const T exact = fma(k, T(-C::log2_high), x);
    const T r = fma(k, T(-C::log2_low), exact);
    const T lost = fma(k, T(-C::log2_low), exact - r);
    return {k, r, fma(r * r, polynomial(r, C::exp), lost)};
}
/// a·2ᵏ for any exponent that e^x and its like can have, rounded once: the first of two steps is exact, unless the
/// number has an instruction for it (`scale_any`).
template <PolynomialNumber T>
T scale_twice(T a, T k) {
    if constexpr (requires { scale_any(a, k); }) {
        return scale_any(a, k);
    } else {
        const T half = round(T(0.5) * k);
        return scale(scale(a, half), k - half);
    }
}

/// x held where e^x is neither ∞ nor 0 by rounding; beyond it is.
template <PolynomialNumber T>
T exp_argument(T x) {
    constexpr bool single = std::is_same_v<Scalar<T>, float>;
    return min(max(x, T(single ? -104 : -746)), T(single ? 89 : 710));
}
template <PolynomialNumber T>
T exp_of_parts(const ExpParts<T>& e) {
    const T sum = T(1) + e.high;
    return scale_twice(sum + (((T(1) - sum) + e.high) + e.low), e.k);
}

/// e^x, to 0.76 ulp in float, 0.78 in double.
template <PolynomialNumber T>
T exp(T x) {
    return exp_of_parts(exp_parts(exp_argument(x)));
}

/// e^x − 1 = 2 (high + low).
template <PolynomialNumber T>
struct Expm1Parts {
    T high, low;
};
/// The same from the parts of e^x, for k from −60 up to where e^x overflows when doubled.
template <PolynomialNumber T>
Expm1Parts<T> expm1_parts(const ExpParts<T>& e) {
    const T s = scale(T(1), e.k - T(1));  // (e^x − 1)/2 = (s − ½) + s r + s rest
    const T whole = s - T(0.5);
    const T lost = select(less(s, T(0.5)), s - (whole + T(0.5)), (s - whole) - T(0.5));
    const T high = fma(s, e.high, whole);
    return {high, fma(s, e.low, fma(s, e.high, whole - high) + lost)};
}

/// e^x − 1 without cancellation near 0, to 0.90 ulp in float, 1.1 in double.
template <PolynomialNumber T>
T expm1(T x) {
    constexpr bool single = std::is_same_v<Scalar<T>, float>;
    const auto [high, low] = expm1_parts(exp_parts(min(max(x, T(single ? -20 : -40)), T(single ? 89 : 710))));
    const T result = T(2) * (high + low);
    return select(less(abs(x), T(std::numeric_limits<Scalar<T>>::epsilon() / 2)), x, result);
}

/// x = 2ᵏ m with m from √½ to √2, for positive finite x, subnormal ones included.
template <PolynomialNumber T>
struct Decomposed {
    T k, m;
    T lifted_exponent, lift;  ///< m = x·lift·2^(−lifted_exponent), both factors normal; not of a number with scale_any
};
template <PolynomialNumber T>
Decomposed<T> decompose(T x) {
    constexpr int up = std::is_same_v<Scalar<T>, float> ? 32 : 64;  // lifts subnormal numbers to normal ones
    const auto small = less(x, T(1));
    const T lift = select(small, T(Scalar<T>(up == 32 ? 0x1p32 : 0x1p64)), T(0.25));
    const T lifted = x * lift;
    const T lifted_exponent = exponent(lifted * constant<T>(1.41421356237309504880L));
    return {lifted_exponent - select(small, T(up), T(-2)), scale(lifted, -lifted_exponent), lifted_exponent, lift};
}
/// The same of a number with instructions for it: `binary_exponent` and `mantissa` (from 1 to 2) of any positive finite
/// x, and scale_any for what is to be scaled alike.
template <PolynomialNumber T>
requires requires(T x) { binary_exponent(x), mantissa(x), scale_any(x, x); }
Decomposed<T> decompose(T x) {
    const T m = mantissa(x);
    const auto upper = less_equal(T(2), m * constant<T>(1.41421356237309504880L));
    const T k = binary_exponent(x) + select(upper, T(1), T(0));
    return {k, m * select(upper, T(0.5), T(1)), T(0), T(1)};
}

/// x·2⁻ᵏ for an x below that which was decomposed.
template <PolynomialNumber T>
T scaled_as(const Decomposed<T>& d, T x) {
    if constexpr (requires { scale_any(x, x); }) {
        return scale_any(x, -d.k);
    } else {
        return scale(x * d.lift, -d.lifted_exponent);
    }
}

/// k log 2 + log(1 + f + lost), for 1 + f from √½ to √2 and `lost` below an ulp of it.
template <PolynomialNumber T>
T log_sum(T k, T f, T lost) {
    using C = Coefficients<Scalar<T>>;
    // With s = f/(2 + f): log(1 + f) = log((1 + s)/(1 − s)) = 2s + s³(…) = f − f²/2 + s (f²/2 + s²(…)).
    const T s = f / (T(2) + f);
    const T v = s * s;
    const T half_square = T(0.5) * f * f;
    const T tail = fma(s, fma(v, polynomial(v, C::log), half_square), -half_square);
    const T reciprocal = fma(fma(fma(T(-2), s, T(2)), s, T(-2)), s, T(1));  // of 1 + f, to 1 part in 500
    const T exact = k * T(C::log2_high);
    const T high = exact + f;
    const T low = (exact - high) + f;
    return high + (low + (fma(lost, reciprocal, tail) + k * T(C::log2_low)));
}
/// The logarithm of u where `value` may stand; its limits at 0 and ∞, and NaN below 0.
template <PolynomialNumber T>
T log_or_limit(T u, T value) {
    using Limits = std::numeric_limits<Scalar<T>>;
    const T at_ends = select(equal(u, T(0)), T(-Limits::infinity()), select(equal(u, T(Limits::infinity())), u, value));
    return select(less(u, T(0)), T(Limits::quiet_NaN()), at_ends);
}

/// log x, to 0.88 ulp in float, 0.89 in double; −∞ at ±0, NaN below.
template <PolynomialNumber T>
T log(T x) {
    const Decomposed<T> d = decompose(x);
    return log_or_limit(x, log_sum(d.k, d.m - T(1), T(0)));
}

/// log(1 + x) without cancellation near 0, to 0.92 ulp in float, 0.93 in double; −∞ at −1, NaN below.
template <PolynomialNumber T>
T log1p(T x) {
    const T larger = max(x, T(1));
    const T smaller = min(x, T(1));
    const T u = larger + smaller;
    const T lost = smaller - (u - larger);
    const Decomposed<T> d = decompose(u);
    const auto near_one = equal(d.k, T(0));
    const T f = select(near_one, x, d.m - T(1));
    const T value = log_sum(d.k, f, select(near_one, T(0), scaled_as(d, lost)));
    return log_or_limit(u, select(equal(x, T(0)), x, value));
}

/// What tanh x and its derivative have in common: t = e^{−2|x|} and h = (t − 1)/2, so that tanh |x| = −h/(1 + h).
template <PolynomialNumber T>
struct TanhParts {
    T t;
    T h, h_low;      ///< h as rounded, and what that lost
    T sum, sum_low;  ///< 1 + h
    T reciprocal;    ///< of sum
};
template <PolynomialNumber T>
TanhParts<T> tanh_parts(T x) {
    const ExpParts<T> e = exp_parts(exp_argument(T(-2) * abs(x)));
    const auto [high, low] = expm1_parts(ExpParts<T>{max(e.k, T(-60)), e.high, e.low});  // t is lost beside 1 there
    const T h = high + low;
    const T h_low = (high - h) + low;
    const T sum = T(1) + h;
    return {exp_of_parts(e), h, h_low, sum, (h - (sum - T(1))) + h_low, T(1) / sum};
}

/// tanh x, the quotient −h/(1 + h) corrected by its remainder: to 0.79 ulp in float, 0.92 in double.
template <PolynomialNumber T>
T tanh(T x) {
    constexpr bool single = std::is_same_v<Scalar<T>, float>;
    const TanhParts<T> p = tanh_parts(x);
    const T quotient = p.h * p.reciprocal;
    const T remainder = fma(-quotient, p.sum, p.h) + fma(-quotient, p.sum_low, p.h_low);
    const T result = fma(remainder, p.reciprocal, quotient);
    const T tiny = T(single ? 0x1p-13 : 0x1p-27);  // below it x − x³/3 rounds to x
    return select(less(abs(x), tiny), x, select(less(x, T(0)), result, -result));
}
/// 1 − tanh² x = 4t/(1 + t)² = t/(1 + h)², which does not cancel for large |x|.
template <PolynomialNumber T>
T tanh_slope(T x) {
    const TanhParts<T> p = tanh_parts(x);
    return (p.t * p.reciprocal) * p.reciprocal;
}

/// erfc(|x| + low) = e^{−x²} t g(q), with t = 1/(|x| + a) and q = (|x| − a) t = 1 − 2at; low is below an ulp of x.
template <PolynomialNumber T>
T erfc_of_abs(T x, T low) {
    using C = Coefficients<Scalar<T>>;
    constexpr bool single = std::is_same_v<Scalar<T>, float>;
    const T center = T(C::erfc_center);
    const T held = min(abs(x), constant<T>(single ? 10.1L : 27.3L));  // erfc rounds to 0 from there on
    // t and q as rounded belong to a neighbour of |x|, at distance δ. E = t g there, and E′ = 2xE − 2/√π.
    const T sum = held + center;
    const T sum_low = min(held, center) - (sum - max(held, center));
    const T t = T(1) / sum;
    const T q = fma(T(-2) * center, t, T(1));
    const T t_low = ((T(1) - q) - T(2) * center * t) * (T(0.5) / center);
    const T delta = sum * (fma(-t, sum, T(1)) - fma(t, sum_low, t_low * sum));
    const T first = T(C::erfc_first_high);
    const T others = fma(q, polynomial(q, C::erfc), T(C::erfc_first_low));
    const T g = first + others;
    const T g_low = min(first, others) - (g - max(first, others));
    const T scaled = t * g;
    const T slope = fma(T(2) * held, scaled, constant<T>(-1.12837916709551257390L));
    const T scaled_low = fma(t, g, -scaled) + fma(t, g_low, fma(t_low, g, -((delta - low) * slope)));
    // e^{−x²}, with what the square lost.
    const T square = held * held;
    const T square_low = fma(T(2) * held, low, fma(held, held, -square));
    const auto [k, high, rest] = exp_parts(-square);
    const T whole = T(1) + high;
    const T tail = ((T(1) - whole) + high) + rest;
    const T power = whole + tail;
    const T power_low = fma(-square_low, power, (whole - power) + tail);
    return scale_twice(fma(power, scaled, fma(power, scaled_low, power_low * scaled)), k);
}

/// erfc(x + low) for low below an ulp of x: where erfc is steep, what the rounding of x lost shows in many digits.
template <PolynomialNumber T>
T erfc_of_sum(T x, T low) {
    const auto negative = less(x, T(0));
    const T result = erfc_of_abs(x, select(negative, -low, low));
    return select(negative, T(2) - result, result);
}
/// erfc x = 1 − erf x without cancellation for large x, to 2 ulp in float, 2.2 in double.
template <PolynomialNumber T>
T erfc(T x) {
    return erfc_of_sum(x, T(0));
}

/// erf x = (2/√π) ∫₀ˣ e^{−t²} dt, to 0.87 ulp in float and double.
template <PolynomialNumber T>
T erf(T x) {
    using C = Coefficients<Scalar<T>>;
    const T far = T(1) - erfc_of_abs(x, T(0));
    const T near = fma(polynomial(x * x, C::erf), x, x);
    return select(less(abs(x), T(C::erf_split)), near, select(less(x, T(0)), -far, far));
}

// --- long double, the wider witness ---------------------------------------------------------------------------------

inline long double exp(long double x) { return std::exp(x); }
inline long double expm1(long double x) { return std::expm1(x); }
inline long double log(long double x) { return std::log(x); }
inline long double log1p(long double x) { return std::log1p(x); }
inline long double tanh(long double x) { return std::tanh(x); }
inline long double tanh_slope(long double x) {
    const long double t = std::exp(-2 * std::fabs(x));
    return 4 * t / ((1 + t) * (1 + t));
}
inline long double erf(long double x) { return std::erf(x); }
inline long double erfc(long double x) { return std::erfc(x); }
inline long double erfc_of_sum(long double x, long double low) { return std::erfc(x + low); }

// --- complex<double>, the complex-step witness ----------------------------------------------------------------------

inline Complex exp(Complex z) { return std::exp(z); }
/// e^z − 1: the real part e^x cos y − 1 in two terms that do not cancel.
inline Complex expm1(Complex z) {
    const double half_sine = std::sin(0.5 * z.imag());
    return {std::expm1(z.real()) * std::cos(z.imag()) - 2 * half_sine * half_sine,
            std::exp(z.real()) * std::sin(z.imag())};
}
inline Complex log(Complex z) { return std::log(z); }
/// log(1 + z): the real part ½ log((1 + x)² + y²) with log(1 + x) taken apart.
inline Complex log1p(Complex z) {
    const double slope = z.imag() / (1 + z.real());
    return {std::log1p(z.real()) + 0.5 * std::log1p(slope * slope), std::atan2(z.imag(), 1 + z.real())};
}
inline Complex tanh(Complex z) { return std::tanh(z); }
inline Complex tanh_slope(Complex z) {
    const Complex t = std::exp(-2.0 * (z.real() < 0 ? -z : z));
    return 4.0 * t / ((1.0 + t) * (1.0 + t));
}
/// (2/√π) e^{−x²}, the derivative of erf, with what x² lost.
inline double erf_slope(double x) {
    const double square = x * x;
    return 1.12837916709551257390 * std::exp(-square) * (1 - std::fma(x, x, -square));
}
/// erf to first order in the imaginary part: right for the infinitesimal step that complex numbers are used for here.
inline Complex erf(Complex z) { return {std::erf(z.real()), z.imag() * erf_slope(z.real())}; }
/// erfc to first order in the imaginary part, and in low.
inline Complex erfc_of_sum(Complex z, Complex low) {
    const double slope = -erf_slope(z.real());
    return {std::fma(low.real(), slope, std::erfc(z.real())), (z.imag() + low.imag()) * slope};
}
inline Complex erfc(Complex z) { return erfc_of_sum(z, 0); }

// --- Built from the above, for every number -------------------------------------------------------------------------

/// e^{x + low} for x ≤ 0 and low below an ulp of x: e^x (1 + low). A low that is no number, as from ∞ − ∞, is dropped.
template <class T>
T exp_of_sum(T x, T low) {
    const T e = exp(x);
    return fma(e, select(equal(low, low), low, T(0)), e);
}
/// e^{a − b} for a ≤ b, right to a few ulp even where a − b rounds; what that loses is found by Knuth's two-sum.
template <class T>
T exp_of_difference(T a, T b) {
    const T d = a - b;
    const T b_virtual = a - d;
    const T a_virtual = d + b_virtual;
    return exp_of_sum(d, (a - a_virtual) + (b_virtual - b));
}

}  // namespace handgrad::math
