// All activations: value and derivatives of each, written once for every number type, and the one list of them.
#pragma once

#include <array>
#include <cstddef>
#include <limits>
#include <optional>
#include <span>
#include <string_view>

#include "handgrad/math/conventions.hpp"
#include "handgrad/math/elementary.hpp"
#include "handgrad/math/number.hpp"

namespace handgrad {

/// What an activation needs beside z.
struct ActivationSettings {
    double leaky_slope = 0.01;      ///< slope of leaky_relu for z < 0
    Kink kink = Kink::right_limit;  ///< slope where left and right derivative differ
};

/// An identity that every value of the activation obeys; each is tested for each activation that claims it.
enum class Symmetry {
    none,
    odd,         ///< f(−z) = −f(z)
    complement,  ///< f(−z) = 1 − f(z)
    ramp,        ///< f(z) − f(−z) = z
    reciprocal,  ///< f(z)·f(−z) = 1
};

/// What help, documentation, bounds on rounding and generated tests know of an activation.
struct ActivationFacts {
    std::string_view name;
    std::string_view formula;                                  ///< of the value, in plain text
    std::string_view derivative;                               ///< of the derivative by z
    std::string_view second_derivative;                        ///< of the second derivative by z
    double lowest = -std::numeric_limits<double>::infinity();  ///< greatest lower bound of the values
    double highest = std::numeric_limits<double>::infinity();  ///< least upper bound of the values
    Symmetry symmetry = Symmetry::none;
    bool kink = false;              ///< no derivative at z = 0
    bool piecewise_linear = false;  ///< the derivative is a constant on each side of 0: only a kink can move it
    bool exact = false;             ///< the value is z or a constant: it never rounds
    bool relu_family = false;       ///< first weights by he rather than xavier
    bool elementwise = true;        ///< false for softmax, whose outputs depend on the whole row
    bool non_decreasing = true;     ///< the derivative is never below 0; of leaky_relu for a slope of 0 or more
};

namespace math {

inline constexpr double infinity = std::numeric_limits<double>::infinity();

// The second derivative (derivation §7.8) at z = 0, where f′ jumps (relu, leaky_relu) or f″ does (elu): 0, whatever the
// convention of the kink. It is the right limit, and of both limits the one nearest to 0. The jump of f′ itself, which
// a distribution would count, has no part in it.

/// z with ±∞ replaced by the largest finite number, so that ∞·0 takes its limit; every finite z is itself.
template <class T>
T finite(T z) {
    const T largest = T(std::numeric_limits<Scalar<T>>::max());
    return min(max(z, -largest), largest);
}

struct Identity {
    static constexpr ActivationFacts facts{.name = "identity",
                                           .formula = "z",
                                           .derivative = "1",
                                           .second_derivative = "0",
                                           .symmetry = Symmetry::odd,
                                           .piecewise_linear = true,
                                           .exact = true};
    template <class T>
    static T value(T z, const ActivationSettings& = {}) {  // Table 1, row g
        return z;
    }
    template <class T>
    static T derivative(T /*z*/, const ActivationSettings& = {}) {  // Eq. (8), Eq. (9)
        return T(1);
    }
    template <class T>
    static T second_derivative(T /*z*/, const ActivationSettings& = {}) {
        return T(0);
    }
};

struct Relu {
    static constexpr ActivationFacts facts{.name = "relu",
                                           .formula = "max(z, 0)",
                                           .derivative = "1 for z >= 0, else 0",
                                           .second_derivative = "0",
                                           .lowest = 0.0,
                                           .symmetry = Symmetry::ramp,
                                           .kink = true,
                                           .piecewise_linear = true,
                                           .exact = true,
                                           .relu_family = true};
    template <class T>
    static T value(T z, const ActivationSettings& = {}) {  // Table 1, row f
        return max(z, T(0));
    }
    template <class T>
    static T derivative(T z, const ActivationSettings& settings = {}) {  // Eq. (5), Eq. (6), Eq. (7)
        const auto flat = settings.kink == Kink::right_limit ? less(z, T(0)) : less_equal(z, T(0));
        return select(flat, T(0), T(1));
    }
    template <class T>
    static T second_derivative(T /*z*/, const ActivationSettings& = {}) {
        return T(0);
    }
};

struct LeakyRelu {
    static constexpr ActivationFacts facts{.name = "leaky_relu",
                                           .formula = "z for z >= 0, else slope z",
                                           .derivative = "1 for z >= 0, else slope",
                                           .second_derivative = "0",
                                           .kink = true,
                                           .piecewise_linear = true,
                                           .relu_family = true};
    template <class T>
    static T value(T z, const ActivationSettings& settings = {}) {
        return select(less(z, T(0)), T(settings.leaky_slope) * z, z);
    }
    template <class T>
    static T derivative(T z, const ActivationSettings& settings = {}) {
        const auto left = settings.kink == Kink::right_limit ? less(z, T(0)) : less_equal(z, T(0));
        return select(left, T(settings.leaky_slope), T(1));
    }
    template <class T>
    static T second_derivative(T /*z*/, const ActivationSettings& = {}) {
        return T(0);
    }
};

struct Elu {
    static constexpr ActivationFacts facts{.name = "elu",
                                           .formula = "z for z >= 0, else exp(z) - 1",
                                           .derivative = "1 for z >= 0, else exp(z)",
                                           .second_derivative = "0 for z >= 0, else exp(z)",
                                           .lowest = -1.0,
                                           .relu_family = true};
    template <class T>
    static T value(T z, const ActivationSettings& = {}) {
        return select(less(z, T(0)), expm1(min(z, T(0))), z);
    }
    template <class T>
    static T derivative(T z, const ActivationSettings& = {}) {
        return exp(min(z, T(0)));
    }
    template <class T>
    static T second_derivative(T z, const ActivationSettings& = {}) {
        return select(less(z, T(0)), exp(min(z, T(0))), T(0));
    }
};

struct Sigmoid {
    static constexpr ActivationFacts facts{.name = "sigmoid",
                                           .formula = "1/(1 + exp(-z))",
                                           .derivative = "exp(-z)/(1 + exp(-z))^2",
                                           .second_derivative = "s (1 - s) (1 - 2 s) with s = 1/(1 + exp(-z))",
                                           .lowest = 0.0,
                                           .highest = 1.0,
                                           .symmetry = Symmetry::complement};
    /// Table 3, rows f and g. From t = e^{−|z|}, which never overflows: 1/(1 + t) for z ≥ 0, t/(1 + t) for z < 0. The
    /// one division is that of the derivative too, so that who asks for both pays once.
    template <class T>
    static T value(T z, const ActivationSettings& = {}) {
        const T t = exp(-abs(z));
        return select(less(z, T(0)), t, T(1)) * (T(1) / (T(1) + t));
    }
    /// Eq. (12), Eq. (13), Eq. (14), Eq. (15). As t/(1 + t)², the third form of derivation §5 made safe: the literal
    /// one is NaN for z ≤ −710 in double (derivation §6.5).
    template <class T>
    static T derivative(T z, const ActivationSettings& = {}) {
        const T t = exp(-abs(z));
        const T s = T(1) / (T(1) + t);
        return (t * s) * s;
    }
    /// σ′(1 − 2σ) = −σ′ tanh(z/2), in which nothing cancels at z ≈ 0, where σ ≈ ½; and σ′(z) = ¼ tanh′(z/2).
    template <class T>
    static T second_derivative(T z, const ActivationSettings& = {}) {
        const T half = T(0.5) * z;
        return (T(-0.25) * tanh_slope(half)) * tanh(half);
    }
};

struct Tanh {
    static constexpr ActivationFacts facts{.name = "tanh",
                                           .formula = "tanh(z)",
                                           .derivative = "1 - tanh(z)^2",
                                           .second_derivative = "-2 tanh(z) (1 - tanh(z)^2)",
                                           .lowest = -1.0,
                                           .highest = 1.0,
                                           .symmetry = Symmetry::odd};
    template <class T>
    static T value(T z, const ActivationSettings& = {}) {
        return tanh(z);
    }
    /// 1 − tanh² z = 1/cosh² z = 4t/(1 + t)² with t = e^{−2|z|}, which does not cancel for large |z|; shares t and the
    /// division with the value.
    template <class T>
    static T derivative(T z, const ActivationSettings& = {}) {
        return tanh_slope(z);
    }
    template <class T>
    static T second_derivative(T z, const ActivationSettings& = {}) {
        return (T(-2) * tanh_slope(z)) * tanh(z);
    }
};

struct Softplus {
    static constexpr ActivationFacts facts{.name = "softplus",
                                           .formula = "log(1 + exp(z))",
                                           .derivative = "1/(1 + exp(-z))",
                                           .second_derivative = "exp(-z)/(1 + exp(-z))^2",
                                           .lowest = 0.0,
                                           .symmetry = Symmetry::ramp,
                                           .relu_family = true};
    template <class T>
    static T value(T z, const ActivationSettings& = {}) {
        return max(z, T(0)) + log1p(exp(-abs(z)));
    }
    template <class T>
    static T derivative(T z, const ActivationSettings& = {}) {
        return Sigmoid::value(z);
    }
    template <class T>
    static T second_derivative(T z, const ActivationSettings& = {}) {
        return Sigmoid::derivative(z);
    }
};

struct Silu {
    static constexpr ActivationFacts facts{.name = "silu",
                                           .formula = "z/(1 + exp(-z))",
                                           .derivative = "s + z s (1 - s) with s = 1/(1 + exp(-z))",
                                           .second_derivative = "s (1 - s) (2 + z (1 - 2 s)) with s = 1/(1 + exp(-z))",
                                           .lowest = -0.27846454276107379,
                                           .symmetry = Symmetry::ramp,
                                           .relu_family = true,
                                           .non_decreasing = false};
    template <class T>
    static T value(T z, const ActivationSettings& = {}) {
        return select(less(z, T(0)), finite(z), z) * Sigmoid::value(z);
    }
    template <class T>
    static T derivative(T z, const ActivationSettings& = {}) {
        return fma(finite(z), Sigmoid::derivative(z), Sigmoid::value(z));
    }
    /// 2σ′ + zσ″ = σ′(2 − z tanh(z/2)).
    template <class T>
    static T second_derivative(T z, const ActivationSettings& = {}) {
        return fma(-finite(z), tanh(T(0.5) * z), T(2)) * Sigmoid::derivative(z);
    }
};

struct Gelu {
    static constexpr ActivationFacts facts{.name = "gelu",
                                           .formula = "z P(z), P the standard normal distribution function",
                                           .derivative = "P(z) + z exp(-z^2/2)/sqrt(2 pi)",
                                           .second_derivative = "(2 - z^2) exp(-z^2/2)/sqrt(2 pi)",
                                           .lowest = -0.16997120747990369,
                                           .symmetry = Symmetry::ramp,
                                           .relu_family = true,
                                           .non_decreasing = false};
    /// Beyond |z| = 256 Φ is exactly 0 or 1 in every number type, and z² stays finite.
    template <class T>
    static T held(T z) {
        return min(max(z, T(-256)), T(256));
    }
    /// What −1/√2 loses as an S, written down: computed from a long double it would depend on the processor.
    template <class S>
    static constexpr long double lost_digits() {
        if constexpr (std::is_same_v<S, float>) {
            return -0x1.9fcef4p-27L;
        } else if constexpr (std::is_same_v<S, double>) {
            return 0x1.bep-55L;
        }
        return 0.0L;
    }
    /// Φ(z) = ½ erfc(−z/√2): unlike ½(1 + erf(z/√2)) it keeps its digits for z ≪ 0.
    template <class T>
    static T normal_distribution(T z) {
        const T c = constant<T>(-0.707106781186547524400844362104849039L);
        const T c_low = constant<T>(lost_digits<Scalar<T>>());
        const T h = held(z);
        const T x = h * c;
        const T lost = fma(h, c_low, fma(h, c, -x));
        return T(0.5) * erfc_of_sum(x, lost);
    }
    /// e^{−z²/2}/√(2π), with what z² lost.
    template <class T>
    static T normal_density(T z) {
        const T h = held(z);
        const T square = h * h;
        const T lost = fma(h, h, -square);
        return constant<T>(0.398942280401432677939946059934L) * exp_of_sum(T(-0.5) * square, T(-0.5) * lost);
    }
    template <class T>
    static T value(T z, const ActivationSettings& = {}) {
        return select(less(z, T(0)), finite(z), z) * normal_distribution(z);
    }
    template <class T>
    static T derivative(T z, const ActivationSettings& = {}) {
        return fma(held(z), normal_density(z), normal_distribution(z));
    }
    /// With φ′ = −zφ of the density φ: (zΦ)″ = 2φ + zφ′ = φ(2 − z²).
    template <class T>
    static T second_derivative(T z, const ActivationSettings& = {}) {
        const T h = held(z);
        return fma(-h, h, T(2)) * normal_density(z);
    }
};

struct GeluTanh {
    static constexpr ActivationFacts facts{.name = "gelu_tanh",
                                           .formula = "z (1 + tanh(u))/2 with u = sqrt(2/pi) (z + 0.044715 z^3)",
                                           .derivative = "(1 + tanh(u))/2 + z (1 - tanh(u)^2)/2 u'",
                                           .second_derivative = "(1 - tanh(u)^2)/2 (2 u' + z u'' - 2 z u'^2 tanh(u))",
                                           .lowest = -0.17004075057125412,
                                           .symmetry = Symmetry::ramp,
                                           .relu_family = true,
                                           .non_decreasing = false};
    /// 2u; beyond |z| = 64 σ(2u) is exactly 0 or 1 in every number type, so that holding z there changes no value.
    template <class T>
    static T twice_u(T z) {
        return constant<T>(1.5957691216057307117L) * z * fma(constant<T>(0.044715L) * z, z, T(1));
    }
    /// … and its derivative 2u′.
    template <class T>
    static T twice_slope(T z) {
        return constant<T>(1.5957691216057307117L) * fma(constant<T>(3 * 0.044715L) * z, z, T(1));
    }
    template <class T>
    static T held(T z) {
        return min(max(z, T(-64)), T(64));
    }
    /// (1 + tanh u)/2 = σ(2u), which does not cancel for u ≪ 0.
    template <class T>
    static T value(T z, const ActivationSettings& = {}) {
        return select(less(z, T(0)), finite(z), z) * Sigmoid::value(twice_u(held(z)));
    }
    template <class T>
    static T derivative(T z, const ActivationSettings& = {}) {
        const T h = held(z);
        return fma(h * twice_slope(h), Sigmoid::derivative(twice_u(h)), Sigmoid::value(twice_u(h)));
    }
    /// (zσ(v))″ = σ′(v)(2v′ + zv″ − zv′² tanh(v/2)) with v = 2u, where 2v′ + zv″ = 2√(2/π) (2 + 12·0.044715 z²).
    template <class T>
    static T second_derivative(T z, const ActivationSettings& = {}) {
        const T h = held(z);
        const T v = twice_u(h);
        const T slope = twice_slope(h);
        const T bend = constant<T>(1.5957691216057307117L) * fma(constant<T>(12 * 0.044715L) * h, h, T(2));
        return fma(-(h * slope) * slope, tanh(T(0.5) * v), bend) * Sigmoid::derivative(v);
    }
};

struct Exp {
    static constexpr ActivationFacts facts{.name = "exp",
                                           .formula = "exp(z)",
                                           .derivative = "exp(z)",
                                           .second_derivative = "exp(z)",
                                           .lowest = 0.0,
                                           .symmetry = Symmetry::reciprocal};
    template <class T>
    static T value(T z, const ActivationSettings& = {}) {
        return exp(z);
    }
    template <class T>
    static T derivative(T z, const ActivationSettings& = {}) {
        return exp(z);
    }
    template <class T>
    static T second_derivative(T z, const ActivationSettings& = {}) {
        return exp(z);
    }
};

/// p_j = e^{z_j} / Σ_i e^{z_i}, over the K outputs of one row.
struct Softmax {
    static constexpr ActivationFacts facts{
        .name = "softmax",
        .formula = "exp(z_j)/sum_i exp(z_i)",
        .derivative = "p_i (1 for i = j else 0) - p_i p_j",
        .second_derivative =
            "p_i ((1 for i = j else 0) - p_j) ((1 for i = k else 0) - p_k) - p_i p_j ((1 for j = k else 0) - p_k)",
        .lowest = 0.0,
        .highest = 1.0,
        .elementwise = false,
        .non_decreasing = false};

