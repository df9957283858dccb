// The one loop that everything runs on: a tile of sums Σₖ a(m, k) b(k, ·), k in order, held in registers.
#pragma once

#include <cstddef>
#include <cstring>
#include <utility>

#include "handgrad/kernels/number.hpp"
#include "handgrad/kernels/plan.hpp"

namespace handgrad::kernels {
namespace {

#if defined(HANDGRAD_LEVEL_SCALAR)
inline constexpr std::size_t panel_vectors = 4;
inline constexpr std::size_t tile_rows = 3;
#else
inline constexpr std::size_t panel_vectors = 2;
// As many sums as there are registers, less those for a row of b and one of a.
#if HWY_TARGET == HWY_AVX3 || HWY_ARCH_ARM_A64
inline constexpr std::size_t tile_rows = 8;
#else
inline constexpr std::size_t tile_rows = 6;
#endif
#endif
/// Units in a panel.
template <class S>
inline constexpr std::size_t panel_width{panel_vectors * Simd<S>::lanes};

/// M rows × P panels of sums.
template <class S, std::size_t M, std::size_t P>
using Tile = Simd<S>[M][P * panel_vectors];

/// Calls f.operator()<size>() for the size among 1 … largest that is wanted.
template <std::size_t largest, std::size_t size = 1, class F>
[[gnu::always_inline]] inline void with_size(std::size_t wanted, const F& f) {
    if constexpr (size <= largest) {
        if (wanted == size) {
            f.template operator()<size>();
        } else {
            with_size<largest, size + 1>(wanted, f);
        }
    }
}

/// Tiles that make up a count of rows: their sizes differ by one at most, and none exceeds `largest`. No short tile at
/// the end would leave the multipliers waiting.
struct Tiling {
    Tiling(std::size_t count, std::size_t largest)
        : tiles(parts(count, largest)), size(count / tiles), longer(count % tiles) {}
    std::size_t tiles;
    std::size_t size;
    std::size_t longer;  ///< so many, the first ones, have one more
};
/// Calls f.operator()<size>(first, times) for runs of tiles of one size that make up `count`: at most two runs.
template <std::size_t largest, class F>
[[gnu::always_inline]] inline void for_runs(std::size_t count, const F& f) {
    if (count == 0) {
        return;
    }
    const Tiling tiling(count, largest);
    const auto run = [&](std::size_t wanted, std::size_t first, std::size_t times) {
        with_size<largest>(wanted, [&]<std::size_t size>() { f.template operator()<size>(first, times); });
    };
    if (tiling.longer != 0) {
        run(tiling.size + 1, 0, tiling.longer);
    }
    run(tiling.size, tiling.longer * (tiling.size + 1), tiling.tiles - tiling.longer);
}
/// Calls f(first, size) for each tile of at most `largest`: for work that is the same code whatever the size.
template <class F>
[[gnu::always_inline]] inline void for_tile_sizes(std::size_t count, std::size_t largest, const F& f) {
    if (count == 0) {
        return;
    }
    const Tiling tiling(count, largest);
    std::size_t first = 0;
    for (std::size_t t = 0; t < tiling.tiles; ++t) {
        const std::size_t size = tiling.size + std::size_t{t < tiling.longer};
        f(first, size);
        first += size;
    }
}
/// Calls f.operator()<size>(first) for each of these tiles.
template <std::size_t largest, class F>
[[gnu::always_inline]] inline void for_tiles(std::size_t count, const F& f) {
    for_runs<largest>(count, [&]<std::size_t M>(std::size_t first, std::size_t times) {
        for (std::size_t t = 0; t < times; ++t, first += M) {
            f.template operator()<M>(first);
        }
    });
}

/// One term: sum(m, ·) += a(m) b(·); b of panel p starts p·stride later. With `plain_last` the last row has no factor.
template <bool plain_last, class S, std::size_t M, std::size_t V, class At>
[[gnu::always_inline]] inline void add_term(Simd<S> (&sum)[M][V], const At& a, const S* b, std::size_t stride) {
    Simd<S> row[V];
    for (std::size_t v = 0; v < V; ++v) {
        row[v] = Simd<S>::load(b + v / panel_vectors * stride + v % panel_vectors * Simd<S>::lanes);
    }
    for (std::size_t m = 0; m < M; ++m) {
        if (plain_last && m == M - 1) {
            for (std::size_t v = 0; v < V; ++v) {
                sum[m][v] = sum[m][v] + row[v];
            }
        } else {
            const Simd<S> factor(a(m));
            for (std::size_t v = 0; v < V; ++v) {
                sum[m][v] = fma(factor, row[v], sum[m][v]);
            }
        }
    }
}

/// `times` terms whose factors lie together, those of the next term `step` numbers further.
template <bool plain_last, class S, std::size_t M, std::size_t V>
[[gnu::always_inline]] inline void add_stream(Simd<S> (&sum)[M][V], const S* a, std::size_t step, std::size_t times,
                                              const S* b, std::size_t stride) {
    do {
        add_term<plain_last>(
            sum, [&](std::size_t m) { return a[m]; }, b, stride);
        a += step;
        b += panel_width<S>;
    } while (--times > 0);
}

// --- Where a(m, k) comes from: rows × columns of a batch, seen along either side ------------------------------------
// Neither side is ever empty: loops that test at their end leave the sums in registers throughout.

/// Rows that lie anywhere, such as those of a shuffled data set.
template <class S>
struct GatheredRows {
    const S* const* rows;
    std::size_t columns;

