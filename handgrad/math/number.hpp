// The number concept: the few operations on which every formula of handgrad is written, once for all types of number.
#pragma once

#include <bit>
#include <cmath>
#include <complex>
#include <concepts>
#include <cstdint>
#include <limits>
#include <type_traits>

/// A formula in handgrad::math is a template over a number T and uses only
///   + − × ÷, fma, sqrt, min, max, abs, less, less_equal, equal, select, round, exponent, scale
/// and the elementary functions of elementary.hpp built from them; never an `if` on a number. So the same text serves
/// float, double, long double (a wider witness), complex<double> (the complex-step witness) and a SIMD number, whose
/// operations are found by argument-dependent lookup. A SIMD number may have three more, where one instruction does
/// what elementary.hpp composes for the others, with the same bits: scale_any, binary_exponent, mantissa. On complex
/// numbers compare, select, abs, min, max, round and exponent act on the real part: std::abs of a complex number would
/// lose the derivative.
namespace handgrad::math {

/// The real type behind a number: itself for float, double and long double, the lane type of a SIMD number.
template <class T>
struct ScalarOf {};
template <class T>
requires requires { typename T::Scalar; }
struct ScalarOf<T> {
    using type = typename T::Scalar;
};
template <class T>
requires std::is_floating_point_v<T>
struct ScalarOf<T> {
    using type = T;
};
template <>
struct ScalarOf<std::complex<double>> {
    using type = double;
};
template <class T>
using Scalar = typename ScalarOf<T>::type;

/// A constant of a formula, rounded once to the precision of T.
template <class T>
constexpr T constant(long double value) {
    return T(static_cast<Scalar<T>>(value));
}

/// Numbers on which handgrad's own polynomials run (float, double and SIMD numbers of them); long double and complex
/// numbers are witnesses and take the standard library's functions instead.
template <class T>
concept PolynomialNumber =
    std::floating_point<Scalar<T>> && !std::same_as<Scalar<T>, long double> && !std::same_as<T, std::complex<double>>;

// --- float, double, long double -------------------------------------------------------------------------------------

template <std::floating_point T>
T fma(T a, T b, T c) {
    return std::fma(a, b, c);
}
template <std::floating_point T>
T sqrt(T a) {
    return std::sqrt(a);
}
template <std::floating_point T>
T abs(T a) {
    return std::fabs(a);
}
template <std::floating_point T>
bool less(T a, T b) {
    return a < b;
}
template <std::floating_point T>
bool less_equal(T a, T b) {
    return a <= b;
}
template <std::floating_point T>
bool equal(T a, T b) {
    return a == b;
}
/// Where the condition holds a, elsewhere b.
template <std::floating_point T>
T select(bool condition, T a, T b) {
    return condition ? a : b;
}
/// b where a < b, else a: a NaN in the first operand passes through, one in the second does not.
template <std::floating_point T>
T max(T a, T b) {
    return a < b ? b : a;
}
/// b where b < a, else a: a NaN in the first operand passes through, one in the second does not.
template <std::floating_point T>
T min(T a, T b) {
    return b < a ? b : a;
}
/// To the nearest integer, ties to even.
template <std::floating_point T>
T round(T a) {
    return std::nearbyint(a);
}

template <class T>
struct Bits;
template <>
struct Bits<float> {
    using Integer = std::uint32_t;
    static constexpr int mantissa = 23;
    static constexpr int bias = 127;
};
template <>
struct Bits<double> {
    using Integer = std::uint64_t;
    static constexpr int mantissa = 52;
    static constexpr int bias = 1023;
};

/// ⌊log₂ a⌋ of a positive normal a, as a number: the exponent field less the bias, whatever else a is.
template <class T>
requires(std::is_same_v<T, float> || std::is_same_v<T, double>) T exponent(T a) {
    using Integer = typename Bits<T>::Integer;
    constexpr T shift = T(Integer{1} << Bits<T>::mantissa);  // a whole number in the low bits of 2^mantissa + it
    const auto field = static_cast<Integer>((std::bit_cast<Integer>(a) << 1) >> (Bits<T>::mantissa + 1));
    return std::bit_cast<T>(static_cast<Integer>(std::bit_cast<Integer>(shift) | field)) - (shift + T(Bits<T>::bias));
}
/// a·2ᵏ by one multiplication, so rounded once; k is a whole number with 2ᵏ normal (−126 … 127 or −1022 … 1023).
/// Any other k gives some number, and a NaN a gives NaN: no conversion to an integer that could trap.
template <class T>
requires(std::is_same_v<T, float> || std::is_same_v<T, double>) T scale(T a, T k) {
    using Integer = typename Bits<T>::Integer;
    constexpr T shift = T(Integer{1} << Bits<T>::mantissa) + T(Bits<T>::bias);
    return a * std::bit_cast<T>(static_cast<Integer>(std::bit_cast<Integer>(k + shift) << Bits<T>::mantissa));
}

// --- complex<double>: order by the real part, so that an infinitesimal imaginary part carries the derivative --------

using Complex = std::complex<double>;

inline Complex fma(Complex a, Complex b, Complex c) { return a * b + c; }
inline Complex sqrt(Complex a) { return std::sqrt(a); }
inline bool less(Complex a, Complex b) { return a.real() < b.real(); }
inline bool less_equal(Complex a, Complex b) { return a.real() <= b.real(); }
inline bool equal(Complex a, Complex b) { return a.real() == b.real(); }
inline Complex select(bool condition, Complex a, Complex b) { return condition ? a : b; }
inline Complex abs(Complex a) { return less(a, 0) ? -a : a; }  // −0 stays: there, as at +0, the slope is the right one
// Of equal real parts a counts as the greater, in both: together they always return both operands, and no imaginary
// part is lost.
inline Complex max(Complex a, Complex b) { return less(a, b) ? b : a; }
inline Complex min(Complex a, Complex b) { return less(a, b) ? a : b; }
inline Complex round(Complex a) { return std::nearbyint(a.real()); }

}  // namespace handgrad::math
