// JSON: what is written reads back as the same bits, and what is not one sound JSON text is refused with place and
// cause.
#include "handgrad/store/json.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <bit>
#include <cmath>
#include <limits>

#include "handgrad/base/error.hpp"
#include "handgrad/base/utf8.hpp"
#include "tests/support/german_locale.hpp"
#include "tests/support/raised.hpp"

namespace handgrad {
namespace {

std::string message_for(std::string_view text, std::size_t first_byte = 0) {
    return message_of(ErrorKind::model, [&] { parse_json(text, "here", first_byte); });
}

double round_trip(double value) { return std::get<double>(parse_json(to_text(Json{value}), "here").value); }

TEST(Json, EveryKindOfValueIsReadAndWrittenBack) {
    const std::string text = R"({"a":[null,true,false,0,18446744073709551615,-1.0,2.5e-10,"x\"\\\né"],"b":{},"":[]})";
    EXPECT_EQ(to_text(parse_json(text, "here")), text);
}

TEST(Json, BlanksAroundAValueAreRead) {
    EXPECT_EQ(parse_json(" [ 1 ,\t2 ]\r\n ", "here"), parse_json("[1,2]", "here"));
}

TEST(Json, DoublesReadBackAsTheSameBits) {
    using Limits = std::numeric_limits<double>;
    for (const double value : {0.0, -0.0, 1.0, 0.1, -1.0 / 3, 1e22, 1e23, 123456789012345678.0, Limits::max(),
                               Limits::min(), Limits::denorm_min(), -Limits::denorm_min(), 1 + Limits::epsilon()}) {
        EXPECT_EQ(std::bit_cast<std::uint64_t>(round_trip(value)), std::bit_cast<std::uint64_t>(value)) << value;
    }
}

RC_GTEST_PROP(Json, AnyFiniteDoubleReadsBackAsTheSameBits, (std::uint64_t bits)) {
    const auto value = std::bit_cast<double>(bits);
    RC_PRE(std::isfinite(value));
    RC_ASSERT(std::bit_cast<std::uint64_t>(round_trip(value)) == bits);
}

RC_GTEST_PROP(Json, AnyTextReadsBackAsItself, (const std::string& bytes)) {
    const std::string text = replace_invalid_utf8(bytes);
    RC_ASSERT(std::get<std::string>(parse_json(to_text(Json{text}), "here").value) == text);
}

TEST(Json, NumbersDoNotDependOnTheLocale) {
    const GermanLocale locale;
    EXPECT_EQ(round_trip(0.1), 0.1);
    EXPECT_EQ(to_text(Json{0.1}), "0.1");
}

TEST(Json, NumbersTooSmallForADoubleAreZeroAndTooLargeOnesAreRefused) {
    EXPECT_EQ(std::get<double>(parse_json("1e-400", "here").value), 0.0);
    EXPECT_THAT(message_for("1e400"), testing::HasSubstr("number overflow"));
}

TEST(Json, ANameThatStandsTwiceIsRefused) {
    EXPECT_EQ(message_for(R"({"a":1,"b":{"a":2},"a":3})"), "here: the name 'a' stands twice in one object");
}

TEST(Json, NestingIsAllowedUpToTheLimitAndNotBeyond) {
    const auto nested = [](std::size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); };
    EXPECT_EQ(to_text(parse_json(nested(max_json_depth), "here")), nested(max_json_depth));
    EXPECT_EQ(message_for(nested(max_json_depth + 1)), "here: nested deeper than 16 levels");
    EXPECT_EQ(message_for(std::string(200000, '[')), "here: nested deeper than 16 levels");
    EXPECT_EQ(message_for(std::string(200000, '{')),
              "here: byte 1: not JSON: object key - unexpected '{'; expected string literal");
}

TEST(Json, TheNumberOfValuesIsLimited) {
    std::string text = "[0";
    for (std::size_t i = 1; i + 1 < max_json_values; ++i) {
        text += ",0";
    }
    EXPECT_EQ(std::get<Json::Array>(parse_json(text + "]", "here").value).size(), max_json_values - 1);
    EXPECT_EQ(message_for(text + ",0]"), "here: more than 1048576 JSON values");
    Json json{Json::Array(max_json_values - 1, Json{false})};
    EXPECT_EQ(to_text(json).size(), 1 + 6 * (max_json_values - 1));
    std::get<Json::Array>(json.value).push_back(Json{false});
    EXPECT_THROW(to_text(json), Error);
}

TEST(Json, BrokenGrammarIsNamedWithItsByte) {
    EXPECT_EQ(message_for("", 8),
              "here: byte 8: not JSON: value - unexpected end of input; expected '[', '{', or a literal");
    EXPECT_EQ(message_for("[1 2]", 8), "here: byte 11: not JSON: array - unexpected number literal; expected ']'");
    EXPECT_EQ(message_for("{\"a\":01}", 8),
              "here: byte 14: not JSON: object - unexpected number literal; expected '}'");
    EXPECT_EQ(message_for("[1]]", 8), "here: byte 11: not JSON: value - unexpected ']'; expected end of input");
    EXPECT_THAT(message_for("[nan]"), testing::HasSubstr("byte 2: not JSON"));
    EXPECT_THAT(message_for("[1,]"), testing::HasSubstr("byte 3: not JSON"));
    EXPECT_THAT(message_for("/* */ 1"), testing::HasSubstr("byte 0: not JSON"));
}

TEST(Json, InvalidUtf8IsRefusedWithItsByte) {
    EXPECT_THAT(message_for("[\"a\xff\"]", 8),
                testing::StartsWith("here: byte 11: not JSON: value - invalid string: "));
    EXPECT_THAT(message_for("[\"\xc0\xaf\"]"), testing::HasSubstr("ill-formed UTF-8 byte"));      // overlong '/'
    EXPECT_THAT(message_for("[\"\xed\xa0\x80\"]"), testing::HasSubstr("ill-formed UTF-8 byte"));  // a lone surrogate
}

TEST(Json, WritingATextThatIsNotUtf8NamesIt) {
    EXPECT_THAT(message_of(ErrorKind::data, [] { to_text(Json{std::string("caf\xe9")}); }),
                testing::StartsWith("'caf\xef\xbf\xbd' is not UTF-8 text"));
}

TEST(Json, MessagesStayShortWhateverTheText) {
    EXPECT_LT(message_for("[\"" + std::string(1000000, 'x')).size(), 300);
    const std::string name = '"' + std::string(1000000, 'x') + "\":1";
    EXPECT_LT(message_for('{' + name + ',' + name + '}').size(), 300);
}

}  // namespace
}  // namespace handgrad
