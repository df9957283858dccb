// A sign, digits in groups, a power of ten, a fraction: each taken from the left as far as it goes.
#include "handgrad/compare/number_scanner.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <string>
#include <string_view>
#include <vector>

#include "handgrad/data/table.hpp"

namespace handgrad::compare {
namespace {

/// Digits with at most one mark before decimals.
struct Digits {
    std::string text;  ///< as parse_number() takes them
    std::ptrdiff_t decimals = 0;
    bool comma = false;
    bool sure = false;  ///< the comma cannot part thousands
};

class Scanner {
public:
    Scanner(const PlainText& plain, Habits habits) : text_(plain.text), habits_(habits) {}

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
            if (end == at) {
                return std::nullopt;  // marks alone
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

}  // namespace

std::optional<WrittenNumber> take_number(const PlainText& plain, Habits habits, std::size_t& at) {
    return Scanner(plain, habits).number(at);
}

}  // namespace handgrad::compare
