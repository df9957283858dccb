// Levenberg–Marquardt: damped steps to the minimum of the linearised residuals, bent along their second derivative; all
// rows at once (docs/derivations/levenberg_marquardt.md).
#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "handgrad/base/error.hpp"
#include "handgrad/base/memory.hpp"
#include "handgrad/nn/least_squares.hpp"
#include "handgrad/train/all_rows_loss.hpp"
#include "handgrad/train/data_in_double.hpp"
#include "handgrad/train/nonfinite.hpp"
#include "handgrad/train/solver.hpp"
#include "handgrad/train/vectors.hpp"

namespace handgrad {
namespace {

/// Eq. (L12): the first μ as a part of the largest number on the diagonal of JᵀJ; μ is never below the other part of
/// it, where adding it would change no digit of any sum.
constexpr double first_damping = 1e-3, least_damping = 0x1p-104;
/// Eq. (L15): the acceleration is taken along when 2‖a‖ is at most this part of ‖v‖.
constexpr double most_acceleration = 0.75;
/// So many iterations in a row that lower the loss by less than this part of it end a training.
constexpr std::size_t most_stalled = 20;
constexpr double progress_of_loss = 1e-12;

/// What is remembered beside the weights, in the order of a file.
struct Control {
    double mu = 0.0;  ///< 0 before the first step
    double nu = 2.0;  ///< what μ is multiplied by when a step fails
    std::size_t evaluations = 0, accelerated = 0, stalled = 0;
    static constexpr std::size_t numbers = 5;
};

/// q of each parameter in the penalty Σ q w²: half of what the conventions multiply w by.
std::vector<double> penalties_of(const Architecture& architecture, double alpha, double total_weight) {
    BasicMlp<double> ones = BasicMlp<double>::zeros(architecture), gradient = ones;
    std::ranges::fill(ones.parameters(), 1.0);
    penalty(ones, alpha, total_weight, &gradient);
    std::vector<double> halves;
    std::ranges::transform(gradient.parameters(), std::back_inserter(halves), [](double s) { return 0.5 * s; });
    return halves;
}

SquaresProblem squares_of(const BasicDataset<double>& data, const Architecture& architecture, double alpha) {
    const double total = data.total_weight();
    return {
        .x = data.x,
        .y = data.y,
        .weights = data.weights,
        .row_share = reduction_factor(Loss::squared_error, architecture.outputs(), architecture.conventions) / total,
        .penalties = penalties_of(architecture, alpha, total)};
}

/// T is the precision of the network that is shown; what is computed is in double.
template <class T>
class LevenbergMarquardtSolver : public Solver<T> {
public:
    LevenbergMarquardtSolver(const TrainProblem<T>& problem, const TrainState<T>& state)
        : options_(problem.options.optimizer),
          data_(problem.data),
          net_(convert<double>(state.net)),
          next_(net_),
          squares_(net_, squares_of(*data_, net_.architecture(), penalty_strength(options_)),
                   problem.options.execution),
          v_(net_.parameters().size()),
          a_(v_.size()) {
        if (!state.memory.solver.empty() || !state.moments.empty() || state.count.steps > 0 || state.begun) {
            go_on(state);
        }
    }

    std::optional<Iteration> advance(TrainState<T>& state, const Pause& /*an iteration has no middle*/,
                                     const EpochPlan& /*nor an order of rows*/) override {
        if (!begun_) {
            begin(state.epoch);
        }
        if (gradient_norm() <= options_.tol) {
            return report(Stopped::gradient);
        }
        const double before = loss_;
        if (const std::optional<Stopped> over = take_step()) {
            return report(over);
        }
        linearise(state.epoch);
        std::ranges::transform(net_.parameters(), state.net.parameters().begin(),
                               [](double w) { return static_cast<T>(w); });
        return report(why_over(before));
    }

