// The random bits of many indexes: Philox4x32-10 as base/random.hpp declares it, with indexes in the lanes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "handgrad/base/random.hpp"
#include "handgrad/kernels/number.hpp"

namespace handgrad::kernels {
namespace {

// The scalar level has the definition itself, handgrad::random_bits.
#if !defined(HANDGRAD_LEVEL_SCALAR)

/// A word of the counter in the low half of each lane; what stands in the high half never reaches a result, because a
/// product takes the low halves alone.
using Words = hn::ScalableTag<std::uint64_t>;

/// Vectors of counters at a time: the steps of a round wait for one another, those of other vectors do not.
inline constexpr std::size_t words_together = HWY_TARGET == HWY_AVX3 ? 4 : 2;

/// to[i] = stream.bits(first + i).
inline void random_bits(const RandomStream& stream, std::uint64_t first, std::span<std::uint64_t> to) {
    using V = hn::Vec<Words>;
    const Words words;
    const hn::Repartition<std::uint32_t, Words> halves;
    const auto times = [&](V x, std::uint64_t multiplier) {
        return hn::MulEven(hn::BitCast(halves, x), hn::BitCast(halves, hn::Set(words, multiplier)));
    };
    constexpr std::size_t lanes = HWY_LANES(std::uint64_t);
    const V epoch = hn::Set(words, stream.epoch());
    const V purpose = hn::Set(words, static_cast<std::uint64_t>(stream.purpose()));
    std::size_t begin = 0;
    for (; begin + words_together * lanes <= to.size(); begin += words_together * lanes) {
        V x0[words_together], x1[words_together], x2[words_together], x3[words_together];
#pragma GCC unroll 4
        for (std::size_t i = 0; i < words_together; ++i) {
            x0[i] = hn::Iota(words, first + begin + i * lanes);
            x1[i] = hn::ShiftRight<32>(x0[i]);
            x2[i] = epoch;
            x3[i] = purpose;
        }
        std::uint64_t low = stream.seed() & 0xFFFFFFFF, high = stream.seed() >> 32;
#pragma GCC unroll 10
        for (int round = 0; round < 10; ++round, low += 0x9E3779B9, high += 0xBB67AE85) {
#pragma GCC unroll 4
            for (std::size_t i = 0; i < words_together; ++i) {
                const V p0 = times(x0[i], 0xD2511F53), p2 = times(x2[i], 0xCD9E8D57);
                x0[i] = hn::Xor(hn::Xor(hn::ShiftRight<32>(p2), x1[i]), hn::Set(words, low));
                x1[i] = p2;
                x2[i] = hn::Xor(hn::Xor(hn::ShiftRight<32>(p0), x3[i]), hn::Set(words, high));
                x3[i] = p0;
            }
        }
#pragma GCC unroll 4
        for (std::size_t i = 0; i < words_together; ++i) {  // the first and the second word
            const V bits = hn::Or(hn::ShiftLeft<32>(x1[i]), hn::And(x0[i], hn::Set(words, 0xFFFFFFFF)));
            hn::StoreU(bits, words, to.data() + begin + i * lanes);
        }
    }
    handgrad::random_bits(stream, first + begin, to.subspan(begin));
}

#endif

}  // namespace
}  // namespace handgrad::kernels
