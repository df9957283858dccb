// Fitting a model to a table: what is decided for the user, who is held out, then preprocessing, training and metrics.
#include "handgrad/train/fit.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <memory>
#include <string_view>
#include <type_traits>
#include <utility>

#include "handgrad/base/error.hpp"
#include "handgrad/base/version.hpp"
#include "handgrad/base/wording.hpp"
#include "handgrad/data/preprocessing_check.hpp"
#include "handgrad/nn/monotone.hpp"
#include "handgrad/store/tensor_file.hpp"
#include "handgrad/train/class_weights.hpp"
#include "handgrad/train/decisions.hpp"
#include "handgrad/train/evaluation.hpp"
#include "handgrad/train/fitting.hpp"
#include "handgrad/train/monotone_columns.hpp"
#include "handgrad/train/same_training.hpp"
#include "handgrad/train/settings.hpp"
#include "handgrad/train/share_out.hpp"

namespace handgrad {
namespace {

std::string text(std::string_view view) { return std::string(view); }

/// Targets that the output activation can never reach are learned as well as may be, but the user should know.
void notice_unreachable(const Table& table, std::span<const std::size_t> rows, const std::vector<std::string>& targets,
                        Activation activation, const Tell& tell) {
    const ActivationFacts& output = facts(activation);
    for (const std::string& target : targets) {
        const std::vector<double>& y = table.column(target).numbers;
        const auto unreachable = std::ranges::count_if(
            rows, [&](std::size_t row) { return y[row] < output.lowest || y[row] > output.highest; });
        if (unreachable > 0) {
            tell({"warning: " + std::to_string(unreachable) + " of " + std::to_string(rows.size()) +
                  " values of target '" + target + "' lie where the output activation " + text(output.name) +
                  " cannot reach (" + format_number(output.lowest) + " to " + format_number(output.highest) + ")"});
        }
    }
}

/// How a table is to be read for this model: as this one was, and columns of categories as texts.
ReadOptions reading_of(const Table& table, const FitOptions& options, const Preprocessing& columns) {
    ReadOptions reading = options.reading;
    reading.decimal = table.decimal;
    reading.kept_columns.clear();
    for (const FeatureColumn& feature : columns.features) {
        if (feature.categorical() &&
            std::ranges::find(reading.text_columns, feature.name) == reading.text_columns.end()) {
            reading.text_columns.push_back(feature.name);
        }
    }
    return reading;
}

/// Which columns were left out as names of rows, and which are texts.
void tell_columns(const Table& table, const PreprocessingOptions& asked, const Preprocessing& columns,
                  const Tell& tell) {
    const Column* const names = row_names(table);
    const auto has = [&](const std::vector<std::string>& list) {
        return names != nullptr && std::ranges::find(list, names->name) != list.end();
    };
    if (has(columns.dropped) && !has(asked.drop)) {
        const std::string& name = names->name;
        tell({name.empty() ? "the first column has no name: row names, left out"
                           : "the first column, '" + name + "', names the rows and is left out"});
    }
    std::string texts;
    for (const FeatureColumn& feature : columns.features) {
        if (feature.categorical()) {
            add_item(texts, ", ", "'" + feature.name + "' (" + plural(feature.inputs(), "input") + ")");
        }
    }
    const bool several = texts.find("), ") != std::string::npos;
    if (!texts.empty()) {
        tell({"text column" + when(several, "s") + ", one input for each category: " + texts});
    }
}

void record(Model& model, const Table& table, const FitOptions& options, const SharedRows& rows) {
    const TrainOptions& training = options.training;
    const OptimizerOptions& optimizer = training.optimizer;
    model.settings = setting_values(options);
    auto& note = model.provenance;
    note["handgrad"] = text(version);
    note["data.file"] = table.source;
    note["rows.training"] = std::to_string(rows.training.size());
    note["seed"] = std::to_string(training.seed);
    note["epochs.asked"] = std::to_string(*training.epochs);
    note["early_stopping"] = std::to_string(training.early_stopping.value_or(0));
    note["optimizer"] = text(name(optimizer.kind));
    if (!facts(optimizer.kind).all_rows) {
        note["batch"] = std::to_string(training.batch);
        note["shuffle"] = training.shuffle ? "yes" : "no";
        note["learning_rate"] = format_number(optimizer.learning_rate);
        note["schedule"] = text(name(training.schedule));
        note["momentum"] = format_number(optimizer.momentum);
        note["nesterov"] = optimizer.nesterov ? "yes" : "no";
    }
    note["weight_decay"] = format_number(optimizer.weight_decay);
    if (options.init_from) {
        note["init_from"] = options.init_from->string();
    }
    if (options.continue_from != nullptr) {
        note["continued.hash"] = parameters_hash(*options.continue_from);
    }
}

/// The columns of the model that is gone on with, and its head.
Head columns_of(const Model& continued, const Table& table, const SharedRows& rows, const FitOptions& options,
                Model& model) {
    model.preprocessing = continued.preprocessing;
    model.preprocessing.reading = reading_of(table, options, model.preprocessing);
    refuse_huge(model.preprocessing, table, rows.training.size(), options.use_double ? sizeof(double) : sizeof(float));
    const Head head{.output = continued.architecture().output, .loss = options.loss.value_or(continued.loss.kind)};
    if (model.preprocessing.task != Task::classification) {
        check_target_domain(model.preprocessing, table, rows.all, head.loss);
    }
    return head;
}

/// Rows that judge a model should be new to it, which is not so when they were shared out otherwise before.
void tell_about_seen_rows(const Model& continued, const Table& table, const SharedRows& rows, const Tell& tell) {
    const TrainingRows& its = continued.training_rows;
    const auto refit = continued.provenance.find("refit");
    const bool on_all = refit != continued.provenance.end() && refit->second == "yes";
    const bool judged = !rows.validation.empty() || !rows.test.empty() || !rows.calibration.empty();
    if (judged && its.table_hash == table_hash(table) && (on_all || its.split_hash != split_hash(rows))) {
        tell(
            {"warning: the model that is gone on with has learned from rows of this table that judge it now: what they "
             "say is too good"});
    }
}

/// Raises Error(usage) about the settings that would make other columns than those of the model that is gone on with.
void refuse_other_columns(const Model& continued, const FitOptions& given) {
    const SettingValues here = setting_values(given);
    Error refusal(ErrorKind::usage,
                  "the columns of the model to go on with are filled in, scaled and learned as they were: leave out "
                  "what asks for something else");
    for (const Setting* setting : {&settings::target, &settings::drop, &settings::id, &settings::categorical,
                                   &settings::impute, &settings::scale, &settings::scale_target, &settings::weight,
                                   &settings::class_weight, &settings::monotone, &settings::task}) {
        const std::string name(setting->name);
        const auto its = continued.settings.find(name);
        if (its != continued.settings.end() && its->second != here.at(name)) {
            refusal = std::move(refusal).about(name);
        }
    }
    if (!refusal.settings().empty()) {
        throw refusal;
    }
}

/// Raises Error(usage) unless the settings ask for the network that is gone on with.
void check_continued(const Model& continued, const FitOptions& options, const Architecture& shape) {
    if (shape != continued.architecture() || options.use_double != continued.is_double()) {
        throw Error(ErrorKind::usage,
                    "the network to go on with has its widths, activations, conventions and type of numbers already: "
                    "leave out the settings that ask for others")
            .about("hidden")
            .about("hidden_activation")
            .about("output_activation")
            .about("convention")
            .about("dtype");
    }
    if (options.init_from || options.refit.value_or(false)) {
        throw Error(ErrorKind::usage,
                    "a training that goes on with a model begins with its weights, and does not begin anew")
            .about("init_from")
            .about("refit");
    }
}

/// Into the columns, once their classes are known.
void weigh_classes(const Table& table, const FitOptions& options, const SharedRows& rows, const Tell& tell,
                   Preprocessing& columns) {
    columns.class_weights = class_weights(options.class_weight, columns, table, rows.training);
    if (columns.class_weights.empty()) {
        return;
    }
    constexpr std::size_t most = 12;
    std::string list;
    for (std::size_t k = 0; k < std::min(most, columns.classes.size()); ++k) {
        add_item(list, ", ", "'" + columns.classes[k] + "' " + short_number(columns.class_weights[k]));
    }
    tell({"weights of the classes, in the loss and not in the metrics: " + list +
          when(columns.classes.size() > most, " and " + std::to_string(columns.classes.size() - most) + " more")});
}

/// Raises Error(usage) where a file of weights is not that of the training that is gone on with.
void refuse_other_class_weights(const FittingTask& fitting, const Preprocessing& columns) {
    const bool once_more = fitting.from == nullptr || fitting.first != nullptr || in_the_second(fitting.from);
    if (once_more || !names_a_file_of_weights(fitting.options.class_weight)) {
        return;
    }
    if (columns.class_weights != fitting.from->preprocessing.class_weights) {
        throw Error(ErrorKind::usage, fitting.options.class_weight +
                                          ": these are not the weights of classes of the training that is gone on "
                                          "with: name the file of then")
            .about("class_weight");
    }
}

/// The columns as they are learned, with the head that their targets decide.
Head prepare_columns(const Table& table, const FitOptions& options, Task task, const SharedRows& rows, const Tell& tell,
                     Model& model) {
    PreprocessingOptions columns = options.columns;
    columns.task = task;
    if (!options.group.empty() && std::ranges::find(columns.drop, options.group) == columns.drop.end()) {
        columns.drop.push_back(options.group);
    }
    Head head{};
    columns.scale_target = false;
    if (task != Task::classification) {
        head = decide_head(options, task);
    }
    columns.scale_target = decide_scale_target(options, task, head);
    model.preprocessing = fit_preprocessing(table, rows.all, rows.training, columns);
    model.preprocessing.reading = reading_of(table, options, model.preprocessing);
    tell_columns(table, columns, model.preprocessing, tell);
    if (task != Task::classification) {
        weigh_classes(table, options, rows, tell, model.preprocessing);  // refuses
    }
    if (task == Task::classification) {
        const std::size_t classes = model.preprocessing.classes.size();
        head = decide_head(options, task, classes);
        model.preprocessing.one_output = classes == 2 && serves_one_output(head);
        tell({"classes: " + some_of(model.preprocessing.classes)});
        weigh_classes(table, options, rows, tell, model.preprocessing);
        if (classes == 1) {
            tell({"warning: the target has one class only; the model will always predict it"});
        }
    } else {
        check_target_domain(model.preprocessing, table, rows.all, head.loss);
        notice_unreachable(table, rows.all, options.columns.targets, head.output, tell);
        if (columns.scale_target) {
            tell({"target scaling: on; losses are in scaled units, metrics and predictions in the table's"});
        }
    }
    return head;
}

/// Raises what input_signs(), refuse_classes() and check_monotone() raise; tells what is promised.
void prepare_monotone(const Table& table, const FitOptions& options, const Architecture& shape, const Model& model,
                      const Tell& tell) {
    if (options.monotone.empty()) {
        return;
    }
    const std::vector<int> signs = input_signs(options.monotone, model.preprocessing, table.source);
    refuse_classes(model.preprocessing);
    check_monotone(shape, signs);
    tell({"monotone: " + monotone_text(options.monotone, model.preprocessing)});
}

/// One training, of a model made from the rows that are shared out for it.
FitResult fit_once(Task task, const FittingTask& fitting) {
    const Table& table = fitting.table;
    const FitOptions& options = fitting.options;
    const SharedRows& rows = fitting.rows;
    const Tell& tell = fitting.tell;
    FitResult result;
    Model& model = result.model;
    Head head{};
    if (options.continue_from != nullptr) {
        head = columns_of(*options.continue_from, table, rows, options, model);
    } else {
        head = prepare_columns(table, options, task, rows, tell, model);
        refuse_other_class_weights(fitting, model.preprocessing);
    }
    refuse_unused(options, head.loss);
    refuse_unlikely_intervals(options, task, head);
    refuse_senseless(head, model.preprocessing);
    tell({"output " + text(name(head.output)) + " with loss " + text(name(head.loss))});

    model.loss = LossFunction(head.loss);
    model.loss.huber_delta = options.huber_delta;
    model.loss.quantile = options.quantile;
    model.weight_decay = penalty_of(options.training.optimizer);
    const Architecture shape = shape_of(options, model.preprocessing, head.output);
    refuse_kinks(options, shape);
    prepare_monotone(table, options, shape, model, tell);
    if (options.continue_from != nullptr) {
        check_continued(*options.continue_from, options, shape);
    }
    record(model, table, options, rows);
    if (options.use_double) {
        model.net = BasicMlp<double>::zeros(shape);
        run_fitting<double>(fitting, result);
    } else {
        model.net = BasicMlp<float>::zeros(shape);
        run_fitting<float>(fitting, result);
    }
    return result;
}

void put_into(FitOptions& options, const Length& length) {
    options.training.early_stopping = length.early_stopping;
    options.validation = length.validation;
    options.refit = length.refit;
}

/// Why the rows held out could not tell one epoch from another; empty where they can.
std::string cannot_judge(const Table& table, const FitOptions& options, const SharedRows& rows) {
    if (rows.validation.empty()) {
        return "no class has two rows";
    }
    if (options.columns.weight.empty()) {
        return "";
    }
    const std::vector<double>& weights = table.column(options.columns.weight).numbers;
    for (const auto* part : {&rows.training, &rows.validation}) {
        const auto weighs = [&](std::size_t row) { return row < weights.size() && weights[row] > 0.0; };
        if (std::ranges::none_of(*part, weighs)) {
            return "too few rows have a weight";
        }
    }
    return "";
}

/// The rows shared out for so long a training. Those that nobody asked to hold out are learned from where they could
/// not judge anything.
SharedRows decide_rows(const Table& table, FitOptions& options, Task task, const Length& length, const Tell& tell) {
    put_into(options, length);
    if (!length.usual) {
        return share_out(table, options, task, tell);
    }
    std::vector<Notice> told;
    std::string reason;
    try {
        SharedRows rows = share_out(table, options, task, [&](const Notice& notice) { told.push_back(notice); });
        reason = cannot_judge(table, options, rows);
        if (reason.empty()) {
            std::ranges::for_each(told, tell);
            return rows;
        }
    } catch (const Error& error) {
        if (error.kind() != ErrorKind::data || options.group.empty()) {
            throw;
        }
        reason = "all rows are of one group";  // what else is wrong is said once more below
    }
    put_into(options, {});
    SharedRows rows = share_out(table, options, task, tell);
    tell({"validation: none, as " + reason});
    return rows;
}

/// The model of the second training with what the validation rows said of the first, whose model is kept beside it.
void take_over(FitResult& first, FitResult& second) {
    for (const char* key : {"epochs.run", "epochs.best", "stopped", "early_stopping", "rows.validation"}) {
        second.model.provenance[key] = first.model.provenance[key];
    }
    record_metrics(second.model, "validation", first.validation_metrics);
    if (first.baseline_on == "validation") {
        record_metrics(second.model, "constant", first.baseline);
    }
    second.model.provenance["refit"] = "yes";
    second.model.settings = first.model.settings;
    second.model.history = first.model.history;
    std::swap(first.model, second.model);
    first.judged_model = std::move(second.model);
    first.train_metrics = second.train_metrics;
    first.learned_rows = second.learned_rows;
    first.usable = second.usable;
    first.test_metrics = second.test_metrics;
    first.training.seconds += second.training.seconds;
    std::erase_if(first.undefined, [](const std::string& reason) { return !reason.ends_with("(validation)"); });
    first.undefined.insert(first.undefined.end(), second.undefined.begin(), second.undefined.end());
    if (second.baseline_on == "test") {
        first.judged = second.judged;
        first.baseline = second.baseline;
    }
}

/// The same training once more, of all rows that are not for the test, as far as it was best by the validation rows.
/// What those said of the first is kept; a second that does not come to its end changes nothing.
void refit(Task task, const FittingTask& once, FitResult& first) {
    const FitOptions& options = once.options;
    const FitCallbacks& callbacks = once.callbacks;
    const Tell& tell = once.tell;
    const std::size_t epochs = first.training.best_epoch;
    const SharedRows all = without_validation(once.rows);
    const Model* const from = in_the_second(once.from) ? once.from : nullptr;
    if (callbacks.on_refit) {
        callbacks.on_refit({.training_rows = all.training.size(), .epochs = epochs, .epoch = epochs_done(from)});
    }
    tell({.text = "refit: the same training on all " + std::to_string(all.training.size()) + " rows, for " +
                  plural(epochs, "epoch") + ", as many as were best",
          .overruled_by = SettingHint{"refit", "false"}});
    FitOptions whole = options;
    whole.training.early_stopping = 0;
    whole.validation = HeldOut{};
    whole.refit = false;
    const FitCallbacks quiet{.on_epoch =
                                 [&](const EpochReport& report, const Metrics& /*none*/) {
                                     return !callbacks.on_refit_epoch || callbacks.on_refit_epoch(report);
                                 },
                             .stop = callbacks.stop,
                             .checkpoints = callbacks.checkpoints,
                             .on_interrupted =
                                 [&](const Model& /*the second's*/) {
                                     if (callbacks.on_interrupted) {
                                         callbacks.on_interrupted(first.model);
                                     }
                                 }};
    const Tell nobody = [](const Notice&) {};
    FitResult second = fit_once(task, {.table = once.table,
                                       .options = whole,
                                       .rows = all,
                                       .callbacks = quiet,
                                       .tell = nobody,
                                       .tell_rows = tell,
                                       .last = epochs,
                                       .from = from,
                                       .first = &first});
    const bool interrupted = second.training.stopped == Stopped::callback;
    if (interrupted || second.diverged) {
        tell({"warning: the training on all rows " + when(interrupted, "was interrupted") +
              when(!interrupted, "diverged") + "; the model is that of the rows without those for validation"});
        if (interrupted) {
            first.training.stopped = Stopped::callback;
            first.model.provenance["refit"] = "interrupted";
        }
        return;
    }
    take_over(first, second);
}

void refuse_restarts(const FitOptions& options, const FitCallbacks& callbacks, const Model* checkpoint) {
    if (options.restarts == 1) {
        return;
    }
    if (checkpoint != nullptr || callbacks.checkpoints.keep) {
        throw Error(ErrorKind::usage,
                    "restarts: several trainings are not kept by checkpoints in this version; leave one of the two out")
            .about("restarts");
    }
    if (options.continue_from != nullptr) {
        throw Error(ErrorKind::usage,
                    "restarts: a model that is gone on with has its weights, so that nothing begins anew; leave one of "
                    "the two out")
            .about("restarts")
            .about("continue");
    }
}

/// Several trainings from seed to seed, on the same rows.
class Restarting {
public:
    Restarting(Task task, const FittingTask& once) : task_(task), once_(once) {}

