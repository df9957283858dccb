// The cells of one column on their way from Python's memory into a table.
#pragma once

#include <cstdint>
#include <deque>
#include <list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace handgrad::python {

/// Numbers, or the texts of cells: views into memory that outlives them, or into `made`.
struct Cells {
    bool are_numbers = false;
    std::vector<double> numbers = {};                         ///< NaN for a gap
    std::vector<std::optional<std::string_view>> texts = {};  ///< nothing for a gap
    std::deque<std::string> made = {};                        ///< texts that were put together here …
    std::list<std::deque<std::string>> kept = {};             ///< … and elsewhere

    void add_made(std::string text) { texts.emplace_back(made.emplace_back(std::move(text))); }
    void add(bool flag) { texts.emplace_back(flag ? std::string_view("True") : std::string_view("False")); }
};

/// As Python writes it: the shortest digits that are this number, and `.0` behind a whole one.
std::string spelled(double number);

/// A point in time of so many units since 1970: `2024-01-31`, `2024-01-31 12:30:05.25`, with `Z` behind it in UTC.
struct TimeUnit {
    std::int64_t in_second;  ///< units in a second; 0: units are days
};
/// All of them alike: where each is a midnight, and not in UTC, days alone.
void add_moments(const std::vector<std::optional<std::int64_t>>& moments, TimeUnit unit, bool utc, Cells& cells);
/// `12:30:05.25`.
std::string clock_text(std::int64_t time, TimeUnit unit);

}  // namespace handgrad::python
