// Bisection between an argument at which a literal form is right and one at which it has failed.
#include "handgrad/explain/literal_limits.hpp"

#include <cassert>
#include <cmath>
#include <type_traits>

#include "handgrad/math/elementary.hpp"

namespace handgrad::explain {
namespace {

/// The first number behind `good` at which `fails` holds, as it does at `bad`.
template <class T, class Fails>
double first_failure(T good, T bad, Fails&& fails) {
    assert(!fails(good) && fails(bad));
    while (true) {
        const T middle = good + (bad - good) / 2;
        if (middle == good || middle == bad) {
            return static_cast<double>(bad);
        }
        if (fails(middle)) {
            bad = middle;
        } else {
            good = middle;
        }
    }
}

// As written, one operation after the other.

template <class T>
T sigmoid(T z) {
    return T(1) / (T(1) + math::exp(-z));
}
template <class T>
T sigmoid_slope(T z) {  // Eq. (12) to (15)
    const T e = math::exp(-z);
    const T below = T(1) + e;
    return e / (below * below);
}
/// What Eq. (19) times Eq. (15) gives for K = 1, y = 0, relative to the right σ(z).
template <class T>
double product_error(T z) {
    const T product = T(1) / (T(1) - sigmoid(z)) * sigmoid_slope(z);
    const long double right = 1 / (1 + std::exp(-static_cast<long double>(z)));
    return static_cast<double>(std::fabs(static_cast<long double>(product) / right - 1));
}

template <class T>
LiteralLimits find_limits() {
    LiteralLimits limits{};
    limits.precision = std::is_same_v<T, double> ? "float64" : "float32";
    limits.exp_is_infinite = first_failure<T>(0, 1000, [](T z) { return std::isinf(math::exp(z)); });
    limits.exp_is_zero = first_failure<T>(0, -1000, [](T z) { return math::exp(z) == T(0); });
    limits.expm1_is_zero = first_failure<T>(-1, 0, [](T z) { return math::exp(z) - T(1) == T(0); });
    limits.sigmoid_is_one = first_failure<T>(0, 100, [](T z) { return sigmoid(z) == T(1); });
    limits.slope_is_zero = first_failure<T>(0, -1000, [](T z) { return !(sigmoid_slope(z) > T(0)); });
    limits.slope_is_nan = first_failure<T>(0, -1000, [](T z) { return std::isnan(sigmoid_slope(z)); });
    limits.softplus_is_zero = first_failure<T>(0, -100, [](T z) { return math::log(T(1) + math::exp(z)) == T(0); });
    limits.tanh_is_one = first_failure<T>(0, 100, [](T z) { return math::tanh(z) == T(1); });
    limits.distribution_is_zero =
        first_failure<T>(0, -100, [](T z) { return T(1) + math::erf(z / std::sqrt(T(2))) == T(0); });
    limits.product_is_wrong = 1;
    while (product_error(static_cast<T>(limits.product_is_wrong)) < 0.1) {
        limits.product_is_wrong += 0.5;
    }
    limits.product_error = product_error(static_cast<T>(limits.product_is_wrong));
    return limits;
}

/// `limit` with four significant digits, each step of the last one a whole number for `round`.
template <class Round>
document::Formula four_digits(double limit, Round&& round) {
    const double size = std::fabs(limit);
    const double step = std::pow(10.0, std::floor(std::log10(size)) - 3);
    return document::number_formula(std::copysign(round(size / step) * step, limit));
}

}  // namespace

const LiteralLimits& literal_limits(bool use_double) {
    static const LiteralLimits of_float = find_limits<float>();
    static const LiteralLimits of_double = find_limits<double>();
    if (use_double) {
        return of_double;
    }
    return of_float;
}

document::Formula outward(double limit) {
    return four_digits(limit, [](double steps) { return std::ceil(steps); });
}

document::Formula inward(double limit) {
    return four_digits(limit, [](double steps) { return std::floor(steps); });
}

}  // namespace handgrad::explain
