// Vectors of the instruction set that a program is compiled for, as numbers of math/: for code that knows its shapes.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstring>
#include <type_traits>
#include <utility>

#include "handgrad/math/number.hpp"

#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

// The bits that handgrad promises are those of IEEE arithmetic in the order that the text says. Contraction of a
// product and a sum to an fma (-ffp-contract=fast, the default of g++) is harmless here, since no product is left to be
// contracted: for g++ it is an fma itself, with −0, which has the same bits; clang would make a product of that, but
// does not look through an empty assembly statement.
#if defined(__FAST_MATH__) || (defined(__FINITE_MATH_ONLY__) && __FINITE_MATH_ONLY__) || \
    defined(__ASSOCIATIVE_MATH__) || defined(__RECIPROCAL_MATH__) || defined(__NO_SIGNED_ZEROS__)
#error "handgrad: -ffast-math and its parts change results; compile this file without them (-O3 -march=native is right)"
#endif
#if defined(__FLT_EVAL_METHOD__) && __FLT_EVAL_METHOD__ != 0 && __FLT_EVAL_METHOD__ != 16
#error \
    "handgrad: this target computes with more digits than the type has (x87); on x86 compile with -mfpmath=sse -msse2"
#endif

#if defined(__FMA__) || defined(__FMA4__) || defined(__AVX512F__) || defined(__aarch64__)
#define HANDGRAD_CONTRACTS
#elif !defined(__x86_64__) && (defined(__FP_FAST_FMA) || defined(__FP_FAST_FMAF))
#error "handgrad: on this processor compile with -ffp-contract=off, which this header cannot make up for"
#endif

// All types have the name of the instruction set in theirs: files of one program that are compiled for different ones
// share no function.
#if defined(__AVX512F__)
#define HANDGRAD_TARGET for_avx512
#elif defined(__AVX2__) && defined(__FMA__)
#define HANDGRAD_TARGET for_avx2
#elif defined(__x86_64__)
#define HANDGRAD_TARGET for_sse
#elif defined(__aarch64__)
#define HANDGRAD_TARGET for_neon
#else
#define HANDGRAD_TARGET for_any
#endif