    /// max z.
    template <class T>
    static T largest(std::span<const T> z) {
        T top = z[0];
        for (const T& z_j : z) {
            top = max(top, z_j);
        }
        return top;
    }

    /// Σ_j e^{z_j − max z}, term by term, without one of the largest, whose e is 1: the digits of that sum would be
    /// lost beside the 1. It is compensated, so that its error does not grow with K.
    template <class T>
    struct Sum {
        T top;             ///< max z
        T rest = T(0);     ///< the sum as rounded
        T lost = T(0);     ///< what that lost
        T awaited = T(1);  ///< 1 until the first largest has come by

        /// Adds the next z_j and returns its e_j.
        T add(T z_j) {
            const T power = exp_of_difference(z_j, top);
            const T e_j = select(equal(power, power), power, select(equal(z_j, top), T(1), power));  // ∞ − ∞ is 0 here
            const T first = select(equal(z_j, top), awaited, T(0));
            awaited = awaited - first;
            const T term = e_j - first;
            const T sum = rest + term;
            lost = lost + (min(rest, term) - (sum - max(rest, term)));
            rest = sum;
            return e_j;
        }
    };

    /// Fills e_j = e^{z_j − max z}; returns their sum without one of the largest.
    template <class T>
    static T exponentials(std::span<const T> z, std::span<T> e) {
        Sum<T> sum{largest(z)};
        for (std::size_t j = 0; j < z.size(); ++j) {
            e[j] = sum.add(z[j]);
        }
        return sum.rest + sum.lost;
    }

