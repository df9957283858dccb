// One column of a text table while it is read: each cell becomes a number, a text or a gap; the end decides the kind.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "handgrad/data/table.hpp"

namespace handgrad {

/// The spellings of “no value”, compared without regard to ASCII case after trimming blanks.
class MissingTexts {
public:
    explicit MissingTexts(const std::vector<std::string>& texts);
    [[nodiscard]] bool contains(std::string_view trimmed_cell) const;
    /// Whether one of them would pass for a number, as -999 does.
    [[nodiscard]] bool spells_number(char decimal) const;

private:
    std::vector<std::string> texts_;
    std::size_t longest_ = 0;
};

/// Takes the cells of one column from the first row to the last.
class ColumnBuilder {
public:
    /// `missing` must outlive the builder. `expected_rows` is a guess to reserve by.
    ColumnBuilder(std::string name, const ReadOptions& options, const MissingTexts& missing, std::size_t expected_rows);

    [[nodiscard]] const std::string& name() const { return column_.name; }
    /// Whether a cell that spells a number is no more than that number.
    [[nodiscard]] bool keeps_no_spelling() const { return !text_column_ && !spelled_; }

    /// A cell of any kind.
    void add_cell(std::string_view cell);
    /// A cell known to be a number that is not a missing text, in a column that keeps no spelling.
    void add_number(double value, std::string_view cell) {
        if (column_.numbers.size() != row_) {
            catch_up_numbers();
        }
        if (numbers_++ == 0) {
            column_.numbers.reserve(expected_rows_);
            first_number_ = {row_, std::string(cell), 0};
        }
        column_.numbers.push_back(value);
        ++row_;
    }

    /// The finished column; its warnings go to the end of `table.warnings`. Call once, after table.lines is complete.
    Column finish(Table& table);

private:
    struct Hash {
        using is_transparent = void;
        std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
    };

    void catch_up_numbers();
    void add_spelling(std::string_view cell);
    void add_text(std::string_view cell, bool beyond_numbers);

    // The vectors in here end at the last cell of their kind; finish() and the next such cell fill the gap.
    Column column_;
    const MissingTexts& missing_;
    char decimal_;
    bool text_column_;
    bool spelled_;
    std::size_t expected_rows_;
    std::size_t row_ = 0;
    std::size_t numbers_ = 0;
    std::size_t texts_ = 0;
    std::size_t beyond_numbers_ = 0;  ///< of the texts, those that spell infinities and numbers out of range
    std::size_t underflows_ = 0;
    OddCell first_number_{};
    OddCell first_text_{};
    OddCell first_underflow_{};
    std::unordered_map<std::string, std::uint32_t, Hash, std::equal_to<>> code_of_;
};

}  // namespace handgrad
