// handgrad train: read, announce, train with an eye on signals, save, sum up.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "cli/checkpoint_keeper.hpp"
#include "cli/events.hpp"
#include "cli/model_output.hpp"
#include "cli/options.hpp"
#include "cli/output.hpp"
#include "cli/progress.hpp"
#include "cli/stop_signal.hpp"
#include "cli/text.hpp"
#include "cli/train_options.hpp"
#include "cli/training_tables.hpp"
#include "cli/verbs.hpp"
#include "cli/wording.hpp"
#include "handgrad/base/atomic_file.hpp"
#include "handgrad/base/error.hpp"
#include "handgrad/base/version.hpp"
#include "handgrad/diagnose/gradient_flow.hpp"
#include "handgrad/diagnose/training_course.hpp"
#include "handgrad/report/report.hpp"
#include "handgrad/select/fit_with_intervals.hpp"
#include "handgrad/store/model.hpp"

namespace handgrad::cli {
namespace {

/// Events as they happen, to people and to machines.
class Reporter {
public:
    explicit Reporter(const OutputOptions& show) : show_(show), progress_(progress_style(show.quiet)) {}

    void say(std::string_view text) const {
        if (!show_.quiet) {
            tell_text(text);
        }
    }
    void notice(const Notice& notice) const { tell_notice(notice, show_); }
    /// A failure to write ends the training after this epoch, but first the model is saved; finish() raises it.
    void event(const std::string& line) {
        if (!show_.json || failed_to_write()) {
            return;
        }
        try {
            events_.write(line);
            events_.flush();
        } catch (const ReaderGone&) {
            reader_gone_ = true;
        } catch (const Error& error) {
            failure_ = error;
        }
    }
    void start(const FitStart& start, const Arguments::Told& told) {
        say(fmt::format("rows: {} to learn from, {} for validation, {} for test; {}", shown(start.training_rows),
                        shown(start.validation_rows), shown(start.test_rows),
                        counted(start.model.preprocessing.features.size(), "feature")));
        say(fmt::format("\n{}", layer_table(start.model)));
        if (start.epoch > 0) {
            say(fmt::format("going on after {}", counted(start.epoch, "epoch")));
        }
        event(start_event(start, told));
    }
    /// False when training is to end here.
    bool epoch(const EpochReport& report, const Metrics& validation) {
        progress_.epoch(report, validation);
        event(epoch_event(report, validation));
        return !wants_to_stop();
    }
    [[nodiscard]] bool wants_to_stop() const { return StopSignal::received() != 0 || failed_to_write(); }
    void refit(const RefitStart& start) {
        progress_.finish();
        progress_ = Progress(progress_style(show_.quiet));
        if (start.epoch > 0) {
            say(fmt::format("going on after {}", counted(start.epoch, "epoch")));
        }
        event(refit_event(start));
    }
    void restart(const RestartStart& start) {
        progress_.finish();
        progress_ = Progress(progress_style(show_.quiet));
        event(restart_event(start));
    }
    bool refit_epoch(const EpochReport& report) {
        progress_.epoch(report, {});
        event(refit_epoch_event(report));
        return !wants_to_stop();
    }
    void end_progress() { progress_.finish(); }
    void finish() {
        if (failure_) {
            throw Error(*failure_);
        }
        if (show_.json && !reader_gone_) {
            events_.finish();
        }
    }
    [[nodiscard]] bool reader_gone() const { return reader_gone_; }
    [[nodiscard]] bool failed_to_write_log() const { return failure_.has_value(); }

private:
    [[nodiscard]] bool failed_to_write() const { return reader_gone_ || failure_; }

