// Derivatives of outputs and losses by the weights for a leaf of rows: the formulas of math/weight_row.hpp with rows in
// the lanes.
#pragma once

#include <cstddef>
#include <span>

#include "handgrad/kernels/number.hpp"
#include "handgrad/kernels/outputs.hpp"
#include "handgrad/kernels/plan.hpp"
#include "handgrad/kernels/row_lanes.hpp"
#include "handgrad/kernels/tiles.hpp"
#include "handgrad/math/weight_row.hpp"

namespace handgrad::kernels {
namespace {

/// The rows of one leaf, a vector of them at a time.
template <class S>
class WeightLeafRows {
public:
    using V = Simd<S>;

    explicit WeightLeafRows(const WeightLeaf<S>& leaf)
        : leaf_(leaf),
          n_(leaf.net.inputs()),
          K_(leaf.net.outputs()),
          x_(reinterpret_cast<V*>(leaf.room)),
          y_(x_ + n_),
          u_(y_ + K_),
          dz_(u_ + K_),
          spare_(dz_ + K_),
          each_(spare_ + K_),
          rows_(leaf.net, each_ + larger(LaneSums<S>::size(leaf.parameters), columns())) {}

    /// Returns Σ weight · ‖ŷ − y‖² for `squares`, else 0.
    double run(RowWork work) {
        const LaneSums<S> sums{each_, leaf_.parameters};
        if (leaf_.sum != nullptr) {
            sums.clear();
        }
        S squares[leaf_rows], weights[leaf_rows];
        const std::size_t end = work == RowWork::residuals ? round_up(leaf_.rows, row_padding) : leaf_.rows;
        for (std::size_t first = 0; first < end; first += V::lanes) {
            const std::size_t count = smaller(V::lanes, leaf_.rows - smaller(first, leaf_.rows));
            const V share = gather(first, count, weights);
            if (work == RowWork::squares) {
                S lane[V::lanes];
                square().store(lane);
                for (std::size_t i = 0; i < count; ++i) {
                    squares[first + i] = lane[i];
                }
            } else if (leaf_.sum != nullptr) {
                rows_.forward(x_);
                add(work, share, sums.of(first));
            } else {
                rows_.forward(x_);
                write(work, share, first, count);
            }
        }
        if (leaf_.sum != nullptr) {
            sums.fold(leaf_.sum);
        }
        if (work != RowWork::squares) {
            return 0.0;
        }
        return leaf_loss<S>(squares, leaf_.weights == nullptr ? nullptr : weights, leaf_.rows);
    }

private:
    /// Columns of the residuals' panels, padded.
    [[nodiscard]] std::size_t columns() const { return round_up(leaf_.parameters + 1, row_padding); }

    /// Fills x_ and y_ with `count` rows from `first` on; returns what each counts. Lanes without a row hold the last
    /// one once more and count 0.
    V gather(std::size_t first, std::size_t count, S* weights) {
        S lane[V::lanes];
        const S* x[V::lanes];
        const S* y[V::lanes];
        for (std::size_t i = 0; i < V::lanes; ++i) {
            const std::size_t row = leaf_.first + smaller(first + i, leaf_.rows - 1);
            x[i] = leaf_.x + row * leaf_.x_stride;
            y[i] = leaf_.y + row * leaf_.y_stride;
            const S weight = leaf_.weights == nullptr ? S(1) : leaf_.weights[row];
            lane[i] = i < count ? static_cast<S>(leaf_.share * static_cast<double>(weight)) : S(0);
            if (i < count) {
                weights[first + i] = weight;
            }
        }
        turn_rows<S>(x, n_, V::lanes, S(0), x_);
        if (leaf_.y != nullptr) {
            turn_rows<S>(y, K_, V::lanes, S(0), y_);
        }
        return V::load(lane);
    }

    void fill_residual() {
        math::row_residual<V>(leaf_.loss.output, rows_.logits(), rows_.yhat(), {y_, K_}, {dz_, K_});
    }
    /// ‖ŷ − y‖², outputs in index order by fma.
    V square() {
        rows_.values(x_);
        fill_residual();
        V sum(0);
        for (std::size_t k = 0; k < K_; ++k) {
            sum = fma(dz_[k], dz_[k], sum);
        }
        return sum;
    }
    /// dz_ = factor · ∂l/∂z.
    void fill_logits_derivative(V factor) {
        math::row_loss<V>(leaf_.loss, rows_.logits(), rows_.yhat(), {y_, K_}, factor, math::Derivatives::logits,
                          {dz_, K_}, {spare_, K_});
    }

