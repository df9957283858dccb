// Rows of a batch in the lanes of vectors, and sums over the rows of a leaf that are kept lane by lane.
#pragma once

#include <cstddef>

#include "handgrad/kernels/number.hpp"
#include "handgrad/kernels/plan.hpp"
#include "handgrad/kernels/tiles.hpp"

namespace handgrad::kernels {
namespace {

/// Column j of the first `rows` of these rows in to[j], `rest` in the lanes behind them.
template <class S>
void turn_rows(const S* const (&from)[Simd<S>::lanes], std::size_t columns, std::size_t rows, S rest, Simd<S>* to) {
    S lane[Simd<S>::lanes];
    for (std::size_t j = 0; j < columns; ++j) {
        for (std::size_t i = 0; i < Simd<S>::lanes; ++i) {
            lane[i] = i < rows ? from[i][j] : rest;
        }
        to[j] = Simd<S>::load(lane);
    }
}

/// A sum over the rows of a leaf for each of `count` numbers: row i adds in lane i mod 16, then the lanes are folded.
template <class S>
struct LaneSums {
    Simd<S>* sums;  ///< size(count) of them
    std::size_t count;

    static constexpr std::size_t size(std::size_t count) { return sum_slots<S> * count; }
    void clear() const {
        for (std::size_t i = 0; i < size(count); ++i) {
            sums[i] = Simd<S>(0);
        }
    }
    /// Where the vector of rows from `row` of the leaf on adds.
    [[nodiscard]] Simd<S>* of(std::size_t row) const { return sums + row / Simd<S>::lanes % sum_slots<S> * count; }
    void fold(S* to) const {
        for (std::size_t p = 0; p < count; ++p) {
            Simd<S> slot[sum_slots<S>];
            for (std::size_t s = 0; s < sum_slots<S>; ++s) {
                slot[s] = sums[s * count + p];
            }
            to[p] = sum_of_lanes(fold_slots<S>(slot));
        }
    }
};

}  // namespace
}  // namespace handgrad::kernels
