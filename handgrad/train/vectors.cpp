// Plain loops that compilers make vectors of: lanes are independent of each other.
#include "handgrad/train/vectors.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <cstddef>

#include "handgrad/math/sum_order.hpp"

namespace handgrad {
namespace {

constexpr std::size_t lanes = math::lanes_of_sums;
constexpr std::size_t leaf = math::leaf_rows;

double dot_of_leaf(const double* a, const double* b, std::size_t count) {
    double sums[lanes] = {};
    const std::size_t whole = count / lanes * lanes;
    for (std::size_t i = 0; i < whole; i += lanes) {
        for (std::size_t lane = 0; lane < lanes; ++lane) {
            sums[lane] += a[i + lane] * b[i + lane];
        }
    }
    for (std::size_t i = whole; i < count; ++i) {
        sums[i - whole] += a[i] * b[i];
    }
    for (std::size_t half = lanes / 2; half > 0; half /= 2) {
        for (std::size_t lane = 0; lane < half; ++lane) {
            sums[lane] += sums[lane + half];
        }
    }
    return sums[0];
}

}  // namespace

double dot(std::span<const double> a, std::span<const double> b) {
    assert(a.size() == b.size());
    double slots[math::tree_depth] = {};
    const std::size_t leaves = (a.size() + leaf - 1) / leaf;
    math::tree(
        leaves,
        [&](std::size_t i, std::size_t into) {
            slots[into] = dot_of_leaf(a.data() + i * leaf, b.data() + i * leaf, std::min(leaf, a.size() - i * leaf));
        },
        [&](std::size_t left, std::size_t right) { slots[left] += slots[right]; });
    return slots[0];
}

double largest_of(std::span<const double> a) {
    double largest = 0.0;
    for (const double number : a) {
        if (!(std::fabs(number) <= largest)) {  // a NaN stays
            largest = std::fabs(number);
        }
        if (std::isnan(largest)) {
            break;
        }
    }
    return largest;
}

void add_multiple(double factor, std::span<const double> x, std::span<double> y) {
    assert(x.size() == y.size());
    for (std::size_t i = 0; i < x.size(); ++i) {
        y[i] += factor * x[i];
    }
}

}  // namespace handgrad
