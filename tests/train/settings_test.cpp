// The one table of settings: complete, round as values and through a model's file, and the ranges that it alone knows.
#include "handgrad/train/settings.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>

#include "handgrad/base/error.hpp"
#include "handgrad/base/version.hpp"

namespace handgrad {
namespace {

using testing::HasSubstr;

/// Another value than the default in every setting.
FitOptions all_changed() {
    FitOptions options;
    options.columns = {.targets = {"y", "a,b"},
                       .drop = {"d"},
                       .categorical = {"c"},
                       .ids = {"i"},
                       .unknown = Unknown::ignore,
                       .weight = "w",
                       .impute = Impute::median,
                       .scale = Scale::minmax};
    options.scale_target = false;
    options.class_weight = "balanced";
    options.monotone = {"m+", "n,o-"};
    options.group = "g";
    options.drop_missing_labels = true;
    options.hidden = {7, 3};
    options.hidden_activation = {Activation::tanh, Activation::gelu};
    options.output_activation = Activation::softplus;
    options.loss = Loss::huber;
    options.huber_delta = 0.1;
    options.quantile = 0.3;
    options.leaky_slope = 1e-17;
    options.task = Task::regression;
    options.conventions = *find_conventions("pytorch");
    options.conventions.first_weights = FirstWeights::lecun;
    options.use_double = true;
    options.init_from = "first.model";
    options.target_jacobian = "slopes.csv";
    options.allow_kinks = true;
    options.validation = HeldOut{.fraction = 0.1};
    options.test = {.fraction = 0.3};
    options.calibration = 0.15;
    options.interval_method = IntervalMethod::jackknife_plus;
    options.training.epochs = 11;
    options.training.batch = 5;
    options.training.optimizer = {.kind = OptimizerKind::sgd,
                                  .learning_rate = 0.1,
                                  .momentum = 0.7,
                                  .nesterov = true,
                                  .beta1 = 0.8,
                                  .beta2 = 0.99,
                                  .epsilon = 1e-7,
                                  .weight_decay = 0.25,
                                  .tol = 1e-3,
                                  .max_fun = 99,
                                  .lbfgs_memory = 7};
    options.training.schedule = Schedule::linear;
    options.training.early_stopping = 3;
    options.training.seed = 18446744073709551615U;
    options.training.shuffle = false;
    options.training.jacobian_weight = 0.4;
    options.training.allow_nonfinite = true;
    options.refit = true;
    options.restarts = 3;
    return options;
}

TEST(Settings, EachIsDescribedOnceAndInWords) {
    std::set<std::string_view> names;
    const FitOptions options;
    for_each_setting(options, [&](const Setting& setting, const auto&) {
        EXPECT_TRUE(names.insert(setting.name).second) << setting.name << " stands twice";
        EXPECT_FALSE(setting.help.empty()) << setting.name;
        EXPECT_LE(setting.since, version) << setting.name;
    });
    EXPECT_EQ(names.size(), 52u);  // a field that the walk forgets is a setting that no model remembers
}

TEST(Settings, AsValuesThroughAModelsFileTheyAreTheSameAgain) {
    const FitOptions changed = all_changed();
    const SettingValues values = setting_values(changed), defaults = setting_values(FitOptions{});
    for (const auto& [name, value] : values) {
        EXPECT_NE(value, defaults.at(name)) << name << " is to be changed by this test";
    }
    const SettingValues read = read_setting_values(setting_values_text(values), "m");
    EXPECT_EQ(read, values);
    FitOptions again;
    apply_settings(again, read, "m");
    EXPECT_EQ(setting_values(again), values);
    EXPECT_EQ(again.training.optimizer, changed.training.optimizer);
    EXPECT_EQ(again.conventions, changed.conventions);
    apply_settings(again, read_setting_values(setting_values_text(defaults), "m"), "m");
    EXPECT_EQ(setting_values(again), defaults);
}

TEST(Settings, ATableOfItsOwnIsRememberedByName) {
    Table table;
    table.source = "held.csv";
    FitOptions options;
    options.test = {.fraction = 0.0, .table = &table};
    EXPECT_EQ(setting_values(options).at("test"), SettingValue("held.csv"));
    apply_settings(options, setting_values(options), "m");
    EXPECT_EQ(options.test.table, nullptr);
}

std::string refusal(const SettingValues& values) {
    try {
        FitOptions options;
        apply_settings(options, values, "m: settings");
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::model);
        return error.what();
    }
    return "accepted";
}

TEST(Settings, AStrangersValuesAreCheckedForNameKindAndRange) {
    EXPECT_EQ(refusal({{"momentum", 0.5}, {"learning_rate", std::uint64_t{1}}, {"loss", std::monostate{}}}),
              "accepted");
    EXPECT_EQ(refusal({{"warmup", 0.5}}), "m: settings: 'warmup' is not a setting that this version knows");
    EXPECT_EQ(refusal({{"momentum", 1.0}}),
              "m: settings.momentum: 1 is out of range; it must be from 0 to 1 (not itself)");
    EXPECT_EQ(refusal({{"momentum", "much"}}), "m: settings.momentum: 'much' stands where a number belongs");
    EXPECT_EQ(refusal({{"batch", std::uint64_t{0}}}), "m: settings.batch: 0 is out of range; it must be 1 or more");
    EXPECT_EQ(refusal({{"optimizer", "steepest"}}),
              "m: settings.optimizer: 'steepest' is not a name that this version knows");
    EXPECT_EQ(refusal({{"shuffle", "yes"}}), "m: settings.shuffle: 'yes' stands where yes or no belongs");
    EXPECT_THAT(refusal({{"convention", "keras"}}), HasSubstr("is not a preset"));
    EXPECT_THAT(refusal({{"hidden", std::vector<std::uint64_t>{4, 0}}}),
                HasSubstr("settings.hidden: 0 is out of range"));
    EXPECT_THAT(refusal({{"dtype", "f16"}}), HasSubstr("settings.dtype: 'f16' is not a name"));
}

TEST(Settings, RangesAreThoseOfTheTableAndTheMessageNamesTheSetting) {
    FitOptions options;
    options.validation = HeldOut{.fraction = 1.0};
    try {
        check_ranges(options, "fit");
        FAIL() << "all rows held out";
    } catch (const Error& error) {
        EXPECT_STREQ(error.what(), "fit: validation = 1 is out of range; it must be from 0 to 1 (not itself)");
        EXPECT_THAT(error.settings(), testing::ElementsAre(SettingHint{"validation"}));
    }
    options = FitOptions{};
    options.hidden = {4, 0};
    EXPECT_THROW(check_ranges(options, "fit"), Error);
    EXPECT_NO_THROW(check_ranges(FitOptions{}, "fit"));
}

Table lines() { return read_csv("x,y\n1,1\n2,2\n3,4\n4,7\n5,9\n", "t.csv", ReadOptions{.delimiter = ','}); }

TEST(Settings, AModelRemembersTheOptimizerThatItWasTrainedWithExactly) {
    FitOptions options;
    options.columns.targets = {"y"};
    options.training.epochs = 1;
    options.training.optimizer = {.learning_rate = 0.1, .beta1 = 0.1, .beta2 = 1.0 / 3.0, .epsilon = 1e-17};
    const Model trained = fit(lines(), options).model;
    const Model model = parse_model(serialize_model(trained), "m");
    EXPECT_EQ(model.settings, trained.settings);
    EXPECT_EQ(recorded_optimizer(model), options.training.optimizer);
    const auto recorded = recorded_options(model);
    ASSERT_TRUE(recorded);
    const auto again = fit(lines(), *recorded).model;
    EXPECT_EQ(parameters_hash(again), parameters_hash(trained));
    EXPECT_EQ(again.settings, trained.settings);
}

TEST(Settings, OfAnOlderFileTheOptimizerIsReadFromItsProvenance) {
    Model model;
    EXPECT_FALSE(recorded_optimizer(model));
    EXPECT_FALSE(recorded_options(model));
    model.provenance = {{"optimizer", "sgd"}, {"learning_rate", "0.25"}, {"momentum", "0.5"}, {"nesterov", "yes"}};
    const auto options = recorded_optimizer(model);
    ASSERT_TRUE(options);
    EXPECT_EQ(options->kind, OptimizerKind::sgd);
    EXPECT_EQ(options->learning_rate, 0.25);
    EXPECT_EQ(options->momentum, 0.5);
    EXPECT_TRUE(options->nesterov);
}

}  // namespace
}  // namespace handgrad
