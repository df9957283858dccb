// Fitting a model to a table: what is decided for the user, who is held out, then preprocessing, training and metrics.
#include "handgrad/train/fit.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <string_view>
#include <type_traits>
#include <utility>

#include "handgrad/base/error.hpp"
#include "handgrad/base/version.hpp"
#include "handgrad/base/wording.hpp"
#include "handgrad/store/tensor_file.hpp"
#include "handgrad/train/decisions.hpp"
#include "handgrad/train/evaluation.hpp"
#include "handgrad/train/prediction.hpp"
#include "handgrad/train/settings.hpp"
#include "handgrad/train/share_out.hpp"

namespace handgrad {
namespace {

std::string text(std::string_view view) { return std::string(view); }

/// Some of the names, where there are too many for a line.
std::string some_of(const std::vector<std::string>& names) {
    constexpr std::size_t most = 12;
    const std::vector<std::string> first(names.begin(),
                                         names.begin() + static_cast<std::ptrdiff_t>(std::min(most, names.size())));
    return quoted(first) + when(names.size() > most, " and " + std::to_string(names.size() - most) + " more");
}

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

/// Which texts of a table that was held out the model ignores.
void tell_unknown(const Preprocessing& columns, const Table& table, std::span<const std::size_t> rows,
                  const FitCallbacks& callbacks) {
    if (columns.unknown == Unknown::error || !callbacks.on_notice) {
        return;
    }
    for (const UnknownCategory& one : unknown_categories(columns, table, rows)) {
        callbacks.on_notice({table.source + ": column '" + one.column +
                             "': " + (one.missing ? "a missing text" : "'" + one.text + "'") +
                             " is not a category that the model knows, 0 in all its inputs (" +
                             plural(one.rows, "row") + ")"});
    }
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

/// The trivial predictor: the mean of the training targets, or the classes' frequencies, of which the most frequent is
/// always predicted; as a network's outputs.
template <class T>
std::vector<double> constant_answer(const BasicDataset<T>& training) {
    std::vector<double> answer;
    for (std::size_t k = 0; k < training.y.columns(); ++k) {
        double sum = 0.0, total = 0.0;
        for (std::size_t row = 0; row < training.rows(); ++row) {
            const double weight = training.weight(row);
            sum += weight * static_cast<double>(training.y(row, k));
            total += weight;
        }
        answer.push_back(sum / total);
    }
    return answer;
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
    note["batch"] = std::to_string(training.batch);
    note["shuffle"] = training.shuffle ? "yes" : "no";
    note["early_stopping"] = std::to_string(training.early_stopping.value_or(0));
    note["optimizer"] = text(name(optimizer.kind));
    note["learning_rate"] = format_number(optimizer.learning_rate);
    note["schedule"] = text(name(training.schedule));
    note["momentum"] = format_number(optimizer.momentum);
    note["nesterov"] = optimizer.nesterov ? "yes" : "no";
    note["weight_decay"] = format_number(optimizer.weight_decay);
    if (options.init_from) {
        note["init_from"] = options.init_from->string();
    }
}

void record_metrics(Model& model, const std::string& part, const Metrics& metrics) {
    for (const auto& [name, value] : metrics) {
        model.provenance["metric." + part + "." + name] = std::isnan(value) ? "undefined" : format_number(value);
    }
}

/// What the model keeps of the rows that it learns from.
template <class T>
TrainingRows training_rows_of(const Table& table, const FitOptions& options, const SharedRows& rows,
                              const BasicDataset<T>& training) {
    const auto hash = [](const HeldOut& held) {
        return held.table == nullptr ? std::string() : table_hash(*held.table);
    };
    TrainingRows facts{.table_hash = table_hash(table),
                       .split_hash = split_hash(rows),
                       .validation_hash = hash(*options.validation),
                       .test_hash = hash(options.test),
                       .constant_answer = constant_answer(training),
                       .lowest = std::vector<double>(training.x.columns(), std::numeric_limits<double>::max()),
                       .highest = std::vector<double>(training.x.columns(), std::numeric_limits<double>::lowest())};
    for (std::size_t row = 0; row < training.rows(); ++row) {
        for (std::size_t j = 0; j < training.x.columns(); ++j) {
            const auto x = static_cast<double>(training.x(row, j));
            facts.lowest[j] = std::min(facts.lowest[j], x);
            facts.highest[j] = std::max(facts.highest[j], x);
        }
    }
    return facts;
}

/// Which classes a part lacks, and whether it is too small to judge by.
template <class T>
void tell_about_part(const std::string& what, const BasicDataset<T>& part, const Preprocessing& columns,
                     const Tell& tell) {
    const bool learns = what == "training";
    if (part.rows() == 0) {
        return;
    }
    if (!learns && part.rows() < fewest_rows_to_judge) {
        tell({"warning: " + plural(part.rows(), what + " row") + when(part.rows() == 1, " is") +
              when(part.rows() != 1, " are") + " too few to judge by: what they say may be chance"});
    }
    if (columns.task != Task::classification) {
        return;
    }
    std::vector<bool> seen(columns.classes.size());
    for (const std::uint32_t of_row : classes_of(columns, part)) {
        seen[of_row] = true;
    }
    std::vector<std::string> missing;
    for (std::size_t k = 0; k < seen.size(); ++k) {
        if (!seen[k]) {
            missing.push_back(columns.classes[k]);
        }
    }
    if (missing.empty()) {
        return;
    }
    const std::string classes = when(missing.size() == 1, "class ") + when(missing.size() > 1, "the classes ");
    tell({"warning: no " + what + " row is of " + classes + some_of(missing) +
          when(learns, "; the model cannot learn what " + when(missing.size() == 1, "it looks") +
                           when(missing.size() > 1, "they look") + " like")});
}

/// The classes of the model in a file; none where it is no model of classes.
std::vector<std::string> classes_in(const std::filesystem::path& path) {
    try {
        return load_model(path, true).preprocessing.classes;
    } catch (const Error&) {
        return {};  // bare tensors, or what load_parameters() complains about
    }
}

/// Weights that do not fit because the classes are others say so; those that fit all the same are told about.
template <class T>
void load_first_weights(const std::filesystem::path& path, const Preprocessing& columns, bool allow_nonfinite,
                        BasicMlp<T>& net, const Tell& tell) {
    const std::vector<std::string> its = classes_in(path);
    const bool others = !its.empty() && !columns.classes.empty() && its != columns.classes;
    if (others && its.size() != columns.classes.size()) {
        throw Error(ErrorKind::model, path.string() + ": its network tells " + std::to_string(its.size()) +
                                          " classes apart (" + some_of(its) + "), but this table has " +
                                          std::to_string(columns.classes.size()) + " (" + some_of(columns.classes) +
                                          "); begin with a model of the same classes, or without one")
            .about("init_from");
    }
    if (others) {
        tell({"warning: the outputs of " + path.string() + " stand for " + some_of(its) + ", here for " +
              some_of(columns.classes)});
    }
    load_parameters(path, net, allow_nonfinite);
}

/// The model's history while it is trained.
class Recorder {
public:
    Recorder(History& history, const Metrics& metrics, std::size_t layers) : history_(history) {
        std::vector<std::string> names;
        for (const auto& [name, value] : metrics) {
            names.push_back(name);
        }
        history_.columns = history_columns(names, layers);
    }
    void add(const EpochReport& report, const Metrics& metrics) {
        std::vector<double> numbers{static_cast<double>(report.epoch), report.loss, report.validation_loss,
                                    report.learning_rate};
        for (const auto& [name, value] : metrics) {
            numbers.push_back(value);
        }
        for (const LayerFlow& layer : report.layers) {
            numbers.insert(numbers.end(),
                           {layer.gradient_rms, layer.saturated, layer.dead, layer.moved, layer.starved ? 1.0 : 0.0});
        }
        history_.add(std::move(numbers));
    }

private:
    History& history_;
};

/// The data of one training, the training itself and what is to be said of it: everything that depends on the
/// precision.
template <class T>
class Fitting {
public:
    /// Fills in `result`, whose model has everything but weights, history and what is known of its rows.
    Fitting(const Table& table, const FitOptions& options, const SharedRows& rows, const FitCallbacks& callbacks,
            const Tell& tell, const Tell& tell_rows, FitResult& result)
        : table_(table),
          options_(options),
          rows_(rows),
          callbacks_(callbacks),
          tell_(tell),
          tell_rows_(tell_rows),
          result_(result),
          model_(result.model),
          columns_(model_.preprocessing),
          net_(model_.net.template emplace<BasicMlp<T>>(
              BasicMlp<T>::random(model_.architecture(), options.training.seed))),
          training_(apply_preprocessing<T>(columns_, table, rows.training, {.allow_extra = true})),
          validation_(held_out(*options.validation, rows.validation)),
          test_(held_out(options.test, rows.test)) {
        if (options.init_from) {
            load_first_weights(*options.init_from, columns_, options.training.allow_nonfinite, net_, tell);
        }
    }

    /// Ends after `last` epochs of those of the options, as the schedule of the learning rate has them.
    void run(std::size_t last) {
        begin();
        train_until(last);
        score();
    }

private:
    BasicDataset<T> held_out(const HeldOut& how, const std::vector<std::size_t>& part) const {
        if (how.table != nullptr) {
            const auto labelled = labelled_rows(*how.table, options_.columns.targets, options_.drop_missing_labels);
            check_target_domain(columns_, *how.table, labelled, model_.loss.kind);
            tell_unknown(columns_, *how.table, labelled, callbacks_);
            return apply_preprocessing<T>(columns_, *how.table, labelled, {.allow_extra = true});
        }
        return part.empty() ? BasicDataset<T>{} : apply_preprocessing<T>(columns_, table_, part, {.allow_extra = true});
    }

    void begin() {
        Xxh3Stream hash;
        hash.add(number_bytes<T>(training_.x.values()));
        hash.add(number_bytes<T>(training_.y.values()));
        model_.provenance["data.hash"] = hash.hex();
        model_.provenance["rows.validation"] = std::to_string(validation_.rows());
        model_.provenance["rows.test"] = std::to_string(test_.rows());
        model_.training_rows = training_rows_of(table_, options_, rows_, training_);
        check_settings(model_, "fit");
        static_cast<void>(serialize_model(model_));  // what could not be saved fails now rather than after hours
        if (!options_.refit.value_or(false)) {       // else more rows will be learned from
            tell_about_part("training", training_, columns_, tell_rows_);
        }
        tell_about_part("validation", validation_, columns_, tell_rows_);
        tell_about_part("test", test_, columns_, tell_);
        if (callbacks_.on_start) {
            callbacks_.on_start({training_.rows(), validation_.rows(), test_.rows(), model_});
        }
    }

    Metrics metrics(const BasicDataset<T>& data) const {
        if (data.rows() == 0) {
            return {};
        }
        return metrics_of<T>(columns_, model_.architecture().output, outputs(net_, data.x, options_.training.execution),
                             data);
    }

    MeasureFlow<T> flow_meter() const {
        if (!callbacks_.measure) {
            return {};
        }
        const FlowMeter meter = callbacks_.measure(model_.loss);
        if constexpr (std::is_same_v<T, float>) {
            return meter.in_float;
        } else {
            return meter.in_double;
        }
    }

    void train_until(std::size_t last) {
        TrainOptions settings = options_.training;
        settings.loss = model_.loss;
        const MeasureFlow<T> measure = flow_meter();
        constexpr double unknown = std::numeric_limits<double>::quiet_NaN();
        EpochReport first{.epoch = 0, .epochs = last, .loss = unknown, .learning_rate = unknown};
        const Metrics first_metrics = metrics(validation_);
        Recorder recorder(model_.history, first_metrics, measure ? net_.layers() : 0);
        if (measure) {
            first.layers = measure(net_, training_);
            recorder.add(first, first_metrics);
        }
        const auto on_epoch = [&](EpochReport report, const BasicMlp<T>& /*net_, trained in place*/) {
            report.epochs = last;
            if (measure) {
                report.layers = measure(net_, training_);
            }
            const Metrics judged = metrics(validation_);
            recorder.add(report, judged);
            const bool go_on = !callbacks_.on_epoch || callbacks_.on_epoch(report, judged);
            return go_on && (report.epoch < last || last == *settings.epochs);
        };
        if (last == 0) {
            settings.epochs = 0;
        }
        try {
            result_.training =
                train<T>(net_, training_, settings, validation_.rows() == 0 ? nullptr : &validation_, on_epoch);
        } catch (const Diverged& diverged) {
            result_.diverged = diverged.what();
            if (diverged.row()) {
                *result_.diverged += ". Row " + std::to_string(*diverged.row() + 1) + " of the training rows is " +
                                     table_.place(rows_.training[*diverged.row()]);
            }
            result_.training.epochs = result_.training.best_epoch = diverged.last_good_epoch();
        }
    }

    Metrics final_metrics(const std::string& part, const BasicDataset<T>& data) {
        Metrics found = metrics(data);
        for (const std::string& reason : undefined_metrics(found, columns_, data)) {
            result_.undefined.push_back(reason + " (" + part + ")");
        }
        record_metrics(model_, part, found);
        return found;
    }

    void score() {
        result_.learned_rows = rows_.training;
        result_.train_metrics = final_metrics("train", training_);
        result_.validation_metrics = final_metrics("validation", validation_);
        result_.test_metrics = final_metrics("test", test_);
        if (test_.rows() > 0) {
            judge_on("test", test_, rows_.test, options_.test);
        } else if (validation_.rows() > 0) {
            judge_on("validation", validation_, rows_.validation, *options_.validation);
        } else {
            judge_on("train", training_, rows_.training, {});
        }
        model_.provenance["epochs.run"] = std::to_string(result_.training.epochs);
        model_.provenance["epochs.best"] = std::to_string(result_.training.best_epoch);
        model_.provenance["stopped"] = text(stopped_name(result_));
    }

    void judge_on(const std::string& part, const BasicDataset<T>& judged, const std::vector<std::size_t>& of_table,
                  const HeldOut& held) {
        result_.baseline_on = part;
        RowsByPart parts;
        std::vector<std::size_t>& judged_part = part == "train" ? parts.training : parts.test;
        judged_part = all_rows(judged.rows());
        if (held.table != nullptr && table_hash(*held.table) == model_.training_rows.table_hash) {
            parts = rows_;  // it judges itself by the table that it learns from
            tell_({"warning: the " + part + " table is the one that it has learned from"});
        }
        result_.judged = judge<T>(model_, judged, options_.training.execution, parts).evaluation;
        result_.baseline = result_.judged.baseline.value_or(Metrics{});
        for (const std::string& reason : undefined_baseline(result_.judged)) {
            result_.undefined.push_back(reason + " (" + part + ")");
        }
        result_.judged_rows = of_table;
        if (held.table != nullptr) {
            result_.judged_rows = labelled_rows(*held.table, options_.columns.targets, options_.drop_missing_labels);
        }
    }

    const Table& table_;
    const FitOptions& options_;
    const SharedRows& rows_;
    const FitCallbacks& callbacks_;
    const Tell& tell_;
    const Tell& tell_rows_;  ///< what is to be known of the rows learned from and those that judge them
    FitResult& result_;
    Model& model_;
    const Preprocessing& columns_;
    BasicMlp<T>& net_;
    BasicDataset<T> training_, validation_, test_;
};

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
    if (task == Task::classification) {
        const std::size_t classes = model.preprocessing.classes.size();
        head = decide_head(options, task, classes);
        model.preprocessing.one_output = classes == 2 && serves_one_output(head);
        tell({"classes: " + some_of(model.preprocessing.classes)});
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

/// One training, of a model made from the rows that are shared out for it.
FitResult fit_once(const Table& table, const FitOptions& options, Task task, const SharedRows& rows, std::size_t last,
                   const FitCallbacks& callbacks, const Tell& tell, const Tell& tell_rows) {
    FitResult result;
    Model& model = result.model;
    const Head head = prepare_columns(table, options, task, rows, tell, model);
    refuse_unused(options, head.loss);
    refuse_senseless(head, model.preprocessing);
    tell({"output " + text(name(head.output)) + " with loss " + text(name(head.loss))});

    model.loss = LossFunction(head.loss);
    model.loss.huber_delta = options.huber_delta;
    model.loss.quantile = options.quantile;
    model.weight_decay = penalty_of(options.training.optimizer);
    const Architecture shape = shape_of(options, model.preprocessing, head.output);
    record(model, table, options, rows);
    if (options.use_double) {
        model.net = BasicMlp<double>::zeros(shape);
        Fitting<double>(table, options, rows, callbacks, tell, tell_rows, result).run(last);
    } else {
        model.net = BasicMlp<float>::zeros(shape);
        Fitting<float>(table, options, rows, callbacks, tell, tell_rows, result).run(last);
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
void refit(const Table& table, const FitOptions& options, Task task, const SharedRows& rows,
           const FitCallbacks& callbacks, const Tell& tell, FitResult& first) {
    const std::size_t epochs = first.training.best_epoch;
    const SharedRows all = without_validation(rows);
    if (callbacks.on_refit) {
        callbacks.on_refit({.training_rows = all.training.size(), .epochs = epochs});
    }
    tell({.text = "refit: the same training on all " + std::to_string(all.training.size()) + " rows, for " +
                  plural(epochs, "epoch") + ", as many as were best",
          .overruled_by = SettingHint{"refit", "false"}});
    FitOptions whole = options;
    whole.training.early_stopping = 0;
    whole.validation = HeldOut{};
    whole.refit = false;
    bool interrupted = false;
    const FitCallbacks quiet{.on_epoch = [&](const EpochReport& report, const Metrics& /*none*/) {
        interrupted = callbacks.on_refit_epoch && !callbacks.on_refit_epoch(report);
        return !interrupted;
    }};
    FitResult second = fit_once(
        table, whole, task, all, epochs, quiet, [](const Notice&) {}, tell);
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

}  // namespace

std::string_view stopped_name(const FitResult& result) {
    if (result.diverged) {
        return "diverged";
    }
    switch (result.training.stopped) {
        case Stopped::epochs:
            return "epochs";
        case Stopped::early:
            return "early";
        case Stopped::callback:
            return "interrupted";
    }
    __builtin_unreachable();
}

FitResult fit(const Table& table, const FitOptions& given, const FitCallbacks& callbacks) {
    const Tell tell = callbacks.on_notice ? callbacks.on_notice : [](const Notice&) {};
    for (const std::string& notice : table.notices) {
        tell({notice});
    }
    for (const std::string& warning : table.warnings) {
        tell({"warning: " + warning});
    }
    check_ranges(given, "fit");
    check(given.training.optimizer);
    FitOptions options = given;
    const std::size_t labelled = labelled_rows(table, options.columns.targets, options.drop_missing_labels).size();
    const Task task = decide_task(table, options, tell);
    const SharedRows rows = decide_rows(table, options, task, decide_length(options, labelled, tell), tell);
    options.training.epochs = decide_epochs(options.training, rows.training.size(), tell);

    FitResult result = fit_once(table, options, task, rows, *options.training.epochs, callbacks, tell, tell);
    const bool ended = !result.diverged && result.training.stopped != Stopped::callback;
    if (*options.refit && ended) {
        refit(table, options, task, rows, callbacks, tell, result);
    }
    return result;
}

}  // namespace handgrad
