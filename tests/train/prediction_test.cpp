// Predictions: user's units, classes, probabilities, Jacobians and metrics against hand computation, whatever the
// batch.
#include "handgrad/train/evaluation.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>

#include "handgrad/base/error.hpp"
#include "handgrad/base/random.hpp"
#include "tests/support/houses.hpp"
#include "tests/support/metric.hpp"
#include "tests/support/raised.hpp"

namespace handgrad {
namespace {

using testing::ElementsAre;

constexpr double epsilon = std::numeric_limits<double>::epsilon();

std::vector<double> row_of(const Matrix<double>& m, std::size_t i) { return {m.row(i).begin(), m.row(i).end()}; }

Matrix<double> one_row(const std::vector<double>& values) {
    Matrix<double> m(1, values.size());
    std::ranges::copy(values, m.row(0).begin());
    return m;
}

const std::string three_houses = "area,city,price,tax\n150,Oslo,34,-1\n50,Rome,26,2\n100,Oslo,26,0\n";

Table table(const std::string& text, const ReadOptions& reading = {.text_columns = {"city"}}) {
    return read_csv(text, "t.csv", reading);
}

TEST(Prediction, RegressionIsInTheUsersUnits) {
    for (const Model& model : {linear_houses<float>(), linear_houses<double>()}) {
        const Prediction prediction = predict(model, table(three_houses));
        EXPECT_THAT(row_of(prediction.values, 0), ElementsAre(34.0, -1.0));
        EXPECT_THAT(row_of(prediction.values, 1), ElementsAre(26.0, 1.5));
        EXPECT_THAT(row_of(prediction.values, 2), ElementsAre(26.0, 0.0));
        EXPECT_TRUE(prediction.classes.empty());
        EXPECT_EQ(prediction.probabilities.columns(), 0U);
    }
}

TEST(Prediction, ColumnsAreMatchedByNameAndLabelsMayBeAbsent) {
    const Prediction prediction = predict(linear_houses<float>(), table("city,area\nRome,50\n"));
    EXPECT_THAT(row_of(prediction.values, 0), ElementsAre(26.0, 1.5));
}

// --- decode ---------------------------------------------------------------------------------------------------------

Preprocessing classes(std::vector<std::string> names, bool one_output) {
    return {.task = Task::classification,
            .features = {{.name = "x"}},
            .targets = {{.name = "y"}},
            .classes = std::move(names),
            .one_output = one_output,
            .weight = "",
            .reading = {}};
}

TEST(Decode, OneSigmoidOutputIsTheProbabilityOfTheSecondClass) {
    const Preprocessing two = classes({"no", "yes"}, true);
    Matrix<double> yhat(3, 1);
    yhat(0, 0) = 0.25;
    yhat(1, 0) = 0.5;  // not above one half
    yhat(2, 0) = 0.75;
    const Prediction prediction = decode(two, Activation::sigmoid, yhat);
    EXPECT_THAT(prediction.classes, ElementsAre(0, 0, 1));
    EXPECT_THAT(row_of(prediction.probabilities, 0), ElementsAre(0.75, 0.25));
    EXPECT_THAT(prediction.scores, ElementsAre(0.25, 0.5, 0.75));
    EXPECT_EQ(prediction.values.rows(), 0U);
}

TEST(Decode, FromLogitsAClassThatIsAlmostRuledOutKeepsItsDigits) {
    // ŷ = σ(50) has rounded to 1 in float; the first class still has probability e^−50.
    const Prediction two = decode(classes({"no", "yes"}, true), Activation::sigmoid, one_row({1.0}), one_row({50.0}));
    EXPECT_DOUBLE_EQ(two.probabilities(0, 0), std::exp(-50.0));
    EXPECT_THAT(two.classes, ElementsAre(1));
    const Prediction three = decode(classes({"a", "b", "c"}, false), Activation::softmax, one_row({1.0, 0.0, 0.0}),
                                    one_row({200.0, 0.0, -100.0}));
    EXPECT_DOUBLE_EQ(three.probabilities(0, 1), std::exp(-200.0));
    EXPECT_DOUBLE_EQ(three.probabilities(0, 2), std::exp(-300.0));
}

TEST(Decode, OneOutputOfAnotherActivationHasScoresAndNoProbabilities) {
    const Prediction prediction = decode(classes({"no", "yes"}, true), Activation::identity, one_row({1.5}));
    EXPECT_THAT(prediction.classes, ElementsAre(1));
    EXPECT_THAT(prediction.scores, ElementsAre(1.5));
    EXPECT_EQ(prediction.probabilities.columns(), 0U);
}

TEST(Decode, SoftmaxOutputsAreTheProbabilities) {
    const Prediction prediction =
        decode(classes({"a", "b", "c"}, false), Activation::softmax, one_row({0.25, 0.5, 0.25}));
    EXPECT_THAT(prediction.classes, ElementsAre(1));
    EXPECT_THAT(row_of(prediction.probabilities, 0), ElementsAre(0.25, 0.5, 0.25));
    EXPECT_TRUE(prediction.scores.empty());
}

TEST(Decode, SeveralSigmoidOutputsAreDividedByTheirSum) {
    const Preprocessing three = classes({"a", "b", "c"}, false);
    EXPECT_THAT(row_of(decode(three, Activation::sigmoid, one_row({0.5, 1.0, 0.5})).probabilities, 0),
                ElementsAre(0.25, 0.5, 0.25));
    // No output says anything: all classes are as likely.
    EXPECT_THAT(row_of(decode(three, Activation::sigmoid, one_row({0, 0, 0})).probabilities, 0),
                ElementsAre(1.0 / 3, 1.0 / 3, 1.0 / 3));
}

TEST(Decode, OfEqualOutputsTheFirstWins) {
    const Preprocessing three = classes({"a", "b", "c"}, false);
    EXPECT_THAT(decode(three, Activation::identity, one_row({-1, 2, 2})).classes, ElementsAre(1));
    EXPECT_THAT(decode(three, Activation::softmax, one_row({1, 1, 1})).classes, ElementsAre(0));
}

// --- Batching -------------------------------------------------------------------------------------------------------

/// 4 numbers in, tanh, tanh, softmax out, random weights.
template <class T>
Model deep_classifier() {
    Model model;
    model.net =
        BasicMlp<T>::random({.sizes = {4, 33, 17, 3}, .hidden = Activation::tanh, .output = Activation::softmax}, 7);
    model.loss = Loss::cross_entropy;
    model.preprocessing = classes({"a", "b", "c"}, false);
    model.preprocessing.features = {
        {.name = "x1", .shift = 0.3, .scale = 0.7}, {.name = "x2"}, {.name = "x3", .scale = 3.0}, {.name = "x4"}};
    return model;
}

/// Rows first … first + count − 1 of an endless table of random numbers and labels.
Table random_rows(std::size_t first, std::size_t count) {
    const RandomStream numbers(3, Purpose::shuffle);
    std::string text = "x1,x2,x3,x4,y\n";
    for (std::size_t i = first; i < first + count; ++i) {
        for (std::size_t j = 0; j < 4; ++j) {
            text += format_number(numbers.uniform(4 * i + j) * 4 - 2) + ',';
        }
        text += std::string(1, static_cast<char>('a' + numbers.below(3, 4 * i))) + '\n';
    }
    return table(text, {});
}

template <class T>
void expect_the_same_bits_for_any_split() {
    const Model model = deep_classifier<T>();
    constexpr std::size_t rows = 2500;
    const ApplyOptions options{.labels = Labels::absent};
    const Matrix<double> whole = predict(model, random_rows(0, rows), options).probabilities;
    const Matrix<double> whole_jacobians = jacobians(model, random_rows(0, rows), options);
    for (const std::size_t part : {1U, 7U, 1023U, 1024U, 1025U}) {
        for (std::size_t first = 0; first < rows; first += part * (part == 1 ? 97 : 1)) {
            const Table some = random_rows(first, std::min<std::size_t>(part, rows - first));
            const Matrix<double> probabilities = predict(model, some, options).probabilities;
            const Matrix<double> derivatives = jacobians(model, some, options);
            for (std::size_t i = 0; i < some.rows; ++i) {
                ASSERT_EQ(row_of(probabilities, i), row_of(whole, first + i)) << "parts of " << part;
                ASSERT_EQ(row_of(derivatives, i), row_of(whole_jacobians, first + i)) << "parts of " << part;
            }
        }
    }
}

TEST(Prediction, DoesNotDependOnHowRowsAreBatchedInFloat) { expect_the_same_bits_for_any_split<float>(); }
TEST(Prediction, DoesNotDependOnHowRowsAreBatchedInDouble) { expect_the_same_bits_for_any_split<double>(); }

// --- Jacobians ------------------------------------------------------------------------------------------------------

TEST(Jacobians, OfALinearNetworkAreItsWeightsInTheUsersUnits) {
    const Matrix<double> J = jacobians(linear_houses<float>(), table(three_houses));
    ASSERT_EQ(J.rows(), 3U);
    for (std::size_t i = 0; i < 3; ++i) {
        // 4·2/50, 4·3, 4·5 by price; −1/50, 0, ½ by tax. The slope 1/50 is rounded once, the product once more.
        const std::vector<double> expected{0.16, 12, 20, -0.02, 0, 0.5};
        for (std::size_t j = 0; j < expected.size(); ++j) {
            EXPECT_NEAR(J(i, j), expected[j], 2 * epsilon * std::abs(expected[j])) << j;
        }
    }
}

TEST(Jacobians, AreTheSlopesOfThePredictions) {
    const Model model = deep_classifier<double>();
    constexpr double h = 1e-5;
    const std::vector<double> x{0.4, -0.9, 1.7, 0.2};
    const auto probabilities = [&](std::size_t moved, double by) {
        std::string text = "x1,x2,x3,x4\n";
        for (std::size_t j = 0; j < 4; ++j) {
            text += (j == 0 ? "" : ",") + format_number(x[j] + (j == moved ? by : 0.0));
        }
        return row_of(predict(model, table(text + '\n', {})).probabilities, 0);
    };
    const Matrix<double> J = jacobians(model, table("x1,x2,x3,x4\n0.4,-0.9,1.7,0.2\n", {}));
    for (std::size_t j = 0; j < 4; ++j) {
        const std::vector<double> above = probabilities(j, h);
        const std::vector<double> below = probabilities(j, -h);
        for (std::size_t k = 0; k < 3; ++k) {
            // The central difference errs by h²/6 times a third derivative of some tens, and by epsilon/h of rounding.
            EXPECT_NEAR(J(0, k * 4 + j), (above[k] - below[k]) / (2 * h), 10 * h * h + 10 * epsilon / h);
        }
    }
}

TEST(Jacobians, AreNamedByOutputAndInput) {
    EXPECT_THAT(jacobian_names(linear_houses<float>()),
                ElementsAre("d(price)/d(area)", "d(price)/d(city=Oslo)", "d(price)/d(city=Rome)", "d(tax)/d(area)",
                            "d(tax)/d(city=Oslo)", "d(tax)/d(city=Rome)"));
    const auto names_with = [](Activation output, bool one_output) {
        Model model;
        model.preprocessing = classes({"no", "yes"}, one_output);
        model.net = Mlp::zeros({.sizes = {1, one_output ? 1U : 2U}, .output = output});
        return jacobian_names(model);
    };
    EXPECT_THAT(names_with(Activation::sigmoid, true), ElementsAre("d(p(yes))/d(x)"));
    EXPECT_THAT(names_with(Activation::identity, true), ElementsAre("d(yes)/d(x)"));
    EXPECT_THAT(names_with(Activation::softmax, false), ElementsAre("d(p(no))/d(x)", "d(p(yes))/d(x)"));
    EXPECT_THAT(names_with(Activation::identity, false), ElementsAre("d(no)/d(x)", "d(yes)/d(x)"));
    // Several σ outputs are not yet the probabilities, which are their shares of the sum.
    EXPECT_THAT(names_with(Activation::sigmoid, false), ElementsAre("d(no)/d(x)", "d(yes)/d(x)"));
}

// --- evaluate -------------------------------------------------------------------------------------------------------

TEST(Evaluate, LossIsInScaledUnitsWithThePenaltyAndMetricsAreInTheUsers) {
    for (Model model : {linear_houses<float>(), linear_houses<double>()}) {
        // Only tax of the second house is off, by ½, and its scale is 1.
        Evaluation evaluation = evaluate(model, table(three_houses));
        EXPECT_EQ(evaluation.rows, 3U);
        EXPECT_NEAR(evaluation.loss, 0.25 / 3, epsilon);
        EXPECT_NEAR(metric(evaluation.metrics, "rmse"), std::sqrt(0.25 / 3) / 2, epsilon);
        EXPECT_NEAR(metric(evaluation.metrics, "mae"), 0.5 / 6, epsilon);
        model.weight_decay = 0.5;  // ½ α ‖W‖² = ¼ (4 + 9 + 25 + 1 + ¼)
        evaluation = evaluate(model, table(three_houses));
        EXPECT_NEAR(evaluation.loss, 0.25 / 3 + 39.25 / 4, 16 * epsilon);
    }
}

TEST(Evaluate, AnErrorIsInTheUsersUnitsOfTheTarget) {
    // 8 too much for the first price is 2 for the network.
    const Evaluation evaluation = evaluate(linear_houses<double>(), table("area,city,price,tax\n150,Oslo,42,-1\n"));
    EXPECT_EQ(evaluation.loss, 4.0);
    EXPECT_EQ(metric(evaluation.metrics, "mae"), 4.0);  // the mean over two targets
}

TEST(Evaluate, SampleWeightsCountInLossAndMetrics) {
    Model model = linear_houses<double>();
    model.preprocessing.weight = "w";
    const Evaluation evaluation = evaluate(model, table("area,city,price,tax,w\n150,Oslo,34,-1,1\n50,Rome,26,2,3\n"));
    EXPECT_NEAR(evaluation.loss, 0.25 * 0.75, epsilon);
    EXPECT_NEAR(metric(evaluation.metrics, "mae"), 0.5 * 0.75 / 2, epsilon);
}

TEST(Evaluate, OneSigmoidOutputHasAccuracyLogLossAndRocAuc) {
    Model model;
    Mlp net = Mlp::zeros({.sizes = {1, 1}, .output = Activation::sigmoid});
    net.weight(0)(0, 0) = 1.0F;
    model.net = net;
    model.loss = Loss::binary_cross_entropy;
    model.preprocessing = classes({"no", "yes"}, true);
    const Evaluation evaluation = evaluate(model, table("x,y\n-1,no\n1,yes\n2,no\n", {}));
    // −log of σ(1), σ(1) and 1 − σ(2); in float a few units in the last place of numbers up to 2.2.
    const double expected = (2 * std::log1p(std::exp(-1.0)) + std::log1p(std::exp(2.0))) / 3;
    constexpr double tolerance = 8 * std::numeric_limits<float>::epsilon();
    EXPECT_NEAR(evaluation.loss, expected, tolerance);
    EXPECT_NEAR(metric(evaluation.metrics, "log_loss"), expected, tolerance);
    EXPECT_NEAR(metric(evaluation.metrics, "accuracy"), 2.0 / 3, epsilon);
    EXPECT_EQ(metric(evaluation.metrics, "roc_auc"), 0.5);
}

TEST(Evaluate, SoftmaxLossIsTheLogLoss) {
    const Evaluation evaluation = evaluate(deep_classifier<double>(), random_rows(0, 100));
    EXPECT_NEAR(evaluation.loss, metric(evaluation.metrics, "log_loss"), 100 * epsilon);
    EXPECT_EQ(evaluation.metrics.size(), 3U);  // no roc_auc for three classes
}

TEST(Evaluate, LabelsMustBeThere) {
    EXPECT_NE(message_of(ErrorKind::data, [] { evaluate(linear_houses<float>(), table("area,city\n1,Oslo\n")); }),
              "nothing");
}

/// What a row's logits leave of −ln p, where p itself is 0 or 1.
std::vector<double> surprisals(const Preprocessing& columns, Activation output, std::vector<double> z) {
    Matrix<double> logits(1, z.size()), yhat(1, z.size());
    std::ranges::copy(z, logits.row(0).begin());
    const Prediction prediction = decode(columns, output, yhat, logits);
    return {prediction.surprisals.row(0).begin(), prediction.surprisals.row(0).end()};
}

TEST(Decode, SaturatedProbabilitiesKeepTheirLogarithms) {
    const Preprocessing two{.task = Task::classification, .classes = {"a", "b"}, .one_output = true};
    EXPECT_EQ(surprisals(two, Activation::sigmoid, {-800.0}), (std::vector<double>{0.0, 800.0}));
    const Preprocessing three{.task = Task::classification, .classes = {"a", "b", "c"}};
    EXPECT_EQ(surprisals(three, Activation::softmax, {0.0, 1000.0, -500.0}),
              (std::vector<double>{1000.0, 0.0, 1500.0}));
    const std::vector<double> shared = surprisals(three, Activation::sigmoid, {-800.0, -801.0, -900.0});
    EXPECT_NEAR(shared[0], std::log1p(std::exp(-1.0)), 1e-12);  // of shares e⁻⁸⁰⁰ and e⁻⁸⁰¹ of their sum
    EXPECT_NEAR(shared[1], 1.0 + std::log1p(std::exp(-1.0)), 1e-12);
    const Preprocessing labels{.task = Task::multilabel, .targets = {{.name = "p"}, {.name = "q"}}};
    EXPECT_EQ(surprisals(labels, Activation::sigmoid, {800.0, -900.0}), (std::vector<double>{800.0, 0.0, 0.0, 900.0}));
}

}  // namespace
}  // namespace handgrad
