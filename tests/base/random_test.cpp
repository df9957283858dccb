// Random numbers: the published known answer, ranges, and that a shuffle is a shuffle.
#include "handgrad/base/random.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <numeric>
#include <span>
#include <utility>
#include <vector>

#include "handgrad/kernels/table.hpp"

namespace handgrad {
namespace {

TEST(Random, PhiloxKnownAnswerOfTheZeroCounterAndKey) {
    // Random123's kat_vectors: philox4x32 10 rounds, counter and key zero: 6627e8d5 e169c58d bc57ac4c 9b00dbd8.
    EXPECT_EQ(RandomStream(0, Purpose::weights).bits(0), 0xe169c58d6627e8d5ULL);
}

TEST(Random, UniformStaysInTheHalfOpenUnitIntervalWithMeanOneHalf) {
    const RandomStream stream(7, Purpose::weights);
    double sum = 0.0;
    for (std::uint64_t i = 0; i < 100000; ++i) {
        const double u = stream.uniform(i);
        ASSERT_GE(u, 0.0);
        ASSERT_LT(u, 1.0);
        sum += u;
    }
    // The mean of n uniforms has standard deviation 1/√(12 n) = 0.0009; five of them.
    EXPECT_NEAR(sum / 100000, 0.5, 0.0046);
}

TEST(Random, StreamsOfDifferentSeedPurposeOrEpochDiffer) {
    const std::uint64_t here = RandomStream(1, Purpose::shuffle, 3).bits(5);
    EXPECT_NE(here, RandomStream(2, Purpose::shuffle, 3).bits(5));
    EXPECT_NE(here, RandomStream(1, Purpose::weights, 3).bits(5));
    EXPECT_NE(here, RandomStream(1, Purpose::shuffle, 4).bits(5));
    EXPECT_NE(here, RandomStream(1, Purpose::shuffle, 3).bits(6));
}

TEST(Random, PermutationHoldsEveryNumberOnceAndMoves) {
    const auto order = permutation(1000, RandomStream(0, Purpose::shuffle, 1));
    auto sorted = order;
    std::sort(sorted.begin(), sorted.end());
    std::vector<std::size_t> all(1000);
    std::iota(all.begin(), all.end(), std::size_t{0});
    EXPECT_EQ(sorted, all);
    EXPECT_NE(order, all);
    EXPECT_NE(order, permutation(1000, RandomStream(0, Purpose::shuffle, 2)));
    EXPECT_TRUE(permutation(0, RandomStream(0, Purpose::shuffle)).empty());
    // Fisher-Yates from the end, one draw a place, whatever the memory held before.
    for (const std::size_t count : {1U, 2U, 63U, 64U, 65U, 66U, 129U, 1000U}) {
        const RandomStream stream(5, Purpose::shuffle, 3);
        std::vector<std::size_t> one_by_one(count), in_place(count, 7);
        std::iota(one_by_one.begin(), one_by_one.end(), std::size_t{0});
        for (std::size_t i = count; i-- > 1;) {
            std::swap(one_by_one[i], one_by_one[stream.below(i + 1, i)]);
        }
        permute(in_place, stream);
        EXPECT_EQ(in_place, one_by_one);
    }
}

TEST(Random, EveryInstructionSetDrawsTheSameBits) {
    for (const SimdLevel level : {SimdLevel::scalar, SimdLevel::avx2, SimdLevel::avx512}) {
        if (!available(level)) {
            continue;
        }
        const RandomBits bits = kernels::table(level).random_bits;
        // Every word of key and counter in use, and counters on both sides of 2³² and 2⁶⁴.
        const RandomStream stream(0xFEDCBA9876543210U, Purpose::shuffle, 0x87654321U);
        for (const std::uint64_t first : {0ULL, 7ULL, 0xFFFFFFF5ULL, 0x123456789ABCDEFULL, 0xFFFFFFFFFFFFFFFAULL}) {
            for (const std::size_t count : {0U, 1U, 3U, 8U, 37U, 71U}) {
                std::vector<std::uint64_t> to(count + 1, 42);
                bits(stream, first, std::span(to).first(count));
                for (std::size_t i = 0; i < count; ++i) {
                    EXPECT_EQ(to[i], stream.bits(first + i)) << name(level) << ' ' << first << ' ' << i;
                }
                EXPECT_EQ(to[count], 42U);
            }
        }
        std::vector<std::size_t> order(1000);
        permute(order, RandomStream(5, Purpose::shuffle, 3), bits);
        EXPECT_EQ(order, permutation(1000, RandomStream(5, Purpose::shuffle, 3)));
    }
}

TEST(Random, PermutationsOfThreeAreEquallyLikely) {
    std::array<int, 27> count{};
    for (std::uint64_t seed = 0; seed < 6000; ++seed) {
        const auto p = permutation(3, RandomStream(seed, Purpose::shuffle));
        ++count[p[0] * 9 + p[1] * 3 + p[2]];
    }
    int seen = 0;
    for (const int c : count) {
        if (c > 0) {
            ++seen;
            EXPECT_NEAR(c, 1000, 5 * 29);  // binomial, standard deviation √(6000·1/6·5/6) = 29
        }
    }
    EXPECT_EQ(seen, 6);
}

}  // namespace
}  // namespace handgrad
