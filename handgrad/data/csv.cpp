// The strict reader of text tables (RFC 4180, and the forms near it): one pass over one buffer, straight into columns.
#include <algorithm>
#include <set>
#include <utility>

#include "handgrad/base/error.hpp"
#include "handgrad/base/limits.hpp"
#include "handgrad/base/suggest.hpp"
#include "handgrad/data/cells.hpp"
#include "handgrad/data/column_builder.hpp"
#include "handgrad/data/csv_scanner.hpp"
#include "handgrad/data/dates.hpp"
#include "handgrad/data/number_like.hpp"
#include "handgrad/data/table.hpp"
#include "handgrad/data/table_form.hpp"

namespace handgrad {
namespace {

const Hints without_header{{"header", "false"}};

struct Heading {
    std::vector<std::string> names;  ///< of more than can be read, no more than tell so
    std::size_t columns = 0;
    bool looks_like_data = false;  ///< every name is an unquoted number or missing, and one is a number
    std::string first_number;
};

/// Whether names are those that pandas gives columns without one: nothing for the index, then 0, 1, 2 …
bool numbered_by_pandas(const std::vector<std::string>& names) {
    for (std::size_t i = 1; i < names.size(); ++i) {
        if (names[i] != std::to_string(i - 1)) {
            return false;
        }
    }
    return names.size() > 1 && names.front().empty();
}

/// Reads the line of names. Names are trimmed unless they are quoted: nobody means the blank in `age, bmi`.
Heading read_heading(CsvScanner& scanner, const ReadOptions& options, char decimal) {
    const MissingTexts missing(options.missing);
    Heading heading;
    heading.looks_like_data = true;
    do {
        const CsvScanner::Cell cell = scanner.read_cell();
        ++heading.columns;
        if (heading.names.size() > limits::columns + 1) {
            continue;
        }
        heading.names.emplace_back(cell.quoted ? cell.text : trimmed(cell.text));
        const std::string& name = heading.names.back();
        const bool number = parse_number(name, decimal).problem != NumberProblem::not_a_number;
        if (number && heading.first_number.empty()) {
            heading.first_number = name;
        }
        heading.looks_like_data =
            heading.looks_like_data && !cell.quoted && (number || missing.contains(trimmed(name)));
    } while (scanner.row_goes_on());
    heading.looks_like_data =
        heading.looks_like_data && !heading.first_number.empty() && !numbered_by_pandas(heading.names);
    return heading;
}

/// The first column may do without a name: there are those of the rows. So may the last ones, if they are empty.
void check_names(const CsvScanner& scanner, std::size_t line, const std::string& source,
                 const std::vector<std::string>& names, std::size_t columns) {
    if (names.size() > limits::columns) {
        scanner.fail(line, counted(std::max(columns, names.size()), "column") + "; at most " +
                               std::to_string(limits::columns) +
                               " are read; leave some out, or turn the table if its rows stand beside each other");
    }
    std::set<std::string_view> seen;  // no hash, which a stranger could flood
    std::size_t last_named = names.size();
    while (last_named > 0 && names[last_named - 1].empty()) {
        --last_named;
    }
    for (std::size_t i = 0; i < names.size(); ++i) {
        if (i >= last_named && i > 0) {
            return;  // leave_out_unnamed() looks whether these are empty
        }
        if (names[i].empty() && i > 0) {
            scanner.fail(line,
                         "the name of column " + std::to_string(i + 1) +
                             " is empty; name it, or read the table without a header when line 1 is data",
                         without_header);
        }
        if (names[i].size() > limits::name_bytes) {
            scanner.fail(line,
                         "the name " + in_quotes(names[i]) + " of column " + std::to_string(i + 1) + " has " +
                             std::to_string(names[i].size()) + " bytes; at most " + std::to_string(limits::name_bytes) +
                             " are read; shorten it, or read the table without a header when line 1 is data",
                         without_header);
        }
        if (!is_utf8(names[i])) {
            scanner.fail(line, "the name " + in_quotes(names[i]) + " is not UTF-8; convert the file, for instance: " +
                                   conversion_of(old_encoding(names[i]), source));
        }
        if (!seen.insert(names[i]).second) {
            scanner.fail(line,
                         "two columns are called " + in_quotes(names[i]) +
                             "; rename one, or read the table without a header when line 1 is data",
                         without_header);
        }
    }
}

/// How many rows the rest of the file may hold, by the lines it starts with and a little more, since vectors that grow
/// are copied; never so many that their cells would outnumber its bytes.
std::size_t expected_rows(std::string_view body, std::size_t columns) {
    const std::string_view sample = body.substr(0, std::size_t{1} << 16U);
    const std::size_t lines = static_cast<std::size_t>(std::count(sample.begin(), sample.end(), '\n')) + 1;
    const std::size_t rows = body.size() / (sample.size() / lines + 1);
    return std::min(rows + rows / 32, body.size() / columns) + 1;
}

/// What a row of another length than the names is told, the delimiter with it.
std::string other_length(std::size_t expected, std::size_t found, char delimiter) {
    std::string divided = in_quotes({&delimiter, 1});
    if (delimiter == '\t') {
        divided = "tabs";
    } else if (delimiter == ' ') {
        divided = "blanks";
    }
    return "expected " + counted(expected, "field") + ", found " + std::to_string(found) + " (divided by " + divided +
           ")";
}

class CsvReader {
public:
    CsvReader(std::string_view bytes, const std::string& source, const ReadOptions& options, const TableForm& form)
        : scanner_(bytes, source, form.delimiter, form.quote),
          options_(options),
          form_(form),
          missing_(options.missing),
          named_(options),
          numbers_(with_decimal(options, form.decimal)),
          plain_numbers_(form.decimal == '.' && form.delimiter != ' ' && !missing_.spells_number('.')) {
        table_.source = source;
        table_.decimal = form.decimal;
    }

