// L-BFGS and BFGS: a direction from the curvature that was seen, a line search along it, all rows at once.
#include <algorithm>
#include <cmath>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "handgrad/base/error.hpp"
#include "handgrad/train/all_rows_loss.hpp"
#include "handgrad/train/curvature.hpp"
#include "handgrad/train/line_search.hpp"
#include "handgrad/train/nonfinite.hpp"
#include "handgrad/train/solver.hpp"
#include "handgrad/train/vectors.hpp"

namespace handgrad {
namespace {

/// So many iterations in a row without progress end a training …
constexpr std::size_t most_stalled = 20;
/// … which is that the loss, or the largest number of the gradient, becomes smaller by this part than it ever was.
constexpr double progress_of_loss = 1e-12, progress_of_gradient = 1e-2;
/// The whole matrix of more parameters than this would take longer than the loss that it saves computing.
constexpr std::size_t most_dense_parameters = 2000;

/// What a solver remembers beside weights and curvature.
struct Tally {
    std::size_t evaluations = 0, approximate = 0, descent_only = 0, stalled = 0;
    double lowest_gradient = std::numeric_limits<double>::infinity();
    double lowest_loss = std::numeric_limits<double>::infinity();
    double loss = 0.0;  ///< where it stands

    /// In the order of a file.
    static constexpr std::size_t numbers = 7;
    void append_to(std::vector<double>& to) const {
        for (const std::size_t count : {evaluations, approximate, descent_only, stalled}) {
            to.push_back(static_cast<double>(count));
        }
        to.insert(to.end(), {lowest_gradient, lowest_loss, loss});
    }
    static Tally of(std::span<const double> from) {
        const auto count = [&](std::size_t i) { return static_cast<std::size_t>(std::clamp(from[i], 0.0, 0x1p53)); };
        return {.evaluations = count(0),
                .approximate = count(1),
                .descent_only = count(2),
                .stalled = count(3),
                .lowest_gradient = from[4],
                .lowest_loss = from[5],
                .loss = from[6]};
    }
};

/// T is the precision of the network that is shown; what is computed is in double. `Curvature` is a class of
/// train/curvature.hpp.
template <class T, class Curvature>
class QuasiNewtonSolver : public Solver<T> {
public:
    QuasiNewtonSolver(const TrainProblem<T>& problem, const TrainState<T>& state, Curvature curvature)
        : options_(problem.options),
          loss_of_(problem, state.net.architecture()),
          curvature_(std::move(curvature)),
          w_(state.net.parameters().begin(), state.net.parameters().end()),
          g_(w_.size()),
          direction_(w_.size()),
          next_w_(w_.size()),
          next_g_(w_.size()) {
        if (!state.memory.solver.empty() || !state.moments.empty() || state.count.steps > 0 || state.begun) {
            go_on(state);
        }
    }

    std::optional<Iteration> advance(TrainState<T>& state, const Pause& /*an iteration has no middle*/,
                                     const EpochPlan& /*nor an order of rows*/) override {
        if (!begun_) {
            begin(state);
        }
        if (largest_of(g_) <= options_.optimizer.tol) {
            return report(0.0, Stopped::gradient);
        }
        const std::optional<double> step = take_step();
        if (!step) {
            return report(0.0, Stopped::no_progress);
        }
        show(state);
        return report(*step, why_over());
    }

    void save(TrainState<T>& state) const override {
        state.moments.clear();
        state.count = {};
        state.begun.reset();
        state.memory = {.solver = std::string(name(options_.optimizer.kind)), .numbers = {}};
        std::vector<double>& numbers = state.memory.numbers;
        tally_.append_to(numbers);
        numbers.insert(numbers.end(), w_.begin(), w_.end());
        curvature_.append_to(numbers);
    }

private:
    /// Stands where that training was left. The gradient there is computed anew, to the same bits on the same rows.
    void go_on(const TrainState<T>& state) {
        const std::span<const double> numbers = state.memory.numbers;
        const std::size_t head = Tally::numbers + w_.size();
        bool fits = state.memory.solver == name(options_.optimizer.kind) && numbers.size() >= head;
        if (fits) {
            for (std::size_t i = 0; i < w_.size() && fits; ++i) {
                const double kept = numbers[Tally::numbers + i];
                fits = static_cast<T>(kept) == static_cast<T>(w_[i]);
                w_[i] = kept;
            }
            fits = fits && curvature_.take(numbers.subspan(head)) && all_finite(numbers.first(4));
        }
        if (!fits) {
            throw Error(ErrorKind::usage, "training: the state to go on from is that of another optimizer or network");
        }
        tally_ = Tally::of(numbers);
        goes_on_ = true;
    }

    void begin(const TrainState<T>& state) {
        const double loss = loss_of_(w_, g_);
        if (!goes_on_) {
            ++tally_.evaluations;
        } else if (loss != tally_.loss) {  // on other rows, of which nothing was seen yet
            tally_.stalled = 0;
            tally_.lowest_gradient = tally_.lowest_loss = std::numeric_limits<double>::infinity();
        }
        tally_.loss = loss;
        if (!std::isfinite(loss) || !all_finite<double>(g_)) {
            throw diverged_over_all_rows(state.epoch);
        }
        begun_ = true;
    }

