// A network in the layout that the kernels work on, and the way there and back (handgrad/kernels/plan.hpp).
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "handgrad/kernels/plan.hpp"
#include "handgrad/nn/mlp.hpp"

namespace handgrad {

/// The places of a network's parameters in arenas for panels of `width` units; holds no parameter itself.
class PackedNetwork {
public:
    /// `inputs_mirrored`: the first layer gets the orientation r too, which ∂ŷ/∂x needs.
    PackedNetwork(const Architecture& architecture, std::size_t width, bool inputs_mirrored = false);

    [[nodiscard]] kernels::PackedShape shape() const {
        return {layers_.data(), layers_.size(), width_, size_, mirror_size_, settings_};
    }
    [[nodiscard]] std::size_t size() const { return size_; }
    [[nodiscard]] std::size_t mirror_size() const { return mirror_size_; }
    [[nodiscard]] std::span<const kernels::PackedLayer> layers() const { return layers_; }
    [[nodiscard]] std::size_t width() const { return width_; }

    /// Numbers in the order of BasicMlp::parameters() into an arena, whose padding is 0 already; and back.
    template <class T>
    void pack(std::span<const T> parameters, std::span<T> arena) const;
    template <class T>
    void unpack(std::span<const T> arena, std::span<T> parameters) const;
    /// r of every layer that has both orientations, from its w.
    template <class T>
    void mirror(std::span<const T> arena, std::span<T> mirrors) const;

private:
    template <class Visit>
    void for_each_place(const Visit& visit) const;

    std::vector<kernels::PackedLayer> layers_;
    std::size_t width_;
    std::size_t size_ = 0;
    std::size_t mirror_size_ = 0;
    ActivationSettings settings_;
};

}  // namespace handgrad