    /// sum(m, ·) += Σ over columns of x(first + m, column) b(column, ·).
    template <std::size_t M, std::size_t V>
    [[gnu::always_inline]] void across(Simd<S> (&sum)[M][V], std::size_t first, const S* b, std::size_t stride) const {
        const S* a[M];
        for (std::size_t m = 0; m < M; ++m) {
            a[m] = rows[first + m];
        }
        std::size_t k = 0;
        do {
            add_term<false>(
                sum, [&](std::size_t m) { return a[m][k]; }, b, stride);
            b += panel_width<S>;
        } while (++k < columns);
    }
    /// sum(m, ·) += Σ over rows begin … end − 1 of x(row, first + m) b(row, ·).
    template <bool plain_last, std::size_t M, std::size_t V>
    [[gnu::always_inline]] void along(Simd<S> (&sum)[M][V], std::size_t first, std::size_t begin, std::size_t end,
                                      const S* b, std::size_t stride) const {
        b += begin * panel_width<S>;
        do {
            const S* a = rows[begin] + first;
            add_term<plain_last>(
                sum, [&](std::size_t m) { return a[m]; }, b, stride);
            b += panel_width<S>;
        } while (++begin < end);
    }
    /// Tiles of columns must not cross a multiple of this.
    static constexpr std::size_t run = ~std::size_t{0};
};

/// The columns of such rows, copied tile by tile so that a gradient reads them in one stream: of a tile that starts at
/// column `first`, M numbers for each row from first · rows on. Tiles are those of for_tiles(columns + 1), for the bias
/// comes last.
template <class S>
struct PackedColumns {
    const S* data;
    std::size_t rows;

    /// sum(m, ·) += Σ over rows begin … end − 1 of x(row, first + m) b(row, ·).
    template <bool plain_last, std::size_t M, std::size_t V>
    [[gnu::always_inline]] void along(Simd<S> (&sum)[M][V], std::size_t first, std::size_t begin, std::size_t end,
                                      const S* b, std::size_t stride) const {
        add_stream<plain_last>(sum, data + first * rows + begin * M, M, end - begin, b + begin * panel_width<S>,
                               stride);
    }
    static constexpr std::size_t run = ~std::size_t{0};
};
/// Fills `packed`, of rows · (columns + 1) numbers.
template <class S>
void pack_columns(const S* const* from, std::size_t rows, std::size_t columns, S* packed) {
    for_tiles<tile_rows>(columns + 1, [&]<std::size_t M>(std::size_t first) {
        S* to = packed + first * rows;
        if (first + M <= columns) {
            for (std::size_t row = 0; row < rows; ++row, to += M) {
                std::memcpy(to, from[row] + first, M * sizeof(S));
            }
        } else {
            for (std::size_t row = 0; row < rows; ++row, to += M) {
                std::memcpy(to, from[row] + first, (M - 1) * sizeof(S));
            }
        }
    });
}

/// Units in panels: [panels][rows][width], `stride` from panel to panel.
template <class S>
struct PanelRows {
    const S* data;
    std::size_t columns;
    std::size_t panel_stride;

