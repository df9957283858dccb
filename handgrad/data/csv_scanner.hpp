// Where the cells of a text table begin and end: quotes, delimiters and line ends of RFC 4180, strictly.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <string>
#include <string_view>

#include "handgrad/data/cells.hpp"
#include "handgrad/data/decimal.hpp"
#include "handgrad/data/hints.hpp"

namespace handgrad {

/// Cuts the buffer into cells and keeps count of the lines.
class CsvScanner {
public:
    struct Cell {
        std::string_view text;  ///< without its quotes; valid until the next cell is read
        bool quoted;
    };

    /// A blank as delimiter stands for any run of blanks and tabs; blanks at the ends of a line then mean nothing.
    CsvScanner(std::string_view bytes, const std::string& source, char delimiter, char quote = '"')
        : at_(bytes.data()),
          end_(bytes.data() + bytes.size()),
          source_(source),
          delimiter_(delimiter),
          quote_(quote),
          blanks_(delimiter == ' ') {
        for (const char c : {delimiter, '\n', '\r', quote, '\0'}) {
            special_[static_cast<unsigned char>(c)] = true;
        }
        special_[static_cast<unsigned char>('\t')] = blanks_ || delimiter == '\t';
    }

    [[nodiscard]] bool at_end() const { return at_ == end_; }
    [[nodiscard]] std::size_t line() const { return line_; }
    /// Whether the last cell read was followed by a delimiter.
    [[nodiscard]] bool row_goes_on() const { return row_goes_on_; }
    [[nodiscard]] std::string_view rest() const { return {at_, static_cast<std::size_t>(end_ - at_)}; }

    /// Steps over a line without a single byte; false when there is none here.
    bool skip_blank_line() {
        if (at_end() || (*at_ != '\n' && *at_ != '\r')) {
            return false;
        }
        end_cell();
        return true;
    }

    /// Steps over a line, whatever is on it.
    void skip_line() {
        at_ = std::find(at_, end_, '\n');
        if (!at_end()) {
            ++at_;
            ++line_;
        }
    }
    /// Steps over blanks in front of a row, where they divide fields.
    void begin_row() {
        while (blanks_ && at_ != end_ && (*at_ == ' ' || *at_ == '\t')) {
            ++at_;
        }
    }
    [[nodiscard]] bool at_hash() const { return at_ != end_ && *at_ == '#'; }
    /// Steps over a # in front of a row.
    void skip_hash() {
        at_ += at_hash() ? 1 : 0;
        begin_row();
    }
    /// How many fields the line has that begins here, quotes not looked at.
    [[nodiscard]] std::size_t count_fields() const {
        const char* const line_end = std::find(at_, end_, '\n');
        const auto divides = [&](char c) { return c == delimiter_ || (blanks_ && c == '\t'); };
        std::size_t fields = 1;
        for (const char* at = at_; at != line_end; ++at) {
            const bool run_goes_on = blanks_ && (at + 1 == line_end || divides(at[1]) || at[1] == '\r');
            fields += divides(*at) && !run_goes_on ? 1 : 0;
        }
        return fields;
    }

    /// The number that is the whole next cell, when it is plainly one: digits, perhaps behind a minus, up to the
    /// delimiter (no run of blanks) or the end of the line. Else nothing is read.
    [[gnu::always_inline]] bool read_plain_number(double& value, std::string_view& text) {
        const char* const start = at_;
        if (!at_decimal(start, end_)) {
            return false;
        }
        const char* rest = read_decimal(start, end_, value);
        if (rest == nullptr || rest == end_) {
            return false;
        }
        text = {start, static_cast<std::size_t>(rest - start)};
        if (*rest == '\r' && rest + 1 != end_ && rest[1] == '\n') {
            ++rest;
        }
        if (*rest != delimiter_ && *rest != '\n') {
            return false;
        }
        row_goes_on_ = *rest == delimiter_;
        if (!row_goes_on_) {
            ++line_;
        }
        at_ = rest + 1;
        return true;
    }

