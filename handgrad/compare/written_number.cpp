// A row in the plain form is cut into cells, in several ways until one gives as many numbers as belong there.
#include "handgrad/compare/written_number.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <utility>

#include "handgrad/base/utf8.hpp"
#include "handgrad/compare/comma_settling.hpp"
#include "handgrad/compare/number_scanner.hpp"
#include "handgrad/compare/plain_text.hpp"
#include "handgrad/data/table.hpp"

namespace handgrad::compare {
namespace {

/// Nothing, underscores, dashes, dots or question marks alone.
bool is_left_blank(std::string_view text) { return text.find_first_not_of(" _-?.\x1E\r\n") == std::string_view::npos; }

/// A cell, and where in the plain text it stands.
struct Piece {
    WrittenCell cell;
    std::size_t first, end;
};

class RowReader {
public:
    RowReader(std::string_view row, const PlainText& plain, Habits habits)
        : row_(row), plain_(plain), text_(plain.text), habits_(habits) {}

    /// Cells between separators of one kind.
    [[nodiscard]] std::vector<WrittenCell> between(char separator) const {
        std::vector<WrittenCell> cells;
        std::size_t first = 0;
        for (std::size_t at = 0; at <= text_.size(); ++at) {
            if (at == text_.size() || text_[at] == separator) {
                cells.push_back(whole(first, at));
                first = at + 1;
            }
        }
        return cells;
    }

    /// Cells between blanks or commas.
    [[nodiscard]] std::vector<Piece> between_blanks() const {
        std::vector<Piece> pieces;
        for (std::size_t at = 0; (at = behind(" ,\r\n\x1E", at)) < text_.size();) {
            const std::size_t first = at;
            at = behind("_", at);
            std::optional<WrittenNumber> number = take_number(plain_, habits_, at);
            at = behind("._", at);
            if (number && parts_cells(at)) {
                pieces.push_back({{.number = number, .text = {}}, first, at});
                continue;
            }
            at = first;
            while (!parts_cells(at)) {
                ++at;
            }
            at = std::max(at, first + 1);
            pieces.push_back({text_cell(first, at), first, at});
        }
        return pieces;
    }

    /// `0.5 m` and `57 %` as one cell each, which is no number: words without a digit belong to what stands before.
    [[nodiscard]] std::vector<WrittenCell> with_units_joined(const std::vector<Piece>& pieces) const {
        std::vector<Piece> joined;
        for (const Piece& piece : pieces) {
            const bool unit = !piece.cell.number && !piece.cell.text.empty() &&
                              piece.cell.text.find_first_of("0123456789") == std::string::npos;
            if (unit && !joined.empty()) {
                joined.back().end = piece.end;
                joined.back().cell.number.reset();
            } else {
                joined.push_back(piece);
            }
        }
        for (Piece& piece : joined) {
            if (!piece.cell.number) {
                piece.cell = text_cell(piece.first, piece.end);
            }
        }
        return cells_of(joined);
    }

    /// All of the row as one cell that is no number.
    [[nodiscard]] WrittenCell as_text() const { return text_cell(0, text_.size()); }

    static std::vector<WrittenCell> cells_of(const std::vector<Piece>& pieces) {
        std::vector<WrittenCell> cells;
        cells.reserve(pieces.size());
        for (const Piece& piece : pieces) {
            cells.push_back(piece.cell);
        }
        return cells;
    }

private:
    [[nodiscard]] std::size_t behind(std::string_view characters, std::size_t at) const {
        return std::min(text_.find_first_not_of(characters, at), text_.size());
    }
    [[nodiscard]] bool parts_cells(std::size_t at) const {
        return at >= text_.size() || is_blank(text_[at]) || text_[at] == ',' || text_[at] == thin;
    }
    [[nodiscard]] WrittenCell text_cell(std::size_t first, std::size_t end) const {
        if (is_left_blank(text_.substr(first, end - first))) {
            return {};
        }
        const std::size_t from = plain_.from[first];
        std::string_view text = row_.substr(from, plain_.from[end] - from);
        const std::size_t begin = std::min(text.find_first_not_of(" \t\r\n"), text.size());
        text = text.substr(begin, text.find_last_not_of(" \t\r\n") + 1 - begin);
        return {.number = {}, .text = replace_invalid_utf8(text)};
    }
    /// One cell from `first` to `end`, all of it.
    [[nodiscard]] WrittenCell whole(std::size_t first, std::size_t end) const {
        std::size_t at = behind(" _\r\n\x1E", first);
        const std::optional<WrittenNumber> number = take_number(plain_, habits_, at);
        if (number && behind("._ \r\n\x1E", at) >= end) {
            return {.number = number, .text = {}};
        }
        return text_cell(first, end);
    }

