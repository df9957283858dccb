// Lines that begin with a symbol answer it, in brackets or without, over one line or several; all others are prose.
#include "handgrad/compare/sheet_reader.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include "handgrad/base/utf8.hpp"
#include "handgrad/base/wording.hpp"
#include "handgrad/compare/answer_cells.hpp"
#include "handgrad/compare/line_starts.hpp"
#include "handgrad/compare/sheet_lines.hpp"
#include "handgrad/compare/sheet_symbols.hpp"
#include "handgrad/compare/sheet_values.hpp"
#include "handgrad/compare/stray_lines.hpp"
#include "handgrad/compare/written_number.hpp"
#include "handgrad/store/json.hpp"

namespace handgrad::compare {
namespace {

constexpr auto npos = std::string_view::npos;
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
          lines_(lines_of(sheet)),
          starts_(lines_, asked, symbols_),
          strays_(asked, symbols_) {
        const std::size_t first_factor = derivation.forward.size() + 1;
        for (std::size_t j = 0; j < derivation.jacobians.size(); ++j) {
            diagonal_[first_factor + j] = derivation.jacobians[j].diagonal;
        }
    }

    ReadSheet read() {
        while (line_ < lines_.size()) {
            const LineStart start = starts_(line_);
            if (!start.symbol) {
                strays_.note(lines_[line_].text, line_ + 1);
                ++line_;
            } else if (start.delimiter != 0) {
                read_fields(*start.symbol, start);
            } else {
                read_answer(*start.symbol, start);
            }
        }
        for (std::string& remark : strays_.settle(source_, first_line_)) {
            remarks_.push_back(std::move(remark));
        }
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
    void read_fields(std::size_t i, const LineStart& start) {
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
    [[nodiscard]] std::optional<std::string_view> more_fields(const LineStart& start) const {
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
    void read_answer(std::size_t i, const LineStart& start) {
        Earlier earlier = begin(i, start.exact);
        const std::string_view rest = start.value;
        if (!read_diagonal(i, rest)) {
            if (begins_row(asked_[i], rest) || (rest.empty() && next_begins_row(i))) {
                read_rows(i, rest);
            } else {
                read_plain(i, rest);
            }
        }
        ++line_;
        end(i, std::move(earlier));
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
        if (!is_square(asked_[i])) {
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

    [[nodiscard]] bool next_begins_row(std::size_t i) const {
        return line_ + 1 < lines_.size() && begins_row(asked_[i], lines_[line_ + 1].text);
    }

    /// Goes on to the next line unless it answers something else or is empty.
    bool next_line(std::string_view& rest) {
        if (line_ + 1 >= lines_.size() || lines_[line_ + 1].text.empty() || starts_(line_ + 1).symbol) {
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
        if (!begins_row(asked_[i], rest)) {
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
                parts = parts_that_fit(asked_[i], row);
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

    /// Rows without brackets: behind the symbol, or in the lines below it.
    void read_plain(std::size_t i, std::string_view rest) {
        const std::size_t rows = rows_on_paper(asked_[i]), length = row_length(asked_[i]);
        if (rows == 1 && !rest.empty()) {
            read_row(i, without_note(rest));
            return;
        }
        for (const std::string& part : parts_that_fit(asked_[i], rest)) {
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
            if (!fits(text, 1) || starts_(line_ + k).symbol) {
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
    std::vector<SheetLine> lines_;
    LineStarts starts_;
    std::vector<Doubtful> doubtful_;
    StrayLines strays_;
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
