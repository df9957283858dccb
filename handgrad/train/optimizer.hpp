// Step 5, the update: SGD with momentum, Adam and AdamW on one flat buffer of parameters, and learning-rate schedules.
#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "handgrad/base/matrix.hpp"
#include "handgrad/math/conventions.hpp"
#include "handgrad/math/updates.hpp"
#include "handgrad/nn/mlp.hpp"
#include "handgrad/store/train_state.hpp"

namespace handgrad {

template <class T>
class Solver;
template <class T>
struct TrainProblem;
struct OptimizerOptions;

// The one list. Adding an optimizer: write its line here, its struct with its facts below and its step() in
// optimizer.cpp; options, help and tests follow. The names are fixed: they stand in model files.
#define HANDGRAD_OPTIMIZERS(ENTRY) \
    ENTRY(sgd, Sgd)                \
    ENTRY(adam, Adam)              \
    ENTRY(adamw, Adamw)            \
    ENTRY(lbfgs, Lbfgs)            \
    ENTRY(bfgs, Bfgs)              \
    ENTRY(lm, LevenbergMarquardt)

enum class OptimizerKind {
#define HANDGRAD_ENTRY(name, type) name,
    HANDGRAD_OPTIMIZERS(HANDGRAD_ENTRY)
#undef HANDGRAD_ENTRY
};

struct OptimizerFacts {
    OptimizerKind kind;
    std::string_view name;
    std::string_view formula;
    double usual_weight_decay = 0.0;  ///< what front ends take when nobody says; OptimizerOptions itself starts at 0
    double usual_tol = 1e-6;          ///< likewise
    bool all_rows = false;  ///< sees all rows at once and computes in double; epochs are iterations, of no batches
};

/// What one step is made from, beside the gradient.
struct StepInputs {
    const OptimizerOptions& options;
    const Conventions& conventions;
    double learning_rate;
    double beta1_power;  ///< β₁ᵗ and β₂ᵗ, this step being number t from 1
    double beta2_power;
};
/// How each parameter moves, and by what constants; `penalty` is filled in by whoever takes the step.
struct StepUpdate {
    math::UpdateRule rule;  ///< the same at every step
    math::UpdateConstants<double> constants;
};

/// The entries of the list above. An entry says by its base how it gets through training (solver), and what takes steps
/// has one function for them.
namespace optimizers {

/// An epoch of steps after the other, each of one batch.
struct MinibatchSteps {
    template <class T>
    static std::unique_ptr<Solver<T>> solver(const TrainProblem<T>& problem, const TrainState<T>& state);
};

struct Sgd : MinibatchSteps {
    static constexpr OptimizerFacts facts{OptimizerKind::sgd, "sgd",
                                          "w <- w - eta g, with momentum mu: v <- mu v - eta g, w <- w + v"};
    static StepUpdate step(const StepInputs& inputs);
};
struct Adam : MinibatchSteps {
    static constexpr OptimizerFacts facts{OptimizerKind::adam, "adam",
                                          "w <- w - eta m^/(sqrt(v^) + eps), m and v running means of g and g^2"};
    static StepUpdate step(const StepInputs& inputs);
};
struct Adamw : MinibatchSteps {
    static constexpr OptimizerFacts facts{.kind = OptimizerKind::adamw,
                                          .name = "adamw",
                                          .formula = "w <- w - eta alpha w, then as adam",
                                          .usual_weight_decay = 0.3};
    static StepUpdate step(const StepInputs& inputs);
};

/// One iteration of a quasi-Newton method an epoch (train/quasi_newton.cpp): a direction from what it has seen of the
/// curvature, and a step along it by a line search.
struct QuasiNewton {
    template <class T>
    static std::unique_ptr<Solver<T>> solver(const TrainProblem<T>& problem, const TrainState<T>& state);
};
struct Lbfgs : QuasiNewton {
    static constexpr OptimizerFacts facts{
        .kind = OptimizerKind::lbfgs,
        .name = "lbfgs",
        .formula = "w <- w - a H g, all rows at once; H from the last steps and changes of g, a by a line search",
        .all_rows = true};
};
struct Bfgs : QuasiNewton {
    static constexpr OptimizerFacts facts{
        .kind = OptimizerKind::bfgs,
        .name = "bfgs",
        .formula = "the same with a matrix H of all steps, for networks of up to 2000 parameters",
        .all_rows = true};
};

/// One accepted step of the damped least squares method an epoch (train/levenberg_marquardt.cpp).
struct LevenbergMarquardt {
    static constexpr OptimizerFacts facts{
        .kind = OptimizerKind::lm,
        .name = "lm",
        .formula =
            "w <- w + v + a/2 with (J'J + mu I) v = -J'r of the residuals r of all rows, a from their bend along v",
        .usual_tol = 0.0,
        .all_rows = true};
    template <class T>
    static std::unique_ptr<Solver<T>> solver(const TrainProblem<T>& problem, const TrainState<T>& state);
};

}  // namespace optimizers

/// All optimizers, in the order of the list.
inline constexpr std::array optimizer_list{
#define HANDGRAD_ENTRY(name, type) optimizers::type::facts,
    HANDGRAD_OPTIMIZERS(HANDGRAD_ENTRY)
#undef HANDGRAD_ENTRY
};

/// An optimizer that moves the parameters by one gradient at a time.
template <class O>
concept TakesSteps = requires(const StepInputs& inputs) {
    { O::step(inputs) } -> std::same_as<StepUpdate>;
};

/// Calls visitor with the struct of that optimizer, for instance visitor(optimizers::Adam{}), and returns what it
/// returns.
template <class Visitor>
constexpr decltype(auto) visit(OptimizerKind kind, Visitor&& visitor) {
    switch (kind) {
#define HANDGRAD_ENTRY(name, type)                                                                          \
    case OptimizerKind::name:                                                                               \
        static_assert(optimizers::type::facts.kind == OptimizerKind::name, "the facts are of another one"); \
        return visitor(optimizers::type{});
        HANDGRAD_OPTIMIZERS(HANDGRAD_ENTRY)
#undef HANDGRAD_ENTRY
    }
    __builtin_unreachable();
}

constexpr const OptimizerFacts& facts(OptimizerKind kind) {
    return visit(kind, []<class O>(O) -> const OptimizerFacts& { return O::facts; });
}
constexpr std::string_view name(OptimizerKind kind) { return facts(kind).name; }
/// The optimizer of that name, if there is one.
std::optional<OptimizerKind> find_optimizer(std::string_view name);

/// The learning rate of a step, from that of the options.
struct ScheduleInputs {
    double learning_rate;
    double share;       ///< of the training that is done: 0 at the first step, 1 at the last
    std::size_t epoch;  ///< from 0 …
    std::size_t epochs;
};
enum class Schedule { constant, cosine, step, exponential, linear };
struct ScheduleFacts {
    Schedule schedule;
    std::string_view name;
    std::string_view formula;
    double (&rate)(const ScheduleInputs&);
};
namespace schedules {
double constant(const ScheduleInputs& inputs);
double cosine(const ScheduleInputs& inputs);
double step(const ScheduleInputs& inputs);
double exponential(const ScheduleInputs& inputs);
double linear(const ScheduleInputs& inputs);
}  // namespace schedules
inline constexpr std::array schedule_list{
    ScheduleFacts{Schedule::constant, "constant", "eta", schedules::constant},
    ScheduleFacts{Schedule::cosine, "cosine", "eta (1 + cos(pi t))/2, t from 0 at the first step to 1 at the last",
                  schedules::cosine},
    ScheduleFacts{Schedule::step, "step", "eta / 10 from half of the epochs on, eta / 100 from three quarters on",
                  schedules::step},
    ScheduleFacts{Schedule::exponential, "exponential", "eta 100^-t", schedules::exponential},
    ScheduleFacts{Schedule::linear, "linear", "eta (1 - t)", schedules::linear},
};
constexpr bool schedules_in_order() {
    for (std::size_t i = 0; i < schedule_list.size(); ++i) {
        if (schedule_list[i].schedule != static_cast<Schedule>(i)) {
            return false;
        }
    }
    return true;
}
static_assert(schedules_in_order(), "schedule_list follows the enumeration");

constexpr std::string_view name(Schedule schedule) { return schedule_list[static_cast<std::size_t>(schedule)].name; }
std::optional<Schedule> find_schedule(std::string_view name);
/// The learning rate of step `step` of `steps` (from 0), of which `steps_per_epoch` make an epoch.
double scheduled_rate(Schedule schedule, double learning_rate, std::size_t step, std::size_t steps,
                      std::size_t steps_per_epoch);

struct OptimizerOptions {
    OptimizerKind kind = OptimizerKind::adam;
    double learning_rate = 1e-3;
    double momentum = 0.0;  ///< sgd only
    bool nesterov = false;  ///< sgd with momentum only
    double beta1 = 0.9;
    double beta2 = 0.999;
    double epsilon = 1e-8;
    double weight_decay = 0.0;    ///< the L2 penalty's α, part of the loss; adamw: decoupled decay
    double tol = 1e-6;            ///< of solvers that see all rows at once: the largest |∂l/∂w| that ends them …
    std::size_t max_fun = 15000;  ///< … and how often the loss with its gradient may be computed
    std::size_t lbfgs_memory = 10;  ///< lbfgs: how many steps it remembers

