// The numbers that the order of sums depends on (docs/numerics.md), and the tree in which leaves are added.
#pragma once

#include <cstddef>

namespace handgrad::math {

/// A last layer of fewer outputs than this, with a layer before it, is narrow: it sums over its inputs lane by lane.
inline constexpr std::size_t narrow_outputs = 16;
/// Sums over the inputs of a narrow layer: leaves of so many units, each in 16 lanes; then a binary tree over leaves.
inline constexpr std::size_t leaf_units = 64;
inline constexpr std::size_t lanes_of_sums = 16;
/// With so many inputs at most, the first layer's term of a second derivative is a sum of the products of two weights,
/// rounded, times a number for each unit.
inline constexpr std::size_t most_product_inputs = 32;
/// Sums over the rows of a batch: leaves of so many rows, each in sequence; then a binary tree over leaves.
inline constexpr std::size_t leaf_rows = 256;
/// Products of two columns of a Jacobian: blocks of so many rows (fewer with more outputs), each summed from 0; blocks
/// are added in their order.
inline constexpr std::size_t squares_rows = 64;
/// Cholesky's factor: what so many rows of it take from those behind them is summed from 0.
inline constexpr std::size_t cholesky_rows = 32;

/// The sum of `count` things, add(i, into) or merges of neighbours, by a binary tree: of two parts the first has the
/// largest power of two below the count. `merge(left, right)` adds in place into left; slots number 0, 1, 2 … upwards.
template <class Make, class Merge>
[[gnu::always_inline]] inline void tree(std::size_t count, const Make& make, const Merge& merge) {
    std::size_t top = 0;
    for (std::size_t i = 0; i < count; ++i) {
        make(i, top);
        for (std::size_t n = i + 1; n % 2 == 0; n /= 2, --top) {
            merge(top - 1, top);
        }
        ++top;
    }
    for (; top > 1; --top) {
        merge(top - 2, top - 1);
    }
}
/// Slots that no tree exceeds.
inline constexpr std::size_t tree_depth = 48;

}  // namespace handgrad::math
