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

TEST(Answers, MistakesAreNamedWithTheirLine) {
    EXPECT_EQ(refusal("Notes\nz1 = [ 1 2 three 4 ]\n"),
              "sheet.txt:2: z1: 'three' is not a number; leave ____ for a blank");
    EXPECT_EQ(refusal("z1 = [ 1 2 3 ]\n"),
              "sheet.txt:1: z1 has 3 numbers in a row where 4 belong; it is a column of 4, written in one [ ]");
    EXPECT_EQ(refusal("z1 = [ 1 2 3 4 5 ]\n"),
              "sheet.txt:1: z1 has 5 numbers in a row where 4 belong; it is a column of 4, written in one [ ]");
    EXPECT_EQ(refusal("dl/dW1 = [ 1 2 3 4 ]\n"),
              "sheet.txt:1: dl/dW1 has 4 numbers in a row where 3 belong; it is 4x3, with one [ ] for each row");
    EXPECT_EQ(refusal("z1 = [ 1 2 3 4\nz2 = [ 1 2 3 4 ]\n"), "sheet.txt:1: a ] is missing");
    EXPECT_EQ(refusal("z1 = [ 1 2 3 4 ]\nz1 = [ 1 2 3 4 ]\n"), "sheet.txt:2: z1 is answered twice");
    EXPECT_EQ(refusal("z1 = 1 2 3 4\n"), "sheet.txt:1: z1 has 0 of 1 rows; each stands in [ ]");
    EXPECT_EQ(refusal("dl/dW1 = [ 1 2 3 ]\n[ 1 2 3 ]\n\n"), "sheet.txt:2: dl/dW1 has 2 of 4 rows; each stands in [ ]");
    EXPECT_EQ(refusal("yhat = 1 2\n"),
              "sheet.txt:1: yhat has 2 numbers in a row where 1 belong; it is a column of 1, written in one [ ]");
    EXPECT_EQ(refusal("l = 1e999\n"), "sheet.txt:1: l: '1e999' is not a number; leave ____ for a blank");
    EXPECT_EQ(refusal("l = nan\n"), "sheet.txt:1: l: 'nan' is not a number; leave ____ for a blank");
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

TEST(Answers, MistakesInJsonAreNamedBySymbol) {
    EXPECT_EQ(refusal(R"({"forward":[{"symbol":"z1","value":[1,2,3]}]})"), "sheet.txt: z1: a list of 4 belongs there");
    EXPECT_EQ(refusal(R"({"loss":"two"})"), "sheet.txt: l: \"two\" is not a number; leave null for a blank");
    EXPECT_THAT(refusal("{\"loss\":"), testing::HasSubstr("not JSON"));
}

}  // namespace
}  // namespace handgrad::compare
