// Why some columns of a table teach nothing, told of all of them at once.
#include "handgrad/data/hopeless_columns.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdint>
#include <iterator>
#include <string>
#include <string_view>

#include "handgrad/base/limits.hpp"
#include "handgrad/base/wording.hpp"
#include "handgrad/data/cells.hpp"
#include "handgrad/data/column_checks.hpp"
#include "handgrad/data/hints.hpp"

namespace handgrad {
namespace {

using Rows = std::span<const std::size_t>;

/// How many different texts these rows have in a column of nothing else.
std::size_t count_texts(const Column& column, Rows rows) {
    std::vector<bool> seen(column.texts.size());
    std::size_t count = 0;
    for (const std::size_t row : rows) {
        const std::uint32_t code = column.codes[row];
        if (code != Column::missing_code && !seen[code]) {
            seen[code] = true;
            ++count;
        }
    }
    return count;
}

/// Why nothing can be learned from a column as it is.
enum class Hopeless { no, empty, new_texts };

/// `new_texts`: a new row would hardly have a category that the model knows.
Hopeless hopeless(const Column& column, Rows rows, const PreprocessingOptions& options) {
    constexpr std::size_t few = 5, many = 20, rows_each = 10;  // in a handful of texts there is no telling
    if (column.odd || column.number_like) {
        return Hopeless::no;  // refuse_odd_cells() says what it is
    }
    if (count_missing(column, rows) == rows.size()) {
        return Hopeless::empty;
    }
    if (column.has_numbers || std::ranges::find(options.categorical, column.name) != options.categorical.end()) {
        return Hopeless::no;
    }
    const std::size_t texts = count_texts(column, rows);
    const bool mostly_different = texts > few && 2 * texts > rows.size();
    const bool said_elsewhere = texts > limits::categories || !std::ranges::all_of(column.texts, is_utf8);
    if (!said_elsewhere && (mostly_different || (texts > many && rows_each * texts > rows.size()))) {
        return Hopeless::new_texts;
    }
    return Hopeless::no;
}

/// With every `from` in it as `to`.
std::string replaced(std::string_view text, char from, std::string_view to) {
    std::string result;
    for (const char c : text) {
        if (c == from) {
            result += to;
        } else {
            result += c;
        }
    }
    return result;
}

/// As the value of a setting that lists columns, for a shell.
std::string column_list(const std::vector<std::string>& names) {
    const auto is_plain = [](unsigned char c) { return std::isalnum(c) != 0 || c == '_' || c == '.'; };
    std::string list;
    bool plain = true;
    for (const std::string& name : names) {
        if (std::ranges::all_of(name, is_plain)) {
            add_item(list, ",", name);
        } else {
            add_item(list, ",", "\"" + replaced(name, '"', "\"\"") + "\"");
            plain = false;
        }
    }
    if (!plain) {
        return "'" + replaced(list, '\'', "'\\''") + "'";
    }
    return list;
}

/// Two of the texts in the order of the alphabet, the first and the one behind it.
std::array<std::string, 2> first_texts(const Column& column, Rows rows) {
    std::vector<std::string> texts;
    for (const std::size_t row : rows) {
        if (column.codes[row] != Column::missing_code) {
            texts.push_back(column.texts[column.codes[row]]);
        }
    }
    std::ranges::sort(texts);
    const auto other = std::ranges::upper_bound(texts, texts.front());
    return {texts.front(), *other};
}

/// In words, of a column of texts.
std::string why_hopeless(const Column& column, Rows rows) {
    if (2 * count_texts(column, rows) > rows.size()) {
        return "so that new rows would bring new ones: nothing can be learned from it";
    }
    return "fewer than ten rows each: little can be learned of one, and new rows may bring others";
}

}  // namespace

void refuse_hopeless(const Table& table, const std::vector<const Column*>& columns, Rows rows,
                     const PreprocessingOptions& options) {
    const auto kind = [&](const Column* column) { return hopeless(*column, rows, options); };
    const auto first = std::ranges::find_if(columns, [&](const Column* c) { return kind(c) != Hopeless::no; });
    if (first == columns.end()) {
        return;
    }
    const Column& column = **first;
    const Hopeless why = kind(*first);
    std::vector<std::string> names;
    for (const Column* other : columns) {
        if (kind(other) == why) {
            names.push_back(other->name);
        }
    }
    const bool one = names.size() == 1;
    const std::string them = when(one, "the column") + when(!one, "the columns");
    std::string others;
    Hints settings{{"drop"}};
    if (!one) {
        others = "; so it is with " + listed(std::span(names).subspan(1));
        settings = {{"drop", column_list(names)}};
    }
    if (why == Hopeless::empty) {
        fail_column(table, column, "every cell is missing" + others + "; drop " + them, settings);
    }
    const std::array<std::string, 2> texts = first_texts(column, rows);
    settings.push_back({"categorical"});
    fail_column(table, column,
                std::to_string(count_texts(column, rows)) + " different texts in " + counted(rows.size(), "row") +
                    " (" + in_quotes(texts[0]) + ", " + in_quotes(texts[1]) + ", …), " + why_hopeless(column, rows) +
                    others + "; drop " + them + ", or insist that " + when(one, "it is") + when(!one, "they are") +
                    " categorical",
                settings);
}

}  // namespace handgrad
