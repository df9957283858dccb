// Symmetric positive definite matrices by their upper triangle: sums of outer products of rows, Cholesky's factor
// A = Uᵀ U, and the two triangular systems with it.
#pragma once

#include <cstddef>

#include "handgrad/kernels/number.hpp"
#include "handgrad/kernels/plan.hpp"
#include "handgrad/kernels/symmetric.hpp"
#include "handgrad/kernels/tiles.hpp"

namespace handgrad::kernels {
namespace {

/// Adds Σ over terms of the outer products of rows in panels [panels][terms][width] to the triangle: of every member
/// its own panels of rows.
template <class S>
void add_squares(const S* panels, std::size_t terms, const UpperTriangle<S>& to, std::size_t member,
                 std::size_t members) {
    const SymmetricProduct<S> product{.scaled = panels,
                                      .rows = panels,
                                      .row_stride = terms * panel_width<S>,
                                      .count = terms,
                                      .square = to.data,
                                      .square_stride = to.stride,
                                      .add = true};
    for (std::size_t begin = 0; begin < to.n; begin += panel_width<S>) {
        if (begin / panel_width<S> % members == member) {
            symmetric_panel(product, to.n, begin);
        }
    }
}

/// row(j) −= factor · other(j) for j from `from`, a multiple of the lanes, to `end`, likewise.
template <class S>
void subtract_multiple(S factor, const S* other, std::size_t from, std::size_t end, S* row) {
    const Simd<S> negative(-factor);
    for (std::size_t j = from; j < end; j += Simd<S>::lanes) {
        fma(negative, Simd<S>::load(other + j), Simd<S>::load(row + j)).store(row + j);
    }
}

/// Cholesky's factor in place of the triangle, row k of U after row k − 1. A block of rows is worked out column by
/// column of its own; the rows behind it then lose Σ over the block of Uₖᵢ Uₖⱼ, summed from 0. The triangle may have
/// more columns than rows: those behind become U⁻ᵀ times what they were.
template <class S>
class CholeskyFactor {
public:
    /// `room`: room_for(…) numbers.
    CholeskyFactor(const UpperTriangle<S>& matrix, std::size_t columns, S* room)
        : matrix_(matrix), columns_(columns), padded_(round_up(columns, row_padding)), room_(room) {}

    /// The number of rows; or the first whose pivot is not positive, where the factor does not exist.
    std::size_t run() {
        for (std::size_t begin = 0; begin < matrix_.n; begin += block) {
            const std::size_t end = smaller(begin + block, matrix_.n);
            for (std::size_t k = begin; k < end; ++k) {
                if (!work_out(k, end)) {
                    return k;
                }
            }
            if (end < matrix_.n) {
                subtract_block(begin, end);
            }
        }
        return matrix_.n;
    }

private:
    static constexpr std::size_t block = math::cholesky_rows;
    S* row(std::size_t i) const { return matrix_.data + i * matrix_.stride; }

    /// Row k of U, and what it takes from the rows behind it up to `end`.
    bool work_out(std::size_t k, std::size_t end) const {
        S* const of_k = row(k);
        const S pivot = of_k[k];
        if (!(pivot > S(0)) || !(pivot < S(__builtin_inff()))) {
            return false;
        }
        const Simd<S> divisor = sqrt(Simd<S>(pivot));
        S root[Simd<S>::lanes];
        divisor.store(root);
        const std::size_t from = k / Simd<S>::lanes * Simd<S>::lanes;
        for (std::size_t j = from; j < padded_; j += Simd<S>::lanes) {
            (Simd<S>::load(of_k + j) / divisor).store(of_k + j);
        }
        of_k[k] = root[0];
        for (std::size_t i = k + 1; i < end; ++i) {
            subtract_multiple(of_k[i], of_k, i / Simd<S>::lanes * Simd<S>::lanes, padded_, row(i));
        }
        return true;
    }

    /// A −= Σ Uₖᵢ Uₖⱼ over the rows of the block, for all rows behind it.
    void subtract_block(std::size_t begin, std::size_t end) const {
        const std::size_t terms = end - begin, panels = parts(columns_ - end, panel_width<S>);
        S* const positive = room_;
        S* const negative = room_ + panels * terms * panel_width<S>;
        for (std::size_t panel = 0; panel < panels; ++panel) {
            for (std::size_t k = 0; k < terms; ++k) {
                const S* from = row(begin + k) + end + panel * panel_width<S>;
                S* const to = positive + (panel * terms + k) * panel_width<S>;
                S* const minus = negative + (panel * terms + k) * panel_width<S>;
                for (std::size_t j = 0; j < panel_width<S>; j += Simd<S>::lanes) {
                    const Simd<S> u = Simd<S>::load(from + j);
                    u.store(to + j);
                    (-u).store(minus + j);
                }
            }
        }
        const SymmetricProduct<S> product{.scaled = negative,
                                          .rows = positive,
                                          .row_stride = terms * panel_width<S>,
                                          .count = terms,
                                          .square = row(end) + end,
                                          .square_stride = matrix_.stride,
                                          .add = true};
        const std::size_t rest = columns_ - end;
        for (std::size_t first = 0; first < matrix_.n - end; first += panel_width<S>) {
            symmetric_panel(product, rest, first);
        }
    }

    UpperTriangle<S> matrix_;
    std::size_t columns_, padded_;
    S* room_;
};

template <class S>
std::size_t cholesky(const UpperTriangle<S>& matrix, std::size_t columns, S* room) {
    return CholeskyFactor<S>(matrix, columns, room).run();
}

/// y = U⁻ᵀ b, row after row of U; b, padded as rows are, is used up.
template <class S>
void solve_lower(const UpperTriangle<S>& U, S* b, S* y) {
    const std::size_t padded = round_up(U.n, row_padding);
    for (std::size_t k = 0; k < U.n; ++k) {
        const S* const of_k = U.data + k * U.stride;
        y[k] = b[k] / of_k[k];
        subtract_multiple(y[k], of_k, k / Simd<S>::lanes * Simd<S>::lanes, padded, b);
    }
}

/// b ← U⁻¹ b: (bᵢ − Σ Uᵢⱼ bⱼ)/Uᵢᵢ from the last row up, the sum with index j in lane j mod 16, then the fold.
template <class S>
void solve_upper(const UpperTriangle<S>& U, S* b) {
    constexpr std::size_t lanes = Simd<S>::lanes;
    for (std::size_t i = U.n; i-- > 0;) {
        const S* const row = U.data + i * U.stride;
        S lane[lanes_of_sums] = {};
        const std::size_t begin = smaller(round_up(i + 1, lanes_of_sums), U.n);
        for (std::size_t j = i + 1; j < begin; ++j) {
            lane[j % lanes_of_sums] = row[j] * b[j];
        }
        Simd<S> slot[sum_slots<S>];
        for (std::size_t s = 0; s < sum_slots<S>; ++s) {
            slot[s] = Simd<S>::load(lane + s * lanes);
        }
        for (std::size_t j = begin; j < U.n; j += lanes_of_sums) {
            for (std::size_t s = 0; s < sum_slots<S>; ++s) {
                const std::size_t at = j + s * lanes, left = U.n - smaller(at, U.n);
                slot[s] = fma(Simd<S>::load_first(row + at, left), Simd<S>::load_first(b + at, left), slot[s]);
            }
        }
        b[i] = (b[i] - sum_of_lanes(fold_slots<S>(slot))) / row[i];
    }
}

}  // namespace
}  // namespace handgrad::kernels
