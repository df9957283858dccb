// What the best constant answer costs: known values, and for every loss no constant beside it is better.
#include "handgrad/diagnose/constant_answer.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>

#include "handgrad/train/trainer.hpp"
#include "tests/support/planted.hpp"

namespace handgrad::diagnose {
namespace {

/// One input that does not matter.
BasicDataset<double> rows_of(std::initializer_list<double> targets) {
    BasicDataset<double> data{.x = {targets.size(), 1}, .y = {targets.size(), 1}, .weights = {}};
    std::ranges::copy(targets, data.y.values().begin());
    return data;
}

const Architecture to_number{.sizes = {1, 1}, .conventions = {}};

TEST(ConstantAnswer, HasTheValuesThatOneKnows) {
    const BasicDataset<double> data = rows_of({0.0, 0.0, 0.0, 1.0, 1.0});
    EXPECT_NEAR(constant_answer(to_number, Loss::squared_error, data).loss, 0.24, 1e-12);
    EXPECT_NEAR(constant_answer(to_number, Loss::absolute_error, data).loss, 0.4, 1e-12);
    const double entropy = -(0.4 * std::log(0.4) + 0.6 * std::log(0.6));
    const Architecture to_share{.sizes = {1, 1}, .output = Activation::sigmoid, .conventions = {}};
    const ConstantAnswer share = constant_answer(to_share, Loss::binary_cross_entropy, data);
    EXPECT_NEAR(share.loss, entropy, 1e-12);
    EXPECT_NEAR(share.perfect, 0.0, 1e-12);
    EXPECT_NEAR(share.gained_by(entropy / 4), 0.75, 1e-12);
    EXPECT_LT(share.gained_by(INFINITY), -1e300);
}

TEST(ConstantAnswer, CountsRowsByTheirWeights) {
    BasicDataset<double> data = rows_of({0.0, 1.0, 5.0});
    data.weights = {3.0, 1.0, 0.0};
    EXPECT_NEAR(constant_answer(to_number, Loss::squared_error, data).loss, 0.1875, 1e-12);
    data.weights = {0.0, 1.0, 0.0};
    EXPECT_FALSE(constant_answer(to_number, Loss::squared_error, data).targets_differ);
    EXPECT_TRUE(std::isnan(constant_answer(to_number, Loss::squared_error, data).gained_by(1.0)));
}

/// A network of weights 0 that answers f(b) for biases b, and the same of targets that depend on the draw.
TEST(ConstantAnswer, NoOtherConstantIsBetterUnderAnyLoss) {
    for (const Loss loss : all_losses) {
        Architecture shape{.sizes = {3, 3}, .conventions = {}};
        if (loss == Loss::binary_cross_entropy) {
            shape.output = Activation::sigmoid;
        } else if (loss == Loss::cross_entropy) {
            shape.output = Activation::softmax;
        } else if (loss == Loss::poisson) {
            shape.output = Activation::exp;
        }
        for (std::uint64_t seed = 0; seed < 5; ++seed) {
            SCOPED_TRACE(std::string(name(loss)) + " " + std::to_string(seed));
            Draw draw(seed);
            LossFunction function(loss);
            function.huber_delta = 0.3;
            function.quantile = 0.8;
            shape.conventions = convention_presets[seed % convention_presets.size()];
            planted::Case<double> made = planted::healthy<double>(draw, shape, function, 40);
            for (double& y : made.data.y.values()) {
                y = loss == Loss::poisson ? std::abs(y) : y;
            }
            const ConstantAnswer best = constant_answer(shape, function, made.data);
            EXPECT_LT(best.perfect, best.loss);
            BasicMlp<double> net = BasicMlp<double>::zeros(shape);
            double lowest = INFINITY;
            for (int trial = 0; trial < 300; ++trial) {
                for (double& b : net.bias(0)) {
                    b = 1.5 * draw.normal();
                }
                lowest = std::min(lowest, evaluate_loss(net, made.data, function, 0.0, {.threads = 1}));
            }
            EXPECT_LE(best.loss, lowest + 1e-12);
            EXPECT_GE(best.loss, lowest - 0.2 * std::abs(lowest));
        }
    }
}

TEST(ConstantAnswer, IsUnknownWhereNoConstantIsTheBest) {
    const Architecture shape{.sizes = {1, 1}, .output = Activation::sigmoid, .conventions = {}};
    EXPECT_TRUE(std::isnan(constant_answer(shape, Loss::cross_entropy, rows_of({0.0, 1.0})).loss));
}

}  // namespace
}  // namespace handgrad::diagnose
