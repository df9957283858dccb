// The Jacobian term of training on derivatives, for one row: its value and its gradient by the parameters, written once
// for every number type (docs/derivations/sobolev.md).
#pragma once

#include <cstddef>
#include <span>

#include "handgrad/math/activations.hpp"
#include "handgrad/math/network_row.hpp"
#include "handgrad/math/number.hpp"

namespace handgrad::math {

/// Σ m (J − T)² of one row and its gradient, sobolev (S1)–(S8). N is a number, or a vector with a row in each lane; S
/// is what a weight is. Every sum runs in index order by fma from the bias or from 0. The n directions of x lie one
/// after the other, each with the units of a layer side by side, so that they go through a layer as n rows would.
template <class S, class N>
class JacobianLossRow {
public:
    /// `room` has room_for(net) numbers.
    JacobianLossRow(const RowNet<S>& net, N* room) : net_(net), n_(net.sizes[0]) {
        const std::size_t widest = net.widest();
        dJ_ = room;
        dQ_ = dJ_ + n_ * widest;
        da_ = dQ_ + n_ * widest;
        dz_ = da_ + widest;
        bend_ = dz_ + widest;
        spare_ = bend_ + widest;
        layers_ = spare_ + widest;
    }
    static std::size_t room_for(const RowNet<S>& net) {
        const std::size_t n = net.sizes[0];
        std::size_t numbers = (2 * n + 4) * net.widest();
        for (std::size_t l = 0; l < net.layers; ++l) {
            numbers += (2 * n + 3) * net.sizes[l + 1];
        }
        return numbers;
    }

    /// (S1), (S2): z, a, Q = ∂z/∂x and J = ∂a/∂x of every layer, from the row x (n).
    void forward(const N* x) {
        const S* W = net_.parameters;
        const N* input = x;
        const N* J = nullptr;
        N* at = layers_;
        for (std::size_t l = 0; l < net_.layers; ++l) {
            const std::size_t in = net_.sizes[l], out = net_.sizes[l + 1];
            const Layer layer(at, out, n_);
            times_weights(W, W + out * in, out, in, input, layer.z);
            for (std::size_t i = 0; i < n_; ++i) {
                if (l == 0) {
                    for (std::size_t u = 0; u < out; ++u) {
                        layer.Q[i * out + u] = N(W[u * in + i]);  // J⁽⁰⁾ = I
                    }
                } else {
                    times_weights(W, nullptr, out, in, J + i * in, layer.Q + i * out);
                }
            }
            activate(net_.activation[l], layer, out);
            input = layer.a;
            J = layer.J;
            W += out * (in + 1);
            at = layer.end;
        }
        output_ = J;
    }

    /// (S3), (S4): Σ m (J − T)² over the targets T (K n, an output's n entries side by side; m is 0 where one is NaN),
    /// and for backward() its derivative 2 factor m (J − T) by J.
    N residual(const N* target, N factor) {
        const std::size_t K = net_.sizes[net_.layers];
        N sum(0);
        for (std::size_t k = 0; k < K; ++k) {
            for (std::size_t i = 0; i < n_; ++i) {
                const N T = target[k * n_ + i];
                const N d = select(equal(T, T), output_[i * K + k] - T, N(0));
                sum = fma(d, d, sum);
                dJ_[i * K + k] = (factor + factor) * d;
            }
        }
        return sum;
    }

    /// (S5)–(S8): adds the derivative by every parameter to `gradient`, which has the order of the parameters.
    void backward(const N* x, N* gradient) {
        std::size_t offset = 0, place = 0;
        for (std::size_t l = 0; l < net_.layers; ++l) {
            offset += net_.sizes[l + 1] * (net_.sizes[l] + 1);
            place += net_.sizes[l + 1] * (2 * n_ + 3);
        }
        for (std::size_t u = 0; u < net_.sizes[net_.layers]; ++u) {
            da_[u] = N(0);  // the term sees ŷ by its slopes only
        }
        for (std::size_t l = net_.layers; l-- > 0;) {
            const std::size_t in = net_.sizes[l], out = net_.sizes[l + 1];
            offset -= out * (in + 1);
            place -= out * (2 * n_ + 3);
            const Layer layer(layers_ + place, out, n_);
            activation_backward(net_.activation[l], layer, out);
            if (l == 0) {
                parameters_of_first(x, out, gradient);
                return;
            }
            const Layer before(layers_ + place - in * (2 * n_ + 3), in, n_);
            parameters_of(before, in, out, gradient + offset);
            const S* W = net_.parameters + offset;
            times_turned(W, out, in, dz_, da_);
            for (std::size_t i = 0; i < n_; ++i) {
                times_turned(W, out, in, dQ_ + i * out, dJ_ + i * in);
            }
        }
    }

private:
    struct Layer {
        Layer(N* at, std::size_t units, std::size_t n)
            : z(at), a(z + units), slope(a + units), Q(slope + units), J(Q + n * units), end(J + n * units) {}
        N *z, *a;
        N* slope;  ///< f′(z); unused of softmax
        N *Q, *J;
        N* end;
    };

