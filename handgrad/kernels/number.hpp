// The SIMD number: math's number concept on the vectors of the instruction set that this object file is compiled for.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstring>
#include <limits>
#include <type_traits>

#include "handgrad/math/number.hpp"

#if !defined(HANDGRAD_LEVEL_SCALAR)
#include <hwy/highway.h>
#endif

/// Included by one source file for each instruction set. All of it is in an unnamed namespace, so that every formula
/// instantiated on these numbers stays inside its object file: a linker that kept one copy of a shared symbol could
/// hand a processor instructions that it lacks.
namespace handgrad::kernels {
namespace {

#if defined(HANDGRAD_LEVEL_SCALAR)

/// One lane, by the standard library's operations: the twin that defines the bits of all others.
template <class S>
struct Simd {
    using Scalar = S;
    static constexpr std::size_t lanes = 1;
    S raw;

    Simd() = default;
    template <class U>
    requires std::is_arithmetic_v<U>
    [[gnu::always_inline]] explicit Simd(U value) : raw(static_cast<S>(value)) {}

    static Simd load(const S* from) { return Simd(*from); }
    static Simd load_first(const S* from, std::size_t count) { return count > 0 ? Simd(*from) : Simd(S(0)); }
    void store(S* to) const { *to = raw; }

    friend Simd operator-(Simd a) { return Simd(-a.raw); }
    friend Simd operator+(Simd a, Simd b) { return Simd(a.raw + b.raw); }
    friend Simd operator-(Simd a, Simd b) { return Simd(a.raw - b.raw); }
    friend Simd operator*(Simd a, Simd b) { return Simd(a.raw * b.raw); }
    friend Simd operator/(Simd a, Simd b) { return Simd(a.raw / b.raw); }
    friend Simd fma(Simd a, Simd b, Simd c) { return Simd(std::fma(a.raw, b.raw, c.raw)); }
    friend Simd sqrt(Simd a) { return Simd(std::sqrt(a.raw)); }
    friend Simd abs(Simd a) { return Simd(std::fabs(a.raw)); }
    friend Simd max(Simd a, Simd b) { return Simd(a.raw < b.raw ? b.raw : a.raw); }
    friend Simd min(Simd a, Simd b) { return Simd(b.raw < a.raw ? b.raw : a.raw); }
    friend Simd round(Simd a) { return Simd(std::nearbyint(a.raw)); }
    friend Simd exponent(Simd a) { return Simd(math::exponent(a.raw)); }
    friend Simd scale(Simd a, Simd k) { return Simd(math::scale(a.raw, k.raw)); }
    friend bool less(Simd a, Simd b) { return a.raw < b.raw; }
    friend bool less_equal(Simd a, Simd b) { return a.raw <= b.raw; }
    friend bool equal(Simd a, Simd b) { return a.raw == b.raw; }
    friend Simd select(bool condition, Simd a, Simd b) { return condition ? a : b; }
    friend Simd first_lanes(Simd a, std::size_t count) { return count > 0 ? a : Simd(S(0)); }
};

/// A vector whose lanes are summed in part: lane i + lane i + lanes/2.
template <class S>
using Folded = Simd<S>;
template <class S>
Folded<S> fold_lanes(Simd<S> v) {
    return v;
}
/// Element j is the sum of the lanes of rows[j], lane i + lane i + lanes/2 first.
template <class S>
Simd<S> sums_of_lanes(const Folded<S> (&rows)[1]) {
    return rows[0];
}
/// The same sum of one vector.
template <class S>
S sum_of_lanes(Simd<S> v) {
    return v.raw;
}

/// Numbers that spread() takes together.
template <class S>
inline constexpr std::size_t spread_numbers = 1;
/// to[i] has from[i] in every lane.
template <class S>
void spread(const S* from, Simd<S> (&to)[1]) {
    to[0] = Simd<S>::load(from);
}
/// Four rows of four neighbouring numbers.
template <class S>
struct Block {
    static constexpr std::size_t numbers = 4;
    S row[numbers][numbers];

    static Block load(const S* const (&from)[numbers]) {
        Block block;
        for (std::size_t m = 0; m < numbers; ++m) {
            std::memcpy(block.row[m], from[m], sizeof block.row[m]);
        }
        return block;
    }
    void store(S* to, std::size_t stride) const {
        for (std::size_t m = 0; m < numbers; ++m) {
            std::memcpy(to + m * stride, row[m], sizeof row[m]);
        }
    }
    /// Rows and columns exchanged.
    [[nodiscard]] Block turned() const {
        Block block;
        for (std::size_t m = 0; m < numbers; ++m) {
            for (std::size_t k = 0; k < numbers; ++k) {
                block.row[k][m] = row[m][k];
            }
        }
        return block;
    }
    /// With what the other has below the diagonal.
    [[nodiscard]] Block above(const Block& other) const {
        Block block = *this;
        for (std::size_t m = 0; m < numbers; ++m) {
            std::memcpy(block.row[m], other.row[m], m * sizeof(S));
        }
        return block;
    }
};

#else

namespace hn = hwy::HWY_NAMESPACE;

/// A vector of as many S as this instruction set holds.
template <class S>
struct Simd {
    using Scalar = S;
    using Tag = hn::ScalableTag<S>;
    using Vector = hn::Vec<Tag>;
    using Mask = hn::Mask<Tag>;
    static constexpr std::size_t lanes = HWY_LANES(S);
    Vector raw;

