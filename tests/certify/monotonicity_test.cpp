// The promise of monotone columns: kept for all x, taken back by one weight, and never made up.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <variant>
#include <vector>

#include "handgrad/certify/certificate.hpp"
#include "handgrad/train/fit.hpp"
#include "tests/support/draw.hpp"
#include "tests/support/fixed_options.hpp"
#include "tests/support/tables.hpp"

namespace handgrad::certify {
namespace {

Table table() {
    Draw draw(3, 2);
    return read_csv(csv_lines("a,b,y", 50,
                              [&](std::size_t) {
                                  const double a = draw.uniform(0.0, 9.0), b = draw.uniform(-4.0, 4.0);
                                  return comma_separated({a, b, a + b * b + draw.uniform(-3.0, 3.0)});
                              }),
                    "t.csv", ReadOptions{.delimiter = ','});
}

Model model_of(std::vector<std::string> monotone, bool in_double = false) {
    FitOptions options = fixed_options();
    options.columns.targets = {"y"};
    options.hidden = {7, 5};
    options.use_double = in_double;
    options.training.epochs = 30;
    options.monotone = std::move(monotone);
    return fit(table(), options).model;
}

TEST(Monotonicity, IsCertifiedByTheSignsAndSeenInSlopes) {
    for (const bool in_double : {false, true}) {
        const Certificate certificate = certify(model_of({"a+"}, in_double), table());
        EXPECT_EQ(certificate.verdict, Verdict::pass);
        EXPECT_EQ(certificate.monotone.verdict, Verdict::pass);
        EXPECT_THAT(certificate.monotone.columns, testing::ElementsAre("a+"));
        EXPECT_EQ(certificate.monotone.broken_by, "");
        EXPECT_EQ(certificate.monotone.slopes, 50U + 16U * 33U);
        EXPECT_EQ(certificate.monotone.against, 0U);
    }
}

TEST(Monotonicity, OneWeightOfTheWrongSignFailsItAndIsNamed) {
    Model model = model_of({"a+"});
    Mlp& net = std::get<Mlp>(model.net);
    net.weight(1)(2, 4) = -1e-30F;  // too small for any slope to show
    Certificate certificate = certify(model, table());
    EXPECT_EQ(certificate.verdict, Verdict::fail);
    EXPECT_EQ(certificate.monotone.broken_by, "linear2.weight [2,4] = -1e-30 must not be below 0");
    EXPECT_EQ(certificate.monotone.against, 0U);
    for (std::size_t k = 0; k < 7; ++k) {  // the opposite of what is promised
        net.weight(0)(k, 0) = k % 2 == 0 ? -1.0F : 1.0F;
    }
    certificate = certify(model, table());
    EXPECT_THAT(certificate.monotone.broken_by, testing::StartsWith("linear1.weight [0,0] = -1 "));
    EXPECT_GT(certificate.monotone.against, 100U);
}

TEST(Monotonicity, NothingIsClaimedOfAModelThatPromisesNothing) {
    Model model = model_of({});
    const CertifiedMonotone none = certify(model, table()).monotone;
    EXPECT_TRUE(none.columns.empty());
    EXPECT_EQ(none.slopes, 0U);
    model.settings["monotone"] = std::vector<std::string>{"a+"};  // somebody writes it into the file
    EXPECT_EQ(certify(model, table()).verdict, Verdict::fail);
    model.settings["monotone"] = std::vector<std::string>{"town+"};
    EXPECT_THAT(certify(model, table()).monotone.broken_by,
                testing::StartsWith("the model: there is no column 'town'"));
}

}  // namespace
}  // namespace handgrad::certify