    template <class T>
    static void value(std::span<const T> z, std::span<T> p) {
        const T total = T(1) + exponentials(z, p);
        for (T& p_j : p) {
            p_j = p_j / total;
        }
    }

    /// v less its mean by p, in three passes over the outputs: c_j = v_j − Σ_i p_i v_i. It is 0 for a constant v, so v
    /// is first taken relative to its entry at the largest p: what then remains in the sum is small and nothing
    /// cancels.
    template <class T>
    struct Centring {
        T p_top, v_top;  ///< of the first output, then by find_top() of all others
        T sum = T(0);

        void find_top(T p_i, T v_i) {
            v_top = select(less(p_top, p_i), v_i, v_top);
            p_top = max(p_top, p_i);
        }
        void add(T p_i, T v_i) { sum = fma(p_i, v_i - v_top, sum); }
        [[nodiscard]] T centred(T v_j) const { return (v_j - v_top) - sum; }
    };
    template <class T>
    static void centre(std::span<const T> p, std::span<const T> v, std::span<T> c) {
        Centring<T> centring{p[0], v[0]};
        for (std::size_t i = 1; i < p.size(); ++i) {
            centring.find_top(p[i], v[i]);
        }
        for (std::size_t i = 0; i < p.size(); ++i) {
            centring.add(p[i], v[i]);
        }
        for (std::size_t j = 0; j < p.size(); ++j) {
            c[j] = centring.centred(v[j]);  // c may be v itself
        }
    }

