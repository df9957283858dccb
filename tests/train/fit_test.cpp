// Fitting a model to a table: the decisions made for the user, the splits, the results, and what is refused.
#include "handgrad/train/fit.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <string>
#include <vector>

#include "handgrad/base/error.hpp"
#include "handgrad/train/prediction.hpp"
#include "tests/support/draw.hpp"
#include "tests/support/fixed_options.hpp"
#include "tests/support/tables.hpp"

namespace handgrad {
namespace {

Table csv(const std::string& text) { return read_csv(text, "t.csv", ReadOptions{.delimiter = ','}); }

/// x, and y by `formula` of x as text.
template <class Formula>
Table table(std::size_t rows, Formula formula) {
    Draw draw(3, 55);
    const auto line = [&](std::size_t) {
        const double x = draw.uniform(-2.0, 2.0);
        return format_number(x) + "," + formula(x);
    };
    return csv(csv_lines("x,y", rows, line));
}
Table regression_table() {
    return table(100, [](double x) { return format_number(std::sin(x)); });
}
Table class_table() {
    return table(100, [](double x) { return x > 0.3 ? std::string("yes") : std::string("no"); });
}

FitOptions options_for(const std::string& target = "y") {
    FitOptions options = fixed_options();
    options.columns.targets = {target};
    options.hidden = {8};
    options.training.epochs = 5;
    return options;
}

struct Heard {
    FitResult result;
    std::string notices;
};
Heard fit_and_listen(const Table& table, const FitOptions& options) {
    Heard heard;
    heard.result =
        fit(table, options, {.on_notice = [&](const Notice& notice) { heard.notices += notice.text + "\n"; }});
    return heard;
}

struct Refusal {
    ErrorKind kind;
    std::string what;
};
Refusal refusal(const Table& table, const FitOptions& options) {
    try {
        fit(table, options);
    } catch (const Error& error) {
        return {error.kind(), error.what()};
    }
    return {ErrorKind::io, "accepted"};
}

TEST(Fit, NumbersBecomeRegressionByIdentityAndSquaredErrorWithAScaledTarget) {
    const Heard heard = fit_and_listen(regression_table(), options_for());
    const Model& model = heard.result.model;
    EXPECT_EQ(model.preprocessing.task, Task::regression);
    EXPECT_EQ(model.architecture().output, Activation::identity);
    EXPECT_EQ(model.loss.kind, Loss::squared_error);
    EXPECT_NE(model.preprocessing.targets[0].scale, 1.0);
    EXPECT_EQ(model.architecture().sizes, (std::vector<std::size_t>{1, 8, 1}));
    EXPECT_THAT(heard.notices,
                testing::AllOf(testing::HasSubstr("task: regression"), testing::HasSubstr("target scaling: on"),
                               testing::HasSubstr("validation: 20 of 100 rows")));
}

TEST(Fit, TwoTextsBecomeOneSigmoidWithBinaryCrossEntropyTheSecondClassPositive) {
    const Heard heard = fit_and_listen(class_table(), options_for());
    const Model& model = heard.result.model;
    EXPECT_EQ(model.architecture().output, Activation::sigmoid);
    EXPECT_EQ(model.loss.kind, Loss::binary_cross_entropy);
    EXPECT_EQ(model.architecture().outputs(), 1u);
    EXPECT_THAT(model.preprocessing.classes, testing::ElementsAre("no", "yes"));
    EXPECT_THAT(heard.notices, testing::HasSubstr("classes: 'no', 'yes'"));
}

TEST(Fit, ManyClassesBecomeSoftmaxWithCrossEntropy) {
    const Table three = table(60, [](double x) { return std::to_string(x > 1 ? 5 : x > 0 ? 2 : 0); });
    const FitResult result = fit(three, options_for());
    EXPECT_EQ(result.model.architecture().output, Activation::softmax);
    EXPECT_EQ(result.model.architecture().outputs(), 3u);
    EXPECT_EQ(result.model.loss.kind, Loss::cross_entropy);
    EXPECT_THAT(result.model.preprocessing.classes, testing::ElementsAre("0", "2", "5"));
}

TEST(Fit, TwoClassesTakeSoftmaxWhenAskedTo) {
    FitOptions options = options_for();
    options.output_activation = Activation::softmax;
    const FitResult result = fit(class_table(), options);
    EXPECT_EQ(result.model.architecture().outputs(), 2u);
    EXPECT_EQ(result.model.loss.kind, Loss::cross_entropy);
}

TEST(Fit, SquaredErrorOnTwoClassesKeepsTheSigmoidOfTheDerivation) {
    FitOptions options = options_for();
    options.loss = Loss::squared_error;
    const FitResult result = fit(class_table(), options);
    EXPECT_EQ(result.model.architecture().output, Activation::sigmoid);
    EXPECT_EQ(result.model.loss.kind, Loss::squared_error);
}

TEST(Fit, CountsUnderPoissonAreARegression) {
    const Table counts = table(80, [](double x) { return std::to_string(x > 1 ? 4 : x > 0 ? 1 : 0); });
    FitOptions options = options_for();
    options.loss = Loss::poisson;
    const FitResult result = fit(counts, options);
    EXPECT_EQ(result.model.preprocessing.task, Task::regression);
    EXPECT_EQ(result.model.architecture().output, Activation::exp);
    EXPECT_EQ(result.model.preprocessing.targets[0].scale, 1.0);
}

TEST(Fit, OneClassTrainsAConstantPredictorAndWarns) {
    const Table one = table(30, [](double) { return std::string("same"); });
    const Heard heard = fit_and_listen(one, options_for());
    EXPECT_THAT(heard.notices, testing::HasSubstr("warning: the target has one class only"));
    EXPECT_EQ(heard.result.train_metrics[0], (std::pair<std::string, double>("accuracy", 1.0)));
}

TEST(Fit, RefusesAnOutputThatLeavesTheDomainOfTheLoss) {
    FitOptions options = options_for();
    options.output_activation = Activation::identity;
    options.loss = Loss::binary_cross_entropy;
    const Refusal r = refusal(regression_table(), options);
    EXPECT_EQ(r.kind, ErrorKind::usage);
    EXPECT_THAT(r.what, testing::AllOf(testing::HasSubstr("identity"), testing::HasSubstr("binary_cross_entropy")));
}

TEST(Fit, RefusesTargetsOutsideTheDomainOfTheLossNamingTheLine) {
    FitOptions options = options_for();
    options.loss = Loss::binary_cross_entropy;
    options.task = Task::regression;
    const Refusal r = refusal(csv("x,y\n1,0.5\n2,1.5\n3,0.25\n4,0.125\n5,0\n"), options);
    EXPECT_EQ(r.kind, ErrorKind::data);
    EXPECT_THAT(r.what, testing::StartsWith("t.csv:3: column 'y': 1.5 is outside the domain of the loss"));
}

TEST(Fit, RefusesToScaleATargetThatIsTiedToARange) {
    FitOptions options = options_for();
    options.scale_target = true;
    EXPECT_EQ(refusal(class_table(), options).kind, ErrorKind::usage);
    options.output_activation = Activation::sigmoid;
    options.task = Task::regression;
    EXPECT_EQ(refusal(regression_table(), options).kind, ErrorKind::usage);
}

TEST(Fit, PreprocessingIsFittedOnTheTrainingRowsAlone) {
    FitOptions options = options_for();
    options.validation = {.fraction = 0.5};
    const Table data = regression_table();
    const FitResult half = fit(data, options);
    options.validation = {.fraction = 0.0};
    const FitResult all = fit(data, options);
    EXPECT_NE(half.model.preprocessing.features[0].shift, all.model.preprocessing.features[0].shift);
    EXPECT_TRUE(all.validation_metrics.empty());
    EXPECT_EQ(all.baseline_on, "train");
    EXPECT_EQ(half.baseline_on, "validation");
}

TEST(Fit, TrivialBaselineOnItsOwnRowsHasR2Zero) {
    FitOptions options = options_for();
    options.validation = {.fraction = 0.0};
    options.use_double = true;
    const FitResult result = fit(regression_table(), options);
    ASSERT_EQ(result.baseline[0].first, "r2");
    EXPECT_NEAR(result.baseline[0].second, 0.0, 1e-12);
}

TEST(Fit, AValidationTableOfItsOwnIsScoredAsEvaluateDoes) {
    const Table data = regression_table(), other = table(30, [](double x) { return format_number(x); });
    FitOptions options = options_for();
    options.validation = {.table = &other};
    double reported = 0.0;
    const FitResult result = fit(data, options, {.on_epoch = [&](const EpochReport& r, const Metrics&) {
                                     reported = r.validation_loss;
                                     return true;
                                 }});
    const Evaluation again = evaluate(result.model, other);
    EXPECT_EQ(again.loss, reported);
    EXPECT_EQ(again.metrics, result.validation_metrics);
    EXPECT_EQ(again.rows, 30u);
}

TEST(Fit, DivergenceKeepsTheLastGoodWeightsAndSaysWhere) {
    FitOptions options = options_for();
    options.training.optimizer = {.kind = OptimizerKind::sgd, .learning_rate = 1e6};
    const FitResult result = fit(regression_table(), options);
    ASSERT_TRUE(result.diverged.has_value());
    EXPECT_THAT(*result.diverged, testing::HasSubstr("epoch 1, batch"));
    EXPECT_EQ(result.training.best_epoch, 0u);
    EXPECT_TRUE(std::isfinite(result.train_metrics[0].second));
}

TEST(Fit, WeightsComeFromAFileWhenAskedTo) {
    const std::filesystem::path file = std::filesystem::path(testing::TempDir()) / "fit_init.safetensors";
    FitOptions options = options_for();
    const FitResult first = fit(regression_table(), options);
    save_model(file, first.model);
    options.init_from = file;
    options.training.epochs = 0;
    const FitResult again = fit(regression_table(), options);
    EXPECT_EQ(parameters_hash(again.model), parameters_hash(first.model));
    EXPECT_EQ(again.training.best_epoch, 0u);
    options.hidden = {9};
    EXPECT_EQ(refusal(regression_table(), options).kind, ErrorKind::model);
    std::filesystem::remove(file);
}

TEST(Fit, ColumnsDroppedAtTrainingMayBeThereAtPredictAndMayBeAbsent) {
    FitOptions options = options_for();
    options.columns.drop = {"id"};
    const FitResult result = fit(csv("id,x,y\na,1,0.5\nb,2,0.25\nc,3,1.5\nd,4,2.5\ne,5,0\n"), options);
    const Prediction with = predict(result.model, csv("x,id\n3,z\n"));
    const Prediction without = predict(result.model, csv("x\n3\n"));
    EXPECT_EQ(with.values(0, 0), without.values(0, 0));
    EXPECT_THROW(predict(result.model, csv("x,other\n3,z\n")), Error);
}

TEST(Fit, EvaluateTooRefusesTargetsOutsideTheDomainOfTheLoss) {
    FitOptions options = options_for();
    options.loss = Loss::poisson;
    const FitResult result = fit(table(60, [](double x) { return std::to_string(x > 0 ? 3 : 1); }), options);
    try {
        evaluate(result.model, csv("x,y\n1,2\n2,-1\n"));
        FAIL() << "a negative count must be refused";
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::data);
        EXPECT_THAT(error.what(),
                    testing::StartsWith("t.csv:3: column 'y': -1 is outside the domain of the loss poisson"));
    }
}

TEST(Fit, SameSeedSameParametersHash) {
    FitOptions options = options_for();
    EXPECT_EQ(parameters_hash(fit(class_table(), options).model), parameters_hash(fit(class_table(), options).model));
    const std::string one = parameters_hash(fit(class_table(), options).model);
    options.training.seed = 1;
    EXPECT_NE(parameters_hash(fit(class_table(), options).model), one);
}

}  // namespace
}  // namespace handgrad
