// Each column goes through the builder that columns of text tables go through.
#include "handgrad/data/table_builder.hpp"

#include <array>
#include <cmath>
#include <set>
#include <utility>
#include <vector>

#include "handgrad/base/error.hpp"
#include "handgrad/base/limits.hpp"
#include "handgrad/base/suggest.hpp"
#include "handgrad/data/cells.hpp"
#include "handgrad/data/column_builder.hpp"
#include "handgrad/data/dates.hpp"

namespace handgrad {
namespace {

/// Whether a text with commas would have the cell in quotes, so that the blanks around it belong to it.
bool stands_in_quotes(std::string_view cell) { return cell.find_first_of(",\"\r\n") != std::string_view::npos; }

}  // namespace

struct TableBuilder::State {
    State(std::string source, ReadOptions given)
        : reading(std::move(given)), named(reading), missing(reading.missing), numbers(reading) {
        table.source = std::move(source);
    }

    /// Looks at the name and the length of a column that is to come.
    void check(const std::string& name, std::size_t rows) {
        const std::string place = table.source + ": column " + in_quotes(name) + ": ";
        if (columns_added == limits::columns) {
            throw Error(ErrorKind::data,
                        table.source + ": more than " + std::to_string(limits::columns) + " columns; leave some out");
        }
        if (name.size() > limits::name_bytes) {
            throw Error(ErrorKind::data, place + "the name has " + std::to_string(name.size()) + " bytes; at most " +
                                             std::to_string(limits::name_bytes) + " are read");
        }
        if (!is_utf8(name)) {
            throw Error(ErrorKind::data, place + "the name is not UTF-8");
        }
        if (!names.insert(name).second) {
            throw Error(ErrorKind::data, place + "there are two columns of that name; rename one of them");
        }
        if (columns_added > 0 && rows != table.rows) {
            throw Error(ErrorKind::usage, place + "it has " + counted(rows, "row") + ", the columns before it " +
                                              std::to_string(table.rows));
        }
        table.rows = rows;
        ++columns_added;
    }

    void add(ColumnBuilder& builder) {
        Column column = builder.finish(table);
        if (!named.dates.contains(column.name)) {
            table.columns.push_back(std::move(column));
            return;
        }
        table.dates.push_back(column.name);
        for (Column& part : date_columns(column, table)) {
            table.columns.push_back(std::move(part));
        }
    }

    ReadOptions reading;
    NamedColumns named;
    MissingTexts missing;
    NumberReader numbers;
    std::set<std::string> names{};  // no hash, which a stranger could flood
    std::size_t columns_added = 0;
    Table table{};
};

TableBuilder::TableBuilder(std::string source, ReadOptions reading)
    : state_(std::make_unique<State>(std::move(source), std::move(reading))) {}
TableBuilder::TableBuilder(TableBuilder&&) noexcept = default;
TableBuilder& TableBuilder::operator=(TableBuilder&&) noexcept = default;
TableBuilder::~TableBuilder() = default;

bool TableBuilder::keeps_spelling(std::string_view name) const {
    const NamedColumns& named = state_->named;
    return named.texts.contains(name) || named.dates.contains(name) || named.spelled.contains(name) ||
           named.kept.contains(name);
}

void TableBuilder::add_numbers(std::string name, std::span<const double> numbers) {
    State& state = *state_;
    state.check(name, numbers.size());
    ColumnBuilder builder(std::move(name), state.named, state.missing, state.numbers, numbers.size());
    const bool gaps_are_numbers = state.missing.spells_number('.');
    bool first = true;  // whose spelling may stand in a message
    std::array<char, spelled_bytes> buffer{};
    for (const double number : numbers) {
        if (std::isnan(number)) {
            builder.add_gap();
        } else if (first || gaps_are_numbers || !builder.keeps_no_spelling() || std::isinf(number)) {
            builder.add_cell(spell_number(number, buffer));
            first = false;
        } else {
            builder.add_number(number, {});
        }
    }
    state.add(builder);
}

void TableBuilder::add_cells(std::string name, std::span<const std::optional<std::string_view>> cells) {
    State& state = *state_;
    state.check(name, cells.size());
    ColumnBuilder builder(std::move(name), state.named, state.missing, state.numbers, cells.size());
    for (const std::optional<std::string_view>& cell : cells) {
        if (cell) {
            builder.add_cell(*cell, stands_in_quotes(*cell));
        } else {
            builder.add_gap();
        }
    }
    state.add(builder);
}

Table TableBuilder::finish() {
    State& state = *state_;
    if (state.columns_added == 0 || state.table.rows == 0) {
        throw Error(ErrorKind::data, state.table.source + (state.columns_added == 0 ? ": no columns" : ": no rows"));
    }
    for (const std::string& date : state.reading.date_columns) {
        if (!state.names.contains(date)) {
            const std::vector<std::string> there(state.names.begin(), state.names.end());
            throw Error(ErrorKind::data, state.table.source + ": there is no column " + in_quotes(date) +
                                             did_you_mean(date, there) + "; the columns are " + listed(there));
        }
    }
    return std::move(state.table);
}

}  // namespace handgrad