    Table read() {
        if (scanner_.at_end()) {
            throw Error(ErrorKind::data, table_.source + ": the file is empty");
        }
        for (std::size_t line = form_.names_behind_hash ? 1 : 0; line < form_.lines_above; ++line) {
            scanner_.skip_line();
        }
        name_columns();
        while (!scanner_.at_end()) {
            const std::size_t line = scanner_.line();
            if (scanner_.skip_blank_line()) {
                blank_line(line);
            } else if (!skip_comment()) {
                read_row(line);
            }
        }
        if (table_.lines.empty()) {
            throw Error(ErrorKind::data, table_.source + (options_.header ? ": no rows below the line of names"
                                                                          : ": no rows, only blank lines"));
        }
        table_.rows = table_.lines.size();
        leave_out_unnamed();
        finish_columns();
        refuse_header_as_data();
        tell_form();
        return std::move(table_);
    }

private:
    static ReadOptions with_decimal(ReadOptions options, char found) {
        options.decimal = options.decimal == 0 && found == '.' ? options.decimal : found;
        return options;
    }

    /// Columns without a name at the right, as spreadsheets leave them, are none when they are empty.
    void leave_out_unnamed() {
        std::size_t count = 0;
        while (columns_.size() > 1 && columns_.back().name().empty()) {
            if (!columns_.back().is_empty()) {
                scanner_.fail(form_.lines_above + 1,
                              "the name of column " + std::to_string(columns_.size()) +
                                  " is empty; name it, or read the table without a header when line 1 is data",
                              without_header);
            }
            columns_.pop_back();
            ++count;
        }
        unnamed_ = count;
    }

    void finish_columns() {
        for (std::size_t i = 0; i < columns_.size(); ++i) {
            Column column = columns_[i].finish(table_);
            mark_if_undecided(column, i);
            if (!named_.dates.contains(column.name)) {
                table_.columns.push_back(std::move(column));
                continue;
            }
            table_.dates.push_back(column.name);
            for (Column& part : date_columns(column, table_)) {
                table_.columns.push_back(std::move(part));
            }
        }
    }

    /// Where semicolons divide the fields, 1.200 is as likely 1200 as 1.2: an error if the column, the `at`-th of the
    /// fields, is learned as numbers.
    void mark_if_undecided(Column& column, std::size_t at) const {
        const auto found = std::ranges::find(form_.undecided, at, &UndecidedColumn::column);
        if (found == form_.undecided.end() || !column.has_numbers || column.number_like) {
            return;
        }
        const auto cell = std::ranges::find(column.numbers, numbers_.read(found->cell).value);
        std::size_t row = 0;
        if (cell != column.numbers.end()) {
            row = static_cast<std::size_t>(cell - column.numbers.begin());
        }
        column.number_like = NumberLike{
            .row = row,
            .text = found->cell,
            .count = 1,
            .what =
                "a number with a decimal point or with points between thousands (semicolons divide the fields, "
                "and no cell tells)",
            .settings = {{"decimal", "."}, {"thousands", "."}}};
    }

    void tell_form() {
        std::vector<std::string> remarks = form_.remarks;
        if (unnamed_ > 0) {
            remarks.push_back(counted(unnamed_, "empty column") + " at the right left out");
        }
        if (comments_ > 0) {
            remarks.push_back(counted(comments_, "comment line") + " between the rows left out");
        }
        std::string text;
        for (const std::string& remark : remarks) {
            text += (text.empty() ? "" : ", ") + remark;
        }
        if (!text.empty()) {
            table_.notices.push_back(table_.source + ": read with " + text);
        }
    }

    /// A line behind # that has not the fields of a row.
    bool skip_comment() {
        if (form_.delimiter == ' ') {
            scanner_.begin_row();
        }
        if (!scanner_.at_hash() || scanner_.count_fields() == columns_.size()) {
            return false;
        }
        scanner_.skip_line();
        ++comments_;
        return true;
    }

