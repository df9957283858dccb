// Every option of `train`, in the groups of the help; names and formulas come from the library's own lists.
#include "cli/train_options.hpp"

#include <fmt/format.h>

#include <array>
#include <utility>

#include "cli/network_options.hpp"
#include "cli/text.hpp"

namespace handgrad::cli {
namespace {

/// What is known only when all options have been read.
struct Later {
    std::string convention = "handgrad";
    std::optional<FirstWeights> first_weights;
    std::optional<double> weight_decay;
};

/// Some of the optimizers that users know are not here yet; saying so is better than "unknown".
void refuse_solvers(const Given& given) {
    const std::string& wanted = only_value(given);
    if (wanted == "lbfgs" || wanted == "lm") {
        usage_error(fmt::format("{}: '{}' is not in this version; choose from: {}", given.place, wanted,
                                fmt::join(names_of(optimizer_list), ", ")));
    }
}

HeldOutOption parse_held_out(const Given& given) {
    const std::string& text = only_value(given);
    if (parse_number(text).problem == NumberProblem::not_a_number) {
        return {.fraction = 0.0, .file = text};
    }
    const Range share{.lowest = 0.0, .highest = 1.0, .without_lowest = false, .without_highest = true};
    return {.fraction = parse_real(given.place + " (a share of the rows, or a file)", text, share), .file = {}};
}

std::vector<std::size_t> parse_hidden(const Given& given) {
    const std::vector<std::string> list = parse_layers(given);
    const bool none = list.empty() || (list.size() == 1 && list.front() == "none");
    return none ? std::vector<std::size_t>{} : parse_widths(given);
}

void declare_table(Arguments& arguments, TrainOptionsGiven& given) {
    PreprocessingOptions& columns = given.fit.columns;
    arguments.group("Table (.csv .tsv .txt with a header; .npy and IDX (-ubyte) with --target-file; all also .gz)");
    arguments.option("--target", "COL[,COL]", "the columns to learn; put a name with a comma in double quotes",
                     into(columns.targets));
    arguments.option("--drop", "COL,...", "columns to leave out", into(columns.drop));
    arguments.option("--categorical", "COL,...", "columns of numbers that are names: one input for each value",
                     into(columns.categorical));
    declare_reading(arguments, given.reading, true);
    arguments.option("--impute", "HOW", "what stands for a missing number: error, mean or median (error)",
                     into_choice({"error", "mean", "median"}, [&](std::size_t i) {
                         columns.impute = std::array{Impute::error, Impute::mean, Impute::median}[i];
                     }));
    arguments.option("--scale", "HOW", "of the input columns: standard, minmax or none (standard)",
                     into_choice({"standard", "minmax", "none"}, [&](std::size_t i) {
                         columns.scale = std::array{Scale::standard, Scale::minmax, Scale::none}[i];
                     }));
    arguments.flag("--scale-target,!--no-scale-target",
                   "learn a standardised target (on where the output is unbounded)", into(given.fit.scale_target));
    arguments.option("--weight", "COL", "column of sample weights", into(columns.weight));
    arguments.flag("--drop-missing-labels", "leave out rows without a label (otherwise an error)",
                   into(given.fit.drop_missing_labels));
}

void declare_network(Arguments& arguments, FitOptions& fit, Later& later) {
    arguments.group("Network");
    arguments.option("--hidden", "N[,N]", "widths of the hidden layers; none for a single linear layer (32)",
                     [&](const Given& given) { fit.hidden = parse_hidden(given); });
    arguments.option("--hidden-activation", "NAME[,NAME]", "one for all hidden layers, or one for each (relu)",
                     [&](const Given& given) { fit.hidden_activation = parse_activations(given); });
    arguments.option(
        "--output-activation", "NAME", "of the last layer (by task: identity, sigmoid or softmax)",
        into_choice(names_of(all_activations), [&](std::size_t i) { fit.output_activation = all_activations[i]; }));
    arguments.option("--loss", "NAME",
                     "what training makes small (by task: squared_error, binary_cross_entropy or cross_entropy)",
                     into_choice(names_of(all_losses), [&](std::size_t i) { fit.loss = all_losses[i]; }));
    arguments.option("--huber-delta", "X", "where huber turns from a parabola into a line (1)",
                     into(fit.huber_delta, {.lowest = 0.0, .without_lowest = true}));
    arguments.option(
        "--quantile", "Q", "which quantile the loss quantile asks for (0.5)",
        into(fit.quantile, {.lowest = 0.0, .highest = 1.0, .without_lowest = true, .without_highest = true}));
    arguments.option("--leaky-slope", "X", "slope of leaky_relu for z < 0 (0.01)", into(fit.leaky_slope));
    arguments.option("--task", "TASK",
                     "regression or classification (classification when the target is text, or whole numbers of at "
                     "most 20 distinct values)",
                     into_choice({"regression", "classification"},
                                 [&](std::size_t i) { fit.task = i == 0 ? Task::regression : Task::classification; }));
    arguments.option("--convention", "NAME",
                     "whose reductions, kinks, penalty, momentum and first weights: handgrad, pytorch or sklearn "
                     "(handgrad)",
                     into_choice(names_of(convention_presets),
                                 [&](std::size_t i) { later.convention = convention_presets[i].name; }));
    arguments.option("--init", "HOW", "first weights: he, xavier, lecun or zeros (by activation)",
                     into_choice({"he", "xavier", "lecun", "zeros"}, [&](std::size_t i) {
                         later.first_weights = std::array{FirstWeights::he, FirstWeights::xavier, FirstWeights::lecun,
                                                          FirstWeights::zeros}[i];
                     }));
    arguments.option("--dtype", "TYPE", "f32 or f64: precision of the weights and of every step (f32)",
                     into_choice({"f32", "f64"}, [&](std::size_t i) { fit.use_double = i == 1; }));
}

void declare_training(Arguments& arguments, TrainOptionsGiven& given, Later& later) {
    TrainOptions& training = given.fit.training;
    OptimizerOptions& optimizer = training.optimizer;
    arguments.group("Training");
    arguments.option("--epochs", "N", "times through the training rows; 0 saves the first weights (200)",
                     into(training.epochs, 0));
    arguments.option("--init-from", "FILE", "first weights from a model, or from bare tensors linear1.weight ...",
                     [&](const Given& file) { given.fit.init_from = only_value(file); });
    arguments.option("--batch", "ROWS", "rows in one step (32)", into(training.batch, 1));
    arguments.option("--optimizer", "NAME", "sgd, adam or adamw (adam)", [&](const Given& text) {
        refuse_solvers(text);
        optimizer.kind = optimizer_list[parse_choice(text.place, only_value(text), names_of(optimizer_list))].kind;
    });
    arguments.option("--learning-rate,--lr,--eta", "RATE", "step size eta (0.001)",
                     into(optimizer.learning_rate, {.lowest = 0.0, .without_lowest = true}));
    arguments.option("--momentum", "MU", "of sgd (0)",
                     into(optimizer.momentum, {.lowest = 0.0, .highest = 1.0, .without_highest = true}));
    arguments.flag("--nesterov", "Nesterov's momentum", into(optimizer.nesterov));
    arguments.option("--weight-decay", "ALPHA",
                     "sgd, adam: L2 penalty, part of the loss (0); adamw: decay beside the loss (0.01)",
                     into(later.weight_decay, {.lowest = 0.0}));
    arguments.option(
        "--schedule", "NAME", "of the learning rate, see below (constant)",
        into_choice(names_of(schedule_list), [&](std::size_t i) { training.schedule = schedule_list[i].schedule; }));
    arguments.option("--validation", "SHARE|FILE", "rows that judge each epoch; 0 for none (0.2)",
                     [&](const Given& text) { given.validation = parse_held_out(text); });
    arguments.option("--test", "SHARE|FILE", "rows that judge the finished model (0)",
                     [&](const Given& text) { given.test = parse_held_out(text); });
    arguments.option("--early-stopping", "EPOCHS",
                     "stop after so many epochs without a lower validation loss, and keep the best weights (off)",
                     into(training.early_stopping, 1));
    arguments.option("--seed", "N", "of first weights, splits and shuffling (0)", into_seed(training.seed));
    arguments.flag("--shuffle,!--no-shuffle", "a new order of the rows for each epoch (on)", into(training.shuffle));
    arguments.flag("--diagnose",
                   "measure after each epoch how the gradient reaches each layer and how far its weights have come "
                   "(on 256 rows; changes no weight)",
                   into(given.diagnose));
    arguments.flag("--allow-nonfinite", "go on through NaN and infinities (otherwise stop, exit 5)",
                   into(training.allow_nonfinite));
}

/// The lists behind --hidden-activation, --loss, --optimizer and --schedule.
std::string lists() {
    std::string text = "Activations, of z\n";
    for (const Activation activation : all_activations) {
        text += two_columns(facts(activation).name, facts(activation).formula);
    }
    text += "\nLosses, one output's share, d = yhat - y\n";
    for (const Loss loss : all_losses) {
        text += two_columns(facts(loss).name, facts(loss).formula);
    }
    text += "\nOptimizers, of a weight w with gradient g\n";
    for (const OptimizerFacts& optimizer : optimizer_list) {
        text += two_columns(optimizer.name, optimizer.formula);
    }
    text += "\nSchedules of the learning rate eta; t is the share of the training that is done\n";
    for (const ScheduleFacts& schedule : schedule_list) {
        text += two_columns(schedule.name, schedule.formula);
    }
    return text +
           "\nExit codes: 0 done, 2 usage, 3 bad data, 4 bad model file, 5 diverged, 6 reading or writing failed,\n"
           "130 or 143 interrupted by Ctrl-C or SIGTERM. After 5, 130 and 143 the model has been written.\n";
}

/// Defaults and checks that depend on several options.
void settle(TrainOptionsGiven& given, const Later& later) {
    FitOptions& fit = given.fit;
    if (given.output.empty()) {
        usage_error("--output is missing: say with -o where to write the model");
    }
    if (fit.columns.targets.empty()) {
        if (given.reading.target_file.empty()) {
            usage_error("--target is missing: say which column to learn (or with --target-file where the labels are)");
        }
        fit.columns.targets = {"y"};
    }
    fit.conventions = *find_conventions(later.convention);
    fit.conventions.first_weights = later.first_weights.value_or(fit.conventions.first_weights);
    OptimizerOptions& optimizer = fit.training.optimizer;
    optimizer.weight_decay = later.weight_decay.value_or(optimizer.kind == OptimizerKind::adamw ? 0.01 : 0.0);

    fit.reading = given.reading.applied_to({});
    fit.reading.text_columns = fit.columns.categorical;
    fit.reading.spelled_columns = fit.columns.targets;
}

}  // namespace

std::optional<TrainOptionsGiven> parse_train(std::vector<std::string> words) {
    TrainOptionsGiven given;
    Later later;
    Arguments arguments(
        "train",
        {"handgrad train houses.csv --target price -o price.model",
         "handgrad train tumours.csv --target diagnosis --hidden 64,32 --early-stopping 20 -o tumours.model",
         "handgrad train t.csv --target y --optimizer sgd --learning-rate 0.01 --momentum 0.9 --test 0.1 -o y.model",
         "handgrad train train-images-idx3-ubyte.gz --target-file train-labels-idx1-ubyte.gz --epochs 10 -o f.model"});
    arguments.positional("DATA", given.data);
    arguments.group("Files");
    arguments.option("--output,-o", "MODEL", "where to write the model (safetensors); needed", into(given.output));
    arguments.option("--report", "FILE", "also a page in HTML: curves, gradient flow, certificate, derivation",
                     into(given.report));
    declare_table(arguments, given);
    declare_network(arguments, given.fit, later);
    declare_training(arguments, given, later);
    arguments.group("Machine and output");
    declare_machine(arguments, given.fit.training.execution);
    declare_output(arguments, given.show, "JSON Lines on standard output: start, epoch for every epoch, done");
    arguments.notes(lists());
    if (!parse_or_help(arguments, std::move(words))) {
        return std::nullopt;
    }
    given.command = arguments.command({"--output", "--report", "--threads", "--simd", "--json", "--quiet"}) +
                    " --output again.model";
    settle(given, later);
    tell_machine(given.fit.training.execution, given.show);
    return given;
}

}  // namespace handgrad::cli
