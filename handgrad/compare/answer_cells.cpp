// The few words that every reader of a sheet has for what it cannot read.
#include "handgrad/compare/answer_cells.hpp"

#include <algorithm>
#include <array>
#include <optional>

#include "handgrad/base/error.hpp"
#include "handgrad/base/wording.hpp"
#include "handgrad/store/json.hpp"

namespace handgrad::compare {
namespace {

/// `57 %`, `0.5 m`: what a number with more behind it wants.
std::string no_number(const std::string& text) {
    const bool percent = text.find('%') != std::string::npos || text.find("\u2030") != std::string::npos;
    const std::size_t digit = text.find_first_of("0123456789"), blank = text.find(' ', std::min(digit, text.size()));
    const bool unit = digit != std::string::npos && blank != std::string::npos &&
                      text.find_first_of("0123456789=()+/*", blank) == std::string::npos;
    return "'" + excerpt(text) + "' is not a number" +
           when(percent || unit, "; write the number alone, without percent or unit");
}

}  // namespace

void fail_as_no_sheet(const std::string& source, const std::string& cause) {
    throw Error(ErrorKind::data, source + ": " + cause + "; a sheet that explain wrote for this row belongs there")
        .about("blank");
}

void refuse_symbol(const std::string& place, std::string_view symbol, const std::vector<explain::Quantity>& asked) {
    std::string symbols;
    for (const explain::Quantity& quantity : asked) {
        add_item(symbols, ", ", quantity.symbol);
    }
    throw Error(ErrorKind::data, place + ": " + std::string(symbol) + " is no quantity of this network, which has " +
                                     symbols + "; take the model that the sheet was written for");
}

void refuse_empty(const std::string& source, const std::vector<explain::Quantity>& asked) {
    fail_as_no_sheet(source, "no line answers a symbol, such as `" + asked.front().symbol + " = [ … ]`");
}

std::vector<Answer> all_blank(const std::vector<explain::Quantity>& asked) {
    std::vector<Answer> answers;
    for (const explain::Quantity& quantity : asked) {
        const std::size_t size = quantity.rows * quantity.columns;
        answers.push_back({quantity.symbol, quantity.rows, quantity.columns, std::vector<std::optional<double>>(size),
                           std::vector<double>(size, 0.0)});
    }
    return answers;
}

std::string shape_hint(const explain::Quantity& quantity) {
    const std::string rows = std::to_string(quantity.rows), columns = std::to_string(quantity.columns);
    if (quantity.vector) {
        return "; it is a column of " + rows + ", written in one [ ]";
    }
    return "; it is " + rows + "x" + columns + ", with one [ ] for each row";
}

std::vector<std::size_t> place_of(const explain::Quantity& quantity, std::size_t k) {
    if (quantity.vector) {
        return {k};
    }
    return {k / quantity.columns, k % quantity.columns};
}

void put(const explain::Quantity& quantity, Answer& answer, std::size_t k, const WrittenCell& cell,
         const std::string& place) {
    if (cell.number) {
        answer.values[k] = cell.number->value;
        answer.units[k] = cell.number->unit;
    } else if (!cell.text.empty()) {
        answer.unreadable.push_back(
            {.where = place_of(quantity, k), .text = excerpt(cell.text), .reason = place + no_number(cell.text)});
    }
}

std::size_t rows_on_paper(const explain::Quantity& quantity) { return quantity.vector ? 1 : quantity.rows; }
std::size_t row_length(const explain::Quantity& quantity) { return quantity.vector ? quantity.rows : quantity.columns; }

std::string_view trimmed(std::string_view text) {
    constexpr std::array<std::string_view, 22> blanks{
        " ",      "\t",     "\r",     "\n",     "\v",     "\f",     "\u00A0", "\u1680", "\u2002", "\u2003", "\u2004",
        "\u2005", "\u2006", "\u2007", "\u2008", "\u2009", "\u200A", "\u200B", "\u202F", "\u205F", "\u3000", "\uFEFF"};
    const auto cut = [&](auto fits, auto remove) {
        const auto* found = std::ranges::find_if(blanks, fits);
        if (found == blanks.end()) {
            return false;
        }
        remove(found->size());
        return true;
    };
    while (cut([&](std::string_view one) { return text.starts_with(one); },
               [&](std::size_t bytes) { text.remove_prefix(bytes); })) {
    }
    while (cut([&](std::string_view one) { return text.ends_with(one); },
               [&](std::size_t bytes) { text.remove_suffix(bytes); })) {
    }
    return text;
}

}  // namespace handgrad::compare
