// First every way of writing becomes one in ASCII (Plain), then a small grammar reads numbers from the left.
#include "handgrad/compare/written_number.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <utility>

#include "handgrad/base/utf8.hpp"
#include "handgrad/data/table.hpp"

namespace handgrad::compare {
namespace {

// Signs of the plain form that no text has.
constexpr char thin = '\x1E';          // a narrow blank: between groups of three digits, or a blank
constexpr char sure_comma = '\x1D';    // TeX's {,}: a decimal comma and nothing else
constexpr char and_fraction = '\x1F';  // 1½: a whole number and what is added to it

struct Replacement {
    std::string_view from, to;
};
/// The first that fits is taken, so longer ones stand before shorter ones. Braces vanish last: they group only.
constexpr std::array replacements{Replacement{"\u2212", "-"},
                                  Replacement{"\u2010", "-"},
                                  Replacement{"\u2011", "-"},
                                  Replacement{"\u2012", "-"},
                                  Replacement{"\u2013", "-"},
                                  Replacement{"\u2014", "-"},
                                  Replacement{"\uFE63", "-"},
                                  Replacement{"\u02D7", "-"},
                                  Replacement{"\u00D7", "*"},
                                  Replacement{"\u00B7", "*"},
                                  Replacement{"\u22C5", "*"},
                                  Replacement{"\u2219", "*"},
                                  Replacement{"\u2022", "*"},
                                  Replacement{"\u2715", "*"},
                                  Replacement{"\u2044", "/"},
                                  Replacement{"\u2215", "/"},
                                  Replacement{"\u00BD",
                                              "\x1F"
                                              "1/2"},
                                  Replacement{"\u00BC",
                                              "\x1F"
                                              "1/4"},
                                  Replacement{"\u00BE",
                                              "\x1F"
                                              "3/4"},
                                  Replacement{"\u2153",
                                              "\x1F"
                                              "1/3"},
                                  Replacement{"\u2154",
                                              "\x1F"
                                              "2/3"},
                                  Replacement{"\u2155",
                                              "\x1F"
                                              "1/5"},
                                  Replacement{"\u2156",
                                              "\x1F"
                                              "2/5"},
                                  Replacement{"\u2157",
                                              "\x1F"
                                              "3/5"},
                                  Replacement{"\u2158",
                                              "\x1F"
                                              "4/5"},
                                  Replacement{"\u2159",
                                              "\x1F"
                                              "1/6"},
                                  Replacement{"\u215A",
                                              "\x1F"
                                              "5/6"},
                                  Replacement{"\u215B",
                                              "\x1F"
                                              "1/8"},
                                  Replacement{"\u215C",
                                              "\x1F"
                                              "3/8"},
                                  Replacement{"\u215D",
                                              "\x1F"
                                              "5/8"},
                                  Replacement{"\u215E",
                                              "\x1F"
                                              "7/8"},
                                  Replacement{"\u066B", "\x1D"},
                                  Replacement{"\u066C", "\x1E"},
                                  Replacement{"\u2026", "..."},
                                  Replacement{"\\ldots", "..."},
                                  Replacement{"\\dots", "..."},
                                  Replacement{"\u00A0", "\x1E"},
                                  Replacement{"\u202F", "\x1E"},
                                  Replacement{"\u2009", "\x1E"},
                                  Replacement{"\u2005", "\x1E"},
                                  Replacement{"\u2006", "\x1E"},
                                  Replacement{"\u2007", "\x1E"},
                                  Replacement{"\u2008", "\x1E"},
                                  Replacement{"\u200A", "\x1E"},
                                  Replacement{"\u205F", "\x1E"},
                                  Replacement{"'", "\x1E"},
                                  Replacement{"\u2019", "\x1E"},
                                  Replacement{"\\,", "\x1E"},
                                  Replacement{"~", "\x1E"},
                                  Replacement{"\u2002", " "},
                                  Replacement{"\u2003", " "},
                                  Replacement{"\u3000", " "},
                                  Replacement{"\t", " "},
                                  Replacement{"\u200B", ""},
                                  Replacement{"\u200E", ""},
                                  Replacement{"\u200F", ""},
                                  Replacement{"\u2060", ""},
                                  Replacement{"\uFEFF", ""},
                                  Replacement{"\u2248", ""},
                                  Replacement{"\\approx", ""},
                                  Replacement{"\\left", ""},
                                  Replacement{"\\right", ""},
                                  Replacement{"\\num", ""},
                                  Replacement{"\\mathbf", ""},
                                  Replacement{"\\mathrm", ""},
                                  Replacement{"\\boldsymbol", ""},
                                  Replacement{"\\textbf", ""},
                                  Replacement{"\\ensuremath", ""},
                                  Replacement{"\\cdot", "*"},
                                  Replacement{"\\times", "*"},
                                  Replacement{"\\quad", " "},
                                  Replacement{"\\qquad", " "},
                                  Replacement{"\\\\", ";"},
                                  Replacement{"\\ ", " "},
                                  Replacement{"\\;", " "},
                                  Replacement{"\\:", " "},
                                  Replacement{"\\!", ""},
                                  Replacement{"\\(", ""},
                                  Replacement{"\\)", ""},
                                  Replacement{"\\-", "-"},
                                  Replacement{"&", ";"},
                                  Replacement{"|", ";"},
                                  Replacement{"$", ""},
                                  Replacement{"{,}", "\x1D"},
                                  Replacement{"{", ""},
                                  Replacement{"}", ""},
                                  Replacement{"\"", ""},
                                  Replacement{"`", ""}};

/// In the order of their values; the minus and plus behind them.
constexpr std::array<std::string_view, 12> raised{"\u2070", "\u00B9", "\u00B2", "\u00B3", "\u2074", "\u2075",
                                                  "\u2076", "\u2077", "\u2078", "\u2079", "\u207B", "\u207A"};
constexpr std::string_view raised_as = "0123456789-+";

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_blank(char c) { return c == ' ' || c == '\r' || c == '\n'; }

/// A text in the plain form, and where in the text each byte of it comes from.
struct Plain {
    std::string text;
    std::vector<std::size_t> from;

