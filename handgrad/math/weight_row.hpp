// The derivatives of one row's outputs, and of its loss, by the weights and along a direction of the weights, written
// once for every number type (docs/derivations/levenberg_marquardt.md).
#pragma once

#include <cstddef>
#include <span>

#include "handgrad/math/activations.hpp"
#include "handgrad/math/network_row.hpp"
#include "handgrad/math/number.hpp"
#include "handgrad/math/output_loss.hpp"

namespace handgrad::math {

/// What a row's derivatives by the parameters are written to, in the order of the parameters …
template <class N>
struct SetEach {
    N* to;
    void product(std::size_t p, N dz, N a) const { to[p] = dz * a; }
    void term(std::size_t p, N dz) const { to[p] = dz; }
};
/// … or added to.
template <class N>
struct AddEach {
    N* to;
    void product(std::size_t p, N dz, N a) const { to[p] = fma(dz, a, to[p]); }
    void term(std::size_t p, N dz) const { to[p] = to[p] + dz; }
};

/// One row through a network and what its weights do to it, levenberg_marquardt (L1)–(L8). N is a number, or a vector
/// with a row in each lane; S is what a weight is. Every sum runs in index order by fma from the bias or from 0.
/// `v` below is a direction: a number for each parameter, V and c in the places of W and b.
template <class S, class N>
class WeightRow {
public:
    /// `room` has room_for(net) numbers.
    WeightRow(const RowNet<S>& net, N* room) : net_(net) {
        const std::size_t widest = net.widest();
        da_ = room;
        dz_ = da_ + widest;
        da_along_ = dz_ + widest;
        dz_along_ = da_along_ + widest;
        spare_ = dz_along_ + widest;
        layers_ = spare_ + 3 * widest;
    }
    static std::size_t room_for(const RowNet<S>& net) {
        std::size_t numbers = 7 * net.widest();
        for (std::size_t l = 0; l < net.layers; ++l) {
            numbers += Layer::numbers * net.sizes[l + 1];
        }
        return numbers;
    }

    /// Step 2, Eq. (2): z and a of every layer, from the row x (n).
    void values(const N* x) {
        each_layer([&](std::size_t l, const S* W, const Layer& layer, const Layer& before) {
            const std::size_t in = net_.sizes[l], out = net_.sizes[l + 1];
            times_weights(W, W + out * in, out, in, l == 0 ? x : before.a, layer.z);
            row_outputs<N>(net_.activation[l], net_.settings, {layer.z, out}, {layer.a, out});
        });
    }
    /// … and the slopes of the activations, for all that follows.
    void forward(const N* x) {
        each_layer([&](std::size_t l, const S* W, const Layer& layer, const Layer& before) {
            const std::size_t in = net_.sizes[l], out = net_.sizes[l + 1];
            times_weights(W, W + out * in, out, in, l == 0 ? x : before.a, layer.z);
            visit(net_.activation[l], [&]<class F>(F) {
                if constexpr (F::facts.elementwise) {
                    for (std::size_t u = 0; u < out; ++u) {
                        layer.a[u] = F::value(layer.z[u], net_.settings);
                        layer.slope[u] = F::derivative(layer.z[u], net_.settings);
                    }
                } else {
                    F::template value<N>({layer.z, out}, {layer.a, out});
                }
            });
        });
    }
    /// ŷ and the logits.
    [[nodiscard]] std::span<const N> yhat() const { return {last_.a, net_.outputs()}; }
    [[nodiscard]] std::span<const N> logits() const { return {last_.z, net_.outputs()}; }

    /// (L1): ż and ȧ of every layer along v. After forward().
    void along(const N* x, const S* v) {
        std::size_t offset = 0;
        each_layer([&](std::size_t l, const S* W, const Layer& layer, const Layer& before) {
            const std::size_t in = net_.sizes[l], out = net_.sizes[l + 1];
            const S* V = v + offset;
            times_weights(V, V + out * in, out, in, l == 0 ? x : before.a, layer.z_along);
            if (l > 0) {
                times_weights(W, nullptr, out, in, before.a_along, spare_);
                for (std::size_t u = 0; u < out; ++u) {
                    layer.z_along[u] = layer.z_along[u] + spare_[u];
                }
            }
            times_slopes(l, layer, layer.z_along, layer.a_along);
            offset += out * (in + 1);
        });
    }
    /// ŷ̇ = J v.
    [[nodiscard]] std::span<const N> yhat_along() const { return {last_.a_along, net_.outputs()}; }

