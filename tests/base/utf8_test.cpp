// What reaches a terminal of a text that comes from a file.
#include "handgrad/base/utf8.hpp"

#include <gtest/gtest.h>

#include <string>

namespace handgrad {
namespace {

TEST(Printable, ShowsWhatATerminalWouldObeyEscaped) {
    EXPECT_EQ(printable("a\x1b[31mb\x7f\r"), R"(a\x1b[31mb\x7f\r)");
    EXPECT_EQ(printable("\u009b2J \u202Eabc\u202C \u2066x\u2069 \u2028\u2029"),
              R"(\u009b2J \u202eabc\u202c \u2066x\u2069 \u2028\u2029)");
    EXPECT_EQ(printable(std::string("\0", 1)), R"(\x00)");
}

TEST(Printable, LeavesWritingOfEveryScript) {
    const std::string text = "∂ŷ/∂x = σ′(z) \u00a0 naïve Größe 数値 שלום \U0001F600";
    EXPECT_EQ(printable(text), text);
}

TEST(Printable, ShowsBytesThatAreNoUtf8) {
    EXPECT_EQ(printable("\x9b"
                        "2J\xff"),
              R"(\x9b2J\xff)");
    EXPECT_EQ(printable("\xe2\x80"), R"(\xe2\x80)");
    EXPECT_EQ(printable("\xc0\x9b"), R"(\xc0\x9b)");  // C1 the long way round
}

TEST(Printable, KeepsLinesAndTabsOfATextButNotOfAName) {
    EXPECT_EQ(printable("a\n\tb\r\n", Layout::kept), "a\n\tb\\r\n");
    EXPECT_EQ(printable("a\n\tb", Layout::escaped), R"(a\n\tb)");
}

}  // namespace
}  // namespace handgrad
