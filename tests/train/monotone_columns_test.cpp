// Monotone columns of a table: which input is meant, what is told and kept, and what is refused in which words.
#include "handgrad/train/monotone_columns.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <variant>
#include <vector>

#include "handgrad/nn/monotone.hpp"
#include "handgrad/train/fit.hpp"
#include "handgrad/train/prediction.hpp"
#include "tests/support/draw.hpp"
#include "tests/support/fixed_options.hpp"
#include "tests/support/raised.hpp"
#include "tests/support/tables.hpp"

namespace handgrad {
namespace {

/// a rises in waves, b falls; a town, a date, a column that never changes.
Table table() {
    Draw draw(8, 2);
    const std::string text = csv_lines("a,town,\"b,c\",when,same,n+,y,kind,w", 60, [&](std::size_t row) {
        const double a = draw.uniform(0.0, 30.0), b = draw.uniform(100.0, 400.0);
        const double y = 3.0 * a - 0.1 * b + 60.0 * std::sin(a / 3.0) + draw.uniform(-10.0, 10.0);
        return format_number(a) + "," + (row % 2 == 0 ? "Oslo" : "Rome") + "," + format_number(b) + ",2024-01-" +
               std::string(row % 28 < 9 ? "0" : "") + std::to_string(row % 28 + 1) + ",5," + format_number(a * b) +
               "," + format_number(y) + "," + std::string("xyz").substr(row % 3, 1) + "," + format_number(1.0);
    });
    return read_csv(text, "t.csv", ReadOptions{.delimiter = ',', .date_columns = {"when"}});
}

FitOptions options_for(std::vector<std::string> monotone) {
    FitOptions options = fixed_options();
    options.columns.targets = {"y"};
    options.columns.drop = {"kind"};
    options.columns.weight = "w";
    options.hidden = {8, 6};
    options.hidden_activation = {Activation::tanh};
    options.training.epochs = 300;
    options.training.optimizer.learning_rate = 0.02;
    options.monotone = std::move(monotone);
    return options;
}

std::string refused(const std::string& column) {
    return raised([&] { fit(table(), options_for({column})); });
}

/// Of a column over all rows: does some ∂ŷ/∂x, in the table's units, have the wrong sign?
bool breaks(const Model& model, std::size_t input, double sign) {
    const Matrix<double> J = jacobians(model, table(), {.allow_extra = true});
    for (std::size_t row = 0; row < J.rows(); ++row) {
        if (sign * J(row, input) < 0.0) {
            return true;
        }
    }
    return false;
}

TEST(MonotoneColumns, FitKeepsThemInTheTablesUnitsAndTells) {
    std::vector<std::string> told;
    const FitCallbacks callbacks{.on_notice = [&](const Notice& notice) { told.push_back(notice.text); }};
    const FitResult held = fit(table(), options_for({"b,c-", "a+", "same+"}), callbacks);
    const FitResult free = fit(table(), options_for({}));
    EXPECT_FALSE(breaks(held.model, 0, 1.0));
    EXPECT_FALSE(breaks(held.model, 3, -1.0));  // behind a and both towns
    EXPECT_TRUE(breaks(free.model, 0, 1.0) || breaks(free.model, 3, -1.0)) << "the table would not teach anything else";
    EXPECT_THAT(told,
                testing::Contains("monotone: 'y' never falls with 'a', 'same', never rises with 'b,c', whatever the "
                                  "other columns are"));
    EXPECT_EQ(std::get<std::vector<std::string>>(held.model.settings.at("monotone")),
              (std::vector<std::string>{"b,c-", "a+", "same+"}));
    EXPECT_EQ(held.model.preprocessing, free.model.preprocessing);
}

TEST(MonotoneColumns, SignsStandAtTheInputsOfTheirColumns) {
    const FitResult fitted = fit(table(), options_for({}));
    const Preprocessing& columns = fitted.model.preprocessing;
    EXPECT_THAT(columns.input_names(), testing::ElementsAre("a", "town=Oslo", "town=Rome", "b,c", "when:days",
                                                            "when:year_part", "same", "n+"));
    EXPECT_THAT(input_signs({"n++", "when:days-"}, columns, "t"), testing::ElementsAre(0, 0, 0, 0, -1, 0, 0, 1));
    EXPECT_THAT(input_signs({}, columns, "t"), testing::IsEmpty());
}

TEST(MonotoneColumns, WhatIsNoInputOfNumbersSaysWhy) {
    EXPECT_EQ(refused("age+"),
              "data: t.csv: there is no column 'age'; the inputs are 'a', 'town', 'b,c', 'when:days', "
              "'when:year_part', 'same', 'n+' {monotone}");
    EXPECT_THAT(refused("sane-"),
                testing::StartsWith("data: t.csv: there is no column 'sane' (did you mean 'same'?); "));
    EXPECT_EQ(refused("n+"),
              "data: t.csv: there is no column 'n'; for the column 'n+' write its + or - behind that: n++ "
              "{monotone}");
    EXPECT_EQ(refused("town+"),
              "data: t.csv: column 'town' holds categories, which have no order to rise or fall in; "
              "name columns of numbers {monotone}");
    EXPECT_EQ(refused("when-"),
              "data: t.csv: column 'when' is a date, of which the network sees the numbers 'when:days', "
              "'when:year_part'; name one of these, for instance when:days- {monotone}");
    EXPECT_EQ(refused("y+"),
              "usage: t.csv: column 'y' is learned, and cannot be monotone in itself; name an input {monotone}");
    EXPECT_EQ(refused("w+"),
              "usage: t.csv: column 'w' has the weights of rows, and is no input; name an input {monotone}");
    EXPECT_EQ(
        refused("kind+"),
        "usage: t.csv: column 'kind' is left out of what is learned from, and is no input; name an input {monotone}");
}

TEST(MonotoneColumns, ATextWithoutADirectionSaysHow) {
    for (const char* text : {"a", "+", ""}) {
        EXPECT_THAT(refused(text),
                    testing::StartsWith("usage: monotone: '" + std::string(text) +
                                        "' does not say in which direction; write the column's name and, "
                                        "right behind it, + if the answer may not fall"));
    }
    EXPECT_EQ(raised([&] {
                  fit(table(), options_for({"a+", "a-"}));
              }),
              "usage: monotone: column 'a' is named twice; name it once {monotone}");
}

TEST(MonotoneColumns, NetworksAndSolversThatPromiseNothingAreRefused) {
    FitOptions options = options_for({"a+"});
    options.hidden_activation = {Activation::gelu};
    EXPECT_THAT(raised([&] { fit(table(), options); }), testing::HasSubstr("go together with no gelu"));
    options = options_for({"a+"});
    options.training.optimizer = usual_options(OptimizerKind::lm);
    EXPECT_THAT(raised([&] { fit(table(), options); }), testing::HasSubstr("{monotone, optimizer=adam}"));
}

FitOptions classes(const std::string& target, std::vector<std::string> monotone) {
    FitOptions options = options_for(std::move(monotone));
    options.columns.targets = {target};
    options.columns.drop = {"y"};
    return options;
}

TEST(MonotoneColumns, TwoClassesRiseByTheProbabilityOfTheSecondAndMoreAreRefused) {
    std::vector<std::string> told;
    const FitCallbacks callbacks{.on_notice = [&](const Notice& notice) { told.push_back(notice.text); }};
    FitOptions two = classes("town", {"a-"});
    two.columns.drop = {"y", "kind"};
    const FitResult fitted = fit(table(), two, callbacks);
    EXPECT_THAT(told, testing::Contains("monotone: p(Rome) never rises with 'a', whatever the other columns are"));
    EXPECT_FALSE(breaks(fitted.model, 0, -1.0));
    EXPECT_EQ(raised([] { fit(table(), classes("kind", {"a+"})); }),
              "usage: monotone columns need one answer that can rise or fall, and 3 classes have none: leave the "
              "monotone columns out, learn whether it is one of the classes (two classes), or numbers in their place "
              "{monotone}");
    two.output_activation = Activation::softmax;
    EXPECT_THAT(raised([&] { fit(table(), two); }),
                testing::EndsWith("{monotone, output_activation=sigmoid, loss=binary_cross_entropy}"));
}

}  // namespace
}  // namespace handgrad
