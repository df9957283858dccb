// Counting the fields of the first lines with each delimiter, and taking the one with which they agree.
#include "handgrad/data/table_form.hpp"

#include <algorithm>
#include <optional>
#include <span>

#include "handgrad/base/error.hpp"
#include "handgrad/base/wording.hpp"
#include "handgrad/data/cells.hpp"
#include "handgrad/data/hints.hpp"
#include "handgrad/data/number_like.hpp"

namespace handgrad {
namespace {

constexpr std::size_t sample_bytes = std::size_t{1} << 17U;
constexpr std::size_t sample_rows = 1000;

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_blank(char c) { return c == ' ' || c == '\t'; }

/// One line, or more where quotes hold line ends.
struct Line {
    std::size_t fields = 0;
    std::string_view first = {};  ///< field, without its quotes
    bool first_quoted = false;
    bool last_empty = false;
    std::size_t quoted = 0;  ///< fields
};

/// The lines of a sample, cut at one delimiter outside of quotes.
class SampledLines {
public:
    SampledLines(std::string_view text, char delimiter, char quote)
        : text_(text), delimiter_(delimiter), quote_(quote) {
        while (at_ < text_.size() && lines.size() < sample_rows) {
            if (text_[at_] == '\n' || text_[at_] == '\r') {
                ++at_;
            } else if (text_[at_] == '#') {
                at_ = std::min(text_.find('\n', at_), text_.size());
            } else {
                read_line();
            }
        }
    }

    std::vector<Line> lines = {};
    bool good_quotes = true;  ///< whether each quote that opens a field is closed at its end

private:
    [[nodiscard]] bool at_line_end() const { return at_ >= text_.size() || text_[at_] == '\n'; }
    [[nodiscard]] bool at_delimiter() const {
        return delimiter_ == ' ' ? is_blank(text_[at_]) : text_[at_] == delimiter_;
    }

    void skip_blanks() {
        while (delimiter_ == ' ' && at_ < text_.size() && is_blank(text_[at_])) {
            ++at_;
        }
    }

    void read_line() {
        Line& line = lines.emplace_back();
        skip_blanks();
        while (true) {
            read_field(line);
            if (at_line_end()) {
                break;
            }
            ++at_;  // the delimiter
            skip_blanks();
            const bool blanks_ended_it = delimiter_ == ' ' && (at_line_end() || text_[at_] == '\r');
            if (blanks_ended_it) {
                at_ = std::min(text_.find('\n', at_), text_.size());
                break;
            }
        }
    }

    void read_field(Line& line) {
        const std::size_t start = at_;
        std::string_view content;
        if (delimiter_ != ' ') {
            const std::size_t after = std::min(text_.find_first_not_of(' ', at_), text_.size());
            at_ = after < text_.size() && text_[after] == quote_ ? after : at_;
        }
        const bool quoted = at_ < text_.size() && text_[at_] == quote_;
        if (quoted) {
            content = quoted_content();
        }
        while (!at_line_end() && !at_delimiter()) {
            good_quotes = good_quotes && (!quoted || text_[at_] == '\r');
            ++at_;
        }
        std::string_view field = text_.substr(start, at_ - start);
        if (field.ends_with('\r')) {
            field.remove_suffix(1);
        }
        line.last_empty = field.empty();
        line.quoted += quoted ? 1 : 0;
        if (line.fields++ == 0) {
            line.first = quoted ? content : field;
            line.first_quoted = quoted;
        }
    }

    std::string_view quoted_content() {
        const std::size_t start = ++at_;
        while (true) {
            at_ = text_.find(quote_, at_);
            if (at_ == std::string_view::npos) {
                at_ = text_.size();
                good_quotes = false;
                return text_.substr(start);
            }
            if (at_ + 1 < text_.size() && text_[at_ + 1] == quote_) {
                at_ += 2;
                continue;
            }
            return text_.substr(start, at_++ - start);
        }
    }

