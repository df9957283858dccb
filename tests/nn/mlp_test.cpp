// The network's container: the flat buffer and its views, first weights by convention, and shapes that are refused.
#include "handgrad/nn/mlp.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "handgrad/base/error.hpp"
#include "tests/support/raised.hpp"

namespace handgrad {
namespace {

TEST(Mlp, ViewsLieInOneFlatBufferInTheOrderOfTheFile) {
    Mlp net = Mlp::zeros({.sizes = {3, 2, 1}});
    ASSERT_EQ(net.parameters().size(), 3u * 2 + 2 + 2 * 1 + 1);
    for (std::size_t i = 0; i < net.parameters().size(); ++i) {
        net.parameters()[i] = static_cast<float>(i);
    }
    EXPECT_EQ(net.weight(0)(1, 2), 5.0f);  // out×in, row by row
    EXPECT_EQ(net.bias(0)[1], 7.0f);
    EXPECT_EQ(net.weight(1)(0, 1), 9.0f);
    EXPECT_EQ(net.bias(1)[0], 10.0f);
    EXPECT_EQ(weight_name(0), "linear1.weight");
    EXPECT_EQ(bias_name(1), "linear2.bias");
}

TEST(Mlp, Step1_SameSeedSameWeightsOtherSeedOthers) {
    const Architecture shape{.sizes = {10, 20, 3}};
    const Mlp a = Mlp::random(shape, 5), b = Mlp::random(shape, 5), c = Mlp::random(shape, 6);
    EXPECT_TRUE(std::ranges::equal(a.parameters(), b.parameters()));
    EXPECT_FALSE(std::ranges::equal(a.parameters(), c.parameters()));
}

struct Extent {
    double weights = 0.0, biases = 0.0;
};
Extent largest(const BasicMlp<double>& net, std::size_t layer) {
    Extent e;
    for (std::size_t i = 0; i < net.weight(layer).rows(); ++i) {
        for (const double w : net.weight(layer).row(i)) {
            e.weights = std::max(e.weights, std::fabs(w));
        }
        e.biases = std::max(e.biases, std::fabs(net.bias(layer)[i]));
    }
    return e;
}
/// The largest of 10 000 uniform numbers on (−a, a) lies above 0.99 a but with probability 0.99^10000 < 1e-43.
void expect_bound(double seen, double bound) {
    EXPECT_LE(seen, bound);
    EXPECT_GE(seen, 0.99 * bound);
}

TEST(Mlp, Step1_FirstWeightsFillTheRangeThatTheConventionNames) {
    Architecture shape{.sizes = {100, 200, 100}, .hidden = Activation::relu, .output = Activation::identity};
    BasicMlp<double> net = BasicMlp<double>::random(shape, 1);
    expect_bound(largest(net, 1).weights, 1.0 / std::sqrt(200.0));
    EXPECT_GT(largest(net, 1).biases, 0.5 / std::sqrt(200.0));
    shape.conventions.first_weights = FirstWeights::by_activation;
    net = BasicMlp<double>::random(shape, 1);
    expect_bound(largest(net, 0).weights, std::sqrt(6.0 / 100));  // relu family
    expect_bound(largest(net, 1).weights, std::sqrt(6.0 / 300));  // others
    EXPECT_EQ(largest(net, 0).biases, 0.0);
    shape.conventions.first_weights = FirstWeights::lecun;
    expect_bound(largest(BasicMlp<double>::random(shape, 1), 1).weights, std::sqrt(3.0 / 200));
    shape.conventions.first_weights = FirstWeights::zeros;
    EXPECT_EQ(largest(BasicMlp<double>::random(shape, 1), 1).weights, 0.0);
    shape.conventions = *find_conventions("pytorch");
    net = BasicMlp<double>::random(shape, 1);
    expect_bound(largest(net, 1).weights, 1.0 / std::sqrt(200.0));
    EXPECT_GT(largest(net, 1).biases, 0.5 / std::sqrt(200.0));
    shape.conventions = *find_conventions("sklearn");
    expect_bound(largest(BasicMlp<double>::random(shape, 1), 0).weights, std::sqrt(6.0 / 300));
    shape.hidden = Activation::sigmoid;
    expect_bound(largest(BasicMlp<double>::random(shape, 1), 1).weights, std::sqrt(2.0 / 300));
}

std::string refusal(const Architecture& shape) {
    return message_of(ErrorKind::usage, [&] { Mlp::zeros(shape); });
}

TEST(Architecture, RefusesShapesThatMakeNoSense) {
    EXPECT_THAT(refusal({.sizes = {3}}), testing::HasSubstr("at least an input and an output"));
    EXPECT_THAT(refusal({.sizes = {3, 0, 1}}), testing::HasSubstr("size 2 of 3 is 0"));
    EXPECT_THAT(refusal({.sizes = {1, (std::size_t{1} << 24) + 1}}), testing::HasSubstr("wider than 16777216"));
    EXPECT_EQ(refusal({.sizes = {1, std::size_t{1} << 24}}), "nothing");
    EXPECT_THAT(refusal({.sizes = std::vector<std::size_t>(1026, 1)}), testing::HasSubstr("1025 layers are more than"));
    EXPECT_EQ(refusal({.sizes = std::vector<std::size_t>(1025, 1)}), "nothing");
    EXPECT_THAT(refusal({.sizes = {3, 4, 1}, .hidden = Activation::softmax}),
                testing::HasSubstr("only stand at the output"));
    EXPECT_THAT(refusal({.sizes = {3, 4, 1}, .each_hidden = {Activation::relu, Activation::tanh}}),
                testing::HasSubstr("2 hidden activations for 1 hidden layers"));
    EXPECT_EQ(refusal({.sizes = {1, 1}}), "nothing");
}

}  // namespace
}  // namespace handgrad