    void save(TrainState<T>& state) const override {
        state.moments.clear();
        state.count = {};
        state.begun.reset();
        state.memory = {.solver = std::string(name(options_.kind)),
                        .numbers = {control_.mu, control_.nu, static_cast<double>(control_.evaluations),
                                    static_cast<double>(control_.accelerated), static_cast<double>(control_.stalled)}};
        const std::span<const double> w = net_.parameters();
        state.memory.numbers.insert(state.memory.numbers.end(), w.begin(), w.end());
    }

private:
    /// Stands where that training was left. Loss and J there are computed anew, to the same bits on the same rows.
    void go_on(const TrainState<T>& state) {
        const std::span<const double> numbers = state.memory.numbers;
        const std::span<double> w = net_.parameters();
        bool fits = state.memory.solver == name(options_.kind) && numbers.size() == Control::numbers + w.size() &&
                    all_finite(numbers) &&
                    std::ranges::none_of(numbers.first(std::min(Control::numbers, numbers.size())),
                                         [](double number) { return number < 0.0; });
        for (std::size_t i = 0; i < w.size() && fits; ++i) {
            const double kept = numbers[Control::numbers + i];
            fits = static_cast<T>(kept) == static_cast<T>(w[i]);
            w[i] = kept;
        }
        if (!fits) {
            throw Error(ErrorKind::usage, "training: the state to go on from is that of another optimizer or network");
        }
        control_ = {.mu = numbers[0],
                    .nu = numbers[1],
                    .evaluations = static_cast<std::size_t>(numbers[2]),
                    .accelerated = static_cast<std::size_t>(numbers[3]),
                    .stalled = static_cast<std::size_t>(numbers[4])};
    }

    void begin(std::size_t epoch) {
        loss_ = squares_(net_);
        if (control_.evaluations == 0) {  // no more when it goes on
            ++control_.evaluations;
        }
        linearise(epoch);
        if (control_.mu == 0.0) {
            control_.mu = first_damping * squares_.largest_diagonal();
        }
        begun_ = true;
    }
    void linearise(std::size_t epoch) {
        squares_.linearise(net_);
        if (!std::isfinite(loss_) || !all_finite(squares_.half_gradient())) {
            throw diverged_over_all_rows(epoch);
        }
    }
    [[nodiscard]] double gradient_norm() const { return 2.0 * largest_of(squares_.half_gradient()); }

    /// To a smaller loss, with less and less courage; or why there is no way there.
    std::optional<Stopped> take_step() {
        while (true) {
            if (control_.evaluations >= options_.max_fun) {
                return Stopped::evaluations;
            }
            if (!squares_.step(control_.mu, v_)) {
                if (!raise_damping()) {
                    return Stopped::no_progress;
                }
                continue;
            }
            const double promised = promised_decrease();
            if (!(promised > std::numeric_limits<double>::epsilon() * loss_)) {
                return Stopped::no_progress;
            }
            const bool accelerated = bend_step();
            const double loss = look();
            if (loss < loss_) {  // never of a NaN
                control_.accelerated += accelerated ? 1 : 0;
                lower_damping((loss_ - loss) / promised);
                std::swap(net_, next_);
                loss_ = loss;
                return {};
            }
            if (!raise_damping()) {
                return Stopped::no_progress;
            }
        }
    }

    /// Eq. (L13): what the linearised residuals say the step v takes from the loss.
    [[nodiscard]] double promised_decrease() {
        for (std::size_t p = 0; p < v_.size(); ++p) {
            a_[p] = control_.mu * v_[p] - squares_.half_gradient()[p];
        }
        return dot(v_, a_);
    }
    /// Eq. (L14), (L15): v ← v + ½a where that is a small part of it.
    bool bend_step() {
        squares_.acceleration(net_, v_, a_);
        if (!(2.0 * std::sqrt(dot(a_, a_)) <= most_acceleration * std::sqrt(dot(v_, v_)))) {
            return false;
        }
        add_multiple(0.5, a_, v_);
        return true;
    }
    /// The loss where the step leads.
    double look() {
        std::ranges::copy(net_.parameters(), next_.parameters().begin());
        add_multiple(1.0, v_, next_.parameters());
        ++control_.evaluations;
        return squares_(next_);
    }

