// Training on derivatives: what it learns, that it goes on to the same bits, and what it refuses.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "handgrad/train/trainer.hpp"
#include "tests/support/draw.hpp"
#include "tests/support/raised.hpp"

namespace handgrad {
namespace {

/// y = sin(x₁) + x₁x₂ and its derivatives; some are missing.
BasicDataset<double> table(std::size_t rows, std::uint64_t seed) {
    Draw draw(seed);
    BasicDataset<double> data{.x = draw.matrix<double>(rows, 2, -1.5, 1.5),
                              .y = Matrix<double>(rows, 1),
                              .weights = {},
                              .jacobians = Matrix<double>(rows, 2)};
    for (std::size_t row = 0; row < rows; ++row) {
        const double a = data.x(row, 0), b = data.x(row, 1);
        data.y(row, 0) = std::sin(a) + a * b;
        data.jacobians(row, 0) = row % 5 == 3 ? std::numeric_limits<double>::quiet_NaN() : std::cos(a) + b;
        data.jacobians(row, 1) = a;
    }
    return data;
}

BasicMlp<double> first_net() { return BasicMlp<double>::random({.sizes = {2, 8, 1}, .hidden = Activation::tanh}, 5); }

TrainOptions options_of(OptimizerKind kind) {
    TrainOptions options;
    options.optimizer.kind = kind;
    options.optimizer.learning_rate = 0.01;
    options.epochs = 6;
    options.batch = 7;
    options.schedule = Schedule::cosine;
    options.jacobian_weight = 0.5;
    return options;
}

double slope_error(const BasicMlp<double>& net, const BasicDataset<double>& data) {
    return jacobian_loss<double>(net, data.x, data.jacobians, 1.0, nullptr);
}

TEST(JacobianTraining, LearnsTheDerivatives) {
    const BasicDataset<double> data = table(60, 1), unseen = table(60, 2);
    BasicDataset<double> values = data;
    values.jacobians = {};
    TrainOptions options = options_of(OptimizerKind::adam);
    options.epochs = 300;
    BasicMlp<double> with = first_net(), without = first_net();
    train(with, data, options);
    train(without, values, options);
    EXPECT_LT(slope_error(with, unseen), 0.3 * slope_error(without, unseen));
    EXPECT_LT(slope_error(with, unseen), 0.02);
}

TEST(JacobianTraining, OfNoWeightIsTheTrainingOfValuesToItsRounding) {
    const BasicDataset<double> data = table(33, 1);
    BasicDataset<double> values = data;
    values.jacobians = {};
    TrainOptions options = options_of(OptimizerKind::adam);
    options.jacobian_weight = 0.0;
    options.optimizer.weight_decay = 0.1;
    BasicMlp<double> with = first_net(), without = first_net();
    train(with, data, options);
    train(without, values, options);
    for (std::size_t i = 0; i < with.parameters().size(); ++i) {
        EXPECT_NEAR(with.parameters()[i], without.parameters()[i], 1e-12) << i;
    }
}

TEST(JacobianTraining, TheLossSaidIsThatOfValuesDerivativesAndPenalty) {
    const BasicDataset<double> data = table(20, 1);
    TrainOptions options = options_of(OptimizerKind::sgd);
    options.batch = 20;
    options.optimizer.weight_decay = 0.1;
    const BasicMlp<double> net = first_net();
    Trainer<double> trainer(net, data, options, &data);
    const EpochReport report = trainer.advance();
    const double term = 0.5 * slope_error(net, data);
    EXPECT_NEAR(report.loss, evaluate_loss(net, data, options.loss, 0.1) + term, 1e-12);
    const double after = 0.5 * slope_error(trainer.net(), data);
    EXPECT_NEAR(report.validation_loss, evaluate_loss(trainer.net(), data, options.loss, 0.1) + after, 1e-12);
}

TEST(JacobianTraining, PausedAnywhereItGoesOnToTheSameBits) {
    BasicDataset<double> data = table(40, 3);
    data.weights.assign(40, 1.0);
    std::fill_n(data.weights.begin() + 5, 9, 0.25);
    for (const OptimizerKind kind : {OptimizerKind::adam, OptimizerKind::adamw, OptimizerKind::sgd}) {
        TrainOptions options = options_of(kind);
        BasicMlp<double> expected = first_net();
        train(expected, data, options);
        options.execution.threads = 1;
        auto trainer = std::make_unique<Trainer<double>>(first_net(), data, options);
        std::size_t pauses = 0;
        while (!trainer->done()) {
            trainer->advance([&] { return ++pauses % 4 == 1; });
            trainer = std::make_unique<Trainer<double>>(trainer->state(), data, options);
        }
        EXPECT_GT(pauses, 6U);
        EXPECT_TRUE(std::ranges::equal(trainer->net().parameters(), expected.parameters())) << name(kind);
    }
}

TEST(JacobianTraining, ALossThatIsNotFiniteLeavesTheWeightsOfTheLastGoodEpoch) {
    const BasicDataset<double> data = table(40, 3);
    TrainOptions options = options_of(OptimizerKind::sgd);
    options.optimizer.learning_rate = 1e200;
    BasicMlp<double> net = first_net();
    EXPECT_THAT(message_of(ErrorKind::diverged, [&] { train(net, data, options); }),
                testing::StartsWith("training diverged in epoch 1, batch 2 of 6: the loss with its Jacobian term is "
                                    "not finite"));
    EXPECT_TRUE(std::ranges::equal(net.parameters(), first_net().parameters()));
}

TEST(JacobianTraining, RefusesJacobiansThatDoNotFit) {
    BasicDataset<double> data = table(10, 3);
    BasicMlp<double> net = first_net();
    data.jacobians = Matrix<double>(10, 3);
    EXPECT_EQ(raised([&] { train(net, data, options_of(OptimizerKind::sgd)); }),
              "usage: training: jacobians has 3 columns, outputs times inputs of the network are 2");
    data.jacobians = Matrix<double>(9, 2);
    EXPECT_EQ(raised([&] { train(net, data, options_of(OptimizerKind::sgd)); }),
              "usage: training: jacobians has 9 rows, the data have 10");
}

}  // namespace
}  // namespace handgrad
