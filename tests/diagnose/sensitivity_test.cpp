// Sensitivity: statistics of ∂ŷ/∂x against jacobians() and by hand, permutation importance, and Friedman's function.
#include "handgrad/diagnose/sensitivity.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <limits>
#include <numbers>

#include "handgrad/base/error.hpp"
#include "handgrad/train/fit.hpp"
#include "handgrad/train/prediction.hpp"
#include "tests/support/draw.hpp"
#include "tests/support/fixed_options.hpp"
#include "tests/support/houses.hpp"
#include "tests/support/tables.hpp"

namespace handgrad::diagnose {
namespace {

const std::string three_houses = "area,city,price,tax\n150,Oslo,34,-1\n50,Rome,26,1.5\n100,Oslo,26,0\n";

TEST(Sensitivity, OfALinearModelIsItsSlopesInTheUsersUnits) {
    const Table table = read_csv(three_houses, "t.csv", {.text_columns = {"city"}});
    const std::vector<ColumnSensitivity> columns = sensitivity(linear_houses<double>(), table);
    ASSERT_EQ(columns.size(), 6U);  // area, city=Oslo, city=Rome by price, tax
    EXPECT_EQ(columns[0].name, "area");
    EXPECT_EQ(columns[0].target, "price");
    EXPECT_DOUBLE_EQ(columns[0].mean, 4.0 * 2.0 / 50.0);
    EXPECT_DOUBLE_EQ(columns[0].rms, 4.0 * 2.0 / 50.0);
    EXPECT_EQ(columns[0].sd, 0.0);
    EXPECT_EQ(columns[0].sign, 1.0);
    EXPECT_DOUBLE_EQ(columns[0].effect, 0.16 * std::sqrt((2500.0 + 2500.0 + 0.0) / 3.0));
    EXPECT_EQ(columns[1].target, "tax");
    EXPECT_EQ(columns[1].sign, -1.0);
    EXPECT_EQ(columns[3].name, "city=Oslo");
    EXPECT_EQ(columns[3].target, "tax");
    EXPECT_EQ(columns[3].rms, 0.0);
    EXPECT_EQ(columns[3].sign, 0.0);
    EXPECT_DOUBLE_EQ(columns[4].mean, 20.0);
    EXPECT_EQ(columns[2].permutation, columns[4].permutation);  // the column city is shuffled as a whole
    EXPECT_GE(columns[0].permutation, 0.0);                     // the model is exact: any shuffle makes it worse
}

TEST(Sensitivity, WithoutLabelsThereIsNoPermutation) {
    const Table table = read_csv("area,city\n150,Oslo\n50,Rome\n", "t.csv", {.text_columns = {"city"}});
    const std::vector<ColumnSensitivity> columns =
        sensitivity(linear_houses<double>(), table, {.labels = Labels::absent});
    EXPECT_DOUBLE_EQ(columns[0].mean, 0.16);
    EXPECT_TRUE(std::isnan(columns[0].permutation));
}

/// Friedman's first function, 10 sin(π x₁x₂) + 20 (x₃ − ½)² + 10 x₄ + 5 x₅ + noise; x₆ … x₁₀ have no part in it.
Table friedman(std::size_t rows) {
    Draw draw(3);
    const auto line = [&](std::size_t) {
        std::array<double, 10> x{};
        std::string text;
        for (double& value : x) {
            value = draw.uniform(0.0, 1.0);
            text += format_number(value) + ",";
        }
        const double y = 10.0 * std::sin(std::numbers::pi * x[0] * x[1]) + 20.0 * (x[2] - 0.5) * (x[2] - 0.5) +
                         10.0 * x[3] + 5.0 * x[4] + draw.normal();
        return text + format_number(y);
    };
    return read_csv(csv_lines("x1,x2,x3,x4,x5,x6,x7,x8,x9,x10,y", rows, line), "friedman.csv", {});
}

TEST(Sensitivity, OnFriedmansFirstFunctionTheNoiseColumnsRankLast) {
    const Table table = friedman(1000);
    FitOptions options = fixed_options();
    options.columns.targets = {"y"};
    options.training.epochs = 30;
    options.training.optimizer.learning_rate = 0.01;
    const Model model = fit(table, options).model;
    const std::vector<ColumnSensitivity> columns = sensitivity(model, table);
    ASSERT_EQ(columns.size(), 10U);
    for (const auto measure : {&ColumnSensitivity::rms, &ColumnSensitivity::effect, &ColumnSensitivity::permutation}) {
        for (std::size_t noise = 5; noise < 10; ++noise) {
            for (std::size_t signal = 0; signal < 5; ++signal) {
                EXPECT_LT(columns[noise].*measure, columns[signal].*measure)
                    << columns[noise].name << " " << columns[signal].name;
            }
        }
    }
    EXPECT_GT(columns[3].sign, 0.9);            // 10 x4 always rises
    EXPECT_LT(std::abs(columns[2].sign), 0.5);  // the parabola of x3 falls and rises
}

TEST(Sensitivity, IsThatOfTheJacobiansWhateverTheBlocks) {
    const Table table = friedman(1500);
    FitOptions options = fixed_options();
    options.columns.targets = {"y"};
    options.training.epochs = 1;
    const Model model = fit(table, options).model;
    const Matrix<double> J = jacobians(model, table);
    const std::vector<ColumnSensitivity> columns = sensitivity(model, table, {}, {.repeats = 1});
    for (std::size_t j = 0; j < 10; ++j) {
        double sum = 0.0, squares = 0.0, signs = 0.0;
        for (std::size_t row = 0; row < 1500; ++row) {
            sum += J(row, j);
            squares += J(row, j) * J(row, j);
            signs += J(row, j) > 0.0 ? 1.0 : -1.0;
        }
        const double rms = std::sqrt(squares / 1500.0);
        const double roundings = 1500.0 * std::numeric_limits<double>::epsilon();
        EXPECT_NEAR(columns[j].mean, sum / 1500.0, roundings * rms);
        EXPECT_NEAR(columns[j].rms, rms, roundings * rms);
        EXPECT_EQ(columns[j].sign, signs / 1500.0);
        EXPECT_NEAR(columns[j].sd * columns[j].sd, squares / 1500.0 - sum / 1500.0 * (sum / 1500.0),
                    roundings * rms * rms);
    }
}

TEST(Sensitivity, PermutationDependsOnTheSeedAlone) {
    const Table table = friedman(100);
    FitOptions options = fixed_options();
    options.columns.targets = {"y"};
    options.training.epochs = 1;
    const Model model = fit(table, options).model;
    const auto first = [&](const SensitivityOptions& how, const Execution& execution) {
        return sensitivity(model, table, {}, how, execution)[0].permutation;
    };
    EXPECT_EQ(first({.seed = 1}, {.threads = 1}), first({.seed = 1}, {.threads = 4}));
    EXPECT_NE(first({.seed = 1}, {}), first({.seed = 2}, {}));
}

TEST(Sensitivity, WithoutRowsThereIsNothingToMeasure) {
    EXPECT_THROW(
        sensitivity(linear_houses<double>(), read_csv("area,city,price,tax\n", "t.csv", {.text_columns = {"city"}})),
        Error);
}

}  // namespace
}  // namespace handgrad::diagnose
