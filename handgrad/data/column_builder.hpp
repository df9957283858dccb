// One column of a text table while it is read: each cell becomes a number, a text or a gap; the end decides the kind.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "handgrad/data/number_like.hpp"
#include "handgrad/data/table.hpp"

namespace handgrad {

/// The spellings of “no value”, compared without regard to ASCII case after trimming blanks.
class MissingTexts {
public:
    explicit MissingTexts(const std::vector<std::string>& texts);
    [[nodiscard]] bool contains(std::string_view trimmed_cell) const;
    /// Whether one of them is this number, however that is written: -999 is meant by -999.0 too.
    [[nodiscard]] bool means(double number) const;
    /// Whether one of them would pass for a number, as -999 does.
    [[nodiscard]] bool spells_number(char decimal) const;

private:
    std::vector<std::string> texts_;  ///< sorted
    std::vector<double> numbers_;     ///< of those that are numbers, sorted
    std::size_t longest_ = 0;
};

/// Different texts and their codes: 0, 1, … in order of first sight. A table of open addressing, because most of the
/// work on a column of texts is to find the code of a text that has been seen before; a tree where the texts have been
/// chosen so that their hashes meet.
class TextCodes {
public:
    static constexpr std::uint32_t none = Column::missing_code;

    [[nodiscard]] std::size_t size() const { return texts_.size(); }
    [[nodiscard]] const std::string& text(std::uint32_t code) const { return texts_[code]; }
    [[nodiscard]] bool grown_into_tree() const { return tree_ != nullptr; }
    /// none when the text is not there. Not const: a search that takes too long changes how all later ones are done.
    [[nodiscard]] std::uint32_t find(std::string_view text);
    /// The text must not be there, and there must be fewer than `none`.
    std::uint32_t add(std::string_view text);
    /// The texts by their codes; leaves nothing behind.
    std::vector<std::string> take();

private:
    struct Slot {
        std::size_t hash = 0;
        std::uint32_t code = none;
    };

    void insert(Slot slot);
    void plant_tree();

    std::vector<Slot> slots_;  ///< a power of two, at most half of them taken; none once there is a tree
    std::vector<std::string> texts_;
    std::unique_ptr<std::map<std::string, std::uint32_t, std::less<>>> tree_;  ///< of all texts; null without one
};

/// The columns that options name, as sets: a model from a stranger may name as many as a table has.
struct NamedColumns {
    using Names = std::set<std::string_view>;

    explicit NamedColumns(const ReadOptions& options)
        : texts(options.text_columns.begin(), options.text_columns.end()),
          dates(options.date_columns.begin(), options.date_columns.end()),
          spelled(options.spelled_columns.begin(), options.spelled_columns.end()),
          kept(options.kept_columns.begin(), options.kept_columns.end()) {}

    Names texts, dates, spelled, kept;
};

/// Takes the cells of one column from the first row to the last.
class ColumnBuilder {
public:
    /// `missing` and `reader` must outlive the builder. `expected_rows` is a guess to reserve by.
    ColumnBuilder(std::string name, const NamedColumns& named, const MissingTexts& missing, const NumberReader& reader,
                  std::size_t expected_rows);

    [[nodiscard]] const std::string& name() const { return column_.name; }
    /// Whether a cell that spells a number is no more than that number.
    [[nodiscard]] bool keeps_no_spelling() const { return plain_; }

    /// Whether all cells so far are missing.
    [[nodiscard]] bool is_empty() const { return column_.missing == row_; }

    /// A cell of any kind. Blanks around it belong to it only where they stand in quotes.
    void add_cell(std::string_view cell, bool quoted = false) {
        if (kept_) {
            cells_.emplace_back(cell);
        }
        sort_cell(cell, quoted);
    }
    /// A cell without a value, whatever texts mean that.
    void add_gap() {
        if (kept_) {
            cells_.emplace_back();
        }
        add_missing();
    }
    /// A cell known to be a number that is not a missing text, in a column that keeps no spelling.
    void add_number(double value, std::string_view cell) {
        if (column_.numbers.size() != row_ || row_ == 0) {
            prepare_numbers(cell);
        }
        column_.numbers.push_back(value);
        ++row_;
    }

    /// The finished column; its warnings go to the end of `table.warnings`, its cells to `table.kept` if wanted. Call
    /// once, after table.lines is complete.
    Column finish(Table& table);

private:
    void sort_cell(std::string_view cell, bool quoted);
    void add_missing();
    void check_unit(std::string_view cell, std::string_view bare);
    [[nodiscard]] std::optional<NumberLike> number_like(std::size_t numbers) const;
    void prepare_numbers(std::string_view cell);
    void catch_up_numbers();
    void add_spelling(std::string_view cell);
    void add_text(std::string_view cell, bool beyond_numbers);
    void add_code(std::uint32_t code);

    // The vectors in here end at the last cell of their kind; finish() and the next such cell fill the gap.
    Column column_;
    const MissingTexts& missing_;
    const NumberReader& reader_;
    bool text_column_;
    bool spelled_;
    bool kept_;
    bool plain_;                      ///< none of these
    std::vector<std::string> cells_;  ///< as they stand, when they are to be kept
    std::size_t expected_rows_;
    std::size_t row_ = 0;
    std::size_t texts_ = 0;
    std::size_t beyond_numbers_ = 0;  ///< of the texts, those that spell infinities and numbers out of range
    std::size_t underflows_ = 0;
    OddCell first_number_{};
    OddCell first_text_{};
    OddCell first_underflow_{};
    TextCodes codes_;
};

}  // namespace handgrad
