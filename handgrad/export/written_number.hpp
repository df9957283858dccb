// The number that writes C: the formulas of math/ run on it, and what they did stands in a recording.
#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <initializer_list>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "handgrad/export/recording.hpp"
#include "handgrad/math/activations.hpp"
#include "handgrad/math/elementary.hpp"
#include "handgrad/math/number.hpp"

namespace handgrad::exports {

/// What a comparison of written numbers gives: a step, or what is known already.
struct WrittenTruth {
    Recording* recording = nullptr;
    std::size_t step = 0;
    bool known = false;
};

/// A number of math/'s concept. A constant until an argument of a recording comes in; of constants alone the result is
/// computed now, by the operations of S themselves.
template <class S>
class Written {
public:
    using Scalar = S;

    Written() = default;
    template <class U>
    requires std::is_arithmetic_v<U>
    explicit Written(U value) : value_(static_cast<S>(value)) {}
    Written(Recording& recording, std::size_t step) : recording_(&recording), step_(step) {}
    /// An argument: what stands in the C for it.
    static Written argument(Recording& recording, std::string text) {
        return Written(recording, recording.argument(std::move(text)));
    }
    /// Where its number stands in a recording.
    [[nodiscard]] std::size_t step_in(Recording& recording) const {
        return recording_ == nullptr ? recording.constant(static_cast<double>(value_)) : step_;
    }
    /// The number goes there.
    void into(Recording& recording, std::string text) const { recording.result(std::move(text), step_in(recording)); }

    friend Written operator-(Written a) {
        return apply(
            Operation::negate, [](S x) { return -x; }, a);
    }
    friend Written operator+(Written a, Written b) {
        return apply(
            Operation::add, [](S x, S y) { return x + y; }, a, b);
    }
    friend Written operator-(Written a, Written b) {
        return apply(
            Operation::subtract, [](S x, S y) { return x - y; }, a, b);
    }
    friend Written operator*(Written a, Written b) {
        return apply(
            Operation::multiply, [](S x, S y) { return x * y; }, a, b);
    }
    friend Written operator/(Written a, Written b) {
        return apply(
            Operation::divide, [](S x, S y) { return x / y; }, a, b);
    }
    friend Written fma(Written a, Written b, Written c) {
        return apply(
            Operation::fma, [](S x, S y, S z) { return math::fma(x, y, z); }, a, b, c);
    }
    friend Written sqrt(Written a) {
        return apply(
            Operation::sqrt, [](S x) { return math::sqrt(x); }, a);
    }
    friend Written abs(Written a) {
        return apply(
            Operation::abs, [](S x) { return math::abs(x); }, a);
    }
    friend Written max(Written a, Written b) {
        return apply(
            Operation::max, [](S x, S y) { return math::max(x, y); }, a, b);
    }
    friend Written min(Written a, Written b) {
        return apply(
            Operation::min, [](S x, S y) { return math::min(x, y); }, a, b);
    }
    friend Written round(Written a) {
        return apply(
            Operation::round, [](S x) { return math::round(x); }, a);
    }
    friend Written exponent(Written a) {
        return apply(
            Operation::exponent, [](S x) { return math::exponent(x); }, a);
    }
    friend Written scale(Written a, Written k) {
        return apply(
            Operation::scale, [](S x, S y) { return math::scale(x, y); }, a, k);
    }
    friend WrittenTruth less(Written a, Written b) { return compare(Operation::less, a.value_ < b.value_, a, b); }
    friend WrittenTruth less_equal(Written a, Written b) {
        return compare(Operation::less_equal, a.value_ <= b.value_, a, b);
    }
    friend WrittenTruth equal(Written a, Written b) { return compare(Operation::equal, a.value_ == b.value_, a, b); }
    friend Written select(WrittenTruth condition, Written a, Written b) {
        if (condition.recording == nullptr) {
            return condition.known ? a : b;
        }
        Recording& recording = *condition.recording;
        return Written(recording,
                       recording.add({.operation = Operation::select,
                                      .operands = {condition.step, a.step_in(recording), b.step_in(recording)}}));
    }

    // The elementary functions are functions in C too, each written once.
    friend Written exp(Written x) {
        return call(
            "exp", [](auto... a) { return math::exp<Written>(a...); }, [](S a) { return math::exp(a); }, x);
    }
    friend Written expm1(Written x) {
        return call(
            "expm1", [](auto... a) { return math::expm1<Written>(a...); }, [](S a) { return math::expm1(a); }, x);
    }
    friend Written log(Written x) {
        return call(
            "log", [](auto... a) { return math::log<Written>(a...); }, [](S a) { return math::log(a); }, x);
    }
    friend Written log1p(Written x) {
        return call(
            "log1p", [](auto... a) { return math::log1p<Written>(a...); }, [](S a) { return math::log1p(a); }, x);
    }
    friend Written tanh(Written x) {
        return call(
            "tanh", [](auto... a) { return math::tanh<Written>(a...); }, [](S a) { return math::tanh(a); }, x);
    }
    friend Written tanh_slope(Written x) {
        return call(
            "tanh_slope", [](auto... a) { return math::tanh_slope<Written>(a...); },
            [](S a) { return math::tanh_slope(a); }, x);
    }
    friend Written erfc_of_sum(Written x, Written low) {
        return call(
            "erfc_of_sum", [](auto... a) { return math::erfc_of_sum<Written>(a...); },
            [](S a, S b) { return math::erfc_of_sum(a, b); }, x, low);
    }
    friend Written exp_of_difference(Written a, Written b) {
        return call(
            "exp_of_difference", [](auto... x) { return math::exp_of_difference<Written>(x...); },
            [](S x, S y) { return math::exp_of_difference(x, y); }, a, b);
    }

private:
    static Recording* recording_of(std::initializer_list<Written> numbers) {
        for (const Written& number : numbers) {
            if (number.recording_ != nullptr) {
                return number.recording_;
            }
        }
        return nullptr;
    }
    template <class Compute, class... W>
    static Written apply(Operation operation, const Compute& compute, W... a) {
        Recording* recording = recording_of({a...});
        if (recording == nullptr) {
            return Written(compute(a.value_...));
        }
        return Written(*recording, recording->add({.operation = operation, .operands = {a.step_in(*recording)...}}));
    }
    static WrittenTruth compare(Operation operation, bool known, Written a, Written b) {
        Recording* recording = recording_of({a, b});
        if (recording == nullptr) {
            return {.known = known};
        }
        return {recording,
                recording->add({.operation = operation, .operands = {a.step_in(*recording), b.step_in(*recording)}})};
    }
    template <class Formula, class Compute, class... W>
    static Written call(const std::string& name, const Formula& formula, const Compute& compute, W... a) {
        Recording* recording = recording_of({a...});
        if (recording == nullptr) {
            return Written(compute(a.value_...));
        }
        recording->functions().define(name, sizeof...(W), [&](Recording& inside) {
            std::size_t i = 0;
            const auto next = [&](const Written&) { return argument(inside, "x" + std::to_string(i++)); };
            const std::array<Written, sizeof...(W)> arguments{next(a)...};
            std::apply(formula, arguments).into(inside, "return");
        });
        return Written(
            *recording,
            recording->add({.operation = Operation::call, .operands = {a.step_in(*recording)...}, .name = name}));
    }

    Recording* recording_ = nullptr;  ///< null: a constant
    std::size_t step_ = 0;
    S value_{};
};

}  // namespace handgrad::exports