    std::string_view row_;
    const PlainText& plain_;
    std::string_view text_;
    Habits habits_;
};

/// `1 1/2` as one number: a whole number and a proper fraction behind it. Both were read as exact or whole.
std::vector<WrittenCell> with_mixed_joined(const std::vector<WrittenCell>& cells) {
    std::vector<WrittenCell> joined;
    for (const WrittenCell& cell : cells) {
        const bool proper = cell.number && cell.number->unit == 0.0 && cell.number->value > 0.0 &&
                            cell.number->value < 1.0 && !joined.empty() && joined.back().number &&
                            joined.back().number->unit == 1.0;
        if (proper) {
            double& whole = joined.back().number->value;
            whole += std::copysign(cell.number->value, whole);
            joined.back().number->unit = 0.0;
        } else {
            joined.push_back(cell);
        }
    }
    return joined;
}

std::vector<WrittenCell> without_blanks(std::vector<WrittenCell> cells) {
    std::erase_if(cells, [](const WrittenCell& cell) { return !cell.number && cell.text.empty(); });
    return cells;
}

/// Cells between semicolons. Spreadsheets fill lines up, some end a row with its separator, and bars stand around it.
std::vector<WrittenCell> between_semicolons(const RowReader& reader, std::size_t count) {
    std::vector<WrittenCell> cells = reader.between(';');
    const auto blank = [](const WrittenCell& cell) { return !cell.number && cell.text.empty(); };
    while (cells.size() > count && blank(cells.back())) {
        cells.pop_back();
    }
    if (cells.size() > count && blank(cells.front())) {
        cells.erase(cells.begin());
    }
    return cells;
}

bool has_text(const std::vector<WrittenCell>& cells) {
    return std::ranges::any_of(cells, [](const WrittenCell& cell) { return !cell.text.empty(); });
}

/// What stands in a row that has not as many cells as belong there: numbers with units, or one text.
std::vector<WrittenCell> unlike_count(const RowReader& reader, const std::vector<Piece>& pieces, std::size_t count) {
    std::vector<WrittenCell> with_units = reader.with_units_joined(pieces);
    if (with_units.size() == count) {
        return with_units;
    }
    const bool numbers_only =
        std::ranges::all_of(pieces, [](const Piece& piece) { return piece.cell.number.has_value(); });
    if (count == 1 && !numbers_only) {
        return {reader.as_text()};
    }
    return RowReader::cells_of(pieces);
}

}  // namespace

WrittenCell read_cell(std::string_view text) {
    const PlainText plain = plain_of(text);
    if (plain.text.find(';') == std::string::npos) {
        const RowReader reader(text, plain, {.comma_before_decimals = true});
        return reader.between(';').front();
    }
    return {.number = {}, .text = replace_invalid_utf8(text)};
}

WrittenRow read_cells(std::string_view row, std::size_t count) {
    PlainText plain = plain_of(row);
    if (plain.text.find(';') != std::string::npos) {
        return {.cells = between_semicolons(RowReader(row, plain, {.comma_before_decimals = true}), count)};
    }
    const CommaUse commas = settle_commas(plain.text, count);
    if (commas == CommaUse::ambiguous) {
        return {.cells = {}, .ambiguous = true};
    }
    std::optional<std::vector<Piece>> first;
    std::optional<std::vector<WrittenCell>> with_text;  // as many cells as belong there, but not all of them numbers
    for (const bool thin_in_numbers : {true, false}) {
        for (const bool comma_before_decimals : {false, true}) {
            if (commas == CommaUse::before_decimals && !comma_before_decimals) {
                continue;
            }
            std::vector<Piece> pieces =
                RowReader(row, plain, {comma_before_decimals, thin_in_numbers}).between_blanks();
            const std::vector<WrittenCell> cells = RowReader::cells_of(pieces);
            for (std::vector<WrittenCell> candidate : {cells, with_mixed_joined(cells), without_blanks(cells)}) {
                if (candidate.size() == count && !has_text(candidate)) {
                    return {.cells = std::move(candidate)};
                }
                if (candidate.size() == count && !with_text) {
                    with_text = std::move(candidate);
                }
            }
            if (!first) {
                first = std::move(pieces);
            }
        }
    }
    const RowReader reader(row, plain, {.comma_before_decimals = true});
    if (plain.text.find(',') != std::string::npos) {
        std::vector<WrittenCell> between_commas = RowReader(row, plain, {}).between(',');
        if (between_commas.size() == count && !has_text(between_commas)) {
            return {.cells = std::move(between_commas)};
        }
    }
    if (with_text) {
        return {.cells = std::move(*with_text)};
    }
    return {.cells = unlike_count(reader, *first, count)};
}

WrittenNumber written_as(double value) {
    const std::string text = format_number(value);
    const std::size_t e = text.find('e');
    const std::size_t point = text.find('.');
    std::ptrdiff_t power = 0;
    if (e != std::string::npos) {
        const std::size_t first = text.find_first_not_of('+', e + 1);
        std::from_chars(text.data() + first, text.data() + text.size(), power);
    }
    if (point != std::string::npos) {
        power -= static_cast<std::ptrdiff_t>(std::min(e, text.size()) - point - 1);
    }
    return {.value = value, .unit = std::pow(10.0, static_cast<double>(power))};
}

}  // namespace handgrad::compare
