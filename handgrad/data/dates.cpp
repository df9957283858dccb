// The grammar of ISO 8601, as far as tables have it, and the calendar.
#include "handgrad/data/dates.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

#include "handgrad/data/cells.hpp"
#include "handgrad/data/column_checks.hpp"

namespace handgrad {
namespace {

constexpr double missing = std::numeric_limits<double>::quiet_NaN();
constexpr double hours_of_day = 24.0;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// Exactly `digits` digits off the front.
std::optional<int> take_digits(std::string_view& text, std::size_t digits) {
    if (text.size() < digits) {
        return std::nullopt;
    }
    int value = 0;
    for (std::size_t i = 0; i < digits; ++i) {
        if (!is_digit(text[i])) {
            return std::nullopt;
        }
        value = value * 10 + (text[i] - '0');
    }
    text.remove_prefix(digits);
    return value;
}

bool take(std::string_view& text, char c) {
    const bool there = !text.empty() && text.front() == c;
    text.remove_prefix(there ? 1 : 0);
    return there;
}

bool leap(int year) { return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0; }

int days_of_month(int year, int month) {
    constexpr int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return days[month - 1] + (month == 2 && leap(year) ? 1 : 0);
}

/// Days from 1970-01-01 to that one, counted in eras of 400 years that begin in March.
std::int64_t days_from_civil(int year, int month, int day) {
    constexpr std::int64_t era_days = 146'097, days_before_1970 = 719'468;
    const std::int64_t y = year - (month <= 2 ? 1 : 0);
    const std::int64_t era = (y >= 0 ? y : y - 399) / 400;
    const std::int64_t year_of_era = y - era * 400;
    const std::int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    const std::int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * era_days + day_of_era - days_before_1970;
}

/// The year of that day.
int year_of(double days) {
    constexpr double days_of_year = 365.2425;
    int year = static_cast<int>(std::floor(days / days_of_year)) + 1970;
    while (static_cast<double>(days_from_civil(year, 1, 1)) > days) {
        --year;
    }
    while (static_cast<double>(days_from_civil(year + 1, 1, 1)) <= days) {
        ++year;
    }
    return year;
}

/// `:30` or `:30:05.5` behind the hours, which are given; the hours that all make.
std::optional<double> take_minutes(std::string_view& text, int hours) {
    if (!take(text, ':')) {
        return std::nullopt;
    }
    const std::optional<int> minutes = take_digits(text, 2);
    if (!minutes || *minutes > 59) {
        return std::nullopt;
    }
    double seconds = 0.0;
    if (take(text, ':')) {
        const std::optional<int> whole = take_digits(text, 2);
        if (!whole || *whole > 60) {
            return std::nullopt;
        }
        seconds = *whole;
        if (!text.empty() && (text.front() == '.' || text.front() == ',')) {
            text.remove_prefix(1);
            double unit = 0.1;
            if (text.empty() || !is_digit(text.front())) {
                return std::nullopt;
            }
            for (; !text.empty() && is_digit(text.front()); text.remove_prefix(1), unit /= 10) {
                seconds += unit * (text.front() - '0');
            }
        }
    }
    return hours + *minutes / 60.0 + seconds / 3600.0;
}

/// Hours to take away for the zone that ends a time: none, Z, +02, +0200 or +02:00.
std::optional<double> take_zone(std::string_view text) {
    if (text.empty() || text == "Z" || text == "z") {
        return 0.0;
    }
    const double sign = text.front() == '-' ? -1.0 : 1.0;
    if (text.front() != '+' && text.front() != '-') {
        return std::nullopt;
    }
    text.remove_prefix(1);
    const std::optional<int> hours = take_digits(text, 2);
    if (!hours) {
        return std::nullopt;
    }
    take(text, ':');
    const std::optional<int> minutes = text.empty() ? std::optional<int>(0) : take_digits(text, 2);
    if (!minutes || !text.empty()) {
        return std::nullopt;
    }
    return sign * (*hours + *minutes / 60.0);
}

std::optional<Moment> parse_clock(std::string_view text) {
    std::size_t digits = 0;
    while (digits < text.size() && digits < 3 && is_digit(text[digits])) {
        ++digits;
    }
    const std::optional<int> hours = digits == 0 ? std::nullopt : take_digits(text, digits);
    if (!hours) {
        return std::nullopt;
    }
    const std::optional<double> all = take_minutes(text, *hours);
    if (!all || !text.empty()) {
        return std::nullopt;
    }
    return Moment{.days = 0.0, .clock = true, .hours = *all};
}

}  // namespace

std::optional<Moment> parse_moment(std::string_view cell, bool year_alone) {
    std::string_view text = trimmed(cell);
    if (std::optional<Moment> clock = parse_clock(text)) {
        return clock;
    }
    const std::optional<int> year = take_digits(text, 4);
    if (!year) {
        return std::nullopt;
    }
    int month = 1, day = 1;
    const char divider = text.empty() ? '\0' : text.front();
    const bool divided = divider == '-' || divider == '/';
    if (divided || !text.empty()) {
        take(text, divided ? divider : '\0');
        const std::optional<int> months = take_digits(text, 2);
        if (!months || *months < 1 || *months > 12) {
            return std::nullopt;
        }
        month = *months;
        const bool day_follows = divided ? take(text, divider) : true;
        if (day_follows) {
            const std::optional<int> days = take_digits(text, 2);
            if (!days || *days < 1 || *days > days_of_month(*year, month)) {
                return std::nullopt;
            }
            day = *days;
        }
    } else if (!year_alone) {
        return std::nullopt;
    }
    Moment moment{.days = static_cast<double>(days_from_civil(*year, month, day)), .clock = false, .hours = 0.0};
    if (text.empty()) {
        return moment;
    }
    if (text.front() != 'T' && text.front() != 't' && text.front() != ' ') {
        return std::nullopt;
    }
    text.remove_prefix(1);
    const std::optional<int> hours = take_digits(text, 2);
    if (!hours || *hours > 24) {
        return std::nullopt;
    }
    const std::optional<double> all = take_minutes(text, *hours);
    const std::optional<double> zone = all ? take_zone(trimmed(text)) : std::nullopt;
    if (!zone) {
        return std::nullopt;
    }
    moment.hours = *all - *zone;
    moment.days += moment.hours / hours_of_day;
    return moment;
}

namespace {

bool is_month(std::string_view word) {
    constexpr std::string_view months[] = {"january", "february", "march",     "april",   "may",      "june",
                                           "july",    "august",   "september", "october", "november", "december"};
    constexpr std::size_t shortest = 3;
    const std::string lower = lower_case(word);
    return lower.size() >= shortest &&
           std::ranges::any_of(months, [&](std::string_view month) { return month.starts_with(lower); });
}

/// 9:00, 9:00:30, with am or pm behind it, or as a word of its own.
bool is_clock(std::string_view word) {
    const std::string lower = lower_case(word);
    std::string_view rest = lower;
    if (rest.ends_with("am") || rest.ends_with("pm")) {
        rest.remove_suffix(2);
    }
    return parse_moment(rest).has_value() && rest.find(':') != std::string_view::npos;
}

/// The words of a date, as far as they have been seen.
class DateWords {
public:
    bool add(std::string_view word) {
        const bool number = word.find_first_not_of("0123456789") == std::string_view::npos;
        if (number && word.size() <= digits_of_year) {
            numbers_.push_back(word);
            return true;
        }
        const std::string lower = lower_case(word);
        const bool half = lower.ends_with("am") || lower.ends_with("pm");
        const bool clock = is_clock(word);
        halves_ += half && (clock || lower.size() == 2) ? 1 : 0;
        clocks_ += clock ? 1 : 0;
        months_ += is_month(word) ? 1 : 0;
        return clock || is_month(word) || (half && lower.size() == 2);
    }
    void divide(char by) { divider_ = divider_ == 0 ? by : divider_; }
    [[nodiscard]] bool are_a_date() const {
        if (months_ == 1) {
            return is_named();
        }
        if (months_ == 0 && numbers_.empty()) {
            return clocks_ == 1 && halves_ == 1;
        }
        return months_ == 0 && (is_day_month_year() || is_month_year());
    }

private:
    static constexpr std::size_t digits_of_year = 4;
    static int value_of(std::string_view number) {
        int value = 0;
        for (const char digit : number) {
            value = 10 * value + (digit - '0');
        }
        return value;
    }
    static bool is_long_year(std::string_view number) {
        constexpr int first = 1000, last = 2999;
        return number.size() == digits_of_year && value_of(number) >= first && value_of(number) <= last;
    }
    static bool is_day(std::string_view number) {
        constexpr int last = 31;
        return number.size() <= 2 && value_of(number) >= 1 && value_of(number) <= last;
    }
    /// Jan 2024, 2 Jan 2024, January 2, 2024, 2-Jan-24; without a year it may be a name.
    [[nodiscard]] bool is_named() const {
        if (numbers_.size() == 1) {
            return is_long_year(numbers_[0]);
        }
        return numbers_.size() == 2 && is_day(numbers_[0]) && (is_long_year(numbers_[1]) || numbers_[1].size() == 2);
    }
    /// 31.12.2024, 1/22/2007, 31/12/24, 01.02.24; 1.2.10 is a version, 1/2/3 a ratio.
    [[nodiscard]] bool is_day_month_year() const {
        constexpr int months = 12;
        if (numbers_.size() != 3 || divider_ == 0 || !is_day(numbers_[0]) || !is_day(numbers_[1]) ||
            std::min(value_of(numbers_[0]), value_of(numbers_[1])) > months) {
            return false;
        }
        const bool two_digits_each = numbers_[0].size() == 2 && numbers_[1].size() == 2 && numbers_[2].size() == 2;
        const bool with_strokes = divider_ == '/' && numbers_[2].size() == 2;
        return is_long_year(numbers_[2]) || two_digits_each || with_strokes;
    }
    /// 01/2024
    [[nodiscard]] bool is_month_year() const {
        constexpr int months = 12;
        return numbers_.size() == 2 && divider_ == '/' && is_day(numbers_[0]) && value_of(numbers_[0]) <= months &&
               is_long_year(numbers_[1]);
    }