    void add(std::string_view more, std::size_t at) {
        text += more;
        from.resize(text.size(), at);
    }
};

/// `{1}`, `1`: what one argument of a TeX command says, taken from the front.
std::optional<std::string_view> take_argument(std::string_view& text) {
    text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
    if (text.empty()) {
        return std::nullopt;
    }
    const std::size_t close = text.find('}');
    const bool braces = text.front() == '{';
    if (braces && close == std::string_view::npos) {
        return std::nullopt;
    }
    std::string_view argument = text.substr(0, 1);
    if (braces) {
        argument = text.substr(1, close - 1);
    }
    text.remove_prefix(1);
    if (braces) {
        text.remove_prefix(close);
    }
    return argument;
}

/// `\frac{3}{4}` as a fraction behind a whole number or none; how many bytes it takes, 0 if it is none.
std::size_t add_tex_fraction(std::string_view text, std::size_t at, Plain& to) {
    for (const std::string_view command : {"\\frac", "\\tfrac", "\\dfrac", "\\sfrac", "\\nicefrac"}) {
        std::string_view rest = text.substr(at);
        if (!rest.starts_with(command)) {
            continue;
        }
        rest.remove_prefix(command.size());
        const std::optional<std::string_view> above = take_argument(rest);
        const std::optional<std::string_view> below = take_argument(rest);
        if (above && below) {
            to.add(std::string(1, and_fraction) + std::string(*above) + "/" + std::string(*below), at);
            return text.size() - at - rest.size();
        }
    }
    return 0;
}

/// `⁻³` as `^-3`.
std::size_t add_raised(std::string_view text, std::size_t at, Plain& to) {
    std::size_t bytes = 0;
    std::string power;
    for (std::size_t k = 0; k < raised.size();) {
        if (text.substr(at + bytes).starts_with(raised[k])) {
            power += raised_as[k];
            bytes += raised[k].size();
            k = 0;
        } else {
            ++k;
        }
    }
    if (bytes > 0) {
        to.add("^" + power, at);
    }
    return bytes;
}

/// A digit of another script, a full-width letter or sign; how many bytes it takes, 0 if it is none.
std::size_t add_narrowed(std::string_view text, std::size_t at, Plain& to) {
    const std::string narrow = narrowed(text.substr(at, 3));
    std::size_t bytes = 2;  // Arabic digits take two bytes, full-width forms three
    if (static_cast<unsigned char>(text[at]) == 0xEFU) {
        bytes = 3;
    }
    if (narrow.size() + bytes - 1 != std::min<std::size_t>(3, text.size() - at)) {
        return 0;
    }
    to.add(narrow.substr(0, 1), at);
    return bytes;
}

/// `**` is a power between a number and an exponent; elsewhere Markdown's bold, which is left out.
std::size_t add_stars(std::string_view text, std::size_t at, Plain& to) {
    if (!text.substr(at).starts_with("**")) {
        return 0;
    }
    std::size_t end = at;
    while (end < text.size() && text[end] == '*') {
        ++end;
    }
    const bool behind_number = at > 0 && (is_digit(text[at - 1]) || text[at - 1] == ')');
    const bool before_number = end < text.size() && text[end] != ' ' && text[end] != ',' && text[end] != ';';
    if (end == at + 2 && behind_number && before_number) {
        to.add("^", at);
    }
    return end - at;
}

std::size_t add_replaced(std::string_view text, std::size_t at, Plain& to) {
    if (is_digit(text[at])) {
        to.add(text.substr(at, 1), at);
        return 1;
    }
    if (const std::size_t stars = add_stars(text, at, to); stars > 0) {
        return stars;
    }
    for (const Replacement& replacement : replacements) {
        if (text.substr(at).starts_with(replacement.from)) {
            to.add(replacement.to, at);
            return replacement.from.size();
        }
    }
    to.add(text.substr(at, 1), at);
    return 1;
}

Plain plain_of(std::string_view text) {
    Plain result;
    for (std::size_t at = 0; at < text.size();) {
        std::size_t bytes = 0;
        if (text[at] == '\\') {
            bytes = add_tex_fraction(text, at, result);
        } else if ((static_cast<unsigned char>(text[at]) & 0x80U) != 0) {
            bytes = add_raised(text, at, result);
            if (bytes == 0) {
                bytes = add_narrowed(text, at, result);
            }
        }
        if (bytes == 0) {
            bytes = add_replaced(text, at, result);
        }
        at += bytes;
    }
    result.from.push_back(text.size());
    return result;
}

/// How a row is cut.
struct Habits {
    bool comma_before_decimals = false;  ///< else commas part cells
    bool thin_in_numbers = true;         ///< else narrow blanks part cells
};

/// Digits with at most one mark before decimals.
struct Digits {
    std::string text;  ///< as parse_number() takes them
    std::ptrdiff_t decimals = 0;
    bool comma = false;
    bool sure = false;  ///< the comma cannot part thousands
};

class Scanner {
public:
    Scanner(const Plain& plain, Habits habits) : text_(plain.text), habits_(habits) {}