    std::string_view text_;
    char delimiter_;
    char quote_;
    std::size_t at_ = 0;
};

/// What the lines are with one delimiter.
struct Fit {
    char delimiter;
    bool agrees = false;  ///< all lines have two fields or more, and as many as the first
    bool trailing_delimiter = false;
    bool unnamed_first = false;
    std::size_t agreeing = 0;  ///< rows with as many fields as line 1, when that has two or more
};

/// Whether the first fields can be the names of rows: each there once, and quoted, or texts, or 0/1 … n in order.
bool are_row_names(const std::vector<Line>& lines) {
    std::vector<std::string_view> names;
    bool quoted = true, numbers = true, in_order = true;
    for (std::size_t i = 1; i < lines.size(); ++i) {
        const std::string_view first = lines[i].first;
        names.push_back(first);
        quoted = quoted && lines[i].first_quoted;
        const ParsedNumber number = parse_number(first);
        numbers = numbers && number.problem == NumberProblem::none;
        const double start = i == 1 ? number.value : parse_number(names.front()).value;
        in_order = in_order && (start == 0 || start == 1) && number.value == start + static_cast<double>(i - 1);
    }
    std::ranges::sort(names);
    const bool different = std::ranges::adjacent_find(names) == names.end();
    return different && !names.empty() && (quoted || !numbers || in_order);
}

Fit fit_of(std::string_view text, char delimiter, char quote, bool header) {
    Fit fit{.delimiter = delimiter};
    const SampledLines sample(text, delimiter, quote);
    const std::vector<Line>& lines = sample.lines;
    if (lines.empty()) {
        return fit;
    }
    const std::size_t names = lines.front().fields;
    const std::size_t width = lines.back().fields;
    const auto rest = std::span(lines).subspan(header ? 1 : 0);
    const bool same = std::ranges::all_of(rest, [&](const Line& line) { return line.fields == width; });
    const bool all_end_empty = std::ranges::all_of(rest, &Line::last_empty) && !rest.empty() && delimiter != ' ';
    fit.agreeing = names < 2 ? 0 : static_cast<std::size_t>(std::ranges::count_if(rest, [&](const Line& line) {
        return line.fields == names;
    }));
    if (!same) {
        return fit;
    }
    if (names == width) {
        fit.trailing_delimiter = all_end_empty && width > 1 && (lines.front().last_empty || !header);
        fit.agrees = names - (fit.trailing_delimiter ? 1 : 0) >= 2;
    } else if (header && names + 1 == width && all_end_empty) {
        fit.trailing_delimiter = true;
        fit.agrees = names >= 2;
    } else if (header && names + 1 == width && names >= 2) {
        fit.unnamed_first = fit.agrees = are_row_names(lines);
    }
    return fit;
}

std::string name_of(char delimiter) {
    switch (delimiter) {
        case ',':
            return "commas";
        case ';':
            return "semicolons";
        case '\t':
            return "tabs";
        case '|':
            return "vertical bars";
        case ' ':
            return "blanks";
        default:
            return in_quotes({&delimiter, 1});
    }
}

/// By the extension of the file's name: a tab or a comma; a semicolon where the comma is the decimal sign.
char usual_delimiter(std::string_view name, char decimal) {
    if (name.ends_with(".gz")) {
        name.remove_suffix(3);
    }
    if (name.ends_with(".tsv") || name.ends_with(".txt")) {
        return '\t';
    }
    return decimal == ',' ? ';' : ',';
}

}  // namespace

void check_marks(const ReadOptions& options) {
    if (options.decimal != 0 && options.decimal != '.' && options.decimal != ',') {
        throw Error(ErrorKind::usage, "the decimal mark must be '.' or ',', not " + in_quotes({&options.decimal, 1}));
    }
    const char thousands = options.thousands;
    if (thousands != 0 && std::string_view(",.' _").find(thousands) == std::string_view::npos) {
        throw Error(ErrorKind::usage, in_quotes({&thousands, 1}) +
                                          " cannot divide thousands; what can is a comma, a "
                                          "point, an apostrophe, an underscore or a blank");
    }
    if (thousands != 0 && thousands == options.decimal) {
        throw Error(ErrorKind::usage, "thousands and decimals are both divided by " + in_quotes({&thousands, 1}) +
                                          "; choose another decimal sign")
            .about("decimal");
    }
    const char delimiter = options.delimiter;
    if (delimiter == 0) {
        return;
    }
    if (delimiter == options.decimal) {
        throw Error(ErrorKind::usage, "the delimiter and the decimal mark are both " + in_quotes({&delimiter, 1}) +
                                          "; choose another delimiter")
            .about("delimiter");
    }
    const bool in_numbers = is_digit(delimiter) || delimiter == '+' || delimiter == '-' || delimiter == '.';
    const bool letter = (delimiter >= 'a' && delimiter <= 'z') || (delimiter >= 'A' && delimiter <= 'Z');
    if (in_numbers || letter || delimiter == '"' || delimiter == '\n' || delimiter == '\r' || delimiter == '#') {
        throw Error(ErrorKind::usage, in_quotes({&delimiter, 1}) + " cannot be the delimiter of a table");
    }
}

namespace {

/// What the cells of a sample that look like numbers tell of a sign: comma or point.
struct SignUse {
    std::size_t decimals = 0;                   ///< cells in which it can only stand before decimals
    std::size_t thousands = 0;                  ///< … only between thousands
    std::size_t either = 0;                     ///< … as 1.200 has it
    std::vector<UndecidedColumn> columns = {};  ///< with the first of these
};
struct NumberSigns {
    SignUse comma, point;
};

/// 1.200, 12.345.678: one to three digits, then groups of three.
bool may_be_thousands(std::string_view body, char sign) {
    return LooksLikeNumber{.body = std::string(body)}.value({sign, sign == ',' ? '.' : ','}).has_value();
}

void count_sign(std::string_view cell, std::size_t column, const LooksLikeNumber& look, char sign, SignUse& use) {
    const auto times = std::ranges::count(look.body, sign);
    if (times == 0) {
        return;
    }
    const bool thousands = may_be_thousands(look.body, sign);
    const bool decimals = times == 1;
    use.either += thousands && decimals ? 1 : 0;
    use.thousands += thousands && !decimals ? 1 : 0;
    use.decimals += decimals && !thousands ? 1 : 0;
    const bool known = std::ranges::find(use.columns, column, &UndecidedColumn::column) != use.columns.end();
    if (thousands && decimals && !known) {
        use.columns.push_back({column, std::string(cell)});
    }
}

NumberSigns number_signs(std::string_view text, char delimiter) {
    NumberSigns signs;
    std::size_t column = 0;
    for (std::size_t start = 0; start < text.size();) {
        const std::size_t end = std::min(text.find_first_of(std::string{delimiter, '\n'}, start), text.size());
        std::string_view cell = trimmed(text.substr(start, end - start));
        if (cell.size() >= 2 && cell.front() == '"' && cell.back() == '"') {
            cell = cell.substr(1, cell.size() - 2);
        }
        if (const std::optional<LooksLikeNumber> look = looks_like_number(cell)) {
            count_sign(cell, column, *look, ',', signs.comma);
            count_sign(cell, column, *look, '.', signs.point);
        }
        ++column;
        if (end < text.size() && text[end] == '\n') {
            column = 0;
        }
        start = end + 1;
    }
    return signs;
}

/// Finds each part of the form in turn.
class FormFinder {
public:
    FormFinder(std::string_view text, const std::string& source, const ReadOptions& options)
        : text_(text), source_(source), options_(options) {}

