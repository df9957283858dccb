// Rows of a table as numbers for the network, and a message for every row that cannot be one.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cmath>

#include "handgrad/data/preprocessing.hpp"
#include "tests/support/raised.hpp"

namespace handgrad {
namespace {

using ::testing::ElementsAre;

Table read(std::string_view text, const ReadOptions& options = {}) { return read_csv(text, "t.csv", options); }

Preprocessing fit(const Table& table, const PreprocessingOptions& options) {
    const std::vector<std::size_t> rows = all_rows(table.rows);
    return fit_preprocessing(table, rows, rows, options);
}

BasicDataset<double> apply(const Preprocessing& fitted, const Table& table, const ApplyOptions& options = {}) {
    return apply_preprocessing<double>(fitted, table, all_rows(table.rows), options);
}

std::string error(const Preprocessing& fitted, const Table& table, const ApplyOptions& options = {}) {
    return raised([&] { apply(fitted, table, options); });
}

const PreprocessingOptions unscaled{.targets = {"y"}, .scale = Scale::none};
const PreprocessingOptions classify{.targets = {"y"}, .scale = Scale::none, .task = Task::classification};

TEST(Apply, NumbersAreShiftedAndScaledAndCategoriesAreZeroOrOne) {
    const Table table = read("city,n,y\nRome,1,10\nOslo,5,30\n");
    const Preprocessing fitted = fit(table, {.targets = {"y"}, .scale_target = true});
    const BasicDataset<double> data = apply(fitted, table);
    EXPECT_THAT(data.x.values(), ElementsAre(0, 1, -1, 1, 0, 1));
    EXPECT_THAT(data.y.values(), ElementsAre(-1, 1));
    EXPECT_TRUE(data.weights.empty());
    EXPECT_EQ(data.rows(), 2);
}

TEST(Apply, OnlyTheNamedRowsAreEncodedInTheirOrder) {
    const Table table = read("a,y\n1,10\nbad,\n3,30\n", {.missing = {"bad", ""}});
    Preprocessing fitted;
    fitted.features = {{.name = "a"}};
    fitted.targets = {{.name = "y"}};
    const std::vector<std::size_t> rows{2, 0};
    const BasicDataset<float> data = apply_preprocessing<float>(fitted, table, rows);
    EXPECT_THAT(data.x.values(), ElementsAre(3, 1));
    EXPECT_THAT(data.y.values(), ElementsAre(30, 10));
}

TEST(Apply, ManyRowsAndColumnsLandWhereTheyBelong) {
    constexpr std::size_t rows = 150;
    Table table;
    table.source = "x.npy";
    table.rows = rows;
    for (std::size_t j = 0; j < 3; ++j) {
        Column column;
        column.name = "x" + std::to_string(j + 1);
        column.has_numbers = true;
        for (std::size_t i = 0; i < rows; ++i) {
            column.numbers.push_back(static_cast<double>(10 * i + j));
        }
        table.columns.push_back(column);
    }
    const Preprocessing fitted = fit(table, {.targets = {"x3"}, .scale = Scale::none});
    const BasicDataset<double> data = apply(fitted, table);
    for (std::size_t i = 0; i < rows; ++i) {
        EXPECT_THAT(data.x.row(i), ElementsAre(10.0 * static_cast<double>(i), 10.0 * static_cast<double>(i) + 1));
        EXPECT_EQ(data.y(i, 0), 10.0 * static_cast<double>(i) + 2);
    }
}

TEST(Apply, MissingNumbersBecomeWhatTheModelKeeps) {
    const Table table = read("a,y\n1,0\n,0\n3,0\n");
    const Preprocessing fitted = fit(table, {.targets = {"y"}, .impute = Impute::mean, .scale = Scale::none});
    EXPECT_THAT(apply(fitted, table).x.values(), ElementsAre(1, 2, 3));
}

// Columns -------------------------------------------------------------------------------------------------------------

TEST(Apply, ColumnsAreMatchedByName) {
    const Preprocessing fitted = fit(read("a,b,y\n1,2,3\n4,5,6\n"), unscaled);
    const BasicDataset<double> data = apply(fitted, read("y,b,a\n9,8,7\n"));
    EXPECT_THAT(data.x.values(), ElementsAre(7, 8));
    EXPECT_THAT(data.y.values(), ElementsAre(9));
}

TEST(Apply, MissingAndExtraColumnsAreListed) {
    const Preprocessing fitted = fit(read("age,b,y\n1,2,3\n4,5,6\n"), unscaled);
    EXPECT_EQ(
        error(fitted, read("agee,b,y\n1,2,3\n")),
        "data: t.csv: the model needs the column 'age' (did you mean 'agee'?), which is not there; the model does "
        "not know the column 'agee'; remove what is too much, or allow it {allow_extra}");
    EXPECT_EQ(error(fitted, read("c,y\n1,2\n")),
              "data: t.csv: the model needs the columns 'age', 'b', which are not there; the model does not know the "
              "column 'c'; remove what is too much, or allow it {allow_extra}");
    EXPECT_EQ(error(fitted, read("age,b,y,c,d\n1,2,3,4,x\n")),
              "data: t.csv: the model does not know the columns 'c', 'd'; remove what is too much, or allow it "
              "{allow_extra}");
    EXPECT_EQ(error(fitted, read("age,b,y,c,d\n1,2,3,4,x\n"), {.allow_extra = true}), "nothing");
    EXPECT_EQ(error(fitted, read("age,y,c\n1,2,3\n"), {.allow_extra = true}),
              "data: t.csv: the model needs the column 'b', which is not there");
}

TEST(Apply, LabelsAndWeightMayBeAbsentOrPresentUnreadWhenNotRequired) {
    const Preprocessing fitted =
        fit(read("a,w,y\n1,1,3\n4,1,6\n"), {.targets = {"y"}, .weight = "w", .scale = Scale::none});
    const BasicDataset<double> data = apply(fitted, read("a\n7\n"), {.labels = Labels::absent});
    EXPECT_THAT(data.x.values(), ElementsAre(7));
    EXPECT_EQ(data.y.rows(), 0);
    EXPECT_TRUE(data.weights.empty());
    EXPECT_EQ(error(fitted, read("a,w,y\n7,no,?\n"), {.labels = Labels::absent}), "nothing");
    EXPECT_EQ(error(fitted, read("a\n7\n")), "data: t.csv: the model needs the columns 'y', 'w', which are not there");
}

// Cells ---------------------------------------------------------------------------------------------------------------

TEST(Apply, MissingAndInfiniteNumbersAreErrorsWithTheirPlace) {
    const Preprocessing fitted = fit(read("a,y\n1,0\n3,0\n"), unscaled);
    EXPECT_EQ(error(fitted, read("a,y\n1,0\n,0\nNA,0\n")),
              "data: t.csv:3: column 'a': missing (2 such rows), and the model was trained without imputation; fill it "
              "in, or train with it {impute=mean}");
    EXPECT_EQ(error(fitted, read("a,y\n1,0\ninf,0\n")),
              "data: t.csv:3: column 'a': 'inf' is not finite; correct the cell, or count its text as missing if it "
              "means that {missing}");
    Table binary = read("a,y\n1,0\n1,0\n");
    binary.source = "x.npy";
    binary.lines.clear();
    binary.columns[0].numbers[1] = INFINITY;
    EXPECT_EQ(error(fitted, binary),
              "data: x.npy: row 1: column 'a': inf is not finite; correct it, or leave out the row");
    EXPECT_EQ(error(fitted, read("a,y\nRome,0\n")),
              "data: t.csv: column 'a' holds texts ('Rome'), but the model learned numbers there");
}

TEST(Apply, NumbersTooLargeForTheModelsPrecisionAreErrors) {
    const Preprocessing fitted = fit(read("a,y\n1,0\n3,0\n"), unscaled);
    const Table large = read("a,y\n1e39,0\n");
    EXPECT_EQ(error(fitted, large), "nothing");
    const std::vector<std::size_t> rows{0};
    EXPECT_EQ(raised([&] { apply_preprocessing<float>(fitted, large, rows); }),
              "data: t.csv:2: column 'a': 1e+39 becomes 1e+39 when scaled, too large for single precision; compute in "
              "double precision, or rescale the column {dtype=f64}");
    Preprocessing steep = fitted;
    steep.features[0].scale = 1e-10;
    EXPECT_EQ(error(steep, read("a,y\n1e300,0\n")),
              "data: t.csv:2: column 'a': 1e+300 becomes inf when scaled, too large for a number of the model; rescale "
              "the column");
}

TEST(Apply, AColumnAcrossTheWholeRangeOfDoubleIsScaledWithoutOverflow) {
    const Table table = read("a,y\n1.7e308,0\n-1.7e308,0\n-1.7e308,0\n");  // x − shift overflows for the first
    const BasicDataset<double> data = apply(fit(table, {.targets = {"y"}}), table);
    EXPECT_DOUBLE_EQ(data.x(0, 0), std::sqrt(2.0));
    EXPECT_DOUBLE_EQ(data.x(1, 0), -std::sqrt(0.5));
}

TEST(Apply, UnknownAndMissingCategoriesAreErrorsWithTheirPlace) {
    const Preprocessing fitted = fit(read("city,y\nRome,0\nOslo,0\n"), unscaled);
    const std::string remedy = "; correct it, or let 0 stand in all inputs of its column {unknown=ignore}";
    EXPECT_EQ(error(fitted, read("city,y\nRome,0\nRoma,0\n")),
              "data: t.csv:3: column 'city': 'Roma' is not a category that the model knows (did you mean 'Rome'?); it "
              "knows 'Oslo', 'Rome'" +
                  remedy);
    EXPECT_EQ(error(fitted, read("city,y\nRome,0\nBonn,0\nBonn,0\n")),
              "data: t.csv:3: column 'city': 'Bonn' is not a category that the model knows (2 such rows); it knows "
              "'Oslo', 'Rome'" +
                  remedy);
    for (const char* text : {"city,y\nRome,0\n12,0\n", "city,y\nRome,0\n12,0\nOslo,0\n"}) {
        EXPECT_EQ(error(fitted, read(text)),
                  "data: t.csv:3: column 'city': '12' is not a category that the model knows; it knows 'Oslo', 'Rome'" +
                      remedy);
    }
    EXPECT_EQ(error(fitted, read("city,y\n,0\nRome,0\n")),
              "data: t.csv:2: column 'city': missing, and the model has no category for that; fill it in with one of "
              "'Oslo', 'Rome', or count it as a category that is not known {unknown=ignore}");
}

TEST(Apply, SeveralUnknownCategoriesAreListedWithColumnsAndRows) {
    const Preprocessing fitted = fit(read("city,size,y\nRome,s,0\nOslo,m,0\n"), unscaled);
    const Table table = read("city,size,y\nRome,s,0\nBonn,xl,0\nBonn,m,0\n,m,0\n");
    EXPECT_EQ(
        error(fitted, table),
        "data: t.csv:3: categories that the model does not know: a missing text in column 'city', 1 row; 'Bonn' in "
        "column 'city', 2 rows; 'xl' in column 'size', 1 row; correct them, or let 0 stand in all inputs of such a "
        "column {unknown=ignore}");
    Preprocessing ignoring = fitted;
    ignoring.unknown = Unknown::ignore;
    EXPECT_THAT(apply(ignoring, table).x.values(), ElementsAre(0, 1, 0, 1, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0));
    EXPECT_EQ(unknown_categories(ignoring, table, all_rows(table.rows)).size(), 3);
}

TEST(Apply, MissingTextsFindTheirCategory) {
    const Table table = read("city,y\nRome,0\n,0\n");
    const Preprocessing fitted = fit(table, {.targets = {"y"}, .impute = Impute::mean});
    EXPECT_THAT(apply(fitted, table).x.values(), ElementsAre(1, 0, 0, 1));
}

TEST(Apply, CategoriesOfNumbersAreMatchedByTheirShortestSpelling) {
    const Table table = read("n,y\n7.0,0\n1e1,0\n");
    const Preprocessing fitted = fit(table, {.targets = {"y"}, .categorical = {"n"}});
    EXPECT_THAT(apply(fitted, table).x.values(), ElementsAre(0, 1, 1, 0));  // "10" before "7"
}

// Classes -------------------------------------------------------------------------------------------------------------

TEST(Apply, ClassesAreOneHotOrOneOutputForTwo) {
    const Table three = read("a,y\n1,c\n1,a\n1,b\n");
    EXPECT_THAT(apply(fit(three, classify), three).y.values(), ElementsAre(0, 0, 1, 1, 0, 0, 0, 1, 0));
    const Table two = read("a,y\n1,yes\n1,no\n");
    EXPECT_THAT(apply(fit(two, classify), two).y.values(), ElementsAre(1, 0));
    const Table one = read("a,y\n1,yes\n1,yes\n");
    EXPECT_THAT(apply(fit(one, classify), one).y.values(), ElementsAre(1, 1));
}

TEST(Apply, NumericClassesAreComparedAsNumbersAndMayHaveGaps) {
    const Preprocessing fitted = fit(read("a,y\n1,0\n2,5\n3,9\n"), classify);
    EXPECT_EQ(fitted.outputs(), 3);
    EXPECT_THAT(apply(fitted, read("a,y\n1,5.0\n")).y.values(), ElementsAre(0, 1, 0));
    Preprocessing german = fit(read("a;y\n1;0,5\n2;2\n", {.decimal = ',', .spelled_columns = {"y"}}), classify);
    german.reading.decimal = ',';
    EXPECT_THAT(apply(german, read("a;y\n1;2,0\n1;,5\n", {.decimal = ','})).y.values(), ElementsAre(1, 0));
}

TEST(Apply, UnseenClassesAreErrorsWithLineAndLabel) {
    const Preprocessing numbers = fit(read("a,y\n1,0\n2,5\n"), classify);
    EXPECT_EQ(error(numbers, read("a,y\n1,5\n1,3\n")),
              "data: t.csv:3: column 'y': '3' is not a class that the model knows; it knows '0', '5'");
    EXPECT_EQ(error(numbers, read("a,y\n1,yes\n")),
              "data: t.csv:2: column 'y': 'yes' is not a class that the model knows; it knows '0', '5'");
    const Preprocessing words = fit(read("a,y\n1,yes\n2,no\n"), classify);
    EXPECT_EQ(error(words, read("a,y\n1,no\n1,yess\n")),
              "data: t.csv:3: column 'y': 'yess' is not a class that the model knows (did you mean 'yes'?); it knows "
              "'no', 'yes'");
    EXPECT_EQ(error(words, read("a,y\n1,1\n")),
              "data: t.csv:2: column 'y': '1' is not a class that the model knows; it knows 'no', 'yes'");
    EXPECT_EQ(error(words, read("a,y\n1,\n")),
              "data: t.csv:2: column 'y': the label is missing; fill it in, or choose another row");
}

TEST(Apply, RegressionLabelsMustBeThere) {
    EXPECT_EQ(error(fit(read("a,y\n1,0\n2,5\n"), unscaled), read("a,y\n1,2\n1,\n")),
              "data: t.csv:3: column 'y': the label is missing; fill it in, or leave such rows out "
              "{drop_missing_labels}");
}

// Weights -------------------------------------------------------------------------------------------------------------

TEST(Apply, WeightsMustBeFiniteNotNegativeAndNotAllZero) {
    const Preprocessing fitted =
        fit(read("a,w,y\n1,1,3\n4,1,6\n"), {.targets = {"y"}, .weight = "w", .scale = Scale::none});
    EXPECT_THAT(apply(fitted, read("a,w,y\n1,0.5,3\n1,0,3\n")).weights, ElementsAre(0.5, 0));
    EXPECT_EQ(error(fitted, read("a,w,y\n1,2,3\n1,-1,3\n")),
              "data: t.csv:3: column 'w': the weight -1 is negative; weights are 0 or more");
    EXPECT_EQ(error(fitted, read("a,w,y\n1,,3\n1,1,3\n")),
              "data: t.csv:2: column 'w': the weight is missing; fill it in, with 0 for a row that shall not count");
    EXPECT_EQ(error(fitted, read("a,w,y\n1,0,3\n1,0,3\n")),
              "data: t.csv: column 'w': every weight is 0; give at least one row a positive weight");
    EXPECT_EQ(error(fitted, read("a,w,y\n1,1,3\n1,inf,3\n")),
              "data: t.csv:3: column 'w': 'inf' is not finite; correct the cell, or count its text as missing if it "
              "means that {missing}");
    const std::vector<std::size_t> rows{0};
    EXPECT_EQ(raised([&] { apply_preprocessing<float>(fitted, read("a,w,y\n1,1e39,3\n"), rows); }),
              "data: t.csv:2: column 'w': the weight 1e+39 is not finite or too large; weights are 0 or more");
}

// Together ------------------------------------------------------------------------------------------------------------

RC_GTEST_PROP(Apply, StandardScalingGivesMeanZeroAndDeviationOne, ()) {
    const auto cells = *rc::gen::suchThat(
        rc::gen::container<std::vector<int>>(rc::gen::inRange(-1000, 1000)),
        [](const std::vector<int>& some) { return some.size() >= 2 && some.front() != some.back(); });
    std::string text = "a,y\n";
    for (const int cell : cells) {
        text += std::to_string(cell) + ",0\n";
    }
    const Table table = read(text);
    const Preprocessing fitted = fit(table, {.targets = {"y"}});
    const BasicDataset<double> data = apply(fitted, table);
    double sum = 0.0;
    double squares = 0.0;
    for (const double value : data.x.values()) {
        sum += value;
        squares += value * value;
    }
    // With u = 2⁻⁵³, |x| ≤ 1000 and Σ|v| ≤ Σv² = n: the shift is off by u·1000, so each v by u·(1000/scale + 3|v|), and
    // adding up n of them costs n·u of the sum of their sizes.
    const auto n = static_cast<double>(cells.size());
    const double bound = 0x1p-53 * n * (1000 / fitted.features[0].scale + 3 + n);
    RC_ASSERT(std::abs(sum) <= bound);
    RC_ASSERT(std::abs(squares - n) <= 2 * bound);
}

}  // namespace
}  // namespace handgrad
