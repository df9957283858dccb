// The Jacobian term of training on derivatives and its gradient, for a leaf of rows: the formulas of math/ with rows in
// the lanes.
#pragma once

#include <cstddef>

#include "handgrad/kernels/number.hpp"
#include "handgrad/kernels/outputs.hpp"
#include "handgrad/kernels/plan.hpp"
#include "handgrad/kernels/tiles.hpp"
#include "handgrad/math/jacobian_loss.hpp"

namespace handgrad::kernels {
namespace {

/// The rows of one leaf, a vector of them at a time; row i adds to the gradient in lane i mod 16.
template <class S>
class JacobianLeafRows {
public:
    using V = Simd<S>;

    explicit JacobianLeafRows(const JacobianLeaf<S>& leaf)
        : leaf_(leaf),
          n_(leaf.net.sizes[0]),
          entries_(n_ * leaf.net.sizes[leaf.net.layers]),
          x_(reinterpret_cast<V*>(leaf.room)),
          targets_(x_ + n_),
          gradients_(targets_ + entries_),
          rows_(leaf.net, gradients_ + sum_slots<S> * leaf.parameters) {}

    /// Fills the leaf's gradient unless that is null; returns its Σ wᵣ sᵣ.
    double run() {
        const bool derivatives = leaf_.gradient != nullptr;
        if (derivatives) {
            clear();
        }
        S losses[leaf_rows], weights[leaf_rows];
        for (std::size_t first = 0; first < leaf_.rows; first += V::lanes) {
            S lane[V::lanes];
            const V share = gather(first, weights);
            rows_.forward(x_);
            rows_.residual(targets_, share).store(lane);
            if (derivatives) {
                rows_.backward(x_, gradients_ + first / V::lanes % sum_slots<S> * leaf_.parameters);
            }
            for (std::size_t i = 0; i < smaller(V::lanes, leaf_.rows - first); ++i) {
                losses[first + i] = lane[i];
            }
        }
        if (derivatives) {
            fold();
        }
        return leaf_loss<S>(losses, leaf_.weights == nullptr ? nullptr : weights, leaf_.rows);
    }

private:
    void clear() {
        V* const end = gradients_ + sum_slots<S> * leaf_.parameters;
        for (V* g = gradients_; g != end; ++g) {
            *g = V(0);
        }
    }
    /// Sums the 16 lanes of each parameter.
    void fold() {
        for (std::size_t p = 0; p < leaf_.parameters; ++p) {
            V slot[sum_slots<S>];
            for (std::size_t s = 0; s < sum_slots<S>; ++s) {
                slot[s] = gradients_[s * leaf_.parameters + p];
            }
            leaf_.gradient[p] = sum_of_lanes(fold_slots<S>(slot));
        }
    }

    /// Fills x_ and targets_ with the rows from `first` on, and their weights; returns what each counts. Lanes without
    /// a row hold the last one once more, without targets.
    V gather(std::size_t first, S* weights) {
        S lane[V::lanes];
        const S* x[V::lanes];
        const S* target[V::lanes];
        const std::size_t rows = smaller(V::lanes, leaf_.rows - first);
        for (std::size_t i = 0; i < V::lanes; ++i) {
            const std::size_t place = leaf_.first + first + smaller(i, rows - 1);
            const std::size_t row = leaf_.order == nullptr ? place : leaf_.order[place];
            x[i] = leaf_.x + row * leaf_.x_stride;
            target[i] = leaf_.targets + row * leaf_.targets_stride;
            const S weight = leaf_.weights == nullptr ? S(1) : leaf_.weights[row];
            lane[i] = i < rows ? static_cast<S>(leaf_.share * static_cast<double>(weight)) : S(0);
            if (i < rows) {
                weights[first + i] = weight;
            }
        }
        const V share = V::load(lane);
        turn(x, n_, V::lanes, x_);
        turn(target, entries_, rows, targets_);
        return share;
    }
    /// Column j of the first `rows` rows, NaN in the lanes behind them.
    static void turn(const S* const (&from)[V::lanes], std::size_t columns, std::size_t rows, V* to) {
        constexpr S nan = __builtin_nanf("");
        S lane[V::lanes];
        for (std::size_t j = 0; j < columns; ++j) {
            for (std::size_t i = 0; i < V::lanes; ++i) {
                lane[i] = i < rows ? from[i][j] : nan;
            }
            to[j] = V::load(lane);
        }
    }

    const JacobianLeaf<S>& leaf_;
    std::size_t n_, entries_;
    V *x_, *targets_, *gradients_;
    math::JacobianLossRow<S, V> rows_;
};

template <class S>
double jacobian_leaf(const JacobianLeaf<S>& leaf) {
    return JacobianLeafRows<S>(leaf).run();
}

}  // namespace
}  // namespace handgrad::kernels