    Cell read_cell() {
        skip_blanks_before_quote();
        const Cell cell = at_ != end_ && *at_ == quote_ ? Cell{quoted_cell(), true} : Cell{plain_cell(), false};
        end_cell();
        return cell;
    }

    [[noreturn]] void fail(const std::string& cause) const { fail(line_, cause); }
    [[noreturn]] void fail(std::size_t line, const std::string& cause, const Hints& settings = {}) const {
        fail_about(ErrorKind::data, source_ + ":" + std::to_string(line) + ": " + cause, settings);
    }

private:
    /// `1, "a, b"`: the blank is none of the cell.
    void skip_blanks_before_quote() {
        if (at_ == end_ || *at_ != ' ' || delimiter_ == ' ') {
            return;
        }
        const char* const content = std::find_if(at_, end_, [](char c) { return c != ' '; });
        if (content != end_ && *content == quote_) {
            at_ = content;
        }
    }

    std::string_view plain_cell() {
        const char* const start = at_;
        while (at_ != end_ && !special_[static_cast<unsigned char>(*at_)]) {
            ++at_;
        }
        const std::string_view cell{start, static_cast<std::size_t>(at_ - start)};
        if (at_ != end_ && *at_ == quote_) {
            fail("a quote inside the unquoted cell that starts with " + in_quotes(cell) +
                 "; put the whole cell in quotes and double the quotes in it");
        }
        return cell;
    }

    std::string_view quoted_cell() {
        const std::size_t opened = line_;
        const char* start = ++at_;
        bool doubled = false;
        while (true) {
            at_ = std::find(at_, end_, quote_);
            if (at_ == end_) {
                fail(opened, "a quote is opened here and never closed");
            }
            if (at_ + 1 == end_ || at_[1] != quote_) {
                break;
            }
            if (!doubled) {
                unescaped_.clear();
            }
            doubled = true;
            unescaped_.append(start, at_ + 1);
            at_ += 2;
            start = at_;
        }
        std::string_view cell{start, static_cast<std::size_t>(at_ - start)};
        if (doubled) {
            cell = unescaped_.append(cell);
        }
        line_ += static_cast<std::size_t>(std::count(cell.begin(), cell.end(), '\n'));
        if (cell.find('\0') != std::string_view::npos) {
            fail_for_nul();
        }
        ++at_;
        const char* const after = std::find_if(at_, end_, [](char c) { return c != ' '; });
        if (delimiter_ != ' ' &&
            (after == end_ || (special_[static_cast<unsigned char>(*after)] && *after != quote_))) {
            at_ = after;  // blanks behind it are none of the cell
        }
        if (at_ != end_ && (!special_[static_cast<unsigned char>(*at_)] || *at_ == quote_)) {
            fail("text after the closing quote of " + in_quotes(cell) + "; double the quotes inside a quoted cell");
        }
        return cell;
    }

    /// Steps over what ends a cell: a delimiter, the end of a line, or the end of the file.
    void end_cell() {
        row_goes_on_ = false;
        if (at_ == end_) {
            return;
        }
        if (*at_ == '\0') {
            fail_for_nul();
        }
        if (blanks_ && (*at_ == ' ' || *at_ == '\t')) {
            begin_row();
            row_goes_on_ = at_ != end_ && *at_ != '\n' && *at_ != '\r';
            if (!row_goes_on_) {
                end_cell();
            }
            return;
        }
        if (*at_ == delimiter_) {
            row_goes_on_ = true;
        } else {
            if (*at_ == '\r' && (++at_ == end_ || *at_ != '\n')) {
                fail("a carriage return without a line feed behind it; save the file with line ends \\n or \\r\\n");
            }
            ++line_;
        }
        ++at_;
    }

    [[noreturn]] void fail_for_nul() const { fail("a NUL byte; this is not a text table in UTF-8"); }

    const char* at_;
    const char* end_;
    const std::string& source_;
    char delimiter_;
    char quote_;
    bool blanks_;
    std::size_t line_ = 1;
    bool row_goes_on_ = false;
    std::array<bool, 256> special_{};  ///< bytes that end an unquoted cell
    std::string unescaped_;            ///< the last quoted cell that had doubled quotes
};

}  // namespace handgrad