    /// The number that begins at `at`, which moves behind it; none and `at` where it was if there is none.
    std::optional<WrittenNumber> number(std::size_t& at) const {
        std::size_t end = at;
        const bool bracket = take(end, '(');
        std::optional<WrittenNumber> result = signed_number(end);
        if (bracket && !take(end, ')')) {
            return std::nullopt;
        }
        if (result) {
            at = end;
        }
        return result;
    }

private:
    [[nodiscard]] char peek(std::size_t at) const {
        if (at < text_.size()) {
            return text_[at];
        }
        return '\0';
    }
    bool take(std::size_t& at, char c) const {
        if (peek(at) != c) {
            return false;
        }
        ++at;
        return true;
    }
    [[nodiscard]] std::size_t behind_blanks(std::size_t at) const {
        while (is_blank(peek(at)) || peek(at) == thin) {
            ++at;
        }
        return at;
    }
    /// -1 or 1, with the blanks behind the sign.
    double sign(std::size_t& at) const {
        double factor = 1.0;
        if (peek(at) == '-') {
            factor = -1.0;
        }
        if (peek(at) == '-' || peek(at) == '+') {
            at = behind_blanks(at + 1);
        }
        return factor;
    }

    std::optional<WrittenNumber> signed_number(std::size_t& at) const {
        const double factor = sign(at);
        std::optional<WrittenNumber> result;
        if (peek(at) == and_fraction) {
            result = fraction_behind(0.0, at);
        } else {
            result = decimal(at);
        }
        if (result) {
            result->value *= factor;
        }
        return result;
    }

