// Metrics: scikit-learn's own values, and the properties that define each of them.
#include "handgrad/train/metrics.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <array>
#include <cmath>
#include <limits>

#include "tests/support/metric.hpp"

namespace handgrad {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

template <std::size_t Rows, std::size_t Columns>
Matrix<double> matrix(const double (&values)[Rows][Columns]) {
    Matrix<double> m(Rows, Columns);
    for (std::size_t i = 0; i < Rows; ++i) {
        std::ranges::copy(values[i], m.row(i).begin());
    }
    return m;
}

Matrix<double> column(const std::vector<double>& values) {
    Matrix<double> m(values.size(), 1);
    std::ranges::copy(values, m.values().begin());
    return m;
}

std::vector<std::string> names(const Metrics& metrics) {
    std::vector<std::string> result;
    for (const auto& [name, number] : metrics) {
        result.push_back(name);
    }
    return result;
}

// A handful of sums of at most 6 terms of size 1, in another order than NumPy's: well within 16 ulp.
constexpr double tolerance = 16 * std::numeric_limits<double>::epsilon();

void expect_metrics(const Metrics& got, const Metrics& expected) {
    ASSERT_EQ(names(got), names(expected));
    for (std::size_t i = 0; i < got.size(); ++i) {
        EXPECT_NEAR(got[i].second, expected[i].second, tolerance) << got[i].first;
    }
}

// --- Regression. From scikit-learn 1.2.1, with
// y = [[3,1],[-0.5,2],[2,-1],[7,0.25]]; p = [[2.5,1.5],[0,1],[2,-1.5],[8,0]]; w = None or [1,2,0.5,3]
// r2_score(y, p, sample_weight=w), mean_squared_error(y, p, sample_weight=w, squared=False),
// mean_absolute_error(y, p, sample_weight=w)

const Matrix<double> y = matrix({{3, 1}, {-0.5, 2}, {2, -1}, {7, 0.25}});
const Matrix<double> p = matrix({{2.5, 1.5}, {0, 1}, {2, -1.5}, {8, 0}});
const std::vector<double> row_weights{1, 2, 0.5, 3};

TEST(RegressionMetrics, AreThoseOfScikitLearn) {
    expect_metrics(regression_metrics(p, y),
                   {{"r2", 0.8114376190110834}, {"rmse", 0.6186862178478972}, {"mae", 0.53125}});
}

TEST(RegressionMetrics, AreThoseOfScikitLearnWithWeights) {
    expect_metrics(regression_metrics(p, y, row_weights),
                   {{"r2", 0.7379538204687415}, {"rmse", 0.6937162572201154}, {"mae", 0.6153846153846154}});
}

TEST(RegressionMetrics, AreThoseOfScikitLearnForOneOutput) {
    const MatrixView<const double> y0(y.values().data(), 4, 1, 2);
    const MatrixView<const double> p0(p.values().data(), 4, 1, 2);
    expect_metrics(regression_metrics(p0, y0),
                   {{"r2", 0.9486081370449679}, {"rmse", 0.6123724356957945}, {"mae", 0.5}});
    expect_metrics(regression_metrics(p0, y0, row_weights),
                   {{"r2", 0.9463401210787011}, {"rmse", 0.7595545253127499}, {"mae", 0.6923076923076923}});
}

TEST(RegressionMetrics, R2IsZeroForTheMeanAndOneForTheTruth) {
    EXPECT_EQ(metric(regression_metrics(column({2, 2, 2}), column({1, 2, 3})), "r2"), 0.0);
    EXPECT_EQ(metric(regression_metrics(column({1, 2, 3}), column({1, 2, 3})), "r2"), 1.0);
}

TEST(RegressionMetrics, R2OfAConstantTargetIsNotDefined) {
    // The rounded mean of three 0.1 is not 0.1, so the sum of squares about it would not say that it is constant.
    EXPECT_TRUE(std::isnan(metric(regression_metrics(column({0.1, 0.1, 0.1}), column({0.1, 0.1, 0.1})), "r2")));
    EXPECT_TRUE(std::isnan(metric(regression_metrics(column({0.1, 0.2, 0.1}), column({0.1, 0.1, 0.1})), "r2")));
}

TEST(RegressionMetrics, R2IsNotDefinedForFewerThanTwoRows) {
    const Metrics one = regression_metrics(column({1}), column({3}));
    EXPECT_TRUE(std::isnan(metric(one, "r2")));
    EXPECT_EQ(metric(one, "rmse"), 2.0);
    EXPECT_EQ(metric(one, "mae"), 2.0);
    for (const auto& [name, number] : regression_metrics(column({}), column({}))) {
        EXPECT_TRUE(std::isnan(number)) << name;
    }
}

TEST(RegressionMetrics, ARowWithoutWeightDoesNotCount) {
    const std::vector<double> weights{1, 1, 0, 1};
    const auto with = regression_metrics(column({1, 2, infinity, 4}), column({1, 3, 5, 3}), weights);
    const auto without = regression_metrics(column({1, 2, 4}), column({1, 3, 3}));
    EXPECT_EQ(with, without);
}

TEST(RegressionMetrics, ANotANumberIsNotHidden) {
    for (const auto& [name, number] : regression_metrics(column({1, std::nan("")}), column({2, 2}))) {
        EXPECT_TRUE(std::isnan(number)) << name;
    }
}

// --- Classification. From scikit-learn 1.2.1, with
// t = [0,1,1,0,1,0]; P = [.1,.4,.4,.4,.9,.7]; w = None or [1,2,.5,3,.25,1]
// accuracy_score(t, P > .5, sample_weight=w), log_loss(t, P, sample_weight=w), roc_auc_score(t, P, sample_weight=w)

const std::vector<std::uint32_t> two_classes{0, 1, 1, 0, 1, 0};
const std::vector<std::uint32_t> two_predicted{0, 0, 0, 0, 1, 1};
const std::vector<double> positive{.1, .4, .4, .4, .9, .7};
const Matrix<double> two_probabilities = matrix({{.9, .1}, {.6, .4}, {.6, .4}, {.6, .4}, {.1, .9}, {.3, .7}});

TEST(ClassificationMetrics, AreThoseOfScikitLearnForTwoClasses) {
    expect_metrics(classification_metrics(two_predicted, two_classes, two_probabilities),
                   {{"accuracy", 0.5},
                    {"balanced_accuracy", 0.5},
                    {"log_loss", 0.6263501538593148},
                    {"roc_auc", 0.6666666666666667}});
}

TEST(ClassificationMetrics, AreThoseOfScikitLearnForTwoClassesWithWeights) {
    const std::vector<double> weights{1, 2, .5, 3, .25, 1};
    expect_metrics(classification_metrics(two_predicted, two_classes, two_probabilities, positive, weights),
                   {{"accuracy", 0.5483870967741935},
                    {"balanced_accuracy", 0.4454545454545455},
                    {"log_loss", 0.6656615677266552},
                    {"roc_auc", 0.5454545454545454}});
}

TEST(ClassificationMetrics, AreThoseOfScikitLearnForThreeClasses) {
    // t = [0,2,1,2]; Q = [[.7,.2,.1],[.1,.2,.7],[.5,.3,.2],[.25,.5,.25]]; w = None or [1,2,3,4]
    // accuracy_score(t, Q.argmax(1), sample_weight=w), log_loss(t, Q, sample_weight=w)
    const Matrix<double> Q = matrix({{.7, .2, .1}, {.1, .2, .7}, {.5, .3, .2}, {.25, .5, .25}});
    const std::vector<std::uint32_t> t{0, 2, 1, 2};
    const std::vector<std::uint32_t> predicted{0, 2, 0, 1};
    expect_metrics(classification_metrics(predicted, t, Q),
                   {{"accuracy", 0.5}, {"balanced_accuracy", 0.5}, {"log_loss", 0.8259042633308229}});
    const std::vector<double> weights{1, 2, 3, 4};
    expect_metrics(classification_metrics(predicted, t, Q, {}, weights),
                   {{"accuracy", 0.3}, {"balanced_accuracy", 0.4444444444444444}, {"log_loss", 1.022712068927357}});
}

TEST(ClassificationMetrics, WithoutProbabilitiesThereIsNoLogLoss) {
    const Matrix<double> none(6, 0);
    EXPECT_EQ(names(classification_metrics(two_predicted, two_classes, none)),
              (std::vector<std::string>{"accuracy", "balanced_accuracy"}));
    expect_metrics(classification_metrics(two_predicted, two_classes, none, positive),
                   {{"accuracy", 0.5}, {"balanced_accuracy", 0.5}, {"roc_auc", 0.6666666666666667}});
}

TEST(ClassificationMetrics, ProbabilitiesAreNotClipped) {
    const std::vector<std::uint32_t> t{0, 1};
    const auto metrics = classification_metrics(t, t, matrix({{1, 0}, {1, 0}}));
    EXPECT_EQ(metric(metrics, "log_loss"), infinity);
    const std::vector<double> only_the_first{1, 0};
    EXPECT_EQ(metric(classification_metrics(t, t, matrix({{1, 0}, {1, 0}}), {}, only_the_first), "log_loss"), 0.0);
}

TEST(ClassificationMetrics, RocAucIsNotDefinedWhenOnlyOneClassIsThereOrAScoreIsNotANumber) {
    const Matrix<double> none(2, 0);
    const std::vector<double> scores{.2, .8};
    const std::vector<std::uint32_t> ones{1, 1};
    EXPECT_TRUE(std::isnan(metric(classification_metrics(ones, ones, none, scores), "roc_auc")));
    const std::vector<std::uint32_t> both{0, 1};
    EXPECT_EQ(metric(classification_metrics(both, both, none, scores), "roc_auc"), 1.0);
    const std::vector<double> broken{.2, std::nan("")};
    EXPECT_TRUE(std::isnan(metric(classification_metrics(both, both, none, broken), "roc_auc")));
}

/// Some rows of two classes with few distinct scores, so that ties are common.
struct Ranking {
    std::vector<std::uint32_t> target;
    std::vector<double> scores;
    std::vector<double> weights;
};

rc::Gen<Ranking> rankings() {
    const auto row = rc::gen::tuple(rc::gen::inRange(0U, 2U), rc::gen::inRange(-3, 4), rc::gen::inRange(0, 4));
    return rc::gen::map(rc::gen::container<std::vector<std::tuple<unsigned, int, int>>>(row), [](const auto& rows) {
        Ranking ranking;
        for (const auto& [target, score, weight] : rows) {
            ranking.target.push_back(target);
            ranking.scores.push_back(score);
            ranking.weights.push_back(weight);
        }
        return ranking;
    });
}

double auc(const Ranking& r) {
    return metric(classification_metrics(r.target, r.target, Matrix<double>(r.target.size(), 0), r.scores, r.weights),
                  "roc_auc");
}

RC_GTEST_PROP(ClassificationMetrics, RocAucIsTheShareOfPairsInOrderWithTiesAsHalf, ()) {
    const Ranking r = *rankings();
    RC_PRE(!r.target.empty());
    double pairs = 0.0;
    double in_order = 0.0;
    for (std::size_t i = 0; i < r.target.size(); ++i) {
        for (std::size_t j = 0; j < r.target.size(); ++j) {
            if (r.target[i] == 0 && r.target[j] == 1) {
                const double weight = r.weights[i] * r.weights[j];
                pairs += weight;
                in_order += weight * (r.scores[i] < r.scores[j] ? 1.0 : r.scores[i] == r.scores[j] ? 0.5 : 0.0);
            }
        }
    }
    if (pairs == 0.0) {
        RC_ASSERT(std::isnan(auc(r)));
    } else {
        RC_ASSERT(auc(r) == in_order / pairs);  // sums of small multiples of 1/2 are exact
    }
}

RC_GTEST_PROP(ClassificationMetrics, RocAucOfTheReversedOrderIsOneMinusIt, ()) {
    Ranking r = *rankings();
    RC_PRE(!r.target.empty());
    const double before = auc(r);
    for (double& score : r.scores) {
        score = -score;
    }
    RC_ASSERT((std::isnan(before) ? std::isnan(auc(r)) : std::abs(auc(r) - (1.0 - before)) <= tolerance));
}

}  // namespace
}  // namespace handgrad
