// ŷ of a single row as a sequence of steps, one a layer, each of which knows its layer's shape and activation.
#pragma once

#include <cstddef>
#include <utility>

#include "handgrad/kernels/inference_plan.hpp"
#include "handgrad/kernels/inference_row.hpp"
#include "handgrad/kernels/number.hpp"
#include "handgrad/kernels/plan.hpp"
#include "handgrad/kernels/tiles.hpp"

namespace handgrad::kernels {
namespace {

/// Panels whose sums the registers hold together.
inline constexpr std::size_t most_row_panels = 12 / panel_vectors;
/// Outputs of a narrow layer that are summed one by one: fewer than would fill the vectors of sums_of_lanes().
inline constexpr std::size_t few_outputs = 4;

/// Zeros for what the last of P panels has beyond so many units: there z is not 0 where an input is infinite.
template <std::size_t P, class S>
[[gnu::always_inline]] inline void clear_unused(Tile<S, 1, P>& a, std::size_t units) {
    const std::size_t used = units - (P - 1) * panel_width<S>;
    for (std::size_t v = 0; v < panel_vectors; ++v) {
        Simd<S>& last = a[0][(P - 1) * panel_vectors + v];
        last = first_lanes(last, used - smaller(used, v * Simd<S>::lanes));
    }
}

/// A layer of up to most_row_panels panels of ReLU, or of z itself.
template <std::size_t P, bool relu, bool padded, class S>
void panels_step(const RowStep<S>& step, const S* x, S* to, S* /*room*/) {
    Tile<S, 1, P> z;
    sum_row_panels<P>(step.weights, step.layer.inputs, step.bias, x, z);
    if constexpr (relu) {
        relu_of<P, S>(z);
    }
    if constexpr (padded) {
        clear_unused<P, S>(z, step.layer.outputs);
    }
    store_row_panels<P, S>(z, to);
}
template <class S>
void layer_step(const RowStep<S>& step, const S* x, S* to, S* /*room*/) {
    row_layer<S>(step.layer, step.parameters, step.settings, x, to, nullptr, true);
}
template <bool relu, bool padded, class S, std::size_t... i>
auto panels_step_of(std::size_t panels, std::index_sequence<i...>) {
    static constexpr decltype(RowStep<S>::run) of[] = {panels_step<i + 1, relu, padded, S>...};
    return of[panels - 1];
}

/// g of few outputs in place.
template <class S>
[[gnu::noinline]] void activate_few(const PackedLayer& layer, const ActivationSettings& settings, S* z) {
    constexpr std::size_t room = larger(few_outputs, Simd<S>::lanes);
    alignas(64) S padded[room] = {};
    row_out<S>(z, layer.outputs, padded);
    visit(layer.activation, [&]<class G>(G) {
        if constexpr (G::facts.elementwise) {
            activate<G>(padded, static_cast<S*>(nullptr), round_up(layer.outputs, Simd<S>::lanes), settings);
        }
    });
    row_out<S>(padded, layer.outputs, z);
}
template <class S>
[[gnu::always_inline]] inline void few_outputs_end(const PackedLayer& layer, const RowStep<S>& step, S* z) {
    if (layer.activation != Activation::identity) {
        activate_few(layer, step.settings, z);
    }
}

/// A last layer of few outputs and one leaf of inputs.
template <class S>
void one_leaf_step(const RowStep<S>& step, const S* a, S* yhat, S* /*room*/) {
    outputs_of_one_leaf(step.layer, step.weights, step.bias, a, yhat);
    few_outputs_end(step.layer, step, yhat);
}
/// A layer of ReLU in the panels of one leaf and the last, of few outputs, behind it: what lies between them stays in
/// registers.
template <std::size_t P, bool padded, class S>
void two_layers_step(const RowStep<S>& step, const S* x, S* yhat, S* /*room*/) {
    using V = Simd<S>;
    Tile<S, 1, P> a;
    sum_row_panels<P>(step.weights, step.layer.inputs, step.bias, x, a);
    relu_of<P, S>(a);
    if constexpr (padded) {
        clear_unused<P, S>(a, step.layer.outputs);
    }
    const S* weights = step.next_weights;
    for (std::size_t k = 0; k < step.next.outputs; ++k, weights += panel_width<S>) {
        V sum[1][1];
        lanes_of_leaf_of(
            weights, step.next.outputs * panel_width<S>, P,
            [&](std::size_t p, std::size_t, std::size_t v) { return a[0][p * panel_vectors + v]; }, sum);
        yhat[k] = step.next_bias[k] + sum_of_lanes(sum[0][0]);
    }
    few_outputs_end(step.next, step, yhat);
}

template <bool padded, class S, std::size_t... i>
auto two_layers_step_of(std::size_t panels, std::index_sequence<i...>) {
    static constexpr decltype(RowStep<S>::run) of[] = {two_layers_step<i + 1, padded, S>...};
    return of[panels - 1];
}
/// … of several leaves: the tree over their sums.
template <class S>
void few_outputs_step(const RowStep<S>& step, const S* a, S* yhat, S* /*room*/) {
    constexpr std::size_t leaf_panels = leaf_units / panel_width<S>;
    const std::size_t outputs = step.layer.outputs, stride = outputs * panel_width<S>;
    const std::size_t panels = parts(step.layer.inputs, panel_width<S>);
    const S* weights = step.weights;
    for (std::size_t k = 0; k < outputs; ++k, weights += panel_width<S>) {
        S slot[tree_depth];
        tree(
            parts(panels, leaf_panels),
            [&](std::size_t leaf, std::size_t to) {
                const std::size_t begin = leaf * leaf_panels;
                slot[to] = sum_of_leaf(weights + begin * stride, stride, a + begin * panel_width<S>,
                                       smaller(leaf_panels, panels - begin));
            },
            [&](std::size_t left, std::size_t right) { slot[left] = slot[left] + slot[right]; });
        yhat[k] = step.bias[k] + slot[0];
    }
    few_outputs_end(step.layer, step, yhat);
}
/// Any other last layer.
template <class S>
void outputs_step(const RowStep<S>& step, const S* x, S* yhat, S* room) {
    const PackedLayer& layer = step.layer;
    S* logits = room + step.places.a[1];
    if (x == logits) {
        logits = room + step.places.a[0];
    }
    if (layer.narrow) {
        narrow_row<S>(layer, step.parameters, x, room + step.places.partial, logits);
    } else {
        row_layer<S>(layer, step.parameters, step.settings, x, logits, nullptr, false);
    }
    if (layer.activation != Activation::identity) {
        row_outputs_of<S>(layer.activation, step.settings, layer.outputs, room, step.places, logits, nullptr);
    }
    row_out<S>(logits, layer.outputs, yhat);
}

template <class S>
auto output_step_of(const PackedLayer& layer) -> decltype(RowStep<S>::run) {
    if (layer.narrow && layer.outputs <= few_outputs && facts(layer.activation).elementwise) {
        if (layer.inputs <= leaf_units) {
            return one_leaf_step<S>;
        }
        return few_outputs_step<S>;
    }
    const std::size_t panels = parts(layer.outputs, panel_width<S>);
    const bool plain = layer.activation == Activation::identity;
    if (plain && !layer.narrow && layer.outputs % panel_width<S> == 0 && panels <= most_row_panels) {
        return panels_step_of<false, false, S>(panels, std::make_index_sequence<most_row_panels>());
    }
    return outputs_step<S>;
}
template <class S>
auto hidden_step_of(const PackedLayer& layer) -> decltype(RowStep<S>::run) {
    const std::size_t panels = parts(layer.outputs, panel_width<S>);
    if (layer.activation != Activation::relu || panels > most_row_panels) {
        return layer_step<S>;
    }
    if (layer.outputs % panel_width<S> == 0) {
        return panels_step_of<true, false, S>(panels, std::make_index_sequence<most_row_panels>());
    }
    return panels_step_of<true, true, S>(panels, std::make_index_sequence<most_row_panels>());
}

/// Whether this hidden layer and the one behind it, the last, are one step. Single numbers have no registers for it.
template <class S>
bool both_in_one(const PackedLayer& layer, const PackedLayer& next) {
    return Simd<S>::lanes > 1 && layer.activation == Activation::relu && layer.outputs <= leaf_units &&
           facts(next.activation).elementwise && next.narrow && next.outputs <= few_outputs;
}

template <class S>
RowStep<S> row_step(const InferenceNet<S>& net, const InferencePlaces& places, std::size_t l) {
    const PackedLayer& layer = net.shape.layer[l];
    RowStep<S> step{.weights = net.parameters + layer.w,
                    .bias = net.parameters + layer.b,
                    .parameters = net.parameters,
                    .layer = layer,
                    .settings = net.shape.settings,
                    .places = places};
    const std::size_t last = net.shape.layers - 1;
    if (l == last) {
        step.run = output_step_of<S>(layer);
        return step;
    }
    if (l + 1 < last || !both_in_one<S>(layer, net.shape.layer[last])) {
        step.run = hidden_step_of<S>(layer);
        return step;
    }
    step.layers = 2;
    step.next = net.shape.layer[last];
    step.next_weights = net.parameters + step.next.w;
    step.next_bias = net.parameters + step.next.b;
    constexpr auto sizes = std::make_index_sequence<parts(leaf_units, panel_width<S>)>();
    const std::size_t panels = parts(layer.outputs, panel_width<S>);
    if (layer.outputs % panel_width<S> == 0) {
        step.run = two_layers_step_of<false, S>(panels, sizes);
    } else {
        step.run = two_layers_step_of<true, S>(panels, sizes);
    }
    return step;
}

}  // namespace
}  // namespace handgrad::kernels