    template <std::size_t M, std::size_t V>
    [[gnu::always_inline]] void across(Simd<S> (&sum)[M][V], std::size_t first, const S* b, std::size_t stride) const {
        const S* a = data + first * panel_width<S>;
        std::size_t left = columns;
        do {
            const std::size_t count = smaller(left, panel_width<S>);
            std::size_t k = 0;
            do {
                add_term<false>(
                    sum, [&](std::size_t m) { return a[m * panel_width<S> + k]; }, b, stride);
                b += panel_width<S>;
            } while (++k < count);
            a += panel_stride;
            left -= count;
        } while (left > 0);
    }
    template <bool plain_last, std::size_t M, std::size_t V>
    [[gnu::always_inline]] void along(Simd<S> (&sum)[M][V], std::size_t first, std::size_t begin, std::size_t end,
                                      const S* b, std::size_t stride) const {
        const S* a = data + first / panel_width<S> * panel_stride + first % panel_width<S> + begin * panel_width<S>;
        add_stream<plain_last>(sum, a, panel_width<S>, end - begin, b + begin * panel_width<S>, stride);
    }
    static constexpr std::size_t run = panel_width<S>;
};

/// The few outputs of a narrow layer: [outputs][rows], `stride` from output to output.
template <class S>
struct OutputRows {
    const S* data;
    std::size_t columns;
    std::size_t output_stride;

    template <std::size_t M, std::size_t V>
    [[gnu::always_inline]] void across(Simd<S> (&sum)[M][V], std::size_t first, const S* b, std::size_t stride) const {
        add_stream<false>(sum, data + first, output_stride, columns, b, stride);
    }
    template <bool plain_last, std::size_t M, std::size_t V>
    [[gnu::always_inline]] void along(Simd<S> (&sum)[M][V], std::size_t first, std::size_t begin, std::size_t end,
                                      const S* b, std::size_t stride) const {
        const S* a[M];
        for (std::size_t m = 0; m < M; ++m) {
            a[m] = data + (first + m) * output_stride;
        }
        b += begin * panel_width<S>;
        do {
            add_term<plain_last>(
                sum, [&](std::size_t m) { return a[m][begin]; }, b, stride);
            b += panel_width<S>;
        } while (++begin < end);
    }
};

// --- Trees ----------------------------------------------------------------------------------------------------------

using math::tree;
using math::tree_depth;

/// The same for vectors that can be loaded.
template <class S, class At>
[[gnu::always_inline]] inline Simd<S> tree_sum(std::size_t count, const At& at) {
    if (count == 1) {
        return at(0);
    }
    Simd<S> slot[tree_depth];
    tree(
        count, [&](std::size_t i, std::size_t to) { slot[to] = at(i); },
        [&](std::size_t left, std::size_t right) { slot[left] = slot[left] + slot[right]; });
    return slot[0];
}

/// The sum over 16 lanes that `lane` holds in order: lane i + lane i + 8 first, and so on; the last steps inside one
/// vector are left to sums_of_lanes().
template <class S, std::size_t slots>
[[gnu::always_inline]] inline Simd<S> fold_slots(Simd<S> (&slot)[slots]) {
    for (std::size_t half = slots / 2; half > 0; half /= 2) {
        for (std::size_t i = 0; i < half; ++i) {
            slot[i] = slot[i] + slot[i + half];
        }
    }
    return slot[0];
}
template <class S>
inline constexpr std::size_t sum_slots = lanes_of_sums / Simd<S>::lanes;

}  // namespace
}  // namespace handgrad::kernels
