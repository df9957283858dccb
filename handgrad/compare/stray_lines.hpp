// Lines of a sheet that look like answers to something that it does not ask for.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "handgrad/compare/sheet_symbols.hpp"
#include "handgrad/explain/derivation.hpp"

namespace handgrad::compare {

/// Such lines of one sheet.
class StrayLines {
public:
    /// Both must outlive it; `asked` are the quantities of asked_quantities().
    StrayLines(const std::vector<explain::Quantity>& asked, const SheetSymbols& symbols)
        : asked_(asked), symbols_(symbols) {}

    /// Keeps a line that answers nothing if it looks like an answer; `number` counts from 1.
    void note(std::string_view text, std::size_t number);

    /// A sheet of another network is refused: it has several symbols that only others have, or as many as of ours, or
    /// ∂ŷ/∂z of another number in the place of ours. Else each such line costs itself alone.
    /// `first_line` has the line that answers each symbol, from 1; 0: none does. Returns what is to be remarked; raises
    /// Error(data) for a sheet of another network.
    [[nodiscard]] std::vector<std::string> settle(const std::string& source,
                                                  const std::vector<std::size_t>& first_line) const;

private:
    struct Stray {
        std::size_t line;
        std::string symbol;
        bool of_some_network, numbers;
    };

    const std::vector<explain::Quantity>& asked_;
    const SheetSymbols& symbols_;
    std::vector<Stray> strays_;
};

}  // namespace handgrad::compare
