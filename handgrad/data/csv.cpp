// The strict reader of text tables (RFC 4180): one pass over one buffer, straight into columns.
#include <algorithm>
#include <unordered_set>
#include <utility>

#include "handgrad/base/error.hpp"
#include "handgrad/data/cells.hpp"
#include "handgrad/data/column_builder.hpp"
#include "handgrad/data/csv_scanner.hpp"
#include "handgrad/data/table.hpp"

namespace handgrad {
namespace {

const Hints without_header{{"header", "false"}};

/// The delimiter of these options for a file of this name. Raises Error(usage) for marks that cannot work.
char delimiter_for(const std::string& source, const ReadOptions& options) {
    if (options.decimal != '.' && options.decimal != ',') {
        throw Error(ErrorKind::usage, "the decimal mark must be '.' or ',', not " + in_quotes({&options.decimal, 1}));
    }
    if (options.delimiter == 0) {
        std::string_view name = source;
        if (name.ends_with(".gz")) {
            name.remove_suffix(3);
        }
        const bool tabbed = name.ends_with(".tsv") || name.ends_with(".txt");
        if (tabbed) {
            return '\t';
        }
        return options.decimal == ',' ? ';' : ',';
    }
    const char delimiter = options.delimiter;
    if (delimiter == options.decimal) {
        throw Error(ErrorKind::usage, "the delimiter and the decimal mark are both " + in_quotes({&delimiter, 1}) +
                                          "; choose another delimiter")
            .about("delimiter");
    }
    const bool in_numbers =
        (delimiter >= '0' && delimiter <= '9') || delimiter == '+' || delimiter == '-' || delimiter == '.';
    const bool letter = (delimiter >= 'a' && delimiter <= 'z') || (delimiter >= 'A' && delimiter <= 'Z');
    if (in_numbers || letter || delimiter == '"' || delimiter == '\n' || delimiter == '\r') {
        throw Error(ErrorKind::usage, in_quotes({&delimiter, 1}) + " cannot be the delimiter of a table");
    }
    return delimiter;
}

std::string_view without_bom(std::string_view bytes, const std::string& source) {
    if (bytes.starts_with("\xFF\xFE") || bytes.starts_with("\xFE\xFF")) {
        throw Error(ErrorKind::data, source + ": UTF-16 text; convert it: iconv -f utf-16 -t utf-8 " + source);
    }
    if (bytes.starts_with("\xEF\xBB\xBF")) {
        bytes.remove_prefix(3);
    }
    return bytes;
}

struct Heading {
    std::vector<std::string> names;
    bool looks_like_data = false;  ///< every name is an unquoted number or missing, and one is a number
    std::string first_number;
};

/// Reads line 1 as names. Names are trimmed unless they are quoted: nobody means the blank in `age, bmi`.
Heading read_heading(CsvScanner& scanner, const ReadOptions& options) {
    const MissingTexts missing(options.missing);
    Heading heading;
    heading.looks_like_data = true;
    do {
        const CsvScanner::Cell cell = scanner.read_cell();
        heading.names.emplace_back(cell.quoted ? cell.text : trimmed(cell.text));
        const std::string& name = heading.names.back();
        const bool number = parse_number(name, options.decimal).problem != NumberProblem::not_a_number;
        if (number && heading.first_number.empty()) {
            heading.first_number = name;
        }
        heading.looks_like_data =
            heading.looks_like_data && !cell.quoted && (number || missing.contains(trimmed(name)));
    } while (scanner.row_goes_on());
    heading.looks_like_data = heading.looks_like_data && !heading.first_number.empty();
    return heading;
}

void check_names(const CsvScanner& scanner, const std::vector<std::string>& names) {
    std::unordered_set<std::string_view> seen;
    for (std::size_t i = 0; i < names.size(); ++i) {
        if (names[i].empty()) {
            scanner.fail(1,
                         "the name of column " + std::to_string(i + 1) +
                             " is empty; name it, or read the table without a header when line 1 is data",
                         without_header);
        }
        if (!is_utf8(names[i])) {
            scanner.fail(1, "the name " + in_quotes(names[i]) +
                                " is not UTF-8; convert the file, for instance with iconv -f latin1 -t utf-8");
        }
        if (!seen.insert(names[i]).second) {
            scanner.fail(1,
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

class CsvReader {
public:
    CsvReader(std::string_view bytes, const std::string& source, const ReadOptions& options)
        : scanner_(bytes, source, delimiter_for(source, options)),
          options_(options),
          missing_(options.missing),
          plain_numbers_(options.decimal == '.' && !missing_.spells_number('.')) {
        table_.source = source;
    }

    Table read() {
        if (scanner_.at_end()) {
            throw Error(ErrorKind::data, table_.source + ": the file is empty");
        }
        name_columns();
        while (!scanner_.at_end()) {
            const std::size_t line = scanner_.line();
            if (scanner_.skip_blank_line()) {
                blank_line(line);
            } else {
                read_row(line);
            }
        }
        if (table_.lines.empty()) {
            throw Error(ErrorKind::data, table_.source + (options_.header ? ": no rows below the line of names"
                                                                          : ": no rows, only blank lines"));
        }
        table_.rows = table_.lines.size();
        for (ColumnBuilder& column : columns_) {
            table_.columns.push_back(column.finish(table_));
        }
        refuse_header_as_data();
        return std::move(table_);
    }

private:
    /// Names from line 1, or x1, x2, … as many as line 1 has cells.
    void name_columns() {
        if (options_.header && scanner_.skip_blank_line()) {
            scanner_.fail(1, "a blank line where the names of the columns should be");
        }
        CsvScanner ahead = scanner_;  // without names, line 1 is read again as a row
        Heading heading = read_heading(options_.header ? scanner_ : ahead, options_);
        if (!options_.header) {
            for (std::size_t i = 0; i < heading.names.size(); ++i) {
                heading.names[i] = "x" + std::to_string(i + 1);
            }
        } else if (heading.looks_like_data && !scanner_.at_end()) {
            scanner_.fail(1,
                          "line 1 looks like data (" + heading.first_number +
                              "), not like names; read the table without a header, or put the names in quotes",
                          without_header);
        }
        check_names(scanner_, heading.names);
        const std::size_t rows = expected_rows(scanner_.rest(), heading.names.size());
        columns_.reserve(heading.names.size());
        for (std::string& name : heading.names) {
            columns_.emplace_back(std::move(name), options_, missing_, rows);
        }
        table_.lines.reserve(rows);
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
        do {
            if (found < columns_.size()) {
                read_into(columns_[found]);
            } else {
                scanner_.read_cell();
            }
            ++found;
        } while (scanner_.row_goes_on());
        if (found != columns_.size()) {
            scanner_.fail(line, "expected " + counted(columns_.size(), "field") + ", found " + std::to_string(found));
        }
        table_.lines.push_back(line);
    }

    void read_into(ColumnBuilder& column) {
        double value = 0.0;
        std::string_view text;
        if (plain_numbers_ && column.keeps_no_spelling() && scanner_.read_plain_number(value, text)) {
            column.add_number(value, text);
        } else {
            column.add_cell(scanner_.read_cell().text);
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
    MissingTexts missing_;
    bool plain_numbers_;  ///< a cell that scans as a number is one
    std::vector<ColumnBuilder> columns_;
};

}  // namespace

Table read_csv(std::string_view bytes, const std::string& source, const ReadOptions& options) {
    return CsvReader(without_bom(bytes, source), source, options).read();
}

}  // namespace handgrad