    FitResult run() {
        const std::size_t count = once_.options.restarts;
        std::vector<Restart> ended;
        std::size_t best = 0;
        bool interrupted = false;
        std::optional<FitResult> kept;
        for (std::size_t number = 0; number < count && !interrupted; ++number) {
            FitResult result = train(number, kept ? &kept->model : nullptr);
            interrupted = result.training.stopped == Stopped::callback && !result.diverged;
            if (interrupted && kept) {
                break;
            }
            ended.push_back(report(number, result));
            if (!kept || better(ended.back().loss, ended[best].loss)) {
                best = number;
                kept = std::move(result);
            }
        }
        kept->restarts = std::move(ended);
        kept->chosen_restart = best;
        if (interrupted) {
            kept->training.stopped = Stopped::callback;
        }
        return std::move(*kept);
    }

    /// The options of one of them, and what its model tells of all.
    [[nodiscard]] FitOptions options_of(std::size_t number) const {
        FitOptions options = once_.options;
        options.training.seed += number;
        return options;
    }
    void note(Model& model, const FitResult& result) const {
        const std::uint64_t seed = once_.options.training.seed;
        model.settings[text(settings::seed.name)] = seed;  // by which the rows are shared out
        model.provenance["seed"] = std::to_string(seed);
        model.provenance["restarts"] = std::to_string(result.restarts.size());
        model.provenance["restart.seed"] = std::to_string(seed + result.chosen_restart);
        for (const Restart& one : result.restarts) {
            model.provenance["restart.loss." + std::to_string(one.seed)] =
                std::isnan(one.loss) ? one.stopped : format_number(one.loss);
        }
    }

private:
    static bool better(double loss, double than) { return loss < than || (std::isnan(than) && !std::isnan(loss)); }