    [[nodiscard]] bool in_digits(char c) const {
        return is_digit(c) || c == '.' || c == sure_comma || (c == thin && habits_.thin_in_numbers) ||
               (c == ',' && habits_.comma_before_decimals);
    }

    /// Digits, groups of three, a mark before decimals, as far as they make a number.
    std::optional<Digits> digits(std::size_t& at) const {
        constexpr std::size_t longest = 80;  // no hand writes more, and a hostile one gains nothing
        std::size_t end = at;
        while (in_digits(peek(end)) && end - at < longest) {
            ++end;
        }
        while (end > at) {
            // A comma or blank at the end belongs to what comes next.
            while (end > at && !is_digit(text_[end - 1]) && text_[end - 1] != '.') {
                --end;
            }
            if (std::optional<Digits> result = digits_of(text_.substr(at, end - at))) {
                at = end;
                return result;
            }
            if (text_[end - 1] == '.') {  // a full stop behind the number, or the dots of one that goes on
                --end;
                continue;
            }
            const std::size_t blank = text_.substr(at, end - at).rfind(thin);
            if (blank == std::string_view::npos) {
                return std::nullopt;
            }
            end = at + blank;
        }
        return std::nullopt;
    }

    /// The whole of `run`, or none.
    static std::optional<Digits> digits_of(std::string_view run) {
        const auto count = [&](char c) { return std::ranges::count(run, c); };
        const auto points = count('.'), commas = count(','), sure = count(sure_comma);
        std::size_t mark = std::string_view::npos;  // before the decimals
        std::string groups(1, thin);                // what may part groups of three
        if (sure > 1 || (sure == 1 && points + commas > 0)) {
            return std::nullopt;
        }
        if (sure == 1) {
            mark = run.find(sure_comma);
        } else if (points > 0 && commas > 0) {  // 1,234.5 or 1.234,5: the last one
            mark = run.find_last_of(".,");
            groups += run[run.find_first_of(".,")];
        } else if (points + commas > 1) {  // 1.234.567
            groups += run[run.find_first_of(".,")];
        } else if (points + commas == 1) {
            mark = run.find_first_of(".,");
        }
        const std::string_view whole = run.substr(0, mark);
        std::string_view rest;
        Digits result;
        if (mark != std::string_view::npos) {
            rest = run.substr(mark + 1);
            result.comma = run[mark] != '.';
        }
        const std::optional<std::string> before = without_groups(whole, groups, false);
        const std::optional<std::string> behind = without_groups(rest, std::string(1, thin), true);
        if (!before || !behind || before->size() + behind->size() == 0) {
            return std::nullopt;
        }
        result.decimals = static_cast<std::ptrdiff_t>(behind->size());
        result.sure =
            sure == 1 || rest.size() != 3 || whole.empty() || whole.size() > 3 || whole.front() == '0' || points > 0;
        result.text = "0" + *before + "." + *behind + "0";
        return result;
    }

    /// The digits of groups of three; only the first (of decimals the last) may be shorter.
    static std::optional<std::string> without_groups(std::string_view part, std::string_view marks, bool decimals) {
        std::string digits;
        std::vector<std::size_t> sizes{0};
        for (const char c : part) {
            if (is_digit(c)) {
                digits += c;
                ++sizes.back();
            } else if (marks.find(c) != std::string_view::npos) {
                sizes.push_back(0);
            } else {
                return std::nullopt;
            }
        }
        if (sizes.size() == 1) {
            return digits;
        }
        std::size_t odd = 0;
        if (decimals) {
            odd = sizes.size() - 1;
        }
        for (std::size_t g = 0; g < sizes.size(); ++g) {
            if (sizes[g] == 0 || sizes[g] > 3 || (g != odd && sizes[g] != 3)) {
                return std::nullopt;
            }
        }
        return digits;
    }

