// Lines that begin with a symbol answer it, in brackets or without, over one line or several; all others are prose.
#include "handgrad/compare/sheet_reader.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "handgrad/base/utf8.hpp"
#include "handgrad/base/wording.hpp"
#include "handgrad/compare/answer_cells.hpp"
#include "handgrad/compare/sheet_symbols.hpp"
#include "handgrad/compare/written_number.hpp"
#include "handgrad/store/json.hpp"

namespace handgrad::compare {
namespace {

constexpr auto npos = std::string_view::npos;
constexpr std::size_t longest_row = std::size_t{64} << 10U;  // no hand fills more

void replace_all(std::string& text, std::string_view old, std::string_view with) {
    for (std::size_t at = text.find(old); at != npos; at = text.find(old, at + with.size())) {
        text.replace(at, old.size(), with);
    }
}

/// `\begin{bmatrix}` and `\end{pmatrix}` as brackets.
void replace_tex_matrices(std::string& text) {
    for (const auto& [command, bracket] : {std::pair("\\begin{", "["), std::pair("\\end{", "]")}) {
        for (std::size_t at = text.find(command); at != npos; at = text.find(command, at + 1)) {
            const std::size_t close = text.find('}', at);
            if (close != npos && text.substr(at, close - at).ends_with("matrix")) {
                text.replace(at, close + 1 - at, bracket);
            }
        }
    }
    for (const std::string_view size : {"\\left", "\\right", "\\bigl", "\\bigr"}) {
        replace_all(text, size, "");
    }
}

struct Line {
    std::string text;      ///< without blanks around it, quotes and what only wraps a list
    std::string_view raw;  ///< as it stands in the file
};

std::string text_of(std::string_view raw) {
    std::string text = narrowed(trimmed(raw));
    const bool quoted = text.size() > 2 && text.front() == '"' && text.find('"', 1) == text.size() - 1;
    if (quoted) {  // a sheet that was pasted into a spreadsheet
        text = std::string(trimmed(std::string_view(text).substr(1, text.size() - 2)));
    }
    if (text.find('\\') != npos) {
        replace_tex_matrices(text);
    }
    std::erase(text, '$');
    for (const std::string_view wrapper :
         {"np.array(", "numpy.array(", "torch.tensor(", "array(", "tensor(", "Matrix("}) {
        replace_all(text, wrapper, "");
    }
    return text;
}

/// Ended by LF, CR LF or CR.
std::vector<Line> lines_of(std::string_view sheet) {
    std::vector<Line> lines;
    while (!sheet.empty()) {
        const std::size_t end = std::min(sheet.find_first_of("\r\n"), sheet.size());
        const std::string_view raw = sheet.substr(0, end);
        lines.push_back({text_of(raw), raw});
        std::size_t behind = end + 1;
        if (sheet.substr(end).starts_with("\r\n")) {
            ++behind;
        }
        sheet.remove_prefix(std::min(behind, sheet.size()));
    }
    return lines;
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

/// What is in brackets behind a number is a note.
std::string_view without_note(std::string_view text) { return trimmed(text.substr(0, text.find(" (", 1))); }

char closing(char open) {
    switch (open) {
        case '[':
            return ']';
        case '(':
            return ')';
        default:
            return '}';
    }
}

/// What stands in the first brackets of `text`, which begins with them; several opening ones count as one.
std::string_view in_brackets(std::string_view text) {
    const char open = text.front();
    text.remove_prefix(std::min(text.find_first_not_of(std::string{open, ' '}), text.size()));
    return text.substr(0, text.find(closing(open)));
}

/// `diag(1, 2)`, `\operatorname{diag}\{1, 2\}`, `np.diag([1, 2])`: the list; none if it is no such thing.
std::optional<std::string_view> list_of_diagonal(std::string_view value) {
    const std::size_t word = value.find("diag");
    constexpr std::string_view wrapping = "abcdefghijklmnopqrstuvwxyz\\{.$";
    if (word == npos || value.substr(0, word).find_first_not_of(wrapping) != npos) {
        return std::nullopt;
    }
    const std::size_t open = value.find_first_of("([{", word + 4);
    if (open == npos) {
        return std::nullopt;
    }
    value.remove_prefix(std::min(value.find_first_not_of("([{\\ ", open), value.size()));
    const std::size_t close = value.find_first_of(")]}\\");
    return value.substr(0, close);
}

bool is_identity(std::string_view value) {
    std::string plain = plain_symbol(without_note(value));
    while (!plain.empty() && plain.back() >= '0' && plain.back() <= '9') {
        plain.pop_back();
    }
    return plain == "i" || plain == "id" || value.starts_with("eye(") || value.starts_with("np.eye(");
}

bool has_number(const WrittenRow& row) {
    return row.ambiguous ||
           std::ranges::any_of(row.cells, [](const WrittenCell& cell) { return cell.number.has_value(); });
}
bool has_text(const WrittenRow& row) {
    return std::ranges::any_of(row.cells, [](const WrittenCell& cell) { return !cell.text.empty(); });
}
/// Numbers and blanks, as many as belong there.
bool fits(std::string_view text, std::size_t count) {
    if (text.size() > longest_row) {
        return false;
    }
    const WrittenRow row = read_cells(text, count);
    return row.ambiguous || (row.cells.size() == count && has_number(row) && !has_text(row));
}

/// Of `W x + b = [ 1 2 ]` what the last sign of equality leads to.
std::string_view end_of_chain(std::string_view value) {
    if (value.starts_with('>')) {  // z1 => …
        value.remove_prefix(1);
    }
    for (std::string_view part = value; !part.empty();) {
        part = trimmed(part);
        if (part.starts_with('[')) {
            return part;
        }
        part.remove_prefix(std::min(part.find('='), part.size()));
        part.remove_prefix(std::min<std::size_t>(1, part.size()));
    }
    const std::string_view alone = without_note(value);
    const std::size_t last = alone.rfind('=');
    if (last != npos && read_cell(alone.substr(last + 1)).number) {
        return alone.substr(last + 1);
    }
    return value;
}

class SheetReader {
public:
    SheetReader(std::string_view sheet, const std::string& source, const std::vector<explain::Quantity>& asked,
                const explain::Derivation& derivation)
        : source_(source),
          asked_(asked),
          symbols_(asked, derivation),
          diagonal_(asked.size(), false),
          exact_(asked.size(), false),
          answers_(all_blank(asked)),
          first_line_(asked.size(), 0),
          rows_read_(asked.size(), 0),
          lines_(lines_of(sheet)) {
        const std::size_t first_factor = derivation.forward.size() + 1;
        for (std::size_t j = 0; j < derivation.jacobians.size(); ++j) {
            diagonal_[first_factor + j] = derivation.jacobians[j].diagonal;
        }
    }

    ReadSheet read() {
        while (line_ < lines_.size()) {
            const Start start = start_of(line_);
            if (!start.symbol) {
                note_stray();
                ++line_;
            } else if (start.delimiter != 0) {
                read_fields(*start.symbol, start);
            } else {
                read_answer(*start.symbol, start);
            }
        }
        settle_strays();
        if (answered_lines() == 0) {
            refuse_empty(source_, asked_);
        }
        for (std::size_t i = 0; i < asked_.size(); ++i) {
            check_rows(i);
        }
        settle_commas();
        return {.answers = std::move(answers_), .remarks = std::move(remarks_)};
    }

private:
    [[nodiscard]] std::string place() const { return "line " + std::to_string(line_ + 1) + ": "; }
    [[nodiscard]] std::size_t answered_lines() const {
        return static_cast<std::size_t>(std::ranges::count_if(first_line_, [](std::size_t line) { return line != 0; }));
    }

    // --- How a line begins ------------------------------------------------------------------------------------------

    /// `z1 = …`, `z1: …`, `z1;…`, `z1 0.5 …`.
    struct Start {
        std::optional<std::size_t> symbol;
        std::string_view value;
        bool exact = false;    ///< letter by letter as on the sheet, with `=`
        char delimiter = 0;    ///< of CSV
        bool in_bars = false;  ///< a row of a table in Markdown begins with its delimiter
    };

    [[nodiscard]] Start start_of(std::size_t line) const {
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
                return {
                    .symbol = symbol, .value = value, .exact = symbols_.exactly(without_decoration(left)) == symbol};
            }
        }
        if (const Start start = start_of_fields(text); start.symbol) {
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
    [[nodiscard]] std::optional<std::size_t> named(std::string_view left, std::string_view value, std::string_view next,
                                                   bool exact_is_enough) const {
        const std::size_t colon = left.find(": ");  // Step 2: z1 = …
        for (const std::string_view name : {left, left.substr(colon == npos ? left.size() : colon + 1)}) {
            const std::string_view bare = without_decoration(name);
            const std::optional<std::size_t> exact = symbols_.exactly(bare);
            if (exact && exact_is_enough) {
                return exact;
            }
            const std::optional<std::size_t> symbol = symbols_.understood(bare);
            if (symbol && holds_numbers(*symbol, value.empty() ? next : value)) {
                return symbol;
            }
        }
        return std::nullopt;
    }

    [[nodiscard]] bool holds_numbers(std::size_t i, std::string_view value) const {
        const std::size_t length = row_length(asked_[i]);
        if (value.starts_with('[') || begins_row(i, value)) {
            return true;
        }
        if (const auto list = list_of_diagonal(value)) {
            return fits(*list, length);
        }
        const std::string_view alone = without_note(value);
        return (is_square(i) && is_identity(value)) || fits(alone, length) || !parts_that_fit(i, alone).empty();
    }

    [[nodiscard]] Start start_of_fields(std::string_view text) const {
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

    // --- Lines for nothing that is asked ----------------------------------------------------------------------------

    struct Stray {
        std::size_t line;
        std::string symbol;
        bool of_some_network, numbers;
    };

    void note_stray() {
        const std::string_view text = lines_[line_].text;
        const std::size_t equals = text.find('=');
        constexpr std::size_t longest = 80, longest_name = 16;
        if (equals == npos || equals > longest) {
            return;
        }
        const std::string_view left = without_decoration(text.substr(0, equals));
        const std::string plain = plain_symbol(left);
        std::string_view value = trimmed(end_of_chain(text.substr(equals + 1)));
        const bool list = value.starts_with('[') && !is_of_the_problem(plain) && plain.size() <= longest_name &&
                          plain.find("\u2190") == npos && replace_invalid_utf8(left) == left;
        if (symbols_.understood(left) || !(list || looks_like_quantity(plain))) {
            return;
        }
        value.remove_prefix(std::min(value.find_first_not_of("[( "), value.size()));
        const bool numbers = read_cell(value.substr(0, value.find_first_of("]), ;"))).number.has_value();
        constexpr std::size_t most = 100;
        if (strays_.size() < most) {
            // The sheet's own tables have ∂ŷ/∂z₅ and the like.
            const bool plainly = std::ranges::all_of(left, [](char c) { return c > ' ' && c < '\x7F'; });
            strays_.push_back({line_ + 1, std::string(left), plainly && is_of_some_network(plain), numbers});
        }
    }

    /// A sheet of another network is refused: it has several symbols that only others have, or as many as of ours, or
    /// ∂ŷ/∂z of another number in the place of ours. Else each such line costs itself alone.
    void settle_strays() {
        std::vector<std::string> foreign;
        const Stray* first = nullptr;
        bool other_depth = false;
        for (const Stray& stray : strays_) {
            if (!stray.of_some_network || std::ranges::find(foreign, stray.symbol) != foreign.end()) {
                continue;
            }
            foreign.push_back(stray.symbol);
            if (first == nullptr) {
                first = &stray;
            }
            other_depth = other_depth || plain_symbol(stray.symbol).starts_with("dyhat/dz");
        }
        for (std::size_t i = 0; i < asked_.size(); ++i) {
            other_depth = other_depth && !(asked_[i].symbol.starts_with("dyhat/dz") && first_line_[i] != 0);
        }
        constexpr std::size_t several = 3;
        if (first != nullptr && (foreign.size() >= several || foreign.size() >= answered_lines() || other_depth)) {
            refuse_symbol(source_ + ":" + std::to_string(first->line), first->symbol, asked_);
        }
        for (const Stray& stray : strays_) {
            if (stray.numbers) {
                remarks_.push_back("line " + std::to_string(stray.line) + ": " +
                                   excerpt(replace_invalid_utf8(stray.symbol)) +
                                   " is no symbol that the sheet asks for; its numbers were left out");
            }
        }
    }

    // --- One answer -------------------------------------------------------------------------------------------------

    void give_up(std::size_t i, std::size_t numbers, std::string_view text, const std::string& reason) {
        std::string shown = replace_invalid_utf8(text);
        std::ranges::replace(shown, '\n', ' ');
        answers_[i].unreadable.push_back({.where = {}, .numbers = numbers, .text = excerpt(shown), .reason = reason});
    }

    struct Doubtful {
        std::size_t answer, entry;
        std::string text, place;
    };
    /// An answer as it stood before its symbol came again.
    struct Earlier {
        std::size_t line, rows;
        bool exact;
        Answer answer;
        std::vector<Doubtful> doubtful;
    };

    static bool has_values(const Answer& answer) {
        return std::ranges::any_of(answer.values, [](const auto& value) { return value.has_value(); });
    }
    static bool is_blank(const Answer& answer) {
        return answer.unreadable.empty() &&
               std::ranges::none_of(answer.values, [](const auto& value) { return value.has_value(); });
    }

    Earlier begin(std::size_t i, bool exact) {
        Earlier earlier{first_line_[i], rows_read_[i], exact_[i], answers_[i], doubtful_};
        first_line_[i] = line_ + 1;
        exact_[i] = exact;
        rows_read_[i] = 0;
        answers_[i] = all_blank({asked_[i]}).front();
        std::erase_if(doubtful_, [&](const Doubtful& cell) { return cell.answer == i; });
        return earlier;
    }

    /// Of two answers to one symbol one without a number does not count, nor one that is not written as on the sheet
    /// beside one that is; else both are unreadable.
    void end(std::size_t i, Earlier earlier) {
        const std::size_t now = first_line_[i];
        const bool read = has_values(answers_[i]), read_before = has_values(earlier.answer);
        const bool loose = read && earlier.exact && !exact_[i];
        if (earlier.line == 0 || (!read_before && (read || is_blank(earlier.answer)))) {
            return;
        }
        const auto left_out = [&](std::size_t line, std::size_t other) {
            remarks_.push_back("line " + std::to_string(line) + ": left out, since line " + std::to_string(other) +
                               " answers " + asked_[i].symbol);
        };
        if (read && exact_[i] && !earlier.exact) {
            left_out(earlier.line, now);
            return;
        }
        rows_read_[i] = rows_on_paper(asked_[i]);
        first_line_[i] = earlier.line;
        if (!read || loose) {
            if (loose) {
                left_out(now, earlier.line);
            }
            rows_read_[i] = earlier.rows;
            exact_[i] = earlier.exact;
            answers_[i] = std::move(earlier.answer);
            doubtful_ = std::move(earlier.doubtful);
            return;
        }
        answers_[i] = all_blank({asked_[i]}).front();
        std::erase_if(doubtful_, [&](const Doubtful& cell) { return cell.answer == i; });
        give_up(i, answers_[i].values.size(), "",
                "line " + std::to_string(now) + ": " + asked_[i].symbol + " is answered again; line " +
                    std::to_string(earlier.line) + " has it already");
    }

    /// One row of the quantity.
    void read_row(std::size_t i, std::string_view text) {
        const explain::Quantity& quantity = asked_[i];
        const std::size_t length = row_length(quantity), first = rows_read_[i]++ * length;
        if (text.size() > longest_row) {
            give_up(i, length, trimmed(text), place() + "a row of " + std::to_string(text.size()) + " bytes");
            return;
        }
        const WrittenRow row = read_cells(text, length);
        if (row.ambiguous) {
            give_up(i, length, trimmed(text),
                    place() +
                        "commas that may stand before decimals or between numbers; write a point before decimals, "
                        "or semicolons between numbers");
            return;
        }
        if (!has_number(row) && !has_text(row)) {
            return;
        }
        if (row.cells.size() != length) {
            std::string noun = "number";
            if (has_text(row)) {
                noun = "cell";
            }
            give_up(i, length, trimmed(text),
                    place() + plural(row.cells.size(), noun) + " in a row where " + std::to_string(length) + " belong" +
                        shape_hint(quantity));
            return;
        }
        for (std::size_t k = 0; k < length; ++k) {
            put_cell(i, first + k, row.cells[k], text);
        }
    }

    void put_cell(std::size_t i, std::size_t entry, const WrittenCell& cell, std::string_view text) {
        put(asked_[i], answers_[i], entry, cell, place());
        if (cell.number) {
            decimal_commas_ = decimal_commas_ || cell.number->decimal_comma;
            if (cell.number->thousands) {
                doubtful_.push_back({i, entry, std::string(trimmed(text)), place()});
            }
        }
    }

    /// A line of CSV; each row of a matrix has one, and its symbol stands in each or in the first.
    void read_fields(std::size_t i, const Start& start) {
        std::optional<Earlier> earlier;
        if (first_line_[i] == 0 || rows_read_[i] == rows_on_paper(asked_[i])) {
            earlier = begin(i, true);
        }
        std::string fields = fields_of(start.value, start.delimiter);
        while (true) {
            read_row(i, fields);
            ++line_;
            const std::optional<std::string_view> more = more_fields(start);
            if (!more || rows_read_[i] >= rows_on_paper(asked_[i])) {
                break;
            }
            fields = fields_of(*more, start.delimiter);
        }
        if (earlier) {
            end(i, std::move(*earlier));
        }
    }

    /// What stands behind an empty first field.
    [[nodiscard]] std::optional<std::string_view> more_fields(const Start& start) const {
        if (line_ >= lines_.size()) {
            return std::nullopt;
        }
        std::string_view raw = lines_[line_].raw;
        if (start.in_bars) {
            raw = trimmed(raw);
            if (!raw.starts_with('|')) {
                return std::nullopt;
            }
            raw = trimmed(raw.substr(1));
        }
        if (!raw.starts_with(start.delimiter)) {
            return std::nullopt;
        }
        return raw.substr(1);
    }

    /// Rows in brackets, each perhaps over several lines, or in lines without; diag( … ) and I.
    void read_answer(std::size_t i, const Start& start) {
        Earlier earlier = begin(i, start.exact);
        const std::string_view rest = start.value;
        if (!read_diagonal(i, rest)) {
            if (begins_row(i, rest) || (rest.empty() && next_begins_row(i))) {
                read_rows(i, rest);
            } else {
                read_plain(i, rest);
            }
        }
        ++line_;
        end(i, std::move(earlier));
    }

    [[nodiscard]] bool is_square(std::size_t i) const {
        return !asked_[i].vector && asked_[i].rows == asked_[i].columns;
    }

    void put_diagonal(std::size_t i, const std::vector<WrittenCell>& cells, std::string_view text) {
        const std::size_t n = asked_[i].rows;
        answers_[i] = all_blank({asked_[i]}).front();
        rows_read_[i] = n;
        for (std::size_t k = 0; k < n * n; ++k) {
            if (k % (n + 1) == 0) {
                put_cell(i, k, cells[k / (n + 1)], text);
            } else {
                answers_[i].values[k] = 0.0;
            }
        }
    }

    /// False where neither a diagonal matrix nor the identity stands there.
    bool read_diagonal(std::size_t i, std::string_view value) {
        if (!is_square(i)) {
            return false;
        }
        const std::size_t n = asked_[i].rows;
        if (is_identity(value)) {
            put_diagonal(i, std::vector<WrittenCell>(n, {.number = WrittenNumber{.value = 1.0}, .text = {}}), value);
            return true;
        }
        const std::optional<std::string_view> list = list_of_diagonal(value);
        if (!list) {
            return false;
        }
        const WrittenRow row = read_cells(*list, n);
        rows_read_[i] = n;
        if (row.cells.size() == n) {
            put_diagonal(i, row.cells, *list);
        } else if (row.ambiguous) {
            give_up(
                i, n * n, value,
                place() + "commas that may stand before decimals or between numbers; write a point before decimals");
        } else {
            give_up(
                i, n * n, value,
                place() + plural(row.cells.size(), "number") + " on a diagonal where " + std::to_string(n) + " belong");
        }
        return true;
    }

    /// `[`, or `(` and `{` around as many numbers as belong in a row.
    [[nodiscard]] bool begins_row(std::size_t i, std::string_view text) const {
        if (text.starts_with('[')) {
            return true;
        }
        const std::size_t length = row_length(asked_[i]);
        return (text.starts_with('(') || text.starts_with('{')) && length > 1 && fits(in_brackets(text), length);
    }
    [[nodiscard]] bool next_begins_row(std::size_t i) const {
        return line_ + 1 < lines_.size() && begins_row(i, lines_[line_ + 1].text);
    }

    /// Goes on to the next line unless it answers something else or is empty.
    bool next_line(std::string_view& rest) {
        if (line_ + 1 >= lines_.size() || lines_[line_ + 1].text.empty() || start_of(line_ + 1).symbol) {
            return false;
        }
        rest = lines_[++line_].text;
        return true;
    }

    /// To behind the next `[` (or `[[`), on this line or the next.
    bool open_row(std::size_t i, std::string_view& rest) {
        rest.remove_prefix(std::min(rest.find_first_not_of(" \t,;])}\\"), rest.size()));
        if (rest.empty() && !(next_begins_row(i) && next_line(rest))) {
            return false;
        }
        if (!begins_row(i, rest)) {
            return false;
        }
        open_ = rest.front();
        rest.remove_prefix(std::min(rest.find_first_not_of(std::string{open_, ' '}), rest.size()));
        return true;
    }

    /// To the next closing bracket, which is taken; where it is missing to the end of the line. Lines are parted by LF.
    std::string take_row(std::size_t i, std::string_view& rest) {
        std::string row;
        std::size_t close = rest.find(closing(open_));
        while (close == npos && !next_begins_row(i)) {
            row += std::string(rest) + "\n";
            if (!next_line(rest)) {
                rest = {};
                return row;
            }
            close = rest.find(closing(open_));
        }
        row += rest.substr(0, close);
        rest.remove_prefix(std::min(rest.size(), std::max(close, close + 1)));  // npos + 1 is 0
        return row;
    }

    void read_rows(std::size_t i, std::string_view rest) {
        const std::size_t rows = rows_on_paper(asked_[i]);
        while (rows_read_[i] < rows && open_row(i, rest)) {
            std::string row = take_row(i, rest);
            if (asked_[i].vector) {
                read_row(i, with_more_of_column(i, std::move(row), rest));
                continue;
            }
            std::vector<std::string> parts;
            if (rows_read_[i] == 0) {
                parts = parts_that_fit(i, row);
            }
            for (const std::string& part : parts) {
                read_row(i, part);
            }
            if (parts.empty()) {
                read_row(i, row);
            }
        }
    }

    /// A column that stands upright, each number in brackets of its own.
    std::string with_more_of_column(std::size_t i, std::string row, std::string_view& rest) {
        const std::size_t length = row_length(asked_[i]);
        if (length > 1 && read_cells(row, length).cells.size() != 1) {
            return row;
        }
        std::size_t numbers = 1;
        while (numbers < length && open_row(i, rest)) {
            row += "; " + take_row(i, rest);
            ++numbers;
        }
        return row;
    }

    /// All rows of a matrix in one text, parted by semicolons, `\\` or line ends; none where they are not just those.
    [[nodiscard]] std::vector<std::string> parts_that_fit(std::size_t i, std::string_view text) const {
        const std::size_t rows = rows_on_paper(asked_[i]), length = row_length(asked_[i]);
        if (rows == 1 || text.size() > rows * longest_row) {
            return {};
        }
        std::string marked(text);
        replace_all(marked, "\\\\", ";");
        std::ranges::replace(marked, '\n', ';');
        std::vector<std::string> parts;
        for (std::string_view left = marked; !left.empty() && parts.size() <= rows;) {
            const std::size_t end = std::min(left.find(';'), left.size());
            const std::string_view part = trimmed(left.substr(0, end));
            left.remove_prefix(std::min(end + 1, left.size()));
            if (!part.empty()) {
                parts.emplace_back(part);
            }
        }
        const bool fit = parts.size() == rows && std::ranges::all_of(parts, [&](const std::string& part) {
                             return read_cells(part, length).cells.size() == length;
                         });
        if (!fit) {
            parts.clear();
        }
        return parts;
    }

    /// Rows without brackets: behind the symbol, or in the lines below it.
    void read_plain(std::size_t i, std::string_view rest) {
        const std::size_t rows = rows_on_paper(asked_[i]), length = row_length(asked_[i]);
        if (rows == 1 && !rest.empty()) {
            read_row(i, without_note(rest));
            return;
        }
        for (const std::string& part : parts_that_fit(i, rest)) {
            read_row(i, part);
        }
        if (rows_read_[i] == 0 && !rest.empty() && fits(rest, length)) {
            read_row(i, rest);
        }
        const bool behind_symbol_is_none = rest.empty() || rows_read_[i] > 0;
        while (behind_symbol_is_none && rows_read_[i] < rows && line_ + 1 < lines_.size() &&
               fits(lines_[line_ + 1].text, length) && next_line(rest)) {
            read_row(i, rest);
        }
        if (rows == 1 && rows_read_[i] == 0) {
            read_row(i, upright_column(length));
        }
    }

    /// One number in each of the next lines, as many as belong there; else nothing.
    std::string upright_column(std::size_t length) {
        std::string row;
        if (line_ + length >= lines_.size()) {
            return row;
        }
        for (std::size_t k = 1; k <= length; ++k) {
            const std::string& text = lines_[line_ + k].text;
            if (!fits(text, 1) || start_of(line_ + k).symbol) {
                return {};
            }
            row += when(k > 1, ";") + text;
        }
        line_ += length;
        return row;
    }

    // --- When all lines are read ------------------------------------------------------------------------------------

    /// A matrix of which only some rows stand there.
    void check_rows(std::size_t i) {
        const std::size_t rows = rows_on_paper(asked_[i]);
        if (first_line_[i] == 0 || rows_read_[i] >= rows) {
            return;
        }
        const std::string place = "line " + std::to_string(first_line_[i]) + ": ";
        if (rows_read_[i] == 1 && diagonal_[i] && answers_[i].unreadable.empty() && !is_blank(answers_[i])) {
            take_for_diagonal(i, place);
            return;
        }
        give_up(i, (rows - rows_read_[i]) * row_length(asked_[i]), "",
                place + std::to_string(rows_read_[i]) + " of " + std::to_string(rows) + " rows stand there" +
                    shape_hint(asked_[i]));
    }

    /// One row where a diagonal matrix belongs: its diagonal, unless it may as well be its first row.
    void take_for_diagonal(std::size_t i, const std::string& place) {
        const std::size_t n = asked_[i].rows;
        const Answer row = answers_[i];
        answers_[i] = all_blank({asked_[i]}).front();
        const auto* const begin = row.values.data();
        const bool sure =
            std::any_of(begin + 1, begin + n, [](const auto& value) { return value.value_or(0.0) != 0.0; });
        if (!sure) {
            std::erase_if(doubtful_, [&](const Doubtful& cell) { return cell.answer == i; });
            give_up(i, n * n, "",
                    place + "one row, which may be the first or the diagonal; write diag( … ), or all " +
                        std::to_string(n) + " rows");
            return;
        }
        for (std::size_t k = 0; k < n * n; ++k) {
            answers_[i].values[k] = 0.0;
            if (k % (n + 1) == 0) {
                answers_[i].values[k] = row.values[k / (n + 1)];
                answers_[i].units[k] = row.units[k / (n + 1)];
            }
        }
        for (Doubtful& cell : doubtful_) {
            if (cell.answer == i) {
                cell.entry *= n + 1;
            }
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
                 .text = excerpt(cell.text),
                 .reason = cell.place + "'" + excerpt(cell.text) +
                           "' may have a comma before decimals or between thousands; write a point before decimals"});
        }
    }

    const std::string& source_;
    const std::vector<explain::Quantity>& asked_;
    SheetSymbols symbols_;
    std::vector<bool> diagonal_;  ///< whether it is a diagonal matrix
    std::vector<bool> exact_;     ///< whether its line begins as on the sheet
    std::vector<Answer> answers_;
    std::vector<std::size_t> first_line_;  ///< that answers each symbol, from 1; 0: none
    std::vector<std::size_t> rows_read_;
    std::vector<Line> lines_;
    std::vector<Doubtful> doubtful_;
    std::vector<Stray> strays_;
    std::vector<std::string> remarks_;
    bool decimal_commas_ = false;
    char open_ = '[';  ///< the bracket of the row that is being read
    std::size_t line_ = 0;
};

}  // namespace

ReadSheet read_text(std::string_view sheet, const std::string& source, const std::vector<explain::Quantity>& asked,
                    const explain::Derivation& derivation) {
    return SheetReader(sheet, source, asked, derivation).read();
}

}  // namespace handgrad::compare
