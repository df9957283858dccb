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
#include "handgrad/train/evaluation.hpp"
#include "handgrad/train/prediction.hpp"
#include "handgrad/train/settings.hpp"
#include "handgrad/train/share_out.hpp"

namespace handgrad {
namespace {

/// Tells a decision or a warning.
using Tell = std::function<void(const Notice&)>;

std::string text(std::string_view view) { return std::string(view); }

std::string quoted_list(const std::vector<std::string>& names) {
    std::string list;
    for (const std::string& name : names) {
        list += (list.empty() ? "'" : ", '") + name + "'";
    }
    return list;
}

/// Some of the names, where there are too many for a line.
std::string some_of(const std::vector<std::string>& names) {
    constexpr std::size_t most = 12;
    const std::vector<std::string> first(names.begin(),
                                         names.begin() + static_cast<std::ptrdiff_t>(std::min(most, names.size())));
    return quoted_list(first) + when(names.size() > most, " and " + std::to_string(names.size() - most) + " more");
}

/// Losses whose targets know no upper bound are not meant for classes, so that naming one says “regression”; squared
/// error serves both.
bool regression_loss(Loss loss) { return loss != Loss::squared_error && std::isinf(facts(loss).highest_target); }
bool bounded_output(Activation activation) {
    return std::isfinite(facts(activation).lowest) || std::isfinite(facts(activation).highest);
}
/// Outputs without an upper bound are numbers, not shares of a class.
bool numbers_output(Activation activation) { return std::isinf(facts(activation).highest); }
/// Whether the loss or the output is one of probabilities.
bool asks_for_classes(const FitOptions& options) {
    return options.loss == Loss::cross_entropy || options.loss == Loss::binary_cross_entropy ||
           options.output_activation == Activation::softmax || options.output_activation == Activation::sigmoid;
}
/// Whether the network may learn (y − shift)/scale: neither its output nor its loss ties y to a range.
bool may_scale_target(Activation output, Loss loss) {
    return !bounded_output(output) && !std::isfinite(facts(loss).lowest_target);
}

/// Texts of which hardly one returns are names or remarks rather than classes. Raises Error(data).
void refuse_names(const Table& table, const Column& target) {
    constexpr std::size_t few = 20;  // of a small table each class may well be there once
    const bool text = target.has_texts && !target.has_numbers && target.texts.size() > few;
    const std::size_t labels = table.rows - target.missing;
    if (text && target.texts.size() * 2 > labels) {
        throw Error(ErrorKind::data, table.source + ": column '" + target.name +
                                         "': " + std::to_string(target.texts.size()) + " different texts in " +
                                         plural(labels, "row") + " are no classes that can be learned; name another " +
                                         "target, or insist on classes")
            .about("target")
            .about("task", "classification");
    }
}

Task decide_task(const Table& table, const FitOptions& options, const Tell& tell) {
    const std::string targets = quoted_list(options.columns.targets);
    const bool one = options.columns.targets.size() == 1;
    if (options.task == Task::classification && !one) {
        return Task::multilabel;
    }
    if (options.task) {
        return *options.task;
    }
    if (options.loss && regression_loss(*options.loss)) {
        tell({"task: regression, as the loss " + text(name(*options.loss)) + " says"});
        return Task::regression;
    }
    if (options.output_activation && numbers_output(*options.output_activation)) {
        tell({"task: regression, as the output activation " + text(name(*options.output_activation)) + " says"});
        return Task::regression;
    }
    const bool shares = options.output_activation == Activation::softmax || options.loss == Loss::cross_entropy;
    if (!one && shares) {
        tell({"task: regression, of shares that sum to 1 as softmax has them"});
        return Task::regression;
    }
    const GuessedTask guess = guess_task(table, options.columns.targets);
    if (guess.few_whole_numbers && asks_for_classes(options)) {
        tell({.text = "task: classification, as the loss or the output activation says",
              .overruled_by = SettingHint{"task", "regression"}});
        return Task::classification;
    }
    if (one) {
        refuse_names(table, table.column(options.columns.targets.front()));
    }
    Notice notice{"task: " + text(name(guess.task)) + ", for target" + when(!one, "s") + " " + targets + ": " +
                  guess.because};
    if (guess.task != Task::regression) {
        notice.overruled_by = SettingHint{"task", "regression"};
    } else if (one) {
        notice.overruled_by = SettingHint{"task", "classification"};
    }
    tell(notice);
    return guess.task;
}

/// Output activation and loss, the other one by what is given of the two.
struct Head {
    Activation output;
    Loss loss;
};

Head regression_head(const FitOptions& options) {
    const Loss loss = options.loss.value_or(Loss::squared_error);
    return {.output = options.output_activation.value_or(output_for(loss)), .loss = loss};
}

/// One yes or no for each target.
Head multilabel_head(const FitOptions& options) {
    Head head{options.output_activation.value_or(Activation::sigmoid), Loss::binary_cross_entropy};
    if (head.output != Activation::sigmoid) {
        head.loss = Loss::squared_error;  // ŷ is no probability
    }
    head.loss = options.loss.value_or(head.loss);
    return head;
}

/// Whether a classification gets softmax outputs, as far as one is asked for, or for its number of classes.
bool takes_softmax(const FitOptions& options, std::size_t classes) {
    if (options.output_activation) {
        return *options.output_activation == Activation::softmax;
    }
    if (options.loss) {
        return *options.loss == Loss::cross_entropy || (classes != 2 && *options.loss != Loss::binary_cross_entropy);
    }
    return classes != 2;
}

Head classification_head(const FitOptions& options, std::size_t classes) {
    Head head{Activation::sigmoid, Loss::binary_cross_entropy};
    if (takes_softmax(options, classes)) {
        head = {Activation::softmax, Loss::cross_entropy};
    }
    head.output = options.output_activation.value_or(head.output);
    if (!options.loss && options.output_activation && head.output != Activation::softmax &&
        head.output != Activation::sigmoid) {
        head.loss = Loss::squared_error;  // ŷ is no probability
    }
    head.loss = options.loss.value_or(head.loss);
    return head;
}

/// Pairs that are defined but can only be a mistake raise Error(usage).
void refuse_senseless(const Head& head, Task task, std::size_t outputs) {
    const auto refuse = [&](bool wrong, const std::string& why, std::initializer_list<std::string_view> settings) {
        if (!wrong) {
            return;
        }
        Error error(ErrorKind::usage, why);
        for (const std::string_view setting : settings) {
            error = std::move(error).about(text(setting));
        }
        throw error;
    };
    const bool regression = task == Task::regression;
    refuse(regression && outputs == 1 && head.output == Activation::softmax,
           "softmax of one output is always 1, whatever the network learns; choose another output activation, or learn "
           "classes",
           {"output_activation", "task"});
    refuse(regression && outputs == 1 && head.loss == Loss::cross_entropy,
           "cross_entropy of one output is for shares that sum to 1, and one alone is always 1; choose another loss, "
           "or learn classes",
           {"loss", "task"});
    refuse(!regression && regression_loss(head.loss),
           "the loss " + text(name(head.loss)) + " is for numbers, not for classes; choose another loss, or learn " +
               "numbers by regression",
           {"loss", "task"});
    refuse(outputs > 1 && head.loss == Loss::cross_entropy && head.output == Activation::sigmoid,
           "cross_entropy never punishes the outputs of other classes, so that sigmoid outputs all go to 1; choose the "
           "output activation softmax, or the loss binary_cross_entropy",
           {"output_activation", "loss"});
    refuse(task == Task::multilabel && head.output == Activation::softmax,
           "softmax shares 1 among the outputs, so that of several labels one alone could be right; choose sigmoid, or "
           "learn shares by regression",
           {"output_activation", "task"});
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

void decide_epochs(TrainOptions& training, std::size_t rows, const Tell& tell) {
    if (!training.epochs) {
        training.epochs = usual_epochs(rows, training.batch);
        const std::size_t steps = *training.epochs * (rows / training.batch + (rows % training.batch == 0 ? 0 : 1));
        tell({.text = "epochs: " + std::to_string(*training.epochs) + ", for " + std::to_string(steps) +
                      " steps of at most " + std::to_string(training.batch) + " rows",
              .overruled_by = SettingHint{"epochs", "N"}});
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

template <class T>
std::string_view bytes_of(std::span<const T> values) {
    return {reinterpret_cast<const char*>(values.data()), values.size_bytes()};
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
    note["early_stopping"] = std::to_string(training.early_stopping);
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
        return load_model(path).preprocessing.classes;
    } catch (const Error&) {
        return {};  // bare tensors, or what load_parameters() complains about
    }
}

/// Weights that do not fit because the classes are others say so; those that fit all the same are told about.
template <class T>
void load_first_weights(const std::filesystem::path& path, const Preprocessing& columns, BasicMlp<T>& net,
                        const Tell& tell) {
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
    load_parameters(path, net);
}

/// The model's history while it is trained.
class Recorder {
public:
    Recorder(History& history, const Metrics& metrics, std::size_t layers) : history_(history) {
        history_.columns = {"epoch", "loss", "validation_loss", "learning_rate"};
        for (const auto& [name, value] : metrics) {
            history_.columns.push_back("validation." + name);
        }
        for (std::size_t l = 0; l < layers; ++l) {
            for (const char* what : {"gradient_rms", "saturated", "dead", "moved", "starved"}) {
                history_.columns.push_back(layer_name(l) + "." + what);
            }
        }
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

/// Everything that depends on the precision.
template <class T>
void run(const Table& table, const FitOptions& options, const FitCallbacks& callbacks, const SharedRows& rows,
         const Tell& tell, FitResult& result) {
    Model& model = result.model;
    const Preprocessing& columns = model.preprocessing;
    const Activation output = model.architecture().output;
    const auto held_out = [&](const HeldOut& how, const std::vector<std::size_t>& part) {
        if (how.table != nullptr) {
            const auto labelled = labelled_rows(*how.table, options.columns.targets, options.drop_missing_labels);
            check_target_domain(columns, *how.table, labelled, model.loss.kind);
            tell_unknown(columns, *how.table, labelled, callbacks);
            return apply_preprocessing<T>(columns, *how.table, labelled, {.allow_extra = true});
        }
        return part.empty() ? BasicDataset<T>{} : apply_preprocessing<T>(columns, table, part, {.allow_extra = true});
    };
    const auto training = apply_preprocessing<T>(columns, table, rows.training, {.allow_extra = true});
    const auto validation = held_out(*options.validation, rows.validation);
    const auto test = held_out(options.test, rows.test);

    auto& net =
        model.net.template emplace<BasicMlp<T>>(BasicMlp<T>::random(model.architecture(), options.training.seed));
    if (options.init_from) {
        load_first_weights(*options.init_from, columns, net, tell);
    }
    Xxh3Stream hash;
    hash.add(bytes_of(training.x.values()));
    hash.add(bytes_of(training.y.values()));
    model.provenance["data.hash"] = hash.hex();
    model.provenance["rows.validation"] = std::to_string(validation.rows());
    model.provenance["rows.test"] = std::to_string(test.rows());
    model.training_rows = training_rows_of(table, options, rows, training);
    static_cast<void>(serialize_model(model));  // what could not be saved fails now rather than after hours
    tell_about_part("training", training, columns, tell);
    tell_about_part("validation", validation, columns, tell);
    tell_about_part("test", test, columns, tell);
    if (callbacks.on_start) {
        callbacks.on_start({training.rows(), validation.rows(), test.rows(), model});
    }

    const auto metrics = [&](const BasicDataset<T>& data) {
        return data.rows() == 0
                   ? Metrics{}
                   : metrics_of<T>(columns, output, outputs(net, data.x, options.training.execution), data);
    };
    TrainOptions settings = options.training;
    settings.loss = model.loss;
    MeasureFlow<T> measure;
    if (callbacks.measure) {
        const FlowMeter meter = callbacks.measure(model.loss);
        if constexpr (std::is_same_v<T, float>) {
            measure = meter.in_float;
        } else {
            measure = meter.in_double;
        }
    }
    constexpr double unknown = std::numeric_limits<double>::quiet_NaN();
    EpochReport first{.epoch = 0, .epochs = *settings.epochs, .loss = unknown, .learning_rate = unknown};
    const Metrics first_metrics = metrics(validation);
    Recorder recorder(model.history, first_metrics, measure ? net.layers() : 0);
    if (measure) {
        first.layers = measure(net, training);
        recorder.add(first, first_metrics);
    }
    const auto on_epoch = [&](EpochReport report, const BasicMlp<T>& /*net, trained in place*/) {
        if (measure) {
            report.layers = measure(net, training);
        }
        const Metrics judged = metrics(validation);
        recorder.add(report, judged);
        return !callbacks.on_epoch || callbacks.on_epoch(report, judged);
    };
    try {
        result.training = train<T>(net, training, settings, validation.rows() == 0 ? nullptr : &validation, on_epoch);
    } catch (const Diverged& diverged) {
        result.diverged = diverged.what();
        if (diverged.row()) {
            *result.diverged += ". Row " + std::to_string(*diverged.row() + 1) + " of the training rows is " +
                                table.place(rows.training[*diverged.row()]);
        }
        result.training.epochs = result.training.best_epoch = diverged.last_good_epoch();
    }

    const auto final_metrics = [&](const char* part, const BasicDataset<T>& data) {
        Metrics found = metrics(data);
        for (const std::string& reason : undefined_metrics(found, columns, data)) {
            result.undefined.push_back(reason + " (" + part + ")");
        }
        return found;
    };
    result.train_metrics = final_metrics("train", training);
    result.validation_metrics = final_metrics("validation", validation);
    result.test_metrics = final_metrics("test", test);
    const auto judge_on = [&](const char* part, const BasicDataset<T>& judged, const std::vector<std::size_t>& of_table,
                              const HeldOut& held) {
        result.baseline_on = part;
        RowsByPart parts;
        std::vector<std::size_t>& judged_part = part == std::string_view("train") ? parts.training : parts.test;
        judged_part = all_rows(judged.rows());
        if (held.table != nullptr && table_hash(*held.table) == model.training_rows.table_hash) {
            parts = rows;  // it judges itself by the table that it learns from
            tell({std::string("warning: the ") + part + " table is the one that it has learned from"});
        }
        result.judged = judge<T>(model, judged, options.training.execution, parts).evaluation;
        result.baseline = result.judged.baseline.value_or(Metrics{});
        result.judged_rows = of_table;
        if (held.table != nullptr) {
            result.judged_rows = labelled_rows(*held.table, options.columns.targets, options.drop_missing_labels);
        }
    };
    if (test.rows() > 0) {
        judge_on("test", test, rows.test, options.test);
    } else if (validation.rows() > 0) {
        judge_on("validation", validation, rows.validation, *options.validation);
    } else {
        judge_on("train", training, rows.training, {});
    }
    model.provenance["epochs.run"] = std::to_string(result.training.epochs);
    model.provenance["epochs.best"] = std::to_string(result.training.best_epoch);
    model.provenance["stopped"] = text(stopped_name(result));
    record_metrics(model, "train", result.train_metrics);
    record_metrics(model, "validation", result.validation_metrics);
    record_metrics(model, "test", result.test_metrics);
}

}  // namespace

Activation output_for(Loss loss) {
    switch (loss) {
        case Loss::binary_cross_entropy:
            return Activation::sigmoid;
        case Loss::cross_entropy:
            return Activation::softmax;
        case Loss::poisson:
            return Activation::exp;
        default:  // a loss of residuals
            return Activation::identity;
    }
}

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

void check_pair(Activation output, Loss loss) {
    const ActivationFacts& values = facts(output);
    const LossFacts& domain = facts(loss);
    if (values.lowest < domain.lowest_output || values.highest > domain.highest_output) {
        throw Error(ErrorKind::usage,
                    "the output activation " + text(values.name) + " takes values from " +
                        format_number(values.lowest) + " to " + format_number(values.highest) + ", but the loss " +
                        text(domain.name) + " is defined from " + format_number(domain.lowest_output) + " to " +
                        format_number(domain.highest_output) + " only; choose another output activation or loss")
            .about("output_activation")
            .about("loss");
    }
}

HeldOut usual_validation(const TrainOptions& training) {
    constexpr double usual_share = 0.2;
    return {.fraction = training.early_stopping > 0 ? usual_share : 0.0};
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
    options.validation = given.validation.value_or(usual_validation(given.training));
    static_cast<void>(labelled_rows(table, options.columns.targets, options.drop_missing_labels));

    FitResult result;
    Model& model = result.model;
    PreprocessingOptions columns = options.columns;
    columns.task = decide_task(table, options, tell);
    const SharedRows rows = share_out(table, options, columns.task, tell);
    decide_epochs(options.training, rows.training.size(), tell);
    if (!options.group.empty() && std::ranges::find(columns.drop, options.group) == columns.drop.end()) {
        columns.drop.push_back(options.group);
    }
    columns.scale_target = false;
    Head head = regression_head(options);
    if (columns.task == Task::regression) {
        check_pair(head.output, head.loss);
        columns.scale_target = options.scale_target.value_or(may_scale_target(head.output, head.loss));
        if (columns.scale_target && !may_scale_target(head.output, head.loss)) {
            throw Error(ErrorKind::usage, "scale_target: the output activation " + text(name(head.output)) +
                                              " or the loss " + text(name(head.loss)) +
                                              " ties the target to a range, so it cannot be scaled")
                .about("scale_target");
        }
    } else if (columns.task == Task::multilabel) {
        head = multilabel_head(options);
        check_pair(head.output, head.loss);
    }
    if (columns.task != Task::regression && options.scale_target.value_or(false)) {
        throw Error(ErrorKind::usage, "scale_target: classes are not scaled").about("scale_target");
    }
    model.preprocessing = fit_preprocessing(table, rows.all, rows.training, columns);
    model.preprocessing.reading = reading_of(table, options, model.preprocessing);
    tell_columns(table, columns, model.preprocessing, tell);
    if (columns.task == Task::classification) {
        const std::size_t classes = model.preprocessing.classes.size();
        head = classification_head(options, classes);
        check_pair(head.output, head.loss);
        model.preprocessing.one_output =
            classes == 2 && head.output != Activation::softmax && head.loss != Loss::cross_entropy;
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
    const bool one_class = columns.task == Task::classification && model.preprocessing.classes.size() == 1;
    if (!one_class) {
        refuse_senseless(head, columns.task, model.preprocessing.outputs());
    }
    tell({"output " + text(name(head.output)) + " with loss " + text(name(head.loss))});

    model.loss = LossFunction(head.loss);
    model.loss.huber_delta = options.huber_delta;
    model.loss.quantile = options.quantile;
    const OptimizerOptions& optimizer = options.training.optimizer;
    model.weight_decay = optimizer.kind == OptimizerKind::adamw ? 0.0 : optimizer.weight_decay;

    Architecture shape;
    shape.sizes = {model.preprocessing.inputs()};
    shape.sizes.insert(shape.sizes.end(), options.hidden.begin(), options.hidden.end());
    shape.sizes.push_back(model.preprocessing.outputs());
    if (options.hidden_activation.size() == 1) {
        shape.hidden = options.hidden_activation.front();
    } else {
        shape.each_hidden = options.hidden_activation;
    }
    shape.output = head.output;
    shape.leaky_slope = options.leaky_slope;
    shape.conventions = options.conventions;
    record(model, table, options, rows);
    if (options.use_double) {
        model.net = BasicMlp<double>::zeros(shape);
        run<double>(table, options, callbacks, rows, tell, result);
    } else {
        model.net = BasicMlp<float>::zeros(shape);
        run<float>(table, options, callbacks, rows, tell, result);
    }
    return result;
}

}  // namespace handgrad
