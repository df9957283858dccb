// The training loop: it is the five steps, its reports mean what they say, and it stops well.
#include "handgrad/train/trainer.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "handgrad/base/random.hpp"

namespace handgrad {
namespace {

/// y = sin x₁ + x₂ with some noise.
template <class T>
BasicDataset<T> table(std::size_t rows, std::uint64_t seed, double noise = 0.0) {
    BasicDataset<T> data{Matrix<T>(rows, 2), Matrix<T>(rows, 1), {}};
    const RandomStream random(seed, Purpose::weights, 77);
    for (std::size_t i = 0; i < rows; ++i) {
        const double a = 4.0 * random.uniform(3 * i) - 2.0, b = 2.0 * random.uniform(3 * i + 1) - 1.0;
        data.x(i, 0) = static_cast<T>(a);
        data.x(i, 1) = static_cast<T>(b);
        data.y(i, 0) = static_cast<T>(std::sin(a) + b + noise * (random.uniform(3 * i + 2) - 0.5));
    }
    return data;
}

std::vector<double> values(const BasicMlp<double>& net) { return {net.parameters().begin(), net.parameters().end()}; }

TEST(Train, Step1_Step2_Step3_Step4_Step5_OneFullBatchIsTheFiveSteps) {
    const auto data = table<double>(20, 1);
    BasicMlp<double> net = BasicMlp<double>::random({.sizes = {2, 5, 1}}, 4);  // step 1
    BasicMlp<double> by_hand = net;
    train(net, data,
          {.optimizer = {.kind = OptimizerKind::sgd, .learning_rate = 0.01},
           .epochs = 3,
           .batch = 100,
           .shuffle = false});
    BasicTape<double> tape(by_hand, 20), dtape(by_hand, 20);
    BasicMlp<double> grad = BasicMlp<double>::zeros_like(by_hand);
    for (int epoch = 0; epoch < 3; ++epoch) {
        forward(by_hand, data.x, tape);                                            // step 2
        loss<double>(Loss::squared_error, tape.output(), data.y, dtape.output());  // step 3
        grad.set_zero();                                                           // step 4
        backward(by_hand, tape, dtape, grad);
        for (std::size_t i = 0; i < grad.parameters().size(); ++i) {
            by_hand.parameters()[i] -= 0.01 * grad.parameters()[i];  // step 5
        }
    }
    // The engine sums in another order than the plain loops: a few roundings of numbers below 2 apart.
    for (std::size_t i = 0; i < values(net).size(); ++i) {
        EXPECT_NEAR(net.parameters()[i], by_hand.parameters()[i], 1e-14) << i;
    }
}

// scikit-learn divides the penalty by the sum of the weights, so that a row of weight 2 is that row twice.
TEST(Train, ARowOfWeightTwoIsThatRowTwiceInEveryConvention) {
    const auto twice = [](const BasicDataset<double>& data) {
        BasicDataset<double> repeated{Matrix<double>(2 * data.rows(), 2), Matrix<double>(2 * data.rows(), 1), {}};
        for (std::size_t i = 0; i < repeated.rows(); ++i) {
            std::ranges::copy(data.x.row(i / 2), repeated.x.row(i).begin());
            std::ranges::copy(data.y.row(i / 2), repeated.y.row(i).begin());
        }
        return repeated;
    };
    auto weighted = table<double>(20, 1);
    const auto repeated = twice(weighted);
    weighted.weights.assign(20, 2.0);
    for (const Conventions& conventions : convention_presets) {
        const TrainOptions options{.optimizer = {.learning_rate = 0.01, .weight_decay = 0.5}, .epochs = 5, .batch = 40};
        BasicMlp<double> of_weights = BasicMlp<double>::random({.sizes = {2, 5, 1}, .conventions = conventions}, 4);
        BasicMlp<double> of_copies = of_weights;
        EXPECT_NEAR(evaluate_loss(of_weights, weighted, Loss::squared_error, 0.5),
                    evaluate_loss(of_copies, repeated, Loss::squared_error, 0.5), 1e-14);
        train(of_weights, weighted, options);
        train(of_copies, repeated, options);
        for (std::size_t i = 0; i < values(of_weights).size(); ++i) {
            EXPECT_NEAR(of_weights.parameters()[i], of_copies.parameters()[i], 1e-12) << conventions.name;
        }
    }
}

TEST(Train, LearnsASmoothFunction) {
    const auto data = table<float>(400, 2);
    Mlp net = Mlp::random({.sizes = {2, 20, 1}, .hidden = Activation::tanh}, 1);
    const double before = evaluate_loss(net, data, Loss::squared_error, 0.0);
    train(net, data, {.optimizer = {.learning_rate = 0.01}, .epochs = 200});
    EXPECT_LT(evaluate_loss(net, data, Loss::squared_error, 0.0), 0.005 * before);
}

TEST(Train, SameSeedSameBitsOtherSeedAnotherOrder) {
    const auto data = table<double>(50, 3);
    const auto trained = [&](std::uint64_t seed, bool shuffle) {
        BasicMlp<double> net = BasicMlp<double>::random({.sizes = {2, 4, 1}}, 1);
        train(net, data, {.epochs = 3, .batch = 8, .shuffle = shuffle, .seed = seed});
        return values(net);
    };
    EXPECT_EQ(trained(1, true), trained(1, true));
    EXPECT_NE(trained(1, true), trained(2, true));
    EXPECT_NE(trained(1, true), trained(1, false));
    EXPECT_EQ(trained(1, false), trained(2, false));
}

/// A shuffled epoch is the epoch over the rows in that order, bit for bit, also of a table so large that its rows are
/// laid out anew, with the last batch shorter, with weights of rows, and for any number of threads.
template <class T>
void expect_shuffled_is_reordered(std::size_t rows, std::size_t inputs, std::size_t outputs, bool weighted) {
    BasicDataset<T> data{.x = Matrix<T>(rows, inputs), .y = Matrix<T>(rows, outputs), .weights = {}};
    BasicDataset<T> reordered = data;
    const RandomStream stream(7, Purpose::weights);
    std::uint64_t index = 0;
    for (Matrix<T>* numbers : {&data.x, &data.y}) {
        for (T& number : numbers->values()) {
            number = static_cast<T>(stream.uniform(index++) - 0.5);
        }
    }
    const std::vector<std::size_t> order = permutation(rows, RandomStream(3, Purpose::shuffle, 1));
    for (std::size_t row = 0; row < rows; ++row) {
        std::ranges::copy(std::as_const(data.x).row(order[row]), reordered.x.row(row).begin());
        std::ranges::copy(std::as_const(data.y).row(order[row]), reordered.y.row(row).begin());
        if (weighted) {
            data.weights.push_back(static_cast<T>(row % 5));
        }
    }
    for (std::size_t row = 0; row < rows && weighted; ++row) {
        reordered.weights.push_back(data.weights[order[row]]);
    }
    const auto trained = [&](const BasicDataset<T>& on, bool shuffle, std::size_t threads) {
        BasicMlp<T> net = BasicMlp<T>::random({.sizes = {inputs, 9, outputs}}, 1);
        const TrainOptions options{.epochs = 1, .batch = 30, .shuffle = shuffle, .seed = 3, .execution = {threads}};
        const double loss = [&] {
            double seen = 0.0;
            train<T>(net, on, options, nullptr, [&](const EpochReport& report, const BasicMlp<T>&) {
                seen = report.loss;
                return true;
            });
            return seen;
        }();
        std::vector<T> numbers(net.parameters().begin(), net.parameters().end());
        numbers.push_back(static_cast<T>(loss));
        return numbers;
    };
    const std::vector<T> wanted = trained(reordered, false, 1);
    EXPECT_EQ(trained(data, true, 1), wanted);
    EXPECT_EQ(trained(data, true, 3), wanted);
}
TEST(Train, ShufflingALargeTableIsReorderingIt) {
    expect_shuffled_is_reordered<float>(20011, 10, 1, false);
    expect_shuffled_is_reordered<float>(20011, 15, 2, true);
    expect_shuffled_is_reordered<double>(12001, 3, 20, true);
    expect_shuffled_is_reordered<float>(3001, 200, 3, false);  // rows too long to be laid out anew
}

TEST(Train, LossOfAnEpochIsTheMeanOverItsBatchesAsTheyWereSeen) {
    auto data = table<double>(10, 4);
    data.weights = {1, 2, 3, 4, 0, 1, 1, 1, 1, 5};
    BasicMlp<double> net = BasicMlp<double>::random({.sizes = {2, 3, 1}}, 1);
    BasicMlp<double> twin = net;
    const TrainOptions options{.optimizer = {.kind = OptimizerKind::sgd, .learning_rate = 0.05, .weight_decay = 0.1},
                               .epochs = 1,
                               .batch = 4,
                               .shuffle = false};
    double reported = 0.0;
    train<double>(net, data, options, nullptr, [&](const EpochReport& r, const auto&) {
        reported = r.loss;
        return true;
    });
    // By hand: the loss of each batch before its step, weighted by what the batch counts.
    double sum = 0.0, total = 0.0;
    for (const std::size_t first : {0u, 4u, 8u}) {
        const std::size_t count = std::min<std::size_t>(4, 10 - first);
        BasicDataset<double> part{Matrix<double>(count, 2), Matrix<double>(count, 1), {}};
        for (std::size_t i = 0; i < count; ++i) {
            std::ranges::copy(data.x.row(first + i), part.x.row(i).begin());
            std::ranges::copy(data.y.row(first + i), part.y.row(i).begin());
            part.weights.push_back(data.weights[first + i]);
        }
        double weight = 0.0;
        for (const double w : part.weights) {
            weight += w;
        }
        sum += weight * evaluate_loss(twin, part, Loss::squared_error, 0.1);
        total += weight;
        TrainOptions one = options;
        train(twin, part, one);
    }
    EXPECT_NEAR(reported, sum / total, 1e-14 * reported);
    EXPECT_EQ(values(net), values(twin));
}

TEST(Train, EarlyStoppingRestoresTheWeightsOfTheBestEpoch) {
    const auto data = table<double>(12, 5, 2.0), validation = table<double>(40, 6, 0.0);  // few noisy rows: it overfits
    BasicMlp<double> net = BasicMlp<double>::random({.sizes = {2, 30, 1}, .hidden = Activation::tanh}, 2);
    std::vector<double> losses;
    std::vector<std::vector<double>> weights;
    const TrainResult result =
        train<double>(net, data, {.optimizer = {.learning_rate = 0.02}, .epochs = 2000, .early_stopping = 15},
                      &validation, [&](const EpochReport& r, const BasicMlp<double>& now) {
                          losses.push_back(r.validation_loss);
                          weights.push_back(values(now));
                          return true;
                      });
    EXPECT_EQ(result.stopped, Stopped::early);
    EXPECT_LT(result.epochs, 2000u);
    const auto best = static_cast<std::size_t>(std::ranges::min_element(losses) - losses.begin());
    EXPECT_EQ(result.best_epoch, best + 1);
    EXPECT_EQ(result.epochs, best + 1 + 15);
    EXPECT_EQ(values(net), weights[best]);
    EXPECT_EQ(evaluate_loss(net, validation, Loss::squared_error, 0.0), losses[best]);
}

TEST(Train, ValidationLossThatIsNeverANumberIsNoImprovementAndTheFirstWeightsStay) {
    const auto data = table<double>(12, 5);
    auto validation = table<double>(3, 6);
    validation.y(0, 0) = std::numeric_limits<double>::quiet_NaN();
    BasicMlp<double> net = BasicMlp<double>::random({.sizes = {2, 3, 1}}, 2);
    const auto first = values(net);
    const TrainResult result = train<double>(net, data, {.epochs = 50, .early_stopping = 4}, &validation);
    EXPECT_EQ(result.epochs, 4u);
    EXPECT_EQ(result.best_epoch, 0u);
    EXPECT_EQ(values(net), first);
}

TEST(Train, StopsAtTheFirstNonFiniteValueNamesThePlaceAndKeepsTheLastGoodWeights) {
    const auto data = table<float>(64, 7);
    Mlp net = Mlp::random({.sizes = {2, 8, 1}}, 1);
    std::vector<float> last;
    try {
        train<float>(net, data,
                     {.optimizer = {.kind = OptimizerKind::sgd, .learning_rate = 3.0}, .epochs = 50, .batch = 64},
                     nullptr, [&](const EpochReport&, const Mlp& now) {
                         last.assign(now.parameters().begin(), now.parameters().end());
                         return true;
                     });
        FAIL() << "a learning rate of 3 must diverge";
    } catch (const Diverged& error) {
        EXPECT_EQ(error.kind(), ErrorKind::diverged);
        EXPECT_THAT(error.what(), testing::AllOf(testing::ContainsRegex("epoch [0-9]+, batch 1 of 1"),
                                                 testing::HasSubstr("the first value that is not finite is in "),
                                                 testing::HasSubstr("norms of the weights: linear1")));
        EXPECT_GE(error.last_good_epoch(), 1u);
        EXPECT_TRUE(std::ranges::equal(net.parameters(), last));
    }
}

TEST(UsualEpochs, GiveEnoughStepsToFewRowsAndEnoughEpochsToMany) {
    EXPECT_EQ(usual_epochs(1, 32), 3000u);
    EXPECT_EQ(usual_epochs(60, 32), 1500u);
    EXPECT_EQ(usual_epochs(64, 32), 1500u);
    EXPECT_EQ(usual_epochs(65, 32), 1000u);
    EXPECT_EQ(usual_epochs(1888, 32), 51u);  // 59 steps
    EXPECT_EQ(usual_epochs(100000, 32), 50u);
    EXPECT_EQ(usual_epochs(100000, 100000), 3000u);
}

/// What train() says of data that break the first step.
std::string divergence_of(const BasicDataset<float>& data, const Architecture& shape = {.sizes = {2, 2, 1}},
                          Loss loss = Loss::squared_error) {
    Mlp net = Mlp::zeros(shape);
    std::ranges::fill(net.parameters(), 10.0F);
    try {
        train(net, data, {.loss = loss, .optimizer = {.kind = OptimizerKind::sgd, .learning_rate = 0.1}, .epochs = 1});
    } catch (const Diverged& error) {
        return error.what();
    }
    return "no divergence";
}

TEST(Train, NamesTheStageInWhichTheFirstNonFiniteValueArose) {
    auto data = table<float>(4, 7);
    data.x(2, 0) = 3e38F;
    EXPECT_THAT(divergence_of(data), testing::HasSubstr("is in row 3 of the training rows, linear1, forward: the "
                                                        "pre-activation z1 = W(1) x + b(1), unit 1, is inf"));
    data.x(2, 0) = 3e37F;  // 10 · 3e37 is finite, ten times that is not
    EXPECT_THAT(divergence_of(data), testing::HasSubstr("row 3 of the training rows, linear2, forward: the "
                                                        "pre-activation z3 = W(2) z2 + b(2), unit 1, is inf"));
    data.x(2, 0) = 1e18F;  // ŷ = 2e20, and its square overflows
    EXPECT_THAT(divergence_of(data), testing::HasSubstr("is in row 3 of the training rows, the loss squared_error: "
                                                        "it is inf ("));
    data.x(2, 0) = 1e16F;  // every number of this step still fits
    EXPECT_THAT(divergence_of(data), testing::HasSubstr("no divergence"));
}

/// σ(−200) is 0 in float: −y/ŷ is −∞ there, and so is its product with σ′ = 0 no number; cross_entropy and σ have no
/// common form. The literal form of the loss is told beside what was computed where the two differ.
TEST(Train, NamesTheFactorOfTheDerivativeAndTheLiteralFormWhereItDiffers) {
    auto data = table<float>(4, 7);
    std::ranges::fill(data.x.values(), 0.0F);
    std::ranges::fill(data.y.values(), 1.0F);
    data.x(1, 0) = data.x(1, 1) = -1.0F;
    const Architecture sigmoids{.sizes = {2, 2, 1}, .hidden = Activation::identity, .output = Activation::sigmoid};
    EXPECT_THAT(divergence_of(data, sigmoids, Loss::cross_entropy),
                testing::ContainsRegex("row 2 of the training rows, the loss cross_entropy: it is inf"));
    data.x(1, 0) = data.x(1, 1) = -1e37F;
    EXPECT_THAT(divergence_of(data, sigmoids, Loss::binary_cross_entropy),
                testing::HasSubstr("row 2 of the training rows, linear2, forward: the pre-activation z3"));
}

TEST(Train, GoesOnThroughNonFiniteValuesWhenAllowed) {
    const auto data = table<float>(64, 7);
    Mlp net = Mlp::random({.sizes = {2, 8, 1}}, 1);
    const TrainResult result = train(net, data,
                                     {.optimizer = {.kind = OptimizerKind::sgd, .learning_rate = 3.0},
                                      .epochs = 30,
                                      .batch = 64,
                                      .allow_nonfinite = true});
    EXPECT_EQ(result.epochs, 30u);
}

TEST(Train, TheCallbackEndsTheTraining) {
    const auto data = table<double>(12, 5);
    BasicMlp<double> net = BasicMlp<double>::random({.sizes = {2, 3, 1}}, 2);
    const TrainResult result = train<double>(net, data, {.epochs = 50}, nullptr,
                                             [](const EpochReport& r, const auto&) { return r.epoch < 7; });
    EXPECT_EQ(result.epochs, 7u);
    EXPECT_EQ(result.stopped, Stopped::callback);
}

TEST(Train, NoEpochNoStep) {
    const auto data = table<double>(12, 5);
    BasicMlp<double> net = BasicMlp<double>::random({.sizes = {2, 3, 1}}, 2);
    const auto first = values(net);
    const TrainResult result = train(net, data, {.epochs = 0});
    EXPECT_EQ(result.best_epoch, 0u);
    EXPECT_EQ(values(net), first);
}

TEST(Train, RefusesWhatCannotWork) {
    const auto data = table<double>(12, 5);
    BasicMlp<double> net = BasicMlp<double>::random({.sizes = {2, 3, 1}}, 2);
    EXPECT_THROW(train(net, data, {.batch = 0}), Error);
    EXPECT_THROW(train(net, data, {.early_stopping = 3}), Error);
    EXPECT_THROW(train(net, BasicDataset<double>{}, {}), Error);
    BasicMlp<double> other = BasicMlp<double>::random({.sizes = {3, 3, 1}}, 2);
    EXPECT_THROW(train(other, data, {}), Error);
}

TEST(EvaluateLoss, DoesNotDependOnHowManyRowsRunAtATimeBeyondRounding) {
    const auto data = table<double>(3000, 8);
    const BasicMlp<double> net = BasicMlp<double>::random({.sizes = {2, 7, 1}}, 2);
    const Matrix<double> yhat = outputs(net, data.x).yhat;
    double sum = 0.0;
    for (std::size_t i = 0; i < 3000; ++i) {
        sum += (yhat(i, 0) - data.y(i, 0)) * (yhat(i, 0) - data.y(i, 0));
    }
    EXPECT_NEAR(evaluate_loss(net, data, Loss::squared_error, 0.0), sum / 3000, 1e-13 * sum / 3000);
}

}  // namespace
}  // namespace handgrad
