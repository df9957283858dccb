// Dates and times of ISO 8601 as numbers: days, and parts of day and year.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "handgrad/data/table.hpp"

namespace handgrad {

/// A point in time, or a time of the day alone.
struct Moment {
    double days;   ///< since 1970-01-01T00:00Z, with its fraction; of a time of the day alone 0
    bool clock;    ///< a time of the day alone
    double hours;  ///< of the day, beyond 24 for a span of time
};

/// `2024-03-31`, `2024-03`, `20240331`, `2024-03-31T12:30:05.5Z`, `2024-03-31 12:30+02:00` (proleptic Gregorian), or
/// `12:30[:05.5]`. Nothing for anything else. A year alone is read only where `year_alone`.
std::optional<Moment> parse_moment(std::string_view cell, bool year_alone = false);

/// Whether a text is one of them that no number looks like.
bool is_date_or_time(std::string_view cell);
/// Whether it is a date or a time in another notation: `31.12.2024`, `12/31/24`, `2-Jan-24`, `Jan 2024`, `9:00 AM`.
bool is_other_date(std::string_view cell);

/// The numbers that a date becomes: `when:days` (since 1970-01-01), `when:day_part` (0 to 1 from midnight to midnight)
/// and `when:year_part` (0 to 1 from the first of January).
struct DateParts {
    double days;
    double day_part;
    double year_part;
};
DateParts date_parts(const Moment& moment);
inline constexpr std::string_view date_part_names[] = {":days", ":day_part", ":year_part"};

/// The columns of numbers that a column of texts becomes: all three, or of times of the day `:day_part` alone. Raises
/// Error(data) with the place of the first cell that is no date or time, or that is one of the other kind.
std::vector<Column> date_columns(const Column& texts, const Table& table);

/// The column of dates that `name` is a part of (`when` of `when:days`); `name` itself where it is none.
std::string date_column_of(const std::string& name, const std::vector<std::string>& dates);

}  // namespace handgrad