    /// dz_j = Σ_i v_i ∂p_i/∂z_j = p_j (v_j − Σ_i v_i p_i).
    template <class T>
    static void times_jacobian(std::span<const T> p, std::span<const T> v, std::span<T> dz) {
        centre(p, v, dz);
        for (std::size_t j = 0; j < p.size(); ++j) {
            dz[j] = p[j] * dz[j];
        }
    }

    // With g = times_jacobian(p, v) the second derivative of Σ_i v_i p_i along two directions c and d of z is
    // Σ_j g_j c_j d_j of both centred by p: that of an activation of each entry by itself, with g_j for v_j f″(z_j)
    // (derivation §7.8).
};

}  // namespace math

// The one list. Adding an activation: write its struct above and its line here; options, help, documentation and tests
// follow by themselves. The names are fixed: they stand in model files.
#define HANDGRAD_ACTIVATIONS(ENTRY) \
    ENTRY(identity, Identity)       \
    ENTRY(relu, Relu)               \
    ENTRY(leaky_relu, LeakyRelu)    \
    ENTRY(elu, Elu)                 \
    ENTRY(sigmoid, Sigmoid)         \
    ENTRY(tanh, Tanh)               \
    ENTRY(softplus, Softplus)       \
    ENTRY(silu, Silu)               \
    ENTRY(gelu, Gelu)               \
    ENTRY(gelu_tanh, GeluTanh)      \
    ENTRY(exp, Exp)                 \
    ENTRY(softmax, Softmax)

enum class Activation {
#define HANDGRAD_ENTRY(name, type) name,
    HANDGRAD_ACTIVATIONS(HANDGRAD_ENTRY)
#undef HANDGRAD_ENTRY
};

/// All activations, in the order of the list.
inline constexpr std::array all_activations{
#define HANDGRAD_ENTRY(name, type) Activation::name,
    HANDGRAD_ACTIVATIONS(HANDGRAD_ENTRY)
#undef HANDGRAD_ENTRY
};

/// Calls visitor with the struct of that activation, for instance visitor(math::Relu{}), and returns what it returns.
template <class Visitor>
[[gnu::always_inline]] constexpr decltype(auto) visit(Activation activation, Visitor&& visitor) {
    switch (activation) {
#define HANDGRAD_ENTRY(name, type) \
    case Activation::name:         \
        return visitor(math::type{});
        HANDGRAD_ACTIVATIONS(HANDGRAD_ENTRY)
#undef HANDGRAD_ENTRY
    }
    __builtin_unreachable();
}

constexpr const ActivationFacts& facts(Activation activation) {
    return visit(activation, [](auto f) -> const ActivationFacts& { return decltype(f)::facts; });
}
constexpr std::string_view name(Activation activation) { return facts(activation).name; }
/// Whether f(z) never falls where z rises, with these settings.
constexpr bool non_decreasing(Activation activation, const ActivationSettings& settings = {}) {
    return facts(activation).non_decreasing && (activation != Activation::leaky_relu || settings.leaky_slope >= 0.0);
}

/// The activation of that name, if there is one.
constexpr std::optional<Activation> find_activation(std::string_view wanted) {
    for (const Activation activation : all_activations) {
        if (name(activation) == wanted) {
            return activation;
        }
    }
    return std::nullopt;
}

}  // namespace handgrad
