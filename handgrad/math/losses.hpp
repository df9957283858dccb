// All losses: value and derivative by ŷ of each, the forms fused with an output activation, and the one list of them.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <span>
#include <string_view>

#include "handgrad/math/activations.hpp"
#include "handgrad/math/conventions.hpp"
#include "handgrad/math/elementary.hpp"
#include "handgrad/math/number.hpp"

namespace handgrad {

/// What a loss needs beside ŷ and y.
struct LossParameters {
    double huber_delta = 1.0;       ///< where huber turns from a parabola into a line, > 0
    double quantile = 0.5;          ///< which quantile the loss asks for, in (0, 1)
    Kink kink = Kink::right_limit;  ///< slope at ŷ = y where left and right derivative differ
};

/// What help, documentation, checks of the input and generated tests know of a loss.
struct LossFacts {
    std::string_view name;
    std::string_view formula;     ///< one output's share, d = yhat - y
    std::string_view derivative;  ///< by yhat
    double lowest_target;         ///< targets below this are outside the loss's domain
    double highest_target;
    double lowest_output;   ///< outputs must lie between this …
    double highest_output;  ///< … and this, ends excluded where they are finite
    bool kink;              ///< no derivative at yhat = y
    bool residual;  ///< depends on ŷ − y alone: value(d), derivative(d) …; else value(ŷ, y), derivative(ŷ, y) …
    bool sum_of_squares = false;  ///< of the residuals ŷ − y
};

/// The losses below give one output's share; the model's conventions say how K shares become one (Reduction).
namespace math {

struct SquaredError {
    static constexpr LossFacts facts{"squared_error", "d^2",    "2 d", -infinity, infinity,
                                     -infinity,       infinity, false, true,      true};
    template <class T>
    static T value(T d, const LossParameters& = {}) {  // Eq. (3)
        return d * d;
    }
    template <class T>
    static T derivative(T d, const LossParameters& = {}) {  // Eq. (10), Eq. (11), Eq. (16), Eq. (17)
        return T(2) * d;
    }
    template <class T>
    static T second_derivative(T, const LossParameters& = {}) {
        return T(2);
    }
};

struct AbsoluteError {
    static constexpr LossFacts facts{"absolute_error", "|d|",    "sign of d", -infinity, infinity,
                                     -infinity,        infinity, true,        true};
    template <class T>
    static T value(T d, const LossParameters& = {}) {
        return abs(d);
    }
    template <class T>
    static T derivative(T d, const LossParameters& parameters = {}) {
        const T at_zero = T(parameters.kink == Kink::right_limit ? 1 : 0);
        return select(less(d, T(0)), T(-1), select(equal(d, T(0)), at_zero, T(1)));
    }
    template <class T>
    static T second_derivative(T, const LossParameters& = {}) {
        return T(0);
    }
};

struct Huber {
    static constexpr LossFacts facts{"huber",
                                     "d^2/2 for |d| <= delta, else delta (|d| - delta/2)",
                                     "d held between -delta and delta",
                                     -infinity,
                                     infinity,
                                     -infinity,
                                     infinity,
                                     false,
                                     true};
    template <class T>
    static T value(T d, const LossParameters& parameters = {}) {
        const T delta = T(parameters.huber_delta);
        return select(less(delta, abs(d)), delta * (abs(d) - T(0.5) * delta), T(0.5) * d * d);
    }
    template <class T>
    static T derivative(T d, const LossParameters& parameters = {}) {
        return min(max(d, T(-parameters.huber_delta)), T(parameters.huber_delta));
    }
    template <class T>
    static T second_derivative(T d, const LossParameters& parameters = {}) {
        return select(less(T(parameters.huber_delta), abs(d)), T(0), T(1));
    }
};

struct Quantile {
    static constexpr LossFacts facts{"quantile",
                                     "-q d for d < 0, else (1 - q) d",
                                     "-q for d < 0, else 1 - q",
                                     -infinity,
                                     infinity,
                                     -infinity,
                                     infinity,
                                     true,
                                     true};
    template <class T>
    static T value(T d, const LossParameters& parameters = {}) {
        return select(less(d, T(0)), T(-parameters.quantile) * d, T(1 - parameters.quantile) * d);
    }
    template <class T>
    static T derivative(T d, const LossParameters& parameters = {}) {
        const T right = T(1 - parameters.quantile);
        const T at_zero = parameters.kink == Kink::right_limit ? right : T(0);
        return select(less(d, T(0)), T(-parameters.quantile), select(equal(d, T(0)), at_zero, right));
    }
    template <class T>
    static T second_derivative(T, const LossParameters& = {}) {
        return T(0);
    }
};

/// y log p with its limit 0 at y = 0, whatever p.
template <class T>
T y_log(T y, T log_p) {
    return select(equal(y, T(0)), T(0), y * log_p);
}
/// y / p with 0 at y = 0, whatever p.
template <class T>
T y_over(T y, T p) {
    return select(equal(y, T(0)), T(0), y / p);
}

struct BinaryCrossEntropy {
    static constexpr LossFacts facts{"binary_cross_entropy",
                                     "-(y log yhat + (1 - y) log(1 - yhat))",
                                     "-(y/yhat - (1 - y)/(1 - yhat))",
                                     0.0,
                                     1.0,
                                     0.0,
                                     1.0,
                                     false,
                                     false};
    template <class T>
    static T value(T yhat, T y, const LossParameters& = {}) {  // Table 5, row loss
        return -(y_log(y, log(yhat)) + y_log(T(1) - y, log1p(-yhat)));
    }
    template <class T>
    static T derivative(T yhat, T y, const LossParameters& = {}) {  // Eq. (18), Eq. (19)
        return -(y_over(y, yhat) - y_over(T(1) - y, T(1) - yhat));
    }
    template <class T>
    static T second_derivative(T yhat, T y, const LossParameters& = {}) {
        return y_over(y, yhat * yhat) + y_over(T(1) - y, (T(1) - yhat) * (T(1) - yhat));
    }
};

struct CrossEntropy {
    static constexpr LossFacts facts{"cross_entropy", "-y log yhat", "-y/yhat", 0.0, 1.0, 0.0, infinity, false, false};
    template <class T>
    static T value(T yhat, T y, const LossParameters& = {}) {
        return -y_log(y, log(yhat));
    }
    template <class T>
    static T derivative(T yhat, T y, const LossParameters& = {}) {
        return -y_over(y, yhat);
    }
    template <class T>
    static T second_derivative(T yhat, T y, const LossParameters& = {}) {
        return y_over(y, yhat * yhat);
    }
};

struct Poisson {
    static constexpr LossFacts facts{"poisson", "yhat - y log yhat", "1 - y/yhat", 0.0, infinity, 0.0, infinity, false,
                                     false};
    template <class T>
    static T value(T yhat, T y, const LossParameters& = {}) {
        return yhat - y_log(y, log(yhat));
    }
    template <class T>
    static T derivative(T yhat, T y, const LossParameters& = {}) {
        return T(1) - y_over(y, yhat);
    }
    template <class T>
    static T second_derivative(T yhat, T y, const LossParameters& = {}) {
        return y_over(y, yhat * yhat);
    }
};

// --- Loss and output activation fused: the same functions straight from the logits, without cancellation ------------

/// ŷ − y for ŷ = σ(z), right to a few ulp for y ∈ {0, 1} at any z: (1 − y) σ(z) − y σ(−z) (derivation §6.5).
template <class T>
T sigmoid_residual(T z, T y) {
    return (T(1) - y) * Sigmoid::value(z) - y * Sigmoid::value(-z);
}

/// binary_cross_entropy of ŷ = σ(z).
struct SigmoidBinaryCrossEntropy {
    /// max(z, 0) − zy + log1p(e^{−|z|}), regrouped so that no two terms cancel for y in [0, 1].
    template <class T>
    static T value(T z, T y) {
        return select(less(z, T(0)), -y * z, (T(1) - y) * z) + log1p(exp(-abs(z)));
    }
    /// ∂l/∂z: the product of Eq. (19) and Eq. (15), simplified by hand to ŷ − y (derivation §6.5).
    template <class T>
    static T derivative(T z, T y) {
        return sigmoid_residual(z, y);
    }
    template <class T>
    static T second_derivative(T z, T /*y*/) {
        return Sigmoid::derivative(z);
    }
};

/// ŷ − y for ŷ = e^z, right to a few ulp for y = 0 at any z and for y = 1 near z = 0.
template <class T>
T exp_residual(T z, T y) {
    return select(less(y, T(0.5)), exp(z) - y, expm1(z) + (T(1) - y));
}

/// poisson of ŷ = e^z.
struct ExpPoisson {
    /// e^z − yz.
    template <class T>
    static T value(T z, T y) {
        return exp(z) - select(equal(y, T(0)), T(0), y * z);
    }
    /// ∂l/∂z: (1 − y/ŷ) ŷ = ŷ − y.
    template <class T>
    static T derivative(T z, T y) {
        return exp_residual(z, y);
    }
    template <class T>
    static T second_derivative(T z, T /*y*/) {
        return exp(z);
    }
};

/// S p_j − y_j for p = softmax(z), over the K outputs of one row: as p_j (S − y_j) − y_j Σ_{i≠j} p_i, where for 0/1
/// targets and S = 1 one term is 0 and the other is a sum of one sign. dz holds what Softmax::exponentials() filled and
/// `rest` what it returned, and is overwritten.
template <class T>
void softmax_residual_of(std::span<const T> z, std::span<const T> y, T S, T rest, std::span<T> dz) {
    const T total = T(1) + rest;
    const T top = Softmax::largest(z);
    T awaited = T(1);  // 1 until the first of the largest has come by: the one that `rest` leaves out
    for (std::size_t j = 0; j < z.size(); ++j) {
        const T first = select(equal(z[j], top), awaited, T(0));
        awaited = awaited - first;
        const T others = select(equal(first, T(1)), rest, T(1) + (rest - dz[j]));
        dz[j] = (dz[j] * (S - y[j]) - y[j] * others) / total;
    }
}
/// The same from the logits. Fills dz, which may not overlap z or y.
template <class T>
void softmax_residual(std::span<const T> z, std::span<const T> y, T S, std::span<T> dz) {
    const T rest = Softmax::exponentials(z, dz);
    softmax_residual_of(z, y, S, rest, dz);
}
/// p_j − y_j for p = softmax(z): the residual of any loss that depends on it alone.
template <class T>
void softmax_residual(std::span<const T> z, std::span<const T> y, std::span<T> dz) {
    softmax_residual(z, y, T(1), dz);
}

/// cross_entropy of p = softmax(z), over the K outputs of one row.
struct SoftmaxCrossEntropy {
    /// Returns Σ_j y_j ((max z − z_j) + log1p(Σ′ e^{z_i − max z})), Σ′ without the largest: all terms have one sign.
    /// Fills ∂l/∂z_j = S p_j − y_j with S = Σ y: at a true class k of 0/1 targets exactly −Σ_{j≠k} p_j (derivation
    /// §6.5). dz may not overlap z or y.
    template <class T>
    static T value_and_derivative(std::span<const T> z, std::span<const T> y, std::span<T> dz) {
        const T rest = Softmax::exponentials(z, dz);
        const T log_total = log1p(rest);
        const T top = Softmax::largest(z);
        T sum = T(0);
        T S = T(0);
        for (std::size_t j = 0; j < z.size(); ++j) {
            sum = sum + y_log(y[j], (top - z[j]) + log_total);
            S = S + y[j];
        }
        softmax_residual_of(z, y, S, rest, dz);
        return sum;
    }
    /// One of the two alone.
    template <class T>
    static T value(std::span<const T> z, std::span<const T> y, std::span<T> scratch) {
        return value_and_derivative(z, y, scratch);
    }
    template <class T>
    static void derivative(std::span<const T> z, std::span<const T> y, std::span<T> dz) {
        value_and_derivative(z, y, dz);
    }
    /// (∂²l/∂z²) v = S (diag{p} − p pᵀ) v, from ∂l/∂z = S p − y.
    template <class T>
    static void times_second_derivative(std::span<const T> p, std::span<const T> y, std::span<const T> v,
                                        std::span<T> to) {
        T S = T(0);
        for (const T& y_j : y) {
            S = S + y_j;
        }
        Softmax::times_jacobian<T>(p, v, to);
        for (T& t : to) {
            t = S * t;
        }
    }
};

}  // namespace math

// The one list. Adding a loss: write its struct above and its line here. The names are fixed: they stand in model
// files.
#define HANDGRAD_LOSSES(ENTRY)                      \
    ENTRY(squared_error, SquaredError)              \
    ENTRY(binary_cross_entropy, BinaryCrossEntropy) \
    ENTRY(cross_entropy, CrossEntropy)              \
    ENTRY(absolute_error, AbsoluteError)            \
    ENTRY(huber, Huber)                             \
    ENTRY(quantile, Quantile)                       \
    ENTRY(poisson, Poisson)

enum class Loss {
#define HANDGRAD_ENTRY(name, type) name,
    HANDGRAD_LOSSES(HANDGRAD_ENTRY)
#undef HANDGRAD_ENTRY
};

/// All losses, in the order of the list.
inline constexpr std::array all_losses{
#define HANDGRAD_ENTRY(name, type) Loss::name,
    HANDGRAD_LOSSES(HANDGRAD_ENTRY)
#undef HANDGRAD_ENTRY
};

/// Calls visitor with the struct of that loss, for instance visitor(math::Huber{}), and returns what it returns.
template <class Visitor>
[[gnu::always_inline]] constexpr decltype(auto) visit(Loss loss, Visitor&& visitor) {
    switch (loss) {
#define HANDGRAD_ENTRY(name, type) \
    case Loss::name:               \
        return visitor(math::type{});
        HANDGRAD_LOSSES(HANDGRAD_ENTRY)
#undef HANDGRAD_ENTRY
    }
    __builtin_unreachable();
}

constexpr const LossFacts& facts(Loss loss) {
    return visit(loss, [](auto l) -> const LossFacts& { return decltype(l)::facts; });
}
constexpr std::string_view name(Loss loss) { return facts(loss).name; }

/// The loss of that name, if there is one.
constexpr std::optional<Loss> find_loss(std::string_view wanted) {
    for (const Loss loss : all_losses) {
        if (name(loss) == wanted) {
            return loss;
        }
    }
    return std::nullopt;
}

/// The factor that turns the sum over K outputs into the reduction that the conventions declare.
constexpr double reduction_factor(Loss loss, std::size_t outputs, const Conventions& conventions) {
    if (loss == Loss::cross_entropy) {
        return 1.0;
    }
    Reduction reduction = conventions.other_losses;
    if (loss == Loss::squared_error) {
        reduction = conventions.squared_error;
    } else if (loss == Loss::binary_cross_entropy) {
        reduction = conventions.binary_cross_entropy;
    }
    switch (reduction) {
        case Reduction::sum:
            return 1.0;
        case Reduction::mean:
            return 1.0 / static_cast<double>(outputs);
        case Reduction::half_sum:
            return 0.5;
    }
    __builtin_unreachable();
}

}  // namespace handgrad