    TableForm find() {
        check_marks(options_);
        char given = options_.delimiter;
        skip_lines_above(given);
        cut_sample();
        form_.quote = quote(given);
        const Fit fit = given == 0 ? find_fit() : fit_of(text_, given, form_.quote, has_names());
        form_.delimiter = fit.delimiter;
        form_.trailing_delimiter = fit.trailing_delimiter;
        form_.unnamed_first = fit.unnamed_first;
        form_.decimal = decimal();
        remark(given);
        return form_;
    }

private:
    [[nodiscard]] bool has_names() const { return options_.header && !form_.names_behind_hash; }

    /// The line at the front of text_, which is left there.
    [[nodiscard]] std::string_view front_line() const {
        std::string_view line = text_.substr(0, text_.find('\n'));
        if (line.ends_with('\r')) {
            line.remove_suffix(1);
        }
        return line;
    }
    void skip_line() {
        text_.remove_prefix(std::min(text_.size(), front_line().size()));
        text_.remove_prefix(std::min(text_.size(), std::min(text_.find('\n'), text_.size()) + 1));
        ++form_.lines_above;
    }

    void skip_lines_above(char& given) {
        std::string_view first = front_line();
        if (first.starts_with('"') && first.ends_with('"') && first.size() >= 2) {
            first = first.substr(1, first.size() - 2);
        }
        if (first.size() == 5 && lower_case(first.substr(0, 4)) == "sep=") {
            skip_line();
            form_.remarks.push_back(name_of(first[4]) + " between fields, as its first line says");
            given = given == 0 ? first[4] : given;
        }
        std::string_view last_comment;
        std::size_t comments = 0;
        while (text_.starts_with('#')) {
            last_comment = front_line();
            skip_line();
            ++comments;
        }
        if (comments == 0) {
            return;
        }
        form_.names_behind_hash = options_.header && names_of_numbers(last_comment, given);
        comments -= form_.names_behind_hash ? 1 : 0;
        if (form_.names_behind_hash) {
            form_.remarks.emplace_back("names behind a #");
        }
        if (comments > 0) {
            form_.remarks.push_back(plural(comments, "comment line") + " left out");
        }
    }

