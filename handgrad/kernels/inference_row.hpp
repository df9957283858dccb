// Outputs of a trained network for one row: units in the lanes, all panels of a layer one behind the other.
#pragma once

#include <cstddef>

#include "handgrad/kernels/inference_task.hpp"
#include "handgrad/kernels/layers.hpp"
#include "handgrad/kernels/number.hpp"
#include "handgrad/kernels/plan.hpp"
#include "handgrad/kernels/tiles.hpp"
#include "handgrad/math/output_loss.hpp"

namespace handgrad::kernels {
namespace {

/// Calls f.operator()<P>(first panel) for groups of up to six panels: as many sums as hide the time of a multiply-add.
template <class F>
[[gnu::always_inline]] inline void for_panels(std::size_t panels, const F& f) {
    constexpr std::size_t most = 12 / panel_vectors;
    constexpr std::size_t usual = 8 / panel_vectors;
    std::size_t p = 0;
    for (; panels - p > most; p += usual) {
        f.template operator()<usual>(p);
    }
    with_size<most>(panels - p, [&]<std::size_t P>() { f.template operator()<P>(p); });
}

/// Eq. (1) for one row and P panels of units.
template <std::size_t P, class S>
[[gnu::always_inline]] inline void sum_row_panels(const S* w, std::size_t inputs, const S* bias, const S* x,
                                                  Tile<S, 1, P>& sum) {
    using V = Simd<S>;
    constexpr std::size_t vectors = P * panel_vectors;
    const std::size_t stride = inputs * panel_width<S>;
#pragma GCC unroll 12
    for (std::size_t v = 0; v < vectors; ++v) {
        sum[0][v] = V::load(bias + v * V::lanes);
    }
    std::size_t left = inputs;
    if constexpr (P > 1) {  // few sums wait for one another rather than for loads
        for (; left >= spread_numbers<S>; left -= spread_numbers<S>, x += spread_numbers<S>) {
            V factors[spread_numbers<S>];
            spread(x, factors);
#pragma GCC unroll 4
            for (std::size_t i = 0; i < spread_numbers<S>; ++i, w += panel_width<S>) {
                add_term<false>(
                    sum, [&](std::size_t) { return factors[i]; }, w, stride);
            }
        }
    }
    for (; left > 0; --left, ++x, w += panel_width<S>) {
        add_term<false>(
            sum, [&](std::size_t) { return *x; }, w, stride);
    }
}
/// Table 1, row f: ReLU of P panels in place.
template <std::size_t P, class S>
[[gnu::always_inline]] inline void relu_of(Tile<S, 1, P>& z) {
#pragma GCC unroll 12
    for (Simd<S>& unit : z[0]) {
        unit = math::Relu::value(unit);
    }
}
template <std::size_t P, class S>
[[gnu::always_inline]] inline void store_row_panels(const Tile<S, 1, P>& panels, S* to) {
#pragma GCC unroll 12
    for (std::size_t v = 0; v < P * panel_vectors; ++v) {
        panels[0][v].store(to + v * Simd<S>::lanes);
    }
}
/// Eq. (1), and ReLU with its slope (unless `slopes` is null) on the way. A function of its own, so that each has all
/// registers.
template <std::size_t P, bool relu, class S>
[[gnu::noinline]] void row_panels(const S* w, std::size_t inputs, const S* bias, const S* x, S* a, S* slopes,
                                  const ActivationSettings& settings) {
    Tile<S, 1, P> z;
    sum_row_panels<P>(w, inputs, bias, x, z);
    if (relu && slopes != nullptr) {
#pragma GCC unroll 12
        for (std::size_t v = 0; v < P * panel_vectors; ++v) {
            math::Relu::derivative(z[0][v], settings).store(slopes + v * Simd<S>::lanes);
        }
    }
    if constexpr (relu) {
        relu_of<P, S>(z);
    }
    store_row_panels<P, S>(z, a);
}

/// Eq. (1) and f for one row, all of whose panels lie one after the other: as product() and activate().
template <class S>
[[gnu::noinline]] void row_layer(const PackedLayer& layer, const S* parameters, const ActivationSettings& settings,
                                 const S* x, S* a, S* slopes, bool activated) {
    const std::size_t units = layer.outputs;
    const std::size_t panels = parts(units, panel_width<S>);
    const bool relu = activated && layer.activation == Activation::relu;
    for_panels(panels, [&]<std::size_t P>(std::size_t p) {
        const std::size_t at = p * panel_width<S>;
        const S* w = parameters + layer.w + at * layer.inputs;
        const S* bias = parameters + layer.b + at;
        if (relu) {
            S* slope = slopes;
            if (slope != nullptr) {
                slope += at;
            }
            row_panels<P, true>(w, layer.inputs, bias, x, a + at, slope, settings);
        } else {
            row_panels<P, false, S>(w, layer.inputs, bias, x, a + at, nullptr, settings);
        }
    });
    if (!activated) {
        return;
    }
    if (!relu) {
        visit(layer.activation, [&]<class F>(F) {
            if constexpr (F::facts.elementwise) {
                activate<F>(a, slopes, panels * panel_width<S>, settings);
            }
        });
    }
    clear_padding(a, panel_width<S>, 1, units);
}

/// Numbers that a row of a narrow layer's outputs is padded to.
inline constexpr std::size_t output_padding = 16;

/// The sums of one leaf for C outputs and one row: panels begin … end − 1.
template <std::size_t C, class S>
[[gnu::always_inline]] inline void row_leaf(const S* weights, std::size_t r_stride, const S* a, std::size_t begin,
                                            std::size_t end, Folded<S>* sums) {
    Simd<S> one[C][1];
    lanes_of_leaf(weights + begin * r_stride, r_stride, a + begin * panel_width<S>, panel_width<S>, end - begin, one);
    for (std::size_t c = 0; c < C; ++c) {
        sums[c] = fold_lanes(one[c][0]);
    }
}

/// The sum of one leaf of so many panels for one output; `stride` from panel to panel of its weights.
template <class S>
[[gnu::always_inline]] inline S sum_of_leaf(const S* weights, std::size_t stride, const S* a, std::size_t panels) {
    Simd<S> sum[1][1];
    lanes_of_leaf(weights, stride, a, panel_width<S>, panels, sum);
    return sum_of_lanes(sum[0][0]);
}
/// Eq. (1) of a narrow layer whose inputs are one leaf: each output by itself, for there are few.
template <class S>
[[gnu::always_inline]] inline void outputs_of_one_leaf(const PackedLayer& layer, const S* weights, const S* bias,
                                                       const S* a, S* z) {
    const std::size_t panels = parts(layer.inputs, panel_width<S>);
    for (std::size_t k = 0; k < layer.outputs; ++k, weights += panel_width<S>) {
        z[k] = bias[k] + sum_of_leaf(weights, layer.outputs * panel_width<S>, a, panels);
    }
}

/// Outputs whose sums of a leaf are computed together: as many as leave registers for what they are made of.
template <class S>
constexpr std::size_t outputs_together() {
    if (sum_slots<S> >= 8) {
        return 1;
    }
    return Simd<S>::lanes < 12 / sum_slots<S> ? Simd<S>::lanes : 4;
}

/// z of a narrow last layer for one row, padded, with outputs rather than rows in the lanes.
template <class S>
void narrow_row(const PackedLayer& layer, const S* parameters, const S* a, S* partial, S* z) {
    using V = Simd<S>;
    constexpr std::size_t leaf_panels = leaf_units / panel_width<S>;
    constexpr std::size_t together = outputs_together<S>();
    const S* r = parameters + layer.w;
    const S* bias = parameters + layer.b;
    const std::size_t outputs = layer.outputs;
    const std::size_t panels = parts(layer.inputs, panel_width<S>);
    const std::size_t r_stride = outputs * panel_width<S>;
    const std::size_t padded = round_up(outputs, output_padding);
    const std::size_t leaves = parts(layer.inputs, leaf_units);
    for (std::size_t leaf = 0; leaf < leaves; ++leaf) {
        const std::size_t begin = leaf * leaf_panels;
        const std::size_t end = smaller(begin + leaf_panels, panels);
        for (std::size_t k = 0; k < outputs; k += V::lanes) {
            const std::size_t count = smaller(outputs - k, V::lanes);
            Folded<S> sums[V::lanes];
            std::size_t c = 0;
            for (; c + together <= count; c += together) {
                row_leaf<together, S>(r + (k + c) * panel_width<S>, r_stride, a, begin, end, sums + c);
            }
            for (; c < count; ++c) {
                row_leaf<1, S>(r + (k + c) * panel_width<S>, r_stride, a, begin, end, sums + c);
            }
            for (; c < V::lanes; ++c) {
                sums[c] = fold_lanes(V(0));
            }
            sums_of_lanes(sums).store(partial + leaf * padded + k);
        }
    }
    for (std::size_t k = 0; k < outputs; k += V::lanes) {
        (V::load(bias + k) + tree_sum<S>(leaves, [&](std::size_t leaf) {
             return V::load(partial + leaf * padded + k);
         })).store(z + k);
    }
}

/// The first `count` numbers of whole vectors out.
template <class S>
[[gnu::always_inline]] inline void row_out(const S* from, std::size_t count, S* to) {
    std::size_t k = 0;
    for (; k + Simd<S>::lanes <= count; k += Simd<S>::lanes) {
        Simd<S>::load(from + k).store(to + k);
    }
    copy_some(from + k, to + k, count - k);
}

/// g of the logits in place, and what its derivatives need into `slopes`, unless that is null.
template <class S>
void row_outputs_of(Activation activation, const ActivationSettings& settings, std::size_t outputs, S* room,
                    const InferencePlaces& places, S* logits, S* slopes) {
    using V = Simd<S>;
    if (facts(activation).elementwise) {
        visit(activation, [&]<class G>(G) {
            if constexpr (G::facts.elementwise) {
                activate<G>(logits, slopes, round_up(outputs, V::lanes), settings);
            }
        });
        return;
    }
    const std::span<V> z(reinterpret_cast<V*>(room + places.turned), outputs);
    const std::span<V> yhat(z.data() + outputs, outputs);
    for (std::size_t k = 0; k < outputs; ++k) {  // the one row in every lane
        z[k] = V(logits[k]);
    }
    math::row_outputs<V>(activation, settings, z, yhat);
    S lane[V::lanes];
    for (std::size_t k = 0; k < outputs; ++k) {
        yhat[k].store(lane);
        logits[k] = lane[0];
        if (slopes != nullptr) {
            slopes[k] = lane[0];
        }
    }
}

/// Eq. (2) for one row of the call.
template <class S>
[[gnu::always_inline]] inline void forward_row(const InferenceTask<S>& task, std::size_t row) {
    const PackedLayer& output = task.output;
    const InferenceCall<S>& call = task.call;
    const std::size_t last = task.last;
    const S* x = call.x + row * call.x_stride;
    for (std::size_t l = 0; l < last; ++l) {
        row_layer<S>(task.layer(l), task.net.parameters, task.settings(), x, task.a(l), task.slopes_wanted(l), true);
        x = task.a(l);
    }
    S* logits = task.a(last);
    S* yhat = call.yhat + row * call.yhat_stride;
    const bool plain = task.identity() && call.z == nullptr;  // z itself is all that is wanted
    if (output.narrow && output.outputs == 1 && output.inputs <= leaf_units) {
        S z;
        outputs_of_one_leaf(output, task.w(last), task.bias(last), x, &z);
        if (plain) {
            *yhat = z;
            return;
        }
        Simd<S>(z).store(logits);
    } else if (output.narrow) {
        narrow_row<S>(output, task.net.parameters, x, task.partial(), logits);
    } else {
        const bool as_it_is = plain && output.outputs % panel_width<S> == 0;  // whole panels fit where they go
        if (as_it_is) {
            logits = yhat;
        }
        row_layer<S>(output, task.net.parameters, task.settings(), x, logits, nullptr, false);
        if (as_it_is) {
            return;
        }
    }
    if (call.z != nullptr) {
        row_out<S>(logits, output.outputs, call.z + row * call.z_stride);
    }
    if (!task.identity()) {
        row_outputs_of<S>(output.activation, task.settings(), output.outputs, task.room, task.places, logits,
                          task.output_slopes_wanted());
    }
    row_out<S>(logits, output.outputs, yhat);
}

}  // namespace
}  // namespace handgrad::kernels
