// Sums over vectors of doubles, in an order that depends on their length alone (docs/numerics.md).
#pragma once

#include <span>

namespace handgrad {

/// Σ aᵢbᵢ: leaves of 256 numbers; in a leaf the product of number i is added into lane i mod 16; the 16 lanes, then the
/// tree over leaves. Each product is rounded, so that machines without a fused multiply-add are as fast.
double dot(std::span<const double> a, std::span<const double> b);
/// The largest |aᵢ|; NaN where one is none.
double largest_of(std::span<const double> a);
/// y ← y + factor · x, each product rounded.
void add_multiple(double factor, std::span<const double> x, std::span<double> y);

}  // namespace handgrad
