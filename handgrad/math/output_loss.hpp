// The loss of one row of outputs and its derivatives by ŷ and by the logits, for every pair of loss and output
// activation.
#pragma once

#include <cstddef>
#include <span>

#include "handgrad/math/activations.hpp"
#include "handgrad/math/losses.hpp"

namespace handgrad::math {

/// A loss together with the output activation that it follows.
struct OutputLoss {
    Loss kind = Loss::squared_error;
    LossParameters parameters;
    Activation output = Activation::identity;
    ActivationSettings settings;

    /// Whether value and ∂l/∂z come straight from the logits, without ŷ (derivation §6.5).
    [[nodiscard]] constexpr bool fused() const {
        return (kind == Loss::binary_cross_entropy && output == Activation::sigmoid) ||
               (kind == Loss::cross_entropy && output == Activation::softmax) ||
               (kind == Loss::poisson && output == Activation::exp);
    }
};

/// One row of v (∂a/∂z), the factor ∂z₂/∂z₁ or ∂ŷ/∂z₃ of Table 2: Eq. (5), (6), (8), (9), (12)–(15) where the Jacobian
/// is diagonal, the whole of it for softmax. a = f(z); dz may be v itself.
template <class F, class T>
void row_times_jacobian(const ActivationSettings& settings, std::span<const T> z, std::span<const T> a,
                        std::span<const T> v, std::span<T> dz) {
    if constexpr (F::facts.elementwise) {
        for (std::size_t i = 0; i < z.size(); ++i) {
            dz[i] = v[i] * F::derivative(z[i], settings);
        }
    } else {
        F::times_jacobian(a, v, dz);
    }
}

/// c of one row, with which ∂²(v a)/∂z² is diag{c}: v ∘ f″(z) where f acts on each entry by itself; of softmax, whose
/// directions are then centred (Softmax::centre), g = v (∂a/∂z) (derivation §7.8). a = f(z); c may be v itself.
template <class F, class T>
void row_curvature(const ActivationSettings& settings, std::span<const T> z, std::span<const T> a, std::span<const T> v,
                   std::span<T> c) {
    if constexpr (F::facts.elementwise) {
        for (std::size_t i = 0; i < z.size(); ++i) {
            c[i] = v[i] * F::second_derivative(z[i], settings);
        }
    } else {
        F::times_jacobian(a, v, c);
    }
}

/// ŷ = g(z) of one row.
template <class T>
void row_outputs(Activation output, const ActivationSettings& settings, std::span<const T> z, std::span<T> yhat) {
    visit(output, [&]<class G>(G) {
        if constexpr (G::facts.elementwise) {
            for (std::size_t j = 0; j < z.size(); ++j) {
                yhat[j] = G::value(z[j], settings);
            }
        } else {
            G::value(z, yhat);
        }
    });
}

/// ŷ − y of one row, from the logits where ŷ itself would lose the digits (derivation §6.5).
template <class T>
void row_residual(Activation output, std::span<const T> z, std::span<const T> yhat, std::span<const T> y,
                  std::span<T> d) {
    if (output == Activation::softmax) {
        softmax_residual(z, y, d);
        return;
    }
    for (std::size_t j = 0; j < y.size(); ++j) {
        d[j] = output == Activation::sigmoid ? sigmoid_residual(z[j], y[j]) : yhat[j] - y[j];
    }
}

/// What row_loss() is asked for beside the value.
enum class Derivatives {
    none,         ///< dz and da are scratch
    logits,       ///< dz; da is scratch
    logits_yhat,  ///< dz and da
};

/// Sum over the K outputs of the loss of one row, unreduced, and as asked dz = factor · ∂l/∂z, straight from the logits
/// where a form without cancellation exists, and da = factor · ∂l/∂ŷ as written in Eq. (11), (19). ŷ is read unless
/// loss.fused() and da is not asked for. dz and da, of K numbers each, overlap nothing.
template <class T>
T row_loss(const OutputLoss& loss, std::span<const T> z, std::span<const T> yhat, std::span<const T> y, T factor,
           Derivatives wanted, std::span<T> dz, std::span<T> da) {
    T sum = T(0);
    const auto fused = [&](auto pair) {
        for (std::size_t j = 0; j < y.size(); ++j) {
            sum = sum + decltype(pair)::value(z[j], y[j]);
            dz[j] = factor * decltype(pair)::derivative(z[j], y[j]);
        }
    };
    const auto literal = [&]<class L>(L, bool add) {
        for (std::size_t j = 0; j < y.size(); ++j) {
            if constexpr (L::facts.residual) {
                sum = add ? sum + L::value(dz[j], loss.parameters) : sum;  // dz holds d = ŷ − y for a moment
                da[j] = factor * L::derivative(dz[j], loss.parameters);
            } else {
                sum = add ? sum + L::value(yhat[j], y[j], loss.parameters) : sum;
                da[j] = factor * L::derivative(yhat[j], y[j], loss.parameters);
            }
        }
    };
    if (!loss.fused()) {
        visit(loss.kind, [&]<class L>(L kind) {
            if constexpr (L::facts.residual) {
                row_residual(loss.output, z, yhat, y, dz);
            }
            literal(kind, true);
        });
        if (wanted != Derivatives::none) {  // Table 2, rows b⁽²⁾: (∂l/∂ŷ)(∂ŷ/∂z₃)
            visit(loss.output,
                  [&]<class G>(G) { row_times_jacobian<G, T>(loss.settings, z, yhat, std::span<const T>(da), dz); });
        }
        return sum;
    }
    if (wanted == Derivatives::logits_yhat) {
        visit(loss.kind, [&](auto kind) { literal(kind, false); });
    }
    if (loss.kind == Loss::binary_cross_entropy) {  // Table 5 and Eq. (19)·(15)
        fused(SigmoidBinaryCrossEntropy{});
    } else if (loss.kind == Loss::cross_entropy) {
        sum = SoftmaxCrossEntropy::value_and_derivative(z, y, dz);
        for (T& d : dz) {
            d = factor * d;
        }
    } else {
        fused(ExpPoisson{});
    }
    return sum;
}

/// Which second derivative of a row's loss is meant.
enum class Curvature {
    whole,         ///< of the loss by the logits
    gauss_newton,  ///< without what the bend of the output activation does where loss and activation are not fused
};

/// A row of outputs and how it moves along a direction: ż of the logits and ŷ̇ = (∂ŷ/∂z) ż.
template <class T>
struct OutputsAlong {
    const OutputLoss& loss;
    std::span<const T> z, yhat, y, z_along, yhat_along;
};

/// The derivative of factor · ∂l/∂z of one row along that direction, levenberg_marquardt (L5), (L6): with
/// `gauss_newton` factor · (∂ŷ/∂z)ᵀ (∂²l/∂ŷ²) ŷ̇, of fused pairs factor · (∂²l/∂z²) ż, which is the whole of it. `spare`
/// has 3 K numbers and overlaps nothing.
template <class T>
void row_loss_along(const OutputsAlong<T>& at, T factor, Curvature curvature, std::span<T> spare, std::span<T> to) {
    const OutputLoss& loss = at.loss;
    const std::size_t K = at.y.size();
    const auto fused = [&](auto pair) {
        for (std::size_t j = 0; j < K; ++j) {
            to[j] = factor * decltype(pair)::second_derivative(at.z[j], at.y[j]) * at.z_along[j];
        }
    };
    if (loss.fused()) {
        if (loss.kind == Loss::binary_cross_entropy) {
            fused(SigmoidBinaryCrossEntropy{});
        } else if (loss.kind == Loss::cross_entropy) {
            SoftmaxCrossEntropy::times_second_derivative<T>(at.yhat, at.y, at.z_along, to);
            for (T& t : to) {
                t = factor * t;
            }
        } else {
            fused(ExpPoisson{});
        }
        return;
    }
    const std::span<T> u = spare.first(K), u_along = spare.subspan(K, K), centred = spare.subspan(2 * K, K);
    visit(loss.kind, [&]<class L>(L) {
        if constexpr (L::facts.residual) {
            row_residual(loss.output, at.z, at.yhat, at.y, u);
        }
        for (std::size_t j = 0; j < K; ++j) {
            if constexpr (L::facts.residual) {
                u_along[j] = factor * L::second_derivative(u[j], loss.parameters) * at.yhat_along[j];
                u[j] = factor * L::derivative(u[j], loss.parameters);
            } else {
                u_along[j] = factor * L::second_derivative(at.yhat[j], at.y[j], loss.parameters) * at.yhat_along[j];
                u[j] = factor * L::derivative(at.yhat[j], at.y[j], loss.parameters);
            }
        }
    });
    visit(loss.output, [&]<class G>(G) {
        if constexpr (G::facts.elementwise) {
            for (std::size_t j = 0; j < K; ++j) {
                const T straight = u_along[j] * G::derivative(at.z[j], loss.settings);
                const T bent = u[j] * G::second_derivative(at.z[j], loss.settings);
                to[j] = curvature == Curvature::whole ? fma(bent, at.z_along[j], straight) : straight;
            }
        } else {
            if (curvature == Curvature::whole) {
                G::template centre<T>(at.yhat, u, u);
                G::template centre<T>(at.yhat, at.z_along, centred);
                for (std::size_t j = 0; j < K; ++j) {
                    u_along[j] = fma(u[j], centred[j], u_along[j]);
                }
            }
            G::template times_jacobian<T>(at.yhat, u_along, to);
        }
    });
}

}  // namespace handgrad::math