    /// How long the step was in its direction; nothing where neither what is remembered nor the gradient alone leads
    /// down.
    std::optional<double> take_step() {
        if (!curvature_.empty()) {
            curvature_.direction(g_, direction_);
            if (const std::optional<double> step = search(1.0)) {
                return step;
            }
            curvature_.clear();
        }
        curvature_.direction(g_, direction_);
        double first = 1.0 / std::sqrt(dot(g_, g_));  // a step of length 1, as L-BFGS-B's first
        if (tally_.evaluations > 1) {                 // near where what was remembered was of no more use
            first = std::min(1.0, first);
        }
        return search(first);
    }

    /// Along the direction, first as far as `first`.
    std::optional<double> search(double first) {
        const LinePoint start{.step = 0.0, .value = tally_.loss, .slope = dot(g_, direction_)};
        if (!(start.slope < 0.0) || !std::isfinite(start.slope)) {
            return {};
        }
        LineSearch line(start, first);
        std::optional<LineEnd> end;
        while (!end) {
            const double value = look(line.step());
            end = line.take(value, dot(next_g_, direction_));
        }
        if (*end == LineEnd::failed) {
            return {};
        }
        if (*end == LineEnd::approximate_wolfe) {
            ++tally_.approximate;
        }
        if (*end == LineEnd::descent_only) {
            ++tally_.descent_only;
            look(line.found().step);
        }
        go_to(line.found().value);
        return line.found().step;
    }

    /// φ and ∇l at a step.
    double look(double step) {
        std::ranges::copy(w_, next_w_.begin());
        add_multiple(step, direction_, next_w_);
        ++tally_.evaluations;
        return loss_of_(next_w_, next_g_);
    }

    /// Makes the point that was looked at the present one; of the old one the differences are learned.
    void go_to(double loss) {
        for (std::size_t i = 0; i < w_.size(); ++i) {
            w_[i] = next_w_[i] - w_[i];
            g_[i] = next_g_[i] - g_[i];
        }
        curvature_.add(w_, g_);
        std::swap(w_, next_w_);
        std::swap(g_, next_g_);
        tally_.loss = loss;
    }

    std::optional<Stopped> why_over() {
        const double gradient = largest_of(g_);
        ++tally_.stalled;
        if (gradient < (1.0 - progress_of_gradient) * tally_.lowest_gradient) {
            tally_.lowest_gradient = gradient;
            tally_.stalled = 0;
        }
        if (!(tally_.loss >= tally_.lowest_loss - progress_of_loss * std::fabs(tally_.lowest_loss))) {
            tally_.lowest_loss = tally_.loss;
            tally_.stalled = 0;
        }
        if (gradient <= options_.optimizer.tol) {
            return Stopped::gradient;
        }
        if (tally_.stalled >= most_stalled) {
            return Stopped::no_progress;
        }
        if (tally_.evaluations >= options_.optimizer.max_fun) {
            return Stopped::evaluations;
        }
        return {};
    }

    [[nodiscard]] Iteration report(double step, std::optional<Stopped> over) const {
        return {.loss = tally_.loss,
                .learning_rate = step,
                .over = over,
                .progress = SolverProgress{.gradient_norm = largest_of(g_),
                                           .evaluations = tally_.evaluations,
                                           .approximate = tally_.approximate,
                                           .descent_only = tally_.descent_only}};
    }

    void show(TrainState<T>& state) const {
        std::ranges::transform(w_, state.net.parameters().begin(), [](double w) { return static_cast<T>(w); });
    }

    TrainOptions options_;
    AllRowsLoss loss_of_;
    Curvature curvature_;
    std::vector<double> w_, g_;                        ///< where it stands …
    std::vector<double> direction_, next_w_, next_g_;  ///< … and where it looks
    Tally tally_;
    bool goes_on_ = false, begun_ = false;
};

}  // namespace

template <class T>
std::unique_ptr<Solver<T>> optimizers::QuasiNewton::solver(const TrainProblem<T>& problem, const TrainState<T>& state) {
    const OptimizerOptions& options = problem.options.optimizer;
    const std::size_t size = state.net.parameters().size();
    if (options.kind == OptimizerKind::lbfgs) {
        return std::make_unique<QuasiNewtonSolver<T, LimitedMemory>>(problem, state,
                                                                     LimitedMemory(size, options.lbfgs_memory));
    }
    if (size > most_dense_parameters) {
        throw Error(ErrorKind::usage, "optimizer: bfgs keeps a matrix of all pairs of parameters, which for these " +
                                          std::to_string(size) + " would take " +
                                          std::to_string(size * size * sizeof(double) / 1'000'000) +
                                          " MB and longer than it saves; it is for up to " +
                                          std::to_string(most_dense_parameters) + ", take lbfgs")
            .about("optimizer", "lbfgs");
    }
    return std::make_unique<QuasiNewtonSolver<T, DenseInverseHessian>>(problem, state, DenseInverseHessian(size));
}

template std::unique_ptr<Solver<float>> optimizers::QuasiNewton::solver(const TrainProblem<float>&,
                                                                        const TrainState<float>&);
template std::unique_ptr<Solver<double>> optimizers::QuasiNewton::solver(const TrainProblem<double>&,
                                                                         const TrainState<double>&);

}  // namespace handgrad
