// Telling names of rows from columns to learn from.
#include <algorithm>
#include <cmath>
#include <vector>

#include "handgrad/data/cells.hpp"
#include "handgrad/data/preprocessing.hpp"

namespace handgrad {
namespace {

/// Names of nothing but names of rows.
bool always_names_rows(const std::string& lower) {
    constexpr std::string_view names[] = {"rownames", "row.names", "row_names", "row names", "rowname",
                                          "row_id",   "rowid",     "id",        "unnamed: 0"};
    return std::ranges::find(names, lower) != std::end(names) || lower.starts_with("unnamed: 0.");
}

/// `index`, `PassengerId`, `customer_id` …: names of what may also be measured.
bool may_name_rows(const std::string& name, const std::string& lower) {
    constexpr std::string_view names[] = {"row", "index", "uid", "uuid", "no.", "nr.", "nr"};
    if (std::ranges::find(names, lower) != std::end(names)) {
        return true;
    }
    if (name.size() < 3 || !lower.ends_with("id")) {
        return false;
    }
    const char before = name[name.size() - 3];
    const bool divided = before == '_' || before == ' ' || before == '.' || before == '-';
    const bool capital = name[name.size() - 2] == 'I' && before >= 'a' && before <= 'z';
    return divided || capital;
}

/// Texts or whole numbers, each once; in a column of numbers with `counted` those from 0 or 1 on, in any order.
bool are_different(const Column& column, bool counted) {
    if (column.missing > 0 || column.odd) {
        return false;
    }
    if (!column.has_numbers) {
        return column.texts.size() == column.codes.size();
    }
    std::vector<double> sorted = column.numbers;
    std::ranges::sort(sorted);
    const double first = sorted.empty() ? -1.0 : sorted.front();
    bool good = !counted || first == 0.0 || first == 1.0;
    for (std::size_t i = 0; good && i < sorted.size(); ++i) {
        good = std::trunc(sorted[i]) == sorted[i] && (i == 0 || sorted[i - 1] < sorted[i]);
        good = good && (!counted || sorted[i] == first + static_cast<double>(i));
    }
    return good;
}

}  // namespace

const Column* row_names(const Table& table) {
    if (table.columns.empty() || table.lines.empty()) {  // a binary file has no names
        return nullptr;
    }
    const Column& first = table.columns.front();
    const std::string lower = lower_case(first.name);
    const bool has_them = first.name.empty() || (always_names_rows(lower) && are_different(first, false)) ||
                          (may_name_rows(first.name, lower) && are_different(first, true));
    return has_them ? &first : nullptr;
}

}  // namespace handgrad
