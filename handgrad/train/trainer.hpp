// Training as a value: a state that is advanced by an epoch of the five steps at a time, with early stopping and a stop
// at non-finite values; and the loop over it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include "handgrad/base/error.hpp"
#include "handgrad/data/preprocessing.hpp"
#include "handgrad/kernels/simd_level.hpp"
#include "handgrad/nn/mlp.hpp"
#include "handgrad/nn/passes.hpp"
#include "handgrad/store/train_state.hpp"
#include "handgrad/train/metrics.hpp"
#include "handgrad/train/optimizer.hpp"

namespace handgrad {

struct TrainOptions {
    LossFunction loss = Loss::squared_error;
    OptimizerOptions optimizer = {};
    Schedule schedule = Schedule::constant;
    std::optional<std::size_t> epochs = {};  ///< none: usual_epochs() of the rows
    std::size_t batch = 32;                  ///< the last batch of an epoch may be shorter
    bool shuffle = true;
    std::uint64_t seed = 0;
    /// Stop after so many epochs without a lower validation loss; 0: never. None is 0, unless fit() decides.
    std::optional<std::size_t> early_stopping = {};
    /// γ of the Jacobian term, part of the loss where the data have Jacobians (docs/derivations/sobolev.md (S3)).
    double jacobian_weight = 1.0;
    /// One for each input (handgrad/nn/monotone.hpp): the outputs rise with inputs of 1 and fall with those of −1, as
    /// each step ends with the weights of the wrong sign put to 0. Empty: nothing is monotone.
    std::vector<int> input_signs = {};
    bool allow_nonfinite = false;  ///< go on through infinities and NaN
    Execution execution = {};      ///< changes no bit of the result
};

/// How many iterations a solver that sees all rows at once takes when nobody says: it mostly ends before.
inline constexpr std::size_t usual_iterations = 1000;
/// How many epochs a training takes when nobody says: at least 50, and so many that it takes 3 000 steps. With early
/// stopping at least 200, as most end before.
std::size_t usual_epochs(std::size_t rows, std::size_t batch, bool early_stopping = false);
/// The same of a training with these options, of which the epochs are open.
std::size_t usual_epochs(const TrainOptions& options, std::size_t rows);

/// How the gradient flows through one layer, at the weights as they are.
struct LayerFlow {
    double gradient_rms = 0.0;  ///< root mean square of the numbers of ∂l/∂W⁽ˡ⁾, penalty left out
    double saturated = 0.0;     ///< share of the activation's values that are flat; of bounded activations only
    double dead = 0.0;          ///< share of its units that are flat in every row; of one-sided activations only
    double moved = 0.0;  ///< ‖W⁽ˡ⁾ₜ − W⁽ˡ⁾₀‖/‖W⁽ˡ⁾₀‖: how far the weights have come from the first ones
    bool starved = false;  ///< too little arrives for the layer to learn
};

/// How an iteration of a solver that sees all rows at once went.
struct SolverProgress {
    double gradient_norm = 0.0;          ///< the largest |∂l/∂w| behind it
    std::size_t evaluations = 0;         ///< of the loss with its gradient, since the beginning
    std::size_t approximate = 0;         ///< steps so far that only the approximate Wolfe conditions let through …
    std::size_t descent_only = 0;        ///< … and those that none did, but that lowered the loss
    std::optional<double> damping = {};  ///< of lm alone: μ of the next step, …
    std::size_t accelerated = 0;         ///< … and how many steps so far went along the acceleration too
};

struct EpochReport {
    std::size_t epoch = 0;  ///< from 1
    std::size_t epochs = 0;
    double loss = 0.0;                                                  ///< mean over the batches as they were seen
    double validation_loss = std::numeric_limits<double>::quiet_NaN();  ///< NaN without validation rows
    double learning_rate = 0.0;                                         ///< of the last step; its length, of lbfgs
    double seconds = 0.0;                                               ///< that the steps of this epoch took
    double rows_per_second = 0.0;
    std::size_t best_epoch = 0;                ///< so far
    std::vector<LayerFlow> layers{};           ///< by FitCallbacks::measure, of each layer; empty without it
    std::string parameters_hash{};             ///< of the weights after it, by fit(); empty without
    std::optional<SolverProgress> progress{};  ///< of a solver that sees all rows at once
};

struct TrainResult {
    std::size_t epochs = 0;      ///< epochs run
    std::size_t best_epoch = 0;  ///< whose weights the network now holds
    Stopped stopped = Stopped::epochs;
    double seconds = 0.0;
    bool within_epoch = false;                 ///< the weights are those of a pause in epoch `epochs` + 1
    std::optional<SolverProgress> progress{};  ///< behind the last epoch, of a solver that sees all rows at once
};

/// Called after each epoch; false ends the training there.
template <class T>
using OnEpoch = std::function<bool(const EpochReport&, const BasicMlp<T>&)>;

/// Raised at the first non-finite value. The network then holds the weights of the last good epoch. what() names epoch,
/// batch, row, layer, stage and factor, with the norms of the layers' weights.
class Diverged : public Error {
public:
    Diverged(const std::string& message, std::size_t last_good_epoch, std::optional<std::size_t> row)
        : Error(ErrorKind::diverged, message), last_good_epoch_(last_good_epoch), row_(row) {}
    [[nodiscard]] std::size_t last_good_epoch() const { return last_good_epoch_; }
    /// The row of the data set where the value arose; none where a sum over rows did.
    [[nodiscard]] std::optional<std::size_t> row() const { return row_; }

private:
    std::size_t last_good_epoch_;
    std::optional<std::size_t> row_;
};

/// Makes what moves the state (train/solver.hpp).
template <class T>
using MakeSolver = std::function<std::unique_ptr<Solver<T>>(const TrainProblem<T>&, const TrainState<T>&)>;

/// Asked between two batches; true: pause there.
using Pause = std::function<bool()>;

/// What an epoch takes from outside rather than from the options: for those who follow the order of rows and the rates
/// of another program's training. A state taken in the middle of such an epoch cannot be gone on with to its end: the
/// order is not in it.
struct EpochPlan {
    std::span<const std::size_t> order = {};   ///< the rows, each once, batch after batch; empty: as the options say
    std::optional<double> learning_rate = {};  ///< of all its steps; none: as the options say
};

/// A training that is advanced by hand. Keeps references to the data and to the validation rows.
template <class T>
class Trainer {
public:
    /// Begins at `net`, or goes on from where another training stood with the same options and data. `validation` may
    /// be null. `solver` takes the place of the one that options.optimizer names. Raises Error(usage), also for weights
    /// that break the signs that options.input_signs asks for (take_signs() makes first weights that do not),
    /// Error(data) (no rows).
    Trainer(const BasicMlp<T>& net, const BasicDataset<T>& data, const TrainOptions& options,
            const std::type_identity_t<BasicDataset<T>>* validation = nullptr, const MakeSolver<T>& solver = {});
    Trainer(TrainState<T> state, const BasicDataset<T>& data, const TrainOptions& options,
            const std::type_identity_t<BasicDataset<T>>* validation = nullptr, const MakeSolver<T>& solver = {});
    Trainer(Trainer&&) noexcept;
    Trainer& operator=(Trainer&&) noexcept;
    ~Trainer();

