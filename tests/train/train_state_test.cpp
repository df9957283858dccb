// A training as a value: copied between two epochs and gone on from, it gives the bits of the training that was never
// interrupted; and another solver than mini-batch steps moves the same state.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "handgrad/base/random.hpp"
#include "handgrad/train/solver.hpp"
#include "handgrad/train/trainer.hpp"

namespace handgrad {
namespace {

template <class T>
BasicDataset<T> numbers(std::size_t rows, std::size_t inputs, std::size_t outputs, std::uint64_t seed) {
    BasicDataset<T> data{.x = Matrix<T>(rows, inputs), .y = Matrix<T>(rows, outputs), .weights = {}};
    const RandomStream stream(seed, Purpose::weights, 9);
    std::uint64_t index = 0;
    for (Matrix<T>* matrix : {&data.x, &data.y}) {
        for (T& number : matrix->values()) {
            number = static_cast<T>(stream.uniform(index++) - 0.5);
        }
    }
    for (std::size_t row = 0; row < rows; ++row) {  // some rows count nothing
        data.weights.push_back(static_cast<T>(row % 4));
    }
    return data;
}

template <class T>
std::vector<T> bits(const BasicMlp<T>& net) {
    return {net.parameters().begin(), net.parameters().end()};
}

/// Bit by bit, so that a validation loss that is not there (NaN) equals itself.
std::vector<std::uint64_t> numbers_of(const std::vector<EpochLosses>& history) {
    std::vector<std::uint64_t> result;
    for (const EpochLosses& line : history) {
        result.push_back(line.epoch);
        for (const double number : {line.loss, line.validation_loss, line.learning_rate}) {
            result.push_back(std::bit_cast<std::uint64_t>(number));
        }
    }
    return result;
}

template <class T>
void expect_same(const TrainState<T>& got, const TrainState<T>& wanted) {
    EXPECT_EQ(bits(got.net), bits(wanted.net));
    ASSERT_EQ(got.moments.size(), wanted.moments.size());
    for (std::size_t i = 0; i < got.moments.size(); ++i) {
        EXPECT_EQ(bits(got.moments[i]), bits(wanted.moments[i])) << "moment " << i;
    }
    EXPECT_EQ(got.count, wanted.count);
    EXPECT_EQ(got.memory, wanted.memory);
    EXPECT_EQ(got.over, wanted.over);
    EXPECT_EQ(got.epoch, wanted.epoch);
    ASSERT_EQ(got.best.has_value(), wanted.best.has_value());
    if (got.best) {
        EXPECT_EQ(bits(*got.best), bits(*wanted.best));
    }
    EXPECT_EQ(got.best_loss, wanted.best_loss);
    EXPECT_EQ(got.best_epoch, wanted.best_epoch);
    EXPECT_EQ(numbers_of(got.history), numbers_of(wanted.history));
}

/// Goes from a state to the end on so many threads.
template <class T>
TrainState<T> finished(TrainState<T> from, const BasicDataset<T>& data, const BasicDataset<T>& validation,
                       TrainOptions options, std::size_t threads) {
    options.execution.threads = threads;
    Trainer<T> trainer(std::move(from), data, options, &validation);
    while (!trainer.done()) {
        trainer.advance();
    }
    return trainer.state();
}

/// The layers are so wide that several threads own units, and the widths are no multiples of a panel.
template <class T>
void expect_copies_go_on(OptimizerOptions optimizer, const char* conventions) {
    const auto data = numbers<T>(150, 13, 3, 1), validation = numbers<T>(20, 13, 3, 2);
    const Architecture shape{.sizes = {13, 450, 3}, .conventions = *find_conventions(conventions)};
    const TrainOptions options{.optimizer = optimizer,
                               .schedule = Schedule::cosine,
                               .epochs = 6,
                               .batch = 37,
                               .seed = 5,
                               .early_stopping = 6,
                               .execution = {.threads = 1}};
    const auto net = BasicMlp<T>::random(shape, 3);
    Trainer<T> uninterrupted(net, data, options, &validation);
    std::vector<TrainState<T>> states{uninterrupted.state()};
    while (!uninterrupted.done()) {
        uninterrupted.advance();
        states.push_back(uninterrupted.state());
    }
    ASSERT_EQ(states.size(), 7u);
    expect_same(finished(states[0], data, validation, options, 3), states.back());
    expect_same(finished(states[2], data, validation, options, 3), states.back());
    expect_same(finished(states[2], data, validation, options, 1), states.back());
    expect_same(finished(states[5], data, validation, options, 2), states.back());

    BasicMlp<T> by_train = net;
    train<T>(by_train, data, options, &validation);
    EXPECT_EQ(bits(by_train), bits(*states.back().best));
}

TEST(TrainState, CopiedAfterAnEpochItGoesOnWithTheBitsOfTheUninterruptedTraining) {
    expect_copies_go_on<float>({.kind = OptimizerKind::sgd, .learning_rate = 0.05, .weight_decay = 0.01}, "sklearn");
    expect_copies_go_on<float>({.kind = OptimizerKind::sgd, .learning_rate = 0.05, .momentum = 0.9, .nesterov = true},
                               "pytorch");
    expect_copies_go_on<float>({.kind = OptimizerKind::adam, .beta1 = 0.8, .beta2 = 0.99}, "handgrad");
    expect_copies_go_on<double>({.kind = OptimizerKind::adamw, .weight_decay = 0.1}, "pytorch");
}

/// Through an epoch after the other, each left between two batches now and then; whoever goes on from there, on other
/// threads, comes to the same end.
template <class T>
void expect_pauses_go_on(OptimizerOptions optimizer, std::size_t early_stopping) {
    const auto data = numbers<T>(150, 5, 2, 1), validation = numbers<T>(20, 5, 2, 2);
    const TrainOptions options{.optimizer = optimizer,
                               .schedule = Schedule::linear,
                               .epochs = 3,
                               .batch = 7,
                               .early_stopping = early_stopping,
                               .execution = {.threads = 1}};
    const auto net = BasicMlp<T>::random({.sizes = {5, 40, 2}}, 3);
    const TrainState<T> wanted =
        finished(Trainer<T>(net, data, options, &validation).state(), data, validation, options, 1);
    Trainer<T> trainer(net, data, options, &validation);
    std::size_t pauses = 0;
    while (!trainer.done()) {
        if (!trainer.advance([] { return true; })) {
            ++pauses;
            const TrainState<T> state = trainer.state();
            ASSERT_TRUE(state.begun);
            EXPECT_EQ(state.begun->loss_sum > 0.0, state.begun->weight_sum > 0.0);
            expect_same(finished(state, data, validation, options, 2), wanted);
            if (early_stopping == 0 || state.epoch == 0) {
                EXPECT_EQ(bits(trainer.result()), bits(state.net));
            } else {
                EXPECT_EQ(bits(trainer.result()), bits(*state.best));
            }
        }
    }
    EXPECT_GT(pauses, 3u);
    expect_same(trainer.state(), wanted);
}

TEST(TrainState, LeftBetweenTwoBatchesItGoesOnWithTheBitsOfTheUninterruptedTraining) {
    expect_pauses_go_on<float>({.kind = OptimizerKind::sgd, .learning_rate = 0.05}, 0);
    expect_pauses_go_on<float>({.kind = OptimizerKind::sgd, .learning_rate = 0.05, .momentum = 0.9}, 3);
    expect_pauses_go_on<double>({.kind = OptimizerKind::adam, .weight_decay = 0.1}, 3);
}

TEST(TrainState, ADivergenceGoesBackToTheBeginningOfItsEpochWhereverThatWasLeft) {
    const auto data = numbers<float>(64, 4, 2, 4);
    const TrainOptions options{
        .optimizer = {.kind = OptimizerKind::sgd, .learning_rate = 50.0, .momentum = 0.5}, .epochs = 50, .batch = 4};
    const auto diverge = [](Trainer<float>& trainer) {
        try {
            while (!trainer.done()) {
                trainer.advance();
            }
        } catch (const Diverged& error) {
            return std::string(error.what());
        }
        return std::string("did not diverge");
    };
    Trainer<float> uninterrupted(Mlp::random({.sizes = {4, 8, 2}}, 1), data, options);
    const std::string message = diverge(uninterrupted);
    Trainer<float> paused(Mlp::random({.sizes = {4, 8, 2}}, 1), data, options);
    std::size_t pauses = 0;
    try {
        while (!paused.done()) {
            if (!paused.advance([] { return true; })) {
                ++pauses;
                Trainer<float> other(paused.state(), data, options);
                EXPECT_EQ(diverge(other), message);
                expect_same(other.state(), uninterrupted.state());
            }
        }
    } catch (const Diverged& error) {
        EXPECT_EQ(error.what(), message);
    }
    EXPECT_GT(pauses, 2u);
    expect_same(paused.state(), uninterrupted.state());
}

TEST(TrainState, ShowsWhatTheOptimizerRemembersInThePlaceOfEachParameter) {
    auto data = numbers<double>(6, 2, 1, 4);
    data.weights.clear();
    const OptimizerOptions options{.kind = OptimizerKind::adam, .beta1 = 0.5, .beta2 = 0.25};
    const auto net = BasicMlp<double>::random({.sizes = {2, 5, 3, 1}}, 1);
    Trainer<double> trainer(net, data, {.optimizer = options, .epochs = 1, .batch = 6, .shuffle = false});
    EXPECT_EQ(trainer.state().moments.size(), 2u);
    trainer.advance();
    const TrainState<double> state = trainer.state();
    BasicTape<double> tape(net, 6), dtape(net, 6);
    BasicMlp<double> gradient = BasicMlp<double>::zeros_like(net);
    forward(net, data.x, tape);
    loss<double>(Loss::squared_error, tape.output(), data.y, dtape.output());
    backward(net, tape, dtape, gradient);
    for (std::size_t i = 0; i < net.parameters().size(); ++i) {
        const double g = gradient.parameters()[i];
        EXPECT_NEAR(state.moments[0].parameters()[i], 0.5 * g, 1e-15) << i;
        EXPECT_NEAR(state.moments[1].parameters()[i], 0.75 * g * g, 1e-15) << i;
    }
    EXPECT_EQ(state.count, (StepCount{.steps = 1, .beta1_power = 0.5, .beta2_power = 0.25}));
    ASSERT_EQ(state.history.size(), 1u);
    EXPECT_EQ(state.history[0].epoch, 1u);
    EXPECT_EQ(state.history[0].learning_rate, 1e-3);
    EXPECT_EQ(state.best_epoch, 1u);
}

TEST(TrainState, AfterADivergenceItIsThatOfTheLastGoodEpoch) {
    const auto data = numbers<float>(64, 4, 2, 4);
    TrainOptions options{
        .optimizer = {.kind = OptimizerKind::sgd, .learning_rate = 50.0, .momentum = 0.5}, .epochs = 50, .batch = 16};
    Trainer<float> trainer(Mlp::random({.sizes = {4, 8, 2}}, 1), data, options);
    TrainState<float> last = trainer.state();
    try {
        while (!trainer.done()) {
            trainer.advance();
            last = trainer.state();
        }
        FAIL() << "a learning rate of 50 must diverge";
    } catch (const Diverged& error) {
        EXPECT_EQ(error.last_good_epoch(), last.epoch);
    }
    expect_same(trainer.state(), last);
    options.optimizer.learning_rate = 1e-3;  // so it can go on more carefully
    Trainer<float> careful(trainer.state(), data, options);
    EXPECT_EQ(careful.advance().epoch, last.epoch + 1);
}

template <class Call>
std::string refusal(Call call) {
    try {
        call();
    } catch (const Error& error) {
        return error.what();
    }
    return "accepted";
}

TEST(TrainState, OfAnotherOptimizerOrNetworkItIsRefused) {
    const auto data = numbers<float>(10, 4, 2, 4);
    const TrainOptions options{.optimizer = {.kind = OptimizerKind::adam}, .epochs = 2};
    Trainer<float> trainer(Mlp::random({.sizes = {4, 8, 2}}, 1), data, options);
    trainer.advance();
    const TrainState<float> state = trainer.state();
    const auto go_on = [&](TrainState<float> from, const TrainOptions& with) {
        return refusal([&] { Trainer<float>(std::move(from), data, with); });
    };
    EXPECT_EQ(go_on(state, options), "accepted");
    EXPECT_THAT(go_on(state, {.optimizer = {.kind = OptimizerKind::sgd}, .epochs = 2}),
                testing::HasSubstr("that of another optimizer or network"));
    TrainState<float> begun = state;
    begun.begun = BegunEpoch<float>{.batches = 1, .net = state.net, .moments = state.moments};
    EXPECT_THAT(go_on(begun, options), testing::HasSubstr("in the middle of an epoch of other data"));  // has one batch
    TrainState<float> other = state;
    other.moments[1] = Mlp::zeros({.sizes = {4, 7, 2}});
    EXPECT_THAT(go_on(other, options), testing::HasSubstr("that of another optimizer or network"));
    trainer.advance();
    EXPECT_THAT(refusal([&] { trainer.advance(); }), testing::HasSubstr("all 2 epochs are done"));
}

TEST(EpochPlan, TakesTheOrderOfTheRowsAndTheRateFromOutside) {
    const auto data = numbers<double>(23, 4, 2, 6);
    const auto begin = [&](bool shuffle, double rate) {
        return Trainer<double>(BasicMlp<double>::random({.sizes = {4, 5, 2}}, 1), data,
                               {.optimizer = {.learning_rate = rate}, .epochs = 2, .batch = 5, .shuffle = shuffle});
    };
    Trainer<double> by_itself = begin(true, 0.01), by_plan = begin(false, 0.5);
    for (std::uint32_t epoch = 1; epoch <= 2; ++epoch) {
        const std::vector<std::size_t> order = permutation(data.rows(), RandomStream(0, Purpose::shuffle, epoch));
        by_itself.advance();
        const std::optional<EpochReport> report = by_plan.advance({}, {.order = order, .learning_rate = 0.01});
        ASSERT_TRUE(report.has_value());
        EXPECT_EQ(report->learning_rate, 0.01);
    }
    expect_same(by_plan.state(), by_itself.state());
}

TEST(Trainer, RefusesValidationRowsOfAnotherShape) {
    const auto data = numbers<double>(9, 4, 2, 6);
    const BasicMlp<double> net = BasicMlp<double>::random({.sizes = {4, 5, 2}}, 1);
    for (const auto& other : {numbers<double>(3, 4, 1, 7), numbers<double>(3, 1, 2, 7)}) {
        EXPECT_THAT(refusal([&] { Trainer<double>(net, data, {.epochs = 1}, &other); }),
                    testing::HasSubstr("the validation rows do not have the network's inputs and outputs"));
    }
}

TEST(Trainer, RefusesWeightsThatMakeNoMean) {
    auto data = numbers<double>(9, 4, 2, 6), judges = numbers<double>(3, 4, 2, 7);
    const BasicMlp<double> net = BasicMlp<double>::random({.sizes = {4, 5, 2}}, 1);
    const auto make = [&] { Trainer<double>(net, data, {.epochs = 1}, &judges); };
    judges.weights = {1.0, -0.5, 1.0};
    EXPECT_THAT(refusal(make), testing::HasSubstr("weights for validation of row 1, counted from 0, is -0.5"));
    judges.weights.clear();
    data.weights.assign(8, 1.0);
    EXPECT_THAT(refusal(make), testing::HasSubstr("weights has 8 numbers, rows there are 9"));
    data.weights.assign(9, 0.0);
    EXPECT_THAT(refusal(make), testing::HasSubstr("weights have the sum 0"));
}

TEST(EpochPlan, IsRefusedWhereItIsNoOrderAndNoRate) {
    const auto data = numbers<double>(3, 4, 2, 6);
    Trainer<double> trainer(BasicMlp<double>::random({.sizes = {4, 5, 2}}, 1), data, {.epochs = 2});
    for (const std::vector<std::size_t>& order : std::vector<std::vector<std::size_t>>{{0, 1}, {0, 1, 1}, {0, 1, 3}}) {
        EXPECT_THAT(refusal([&] { trainer.advance({}, {.order = order}); }),
                    testing::HasSubstr("the order of an epoch must have each of the 3 rows once"));
    }
    for (const double rate : {-1.0, std::nan(""), HUGE_VAL}) {
        EXPECT_THAT(refusal([&] { trainer.advance({}, {.learning_rate = rate}); }),
                    testing::HasSubstr("the learning rate of an epoch"));
    }
    EXPECT_EQ(trainer.epoch(), 0);
}

/// Gradient descent on all rows at once, by the plain loops; remembers the step before, as its moment.
class AllRows : public Solver<double> {
public:
    AllRows(const TrainProblem<double>& problem, const TrainState<double>& state)
        : problem_(problem), last_(BasicMlp<double>::zeros_like(state.net)) {
        if (!state.moments.empty()) {
            last_ = state.moments.front();
        }
    }
    std::optional<Iteration> advance(TrainState<double>& state, const Pause& /*one iteration has no middle*/,
                                     const EpochPlan& /*nor an order*/) override {
        const BasicDataset<double>& data = problem_.data;
        BasicTape<double> tape(state.net, data.rows()), dtape(state.net, data.rows());
        forward(state.net, data.x, tape);
        const double l = loss<double>(problem_.options.loss, tape.output(), data.y, dtape.output(), data.weights);
        BasicMlp<double> gradient = BasicMlp<double>::zeros_like(state.net);
        backward(state.net, tape, dtape, gradient);
        const double rate = problem_.options.optimizer.learning_rate;
        for (std::size_t i = 0; i < state.net.parameters().size(); ++i) {
            double& last = last_.parameters()[i];
            last = 0.5 * last - rate * gradient.parameters()[i];
            state.net.parameters()[i] += last;
        }
        return Iteration{.loss = l, .learning_rate = rate};
    }
    void save(TrainState<double>& state) const override { state.moments.assign(1, last_); }

private:
    TrainProblem<double> problem_;
    BasicMlp<double> last_;
};

TEST(Solver, AnotherOneThanMinibatchStepsMovesTheSameState) {
    const auto data = numbers<double>(30, 4, 2, 6), validation = numbers<double>(9, 4, 2, 7);
    const TrainOptions options{
        .optimizer = {.kind = OptimizerKind::sgd, .learning_rate = 0.1}, .epochs = 9, .early_stopping = 4};
    const MakeSolver<double> all_rows_at_once = [](const auto& problem, const auto& state) {
        return std::make_unique<AllRows>(problem, state);
    };
    Trainer<double> trainer(BasicMlp<double>::random({.sizes = {4, 5, 2}}, 1), data, options, &validation,
                            all_rows_at_once);
    const EpochReport first = trainer.advance();
    const EpochReport second = trainer.advance();
    EXPECT_LT(second.loss, first.loss);
    EXPECT_EQ(second.validation_loss, evaluate_loss(trainer.net(), validation, options.loss, 0.0));
    Trainer<double> other(trainer.state(), data, options, &validation, all_rows_at_once);
    while (!trainer.done()) {
        trainer.advance();
    }
    while (!other.done()) {
        other.advance();
    }
    expect_same(other.state(), trainer.state());
    EXPECT_EQ(trainer.state().history.size(), trainer.epoch());
}

}  // namespace
}  // namespace handgrad