    /// Names from line 1, or x1, x2, … as many as line 1 has cells.
    void name_columns() {
        if (options_.header && scanner_.skip_blank_line()) {
            scanner_.fail(form_.lines_above + 1, "a blank line where the names of the columns should be");
        }
        const std::size_t line = scanner_.line();
        scanner_.begin_row();
        if (form_.names_behind_hash) {
            scanner_.skip_hash();
        }
        CsvScanner ahead = scanner_;  // without names, line 1 is read again as a row
        Heading heading = read_heading(options_.header ? scanner_ : ahead, options_, form_.decimal);
        const bool several = heading.names.size() > 1;  // what was found may hold for other lines than this one
        if (several && form_.trailing_delimiter && (heading.names.back().empty() || !options_.header)) {
            heading.names.pop_back();
        }
        if (form_.unnamed_first) {
            heading.names.insert(heading.names.begin(), "");
        }
        if (!options_.header) {
            for (std::size_t i = 0; i < heading.names.size(); ++i) {
                heading.names[i] = "x" + std::to_string(i + 1);
            }
        } else if (heading.looks_like_data && !scanner_.at_end()) {
            scanner_.fail(line,
                          "line " + std::to_string(line) + " looks like data (" + heading.first_number +
                              "), not like names; read the table without a header, or put the names in quotes",
                          without_header);
        }
        check_names(scanner_, line, table_.source, heading.names, heading.columns);
        check_dates(heading.names);
        const std::size_t rows = expected_rows(scanner_.rest(), heading.names.size());
        columns_.reserve(heading.names.size());
        for (std::string& name : heading.names) {
            columns_.emplace_back(std::move(name), named_, missing_, numbers_, rows);
        }
        table_.lines.reserve(rows);
    }

    /// Raises Error(data) when a column of dates is not there.
    void check_dates(const std::vector<std::string>& names) const {
        const std::set<std::string_view> there(names.begin(), names.end());
        for (const std::string& name : options_.date_columns) {
            if (!there.contains(name)) {
                throw Error(ErrorKind::data, table_.source + ": there is no column " + in_quotes(name) +
                                                 did_you_mean(name, names) + "; the columns are " + listed(names));
            }
        }
    }

    /// At the end of the file blank lines mean nothing; in a single column each one before that is a missing cell.
    void blank_line(std::size_t line) {
        if (scanner_.rest().find_first_not_of("\r\n") == std::string_view::npos) {
            while (scanner_.skip_blank_line()) {
            }
        } else if (columns_.size() == 1) {
            columns_.front().add_cell({});
            table_.lines.push_back(line);
        } else {
            scanner_.fail(line, "a blank line between the rows; remove it");
        }
    }

    void read_row(std::size_t line) {
        std::size_t found = 0;
        bool last_empty = false;
        do {
            if (found < columns_.size()) {
                read_into(columns_[found]);
            } else {
                last_empty = scanner_.read_cell().text.empty();
            }
            ++found;
        } while (scanner_.row_goes_on());
        const bool trailing = form_.trailing_delimiter && last_empty && found == columns_.size() + 1;
        if (found != columns_.size() && !trailing) {
            scanner_.fail(line, other_length(columns_.size(), found, form_.delimiter), {{"delimiter"}});
        }
        table_.lines.push_back(line);
    }

    [[gnu::always_inline]] void read_into(ColumnBuilder& column) {
        double value = 0.0;
        std::string_view text;
        if (plain_numbers_ && column.keeps_no_spelling() && scanner_.read_plain_number(value, text)) {
            column.add_number(value, text);
        } else {
            const auto [cell, quoted] = scanner_.read_cell();
            column.add_cell(cell, quoted);
        }
    }

    /// Without a header: no cell of line 1 is a number, yet a column has nothing but numbers below it.
    void refuse_header_as_data() const {
        if (options_.header) {
            return;
        }
        const Column* named = nullptr;
        for (const Column& column : table_.columns) {
            if (column.has_numbers && column.numbers.front() == column.numbers.front()) {
                return;
            }
            const bool text_above_numbers = column.has_numbers && column.odd && column.odd->row == 0 &&
                                            column.odd->count == 1 && !spells_infinity(column.odd->text);
            if (text_above_numbers && named == nullptr) {
                named = &column;
            }
        }
        if (named != nullptr) {
            scanner_.fail(1,
                          "line 1 looks like a header (\"" + named->odd->text +
                              "\"), and the table is read without one; let it be one, or remove the line",
                          without_header);
        }
    }

    Table table_;
    CsvScanner scanner_;
    const ReadOptions& options_;
    const TableForm& form_;
    MissingTexts missing_;
    NamedColumns named_;
    NumberReader numbers_;
    std::size_t comments_ = 0;  ///< lines between the rows
    std::size_t unnamed_ = 0;   ///< empty columns left out
    bool plain_numbers_;        ///< a cell that scans as a number is one
    std::vector<ColumnBuilder> columns_;
};

}  // namespace

Table read_csv(std::string_view bytes, const std::string& source, const ReadOptions& options) {
    std::string converted;
    std::vector<std::string> remarks;
    const std::string_view text = utf8_text(bytes, source, converted, remarks);
    TableForm form = find_form(text, source, options);
    form.remarks.insert(form.remarks.begin(), remarks.begin(), remarks.end());
    return CsvReader(text, source, options, form).read();
}

}  // namespace handgrad
