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

TEST(Printable, EveryNeighbourOfWhatATerminalObeysIsLeft) {
    for (const std::string text : {"\u007e", "\u00a0", "\u2027", "\u202a", "\u202f", "\u2065", "\u206a"}) {
        EXPECT_EQ(printable(text), text == "\u202a" ? "\\u202a" : text);
    }
    EXPECT_EQ(printable("\n\t", Layout::kept), "\n\t");
}

TEST(DirectionMarks, AloneAreShown) {
    EXPECT_EQ(without_direction_marks("a\u202eb\u2066\u8a9e\xe2\x80\x1b"), "a\\u202eb\\u2066\u8a9e\xe2\x80\x1b");
}

TEST(Shortened, ALongTextIsCutBetweenCharacters) {
    EXPECT_EQ(shortened("abcdef", 6), "abcdef");
    EXPECT_EQ(shortened("abcdefg", 4), "ab … 3 bytes … fg");
    EXPECT_EQ(shortened("a\u00e9\u00e9\u00e9\u00e9b", 4), "a\u00e9 … 6 bytes … b");
    const std::string rest(9, '\x80');  // nothing but the insides of characters
    EXPECT_EQ(shortened(rest, 4), rest + " … 0 bytes … ");
}

}  // namespace
}  // namespace handgrad
