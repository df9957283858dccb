// A bank of planted diagnoses: sick networks each with its factor, trainings each with where they stand, and healthy
// ones; a test prints its table.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <ostream>
#include <regex>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "handgrad/diagnose/diagnosis.hpp"
#include "handgrad/train/fit.hpp"
#include "handgrad/train/settings.hpp"
#include "tests/support/fixed_options.hpp"
#include "tests/support/planted.hpp"
#include "tests/support/tables.hpp"

namespace handgrad::diagnose {
namespace {

using planted::Case;
using testing::HasSubstr;
using testing::Not;

const OptimizerOptions usual{.kind = OptimizerKind::adam, .learning_rate = 1e-3};
constexpr std::size_t few_rows = 60;

/// The shape of a planted network: n inputs, `depth` hidden layers, one output (three of softmax).
Architecture shape_of(std::size_t depth, Activation hidden, Activation output = Activation::identity,
                      std::size_t width = 16) {
    Architecture shape{.sizes = {6},
                       .hidden = hidden,
                       .output = output,
                       .conventions = {.first_weights = FirstWeights::by_activation}};
    shape.sizes.insert(shape.sizes.end(), depth, width);
    shape.sizes.push_back(output == Activation::softmax ? 3 : 1);
    return shape;
}

using Plant = std::function<void(Case<double>&)>;

/// Of weights and rows; other seeds are other banks.
std::uint64_t planted_seed = 3;

/// A healthy network with something done to it, alone.
Diagnosis alone(const Architecture& shape, Loss loss, const Plant& plant, const OptimizerOptions& optimizer = usual) {
    Draw draw(planted_seed);
    Case<double> made = planted::healthy<double>(draw, shape, loss, few_rows);
    plant(made);
    return diagnose(made.net, made.loss, made.data, optimizer);
}

Plant bias(std::size_t layer, double value) {
    return [=](Case<double>& made) { std::ranges::fill(made.net.bias(layer), value); };
}
Plant weights(std::size_t layer, double factor) {
    return [=](Case<double>& made) { planted::scale_weights(made.net, layer, factor); };
}
Plant all_weights(double factor) {
    return [=](Case<double>& made) {
        for (std::size_t l = 0; l < made.net.layers(); ++l) {
            planted::scale_weights(made.net, l, factor);
        }
    };
}
Plant inputs(double factor) {
    return [=](Case<double>& made) {
        for (double& x : made.data.x.values()) {
            x *= factor;
        }
    };
}
Plant nothing() {
    return [](Case<double>&) {};
}

/// y = 3 a − 2 b + noise; a column c of the same kind that does not matter, times `c`; 1 row in 60 of `outlier`.
Table numbers(std::size_t rows, double noise, double c = 1.0, double shift_y = 0.0, double outlier = 0.0) {
    Draw draw(11);
    return read_csv(csv_lines("a,b,c,y", rows,
                              [&](std::size_t row) {
                                  const double a = draw.normal(), b = draw.normal();
                                  const double far = row == 1 ? outlier : 0.0;
                                  return comma_separated({a + far, b + far, c * draw.normal() + far,
                                                          3 * a - 2 * b + noise * draw.normal() + shift_y});
                              }),
                    "t.csv", {});
}
/// Twenty columns that have nothing to do with the class.
Table chance(std::size_t rows) {
    Draw draw(12);
    std::string header = "y";
    for (int j = 0; j < 20; ++j) {
        header += ",x" + std::to_string(j);
    }
    return read_csv(csv_lines(header, rows,
                              [&](std::size_t) {
                                  std::string line = draw.coin() ? "yes" : "no";
                                  for (int j = 0; j < 20; ++j) {
                                      line += "," + format_number(draw.normal());
                                  }
                                  return line;
                              }),
                    "t.csv", {.text_columns = {"y"}, .spelled_columns = {"y"}});
}

/// yes where a and b have the same sign: no straight line parts them.
Table exclusive_or(std::size_t rows) {
    Draw draw(13);
    return read_csv(csv_lines("a,b,y", rows,
                              [&](std::size_t) {
                                  const double a = draw.normal(), b = draw.normal();
                                  return comma_separated({a, b}) + (a * b > 0.0 ? ",yes" : ",no");
                              }),
                    "t.csv", {.text_columns = {"y"}, .spelled_columns = {"y"}});
}

FitOptions options(std::size_t epochs, OptimizerOptions optimizer = usual) {
    FitOptions result = fixed_options();
    result.columns.targets = {"y"};
    result.hidden = {16};
    result.training.epochs = epochs;
    result.training.optimizer = optimizer;
    return result;
}
OptimizerOptions adam(double rate) { return {.kind = OptimizerKind::adam, .learning_rate = rate}; }
OptimizerOptions sgd(double rate) { return {.kind = OptimizerKind::sgd, .learning_rate = rate}; }

/// Trained on a table and diagnosed on it, or on another.
Diagnosis trained(const Table& table, const FitOptions& how, const Table* other = nullptr,
                  const std::function<void(Model&)>& change = {}) {
    FitResult result = fit(table, how);
    if (change) {
        change(result.model);
    }
    return diagnose(result.model, other == nullptr ? table : *other, how.training.optimizer);
}

FitOptions with(FitOptions how, const std::function<void(FitOptions&)>& change) {
    change(how);
    return how;
}

struct Entry {
    std::string_view name;
    Factor factor;
    std::function<Diagnosis()> make;
    std::vector<Course> courses = {};  ///< one of these; any where there is none
};

/// What a failing test says of it.
void PrintTo(const Entry& entry, std::ostream* out) { *out << entry.name; }

using enum Factor;
using enum Activation;
constexpr Loss squared = Loss::squared_error;

/// What diagnose knew from the beginning.
std::vector<Entry> starving() {
    return {
        {"sigmoid_output_far_out", output_saturation,
         [] { return alone(shape_of(1, relu, sigmoid), squared, bias(1, 40.0)); }},
        {"tanh_output_far_out", output_saturation,
         [] { return alone(shape_of(1, relu, Activation::tanh), squared, bias(1, 25.0)); }},
        {"softmax_output_far_out", output_saturation,
         [] { return alone(shape_of(1, relu, softmax), squared, weights(1, 1e3)); }},
        {"exp_output_near_0", output_saturation,
         [] { return alone(shape_of(1, relu, Activation::exp), squared, bias(1, -30.0)); }},
        {"relu_output_dead", output_saturation, [] { return alone(shape_of(1, relu, relu), squared, bias(1, -1e3)); }},
        {"sigmoid_units_biased", hidden_saturation, [] { return alone(shape_of(1, sigmoid), squared, bias(0, 30.0)); }},
        {"tanh_units_of_large_weights", hidden_saturation,
         [] { return alone(shape_of(1, Activation::tanh), squared, weights(0, 300.0)); }},
        {"sigmoid_layer_in_the_middle", hidden_saturation,
         [] { return alone(shape_of(3, sigmoid), squared, bias(1, -40.0)); }},
        {"eight_sigmoid_layers", attenuation, [] { return alone(shape_of(8, sigmoid), squared, nothing()); }},
        {"ten_sigmoid_layers_to_classes", attenuation,
         [] { return alone(shape_of(10, sigmoid, softmax), Loss::cross_entropy, nothing()); }},
        {"nine_sigmoid_layers_to_shares", attenuation,
         [] { return alone(shape_of(9, sigmoid, sigmoid), Loss::binary_cross_entropy, nothing()); }},
        {"relu_layer_dead", dead_units, [] { return alone(shape_of(1, relu), squared, bias(0, -1e3)); }},
        {"relu_layer_in_the_middle_dead", dead_units, [] { return alone(shape_of(3, relu), squared, bias(1, -1e3)); }},
        {"elu_layer_flat", dead_units, [] { return alone(shape_of(1, elu), squared, bias(0, -200.0)); }},
        {"gelu_layer_flat", dead_units, [] { return alone(shape_of(2, gelu), squared, bias(0, -200.0)); }},
        {"leaky_relu_layer_flat", dead_units, [] { return alone(shape_of(2, leaky_relu), squared, bias(1, -200.0)); }},
        {"tiny_weights_above_tanh", small_weights,
         [] { return alone(shape_of(1, Activation::tanh), squared, weights(1, 1e-6)); }},
        {"zero_weights", small_weights, [] { return alone(shape_of(2, relu), squared, all_weights(0.0)); }},
        {"tiny_weights_everywhere", small_weights, [] { return alone(shape_of(3, relu), squared, all_weights(1e-3)); }},
        {"inputs_of_0", dead_inputs, [] { return alone(shape_of(1, relu), squared, inputs(0.0)); }},
    };
}

std::vector<Entry> exploding_and_unscaled() {
    return {
        {"eight_relu_layers_times_4", exploding, [] { return alone(shape_of(8, relu), squared, all_weights(4.0)); }},
        {"one_layer_of_huge_weights", exploding, [] { return alone(shape_of(3, relu), squared, weights(1, 1e5)); }},
        {"six_gelu_layers_to_classes", exploding,
         [] { return alone(shape_of(6, gelu, softmax), Loss::cross_entropy, all_weights(5.0)); }},
        {"exp_units", exploding, [] { return alone(shape_of(3, Activation::exp), squared, nothing()); }},
        {"five_layers_times_2", exploding, [] { return alone(shape_of(5, relu), squared, all_weights(2.5)); }},
        {"pixels_of_0_to_255", unscaled_inputs,
         [] { return alone(shape_of(1, relu, softmax), Loss::cross_entropy, inputs(120.0)); }},
        {"pixels_under_tanh", unscaled_inputs,
         [] { return alone(shape_of(1, Activation::tanh), squared, inputs(120.0)); }},
        {"steps_of_sgd_on_raw_columns", unscaled_inputs,
         [] { return alone(shape_of(1, relu), squared, inputs(1e3), sgd(0.01)); }},
        {"one_column_in_millions", unscaled_inputs,
         [] {
             return trained(numbers(few_rows, 0.1, 1e6),
                            with(options(20), [](FitOptions& how) { how.columns.scale = Scale::none; }));
         }},
        {"small_columns_under_sgd", unscaled_inputs,
         [] { return alone(shape_of(1, relu), squared, inputs(0.02), sgd(0.01)); }},
        {"tiny_columns", unscaled_inputs, [] { return alone(shape_of(1, relu), squared, inputs(5e-3)); }},
        {"minmax_with_one_far_row", unscaled_inputs,
         [] {
             return trained(numbers(few_rows, 0.1, 1.0, 0.0, 1e5), with(options(20, sgd(0.01)), [](FitOptions& how) {
                                how.columns.scale = Scale::minmax;
                                how.validation = {};
                            }));
         }},
        {"table_in_other_units", unscaled_inputs,
         [] {
             const Table other = numbers(few_rows, 0.1, 1e4);
             return trained(numbers(few_rows, 0.1), options(30), &other);
         }},
    };
}

std::vector<Entry> steps_and_divergence() {
    return {
        {"adam_of_rate_10_at_first_weights", large_steps,
         [] { return alone(shape_of(1, relu), squared, nothing(), adam(10.0)); }},
        {"adam_of_rate_10_after_20_epochs", diverged,
         [] { return trained(numbers(few_rows, 0.5), options(20, adam(10.0))); }},
        {"sgd_of_rate_10_at_first_weights", large_steps,
         [] { return alone(shape_of(1, relu), squared, nothing(), sgd(10.0)); }},
        {"sgd_on_unscaled_target", large_steps,
         [] {
             return trained(numbers(few_rows, 0.5, 1.0, 500.0),
                            with(options(0, sgd(0.01)), [](FitOptions& how) { how.scale_target = false; }));
         }},
        {"diverged_at_once",
         diverged,
         [] { return trained(numbers(few_rows, 0.5), options(20, sgd(1e4))); },
         {Course::diverged}},
        {"diverged_later",
         diverged,
         [] {
             return trained(numbers(few_rows, 0.5),
                            with(options(400, sgd(0.45)), [](FitOptions& how) { how.training.batch = 8; }));
         },
         {Course::diverged}},
        {"weights_that_are_no_numbers", overflow,
         [] { return alone(shape_of(1, relu), squared, [](Case<double>& made) { made.net.weight(0)(0, 0) = NAN; }); }},
        {"answers_that_overflow", overflow, [] { return alone(shape_of(1, relu), squared, bias(1, 1e200)); }},
        {"r2_of_minus_1500_and_dead_units", diverged,
         [] {
             return alone(shape_of(1, relu), squared, [](Case<double>& made) {
                 for (std::size_t i = 0; i < 6; ++i) {
                     made.net.bias(0)[i] = -100.0;
                 }
                 made.net.bias(1)[0] = 40.0;
             });
         }},
        {"sure_of_the_wrong_class", diverged,
         [] {
             return trained(chance(few_rows), with(options(40), [](FitOptions& how) { how.validation = {}; }), nullptr,
                            [](Model& model) {
                                std::get<Mlp>(model.net).bias(1)[0] = 500.0F;
                                model.history.epochs.back()[1] = 200.0;  // as it ran up
                            });
         }},
        {"deep_sigmoid_that_learned_nothing", attenuation,
         [] {
             return trained(numbers(few_rows, 0.5), with(options(60), [](FitOptions& how) {
                                how.hidden = {16, 16, 16, 16, 16, 16, 16};
                                how.hidden_activation = {sigmoid};
                            }));
         }},
        {"older_file_that_diverged", exploding,
         [] {
             return trained(numbers(few_rows, 0.5), options(20, sgd(50.0)), nullptr,
                            [](Model& model) { model.provenance.erase("stopped"); });
         }},
        {"overfits_since_an_epoch",
         none,
         [] { return trained(chance(100), options(400, adam(0.01))); },
         {Course::overfitting}},
        {"overfits_by_its_test_rows",
         none,
         [] {
             return trained(chance(120), with(options(300, adam(0.01)), [](FitOptions& how) {
                                how.validation = {};
                                how.test.fraction = 0.4;
                            }));
         },
         {Course::overfitting}},
        {"overfits_by_this_table",
         none,
         [] {
             const Table table = chance(200);
             const Table learned = select_rows(table, all_rows(60));
             return trained(learned, with(options(300, adam(0.01)), [](FitOptions& how) { how.validation = {}; }),
                            &table);
         },
         {Course::overfitting}},
        {"stopped_early",
         none,
         [] {
             return trained(chance(100),
                            with(options(400, adam(0.01)), [](FitOptions& how) { how.training.early_stopping = 10; }));
         },
         {Course::stopped_early}},
    };
}

/// What a loss beside that of a constant answer tells, and copies among units.
std::vector<Entry> of_no_use() {
    const auto zeros = [](Activation hidden, std::vector<std::size_t> widths) {
        return with(options(60, adam(0.01)), [&](FitOptions& how) {
            how.hidden = widths;
            how.hidden_activation = {hidden};
            how.conventions.first_weights = FirstWeights::zeros;
        });
    };
    return {
        {"sigmoid_from_zeros", identical_units, [=] { return trained(numbers(few_rows, 0.5), zeros(sigmoid, {16})); }},
        {"two_softplus_layers_from_zeros", identical_units,
         [=] {
             return trained(exclusive_or(few_rows), zeros(softplus, {8, 8}));
         }},
        {"two_units_alike", identical_units,
         [] {
             return alone(shape_of(2, relu), squared, [](Case<double>& made) {
                 std::ranges::copy(made.net.weight(1).row(3), made.net.weight(1).row(7).begin());
                 made.net.bias(1)[7] = made.net.bias(1)[3];
                 made.net.weight(2)(0, 7) = made.net.weight(2)(0, 3);
             });
         }},
        {"decay_that_kills", learned_nothing,
         [] {
             return trained(numbers(300, 3.0),
                            options(40, {.kind = OptimizerKind::adamw, .learning_rate = 1e-2, .weight_decay = 40.0}));
         }},
        {"penalty_that_kills", learned_nothing,
         [] {
             return trained(exclusive_or(200),
                            options(60, {.kind = OptimizerKind::adam, .learning_rate = 1e-3, .weight_decay = 1.0}));
         }},
        {"rate_of_1e_8", learned_nothing, [] { return trained(exclusive_or(200), options(40, adam(1e-8))); }},
        {"straight_line_through_xor", learned_nothing,
         [] {
             return trained(exclusive_or(300), with(options(60, adam(0.01)), [](FitOptions& how) { how.hidden = {}; }));
         }},
        {"identity_units_on_xor", learned_nothing,
         [] {
             return trained(exclusive_or(300),
                            with(options(60, adam(0.01)), [](FitOptions& how) { how.hidden_activation = {identity}; }));
         }},
        {"targets_of_1e_6_as_they_are", learned_nothing,
         [] {
             Draw draw(14);
             const Table small = read_csv(csv_lines("a,b,y", 100,
                                                    [&](std::size_t) {
                                                        const double a = draw.normal(), b = draw.normal();
                                                        return comma_separated({a, b, 1e-6 * (a - b)});
                                                    }),
                                          "t.csv", {});
             return trained(small, with(options(60), [](FitOptions& how) { how.scale_target = false; }));
         }},
        {"adam_of_rate_1_to_classes", large_steps, [] { return trained(chance(100), options(30, adam(1.0))); }},
        {"columns_of_1e_5_under_adam", unscaled_inputs,
         [] {
             Draw draw(15);
             const Table tiny = read_csv(csv_lines("a,b,y", 100,
                                                   [&](std::size_t) {
                                                       const double a = draw.normal(), b = draw.normal();
                                                       return comma_separated({1e-5 * a, 1e-5 * b, a - b});
                                                   }),
                                         "t.csv", {});
             return trained(tiny, with(options(40), [](FitOptions& how) { how.columns.scale = Scale::none; }));
         }},
        {"exp_units_of_huge_weights_overflow", overflow,
         [] { return alone(shape_of(2, Activation::exp), squared, weights(0, 1e4)); }},
    };
}

std::vector<Entry> healthy() {
    std::vector<Entry> entries;
    const auto add = [&](std::string_view entry, std::function<Diagnosis()> make, std::vector<Course> courses = {}) {
        entries.push_back({entry, none, std::move(make), std::move(courses)});
    };
    add("relu", [] { return alone(shape_of(2, relu), squared, nothing()); });
    add("leaky_relu", [] { return alone(shape_of(3, leaky_relu), squared, nothing()); });
    add("tanh", [] { return alone(shape_of(2, Activation::tanh), squared, nothing()); });
    add("sigmoid", [] { return alone(shape_of(1, sigmoid, sigmoid), Loss::binary_cross_entropy, nothing()); });
    add("gelu", [] { return alone(shape_of(4, gelu, softmax), Loss::cross_entropy, nothing()); });
    add("silu", [] { return alone(shape_of(3, silu), Loss::huber, nothing()); });
    add("elu", [] { return alone(shape_of(3, elu), Loss::absolute_error, nothing()); });
    add("softplus", [] { return alone(shape_of(2, softplus), Loss::quantile, nothing()); });
    add("one_linear_layer", [] { return alone(shape_of(0, relu), squared, nothing()); });
    add("steps_of_sgd", [] { return alone(shape_of(2, relu), squared, nothing(), sgd(0.01)); });
    add("untrained", [] { return trained(numbers(few_rows, 0.5), options(0)); }, {Course::untrained});
    add("three_epochs", [] { return trained(numbers(few_rows, 0.5), options(3)); }, {Course::unclear});
    add("still_falling", [] { return trained(numbers(few_rows, 0.5), options(30)); }, {Course::falling});
    add("learned", [] { return trained(numbers(300, 0.5), options(150, adam(0.01))); },
        {Course::flat, Course::overfitting});
    add("without_validation",
        [] { return trained(numbers(few_rows, 0.5), with(options(40), [](FitOptions& how) { how.validation = {}; })); },
        {Course::falling});
    add("minmax", [] {
        return trained(numbers(few_rows, 0.5),
                       with(options(30), [](FitOptions& how) { how.columns.scale = Scale::minmax; }));
    });
    add("scaled_by_the_user", [] {
        return trained(numbers(few_rows, 0.5),
                       with(options(30), [](FitOptions& how) { how.columns.scale = Scale::none; }));
    });
    return entries;
}

std::vector<Entry> sick() {
    std::vector<Entry> entries;
    for (std::vector<Entry> part : {starving(), exploding_and_unscaled(), steps_and_divergence(), of_no_use()}) {
        entries.insert(entries.end(), part.begin(), part.end());
    }
    return entries;
}

std::string printed(const testing::TestParamInfo<Entry>& entry) { return std::string(entry.param.name); }
std::string all_of(const Diagnosis& diagnosis) {
    std::string text = std::string(name(diagnosis.factor)) + ":";
    for (const LayerDiagnosis& layer : diagnosis.layers) {
        text += " " + std::string(name(layer.factor)) + " (reach " + format_number(layer.reach) + ", step " +
                format_number(layer.update_ratio) + ")";
    }
    return text + "; " + std::string(name(diagnosis.course.course)) + "; " + diagnosis.text;
}

/// The numbers of the layers that a text names, ranges as `linear2 to linear4` filled in.
std::set<int> named_layers(const std::string& text) {
    static const std::regex one_or_range("linear([0-9]+)( to linear([0-9]+))?");
    std::set<int> numbers;
    for (std::sregex_iterator match(text.begin(), text.end(), one_or_range), end; match != end; ++match) {
        const int first = std::stoi((*match)[1]);
        const int last = (*match)[3].matched ? std::stoi((*match)[3]) : first;
        for (int number = first; number <= last; ++number) {
            numbers.insert(number);
        }
    }
    return numbers;
}

class Bank : public testing::TestWithParam<Entry> {
protected:
    static void expect_course(const Diagnosis& diagnosis) {
        if (!GetParam().courses.empty()) {
            EXPECT_THAT(GetParam().courses, testing::Contains(diagnosis.course.course)) << all_of(diagnosis);
        }
    }
};

using Sick = Bank;
TEST_P(Sick, IsToldWhatIsTheMatter) {
    const Diagnosis diagnosis = GetParam().make();
    EXPECT_EQ(name(diagnosis.factor), name(GetParam().factor)) << all_of(diagnosis);
    expect_course(diagnosis);
    EXPECT_THAT(diagnosis.text, Not(HasSubstr("othing is wrong")));
    EXPECT_THAT(diagnosis.text, Not(HasSubstr("more epochs.")));
    bool some_layer = false;
    const std::set<int> named = named_layers(diagnosis.text);
    for (std::size_t l = 0; l < diagnosis.layers.size(); ++l) {
        const LayerDiagnosis& layer = diagnosis.layers[l];
        EXPECT_TRUE(!layer.starved || layer.factor != none);
        EXPECT_TRUE(!layer.starved || named.contains(static_cast<int>(l + 1))) << layer.name << ": " << diagnosis.text;
        some_layer = some_layer || layer.factor == GetParam().factor;
    }
    if (GetParam().factor != none) {
        EXPECT_THAT(diagnosis.text, Not(HasSubstr("No layer starves")));
        EXPECT_TRUE(some_layer || GetParam().factor == diverged || GetParam().factor == learned_nothing)
            << all_of(diagnosis);
    } else {
        EXPECT_THAT(diagnosis.text, testing::AnyOf(HasSubstr("It overfits"), HasSubstr("It fits the rows"),
                                                   HasSubstr("stopped early")));
    }
}
INSTANTIATE_TEST_SUITE_P(Planted, Sick, testing::ValuesIn(sick()), printed);

class Healthy : public Bank {};
TEST_P(Healthy, IsLeftAloneAndToldWhatWasNotLookedAt) {
    const Diagnosis diagnosis = GetParam().make();
    EXPECT_EQ(name(diagnosis.factor), "none") << all_of(diagnosis);
    for (const LayerDiagnosis& layer : diagnosis.layers) {
        EXPECT_EQ(name(layer.factor), "none") << all_of(diagnosis);
    }
    EXPECT_THAT(diagnosis.text, HasSubstr("do not tell whether the network fits well or overfits"));
    expect_course(diagnosis);
}
INSTANTIATE_TEST_SUITE_P(Planted, Healthy, testing::ValuesIn(healthy()), printed);

TEST(Worth, IsSaidFirstOfATrainingAndNotOfFirstWeights) {
    const Diagnosis line =
        trained(exclusive_or(300), with(options(60, adam(0.01)), [](FitOptions& how) { how.hidden = {}; }));
    EXPECT_THAT(line.text, testing::StartsWith("It answers"));
    EXPECT_THAT(line.text, HasSubstr("that of the best constant 0.6"));
    EXPECT_NEAR(line.constant_loss, std::log(2.0), 0.01);
    EXPECT_GT(line.loss, 0.97 * line.constant_loss);
    const Diagnosis first = trained(exclusive_or(300), options(0));
    EXPECT_THAT(first.text, Not(HasSubstr("constant")));
    EXPECT_THAT(trained(exclusive_or(300), options(5, adam(1e-5))).text, testing::StartsWith("So far it answers"));
}

TEST(Worth, ATargetThatIsAlwaysTheSameTellsNothing) {
    Draw draw(16);
    const Table constant = read_csv(csv_lines("a,y", few_rows,
                                              [&](std::size_t) {
                                                  return comma_separated({draw.normal(), 7.5});
                                              }),
                                    "t.csv", {});
    const Diagnosis diagnosis = trained(constant, options(30));
    EXPECT_THAT(diagnosis.text, testing::StartsWith("The target is the same in all 60 rows"));
    EXPECT_THAT(diagnosis.text, Not(HasSubstr("No layer starves")));
    const Table one = select_rows(numbers(few_rows, 0.5), all_rows(1));
    const Diagnosis of_one = trained(numbers(few_rows, 0.5), options(30), &one);
    EXPECT_THAT(of_one.text, testing::StartsWith("There is one row only"));
    EXPECT_THAT(of_one.text, Not(HasSubstr("are dead here")));
}

TEST(BankText, TheLayerWhoseWeightsAreOutOfLineIsNamed) {
    const auto text = [](std::size_t layer, double factor) {
        return alone(shape_of(2, relu), squared, weights(layer, factor)).text;
    };
    for (const std::size_t layer : {0, 1, 2}) {
        EXPECT_THAT(text(layer, 1e4), HasSubstr("the weights of linear" + std::to_string(layer + 1) + " have"));
        if (layer > 0) {
            EXPECT_THAT(text(layer, 1e-5), HasSubstr("those of linear" + std::to_string(layer + 1) + " have"));
        }
    }
    const Diagnosis overflowing = alone(shape_of(2, Activation::exp), squared, weights(0, 1e4));
    EXPECT_THAT(overflowing.text, HasSubstr("in what linear1 puts out"));
    EXPECT_THAT(overflowing.text, Not(HasSubstr("learning rate")));
}

TEST(BankText, AStepReadsAsInTheTable) {
    const Diagnosis diagnosis = trained(numbers(few_rows, 0.5), options(0, adam(1.0)));
    double largest = 0.0;
    for (const LayerDiagnosis& layer : diagnosis.layers) {
        largest = std::max(largest, layer.update_ratio);
    }
    EXPECT_THAT(diagnosis.text,
                HasSubstr("one step changes the weights by " + format_number(std::round(largest * 100) / 100)));
}

TEST(BankTable, OtherWeightsAndRowsAreJudgedAlike) {
    const std::uint64_t usual_seed = planted_seed;
    for (const std::uint64_t seed : {100, 101, 102, 103, 104}) {
        planted_seed = seed;
        for (const std::vector<Entry>& part : {sick(), healthy()}) {
            for (const Entry& entry : part) {
                const Diagnosis diagnosis = entry.make();
                EXPECT_EQ(name(diagnosis.factor), name(entry.factor))
                    << entry.name << ", seed " << seed << ": " << all_of(diagnosis);
            }
        }
    }
    planted_seed = usual_seed;
}

TEST(BankTable, HasFortyThatAreSickAndTenThatAreNot) {
    const std::vector<Entry> planted = sick();
    EXPECT_GE(planted.size(), 40U);
    EXPECT_GE(healthy().size(), 10U);
    std::size_t right = 0;
    for (const Entry& entry : planted) {
        const Diagnosis diagnosis = entry.make();
        right += static_cast<std::size_t>(diagnosis.factor == entry.factor);
        std::printf("%-36s planted %-18s said %-18s %s\n", std::string(entry.name).c_str(),
                    std::string(name(entry.factor)).c_str(), std::string(name(diagnosis.factor)).c_str(),
                    std::string(name(diagnosis.course.course)).c_str());
    }
    std::printf("%zu of %zu right\n", right, planted.size());
    EXPECT_EQ(right, planted.size());
}

}  // namespace
}  // namespace handgrad::diagnose
