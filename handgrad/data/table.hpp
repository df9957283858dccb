// A table as it was read: named columns of numbers or texts, each row with its place in the file, nothing guessed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "handgrad/base/error.hpp"

namespace handgrad {

/// How to read a text table. What is 0 is found in the file.
struct ReadOptions {
    /// Between fields; ' ' stands for any run of blanks and tabs.
    char delimiter = 0;
    /// '.' or ','. Found: a comma where fields end in semicolons and no number has a point, else a point. Where it is
    /// given, U+2212 is a minus too, and an exponent may stand behind D.
    char decimal = 0;
    bool header = true;  ///< line 1 names the columns; else they are x1, x2, …
    /// Cells that mean “no value”, compared without regard to ASCII case after trimming blanks.
    std::vector<std::string> missing = {"", "NA", "NaN", "null"};
    /// What divides thousands (1,234): one of , . ' _ or ' ' for blanks of every width; 0: nothing.
    char thousands = 0;
    bool percent = false;  ///< 12 % is the number 12
    /// $5, 5 EUR and 12 kg are numbers without their signs and units, of which a column has one; (5) is -5.
    bool currency = false;
    /// Columns of dates and times of ISO 8601, each read as numbers: COLUMN:days (since 1970), COLUMN:day_part and
    /// COLUMN:year_part (both 0 to 1); of times of the day the part of the day alone.
    std::vector<std::string> date_columns = {};
    /// Columns to be kept as texts even where cells look like numbers.
    std::vector<std::string> text_columns = {};
    /// Columns of which the spelling of each cell is kept beside its number (class labels), unless there are more
    /// different spellings than there may be classes.
    std::vector<std::string> spelled_columns = {};
    /// Columns of which Table::kept shall hold the cells as they stand.
    std::vector<std::string> kept_columns = {};

    bool operator==(const ReadOptions&) const = default;
};

/// A cell that does not belong: the first text in a column whose other cells are numbers, or the first number in one
/// whose other cells are texts (whichever kind is rarer at the end is the odd one; texts when there are as many).
/// `inf` spelled out and numbers beyond the range of double count as texts here, and are odd even among themselves.
struct OddCell {
    std::size_t row;
    std::string text;
    std::size_t count;  ///< how many cells of the odd kind the column has
};

/// A column of texts, at least half of whose cells would be numbers, or dates, if their signs were read.
struct NumberLike {
    std::size_t row = 0;  ///< of the first such cell …
    std::string text;     ///< … and what it says
    std::size_t count = 0;
    std::string what = {};  ///< `a number with a percent sign`
    std::vector<SettingHint> settings = {};
};

struct Column {
    static constexpr std::uint32_t missing_code = std::numeric_limits<std::uint32_t>::max();

    std::string name;
    bool has_numbers = false;  ///< `numbers` holds every row (NaN where missing, or where the cell is a text)
    bool has_texts = false;    ///< `codes` and `texts` hold every row
    std::vector<double> numbers;
    std::vector<std::uint32_t> codes;  ///< index into texts; missing_code where missing, or an odd number among texts
    std::vector<std::string> texts;    ///< distinct cells in order of first sight
    std::optional<OddCell> odd;        ///< set when numbers and texts are mixed and the column is not a text column
    std::optional<NumberLike> number_like = {};  ///< set when its texts are numbers to people
    std::string unit = {};                       ///< or currency, of the first cell that has one; empty for none
    std::optional<OddCell> other_unit = {};      ///< the first cell whose unit or currency is not that of the first
    std::size_t missing = 0;                     ///< how many cells are missing …
    std::size_t first_missing = 0;               ///< … and the row of the first

    /// A column of numbers has no texts mixed in; one with nothing but missing cells counts as numbers.
    [[nodiscard]] bool numeric() const { return has_numbers; }
};

/// The cells of one column as the file has them.
struct KeptCells {
    std::string name;
    std::vector<std::string> cells = {};
};

struct Table {
    std::string source;  ///< the file's name, for messages
    std::size_t rows = 0;
    std::vector<Column> columns;
    std::vector<std::size_t> lines;  ///< of each row in a text file, counted from 1; empty for binary formats
    char decimal = '.';              ///< of its numbers, as it was given or found
    std::vector<KeptCells> kept = {};
    std::vector<std::string> dates = {};     ///< columns of dates, of which it has the parts
    std::vector<std::string> notices = {};   ///< how it was read where that is not plain
    std::vector<std::string> warnings = {};  ///< for instance numbers that were too small and became 0, counted

    /// `train.csv:17` for a row of a text file, `x.npy: row 16` (counted from 0) for one of a binary file.
    [[nodiscard]] std::string place(std::size_t row) const;
    /// The column of that name, or null.
    [[nodiscard]] const Column* find(std::string_view name) const;
    /// The column of that name. Raises Error(data) that lists near names when there is none.
    [[nodiscard]] const Column& column(std::string_view name) const;
};

/// These rows of a table, in this order, with their places in the file.
Table select_rows(const Table& table, std::span<const std::size_t> rows);

/// Reads .csv .tsv .txt, .npy, .idx, *-ubyte, each also with .gz behind it, by the name of the file (by its first bytes
/// where the name says nothing). Columns of binary formats are called x1, x2, … Raises Error(data) with place and
/// cause, Error(io) when the file cannot be read.
Table read_table(const std::filesystem::path& path, const ReadOptions& options = {});

/// The same from bytes already in memory (text, by its form); `source` stands in messages.
Table read_csv(std::string_view bytes, const std::string& source, const ReadOptions& options);
Table read_npy(std::string_view bytes, const std::string& source);
Table read_idx(std::string_view bytes, const std::string& source);
/// Inflates gzip data, every member of it. Raises Error(data) on damage, or when it would grow beyond `most` bytes
/// (limits::unpacked() of its size).
std::string gunzip(std::string_view bytes, const std::string& source, std::optional<std::size_t> most = {});

/// The number that a cell spells: blanks around it and a leading + are accepted; nothing else may be left over.
enum class NumberProblem { none, not_a_number, out_of_range, underflow };
struct ParsedNumber {
    double value;
    NumberProblem problem;  ///< underflow: value is 0; not_a_number also for nan and inf spelled out
};
ParsedNumber parse_number(std::string_view cell, char decimal = '.');
/// The shortest text that parse_number reads back as the same double, whatever the locale.
std::string format_number(double value);

}  // namespace handgrad