    Simd() = default;
    HWY_INLINE explicit Simd(Vector value) : raw(value) {}
    template <class U>
    requires std::is_arithmetic_v<U> HWY_INLINE explicit Simd(U value) : raw(hn::Set(Tag(), static_cast<S>(value))) {}

    HWY_INLINE static Simd load(const S* from) { return Simd(hn::LoadU(Tag(), from)); }
    /// The first `count` lanes, which may be more than there are; no number beyond them is touched. The others are 0.
    HWY_INLINE static Simd load_first(const S* from, std::size_t count) {
        return Simd(hn::MaskedLoad(hn::FirstN(Tag(), count), Tag(), from));
    }
    HWY_INLINE void store(S* to) const { hn::StoreU(raw, Tag(), to); }

    HWY_INLINE friend Simd operator-(Simd a) { return Simd(hn::Neg(a.raw)); }
    HWY_INLINE friend Simd operator+(Simd a, Simd b) { return Simd(hn::Add(a.raw, b.raw)); }
    HWY_INLINE friend Simd operator-(Simd a, Simd b) { return Simd(hn::Sub(a.raw, b.raw)); }
    HWY_INLINE friend Simd operator*(Simd a, Simd b) { return Simd(hn::Mul(a.raw, b.raw)); }
    HWY_INLINE friend Simd operator/(Simd a, Simd b) { return Simd(hn::Div(a.raw, b.raw)); }
    HWY_INLINE friend Simd fma(Simd a, Simd b, Simd c) { return Simd(hn::MulAdd(a.raw, b.raw, c.raw)); }
    HWY_INLINE friend Simd sqrt(Simd a) { return Simd(hn::Sqrt(a.raw)); }
    HWY_INLINE friend Simd abs(Simd a) { return Simd(hn::Abs(a.raw)); }
    HWY_INLINE friend Simd round(Simd a) { return Simd(hn::Round(a.raw)); }
    HWY_INLINE friend Mask less(Simd a, Simd b) { return hn::Lt(a.raw, b.raw); }
    HWY_INLINE friend Mask less_equal(Simd a, Simd b) { return hn::Le(a.raw, b.raw); }
    HWY_INLINE friend Mask equal(Simd a, Simd b) { return hn::Eq(a.raw, b.raw); }
    /// 0 in all but the first `count` lanes.
    HWY_INLINE friend Simd first_lanes(Simd a, std::size_t count) {
        return Simd(hn::IfThenElseZero(hn::FirstN(Tag(), count), a.raw));
    }
    HWY_INLINE friend Simd select(Mask condition, Simd a, Simd b) {
        return Simd(hn::IfThenElse(condition, a.raw, b.raw));
    }
    /// The concept's order of operands: what stands first passes where a comparison is false, so a NaN does. On x86
    /// this is one instruction, which keeps its *second* operand then.
    HWY_INLINE friend Simd max(Simd a, Simd b) {
#if HWY_ARCH_X86
        return Simd(hn::Max(b.raw, a.raw));
#else
        return select(less(a, b), b, a);
#endif
    }
    HWY_INLINE friend Simd min(Simd a, Simd b) {
#if HWY_ARCH_X86
        return Simd(hn::Min(b.raw, a.raw));
#else
        return select(less(b, a), b, a);
#endif
    }
    /// As math::exponent for one number.
    HWY_INLINE friend Simd exponent(Simd a) {
        using Integer = typename math::Bits<S>::Integer;
        const hn::Rebind<Integer, Tag> whole;
        constexpr S shift = S(Integer{1} << math::Bits<S>::mantissa);
        const auto field = hn::ShiftRight<math::Bits<S>::mantissa + 1>(hn::ShiftLeft<1>(hn::BitCast(whole, a.raw)));
        const auto bits = hn::Or(hn::BitCast(whole, hn::Set(Tag(), shift)), field);
        return Simd(hn::BitCast(Tag(), bits)) - Simd(shift + S(math::Bits<S>::bias));
    }
#if HWY_TARGET == HWY_AVX3
    /// a·2ᵏ rounded once, for any whole k.
    HWY_INLINE friend Simd scale_any(Simd a, Simd k) {
        if constexpr (sizeof(S) == 4) {
            return Simd(Vector{_mm512_scalef_ps(a.raw.raw, k.raw.raw)});
        } else {
            return Simd(Vector{_mm512_scalef_pd(a.raw.raw, k.raw.raw)});
        }
    }
    HWY_INLINE friend Simd scale(Simd a, Simd k) { return scale_any(a, k); }
    /// x = 2ᵉ m with m from 1 to 2, of a positive finite x.
    HWY_INLINE friend Simd binary_exponent(Simd x) {
        if constexpr (sizeof(S) == 4) {
            return Simd(Vector{_mm512_getexp_ps(x.raw.raw)});
        } else {
            return Simd(Vector{_mm512_getexp_pd(x.raw.raw)});
        }
    }
    HWY_INLINE friend Simd mantissa(Simd x) {
        if constexpr (sizeof(S) == 4) {
            return Simd(Vector{_mm512_getmant_ps(x.raw.raw, _MM_MANT_NORM_1_2, _MM_MANT_SIGN_src)});
        } else {
            return Simd(Vector{_mm512_getmant_pd(x.raw.raw, _MM_MANT_NORM_1_2, _MM_MANT_SIGN_src)});
        }
    }
#else
    /// As math::scale for one number.
    HWY_INLINE friend Simd scale(Simd a, Simd k) {
        using Integer = typename math::Bits<S>::Integer;
        const hn::Rebind<Integer, Tag> whole;
        constexpr S shift = S(Integer{1} << math::Bits<S>::mantissa) + S(math::Bits<S>::bias);
        const auto bits = hn::ShiftLeft<math::Bits<S>::mantissa>(hn::BitCast(whole, (k + Simd(shift)).raw));
        return a * Simd(hn::BitCast(Tag(), bits));
    }
#endif
};

/// The same for four or two 128-bit vectors.
template <class D, class W>
HWY_INLINE W sums_of_block(D d, const W (&rows)[16 / sizeof(hn::TFromD<D>)]) {
    if constexpr (sizeof(hn::TFromD<D>) == 8) {
        return hn::Add(hn::InterleaveLower(d, rows[0], rows[1]), hn::InterleaveUpper(d, rows[0], rows[1]));
    } else {
        const W low01 = hn::InterleaveLower(d, rows[0], rows[1]);   // 0₀ 1₀ 0₁ 1₁
        const W low23 = hn::InterleaveLower(d, rows[2], rows[3]);   // 2₀ 3₀ 2₁ 3₁
        const W high01 = hn::InterleaveUpper(d, rows[0], rows[1]);  // 0₂ 1₂ 0₃ 1₃
        const W high23 = hn::InterleaveUpper(d, rows[2], rows[3]);
        const W pairs01 = hn::Add(low01, high01);  // 0₀₂ 1₀₂ 0₁₃ 1₁₃
        const W pairs23 = hn::Add(low23, high23);
        return hn::Add(hn::ConcatLowerLower(d, pairs23, pairs01), hn::ConcatUpperUpper(d, pairs23, pairs01));
    }
}
/// The same for as many vectors of D as one holds lanes: halves are added until blocks of 128 bits remain.
template <class D, class W, std::size_t count>
HWY_INLINE W sums_of_vectors(D d, const W (&rows)[count]) {
    if constexpr (count * sizeof(hn::TFromD<D>) == 16) {
        return sums_of_block(d, rows);
    } else {
        const hn::Half<D> half;
        hn::Vec<hn::Half<D> > first[count / 2], second[count / 2];
        for (std::size_t j = 0; j < count / 2; ++j) {
            first[j] = hn::Add(hn::LowerHalf(half, rows[j]), hn::UpperHalf(half, rows[j]));
            second[j] = hn::Add(hn::LowerHalf(half, rows[j + count / 2]), hn::UpperHalf(half, rows[j + count / 2]));
        }
        return hn::Combine(d, sums_of_vectors(half, second), sums_of_vectors(half, first));
    }
}
/// A vector whose lanes are summed in part: lane i + lane i + lanes/2. Half the memory, where they wait for others.
template <class S>
struct Folded {
    hn::Vec<hn::Half<typename Simd<S>::Tag> > raw;
};
template <class S>
HWY_INLINE Folded<S> fold_lanes(Simd<S> v) {
    const hn::Half<typename Simd<S>::Tag> half;
    return {hn::Add(hn::LowerHalf(half, v.raw), hn::UpperHalf(half, v.raw))};
}
/// Element j is the sum of the lanes of rows[j]: lane i + lane i + lanes/2 first, and so on down to one.
template <class S, std::size_t count>
HWY_INLINE Simd<S> sums_of_lanes(const Folded<S> (&rows)[count]) {
    static_assert(count == Simd<S>::lanes);
    const hn::Half<typename Simd<S>::Tag> half;
    decltype(rows[0].raw) first[count / 2], second[count / 2];
    for (std::size_t j = 0; j < count / 2; ++j) {
        first[j] = rows[j].raw;
        second[j] = rows[j + count / 2].raw;
    }
    return Simd<S>(hn::Combine(typename Simd<S>::Tag(), sums_of_vectors(half, second), sums_of_vectors(half, first)));
}

template <class D, class W>
HWY_INLINE hn::TFromD<D> sum_of_vector(D d, W v) {
    if constexpr (hn::MaxLanes(d) * sizeof(hn::TFromD<D>) > 16) {
        const hn::Half<D> half;
        return sum_of_vector(half, hn::Add(hn::LowerHalf(half, v), hn::UpperHalf(half, v)));
    } else if constexpr (sizeof(hn::TFromD<D>) == 8) {
        return hn::GetLane(hn::Add(v, hn::Shuffle01(v)));
    } else {
        const W pairs = hn::Add(v, hn::Shuffle1032(v));
        return hn::GetLane(hn::Add(pairs, hn::Shuffle2301(pairs)));
    }
}
/// The same sum of one vector.
template <class S>
HWY_INLINE S sum_of_lanes(Simd<S> v) {
    return sum_of_vector(typename Simd<S>::Tag(), v.raw);
}

/// Numbers that spread() takes together: 128 bits.
template <class S>
inline constexpr std::size_t spread_numbers = 16 / sizeof(S);
/// to[i] has from[i] in every lane: one load and shuffles, where a loop that multiplies what it loads waits for loads.
template <class S>
HWY_INLINE void spread(const S* from, Simd<S> (&to)[spread_numbers<S>]) {
    const auto blocks = hn::LoadDup128(typename Simd<S>::Tag(), from);
    to[0] = Simd<S>(hn::Broadcast<0>(blocks));
    to[1] = Simd<S>(hn::Broadcast<1>(blocks));
    if constexpr (spread_numbers<S> == 4) {
        to[2] = Simd<S>(hn::Broadcast<2>(blocks));
        to[3] = Simd<S>(hn::Broadcast<3>(blocks));
    }
}

/// Four rows of four neighbouring numbers.
template <class S>
struct Block {
    static constexpr std::size_t numbers = 4;
    using Tag = hn::CappedTag<S, numbers>;
    using Row = hn::Vec<Tag>;
    Row row0, row1, row2, row3;

