// The last layer of a batch: the loss of its rows and ∂l/∂z, by the formulas of math/ with rows in the lanes.
#pragma once

#include <cstddef>
#include <span>
#include <type_traits>

#include "handgrad/kernels/number.hpp"
#include "handgrad/kernels/plan.hpp"
#include "handgrad/kernels/tiles.hpp"
#include "handgrad/math/output_loss.hpp"

namespace handgrad::kernels {
namespace {

/// Room for the outputs of a vector of rows: what row_loss() reads and fills.
template <class S>
struct OutputScratch {
    OutputScratch(S* room, std::size_t outputs)
        : z(at(room, 0, outputs)),
          yhat(at(room, 1, outputs)),
          y(at(room, 2, outputs)),
          dz(at(room, 3, outputs)),
          da(at(room, 4, outputs)) {}
    std::span<Simd<S>> z, yhat, y, dz, da;
    static constexpr std::size_t vectors = 5;  ///< for each output

private:
    static std::span<Simd<S>> at(S* room, std::size_t index, std::size_t outputs) {
        return {reinterpret_cast<Simd<S>*>(room) + index * outputs, outputs};
    }
};

/// One vector of rows: from its logits in scratch.z and targets in scratch.y to their losses and scratch.dz.
template <class S>
[[gnu::always_inline]] inline Simd<S> rows_loss(const math::OutputLoss& loss, const OutputScratch<S>& scratch,
                                                Simd<S> factor, bool derivatives) {
    using V = Simd<S>;
    const std::span<const V> z = scratch.z;
    if (!loss.fused()) {
        math::row_outputs<V>(loss.output, loss.settings, z, scratch.yhat);
    }
    return math::row_loss<V>(loss, z, scratch.yhat, scratch.y, factor,
                             derivatives ? math::Derivatives::logits : math::Derivatives::none, scratch.dz, scratch.da);
}
/// The same for a loss that only the caller knows, with ∂l/∂ŷ in the place of targets: fills scratch.yhat and, with
/// `derivatives`, scratch.dz, Table 2, row b⁽²⁾: (∂l/∂ŷ)(∂ŷ/∂z₃).
template <class S>
[[gnu::noinline]] void rows_given(const math::OutputLoss& loss, const OutputScratch<S>& scratch, bool derivatives) {
    using V = Simd<S>;
    const std::span<const V> z = scratch.z;
    math::row_outputs<V>(loss.output, loss.settings, z, scratch.yhat);
    if (derivatives) {
        visit(loss.output, [&]<class G>(G) {
            math::row_times_jacobian<G, V>(loss.settings, z, scratch.yhat, scratch.y, scratch.dz);
        });
    }
}
/// Calls f(loss, outputs) once; of the usual pairs of loss and output, and of a single output, the compiler is told, so
/// that nothing is left to decide in the loops of f.
template <Loss kind, Activation output, class F>
[[gnu::flatten, gnu::noinline]] void with_pair(std::size_t outputs, const F f) {
    constexpr math::OutputLoss loss{.kind = kind, .output = output};
    if (outputs == 1) {
        f(loss, std::integral_constant<std::size_t, 1>());
    } else {
        f(loss, outputs);
    }
}
template <class F>
void with_loss(const math::OutputLoss& loss, std::size_t outputs, const F f) {
    if (loss.kind == Loss::squared_error && loss.output == Activation::identity) {
        with_pair<Loss::squared_error, Activation::identity>(outputs, f);
    } else if (loss.kind == Loss::binary_cross_entropy && loss.output == Activation::sigmoid) {
        with_pair<Loss::binary_cross_entropy, Activation::sigmoid>(outputs, f);
    } else if (loss.kind == Loss::cross_entropy && loss.output == Activation::softmax) {
        with_pair<Loss::cross_entropy, Activation::softmax>(outputs, f);
    } else {
        f(loss, outputs);
    }
}

/// z of a narrow last layer for a vector of rows from `row` on: the bias and the tree over leaves of inputs.
template <class S>
void narrow_logits(std::size_t outputs, const S* bias, const S* partial, std::size_t leaves, std::size_t output_stride,
                   std::size_t row, std::span<Simd<S>> z) {
    for (std::size_t k = 0; k < outputs; ++k) {
        z[k] = Simd<S>(bias[k]) + tree_sum<S>(leaves, [&](std::size_t leaf) {
                   return Simd<S>::load(partial + (leaf * outputs + k) * output_stride + row);
               });
    }
}
/// A vector of rows of a matrix in panels, turned so that rows are the lanes; and back.
template <class S>
void load_turned(const S* data, std::size_t panel_stride, std::size_t row, std::span<Simd<S>> z) {
    for (std::size_t k = 0; k < z.size(); ++k) {
        S lane[Simd<S>::lanes];
        const S* from = data + k / panel_width<S> * panel_stride + row * panel_width<S> + k % panel_width<S>;
        for (std::size_t i = 0; i < Simd<S>::lanes; ++i) {
            lane[i] = from[i * panel_width<S>];
        }
        z[k] = Simd<S>::load(lane);
    }
}
template <class S>
void store_turned(std::span<const Simd<S>> z, S* data, std::size_t panel_stride, std::size_t row) {
    for (std::size_t k = 0; k < z.size(); ++k) {
        S lane[Simd<S>::lanes];
        z[k].store(lane);
        S* to = data + k / panel_width<S> * panel_stride + row * panel_width<S> + k % panel_width<S>;
        for (std::size_t i = 0; i < Simd<S>::lanes; ++i) {
            to[i * panel_width<S>] = lane[i];
        }
    }
}

/// The first `count` rows of such a vector into rows that lie `stride` apart.
template <class S>
void store_rows(std::span<const Simd<S>> z, std::size_t count, S* to, std::size_t stride) {
    for (std::size_t k = 0; k < z.size(); ++k) {
        S lane[Simd<S>::lanes];
        z[k].store(lane);
        for (std::size_t i = 0; i < count; ++i) {
            to[i * stride + k] = lane[i];
        }
    }
}

/// Σ of weight · loss over the rows of one leaf, in double: 16 lanes, row i in lane i mod 16, then a fixed tree.
template <class S>
double leaf_loss(const S* losses, const S* weights, std::size_t rows) {
    double lane[lanes_of_sums] = {};
    std::size_t row = 0;
    if (weights == nullptr) {
        for (; row + lanes_of_sums <= rows; row += lanes_of_sums) {
            for (std::size_t i = 0; i < lanes_of_sums; ++i) {
                lane[i] += static_cast<double>(losses[row + i]);
            }
        }
    }
    for (; row < rows; ++row) {
        double loss = static_cast<double>(losses[row]);
        if (weights != nullptr) {
            loss = static_cast<double>(weights[row]) * loss;
        }
        lane[row % lanes_of_sums] += loss;
    }
    for (std::size_t half = lanes_of_sums / 2; half > 0; half /= 2) {
        for (std::size_t i = 0; i < half; ++i) {
            lane[i] += lane[i + half];
        }
    }
    return lane[0];
}
/// The same for leaf after leaf, by the tree over leaves.
inline double tree_of_doubles(std::size_t count, const double* values) {
    double slot[tree_depth];
    tree(
        count, [&](std::size_t i, std::size_t to) { slot[to] = values[i]; },
        [&](std::size_t left, std::size_t right) { slot[left] += slot[right]; });
    return slot[0];
}

/// The sum over one leaf of rows of one output's ∂l/∂z, which are 0 from `rows` to the next multiple of 16: row i in
/// lane i mod 16, then the fixed tree.
template <class S>
S leaf_sum(const S* dz, std::size_t rows) {
    using V = Simd<S>;
    V slot[sum_slots<S>];
    for (V& s : slot) {
        s = V(0);
    }
    for (std::size_t row = 0; row < rows; row += lanes_of_sums) {
        for (std::size_t i = 0; i < sum_slots<S>; ++i) {
            slot[i] = slot[i] + V::load(dz + row + i * V::lanes);
        }
    }
    return sum_of_lanes(fold_slots<S>(slot));
}
/// The same over all rows of a batch whose units are split.
template <class S>
S rows_sum(const S* dz, std::size_t rows) {
    S slot[tree_depth];
    tree(
        parts(rows, leaf_rows),
        [&](std::size_t leaf, std::size_t to) {
            const std::size_t begin = leaf * leaf_rows;
            slot[to] = leaf_sum(dz + begin, smaller(rows - begin, leaf_rows));
        },
        [&](std::size_t left, std::size_t right) { slot[left] = slot[left] + slot[right]; });
    return slot[0];
}

/// Σ w² over the units of each leaf of 64: down each unit's column in the order of its numbers, then 16 lanes, then the
/// fixed tree. Fills one number for each leaf.
template <class S>
void squares_of_leaves(const S* columns, std::size_t length, const S* bias, std::size_t units, double* leaves,
                       std::size_t first_leaf, std::size_t last_leaf) {
    using V = Simd<S>;
    constexpr std::size_t leaf_vectors = leaf_units / V::lanes;
    const std::size_t vectors = parts(units, panel_width<S>) * panel_vectors;
    for (std::size_t leaf = first_leaf; leaf < last_leaf; ++leaf) {
        V slot[sum_slots<S>];
        for (V& s : slot) {
            s = V(0);
        }
        const std::size_t end = smaller((leaf + 1) * leaf_vectors, vectors);
        for (std::size_t u = leaf * leaf_vectors; u < end; ++u) {
            const S* from = columns + u / panel_vectors * length * panel_width<S> + u % panel_vectors * V::lanes;
            V sum(0);
            for (std::size_t i = 0; i < length; ++i) {
                const V w = V::load(from + i * panel_width<S>);
                sum = fma(w, w, sum);
            }
            if (bias != nullptr) {
                const V b = V::load(bias + u * V::lanes);
                sum = fma(b, b, sum);
            }
            slot[u % sum_slots<S>] = slot[u % sum_slots<S>] + sum;
        }
        leaves[leaf] = static_cast<double>(sum_of_lanes(fold_slots<S>(slot)));
    }
}

}  // namespace
}  // namespace handgrad::kernels
