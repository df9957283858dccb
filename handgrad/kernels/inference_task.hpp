// One call of inference as its functions see it: the network, the call, and where things lie in the scratch.
#pragma once

#include <cstddef>
#include <span>

#include "handgrad/kernels/inference_plan.hpp"
#include "handgrad/kernels/number.hpp"
#include "handgrad/kernels/plan.hpp"
#include "handgrad/kernels/tiles.hpp"
#include "handgrad/math/activations.hpp"

namespace handgrad::kernels {
namespace {

template <class S>
struct InferenceTask {
    using V = Simd<S>;

    InferenceTask(const InferenceNet<S>& its_net, const InferencePlaces& its_places, const InferenceCall<S>& its_call,
                  S* its_room)
        : net(its_net),
          places(its_places),
          call(its_call),
          room(its_room),
          last(net.shape.layers - 1),
          output(net.shape.layer[last]),
          elementwise(visit(output.activation, []<class G>(G) { return G::facts.elementwise; })) {}

    [[nodiscard]] const PackedLayer& layer(std::size_t l) const { return net.shape.layer[l]; }
    [[nodiscard]] const ActivationSettings& settings() const { return net.shape.settings; }
    [[nodiscard]] bool derivatives() const { return call.work != InferenceWork::outputs; }
    [[nodiscard]] bool identity() const { return output.activation == Activation::identity; }
    /// Layers that product() computes: all but a narrow last one.
    [[nodiscard]] std::size_t wide_layers() const { return last + std::size_t{!output.narrow}; }
    [[nodiscard]] std::size_t leaves() const { return parts(output.inputs, leaf_units); }
    [[nodiscard]] std::size_t output_panels() const { return parts(output.outputs, panel_width<S>); }

    [[nodiscard]] const S* w(std::size_t l) const { return net.parameters + layer(l).w; }
    [[nodiscard]] const S* bias(std::size_t l) const { return net.parameters + layer(l).b; }
    [[nodiscard]] const S* r(std::size_t l) const {
        if (layer(l).narrow) {
            return w(l);
        }
        return net.mirrors + layer(l).r;
    }

    /// From panel to panel of the buffers of a tile of rows, and of `chain`.
    [[nodiscard]] std::size_t stride() const { return places.capacity * panel_width<S>; }
    [[nodiscard]] std::size_t pair_stride() const { return places.pairs * panel_width<S>; }
    [[nodiscard]] S* a(std::size_t l) const { return room + places.a[l % 2]; }
    [[nodiscard]] S* slopes(std::size_t l) const { return room + places.slopes + net.slope_units[l] * places.capacity; }
    /// … or null where no derivatives are wanted.
    [[nodiscard]] S* slopes_wanted(std::size_t l) const {
        if (derivatives()) {
            return slopes(l);
        }
        return nullptr;
    }
    /// g′(z) of the outputs, or ŷ where g is softmax.
    [[nodiscard]] S* output_slopes() const { return room + places.output; }
    [[nodiscard]] S* output_slopes_wanted() const {
        if (derivatives()) {
            return output_slopes();
        }
        return nullptr;
    }
    [[nodiscard]] bool bends_wanted() const { return needs_bends(call.work); }
    [[nodiscard]] S* bends(std::size_t l) const { return room + places.bends + net.slope_units[l] * places.capacity; }
    [[nodiscard]] S* output_bends() const { return room + places.output_bends; }
    [[nodiscard]] S* curvature(std::size_t l) const {
        return room + places.curvature + net.slope_units[l] * places.pairs;
    }
    [[nodiscard]] S* output_curvature() const { return room + places.output_curvature; }
    [[nodiscard]] S* triangles() const { return room + places.triangles; }
    /// Q_l; of a network of one layer a copy of Q₁.
    [[nodiscard]] S* tangents(std::size_t l) const {
        const std::size_t n = round_up(layer(0).inputs, panel_width<S>);
        return room + places.tangents + (net.slope_units[l] - net.slope_units[smaller(l, 1)]) * n;
    }
    [[nodiscard]] S* scaled() const { return room + places.scaled; }
    [[nodiscard]] S* square() const { return room + places.square; }
    [[nodiscard]] S* adjoint(std::size_t which) const { return room + places.adjoint[which]; }
    [[nodiscard]] S* partial() const { return room + places.partial; }
    [[nodiscard]] S* chain(std::size_t which) const { return room + places.chain[which]; }
    [[nodiscard]] std::span<V> turned(std::size_t index) const {
        return {reinterpret_cast<V*>(room + places.turned) + index * output.outputs, output.outputs};
    }

    const InferenceNet<S>& net;
    const InferencePlaces& places;
    const InferenceCall<S>& call;
    S* room;
    std::size_t last;
    const PackedLayer& output;
    bool elementwise;  ///< g is no softmax
};

// --- Parts of vectors -----------------------------------------------------------------------------------------------

/// The first `count` lanes from and to memory, by pieces of a power of two; no number beyond them is touched.
template <class S>
[[gnu::always_inline]] inline void copy_some(const S* from, S* to, std::size_t count) {
    for (std::size_t piece = Simd<S>::lanes / 2; piece > 0; piece /= 2) {
        if ((count & piece) != 0) {
            __builtin_memcpy(to, from, piece * sizeof(S));
            from += piece;
            to += piece;
        }
    }
}
template <class S>
[[gnu::always_inline]] inline void store_some(Simd<S> v, S* to, std::size_t count) {
    if (count >= Simd<S>::lanes) {
        v.store(to);
    } else if (count > 0) {
        S lane[Simd<S>::lanes];
        v.store(lane);
        copy_some(lane, to, count);
    }
}
template <class S>
[[gnu::always_inline]] inline Simd<S> load_some(const S* from, std::size_t count) {
    if (count >= Simd<S>::lanes) {
        return Simd<S>::load(from);
    }
    return Simd<S>::load_first(from, count);
}
/// Numbers of a row that are left for the vector which begins at column `at`.
constexpr std::size_t left_from(std::size_t columns, std::size_t at) { return columns - smaller(columns, at); }

}  // namespace
}  // namespace handgrad::kernels
