// Text tables: the grammar of RFC 4180, what becomes of each cell, and a message for every way a file can be wrong.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cmath>
#include <cstdint>
#include <cstring>
#include <ctime>
#include <functional>

#include "handgrad/data/table.hpp"
#include "tests/support/raised.hpp"

namespace handgrad {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

Table read(std::string_view text, const ReadOptions& options = {}) { return read_csv(text, "t.csv", options); }

std::string error(std::string_view text, const ReadOptions& options = {}) {
    return raised([&] { read(text, options); });
}

/// The cells of a text column, in row order.
std::vector<std::string> texts(const Column& column) {
    std::vector<std::string> cells;
    for (const std::uint32_t code : column.codes) {
        cells.push_back(code == Column::missing_code ? "(missing)" : column.texts[code]);
    }
    return cells;
}

std::vector<std::string> names(const Table& table) {
    std::vector<std::string> all;
    for (const Column& column : table.columns) {
        all.push_back(column.name);
    }
    return all;
}

TEST(Csv, NumbersAndTextsBecomeColumnsOfTheirKind) {
    const Table table = read("age,city\n31,Rome\n-4.5e1,Oslo\n7,Rome\n");
    EXPECT_EQ(table.rows, 3);
    EXPECT_THAT(names(table), ElementsAre("age", "city"));
    EXPECT_TRUE(table.columns[0].numeric());
    EXPECT_FALSE(table.columns[0].has_texts);
    EXPECT_THAT(table.columns[0].numbers, ElementsAre(31, -45, 7));
    EXPECT_FALSE(table.columns[1].numeric());
    EXPECT_THAT(table.columns[1].texts, ElementsAre("Rome", "Oslo"));
    EXPECT_THAT(table.columns[1].codes, ElementsAre(0, 1, 0));
    EXPECT_THAT(table.lines, ElementsAre(2, 3, 4));
    EXPECT_EQ(table.place(2), "t.csv:4");
    EXPECT_TRUE(table.warnings.empty());
}

// RFC 4180 ------------------------------------------------------------------------------------------------------------

TEST(Csv, QuotedCellsHoldDelimitersDoubledQuotesAndLineBreaks) {
    const Table table = read("name,n\n\"Smith, J.\",1\n\"say \"\"hi\"\"\",2\n\"two\nlines\r\nthree\",3\n\"\"\"\",4\n");
    EXPECT_THAT(texts(table.columns[0]), ElementsAre("Smith, J.", "say \"hi\"", "two\nlines\r\nthree", "\""));
    EXPECT_THAT(table.lines, ElementsAre(2, 3, 4, 7));  // the third row spans lines 4 to 6
}

TEST(Csv, LinesMayEndInCrLfOrNotAtAll) {
    for (const char* text :
         {"a,b\r\n1,2\r\n3,4\r\n", "a,b\n1,2\n3,4", "a,b\r\n1,2\n3,4\r\n\r\n\n", "\xEF\xBB\xBF\"a\",b\n1,2\n3,\"4\""}) {
        const Table table = read(text);
        EXPECT_THAT(names(table), ElementsAre("a", "b")) << text;
        EXPECT_THAT(table.columns[0].numbers, ElementsAre(1, 3)) << text;
        EXPECT_THAT(table.columns[1].numbers, ElementsAre(2, 4)) << text;
    }
}

TEST(Csv, ATrailingCommaIsAnEmptyCell) {
    const Table table = read("a,b\n1,\n,2\n");
    EXPECT_EQ(table.columns[0].missing, 1);
    EXPECT_EQ(table.columns[0].first_missing, 1);
    EXPECT_TRUE(std::isnan(table.columns[0].numbers[1]));
    EXPECT_EQ(table.columns[1].missing, 1);
    EXPECT_EQ(table.columns[1].first_missing, 0);
    EXPECT_EQ(error("a,,b\n1,2,3\n"),
              "data: t.csv:1: the name of column 2 is empty; name it, or read the table without a header when line 1 "
              "is data {header=false}");
}

TEST(Csv, ColonsDoNotMakeAFileAnythingElse) {
    const Table table = read("when,y\n12:30:00,1\n2024-01-01T00:00:00,2\n");
    EXPECT_THAT(texts(table.columns[0]), ElementsAre("12:30:00", "2024-01-01T00:00:00"));
}

TEST(Csv, BlanksAroundACellBelongToItOnlyInQuotes) {
    const Table table = read("city, age ,\" n\"\n Rome, 3 , NA \n\" Rome\",4,5\n Oslo,4,\"5\"\n");
    EXPECT_THAT(names(table), ElementsAre("city", "age", " n"));
    EXPECT_THAT(texts(table.columns[0]), ElementsAre("Rome", " Rome", "Oslo"));
    EXPECT_THAT(table.columns[1].numbers, ElementsAre(3, 4, 4));
    EXPECT_EQ(table.columns[2].missing, 1);
}

TEST(Csv, ARowOfAnotherLengthIsAnErrorWithItsLine) {
    const std::string header = "a,b,c,d,e\n";
    std::string text = header;
    for (int i = 0; i < 5; ++i) {
        text += "1,2,3,4,5\n";
    }
    EXPECT_EQ(error(text + "1,2,3,4\n"), "data: t.csv:7: expected 5 fields, found 4 (divided by ',') {delimiter}");
    EXPECT_EQ(error(text + "1,2,3,4,5,6,7\n"),
              "data: t.csv:7: expected 5 fields, found 7 (divided by ',') {delimiter}");
    EXPECT_EQ(error(header + "\"1\n\",2,3,4,5\n1\n"),
              "data: t.csv:4: expected 5 fields, found 1 (divided by ',') {delimiter}");
    EXPECT_EQ(error("a\n1,2\n"), "data: t.csv:2: expected 1 field, found 2 (divided by ',') {delimiter}");
}

TEST(Csv, BlankLinesAreMissingCellsInASingleColumnAndErrorsInSeveral) {
    const Table single = read("a\n1\n\n\r\n2\n\n\n");
    EXPECT_EQ(single.rows, 4);
    EXPECT_EQ(single.columns[0].missing, 2);
    EXPECT_THAT(single.lines, ElementsAre(2, 3, 4, 5));
    EXPECT_EQ(error("a,b\n1,2\n\n3,4\n"), "data: t.csv:3: a blank line between the rows; remove it");
    EXPECT_EQ(error("\na,b\n1,2\n"), "data: t.csv:1: a blank line where the names of the columns should be");
}

TEST(Csv, QuotesInTheWrongPlaceAreErrors) {
    EXPECT_EQ(error("a,b\n1,\"x\"y\n"),
              "data: t.csv:2: text after the closing quote of 'x'; double the quotes inside "
              "a quoted cell");
    EXPECT_EQ(error("a,b\n1,x\"y\"\n"),
              "data: t.csv:2: a quote inside the unquoted cell that starts with 'x'; put the "
              "whole cell in quotes and double the quotes in it");
    EXPECT_EQ(error("a,b\n1, x\"y\"\n"),
              "data: t.csv:2: a quote inside the unquoted cell that starts with ' x'; put the "
              "whole cell in quotes and double the quotes in it");
    EXPECT_THAT(texts(read("a,b\n1, \"y, z\"\n").columns[1]), ElementsAre("y, z"));
    EXPECT_EQ(error("a,b\n1,\"y\n2,3\n4,5\n"), "data: t.csv:2: a quote is opened here and never closed");
}

TEST(Csv, BytesThatAreNoTextAreErrors) {
    EXPECT_EQ(error("a,b\n1,2\r3,4\r"),
              "data: t.csv:2: a carriage return without a line feed behind it; save the file "
              "with line ends \\n or \\r\\n");
    EXPECT_EQ(error("a,b\n1,2\r"),
              "data: t.csv:2: a carriage return without a line feed behind it; save the file with "
              "line ends \\n or \\r\\n");
    for (const std::string_view text :
         {std::string_view("a,b\n1,x\0y\n", 10), std::string_view("a,b\n1,2\0\n", 9),
          std::string_view("a,b\n1,\"\0\"\n", 10), std::string_view("a,b\n1,\"x\"\0", 10)}) {
        EXPECT_EQ(error(text), "data: t.csv:2: a NUL byte; this is not a text table in UTF-8");
    }
    EXPECT_EQ(error(std::string_view("\xFF\xFE"
                                     "a\0\n",
                                     5)),
              "data: t.csv: byte 4: not UTF-16, though its byte order mark says so; save it as UTF-8");
    EXPECT_EQ(error("gr\xF6\xDF"
                    "e,y\n1,2\n"),
              "data: t.csv:1: the name 'gr\\xf6\\xdfe' is not UTF-8; convert the "
              "file, for instance: iconv -f latin1 -t utf-8 t.csv > t.utf-8.csv");
}

/// A cell written as RFC 4180 wants it.
std::string escaped(const std::string& cell) {
    std::string out = "\"";
    for (const char c : cell) {
        out += c == '"' ? "\"\"" : std::string(1, c);
    }
    return out + "\"";
}

RC_GTEST_PROP(Csv, AnyTextInQuotesComesBackUnchanged, ()) {
    const auto cell = rc::gen::container<std::string>(rc::gen::element('a', '"', ',', '\n', '\r', ' ', ';', '1'));
    const auto rows = *rc::gen::nonEmpty(
        rc::gen::container<std::vector<std::pair<std::string, std::string>>>(rc::gen::pair(cell, cell)));
    const std::string line_end = *rc::gen::element<std::string>("\n", "\r\n");
    std::string text = "a,b" + line_end;
    for (const auto& [a, b] : rows) {
        text += escaped(a) + "," + escaped(b) + line_end;
    }
    const Table table = read(text, {.missing = {}, .text_columns = {"a", "b"}});
    RC_ASSERT(table.rows == rows.size());
    for (std::size_t i = 0; i < rows.size(); ++i) {
        RC_ASSERT(texts(table.columns[0])[i] == rows[i].first);
        RC_ASSERT(texts(table.columns[1])[i] == rows[i].second);
    }
}

RC_GTEST_PROP(Csv, AnyBytesEitherReadAsATableOrRaiseAnError, ()) {
    const auto bytes = *rc::gen::container<std::string>(
        rc::gen::element('1', '.', '-', 'e', 'a', '"', ',', '\n', '\r', '\0', ' ', '\xEF', '\xFF'));
    const std::string outcome = error(bytes, {.header = *rc::gen::arbitrary<bool>()});
    RC_ASSERT(outcome == "nothing" || outcome.starts_with("data: t.csv"));
}

// The heading ---------------------------------------------------------------------------------------------------------

TEST(Csv, WithoutAHeaderColumnsAreNumbered) {
    const Table table = read("1,a\n2,b\n", {.header = false});
    EXPECT_THAT(names(table), ElementsAre("x1", "x2"));
    EXPECT_EQ(table.rows, 2);
    EXPECT_THAT(table.lines, ElementsAre(1, 2));
}

TEST(Csv, AHeaderReadAsDataIsAnErrorThatShowsIt) {
    EXPECT_EQ(error("age,y\n31,1\n45,0\n", {.header = false}),
              "data: t.csv:1: line 1 looks like a header (\"age\"), and the table is read without one; let it be one, "
              "or remove the line {header=false}");
    EXPECT_EQ(error("city,y\nRome,1\n", {.header = false}),
              "data: t.csv:1: line 1 looks like a header (\"y\"), and the table is read without one; let it be one, or "
              "remove the line {header=false}");
    EXPECT_EQ(error("Oslo,1\nRome,1\n", {.header = false}), "nothing");  // a first row with a number is no header
    EXPECT_EQ(error("?,1\n2,1\n", {.header = false}), "nothing");        // but an odd cell, if the column is used
}

TEST(Csv, DataReadAsAHeaderIsAnErrorThatShowsIt) {
    const std::string message =
        "data: t.csv:1: line 1 looks like data (5.1), not like names; read the table without a header, or put the "
        "names in quotes {header=false}";
    EXPECT_EQ(error("5.1,3.5,0\n4.9,3.0,0\n"), message);
    EXPECT_EQ(error("5.1,5.1,\n4.9,3.0,0\n"), message);  // rather than the complaint about twin or empty names
    EXPECT_EQ(error("\"2001\",\"2002\"\n4.9,3.0\n"), "nothing");
    EXPECT_EQ(error("country,2001\nNorway,3.0\n"), "nothing");
}

TEST(Csv, NamesMustDiffer) {
    EXPECT_EQ(error("age,y,age\n1,2,3\n"),
              "data: t.csv:1: two columns are called 'age'; rename one, or read the table without a header when line 1 "
              "is data {header=false}");
}

TEST(Csv, FilesWithoutRowsSaySo) {
    EXPECT_EQ(error(""), "data: t.csv: the file is empty");
    EXPECT_EQ(error("\xEF\xBB\xBF"), "data: t.csv: the file is empty");
    EXPECT_EQ(error("a,b\n"), "data: t.csv: no rows below the line of names");
    EXPECT_EQ(error("a,b\n\n\n"), "data: t.csv: no rows below the line of names");
    EXPECT_EQ(error("1,2"), "data: t.csv: no rows below the line of names");
    EXPECT_EQ(error("\n\n", {.header = false}), "data: t.csv: no rows, only blank lines");
    EXPECT_EQ(read("a,b\n1,2").rows, 1);
    EXPECT_EQ(read("a\n1\n").columns.size(), 1);
}

// Cells ---------------------------------------------------------------------------------------------------------------

TEST(Csv, MissingTextsAreMatchedWithoutCaseAndCounted) {
    const Table table = read("a,b\n1,x\nna,NULL\nNaN,y\n\"\",\n");
    EXPECT_THAT(table.columns[0].numbers, ElementsAre(1, ::testing::IsNan(), ::testing::IsNan(), ::testing::IsNan()));
    EXPECT_EQ(table.columns[0].missing, 3);
    EXPECT_EQ(table.columns[0].first_missing, 1);
    EXPECT_THAT(texts(table.columns[1]), ElementsAre("x", "(missing)", "y", "(missing)"));
}

TEST(Csv, AMissingTextMayLookLikeANumber) {
    const Table table = read("a\n1\n-999\n2\n", {.missing = {"-999"}});
    EXPECT_EQ(table.columns[0].missing, 1);
    EXPECT_THAT(table.columns[0].numbers, ElementsAre(1, ::testing::IsNan(), 2));
}

TEST(Csv, AColumnOfMissingCellsCountsAsNumbers) {
    const Table table = read("a,b\n,1\nNA,2\n");
    EXPECT_TRUE(table.columns[0].numeric());
    EXPECT_EQ(table.columns[0].missing, 2);
    EXPECT_EQ(table.columns[0].numbers.size(), 2);
}

TEST(Csv, TheRarerKindOfCellIsTheOddOne) {
    const Column numbers = read("a,b\n1,0\nn/a,0\n3,0\n?,0\n5,0\n").columns[0];
    EXPECT_TRUE(numbers.has_numbers);
    EXPECT_FALSE(numbers.has_texts);
    ASSERT_TRUE(numbers.odd);
    EXPECT_EQ(numbers.odd->row, 1);
    EXPECT_EQ(numbers.odd->text, "n/a");
    EXPECT_EQ(numbers.odd->count, 2);
    EXPECT_THAT(numbers.numbers, ElementsAre(1, ::testing::IsNan(), 3, ::testing::IsNan(), 5));

    const Column mostly_texts = read("a,b\nx,0\n12,0\ny,0\n").columns[0];
    EXPECT_FALSE(mostly_texts.has_numbers);
    ASSERT_TRUE(mostly_texts.odd);
    EXPECT_EQ(mostly_texts.odd->row, 1);
    EXPECT_EQ(mostly_texts.odd->text, "12");
    EXPECT_THAT(texts(mostly_texts), ElementsAre("x", "(missing)", "y"));
    EXPECT_EQ(mostly_texts.missing, 0);
}

TEST(Csv, ATextThatComesAgainCountsAgain) {
    const Column texts_with_number = read("a,b\nx,0\n1,0\nx,0\nx,0\n").columns[0];
    EXPECT_THAT(texts(texts_with_number), ElementsAre("x", "(missing)", "x", "x"));
    ASSERT_TRUE(texts_with_number.odd);
    EXPECT_EQ(texts_with_number.odd->count, 1);
    const Column infinities = read("a,b\n1,0\ninf,0\ninf,0\nx,0\n2,0\n3,0\n4,0\nx,0\n").columns[0];
    EXPECT_TRUE(infinities.has_numbers);
    ASSERT_TRUE(infinities.odd);
    EXPECT_EQ(infinities.odd->count, 4);
}

TEST(Csv, ManyDifferentTextsKeepTheOrderOfFirstSight) {
    constexpr std::uint32_t different = 1000;
    std::string text = "a,b\n";
    for (std::uint32_t i = 0; i < 3 * different; ++i) {
        text += "town " + std::to_string(i * 7 % different) + ",0\n";
    }
    const Column column = read(text).columns[0];
    ASSERT_EQ(column.texts.size(), different);
    for (std::uint32_t i = 0; i < 3 * different; ++i) {
        ASSERT_EQ(column.codes[i], i % different);
        ASSERT_EQ(column.texts[column.codes[i]], "town " + std::to_string(i * 7 % different));
    }
}

TEST(Csv, InfinitiesAndNumbersOutOfRangeAreOddEvenAmongThemselves) {
    for (const char* cell : {"inf", "-Infinity", "1e400"}) {
        const Column alone = read("a,b\n" + std::string(cell) + ",0\n").columns[0];
        EXPECT_TRUE(alone.has_numbers) << cell;
        ASSERT_TRUE(alone.odd) << cell;
        EXPECT_EQ(alone.odd->text, cell);
    }
    EXPECT_FALSE(read("a,b\nInf,0\nSup,0\n").columns[0].odd);  // a word among words
}

TEST(Csv, NumbersTooSmallBecomeZeroWithOneCountedWarning) {
    const Table table = read("a,b\n1e-400,1\n2,1e-999\n-3e-350,1\n");
    EXPECT_THAT(table.columns[0].numbers, ElementsAre(0, 2, 0));
    EXPECT_THAT(table.warnings,
                ElementsAre("t.csv:2: column 'a': '1e-400' is too small for a double and became 0 (2 such cells in the "
                            "column)",
                            "t.csv:3: column 'b': '1e-999' is too small for a double and became 0 (1 such cell in the "
                            "column)"));
}

TEST(Csv, TextColumnsKeepWhatLooksLikeNumbers) {
    const Table table = read("zip,y\n00501,1\nNA,2\n10115,3\n", {.text_columns = {"zip"}});
    EXPECT_FALSE(table.columns[0].has_numbers);
    EXPECT_FALSE(table.columns[0].odd);
    EXPECT_THAT(texts(table.columns[0]), ElementsAre("00501", "(missing)", "10115"));
}

TEST(Csv, SpelledColumnsKeepNumbersAndTheirSpelling) {
    const Column column = read("x,y\n1,1.0\n1,2\n1,\n1,1.0\n", {.spelled_columns = {"y"}}).columns[1];
    EXPECT_TRUE(column.has_numbers);
    EXPECT_TRUE(column.has_texts);
    EXPECT_THAT(column.numbers, ElementsAre(1, 2, ::testing::IsNan(), 1));
    EXPECT_THAT(texts(column), ElementsAre("1.0", "2", "(missing)", "1.0"));
}

TEST(Csv, SpellingsAreGivenUpBeyondTheMostClasses) {
    std::string text = "y\n";
    for (int i = 0; i < 10001; ++i) {
        text += std::to_string(i) + "\n";
    }
    const Column column = read(text, {.spelled_columns = {"y"}}).columns[0];
    EXPECT_TRUE(column.has_numbers);
    EXPECT_FALSE(column.has_texts);
    EXPECT_TRUE(column.codes.empty());
    EXPECT_EQ(column.numbers.back(), 10000);
    text.resize(text.size() - 6);  // one class fewer
    EXPECT_TRUE(read(text, {.spelled_columns = {"y"}}).columns[0].has_texts);
}

// Options -------------------------------------------------------------------------------------------------------------

TEST(Csv, TheDelimiterFollowsTheExtensionAndTheDecimal) {
    EXPECT_EQ(read_csv("a\tb\n1\t2\n", "t.tsv", {}).columns.size(), 2);
    EXPECT_EQ(read_csv("a\tb\n1\t2\n", "t.txt", {}).columns.size(), 2);
    EXPECT_EQ(read_csv("a\tb\n1\t2\n", "t.tsv.gz", {}).columns.size(), 2);
    EXPECT_EQ(read("a|b\n1|2\n", {.delimiter = '|'}).columns.size(), 2);
    EXPECT_EQ(read("a b\n1 2\n", {.delimiter = ' '}).columns.size(), 2);
    const Table german = read("a;b\n1,5;-2\n,25;1,5e1\n", {.decimal = ','});
    EXPECT_THAT(german.columns[0].numbers, ElementsAre(1.5, 0.25));
    EXPECT_THAT(german.columns[1].numbers, ElementsAre(-2, 15));
}

TEST(Csv, MarksThatCannotWorkAreUsageErrors) {
    EXPECT_EQ(error("a\n1\n", {.delimiter = ',', .decimal = ','}),
              "usage: the delimiter and the decimal mark are both ','; choose another delimiter {delimiter}");
    EXPECT_EQ(error("a\n1\n", {.delimiter = 'e'}), "usage: 'e' cannot be the delimiter of a table");
    EXPECT_EQ(error("a\n1\n", {.delimiter = '"'}), "usage: '\"' cannot be the delimiter of a table");
    EXPECT_EQ(error("a\n1\n", {.decimal = ';'}), "usage: the decimal mark must be '.' or ',', not ';'");
}

// --- Texts chosen by their hashes -----------------------------------------------------------------------------------

/// The inverse of x ^ x >> 47.
std::uint64_t unshifted(std::uint64_t x) { return x ^ x >> 47U; }

/// Of an odd number modulo 2^64, by Newton's iteration.
std::uint64_t inverse_of(std::uint64_t odd) {
    std::uint64_t inverse = odd;
    for (int i = 0; i < 6; ++i) {
        inverse *= 2 - odd * inverse;
    }
    return inverse;
}

/// Texts of 16 bytes of which the hash function of GCC's standard library (MurmurHash64A) makes the same number: the
/// second half takes back what the first one did.
std::vector<std::string> texts_of_one_hash(std::size_t count) {
    constexpr std::uint64_t mul = 0xC6A4A7935BD1E995ULL, seed = 0xC70F6907ULL, wanted = 0x0123456789ABCDEFULL;
    const std::uint64_t back = inverse_of(mul);
    std::vector<std::string> texts;
    for (std::uint64_t i = 1; texts.size() < count; ++i) {
        const std::uint64_t first = i * 0x9E3779B97F4A7C15ULL;
        const std::uint64_t mixed = unshifted(first * mul) * mul;
        const std::uint64_t between = ((seed ^ 16 * mul) ^ mixed) * mul;
        const std::uint64_t second = unshifted((wanted ^ between) * back) * back;
        std::string text(16, '\0');
        std::memcpy(text.data(), &first, 8);
        std::memcpy(text.data() + 8, &second, 8);
        if (text.find_first_of(std::string_view("\0\n\r\",; \t|'", 10)) == std::string::npos) {
            texts.push_back(text);
        }
    }
    return texts;
}

TEST(Csv, TextsChosenByTheirHashesAreReadAsFastAsOthers) {
    const std::vector<std::string> texts = texts_of_one_hash(20'000);
    const std::hash<std::string_view> hash;
    if (hash(texts[0]) != hash(texts[1]) || hash(texts[1]) != hash(texts.back())) {
        GTEST_SKIP() << "another standard library has another hash function";
    }
    std::string table = "text,y\n";
    for (const std::string& text : texts) {
        table += text + ",1\n";
    }
    const std::clock_t begin = std::clock();
    const Table read = read_csv(table, "t.csv", {.text_columns = {"text"}});
    EXPECT_LT(std::clock() - begin, 3 * CLOCKS_PER_SEC);  // one after the other they would be compared 2e8 times
    EXPECT_EQ(read.column("text").texts.size(), texts.size());
    EXPECT_EQ(read.column("text").texts.back(), texts.back());
}

/// UTF-16 behind its byte order mark, low byte first or high byte first.
std::string utf16(std::u16string_view text, bool big_endian = false) {
    std::string bytes = big_endian ? "\xFE\xFF" : "\xFF\xFE";
    for (const char16_t unit : text) {
        const char low = static_cast<char>(unit & 0xFF), high = static_cast<char>(unit >> 8U);
        bytes += big_endian ? high : low;
        bytes += big_endian ? low : high;
    }
    return bytes;
}

TEST(Csv, Utf16IsReadWithCharactersOfEveryLength) {
    for (const bool big_endian : {false, true}) {
        const Table table = read(utf16(u"name,y\na\u00e9\u8a9e\U0001F600\U0010FFFF,1\nb,2\n", big_endian));
        EXPECT_THAT(names(table), ElementsAre("name", "y"));
        EXPECT_THAT(texts(table.columns[0]), ElementsAre("a\u00e9\u8a9e\U0001F600\U0010FFFF", "b"));
    }
}

TEST(Csv, SurrogatesWithoutTheirPartnersAreRefusedWithTheirByte) {
    constexpr char16_t high = 0xD83D, low = 0xDE00;
    const std::u16string start = u"a,y\n";
    const std::u16string broken[] = {start + low + u",1\n", start + high + u",1\n", start + high,
                                     start + high + char16_t(0xE000) + u",1\n", start + high + high + low};
    for (const std::u16string& text : broken) {
        EXPECT_EQ(error(utf16(text)),
                  "data: t.csv: byte 10: not UTF-16, though its byte order mark says so; save it as UTF-8");
    }
}

TEST(Csv, WhatOnlyBeginsLikeUtf16IsNotTakenForIt) {
    for (const std::string_view start : {std::string_view("\0a\0\0", 4), std::string_view("a\0\0\0", 4),
                                         std::string_view("\0\0\0a", 4), std::string_view("a\0b\n", 4)}) {
        EXPECT_THAT(error(start), ::testing::Not(HasSubstr("UTF-16")));
    }
    EXPECT_THAT(error(std::string_view("\0a\0b\0\n", 6)), HasSubstr("utf-16be"));
}

TEST(Csv, RunsOfBlanksDivideFieldsWhereABlankIsTheDelimiter) {
    const ReadOptions blanks{.delimiter = ' '};
    const Table table = read("  a b\t \tc \n1  2 3\r\n\t4\t5 6\n7 8 \"9\"\n\"10\" 11 12", blanks);
    EXPECT_THAT(names(table), ElementsAre("a", "b", "c"));
    EXPECT_THAT(table.columns[0].numbers, ElementsAre(1, 4, 7, 10));
    EXPECT_THAT(table.columns[2].numbers, ElementsAre(3, 6, 9, 12));
    const Table commented = read("# a b\n1 2\n3 4 ", blanks);
    EXPECT_THAT(names(commented), ElementsAre("a", "b"));
    EXPECT_THAT(commented.columns[1].numbers, ElementsAre(2, 4));
    EXPECT_THAT(error("a b\n\"1\"x 2\n", blanks), HasSubstr("text after the closing quote"));
    EXPECT_THAT(error("a b\n\"1\"\"", blanks), HasSubstr("never closed"));
    EXPECT_THAT(error("a b\n1 \r2\n", blanks), HasSubstr("carriage return"));
}

TEST(Csv, BlanksAroundQuotesAreNoneOfTheCell) {
    const Table table = read("a,b\n 1,  \"x, y\"  \n2, \"z\"");
    EXPECT_THAT(texts(table.columns[1]), ElementsAre("x, y", "z"));
    EXPECT_THAT(error("a,b\n1, \"x\" \"y\"\n"), HasSubstr("text after the closing quote"));
    EXPECT_THAT(texts(read("a,b\nx,1\n ,2\n").columns[0]), ::testing::Contains("x"));
    EXPECT_THAT(error("a,b\n1,  "), "nothing");
}

}  // namespace
}  // namespace handgrad
