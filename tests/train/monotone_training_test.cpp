// Training that keeps a network monotone: its steps, its bits, the shapes that it reaches, and what it refuses.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "handgrad/kernels/simd_level.hpp"
#include "handgrad/nn/loss_gradient.hpp"
#include "handgrad/nn/monotone.hpp"
#include "handgrad/nn/predictor.hpp"
#include "handgrad/train/trainer.hpp"
#include "tests/support/draw.hpp"
#include "tests/support/raised.hpp"

namespace handgrad {
namespace {

const std::vector<int> inputs{1, -1, 0};

/// y = −x₁/2 + x₂/3 + x₃² and noise: rows that teach the opposite of the signs; K targets.
template <class T>
BasicDataset<T> table(std::size_t rows, std::size_t K = 1) {
    Draw draw(4, 12);
    BasicDataset<T> data{.x = draw.matrix<T>(rows, 3, -2.0, 2.0), .y = Matrix<T>(rows, K), .weights = {}};
    for (std::size_t row = 0; row < rows; ++row) {
        for (std::size_t k = 0; k < K; ++k) {
            const double a = data.x(row, 0), b = data.x(row, 1), c = data.x(row, 2);
            data.y(row, k) = static_cast<T>(-0.5 * a + 0.3 * b + c * c + draw.uniform(-1.0, 1.0));
        }
    }
    return data;
}

template <class T>
BasicMlp<T> first_net(const Architecture& shape) {
    auto net = BasicMlp<T>::random(shape, 7);
    take_signs(net, weight_signs<T>(shape, inputs));
    return net;
}

TrainOptions options_of(OptimizerKind kind) {
    return {.optimizer = {.kind = kind, .learning_rate = kind == OptimizerKind::sgd ? 0.01 : 0.02},
            .epochs = 5,
            .batch = 7,
            .seed = 3,
            .input_signs = inputs};
}

/// Weights that the projection has put to 0.
template <class T>
std::size_t zeros(const BasicMlp<T>& net) {
    std::size_t count = 0;
    for (std::size_t l = 0; l < net.layers(); ++l) {
        const MatrixView<const T> W = net.weight(l);
        count += static_cast<std::size_t>(std::count(W.data(), W.data() + W.rows() * W.columns(), T(0)));
    }
    return count;
}

template <class T>
void expect_kept(const Architecture& shape, TrainOptions options, std::size_t rows) {
    const BasicDataset<T> data = table<T>(rows, shape.outputs());
    BasicMlp<T> net = first_net<T>(shape), free = net;
    train(net, data, options);
    EXPECT_FALSE(first_wrong_sign(net, inputs)) << first_wrong_sign(net, inputs)->text();
    options.input_signs.clear();
    train(free, data, options);
    EXPECT_TRUE(first_wrong_sign(free, inputs)) << "these steps keep the signs by themselves";
    EXPECT_GT(zeros(net), zeros(free));
}

TEST(MonotoneTraining, EveryOptimizerKeepsTheSigns) {
    const Architecture shape{.sizes = {3, 9, 6, 1}};
    for (const OptimizerKind kind : {OptimizerKind::sgd, OptimizerKind::adam, OptimizerKind::adamw}) {
        TrainOptions options = options_of(kind);
        options.optimizer.weight_decay = 0.1;
        expect_kept<float>(shape, options, 60);
        expect_kept<double>(shape, options, 60);
    }
    TrainOptions options = options_of(OptimizerKind::sgd);
    options.optimizer.momentum = 0.8;
    expect_kept<float>(shape, options, 60);
    options.optimizer.nesterov = true;
    expect_kept<double>(shape, options, 60);
}

// Wide and narrow last layers, no hidden layer, batches whose units are split and such whose rows are.
TEST(MonotoneTraining, EveryWayThroughTheEngineKeepsThem) {
    TrainOptions options = options_of(OptimizerKind::adam);
    expect_kept<float>({.sizes = {3, 9, 20}}, options, 60);
    expect_kept<float>({.sizes = {3, 40, 33, 21, 2}}, options, 60);
    expect_kept<double>({.sizes = {3, 2}}, options, 200);
    options.batch = 1500;  // a narrow last layer above so few units, and two threads: rows are split
    options.epochs = 60;
    expect_kept<float>({.sizes = {3, 30, 30, 1}}, options, 3000);
}

TEST(MonotoneTraining, TheSameBitsForEveryThreadCountAndInstructionSet) {
    struct Run {
        Architecture shape;
        std::size_t rows, batch, epochs;
    };
    const std::vector<Run> runs{{{.sizes = {3, 200, 130, 1}}, 200, 64, 5}, {{.sizes = {3, 30, 30, 1}}, 3000, 1500, 40}};
    for (const Run& run : runs) {
        const BasicDataset<float> data = table<float>(run.rows, run.shape.outputs());
        TrainOptions options = options_of(OptimizerKind::adam);
        options.batch = run.batch;
        options.epochs = run.epochs;
        std::vector<float> expected;
        for (const SimdLevel level : {SimdLevel::scalar, SimdLevel::avx2, SimdLevel::avx512}) {
            for (const std::size_t threads : {1, 2, 3}) {
                options.execution = {.threads = threads, .simd = level};
                Mlp net = first_net<float>(run.shape);
                train(net, data, options);
                const std::vector<float> weights(net.parameters().begin(), net.parameters().end());
                if (expected.empty()) {
                    EXPECT_GT(zeros(net), 0U);
                    expected = weights;
                }
                EXPECT_TRUE(weights == expected) << threads << " threads";
            }
        }
    }
}

// The five steps by single calls, with the projection behind the last: monotone (M8).
TEST(MonotoneTraining, IsTheStepAndThenTheProjection) {
    const BasicDataset<double> data = table<double>(30);
    TrainOptions options = options_of(OptimizerKind::adam);
    options.batch = 30;
    options.shuffle = false;
    options.epochs = 40;
    BasicMlp<double> net = first_net<double>({.sizes = {3, 8, 5, 1}}), by_hand = net;
    train(net, data, options);
    const auto signs = weight_signs<double>(by_hand.architecture(), inputs);
    auto gradient = BasicMlp<double>::zeros_like(by_hand);
    LossGradient<double> of_loss(by_hand, options.loss, 30);
    Optimizer<double> optimizer(by_hand, options.optimizer);
    for (std::size_t step = 0; step < 40; ++step) {
        of_loss(by_hand, data.x, data.y, gradient);
        optimizer.update(by_hand, gradient);
        hold_signs(by_hand, signs);
    }
    EXPECT_TRUE(std::ranges::equal(net.parameters(), by_hand.parameters()));
    EXPECT_GT(zeros(net), 0U);
}

TEST(MonotoneTraining, PausedAnywhereItGoesOnToTheSameBits) {
    BasicDataset<double> data = table<double>(40);
    for (const bool on_derivatives : {false, true}) {
        if (on_derivatives) {
            data.jacobians = Matrix<double>(40, 3);
        }
        TrainOptions options = options_of(OptimizerKind::adam);
        const Architecture shape{.sizes = {3, 8, 5, 1}, .hidden = Activation::tanh};
        BasicMlp<double> expected = first_net<double>(shape);
        train(expected, data, options);
        EXPECT_FALSE(first_wrong_sign(expected, inputs));
        EXPECT_GT(zeros(expected), 0U);
        options.execution.threads = 1;
        auto trainer = std::make_unique<Trainer<double>>(first_net<double>(shape), data, options);
        std::size_t pauses = 0;
        while (!trainer->done()) {
            trainer->advance([&] { return ++pauses % 3 == 1; });
            trainer = std::make_unique<Trainer<double>>(trainer->state(), data, options);
        }
        EXPECT_TRUE(std::ranges::equal(trainer->net().parameters(), expected.parameters()));
    }
}

/// Root mean square error of what a relu network learns of a function of one column that rises, on [−1, 1].
double error_of(const std::function<double(double)>& f, const std::vector<std::size_t>& hidden) {
    constexpr std::size_t rows = 201;
    BasicDataset<double> data{.x = Matrix<double>(rows, 1), .y = Matrix<double>(rows, 1), .weights = {}};
    for (std::size_t row = 0; row < rows; ++row) {
        data.x(row, 0) = -1.0 + 0.01 * static_cast<double>(row);
        data.y(row, 0) = f(data.x(row, 0));
    }
    Architecture shape{.sizes = {1}};
    shape.sizes.insert(shape.sizes.end(), hidden.begin(), hidden.end());
    shape.sizes.push_back(1);
    auto net = BasicMlp<double>::random(shape, 1);
    take_signs(net, weight_signs<double>(shape, std::vector<int>{1}));
    train(net, data,
          {.optimizer = {.learning_rate = 0.01},
           .schedule = Schedule::cosine,
           .epochs = 300,
           .batch = 16,
           .input_signs = {1}});
    return std::sqrt(evaluate_loss(net, data, Loss::squared_error, 0.0));
}

// Convex ones and concave ones: units of one kind alone give the first, and nothing of the second (M7).
TEST(MonotoneTraining, ReluReachesConvexAndConcaveShapes) {
    EXPECT_LT(error_of([](double x) { return std::exp(2.0 * x); }, {40}), 0.03);
    EXPECT_LT(error_of([](double x) { return std::sqrt(x + 1.0); }, {40}), 0.02);
    EXPECT_LT(error_of([](double x) { return x * x * x; }, {40}), 0.02);
    EXPECT_LT(error_of([](double x) { return std::tanh(6.0 * x); }, {30, 30}), 0.04);  // an S
}

TEST(MonotoneTraining, ANonMonotoneFunctionIsNotFollowed) {
    EXPECT_GT(error_of([](double x) { return x * x; }, {40}), 0.2);
}

TEST(MonotoneTraining, RefusesSolversOfAllRowsAndWeightsThatBreakTheSigns) {
    const BasicDataset<double> data = table<double>(30);
    BasicMlp<double> net = first_net<double>({.sizes = {3, 4, 1}});
    for (const OptimizerKind kind : {OptimizerKind::lbfgs, OptimizerKind::bfgs, OptimizerKind::lm}) {
        TrainOptions options{.optimizer = usual_options(kind), .input_signs = inputs};
        EXPECT_EQ(raised([&] { train(net, data, options); }),
                  "usage: monotone columns hold by the signs of the weights, which " + std::string(name(kind)) +
                      " does not keep in its steps; take an optimizer of steps on batches, or leave the monotone "
                      "columns out {monotone, optimizer=adam}");
    }
    net.weight(1)(0, 0) = -0.25;
    EXPECT_EQ(raised([&] { train(net, data, options_of(OptimizerKind::adam)); }),
              "usage: training: the network to begin with is not monotone in the columns that are to be: "
              "linear2.weight [0,0] = -0.25 must not be below 0; begin with one that was trained with the same "
              "monotone columns, or with fresh weights {monotone}");
}

}  // namespace
}  // namespace handgrad
