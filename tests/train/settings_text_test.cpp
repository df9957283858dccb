// Settings written in one text: every setting's value comes back from its own text, and what is wrong is said.
#include "handgrad/train/settings_text.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "handgrad/base/error.hpp"
#include "handgrad/train/settings.hpp"

namespace handgrad {
namespace {

std::string refusal(const std::string& text) {
    try {
        static_cast<void>(parse_fit_options(text, "settings"));
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::usage);
        return error.what();
    }
    return "accepted: " + text;
}

TEST(SettingsText, EveryKindOfValue) {
    const FitOptions options = parse_fit_options(
        " target=\"net weight\",price hidden=32,16\thidden_activation=tanh lr=0.01 epochs=100\nearly_stopping=0 "
        "scale_target=off nesterov=on optimizer=sgd momentum=0.9 test=0.25 dtype=f64 convention=pytorch loss=huber "
        "drop=\"a \"\"b\"\", c\",d seed=18446744073709551615 init_from=\"my first.model\" ",
        "settings");
    EXPECT_EQ(options.columns.targets, (std::vector<std::string>{"net weight", "price"}));
    EXPECT_EQ(options.reading.spelled_columns, options.columns.targets);
    EXPECT_EQ(options.columns.drop, (std::vector<std::string>{"a \"b\", c", "d"}));
    EXPECT_EQ(options.hidden, (std::vector<std::size_t>{32, 16}));
    EXPECT_EQ(options.hidden_activation, std::vector{Activation::tanh});
    EXPECT_EQ(options.training.optimizer.learning_rate, 0.01);
    EXPECT_EQ(options.training.epochs, 100U);
    EXPECT_EQ(options.training.early_stopping, 0U);
    EXPECT_EQ(options.scale_target, false);
    EXPECT_TRUE(options.training.optimizer.nesterov);
    EXPECT_EQ(options.training.optimizer.kind, OptimizerKind::sgd);
    EXPECT_EQ(options.test.fraction, 0.25);
    EXPECT_TRUE(options.use_double);
    EXPECT_EQ(options.conventions.name, "pytorch");
    EXPECT_EQ(options.loss, Loss::huber);
    EXPECT_EQ(options.training.seed, 18446744073709551615U);
    EXPECT_EQ(options.init_from, "my first.model");
    EXPECT_TRUE(parse_fit_options("hidden=none", "settings").hidden.empty());
    EXPECT_EQ(setting_values(parse_fit_options("", "settings")), setting_values(FitOptions{}));
}

TEST(SettingsText, EveryUsualValueComesBackFromItsText) {
    const SettingValues usual = setting_values(FitOptions{});
    for (const auto& [name, value] : usual) {
        const std::string text = setting_text(value);
        if (!text.empty()) {
            EXPECT_EQ(setting_text(parse_settings(name + "=" + text, "settings").at(name)), text) << name;
        }
    }
}

TEST(SettingsText, DecayIsTheOptimizersUnlessGiven) {
    EXPECT_EQ(parse_fit_options("optimizer=adamw", "s").training.optimizer.weight_decay,
              facts(OptimizerKind::adamw).usual_weight_decay);
    EXPECT_EQ(parse_fit_options("weight_decay=0 optimizer=adamw", "s").training.optimizer.weight_decay, 0.0);
}

TEST(SettingsText, SaysWhatIsWrong) {
    EXPECT_EQ(refusal("epochs"), "settings: 'epochs' is not NAME=VALUE, with no blanks around the =");
    EXPECT_EQ(refusal("epochs = 3"), "settings: 'epochs' is not NAME=VALUE, with no blanks around the =");
    EXPECT_EQ(refusal("epoch=3"), "settings: 'epoch' is not a setting (did you mean 'epochs'?)");
    EXPECT_EQ(refusal("lr=1 learning_rate=2"), "settings: learning_rate is given twice; leave out one");
    EXPECT_EQ(refusal("epochs=-1"), "settings: epochs: '-1' is not a whole number from 0 on");
    EXPECT_EQ(refusal("epochs=99999999999999999999"),
              "settings: epochs: 99999999999999999999 is too large for a number");
    EXPECT_EQ(refusal("epochs=1,2"), "settings: epochs: has 2 values with commas between them, and takes one");
    EXPECT_EQ(refusal("lr=fast"), "settings: lr: 'fast' is not a number");
    EXPECT_EQ(refusal("lr=-1"), "settings.learning_rate: -1 is out of range; it must be above 0");
    EXPECT_EQ(refusal("shuffle=perhaps"), "settings: shuffle: 'perhaps' is neither on nor off");
    EXPECT_EQ(refusal("loss=mse"), "settings.loss: 'mse' is not a name that this version knows");
    EXPECT_EQ(refusal("test=rows.csv"), "settings: test: 'rows.csv' is not a number");
    EXPECT_EQ(refusal("target=\"a"), "settings: target has an opening \" without a closing one");
    EXPECT_EQ(refusal("target=\"a\"b"), "settings: target: a blank or a comma belongs behind a closing \"");
}

}  // namespace
}  // namespace handgrad
