// Dates and times as numbers, against counts made by hand.
#include "handgrad/data/dates.hpp"

#include <gtest/gtest.h>

#include <optional>

namespace handgrad {
namespace {

double days(std::string_view text) {
    const std::optional<Moment> moment = parse_moment(text);
    EXPECT_TRUE(moment) << text;
    return moment ? moment->days : -1.0;
}
DateParts parts(std::string_view text) { return date_parts(parse_moment(text).value()); }

TEST(Dates, DaysAreCountedFromTheBeginOf1970) {
    EXPECT_EQ(days("1970-01-01"), 0.0);
    EXPECT_EQ(days("1969-12-31"), -1.0);
    EXPECT_EQ(days("2000-02-29"), 11016.0);  // 30 years of 365, 7 leap days before 2000, 31 + 28 days
    EXPECT_EQ(days("2000-03-01"), 11017.0);
    EXPECT_EQ(days("2024-02-29"), 19782.0);
    EXPECT_EQ(days("2024-03-01T12:00Z"), 19783.5);
    for (const char* none : {"1900-02-29", "2100-02-29", "2023-02-29", "2024-04-31", "2024-13-01", "2024-00-10"}) {
        EXPECT_FALSE(parse_moment(none)) << none;
    }
}

TEST(Dates, AZoneEastOfGreenwichIsAheadOfIt) {
    EXPECT_EQ(days("2024-03-01T12:00+02:00"), days("2024-03-01T10:00Z"));
    EXPECT_EQ(days("2024-03-01T12:00-05:30"), days("2024-03-01T17:30Z"));
    EXPECT_EQ(days("2024-03-01T00:30+01:00"), days("2024-02-29T23:30Z"));
}

TEST(Dates, PartsOfDayAndYearRunFrom0To1) {
    EXPECT_EQ(parts("2024-01-01").year_part, 0.0);
    EXPECT_DOUBLE_EQ(parts("2024-12-31").year_part, 365.0 / 366.0);  // a leap year
    EXPECT_DOUBLE_EQ(parts("2023-12-31").year_part, 364.0 / 365.0);
    EXPECT_DOUBLE_EQ(parts("2000-07-01").year_part, 182.0 / 366.0);
    EXPECT_EQ(parts("2024-03-01T18:00Z").day_part, 0.75);
    EXPECT_EQ(parts("2024-03-01").day_part, 0.0);
    EXPECT_EQ(parts("06:30").day_part, 6.5 / 24.0);
}

}  // namespace
}  // namespace handgrad
