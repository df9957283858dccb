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

TEST(Dates, FractionsOfSecondsAndSpansBeyondADayCount) {
    EXPECT_DOUBLE_EQ(parse_moment("12:30:05.25").value().hours, 12.5 + 5.25 / 3600.0);
    EXPECT_DOUBLE_EQ(parse_moment("12:30:05,5").value().hours, 12.5 + 5.5 / 3600.0);
    EXPECT_EQ(days("2024-06"), days("2024-06-01"));
    EXPECT_EQ(days("20240601"), days("2024/06/01"));
    EXPECT_EQ(days("2024-06-01t06:00z"), days("2024-06-01") + 0.25);
    EXPECT_EQ(days("2024-06-01 06:00+0600"), days("2024-06-01"));
    EXPECT_EQ(days("2024-06-01 06:00 +06"), days("2024-06-01"));
    EXPECT_EQ(days("0000-01-01"), -719'528.0);  // 1970 years of which 478 are leap years
    EXPECT_DOUBLE_EQ(parts("2096-12-31").year_part, 365.0 / 366.0);
}

TEST(Dates, WhatIsNearlyOneIsNone) {
    for (const char* none : {"12:60",
                             "12:30:61",
                             "12:30:5",
                             "12:30:05.",
                             "12:30:05.x",
                             "12:3",
                             "2024-01-01T25:00",
                             "2024-01-01T12",
                             "2024-01-01X12:00",
                             "2024-01-00",
                             "2024-01-01T12:00+2",
                             "2024-01-01T12:00+02:0",
                             "2024-01-01T12:00+02:000",
                             "2024-01-01T12:00+02:00x",
                             "2024-01-01T12:00x",
                             "2024-1",
                             "2024x01",
                             "2024",
                             "2024-01-0x",
                             ""}) {
        EXPECT_FALSE(parse_moment(none)) << none;
    }
    EXPECT_TRUE(parse_moment("2024", true));
}

TEST(Dates, OtherNotationsAreToldFromNamesVersionsAndRatios) {
    for (const char* date : {"31.12.2024", "1/22/2007", "31/12/24", "01.02.24", "2 Jan 2024", "2-Jan-24", "Jan 2024",
                             "January 2, 2024", "9:00 AM", "9:00:30pm", "9:00 pm", "01/2024"}) {
        EXPECT_TRUE(is_other_date(date)) << date;
    }
    for (const char* none :
         {"1.2.10",       "1.02.10",     "01.2.10",   "0.1.2024", "13.14.2024",  "1 2 2024", "32.1.2024",
          "Jan Feb 2024", "Jan 45 2024", "Jan 2 999", "Jan 0999", "Jan 3000",    "Jan",      "45/2024",
          "13/2024",      "01/999",      "01-2024",   "9:00",     "9:00 9:30",   "am",       "9:00 am pm",
          "stream 12",    "1:2 am",      "12345 Jan", "1/2/3",    "2024 Jan 2 1"}) {
        EXPECT_FALSE(is_other_date(none)) << none;
    }
}

TEST(Dates, APartOfADateIsFoundByItsName) {
    EXPECT_EQ(date_column_of("when:year_part", {"who", "when"}), "when");
    EXPECT_EQ(date_column_of("when:hours", {"when"}), "when:hours");
}

}  // namespace
}  // namespace handgrad
