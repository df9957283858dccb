// The history of a training: what is kept of a long one, and the way into a model's file and back.
#include "handgrad/store/history.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "handgrad/base/error.hpp"
#include "tests/support/raised.hpp"

namespace handgrad {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

History of_epochs(std::size_t first, std::size_t last, std::size_t extra_columns = 0) {
    History history{.columns = {"epoch", "loss"}, .epochs = {}};
    for (std::size_t c = 0; c < extra_columns; ++c) {
        history.columns.push_back("c" + std::to_string(c));
    }
    for (std::size_t epoch = first; epoch <= last; ++epoch) {
        std::vector<double> numbers(history.columns.size(), 0.5);
        numbers[0] = static_cast<double>(epoch);
        numbers[1] = 1.0 / static_cast<double>(epoch + 1);
        history.add(numbers);
    }
    return history;
}

TEST(History, KeepsEveryEpochOfAShortTraining) {
    const History history = of_epochs(1, 256);
    ASSERT_EQ(history.epochs.size(), 256U);
    EXPECT_EQ(history.column("epoch").front(), 1.0);
    EXPECT_EQ(history.column("epoch").back(), 256.0);
    EXPECT_NEAR(history.column("loss")[1], 1.0 / 3.0, 1e-7);
    EXPECT_TRUE(history.column("nothing").empty());
}

/// Whatever the number of epochs: the first and the last are there, the others evenly spaced, and never too many.
TEST(History, ThinsALongTrainingEvenly) {
    for (const std::size_t first : {0U, 1U}) {
        for (const std::size_t last : {257U, 300U, 511U, 512U, 513U, 1000U, 5000U, 12345U}) {
            const std::vector<double> epochs = of_epochs(first, last).column("epoch");
            ASSERT_LE(epochs.size(), History::most_epochs);
            ASSERT_GE(epochs.size(), History::most_epochs / 2);
            EXPECT_EQ(epochs.front(), static_cast<double>(first));
            EXPECT_EQ(epochs.back(), static_cast<double>(last));
            const double step = epochs[2] - epochs[1];
            for (std::size_t i = 1; i + 1 < epochs.size(); ++i) {
                ASSERT_EQ(std::fmod(epochs[i], step), 0.0) << last;
                ASSERT_EQ(epochs[i], epochs[1] + step * static_cast<double>(i - 1)) << last;
            }
        }
    }
}

/// Its other numbers keep seven digits.
TEST(History, CountsEpochsBeyondSevenDigits) {
    const std::vector<double> epochs = of_epochs(9'999'990, 10'000'101).column("epoch");
    EXPECT_EQ(epochs.size(), 112U);
    EXPECT_EQ(epochs.back(), 10'000'101.0);
}

TEST(History, ManyColumnsLeaveRoomForFewerEpochs) {
    const History history = of_epochs(1, 300, 5000);
    EXPECT_LE(history.epochs.size() * history.columns.size(), History::most_numbers);
    EXPECT_GE(history.epochs.size(), 16U);
    EXPECT_EQ(history.column("epoch").back(), 300.0);
}

TEST(History, IsReadBackAsItWasWritten) {
    History history{.columns = {"epoch", "loss", "linear1.moved"}, .epochs = {}};
    history.add({0.0, std::numeric_limits<double>::quiet_NaN(), 0.0});
    history.add({1.0, 0.123456789, std::numeric_limits<double>::infinity()});
    const std::string text = history_text(history);
    EXPECT_EQ(text, R"({"columns":["epoch","loss","linear1.moved"],"epochs":[[0,null,0.0],[1,0.1234568,null]]})");
    const History read = read_history(text, "m");
    EXPECT_EQ(read.columns, history.columns);
    ASSERT_EQ(read.epochs.size(), 2U);
    EXPECT_TRUE(std::isnan(read.epochs[0][1]));
    EXPECT_EQ(read.epochs[1][1], 0.1234568);
    EXPECT_EQ(history_text(read), text);
}

TEST(History, RefusesWhatIsNone) {
    const std::pair<const char*, const char*> texts[] = {
        {"[]", "where columns and epochs belong"},
        {R"({"columns":["epoch"]})", "where columns and epochs belong"},
        {R"({"columns":["epoch"],"rows":[]})", "the list 'epochs' is missing"},
        {R"({"columns":[1],"epochs":[]})", "1 stands where the name of a column belongs"},
        {R"({"columns":["loss"],"epochs":[]})", "its first column is not 'epoch'"},
        {R"({"columns":["epoch","loss"],"epochs":[[1]]})", "one number for each of the 2 columns"},
        {R"({"columns":["epoch"],"epochs":[["x"]]})", "stands where a number belongs"},
        {R"({"columns":[],"epochs":[]})", "its first column is not 'epoch'"},
        {R"({"columns":{},"epochs":[]})", "the list 'columns' is missing"},
        {R"({"columns":["epoch"],"epochs":[1]})", "one number for each of the 1 columns"},
        {R"({"columns":["epoch"],"epochs":[[2],[1]]})", "do not follow each other"},
        {R"({"columns":["epoch"],"epochs":[[null]]})", "do not follow each other"},
        {R"({"columns":["epoch"],"epochs":[]})", "it has no epochs"},
        {"{", "m: history"},
    };
    for (const auto& [text, cause] : texts) {
        EXPECT_THAT(message_of(ErrorKind::model, [&text = text] { read_history(text, "m: history"); }),
                    HasSubstr(cause))
            << text;
    }
}

/// A history of two layers, as a stranger's file might tell it.
History told(std::size_t layers) {
    History history{.columns = history_columns({"accuracy"}, layers), .epochs = {}};
    history.epochs.push_back(std::vector<double>(history.columns.size(), 0.5));
    history.epochs.back()[0] = 1.0;
    return history;
}

TEST(History, ColumnsMustBeThoseOfTheNetwork) {
    const auto refusal = [](const History& history, std::size_t layers = 2) {
        return message_of(ErrorKind::model, [&] { check(history, layers); });
    };
    EXPECT_EQ(refusal(told(2)), "nothing");
    EXPECT_EQ(refusal(told(0)), "nothing");
    EXPECT_EQ(refusal(told(3)), "its columns of layers are not those of 2 layers");
    History history = told(2);
    history.columns[1] = "epoch";
    EXPECT_EQ(refusal(history), "the column 'epoch' stands twice");
    history = told(2);
    history.columns[1] = "cost";
    EXPECT_EQ(refusal(history), "the column 'loss' is missing");
    history = told(2);
    std::swap(history.columns[1], history.columns[2]);
    EXPECT_EQ(refusal(history), "the column 'validation_loss' stands where 'loss' belongs");
}

TEST(History, NumbersMustLieWhereTheirColumnsDo) {
    const auto with = [](const std::string& column, double number) {
        History history = told(2);
        const auto place = std::ranges::find(history.columns, column) - history.columns.begin();
        history.epochs.back()[static_cast<std::size_t>(place)] = number;
        return message_of(ErrorKind::model, [&] { check(history, 2); });
    };
    constexpr double nan = std::numeric_limits<double>::quiet_NaN();
    for (const std::string column : {"learning_rate", "linear1.gradient_rms", "linear2.moved"}) {
        EXPECT_EQ(with(column, -0.5), "a number of the column '" + column + "' is out of range");
        EXPECT_EQ(with(column, 2.0), "nothing");
        EXPECT_EQ(with(column, nan), "nothing");
    }
    for (const std::string column : {"linear1.saturated", "linear1.dead", "linear2.starved"}) {
        EXPECT_EQ(with(column, -0.5), "a number of the column '" + column + "' is out of range");
        EXPECT_EQ(with(column, 1.5), "a number of the column '" + column + "' is out of range");
        EXPECT_EQ(with(column, 1.0), "nothing");
    }
    EXPECT_EQ(with("loss", -0.5), "nothing");
    for (const double epoch : {0.5, -1.0, nan, 1e300}) {
        EXPECT_EQ(with("epoch", epoch), "an epoch is not a whole number") << epoch;
    }
    History twice = told(2);
    twice.epochs.push_back(twice.epochs.back());
    EXPECT_EQ(message_of(ErrorKind::model, [&] { check(twice, 2); }), "its epochs do not follow each other");
    twice.epochs.back().pop_back();
    EXPECT_EQ(message_of(ErrorKind::model, [&] { check(twice, 2); }),
              "an epoch has not one number for each of the " + std::to_string(twice.columns.size()) + " columns");
    twice.epochs.clear();
    EXPECT_EQ(message_of(ErrorKind::model, [&] { check(twice, 2); }), "it has no epochs");
}

}  // namespace
}  // namespace handgrad