    /// Whether a comment names the columns of a table that begins with numbers, as NumPy's savetxt writes it.
    [[nodiscard]] bool names_of_numbers(std::string_view comment, char given) const {
        const std::string_view names = comment.substr(std::min(comment.find_first_not_of("# "), comment.size()));
        for (const char delimiter : {given == 0 ? ',' : given, ';', '\t', '|', ' '}) {
            const SampledLines row(front_line(), delimiter, '"'), named(names, delimiter, '"');
            if (row.lines.size() != 1 || named.lines.size() != 1) {
                continue;
            }
            const std::size_t fields = row.lines.front().fields;
            const bool numbers = parse_number(row.lines.front().first).problem == NumberProblem::none;
            const bool named_by_number = parse_number(named.lines.front().first).problem == NumberProblem::none;
            if (fields >= 2 && fields == named.lines.front().fields && numbers && !named_by_number) {
                return true;
            }
        }
        return false;
    }

    void cut_sample() {
        if (text_.size() <= sample_bytes) {
            return;
        }
        text_ = text_.substr(0, sample_bytes);
        const std::size_t end = text_.rfind('\n');
        text_ = end == std::string_view::npos ? text_ : text_.substr(0, end + 1);
    }

    /// An apostrophe where every line has a field in apostrophes, and none has one in double quotes.
    [[nodiscard]] char quote(char given) const {
        if (text_.find('"') != std::string_view::npos || text_.find('\'') == std::string_view::npos) {
            return '"';
        }
        for (const char delimiter : {given == 0 ? ',' : given, ';', '\t', '|', ' '}) {
            const SampledLines sample(text_, delimiter, '\'');
            const bool everywhere = std::ranges::all_of(sample.lines, [](const Line& line) { return line.quoted > 0; });
            const bool names = !sample.lines.empty() && sample.lines.front().fields > 1 &&
                               sample.lines.front().quoted == sample.lines.front().fields;
            if (sample.good_quotes && !sample.lines.empty() && (everywhere || names)) {
                return '\'';
            }
        }
        return '"';
    }

