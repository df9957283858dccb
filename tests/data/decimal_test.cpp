// The fast reader of numbers beside std::from_chars: the same double and the same end, for every shape and at the
// edges.
#include "handgrad/data/decimal.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <array>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <string>
#include <system_error>
#include <vector>

#include "handgrad/data/table.hpp"

namespace handgrad {
namespace {

struct Outcome {
    std::uint64_t bits;
    std::ptrdiff_t length;  ///< -1: beyond the range of double
    bool operator==(const Outcome&) const = default;
};

/// Both on a copy that ends where the text ends, so that a sanitizer sees a byte read too many.
Outcome ours(const std::string& text) {
    const std::vector<char> copy(text.begin(), text.end());
    double value = 0.0;
    const char* const end = read_decimal(copy.data(), copy.data() + copy.size(), value);
    return end == nullptr ? Outcome{0, -1} : Outcome{std::bit_cast<std::uint64_t>(value), end - copy.data()};
}

Outcome theirs(const std::string& text) {
    double value = 0.0;
    const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
    return problem != std::errc{} ? Outcome{0, -1} : Outcome{std::bit_cast<std::uint64_t>(value), end - text.data()};
}

void expect_same(const std::string& text) {
    EXPECT_EQ(ours(text).bits, theirs(text).bits) << text;
    EXPECT_EQ(ours(text).length, theirs(text).length) << text;
}

TEST(Decimal, EveryShapeAndEndIsReadAsByTheStandardLibrary) {
    const std::vector<std::string> wholes = {"0",
                                             "-0",
                                             "7",
                                             "-12",
                                             "12345678",
                                             "123456789",
                                             "000000000000000000012",
                                             "1234567890123456",
                                             "9999999999999999999",
                                             "18446744073709551616"};
    const std::vector<std::string> fractions = {"",
                                                ".",
                                                ".5",
                                                ".1234567",
                                                ".12345678",
                                                ".123456789012345678",
                                                ".000000000000000000000012345",
                                                ".99999999999999999999999"};
    const std::vector<std::string> exponents = {"",     "e5",    "E-05", "e+27", "e-27", "e28", "e-300",
                                                "e400", "e-400", "e",    "e+",   "e+-1", "e-",  "e99999999999999999999",
                                                "E1.5", "f"};
    for (const std::string& whole : wholes) {
        for (const std::string& fraction : fractions) {
            for (const std::string& exponent : exponents) {
                for (const char* behind : {"", ",", "\n", ",1,2,3,4,5,6", ".", "-", "/:;,", "\xB0\xB9\x80\xFF"}) {
                    expect_same(whole + fraction + exponent + behind);
                }
            }
        }
    }
}

TEST(Decimal, EveryLengthOfDigitsIsReadToItsEnd) {
    const std::string digits = "31415926535897932384626433832795028841971";
    for (std::size_t length = 1; length <= digits.size(); ++length) {
        for (std::size_t point = 1; point <= length; ++point) {
            std::string text = digits.substr(0, length);
            text.insert(point, ".");
            expect_same(text);
            expect_same("-" + text + ",12345678");
        }
    }
}

TEST(Decimal, NumbersBetweenTwoDoublesAreRoundedToTheNearer) {
    for (const char* text : {"9007199254740993", "9007199254740993.0", "9007199254740992.9999", "9007199254740993.0001",
                             "900719925474099.25", "4503599627370496.5", "4503599627370497.5", "18014398509481990",
                             "0.5000000000000000000", "9007199254740995e3", "9007199254740993e22",
                             "18446744073709551615", "18446744073709551615e-27", "9223372036854775808e27", "1e-27",
                             "1e27", "0e27", "-0.0e-27", "9999999999999999999e27"}) {
        expect_same(text);
    }
    // The digits of a midpoint (17 to 19 of them, so that nearly all are a hair beside it) and their neighbours.
    for (int exponent = -20; exponent <= 60; ++exponent) {
        for (std::uint64_t step = 0; step < 50; ++step) {
            const auto mantissa = static_cast<long double>((std::uint64_t{1} << 53U) + 977 * step + 1);
            const long double midpoint = std::ldexp(mantissa + 0.5L, exponent);
            std::array<char, 64> text{};
            for (const int digits : {16, 17, 18}) {
                std::snprintf(text.data(), text.size(), "%.*Le", digits, midpoint);
                expect_same(text.data());
            }
        }
    }
}

TEST(Decimal, OnlyADigitOrAMinusBeforeOneStartsANumber) {
    for (int c = 0; c < 256; ++c) {
        for (const char* behind : {"", "5", "x", "-", "-5"}) {
            const std::string text = static_cast<char>(c) + std::string(behind);
            const bool expected = is_digit(text[0]) || (c == '-' && text.size() > 1 && is_digit(text[1]));
            EXPECT_EQ(at_decimal(text.data(), text.data() + text.size()), expected) << c << behind;
        }
    }
    EXPECT_FALSE(at_decimal(nullptr, nullptr));
}

RC_GTEST_PROP(Decimal, AnyDigitsWithAnyExponentAreReadAsByTheStandardLibrary, ()) {
    const auto digits = [](int most) {
        return rc::gen::resize(most, rc::gen::container<std::string>(rc::gen::inRange<char>('0', '9' + 1)));
    };
    std::string text = std::string(*rc::gen::arbitrary<bool>() ? "-" : "") + *rc::gen::nonEmpty(digits(12));
    text += *rc::gen::arbitrary<bool>() ? "." + *digits(24) : "";
    text += *rc::gen::arbitrary<bool>() ? "e" + std::to_string(*rc::gen::inRange(-40, 40)) : "";
    RC_ASSERT(ours(text) == theirs(text));
}

RC_GTEST_PROP(Decimal, AnyDoubleSurvivesItsShortestText, (std::uint64_t bits)) {
    const double value = std::bit_cast<double>(bits);
    RC_PRE(std::isfinite(value));
    const std::string text = format_number(value);
    RC_ASSERT((ours(text) == Outcome{bits, static_cast<std::ptrdiff_t>(text.size())}));
}

}  // namespace
}  // namespace handgrad
