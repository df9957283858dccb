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

/// Panels that one call of row_panels() computes.
inline constexpr std::size_t most_row_panels = 12 / panel_vectors;
/// Outputs of a narrow layer that are summed one by one: fewer than would fill the vectors of sums_of_lanes().
inline constexpr std::size_t few_outputs = 4;

/// A layer of up to six panels of ReLU, or of z itself.
template <std::size_t P, bool relu, bool padded, class S>
void panels_step(const RowStep<S>& step, const S* x, S* to, S* /*room*/) {
    row_panels<P, relu, S>(step.weights, step.layer.inputs, step.bias, x, to, nullptr, step.settings);
    if constexpr (padded) {
        clear_padding(to, panel_width<S>, 1, step.layer.outputs);
    }
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

/// A last layer of few outputs and one leaf of inputs: each output a sum over lanes.
template <class S>
void one_leaf_step(const RowStep<S>& step, const S* a, S* yhat, S* /*room*/) {
    const std::size_t outputs = step.layer.outputs;
    const std::size_t panels = parts(step.layer.inputs, panel_width<S>);
    const S* weights = step.weights;
    for (std::size_t k = 0; k < outputs; ++k, weights += panel_width<S>) {
        Simd<S> sum[1][1];
        lanes_of_leaf(weights, outputs * panel_width<S>, a, panel_width<S>, panels, sum);
        yhat[k] = step.bias[k] + sum_of_lanes(sum[0][0]);
    }
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
                Simd<S> sum[1][1];
                lanes_of_leaf(weights + begin * stride, stride, a + begin * panel_width<S>, panel_width<S>,
                              smaller(leaf_panels, panels - begin), sum);
                slot[to] = sum_of_lanes(sum[0][0]);
            },
            [&](std::size_t left, std::size_t right) { slot[left] = slot[left] + slot[right]; });
        yhat[k] = step.bias[k] + slot[0];
    }
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
    const bool plain = layer.activation == Activation::identity;
    if (plain && layer.narrow && layer.outputs <= few_outputs) {
        if (layer.inputs <= leaf_units) {
            return one_leaf_step<S>;
        }
        return few_outputs_step<S>;
    }
    const std::size_t panels = parts(layer.outputs, panel_width<S>);
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

template <class S>
RowStep<S> row_step(const InferenceNet<S>& net, const InferencePlaces& places, std::size_t l) {
    const PackedLayer& layer = net.shape.layer[l];
    RowStep<S> step{.weights = net.parameters + layer.w,
                    .bias = net.parameters + layer.b,
                    .parameters = net.parameters,
                    .layer = layer,
                    .settings = net.shape.settings,
                    .places = places};
    if (l + 1 == net.shape.layers) {
        step.run = output_step_of<S>(layer);
    } else {
        step.run = hidden_step_of<S>(layer);
    }
    return step;
}

}  // namespace
}  // namespace handgrad::kernels
