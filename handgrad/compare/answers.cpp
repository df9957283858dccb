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
#include "handgrad/compare/written_number.hpp"
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

/// Where entry k stands: i, or i and j.
std::vector<std::size_t> place_of(const explain::Quantity& quantity, std::size_t k) {
    if (quantity.vector) {
        return {k};
    }
    return {k / quantity.columns, k % quantity.columns};
}

std::string no_number(const std::string& text) { return "'" + excerpt(text) + "' is not a number"; }

/// One cell, read, into entry k. `place` begins what is said of one that cannot be read.
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

/// What may stand around a symbol in a list or in Markdown.
std::string_view without_decoration(std::string_view text) {
    text = trimmed(text);
    const std::size_t first = std::min(text.find_first_not_of("-*>`| "), text.size());
    text.remove_prefix(first);
    return text.substr(0, text.find_last_not_of("*`: ") + 1);
}

/// The fields of a line of CSV behind its first, one after the other with semicolons between; quotes are undone.
std::string fields_of(std::string_view line, char delimiter) {
    std::string fields;
    bool quoted = false;
    for (const char c : line) {
        if (c == '"') {
            quoted = !quoted;
        } else if (c == delimiter && !quoted) {
            fields += ';';
        } else {
            fields += c;
        }
    }
    return fields;
}

class SheetReader {
public:
    SheetReader(std::string_view sheet, const std::string& source, const std::vector<explain::Quantity>& asked)
        : source_(source),
          asked_(asked),
          answers_(all_blank(asked)),
          first_line_(asked.size(), 0),
          rows_read_(asked.size(), 0) {
        while (!sheet.empty()) {
            const std::size_t end = std::min(sheet.find('\n'), sheet.size());
            lines_.push_back(trimmed(sheet.substr(0, end)));
            sheet.remove_prefix(std::min(end + 1, sheet.size()));
        }
    }

    std::vector<Answer> read() {
        while (line_ < lines_.size()) {
            const Start start = start_of(lines_[line_]);
            if (!start.symbol) {
                if (looks_like_symbol(start.left)) {
                    refuse_symbol(source_ + ":" + std::to_string(line_ + 1), start.left, asked_);
                }
                ++line_;
            } else if (start.delimiter != 0) {
                read_fields(*start.symbol, start.delimiter);
            } else {
                read_answer(*start.symbol);
            }
        }
        if (std::ranges::count(first_line_, std::size_t{0}) == static_cast<std::ptrdiff_t>(asked_.size())) {
            refuse_empty(source_, asked_);
        }
        for (std::size_t i = 0; i < asked_.size(); ++i) {
            check_rows(i);
        }
        settle_commas();
        return std::move(answers_);
    }

private:
    [[nodiscard]] std::string place() const { return "line " + std::to_string(line_ + 1) + ": "; }

    /// How a line begins: `z1 = …`, `z1;…`; a symbol of the network or what is left of the first `=`.
    struct Start {
        std::optional<std::size_t> symbol;
        std::string_view left;
        char delimiter = 0;  ///< of CSV
    };
    [[nodiscard]] Start start_of(std::string_view line) const {
        Start start;
        const auto look = [&](std::size_t end) {
            const auto found =
                std::ranges::find(asked_, without_decoration(line.substr(0, end)), &explain::Quantity::symbol);
            if (found != asked_.end()) {
                start.symbol = static_cast<std::size_t>(found - asked_.begin());
            }
        };
        const std::size_t equals = line.find('=');
        if (equals != std::string_view::npos) {
            look(equals);
            start.left = without_decoration(line.substr(0, equals));
        }
        const std::size_t delimiter = line.find_first_of(";,\t");
        if (!start.symbol && delimiter != std::string_view::npos) {
            std::string_view first = line.substr(0, delimiter);
            if (first.size() > 1 && first.front() == '"' && first.back() == '"') {
                first = first.substr(1, first.size() - 2);
            }
            const auto found = std::ranges::find(asked_, first, &explain::Quantity::symbol);
            if (found != asked_.end()) {
                start = {static_cast<std::size_t>(found - asked_.begin()), first, line[delimiter]};
            }
        }
        return start;
    }

    void give_up(std::size_t i, std::size_t numbers, std::string_view text, const std::string& reason) {
        answers_[i].unreadable.push_back(
            {.where = {}, .numbers = numbers, .text = excerpt(replace_invalid_utf8(text)), .reason = reason});
    }

    /// False where the symbol has been answered before, which makes both unreadable.
    bool begin(std::size_t i) {
        if (first_line_[i] == 0) {
            first_line_[i] = line_ + 1;
            return true;
        }
        answers_[i] = all_blank({asked_[i]}).front();
        rows_read_[i] = rows_on_paper(asked_[i]);
        give_up(i, answers_[i].values.size(), "",
                place() + asked_[i].symbol + " is answered again; line " + std::to_string(first_line_[i]) +
                    " has it already");
        return false;
    }

    /// One row of the quantity.
    void read_row(std::size_t i, std::string_view text) {
        const explain::Quantity& quantity = asked_[i];
        const std::size_t length = row_length(quantity), first = rows_read_[i]++ * length;
        constexpr std::size_t longest_row = std::size_t{64} << 10U;
        if (text.size() > longest_row) {
            give_up(i, length, trimmed(text), place() + "a row of " + std::to_string(text.size()) + " bytes");
            return;
        }
        const std::vector<WrittenCell> cells = read_cells(text, length);
        if (cells.empty()) {
            return;
        }
        if (cells.size() != length) {
            give_up(i, length, trimmed(text),
                    place() + plural(cells.size(), "number") + " in a row where " + std::to_string(length) + " belong" +
                        shape_hint(quantity));
            return;
        }
        for (std::size_t k = 0; k < length; ++k) {
            put(quantity, answers_[i], first + k, cells[k], place());
            if (cells[k].number) {
                decimal_commas_ = decimal_commas_ || cells[k].number->decimal_comma;
                if (cells[k].number->thousands) {
                    doubtful_.push_back({i, first + k, std::string(trimmed(text)), place()});
                }
            }
        }
    }

