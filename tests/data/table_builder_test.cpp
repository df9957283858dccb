// A table from columns in memory is the table that read_csv() makes of their text.
#include "handgrad/data/table_builder.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cmath>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tests/support/raised.hpp"

namespace handgrad {
namespace {

using Cells = std::vector<std::optional<std::string_view>>;
constexpr double nan = std::numeric_limits<double>::quiet_NaN();

std::string shown(const Column& column) {
    std::string text = column.name + (column.odd ? " odd " + column.odd->text : "") +
                       (column.number_like ? " like " + column.number_like->what : "") + " missing " +
                       std::to_string(column.missing);
    for (const double number : column.numbers) {
        text += " " + format_number(number);
    }
    for (const std::uint32_t code : column.codes) {
        text += " " + (code == Column::missing_code ? std::string("-") : "'" + column.texts[code] + "'");
    }
    return text;
}
std::string shown(const Table& table) {
    std::string text = std::to_string(table.rows);
    for (const Column& column : table.columns) {
        text += "\n" + shown(column);
    }
    for (const KeptCells& kept : table.kept) {
        for (const std::string& cell : kept.cells) {
            text += "\n" + kept.name + "=" + cell;
        }
    }
    return text;
}

Table built(const Cells& cells, const ReadOptions& reading = {}) {
    TableBuilder builder("t.csv", reading);
    builder.add_cells("a", cells);
    builder.add_numbers("b", std::vector<double>(cells.size(), 1.5));
    return builder.finish();
}
Table as_text(const Cells& cells, const ReadOptions& reading = {}) {
    std::string text = "a,b\n";
    for (const auto& cell : cells) {
        const std::string_view bare = cell.value_or("");
        const bool quoted = bare.find_first_of(",\"\n") != std::string_view::npos;
        text += (quoted ? "\"" + std::string(bare) + "\"" : std::string(bare)) + ",1.5\n";
    }
    return read_csv(text, "t.csv", reading);
}

TEST(TableBuilder, CellsAreWhatTheTextOfThemIs) {
    const std::vector<Cells> columns{
        {"1", " 2.5 ", {}}, {"Rome", "Oslo", "Rome"}, {" Rome ", " a,b ", "NA"},  {"1", "x", "3"},
        {"inf", "1", "2"},  {"12 %", "13 %", "14 %"}, {"2024-01-31", {}, "null"}, {"1e999", "2", "3"},
        {"", "", ""}};
    for (const Cells& cells : columns) {
        EXPECT_EQ(shown(built(cells)), shown(as_text(cells)));
        for (const ReadOptions& reading :
             {ReadOptions{.text_columns = {"a"}}, ReadOptions{.spelled_columns = {"a"}}, ReadOptions{.percent = true},
              ReadOptions{.missing = {"", "2", "Oslo"}}, ReadOptions{.kept_columns = {"a"}}}) {
            EXPECT_EQ(shown(built(cells, reading)), shown(as_text(cells, reading)));
        }
    }
}

RC_GTEST_PROP(TableBuilder, NumbersAreTheirText, (const std::vector<double>& drawn)) {
    std::vector<double> numbers = drawn;
    numbers.insert(numbers.end(), {nan, -9.0, 1e300});
    std::vector<std::string> spelled;
    Cells cells;
    for (const double number : numbers) {
        spelled.push_back(format_number(number));
    }
    for (std::size_t i = 0; i < numbers.size(); ++i) {
        cells.emplace_back();
        if (!std::isnan(numbers[i])) {
            cells.back() = spelled[i];
        }
    }
    for (const ReadOptions& reading : {ReadOptions{}, ReadOptions{.missing = {"", "-9"}}}) {
        TableBuilder builder("t.csv", reading);
        builder.add_numbers("a", numbers);
        builder.add_numbers("b", std::vector<double>(numbers.size(), 1.5));
        RC_ASSERT(shown(builder.finish()) == shown(as_text(cells, reading)));
    }
}

TEST(TableBuilder, DatesBecomeTheirParts) {
    const ReadOptions reading{.date_columns = {"a"}};
    const Cells cells{"2024-01-31", {}, "1969-12-31 12:00"};
    EXPECT_EQ(shown(built(cells, reading)), shown(as_text(cells, reading)));
    TableBuilder builder("t", reading);
    EXPECT_TRUE(builder.keeps_spelling("a"));
    EXPECT_FALSE(builder.keeps_spelling("b"));
    builder.add_numbers("aa", std::vector{1.0});
    EXPECT_EQ(raised([&] { builder.finish(); }), "data: t: there is no column 'a'; the columns are 'aa'");
}

TEST(TableBuilder, AGapIsOneWhateverTextsMeanIt) {
    const Table table = built({{}, "7"}, {.missing = {"7"}});
    EXPECT_EQ(table.columns.front().missing, 2);
}

TEST(TableBuilder, WhatIsNoTableIsRefused) {
    const auto error = [](const std::string& name, std::size_t rows) {
        return raised([&] {
            TableBuilder builder("t");
            builder.add_numbers("a", std::vector(2, 1.0));
            builder.add_numbers(name, std::vector(rows, 1.0));
        });
    };
    EXPECT_EQ(error("b", 2), "nothing");
    EXPECT_EQ(error("a", 2), "data: t: column 'a': there are two columns of that name; rename one of them");
    EXPECT_EQ(error("b", 1), "usage: t: column 'b': it has 1 row, the columns before it 2");
    EXPECT_EQ(error("\xFF", 2), "data: t: column '\\xff': the name is not UTF-8");
    EXPECT_EQ(error(std::string(1025, 'a'), 2).substr(0, 9), "data: t: ");
    EXPECT_EQ(raised([] { TableBuilder("t").finish(); }), "data: t: no columns");
    EXPECT_EQ(raised([] {
                  TableBuilder builder("t");
                  builder.add_cells("a", {});
                  builder.finish();
              }),
              "data: t: no rows");
}

}  // namespace
}  // namespace handgrad
