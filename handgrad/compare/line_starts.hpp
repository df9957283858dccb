// How a line of a sheet begins: with a symbol that it answers, and a sign, a delimiter or a blank behind that.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>
#include <vector>

#include "handgrad/compare/sheet_lines.hpp"
#include "handgrad/compare/sheet_symbols.hpp"
#include "handgrad/explain/derivation.hpp"

namespace handgrad::compare {

/// `z1 = …`, `z1: …`, `z1;…`, `z1 0.5 …`.
struct LineStart {
    std::optional<std::size_t> symbol;
    std::string_view value;
    bool exact = false;    ///< letter by letter as on the sheet, with `=`
    char delimiter = 0;    ///< of CSV
    bool in_bars = false;  ///< a row of a table in Markdown begins with its delimiter
};

/// Looks at one line, and at the next where nothing but the symbol stands on it.
class LineStarts {
public:
    /// All of them must outlive it; `asked` are the quantities of asked_quantities().
    LineStarts(const std::vector<SheetLine>& lines, const std::vector<explain::Quantity>& asked,
               const SheetSymbols& symbols)
        : lines_(lines), asked_(asked), symbols_(symbols) {}

    /// Without a symbol where the line is prose. `line` counts from 0.
    LineStart operator()(std::size_t line) const;

private:
    [[nodiscard]] std::optional<std::size_t> named(std::string_view left, std::string_view value, std::string_view next,
                                                   bool exact_is_enough) const;
    [[nodiscard]] bool holds_numbers(std::size_t i, std::string_view value) const;
    [[nodiscard]] LineStart start_of_fields(std::string_view text) const;

    const std::vector<SheetLine>& lines_;
    const std::vector<explain::Quantity>& asked_;
    const SheetSymbols& symbols_;
};

}  // namespace handgrad::compare