    FitResult train(std::size_t number, const Model* best) {
        const FitOptions options = options_of(number);
        const RestartStart start{.number = number, .restarts = once_.options.restarts, .seed = options.training.seed};
        const auto tell_start = [&] {
            if (once_.callbacks.on_restart) {
                once_.callbacks.on_restart(start);
            }
        };
        FitCallbacks callbacks = once_.callbacks;
        losses_.clear();
        callbacks.on_start = {};
        if (number == 0) {
            callbacks.on_start = [&](const FitStart& first) {
                if (once_.callbacks.on_start) {
                    once_.callbacks.on_start(first);
                }
                tell_start();
            };
        } else {
            tell_start();
        }
        callbacks.on_epoch = [&](const EpochReport& epoch, const Metrics& metrics) {
            losses_[epoch.epoch] = std::isnan(epoch.validation_loss) ? epoch.loss : epoch.validation_loss;
            return !once_.callbacks.on_epoch || once_.callbacks.on_epoch(epoch, metrics);
        };
        if (best != nullptr && callbacks.on_interrupted) {
            callbacks.on_interrupted = [&](const Model&) { once_.callbacks.on_interrupted(*best); };
        }
        const Tell nobody = [](const Notice&) {};
        const bool first = number == 0;
        return fit_once(task_, {.table = once_.table,
                                .options = options,
                                .rows = once_.rows,
                                .callbacks = callbacks,
                                .tell = first ? once_.tell : nobody,
                                .tell_rows = first ? once_.tell_rows : nobody,
                                .last = once_.last});
    }