    /// What rows add to sums.
    void add(RowWork work, V share, V* to) {
        const math::AddEach<V> sink{to};
        switch (work) {
            case RowWork::transposed:
                scale({y_, K_}, share);
                rows_.backward(x_, u_, sink);
                return;
            case RowWork::bent_transposed:
                rows_.along(x_, leaf_.v);
                rows_.along_twice(leaf_.v);
                scale(rows_.yhat_twice(), share);
                rows_.backward(x_, u_, sink);
                return;
            case RowWork::gauss_newton:
                rows_.along(x_, leaf_.v);
                rows_.gauss_newton(leaf_.loss, y_, share, dz_);
                rows_.backward_from_logits(x_, dz_, sink);
                return;
            case RowWork::hessian:
                rows_.along(x_, leaf_.v);
                fill_logits_derivative(share);
                rows_.hessian(x_, leaf_.loss, y_, share, dz_, leaf_.v, to);
                return;
            default:
                return;
        }
    }
    void scale(std::span<const V> from, V share) {
        for (std::size_t k = 0; k < K_; ++k) {
            u_[k] = share * from[k];
        }
    }

    /// What rows have of their own, from row `first` of the leaf on.
    void write(RowWork work, V share, std::size_t first, std::size_t count) {
        S* const to = leaf_.result + first * leaf_.result_stride;
        switch (work) {
            case RowWork::jacobian:
                for (std::size_t k = 0; k < K_; ++k) {
                    fill_jacobian(k, V(1));
                    store_rows<S>({each_, leaf_.parameters}, count, to + k * leaf_.output_stride, leaf_.result_stride);
                }
                return;
            case RowWork::along:
                rows_.along(x_, leaf_.v);
                store_rows<S>(rows_.yhat_along(), count, to, leaf_.result_stride);
                return;
            case RowWork::along_twice:
                rows_.along(x_, leaf_.v);
                rows_.along_twice(leaf_.v);
                store_rows<S>(rows_.yhat_twice(), count, to, leaf_.result_stride);
                return;
            case RowWork::row_gradients:
                fill_logits_derivative(share);
                rows_.backward_from_logits(x_, dz_, math::SetEach<V>{each_});
                store_rows<S>({each_, leaf_.parameters}, count, to, leaf_.result_stride);
                return;
            case RowWork::residuals:
                write_residuals(sqrt(share), first);
                return;
            default:
                return;
        }
    }
    /// each_ = factor · ∂ŷₖ/∂w.
    void fill_jacobian(std::size_t k, V factor) {
        for (std::size_t j = 0; j < K_; ++j) {
            u_[j] = j == k ? factor : V(0);
        }
        rows_.backward(x_, u_, math::SetEach<V>{each_});
    }
    void write_residuals(V root, std::size_t first) {
        const std::size_t padded = round_up(leaf_.rows, row_padding);
        fill_residual();
        for (std::size_t k = 0; k < K_; ++k) {
            fill_jacobian(k, root);
            each_[leaf_.parameters] = root * dz_[k];
            for (std::size_t p = leaf_.parameters + 1; p < columns(); ++p) {
                each_[p] = V(0);
            }
            const std::size_t terms = K_ * padded;
            for (std::size_t panel = 0; panel < columns() / panel_width<S>; ++panel) {
                store_turned(each_ + panel * panel_width<S>,
                             leaf_.result + (panel * terms + k * padded + first) * panel_width<S>);
            }
        }
    }
    /// A panel of columns, rows in the lanes, as rows of the panel.
    static void store_turned(const V* column, S* to) {
        constexpr std::size_t width = panel_width<S>, size = Block<S>::numbers;
        if constexpr (V::lanes < size) {
            for (std::size_t j = 0; j < width; ++j) {
                S lane[V::lanes];
                column[j].store(lane);
                for (std::size_t i = 0; i < V::lanes; ++i) {
                    to[i * width + j] = lane[i];
                }
            }
        } else {
            const S* from = reinterpret_cast<const S*>(column);
            for (std::size_t j = 0; j < width; j += size) {
                for (std::size_t i = 0; i < V::lanes; i += size) {
                    const S* const block[size] = {from + j * V::lanes + i, from + (j + 1) * V::lanes + i,
                                                  from + (j + 2) * V::lanes + i, from + (j + 3) * V::lanes + i};
                    Block<S>::load(block).turned().store(to + i * width + j, width);
                }
            }
        }
    }

    const WeightLeaf<S>& leaf_;
    std::size_t n_, K_;
    V *x_, *y_, *u_, *dz_, *spare_, *each_;
    math::WeightRow<S, V> rows_;
};

template <class S>
double weight_leaf(RowWork work, const WeightLeaf<S>& leaf) {
    return WeightLeafRows<S>(leaf).run(work);
}

}  // namespace
}  // namespace handgrad::kernels