    std::vector<std::string_view> numbers_;
    std::size_t months_ = 0, clocks_ = 0, halves_ = 0;
    char divider_ = 0;
};

}  // namespace

bool is_date_or_time(std::string_view cell) {
    cell = trimmed(cell);
    const bool plain = cell.find_first_not_of("0123456789") == std::string_view::npos;
    return !plain && cell.size() >= 4 && is_digit(cell.front()) && parse_moment(cell).has_value();
}

bool is_other_date(std::string_view cell) {
    constexpr std::size_t longest = 40, most_words = 4;
    cell = trimmed(cell);
    if (cell.empty() || cell.size() > longest) {
        return false;
    }
    DateWords words;
    std::size_t count = 0;
    while (!cell.empty()) {
        const std::size_t end = std::min(cell.find_first_of(" ,./-"), cell.size());
        if (end > 0 && (++count > most_words || !words.add(cell.substr(0, end)))) {
            return false;
        }
        if (end < cell.size() && cell[end] != ' ') {
            words.divide(cell[end]);
        }
        cell.remove_prefix(std::min(end + 1, cell.size()));
    }
    return words.are_a_date();
}

DateParts date_parts(const Moment& moment) {
    if (moment.clock) {
        return {.days = missing, .day_part = moment.hours / hours_of_day, .year_part = missing};
    }
    const double whole = std::floor(moment.days);
    const int year = year_of(whole);
    const auto first = static_cast<double>(days_from_civil(year, 1, 1));
    return {.days = moment.days,
            .day_part = moment.days - whole,
            .year_part = (moment.days - first) / (leap(year) ? 366.0 : 365.0)};
}

std::vector<Column> date_columns(const Column& texts, const Table& table) {
    std::vector<std::optional<Moment>> moments;
    for (const std::string& text : texts.texts) {
        moments.push_back(parse_moment(text, true));
    }
    std::vector<Column> parts;
    for (const std::string_view name : date_part_names) {
        Column& part = parts.emplace_back(Column{.name = texts.name + std::string(name), .has_numbers = true});
        part.numbers.assign(table.rows, missing);
        part.missing = texts.missing;
        part.first_missing = texts.first_missing;
    }
    std::optional<bool> clock;
    for (std::size_t row = 0; row < table.rows; ++row) {
        if (texts.codes[row] == Column::missing_code) {
            continue;
        }
        const std::string& text = texts.texts[texts.codes[row]];
        const std::optional<Moment>& moment = moments[texts.codes[row]];
        if (!moment) {
            fail_at(table, texts, row,
                    in_quotes(text) +
                        " is no date or time of ISO 8601; write it like 2024-03-31, 2024-03-31T12:30 or "
                        "12:30, count its text as missing if it means that, or drop the column instead",
                    {{"missing"}, {"drop"}});
        }
        if (clock.value_or(moment->clock) != moment->clock) {
            fail_at(table, texts, row,
                    in_quotes(text) +
                        " stands in a column that has both dates and times without a date; give every "
                        "cell its date, or none");
        }
        clock = moment->clock;
        const DateParts numbers = date_parts(*moment);
        parts[0].numbers[row] = numbers.days;
        parts[1].numbers[row] = numbers.day_part;
        parts[2].numbers[row] = numbers.year_part;
    }
    if (clock.value_or(false)) {
        parts = {std::move(parts[1])};
    }
    return parts;
}

std::string date_column_of(const std::string& name, const std::vector<std::string>& dates) {
    for (const std::string& date : dates) {
        for (const std::string_view part : date_part_names) {
            if (name == date + std::string(part)) {
                return date;
            }
        }
    }
    return name;
}

}  // namespace handgrad
