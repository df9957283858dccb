// Numbers and points in time as the texts that a CSV file would have.
#include "python/src/cells.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <utility>

namespace handgrad::python {
namespace {

constexpr std::int64_t day_seconds = 86'400;

struct Split {
    std::int64_t days;
    std::int64_t rest;  ///< in units, from 0 on
};
Split split(std::int64_t moment, TimeUnit unit) {
    if (unit.in_second == 0) {
        return {moment, 0};
    }
    const std::int64_t a_day = day_seconds * unit.in_second;
    std::int64_t days = moment / a_day, rest = moment % a_day;
    if (rest < 0) {
        --days;
        rest += a_day;
    }
    return {days, rest};
}

std::string date_text(std::int64_t days) {
    using namespace std::chrono;
    // Years that the calendar of the library has no numbers for are counted by whole cycles of 400 years.
    constexpr std::int64_t cycle_days = 146'097, cycle_years = 400;
    std::int64_t cycles = days / cycle_days;
    std::int64_t rest = days % cycle_days;
    if (rest < 0) {
        --cycles;
        rest += cycle_days;
    }
    const year_month_day date{sys_days{std::chrono::days{rest}}};
    const std::int64_t year = static_cast<int>(date.year()) + cycles * cycle_years;
    std::array<char, 48> text{};
    std::snprintf(text.data(), text.size(), "%04lld-%02u-%02u", static_cast<long long>(year),
                  static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()));
    return text.data();
}

std::string moment_text(std::int64_t moment, TimeUnit unit, bool days_alone, bool utc) {
    const auto [days, rest] = split(moment, unit);
    if (days_alone) {
        return date_text(days);
    }
    return date_text(days) + " " + clock_text(rest, unit) + (utc ? "Z" : "");
}

}  // namespace

std::string spelled(double number) {
    std::array<char, 32> digits{};
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number);
    std::string text(digits.data(), end.ptr);
    if (text.find_first_not_of("-0123456789") == std::string::npos) {
        text += ".0";
    }
    return text;
}

std::string clock_text(std::int64_t time, TimeUnit unit) {
    const std::int64_t in_second = std::max<std::int64_t>(unit.in_second, 1);
    const std::int64_t seconds = time / in_second;
    std::array<char, 64> text{};
    std::snprintf(text.data(), text.size(), "%02lld:%02lld:%02lld", static_cast<long long>(seconds / 3600),
                  static_cast<long long>(seconds / 60 % 60), static_cast<long long>(seconds % 60));
    std::string result = text.data();
    if (const std::int64_t fraction = time % in_second; fraction != 0) {
        std::string digits = std::to_string(in_second + fraction);  // 1 and the digits behind the point
        digits.erase(digits.find_last_not_of('0') + 1);
        result += "." + digits.substr(1);
    }
    return result;
}

void add_moments(const std::vector<std::optional<std::int64_t>>& moments, TimeUnit unit, bool utc, Cells& cells) {
    const bool days_alone = !utc && std::ranges::all_of(moments, [&](const std::optional<std::int64_t>& moment) {
        return !moment || split(*moment, unit).rest == 0;
    });
    for (const std::optional<std::int64_t>& moment : moments) {
        if (moment) {
            cells.add_made(moment_text(*moment, unit, days_alone, utc));
        } else {
            cells.texts.emplace_back();
        }
    }
}

}  // namespace handgrad::python
