// Suggestions for mistyped names: what counts as near, and what does not.
#include "handgrad/base/suggest.hpp"

#include <gtest/gtest.h>

#include <ctime>
#include <string>
#include <vector>

namespace handgrad {
namespace {

const std::vector<std::string> columns = {"age", "bmi", "learning_rate", "blood pressure", "Target"};

TEST(Suggest, OneEditInAShortNameIsNear) {
    EXPECT_EQ(did_you_mean("agee", columns), " (did you mean 'age'?)");
    EXPECT_EQ(did_you_mean("bm", columns), " (did you mean 'bmi'?)");
}

TEST(Suggest, SwappedNeighboursCountAsOneEdit) { EXPECT_EQ(did_you_mean("aeg", columns), " (did you mean 'age'?)"); }

TEST(Suggest, CaseDoesNotCount) {
    EXPECT_EQ(did_you_mean("target", columns), " (did you mean 'Target'?)");
    EXPECT_EQ(did_you_mean("AGE", columns), " (did you mean 'age'?)");
}

TEST(Suggest, LongNamesMayDifferByAThirdOfTheirBytes) {
    EXPECT_EQ(did_you_mean("learnig-rate", columns), " (did you mean 'learning_rate'?)");
}

TEST(Suggest, NothingIsSaidWhenNothingIsNear) {
    EXPECT_EQ(did_you_mean("weight", columns), "");
    EXPECT_EQ(did_you_mean("xyz", columns), "");
    EXPECT_EQ(did_you_mean("", {}), "");
    const std::vector<std::string> letters = {"x"};
    EXPECT_EQ(did_you_mean("y", letters), "");  // one edit would replace the whole name
}

TEST(Suggest, TheNearestWinsAndTheFirstAmongEquals) {
    const std::vector<std::string> names = {"hiddem", "hidden", "hiddes"};
    EXPECT_EQ(did_you_mean("hidden", names), " (did you mean 'hidden'?)");
    EXPECT_EQ(did_you_mean("hiddex", names), " (did you mean 'hiddem'?)");
}

TEST(DidYouMean, LongWordsAndEndlessListsCostNothing) {
    const std::string word(256, 'a'), longer(257, 'a');
    const std::vector<std::string> near{word.substr(1) + "b", longer.substr(1) + "bc"};
    EXPECT_NE(did_you_mean(word, near), "");
    EXPECT_EQ(did_you_mean(longer, near), "");
    const std::vector<std::string> many(50'000, std::string(256, 'b'));
    [[maybe_unused]] const std::clock_t begin = std::clock();
    EXPECT_EQ(did_you_mean(word, many), "");
#if !defined(__SANITIZE_ADDRESS__)  // which takes many times as long
    EXPECT_LT(std::clock() - begin, 5 * CLOCKS_PER_SEC);
#endif
}

}  // namespace
}  // namespace handgrad
