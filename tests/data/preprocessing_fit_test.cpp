// What is decided from a table: task, labels, classes, categories, imputation, scaling; and what is refused.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "handgrad/data/preprocessing.hpp"
#include "tests/support/raised.hpp"
#include "tests/support/tables.hpp"

namespace handgrad {
namespace {

using ::testing::ElementsAre;
using Names = std::vector<std::string>;

Table read(std::string_view text, const ReadOptions& options = {}) { return read_csv(text, "t.csv", options); }

Preprocessing fit(const Table& table, const PreprocessingOptions& options = {.targets = {"y"}}) {
    const std::vector<std::size_t> rows = all_rows(table.rows);
    return fit_preprocessing(table, rows, rows, options);
}

std::string error(const Table& table, const PreprocessingOptions& options = {.targets = {"y"}}) {
    return raised([&] { fit(table, options); });
}

std::string error(std::string_view text, const PreprocessingOptions& options = {.targets = {"y"}}) {
    return error(read(text), options);
}

// Task and labels -----------------------------------------------------------------------------------------------------

/// A target of these numbers, each so many times.
GuessedTask guess_of(const std::vector<std::string>& cells, std::size_t times) {
    std::string text = "y\n";
    for (std::size_t i = 0; i < times; ++i) {
        for (const std::string& cell : cells) {
            text += cell + "\n";
        }
    }
    return guess_task(read(text), {"y"});
}
std::vector<std::string> whole_numbers(int first, int last, int step = 1) {
    std::vector<std::string> numbers;
    for (int number = first; number <= last; number += step) {
        numbers.push_back(std::to_string(number));
    }
    return numbers;
}

TEST(Task, IsClassificationForTextsAndForFewWholeNumbersThatAreNoCounts) {
    const auto classes = [](const std::vector<std::string>& cells, std::size_t times = 5) {
        return guess_of(cells, times).task == Task::classification;
    };
    EXPECT_TRUE(classes({"a", "b"}, 1));
    EXPECT_TRUE(classes({"0", "1.0", "NA", "-3"}));
    EXPECT_TRUE(classes(whole_numbers(0, 9)));           // digits
    EXPECT_FALSE(classes(whole_numbers(0, 10)));         // eleven in a row: a count
    EXPECT_FALSE(classes(whole_numbers(30, 42)));        // ages
    EXPECT_TRUE(classes(whole_numbers(0, 38, 2)));       // twenty, none beside another
    EXPECT_FALSE(classes(whole_numbers(0, 40, 2)));      // twenty-one
    EXPECT_FALSE(classes({"0", "1"}, 4));                // four rows a class
    EXPECT_TRUE(classes({"0", "1", "1", "1", "1"}, 2));  // on average
    EXPECT_FALSE(classes({"0", "1.5"}));
    EXPECT_FALSE(classes({"NA", "NA"}));
    EXPECT_EQ(guess_task(read("y,z\n0,1\n1,0\n"), {"y", "z"}).task, Task::multilabel);
    EXPECT_EQ(guess_task(read("y,z\n0,1\n1,1\n"), {"y", "z"}).task, Task::multilabel);  // z is always yes
    EXPECT_EQ(guess_task(read("y,z\n1,1\n1,1\n"), {"y", "z"}).task, Task::regression);
    EXPECT_EQ(guess_task(read("y,z\n0,1\n1,2\n"), {"y", "z"}).task, Task::regression);
    EXPECT_EQ(guess_of({"1", "2", "5"}, 6).because, "it holds 3 different whole numbers, each in 6 rows on average");
    EXPECT_EQ(guess_of(whole_numbers(0, 10), 5).because,
              "its 11 different whole numbers, 0 to 10, lie side by side as counts do");
    EXPECT_EQ(guess_of({"0", "1"}, 4).because, "it holds 2 different whole numbers in 8 rows, fewer than 5 rows each");
}

TEST(Labels, MissingOnesAreErrorsUnlessTheirRowsMayBeDropped) {
    for (const char* cell : {"", "nan", "NaN"}) {
        const Table table = read("x,y\n1,2\n1," + std::string(cell) + "\n1,4\n1,\n");
        EXPECT_EQ(raised([&] { labelled_rows(table, {"y"}, false); }),
                  "data: t.csv:3: column 'y': the label is missing (2 such rows); fill it in, or leave such rows out "
                  "{drop_missing_labels}");
        EXPECT_THAT(labelled_rows(table, {"y"}, true), ElementsAre(0, 2));
    }
}

TEST(Labels, OfSeveralTargetsAllMustBeThere) {
    const Table table = read("y,z\n1,2\n,2\n1,\n3,4\n");
    EXPECT_THAT(labelled_rows(table, {"y", "z"}, true), ElementsAre(0, 3));
}

TEST(Labels, InfiniteOnesAreErrorsEvenWhenMissingOnesAreDropped) {
    for (const bool drop : {false, true}) {
        EXPECT_EQ(raised([&] { labelled_rows(read("x,y\n1,2\n1,inf\n"), {"y"}, drop); }),
                  "data: t.csv:3: column 'y': 'inf' is not finite; correct the cell, or count its text as missing if "
                  "it means that {missing}");
    }
    Table binary = read("x,y\n1,2\n1,3\n");
    binary.source = "y.npy";
    binary.lines.clear();
    binary.columns[1].numbers[1] = -INFINITY;
    EXPECT_EQ(raised([&] { labelled_rows(binary, {"y"}, false); }),
              "data: y.npy: row 1: column 'y': the label -inf is not finite");
}

TEST(Labels, ATableWithoutAnySaysSo) {
    EXPECT_EQ(raised([] { labelled_rows(read("x,y\n1,\n2,\n"), {"y"}, true); }),
              "data: t.csv: no row has a label in 'y'; name another target, or fill the labels in {target}");
}

// Classes -------------------------------------------------------------------------------------------------------------

const PreprocessingOptions classify{.targets = {"y"}, .task = Task::classification};

TEST(Classes, NumbersAreSortedByValueAndKeepTheirFirstSpelling) {
    const Preprocessing fitted = fit(read("x,y\n1,10\n2,2.0\n3,2\n4,-1\n", {.spelled_columns = {"y"}}), classify);
    EXPECT_THAT(fitted.classes, ElementsAre("-1", "2.0", "10"));
    EXPECT_TRUE(fitted.numeric_classes);
    EXPECT_FALSE(fitted.one_output);
    EXPECT_EQ(fitted.outputs(), 3);
    EXPECT_THAT(fit(read("x,y\n1,10\n2,2.0\n"), classify).classes, ElementsAre("2", "10"));  // no spelling kept
}

TEST(Classes, TextsAreSortedByBytes) {
    const Preprocessing fitted = fit(read("x,y\n1,b\n2,a\n3,B\n4,a\n"), classify);
    EXPECT_THAT(fitted.classes, ElementsAre("B", "a", "b"));
    EXPECT_FALSE(fitted.numeric_classes);
}

TEST(Classes, TwoShareOneOutputUnlessToldOtherwise) {
    const Table table = read("x,y\n1,no\n2,yes\n");
    EXPECT_TRUE(fit(table, classify).one_output);
    EXPECT_EQ(fit(table, classify).outputs(), 1);
    PreprocessingOptions two = classify;
    two.one_output = false;
    EXPECT_EQ(fit(table, two).outputs(), 2);
}

TEST(Classes, OneAloneIsAllowedHere) {
    const Preprocessing fitted = fit(read("x,y\n1,a\n2,a\n"), classify);
    EXPECT_THAT(fitted.classes, ElementsAre("a"));
    EXPECT_EQ(fitted.outputs(), 1);
}

TEST(Classes, MoreThanTenThousandAreRefused) {
    const auto row = [](std::size_t i) { return "1," + std::to_string(i); };
    EXPECT_EQ(error(csv_lines("x,y", 10001, row), classify),
              "data: t.csv: column 'y': more than 10000 different labels, too many for classes; learn numbers by "
              "regression {task=regression}");
    const auto word = [](std::size_t i) { return "1,a" + std::to_string(i); };
    EXPECT_EQ(error(csv_lines("x,y", 10001, word), classify),
              "data: t.csv: column 'y': more than 10000 different labels, too many for classes; learn numbers by "
              "regression {task=regression}");
    EXPECT_EQ(fit(read(csv_lines("x,y", 10000, row)), classify).classes.size(), 10000);
}

// Features ------------------------------------------------------------------------------------------------------------

TEST(Features, AreAllColumnsButTargetsWeightAndDroppedOnesInTableOrder) {
    const Preprocessing fitted =
        fit(read("w,b,y,id,a\n1,2,3,x1,4\n1,3,4,x2,6\n"), {.targets = {"y"}, .drop = {"id"}, .weight = "w"});
    EXPECT_THAT(fitted.input_names(), ElementsAre("b", "a"));
    EXPECT_EQ(fitted.weight, "w");
    EXPECT_EQ(fitted.targets.front().name, "y");
}

TEST(Features, TextsBecomeOneInputForEachCategoryUnscaled) {
    const Preprocessing fitted = fit(read("city,n,y\nRome,1,0\nOslo,2,1\nRome,3,0\n"));
    EXPECT_THAT(fitted.features[0].categories, ElementsAre("Oslo", "Rome"));
    EXPECT_EQ(fitted.inputs(), 3);
    EXPECT_THAT(fitted.input_names(), ElementsAre("city=Oslo", "city=Rome", "n"));
    EXPECT_THAT(fitted.input_slopes(), ElementsAre(1, 1, ::testing::DoubleEq(std::sqrt(1.5))));
}

TEST(Features, ANumberColumnMayBeNamedCategorical) {
    const PreprocessingOptions options{.targets = {"y"}, .categorical = {"zip"}};
    const Preprocessing texts = fit(read("zip,y\n007,1\n10,2\n", {.text_columns = {"zip"}}), options);
    EXPECT_THAT(texts.features[0].categories, ElementsAre("007", "10"));
    const Preprocessing numbers = fit(read("zip,y\n007,1\n10,2\n"), options);  // as from a binary file
    EXPECT_THAT(numbers.features[0].categories, ElementsAre("10", "7"));
}

TEST(Features, CategoriesComeFromAllRowsAndScalingFromTheTrainingRows) {
    const Table table = read("c,n,y\na,1,0\na,3,0\nb,100,0\n");
    const std::vector<std::size_t> rows = all_rows(3);
    const std::vector<std::size_t> training_rows{0, 1};
    const Preprocessing fitted = fit_preprocessing(table, rows, training_rows, {.targets = {"y"}});
    EXPECT_THAT(fitted.features[0].categories, ElementsAre("a", "b"));
    EXPECT_EQ(fitted.features[1].shift, 2);
    EXPECT_EQ(fitted.features[1].scale, 1);
}

TEST(Features, AMixedColumnIsRefusedWhenUsedAndIgnoredWhenDropped) {
    const std::string text = "age,y\n31,1\n45,1\n7,2\n8,3\n9,4\nn/a,3\n";
    EXPECT_EQ(error(text),
              "data: t.csv:7: column 'age': 'n/a' is not a number (the column's other cells are); make the column one "
              "of categories, or count the text as missing if it means that {categorical, missing}");
    EXPECT_EQ(error("age,b,y\nn/a,1,1\n?,2,1\n7,3,2\n8,4,3\n9,5,4\n"),
              "data: t.csv:2: column 'age': 'n/a' is not a number (nor is one other cell of the column); make the "
              "column one of categories, or count the text as missing if it means that {categorical, missing}");
    EXPECT_EQ(error("age,y\nn/a,1\n?,1\n-,2\n8,3\n9,4\n1,4\n").substr(0, 84),
              "data: t.csv:2: column 'age': 'n/a' is not a number (nor are 2 other cells of the col");
    EXPECT_EQ(error("city,y\nRome,1\n12,1\nOslo,2\n"),
              "data: t.csv:3: column 'city': '12' is a number in a column of texts; make the column one of categories, "
              "or count the text as missing if it means that {categorical, missing}");
    EXPECT_EQ(error("b," + text.substr(0, text.find('\n')) + "\n1,2,3\n2,x,4\n", {.targets = {"y"}, .drop = {"age"}}),
              "nothing");
}

TEST(Features, NumbersThatAreNoneAreRefusedAtTheirLine) {
    for (const char* cell : {"0x1p3", "1.5abc", "-", "1e"}) {
        EXPECT_EQ(error("age,y\n31,1\n45,2\n" + std::string(cell) + ",3\n"),
                  "data: t.csv:4: column 'age': '" + std::string(cell) +
                      "' is not a number (the column's other cells are); make the column one of categories, or count "
                      "the text as missing if it means that {categorical, missing}");
    }
    EXPECT_EQ(error("age,y\n31,1\n1e400,2\n"),
              "data: t.csv:3: column 'age': '1e400' is out of range (a double holds at most 1.8e308); correct the "
              "cell, or rescale the column");
    EXPECT_EQ(error("age,y\n31,1\n-inf,2\n"),
              "data: t.csv:3: column 'age': '-inf' is not finite; correct the cell, or count its text as missing if it "
              "means that {missing}");
}

TEST(Features, TextsOfWhichNewRowsWouldBringNewOnesAreRefusedUnlessInsistedOn) {
    const auto message = [](int texts, std::size_t rows) {
        const bool often = 2 * static_cast<std::size_t>(texts) <= rows;
        return "data: t.csv: column 'code': " + std::to_string(texts) + " different texts in " + std::to_string(rows) +
               " rows ('c0', 'c1', …), " +
               (often ? "fewer than ten rows each: little can be learned of one, and new rows may bring others"
                      : "so that new rows would bring new ones: nothing can be learned from it") +
               "; drop the column, or insist that it is categorical {drop, categorical}";
    };
    const auto table = [](std::size_t texts, std::size_t rows) {
        return csv_lines("code,y", rows,
                         [&](std::size_t i) { return "c" + std::to_string(i % texts) + "," + std::to_string(i); });
    };
    EXPECT_EQ(error(table(6, 11)), message(6, 11));
    EXPECT_EQ(error(table(6, 12)), "nothing");
    EXPECT_EQ(error(table(5, 5)), "nothing");  // too few to tell
    EXPECT_EQ(error(table(21, 209)), message(21, 209));
    EXPECT_EQ(error(table(21, 210)), "nothing");
    EXPECT_EQ(error(table(20, 41)), "nothing");
    const std::string two = csv_lines("code,\"the \"\"name\"\"\",n,y", 12, [](std::size_t i) {
        const std::string number = std::to_string(i);
        return "c" + number + ",n" + number + "," + number + "," + number;
    });
    EXPECT_THAT(error(two),
                testing::HasSubstr("; so it is with 'the \"name\"'; drop the columns, or insist that they are "
                                   "categorical {drop='code,\"the \"\"name\"\"\"', categorical}"));
    EXPECT_EQ(error(table(6, 11), {.targets = {"y"}, .categorical = {"code"}}), "nothing");
}

TEST(Features, NamesOfRowsAreLeftOut) {
    const auto left_out = [](const std::string& text) { return fit(read(text)).dropped; };
    EXPECT_THAT(left_out(",x,y\n7,1,1\n7,2,2\n"), ElementsAre(""));
    EXPECT_THAT(left_out("id,x,y\nb,1,1\na,2,2\n"), ElementsAre("id"));
    EXPECT_THAT(left_out("rownames,x,y\n4,1,1\n9,2,2\n"), ElementsAre("rownames"));
    EXPECT_THAT(left_out("PassengerId,x,y\n1,1,1\n0,2,2\n"), ElementsAre("PassengerId"));
    for (const char* text : {"id,x,y\n1,1,1\n1,2,2\n", "id,x,y\n1.5,1,1\n1,2,2\n", "index,x,y\n4,1,1\n5,2,2\n",
                             "x,id,y\n1,1,1\n2,2,2\n", "acid,x,y\n1,1,1\n2,2,2\n"}) {
        EXPECT_THAT(left_out(text), ::testing::IsEmpty()) << text;
    }
    EXPECT_THAT(fit(read("id,x,y\n1,1,1\n2,2,2\n"), {.targets = {"y"}, .categorical = {"id"}}).dropped,
                ::testing::IsEmpty());
}

TEST(Features, MoreThanTenThousandCategoriesAreRefused) {
    const auto row = [](std::size_t i) { return "id" + std::to_string(i) + "," + std::to_string(i); };
    EXPECT_EQ(
        error(csv_lines("id,y", 10001, row), {.targets = {"y"}, .categorical = {"id"}}),
        "data: t.csv: column 'id': more than 10000 different texts, too many for categories; drop the column {drop}");
}

TEST(Features, TextsThatAreNotUtf8AreRefusedOnlyWhenUsed) {
    const std::string text = "n,city,y\n1,K\xF6ln,1\n2,Bonn,2\n";
    EXPECT_EQ(error(text),
              "data: t.csv: column 'city': 'K\\xf6ln' is not UTF-8; convert the file, for instance: "
              "iconv -f latin1 -t utf-8 t.csv > t.utf-8.csv");
    EXPECT_EQ(error(text, {.targets = {"y"}, .drop = {"city"}}), "nothing");
    EXPECT_EQ(error("n,y\n1,K\xF6ln\n2,Bonn\n", classify),
              "data: t.csv: column 'y': 'K\\xf6ln' is not UTF-8; convert the file, for instance: iconv -f latin1 -t "
              "utf-8 t.csv > t.utf-8.csv");
}

TEST(Features, ATableWithoutAnySaysWhy) {
    EXPECT_EQ(error("y\n1\n2\n"), "data: t.csv: no column to learn from: beside the target 'y' the table has none");
    EXPECT_EQ(
        error("a,y\n1,1\n2,2\n", {.targets = {"y"}, .drop = {"a"}}),
        "data: t.csv: no column to learn from: beside the target 'y' every column is dropped, an id, row names or "
        "the weight");
}

// Imputation ----------------------------------------------------------------------------------------------------------

TEST(Imputation, MissingNumbersAreErrorsThatNameTheRemedy) {
    for (const char* cell : {"", "NaN"}) {
        EXPECT_EQ(error("age,y\n31,1\n" + std::string(cell) + ",2\n,3\n"),
                  "data: t.csv:3: column 'age': missing (2 such rows); fill it in, choose how to impute it, or drop "
                  "the column {impute=mean, impute=median, drop}");
    }
}

TEST(Imputation, MeanOrMedianOfTheTrainingRowsIsKeptForEveryColumnOfNumbers) {
    const Table table = read("a,b,y\n1,1,0\n2,1,0\n9,1,0\n,1,0\n1000,1,0\n");
    const std::vector<std::size_t> rows = all_rows(5);
    const std::vector<std::size_t> training_rows{0, 1, 2, 3};
    const Preprocessing mean =
        fit_preprocessing(table, rows, training_rows, {.targets = {"y"}, .impute = Impute::mean});
    EXPECT_EQ(mean.features[0].impute, 4);
    EXPECT_EQ(mean.features[1].impute, 1);
    const Preprocessing median =
        fit_preprocessing(table, rows, training_rows, {.targets = {"y"}, .impute = Impute::median});
    EXPECT_EQ(median.features[0].impute, 2);
    EXPECT_EQ(fit(read("a,y\n4,0\n1,0\n3,0\n2,0\n"), {.targets = {"y"}, .impute = Impute::median}).features[0].impute,
              2.5);
}

TEST(Imputation, ScalingIsOfTheColumnAsTheNetworkSeesIt) {
    const Preprocessing fitted = fit(read("a,y\n1,0\n3,0\n,0\n,0\n"), {.targets = {"y"}, .impute = Impute::mean});
    EXPECT_EQ(fitted.features[0].shift, 2);
    EXPECT_DOUBLE_EQ(fitted.features[0].scale, std::sqrt(0.5));  // of 1, 3, 2, 2
}

TEST(Imputation, MissingTextsAreACategoryOfTheirOwn) {
    const std::string text = "city,y\nRome,1\n,2\nNA,3\n";
    EXPECT_EQ(error(text),
              "data: t.csv:3: column 'city': missing (2 such rows); fill it in, make missing texts a category of their "
              "own, or drop the column {impute=mean, drop}");
    const FeatureColumn city = fit(read(text), {.targets = {"y"}, .impute = Impute::mean}).features[0];
    EXPECT_THAT(city.categories, ElementsAre("Rome", "(missing)"));
    EXPECT_EQ(city.missing_as, "(missing)");
    const PreprocessingOptions median{.targets = {"y"}, .impute = Impute::median};
    EXPECT_EQ(fit(read("city,y\nRome,1\n,2\n(missing),3\n"), median).features[0].missing_as, "((missing))");
    EXPECT_EQ(fit(read("city,y\nRome,1\nOslo,2\n"), median).features[0].missing_as, "");
    EXPECT_THAT(fit(read("city,y\nRome,1\n,2\n", {.missing = {}})).features[0].categories, ElementsAre("", "Rome"));
}

TEST(Imputation, AColumnWithNothingButMissingCellsIsRefused) {
    EXPECT_EQ(error("a,b,y\n,1,1\n,2,2\n", {.targets = {"y"}, .impute = Impute::mean}),
              "data: t.csv: column 'a': every cell is missing; drop the column {drop}");
    const Table table = read("a,y\n,1\n,2\n3,3\n");
    const std::vector<std::size_t> rows = all_rows(3);
    const std::vector<std::size_t> training_rows{0, 1};
    EXPECT_EQ(
        raised([&] { fit_preprocessing(table, rows, training_rows, {.targets = {"y"}, .impute = Impute::mean}); }),
        "data: t.csv: column 'a': every cell of the rows to train on is missing; drop the column {drop}");
}

// Scaling -------------------------------------------------------------------------------------------------------------

TEST(Scaling, StandardIsMeanAndPopulationDeviation) {
    const FeatureColumn column = fit(read("a,y\n1,0\n2,0\n6,0\n")).features[0];
    EXPECT_EQ(column.shift, 3);
    EXPECT_DOUBLE_EQ(column.scale, std::sqrt(14.0 / 3.0));
}

TEST(Scaling, MinmaxMapsOntoZeroToOneAndNoneDoesNothing) {
    const Table table = read("a,y\n-1,0\n2,0\n7,0\n");
    const FeatureColumn minmax = fit(table, {.targets = {"y"}, .scale = Scale::minmax}).features[0];
    EXPECT_EQ(minmax.shift, -1);
    EXPECT_EQ(minmax.scale, 8);
    const FeatureColumn none = fit(table, {.targets = {"y"}, .scale = Scale::none}).features[0];
    EXPECT_EQ(none.shift, 0);
    EXPECT_EQ(none.scale, 1);
}

TEST(Scaling, AConstantColumnKeepsScaleOneWhateverItsValue) {
    for (const Scale scale : {Scale::standard, Scale::minmax}) {
        // Beyond 2¹¹ rows the sum no longer fits 64 bits and the mean is not 0.1: that must not pass for spread.
        const auto row = [](std::size_t i) { return "0.1,1e308," + std::to_string(i); };
        const Preprocessing fitted = fit(read(csv_lines("a,b,y", 10007, row)), {.targets = {"y"}, .scale = scale});
        EXPECT_EQ(fitted.features[0].shift, 0.1);
        EXPECT_EQ(fitted.features[0].scale, 1);
        EXPECT_EQ(fitted.features[1].shift, 1e308);
        EXPECT_EQ(fitted.features[1].scale, 1);
    }
}

TEST(Scaling, HugeAndTinyColumnsDoNotOverflow) {
    const Preprocessing fitted = fit(read("a,b,c,y\n1e308,1e-30,1e-310,0\n-1e308,1e30,2e-310,0\n"));
    EXPECT_EQ(fitted.features[0].shift, 0);
    EXPECT_EQ(fitted.features[0].scale, 1e308);
    EXPECT_DOUBLE_EQ(fitted.features[1].shift, 5e29);
    EXPECT_DOUBLE_EQ(fitted.features[1].scale, 5e29);
    EXPECT_EQ(fitted.features[2].scale, 1);  // 1/scale would overflow
    EXPECT_EQ(error("a,y\n1e308,0\n-1e308,0\n", {.targets = {"y"}, .scale = Scale::minmax}),
              "data: t.csv: column 'a': its numbers span more than a double holds (-1e+308 to 1e+308); rescale the "
              "column, or scale by mean and standard deviation {scale=standard}");
}

TEST(Scaling, OneRowIsEnoughOnlyWithoutScaling) {
    EXPECT_EQ(error("a,y\n1,2\n"),
              "data: t.csv: column 'a': scaling needs at least 2 rows to train on, found 1; give more rows, or do "
              "without scaling {scale=none, scale_target=false}");
    EXPECT_EQ(error("a,y\n1,2\n", {.targets = {"y"}, .scale = Scale::none}), "nothing");
    EXPECT_EQ(error("a,y\n1,2\n", {.targets = {"y"}, .scale = Scale::none, .scale_target = true}),
              "data: t.csv: column 'y': scaling needs at least 2 rows to train on, found 1; give more rows, or do "
              "without scaling {scale=none, scale_target=false}");
}

TEST(Scaling, TargetsAreStandardisedWhenAsked) {
    const Preprocessing fitted =
        fit(read("a,y,z\n1,10,5\n2,20,5\n"), {.targets = {"y", "z"}, .scale = Scale::none, .scale_target = true});
    EXPECT_EQ(fitted.outputs(), 2);
    EXPECT_EQ(fitted.targets[0].shift, 15);
    EXPECT_EQ(fitted.targets[0].scale, 5);
    EXPECT_EQ(fitted.targets[1].shift, 5);
    EXPECT_EQ(fitted.targets[1].scale, 1);
    EXPECT_EQ(fit(read("a,y\n1,10\n2,20\n")).targets[0].scale, 1);
}

// Options -------------------------------------------------------------------------------------------------------------

TEST(Options, ThatContradictEachOtherAreUsageErrors) {
    const std::string text = "a,b,y\n1,2,0\n3,4,1\n";
    EXPECT_EQ(error(text, {}), "usage: no column to learn; name the target {target}");
    EXPECT_EQ(error(text, {.targets = {"y", "y"}}), "usage: column 'y' is named twice as a target {target}");
    EXPECT_EQ(error(text, {.targets = {"y"}, .drop = {"y"}}),
              "usage: column 'y' is both a target and dropped {target, drop}");
    EXPECT_EQ(error(text, {.targets = {"y"}, .weight = "y"}),
              "usage: column 'y' is both a target and the weight {target, weight}");
    EXPECT_EQ(error(text, {.targets = {"y"}, .drop = {"a"}, .categorical = {"a"}}),
              "usage: column 'a' is both categorical and dropped {categorical, drop}");
    EXPECT_EQ(error(text, {.targets = {"y"}, .categorical = {"a"}, .weight = "a"}),
              "usage: column 'a' is both categorical and the weight {categorical, weight}");
    EXPECT_EQ(error(text, {.targets = {"y"}, .drop = {"a"}, .weight = "a"}),
              "usage: column 'a' is both the weight and dropped {weight, drop}");
    EXPECT_EQ(
        error(text, {.targets = {"y", "a"}, .task = Task::classification}),
        "usage: classification learns one column, not 'y', 'a'; name one, or learn by regression {task=regression}");
    EXPECT_EQ(error(text, {.targets = {"y"}, .scale_target = true, .task = Task::classification}),
              "usage: classes are not scaled {scale_target=false}");
}

TEST(Options, NamesThatAreNotInTheTableAreDataErrorsWithASuggestion) {
    const std::string text = "age,y\n1,2\n3,4\n";
    const auto message = [](const std::string& name) {
        return "data: t.csv: there is no column '" + name + "' (did you mean 'age'?); the columns are 'age', 'y'";
    };
    EXPECT_EQ(error(text, {.targets = {"agee"}}), message("agee"));
    EXPECT_EQ(error(text, {.targets = {"y"}, .drop = {"Age"}}), message("Age"));
    EXPECT_EQ(error(text, {.targets = {"y"}, .categorical = {"ag"}}), message("ag"));
    EXPECT_EQ(error(text, {.targets = {"y"}, .weight = "aeg"}), message("aeg"));
}

TEST(Options, TextsCannotBeLearnedAsNumbersNorBeWeights) {
    EXPECT_EQ(error("a,y\n1,no\n2,yes\n"),
              "data: t.csv: column 'y' holds texts ('no', 'yes'), but a regression learns "
              "numbers; learn classes by classification {task=classification}");
    EXPECT_EQ(error("a,w,y\n1,no,1\n2,yes,2\n", {.targets = {"y"}, .weight = "w"}),
              "data: t.csv: column 'w' holds texts ('no', 'yes'), but the weights of rows are numbers");
}

}  // namespace
}  // namespace handgrad
