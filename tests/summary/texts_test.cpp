// Texts of results speak for every front end: no option of the program, nothing wider than a screen.
#include "handgrad/summary/texts.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "handgrad/base/utf8.hpp"
#include "handgrad/compare/comparison.hpp"
#include "handgrad/summary/comparison_text.hpp"
#include "tests/support/fixed_options.hpp"
#include "tests/support/tables.hpp"

namespace handgrad::summary {
namespace {

using testing::HasSubstr;
using testing::Not;

Table table() {
    return read_csv(csv_lines("a,b,y", 40,
                              [](std::size_t row) {
                                  const auto x = static_cast<double>(row);
                                  return comma_separated({x, 1.0 / (x + 1.0), 2.0 * x});
                              }),
                    "t.csv", {});
}
FitResult trained() {
    FitOptions options = fixed_options();
    options.columns.targets = {"y"};
    options.hidden = {4};
    options.training.epochs = 100;
    options.training.optimizer.learning_rate = 0.05;
    options.validation = HeldOut{};
    return fit(table(), options);
}

std::size_t widest(const std::string& text) {
    std::size_t width = 0;
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t end = std::min(text.find('\n', at), text.size());
        width = std::max(width, display_width(std::string_view(text).substr(at, end - at)));
        at = end + 1;
    }
    return width;
}

TEST(Texts, SayNoOptionAndFitAScreen) {
    const FitResult result = trained();
    const Model& model = result.model;
    const Table rows = table();
    std::vector<NamedArray> theirs{
        {.name = "linear1.bias", .shape = {4}, .values = {1.0, 2.0, 3.0, 4.0}, .digits = 53}};
    const diagnose::Diagnosis diagnosis = diagnose::diagnose(model, rows, {});
    for (const std::string& text :
         {evaluation_text(evaluate(model, rows), model), certificate_text(certify::certify(model, rows)),
          sensitivity_text(diagnose::sensitivity(model, rows), rows.rows), diagnosis_text(diagnosis, {}, rows, ""),
          comparison_text(compare::compare_gradients(model, rows, theirs, "mine.npz"), model), fit_text(result, {})}) {
        EXPECT_THAT(text, Not(HasSubstr("--"))) << text;
        EXPECT_LE(widest(text), 100) << text;
    }
    EXPECT_THAT(model_text(model, "a model", ""), HasSubstr("parameters_hash"));
    EXPECT_THAT(model_text(model, "a model", ""), Not(HasSubstr("\nfile ")));
    EXPECT_THAT(model_text(model, "a model", "00"), HasSubstr("\nfile "));
}

TEST(Texts, AFrontEndSaysWhatToDoNext) {
    const std::string text = fit_text(trained(), {.hold_out = "Keep some back.", .look_at = "Look here"});
    EXPECT_THAT(text, HasSubstr("Keep some back."));
    EXPECT_THAT(text, Not(HasSubstr("Look here")));  // there is nothing to warn of
    EXPECT_THAT(diagnosis_text(diagnose::diagnose(trained().model, table(), {}), {}, table(), "Advice\n"),
                HasSubstr("Advice\n"));
}

}  // namespace
}  // namespace handgrad::summary
