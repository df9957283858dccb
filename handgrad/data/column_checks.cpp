// Messages about the cells of a column that cannot be used as asked.
#include "handgrad/data/column_checks.hpp"

#include <algorithm>
#include <cmath>

#include "handgrad/base/wording.hpp"
#include "handgrad/data/cells.hpp"

namespace handgrad {
namespace {

bool out_of_range(std::string_view cell) {
    return parse_number(cell, '.').problem == NumberProblem::out_of_range ||
           parse_number(cell, ',').problem == NumberProblem::out_of_range;
}

/// `nor are 3 other cells of the column`.
std::string others_beside(std::size_t odd_cells) {
    switch (odd_cells) {
        case 1:
            return "the column's other cells are";
        case 2:
            return "nor is one other cell of the column";
        default:
            return "nor are " + std::to_string(odd_cells - 1) + " other cells of the column";
    }
}

struct Problem {
    std::string cause;
    Hints settings = {};
};

Problem odd_problem(const Column& column) {
    const OddCell& odd = *column.odd;
    const std::string cell = in_quotes(odd.text);
    if (column.has_numbers && spells_infinity(odd.text)) {
        return {cell + " is not finite; correct the cell, or count its text as missing if it means that",
                {{"missing"}}};
    }
    if (column.has_numbers && out_of_range(odd.text)) {
        return {cell + " is out of range (a double holds at most 1.8e308); correct the cell, or rescale the column"};
    }
    const std::string cause = column.has_numbers ? cell + " is not a number (" + others_beside(odd.count) + ")"
                                                 : cell + " is a number in a column of texts";
    return {cause + "; make the column one of categories, or count the text as missing if it means that",
            {{"categorical"}, {"missing"}}};
}

/// A column of texts that are numbers, or dates, to people.
[[noreturn]] void refuse_number_like(const Table& table, const Column& column, const Hints& otherwise) {
    const NumberLike& like = *column.number_like;
    std::string cause = in_quotes(like.text) + " is " + like.what;
    if (like.count > 1) {
        cause += " (and so are " + counted(like.count - 1, "other cell") + " of the column)";
    }
    Hints settings = like.settings;
    const bool input = std::ranges::find(otherwise, "drop", &SettingHint::name) != otherwise.end();
    const bool of_date = !settings.empty() && settings.front().name == "date";
    if (of_date && !input) {  // a date is no target, and no weight
        settings.clear();
        cause += "; make a number of it";
    }
    cause += when(settings.empty() && !of_date, "; write it like that") + when(!settings.empty(), "; read it so") +
             when(!otherwise.empty(), ", or insist that it is text");
    settings.insert(settings.end(), otherwise.begin(), otherwise.end());
    fail_at(table, column, like.row, cause, settings);
}

}  // namespace

void fail_column(const Table& table, const Column& column, const std::string& cause, const Hints& settings) {
    fail_about(ErrorKind::data, table.source + ": column " + in_quotes(column.name) + ": " + cause, settings);
}

void fail_at(const Table& table, const Column& column, std::size_t row, const std::string& cause,
             const Hints& settings) {
    fail_about(ErrorKind::data, table.place(row) + ": column " + in_quotes(column.name) + ": " + cause, settings);
}

void refuse_odd_cells(const Table& table, const Column& column, const Hints& otherwise) {
    if (column.number_like) {
        refuse_number_like(table, column, otherwise);
    }
    if (column.other_unit) {
        fail_at(table, column, column.other_unit->row,
                in_quotes(column.other_unit->text) +
                    " has another unit or currency than the cells before it; convert it, or make the column one of "
                    "categories",
                {{"categorical"}});
    }
    if (column.odd) {
        const auto [cause, settings] = odd_problem(column);
        fail_at(table, column, column.odd->row, cause, settings);
    }
}

void require_numbers(const Table& table, const Column& column, const std::string& reason, const Hints& settings) {
    refuse_odd_cells(table, column);
    if (!column.has_numbers) {
        fail_about(ErrorKind::data,
                   table.source + ": column " + in_quotes(column.name) + " holds texts (" + listed(column.texts) +
                       "), but " + reason,
                   settings);
    }
}

bool is_missing(const Column& column, std::size_t row) {
    return column.has_numbers ? std::isnan(column.numbers[row]) : column.codes[row] == Column::missing_code;
}

std::size_t count_missing(const Column& column, std::span<const std::size_t> rows) {
    if (column.missing == 0) {
        return 0;
    }
    return static_cast<std::size_t>(
        std::count_if(rows.begin(), rows.end(), [&](std::size_t row) { return is_missing(column, row); }));
}

std::string cell_text(const Column& column, std::size_t row) {
    return column.has_texts ? column.texts[column.codes[row]] : format_number(column.numbers[row]);
}

}  // namespace handgrad