namespace handgrad::math {
inline namespace HANDGRAD_TARGET {

/// Whether sums are added in the order that the text says, zeros keep their sign and quotients are divided: clang names
/// no macro for the parts of -ffast-math (-funsafe-math-optimizations, -fassociative-math …), so values tell.
[[gnu::noinline]] inline bool arithmetic_is_exact() {
    const volatile float large = 0x1p27f, one = 1.0f, minus_zero = -0.0f, nine = 9.0f;
    const float a = large, b = one, z = minus_zero, x = nine;
    const bool in_order = (a + b) - a == 0.0f;             // b is lost in the first sum
    const bool signed_zeros = !std::signbit(z + 0.0f);     // −0 + 0 is +0
    const bool divided = x / 10.0f != x * 0x1.99999ap-4f;  // 9/10 and 9 times the nearest to 1/10 round differently
    return in_order && signed_zeros && divided;
}

/// Registers of the processor that hold vectors, and numbers in one of them: a single one where there is no fused
/// multiply-add of vectors, for then each is a call of the C library.
#if defined(__AVX512F__)
inline constexpr std::size_t vector_registers = 32;
template <class T>
inline constexpr std::size_t vector_lanes = 64 / sizeof(T);
#elif defined(__AVX2__) && defined(__FMA__)
inline constexpr std::size_t vector_registers = 16;
template <class T>
inline constexpr std::size_t vector_lanes = 32 / sizeof(T);
#elif defined(__aarch64__)
inline constexpr std::size_t vector_registers = 32;
template <class T>
inline constexpr std::size_t vector_lanes = 16 / sizeof(T);
#else
inline constexpr std::size_t vector_registers = 16;
template <class T>
inline constexpr std::size_t vector_lanes = 1;
#endif

template <class T, std::size_t count>
struct LaneTypes {
    typedef T Vector __attribute__((vector_size(count * sizeof(T))));
    typedef typename Bits<T>::Integer Whole __attribute__((vector_size(count * sizeof(T))));
};
template <class T>
struct LaneTypes<T, 1> {
    using Vector = T;
    using Whole = typename Bits<T>::Integer;
};

/// `count` numbers (float or double) side by side: a vector, or with count 1 a number that is as safe from contraction.
/// The operations of math/number.hpp, each with the bits that it has on a single float or double.
template <class T, std::size_t count>
struct Lanes {
    using Scalar = T;
    using Vector = typename LaneTypes<T, count>::Vector;
    using Whole = typename LaneTypes<T, count>::Whole;
    static constexpr std::size_t lanes = count;
    Vector raw;

    Lanes() = default;
    // NOLINTNEXTLINE(google-explicit-constructor): what operations on raw vectors give are lanes again
    [[gnu::always_inline]] Lanes(Vector value) requires(count > 1) : raw(value) {}
    template <class U>
    requires std::is_arithmetic_v<U>
    [[gnu::always_inline]] explicit Lanes(U value) : raw(everywhere(static_cast<T>(value))) {}

    [[gnu::always_inline]] static Lanes load(const T* from) {
        Lanes result;
        std::memcpy(&result.raw, from, sizeof(Vector));
        return result;
    }
    [[gnu::always_inline]] void store(T* to) const { std::memcpy(to, &raw, sizeof(Vector)); }
    /// The first n ≤ count numbers. By halves and lanes: a copy of bytes would keep the vector in memory all its life.
    template <std::size_t n>
    [[gnu::always_inline]] void store_first(T* to) const {
        if constexpr (n == count) {
            store(to);
        } else if constexpr (sizeof(Vector) > 16) {
            store_halves<n>(to, std::make_index_sequence<count / 2>());
        } else {
            [&]<std::size_t... i>(std::index_sequence<i...>) { ((to[i] = raw[i]), ...); }
            (std::make_index_sequence<n>());
        }
    }

    [[gnu::always_inline]] friend Lanes operator-(Lanes a) { return from_raw(-a.raw); }
    [[gnu::always_inline]] friend Lanes operator+(Lanes a, Lanes b) { return from_raw(a.raw + b.raw); }
    [[gnu::always_inline]] friend Lanes operator-(Lanes a, Lanes b) { return from_raw(a.raw - b.raw); }
    [[gnu::always_inline]] friend Lanes operator*(Lanes a, Lanes b) {
#if defined(HANDGRAD_CONTRACTS) && !defined(__clang__)
        return fma(a, b, Lanes(T(-0.0)));
#elif defined(HANDGRAD_CONTRACTS) && defined(__x86_64__)
        Vector product = a.raw * b.raw;
        __asm__("" : "+x"(product));
        return from_raw(product);
#elif defined(HANDGRAD_CONTRACTS)
        Vector product = a.raw * b.raw;
        __asm__("" : "+w"(product));
        return from_raw(product);
#else
        return from_raw(a.raw * b.raw);
#endif
    }
    [[gnu::always_inline]] friend Lanes operator/(Lanes a, Lanes b) { return from_raw(a.raw / b.raw); }
    [[gnu::always_inline]] friend Lanes abs(Lanes a) {
        const Whole sign = reinterpret<Whole>(Lanes(T(-0.0)).raw);
        return from_raw(reinterpret<Vector>(reinterpret<Whole>(a.raw) & ~sign));
    }
    [[gnu::always_inline]] friend auto less(Lanes a, Lanes b) { return a.raw < b.raw; }
    [[gnu::always_inline]] friend auto less_equal(Lanes a, Lanes b) { return a.raw <= b.raw; }
    [[gnu::always_inline]] friend auto equal(Lanes a, Lanes b) { return a.raw == b.raw; }
    template <class Mask>
    [[gnu::always_inline]] friend Lanes select(Mask condition, Lanes a, Lanes b) {
        return from_raw(condition ? a.raw : b.raw);
    }
    [[gnu::always_inline]] friend Lanes fma(Lanes a, Lanes b, Lanes c) {
#if defined(__AVX512F__)
        if constexpr (sizeof(Vector) == 64 && sizeof(T) == 4) {
            return from_raw(_mm512_fmadd_ps(a.raw, b.raw, c.raw));
        } else if constexpr (sizeof(Vector) == 64) {
            return from_raw(_mm512_fmadd_pd(a.raw, b.raw, c.raw));
        }
#elif defined(__AVX2__) && defined(__FMA__)
        if constexpr (sizeof(Vector) == 32 && sizeof(T) == 4) {
            return from_raw(_mm256_fmadd_ps(a.raw, b.raw, c.raw));
        } else if constexpr (sizeof(Vector) == 32) {
            return from_raw(_mm256_fmadd_pd(a.raw, b.raw, c.raw));
        }
#elif defined(__aarch64__)
        if constexpr (sizeof(Vector) == 16 && sizeof(T) == 4) {
            return from_raw(vfmaq_f32(c.raw, a.raw, b.raw));
        } else if constexpr (sizeof(Vector) == 16) {
            return from_raw(vfmaq_f64(c.raw, a.raw, b.raw));
        }
#endif
        return each([&](std::size_t i) { return std::fma(a[i], b[i], c[i]); });
    }
    [[gnu::always_inline]] friend Lanes sqrt(Lanes a) {
        return each([&](std::size_t i) { return std::sqrt(a[i]); });
    }
    /// The concept's order of operands: what stands first passes where a comparison is false, so a NaN does. On x86
    /// this is one instruction, which keeps its *second* operand then. (With AVX-512 under a mask of ones: what GCC 12
    /// calls without a mask it warns of.)
    [[gnu::always_inline]] friend Lanes max(Lanes a, Lanes b) {
#if defined(__AVX512F__)
        if constexpr (sizeof(Vector) == 64 && sizeof(T) == 4) {
            return from_raw(_mm512_maskz_max_ps(__mmask16(-1), b.raw, a.raw));
        } else if constexpr (sizeof(Vector) == 64) {
            return from_raw(_mm512_maskz_max_pd(__mmask8(-1), b.raw, a.raw));
        }
#elif defined(__AVX2__) && defined(__FMA__)
        if constexpr (sizeof(Vector) == 32 && sizeof(T) == 4) {
            return from_raw(_mm256_max_ps(b.raw, a.raw));
        } else if constexpr (sizeof(Vector) == 32) {
            return from_raw(_mm256_max_pd(b.raw, a.raw));
        }
#endif
        return select(less(a, b), b, a);
    }
    [[gnu::always_inline]] friend Lanes min(Lanes a, Lanes b) {
#if defined(__AVX512F__)
        if constexpr (sizeof(Vector) == 64 && sizeof(T) == 4) {
            return from_raw(_mm512_maskz_min_ps(__mmask16(-1), b.raw, a.raw));
        } else if constexpr (sizeof(Vector) == 64) {
            return from_raw(_mm512_maskz_min_pd(__mmask8(-1), b.raw, a.raw));
        }
#elif defined(__AVX2__) && defined(__FMA__)
        if constexpr (sizeof(Vector) == 32 && sizeof(T) == 4) {
            return from_raw(_mm256_min_ps(b.raw, a.raw));
        } else if constexpr (sizeof(Vector) == 32) {
            return from_raw(_mm256_min_pd(b.raw, a.raw));
        }
#endif
        return select(less(b, a), b, a);
    }
    [[gnu::always_inline]] friend Lanes round(Lanes a) {
#if defined(__AVX512F__)
        constexpr int nearest = _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC;
        if constexpr (sizeof(Vector) == 64 && sizeof(T) == 4) {
            return from_raw(_mm512_maskz_roundscale_ps(__mmask16(-1), a.raw, nearest));
        } else if constexpr (sizeof(Vector) == 64) {
            return from_raw(_mm512_maskz_roundscale_pd(__mmask8(-1), a.raw, nearest));
        }
#elif defined(__AVX2__) && defined(__FMA__)
        constexpr int nearest = _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC;
        if constexpr (sizeof(Vector) == 32 && sizeof(T) == 4) {
            return from_raw(_mm256_round_ps(a.raw, nearest));
        } else if constexpr (sizeof(Vector) == 32) {
            return from_raw(_mm256_round_pd(a.raw, nearest));
        }
#endif
        return each([&](std::size_t i) { return std::nearbyint(a[i]); });
    }
    /// As math::exponent for one number.
    [[gnu::always_inline]] friend Lanes exponent(Lanes a) {
        constexpr T shift = T(typename Bits<T>::Integer{1} << Bits<T>::mantissa);
        const Whole field = (reinterpret<Whole>(a.raw) << 1) >> (Bits<T>::mantissa + 1);
        const Whole bits = reinterpret<Whole>(Lanes(shift).raw) | field;
        return from_raw(reinterpret<Vector>(bits)) - Lanes(shift + T(Bits<T>::bias));
    }
    /// As math::scale for one number.
    [[gnu::always_inline]] friend Lanes scale(Lanes a, Lanes k) {
        constexpr T shift = T(typename Bits<T>::Integer{1} << Bits<T>::mantissa) + T(Bits<T>::bias);
        const Whole bits = reinterpret<Whole>((k + Lanes(shift)).raw) << Bits<T>::mantissa;
        return a * from_raw(reinterpret<Vector>(bits));
    }
    [[gnu::always_inline]] T operator[](std::size_t lane) const {
        if constexpr (count == 1) {
            return raw;
        } else {
            return raw[lane];
        }
    }
    /// The sum of all lanes: lane i + lane i + count/2 first, and so on down to one.
    [[gnu::always_inline]] friend T sum_of_lanes(Lanes a) { return a.folded(std::make_index_sequence<count / 2>()); }

private:
    [[gnu::always_inline]] static Lanes from_raw(Vector value) {
        Lanes result;
        result.raw = value;
        return result;
    }
    template <class To, class From>
    [[gnu::always_inline]] static To reinterpret(From from) {
        static_assert(sizeof(To) == sizeof(From));
        To to;
        std::memcpy(&to, &from, sizeof to);
        return to;
    }
    [[gnu::always_inline]] static Vector everywhere(T value) {
        if constexpr (count == 1) {
            return value;
        } else {
            return [value]<std::size_t... i>(std::index_sequence<i...>) {
                return Vector{(static_cast<void>(i), value)...};
            }
            (std::make_index_sequence<count>());
        }
    }
    template <class F>
    [[gnu::always_inline]] static Lanes each(const F& f) {
        if constexpr (count == 1) {
            return from_raw(f(0));
        } else {
            Lanes result;
            for (std::size_t i = 0; i < count; ++i) {
                result.raw[i] = f(i);
            }
            return result;
        }
    }
    template <std::size_t n, std::size_t... i>
    [[gnu::always_inline]] void store_halves(T* to, std::index_sequence<i...>) const {
        using Half = Lanes<T, count / 2>;
        constexpr std::size_t half = count / 2;
        const Half low(__builtin_shufflevector(raw, raw, i...));
        if constexpr (n < half) {
            low.template store_first<n>(to);
        } else {
            low.store(to);
            Half(__builtin_shufflevector(raw, raw, (i + half)...)).template store_first<n - half>(to + half);
        }
    }
    template <std::size_t... i>
    [[gnu::always_inline]] T folded(std::index_sequence<i...>) const {
        if constexpr (count == 1) {
            return raw;
        } else if constexpr (sizeof(Vector) > 16) {
            using Half = Lanes<T, count / 2>;
            return sum_of_lanes(Half(__builtin_shufflevector(raw, raw, i...)) +
                                Half(__builtin_shufflevector(raw, raw, (i + count / 2)...)));
        } else if constexpr (count == 4) {  // not by vectors of two floats, which no processor has
            const Vector pairs = raw + __builtin_shufflevector(raw, raw, 2, 3, 0, 1);
            return pairs[0] + pairs[1];
        } else {
            return raw[0] + raw[1];
        }
    }
};

}  // namespace HANDGRAD_TARGET
}  // namespace handgrad::math