    std::optional<WrittenNumber> decimal(std::size_t& at) const {
        std::size_t end = at;
        const std::optional<Digits> mantissa = digits(end);
        if (!mantissa) {
            return std::nullopt;
        }
        const bool whole = mantissa->decimals == 0;
        if (whole && peek(end) == and_fraction) {
            const ParsedNumber number = parse_number(mantissa->text);
            std::optional<WrittenNumber> mixed = fraction_behind(number.value, end);
            if (mixed) {
                at = end;
            }
            return mixed;
        }
        std::ptrdiff_t power = 0;
        std::string text = mantissa->text;
        if (whole && mantissa->text == "010.0" && peek(end) == '^') {  // 10^-3 alone
            text = "1.0";
            const std::optional<std::ptrdiff_t> raised_to = exponent(++end);
            if (!raised_to) {
                return std::nullopt;
            }
            power = *raised_to;
        } else if (!take_power(end, power)) {
            return std::nullopt;
        }
        const ParsedNumber parsed = parse_number(text + "e" + std::to_string(power));
        if (parsed.problem == NumberProblem::not_a_number || parsed.problem == NumberProblem::out_of_range) {
            return std::nullopt;
        }
        WrittenNumber result{.value = parsed.value,
                             .unit = std::pow(10.0, static_cast<double>(power - mantissa->decimals)),
                             .decimal_comma = mantissa->comma && mantissa->sure,
                             .thousands = mantissa->comma && !mantissa->sure};
        if (!take_divisor(end, result)) {
            return std::nullopt;
        }
        at = end;
        return result;
    }

    /// `e-3`, Fortran's `D-3`, `*10^-3`, `x 10^(-3)`, or nothing; false where it begins and does not end so.
    bool take_power(std::size_t& at, std::ptrdiff_t& power) const {
        std::size_t end = at;
        if (std::string_view("eEdD").find(peek(end)) != std::string_view::npos && peek(end) != '\0') {
            const std::optional<std::ptrdiff_t> shown = exponent(++end);
            power = shown.value_or(0);
            at = end;
            return shown.has_value();
        }
        end = behind_blanks(end);
        const char times = peek(end);
        if (times != '*' && times != 'x' && times != 'X') {
            return true;
        }
        end = behind_blanks(end + 1);
        if (!text_.substr(end).starts_with("10^")) {
            return false;
        }
        const std::optional<std::ptrdiff_t> shown = exponent(end += 3);
        power = shown.value_or(0);
        at = end;
        return shown.has_value();
    }

    std::optional<std::ptrdiff_t> exponent(std::size_t& at) const {
        const bool bracket = take(at, '(');
        const double factor = sign(at);
        const std::size_t first = at;
        while (is_digit(peek(at))) {
            ++at;
        }
        std::ptrdiff_t power = 0;
        const auto read = std::from_chars(text_.data() + first, text_.data() + at, power);
        constexpr std::ptrdiff_t beyond_any_double = 5000;
        if (read.ec != std::errc() || power > beyond_any_double || (bracket && !take(at, ')'))) {
            return std::nullopt;
        }
        return static_cast<std::ptrdiff_t>(factor) * power;
    }

    /// `/ 4` behind a number without a power: all digits of a fraction are there.
    bool take_divisor(std::size_t& at, WrittenNumber& number) const {
        std::size_t end = behind_blanks(at);
        if (peek(end) != '/') {
            return true;
        }
        end = behind_blanks(end + 1);
        const double factor = sign(end);
        const std::optional<Digits> below = digits(end);
        if (!below) {
            return false;
        }
        const double divisor = parse_number(below->text).value;
        if (divisor == 0.0) {
            return false;
        }
        number.value *= factor / divisor;
        number.unit = 0.0;
        at = end;
        return true;
    }

    /// whole + 3/4.
    std::optional<WrittenNumber> fraction_behind(double whole, std::size_t& at) const {
        std::size_t end = behind_blanks(at + 1);
        const double factor = sign(end);
        std::optional<WrittenNumber> part;
        if (const std::optional<Digits> above = digits(end)) {
            part = WrittenNumber{.value = parse_number(above->text).value, .unit = 1.0};
        }
        if (!part || !take_divisor(end, *part) || part->unit != 0.0) {
            return std::nullopt;
        }
        part->value = whole + factor * part->value;
        at = end;
        return part;
    }

    std::string_view text_;
    Habits habits_;
};

/// Nothing, underscores, dashes, dots or question marks alone.
bool is_left_blank(std::string_view text) { return text.find_first_not_of(" _-?.\x1E\r\n") == std::string_view::npos; }

/// A cell, and where in the plain text it stands.
struct Piece {
    WrittenCell cell;
    std::size_t first, end;
};

class RowReader {
public:
    RowReader(std::string_view row, const Plain& plain, Habits habits)
        : row_(row), plain_(plain), text_(plain.text), scanner_(plain, habits) {}

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
            std::optional<WrittenNumber> number = scanner_.number(at);
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
        const std::optional<WrittenNumber> number = scanner_.number(at);
        if (number && behind("._ \r\n\x1E", at) >= end) {
            return {.number = number, .text = {}};
        }
        return text_cell(first, end);
    }

