// Step 5, the update: SGD with momentum, Adam and AdamW on one flat buffer of parameters, and learning-rate schedules.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <span>
#include <string_view>

#include "handgrad/base/matrix.hpp"
#include "handgrad/math/conventions.hpp"
#include "handgrad/math/updates.hpp"
#include "handgrad/nn/mlp.hpp"

namespace handgrad {

enum class OptimizerKind { sgd, adam, adamw };
enum class Schedule { constant, cosine, step, exponential, linear };

struct OptimizerFacts {
    OptimizerKind kind;
    std::string_view name;
    std::string_view formula;
};
inline constexpr std::array optimizer_list{
    OptimizerFacts{OptimizerKind::sgd, "sgd", "w <- w - eta g, with momentum mu: v <- mu v - eta g, w <- w + v"},
    OptimizerFacts{OptimizerKind::adam, "adam", "w <- w - eta m^/(sqrt(v^) + eps), m and v running means of g and g^2"},
    OptimizerFacts{OptimizerKind::adamw, "adamw", "w <- w - eta alpha w, then as adam"},
};
struct ScheduleFacts {
    Schedule schedule;
    std::string_view name;
    std::string_view formula;
};
inline constexpr std::array schedule_list{
    ScheduleFacts{Schedule::constant, "constant", "eta"},
    ScheduleFacts{Schedule::cosine, "cosine", "eta (1 + cos(pi t))/2, t from 0 at the first step to 1 at the last"},
    ScheduleFacts{Schedule::step, "step", "eta / 10 from half of the epochs on, eta / 100 from three quarters on"},
    ScheduleFacts{Schedule::exponential, "exponential", "eta 100^-t"},
    ScheduleFacts{Schedule::linear, "linear", "eta (1 - t)"},
};

struct OptimizerOptions {
    OptimizerKind kind = OptimizerKind::adam;
    double learning_rate = 1e-3;
    double momentum = 0.0;  ///< sgd only
    bool nesterov = false;  ///< sgd with momentum only
    double beta1 = 0.9;
    double beta2 = 0.999;
    double epsilon = 1e-8;
    double weight_decay = 0.0;  ///< sgd, adam: the L2 penalty's α, part of the loss; adamw: decoupled decay
};

/// The state of an optimizer. Conventions decide where momentum and Adam's ε stand and what AdamW decays.
template <class T>
class Optimizer {
public:
    /// Raises Error(usage) for settings out of range or that do not go together.
    Optimizer(const BasicMlp<T>& net, const OptimizerOptions& options);

    /// Eq. (4) with what `options` adds to it, at this learning rate. `gradient` has the shape of `net`, and that of
    /// the network that this was made for. Raises Error(usage) unless they do, and for a rate that is negative or not
    /// finite.
    void update(BasicMlp<T>& net, const BasicMlp<T>& gradient, double learning_rate);
    /// Eq. (4) with the learning rate of the options.
    void update(BasicMlp<T>& net, const BasicMlp<T>& gradient) { update(net, gradient, options_.learning_rate); }

    /// How each parameter moves, and by what constants at the next step: advances the step count. `penalty` is the
    /// strength of the L2 penalty whose derivative is not in the gradient yet; biases get it, and AdamW's decay, only
    /// where the conventions penalise them. For those who keep parameters and states in a layout of their own.
    [[nodiscard]] math::UpdateRule rule() const { return rule_; }
    struct Constants {
        math::UpdateConstants<T> weights;
        math::UpdateConstants<T> biases;
    };
    Constants next(double learning_rate, double penalty = 0.0);

    /// What the optimizer remembers between steps (momentum, or Adam's two running means); to look for overflow in it.
    [[nodiscard]] std::span<const T> first_state() const { return first_; }
    [[nodiscard]] std::span<const T> second_state() const { return second_; }
    [[nodiscard]] std::span<T> first_state() { return first_; }
    [[nodiscard]] std::span<T> second_state() { return second_; }
    /// Steps taken so far.
    [[nodiscard]] std::size_t steps() const { return steps_; }

private:
    OptimizerOptions options_;
    Conventions conventions_;
    math::UpdateRule rule_;
    std::size_t steps_ = 0;
    double beta1_power_ = 1.0;  // β₁ᵗ and β₂ᵗ after t steps
    double beta2_power_ = 1.0;
    AlignedVector<T> first_;   // momentum, or Adam's running mean of g
    AlignedVector<T> second_;  // Adam's running mean of g²
};

/// The learning rate of step `step` of `steps` (from 0), of which `steps_per_epoch` make an epoch.
double scheduled_rate(Schedule schedule, double learning_rate, std::size_t step, std::size_t steps,
                      std::size_t steps_per_epoch);

std::optional<OptimizerKind> find_optimizer(std::string_view name);
std::optional<Schedule> find_schedule(std::string_view name);

extern template class Optimizer<float>;
extern template class Optimizer<double>;

}  // namespace handgrad