    /// Why there is no epoch to come: all are done, the validation loss has not fallen for too long, or the solver has
    /// come to its end.
    [[nodiscard]] std::optional<Stopped> done() const;
    /// The next epoch, also after early stopping. Raises Error(usage) when all are done or the solver is at its end;
    /// Diverged, and the state is then that before this epoch.
    EpochReport advance();
    /// The same until `pause` is true behind a batch that is not the epoch's last: nothing then, and state() is in the
    /// middle of the epoch. It is asked every 20 ms or so, where batches are short. advance() goes on from there.
    std::optional<EpochReport> advance(const Pause& pause);
    /// The same by a plan, which is looked at where an epoch begins. Raises Error(usage) unless its order has each row
    /// of the data once and its rate is a finite number, 0 or above.
    std::optional<EpochReport> advance(const Pause& pause, const EpochPlan& plan);

    /// The weights as they are now.
    [[nodiscard]] const BasicMlp<T>& net() const;
    [[nodiscard]] std::size_t epoch() const;
    /// How many epochs there are to be.
    [[nodiscard]] std::size_t epochs() const;
    /// A copy of all of it, moments and weights in the user's layout.
    [[nodiscard]] TrainState<T> state() const;
    /// The weights that this training has to give: with early stopping those of the best epoch, once one is done, else
    /// those of now.
    [[nodiscard]] const BasicMlp<T>& result() const;
    [[nodiscard]] std::size_t best_epoch() const;
    /// Whether result() is in the middle of an epoch.
    [[nodiscard]] bool within_epoch() const;

private:
    struct Parts;
    std::unique_ptr<Parts> parts_;
};

/// Trains `net` in place: a Trainer advanced until it is done or `on_epoch` ends it. `validation` may be null. With
/// early stopping the best weights by validation loss are restored at the end; a NaN is never an improvement. Raises
/// Error(usage), Error(data) (no rows), Diverged.
template <class T>
TrainResult train(BasicMlp<T>& net, const BasicDataset<T>& data, const TrainOptions& options,
                  const std::type_identity_t<BasicDataset<T>>* validation = nullptr,
                  const std::type_identity_t<OnEpoch<T>>& on_epoch = {});

/// The loss of `net` on all rows, penalty included: the function that train() differentiates, computed anew.
template <class T>
double evaluate_loss(const BasicMlp<T>& net, const BasicDataset<T>& data, const LossFunction& function,
                     double weight_decay, const Execution& execution = {});

/// What a network puts out for some rows, both rows × K.
template <class T>
struct Outputs {
    Matrix<T> z;     ///< the logits, from which probabilities keep digits that ŷ has lost
    Matrix<T> yhat;  ///< ŷ = g(z)
};
template <class T>
Outputs<T> outputs(const BasicMlp<T>& net, std::type_identity_t<MatrixView<const T>> x,
                   const Execution& execution = {});

extern template class Trainer<float>;
extern template class Trainer<double>;

}  // namespace handgrad