    bool operator==(const OptimizerOptions&) const = default;
};

/// What front ends start from: an optimizer with its usual decay and tolerance.
constexpr OptimizerOptions usual_options(OptimizerKind kind) {
    return {.kind = kind, .weight_decay = facts(kind).usual_weight_decay, .tol = facts(kind).usual_tol};
}

/// α of the L2 penalty that is part of the loss; AdamW's decay is not.
constexpr double penalty_strength(const OptimizerOptions& options) {
    if (options.kind == OptimizerKind::adamw) {
        return 0.0;
    }
    return options.weight_decay;
}

/// Raises Error(usage) for settings out of range (train/settings.hpp) or that do not go together.
void check(const OptimizerOptions& options);

/// Raises Error(usage) where weights are to keep their signs and the solver takes no single steps, behind which they
/// could be put back.
void refuse_signs(const OptimizerOptions& options);

/// The constants of one step after the other, for those who keep parameters and states in a layout of their own.
class StepSequence {
public:
    /// Goes on after `count`. Raises Error(usage) as check() does, and for an optimizer that takes no single steps.
    StepSequence(const OptimizerOptions& options, const Conventions& conventions, const StepCount& count = {});

    /// How each parameter moves.
    [[nodiscard]] math::UpdateRule rule() const { return rule_; }
    /// How many numbers are remembered of each parameter: 0, 1 (momentum), or 2 (Adam's running means of g and g²).
    [[nodiscard]] std::size_t moments() const;

