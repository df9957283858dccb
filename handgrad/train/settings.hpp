// Every setting of a training, described once; command line, configuration file, model file, explanations and range
// checks walk this one list.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "handgrad/store/convention_names.hpp"
#include "handgrad/store/setting_values.hpp"
#include "handgrad/train/fit.hpp"
#include "handgrad/train/setting.hpp"

namespace handgrad {

namespace settings {

using enum SettingGroup;
inline constexpr SettingRange above_0{.lowest = 0.0, .without_lowest = true};
inline constexpr SettingRange from_0{.lowest = 0.0};
inline constexpr SettingRange from_1{.lowest = 1.0};
inline constexpr SettingRange from_0_below_1{.lowest = 0.0, .highest = 1.0, .without_highest = true};
inline constexpr SettingRange between_0_and_1{
    .lowest = 0.0, .highest = 1.0, .without_lowest = true, .without_highest = true};

inline constexpr Setting target{.name = "target",
                                .group = table,
                                .help = "the columns to learn; put a name with a comma in double quotes",
                                .value = "COL[,COL]"};
inline constexpr Setting drop{.name = "drop", .group = table, .help = "columns to leave out", .value = "COL,..."};
inline constexpr Setting id{.name = "id",
                            .group = table,
                            .help = "columns that tell rows apart: nothing is learned from them, predict copies them",
                            .value = "COL,..."};
inline constexpr Setting categorical{.name = "categorical",
                                     .group = table,
                                     .help = "columns whose cells are names, whatever they look like: one input each",
                                     .value = "COL,..."};
inline constexpr Setting unknown{
    .name = "unknown",
    .group = table,
    .help = "a category that the model does not know, when it is used: {} (0 in all inputs of its column)",
    .value = "HOW"};
inline constexpr Setting impute{.name = "impute",
                                .group = table,
                                .help = "what stands for a missing number: {}; texts get a category for it",
                                .value = "HOW"};
inline constexpr Setting scale{.name = "scale", .group = table, .help = "of the input columns: {}", .value = "HOW"};
inline constexpr Setting scale_target{.name = "scale_target",
                                      .group = table,
                                      .help = "learn a standardised target",
                                      .otherwise = "on where the output is unbounded"};
inline constexpr Setting weight{.name = "weight", .group = table, .help = "column of sample weights", .value = "COL"};
inline constexpr Setting class_weight{
    .name = "class_weight",
    .group = table,
    .help =
        "what rows of a class count in the loss: balanced makes all classes count alike; of a file with the "
        "columns class and weight what stands there",
    .value = "balanced|FILE"};
inline constexpr Setting group{.name = "group",
                               .group = table,
                               .help = "column whose equal cells are never on both sides of a split",
                               .value = "COL"};
inline constexpr Setting monotone{
    .name = "monotone",
    .group = table,
    .help = "number columns with which the answer never falls (COL+) or never rises (COL-), whatever the others are",
    .value = "COL+,COL-"};
inline constexpr Setting drop_missing_labels{.name = "drop_missing_labels",
                                             .group = table,
                                             .help = "leave out rows without a label",
                                             .otherwise = "otherwise an error"};

inline constexpr Setting hidden{.name = "hidden",
                                .group = network,
                                .help = "widths of the hidden layers; none for a single linear layer",
                                .value = "N[,N]",
                                .range = from_1};
inline constexpr Setting hidden_activation{.name = "hidden_activation",
                                           .group = network,
                                           .help = "one for all hidden layers, or one for each",
                                           .value = "NAME[,NAME]"};
inline constexpr Setting output_activation{.name = "output_activation",
                                           .group = network,
                                           .help = "of the last layer",
                                           .value = "NAME",
                                           .otherwise = "by task: identity, sigmoid or softmax"};
inline constexpr Setting loss{.name = "loss",
                              .group = network,
                              .help = "what training makes small",
                              .value = "NAME",
                              .otherwise = "by task: squared_error, binary_cross_entropy or cross_entropy"};
inline constexpr Setting huber_delta{.name = "huber_delta",
                                     .group = network,
                                     .help = "where huber turns from a parabola into a line",
                                     .value = "X",
                                     .range = above_0};
inline constexpr Setting quantile{.name = "quantile",
                                  .group = network,
                                  .help = "which quantile the loss quantile asks for",
                                  .value = "Q",
                                  .range = between_0_and_1};
inline constexpr Setting leaky_slope{
    .name = "leaky_slope", .group = network, .help = "slope of leaky_relu for z < 0", .value = "X"};
inline constexpr Setting task{.name = "task",
                              .group = network,
                              .help = "{}",
                              .value = "TASK",
                              .otherwise =
                                  "classification when the target is text, or whole numbers of at most 20 "
                                  "distinct values, at least 5 rows each on average and no more than 10 of them in a "
                                  "row; regression too where the loss or the output says so"};
inline constexpr Setting convention{.name = "convention",
                                    .group = network,
                                    .help = "whose reductions, kinks, penalty, momentum and first weights: {}",
                                    .value = "NAME"};
inline constexpr Setting init{.name = "init",
                              .group = network,
                              .help = "first weights: {}",
                              .value = "HOW",
                              .otherwise = "as the convention says"};
inline constexpr Setting dtype{
    .name = "dtype", .group = network, .help = "{}: precision of the weights and of every step", .value = "TYPE"};

inline constexpr Setting epochs{.name = "epochs",
                                .group = training,
                                .help =
                                    "times through the training rows, iterations of lbfgs, bfgs and lm; 0 saves the "
                                    "first weights",
                                .value = "N",
                                .otherwise =
                                    "as many as make 3000 steps, at least 50; with early stopping 200; lbfgs"
                                    ", bfgs and lm: 1000",
                                .range = from_0};
inline constexpr Setting init_from{.name = "init_from",
                                   .group = training,
                                   .help = "first weights from a model, or from bare tensors linear1.weight ...",
                                   .value = "FILE"};
inline constexpr Setting batch{
    .name = "batch", .group = training, .help = "rows in one step", .value = "ROWS", .range = from_1};
inline constexpr Setting optimizer{.name = "optimizer", .group = training, .help = "{}", .value = "NAME"};
inline constexpr Setting learning_rate{.name = "learning_rate",
                                       .group = training,
                                       .help = "step size eta",
                                       .value = "RATE",
                                       .other_names = "lr,eta",
                                       .range = above_0};
inline constexpr Setting momentum{
    .name = "momentum", .group = training, .help = "of sgd", .value = "MU", .range = from_0_below_1};
inline constexpr Setting nesterov{.name = "nesterov", .group = training, .help = "Nesterov's momentum"};
inline constexpr Setting beta1{.name = "beta1",
                               .group = training,
                               .help = "of adam and adamw: how long the running mean of g remembers",
                               .value = "B",
                               .range = from_0_below_1};
inline constexpr Setting beta2{.name = "beta2",
                               .group = training,
                               .help = "of adam and adamw: how long the running mean of g^2 remembers",
                               .value = "B",
                               .range = from_0_below_1};
inline constexpr Setting epsilon{.name = "epsilon",
                                 .group = training,
                                 .help = "of adam and adamw: what is added to the root of that mean",
                                 .value = "EPS",
                                 .range = above_0};
inline constexpr Setting tol{.name = "tol",
                             .group = training,
                             .help = "of lbfgs, bfgs and lm: they end when no number of the gradient is larger",
                             .value = "X",
                             .otherwise = "1e-6; lm: 0",
                             .range = from_0};
inline constexpr Setting max_fun{.name = "max_fun",
                                 .group = training,
                                 .help = "of lbfgs, bfgs and lm: how often the loss may be computed",
                                 .value = "N",
                                 .range = from_1};
inline constexpr Setting lbfgs_memory{.name = "lbfgs_memory",
                                      .group = training,
                                      .help = "of lbfgs: how many steps it remembers",
                                      .value = "N",
                                      .range = from_1};
inline constexpr Setting weight_decay{.name = "weight_decay",
                                      .group = training,
                                      .help = "L2 penalty, part of the loss; adamw: decay beside the loss",
                                      .value = "ALPHA",
                                      .otherwise = "0; adamw: 0.3",
                                      .range = from_0};
inline constexpr Setting schedule{
    .name = "schedule", .group = training, .help = "of the learning rate, see below", .value = "NAME"};
inline constexpr Setting target_jacobian{
    .name = "target_jacobian",
    .group = training,
    .help = "derivatives to learn beside the values: columns d(TARGET)/d(COLUMN) as predict writes them, row by row",
    .value = "FILE"};
inline constexpr Setting jacobian_weight{.name = "jacobian_weight",
                                         .group = training,
                                         .help = "what their squared errors count beside the loss",
                                         .value = "GAMMA",
                                         .range = from_0};
inline constexpr Setting allow_kinks{
    .name = "allow_kinks",
    .group = training,
    .help = "learn derivatives with relu or leaky_relu, whose biases they do not reach"};
inline constexpr Setting validation{.name = "validation",
                                    .group = training,
                                    .help = "rows that judge each epoch; 0 for none",
                                    .value = "SHARE|FILE",
                                    .otherwise = "0.2 for early stopping, else 0",
                                    .range = from_0_below_1};
inline constexpr Setting test{.name = "test",
                              .group = training,
                              .help = "rows that judge the finished model",
                              .value = "SHARE|FILE",
                              .range = from_0_below_1};
inline constexpr Setting early_stopping{
    .name = "early_stopping",
    .group = training,
    .help = "stop after so many epochs without a lower validation loss, and keep the best weights",
    .value = "EPOCHS",
    .otherwise = "20, or what takes 100 steps, unless epochs are given",
    .range = from_0};
inline constexpr Setting refit{
    .name = "refit",
    .group = training,
    .help =
        "after early stopping train again, on the validation rows too, for as many epochs as "
        "were best",
    .otherwise = "on unless epochs or early stopping are given"};
inline constexpr Setting restarts{
    .name = "restarts",
    .group = training,
    .help =
        "train so often, from this seed and those behind it, and keep the training with the "
        "lowest validation loss (training loss without validation)",
    .value = "N",
    .range = from_1};
inline constexpr Setting calibration{
    .name = "calibration",
    .group = training,
    .help = "rows that intervals of predictions are made of, and nothing is ever learned from",
    .value = "SHARE",
    .otherwise = "0; 0.2 with interval-method split",
    .range = from_0_below_1};
inline constexpr Setting interval_method{.name = "interval_method",
                                         .group = training,
                                         .help =
                                             "how intervals of predictions are made: {}; + train networks without a "
                                             "fold, or without a row, and waste no rows",
                                         .value = "METHOD",
                                         .otherwise = "split where rows are held out for calibration, else none"};
inline constexpr Setting seed{
    .name = "seed", .group = training, .help = "of first weights, splits and shuffling", .value = "N", .range = from_0};
inline constexpr Setting shuffle{
    .name = "shuffle", .group = training, .help = "a new order of the rows for each epoch"};
inline constexpr Setting allow_nonfinite{.name = "allow_nonfinite",
                                         .group = training,
                                         .help = "go on through NaN and infinities",
                                         .otherwise = "otherwise stop, exit 5"};

/// FitOptions::use_double as the choice of f32 or f64.
template <class Flag>
struct Precision {
    Flag& in_double;
};
template <class Flag>
Precision(Flag&) -> Precision<Flag>;  // clang before 17 deduces no aggregate by itself
inline constexpr std::string_view precision_names[] = {"f32", "f64"};

/// The fields that are const when the options are.
template <class Options, class Plain>
concept OptionsOf = std::same_as<std::remove_const_t<Options>, Plain>;

/// A choice of one name out of a list, and its names in their order.
template <class E>
concept Choice = std::is_enum_v<E>;
template <Choice E>
std::vector<std::pair<std::string, E>> choices() {
    std::vector<std::pair<std::string, E>> result;
    if constexpr (std::same_as<E, Activation>) {
        for (const Activation entry : all_activations) {
            result.emplace_back(name(entry), entry);
        }
    } else if constexpr (std::same_as<E, Loss>) {
        for (const Loss entry : all_losses) {
            result.emplace_back(name(entry), entry);
        }
    } else if constexpr (std::same_as<E, OptimizerKind>) {
        for (const OptimizerFacts& facts : optimizer_list) {
            result.emplace_back(facts.name, facts.kind);
        }
    } else if constexpr (std::same_as<E, Schedule>) {
        for (const ScheduleFacts& facts : schedule_list) {
            result.emplace_back(facts.name, facts.schedule);
        }
    } else {
        for (const auto& entry : list_of(E{})) {
            result.emplace_back(entry.name, entry.value);
        }
    }
    return result;
}

}  // namespace settings

/// Calls visit(Setting, field) for each setting, in the order of the help; the fields may be changed unless const. What
/// changes no result (threads, instruction set) is no setting, and how a table is read is the table's (ReadOptions).
template <class Visit>
void for_each_setting(settings::OptionsOf<OptimizerOptions> auto& options, Visit&& visit) {
    visit(settings::optimizer, options.kind);
    visit(settings::learning_rate, options.learning_rate);
    visit(settings::momentum, options.momentum);
    visit(settings::nesterov, options.nesterov);
    visit(settings::beta1, options.beta1);
    visit(settings::beta2, options.beta2);
    visit(settings::epsilon, options.epsilon);
    visit(settings::weight_decay, options.weight_decay);
    visit(settings::tol, options.tol);
    visit(settings::max_fun, options.max_fun);
    visit(settings::lbfgs_memory, options.lbfgs_memory);
}
template <class Visit>
void for_each_setting(settings::OptionsOf<TrainOptions> auto& options, Visit&& visit) {
    visit(settings::epochs, options.epochs);
    visit(settings::batch, options.batch);
    for_each_setting(options.optimizer, visit);
    visit(settings::schedule, options.schedule);
    visit(settings::early_stopping, options.early_stopping);
    visit(settings::seed, options.seed);
    visit(settings::shuffle, options.shuffle);
    visit(settings::jacobian_weight, options.jacobian_weight);
    visit(settings::allow_nonfinite, options.allow_nonfinite);
}
template <class Visit>
void for_each_setting(settings::OptionsOf<FitOptions> auto& options, Visit&& visit) {
    visit(settings::target, options.columns.targets);
    visit(settings::drop, options.columns.drop);
    visit(settings::id, options.columns.ids);
    visit(settings::categorical, options.columns.categorical);
    visit(settings::unknown, options.columns.unknown);
    visit(settings::impute, options.columns.impute);
    visit(settings::scale, options.columns.scale);
    visit(settings::scale_target, options.scale_target);
    visit(settings::weight, options.columns.weight);
    visit(settings::class_weight, options.class_weight);
    visit(settings::group, options.group);
    visit(settings::monotone, options.monotone);
    visit(settings::drop_missing_labels, options.drop_missing_labels);

    visit(settings::hidden, options.hidden);
    visit(settings::hidden_activation, options.hidden_activation);
    visit(settings::output_activation, options.output_activation);
    visit(settings::loss, options.loss);
    visit(settings::huber_delta, options.huber_delta);
    visit(settings::quantile, options.quantile);
    visit(settings::leaky_slope, options.leaky_slope);
    visit(settings::task, options.task);
    visit(settings::convention, options.conventions);
    visit(settings::init, options.conventions.first_weights);  // behind the convention, which sets it too
    visit(settings::dtype, settings::Precision{options.use_double});

    visit(settings::init_from, options.init_from);
    visit(settings::target_jacobian, options.target_jacobian);
    visit(settings::allow_kinks, options.allow_kinks);
    visit(settings::validation, options.validation);
    visit(settings::refit, options.refit);
    visit(settings::test, options.test);
    visit(settings::restarts, options.restarts);
    visit(settings::calibration, options.calibration);
    visit(settings::interval_method, options.interval_method);
    for_each_setting(options.training, visit);
}

/// The names among these values.
std::set<std::string> names_of(const SettingValues& values);
/// The values of all settings, by name.
SettingValues setting_values(const FitOptions& options);
SettingValues setting_values(const OptimizerOptions& options);
/// Puts those values over the options, of which the others stay as they are. Raises Error(model) beginning with `place`
/// for a name that is no setting of these options, and for a value of the wrong kind or out of range. Rows that were
/// held out in a table of their own come back as none.
void apply_settings(FitOptions& options, const SettingValues& values, const std::string& place);
void apply_settings(OptimizerOptions& options, const SettingValues& values, const std::string& place);

/// What a value reads like in a help text or a table: `0.001`, `relu`, `32,16`, `on`; empty for nothing.
std::string setting_text(const SettingValue& value);

/// Raises Error(usage) beginning with `place`, about the setting, for a number out of its range.
void check_ranges(const OptimizerOptions& options, const std::string& place);
void check_ranges(const TrainOptions& options, const std::string& place);
void check_ranges(const FitOptions& options, const std::string& place);

/// The settings that mean nothing to this optimizer, in the order of the help: batches and rates to one that sees all
/// rows at once, its tolerances to others.
std::vector<std::string> without_meaning(OptimizerKind kind);
/// Raises Error(usage) beginning with `place`, about the setting, for one of those that is not as it is when nobody
/// says anything.
void check_meaning(const OptimizerOptions& options, const std::string& place);
void check_meaning(const TrainOptions& options, const std::string& place);
/// For front ends that know what was `said`: raises Error(usage), about the setting, for one of those, even by its
/// usual value, and puts back to their usual values those that come from elsewhere, as from a model that is gone on
/// with. The optimizer gets its usual decay unless one was said or `keep_decay`.
void settle_optimizer(FitOptions& options, const std::set<std::string>& said, bool keep_decay = false);

/// What a model was trained with; none for a model from elsewhere, and of files from before models kept it. The
/// conventions are those of the model. Raises Error(model) for settings that this version does not understand.
std::optional<FitOptions> recorded_options(const Model& model);
/// The optimizer that a model was trained with, also of older files, as far as their provenance says so; none for a
/// model from elsewhere, and where it was one that takes no single steps. Raises Error(model) for settings that this
/// version does not understand.
std::optional<OptimizerOptions> recorded_optimizer(const Model& model);
/// Raises Error(model), `PLACE: settings.NAME: CAUSE`, where the settings that a model keeps are none that training
/// takes, or not those of this model: other layers, another loss, another target. fit() asks it of what it makes.
void check_settings(const Model& model, const std::string& place);

}  // namespace handgrad