    Restart report(std::size_t number, const FitResult& result) {
        Restart restart{.seed = once_.options.training.seed + number,
                        .loss = std::numeric_limits<double>::quiet_NaN(),
                        .epochs = result.training.epochs,
                        .best_epoch = result.training.best_epoch,
                        .stopped = text(stopped_name(result))};
        const auto loss = losses_.find(result.training.best_epoch);
        if (!result.diverged && result.usable && loss != losses_.end()) {
            restart.loss = loss->second;
        }
        const bool by_validation = !result.validation_metrics.empty();
        std::string came_to = when(by_validation, "validation") + when(!by_validation, "training") + " loss " +
                              short_number(restart.loss, loss_digits);
        if (std::isnan(restart.loss)) {
            came_to = restart.stopped;
        }
        once_.tell({"restart " + std::to_string(number + 1) + " of " + std::to_string(once_.options.restarts) +
                    ", seed " + std::to_string(restart.seed) + ": " + came_to + ", epoch " +
                    std::to_string(restart.best_epoch)});
        return restart;
    }

    static constexpr int loss_digits = 5;
    Task task_;
    const FittingTask& once_;
    std::map<std::size_t, double> losses_;  ///< by epoch, of the training that runs
};

}  // namespace

std::string_view stopped_name(const FitResult& result) {
    if (result.diverged) {
        return "diverged";
    }
    return name(result.training.stopped);
}

FitResult fit(const Table& table, const FitOptions& given, const FitCallbacks& callbacks, const Model* checkpoint) {
    const Tell tell = callbacks.on_notice ? callbacks.on_notice : [](const Notice&) {};
    for (const std::string& notice : table.notices) {
        tell({notice});
    }
    for (const std::string& warning : table.warnings) {
        tell({"warning: " + warning});
    }
    check_ranges(given, "fit");
    check(given.training.optimizer);
    refuse_restarts(given, callbacks, checkpoint);
    if (!monotone_columns(given.monotone).empty()) {
        refuse_signs(given.training.optimizer);
    }
    FitOptions options = given;
    const std::size_t labelled =
        given.only_rows ? given.only_rows->size()
                        : labelled_rows(table, options.columns.targets, options.drop_missing_labels).size();
    if (options.continue_from != nullptr) {
        refuse_other_columns(*options.continue_from, given);
        options.task = options.continue_from->preprocessing.task;
    }
    const Task task = decide_task(table, options, tell);
    decide_intervals(options, task, tell);
    const SharedRows rows = decide_rows(table, options, task, decide_length(options, labelled, tell), tell);
    options.training.epochs =
        decide_epochs(options.training, rows.training.size(), tell) + epochs_done(options.continue_from);

    if (options.continue_from != nullptr) {
        tell_about_seen_rows(*options.continue_from, table, rows, tell);
    }
    if (checkpoint != nullptr) {
        refuse_another_training(*checkpoint, table, options);
    }
    const FittingTask once{.table = table,
                           .options = options,
                           .rows = rows,
                           .callbacks = callbacks,
                           .tell = tell,
                           .tell_rows = tell,
                           .last = *options.training.epochs,
                           .from = checkpoint};
    Restarting several(task, once);
    const bool restarts = options.restarts > 1;
    FitResult result = restarts ? several.run() : fit_once(task, once);
    const bool ended = !result.diverged && result.training.stopped != Stopped::callback;
    if (*options.refit && ended) {
        options.training.seed += result.chosen_restart;
        refit(task, once, result);
        options.training.seed -= result.chosen_restart;
    }
    if (restarts) {
        several.note(result.model, result);
        if (result.judged_model) {
            several.note(*result.judged_model, result);
        }
    }
    return result;
}

}  // namespace handgrad
