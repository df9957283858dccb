// Scores where scikit-learn and NumPy (tests/python/test_evaluation.py) cannot follow: nothing there, edges, exact
// shares.
#include "handgrad/train/scores.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace handgrad {
namespace {

const std::vector<std::uint32_t> actual{0, 0, 1, 1, 1, 2};
const std::vector<std::uint32_t> predicted{0, 1, 1, 1, 0, 0};

TEST(Scores, AClassThatIsNeverPredictedHasNoPrecisionAndOneThatIsNotThereNoRecall) {
    const std::vector<ClassScore> scores = class_scores(predicted, actual, 4);
    EXPECT_EQ(scores[0].precision, 1.0 / 3.0);
    EXPECT_EQ(scores[1].recall, 2.0 / 3.0);
    EXPECT_TRUE(std::isnan(scores[2].precision));
    EXPECT_EQ(scores[2].recall, 0.0);
    EXPECT_EQ(scores[2].f1, 0.0);
    EXPECT_TRUE(std::isnan(scores[3].precision) && std::isnan(scores[3].recall) && std::isnan(scores[3].f1));
    const ClassScore macro = macro_average(scores);
    EXPECT_EQ(macro.rows, 6U);
    EXPECT_DOUBLE_EQ(macro.precision, 0.5);
    EXPECT_DOUBLE_EQ(macro.recall, (0.5 + 2.0 / 3.0) / 3.0);
}

TEST(Scores, MistakesComeInTheOrderOfTheirNumber) {
    const std::vector<Confused> confused = most_confused({{0, 2, 2, 1, 0, 2, 1}}, {{0, 1, 1, 0, 2, 2, 1}}, 2);
    ASSERT_EQ(confused.size(), 2U);
    EXPECT_EQ(confused[0].target, 1U);
    EXPECT_EQ(confused[0].predicted, 2U);
    EXPECT_EQ(confused[0].rows, 2U);
    EXPECT_EQ(confused[1].target, 0U);
}

TEST(Scores, TheMedianOfAnEvenNumberOfErrorsIsBetweenTheMiddleTwo) {
    const auto median = [](std::vector<double> y, std::vector<double> weights = {}) {
        return target_metrics(std::vector<double>(y.size()), y, weights).back().second;
    };
    EXPECT_EQ(median({1, -4, 2, 10}), 3.0);
    EXPECT_EQ(median({1, -4, 10}), 4.0);
    EXPECT_EQ(median({1, -4, 10}, {1, 1, 9}), 10.0);
    EXPECT_EQ(median({1, -4, 10}, {1, 1, 0}), 1.0);
    EXPECT_TRUE(std::isnan(median({1, std::numeric_limits<double>::quiet_NaN()})));
    EXPECT_TRUE(std::isnan(median({})));
}

TEST(Scores, SavedIsTheShareOfTheErrorsThatIsGone) {
    const Skill half = skill_of(std::vector<double>{1, 1, 1, 1}, std::vector<double>{2, 2, 2, 2});
    EXPECT_EQ(half.saved, 0.5);
    EXPECT_EQ(half.standard_error, 0.0);
    EXPECT_EQ(skill_of(std::vector<double>{4, 0}, std::vector<double>{1, 1}).saved, -1.0);
    EXPECT_TRUE(std::isnan(skill_of(std::vector<double>{1}, std::vector<double>{0}).saved));
    EXPECT_EQ(skill_of(std::vector<double>{std::nan("")}, std::vector<double>{1}).saved,
              -std::numeric_limits<double>::infinity());
}

TEST(Scores, CertaintyThatIsRightIsCalibratedAndCertaintyThatIsWrongIsNot) {
    Matrix<double> sure(20, 2);
    std::vector<std::uint32_t> said(20, 1), right(20, 1);
    for (std::size_t row = 0; row < 20; ++row) {
        sure(row, 1) = 1.0;
    }
    EXPECT_EQ(calibration(sure, said, right).error, 0.0);
    right.assign(20, 0);
    const Calibration wrong = calibration(sure, said, right);
    EXPECT_EQ(wrong.error, 1.0);
    EXPECT_GT(wrong.lowest, 0.8);
    EXPECT_EQ(wrong.highest, 1.0);
}

}  // namespace
}  // namespace handgrad
