// Where each parameter lies in panels.
#include "handgrad/nn/packed_network.hpp"

#include <algorithm>
#include <cassert>

namespace handgrad {

using kernels::PackedLayer;
using kernels::round_up;

namespace {

/// Where the weight between a and b lies in panels of `width` a, each of which holds all `count_b` b.
std::size_t in_panels(std::size_t a, std::size_t b, std::size_t count_b, std::size_t width) {
    return (a / width * count_b + b) * width + a % width;
}

}  // namespace

PackedNetwork::PackedNetwork(const Architecture& architecture, std::size_t width, bool inputs_mirrored)
    : width_(width), settings_(architecture.activation_settings()) {
    for (std::size_t l = 0; l < architecture.layers(); ++l) {
        PackedLayer layer{.inputs = architecture.sizes[l],
                          .outputs = architecture.sizes[l + 1],
                          .activation = architecture.activation(l)};
        const bool last = l + 1 == architecture.layers();
        layer.narrow = last && l > 0 && layer.outputs < kernels::narrow_outputs;
        layer.has_r = l > 0 || inputs_mirrored;
        const std::size_t output_units = round_up(layer.outputs, width);
        const std::size_t input_units = round_up(layer.inputs, width);
        layer.w = size_;
        layer.w_size = layer.narrow ? input_units * layer.outputs : output_units * layer.inputs;
        layer.b = size_ + layer.w_size;
        layer.b_size = output_units;
        size_ = layer.b + layer.b_size;
        if (layer.has_r && !layer.narrow) {
            layer.r = mirror_size_;
            mirror_size_ += input_units * layer.outputs;
        }
        layers_.push_back(layer);
    }
}

/// Calls visit(place in an arena) for each parameter in the order of BasicMlp::parameters().
template <class Visit>
void PackedNetwork::for_each_place(const Visit& visit) const {
    for (const PackedLayer& layer : layers_) {
        for (std::size_t o = 0; o < layer.outputs; ++o) {
            if (layer.narrow) {  // panels of inputs: neighbours lie side by side
                for (std::size_t first = 0; first < layer.inputs; first += width_) {
                    const std::size_t at = layer.w + in_panels(first, o, layer.outputs, width_);
                    const std::size_t in_this = std::min(width_, layer.inputs - first);
                    for (std::size_t i = 0; i < in_this; ++i) {
                        visit(at + i);
                    }
                }
            } else {  // panels of outputs: one lane of each input's vectors
                std::size_t at = layer.w + in_panels(o, 0, layer.inputs, width_);
                for (std::size_t i = 0; i < layer.inputs; ++i, at += width_) {
                    visit(at);
                }
            }
        }
        for (std::size_t o = 0; o < layer.outputs; ++o) {
            visit(layer.b + o);
        }
    }
}

template <class T>
void PackedNetwork::pack(std::span<const T> parameters, std::span<T> arena) const {
    assert(arena.size() == size_);
    const T* from = parameters.data();
    for_each_place([&](std::size_t at) { arena[at] = *from++; });
    assert(from == parameters.data() + parameters.size());
}

template <class T>
void PackedNetwork::unpack(std::span<const T> arena, std::span<T> parameters) const {
    T* to = parameters.data();
    for_each_place([&](std::size_t at) { *to++ = arena[at]; });
}

template <class T>
void PackedNetwork::mirror(std::span<const T> arena, std::span<T> mirrors) const {
    for (const PackedLayer& layer : layers_) {
        if (!layer.has_r || layer.narrow) {
            continue;
        }
        for (std::size_t o = 0; o < layer.outputs; ++o) {
            const T* from = arena.data() + layer.w + in_panels(o, 0, layer.inputs, width_);
            for (std::size_t first = 0; first < layer.inputs; first += width_) {
                T* to = mirrors.data() + layer.r + in_panels(first, o, layer.outputs, width_);
                const std::size_t in_this = std::min(width_, layer.inputs - first);
                for (std::size_t i = 0; i < in_this; ++i, from += width_) {
                    to[i] = *from;
                }
            }
        }
    }
}

#define HANDGRAD_INSTANTIATE(T)                                                  \
    template void PackedNetwork::pack(std::span<const T>, std::span<T>) const;   \
    template void PackedNetwork::unpack(std::span<const T>, std::span<T>) const; \
    template void PackedNetwork::mirror(std::span<const T>, std::span<T>) const;
HANDGRAD_INSTANTIATE(float)
HANDGRAD_INSTANTIATE(double)
#undef HANDGRAD_INSTANTIATE

}  // namespace handgrad
