// A search: what it chooses, that halving, threads and interruptions change nothing of a number, and its failures.
#include "handgrad/select/tuning.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cmath>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "handgrad/base/error.hpp"
#include "handgrad/train/settings.hpp"
#include "tests/support/draw.hpp"
#include "tests/support/fixed_options.hpp"
#include "tests/support/tables.hpp"

namespace handgrad::selection {
namespace {

using testing::HasSubstr;

/// A sine, which one hidden unit cannot follow.
Table wave_table(std::size_t rows = 80) {
    Draw draw(9, 80);
    const std::string text = csv_lines("x,y", rows, [&](std::size_t) {
        const double x = draw.uniform(-3.0, 3.0);
        return format_number(x) + "," + format_number(std::sin(2.0 * x));
    });
    return read_csv(text, "t.csv", ReadOptions{.delimiter = ','});
}

FitOptions wave_options(std::size_t epochs = 20) {
    FitOptions options = fixed_options();
    options.columns.targets = {"y"};
    options.training.epochs = epochs;
    options.validation.reset();
    options.training.execution.threads = 2;
    return options;
}

std::vector<Dimension> space(const std::vector<std::string>& texts) {
    std::vector<Dimension> dimensions;
    for (const std::string& text : texts) {
        dimensions.push_back(parse_dimension(text, "search"));
    }
    return dimensions;
}

/// All that should not depend on how a search was run.
std::string numbers_of(const Tuning& tuning) {
    std::string text;
    for (const std::size_t i : tuning.ranking) {
        const Trial& trial = tuning.trials[i];
        text += std::to_string(i) + " " + std::to_string(trial.rung) + " " + trial.failure;
        for (const FoldScore& fold : trial.folds) {
            for (const auto& [name, value] : fold.metrics) {
                text += " " + format_number(value);
            }
            text += " " + std::to_string(fold.epochs) + fold.stopped;
        }
        text += "\n";
    }
    return text;
}

TuneOptions search(std::size_t trials, std::size_t halving = 3) {
    return {.trials = trials,
            .space = space({"hidden=1,4,16", "learning_rate=0.001..0.1", "optimizer=adam,sgd"}),
            .halving = halving,
            .how = {.folds = 3}};
}

TEST(Tuning, OfFewValuesTriesAllAndChoosesTheBestMean) {
    const TuneOptions how{
        .trials = 50, .space = space({"hidden=1,8,24", "learning_rate=1e-5,0.03"}), .halving = 1, .how = {.folds = 3}};
    const Tuning tuning = tune(wave_table(), wave_options(60), how);
    EXPECT_TRUE(tuning.exhaustive);
    ASSERT_EQ(tuning.trials.size(), 6U);
    ASSERT_TRUE(tuning.best);
    double least = 1e9;
    for (const Trial& trial : tuning.trials) {
        const CrossValidation alone =
            cross_validate(wave_table(), options_of_trial(wave_options(60), how, trial.settings), how.how);
        EXPECT_EQ(alone.metrics.front().mean, trial.mean());
        EXPECT_EQ(alone.metrics.front().sd, trial.sd());
        least = std::min(least, trial.mean());
    }
    EXPECT_EQ(tuning.trials[*tuning.best].mean(), least);
    EXPECT_EQ(std::get<double>(tuning.trials[*tuning.best].settings.at("learning_rate")), 0.03);
    EXPECT_LE(tuning.trials[*tuning.smallest].parameters(), tuning.trials[*tuning.best].parameters());
    EXPECT_GT(tuning.trials[5].parameters(), 0U);
}

TEST(Tuning, TrainsFewerAndFewerTrialsFurther) {
    const Tuning tuning = tune(wave_table(), wave_options(27), search(40));
    EXPECT_EQ(tuning.sizes, (std::vector<std::size_t>{40, 14, 5}));
    EXPECT_DOUBLE_EQ(tuning.rungs[0], 1.0 / 9.0);
    EXPECT_EQ(tuning.rungs[2], 1.0);
    EXPECT_EQ(tuning.fits, 3U * (40 + 14 + 5));
    std::map<std::size_t, std::size_t> at;
    for (const Trial& trial : tuning.trials) {
        ++at[trial.rung];
        const std::size_t epochs[] = {3, 9, 27};
        for (const FoldScore& fold : trial.folds) {
            EXPECT_EQ(fold.epochs, epochs[trial.rung]);
        }
    }
    EXPECT_EQ(at[0], 26U);
    EXPECT_EQ(at[1], 9U);
    EXPECT_EQ(at[2], 5U);
    // one that has come through all rungs has the numbers of a training without them
    const Trial& best = tuning.trials[tuning.best.value()];
    const CrossValidation alone =
        cross_validate(wave_table(), options_of_trial(wave_options(27), tuning.options, best.settings), {.folds = 3});
    EXPECT_EQ(alone.metrics.front().mean, best.mean());
}

TEST(Tuning, GivesTheSameNumbersInAnyNumberOfThreads) {
    FitOptions options = wave_options(9);
    options.training.execution.threads = 1;
    const std::string one = numbers_of(tune(wave_table(), options, search(20)));
    for (const std::size_t threads : {2U, 5U}) {
        options.training.execution.threads = threads;
        EXPECT_EQ(numbers_of(tune(wave_table(), options, search(20))), one);
    }
}

TEST(Tuning, InterruptedAnywhereAndGoneOnWithComesToTheSame) {
    for (const bool early : {false, true}) {
        FitOptions options = wave_options(12);
        if (early) {
            options.training.epochs.reset();
            options.training.early_stopping = 2;
        }
        const std::string whole = numbers_of(tune(wave_table(), options, search(12)));
        for (const std::size_t after : {0U, 7U, 35U, 36U, 40U}) {
            std::map<std::tuple<std::size_t, std::size_t, std::size_t>, FoldScore> kept;
            std::atomic<std::size_t> count{0};
            const auto keep = [&](std::size_t trial, std::size_t rung, const FoldScore& score) {
                kept[{trial, rung, score.repeat * 3 + score.number}] = score;
                ++count;
            };
            const Tuning part =
                tune(wave_table(), options, search(12), {.on_score = keep, .stop = [&] { return count >= after; }});
            if (after < 40U || !early) {  // trials that stopped early have fewer fits in the second rung
                EXPECT_TRUE(part.interrupted);
                EXPECT_FALSE(part.best);
            }
            const auto known = [&](std::size_t trial, std::size_t rung, std::size_t fold) -> std::optional<FoldScore> {
                const auto found = kept.find({trial, rung, fold});
                return found == kept.end() ? std::nullopt : std::optional(found->second);
            };
            std::size_t again = 0;
            const Tuning rest = tune(wave_table(), options, search(12),
                                     {.on_score =
                                          [&](std::size_t trial, std::size_t rung, const FoldScore& score) {
                                              again += kept.contains({trial, rung, score.number}) ? 1U : 0U;
                                          },
                                      .known = known});
            EXPECT_EQ(numbers_of(rest), whole);
            EXPECT_EQ(again, 0U);  // nothing is fitted twice
            EXPECT_TRUE(rest.best);
        }
    }
}

TEST(Tuning, LetsNoDivergedTrialWin) {
    TuneOptions how{.trials = 4, .space = space({"learning_rate=1e12,0.01"}), .how = {.folds = 2}};
    FitOptions options = wave_options(6);
    options.training.optimizer.kind = OptimizerKind::sgd;
    const Tuning tuning = tune(wave_table(), options, how);
    EXPECT_EQ(tuning.best, 1U);
    EXPECT_FALSE(tuning.trials[0].failure.empty());
    EXPECT_TRUE(std::isnan(tuning.trials[0].mean()));
    EXPECT_EQ(tuning.ranking.back(), 0U);
    how.space = space({"learning_rate=1e12,1e13"});
    const Tuning none = tune(wave_table(), options, how);
    EXPECT_FALSE(none.best);
    EXPECT_EQ(none.ranking.size(), 2U);
}

TEST(Tuning, TakesARefusedTrialForAFailureUnlessAllAre) {
    TuneOptions how{.trials = 4, .space = space({"optimizer=adam,sgd"}), .how = {.folds = 2}};
    FitOptions options = wave_options(6);
    options.training.optimizer.momentum = 0.5;
    const Tuning tuning = tune(wave_table(), options, how);
    EXPECT_EQ(tuning.best, 1U);
    EXPECT_THAT(tuning.trials[0].failure, HasSubstr("momentum"));
    how.space = space({"optimizer=adam,adamw"});
    try {
        tune(wave_table(), options, how);
        ADD_FAILURE() << "accepted";
    } catch (const Error& error) {
        EXPECT_THAT(error.what(), HasSubstr("momentum"));
    }
}

TEST(Tuning, NeverTriesTheSameTwice) {
    TuneOptions how = search(30, 1);
    how.space = space({"hidden=1,2,3", "batch=1..12"});
    const Tuning tuning = tune(wave_table(), wave_options(1), how);
    std::set<std::string> seen;
    for (const Trial& trial : tuning.trials) {
        seen.insert(setting_values_text(trial.settings));
    }
    EXPECT_EQ(seen.size(), tuning.trials.size());
    EXPECT_EQ(tuning.trials.size(), 30U);
    EXPECT_FALSE(tuning.exhaustive);
}

TEST(Tuning, LeavesOutSettingsThatMeanNothingToTheOptimizer) {
    TuneOptions how = search(30, 1);
    how.space = space({"optimizer=adam,sgd", "momentum=0,0.5,0.9", "beta1=0.8,0.9"});
    const Tuning tuning = tune(wave_table(), wave_options(1), how);
    EXPECT_EQ(tuning.trials.size(), 5U);  // adam with two beta1, sgd with three momenta
    for (const Trial& trial : tuning.trials) {
        EXPECT_EQ(trial.settings.size(), 2U);
        EXPECT_EQ(trial.failure, "");
    }
}

TEST(Tuning, RefusesASearchOfNothing) {
    const auto refused = [](const TuneOptions& how) -> std::string {
        try {
            tune(wave_table(), wave_options(), how);
        } catch (const Error& error) {
            return error.what();
        }
        return "accepted";
    };
    EXPECT_THAT(refused({.trials = 0, .space = space({"hidden=1,2"})}), HasSubstr("trials: at least 1"));
    EXPECT_THAT(refused({.trials = 3}), HasSubstr("every setting is fixed"));
    EXPECT_THAT(refused({.trials = 3, .space = space({"hidden=1,2", "hidden=3"})}), HasSubstr("hidden is there twice"));
    EXPECT_THAT(refused({.trials = 3, .space = space({"hidden=1,2"}), .halving = 0}), HasSubstr("halving: a factor"));
}

}  // namespace
}  // namespace handgrad::selection