    HWY_INLINE static Block load(const S* const (&from)[numbers]) {
        const Tag d;
        return {hn::LoadU(d, from[0]), hn::LoadU(d, from[1]), hn::LoadU(d, from[2]), hn::LoadU(d, from[3])};
    }
    HWY_INLINE void store(S* to, std::size_t stride) const {
        const Tag d;
        hn::StoreU(row0, d, to);
        hn::StoreU(row1, d, to + stride);
        hn::StoreU(row2, d, to + 2 * stride);
        hn::StoreU(row3, d, to + 3 * stride);
    }
    /// Rows and columns exchanged.
    [[nodiscard]] HWY_INLINE Block turned() const {
        const Tag d;
        const Row low01 = hn::InterleaveLower(d, row0, row1);  // of each 128 bits: 0₀ 1₀ 0₁ 1₁, or 0₀ 1₀ | 0₂ 1₂
        const Row low23 = hn::InterleaveLower(d, row2, row3);
        const Row high01 = hn::InterleaveUpper(d, row0, row1);  // 0₂ 1₂ 0₃ 1₃, or 0₁ 1₁ | 0₃ 1₃
        const Row high23 = hn::InterleaveUpper(d, row2, row3);
        const Row first = hn::ConcatLowerLower(d, low23, low01), second = hn::ConcatUpperUpper(d, low23, low01);
        const Row third = hn::ConcatLowerLower(d, high23, high01), fourth = hn::ConcatUpperUpper(d, high23, high01);
        if constexpr (sizeof(S) == 8) {
            return {first, third, second, fourth};
        } else {
            return {first, second, third, fourth};
        }
    }
    /// With what the other has below the diagonal.
    [[nodiscard]] HWY_INLINE Block above(const Block& other) const {
        const Tag d;
        return {row0, hn::IfThenElse(hn::FirstN(d, 1), other.row1, row1),
                hn::IfThenElse(hn::FirstN(d, 2), other.row2, row2), hn::IfThenElse(hn::FirstN(d, 3), other.row3, row3)};
    }
};

#endif

}  // namespace
}  // namespace handgrad::kernels
