// Where a training stands: made histories of every kind, with and without noise, and what older files leave unsaid.
#include "handgrad/diagnose/training_course.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>
#include <string>

#include "tests/support/draw.hpp"

namespace handgrad::diagnose {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr double none = std::numeric_limits<double>::quiet_NaN();
using Losses = std::function<double(double)>;

/// A model of nothing but its record: `epochs` run of as many, both losses by epoch.
Model recorded(std::size_t epochs, const Losses& training, const Losses& validation) {
    Model model;
    model.history.columns = {"epoch", "loss", "validation_loss", "learning_rate"};
    for (std::size_t epoch = 1; epoch <= epochs; ++epoch) {
        const auto e = static_cast<double>(epoch);
        model.history.add({e, training(e), validation(e), 0.001});
    }
    for (const char* key : {"epochs.run", "epochs.best", "epochs.asked"}) {
        model.provenance[key] = std::to_string(epochs);
    }
    model.provenance["stopped"] = "epochs";
    return model;
}
Losses falling(double to = 0.0) {
    return [=](double e) { return to + 1.0 / (1.0 + 0.02 * e); };
}
Losses flat_from(double epoch) {
    return [=](double e) { return 0.3 + 0.7 * std::exp(-6.0 * e / epoch); };
}
/// Lowest in `epoch`.
Losses rising_from(double epoch) {
    return [=](double e) { return 0.5 + 0.4 * (e - epoch) * (e - epoch) / (epoch * epoch); };
}
Losses noisy(const Losses& losses, double size) {
    return [=](double e) { return losses(e) + size * Draw(static_cast<std::uint64_t>(e), 9).normal(); };
}
double missing(double /*epoch*/) { return none; }

Course course(const Model& model) { return training_course(model).course; }

TEST(TrainingCourse, TellsFallingFlatAndOverfittingAtAnyLengthAndWithNoise) {
    for (const std::size_t epochs : {20, 60, 200, 1000, 5000}) {
        for (const double noise : {0.0, 0.002}) {
            SCOPED_TRACE(std::to_string(epochs) + " " + std::to_string(noise));
            const auto n = static_cast<double>(epochs);
            const Losses falls = [=](double e) { return 0.2 + 0.8 * (1.0 - 0.5 * e / n); };
            EXPECT_EQ(course(recorded(epochs, falls, noisy(falls, noise))), Course::falling);
            EXPECT_EQ(course(recorded(epochs, noisy(falls, noise), missing)), Course::falling);
            EXPECT_EQ(course(recorded(epochs, falls, noisy(flat_from(n / 3.0), noise))), Course::flat);
            const TrainingCourse over = training_course(recorded(epochs, falls, noisy(rising_from(n / 2.0), noise)));
            EXPECT_EQ(over.course, Course::overfitting);
            EXPECT_NEAR(static_cast<double>(over.since.value()), n / 2.0, 0.15 * n);
        }
    }
}

TEST(TrainingCourse, JitterAloneIsNoTrendBut1TimeIn100) {
    constexpr std::uint64_t seeds = 400;
    std::size_t wrong = 0;
    for (std::uint64_t seed = 0; seed < seeds; ++seed) {
        const auto jitter = [=](double e) { return 1.0 + 0.05 * Draw(seed * 1000 + std::uint64_t(e), 5).normal(); };
        const Course found = course(recorded(80, falling(), jitter));
        wrong += static_cast<std::size_t>(found != Course::flat && found != Course::unclear);
    }
    EXPECT_LE(wrong, seeds / 100);
}

TEST(TrainingCourse, WhatJitterHidesIsNotCalledFlat) {
    const Losses slow = [](double e) { return 1.0 - 0.0005 * e; };  // 1 % a quarter of 80 epochs
    EXPECT_EQ(course(recorded(80, falling(), noisy(slow, 0.1))), Course::unclear);
    EXPECT_EQ(course(recorded(80, falling(), noisy(slow, 0.0001))), Course::falling);
}

TEST(TrainingCourse, ARisingValidationLossIsNoOverfittingWhileTheTrainingLossRisesToo) {
    EXPECT_NE(course(recorded(100, rising_from(50.0), rising_from(50.0))), Course::overfitting);
}

TEST(TrainingCourse, HowItEndedIsRecorded) {
    Model model = recorded(40, falling(), falling());
    model.provenance["epochs.asked"] = "200";
    model.provenance["stopped"] = "interrupted";
    EXPECT_THAT(training_course(model).text, HasSubstr("interrupted after epoch 40 of 200"));
    EXPECT_EQ(course(model), Course::falling);
    model.provenance["stopped"] = "diverged";
    EXPECT_EQ(course(model), Course::diverged);
    EXPECT_THAT(training_course(model).text, HasSubstr("diverged in epoch 41"));
    model.provenance["stopped"] = "early";
    model.provenance["epochs.best"] = "30";
    EXPECT_EQ(course(model), Course::stopped_early);
    EXPECT_EQ(training_course(model).since, 30U);
}

TEST(TrainingCourse, OlderFilesTellWhatTheyCan) {
    Model model = recorded(40, falling(), falling());
    model.provenance.erase("stopped");
    model.provenance["epochs.asked"] = "200";
    EXPECT_THAT(training_course(model).text, HasSubstr("the file does not say which"));
    model.provenance["epochs.best"] = "30";
    model.settings["early_stopping"] = std::uint64_t{10};
    EXPECT_EQ(course(model), Course::stopped_early);
    EXPECT_EQ(course(Model{}), Course::unknown);
    EXPECT_THAT(training_course(Model{}).text, HasSubstr("is not recorded"));
}

TEST(TrainingCourse, FewEpochsAndFirstWeightsAreSaidToBeSo) {
    EXPECT_EQ(course(recorded(5, falling(), falling())), Course::unclear);
    EXPECT_EQ(course(recorded(0, falling(), falling())), Course::untrained);
}

TEST(TrainingCourse, AGapBetweenMetricsIsOverfittingUnlessChanceExplainsIt) {
    Model model = recorded(100, flat_from(30.0), missing);
    model.provenance["metric.train.accuracy"] = "1";
    model.provenance["metric.test.accuracy"] = "0.58";
    model.provenance["rows.test"] = "200";
    const TrainingCourse found = training_course(model);
    EXPECT_EQ(found.course, Course::overfitting);
    EXPECT_THAT(found.text, HasSubstr("accuracy is 1 on the rows that it learned from and 0.58 on the test rows"));
    EXPECT_THAT(found.text, Not(HasSubstr("cannot be seen")));
    model.provenance["rows.test"] = "5";
    EXPECT_EQ(course(model), Course::flat);
    EXPECT_THAT(training_course(model).text, HasSubstr("cannot be seen"));
    model.provenance["metric.train.accuracy"] = "0.6";
    EXPECT_EQ(course(model), Course::flat);
}

TEST(TrainingCourse, WhatIsWorseThanTheMeanEverywhereDoesNotOverfit) {
    Model model = recorded(100, flat_from(30.0), missing);
    model.provenance["metric.train.r2"] = "-0.5";
    model.provenance["metric.validation.r2"] = "-12";
    EXPECT_EQ(course(model), Course::flat);
    model.provenance["metric.train.r2"] = "0.9";
    EXPECT_EQ(course(model), Course::overfitting);
}

TEST(TrainingCourse, ATableThatItFitsFarWorseIsSaidToBeOne) {
    const Model model = recorded(100, flat_from(30.0), missing);  // 0.3 at the end
    EXPECT_EQ(training_course(model, TableLoss{.loss = 2.0, .of_zero = 1.0}).course, Course::overfitting);
    EXPECT_EQ(training_course(model, TableLoss{.loss = 0.35, .of_zero = 1.0}).course, Course::flat);
}

}  // namespace
}  // namespace handgrad::diagnose
