// Networks that are monotone by the signs of their weights: the signs one by one, the property for every x, and what
// promises nothing (docs/derivations/monotone.md).
#include "handgrad/nn/monotone.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "handgrad/math/monotone.hpp"
#include "handgrad/nn/passes.hpp"
#include "handgrad/nn/predictor.hpp"
#include "tests/support/draw.hpp"
#include "tests/support/raised.hpp"

namespace handgrad {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

std::vector<Activation> rising() {
    std::vector<Activation> list;
    std::ranges::copy_if(all_activations, std::back_inserter(list), [](Activation f) { return non_decreasing(f); });
    return list;
}

template <class T>
std::vector<double> numbers(MatrixView<const T> matrix) {
    return {matrix.data(), matrix.data() + matrix.rows() * matrix.columns()};
}

TEST(Monotone, OfSignIsTheNearestNumberThatTheSignAllows) {
    constexpr double tiny = 5e-324;
    for (const double sign : {1.0, -1.0}) {
        for (const double size : {0.0, tiny, 0.25, 1e300, infinity}) {
            EXPECT_EQ(math::of_sign(sign * size, sign), sign * size);
            EXPECT_EQ(math::of_sign(-sign * size, sign), 0.0);
            EXPECT_EQ(math::of_sign(-sign * size, 0.0), -sign * size);
        }
        EXPECT_TRUE(std::isnan(math::of_sign(std::nan(""), sign))) << "what diverges must be seen";
    }
}

// By hand from (M1), (M2) and (M3): units + − +, then + −, inputs rising, free and falling.
TEST(Monotone, SignsOfASmallNetworkByHand) {
    const Architecture shape{.sizes = {3, 3, 2, 2}};
    const std::vector<int> inputs{1, 0, -1};
    const auto signs = weight_signs<double>(shape, inputs);
    EXPECT_THAT(numbers<double>(signs.weight(0)), testing::ElementsAre(1, 0, -1, -1, 0, 1, 1, 0, -1));
    EXPECT_THAT(numbers<double>(signs.weight(1)), testing::ElementsAre(1, -1, 1, -1, 1, -1));
    EXPECT_THAT(numbers<double>(signs.weight(2)), testing::ElementsAre(1, -1, 1, -1));
    for (std::size_t l = 0; l < signs.layers(); ++l) {
        EXPECT_THAT(signs.bias(l), testing::Each(0.0));
    }
    const auto linear = weight_signs<float>({.sizes = {3, 2}}, inputs);
    EXPECT_THAT(numbers<float>(linear.weight(0)), testing::ElementsAre(1, 0, -1, 1, 0, -1));
}

/// One network, its signs, and rows where activations bend.
template <class T>
struct Case {
    Architecture shape;
    std::vector<int> inputs;
    BasicMlp<T> net;
    Matrix<T> x;
};

template <class T>
Case<T> random_case(Draw& draw) {
    Case<T> drawn;
    const std::size_t n = draw.whole(1, 4), hidden = draw.whole(1, 3);
    drawn.shape.sizes = {n};
    for (std::size_t l = 0; l < hidden; ++l) {
        drawn.shape.sizes.push_back(draw.whole(1, 9));
        drawn.shape.each_hidden.push_back(draw.one_of(rising()));
    }
    drawn.shape.sizes.push_back(draw.whole(1, 3));
    drawn.shape.output =
        draw.one_of({Activation::identity, Activation::sigmoid, Activation::exp, Activation::softplus});
    drawn.shape.leaky_slope = draw.uniform(0.0, 1.0);
    for (std::size_t i = 0; i < n; ++i) {
        drawn.inputs.push_back(static_cast<int>(draw.whole(0, 2)) - 1);
    }
    drawn.net = BasicMlp<T>::zeros(drawn.shape);
    draw.fill(drawn.net.parameters(), -0.7, 0.7);
    drawn.x = draw.matrix<T>(12, n, -3.0, 3.0);
    return drawn;
}

/// Raised by finite steps: how far an output that may not fall does fall, as a share of its size.
template <class T>
double worst_fall(const Case<T>& drawn, Draw& draw) {
    const std::size_t K = drawn.net.outputs();
    double worst = 0.0;
    BasicTape<T> before(drawn.net, drawn.x.rows()), behind(drawn.net, drawn.x.rows());
    forward(drawn.net, drawn.x, before);
    for (std::size_t i = 0; i < drawn.inputs.size(); ++i) {
        Matrix<T> moved = drawn.x;
        for (std::size_t row = 0; row < moved.rows(); ++row) {
            moved(row, i) += static_cast<T>(draw.uniform(0.0, 4.0));
        }
        forward(drawn.net, moved, behind);
        for (std::size_t row = 0; row < moved.rows() && drawn.inputs[i] != 0; ++row) {
            for (std::size_t k = 0; k < K; ++k) {
                const double from = before.output().a(row, k), to = behind.output().a(row, k);
                const double rise = drawn.inputs[i] * (to - from);
                worst = std::max(worst, -rise / std::max({1.0, std::fabs(from), std::fabs(to)}));
            }
        }
    }
    return worst;
}

/// How many slopes of monotone inputs have the wrong sign, or are no number.
template <class T>
std::size_t wrong_slopes(const Case<T>& drawn) {
    const std::size_t n = drawn.net.inputs(), K = drawn.net.outputs();
    Matrix<T> yhat(drawn.x.rows(), K), slopes(drawn.x.rows(), K * n);
    BasicPredictor<T>(drawn.net).jacobian(drawn.x, yhat, slopes);
    std::size_t wrong = 0;
    for (std::size_t row = 0; row < slopes.rows(); ++row) {
        for (std::size_t at = 0; at < K * n; ++at) {
            wrong += static_cast<T>(drawn.inputs[at % n]) * slopes(row, at) >= T(0) ? 0 : 1;
        }
    }
    return wrong;
}

template <class T>
class MonotoneIn : public testing::Test {};
using Types = testing::Types<float, double>;
TYPED_TEST_SUITE(MonotoneIn, Types);

// (M5), in finite steps and in slopes, for networks that training could not tell from others.
TYPED_TEST(MonotoneIn, EveryNetworkOfTheseSignsIsMonotone) {
    using T = TypeParam;
    Draw draw(21, 3);
    std::size_t wrong_before = 0;
    for (int trial = 0; trial < 300; ++trial) {
        Case<T> drawn = random_case<T>(draw);
        wrong_before += wrong_slopes(drawn) > 0 ? 1 : 0;
        const auto signs = weight_signs<T>(drawn.shape, drawn.inputs);
        if (trial % 2 == 0) {
            take_signs(drawn.net, signs);
        } else {
            hold_signs(drawn.net, signs);
        }
        ASSERT_FALSE(first_wrong_sign(drawn.net, drawn.inputs));
        EXPECT_EQ(wrong_slopes(drawn), 0U) << trial;
        // Some roundings of numbers that are summed; deep networks of exp have large ones.
        EXPECT_LE(worst_fall(drawn, draw), 200.0 * std::numeric_limits<T>::epsilon()) << trial;
    }
    EXPECT_GT(wrong_before, 150U) << "the networks that were drawn are monotone without any signs";
}

TEST(Monotone, FreeInputsAreFree) {
    Draw draw(5, 9);
    std::size_t both = 0;
    for (int trial = 0; trial < 50; ++trial) {
        auto net = BasicMlp<double>::random({.sizes = {2, 8, 1}, .hidden = Activation::tanh}, trial);
        take_signs(net, weight_signs<double>(net.architecture(), std::vector<int>{1, 0}));
        const Matrix<double> x = draw.matrix<double>(60, 2, -3.0, 3.0);
        Matrix<double> yhat(60, 1), slopes(60, 2);
        BasicPredictor<double>(net).jacobian(x, yhat, slopes);
        bool rises = false, falls = false;
        for (std::size_t row = 0; row < 60; ++row) {
            rises = rises || slopes(row, 1) > 0.0;
            falls = falls || slopes(row, 1) < 0.0;
        }
        both += rises && falls ? 1 : 0;
    }
    EXPECT_GT(both, 10U);
}

TEST(Monotone, TakingSignsKeepsSizesAndHoldingThemKeepsWhatObeys) {
    const std::vector<int> inputs{1, 0};
    const auto first = BasicMlp<double>::random({.sizes = {2, 5, 4, 1}}, 3);
    const auto signs = weight_signs<double>(first.architecture(), inputs);
    BasicMlp<double> taken = first, held = first;
    take_signs(taken, signs);
    hold_signs(held, signs);
    std::size_t zeros = 0;
    for (std::size_t i = 0; i < first.parameters().size(); ++i) {
        const double w = first.parameters()[i], sign = signs.parameters()[i];
        EXPECT_EQ(std::fabs(taken.parameters()[i]), std::fabs(w));
        EXPECT_EQ(held.parameters()[i], sign * w < 0.0 ? 0.0 : w);
        zeros += sign * w < 0.0 ? 1 : 0;
    }
    EXPECT_GT(zeros, 5U);
}

TEST(Monotone, TheFirstWeightThatBreaksItsSignIsNamed) {
    const std::vector<int> inputs{1, 0};
    auto net = BasicMlp<double>::random({.sizes = {2, 4, 3, 1}}, 3);
    take_signs(net, weight_signs<double>(net.architecture(), inputs));
    EXPECT_FALSE(first_wrong_sign(net, inputs));
    net.weight(2)(0, 1) = 0.5;  // a unit that falls
    EXPECT_EQ(first_wrong_sign(net, inputs)->text(), "linear3.weight [0,1] = 0.5 must not be above 0");
    net.weight(1)(1, 0) = std::nan("");
    EXPECT_EQ(first_wrong_sign(net, inputs)->layer, 1U);
    net.weight(0)(2, 0) = -1e-300;
    EXPECT_EQ(first_wrong_sign(net, inputs)->text(), "linear1.weight [2,0] = -1e-300 must not be below 0");
    net.weight(0)(2, 0) = -0.0;
    EXPECT_EQ(first_wrong_sign(net, inputs)->layer, 1U);
}

TEST(Monotone, ActivationsAndInputsThatPromiseNothingAreRefused) {
    const std::vector<int> inputs{1, 0};
    const auto refused = [&](const Architecture& shape) { return raised([&] { check_monotone(shape, inputs); }); };
    for (const Activation f : {Activation::silu, Activation::gelu, Activation::gelu_tanh}) {
        EXPECT_EQ(refused({.sizes = {2, 3, 1}, .hidden = f}),
                  "usage: monotone columns go together with no " + std::string(name(f)) +
                      ": it falls somewhere, so that no sign of a weight keeps an output from falling; take another "
                      "activation, such as relu, tanh or softplus, or leave the monotone columns out {monotone, "
                      "hidden_activation}");
    }
    EXPECT_THAT(refused({.sizes = {2, 3, 3}, .output = Activation::softmax}),
                testing::AllOf(testing::HasSubstr("no softmax: its outputs share one sum"),
                               testing::HasSubstr("{monotone, output_activation}")));
    EXPECT_THAT(refused({.sizes = {2, 3, 1}, .hidden = Activation::leaky_relu, .leaky_slope = -0.1}),
                testing::HasSubstr("no leaky_relu: it falls where z < 0"));
    EXPECT_EQ(refused({.sizes = {2, 3, 1}, .hidden = Activation::leaky_relu, .leaky_slope = 0.0}), "nothing");
    EXPECT_EQ(refused({.sizes = {3, 3, 1}}), "usage: monotone: inputs has 2 signs, the inputs of the network are 3");
    EXPECT_EQ(raised([&] {
                  check_monotone({.sizes = {2, 1}}, std::vector<int>{2, 0});
              }),
              "usage: monotone: inputs must be signs: 1, -1, or 0 for an input that is free");
}

}  // namespace
}  // namespace handgrad
