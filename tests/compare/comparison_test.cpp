// Comparing gradients as a library: names of tensors, shapes, the bound on rounding, what is settled by all tensors.
#include "handgrad/compare/comparison.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "handgrad/compare/gradient_names.hpp"
#include "handgrad/compare/scales.hpp"
#include "handgrad/nn/loss_gradient.hpp"
#include "tests/support/raised.hpp"

namespace handgrad::compare {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

struct Problem {
    BasicMlp<double> net;
    LossFunction loss = Loss::squared_error;
    BasicDataset<double> data;
    std::vector<NamedArray> right;  ///< the engine's gradient, in double
};

/// Rows of small numbers; the tensors of the engine's gradient under their names.
Problem problem(Architecture shape, LossFunction loss = Loss::squared_error, std::size_t rows = 5,
                std::vector<double> weights = {}) {
    Problem p{BasicMlp<double>::random(shape, 3), loss, {}, {}};
    p.data.x = Matrix<double>(rows, shape.inputs());
    p.data.y = Matrix<double>(rows, shape.outputs());
    for (std::size_t i = 0; i < p.data.x.values().size(); ++i) {
        p.data.x.values()[i] = std::sin(1.0 + 7.0 * static_cast<double>(i));
    }
    for (std::size_t i = 0; i < p.data.y.values().size(); ++i) {
        p.data.y.values()[i] = i % 3 == 0 ? 1.0 : 0.0;
    }
    p.data.weights = std::move(weights);
    BasicMlp<double> grad = BasicMlp<double>::zeros_like(p.net);
    LossGradient<double> gradient(p.net, loss, rows, !p.data.weights.empty());
    gradient(p.net, p.data.x, p.data.y, grad, p.data.weights);
    for (std::size_t l = 0; l < p.net.layers(); ++l) {
        const MatrixView<const double> W = std::as_const(grad).weight(l);
        p.right.push_back({weight_name(l), {W.rows(), W.columns()}, {}});
        for (std::size_t i = 0; i < W.rows(); ++i) {
            p.right.back().values.insert(p.right.back().values.end(), W.row(i).begin(), W.row(i).end());
        }
        const std::span<const double> b = std::as_const(grad).bias(l);
        p.right.push_back({bias_name(l), {b.size()}, {b.begin(), b.end()}});
    }
    return p;
}

Comparison compared(const Problem& p, const std::vector<NamedArray>& theirs) {
    return compare_gradients(p.net, p.loss, p.data, theirs, "g.npz");
}

const Architecture smooth{.sizes = {3, 4, 2}, .hidden = Activation::tanh, .output = Activation::sigmoid};

TEST(Comparison, TheEnginesGradientPassesForEveryPairOfActivationAndLoss) {
    for (const Activation hidden : all_activations) {
        for (const Activation output : all_activations) {
            for (const Loss loss : all_losses) {
                const ActivationFacts& g = facts(output);
                if (!facts(hidden).elementwise || g.lowest < facts(loss).lowest_output ||
                    g.highest > facts(loss).highest_output ||
                    (output == Activation::relu && facts(loss).lowest_output == 0.0)) {  // infinite slope at ŷ = 0
                    continue;
                }
                const Problem p = problem({.sizes = {3, 4, 2}, .hidden = hidden, .output = output}, loss);
                EXPECT_TRUE(compared(p, p.right).pass) << name(hidden) << " " << name(output) << " " << name(loss);
            }
        }
    }
}

TEST(Comparison, RowWeightsAreThoseOfTheData) {
    const Problem p = problem(smooth, Loss::squared_error, 4, {1.0, 2.0, 0.0, 0.5});
    EXPECT_TRUE(compared(p, p.right).pass);
}

TEST(Comparison, OneWrongTensorDoesNotBlameTheOthers) {
    const Problem p = problem(smooth);
    std::vector<NamedArray> theirs = p.right;
    for (double& v : theirs[2].values) {
        v *= -1.0;
    }
    const Comparison comparison = compared(p, theirs);
    EXPECT_FALSE(comparison.pass);
    for (std::size_t i = 0; i < 4; ++i) {
        EXPECT_EQ(comparison.tensors[i].pass, i != 2);
    }
    EXPECT_THAT(comparison.tensors[2].causes, ElementsAre(Cause::sign));
}

TEST(Comparison, OneEntryBeyondTheBoundIsUnexplainedAndShown) {
    const Problem p = problem(smooth);
    std::vector<NamedArray> theirs = p.right;
    theirs[0].values[5] += 1e-9;
    const ComparedTensor tensor = compared(p, theirs).tensors[0];
    EXPECT_THAT(tensor.causes, ElementsAre(Cause::unexplained));
    EXPECT_THAT(tensor.where, ElementsAre(1, 2));
    EXPECT_EQ(tensor.their_value, theirs[0].values[5]);
    EXPECT_LT(tensor.bound, 1e-12);
    // The same step is rounding to who works in float.
    for (NamedArray& array : theirs) {
        array.digits = 24;
    }
    EXPECT_TRUE(compared(p, theirs).pass);
}

TEST(Comparison, AFloatGradientStoredAsDoublesIsJudgedAsFloats) {
    const Problem p = problem(smooth);
    std::vector<NamedArray> theirs = p.right;
    for (NamedArray& array : theirs) {
        for (double& v : array.values) {
            v = static_cast<double>(static_cast<float>(v));
        }
    }
    const Comparison comparison = compared(p, theirs);
    EXPECT_TRUE(comparison.pass);
    EXPECT_EQ(comparison.digits, 24);
}

TEST(Comparison, ANumberThatAgreesByChanceWithThreeMistakesIsNotNamed) {
    Problem p = problem({.sizes = {2, 1}, .output = Activation::identity}, Loss::squared_error, 3);
    std::vector<NamedArray> theirs = p.right;
    for (NamedArray& array : theirs) {
        array.digits = 11;  // a bound of parts in a hundred lets many explanations in
    }
    theirs[1].values[0] *= 2.9;
    EXPECT_THAT(compared(p, theirs).tensors[1].causes, ElementsAre(Cause::unexplained));
}

TEST(Comparison, TwiceEverywhereIsTheTwoOfTheLossWhereItHasOneElseAccumulated) {
    for (const Loss loss : {Loss::squared_error, Loss::binary_cross_entropy}) {
        const Problem p =
            problem({.sizes = {3, 4, 3}, .hidden = Activation::tanh, .output = Activation::sigmoid}, loss);
        std::vector<NamedArray> theirs = p.right;
        for (NamedArray& array : theirs) {
            for (double& v : array.values) {
                v *= 2.0;
            }
        }
        const ComparedTensor tensor = compared(p, theirs).tensors[0];
        const bool squared = loss == Loss::squared_error;
        EXPECT_THAT(tensor.causes, ElementsAre(squared ? Cause::factor_2 : Cause::accumulated));
        EXPECT_THAT(tensor.coincide, ElementsAre(squared ? "accumulated" : "factor_2"));
    }
}

TEST(Comparison, APenaltyThatExplainsTheDifferenceIsToldButNotNamed) {
    const Problem p = problem(smooth);
    std::vector<NamedArray> theirs = p.right;
    const double alpha = 0.1;
    for (std::size_t l = 0; l < 2; ++l) {
        const MatrixView<const double> W = p.net.weight(l);
        for (std::size_t i = 0; i < theirs[2 * l].values.size(); ++i) {
            theirs[2 * l].values[i] += alpha * W(i / W.columns(), i % W.columns());
        }
    }
    const Comparison comparison = compare_gradients(p.net, p.loss, p.data, theirs, "g.npz", alpha);
    EXPECT_TRUE(comparison.penalty_explains);
    EXPECT_THAT(comparison.tensors[0].causes, ElementsAre(Cause::unexplained));
    EXPECT_TRUE(comparison.tensors[1].pass);
    EXPECT_FALSE(compare_gradients(p.net, p.loss, p.data, theirs, "g.npz", 0.2).penalty_explains);
}

TEST(Comparison, AShapeThatFitsNothingIsSaid) {
    const Problem p = problem(smooth);
    std::vector<NamedArray> theirs = p.right;
    theirs[0].shape = {2, 6};
    const ComparedTensor tensor = compared(p, theirs).tensors[0];
    EXPECT_FALSE(tensor.pass);
    EXPECT_EQ(tensor.shape_problem, "its shape is (2, 6), ours (4, 3)");
}

TEST(Comparison, NumbersThatAreNotFiniteAreRefused) {
    const Problem p = problem(smooth);
    std::vector<NamedArray> theirs = p.right;
    theirs[1].values[2] = std::numeric_limits<double>::quiet_NaN();
    EXPECT_THAT(raised([&] { compared(p, theirs); }),
                HasSubstr("data: g.npz: tensor 'linear1.bias': number 2 is not finite"));
}

std::vector<NamedArray> named(std::initializer_list<const char*> names) {
    std::vector<NamedArray> arrays;
    for (const char* name : names) {
        arrays.push_back({name, {}, {}});
    }
    return arrays;
}

TEST(GradientNames, OursAndOneNumberedFamily) {
    EXPECT_THAT(match_gradient_names(named({"linear1.bias", "linear1.weight"}), 1, "g"), ElementsAre(1, 0));
    EXPECT_THAT(match_gradient_names(named({"2.weight", "0.weight", "0.bias", "2.bias"}), 2, "g"),
                ElementsAre(1, 2, 0, 3));
    EXPECT_THAT(match_gradient_names(named({"fc10.weight", "fc10.bias", "fc9.weight.grad", "fc9.bias.grad"}), 2, "g"),
                ElementsAre(2, 3, 0, 1));
    EXPECT_THAT(match_gradient_names(named({"b1", "W1", "W2", "b2"}), 2, "g"), ElementsAre(1, 0, 2, 3));
    EXPECT_THAT(match_gradient_names(named({"dW1", "db1"}), 1, "g"), ElementsAre(0, 1));
}

TEST(GradientNames, AnythingElseIsListed) {
    for (const auto& names : {named({}), named({"W1", "b2"}), named({"fc1.weight", "out1.bias"}), named({"W", "b"}),
                              named({"W1", "b1", "W2", "b2"}), named({"linear1.weight", "linear1.bias", "mean"}),
                              named({"0.weight", "00.weight"})}) {
        EXPECT_THAT(raised([&] { match_gradient_names(names, 1, "g.npz"); }),
                    HasSubstr("expected are linear1.weight, linear1.bias"));
    }
}

TEST(Scales, EachValueOnceByTheFewestCauses) {
    const std::vector<WrongScale> scales = wrong_scales(2, 6.0, 2);
    EXPECT_TRUE(scales.front().causes.empty());
    for (std::size_t i = 0; i < scales.size(); ++i) {
        for (std::size_t j = 0; j < i; ++j) {
            EXPECT_GT(std::fabs(scales[i].value - scales[j].value), 1e-9);
        }
    }
    const auto at = [&](double value) {
        return *std::ranges::find_if(scales, [&](const WrongScale& s) { return std::fabs(s.value - value) < 1e-9; });
    };
    EXPECT_THAT(at(0.5).causes, ElementsAre(Cause::factor_half));
    EXPECT_THAT(at(0.5).coincide, ElementsAre(std::vector{Cause::factor_outputs}));
    EXPECT_THAT(at(-6.0).causes, ElementsAre(Cause::sign, Cause::factor_rows));
}

}  // namespace
}  // namespace handgrad::compare
