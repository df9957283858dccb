// Advice, for every activation, loss, scaling, optimizer and history: what is advised is another choice than the model
// has, exists, and can be taken.
#include "handgrad/diagnose/advice.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "handgrad/train/fit.hpp"
#include "handgrad/train/settings.hpp"

namespace handgrad::diagnose {
namespace {

using testing::HasSubstr;
using testing::Not;

/// The options that a situation is of.
FitOptions options_of(const Situation& s) {
    FitOptions options;
    options.hidden.assign(s.shape.sizes.begin() + 1, s.shape.sizes.end() - 1);
    options.hidden_activation = {s.shape.hidden};
    if (!s.shape.each_hidden.empty()) {
        options.hidden_activation = s.shape.each_hidden;
    }
    options.output_activation = s.shape.output;
    options.loss = s.loss.kind;
    options.leaky_slope = s.shape.leaky_slope;
    options.conventions = s.shape.conventions;
    options.columns.scale = s.scale.value_or(Scale::none);
    options.training.optimizer = s.steps;
    options.training.epochs = s.epochs;
    options.training.early_stopping = s.early_stopping;
    options.scale_target = !s.target_unscaled;
    if (!s.held_out_rows) {
        options.validation = {};
    }
    return options;
}

/// As a front end would read the text of a hint into the field of its kind.
SettingValue value_of(const SettingHint& hint, const SettingValue& now) {
    if (std::holds_alternative<bool>(now)) {
        return hint.value == "true";
    }
    if (std::holds_alternative<std::uint64_t>(now)) {
        return static_cast<std::uint64_t>(std::stoull(hint.value));
    }
    if (std::holds_alternative<double>(now)) {
        return std::stod(hint.value);
    }
    if (std::holds_alternative<std::vector<std::uint64_t>>(now)) {
        return std::vector<std::uint64_t>{std::stoull(hint.value)};
    }
    if (std::holds_alternative<std::vector<std::string>>(now)) {
        std::vector<std::string> items;
        std::string rest = hint.value;
        for (std::size_t comma = rest.find(','); comma != std::string::npos; comma = rest.find(',')) {
            items.push_back(rest.substr(0, comma));
            rest = rest.substr(comma + 1);
        }
        items.push_back(rest);
        return items;
    }
    return hint.value;
}

/// One after the other, and all that one remedy asks for together.
void expect_applicable(const Advice& advice, const FitOptions& options, const SettingValues& now) {
    for (const Remedy& remedy : advice.remedies) {
        SettingValues wanted;
        for (const SettingHint& hint : remedy.settings) {
            ASSERT_TRUE(now.contains(hint.name)) << hint.name;
            wanted[hint.name] = value_of(hint, now.at(hint.name));
            ASSERT_NE(setting_text(wanted[hint.name]), setting_text(now.at(hint.name)))
                << hint.name << " is so already: " << remedy.phrase;
        }
        FitOptions changed = options;
        ASSERT_NO_THROW(apply_settings(changed, wanted, "advice")) << remedy.phrase;
        ASSERT_NO_THROW(check_pair(*changed.output_activation, *changed.loss)) << remedy.phrase;
        const std::size_t names = changed.hidden_activation.size();
        ASSERT_TRUE(names == 1 || names == changed.hidden.size()) << remedy.phrase;
    }
}

/// Every unit of every layer that can be flat is.
Situation situation(Activation hidden, Activation output, Loss loss) {
    Situation s{.shape = {.sizes = {3, 8, 8, 2}, .hidden = hidden, .output = output, .conventions = {}},
                .loss = LossFunction(loss),
                .steps = {.kind = OptimizerKind::adam, .learning_rate = 0.01}};
    s.lowest_target = 0.0;
    s.highest_target = 1.0;
    s.saturated.assign(3, 1.0);
    s.dead.assign(3, 1.0);
    s.largest_step = 3.0;
    s.divergence = "It has diverged";
    s.input_sizes = "'a' has a size of 1000";
    s.step_size = "one step changes the weights by 3 times their size";
    s.worth = "It answers no better than a constant";
    s.weight_sizes = {0.01, 1.0, 100.0};
    s.identical = {1.0, 0.25, 0.0};
    return s;
}

bool goes_with(Activation output, Loss loss) {
    try {
        check_pair(output, loss);
    } catch (const Error&) {
        return false;
    }
    return true;
}

std::vector<Situation> variants(const Situation& of) {
    std::vector<Situation> all;
    for (const std::optional<Scale> scale :
         {std::optional<Scale>{}, {Scale::none}, {Scale::standard}, {Scale::minmax}}) {
        for (const InputSize inputs : {InputSize::usual, InputSize::large, InputSize::small}) {
            for (const bool trained : {false, true}) {
                Situation s = of;
                s.scale = scale;
                s.inputs = inputs;
                s.trained = trained;
                s.target_unscaled = trained && of.loss.kind == Loss::squared_error;
                s.steps.weight_decay = scale == Scale::none ? 0.0 : 0.01;
                s.steps.kind = optimizer_list[all.size() % optimizer_list.size()].kind;
                s.epochs = trained ? 100 : 0;
                s.unexplained = scale ? 0.5 : 1.0;
                s.classes = all.size() % 4;
                s.largest_step = inputs == InputSize::small ? 1e-5 : 3.0;
                s.early_stopping = inputs == InputSize::large ? 10 : 0;
                s.held_out_rows = inputs != InputSize::small;
                s.shape.conventions.first_weights = first_weights_list[all.size() % first_weights_list.size()].value;
                all.push_back(s);
            }
        }
    }
    return all;
}

TEST(Advice, IsAnotherChoiceThatExistsAndCanBeTaken) {
    std::size_t given = 0;
    for (const Activation hidden : all_activations) {
        if (!facts(hidden).elementwise) {
            continue;
        }
        for (const Activation output : all_activations) {
            for (const Loss loss : all_losses) {
                if (!goes_with(output, loss)) {
                    continue;
                }
                for (const Situation& s : variants(situation(hidden, output, loss))) {
                    const FitOptions options = options_of(s);
                    const SettingValues now = setting_values(options);
                    for (const Factor factor : all_factors) {
                        const Advice advice = advise(factor, s);
                        ASSERT_NO_FATAL_FAILURE(expect_applicable(advice, options, now))
                            << name(factor) << " " << name(hidden) << " " << name(output) << " " << name(loss);
                        ASSERT_EQ(advice.cause.empty(), factor == Factor::none);
                        given += advice.remedies.size();
                    }
                    for (const Course course : all_courses) {
                        ASSERT_NO_FATAL_FAILURE(expect_applicable(advise(course, s), options, now));
                    }
                }
            }
        }
    }
    EXPECT_GT(given, 10000U);
}

/// Everything that is said against a factor.
std::string said(Factor factor, const Situation& s) {
    std::string text;
    for (const Remedy& remedy : advise(factor, s).remedies) {
        text += remedy.phrase + "; ";
    }
    return text;
}

TEST(Advice, NamesNoActivationThatTheLayersHave) {
    for (const Factor factor : all_factors) {
        const Situation relu = situation(Activation::relu, Activation::identity, Loss::squared_error);
        EXPECT_THAT(said(factor, relu), Not(HasSubstr(" relu units")));
        EXPECT_THAT("; " + said(factor, relu), Not(HasSubstr("; relu units")));
        const Situation leaky = situation(Activation::leaky_relu, Activation::identity, Loss::squared_error);
        EXPECT_THAT(said(factor, leaky), Not(HasSubstr("leaky_relu units")));
        const Situation tanh = situation(Activation::tanh, Activation::identity, Loss::squared_error);
        EXPECT_THAT(said(factor, tanh), Not(HasSubstr("those of he")));
    }
}

TEST(Advice, ChangesOnlyTheLayersThatAreInTheWay) {
    Situation s = situation(Activation::relu, Activation::identity, Loss::squared_error);
    s.shape.each_hidden = {Activation::tanh, Activation::relu};
    s.saturated = {0.9, 0.0, 0.0};
    const Advice saturated = advise(Factor::hidden_saturation, s);
    EXPECT_EQ(saturated.remedies[0].phrase, "relu units in linear1");
    EXPECT_EQ(saturated.remedies[0].settings[0], (SettingHint{"hidden_activation", "relu"}));
    s.dead = {0.0, 0.8, 0.0};
    const Advice dead = advise(Factor::dead_units, s);
    EXPECT_EQ(dead.remedies[0].phrase, "leaky_relu units in linear2");
    EXPECT_EQ(dead.remedies[0].settings[0], (SettingHint{"hidden_activation", "tanh,leaky_relu"}));
}

TEST(Advice, ScalesOnlyWhatIsNotScaled) {
    Situation s = situation(Activation::tanh, Activation::identity, Loss::squared_error);
    s.inputs = InputSize::large;
    s.scale = Scale::standard;
    EXPECT_TRUE(advise(Factor::unscaled_inputs, s).remedies.empty());
    EXPECT_THAT(advise(Factor::unscaled_inputs, s).cause, HasSubstr("compare the units of this table"));
    s.scale = Scale::none;
    EXPECT_THAT(said(Factor::unscaled_inputs, s), HasSubstr("standard scaling"));
}

TEST(Advice, ALearningRateFitsTheStepThatWasMeasured) {
    Situation s = situation(Activation::relu, Activation::identity, Loss::squared_error);
    s.weight_sizes.clear();
    s.largest_step = 4000.0;  // down to 0.04 of the weights
    EXPECT_EQ(advise(Factor::large_steps, s).remedies[0].settings[0], (SettingHint{"learning_rate", "1e-07"}));
    s.largest_step = std::numeric_limits<double>::infinity();
    EXPECT_EQ(advise(Factor::large_steps, s).remedies[0].settings[0], (SettingHint{"learning_rate", "1e-10"}));
    s.largest_step = std::numeric_limits<double>::quiet_NaN();
    EXPECT_EQ(advise(Factor::diverged, s).remedies[0].settings[0], (SettingHint{"learning_rate", "0.001"}));
    s.largest_step = 0.6;
    EXPECT_EQ(advise(Factor::large_steps, s).remedies[0].settings[0], (SettingHint{"learning_rate", "0.0001"}));
}

TEST(Advice, WhatIsFarOffIsSetToWhatIsUsual) {
    const auto first_of = [](Factor factor, const Situation& s) {
        return advise(factor, s).remedies.at(0).settings.at(0);
    };
    Situation s = situation(Activation::relu, Activation::identity, Loss::squared_error);
    s.trained = true;
    s.largest_step = 0.6;
    s.steps.learning_rate = 1000.0;
    EXPECT_EQ(first_of(Factor::large_steps, s), (SettingHint{"learning_rate", "0.001"}));
    s.steps.kind = OptimizerKind::sgd;
    EXPECT_EQ(first_of(Factor::large_steps, s), (SettingHint{"learning_rate", "0.01"}));
    s.weight_sizes.clear();
    s.largest_step = 1e-8;
    s.steps.learning_rate = 1e-8;
    EXPECT_EQ(first_of(Factor::learned_nothing, s), (SettingHint{"learning_rate", "0.01"}));
    s.steps.kind = OptimizerKind::adamw;
    s.steps.weight_decay = 1e4;
    EXPECT_EQ(first_of(Factor::learned_nothing, s), (SettingHint{"weight_decay", "0.3"}));
    s.unexplained = 0.8;
    EXPECT_EQ(advise(Course::flat, s).remedies.at(0).settings.at(0), (SettingHint{"weight_decay", "0.3"}));
    s.unexplained = 0.1;
    EXPECT_TRUE(advise(Course::flat, s).remedies.empty());
    s.steps.weight_decay = 0.01;
    EXPECT_EQ(first_of(Factor::learned_nothing, s).name, "learning_rate");
    s.steps.learning_rate = 1e-3;
    s.largest_step = 1e-2;
    s.shape.sizes = {3, 1};
    EXPECT_EQ(first_of(Factor::learned_nothing, s), (SettingHint{"hidden", "32"}));
    s.target_unscaled = true;
    EXPECT_EQ(first_of(Factor::learned_nothing, s), (SettingHint{"scale_target", "true"}));
}

TEST(Advice, ASmallerRateIsNoRemedyWhereStepsAreSmall) {
    Situation s = situation(Activation::tanh, Activation::sigmoid, Loss::squared_error);
    s.trained = true;
    s.steps.learning_rate = 1e-3;
    for (const Factor factor :
         {Factor::output_saturation, Factor::hidden_saturation, Factor::dead_units, Factor::exploding}) {
        s.largest_step = 1e-12;
        EXPECT_THAT(said(factor, s), Not(HasSubstr("smaller learning rate"))) << name(factor);
        s.largest_step = 0.4;
        EXPECT_THAT(said(factor, s), HasSubstr("smaller learning rate")) << name(factor);
    }
}

TEST(Advice, NamesTheLayersWhoseWeightsAreOutOfLineAndTargetsOutOfReach) {
    Situation s = situation(Activation::relu, Activation::sigmoid, Loss::squared_error);
    EXPECT_THAT(advise(Factor::exploding, s).cause, HasSubstr("of linear3 have 100 times the size of first weights"));
    EXPECT_THAT(advise(Factor::overflow, s).cause, HasSubstr("of linear3 have 100 times"));
    EXPECT_THAT(advise(Factor::small_weights, s).cause, HasSubstr("of linear1 have 0.01 times"));
    EXPECT_THAT(advise(Factor::identical_units, s).cause, HasSubstr("8 of the 8 units of linear1 and 2 of the 8"));
    EXPECT_THAT(advise(Factor::output_saturation, s).cause, Not(HasSubstr("reach from")));
    s.highest_target = 346.0;
    EXPECT_THAT(advise(Factor::output_saturation, s).cause,
                HasSubstr("reach from 0 to 346, but sigmoid outputs only from 0 to 1"));
}

}  // namespace
}  // namespace handgrad::diagnose