    /// (L2): z̈ and ä of every layer, the second derivatives along v. After along().
    void along_twice(const S* v) {
        std::size_t offset = 0;
        each_layer([&](std::size_t l, const S* W, const Layer& layer, const Layer& before) {
            const std::size_t in = net_.sizes[l], out = net_.sizes[l + 1];
            if (l == 0) {
                for (std::size_t u = 0; u < out; ++u) {
                    layer.z_twice[u] = N(0);
                }
            } else {
                times_weights(v + offset, nullptr, out, in, before.a_along, layer.z_twice);
                times_weights(W, nullptr, out, in, before.a_twice, spare_);
                for (std::size_t u = 0; u < out; ++u) {
                    layer.z_twice[u] = fma(N(2), layer.z_twice[u], spare_[u]);
                }
            }
            bend(l, layer);
            offset += out * (in + 1);
        });
    }
    /// ŷ̈ = ∂²ŷ/∂w² [v, v].
    [[nodiscard]] std::span<const N> yhat_twice() const { return {last_.a_twice, net_.outputs()}; }

    /// (L3), (L4): uᵀ ∂ŷ/∂w for u (K), by Table 2. After forward().
    template <class Sink>
    void backward(const N* x, const N* u, const Sink& sink) {
        times_slopes(net_.layers - 1, last_, u, dz_);
        down(x, sink);
    }
    /// The same from a derivative by the logits.
    template <class Sink>
    void backward_from_logits(const N* x, const N* dz, const Sink& sink) {
        for (std::size_t k = 0; k < net_.outputs(); ++k) {
            dz_[k] = dz[k];
        }
        down(x, sink);
    }

    /// (L5): factor · (∂²l/∂ŷ²) J v, taken to the logits, as a derivative by them: backward_from_logits() then gives
    /// this row's share in the Gauss–Newton product. After along(). dz (K) is no part of this object.
    void gauss_newton(const OutputLoss& loss, const N* y, N factor, N* dz) {
        loss_along(loss, y, factor, Curvature::gauss_newton, dz);
    }

    /// (L6), (L7): adds this row's share in the Hessian of factor · l times v to `to`, with the derivative dz = factor
    /// · ∂l/∂z of the loss by the logits (row_loss()). After along().
    void hessian(const N* x, const OutputLoss& loss, const N* y, N factor, const N* dz, const S* v, N* to) {
        loss_along(loss, y, factor, Curvature::whole, dz_along_);
        for (std::size_t k = 0; k < net_.outputs(); ++k) {
            dz_[k] = dz[k];
        }
        std::size_t offset = net_.count();
        Layer layer = last_;
        for (std::size_t l = net_.layers; l-- > 0;) {
            const std::size_t in = net_.sizes[l], out = net_.sizes[l + 1];
            offset -= out * (in + 1);
            const Layer before = l == 0 ? layer : Layer(layer.z - Layer::numbers * in, in);
            parameters_along(l == 0 ? x : before.a, l == 0 ? nullptr : before.a_along, in, out, to + offset);
            if (l > 0) {
                times_turned(net_.parameters + offset, out, in, dz_, da_);
                times_turned(net_.parameters + offset, out, in, dz_along_, da_along_);
                times_turned(v + offset, out, in, dz_, spare_);
                for (std::size_t u = 0; u < in; ++u) {
                    da_along_[u] = da_along_[u] + spare_[u];
                }
                activation_along(l - 1, before);
            }
            layer = before;
        }
    }

private:
    /// What is kept of a layer; what is `along` and `twice` is the first and second derivative along the direction.
    struct Layer {
        static constexpr std::size_t numbers = 7;
        Layer() = default;
        Layer(N* at, std::size_t units)
            : z(at),
              a(z + units),
              slope(a + units),
              z_along(slope + units),
              a_along(z_along + units),
              z_twice(a_along + units),
              a_twice(z_twice + units) {}
        N *z = nullptr, *a = nullptr;
        N* slope = nullptr;  ///< f′(z); unused of softmax
        N *z_along = nullptr, *a_along = nullptr, *z_twice = nullptr, *a_twice = nullptr;
    };

    /// Calls f(l, W, layer, the layer before) from the first layer up.
    template <class F>
    void each_layer(const F& f) {
        const S* W = net_.parameters;
        N* at = layers_;
        Layer before;
        for (std::size_t l = 0; l < net_.layers; ++l) {
            const std::size_t out = net_.sizes[l + 1];
            const Layer layer(at, out);
            f(l, W, layer, before);
            W += out * (net_.sizes[l] + 1);
            at += Layer::numbers * out;
            before = layer;
        }
        last_ = before;
    }