    template <class T>
    struct Constants {
        math::UpdateConstants<T> weights;
        math::UpdateConstants<T> biases;
    };
    /// Of the next step: advances the count. `penalty` is the strength of the L2 penalty whose derivative is not in the
    /// gradient yet; biases get it, and AdamW's decay, only where the conventions penalise them.
    template <class T>
    Constants<T> next(double learning_rate, double penalty = 0.0);

    [[nodiscard]] const StepCount& count() const { return count_; }

private:
    [[nodiscard]] StepUpdate update(double learning_rate) const;

    OptimizerOptions options_;
    Conventions conventions_;
    StepCount count_;
    math::UpdateRule rule_;
};

/// An optimizer with what it remembers. Conventions decide where momentum and Adam's ε stand and what AdamW decays.
template <class T>
class Optimizer {
public:
    /// Goes on after `count`, whose state the caller copies into first_state() and second_state(); both are 0 here.
    /// Raises Error(usage) for settings out of range or that do not go together.
    Optimizer(const BasicMlp<T>& net, const OptimizerOptions& options, const StepCount& count = {});

    /// Eq. (4) with what `options` adds to it, at this learning rate. `gradient` has the shape of `net`, and that of
    /// the network that this was made for. Raises Error(usage) unless they do, and for a rate that is negative or not
    /// finite.
    void update(BasicMlp<T>& net, const BasicMlp<T>& gradient, double learning_rate);
    /// Eq. (4) with the learning rate of the options.
    void update(BasicMlp<T>& net, const BasicMlp<T>& gradient) { update(net, gradient, learning_rate_); }

    /// As StepSequence: advances the step count.
    [[nodiscard]] math::UpdateRule rule() const { return steps_.rule(); }
    using Constants = StepSequence::Constants<T>;
    Constants next(double learning_rate, double penalty = 0.0) { return steps_.next<T>(learning_rate, penalty); }

    /// What the optimizer remembers between steps (momentum, or Adam's two running means); to look for overflow in it.
    [[nodiscard]] std::span<const T> first_state() const { return first_; }
    [[nodiscard]] std::span<const T> second_state() const { return second_; }
    [[nodiscard]] std::span<T> first_state() { return first_; }
    [[nodiscard]] std::span<T> second_state() { return second_; }
    /// Steps taken so far.
    [[nodiscard]] std::size_t steps() const { return steps_.count().steps; }
    [[nodiscard]] const StepCount& count() const { return steps_.count(); }

private:
    StepSequence steps_;
    double learning_rate_;
    AlignedVector<T> first_;   // momentum, or Adam's running mean of g
    AlignedVector<T> second_;  // Adam's running mean of g²
};

extern template class Optimizer<float>;
extern template class Optimizer<double>;

}  // namespace handgrad