    /// a = f(z), and J = f′ Q of every direction.
    void activate(Activation activation, const Layer& layer, std::size_t units) {
        visit(activation, [&]<class F>(F) {
            if constexpr (F::facts.elementwise) {
                for (std::size_t u = 0; u < units; ++u) {
                    layer.a[u] = F::value(layer.z[u], net_.settings);
                    layer.slope[u] = F::derivative(layer.z[u], net_.settings);
                }
            } else {
                F::template value<N>({layer.z, units}, {layer.a, units});
                for (std::size_t i = 0; i < n_; ++i) {
                    F::template times_jacobian<N>({layer.a, units}, {layer.Q + i * units, units},
                                                  {layer.J + i * units, units});
                }
            }
        });
        if (activation != Activation::softmax) {
            times_slopes(layer.slope, layer.Q, layer.J, units);
        }
    }
    void times_slopes(const N* slope, const N* from, N* to, std::size_t units) const {
        for (std::size_t i = 0; i < n_; ++i) {
            for (std::size_t u = 0; u < units; ++u) {
                to[i * units + u] = slope[u] * from[i * units + u];
            }
        }
    }

    /// (S5), (S6): dQ from dJ, and dz from da and from what the bend of f does to the slopes.
    void activation_backward(Activation activation, const Layer& layer, std::size_t units) {
        visit(activation, [&]<class F>(F) {
            if constexpr (!F::facts.elementwise) {
                softmax_backward(layer, units);
            } else if constexpr (F::facts.piecewise_linear) {
                for (std::size_t u = 0; u < units; ++u) {
                    dz_[u] = layer.slope[u] * da_[u];
                }
            } else {
                for (std::size_t u = 0; u < units; ++u) {
                    bend_[u] = F::second_derivative(layer.z[u], net_.settings);
                }
                bend_backward(layer, units);
            }
        });
        if (activation != Activation::softmax) {
            times_slopes(layer.slope, dJ_, dQ_, units);
        }
    }
    void bend_backward(const Layer& layer, std::size_t units) {
        for (std::size_t u = 0; u < units; ++u) {
            N sum(0);
            for (std::size_t i = 0; i < n_; ++i) {
                sum = fma(dJ_[i * units + u], layer.Q[i * units + u], sum);
            }
            dz_[u] = fma(layer.slope[u], da_[u], bend_[u] * sum);
        }
    }
    /// (S7); da is 0, since softmax stands last.
    void softmax_backward(const Layer& layer, std::size_t units) {
        const std::span<const N> p(layer.a, units);
        for (std::size_t u = 0; u < units; ++u) {
            bend_[u] = N(0);
        }
        for (std::size_t i = 0; i < n_; ++i) {
            const std::span<N> dQ(dQ_ + i * units, units), centred(spare_, units);
            Softmax::times_jacobian<N>(p, {dJ_ + i * units, units}, dQ);
            Softmax::centre<N>(p, {layer.Q + i * units, units}, centred);
            for (std::size_t u = 0; u < units; ++u) {
                bend_[u] = fma(dQ[u], centred[u], bend_[u]);
            }
        }
        N sum(0);
        for (std::size_t u = 0; u < units; ++u) {
            sum = sum + bend_[u];
        }
        for (std::size_t u = 0; u < units; ++u) {
            dz_[u] = fma(-p[u], sum, bend_[u]);
        }
    }

    /// (S8): dW += dz aᵀ + Σ dQ Jᵀ over directions, db += dz.
    void parameters_of(const Layer& before, std::size_t in, std::size_t out, N* gradient) const {
        for (std::size_t u = 0; u < out; ++u) {
            for (std::size_t v = 0; v < in; ++v) {
                N sum = fma(dz_[u], before.a[v], gradient[u * in + v]);
                for (std::size_t i = 0; i < n_; ++i) {
                    sum = fma(dQ_[i * out + u], before.J[i * in + v], sum);
                }
                gradient[u * in + v] = sum;
            }
            gradient[out * in + u] = gradient[out * in + u] + dz_[u];
        }
    }
    /// … of the first layer, where J⁽⁰⁾ = I.
    void parameters_of_first(const N* x, std::size_t out, N* gradient) const {
        for (std::size_t u = 0; u < out; ++u) {
            for (std::size_t v = 0; v < n_; ++v) {
                gradient[u * n_ + v] = fma(dz_[u], x[v], gradient[u * n_ + v]) + dQ_[v * out + u];
            }
            gradient[out * n_ + u] = gradient[out * n_ + u] + dz_[u];
        }
    }

    RowNet<S> net_;
    std::size_t n_;
    N *dJ_, *dQ_, *da_, *dz_, *bend_, *spare_, *layers_;
    const N* output_ = nullptr;  ///< J of the last layer
};

}  // namespace handgrad::math
