// What fitting and applying share: reading single cells of a column and refusing bad ones with their place.
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "handgrad/data/hints.hpp"
#include "handgrad/data/table.hpp"

namespace handgrad {

/// Raises Error(data): `train.csv: column 'age': CAUSE`, about these settings.
[[noreturn]] void fail_column(const Table& table, const Column& column, const std::string& cause,
                              const Hints& settings = {});
/// Raises Error(data): `train.csv:17: column 'age': CAUSE`, about these settings.
[[noreturn]] void fail_at(const Table& table, const Column& column, std::size_t row, const std::string& cause,
                          const Hints& settings = {});

/// Raises Error(data) when numbers and texts are mixed in the column, naming the first odd cell and what helps, when
/// its texts are numbers to people, and when it has two units. `otherwise` are settings that help beside those that
/// read such numbers.
void refuse_odd_cells(const Table& table, const Column& column, const Hints& otherwise = {});

/// Raises Error(data) unless the column is one of numbers without odd cells; `reason` ends the sentence “column … holds
/// texts, but”.
void require_numbers(const Table& table, const Column& column, const std::string& reason, const Hints& settings = {});

/// Whether the cell has no value. The column has no odd cells.
[[nodiscard]] bool is_missing(const Column& column, std::size_t row);
[[nodiscard]] std::size_t count_missing(const Column& column, std::span<const std::size_t> rows);

/// What a cell that is not missing says: its text, or the shortest spelling of its number.
[[nodiscard]] std::string cell_text(const Column& column, std::size_t row);

}  // namespace handgrad
