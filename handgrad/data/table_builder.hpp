// A table from columns that a program has in memory, judged by the rules by which a file of them would be read.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "handgrad/data/table.hpp"

namespace handgrad {

/// Takes columns one after the other. What they become is what read_csv() makes of the same cells in a text with
/// commas: texts that spell numbers are numbers, missing texts are gaps, blanks around a text do not count, columns of
/// dates become their parts.
class TableBuilder {
public:
    /// `source` stands in messages. Of `reading` what says how a text is divided is left out of account.
    explicit TableBuilder(std::string source, ReadOptions reading = {});
    TableBuilder(TableBuilder&&) noexcept;
    TableBuilder& operator=(TableBuilder&&) noexcept;
    ~TableBuilder();

    /// Whether it counts how the cells of this column are spelled, since they are classes, names, dates or to be
    /// copied: numbers had better come as cells then.
    [[nodiscard]] bool keeps_spelling(std::string_view name) const;

    /// NaN is a gap. Raises Error(data) for a name that is there already, is not UTF-8 or too long; Error(usage) unless
    /// the column is as long as the others; both as in add_cells().
    void add_numbers(std::string name, std::span<const double> numbers);
    /// Cells as a text has them; nothing is a gap.
    void add_cells(std::string name, std::span<const std::optional<std::string_view>> cells);

    /// The table; the builder is then empty. Raises Error(data) for a table without columns or rows, and where a column
    /// of dates is not there or holds something else.
    Table finish();

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace handgrad
