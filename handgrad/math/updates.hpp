// Step 5 as formulas on one parameter: Eq. (4), its momentum variants and Adam, written once for every number type.
#pragma once

#include "handgrad/math/conventions.hpp"
#include "handgrad/math/number.hpp"

namespace handgrad::math {

/// What a step holds the same for all parameters, rounded once from double to S. Unused fields are 0.
template <class S>
struct UpdateConstants {
    S rate = 0;   ///< η of sgd
    S mu = 0;     ///< momentum
    S beta1 = 0;  ///< Adam's running means: m ← β₁m + (1 − β₁)g …
    S rest1 = 0;  ///< 1 − β₁
    S beta2 = 0;  ///< … v ← β₂v + (1 − β₂)g²
    S rest2 = 0;  ///< 1 − β₂
    S step = 0;   ///< η / (1 − β₁ᵗ), and times √(1 − β₂ᵗ) where ε is added before the correction
    S inverse_root = 0;  ///< 1 / √(1 − β₂ᵗ), or 1 where ε is added before the correction
    S epsilon = 0;
    S decay = 0;    ///< ηα of AdamW's decoupled decay
    S penalty = 0;  ///< α of the L2 penalty that is part of the loss: its derivative αw is added to g
};

/// How a parameter w moves by its gradient g; m and v are what the optimizer remembers of it.
enum class UpdateRule { sgd, velocity, nesterov_velocity, gradient_sum, nesterov_gradient_sum, adam };

/// Eq. (4): w ← w − η ∂l/∂w.
struct SgdUpdate {
    static constexpr int states = 0;
    template <class T>
    static void apply(const UpdateConstants<Scalar<T>>& c, T g, T& w, T& /*m*/, T& /*v*/) {
        w = fma(T(-c.rate), g, w);
    }
};
/// m ← μm − ηg; w ← w + m, or w ← w + μm − ηg (Nesterov). Momentum::velocity.
template <bool nesterov>
struct VelocityUpdate {
    static constexpr int states = 1;
    template <class T>
    static void apply(const UpdateConstants<Scalar<T>>& c, T g, T& w, T& m, T& /*v*/) {
        const T move = T(-c.rate) * g;
        m = fma(T(c.mu), m, move);
        w = w + (nesterov ? fma(T(c.mu), m, move) : m);
    }
};
/// m ← μm + g; w ← w − ηm, or w ← w − η(g + μm) (Nesterov). Momentum::gradient_sum.
template <bool nesterov>
struct GradientSumUpdate {
    static constexpr int states = 1;
    template <class T>
    static void apply(const UpdateConstants<Scalar<T>>& c, T g, T& w, T& m, T& /*v*/) {
        m = fma(T(c.mu), m, g);
        w = fma(T(-c.rate), nesterov ? fma(T(c.mu), m, g) : m, w);
    }
};
/// Adam (Kingma and Ba 2015, algorithm 1), with AdamW's decay before it: m and v are running means of g and g²,
/// corrected for their start at 0.
struct AdamUpdate {
    static constexpr int states = 2;
    template <class T>
    static void apply(const UpdateConstants<Scalar<T>>& c, T g, T& w, T& m, T& v) {
        m = fma(T(c.beta1), m, T(c.rest1) * g);
        v = fma(T(c.beta2), v, (T(c.rest2) * g) * g);
        const T decayed = fma(T(-c.decay), w, w);
        w = decayed - (T(c.step) * m) / fma(sqrt(v), T(c.inverse_root), T(c.epsilon));
    }
};

/// Calls visitor with the struct of that rule and returns what it returns.
template <class Visitor>
constexpr decltype(auto) visit(UpdateRule rule, Visitor&& visitor) {
    switch (rule) {
        case UpdateRule::sgd:
            return visitor(SgdUpdate{});
        case UpdateRule::velocity:
            return visitor(VelocityUpdate<false>{});
        case UpdateRule::nesterov_velocity:
            return visitor(VelocityUpdate<true>{});
        case UpdateRule::gradient_sum:
            return visitor(GradientSumUpdate<false>{});
        case UpdateRule::nesterov_gradient_sum:
            return visitor(GradientSumUpdate<true>{});
        case UpdateRule::adam:
            return visitor(AdamUpdate{});
    }
    __builtin_unreachable();
}

}  // namespace handgrad::math
