// An equality first, then CSV, then other signs, then a blank: the first that makes sense.
#include "handgrad/compare/line_starts.hpp"

#include "handgrad/compare/answer_cells.hpp"
#include "handgrad/compare/sheet_values.hpp"

namespace handgrad::compare {
namespace {

constexpr auto npos = std::string_view::npos;

}  // namespace

LineStart LineStarts::operator()(std::size_t line) const {
    const std::string_view text = lines_[line].text;
    std::string_view next;
    if (line + 1 < lines_.size()) {
        next = lines_[line + 1].text;
    }
    const std::size_t equals = text.find('=');
    if (equals != npos) {
        const std::string_view value = trimmed(end_of_chain(text.substr(equals + 1)));
        const std::string_view left = text.substr(0, equals);
        if (const auto symbol = named(left, value, next, true)) {
            return {.symbol = symbol, .value = value, .exact = symbols_.exactly(without_decoration(left)) == symbol};
        }
    }
    if (const LineStart start = start_of_fields(text); start.symbol) {
        return start;
    }
    for (const std::string_view sign : {":", "->", "\u2192", "\u2248", "\u2190"}) {
        const std::size_t at = text.find(sign);
        if (at == npos) {
            continue;
        }
        const std::string_view value = trimmed(text.substr(at + sign.size()));
        if (const auto symbol = named(text.substr(0, at), value, next, false)) {
            return {.symbol = symbol, .value = value};
        }
    }
    const std::string_view alone = without_decoration(text);
    const std::size_t blank = alone.find_first_of(" [");
    if (blank != npos && equals == npos) {
        const std::string_view value = trimmed(alone.substr(blank));
        if (const auto symbol = named(alone.substr(0, blank), value, {}, false)) {
            return {.symbol = symbol, .value = value};
        }
    }
    return {};
}

/// The symbol on the left of a value; one that is not written letter by letter as on the sheet only where numbers
/// stand beside it, since formulas of the sheet's own tables begin with such.
std::optional<std::size_t> LineStarts::named(std::string_view left, std::string_view value, std::string_view next,
                                             bool exact_is_enough) const {
    const std::size_t colon = left.find(": ");  // a step in words: z1 = …
    std::string_view behind_colon;
    if (colon != npos) {
        behind_colon = left.substr(colon + 1);
    }
    if (value.empty()) {
        value = next;
    }
    for (const std::string_view name : {left, behind_colon}) {
        const std::string_view bare = without_decoration(name);
        const std::optional<std::size_t> exact = symbols_.exactly(bare);
        if (exact && exact_is_enough) {
            return exact;
        }
        const std::optional<std::size_t> symbol = symbols_.understood(bare);
        if (symbol && holds_numbers(*symbol, value)) {
            return symbol;
        }
    }
    return std::nullopt;
}

bool LineStarts::holds_numbers(std::size_t i, std::string_view value) const {
    const std::size_t length = row_length(asked_[i]);
    if (value.starts_with('[') || begins_row(asked_[i], value)) {
        return true;
    }
    if (const auto list = list_of_diagonal(value)) {
        return fits(*list, length);
    }
    const std::string_view alone = without_note(value);
    return (is_square(asked_[i]) && is_identity(value)) || fits(alone, length) ||
           !parts_that_fit(asked_[i], alone).empty();
}

LineStart LineStarts::start_of_fields(std::string_view text) const {
    const bool in_bars = text.starts_with('|');
    if (in_bars) {
        text = trimmed(text.substr(1));
    }
    const std::size_t delimiter = text.find_first_of(";,\t|");
    if (delimiter == npos) {
        return {};
    }
    const std::string_view first = without_decoration(text.substr(0, delimiter));
    const std::string_view value = text.substr(delimiter + 1);
    std::optional<std::size_t> symbol = symbols_.exactly(first);
    if (!symbol) {
        symbol = symbols_.understood(first);
        if (!symbol || !fits(fields_of(value, text[delimiter]), row_length(asked_[*symbol]))) {
            return {};
        }
    }
    return {.symbol = symbol, .value = value, .delimiter = text[delimiter], .in_bars = in_bars};
}

}  // namespace handgrad::compare