    /// to = (∂a/∂z) from, of layer l. `to` may be `from`.
    void times_slopes(std::size_t l, const Layer& layer, const N* from, N* to) const {
        const std::size_t units = net_.sizes[l + 1];
        if (net_.activation[l] == Activation::softmax) {
            Softmax::times_jacobian<N>({layer.a, units}, {from, units}, {to, units});
            return;
        }
        for (std::size_t u = 0; u < units; ++u) {
            to[u] = layer.slope[u] * from[u];
        }
    }

    /// f″(z) of a layer whose activation acts on each entry by itself.
    void second_derivatives(std::size_t l, const Layer& layer, N* to) const {
        visit(net_.activation[l], [&]<class F>(F) {
            for (std::size_t u = 0; u < net_.sizes[l + 1]; ++u) {
                if constexpr (F::facts.elementwise) {
                    to[u] = F::second_derivative(layer.z[u], net_.settings);
                }
            }
        });
    }

    /// (L2): ä from z̈ and ż.
    void bend(std::size_t l, const Layer& layer) {
        const std::size_t units = net_.sizes[l + 1];
        if (net_.activation[l] == Activation::softmax) {
            Softmax::centre<N>({layer.a, units}, {layer.z_along, units}, {spare_, units});
            for (std::size_t u = 0; u < units; ++u) {
                spare_[u] = fma(spare_[u], spare_[u], layer.z_twice[u]);
            }
            times_slopes(l, layer, spare_, layer.a_twice);
            return;
        }
        times_slopes(l, layer, layer.z_twice, layer.a_twice);
        if (facts(net_.activation[l]).piecewise_linear) {
            return;
        }
        second_derivatives(l, layer, spare_);
        for (std::size_t u = 0; u < units; ++u) {
            layer.a_twice[u] = fma(spare_[u] * layer.z_along[u], layer.z_along[u], layer.a_twice[u]);
        }
    }

    /// Table 2 from dz_ of the last layer down.
    template <class Sink>
    void down(const N* x, const Sink& sink) {
        std::size_t offset = net_.count();
        Layer layer = last_;
        for (std::size_t l = net_.layers; l-- > 0;) {
            const std::size_t in = net_.sizes[l], out = net_.sizes[l + 1];
            offset -= out * (in + 1);
            const Layer before = l == 0 ? layer : Layer(layer.z - Layer::numbers * in, in);
            const N* input = l == 0 ? x : before.a;
            for (std::size_t u = 0; u < out; ++u) {
                for (std::size_t i = 0; i < in; ++i) {
                    sink.product(offset + u * in + i, dz_[u], input[i]);
                }
                sink.term(offset + out * in + u, dz_[u]);
            }
            if (l > 0) {
                times_turned(net_.parameters + offset, out, in, dz_, da_);
                times_slopes(l - 1, before, da_, dz_);
            }
            layer = before;
        }
    }

    /// (L5), (L6) at the outputs.
    void loss_along(const OutputLoss& loss, const N* y, N factor, Curvature curvature, N* dz) {
        const std::size_t K = net_.outputs();
        row_loss_along<N>({.loss = loss,
                           .z = {last_.z, K},
                           .yhat = {last_.a, K},
                           .y = {y, K},
                           .z_along = {last_.z_along, K},
                           .yhat_along = {last_.a_along, K}},
                          factor, curvature, {spare_, 3 * K}, {dz, K});
    }

    /// (L7): dW += δ̇ aᵀ + δ ȧᵀ, db += δ̇. ȧ is null where the input does not depend on weights.
    void parameters_along(const N* a, const N* a_along, std::size_t in, std::size_t out, N* to) const {
        for (std::size_t u = 0; u < out; ++u) {
            for (std::size_t i = 0; i < in; ++i) {
                N sum = fma(dz_along_[u], a[i], to[u * in + i]);
                if (a_along != nullptr) {
                    sum = fma(dz_[u], a_along[i], sum);
                }
                to[u * in + i] = sum;
            }
            to[out * in + u] = to[out * in + u] + dz_along_[u];
        }
    }
    /// (L7): δ = f′ ∘ da and δ̇ = f′ ∘ dȧ + f″ ∘ ż ∘ da of a hidden layer.
    void activation_along(std::size_t l, const Layer& layer) {
        times_slopes(l, layer, da_, dz_);
        times_slopes(l, layer, da_along_, dz_along_);
        if (facts(net_.activation[l]).piecewise_linear) {
            return;
        }
        second_derivatives(l, layer, spare_);
        for (std::size_t u = 0; u < net_.sizes[l + 1]; ++u) {
            dz_along_[u] = fma(spare_[u] * layer.z_along[u], da_[u], dz_along_[u]);
        }
    }

    RowNet<S> net_;
    N *da_, *dz_, *da_along_, *dz_along_;
    N* spare_;  ///< three times the widest layer
    N* layers_;
    Layer last_;
};

}  // namespace handgrad::math
