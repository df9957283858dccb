// L-BFGS and BFGS on networks: the gradient that they follow, the conditions that their steps meet, where they end and
// why, and the bits of trainings that were gone on with.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "handgrad/base/error.hpp"
#include "handgrad/base/random.hpp"
#include "handgrad/nn/passes.hpp"
#include "handgrad/store/model.hpp"
#include "handgrad/train/all_rows_loss.hpp"
#include "handgrad/train/line_search.hpp"
#include "handgrad/train/trainer.hpp"
#include "handgrad/train/vectors.hpp"
#include "tests/support/raised.hpp"

namespace handgrad {
namespace {

using testing::HasSubstr;

template <class T>
BasicDataset<T> data_of(std::size_t rows, std::size_t inputs, std::size_t outputs, bool weighted = false) {
    BasicDataset<T> data{.x = Matrix<T>(rows, inputs), .y = Matrix<T>(rows, outputs), .weights = {}};
    const RandomStream stream(3, Purpose::weights, 9);
    std::uint64_t index = 0;
    for (std::size_t row = 0; row < rows; ++row) {
        double sum = 0.0;
        for (T& x : data.x.row(row)) {
            x = static_cast<T>(2.0 * stream.uniform(index++) - 1.0);
            sum += static_cast<double>(x);
        }
        for (std::size_t k = 0; k < outputs; ++k) {
            data.y(row, k) = static_cast<T>(0.5 * sum * sum - 0.3 * static_cast<double>(k) * sum);
        }
        if (weighted) {
            data.weights.push_back(static_cast<T>(row % 3));
        }
    }
    return data;
}

Architecture shape_of(std::vector<std::size_t> sizes, const char* conventions = "handgrad") {
    return {.sizes = std::move(sizes),
            .hidden = Activation::tanh,
            .output = Activation::identity,
            .conventions = *find_conventions(conventions)};
}

TrainOptions options_of(OptimizerKind kind, std::size_t epochs = 50) {
    return {.optimizer = {.kind = kind}, .epochs = epochs};
}
constexpr auto lbfgs = OptimizerKind::lbfgs;
constexpr auto bfgs = OptimizerKind::bfgs;

TEST(AllRowsLoss, IsTheLossWithItsPenaltyAndItsGradientTheirs) {
    for (const char* conventions : {"handgrad", "pytorch", "sklearn"}) {
        for (const bool weighted : {false, true}) {
            const BasicDataset<double> data = data_of<double>(300, 4, 2, weighted);
            const auto net = BasicMlp<double>::random(shape_of({4, 7, 2}, conventions), 5);
            TrainOptions options = options_of(lbfgs);
            options.optimizer.weight_decay = 0.3;
            AllRowsLoss loss_of(TrainProblem<double>{.data = data, .options = options}, net.architecture());
            std::vector<double> w(net.parameters().begin(), net.parameters().end()), g(w.size()), ignored(w.size());
            const double value = loss_of(w, g);
            EXPECT_NEAR(value, evaluate_loss(net, data, options.loss, 0.3), 1e-13 * value);
            for (std::size_t i = 0; i < w.size(); ++i) {
                constexpr double h = 1e-5;  // the error is of order h² l''' and ε l/h
                std::vector<double> moved = w;
                moved[i] += h;
                const double above = loss_of(moved, ignored);
                moved[i] -= 2.0 * h;
                EXPECT_NEAR(g[i], (above - loss_of(moved, ignored)) / (2.0 * h), 1e-8) << conventions << i;
            }
        }
    }
}

TEST(AllRowsLoss, HasTheJacobianTermWhereTheDataHaveJacobians) {
    BasicDataset<double> data = data_of<double>(40, 3, 2, true);
    const BasicDataset<double> slopes = data_of<double>(40, 6, 1);
    data.jacobians = slopes.x;
    data.jacobians(3, 2) = std::numeric_limits<double>::quiet_NaN();  // not known
    const auto net = BasicMlp<double>::random(shape_of({3, 5, 2}), 5);
    TrainOptions options = options_of(bfgs, 40);
    options.jacobian_weight = 0.7;
    AllRowsLoss loss_of(TrainProblem<double>{.data = data, .options = options}, net.architecture());
    std::vector<double> w(net.parameters().begin(), net.parameters().end()), g(w.size()), ignored(w.size());
    const double value = loss_of(w, g);
    const double term = jacobian_loss<double>(net, data.x, data.jacobians, 0.7, nullptr, data.weights);
    EXPECT_NEAR(value, evaluate_loss(net, data, options.loss, 0.0) + term, 1e-12 * value);
    for (std::size_t i = 0; i < w.size(); ++i) {
        constexpr double h = 1e-5;
        std::vector<double> moved = w;
        moved[i] += h;
        const double above = loss_of(moved, ignored);
        moved[i] -= 2.0 * h;
        EXPECT_NEAR(g[i], (above - loss_of(moved, ignored)) / (2.0 * h), 1e-7) << i;
    }
    BasicMlp<double> trained = net;
    train(trained, data, options);
    AllRowsLoss again(TrainProblem<double>{.data = data, .options = options}, net.architecture());
    EXPECT_LT(again(trained.parameters(), ignored), 0.9 * value);
}

TEST(AllRowsLoss, OfDataInFloatIsThatOfTheSameNumbersInDouble) {
    const BasicDataset<float> data = data_of<float>(100, 3, 1, true);
    const BasicDataset<double> same{
        convert<double>(data.x), convert<double>(data.y), {data.weights.begin(), data.weights.end()}};
    const Architecture shape = shape_of({3, 6, 1});
    AllRowsLoss of_float(TrainProblem<float>{.data = data, .options = options_of(lbfgs)}, shape);
    AllRowsLoss of_double(TrainProblem<double>{.data = same, .options = options_of(lbfgs)}, shape);
    const auto net = BasicMlp<double>::random(shape, 1);
    std::vector<double> g(of_float.size()), h(g.size());
    EXPECT_EQ(of_float(net.parameters(), g), of_double(net.parameters(), h));
    EXPECT_EQ(g, h);
}

/// Each accepted step is looked at once more, from weights and gradients alone.
void expect_wolfe(OptimizerKind kind, double tol, std::size_t epochs, std::size_t most_approximate) {
    const BasicDataset<double> data = data_of<double>(80, 3, 1);
    const auto first = BasicMlp<double>::random(shape_of({3, 5, 1}), 2);
    TrainOptions options = options_of(kind, epochs);
    options.optimizer.tol = tol;
    Trainer<double> trainer(first, data, options);
    AllRowsLoss loss_of(TrainProblem<double>{.data = data, .options = options}, first.architecture());
    std::vector<double> g(loss_of.size()), next_g(g.size()), d(g.size());
    std::size_t approximate = 0;
    while (!trainer.done()) {
        const BasicMlp<double> before = trainer.net();
        const EpochReport report = trainer.advance();
        if (report.learning_rate == 0.0) {
            break;  // no step
        }
        LinePoint start{.step = 0.0, .value = loss_of(before.parameters(), g), .slope = 0.0};
        LinePoint end{.step = report.learning_rate, .value = loss_of(trainer.net().parameters(), next_g), .slope = 0.0};
        EXPECT_EQ(end.value, report.loss);
        for (std::size_t i = 0; i < d.size(); ++i) {
            d[i] = (trainer.net().parameters()[i] - before.parameters()[i]) / report.learning_rate;
        }
        start.slope = dot(g, d);
        end.slope = dot(next_g, d);
        // w + αd − w has lost digits of d: the conditions hold up to that.
        const double lost = 1e-9 * std::fabs(start.slope) + 1e-13 * std::fabs(start.value);
        const bool strong = end.value <= start.value + 1e-4 * end.step * start.slope + lost &&
                            std::fabs(end.slope) <= 0.9 * std::fabs(start.slope) + lost;
        const bool near = std::fabs(end.value - start.value) <= 1e-6 * std::fabs(start.value) &&
                          end.slope >= 0.9 * start.slope - lost && end.slope <= -0.8 * start.slope + lost;
        EXPECT_TRUE(strong || near) << "epoch " << report.epoch;
        approximate = report.progress->approximate;
        EXPECT_EQ(report.progress->descent_only, 0u);
    }
    EXPECT_LE(approximate, most_approximate);
}

TEST(QuasiNewton, EveryAcceptedStepMeetsTheWolfeConditions) {
    expect_wolfe(lbfgs, 1e-6, 400, 0);
    expect_wolfe(bfgs, 1e-6, 400, 0);
}

TEST(QuasiNewton, NearAMinimumTheApproximateConditionsTakeOverUntilNothingHelps) {
    for (const OptimizerKind kind : {lbfgs, bfgs}) {
        const BasicDataset<double> data = data_of<double>(40, 3, 1);
        BasicMlp<double> net = BasicMlp<double>::random(shape_of({3, 1}), 2);
        TrainOptions options = options_of(kind, 500);
        options.optimizer.tol = 0.0;
        const TrainResult result = train(net, data, options);
        EXPECT_TRUE(result.stopped == Stopped::no_progress || result.stopped == Stopped::gradient);
        EXPECT_LT(result.progress->gradient_norm, 1e-14);
        EXPECT_LT(result.epochs, 60u);
    }
}

/// Least squares by the normal equations in long double, with a column of ones.
std::vector<double> least_squares(const BasicDataset<double>& data) {
    const std::size_t n = data.x.columns() + 1;
    std::vector<std::vector<long double>> A(n, std::vector<long double>(n + 1));
    for (std::size_t row = 0; row < data.rows(); ++row) {
        const auto x = [&](std::size_t j) { return j + 1 < n ? static_cast<long double>(data.x(row, j)) : 1.0L; };
        for (std::size_t i = 0; i < n; ++i) {
            for (std::size_t j = 0; j < n; ++j) {
                A[i][j] += x(i) * x(j);
            }
            A[i][n] += x(i) * data.y(row, 0);
        }
    }
    for (std::size_t k = 0; k < n; ++k) {  // positive definite: no pivots needed
        for (std::size_t i = 0; i < n; ++i) {
            const long double factor = i == k ? 0.0L : A[i][k] / A[k][k];
            for (std::size_t j = k; j <= n; ++j) {
                A[i][j] -= factor * A[k][j];
            }
        }
    }
    std::vector<double> solution;
    for (std::size_t i = 0; i < n; ++i) {
        solution.push_back(static_cast<double>(A[i][n] / A[i][i]));
    }
    return solution;
}

TEST(QuasiNewton, ALinearNetworkComesToLeastSquares) {
    const BasicDataset<double> data = data_of<double>(60, 4, 1);
    const std::vector<double> wanted = least_squares(data);
    for (const OptimizerKind kind : {lbfgs, bfgs}) {
        BasicMlp<double> net = BasicMlp<double>::random(shape_of({4, 1}), 1);
        TrainOptions options = options_of(kind, 100);
        options.optimizer.tol = 1e-12;
        const TrainResult result = train(net, data, options);
        EXPECT_EQ(result.stopped, Stopped::gradient);
        EXPECT_LE(result.epochs, 25u);
        for (std::size_t i = 0; i < wanted.size(); ++i) {
            EXPECT_NEAR(net.parameters()[i], wanted[i], 1e-11);
        }
    }
}

TEST(QuasiNewton, EndsWithTheReason) {
    const BasicDataset<double> data = data_of<double>(50, 3, 1);
    const auto first = BasicMlp<double>::random(shape_of({3, 6, 1}), 4);
    const auto run = [&](TrainOptions options) {
        BasicMlp<double> net = first;
        return train(net, data, options);
    };
    EXPECT_EQ(run(options_of(lbfgs, 3)).stopped, Stopped::epochs);
    EXPECT_EQ(run(options_of(lbfgs, 3)).epochs, 3u);
    TrainOptions loose = options_of(lbfgs, 1000);
    loose.optimizer.tol = 1e-2;
    EXPECT_EQ(run(loose).stopped, Stopped::gradient);
    EXPECT_LE(run(loose).progress->gradient_norm, 1e-2);
    TrainOptions few = options_of(lbfgs, 1000);
    few.optimizer.max_fun = 10;
    EXPECT_EQ(run(few).stopped, Stopped::evaluations);
    EXPECT_GE(run(few).progress->evaluations, 10u);
    EXPECT_LE(run(few).progress->evaluations, 12u);
    TrainOptions at_the_end = options_of(bfgs, 1000);
    at_the_end.optimizer.tol = 1e3;
    EXPECT_EQ(run(at_the_end).stopped, Stopped::gradient);
    EXPECT_EQ(run(at_the_end).epochs, 1u);
    TrainOptions open = options_of(lbfgs);
    open.epochs.reset();
    EXPECT_EQ(Trainer<double>(first, data, open).epochs(), usual_iterations);
    Trainer<double> over(first, data, loose);
    while (!over.done()) {
        over.advance();
    }
    EXPECT_THAT(raised([&] { over.advance(); }), HasSubstr("its solver has come to its end"));
}

TEST(QuasiNewton, EarlyStoppingKeepsTheBestWeights) {
    const BasicDataset<double> data = data_of<double>(20, 3, 1), judges = data_of<double>(37, 3, 1);
    BasicMlp<double> net = BasicMlp<double>::random(shape_of({3, 30, 1}), 4);
    TrainOptions options = options_of(lbfgs, 500);
    options.early_stopping = 15;
    options.optimizer.tol = 0.0;
    const TrainResult result = train(net, data, options, &judges);
    EXPECT_TRUE(result.stopped == Stopped::early || result.stopped == Stopped::no_progress);
    EXPECT_LE(result.best_epoch, result.epochs);
}

/// The bits of a training that is left after each epoch and gone on with from a copy.
template <class T>
void expect_goes_on(OptimizerKind kind) {
    const BasicDataset<T> data = data_of<T>(70, 3, 2, true);
    const auto first = BasicMlp<T>::random(shape_of({3, 8, 2}), 4);
    TrainOptions options = options_of(kind, 25);
    options.optimizer.weight_decay = 1e-3;
    options.optimizer.lbfgs_memory = kind == lbfgs ? 4 : 10;
    BasicMlp<T> straight = first;
    const TrainResult whole = train(straight, data, options);
    Trainer<T> trainer(first, data, options);
    while (!trainer.done()) {
        const EpochReport report = trainer.advance();
        EXPECT_EQ(report.progress->evaluations > 0, true);
        trainer = Trainer<T>(trainer.state(), data, options);
    }
    EXPECT_EQ(trainer.epoch(), whole.epochs);
    EXPECT_TRUE(std::ranges::equal(trainer.net().parameters(), straight.parameters()));
    const TrainState<T> state = trainer.state();
    EXPECT_EQ(state.memory.numbers[0], static_cast<double>(whole.progress->evaluations));
}

TEST(QuasiNewton, ATrainingThatIsGoneOnWithHasTheSameBits) {
    expect_goes_on<double>(lbfgs);
    expect_goes_on<double>(bfgs);
    expect_goes_on<float>(lbfgs);
    expect_goes_on<float>(bfgs);
}

TEST(QuasiNewton, AnEndIsRememberedToo) {
    const BasicDataset<double> data = data_of<double>(70, 3, 1);
    TrainOptions options = options_of(lbfgs, 500);
    options.optimizer.tol = 1e-2;
    Trainer<double> trainer(BasicMlp<double>::random(shape_of({3, 8, 1}), 4), data, options);
    while (!trainer.done()) {
        trainer.advance();
    }
    EXPECT_EQ(Trainer<double>(trainer.state(), data, options).done(), Stopped::gradient);
}

TEST(QuasiNewton, InFloatItIsTheTrainingInDoubleRounded) {
    const BasicDataset<float> data = data_of<float>(90, 3, 1);
    const BasicDataset<double> same{convert<double>(data.x), convert<double>(data.y), {}};
    BasicMlp<float> net = BasicMlp<float>::random(shape_of({3, 8, 1}), 4);
    BasicMlp<double> twin = BasicMlp<double>::zeros_like(BasicMlp<double>::random(shape_of({3, 8, 1}), 4));
    std::ranges::copy(net.parameters(), twin.parameters().begin());
    train(net, data, options_of(lbfgs, 40));
    train(twin, same, options_of(lbfgs, 40));
    for (std::size_t i = 0; i < net.parameters().size(); ++i) {
        EXPECT_EQ(net.parameters()[i], static_cast<float>(twin.parameters()[i]));
    }
}

TEST(QuasiNewton, ForeignStatesAreRefused) {
    const BasicDataset<double> data = data_of<double>(30, 3, 1);
    const auto first = BasicMlp<double>::random(shape_of({3, 4, 1}), 4);
    Trainer<double> trainer(first, data, options_of(lbfgs, 9));
    trainer.advance();
    trainer.advance();
    const auto refusal = [&](TrainState<double> state, OptimizerKind kind) {
        return raised([&] { Trainer<double>(std::move(state), data, options_of(kind, 9)); });
    };
    const char* const another = "the state to go on from is that of another optimizer or network";
    EXPECT_THAT(refusal(trainer.state(), bfgs), HasSubstr(another));
    TrainState<double> other_weights = trainer.state();
    other_weights.net.parameters()[0] += 1.0;
    EXPECT_THAT(refusal(other_weights, lbfgs), HasSubstr(another));
    TrainState<double> cut = trainer.state();
    cut.memory.numbers.pop_back();
    EXPECT_THAT(refusal(cut, lbfgs), HasSubstr(another));
    cut.memory.numbers.resize(3);
    EXPECT_THAT(refusal(cut, lbfgs), HasSubstr(another));
    TrainState<double> stepped = trainer.state();
    stepped.memory = {};
    stepped.count.steps = 1;
    EXPECT_THAT(refusal(stepped, lbfgs), HasSubstr(another));
    EXPECT_THAT(refusal(trainer.state(), OptimizerKind::adam), HasSubstr("another optimizer"));
}

TEST(QuasiNewton, SettingsWithoutMeaningAreRefused) {
    const BasicDataset<double> data = data_of<double>(30, 3, 1);
    const auto first = BasicMlp<double>::random(shape_of({3, 4, 1}), 4);
    const auto refusal = [&](const TrainOptions& options) {
        return raised([&] { Trainer<double>(first, data, options); });
    };
    TrainOptions options = options_of(lbfgs);
    options.batch = 8;
    EXPECT_THAT(refusal(options), HasSubstr("batch = 8: lbfgs sees all rows at once and takes no batches"));
    options = options_of(bfgs);
    options.schedule = Schedule::cosine;
    EXPECT_THAT(refusal(options), HasSubstr("schedule = cosine: bfgs finds the length of its steps by itself"));
    options = options_of(bfgs);
    options.optimizer.lbfgs_memory = 3;
    EXPECT_THAT(refusal(options), HasSubstr("lbfgs_memory = 3: it belongs to lbfgs"));
    options = options_of(OptimizerKind::adam);
    options.optimizer.tol = 1e-3;
    EXPECT_THAT(refusal(options), HasSubstr("tol = 0.001: it belongs to solvers that see all rows at once"));
    options = options_of(lbfgs);
    options.optimizer.momentum = 0.5;
    EXPECT_THAT(refusal(options), HasSubstr("momentum = 0.5: lbfgs finds the length"));
}

TEST(QuasiNewton, TooManyParametersForAMatrixAreRefusedWithItsSize) {
    const BasicDataset<double> data = data_of<double>(4, 50, 1);
    EXPECT_THAT(raised([&] {
                    Trainer<double>(BasicMlp<double>::random(shape_of({50, 50, 1}), 1), data, options_of(bfgs));
                }),
                HasSubstr("for these 2601 would take 54 MB"));
}

TEST(QuasiNewton, BadRowsGiveErrorsOrSoundResults) {
    BasicDataset<double> data = data_of<double>(30, 3, 1);
    const auto first = BasicMlp<double>::random(shape_of({3, 4, 1}), 4);
    // A constant target, and a single row, are fitted exactly.
    for (const std::size_t rows : {30, 1}) {
        BasicDataset<double> constant = data_of<double>(rows, 3, 1);
        std::ranges::fill(constant.y.values(), 2.5);
        BasicMlp<double> net = first;
        const TrainResult result = train(net, constant, options_of(lbfgs, 500));
        EXPECT_EQ(result.stopped, Stopped::gradient);
        EXPECT_LT(evaluate_loss(net, constant, Loss::squared_error, 0.0), 1e-7);
    }
    // Scales far from 1, as long as the loss is a number.
    for (const double scale : {1e-30, 1e30}) {
        BasicDataset<double> huge = data;
        for (double& y : huge.y.values()) {
            y *= scale;
        }
        BasicMlp<double> net = first;
        TrainOptions options = options_of(bfgs, 200);
        options.optimizer.tol = 0.0;
        const double before = evaluate_loss(net, huge, Loss::squared_error, 0.0);
        train(net, huge, options);
        EXPECT_LT(evaluate_loss(net, huge, Loss::squared_error, 0.0), before);
    }
    data.y(3, 0) = std::numeric_limits<double>::quiet_NaN();
    BasicMlp<double> net = first;
    EXPECT_THAT(raised([&] { train(net, data, options_of(lbfgs, 5)); }),
                HasSubstr("the loss over all rows or its gradient is not finite at the weights of epoch 0"));
    EXPECT_TRUE(std::ranges::equal(net.parameters(), first.parameters()));
}

}  // namespace
}  // namespace handgrad
