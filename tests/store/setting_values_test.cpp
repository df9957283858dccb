// Settings as a JSON text and back, value for value, and what of a stranger's text is refused.
#include "handgrad/store/setting_values.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <string>

#include "handgrad/base/error.hpp"

namespace handgrad {
namespace {

TEST(SettingValues, AreTheSameAfterTheFile) {
    const SettingValues values{{"nothing", std::monostate{}},
                               {"flag", true},
                               {"whole", std::uint64_t{18446744073709551615U}},
                               {"number", 1.0},
                               {"third", 1.0 / 3.0},
                               {"text", "a \"b\""},
                               {"widths", std::vector<std::uint64_t>{32, 16}},
                               {"names", std::vector<std::string>{"a,b", "é"}},
                               {"none", std::vector<std::string>{}}};
    const std::string text = setting_values_text(values);
    EXPECT_EQ(text, R"({"flag":true,"names":["a,b","é"],"none":[],"nothing":null,"number":1.0,"text":"a \"b\"",)"
                    R"("third":0.3333333333333333,"whole":18446744073709551615,"widths":[32,16]})");
    EXPECT_EQ(read_setting_values(text, "m"), values);
}

TEST(SettingValues, BytesThatAreNotUtf8AreReplacedAndInfinitiesRefused) {
    const SettingValues values{{"init_from", "caf\xe9.model"}};
    EXPECT_EQ(read_setting_values(setting_values_text(values), "m").at("init_from"),
              SettingValue("caf\xef\xbf\xbd.model"));
    EXPECT_THROW(setting_values_text({{"leaky_slope", std::numeric_limits<double>::infinity()}}), Error);
}

std::string refusal(const std::string& text) {
    try {
        read_setting_values(text, "m: settings");
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::model);
        return error.what();
    }
    return "accepted";
}

TEST(SettingValues, TextsOfStrangersAreRefusedWithTheirPlace) {
    EXPECT_EQ(refusal("[1]"), "m: settings: [1] stands where an object belongs");
    EXPECT_EQ(refusal(R"({"a":{}})"), "m: settings.a: {} stands where a value or a list belongs");
    EXPECT_EQ(refusal(R"({"a":[1,"b"]})"), R"(m: settings.a[1]: "b" stands where a whole number belongs)");
    EXPECT_EQ(refusal(R"({"a":[null]})"), "m: settings.a[0]: null stands where a text belongs");
    EXPECT_THAT(refusal(R"({"a":)"), testing::HasSubstr("m: settings: byte"));
}

}  // namespace
}  // namespace handgrad
