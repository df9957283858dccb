// Sums Σ_u (c_u q_uᵀ) q_u of which only the upper triangle is computed, and the way from a triangle to a whole matrix.
#pragma once

#include <cstddef>
#include <cstring>

#include "handgrad/kernels/number.hpp"
#include "handgrad/kernels/plan.hpp"
#include "handgrad/kernels/tiles.hpp"

namespace handgrad::kernels {
namespace {

/// What the tiles of a symmetric product share; rows lie in panels of columns [panels][…][width].
template <class S>
struct SymmetricProduct {
    const S* scaled = nullptr;   ///< c_u q_u, count rows
    const S* rows = nullptr;     ///< q_u
    std::size_t row_stride = 0;  ///< from panel to panel of the latter
    std::size_t count = 0;
    S* square = nullptr;  ///< where sums go, or are added (`add`)
    std::size_t square_stride = 0;
    bool add = false;
};
/// M rows of the square from `first` on, V vectors of columns from vector `at` on.
template <std::size_t M, std::size_t V, class S>
[[gnu::noinline]] void symmetric_tile(const SymmetricProduct<S>& shared, std::size_t first, std::size_t at) {
    using N = Simd<S>;
    N sum[M][V];
    for (auto& row : sum) {
        for (N& v : row) {
            v = N(0);
        }
    }
    const PanelRows<S> scaled{shared.scaled, 0, shared.count * panel_width<S>};
    const S* b = shared.rows + at / panel_vectors * shared.row_stride + at % panel_vectors * N::lanes;
    scaled.template along<false>(sum, first, 0, shared.count, b, shared.row_stride);
    const bool add = shared.add;
    const std::size_t stride = shared.square_stride;
    S* to = shared.square + first * stride + at * N::lanes;
    for (std::size_t m = 0; m < M; ++m) {
        for (std::size_t v = 0; v < V; ++v) {
            S* entry = to + m * stride + v * N::lanes;
            (add ? N::load(entry) + sum[m][v] : sum[m][v]).store(entry);
        }
    }
}
/// Of the panel of rows that starts at `begin`, all vectors of n columns that reach the diagonal or lie behind it. What
/// stands left of the diagonal means nothing.
template <class S>
void symmetric_panel(const SymmetricProduct<S>& shared, std::size_t n, std::size_t begin) {
    constexpr std::size_t lanes = Simd<S>::lanes;
    const std::size_t vectors = parts(n, lanes);
    for_tiles<tile_rows>(smaller(n - begin, panel_width<S>), [&]<std::size_t M>(std::size_t offset) {
        const std::size_t first = begin + offset;
        std::size_t at = first / lanes;
        while (at < vectors) {
            if (at % panel_vectors == 0 && at + panel_vectors <= vectors) {
                symmetric_tile<M, panel_vectors>(shared, first, at);
                at += panel_vectors;
            } else {
                symmetric_tile<M, 1>(shared, first, at);
                ++at;
            }
        }
    });
}
/// … of all panels.
template <class S>
void symmetric_product(const SymmetricProduct<S>& shared, std::size_t n) {
    for (std::size_t begin = 0; begin < n; begin += panel_width<S>) {
        symmetric_panel(shared, n, begin);
    }
}

/// Where entry (i, 0) of a matrix would stand whose upper triangle alone is there, row after row without gaps.
template <class S>
struct TriangleRows {
    const S* data;
    std::size_t n;
    const S* operator()(std::size_t i) const { return data + (i * n - i * (i + 1) / 2); }
};
/// … and of one whose rows are `stride` apart.
template <class S>
struct SquareRows {
    const S* data;
    std::size_t stride;
    const S* operator()(std::size_t i) const { return data + i * stride; }
};

/// The whole symmetric matrix, n × n without gaps, from the rows of its upper triangle, one number at a time.
template <class S, class Rows>
void small_symmetric_out(const Rows& row, std::size_t n, S* to) {
    for (std::size_t i = 0; i < n; ++i) {
        for (std::size_t j = i; j < n; ++j) {
            to[i * n + j] = to[j * n + i] = row(i)[j];
        }
    }
}
/// … by blocks. Where n is no multiple of a block the last one overlaps the one before it; what blocks beside the
/// diagonal then write across it, from numbers that mean nothing, the last block on the diagonal puts right.
template <class S, class Rows>
void symmetric_out(const Rows& row, std::size_t n, S* to) {
    constexpr std::size_t size = Block<S>::numbers;
    if (n < size) {
        small_symmetric_out(row, n, to);
        return;
    }
    const std::size_t blocks = parts(n, size), last = n - size;
    for (std::size_t a = 0; a < blocks; ++a) {
        const std::size_t i = smaller(a * size, last);
        const S* const upper[size] = {row(i), row(i + 1), row(i + 2), row(i + 3)};
        const auto block_at = [&](std::size_t j) {
            return Block<S>::load({upper[0] + j, upper[1] + j, upper[2] + j, upper[3] + j});
        };
        const Block<S> diagonal = block_at(i);
        diagonal.above(diagonal.turned()).store(to + i * n + i, n);
        for (std::size_t b = a + 1; b < blocks; ++b) {
            const std::size_t j = smaller(b * size, last);
            const Block<S> beside = block_at(j);
            beside.store(to + i * n + j, n);
            beside.turned().store(to + j * n + i, n);
        }
    }
}
/// A triangle into the upper rows of a square.
template <class S>
void upper_rows(const S* triangle, std::size_t n, S* square, std::size_t stride) {
    const TriangleRows<S> rows{triangle, n};
    for (std::size_t i = 0; i < n; ++i) {
        std::memcpy(square + i * stride + i, rows(i) + i, (n - i) * sizeof(S));
    }
}
template <class S>
void set_square_zero(std::size_t n, S* to) {
    for (std::size_t i = 0; i < n * n; ++i) {
        to[i] = S(0);
    }
}

}  // namespace
}  // namespace handgrad::kernels
