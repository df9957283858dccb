// Lines `symbol = [ … ]` or `symbol;…;…` found among prose, or the values of the JSON event.
#include "handgrad/compare/answers.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <utility>
#include <variant>

#include "handgrad/base/error.hpp"
#include "handgrad/base/utf8.hpp"
#include "handgrad/base/wording.hpp"
#include "handgrad/compare/answer_cells.hpp"
#include "handgrad/compare/sheet_reader.hpp"
#include "handgrad/compare/written_number.hpp"
#include "handgrad/document/document.hpp"
#include "handgrad/explain/compose.hpp"
#include "handgrad/store/json.hpp"

namespace handgrad::compare {
namespace {

[[noreturn]] void fail(const std::string& place, const std::string& cause) {
    throw Error(ErrorKind::data, place + ": " + cause);
}

/// The sheet without a byte order mark. Raises Error(data) for what is no text.
std::string_view checked_text(std::string_view sheet, const std::string& source) {
    constexpr std::string_view utf8_mark = "\xEF\xBB\xBF";
    if (sheet.starts_with(utf8_mark)) {
        sheet.remove_prefix(utf8_mark.size());
    }
    if (trimmed(sheet).empty()) {
        fail_as_no_sheet(source, "there is nothing in the file");
    }
    if (sheet.starts_with("\xFF\xFE") || sheet.starts_with("\xFE\xFF")) {
        fail(source, "the text is in UTF-16; save it in UTF-8");
    }
    if (const std::size_t zero = sheet.find('\0'); zero != std::string_view::npos) {
        fail_as_no_sheet(source, "byte " + std::to_string(zero) + " is 0, so this is no text");
    }
    return sheet;
}

/// JSON rather than text.
bool is_event(std::string_view sheet) { return trimmed(sheet).starts_with('{'); }

// --- JSON -----------------------------------------------------------------------------------------------------------

Json parsed(std::string_view sheet, const std::string& source) {
    try {
        return parse_json(sheet, source);
    } catch (const Error& error) {
        throw Error(ErrorKind::data, error.what());
    }
}

/// As one of JSON's types; null when it is another or there is none.
template <class T>
const T* as(const Json* json) {
    if (json == nullptr) {
        return nullptr;
    }
    return std::get_if<T>(&json->value);
}

const Json* member(const Json& json, std::string_view name) {
    const auto* object = std::get_if<Json::Object>(&json.value);
    if (object == nullptr) {
        return nullptr;
    }
    const auto found = std::ranges::find(*object, name, &Json::Object::value_type::first);
    return found == object->end() ? nullptr : &found->second;
}

/// The value of the item of a list that is called so.
const Json* value_in(const Json* list, std::string_view key, const std::string& symbol) {
    const auto* items = as<Json::Array>(list);
    if (items == nullptr) {
        return nullptr;
    }
    const auto called = [&](const Json& item) {
        const Json* name = member(item, key);
        return name != nullptr && *name == Json{symbol};
    };
    const auto found = std::ranges::find_if(*items, called);
    return found == items->end() ? nullptr : member(*found, "value");
}

/// A number, null for a blank, or a text as it may stand on a sheet of paper.
WrittenCell cell_of(const Json& json) {
    if (std::holds_alternative<std::nullptr_t>(json.value)) {
        return {};
    }
    if (const auto* whole = std::get_if<std::uint64_t>(&json.value)) {
        return {.number = written_as(static_cast<double>(*whole)), .text = {}};
    }
    if (const auto* real = std::get_if<double>(&json.value)) {
        return {.number = written_as(*real), .text = {}};
    }
    if (const auto* text = std::get_if<std::string>(&json.value)) {
        return read_cell(*text);
    }
    return {.number = {}, .text = to_text(json)};
}

const Json::Array* list_of(const Json& json, std::size_t length) {
    const auto* array = std::get_if<Json::Array>(&json.value);
    if (array == nullptr || array->size() != length) {
        return nullptr;
    }
    return array;
}

void give_up(Answer& answer, std::size_t numbers, const Json& json, const std::string& reason) {
    answer.unreadable.push_back({.where = {}, .numbers = numbers, .text = excerpt(to_text(json)), .reason = reason});
}

void read_value(const Json& json, const explain::Quantity& quantity, Answer& answer) {
    if (std::holds_alternative<std::nullptr_t>(json.value)) {
        return;
    }
    const Json::Array* rows = list_of(json, quantity.rows);
    if (rows == nullptr) {
        give_up(answer, answer.values.size(), json, "a list of " + std::to_string(quantity.rows) + " belongs there");
        return;
    }
    for (std::size_t i = 0; i < rows->size(); ++i) {
        if (quantity.vector) {
            put(quantity, answer, i, cell_of((*rows)[i]), "");
            continue;
        }
        const Json::Array* row = list_of((*rows)[i], quantity.columns);
        if (row == nullptr) {
            give_up(answer, quantity.columns, (*rows)[i],
                    "a list of " + std::to_string(quantity.columns) + " belongs there");
            continue;
        }
        for (std::size_t j = 0; j < row->size(); ++j) {
            put(quantity, answer, i * quantity.columns + j, cell_of((*row)[j]), "");
        }
    }
}

/// The lists of the event that hold answers, and what names an item of each.
struct List {
    const char* name;
    const char* key;
};
constexpr std::array lists{List{"forward", "symbol"}, List{"jacobians", "symbol"}, List{"deltas", "symbol"},
                           List{"backward", "symbol"}, List{"update", "parameter"}};

/// Raises Error(data) for an item that the network has not; says whether there is any at all.
bool check_symbols(const Json& event, const std::string& source, const std::vector<explain::Quantity>& asked) {
    bool any = member(event, "loss") != nullptr;
    for (const List& list : lists) {
        const auto* items = as<Json::Array>(member(event, list.name));
        if (items == nullptr) {
            continue;
        }
        for (const Json& item : *items) {
            const auto* symbol = as<std::string>(member(item, list.key));
            if (symbol == nullptr) {
                continue;
            }
            any = true;
            if (std::ranges::find(asked, *symbol, &explain::Quantity::symbol) == asked.end()) {
                refuse_symbol(source + ": " + list.name, excerpt(*symbol), asked);
            }
        }
    }
    return any;
}

std::vector<Answer> read_event(std::string_view sheet, const std::string& source,
                               const std::vector<explain::Quantity>& asked) {
    const Json event = parsed(sheet, source);
    if (!check_symbols(event, source, asked)) {
        refuse_empty(source, asked);
    }
    std::vector<Answer> answers = all_blank(asked);
    for (std::size_t i = 0; i < asked.size(); ++i) {
        if (asked[i].symbol == "l") {
            if (const Json* loss = member(event, "loss")) {
                put(asked[i], answers[i], 0, cell_of(*loss), "");
            }
            continue;
        }
        for (const List& list : lists) {
            const Json* value = value_in(member(event, list.name), list.key, asked[i].symbol);
            if (value != nullptr) {
                read_value(*value, asked[i], answers[i]);
            }
        }
    }
    return answers;
}

}  // namespace

std::string Unreadable::told() const {
    const bool quoted = !where.empty() || text.empty();
    return reason + when(!quoted, ": '" + text + "'");
}

std::size_t Answer::count_unreadable() const {
    std::size_t numbers = 0;
    for (const Unreadable& cell : unreadable) {
        numbers += cell.numbers;
    }
    return numbers;
}

std::vector<explain::Quantity> asked_quantities(const explain::Derivation& derivation) {
    std::vector<explain::Quantity> asked;
    for (const explain::ForwardRow& row : derivation.forward) {
        asked.push_back(row.quantity);
    }
    asked.push_back({.symbol = "l", .name = "l"});
    for (const explain::Jacobian& factor : derivation.jacobians) {
        asked.push_back(factor.quantity);
    }
    for (const explain::Delta& delta : derivation.deltas) {
        asked.push_back(delta.quantity);
    }
    for (const explain::BackwardRow& row : derivation.backward) {
        asked.push_back(row.quantity);
    }
    for (const explain::BackwardRow& row : derivation.backward) {
        asked.push_back(row.quantity);
        asked.back().symbol = row.parameter;
        asked.back().name = row.parameter_name;
    }
    return asked;
}

ReadSheet read_sheet(std::string_view sheet, const std::string& source, const explain::Derivation& derivation) {
    const std::vector<explain::Quantity> asked = asked_quantities(derivation);
    sheet = checked_text(sheet, source);
    if (is_event(sheet)) {
        return {.answers = read_event(sheet, source, asked), .remarks = {}};
    }
    return read_text(sheet, source, asked, derivation);
}

std::string why_no_sheet(std::string_view name, std::string_view bytes) {
    struct Advice {
        std::array<std::string_view, 4> endings;
        std::string_view begins;
        std::string_view text;
    };
    static constexpr std::array advice{
        Advice{{".pt", ".pth", ".pkl", ".pickle"},
               "\x80\x02",
               "a pickle may run any code and is not opened; save the gradients by np.savez(\"gradients.npz\", "
               "**gradients)"},
        Advice{{".docx", ".odt", ".doc", ".rtf"}, "{\\rtf", "a word processor's file; save it as plain text (.txt)"},
        Advice{{".xlsx", ".ods", ".xls", ".numbers"}, {}, "a spreadsheet's file; save it as CSV (.csv)"},
        Advice{
            {".pdf", ".jpg", ".png", ".jpeg"}, "%PDF", "a picture of a sheet; type its numbers into the sheet's text"},
        Advice{{".npz", ".safetensors"}, {}, "gradients, not a sheet; judge them as gradients"},
        Advice{
            {}, "PK\x03\x04", "an archive, as word processors and spreadsheets write; save it as plain text (.txt)"}};
    std::string small(name);
    std::ranges::transform(small, small.begin(), [](char c) {
        if (c >= 'A' && c <= 'Z') {
            return static_cast<char>(c - 'A' + 'a');
        }
        return c;
    });
    for (const Advice& one : advice) {
        const bool named = std::ranges::any_of(
            one.endings, [&](std::string_view ending) { return !ending.empty() && small.ends_with(ending); });
        if (named || (!one.begins.empty() && bytes.starts_with(one.begins))) {
            return std::string(one.text);
        }
    }
    return {};
}

std::vector<Answer> read_answers(std::string_view sheet, const std::string& source,
                                 const explain::Derivation& derivation) {
    return read_sheet(sheet, source, derivation).answers;
}

SheetSays sheet_says(std::string_view sheet, const std::string& source) {
    sheet = checked_text(sheet, source);
    SheetSays says;
    if (is_event(sheet)) {
        const Json event = parsed(sheet, source);
        const auto whole = [](const Json* json) -> std::optional<std::size_t> {
            if (const auto* number = as<std::uint64_t>(json)) {
                return static_cast<std::size_t>(*number);
            }
            return std::nullopt;
        };
        if (const Json* row = member(event, "row")) {
            says.row = whole(member(*row, "number"));
        }
        if (const std::optional<std::size_t> digits = whole(member(event, "digits"))) {
            says.digits = static_cast<int>(std::min<std::size_t>(*digits, explain::most_digits));
        }
    } else {
        const auto number_behind = [&](std::string_view words, auto& number) {
            const std::size_t at = sheet.find(words);
            std::size_t read = 0;
            if (at != std::string_view::npos) {
                const std::string_view digits = sheet.substr(at + words.size(), 20);
                if (std::from_chars(digits.data(), digits.data() + digits.size(), read).ec == std::errc()) {
                    number = read;
                }
            }
        };
        std::optional<std::size_t> digits;
        number_behind(explain::row_heading, says.row);
        number_behind(explain::digits_wanted, digits);
        if (digits) {
            says.digits = static_cast<int>(std::min<std::size_t>(*digits, explain::most_digits));
        }
    }
    if (says.digits) {
        says.digits = std::max(*says.digits, explain::fewest_digits);
    }
    return says;
}

void check_row_of_sheet(std::string_view sheet, const std::string& source, std::size_t row) {
    const std::optional<std::size_t> found = sheet_says(sheet, source).row;
    if (found && *found != row) {
        throw Error(ErrorKind::data, source + ": the sheet is about row " + std::to_string(*found) + ", not row " +
                                         std::to_string(row) + "; mark it as that row")
            .about("row", std::to_string(*found));
    }
}

}  // namespace handgrad::compare
