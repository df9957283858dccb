// Sheets of blanks, filled in and read back.
#include "handgrad/compare/answers.hpp"
#include "handgrad/explain/compose.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "handgrad/base/error.hpp"
#include "handgrad/document/render.hpp"
#include "tests/support/explained.hpp"
#include "tests/support/raised.hpp"

namespace handgrad::compare {
namespace {

const explain::Derivation& derivation() {
    static const explain::Derivation d = explain::derive({.sizes = {3, 4, 1}}, Loss::squared_error);
    return d;
}

std::vector<std::string> symbols(const std::vector<Answer>& answers) {
    std::vector<std::string> result;
    for (const Answer& answer : answers) {
        result.push_back(answer.symbol);
    }
    return result;
}

const Answer& find(const std::vector<Answer>& answers, const std::string& symbol) {
    return *std::ranges::find(answers, symbol, &Answer::symbol);
}

std::string replaced(std::string text, const std::string& old, const std::string& with) {
    const std::size_t at = text.find(old);
    EXPECT_NE(at, std::string::npos) << old;
    return at == std::string::npos ? text : text.replace(at, old.size(), with);
}

std::string sheet() {
    return document::render_text(explain::compose(explained::explanation(), {.components = true, .blank = true}));
}

TEST(Answers, AnUntouchedSheetAsksForEverySymbolAndAnswersNone) {
    for (const std::string& text :
         {sheet(), document::render_markdown(explain::compose(explained::explanation(), {.blank = true})),
          "\xEF\xBB\xBF" + sheet(), std::string("l = ____\n")}) {
        const auto answers = read_answers(text, "sheet.txt", derivation());
        EXPECT_THAT(symbols(answers),
                    testing::ElementsAre("z1", "z2", "z3", "yhat", "l", "dl/dyhat", "dyhat/dz3", "dz2/dz1", "dl/dz3",
                                         "dl/dz1", "dl/dW1", "dl/db1", "dl/dW2", "dl/db2", "linear1.weight",
                                         "linear1.bias", "linear2.weight", "linear2.bias"));
        for (const Answer& answer : answers) {
            EXPECT_EQ(answer.values.size(), answer.rows * answer.columns);
            for (const auto& value : answer.values) {
                EXPECT_FALSE(value) << answer.symbol;
            }
        }
    }
}

TEST(Answers, EverySymbolThatIsAskedForStandsOnTheSheetOnce) {
    const std::string text = "\n" + sheet();
    for (const explain::Quantity& quantity : asked_quantities(derivation())) {
        const std::size_t found = text.find("\n" + quantity.symbol + " = ");
        EXPECT_NE(found, std::string::npos) << quantity.symbol;
        EXPECT_EQ(text.find("\n" + quantity.symbol + " = ", found + 1), std::string::npos) << quantity.symbol;
    }
}

TEST(Answers, NumbersAreReadWhereTheyWereFilledIn) {
    std::string text = replaced(sheet(), "z1 = [ ____  ____  ____  ____ ]", "z1 = [ 0.5,  ____  -1e-3   __2__]");
    text = replaced(text, "l = ____", "l = 2.25  ");
    text = replaced(text, "dl/dyhat = [ ____ ]", "dl/dyhat=[3]");
    text = replaced(text, "dl/dW1 = [ ____  ____  ____ ]\n         [ ____  ____  ____ ]",
                    "dl/dW1 = [ 1 2\n   3 ]  \n [4 5 6]");
    const auto answers = read_answers(text, "sheet.txt", derivation());
    EXPECT_THAT(find(answers, "z1").values, testing::ElementsAre(0.5, std::nullopt, -1e-3, 2.0));
    EXPECT_THAT(find(answers, "l").values, testing::ElementsAre(2.25));
    EXPECT_THAT(find(answers, "dl/dyhat").values, testing::ElementsAre(3.0));
    EXPECT_THAT(find(answers, "dl/dW1").values,
                testing::ElementsAre(1.0, 2.0, 3.0, 4.0, 5.0, 6.0, std::nullopt, std::nullopt, std::nullopt,
                                     std::nullopt, std::nullopt, std::nullopt));
}

TEST(Answers, ASingleUnitNeedsNoBrackets) {
    EXPECT_THAT(find(read_answers("yhat = 4\n", "s", derivation()), "yhat").values, testing::ElementsAre(4.0));
    EXPECT_THAT(find(read_answers("yhat = [4]\r\n", "s", derivation()), "yhat").values, testing::ElementsAre(4.0));
}

std::string refusal(const std::string& text) {
    return message_of(ErrorKind::data, [&] { read_answers(text, "sheet.txt", derivation()); });
}

/// What is read for `l`, or the reason why it is not.
std::string read_as(const std::string& written) {
    const Answer answer = find(read_answers("l = " + written + "\n", "s", derivation()), "l");
    if (!answer.unreadable.empty()) {
        return answer.unreadable.front().reason;
    }
    if (!answer.values[0]) {
        return "blank";
    }
    return format_number(*answer.values[0]);
}

TEST(Answers, NumbersAreReadAsPeopleWriteThem) {
    const std::vector<std::pair<const char*, const char*>> forms{{"0.37", "0.37"},
                                                                 {"-0.37", "-0.37"},
                                                                 {"\u22120.37", "-0.37"},
                                                                 {"\u20130.37", "-0.37"},
                                                                 {"\u2212 0.37", "-0.37"},
                                                                 {"+0.37", "0.37"},
                                                                 {".5", "0.5"},
                                                                 {"-.5", "-0.5"},
                                                                 {"5.", "5"},
                                                                 {"0,37", "0.37"},
                                                                 {"-0,375", "-0.375"},
                                                                 {",00231", "0.00231"},
                                                                 {"\u2212,00231", "-0.00231"},
                                                                 {"- ,5", "-0.5"},
                                                                 {"0\u066B5", "0.5"},
                                                                 {"\uFF10\uFF0E\uFF15", "0.5"},
                                                                 {"\u0661.\u0665", "1.5"},
                                                                 {"**0.5**", "0.5"},
                                                                 {"1.0D-3", "0.001"},
                                                                 {"2,5d-3", "0.0025"},
                                                                 {"0.5.", "0.5"},
                                                                 {"0.333\u2026", "0.333"},
                                                                 {"(0.2/2)^2 = 0.01", "0.01"},
                                                                 {"(\u0177 - y)^2 = 0.01 (as above)", "0.01"},
                                                                 {"|0.5|", "0.5"},
                                                                 {"3,14159", "3.14159"},
                                                                 {"1/2", "0.5"},
                                                                 {"-3/4", "-0.75"},
                                                                 {"\u22123/4", "-0.75"},
                                                                 {"1 / 4", "0.25"},
                                                                 {"1 1/2", "1.5"},
                                                                 {"-2 1/4", "-2.25"},
                                                                 {"1\u00BD", "1.5"},
                                                                 {"\u00BE", "0.75"},
                                                                 {"-\u00BC", "-0.25"},
                                                                 {"2e-3", "0.002"},
                                                                 {"2E-3", "0.002"},
                                                                 {"2e\u22123", "0.002"},
                                                                 {"2\u00B710^-3", "0.002"},
                                                                 {"2\u00D710^\u22123", "0.002"},
                                                                 {"2 * 10^-3", "0.002"},
                                                                 {"2*10**-3", "0.002"},
                                                                 {"2x10^-3", "0.002"},
                                                                 {"2 \u00B7 10\u207B\u00B3", "0.002"},
                                                                 {"1.5\u22C510\u00B9\u00B2", "1.5e+12"},
                                                                 {"10^-3", "0.001"},
                                                                 {"-10^2", "-100"},
                                                                 {"2\u00B710^(-3)", "0.002"},
                                                                 {"1\u202F234.5", "1234.5"},
                                                                 {"1\u00A0234", "1234"},
                                                                 {"0.123\u2009456", "0.123456"},
                                                                 {"1'234.5", "1234.5"},
                                                                 {"1,234.5", "1234.5"},
                                                                 {"1.234,5", "1234.5"},
                                                                 {"1,234,567", "1234567"},
                                                                 {"(-0.37)", "-0.37"},
                                                                 {"$-0.37$", "-0.37"},
                                                                 {"0{,}37", "0.37"},
                                                                 {"$2\\cdot10^{-3}$", "0.002"},
                                                                 {"2\\times 10^{-3}", "0.002"},
                                                                 {"\\frac{1}{2}", "0.5"},
                                                                 {"$-\\tfrac34$", "-0.75"},
                                                                 {"\\num{1e-3}", "0.001"},
                                                                 {"1\\,234", "1234"},
                                                                 {"__2__", "2"},
                                                                 {"[ 2 ]", "2"},
                                                                 {"\u22480.37", "0.37"},
                                                                 {"____", "blank"},
                                                                 {"", "blank"},
                                                                 {"?", "blank"},
                                                                 {"\u2014", "blank"},
                                                                 {"-0", "-0"},
                                                                 {"1e-400", "0"}};
    for (const auto& [written, value] : forms) {
        EXPECT_EQ(read_as(written), value) << written;
    }
    EXPECT_GE(forms.size(), 50U);
}

TEST(Answers, ACellThatIsNoNumberSaysWhy) {
    for (const char* written :
         {"three", "nan", "inf",        "1e999", "2%",     "0.5m",  "1/0",       "1..2",   "--2",      "0x1F", "2*3",
          "2^10",  "1e",  "2\u00B710^", "1/2/3", "2e-3e4", "1,2,3", "\\sqrt{2}", "=A1+B2", "<script>", "\xFF"}) {
        const std::string reason = read_as(written);
        EXPECT_THAT(reason, testing::AnyOf(testing::HasSubstr("is not a number"), testing::HasSubstr("1 belong")))
            << written;
        EXPECT_THAT(reason, testing::StartsWith("line 1: ")) << written;
    }
    EXPECT_THAT(read_as("1,234"), testing::HasSubstr("before decimals or between thousands"));
    for (const char* written : {"0.5 m", "57 %", "57%", "50 percent"}) {
        EXPECT_THAT(read_as(written), testing::EndsWith("write the number alone, without percent or unit")) << written;
    }
}

TEST(Answers, ACommaStandsBeforeDecimalsWhereTheCountComesOutOnlySo) {
    using testing::ElementsAre;
    const auto z1 = [](const std::string& row) {
        return find(read_answers("z1 = [ " + row + " ]\n", "s", derivation()), "z1").values;
    };
    for (const char* row :
         {"0,5 -1,25 2 3,125", "0,5; -1,25; 2; 3,125", "0,5, -1,25, 2, 3,125", "0.5,-1.25,2,3.125",
          "0.5, -1.25, 2, 3.125", "0.5 & -1.25 & 2 & 3.125", "1/2 -5/4 2 3 1/8", "0.5\u2003-1.25\t2 3.125",
          "0.5\u00A0-1.25\u00A02\u00A03.125", "____ 0.5 ____ -1.25 __ 2 __ 3.125", ",5 -1,25 2 3,125",
          ",5, \u22121,25, 2, 3,125", "0,5,-1,25,2.,3,125", "0,5 ,-1,25 ,2 ,3,125", "0.5|-1.25|2|3.125",
          "[0.5],[-1.25],[2],[3.125]", "0.5\n-1.25\n2\n3.125", "0.5 \\\\ -1.25 \\\\ 2 \\\\ 3.125"}) {
        EXPECT_THAT(z1(row), ElementsAre(0.5, -1.25, 2.0, 3.125)) << row;
    }
    EXPECT_THAT(z1("0,5"), ElementsAre(std::nullopt, std::nullopt, std::nullopt, std::nullopt));
    EXPECT_THAT(z1("1,2,3,4"), ElementsAre(1.0, 2.0, 3.0, 4.0));
    EXPECT_THAT(z1("1,5;;2,5;"), ElementsAre(1.5, std::nullopt, 2.5, std::nullopt));
    EXPECT_THAT(z1("1.5, , 2.5, 3"), ElementsAre(1.5, std::nullopt, 2.5, 3.0));
    EXPECT_THAT(z1("1.5,,2.5,3"), ElementsAre(1.5, std::nullopt, 2.5, 3.0));
    EXPECT_THAT(z1("0,283,-0,0911,1,08,-1,8"), ElementsAre(0.283, -0.0911, 1.08, -1.8));  // one way alone
    EXPECT_THAT(z1("____"), ElementsAre(std::nullopt, std::nullopt, std::nullopt, std::nullopt));
    for (const char* row : {"0,0,0,189,0", "0,245,0,0,0", "1 ,2 ,3 ,4"}) {
        const auto answers = read_answers("z1 = [ " + std::string(row) + " ]\n", "s", derivation());
        EXPECT_EQ(find(answers, "z1").count_unreadable(), 4u) << row;
        EXPECT_THAT(find(answers, "z1").unreadable.front().reason,
                    testing::HasSubstr("write a point before decimals, or semicolons between numbers"));
    }
    // Blanks part cells: a number is missing, and 0,5 is not two of them.
    EXPECT_EQ(find(read_answers("z1 = [ 0,5 1 2 ]\n", "s", derivation()), "z1").count_unreadable(), 4u);
    // 1,234 beside 0,37 has decimals.
    const auto answers = read_answers("l = 1,234\nz1 = [0,5 1,5 2,5 3,5]\n", "s", derivation());
    EXPECT_THAT(find(answers, "l").values, ElementsAre(1.234));
}

TEST(Answers, RowsMayStandInLinesOfATableWithCommasOrSemicolons) {
    using testing::ElementsAre;
    for (const char* text :
         {"z1;0,5;-1,25;2;3\ndl/dW2;1;2;3;4;;;\nl;0,1\n", "z1,0.5,-1.25,2,3\ndl/dW2,1,2,3,4,,\nl,0.1\n",
          "\"z1\",\"0,5\",\"-1,25\",\"2\",\"3\"\n\"dl/dW2\",\"1\",\"2\",\"3\",\"4\"\n\"l\",\"0,1\"\n",
          "z1\t0,5\t-1,25\t2\t3\r\ndl/dW2\t1\t2\t3\t4\r\nl\t0,1\r\n"}) {
        const auto answers = read_answers(text, "s.csv", derivation());
        EXPECT_THAT(find(answers, "z1").values, ElementsAre(0.5, -1.25, 2.0, 3.0)) << text;
        EXPECT_THAT(find(answers, "dl/dW2").values, ElementsAre(1.0, 2.0, 3.0, 4.0)) << text;
        EXPECT_THAT(find(answers, "l").values, ElementsAre(0.1)) << text;
    }
    for (const char* text :
         {"dl/dW1;1;2;3\ndl/dW1;4;5;6\ndl/dW1;7;8;9\ndl/dW1;10;11;12\n", "dl/dW1;1;2;3\n;4;5;6\n;7;8;9\n;10;11;12\n",
          "dl/dW1\t1\t2\t3\t\r\n\t4\t5\t6\t\r\n\t7\t8\t9\t\r\n\t10\t11\t12\t\r\n",
          "dl/dW1;1;2;3\r;4;5;6\r;7;8;9\r;10;11;12\r", "dl/dW1|1|2|3\n|4|5|6\n|7|8|9\n|10|11|12\n",
          "| \u2202l/\u2202W\u207D\u00B9\u207E | 1 | 2 | 3 |\n| | 4 | 5 | 6 |\n| | 7 | 8 | 9 |\n| | 10 | 11 | 12 "
          "|\n"}) {
        EXPECT_EQ(find(read_answers(text, "s.csv", derivation()), "dl/dW1").values[11], 12.0) << text;
    }
}

TEST(Answers, AMatrixMayBeWrittenAsProgramsWriteIt) {
    for (const char* text :
         {"dl/dW1 = [[1, 2, 3], [4, 5, 6], [7, 8, 9], [10, 11, 12]]\n",
          "dl/dW1 = [[1 2 3]\n [4 5 6]\n [7 8 9]\n [10 11 12]]\n", "- `dl/dW1` = [1 2 3\n[4 5 6\n[7 8 9]\n[10 11 12\n",
          "dl/dW1 = [ 1 2 3 ]\r\u00A0\u00A0 [ 4 5 6 ]\r\u3000[ 7 8 9 ]\r[ 10 11 12 ]\r",
          "dl/dW1 = 1 2 3\n  4 5 6\n  7 8 9\n 10 11 12\n", "dl/dW1 =\n1 & 2 & 3 \\\\\n4&5&6\\\\\n7&8&9\\\\\n10&11&12\n",
          "dl/dW1 = [1 2 3; 4 5 6; 7 8 9; 10 11 12]\n", "dl/dW1 = 1 2 3; 4 5 6; 7 8 9; 10 11 12\n",
          "dl/dW1 = (1, 2, 3)\n(4, 5, 6)\n(7, 8, 9)\n(10, 11, 12)\n", "dl/dW1 = {{1,2,3},{4,5,6},{7,8,9},{10,11,12}}\n",
          "dl/dW1 = array([[1, 2, 3],\n       [4, 5, 6],\n [7, 8, 9], [10, 11, 12]], dtype=float32)\n",
          "$dl/dW1 = \\begin{bmatrix} 1 & 2 & 3 \\\\ 4 & 5 & 6 \\\\ 7 & 8 & 9 \\\\ 10 & 11 & 12 \\end{bmatrix}$\n",
          "dl/dW1 = \u03B4 x\u1D40 = [ 1 2 3 ]\n [ 4 5 6 ]\n [ 7 8 9 ]\n [ 10 11 12 ]\n"}) {
        const Answer answer = find(read_answers(text, "s", derivation()), "dl/dW1");
        EXPECT_TRUE(answer.unreadable.empty()) << text;
        EXPECT_EQ(answer.values[5], 6.0) << text;
        EXPECT_EQ(answer.values[11], 12.0) << text;
    }
}

TEST(Answers, AColumnMayStandUpright) {
    for (const char* text : {"z1 = [[1],[2],[3],[4]]\n", "z1 = [ 1 ]\n     [ 2 ]\n     [ 3 ]\n     [ 4 ]\n",
                             "z1 =\n1\n2\n3\n4\n", "z1 = (1, 2, 3, 4)^T\n", "z1 = [1\n2\n3\n4]\n"}) {
        EXPECT_THAT(find(read_answers(text, "s", derivation()), "z1").values, testing::ElementsAre(1.0, 2.0, 3.0, 4.0))
            << text;
    }
}

TEST(Answers, ADiagonalMatrixMayBeItsDiagonal) {
    for (const char* value : {"diag(1, 2, 0, 4)", "diag{1  2  0  4}", "np.diag([1, 2, 0, 4])",
                              "\\operatorname{diag}(1, 2, 0, 4)", "[ 1 2 0 4 ]", "diag(f'(z1)) = [ 1 2 0 4 ]"}) {
        const Answer answer =
            find(read_answers("dz2/dz1 = " + std::string(value) + "\n", "s", derivation()), "dz2/dz1");
        EXPECT_TRUE(answer.unreadable.empty()) << value;
        EXPECT_THAT(answer.values, testing::ElementsAre(1., 0., 0., 0., 0., 2., 0., 0., 0., 0., 0., 0., 0., 0., 0., 4.))
            << value;
    }
    for (const char* value : {"I", "I_4", "I\u2084", "eye(4)"}) {
        const Answer answer =
            find(read_answers("dz2/dz1 = " + std::string(value) + "\n", "s", derivation()), "dz2/dz1");
        EXPECT_EQ(answer.values[5], 1.0) << value;
        EXPECT_EQ(answer.values[6], 0.0) << value;
    }
    const auto reason = [](const char* value) {
        const Answer answer =
            find(read_answers("dz2/dz1 = " + std::string(value) + "\n", "s", derivation()), "dz2/dz1");
        EXPECT_EQ(answer.count_unreadable(), 16u) << value;
        return answer.unreadable.front().reason;
    };
    EXPECT_THAT(reason("[ 1 0 0 0 ]"), testing::HasSubstr("the first or the diagonal; write diag( … ), or all 4 rows"));
    EXPECT_EQ(reason("diag(1, 2, 3)"), "line 1: 3 numbers on a diagonal where 4 belong");
    EXPECT_THAT(reason("diag(1,2,3)"), testing::HasSubstr("3 numbers on a diagonal"));
    EXPECT_THAT(reason("diag(0,1,0,0,2)"), testing::HasSubstr("write a point before decimals"));
    // What is no diagonal matrix is not filled up.
    EXPECT_EQ(find(read_answers("dl/dW1 = [ 1 2 3 ]\n", "s", derivation()), "dl/dW1").count_unreadable(), 9u);
}

TEST(Answers, SymbolsAreUnderstoodAsPeopleWriteThem) {
    for (const auto& [symbol, written] : std::vector<std::pair<const char*, const char*>>{
             {"z1", "z\u2081 ="},
             {"z1", "z_1 ="},
             {"z1", "z_{1} ="},
             {"z1", "$z_1$ ="},
             {"z1", "Z1 ="},
             {"z1", "z1:"},
             {"z1", "z1 :="},
             {"z1", "z1 ->"},
             {"z1", "1. **z1**:"},
             {"z1", "Step 2: z1 ="},
             {"z1", "z1\u00A0="},
             {"z1", "z1"},
             {"z1", "z\u2081 = W\u207D\u00B9\u207Ex + b\u207D\u00B9\u207E ="},
             {"dl/dz1", "\u2202l/\u2202z\u2081 ="},
             {"dl/dz1", "\u03B4\u2081\u1D40 ="},
             {"dl/dz1", "DL/DZ1 ="},
             {"dl/dz1", "\\frac{\\partial l}{\\partial z_1} ="},
             {"dl/db1", "\u2202l/\u2202b\u207D\u00B9\u207E ="},
             {"dl/db1", "dL/db^{(1)} ="},
             {"dl/db1", "dl/db_1 ="},
             {"dl/db1", "db1 ="},
             {"linear1.bias", "linear1_bias ="}}) {
        const auto answers = read_answers(std::string(written) + " [ 1 2 3 4 ]\n", "s", derivation());
        EXPECT_THAT(find(answers, symbol).values, testing::ElementsAre(1.0, 2.0, 3.0, 4.0)) << written;
    }
    for (const char* line : {"L = 0,25", "loss = 0.25", "l: 0.25", "\u2113 = 1/4",
                             "l = \u2016\u0177 \u2212 y\u2016\u00B2 = 0.25", "L;0,25"}) {
        EXPECT_THAT(find(read_answers(std::string(line) + "\n", "s", derivation()), "l").values,
                    testing::ElementsAre(0.25))
            << line;
    }
    EXPECT_THAT(find(read_answers("\u0177 = [ 4 ]\n", "s", derivation()), "yhat").values, testing::ElementsAre(4.0));
}

TEST(Answers, ALineThatIsNotUnderstoodCostsItselfAndIsNamed) {
    for (const char* symbol : {"dl/da1", "z4", "a1", "z(1)", "dz3/dz2", "dyhat/dz1"}) {
        const ReadSheet read =
            read_sheet("l = 1\nz1 = [ 1 2 3 4 ]\ndyhat/dz3 = [ 1 ]\n" + std::string(symbol) + " = [ 1 2 3 4 ]\n", "s",
                       derivation());
        EXPECT_THAT(read.remarks,
                    testing::ElementsAre("line 4: " + std::string(symbol) +
                                         " is no symbol that the sheet asks for; its numbers were left out"));
        EXPECT_THAT(find(read.answers, "z1").values, testing::ElementsAre(1.0, 2.0, 3.0, 4.0)) << symbol;
    }
    // Components, formulas and what stands on every sheet are no answers, and nothing is said of them.
    for (const char* prose : {"(z1)_2 = 5", "z1_2 = 5", "W1 = [ 1 2 3 ]", "x = [ 1 2 3 ]", "n = 4 inputs",
                              "the loss = 5", "\u2202l/\u2202\u0177 = 2(\u0177 \u2212 y)\u1D40   1\u00D71   Eq. (11)",
                              "\u2202\u0177/\u2202z\u2083 = I, diagonal   1\u00D71"}) {
        const ReadSheet read = read_sheet("l = 1\n" + std::string(prose) + "\n", "s", derivation());
        EXPECT_TRUE(read.remarks.empty()) << prose;
        for (const Answer& answer : read.answers) {
            EXPECT_TRUE(answer.symbol == "l" || !answer.values[0]) << prose << answer.symbol;
        }
    }
    EXPECT_TRUE(read_sheet(sheet(), "s", derivation()).remarks.empty());
}

TEST(Answers, OfTwoLinesForOneSymbolABlankOrALooseOneDoesNotCount) {
    for (const char* text : {"z1 = [ ____ ____ ____ ____ ]\nz1 = [ 1 2 3 4 ]\n", "z1 = [ 1 2 3 4 ]\nz1 = [ ____ ]\n",
                             "z1 = [ 1 2 3 4 ]\nz\u2081 = [ 5 6 7 8 ]\n", "Z1: [ 5 6 7 8 ]\nz1 = [ 1 2 3 4 ]\n"}) {
        EXPECT_THAT(find(read_answers(text, "s", derivation()), "z1").values, testing::ElementsAre(1.0, 2.0, 3.0, 4.0))
            << text;
    }
    EXPECT_THAT(read_sheet("l = 1\nloss 5\n", "s", derivation()).remarks,
                testing::ElementsAre("line 2: left out, since line 1 answers l"));
}

TEST(Answers, TheUnitOfTheLastDigitIsKnown) {
    const auto unit = [](const char* written) {
        return find(read_answers("l = " + std::string(written) + "\n", "s", derivation()), "l").units[0];
    };
    EXPECT_DOUBLE_EQ(unit("0.37"), 0.01);
    EXPECT_DOUBLE_EQ(unit("3.70e-5"), 1e-7);
    EXPECT_DOUBLE_EQ(unit("12"), 1.0);
    EXPECT_EQ(unit("1/3"), 0.0);
    const auto json =
        read_answers(R"({"loss":0.25,"forward":[{"symbol":"z1","value":[1,2e-5,"0,5",null]}]})", "s", derivation());
    EXPECT_DOUBLE_EQ(find(json, "l").units[0], 0.01);
    EXPECT_DOUBLE_EQ(find(json, "z1").units[1], 1e-5);
    EXPECT_EQ(find(json, "z1").values[2], 0.5);
}

struct Lost {
    const char* text;
    const char* symbol;
    std::size_t numbers;
    const char* reason;
};

TEST(Answers, WhatCannotBeReadCostsItsCellOrItsRowAndIsTold) {
    for (const auto& [text, symbol, numbers, reason] :
         {Lost{"Notes\nz1 = [ 1 2 three 4 ]\n", "z1", 1, "line 2: 'three' is not a number"},
          Lost{"z1 = [ 1 2 3 ]\n", "z1", 4,
               "line 1: 3 numbers in a row where 4 belong; it is a column of 4, written in one [ ]"},
          Lost{"dl/dW1 = [1 2 3][1 2][4 5 6][7 8 9]\n", "dl/dW1", 3,
               "line 1: 2 numbers in a row where 3 belong; it is 4x3, with one [ ] for each row"},
          Lost{"dl/dW1 = [ 1 2 3 ]\n[ 1 2 3 ]\n\n", "dl/dW1", 6,
               "line 1: 2 of 4 rows stand there; it is 4x3, with one [ ] for each row"},
          Lost{"z1 = [ 1 2 3 4 ]\nz1 = [ 1 2 3 5 ]\n", "z1", 4, "line 2: z1 is answered again; line 1 has it already"},
          Lost{R"({"forward":[{"symbol":"z1","value":[1,2,3]}]})", "z1", 4, "a list of 4 belongs there"},
          Lost{R"({"forward":[{"symbol":"z1","value":[1,"two",true,4]}]})", "z1", 2, "'two' is not a number"}}) {
        const Answer answer = find(read_answers(text, "sheet.txt", derivation()), symbol);
        ASSERT_FALSE(answer.unreadable.empty()) << text;
        EXPECT_EQ(answer.unreadable.front().reason, reason) << text;
        EXPECT_EQ(answer.count_unreadable(), numbers) << text;
        EXPECT_EQ(std::ranges::count_if(answer.values, [](const auto& v) { return v.has_value(); }),
                  static_cast<std::ptrdiff_t>(answer.values.size() - numbers))
            << text;
    }
}

TEST(Answers, ASheetSaysItsRowAndItsDigits) {
    const auto written = [](const explain::SheetOptions& options) {
        return document::render_text(explain::compose(explained::explanation(1), options));
    };
    EXPECT_EQ(sheet_says(written({.blank = true}), "s").row, 2U);
    EXPECT_EQ(sheet_says(written({.blank = true}), "s").digits, 3);
    EXPECT_EQ(sheet_says(written({.blank = true, .digits = 5}), "s").digits, 5);
    EXPECT_EQ(sheet_says(R"({"row":{"number":4},"digits":2})", "s").digits, 2);
    EXPECT_FALSE(sheet_says("z1 = [ 1 ]\n", "s").digits);
    EXPECT_EQ(sheet_says("Digits wanted: 99999999999999999999\nDigits wanted: 0", "s").digits, std::nullopt);
    EXPECT_EQ(sheet_says("Digits wanted: 0\n", "s").digits, explain::fewest_digits);
}

TEST(Answers, ANoteBehindASingleNumberIsLeftOut) {
    EXPECT_THAT(find(read_answers("l = 0.5   (beside it the penalty ½ = 3)\n", "s", derivation()), "l").values,
                testing::ElementsAre(0.5));
}

TEST(Answers, WhatIsNoSheetIsRefused) {
    const std::string belongs = "a sheet that explain wrote for this row belongs there";
    EXPECT_EQ(refusal(""), "sheet.txt: there is nothing in the file; " + belongs);
    EXPECT_EQ(refusal(" \r\n\n"), "sheet.txt: there is nothing in the file; " + belongs);
    EXPECT_EQ(refusal("x = [ 1 2 ]\nArea,rooms\n"),
              "sheet.txt: no line answers a symbol, such as `z1 = [ … ]`; " + belongs);
    EXPECT_EQ(refusal("{}"), "sheet.txt: no line answers a symbol, such as `z1 = [ … ]`; " + belongs);
    EXPECT_THAT(refusal("Digits wanted: 3\nnothing"), testing::HasSubstr("no line answers a symbol"));
    EXPECT_EQ(refusal(std::string("PK\3\4\0\0", 6)), "sheet.txt: byte 4 is 0, so this is no text; " + belongs);
    EXPECT_EQ(refusal(std::string("\xFF\xFEz\0", 4)), "sheet.txt: the text is in UTF-16; save it in UTF-8");
}

TEST(Answers, SymbolsOfAnotherNetworkAreRefused) {
    const std::string has =
        " is no quantity of this network, which has z1, z2, z3, yhat, l, dl/dyhat, dyhat/dz3, dz2/dz1, dl/dz3, dl/dz1, "
        "dl/dW1, dl/db1, dl/dW2, dl/db2, linear1.weight, linear1.bias, linear2.weight, linear2.bias; take the model "
        "that the sheet was written for";
    for (const char* symbol : {"z4", "dyhat/dz5", "dl/dW3", "linear3.bias"}) {
        EXPECT_EQ(refusal("yhat = 1\n" + std::string(symbol) + " = [ 1 ]\n"), "sheet.txt:2: " + (symbol + has));
    }
    EXPECT_EQ(refusal(R"({"loss":1,"forward":[{"symbol":"z5","value":[1]}]})"), "sheet.txt: forward: z5" + has);
}

std::string row_refusal(const std::string& text, std::size_t row) {
    return raised([&] { check_row_of_sheet(text, "sheet.txt", row); });
}

TEST(Answers, ASheetAboutAnotherRowIsRefused) {
    const std::string cause = "data: sheet.txt: the sheet is about row 1, not row 2; mark it as that row {row=1}";
    for (const std::string& text :
         {sheet(), document::render_markdown(explain::compose(explained::explanation(), {.blank = true})),
          std::string(R"({"row":{"number":1}})")}) {
        EXPECT_EQ(row_refusal(text, 1), "nothing");
        EXPECT_EQ(row_refusal(text, 2), cause);
    }
    EXPECT_EQ(row_refusal("z1 = [ 1 ]\n", 2), "nothing");
    EXPECT_EQ(row_refusal("{}", 2), "nothing");
    EXPECT_THAT(row_refusal("", 2), testing::HasSubstr("nothing in the file"));
}

TEST(Answers, JsonIsReadByTheSameSymbols) {
    const auto answers = read_answers(
        R"({"loss":2,"forward":[{"symbol":"z1","value":[1,null,-2.5,4]},{"symbol":"z2"}],)"
        R"("backward":[{"symbol":"dl/dW2","value":[[1,2,3,4]]}],"update":[{"parameter":"linear1.bias","value":[1,2,3,4]}]})",
        "sheet.json", derivation());
    EXPECT_THAT(find(answers, "z1").values, testing::ElementsAre(1.0, std::nullopt, -2.5, 4.0));
    EXPECT_THAT(find(answers, "l").values, testing::ElementsAre(2.0));
    EXPECT_THAT(find(answers, "dl/dW2").values, testing::ElementsAre(1.0, 2.0, 3.0, 4.0));
    EXPECT_THAT(find(answers, "linear1.bias").values, testing::ElementsAre(1.0, 2.0, 3.0, 4.0));
    EXPECT_FALSE(find(answers, "z2").values[0]);
}

TEST(Answers, WhatIsNoJsonIsRefused) { EXPECT_THAT(refusal("{\"loss\":"), testing::HasSubstr("not JSON")); }

}  // namespace
}  // namespace handgrad::compare
