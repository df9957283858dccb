// Everything of a training that depends on the precision, and what is told and kept of it.
#include "handgrad/train/fitting.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <optional>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>

#include "handgrad/base/error.hpp"
#include "handgrad/base/wording.hpp"
#include "handgrad/nn/monotone.hpp"
#include "handgrad/store/tensor_file.hpp"
#include "handgrad/train/evaluation.hpp"
#include "handgrad/train/intervals.hpp"
#include "handgrad/train/monotone_columns.hpp"
#include "handgrad/train/nonfinite.hpp"
#include "handgrad/train/prediction.hpp"
#include "handgrad/train/same_training.hpp"
#include "handgrad/train/settings.hpp"
#include "handgrad/train/target_jacobian.hpp"

namespace handgrad {
namespace {

std::string text(std::string_view view) { return std::string(view); }

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

/// The trivial predictor: the mean of the training targets, or the classes' frequencies, of which the most frequent is
/// always predicted; as a network's outputs. Rows count as in metrics.
template <class T>
std::vector<double> constant_answer(const BasicDataset<T>& training) {
    std::vector<double> answer;
    const std::vector<T>& weights = training.metric_weights();
    for (std::size_t k = 0; k < training.y.columns(); ++k) {
        double sum = 0.0, total = 0.0;
        for (std::size_t row = 0; row < training.rows(); ++row) {
            const double weight = weights.empty() ? 1.0 : static_cast<double>(weights[row]);
            sum += weight * static_cast<double>(training.y(row, k));
            total += weight;
        }
        answer.push_back(sum / total);
    }
    return answer;
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
    /// Behind what was recorded before. Raises Error(usage) when that has other columns.
    void go_on(const History& before) {
        if (before.columns.size() < history_.columns.size()) {
            throw Error(ErrorKind::usage,
                        "the training that is gone on with has not measured its layers so far, and cannot begin to in "
                        "the middle: leave that out")
                .about("diagnose");
        }
        if (before.columns != history_.columns) {
            throw Error(ErrorKind::usage,
                        "the training that is gone on with has measured its layers after each epoch: measure them "
                        "again")
                .about("diagnose");
        }
        history_.epochs = before.epochs;
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

/// How long a training has taken, and how long ago the last checkpoint was kept.
class Watch {
public:
    explicit Watch(double before) : before_(before) {}
    [[nodiscard]] double seconds() const { return before_ + since(start_); }
    [[nodiscard]] double since_kept() const { return since(kept_); }
    void kept() { kept_ = Clock::now(); }

private:
    using Clock = std::chrono::steady_clock;
    static double since(Clock::time_point time) { return std::chrono::duration<double>(Clock::now() - time).count(); }
    double before_;
    Clock::time_point start_ = Clock::now(), kept_ = start_;
};

/// The data of one training, the training itself and what is to be said of it: everything that depends on the
/// precision.
template <class T>
class Fitting {
public:
    Fitting(const FittingTask& task, FitResult& result)
        : task_(task),
          table_(task.table),
          options_(task.options),
          rows_(task.rows),
          callbacks_(task.callbacks),
          result_(result),
          model_(result.model),
          columns_(model_.preprocessing),
          saved_(saved_in(task)),
          input_signs_(input_signs(options_.monotone, columns_, table_.source)),
          net_(model_.net.template emplace<BasicMlp<T>>(
              BasicMlp<T>::random(model_.architecture(), options_.training.seed))),
          training_(apply_preprocessing<T>(columns_, table_, rows_.training, {.allow_extra = true})),
          validation_(held_out(*options_.validation, rows_.validation)),
          test_(held_out(options_.test, rows_.test)) {
        if (saved_ != nullptr) {
            check_same_network();
        }
        if (!input_signs_.empty()) {
            take_signs(net_, weight_signs<T>(net_.architecture(), input_signs_));
        }
        if (options_.continue_from != nullptr) {
            copy_weights(std::get<BasicMlp<T>>(options_.continue_from->net));
        }
        if (options_.init_from) {
            take_first_weights();
        }
        if (options_.target_jacobian) {
            take_jacobians();
        }
    }

    void run() {
        begin();
        if (in_the_second(task_.from) && task_.first == nullptr) {
            take_what_it_came_to();
        } else {
            train_until(task_.last);
        }
        const bool interrupted = result_.training.stopped == Stopped::callback;
        if (interrupted && callbacks_.checkpoints.keep) {
            return;
        }
        if (interrupted && callbacks_.on_interrupted) {
            callbacks_.on_interrupted(model_);
        }
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
        if (!columns_.class_weights.empty()) {
            hash.add(number_bytes<T>(training_.weights));
        }
        model_.provenance["data.hash"] = hash.hex();
        model_.provenance["rows.validation"] = std::to_string(validation_.rows());
        model_.provenance["rows.test"] = std::to_string(test_.rows());
        model_.training_rows = training_rows_of(table_, options_, rows_, training_);
        check_settings(model_, "fit");
        static_cast<void>(serialize_model(model_));  // what could not be saved fails now rather than after hours
        if (!options_.refit.value_or(false)) {       // else more rows will be learned from
            tell_about_part("training", training_, columns_, task_.tell_rows);
        }
        tell_about_part("validation", validation_, columns_, task_.tell_rows);
        tell_about_part("test", test_, columns_, task_.tell);
        if (callbacks_.on_start) {
            callbacks_.on_start({.training_rows = training_.rows(),
                                 .validation_rows = validation_.rows(),
                                 .test_rows = test_.rows(),
                                 .model = model_,
                                 .epoch = epochs_before()});
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

    /// That a checkpoint's training has done of this one, of which it may be the second.
    [[nodiscard]] std::size_t epochs_before() const {
        if (task_.from == nullptr) {
            return epochs_done(options_.continue_from);
        }
        const bool is_over = in_the_second(task_.from) && task_.first == nullptr;
        return is_over ? saved_->first->epochs : epochs_done(task_.from);
    }

    static const SavedTraining<T>* saved_in(const FittingTask& task) {
        if (task.from == nullptr) {
            return nullptr;
        }
        const auto* saved = std::get_if<SavedTraining<T>>(&task.from->training);
        if (saved == nullptr) {
            throw Error(ErrorKind::model, "the checkpoint is of a training in another type of numbers, or of none");
        }
        return saved;
    }

    /// The table and the settings have been compared; this is for a version of handgrad that decides otherwise.
    void check_same_network() const {
        const Architecture& its = saved_->state.net.architecture();
        const Architecture& here = model_.architecture();
        Preprocessing as_read_then = columns_;
        as_read_then.reading = task_.from->preprocessing.reading;  // of which refuse_another_training() has spoken
        const bool same_columns = task_.first != nullptr || task_.from->preprocessing == as_read_then;
        if (its.sizes != here.sizes || !same_columns) {
            throw Error(ErrorKind::usage,
                        "the checkpoint was made by another version of handgrad, which saw the columns otherwise: "
                        "go on with that version, or begin anew");
        }
    }

    /// A training that goes on has them behind it, and needs them only to measure how far it has come from them; but
    /// when their file can be read, it has to be that of then.
    void take_first_weights() {
        constexpr const char* key = "init_from.hash";
        const auto load = [&] {
            load_first_weights(*options_.init_from, columns_, options_.training.allow_nonfinite, net_, task_.tell);
            refuse_wrong_signs();
            return parameters_hash(net_);
        };
        if (task_.from == nullptr) {
            model_.provenance[key] = load();
            return;
        }
        const auto known = task_.from->provenance.find(key);
        const std::string then = known == task_.from->provenance.end() ? "" : known->second;
        std::string now = then;
        try {
            now = load();
        } catch (const Error& error) {
            if (callbacks_.measure || error.kind() != ErrorKind::io) {
                throw;
            }
        }
        if (now != then) {
            throw Error(ErrorKind::usage, options_.init_from->string() +
                                              ": these are not the first weights of the training that is gone on with: "
                                              "leave them out, or name the file of then")
                .about("init_from");
        }
        model_.provenance[key] = then;
    }

    /// First weights that are not monotone would lose what they have learned on their way to some that are.
    void refuse_wrong_signs() const {
        if (input_signs_.empty()) {
            return;
        }
        if (const std::optional<WrongSign> wrong = first_wrong_sign(net_, input_signs_)) {
            throw Error(ErrorKind::usage,
                        options_.init_from->string() +
                            ": its network is not monotone in the columns that are to be: " + wrong->text() +
                            "; begin with one that was trained with the same monotone columns, or "
                            "with fresh weights")
                .about("init_from")
                .about("monotone");
        }
    }

    /// Of the rows that learn, and of those of the table that judge each epoch.
    void take_jacobians() {
        constexpr const char* key = "target_jacobian.hash";
        const TargetJacobian target(*options_.target_jacobian, model_, table_);
        training_.jacobians = convert<T>(target.of_rows(rows_.training));
        if (options_.validation->table == nullptr) {
            validation_.jacobians = convert<T>(target.of_rows(rows_.validation));
        }
        model_.provenance[key] = target.hash();
        if (task_.from != nullptr && task_.first == nullptr) {
            const auto then = task_.from->provenance.find(key);
            if (then == task_.from->provenance.end() || then->second != target.hash()) {
                throw Error(ErrorKind::usage,
                            options_.target_jacobian->string() +
                                ": these are not the derivatives of the training that is gone on with: "
                                "name the file of then")
                    .about("target_jacobian");
            }
        }
    }

    void take_what_it_came_to() {
        net_ = std::get<BasicMlp<T>>(task_.from->net);
        model_.history = task_.from->history;
        result_.training = {
            .epochs = saved_->first->epochs,
            .best_epoch = saved_->first->best_epoch,
            .stopped = find_stopped(saved_->first->stopped).value_or(Stopped::epochs)};  // its seconds are those that
                                                                                         // the second counts on from
    }

    Trainer<T> make_trainer(const TrainOptions& settings) const {
        const BasicDataset<T>* validation = validation_.rows() == 0 ? nullptr : &validation_;
        if (saved_ != nullptr) {
            return Trainer<T>(saved_->state, training_, settings, validation);
        }
        if (options_.continue_from != nullptr) {
            return Trainer<T>(continued_state(settings), training_, settings, validation);
        }
        return Trainer<T>(net_, training_, settings, validation);
    }

    /// Where a finished model stands: with what it keeps of its training, as far as these settings can use it.
    TrainState<T> continued_state(const TrainOptions& settings) const {
        TrainState<T> state{.net = std::get<BasicMlp<T>>(options_.continue_from->net), .moments = {}, .count = {}};
        if (const auto* kept = std::get_if<SavedTraining<T>>(&options_.continue_from->training)) {
            state = kept->state;
            state.over.reset();
            if (!goes_on_from(state, settings.optimizer)) {
                task_.tell({"the optimizer is another one, and begins with no memory"});
                state.moments.clear();
                state.count = {};
                state.memory = {};
            }
        } else {
            task_.tell({"the model has not kept its training: the optimizer begins with no memory"});
        }
        state.begun.reset();
        if (settings.early_stopping.value_or(0) == 0) {
            state.best.reset();
        } else if (!state.best) {
            state.best = state.net;
            state.best_loss = std::numeric_limits<double>::infinity();
            state.best_epoch = state.epoch;
        }
        return state;
    }

    /// Whether what is remembered is of use to this optimizer.
    static bool goes_on_from(const TrainState<T>& state, const OptimizerOptions& optimizer) {
        if (facts(optimizer.kind).all_rows) {
            return state.memory.solver == name(optimizer.kind);
        }
        const StepSequence steps(optimizer, state.net.architecture().conventions);
        return state.memory.solver.empty() && steps.moments() == state.moments.size();
    }

    void train_until(std::size_t last) {
        TrainOptions settings = options_.training;
        settings.loss = model_.loss;
        settings.input_signs = input_signs_;
        if (last == 0) {
            settings.epochs = 0;
        }
        Trainer<T> trainer = make_trainer(settings);
        Recorder recorder = make_recorder(last);
        copy_weights(trainer.net());
        const double before = saved_ != nullptr ? saved_->seconds : 0.0;
        watch_ = Watch(before);
        if (saved_ == nullptr) {
            keep(trainer);
        }
        try {
            result_.training.stopped = advance(trainer, recorder, last);
            copy_weights(trainer.result());
            result_.training.epochs = trainer.epoch();
            result_.training.best_epoch = trainer.best_epoch();
            result_.training.within_epoch = trainer.within_epoch();
            keep(trainer);
            if (options_.keep_training) {
                model_.training = SavedTraining<T>{.state = trainer.state(), .seconds = watch_.seconds()};
            }
        } catch (const Diverged& diverged) {
            tell_divergence(diverged, trainer);
        }
        result_.training.seconds = watch_.seconds();
    }

    void copy_weights(const BasicMlp<T>& from) { std::ranges::copy(from.parameters(), net_.parameters().begin()); }

    Recorder make_recorder(std::size_t last) {
        measure_ = flow_meter();
        constexpr double unknown = std::numeric_limits<double>::quiet_NaN();
        EpochReport first{.epoch = 0, .epochs = last, .loss = unknown, .learning_rate = unknown};
        const Metrics first_metrics = metrics(validation_);
        Recorder recorder(model_.history, first_metrics, measure_ ? net_.layers() : 0);
        if (measure_) {  // remembers the first weights, from which it measures how far all others have come
            first.layers = measure_(net_, training_);
        }
        if (saved_ != nullptr && task_.first == nullptr && saved_->state.epoch > 0) {
            recorder.go_on(task_.from->history);
        } else if (continues_history()) {
            recorder.go_on(options_.continue_from->history);
        } else if (measure_) {
            recorder.add(first, first_metrics);
        }
        return recorder;
    }

    /// Whether the history of the model that is gone on with has the columns of this one.
    [[nodiscard]] bool continues_history() const {
        return options_.continue_from != nullptr && epochs_done(options_.continue_from) > 0 && saved_ == nullptr &&
               options_.continue_from->history.columns == model_.history.columns;
    }

    /// Epoch after epoch; why it ended.
    Stopped advance(Trainer<T>& trainer, Recorder& recorder, std::size_t last) {
        while (true) {
            if (const std::optional<Stopped> done = trainer.done()) {
                return *done;
            }
            if (trainer.epoch() >= last) {
                return Stopped::epochs;
            }
            kept_ = false;
            std::optional<EpochReport> report = trainer.advance([&] { return wants_to_stop() || checkpoint_is_due(); });
            bool go_on = !wants_to_stop();
            if (report) {
                result_.training.progress = report->progress;
                epoch_before_ = net_;
                copy_weights(trainer.net());  // who is asked may look at it
                go_on = epoch(*report, recorder, last) && go_on;
            }
            if (!go_on) {
                return Stopped::callback;
            }
            const std::size_t every = callbacks_.checkpoints.epochs;
            if (checkpoint_is_due() || (report && every > 0 && report->epoch % every == 0)) {
                keep(trainer);
            }
        }
    }

    bool epoch(EpochReport& report, Recorder& recorder, std::size_t last) {
        report.epochs = last;
        if (measure_) {
            report.layers = measure_(net_, training_);
        }
        report.parameters_hash = parameters_hash(net_);
        const Metrics judged = metrics(validation_);
        recorder.add(report, judged);
        return !callbacks_.on_epoch || callbacks_.on_epoch(report, judged);
    }

    [[nodiscard]] bool wants_to_stop() const { return callbacks_.stop && callbacks_.stop(); }
    [[nodiscard]] bool checkpoint_is_due() const {
        const CheckpointPlan& plan = callbacks_.checkpoints;
        return plan.keep && plan.seconds > 0.0 && watch_.since_kept() >= plan.seconds;
    }

    /// A checkpoint of where the training stands: the model that it would give now, and its state.
    void keep(const Trainer<T>& trainer) {
        if (!callbacks_.checkpoints.keep || kept_) {
            return;
        }
        SavedTraining<T> saved{.state = trainer.state(), .seconds = watch_.seconds()};
        Model model;
        if (task_.first != nullptr) {
            saved.seconds += task_.first->training.seconds;
            model = task_.first->model;
            saved.first = FirstTraining{.epochs = task_.first->training.epochs,
                                        .best_epoch = task_.first->training.best_epoch,
                                        .stopped = text(stopped_name(*task_.first))};
        } else {
            model = model_;
            std::get<BasicMlp<T>>(model.net) = trainer.result();
            model.provenance["epochs.run"] = std::to_string(trainer.epoch());
            model.provenance["epochs.best"] = std::to_string(trainer.best_epoch());
            model.provenance["stopped"] = "interrupted";
        }
        model.training = std::move(saved);
        callbacks_.checkpoints.keep(model);
        kept_ = true;
        watch_.kept();
    }

    /// The weights of the last good epoch; where those are of no use those of the epoch before, or with early stopping
    /// the best ones.
    void tell_divergence(const Diverged& diverged, const Trainer<T>& trainer) {
        result_.diverged = diverged.what();
        if (diverged.row()) {
            *result_.diverged += ". Row " + std::to_string(*diverged.row() + 1) + " of the training rows is " +
                                 table_.place(rows_.training[*diverged.row()]);
        }
        copy_weights(trainer.net());
        result_.training.epochs = result_.training.best_epoch = diverged.last_good_epoch();
        if (usable()) {
            return;
        }
        if (options_.training.early_stopping.value_or(0) > 0) {
            copy_weights(trainer.result());
            result_.training.best_epoch = trainer.best_epoch();
        } else if (epoch_before_ && result_.training.best_epoch > 0) {
            copy_weights(*epoch_before_);
            --result_.training.best_epoch;
        } else {  // as when it has gone on from a checkpoint of just these
            *result_.diverged += ". What those weights say of the training rows are no numbers, and no others are left";
            return;
        }
        *result_.diverged += ". What those weights say of the training rows are no numbers: the weights of epoch " +
                             std::to_string(result_.training.best_epoch) + " are kept in their place";
    }

    /// Whether what it says of the rows that it learned from are numbers.
    [[nodiscard]] bool usable() const {
        const Outputs<T> said = outputs(net_, training_.x, options_.training.execution);
        return all_finite<T>(said.z.values()) && all_finite<T>(said.yhat.values());
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
        result_.usable = usable();
        if (options_.only_rows) {
            return;
        }
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
        calibrate();
    }

    /// By rows that the network has not seen.
    void calibrate() {
        if (rows_.calibration.empty()) {
            return;
        }
        const auto data = apply_preprocessing<T>(columns_, table_, rows_.calibration, {.allow_extra = true});
        const Prediction said = predict<T>(model_, data, options_.training.execution);
        if (said.nonfinite > 0) {
            task_.tell(
                {"warning: what the model says of rows held out for calibration are no finite numbers, so that "
                 "intervals cannot be made of them"});
            return;
        }
        model_.conformity = {.method = IntervalMethod::split,
                             .scores = conformity_scores(model_, table_, rows_.calibration, said)};
    }

    void judge_on(const std::string& part, const BasicDataset<T>& judged, const std::vector<std::size_t>& of_table,
                  const HeldOut& held) {
        result_.baseline_on = part;
        RowsByPart parts;
        std::vector<std::size_t>& judged_part = part == "train" ? parts.training : parts.test;
        judged_part = all_rows(judged.rows());
        if (held.table != nullptr && table_hash(*held.table) == model_.training_rows.table_hash) {
            parts = rows_;  // it judges itself by the table that it learns from
            task_.tell({"warning: the " + part + " table is the one that it has learned from"});
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

    const FittingTask& task_;
    const Table& table_;
    const FitOptions& options_;
    const SharedRows& rows_;
    const FitCallbacks& callbacks_;
    FitResult& result_;
    Model& model_;
    const Preprocessing& columns_;
    const SavedTraining<T>* saved_;  ///< to go on from, or null
    std::vector<int> input_signs_;   ///< of monotone columns; empty for none
    BasicMlp<T>& net_;
    BasicDataset<T> training_, validation_, test_;
    MeasureFlow<T> measure_;
    Watch watch_{0.0};
    std::optional<BasicMlp<T>> epoch_before_;  ///< the weights of the epoch before the last whole one
    bool kept_ = false;                        ///< nothing has moved since the last checkpoint
};

}  // namespace

template <class T>
void run_fitting(const FittingTask& task, FitResult& result) {
    Fitting<T>(task, result).run();
}
template void run_fitting<float>(const FittingTask&, FitResult&);
template void run_fitting<double>(const FittingTask&, FitResult&);

void record_metrics(Model& model, const std::string& part, const Metrics& metrics) {
    for (const auto& [name, value] : metrics) {
        model.provenance["metric." + part + "." + name] = std::isnan(value) ? "undefined" : format_number(value);
    }
}

std::string some_of(const std::vector<std::string>& names) {
    constexpr std::size_t most = 12;
    const std::vector<std::string> first(names.begin(),
                                         names.begin() + static_cast<std::ptrdiff_t>(std::min(most, names.size())));
    return quoted(first) + when(names.size() > most, " and " + std::to_string(names.size() - most) + " more");
}

}  // namespace handgrad