    std::string_view row_;
    const Plain& plain_;
    std::string_view text_;
    Scanner scanner_;
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

enum class CommaUse { open, before_decimals, ambiguous };

/// Commas right behind and before digits, `0,5` or `1,2`: whether they stand before decimals or part cells. Where cells
/// are parted by blanks anywhere they stand before decimals; else as many do as the count of cells asks for, if there
/// is one way alone to choose them. The others become blanks.
class CommaSettler {
public:
    CommaSettler(std::string& text, std::size_t count) : text_(text), count_(count) {}

    CommaUse settle() {
        look_at_commas();
        if (doubtful_lead_ && !leading_) {
            return CommaUse::ambiguous;  // `1 ,2 ,3`
        }
        if (tight_.empty()) {
            return leading_ ? CommaUse::before_decimals : CommaUse::open;
        }
        if (leading_ || cells_led_ || parted_by_blanks()) {
            return CommaUse::before_decimals;
        }
        const std::size_t apart = all_ + 1;  // cells, if every comma parts two
        if (apart <= count_) {
            return CommaUse::open;
        }
        return choose(apart - count_);
    }

private:
    [[nodiscard]] char at(std::size_t k) const { return k < text_.size() ? text_[k] : '\0'; }

    void look_at_commas() {
        const std::size_t begin = std::min(text_.find_first_not_of(" \r\n\x1E"), text_.size());
        for (std::size_t k = begin; k < text_.size(); ++k) {
            if (text_[k] != ',') {
                continue;
            }
            char before = ' ';
            if (k > begin) {
                before = text_[k - 1];
            }
            const std::size_t word = text_.find_last_not_of(" \x1E", k - std::min<std::size_t>(k, 1));
            const bool behind_sign =
                k > begin && word != std::string::npos && (text_[word] == '-' || text_[word] == '+');
            if (!is_digit(at(k + 1))) {
                separate(k, is_blank(before) && !is_blank(at(k + 1)));
            } else if (is_digit(before) && only_digits_around(k)) {
                tight_.push_back({k, all_++});
            } else if (k == begin || behind_sign || before == '(') {
                text_[k] = sure_comma;
                leading_ = true;
            } else if (is_blank(before) && only_digits_around(k)) {
                leads_.push_back(k);
            } else {
                separate(k, is_blank(before));
            }
        }
        doubtful_lead_ = !leads_.empty() && !cells_led_;
        for (const std::size_t k : leads_) {
            if (leading_ && !cells_led_) {
                text_[k] = sure_comma;
            }
        }
    }

    void separate(std::size_t k, bool leads_cell) {
        ++all_;
        separators_.push_back(k);
        cells_led_ = cells_led_ || leads_cell;
    }

    /// Whole digits before the comma, and no other mark of decimals or thousands behind it.
    [[nodiscard]] bool only_digits_around(std::size_t k) const {
        std::size_t first = k;
        while (first > 0 && (is_digit(text_[first - 1]) || text_[first - 1] == thin)) {
            --first;
        }
        std::size_t end = k + 1;
        while (is_digit(at(end))) {
            ++end;
        }
        const char before = first == 0 ? ' ' : text_[first - 1];
        const bool begins_number = is_blank(before) || std::string_view(",-+(_").find(before) != std::string_view::npos;
        // Behind `,0` of `1 ,0,5` another comma stands before the decimals.
        const bool more = first == k && at(end) == ',' && is_digit(at(end + 1));
        return begins_number && at(end) != '.' && !more;
    }

    /// A narrow blank before three digits may part thousands; any other is a blank.
    [[nodiscard]] bool is_gap(std::size_t k) const {
        const bool three = is_digit(at(k + 1)) && is_digit(at(k + 2)) && is_digit(at(k + 3)) && !is_digit(at(k + 4));
        return is_blank(text_[k]) || (text_[k] == thin && !three);
    }