    /// A line of CSV; each row of a matrix has one, and its symbol stands in each or in the first.
    void read_fields(std::size_t i, char delimiter) {
        bool again = false;
        if (first_line_[i] == 0 || rows_read_[i] == rows_on_paper(asked_[i])) {
            again = !begin(i);
        }
        do {
            const std::string_view line = lines_[line_];
            if (!again) {
                read_row(i, fields_of(line.substr(std::min(line.find(delimiter) + 1, line.size())), delimiter));
            }
            ++line_;
        } while (line_ < lines_.size() && lines_[line_].starts_with(delimiter) && !again &&
                 rows_read_[i] < rows_on_paper(asked_[i]));
    }

    /// Rows in brackets, each perhaps over several lines; a column needs none.
    void read_answer(std::size_t i) {
        const explain::Quantity& quantity = asked_[i];
        std::string_view rest = trimmed(lines_[line_].substr(lines_[line_].find('=') + 1));
        const bool again = !begin(i);
        if (!again && rest.find('[') == std::string_view::npos && rows_on_paper(quantity) == 1 &&
            !(rest.empty() && next_begins_row())) {
            read_row(i, rest.substr(0, rest.find(" (")));  // what is in brackets is a note
        } else if (!again) {
            while (rows_read_[i] < rows_on_paper(quantity) && open_row(rest)) {
                read_row(i, take_row(rest));
            }
        }
        ++line_;
        while (again && line_ < lines_.size() && lines_[line_].starts_with('[')) {
            ++line_;
        }
    }

    [[nodiscard]] bool next_begins_row() const {
        return line_ + 1 < lines_.size() && lines_[line_ + 1].starts_with('[');
    }

    /// Goes on to the next line unless it answers something else or is empty.
    bool next_line(std::string_view& rest) {
        if (line_ + 1 >= lines_.size() || lines_[line_ + 1].empty() || start_of(lines_[line_ + 1]).symbol) {
            return false;
        }
        rest = lines_[++line_];
        return true;
    }

    /// To behind the next `[` (or `[[`), on this line or the next.
    bool open_row(std::string_view& rest) {
        rest.remove_prefix(std::min(rest.find_first_not_of(" \t,;]"), rest.size()));
        if (rest.empty() && !(next_begins_row() && next_line(rest))) {
            return false;
        }
        if (!rest.starts_with('[')) {
            return false;
        }
        rest.remove_prefix(std::min(rest.find_first_not_of("[ "), rest.size()));
        return true;
    }

    /// To the next `]`, which is taken; where it is missing to the end of the line.
    std::string take_row(std::string_view& rest) {
        std::string row;
        std::size_t close = rest.find(']');
        while (close == std::string_view::npos && !next_begins_row()) {
            row += std::string(rest) + " ";
            if (!next_line(rest)) {
                rest = {};
                return row;
            }
            close = rest.find(']');
        }
        row += rest.substr(0, close);
        rest.remove_prefix(std::min(rest.size(), std::max(close, close + 1)));  // npos + 1 is 0
        return row;
    }

    /// A matrix of which only some rows stand there.
    void check_rows(std::size_t i) {
        const std::size_t rows = rows_on_paper(asked_[i]);
        if (first_line_[i] != 0 && rows_read_[i] < rows) {
            const std::string place = "line " + std::to_string(first_line_[i]) + ": ";
            give_up(i, (rows - rows_read_[i]) * row_length(asked_[i]), "",
                    place + std::to_string(rows_read_[i]) + " of " + std::to_string(rows) + " rows stand there" +
                        shape_hint(asked_[i]));
        }
    }

    /// 1,234 is 1.234 for those who write 0,37 elsewhere; of others one cannot know.
    void settle_commas() {
        if (decimal_commas_) {
            return;
        }
        for (const Doubtful& cell : doubtful_) {
            answers_[cell.answer].values[cell.entry].reset();
            answers_[cell.answer].unreadable.push_back(
                {.where = place_of(asked_[cell.answer], cell.entry),
                 .text = cell.text,
                 .reason = cell.place + "'" + cell.text +
                           "' may have a comma before decimals or between thousands; write a point before decimals"});
        }
    }

    struct Doubtful {
        std::size_t answer, entry;
        std::string text, place;
    };

    const std::string& source_;
    const std::vector<explain::Quantity>& asked_;
    std::vector<Answer> answers_;
    std::vector<std::size_t> first_line_;  ///< that answers each symbol, from 1; 0: none
    std::vector<std::size_t> rows_read_;
    std::vector<std::string_view> lines_;
    std::vector<Doubtful> doubtful_;
    bool decimal_commas_ = false;
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

std::vector<Answer> read_answers(std::string_view sheet, const std::string& source,
                                 const explain::Derivation& derivation) {
    const std::vector<explain::Quantity> asked = asked_quantities(derivation);
    sheet = checked_text(sheet, source);
    return is_event(sheet) ? read_event(sheet, source, asked) : SheetReader(sheet, source, asked).read();
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
