// The Jacobian term of training on derivatives and its gradient, for a leaf of rows: the formulas of math/ with rows in
// the lanes.
#pragma once

#include <cstddef>

#include "handgrad/kernels/number.hpp"
#include "handgrad/kernels/outputs.hpp"
#include "handgrad/kernels/plan.hpp"
#include "handgrad/kernels/row_lanes.hpp"
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
          gradients_{targets_ + entries_, leaf.parameters},
          rows_(leaf.net, gradients_.sums + LaneSums<S>::size(leaf.parameters)) {}

    /// Fills the leaf's gradient unless that is null; returns its Σ wᵣ sᵣ.
    double run() {
        const bool derivatives = leaf_.gradient != nullptr;
        if (derivatives) {
            gradients_.clear();
        }
        S losses[leaf_rows], weights[leaf_rows];
        for (std::size_t first = 0; first < leaf_.rows; first += V::lanes) {
            S lane[V::lanes];
            const V share = gather(first, weights);
            rows_.forward(x_);
            rows_.residual(targets_, share).store(lane);
            if (derivatives) {
                rows_.backward(x_, gradients_.of(first));
            }
            for (std::size_t i = 0; i < smaller(V::lanes, leaf_.rows - first); ++i) {
                losses[first + i] = lane[i];
            }
        }
        if (derivatives) {
            gradients_.fold(leaf_.gradient);
        }
        return leaf_loss<S>(losses, leaf_.weights == nullptr ? nullptr : weights, leaf_.rows);
    }

private:
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
        turn_rows<S>(x, n_, V::lanes, S(0), x_);
        turn_rows<S>(target, entries_, rows, S(__builtin_nanf("")), targets_);
        return share;
    }
    const JacobianLeaf<S>& leaf_;
    std::size_t n_, entries_;
    V *x_, *targets_;
    LaneSums<S> gradients_;
    math::JacobianLossRow<S, V> rows_;
};

template <class S>
double jacobian_leaf(const JacobianLeaf<S>& leaf) {
    return JacobianLeafRows<S>(leaf).run();
}

}  // namespace
}  // namespace handgrad::kernels
