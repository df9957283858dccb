// A network as formulas over one row read it, and the two products of its weights that they are made of.
#pragma once

#include <cstddef>
#include <type_traits>

#include "handgrad/math/activations.hpp"
#include "handgrad/math/number.hpp"

namespace handgrad::math {

/// A network in the order of a model's parameters: W (out×in, row by row) and b, layer after layer. Plain pointers, so
/// that a kernel can read it.
template <class S>
struct RowNet {
    const std::size_t* sizes = nullptr;  ///< n, hidden widths …, K: layers + 1 numbers
    std::size_t layers = 0;
    const Activation* activation = nullptr;  ///< one for each layer; softmax in the last only
    ActivationSettings settings;
    const S* parameters = nullptr;

    [[nodiscard]] std::size_t inputs() const { return sizes[0]; }
    [[nodiscard]] std::size_t outputs() const { return sizes[layers]; }
    /// Units of the widest layer.
    [[nodiscard]] std::size_t widest() const {
        std::size_t units = 0;
        for (std::size_t l = 0; l < layers; ++l) {
            units = units < sizes[l + 1] ? sizes[l + 1] : units;
        }
        return units;
    }
    /// How many parameters.
    [[nodiscard]] std::size_t count() const {
        std::size_t numbers = 0;
        for (std::size_t l = 0; l < layers; ++l) {
            numbers += sizes[l + 1] * (sizes[l] + 1);
        }
        return numbers;
    }
};

/// Units whose sums do not wait for each other.
inline constexpr std::size_t units_together = 4;

/// z = W a + b for `units` units (b null: + 0), each sum in index order by fma from the bias on. N is a number, or a
/// vector with a row in each lane; S is what a weight is.
template <std::size_t units, class S, class N>
void some_times_weights(const S* W, std::type_identity_t<const S*> b, std::size_t in, const N* a, N* z) {
    N sum[units];
    for (std::size_t u = 0; u < units; ++u) {
        sum[u] = b == nullptr ? N(0) : N(b[u]);
    }
    for (std::size_t v = 0; v < in; ++v) {
        for (std::size_t u = 0; u < units; ++u) {
            sum[u] = fma(N(W[u * in + v]), a[v], sum[u]);
        }
    }
    for (std::size_t u = 0; u < units; ++u) {
        z[u] = sum[u];
    }
}
/// … for a layer.
template <class S, class N>
void times_weights(const S* W, std::type_identity_t<const S*> b, std::size_t out, std::size_t in, const N* a, N* z) {
    std::size_t u = 0;
    for (; u + units_together <= out; u += units_together) {
        some_times_weights<units_together>(W + u * in, b == nullptr ? b : b + u, in, a, z + u);
    }
    for (; u < out; ++u) {
        some_times_weights<1>(W + u * in, b == nullptr ? b : b + u, in, a, z + u);
    }
}

/// da = Wᵀ dz for `units` inputs, each sum in index order by fma from 0 on.
template <std::size_t units, class S, class N>
void some_times_turned(const S* W, std::size_t out, std::size_t in, const N* dz, N* da) {
    N sum[units];
    for (std::size_t v = 0; v < units; ++v) {
        sum[v] = N(0);
    }
    for (std::size_t u = 0; u < out; ++u) {
        for (std::size_t v = 0; v < units; ++v) {
            sum[v] = fma(N(W[u * in + v]), dz[u], sum[v]);
        }
    }
    for (std::size_t v = 0; v < units; ++v) {
        da[v] = sum[v];
    }
}
/// … for a layer.
template <class S, class N>
void times_turned(const S* W, std::size_t out, std::size_t in, const N* dz, N* da) {
    std::size_t v = 0;
    for (; v + units_together <= in; v += units_together) {
        some_times_turned<units_together>(W + v, out, in, dz, da + v);
    }
    for (; v < in; ++v) {
        some_times_turned<1>(W + v, out, in, dz, da + v);
    }
}

}  // namespace handgrad::math
