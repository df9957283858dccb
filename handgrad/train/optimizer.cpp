// Step 5: the constants of each step, and the formulas of math/updates.hpp on one flat buffer.
#include "handgrad/train/optimizer.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <numbers>
#include <string>

#include "handgrad/base/checks.hpp"
#include "handgrad/base/error.hpp"
#include "handgrad/math/elementary.hpp"

namespace handgrad {
namespace {

void require(bool good, const char* setting, double value, const char* range) {
    if (!good) {
        throw Error(ErrorKind::usage,
                    std::string("optimizer: ") + setting + " = " + std::to_string(value) + " must be " + range);
    }
}

/// cos x for 0 ≤ x ≤ π/2 by its power series, cut where the next term is below 1e-19: the standard library's cosine may
/// differ in the last bit between machines, and with it the weights.
double cosine(double x) {
    double sum = 0.0;
    for (int k = 22; k > 0; k -= 2) {
        sum = (1.0 + sum) * (-x * x / (k * (k - 1)));
    }
    return 1.0 + sum;
}

math::UpdateRule rule_of(const OptimizerOptions& options, const Conventions& conventions) {
    if (options.kind != OptimizerKind::sgd) {
        return math::UpdateRule::adam;
    }
    if (options.momentum == 0.0) {
        return math::UpdateRule::sgd;
    }
    if (conventions.momentum == Momentum::velocity) {
        return options.nesterov ? math::UpdateRule::nesterov_velocity : math::UpdateRule::velocity;
    }
    return options.nesterov ? math::UpdateRule::nesterov_gradient_sum : math::UpdateRule::gradient_sum;
}

}  // namespace

template <class T>
Optimizer<T>::Optimizer(const BasicMlp<T>& net, const OptimizerOptions& options)
    : options_(options),
      conventions_(net.architecture().conventions),
      rule_(rule_of(options, net.architecture().conventions)) {
    require(options.learning_rate > 0.0 && std::isfinite(options.learning_rate), "learning_rate", options.learning_rate,
            "a finite number above 0");
    require(options.momentum >= 0.0 && options.momentum < 1.0, "momentum", options.momentum, "in [0, 1)");
    require(options.beta1 >= 0.0 && options.beta1 < 1.0, "beta1", options.beta1, "in [0, 1)");
    require(options.beta2 >= 0.0 && options.beta2 < 1.0, "beta2", options.beta2, "in [0, 1)");
    require(options.epsilon > 0.0, "epsilon", options.epsilon, "above 0");
    require(options.weight_decay >= 0.0 && std::isfinite(options.weight_decay), "weight_decay", options.weight_decay,
            "a finite number, 0 or above");
    if (options.kind != OptimizerKind::sgd && (options.momentum != 0.0 || options.nesterov)) {
        throw Error(ErrorKind::usage,
                    "optimizer: momentum and nesterov belong to sgd (adam has its own momentum, beta1)");
    }
    if (options.nesterov && options.momentum == 0.0) {
        throw Error(ErrorKind::usage, "optimizer: nesterov needs a momentum above 0");
    }
    const std::size_t count = net.parameters().size();
    first_.resize(options.kind != OptimizerKind::sgd || options.momentum != 0.0 ? count : 0);
    second_.resize(options.kind != OptimizerKind::sgd ? count : 0);
}

template <class T>
typename Optimizer<T>::Constants Optimizer<T>::next(double learning_rate, double penalty) {
    require(learning_rate >= 0.0 && std::isfinite(learning_rate), "learning_rate", learning_rate,
            "a finite number, 0 or above");
    require(penalty >= 0.0 && std::isfinite(penalty), "penalty", penalty, "a finite number, 0 or above");
    ++steps_;
    math::UpdateConstants<T> c;
    const bool before = conventions_.adam_epsilon == AdamEpsilon::before_correction;
    if (rule_ == math::UpdateRule::adam) {
        beta1_power_ *= options_.beta1;
        beta2_power_ *= options_.beta2;
        const double correction1 = 1.0 - beta1_power_;
        const double correction2 = std::sqrt(1.0 - beta2_power_);
        c.step = static_cast<T>(before ? learning_rate * correction2 / correction1 : learning_rate / correction1);
        c.inverse_root = static_cast<T>(before ? 1.0 : 1.0 / correction2);
        c.beta1 = static_cast<T>(options_.beta1);
        c.beta2 = static_cast<T>(options_.beta2);
        c.rest1 = static_cast<T>(1.0 - options_.beta1);
        c.rest2 = static_cast<T>(1.0 - options_.beta2);
        c.epsilon = static_cast<T>(options_.epsilon);
    } else {
        c.rate = static_cast<T>(learning_rate);
        c.mu = static_cast<T>(options_.momentum);
    }
    Constants result{.weights = c, .biases = c};
    result.weights.penalty = static_cast<T>(penalty);
    result.weights.decay =
        static_cast<T>(options_.kind == OptimizerKind::adamw ? learning_rate * options_.weight_decay : 0.0);
    if (conventions_.penalty == Penalty::all_parameters) {
        result.biases = result.weights;
    }
    return result;
}

template <class T>
void Optimizer<T>::update(BasicMlp<T>& net, const BasicMlp<T>& gradient, double learning_rate) {
    if (gradient.architecture().sizes != net.architecture().sizes) {
        checks::refuse({"update", "gradient"}, "has not the sizes of the network; make it by BasicMlp::zeros_like");
    }
    for (const AlignedVector<T>* state : {&first_, &second_}) {
        if (!state->empty()) {
            checks::equal({"update", "net"}, net.parameters().size(), "parameters", "the optimizer was made for",
                          state->size());
        }
    }
    const Constants constants = next(learning_rate);
    const std::span<const T> g = gradient.parameters();
    const std::span<T> w = net.parameters();
    math::visit(rule_, [&]<class Rule>(Rule) {
        std::size_t i = 0;
        T none = T(0);
        const auto move = [&](std::size_t count, const math::UpdateConstants<T>& c) {
            for (const std::size_t end = i + count; i < end; ++i) {
                Rule::apply(c, g[i], w[i], first_.empty() ? none : first_[i], second_.empty() ? none : second_[i]);
            }
        };
        for (std::size_t l = 0; l < net.layers(); ++l) {
            move(net.weight(l).rows() * net.weight(l).columns(), constants.weights);
            move(net.bias(l).size(), constants.biases);
        }
    });
}

double scheduled_rate(Schedule schedule, double learning_rate, std::size_t step, std::size_t steps,
                      std::size_t steps_per_epoch) {
    assert(step < steps && steps_per_epoch > 0);
    const double t = steps > 1 ? static_cast<double>(step) / static_cast<double>(steps - 1) : 0.0;
    switch (schedule) {
        case Schedule::constant:
            return learning_rate;
        case Schedule::cosine: {  // (1 + cos πt)/2 = cos² (πt/2)
            const double c = cosine(0.5 * std::numbers::pi * t);
            return learning_rate * c * c;
        }
        case Schedule::step: {
            const std::size_t epoch = step / steps_per_epoch;
            const std::size_t epochs = steps / steps_per_epoch;
            return learning_rate * (4 * epoch >= 3 * epochs ? 0.01 : 2 * epoch >= epochs ? 0.1 : 1.0);
        }
        case Schedule::exponential:
            return learning_rate * math::exp(-2.0 * std::numbers::ln10 * t);
        case Schedule::linear:
            return learning_rate * (1.0 - t);
    }
    __builtin_unreachable();
}

std::optional<OptimizerKind> find_optimizer(std::string_view name) {
    const auto* found = std::ranges::find(optimizer_list, name, &OptimizerFacts::name);
    return found == optimizer_list.end() ? std::nullopt : std::optional(found->kind);
}

std::optional<Schedule> find_schedule(std::string_view name) {
    const auto* found = std::ranges::find(schedule_list, name, &ScheduleFacts::name);
    return found == schedule_list.end() ? std::nullopt : std::optional(found->schedule);
}

template class Optimizer<float>;
template class Optimizer<double>;

}  // namespace handgrad
