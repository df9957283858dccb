// Cross-validation: nothing of the rows that judge reaches a fit, and the numbers do not depend on the threads.
#include "handgrad/select/cross_validation.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "handgrad/base/error.hpp"
#include "handgrad/select/fold_fit.hpp"
#include "handgrad/train/evaluation.hpp"
#include "tests/support/draw.hpp"
#include "tests/support/fixed_options.hpp"
#include "tests/support/tables.hpp"

namespace handgrad::selection {
namespace {

using testing::HasSubstr;

Table csv(const std::string& text) { return read_csv(text, "t.csv", ReadOptions{.delimiter = ','}); }

FitOptions options_for(const std::string& target, std::size_t epochs = 4) {
    FitOptions options = fixed_options();
    options.columns.targets = {target};
    options.hidden = {6};
    options.training.epochs = epochs;
    options.validation.reset();
    return options;
}

/// x of which a fifth is missing, a text, and y.
Table gappy_table() {
    Draw draw(5, 90);
    return csv(csv_lines("x,city,y", 90, [&](std::size_t i) {
        const double x = draw.uniform(-2.0, 2.0);
        return (i % 5 == 2 ? std::string() : format_number(x)) + ",c" + std::to_string(i % 3) + "," +
               format_number(x * x + draw.uniform(-0.1, 0.1));
    }));
}

TEST(CrossValidation, FitsAndEvaluatesEachFoldAsATableOfItsOwn) {
    FitOptions options = options_for("y");
    options.columns.impute = Impute::mean;
    const Table table = gappy_table();
    const FoldOptions how{.folds = 3, .repeats = 2};
    const CrossValidation result = cross_validate(table, options, how);
    ASSERT_EQ(result.folds.size(), 6U);
    EXPECT_EQ(result.score, "rmse");
    EXPECT_EQ(result.metrics.front().name, "rmse");
    std::size_t i = 0;
    for (const Fold& fold : make_folds(table, options, Task::regression, how)) {
        FitOptions own = options;
        own.task = Task::regression;
        own.training.seed = fold.repeat;
        const FitResult fitted = fit(select_rows(table, fold.training), own);
        EXPECT_EQ(result.folds[i].metrics, evaluate(fitted.model, select_rows(table, fold.test)).metrics);
        EXPECT_EQ(result.folds[i].seed, fold.repeat);
        ++i;
    }
}

// A column that is the target in the rows that judge and noise in those that teach; imputation, scaling and categories
// of the whole table would carry something of it over.
TEST(CrossValidation, LetsNothingOfTheRowsThatJudgeReachTheFit) {
    FitOptions options = options_for("y");
    options.columns.impute = Impute::mean;
    options.columns.unknown = Unknown::ignore;
    const FoldOptions how{.folds = 3};
    const Table table = gappy_table();
    const std::vector<Fold> folds = make_folds(table, options, Task::regression, how);
    Table planted = table;
    for (const std::size_t row : folds[1].test) {
        planted.columns[0].numbers[row] = 1e6 + static_cast<double>(row);  // mean and scale of x would shout
        planted.columns[2].numbers[row] = -1e6;                            // and those of y
        planted.columns[1].codes[row] = 3;
    }
    planted.columns[1].texts.push_back("elsewhere");
    const auto fitted = [&](const Table& of, const Fold& fold) {
        return fit(select_rows(of, fold.training), options_of_fold(options, Task::regression, fold)).model;
    };
    EXPECT_EQ(fitted(table, folds[1]).preprocessing, fitted(planted, folds[1]).preprocessing);
    EXPECT_EQ(parameters_hash(fitted(table, folds[1])), parameters_hash(fitted(planted, folds[1])));
    EXPECT_NE(parameters_hash(fitted(table, folds[0])), parameters_hash(fitted(planted, folds[0])));  // it does matter
    // the same by the scores: those of the fold are of a model that has not moved
    const FoldFit before =
        fit_fold(table, options_of_fold(options, Task::regression, folds[1]), folds[1], 1.0, nullptr, {});
    const FoldFit after =
        fit_fold(planted, options_of_fold(options, Task::regression, folds[1]), folds[1], 1.0, nullptr, {});
    EXPECT_EQ(before.score.baseline.size(), 3U);
    EXPECT_GT(after.score.metric("rmse"), 1e5);
    EXPECT_LT(before.score.metric("rmse"), 5.0);
}

TEST(CrossValidation, GivesTheSameNumbersInAnyNumberOfThreads) {
    FitOptions options = options_for("y");
    options.columns.impute = Impute::median;
    options.training.execution.threads = 1;
    const Table table = gappy_table();
    const CrossValidation one = cross_validate(table, options, {.folds = 4, .repeats = 2});
    for (const std::size_t threads : {2U, 3U, 8U}) {
        options.training.execution.threads = threads;
        const CrossValidation several = cross_validate(table, options, {.folds = 4, .repeats = 2});
        ASSERT_EQ(several.folds.size(), one.folds.size());
        for (std::size_t i = 0; i < one.folds.size(); ++i) {
            EXPECT_EQ(several.folds[i].metrics, one.folds[i].metrics);
        }
    }
}

TEST(CrossValidation, PausedFitsGoOnToTheSameBits) {
    for (const bool early : {false, true}) {
        FitOptions options = options_for("y", 12);
        options.columns.impute = Impute::mean;
        if (early) {  // two trainings, the second of all rows
            options.training.epochs.reset();
            options.training.early_stopping = 3;
            options.refit = true;
        }
        const Table table = gappy_table();
        const Fold fold = make_folds(table, options, Task::regression, {.folds = 3})[2];
        const FitOptions own = options_of_fold(options, Task::regression, fold);
        const FoldFit whole = fit_fold(table, own, fold, 1.0, nullptr, {});
        FoldFit part = fit_fold(table, own, fold, early ? 0.01 : 1.0 / 3.0, nullptr, {});
        ASSERT_TRUE(part.paused);
        EXPECT_EQ(part.score.stopped, "paused");
        if (!early) {
            EXPECT_EQ(part.score.epochs, 4U);
        }
        const FoldFit middle = fit_fold(table, own, fold, early ? 0.02 : 0.5, &*part.paused, {});
        const FoldFit end = fit_fold(table, own, fold, 1.0, middle.paused ? &*middle.paused : nullptr, {});
        EXPECT_EQ(end.score.metrics, whole.score.metrics);
        EXPECT_EQ(end.score.epochs, whole.score.epochs);
        EXPECT_NE(part.score.metrics, whole.score.metrics);
        EXPECT_FALSE(whole.paused || end.paused);
    }
}

TEST(CrossValidation, SumsUpScoresWithTheSpreadOfASample) {
    std::vector<FoldScore> folds(3);
    folds[0].metrics = {{"rmse", 1.0}, {"r2", 0.5}};
    folds[1].metrics = {{"rmse", 2.0}, {"r2", std::nan("")}};
    folds[2].metrics = {{"rmse", 6.0}, {"r2", 0.5}};
    const std::vector<MetricSummary> metrics = summarize(folds);
    EXPECT_DOUBLE_EQ(metrics[0].mean, 3.0);
    EXPECT_DOUBLE_EQ(metrics[0].sd, std::sqrt(7.0));  // numpy.std([1, 2, 6], ddof=1)
    EXPECT_TRUE(std::isnan(metrics[1].mean));
    folds[1].metrics.clear();
    EXPECT_TRUE(summarize(folds).empty());
    EXPECT_TRUE(larger_is_better("r2") && larger_is_better("roc_auc") && !larger_is_better("log_loss"));
}

TEST(CrossValidation, CountsADivergedFitAsAFailureOfItsFold) {
    FitOptions options = options_for("y");
    options.training.optimizer.kind = OptimizerKind::sgd;
    options.training.optimizer.learning_rate = 1e12;
    options.columns.impute = Impute::mean;
    const CrossValidation result = cross_validate(gappy_table(), options, {.folds = 2});
    ASSERT_EQ(result.folds.size(), 2U);
    EXPECT_THAT(result.folds[0].failure, HasSubstr("epoch"));
    EXPECT_EQ(result.folds[0].stopped, "diverged");
    EXPECT_TRUE(result.metrics.empty());
}

TEST(CrossValidation, GivesAConstantTargetAnErrorOfNothing) {
    const Table table = csv(csv_lines("x,y", 30, [](std::size_t i) { return std::to_string(i * i % 17) + ",2.5"; }));
    FitOptions options = options_for("y", 2);
    options.task = Task::regression;
    const CrossValidation result = cross_validate(table, options, {.folds = 3});
    EXPECT_TRUE(std::isfinite(result.metrics[0].mean));
    EXPECT_EQ(result.metrics[0].baseline, 0.0);
    EXPECT_EQ(result.metrics[1].name, "r2");
    EXPECT_TRUE(std::isnan(result.metrics[1].mean));
}

std::string refused(const FitOptions& options, const FoldOptions& how, const std::string& score = {}) {
    try {
        cross_validate(gappy_table(), options, how, score);
    } catch (const Error& error) {
        return error.what();
    }
    return "accepted";
}

TEST(CrossValidation, RefusesWhatAFoldHasNoUseForAndNamesTheFold) {
    FitOptions options = options_for("y");
    EXPECT_THAT(refused(options, {.folds = 3}), HasSubstr("in fold 1: t.csv:4: column 'x': missing (13 such rows)"));
    options.columns.impute = Impute::mean;
    EXPECT_THAT(refused(options, {.folds = 3}, "accuracy"), HasSubstr("this task has no 'accuracy'"));
    EXPECT_THAT(refused(options, {.folds = 3}, "acuracy"),
                HasSubstr("there is no 'acuracy' (did you mean 'accuracy'?)"));
    FitOptions tested = options;
    tested.test.fraction = 0.2;
    EXPECT_THAT(refused(tested, {}), HasSubstr("test: each fold is judged by the rows"));
    FitOptions begun = options;
    begun.init_from = "m.model";
    EXPECT_THAT(refused(begun, {}), HasSubstr("init_from: weights from elsewhere may have learned"));
}

}  // namespace
}  // namespace handgrad::selection