    /// Whether a blank stands behind a comma, or between two numbers.
    [[nodiscard]] bool parted_by_blanks() const {
        std::size_t last = std::string::npos;  // what is no blank
        for (std::size_t k = 0; k < text_.size(); ++k) {
            if (is_gap(k)) {
                continue;
            }
            const bool gap = last != std::string::npos && k > last + 1;
            const bool begins =
                is_digit(text_[k]) || std::string_view("-+._(").find(text_[k]) != std::string_view::npos;
            const bool ended =
                last != std::string::npos &&
                (is_digit(text_[last]) || std::string_view(",_)").find(text_[last]) != std::string_view::npos);
            if (gap && begins && ended) {
                return true;
            }
            last = k;
        }
        return false;
    }

    /// Of runs of commas with whole digits between, no two neighbours can both stand before decimals.
    CommaUse choose(std::size_t decimals) {
        std::size_t most = 0;
        bool even = false;
        std::vector<bool> odd_place(tight_.size(), false);
        for (std::size_t first = 0; first < tight_.size();) {
            std::size_t end = first + 1;
            while (end < tight_.size() && tight_[end].number == tight_[end - 1].number + 1) {
                ++end;
            }
            even = even || (end - first) % 2 == 0;
            most += (end - first + 1) / 2;
            for (std::size_t k = first; k < end; ++k) {
                odd_place[k] = (k - first) % 2 == 0;
            }
            first = end;
        }
        if (decimals > most) {
            return CommaUse::open;
        }
        if (decimals < most || even) {
            return CommaUse::ambiguous;
        }
        for (const std::size_t k : separators_) {
            text_[k] = ' ';
        }
        for (std::size_t k = 0; k < tight_.size(); ++k) {
            if (!odd_place[k]) {
                text_[tight_[k].place] = ' ';
            }
        }
        return CommaUse::before_decimals;
    }

    struct Tight {
        std::size_t place, number;  ///< in the text; among all commas that may part cells
    };
    std::string& text_;
    std::size_t count_;
    std::size_t all_ = 0;  ///< commas that may part cells
    std::vector<Tight> tight_;
    std::vector<std::size_t> leads_;       ///< behind a blank, before a digit
    std::vector<std::size_t> separators_;  ///< that can be nothing else
    bool cells_led_ = false;               ///< one of these stands right before a cell: `0,5 ,-1,5`
    bool leading_ = false;                 ///< a comma before decimals that has no digit before it
    bool doubtful_lead_ = false;           ///< one behind a blank
};

}  // namespace

std::string narrowed(std::string_view text) {
    std::string narrow;
    for (std::size_t at = 0; at < text.size(); ++at) {
        const auto byte = [&](std::size_t k) -> unsigned {
            if (at + k < text.size()) {
                return static_cast<unsigned char>(text[at + k]);
            }
            return 0;
        };
        const bool arabic = byte(0) == 0xD9U && byte(1) >= 0xA0U && byte(1) <= 0xA9U;
        const bool persian = byte(0) == 0xDBU && byte(1) >= 0xB0U && byte(1) <= 0xB9U;
        const bool wide = byte(0) == 0xEFU && ((byte(1) == 0xBCU && byte(2) >= 0x81U && byte(2) <= 0xBFU) ||
                                               (byte(1) == 0xBDU && byte(2) >= 0x80U && byte(2) <= 0x9EU));
        if (arabic || persian) {
            narrow += static_cast<char>('0' + (byte(1) & 0x0FU));
            at += 1;
        } else if (wide) {
            narrow += static_cast<char>(0x21U + ((byte(1) - 0xBCU) << 6U) + (byte(2) - 0x81U));
            at += 2;
        } else {
            narrow += text[at];
        }
    }
    return narrow;
}

WrittenCell read_cell(std::string_view text) {
    const Plain plain = plain_of(text);
    if (plain.text.find(';') == std::string::npos) {
        const RowReader reader(text, plain, {.comma_before_decimals = true});
        return reader.between(';').front();
    }
    return {.number = {}, .text = replace_invalid_utf8(text)};
}

WrittenRow read_cells(std::string_view row, std::size_t count) {
    Plain plain = plain_of(row);
    if (plain.text.find(';') != std::string::npos) {
        return {.cells = between_semicolons(RowReader(row, plain, {.comma_before_decimals = true}), count)};
    }
    const CommaUse commas = CommaSettler(plain.text, count).settle();
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