    /// Eq. (L12): more when a step fails; false when there is no more.
    bool raise_damping() {
        control_.mu *= control_.nu;
        control_.nu *= 2.0;
        return std::isfinite(control_.mu) && std::isfinite(control_.nu);
    }
    /// … less, by the gain ratio, when one is taken.
    void lower_damping(double gain) {
        const double t = 2.0 * gain - 1.0;
        const double least = least_damping * squares_.largest_diagonal();
        control_.mu = std::max(least, control_.mu * std::max(1.0 / 3.0, 1.0 - t * t * t));
        control_.nu = 2.0;
    }

    std::optional<Stopped> why_over(double before) {
        control_.stalled = before - loss_ > progress_of_loss * before ? 0 : control_.stalled + 1;
        if (gradient_norm() <= options_.tol) {
            return Stopped::gradient;
        }
        if (control_.stalled >= most_stalled) {
            return Stopped::no_progress;
        }
        if (control_.evaluations >= options_.max_fun) {
            return Stopped::evaluations;
        }
        return {};
    }

    [[nodiscard]] Iteration report(std::optional<Stopped> over) const {
        return {.loss = loss_,
                .learning_rate = 1.0,
                .over = over,
                .progress = SolverProgress{.gradient_norm = gradient_norm(),
                                           .evaluations = control_.evaluations,
                                           .damping = control_.mu,
                                           .accelerated = control_.accelerated}};
    }

    OptimizerOptions options_;
    DataInDouble data_;
    BasicMlp<double> net_, next_;  ///< where it stands, and where it looks
    LeastSquares squares_;
    std::vector<double> v_, a_;
    Control control_;
    double loss_ = 0.0;
    bool begun_ = false;
};

/// `12.3`
std::string gigabytes(double bytes) {
    const auto tenths = static_cast<std::size_t>(std::ceil(bytes / 1e8));
    return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10) + " GB";
}

void check_size(std::size_t parameters) {
    const double needed = LeastSquares::bytes_for(parameters);
    const auto there = static_cast<double>(memory_there_is());
    if (needed > there) {
        throw Error(ErrorKind::usage, "optimizer: lm keeps two matrices of all pairs of parameters, which for these " +
                                          std::to_string(parameters) + " take " + gigabytes(needed) +
                                          ", more than the " + gigabytes(there) +
                                          " of memory there are; take fewer units, or lbfgs, which needs none")
            .about("hidden")
            .about("optimizer", "lbfgs");
    }
}

}  // namespace

template <class T>
std::unique_ptr<Solver<T>> optimizers::LevenbergMarquardt::solver(const TrainProblem<T>& problem,
                                                                  const TrainState<T>& state) {
    const Loss loss = problem.options.loss.kind;
    if (!handgrad::facts(loss).sum_of_squares) {
        throw Error(ErrorKind::usage, "optimizer: lm makes sums of squares small, and " + std::string(name(loss)) +
                                          " is none; take squared_error for the loss, or lbfgs, which takes any")
            .about("loss", "squared_error")
            .about("optimizer", "lbfgs");
    }
    if (problem.options.jacobian_weight > 0.0 && problem.data.jacobians.rows() > 0) {
        throw Error(ErrorKind::usage, "optimizer: lm does not learn derivatives; take lbfgs, which does")
            .about("optimizer", "lbfgs");
    }
    check_size(state.net.parameters().size());
    return std::make_unique<LevenbergMarquardtSolver<T>>(problem, state);
}

template std::unique_ptr<Solver<float>> optimizers::LevenbergMarquardt::solver(const TrainProblem<float>&,
                                                                               const TrainState<float>&);
template std::unique_ptr<Solver<double>> optimizers::LevenbergMarquardt::solver(const TrainProblem<double>&,
                                                                                const TrainState<double>&);

}  // namespace handgrad
