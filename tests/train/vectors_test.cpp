// Sums over vectors: the declared order, spelled out once more.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "handgrad/base/random.hpp"
#include "handgrad/train/vectors.hpp"

namespace handgrad {
namespace {

std::vector<double> numbers(std::size_t count, std::uint64_t seed) {
    const RandomStream stream(seed, Purpose::weights, 3);
    std::vector<double> result(count);
    for (std::size_t i = 0; i < count; ++i) {
        result[i] = (stream.uniform(i) - 0.5) * std::exp2(40.0 * stream.uniform(i + count));
    }
    return result;
}

/// A leaf of at most 256 products: lane i mod 16, then the lanes.
double leaf(const std::vector<double>& a, const std::vector<double>& b, std::size_t first, std::size_t count) {
    std::vector<double> lanes(16, 0.0);
    for (std::size_t i = 0; i < count; ++i) {
        const double product = a[first + i] * b[first + i];
        lanes[i % 16] = lanes[i % 16] + product;
    }
    while (lanes.size() > 1) {
        const std::size_t half = lanes.size() / 2;
        for (std::size_t i = 0; i < half; ++i) {
            lanes[i] += lanes[half + i];
        }
        lanes.resize(half);
    }
    return lanes[0];
}

double tree(const std::vector<double>& leaves, std::size_t first, std::size_t count) {
    if (count == 1) {
        return leaves[first];
    }
    std::size_t left = 1;
    while (2 * left < count) {
        left *= 2;
    }
    return tree(leaves, first, left) + tree(leaves, first + left, count - left);
}

TEST(Vectors, ADotProductHasTheDeclaredOrder) {
    for (const std::size_t count : {1, 15, 16, 17, 255, 256, 257, 1000, 1300, 5000}) {
        const std::vector<double> a = numbers(count, 1), b = numbers(count, 2);
        std::vector<double> leaves;
        for (std::size_t first = 0; first < count; first += 256) {
            leaves.push_back(leaf(a, b, first, std::min<std::size_t>(256, count - first)));
        }
        EXPECT_EQ(dot(a, b), tree(leaves, 0, leaves.size())) << count;
    }
    EXPECT_EQ(dot({}, {}), 0.0);
}

TEST(Vectors, TheLargestIsNoNumberWhereOneIsNone) {
    constexpr double nan = std::numeric_limits<double>::quiet_NaN();
    EXPECT_EQ(largest_of(std::vector{1.0, -3.0, 2.0}), 3.0);
    EXPECT_EQ(largest_of({}), 0.0);
    EXPECT_TRUE(std::isnan(largest_of(std::vector{1.0, nan, 2.0})));
    EXPECT_TRUE(std::isnan(largest_of(std::vector{nan, 5.0})));
}

}  // namespace
}  // namespace handgrad