    OutputOptions show_;
    Output events_;
    Progress progress_;
    bool reader_gone_ = false;
    std::optional<Error> failure_;
};

/// A dash for what is no number, such as the way from weights that began at 0 by their size.
std::string flow_number(std::string_view format, double value) {
    if (std::isnan(value)) {
        return "-";
    }
    return fmt::format(fmt::runtime(format), value);
}

/// What --diagnose saw of each layer, from the first weights to the last.
std::string flow_table(const Model& model) {
    std::vector<std::vector<std::string>> lines{
        {"layer", "first gradient", "last gradient", "weights moved", "epochs starved"}};
    const History& history = model.history;
    for (std::size_t l = 0; l < model.architecture().layers(); ++l) {
        const auto column = [&](const char* what) { return history.column(layer_name(l) + "." + what); };
        const std::vector<double> gradient = column("gradient_rms"), starved = column("starved");
        const auto count = std::ranges::count(starved, 1.0);
        lines.push_back(
            {layer_name(l), flow_number("{:.2e}", gradient.front()), flow_number("{:.2e}", gradient.back()),
             flow_number("{:.1f} %", 100.0 * column("moved").back()),
             fmt::format("{:.0f} %", 100.0 * static_cast<double>(count) / static_cast<double>(starved.size()))});
    }
    return "\n" + aligned(lines, Heading::first_row);
}

/// The page, of the rows that judge the model: test, validation, or where there are neither those it learned from.
void write_report(const FitResult& result, const TrainOptionsGiven& given, const TrainingTables& tables) {
    const std::optional<Table>& own = result.baseline_on == "test" ? tables.test : tables.validation;
    const Table& judged = result.baseline_on != "train" && own ? *own : tables.data;
    const std::string rows = result.baseline_on == "train" ? "training" : result.baseline_on;
    RowsByPart parts;
    (result.baseline_on == "train" ? parts.training : parts.test) = all_rows(result.judged_rows.size());
    report::ReportOptions options{.rows_are = "the " + rows + " rows of",
                                  .allow_extra = true,
                                  .parts = parts,
                                  .execution = given.fit.training.execution};
    std::vector<std::size_t> shown = result.judged_rows;
    if (result.judged_model && result.baseline_on == "validation") {  // which the model has learned from since
        shown = result.learned_rows;
        options.rows_are = "the training rows of";
        options.parts = RowsByPart{.training = all_rows(shown.size()), .validation = {}, .test = {}};
        options.verdict = {.standing = result.judged.standing, .text = standing_words(result)};
    }
    const report::Report report = report::make_report(result.model, select_rows(judged, shown), options);
    Output page(given.report);
    page.write(report::report_page(report, result.model));
    page.finish();
}

int exit_code(const FitResult& result, const TrainOptionsGiven& given, const Reporter& reporter) {
    const bool of_no_use = !result.usable && !given.fit.training.allow_nonfinite;
    if (result.diverged || of_no_use) {
        return static_cast<int>(ErrorKind::diverged);
    }
    if (StopSignal::received() != 0) {
        return 128 + StopSignal::received();
    }
    return reporter.reader_gone() ? reader_gone_exit : 0;
}

/// No output may be an input, nor another output.
void refuse_shared_files(const TrainOptionsGiven& given) {
    const std::string init_from = given.fit.init_from.value_or("").string();
    const std::string jacobian = given.fit.target_jacobian.value_or("").string();
    const std::string weights = names_a_file_of_weights(given.fit.class_weight) ? given.fit.class_weight : "";
    for (const std::string& input : {given.data, given.reading.target_file, given.validation_file, given.test_file,
                                     init_from, jacobian, weights, given.continued_file}) {
        refuse_to_overwrite(given.output, input);
        refuse_to_overwrite(given.report, input, "--report");
    }
    refuse_one_output(given.output, given.report, "--report");
    for (const std::string& output : {given.output, given.report}) {
        std::error_code ignored;
        std::filesystem::path folder = std::filesystem::path(output).parent_path();
        if (folder.empty()) {  // not absolute(), which asks for memory and may not get it
            folder = ".";
        }
        const bool inside = !output.empty() && given.folder != nullptr &&
                            std::filesystem::equivalent(folder, given.folder->path(), ignored);
        if (inside) {
            usage_error(fmt::format("{} is in the folder of the checkpoints, {}; write it elsewhere", output,
                                    given.folder->path().string()));
        }
    }
}

/// Checkpoints that are there and sound make up for those that are not.
void tell_resumed(const TrainOptionsGiven& given, const Reporter& reporter) {
    if (given.folder == nullptr) {
        return;
    }
    if (!given.resumed) {
        reporter.say(fmt::format("checkpoints: in {}", given.folder->path().string()));
        return;
    }
    for (const std::string& cause : given.resumed->refused) {
        tell(fmt::format("warning: {}; this checkpoint is passed over", cause));
    }
    const std::map<std::string, std::string>& note = given.resumed->model.provenance;
    const auto its = note.find("handgrad");
    if (its != note.end() && its->second != version) {
        tell(
            fmt::format("warning: the checkpoint was written by handgrad {}, and this is {}: that the bits are the "
                        "same is only promised within a version",
                        its->second, version));
    }
    reporter.say(fmt::format("going on from {}", given.resumed->path.string()));
}

/// Bytes that training adds to a model: a line of the history for each epoch, scores, and where it is kept the state of
/// the training. A guess, of which too little does no harm where the disk has room.
std::size_t growth_of(const Model& model, const TrainOptionsGiven& given) {
    constexpr std::size_t scores = 2048, digits = 14, measures = 8, of_a_layer = 5;
    std::size_t columns = measures;
    if (given.diagnose) {
        columns += of_a_layer * model.architecture().layers();
    }
    const std::size_t epochs = std::min(given.fit.training.epochs.value_or(History::most_epochs), History::most_epochs);
    std::size_t bytes = scores + std::min(epochs * columns, History::most_numbers) * digits;
    if (given.fit
            .keep_training) {  // the weights now, the best ones, and up to two numbers that the optimizer remembers
        constexpr std::size_t networks = 4;
        bytes += std::visit([](const auto& net) { return networks * net.parameters().size_bytes(); }, model.net);
    }
    return bytes;
}

/// How many epochs a model of this training has run.
std::size_t epochs_run(const Model& model) {
    const auto found = model.provenance.find("epochs.run");
    return found == model.provenance.end() ? 0 : std::stoull(found->second);
}

/// What an interrupted training's model is called beside an old one; empty where it takes its place. It does not when
/// it has learned nothing, nor when nobody has asked it to end: its log could not be written.
std::string beside_old(const Model& model, const ModelOutput& output, const Reporter& reporter) {
    const bool stays = output.there() && (epochs_run(model) == 0 || reporter.failed_to_write_log());
    return stays ? "interrupted" : "";
}

/// The same of any training: what it says must be numbers.
std::string beside_old(const FitResult& result, const TrainOptionsGiven& given, const ModelOutput& output,
                       const Reporter& reporter) {
    if (result.diverged || !result.usable) {
        const bool untrained = result.diverged && result.training.best_epoch == 0 && output.there();
        const bool of_use = given.fit.training.allow_nonfinite || (result.usable && !untrained);
        return of_use ? "" : "diverged";
    }
    return result.training.stopped == Stopped::callback ? beside_old(result.model, output, reporter) : "";
}

FitCallbacks callbacks_of(const TrainOptionsGiven& given, Reporter& reporter, ModelOutput& output,
                          CheckpointKeeper& keeper) {
    FitCallbacks callbacks{
        .on_notice = [&](const Notice& notice) { reporter.notice(notice); },
        .on_start =
            [&](const FitStart& start) {
                output.reserve(start.model, growth_of(start.model, given));
                reporter.start(start, given.told);
            },
        .on_epoch = [&](const EpochReport& report,
                        const Metrics& validation) { return reporter.epoch(report, validation); },
        .on_refit = [&](const RefitStart& start) { reporter.refit(start); },
        .on_refit_epoch = [&](const EpochReport& report) { return reporter.refit_epoch(report); },
        .on_restart = [&](const RestartStart& start) { reporter.restart(start); },
        .stop = [&] { return reporter.wants_to_stop() || keeper.failure(); },
        .checkpoints = keeper.plan(),
        .on_interrupted = [&](const Model& model) { output.save(model, beside_old(model, output, reporter)); }};
    if (given.diagnose) {
        callbacks.measure = diagnose::gradient_flow;
    }
    return callbacks;
}

/// A training that is kept in its folder: how to go on.
int leave_for_later(const FitResult& result, const TrainOptionsGiven& given, Reporter& reporter) {
    const std::string last = given.folder->last().string();
    reporter.event(done_event(result, stopped_name(result), last, {}));
    std::string where = fmt::format("after {}", counted(result.training.epochs, "epoch"));
    if (result.training.within_epoch) {
        where = fmt::format("in epoch {}", result.training.epochs + 1);
    }
    tell_text(
        fmt::format("handgrad train: stopped {}; {} has what is needed to go on, and {} was not written. To go on:\n"
                    "  handgrad train --resume {}",
                    where, last, given.output, shell_word(given.folder->path().string())));
    reporter.finish();
    return exit_code(result, given, reporter);
}

/// A training that ends since its checkpoint could not be written.
int leave_unkept(const FitResult& result, CheckpointKeeper& keeper, ModelOutput& output, Reporter& reporter) {
    std::string text;
    const std::string path = keeper.rescue(output, text);
    reporter.event(done_event(result, stopped_name(result), path, {}));
    tell_text(fmt::format("handgrad train: {}", text));
    reporter.finish();
    return static_cast<int>(ErrorKind::io);
}

/// What went wrong, and where the weights are.
std::string failure_text(const FitResult& result, const TrainOptionsGiven& given, const std::string& written) {
    std::string text = "stopped";
    if (result.diverged || !result.usable) {
        text = result.diverged.value_or("what the model says of the rows that it learned from are no numbers");
    }
    text += fmt::format(".\n{} holds the weights of epoch {}", written, result.training.best_epoch);
    if (written != given.output) {
        text += fmt::format("; {} was left as it was", given.output);
    }
    return text;
}

void tell_result(const FitResult& result, const TrainOptionsGiven& given, const std::string& written,
                 const Reporter& reporter) {
    if (result.diverged || written != given.output) {
        tell_text(fmt::format("handgrad train: {}", failure_text(result, given, written)));
        return;
    }
    std::string text =
        fit_text(result, {.hold_out = "--test 0.2 holds some of the table out.",
                          .look_at = fmt::format("What to try: handgrad diagnose {} {}", given.output, given.data)});
    text += fmt::format("\nmodel            {}\nparameters_hash  {}", given.output, parameters_hash(result.model));
    if (given.diagnose) {
        text += "\n" + flow_table(result.model);
    }
    reporter.say(text);
}

}  // namespace

int train(std::vector<std::string> words) {
    std::optional<TrainOptionsGiven> given = parse_train(std::move(words));
    if (!given) {
        return 0;
    }
    refuse_shared_files(*given);
    check_writable(given->output);
    if (!given->report.empty()) {
        check_writable(given->report);
    }
    const TrainingTables tables = read_tables(*given);
    use_tables(*given, tables);
    if (!given->new_folder.empty()) {
        begin_in_folder(*given, given->new_folder);
    }

    Reporter reporter(given->show);
    reporter.say(fmt::format("{}: {}, {}", given->data, counted(tables.data.rows, "row"),
                             counted(tables.data.columns.size(), "column")));
    for (const std::optional<Table>* table : {&tables.validation, &tables.test}) {  // fit() tells those of the data
        if (*table) {
            tell_warnings(**table, given->show);
        }
    }
    tell_resumed(*given, reporter);
    const StopSignal stop_signal;
    ModelOutput output(given->output);
    const Model* checkpoint = given->resumed ? &given->resumed->model : nullptr;
    CheckpointKeeper keeper(*given);
    FitResult result = selection::fit_with_intervals(tables.data, given->fit,
                                                     callbacks_of(*given, reporter, output, keeper), checkpoint);
    reporter.end_progress();
    const bool interrupted = result.training.stopped == Stopped::callback && !result.diverged;
    if (interrupted && keeper.failure()) {
        return leave_unkept(result, keeper, output, reporter);
    }
    if (interrupted && given->folder != nullptr) {
        return leave_for_later(result, *given, reporter);
    }
    result.model.provenance["command"] = given->command;
    if (given->continued) {
        result.model.provenance["continued"] = given->continued_file;
    }
    const std::string written = output.save(result.model, beside_old(result, *given, output, reporter));
    const std::vector<std::string> warnings = warnings_of(result);
    reporter.event(done_event(result, stopped_name(result), written, warnings));
    if (reporter.failed_to_write_log() && interrupted) {
        tell_text(fmt::format("handgrad train: {}", failure_text(result, *given, written)));
    }
    reporter.finish();
    tell_result(result, *given, written, reporter);
    if (!given->report.empty() && result.usable) {
        write_report(result, *given, tables);
        reporter.say(fmt::format("report           {}", given->report));
    }
    if (keeper.failure() && !result.diverged) {
        tell(fmt::format("handgrad train: {}; the training has come to its end all the same, and {} holds its model",
                         keeper.failure()->what(), written));
        return static_cast<int>(ErrorKind::io);
    }
    return exit_code(result, *given, reporter);
}

}  // namespace handgrad::cli