    [[nodiscard]] Fit find_fit() const {
        const char usual = usual_delimiter(source_, options_.decimal);
        std::vector<Fit> agreeing, all;
        for (const char delimiter : {',', ';', '\t', '|'}) {
            if (delimiter == options_.decimal) {
                continue;
            }
            all.push_back(fit_of(text_, delimiter, form_.quote, has_names()));
            if (all.back().agrees) {
                agreeing.push_back(all.back());
            }
        }
        const auto with_tabs = std::ranges::find(agreeing, '\t', &Fit::delimiter);  // which no text has by chance
        if (with_tabs != agreeing.end()) {
            return *with_tabs;
        }
        if (agreeing.size() > 1) {
            refuse_to_choose(agreeing);
        }
        if (agreeing.size() == 1) {
            return agreeing.front();
        }
        const Fit blanks = fit_of(text_, ' ', form_.quote, has_names());
        const auto nearest = std::ranges::max_element(all, {}, &Fit::agreeing);
        if (blanks.agrees && nearest->agreeing == 0) {
            return blanks;
        }
        if (nearest->agreeing > 0) {
            return {.delimiter = nearest->delimiter};
        }
        if (options_.decimal == ',') {
            const Fit commas = fit_of(text_, ',', form_.quote, has_names());
            const bool quotes = text_.find('"') != std::string_view::npos;  // where numbers may stand
            if (commas.agrees && (quotes || options_.thousands == '.')) {
                return commas;
            }
            refuse_two_uses(commas);
        }
        return {.delimiter = usual};
    }

    [[noreturn]] void refuse_to_choose(const std::vector<Fit>& agreeing) const {
        std::string forms;
        for (const Fit& fit : agreeing) {
            add_item(forms, " and ", name_of(fit.delimiter));
        }
        fail_about(ErrorKind::data,
                   source_ + ": " + forms + " both divide every line into as many fields; say which do",
                   {{"delimiter"}});
    }

    void refuse_two_uses(const Fit& commas) const {
        if (commas.agrees) {
            fail_about(ErrorKind::data,
                       source_ +
                           ": commas divide the fields of every line, so they cannot be decimal signs too; read "
                           "it with decimal points",
                       {{"decimal", "."}});
        }
    }

    /// Where semicolons divide the fields, commas are decimal signs unless the cells speak against it.
    [[nodiscard]] char decimal() {
        if (options_.decimal != 0) {
            return options_.decimal;
        }
        if (options_.thousands == '.' || options_.thousands == ',') {
            return options_.thousands == '.' ? ',' : '.';
        }
        if (form_.delimiter != ';') {
            return '.';
        }
        const auto& [comma, point] = number_signs(text_, form_.delimiter);
        if (point.decimals > 0) {
            return '.';
        }
        if (comma.decimals > 0 || point.thousands > 0) {
            return ',';
        }
        const bool thousands_of_commas = comma.thousands > 0 || comma.either > 0;
        if (!thousands_of_commas) {  // else the points are decimal ones
            form_.undecided = point.columns;
        }
        return '.';
    }

    void remark(char given) {
        const char usual = usual_delimiter(source_, options_.decimal);
        if (given == 0 && form_.delimiter != usual) {
            form_.remarks.push_back(name_of(form_.delimiter) + " between fields");
        }
        if (options_.decimal == 0 && form_.decimal == ',') {
            form_.remarks.emplace_back("decimal commas");
        }
        if (form_.quote == '\'') {
            form_.remarks.emplace_back("texts in single quotes");
        }
        if (form_.trailing_delimiter) {
            form_.remarks.emplace_back("a delimiter at the end of every line, left out");
        }
        if (form_.unnamed_first) {
            form_.remarks.emplace_back("a first column without a name");
        }
    }

    std::string_view text_;
    const std::string& source_;
    const ReadOptions& options_;
    TableForm form_;
};

}  // namespace

TableForm find_form(std::string_view text, const std::string& source, const ReadOptions& options) {
    return FormFinder(text, source, options).find();
}

}  // namespace handgrad
