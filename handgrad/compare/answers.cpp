// Lines `symbol = [ … ]` found among prose, or the values of the JSON event.
#include "handgrad/compare/answers.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <utility>
#include <variant>

#include "handgrad/base/error.hpp"
#include "handgrad/base/wording.hpp"
#include "handgrad/data/table.hpp"
#include "handgrad/document/document.hpp"
#include "handgrad/explain/compose.hpp"
#include "handgrad/store/json.hpp"

namespace handgrad::compare {
namespace {

[[noreturn]] void fail(const std::string& place, const std::string& cause) {
    throw Error(ErrorKind::data, place + ": " + cause);
}
/// The file is no sheet at all.
[[noreturn]] void fail_as_no_sheet(const std::string& source, const std::string& cause) {
    throw Error(ErrorKind::data, source + ": " + cause + "; a sheet that explain wrote for this row belongs there")
        .about("blank");
}

/// z7, dl/dW3, linear3.weight: written like a symbol of a sheet, of whatever network.
bool looks_like_symbol(std::string_view text) {
    const auto digits = [](std::string_view part) {
        return !part.empty() && part.find_first_not_of("0123456789") == std::string_view::npos;
    };
    const std::size_t over = text.find("/d");
    const std::size_t dot = text.find('.');
    return (text.starts_with('z') && digits(text.substr(1))) ||
           (text.starts_with('d') && over != std::string_view::npos && text.find(' ') == std::string_view::npos) ||
           (text.starts_with("linear") && dot != std::string_view::npos && digits(text.substr(6, dot - 6)));
}

[[noreturn]] void refuse_symbol(const std::string& place, std::string_view symbol,
                                const std::vector<explain::Quantity>& asked) {
    std::string symbols;
    for (const explain::Quantity& quantity : asked) {
        add_item(symbols, ", ", quantity.symbol);
    }
    fail(place, std::string(symbol) + " is no quantity of this network, which has " + symbols +
                    "; take the model that the sheet was written for");
}

[[noreturn]] void refuse_empty(const std::string& source, const std::vector<explain::Quantity>& asked) {
    fail_as_no_sheet(source, "no line answers a symbol, such as `" + asked.front().symbol + " = [ … ]`");
}

std::vector<Answer> all_blank(const std::vector<explain::Quantity>& asked) {
    std::vector<Answer> answers;
    for (const explain::Quantity& quantity : asked) {
        answers.push_back({quantity.symbol, quantity.rows, quantity.columns,
                           std::vector<std::optional<double>>(quantity.rows * quantity.columns)});
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

/// A column lies in one row of the sheet.
std::size_t rows_on_paper(const explain::Quantity& quantity) { return quantity.vector ? 1 : quantity.rows; }
std::size_t row_length(const explain::Quantity& quantity) { return quantity.vector ? quantity.rows : quantity.columns; }

// --- Text -----------------------------------------------------------------------------------------------------------

std::string_view trimmed(std::string_view text) {
    const std::size_t first = text.find_first_not_of(" \t\r");
    if (first == std::string_view::npos) {
        return {};
    }
    return text.substr(first, text.find_last_not_of(" \t\r") + 1 - first);
}

/// The sheet without a byte order mark. Raises Error(data) for what is no text.
std::string_view checked_text(std::string_view sheet, const std::string& source) {
    constexpr std::string_view utf8_mark = "\xEF\xBB\xBF";
    if (sheet.starts_with(utf8_mark)) {
        sheet.remove_prefix(utf8_mark.size());
    }
    if (sheet.find_first_not_of(" \t\r\n") == std::string_view::npos) {
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
bool is_event(std::string_view sheet) { return trimmed(sheet.substr(0, sheet.find('\n'))).starts_with('{'); }

class SheetReader {
public:
    SheetReader(std::string_view sheet, const std::string& source, const std::vector<explain::Quantity>& asked)
        : source_(source), asked_(asked), answers_(all_blank(asked)), seen_(asked.size(), false) {
        while (!sheet.empty()) {
            const std::size_t end = std::min(sheet.find('\n'), sheet.size());
            lines_.push_back(trimmed(sheet.substr(0, end)));
            sheet.remove_prefix(std::min(end + 1, sheet.size()));
        }
    }

    std::vector<Answer> read() {
        while (line_ < lines_.size()) {
            const std::optional<std::size_t> symbol = symbol_of(lines_[line_]);
            if (!symbol) {
                const std::string_view left = left_side(lines_[line_]);
                if (looks_like_symbol(left)) {
                    refuse_symbol(place(), left, asked_);
                }
                ++line_;
                continue;
            }
            if (seen_[*symbol]) {
                fail(place(), asked_[*symbol].symbol + " is answered twice");
            }
            seen_[*symbol] = true;
            read_answer(asked_[*symbol], answers_[*symbol]);
        }
        if (std::ranges::find(seen_, true) == seen_.end()) {
            refuse_empty(source_, asked_);
        }
        return std::move(answers_);
    }

private:
    [[nodiscard]] std::string place() const { return source_ + ":" + std::to_string(line_ + 1); }

    /// What stands before the first `=`.
    static std::string_view left_side(std::string_view line) {
        const std::size_t equals = line.find('=');
        if (equals == std::string_view::npos) {
            return {};
        }
        return trimmed(line.substr(0, equals));
    }

    /// Which symbol the line answers, `z1 = …`; none for prose.
    [[nodiscard]] std::optional<std::size_t> symbol_of(std::string_view line) const {
        const auto found = std::ranges::find(asked_, left_side(line), &explain::Quantity::symbol);
        if (found == asked_.end()) {
            return std::nullopt;
        }
        return static_cast<std::size_t>(found - asked_.begin());
    }

    /// Rows in brackets, each perhaps over several lines; a single number needs none.
    void read_answer(const explain::Quantity& quantity, Answer& answer) {
        std::string_view rest = lines_[line_].substr(lines_[line_].find('=') + 1);
        const bool bare = quantity.vector && quantity.rows == 1 && rest.find('[') == std::string_view::npos;
        std::size_t at = 0;
        for (std::size_t row = 0; row < rows_on_paper(quantity); ++row) {
            if (!bare && !open_row(rest)) {
                fail(place(), quantity.symbol + " has " + std::to_string(row) + " of " +
                                  std::to_string(rows_on_paper(quantity)) + " rows; each stands in [ ]");
            }
            std::size_t count = 0;
            while (const std::optional<std::string_view> word = next_word(rest, bare)) {
                if (++count <= row_length(quantity)) {
                    answer.values[at++] = value_of(*word, quantity.symbol);
                }
            }
            if (count != row_length(quantity)) {
                fail(place(), quantity.symbol + " has " + plural(count, "number") + " in a row where " +
                                  std::to_string(row_length(quantity)) + " belong" + shape_hint(quantity));
            }
        }
        ++line_;
    }

    /// Goes on to the next line unless it answers something else or is empty.
    bool next_line(std::string_view& rest) {
        if (line_ + 1 >= lines_.size() || lines_[line_ + 1].empty() || symbol_of(lines_[line_ + 1])) {
            return false;
        }
        rest = lines_[++line_];
        return true;
    }

    /// To behind the next `[`, on this line or the next.
    bool open_row(std::string_view& rest) {
        rest = trimmed(rest);
        if (!rest.starts_with('[') && !next_line(rest)) {
            return false;
        }
        if (!rest.starts_with('[')) {
            return false;
        }
        rest.remove_prefix(1);
        return true;
    }

    /// The next number or blank of the row; none behind its `]`, which is taken.
    std::optional<std::string_view> next_word(std::string_view& rest, bool bare) {
        rest.remove_prefix(std::min(rest.find_first_not_of(" \t,"), rest.size()));
        if (bare && rest.starts_with('(')) {  // a note behind the number
            return std::nullopt;
        }
        if (rest.empty() && (bare || !next_line(rest))) {
            if (!bare) {
                fail(place(), "a ] is missing");
            }
            return std::nullopt;
        }
        if (rest.starts_with(']')) {
            rest.remove_prefix(1);
            return std::nullopt;
        }
        const std::size_t end = std::min(rest.find_first_of(" \t,]"), rest.size());
        const std::string_view word = rest.substr(0, end);
        rest.remove_prefix(end);
        return word;
    }

    /// Underscores around a number are what is left of the blank.
    [[nodiscard]] std::optional<double> value_of(std::string_view word, const std::string& symbol) const {
        const std::size_t first = word.find_first_not_of('_');
        if (first == std::string_view::npos) {
            return std::nullopt;
        }
        const std::string_view bare = word.substr(first, word.find_last_not_of('_') + 1 - first);
        const ParsedNumber parsed = parse_number(bare);
        if (parsed.problem == NumberProblem::not_a_number || parsed.problem == NumberProblem::out_of_range) {
            fail(place(), symbol + ": '" + std::string(bare) + "' is not a number; leave ____ for a blank");
        }
        return parsed.value;
    }

    const std::string& source_;
    const std::vector<explain::Quantity>& asked_;
    std::vector<Answer> answers_;
    std::vector<bool> seen_;
    std::vector<std::string_view> lines_;
    std::size_t line_ = 0;
};

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

std::optional<double> number_of(const Json& json, const std::string& place) {
    if (std::holds_alternative<std::nullptr_t>(json.value)) {
        return std::nullopt;
    }
    if (const auto* whole = std::get_if<std::uint64_t>(&json.value)) {
        return static_cast<double>(*whole);
    }
    if (const auto* real = std::get_if<double>(&json.value)) {
        return *real;
    }
    fail(place, excerpt(to_text(json)) + " is not a number; leave null for a blank");
}

const Json::Array& row_of(const Json& json, std::size_t length, const std::string& place) {
    const auto* array = std::get_if<Json::Array>(&json.value);
    if (array == nullptr || array->size() != length) {
        fail(place, "a list of " + std::to_string(length) + " belongs there");
    }
    return *array;
}

void read_value(const Json& json, const explain::Quantity& quantity, Answer& answer, const std::string& place) {
    std::size_t at = 0;
    for (const Json& row : row_of(json, quantity.rows, place)) {
        if (quantity.vector) {
            answer.values[at++] = number_of(row, place);
            continue;
        }
        for (const Json& value : row_of(row, quantity.columns, place)) {
            answer.values[at++] = number_of(value, place);
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
        const std::string place = source + ": " + asked[i].symbol;
        if (asked[i].symbol == "l") {
            if (const Json* loss = member(event, "loss")) {
                answers[i].values[0] = number_of(*loss, place);
            }
            continue;
        }
        for (const List& list : lists) {
            const Json* value = value_in(member(event, list.name), list.key, asked[i].symbol);
            if (value != nullptr) {
                read_value(*value, asked[i], answers[i], place);
            }
        }
    }
    return answers;
}

}  // namespace

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

std::vector<Answer> read_answers(std::string_view sheet, const std::string& source,
                                 const explain::Derivation& derivation) {
    const std::vector<explain::Quantity> asked = asked_quantities(derivation);
    sheet = checked_text(sheet, source);
    return is_event(sheet) ? read_event(sheet, source, asked) : SheetReader(sheet, source, asked).read();
}

void check_row_of_sheet(std::string_view sheet, const std::string& source, std::size_t row) {
    sheet = checked_text(sheet, source);
    std::optional<std::size_t> found;
    if (is_event(sheet)) {
        const Json event = parsed(sheet, source);
        if (const Json* said = member(event, "row")) {
            if (const auto* whole = as<std::uint64_t>(member(*said, "number"))) {
                found = static_cast<std::size_t>(*whole);
            }
        }
    } else if (const std::size_t at = sheet.find(explain::row_heading); at != std::string_view::npos) {
        const std::string_view digits = sheet.substr(at + std::string_view(explain::row_heading).size(), 20);
        std::size_t number = 0;
        if (std::from_chars(digits.data(), digits.data() + digits.size(), number).ec == std::errc()) {
            found = number;
        }
    }
    if (found && *found != row) {
        throw Error(ErrorKind::data, source + ": the sheet is about row " + std::to_string(*found) + ", not row " +
                                         std::to_string(row) + "; mark it as that row")
            .about("row", std::to_string(*found));
    }
}

}  // namespace handgrad::compare
