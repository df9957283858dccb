// Step 5 as plain loops over one flat buffer, with the variants that the conventions declare.
#include "handgrad/train/optimizer.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <numbers>
#include <string>

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

}  // namespace

template <class T>
Optimizer<T>::Optimizer(const BasicMlp<T>& net, const OptimizerOptions& options)
    : options_(options), conventions_(net.architecture().conventions) {
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
void Optimizer<T>::update(BasicMlp<T>& net, const BasicMlp<T>& gradient, double learning_rate) {
    assert(net.parameters().size() == gradient.parameters().size());
    ++steps_;
    if (options_.kind == OptimizerKind::sgd) {
        sgd(net.parameters(), gradient.parameters(), static_cast<T>(learning_rate));
        return;
    }
    if (options_.kind == OptimizerKind::adamw && options_.weight_decay != 0.0) {
        decay(net, static_cast<T>(learning_rate * options_.weight_decay));
    }
    adam(net.parameters(), gradient.parameters(), learning_rate);
}

/// Eq. (4), w ← w − η ∂l/∂w; with momentum as `Momentum` says.
template <class T>
void Optimizer<T>::sgd(std::span<T> w, std::span<const T> g, T rate) {
    if (options_.momentum == 0.0) {
        for (std::size_t i = 0; i < w.size(); ++i) {
            w[i] -= rate * g[i];  // Eq. (4)
        }
        return;
    }
    const T mu = static_cast<T>(options_.momentum);
    T* v = first_.data();
    if (conventions_.momentum == Momentum::velocity) {
        for (std::size_t i = 0; i < w.size(); ++i) {
            v[i] = mu * v[i] - rate * g[i];
            w[i] += options_.nesterov ? mu * v[i] - rate * g[i] : v[i];
        }
    } else {
        for (std::size_t i = 0; i < w.size(); ++i) {
            v[i] = mu * v[i] + g[i];
            w[i] -= rate * (options_.nesterov ? g[i] + mu * v[i] : v[i]);
        }
    }
}

/// Adam (Kingma and Ba 2015, algorithm 1): m and v are running means of g and g², corrected for their start at 0. The
/// corrections are hoisted: `step` holds the one of m, `root` the one of √v where ε is added after it.
template <class T>
void Optimizer<T>::adam(std::span<T> w, std::span<const T> g, double rate) {
    beta1_power_ *= options_.beta1;
    beta2_power_ *= options_.beta2;
    const double correction1 = 1.0 - beta1_power_;
    const double correction2 = std::sqrt(1.0 - beta2_power_);
    const bool before = conventions_.adam_epsilon == AdamEpsilon::before_correction;
    const T step = static_cast<T>(before ? rate * correction2 / correction1 : rate / correction1);
    const T root = static_cast<T>(before ? 1.0 : correction2);
    const T beta1 = static_cast<T>(options_.beta1);
    const T beta2 = static_cast<T>(options_.beta2);
    const T rest1 = static_cast<T>(1.0 - options_.beta1);
    const T rest2 = static_cast<T>(1.0 - options_.beta2);
    const T epsilon = static_cast<T>(options_.epsilon);
    T* m = first_.data();
    T* v = second_.data();
    for (std::size_t i = 0; i < w.size(); ++i) {
        m[i] = beta1 * m[i] + rest1 * g[i];
        v[i] = beta2 * v[i] + rest2 * g[i] * g[i];
        w[i] -= step * m[i] / (std::sqrt(v[i]) / root + epsilon);
    }
}

/// AdamW's decoupled decay, w ← w − ηα w, of what the conventions penalise.
template <class T>
void Optimizer<T>::decay(BasicMlp<T>& net, T strength) {
    const auto shrink = [strength](std::span<T> w) {
        for (T& w_i : w) {
            w_i -= strength * w_i;
        }
    };
    if (conventions_.penalty == Penalty::all_parameters) {
        shrink(net.parameters());
        return;
    }
    for (std::size_t l = 0; l < net.layers(); ++l) {
        const MatrixView<T> W = net.weight(l);
        shrink({W.data(), W.rows() * W.columns()});
    }
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
