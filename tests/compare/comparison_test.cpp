// Comparing gradients as a library: names of tensors, shapes, the bound on rounding, what is settled by all tensors.
#include "handgrad/compare/comparison.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "handgrad/compare/gradient_names.hpp"
#include "handgrad/compare/scales.hpp"
#include "handgrad/nn/loss_gradient.hpp"
#include "handgrad/nn/plain_loops.hpp"
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
                EXPECT_TRUE(compared(p, p.right).pass()) << name(hidden) << " " << name(output) << " " << name(loss);
            }
        }
    }
}

TEST(Comparison, RowWeightsAreThoseOfTheData) {
    const Problem p = problem(smooth, Loss::squared_error, 4, {1.0, 2.0, 0.0, 0.5});
    EXPECT_TRUE(compared(p, p.right).pass());
}

TEST(Comparison, OneWrongTensorDoesNotBlameTheOthers) {
    const Problem p = problem(smooth);
    std::vector<NamedArray> theirs = p.right;
    for (double& v : theirs[2].values) {
        v *= -1.0;
    }
    const Comparison comparison = compared(p, theirs);
    EXPECT_FALSE(comparison.pass());
    for (std::size_t i = 0; i < 4; ++i) {
        EXPECT_EQ(comparison.tensors[i].pass(), i != 2);
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
    EXPECT_TRUE(compared(p, theirs).pass());
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
    EXPECT_TRUE(comparison.pass());
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

/// p.right with a multiple of each layer's W, and with `biases` of b, added.
std::vector<NamedArray> with_penalty(const Problem& p, double alpha, bool biases = false) {
    std::vector<NamedArray> theirs = p.right;
    for (std::size_t l = 0; l < p.net.layers(); ++l) {
        const MatrixView<const double> W = p.net.weight(l);
        for (std::size_t i = 0; i < theirs[2 * l].values.size(); ++i) {
            theirs[2 * l].values[i] += alpha * W(i / W.columns(), i % W.columns());
        }
        for (std::size_t i = 0; biases && i < theirs[2 * l + 1].values.size(); ++i) {
            theirs[2 * l + 1].values[i] += alpha * p.net.bias(l)[i];
        }
    }
    return theirs;
}

TEST(Comparison, RightIsWithThePenaltyOfTheModelAndAnyOtherIsNamed) {
    Problem p = problem(smooth);
    for (std::size_t l = 0; l < 2; ++l) {
        for (std::size_t i = 0; i < p.net.bias(l).size(); ++i) {
            p.net.bias(l)[i] = 0.1 * static_cast<double>(i + 1);
        }
    }
    BasicMlp<double> grad = BasicMlp<double>::zeros_like(p.net);
    LossGradient<double>(p.net, p.loss, 5)(p.net, p.data.x, p.data.y, grad);
    std::size_t at = 0;
    for (NamedArray& array : p.right) {
        for (double& v : array.values) {
            v = grad.parameters()[at++];
        }
    }
    const auto judged = [&](const std::vector<NamedArray>& theirs, double alpha) {
        return compare_gradients(p.net, p.loss, p.data, theirs, "g.npz", {.penalty = alpha});
    };
    EXPECT_TRUE(judged(with_penalty(p, 0.1), 0.1).pass());
    EXPECT_THAT(judged(p.right, 0.1).tensors[0].causes, ElementsAre(Cause::penalty_missing));
    EXPECT_TRUE(judged(p.right, 0.1).tensors[1].pass());
    EXPECT_THAT(judged(with_penalty(p, 0.2), 0.1).tensors[2].causes, ElementsAre(Cause::penalty_factor));
    EXPECT_NEAR(judged(with_penalty(p, 0.2), 0.1).tensors[2].factor, 2.0, 1e-6);
    EXPECT_THAT(judged(with_penalty(p, -0.1), 0.1).tensors[0].causes, ElementsAre(Cause::penalty_factor));
    EXPECT_EQ(judged(with_penalty(p, 0.5), 0.1).tensors[0].detail, "by the number of rows");
    EXPECT_THAT(judged(with_penalty(p, 0.1), 0.0).tensors[0].causes, ElementsAre(Cause::penalty_extra));
    EXPECT_THAT(judged(with_penalty(p, 0.1, true), 0.1).tensors[1].causes, ElementsAre(Cause::penalty_on_biases));
}

/// f′ twice in the second of two hidden layers that have activations of their own.
TEST(Comparison, AMistakeInALayerTakesTheActivationOfThatLayer) {
    Problem p = problem({.sizes = {3, 4, 5, 2}, .each_hidden = {Activation::tanh, Activation::sigmoid}},
                        Loss::squared_error, 8);
    BasicTape<double> tape(p.net, 8), dtape(p.net, 8);
    forward(p.net, p.data.x, tape);
    loss(p.loss, tape.output(), p.data.y, dtape.output());
    BasicMlp<double> grad = BasicMlp<double>::zeros_like(p.net);
    const auto add = [&](std::size_t l, const Matrix<double>& a) {
        plain::linear_backward_parameters<double>(dtape.layer(l).z, a, grad.weight(l), grad.bias(l));
    };
    add(2, tape.layer(1).a);
    for (std::size_t l = 2; l-- > 0;) {
        plain::linear_backward_input<double>(p.net.weight(l + 1), dtape.layer(l + 1).z, dtape.layer(l).a);
        plain::activation_backward(tape.layer(l), dtape.layer(l), 8);
        for (std::size_t i = 0; l == 1 && i < dtape.layer(l).z.values().size(); ++i) {
            dtape.layer(l).z.values()[i] *= math::Sigmoid::derivative(tape.layer(l).z.values()[i]);
        }
        add(l, l == 0 ? p.data.x : tape.layer(0).a);
    }
    std::size_t at = 0;
    for (NamedArray& array : p.right) {
        for (double& v : array.values) {
            v = grad.parameters()[at++];
        }
    }
    const Comparison comparison = compared(p, p.right);
    EXPECT_TRUE(comparison.tensors[4].pass());
    for (std::size_t i = 0; i < 4; ++i) {
        EXPECT_THAT(comparison.tensors[i].causes, ElementsAre(Cause::hidden_derivative_twice));
    }
    // The gradients of layer 2 do not tell whether f' of layer 1 is right too; those of layer 1 do.
    EXPECT_THAT(comparison.tensors[0].wrong_layers, ElementsAre(1));
    EXPECT_THAT(comparison.tensors[1].wrong_layers, ElementsAre(1));
}

TEST(Comparison, ZerosAreNeverARightGradient) {
    const Problem p = problem({.sizes = {5, 12, 12, 12, 3}, .hidden = Activation::relu}, Loss::squared_error, 40);
    for (const int digits : {11, 24, 53}) {
        std::vector<NamedArray> theirs = p.right;
        for (NamedArray& array : theirs) {
            std::ranges::fill(array.values, 0.0);
            array.digits = digits;
        }
        const Comparison comparison = compared(p, theirs);
        for (const ComparedTensor& tensor : comparison.tensors) {
            EXPECT_FALSE(tensor.pass()) << digits << " " << tensor.name;
            EXPECT_EQ(tensor.judgement.verdict == certify::Verdict::fail,
                      tensor.causes == std::vector{Cause::never_computed});
        }
        EXPECT_TRUE(comparison.verdict == certify::Verdict::fail || digits == 11);
    }
}

TEST(Comparison, AMultipleOrARowOfZerosIsNeverPassed) {
    const Problem p = problem({.sizes = {20, 16, 16, 16, 1}, .hidden = Activation::tanh}, Loss::squared_error, 30);
    for (const double times : {-1.0, 0.5, 1.1, 2.0}) {
        for (const int digits : {24, 53}) {
            std::vector<NamedArray> theirs = p.right;
            for (NamedArray& array : theirs) {
                array.digits = digits;
                for (double& v : array.values) {
                    v = static_cast<double>(static_cast<float>(v * times));
                }
            }
            for (const ComparedTensor& tensor : compared(p, theirs).tensors) {
                EXPECT_EQ(tensor.judgement.verdict, certify::Verdict::fail) << times << " " << tensor.name;
            }
        }
    }
    std::vector<NamedArray> theirs = p.right;
    std::fill_n(theirs[2].values.begin() + 32, 16, 0.0);
    EXPECT_EQ(compared(p, theirs).tensors[1].judgement.verdict, certify::Verdict::pass);
    EXPECT_EQ(compared(p, theirs).tensors[2].judgement.verdict, certify::Verdict::fail);
}

TEST(Comparison, TwentyThousandRunningSumsInFloatAreRight) {
    const std::size_t rows = 20000;
    Problem p = problem({.sizes = {2, 3, 1}, .hidden = Activation::relu}, Loss::squared_error, rows);
    for (std::size_t i = 0; i < p.data.x.values().size(); ++i) {
        p.data.x.values()[i] = (i * i / 7) % 3 == 0 ? 1.0 : 0.0;
    }
    // ∂l/∂w as a beginner sums it: one float after the other.
    const auto net = handgrad::convert<float>(p.net);
    p.net = handgrad::convert<double>(net);
    BasicMlp<float> sum = BasicMlp<float>::zeros_like(net);
    BasicTape<float> tape(net, 1), dtape(net, 1);
    const Matrix<float> x = convert<float>(p.data.x), y = convert<float>(p.data.y);
    for (std::size_t row = 0; row < rows; ++row) {
        forward(net, x.view().rows_from(row, 1), tape);
        loss(p.loss, tape.output(), y.view().rows_from(row, 1), dtape.output());
        backward(net, tape, dtape, sum);
    }
    std::size_t at = 0;
    for (NamedArray& array : p.right) {
        array.digits = 24;
        for (double& v : array.values) {
            v = static_cast<double>(sum.parameters()[at++] / static_cast<float>(rows));
        }
    }
    for (const ComparedTensor& tensor : compared(p, p.right).tensors) {
        EXPECT_EQ(tensor.judgement.verdict, certify::Verdict::pass) << tensor.name << " " << tensor.judgement.reason();
    }
}

TEST(Comparison, AShapeThatFitsNothingIsSaid) {
    const Problem p = problem(smooth);
    std::vector<NamedArray> theirs = p.right;
    theirs[0].shape = {2, 6};
    const ComparedTensor tensor = compared(p, theirs).tensors[0];
    EXPECT_FALSE(tensor.pass());
    EXPECT_EQ(tensor.shape_problem, "its shape is (2, 6), ours (4, 3)");
}

TEST(Comparison, NumbersThatAreNotFiniteAreRefused) {
    const Problem p = problem(smooth);
    std::vector<NamedArray> theirs = p.right;
    theirs[1].values[2] = std::numeric_limits<double>::quiet_NaN();
    EXPECT_THAT(raised([&] { compared(p, theirs); }),
                HasSubstr("data: g.npz: tensor 'linear1.bias': number 2 is not finite"));
}

/// Arrays of those names and the shapes of 3-4-2's parameters, in the order W1, b1, W2, b2; `turned`: in × out.
std::vector<NamedArray> named(const std::vector<std::string>& names, bool turned = false) {
    const std::vector<std::vector<std::size_t>> shapes{{4, 3}, {4}, {2, 4}, {2}};
    std::vector<NamedArray> arrays;
    for (std::size_t i = 0; i < names.size(); ++i) {
        std::vector<std::size_t> shape = shapes[i % 4];
        if (turned) {
            std::ranges::reverse(shape);
        }
        arrays.push_back({names[i], shape, {}});
    }
    return arrays;
}
std::vector<std::size_t> places(const std::vector<NamedArray>& arrays) {
    std::vector<std::size_t> result;
    for (const MatchedTensor& matched : match_gradient_names(arrays, smooth, "g").tensors) {
        result.push_back(matched.parameter * 10 + matched.place);
    }
    return result;
}

TEST(GradientNames, AsPeopleHaveThem) {
    const std::vector<std::vector<std::string>> families{
        {"linear1.weight", "linear1.bias", "linear2.weight", "linear2.bias"},
        {"0.weight", "0.bias", "2.weight", "2.bias"},
        {"net.0.weight", "net.0.bias", "net.2.weight", "net.2.bias"},
        {"fc9.weight.grad", "fc9.bias.grad", "fc10.weight.grad", "fc10.bias.grad"},
        {"W1", "b1", "W2", "b2"},
        {"dW1", "db1", "dW2", "db2"},
        {"dJdW1", "dJdb1", "dJdW2", "dJdb2"},
        {"dl_dW1", "dl_db1", "dl_dW2", "dl_db2"},
        {"W1_grad", "b1_grad", "W2_grad", "b2_grad"},
        {"grad_W1", "grad_b1", "grad_W2", "grad_b2"},
        {"gradW1", "gradb1", "gradW2", "gradb2"},
        {"weights.0", "biases.0", "weights.1", "biases.1"},
        {"weights1", "bias1", "weights2", "bias2"},
        {"dense_1/kernel", "dense_1/bias", "dense_2/kernel", "dense_2/bias"},
        {"layers.0.weight", "layers.0.bias", "layers.1.weight", "layers.1.bias"},
        {"module.fc1.weight", "module.fc1.bias", "module.fc2.weight", "module.fc2.bias"},
        {"arr_0", "arr_1", "arr_2", "arr_3"},
    };
    for (const std::vector<std::string>& names : families) {
        EXPECT_THAT(places(named(names)), ElementsAre(0, 11, 22, 33)) << names[0];
        EXPECT_THAT(places(named(names, true)), ElementsAre(0, 11, 22, 33)) << names[0];
    }
}

TEST(GradientNames, ForeignWeightsStandInEitherOrientation) {
    const auto orientation = [](const std::vector<NamedArray>& arrays, const Architecture& shape = smooth) {
        return match_gradient_names(arrays, shape, "g").orientation;
    };
    const std::vector<std::string> foreign{"W1", "b1", "W2", "b2"};
    EXPECT_EQ(orientation(named(foreign)), Orientation::out_in);
    EXPECT_EQ(orientation(named(foreign, true)), Orientation::in_out);
    EXPECT_EQ(orientation(named({"linear1.weight", "linear1.bias", "linear2.weight", "linear2.bias"}, true)),
              Orientation::out_in);  // our names say out × in
    std::vector<NamedArray> one_turned = named(foreign);
    std::ranges::reverse(one_turned[0].shape);
    EXPECT_EQ(orientation(one_turned), Orientation::out_in);  // a mistake among others that stand upright
    const Architecture square{.sizes = {3, 3, 3}};
    for (const auto& [W1, W2, expected] : {std::tuple("W1", "W2", Orientation::out_in),
                                           {"dense_1/kernel", "dense_2/kernel", Orientation::in_out},
                                           {"coefs_0", "coefs_1", Orientation::in_out}}) {
        EXPECT_EQ(orientation({{W1, {3, 3}, {}}, {W2, {3, 3}, {}}}, square), expected) << W1;
    }
}

TEST(Comparison, ForeignTransposesAreJudgedAsWhatTheyAre) {
    const Problem p = problem(smooth);
    std::vector<NamedArray> theirs = p.right;
    for (std::size_t i = 0; i < theirs.size(); ++i) {
        if (i % 2 == 0) {
            theirs[i] = turned(theirs[i]);
        }
        theirs[i].name = (i % 2 == 0 ? "W" : "b") + std::to_string(i / 2 + 1);
    }
    const Comparison right = compared(p, theirs);
    EXPECT_TRUE(right.pass());
    EXPECT_EQ(right.orientation, Orientation::in_out);
    theirs[2].values[5] += 0.1;  // W⁽²⁾ (2, 1), which stands as in × out (4 × 2)
    const Comparison wrong = compared({p.net, p.loss, p.data, {}}, theirs);
    EXPECT_FALSE(wrong.tensors[2].pass());
    EXPECT_THAT(wrong.tensors[2].where, ElementsAre(1, 2));
    theirs.resize(2);
    EXPECT_THAT(compared(p, theirs).missing, ElementsAre("linear2.weight", "linear2.bias"));
}

TEST(Comparison, OfAFloatModelTheRowsMayHaveBeenRoundedOrNot) {
    const Problem exact = problem(smooth);
    Problem rounded = exact;
    for (Matrix<double>* rows : {&rounded.data.x, &rounded.data.y}) {
        for (double& v : rows->values()) {
            v = static_cast<double>(static_cast<float>(v));
        }
    }
    BasicMlp<double> grad = BasicMlp<double>::zeros_like(exact.net);
    LossGradient<double> gradient(exact.net, exact.loss, 5, false);
    gradient(exact.net, rounded.data.x, rounded.data.y, grad);
    std::vector<NamedArray> of_rounded = exact.right;
    for (NamedArray& array : of_rounded) {
        const std::size_t l = array.name.starts_with("linear1") ? 0 : 1;
        const std::span<const double> b = std::as_const(grad).bias(l);
        const MatrixView<const double> W = std::as_const(grad).weight(l);
        const bool bias = array.name.ends_with("bias");
        array.values.assign(bias ? b.data() : W.data(), bias ? b.data() + b.size() : W.data() + W.rows() * W.columns());
    }
    const auto verdict = [&](const std::vector<NamedArray>& theirs, const BasicDataset<double>* other) {
        return compare_gradients(exact.net, exact.loss, exact.data, theirs, "g", {.rounded = other});
    };
    EXPECT_TRUE(verdict(exact.right, &rounded.data).pass());
    EXPECT_TRUE(verdict(of_rounded, &rounded.data).pass());
    EXPECT_FALSE(verdict(of_rounded, nullptr).pass());
    for (NamedArray& array : of_rounded) {
        for (double& v : array.values) {
            v = -v;
        }
    }
    for (const ComparedTensor& tensor : verdict(of_rounded, &rounded.data).tensors) {
        EXPECT_THAT(tensor.causes, ElementsAre(Cause::sign)) << tensor.name;
    }
}

TEST(Comparison, FloatNumbersThatWereAveragedAreUndetermined) {
    const Problem p = problem(smooth);
    std::vector<NamedArray> theirs = p.right;
    for (NamedArray& array : theirs) {
        for (std::size_t i = 0; i < array.values.size(); ++i) {
            array.values[i] *= 1.0 + 3e-8 * std::sin(static_cast<double>(i + 1));  // no float, and no double result
        }
    }
    for (const ComparedTensor& tensor : compared(p, theirs).tensors) {
        EXPECT_EQ(tensor.judgement.verdict, certify::Verdict::undetermined) << tensor.name;
        EXPECT_TRUE(tensor.as_float && tensor.causes.empty()) << tensor.name;
    }
    for (NamedArray& array : theirs) {
        array.values[0] *= 1.001;
    }
    for (const ComparedTensor& tensor : compared(p, theirs).tensors) {
        EXPECT_THAT(tensor.causes, ElementsAre(Cause::unexplained)) << tensor.name;
    }
}

TEST(Comparison, OneTensorOfFloatNumbersTellsThePrecisionOfAll) {
    const Problem p = problem(smooth);
    std::vector<NamedArray> theirs = p.right;
    for (std::size_t t = 1; t < theirs.size();
         ++t) {  // all but linear1.weight, as double arithmetic behind float leaves it
        for (double& v : theirs[t].values) {
            v = static_cast<double>(static_cast<float>(v));
        }
    }
    EXPECT_EQ(compared(p, theirs).digits, 24);
    EXPECT_TRUE(compared(p, theirs).pass());
    theirs = p.right;
    theirs[1].values.assign(theirs[1].values.size(), 0.5);  // which every precision has
    EXPECT_EQ(compared(p, theirs).digits, 53);
}

TEST(Comparison, AnyMultipleOfAllIsNamed) {
    const Problem p = problem(smooth);
    std::vector<NamedArray> theirs = p.right;
    for (NamedArray& array : theirs) {
        for (double& v : array.values) {
            v *= -0.01;
        }
    }
    for (const ComparedTensor& tensor : compared(p, theirs).tensors) {
        EXPECT_THAT(tensor.causes, ElementsAre(Cause::factor_other)) << tensor.name;
        EXPECT_EQ(tensor.detail, "-0.01");
    }
}

/// A gradient with α W in it.
std::vector<NamedArray> penalised(const Problem& p, double alpha, double before = 1.0) {
    std::vector<NamedArray> theirs = p.right;
    for (std::size_t t = 0; t < theirs.size(); ++t) {
        const MatrixView<const double> W = p.net.weight(t / 2);
        for (std::size_t i = 0; i < theirs[t].values.size(); ++i) {
            theirs[t].values[i] *= before;
            if (t % 2 == 0) {
                theirs[t].values[i] += alpha * W.data()[i];
            }
        }
    }
    return theirs;
}

TEST(Comparison, ThePenaltyMixesWithEveryCause) {
    const Problem p = problem(smooth);
    constexpr double alpha = 1e-3;
    const auto causes = [&](const std::vector<NamedArray>& theirs, std::size_t tensor) {
        return compare_gradients(p.net, p.loss, p.data, theirs, "g", {.penalty = alpha}).tensors[tensor].causes;
    };
    for (const std::size_t weight : {std::size_t{0}, std::size_t{2}}) {
        EXPECT_THAT(causes(penalised(p, alpha), weight), testing::IsEmpty());
        EXPECT_THAT(causes(penalised(p, alpha, 0.5), weight), ElementsAre(Cause::factor_half));
        EXPECT_THAT(causes(penalised(p, 0.5 * alpha, 0.5), weight), ElementsAre(Cause::factor_half));
        EXPECT_THAT(causes(penalised(p, 0.0), weight), ElementsAre(Cause::penalty_missing));
        EXPECT_THAT(causes(penalised(p, 0.0, -1.0), weight), ElementsAre(Cause::sign, Cause::penalty_missing));
        EXPECT_THAT(causes(penalised(p, alpha / 5.0), weight), ElementsAre(Cause::penalty_factor));
    }
    EXPECT_THAT(causes(penalised(p, alpha, 0.5), 1), ElementsAre(Cause::factor_half));
}

TEST(Comparison, ThePenaltysOwnRoundingIsAllowed) {
    // Entries without a gradient of the data: what is left is a product of two float numbers.
    Problem p = problem({.sizes = {3, 4, 2}, .hidden = Activation::relu});
    for (std::size_t row = 0; row < p.data.rows(); ++row) {
        p.data.x(row, 1) = 0.0;
    }
    BasicMlp<double> grad = BasicMlp<double>::zeros_like(p.net);
    LossGradient<double> gradient(p.net, p.loss, p.data.rows(), false);
    gradient(p.net, p.data.x, p.data.y, grad);
    for (std::size_t t = 0; t < p.right.size(); t += 2) {
        const MatrixView<const double> W = p.net.weight(t / 2), g = std::as_const(grad).weight(t / 2);
        for (std::size_t i = 0; i < p.right[t].values.size(); ++i) {
            const float w = static_cast<float>(W.data()[i]), alpha = 1e-3F;
            p.right[t].values[i] = static_cast<double>(static_cast<float>(g.data()[i]) + alpha * w);
        }
    }
    const std::span<const double> b1 = std::as_const(grad).bias(0), b2 = std::as_const(grad).bias(1);
    std::ranges::transform(b1, p.right[1].values.begin(), [](double v) { return static_cast<float>(v); });
    std::ranges::transform(b2, p.right[3].values.begin(), [](double v) { return static_cast<float>(v); });
    EXPECT_TRUE(compare_gradients(p.net, p.loss, p.data, p.right, "g", {.penalty = 1e-3}).pass());
}

TEST(GradientNames, TurnedIsTheTranspose) {
    const NamedArray W = turned({"W1", {2, 3}, {1, 2, 3, 4, 5, 6}});
    EXPECT_THAT(W.shape, ElementsAre(3, 2));
    EXPECT_THAT(W.values, ElementsAre(1, 4, 2, 5, 3, 6));
}

TEST(GradientNames, AFileMayHoldSomeTensorsOnly) {
    EXPECT_THAT(places({{"linear2.weight", {2, 4}, {}}}), ElementsAre(20));
    EXPECT_THAT(places({{"dW2", {2, 4}, {}}, {"db2", {2}, {}}}), ElementsAre(20, 31));
    EXPECT_THAT(places({{"arr_0", {4}, {}}}), ElementsAre(10));
}

TEST(GradientNames, AnythingElseIsListed) {
    for (const auto& arrays : {std::vector<NamedArray>{},
                               {{"fc1.weight", {4, 3}, {}}, {"out2.bias", {2}, {}}, {"fc2.bias", {2}, {}}},
                               {{"linear1.weight", {4, 3}, {}}, {"mean", {9}, {}}},
                               {{"0.weight", {4, 3}, {}}, {"00.weight", {4, 3}, {}}},
                               {{"arr_0", {7, 7}, {}}},
                               {{"a", {4}, {}}}}) {
        EXPECT_THAT(raised([&] { match_gradient_names(arrays, smooth, "g.npz"); }),
                    HasSubstr("expected are linear1.weight, linear1.bias, linear2.weight"));
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
