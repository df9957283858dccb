// handgrad train: read, announce, train with an eye on signals, save, sum up.
#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cli/describe.hpp"
#include "cli/events.hpp"
#include "cli/files.hpp"
#include "cli/output.hpp"
#include "cli/progress.hpp"
#include "cli/setting_options.hpp"
#include "cli/stop_signal.hpp"
#include "cli/text.hpp"
#include "cli/train_options.hpp"
#include "cli/verbs.hpp"
#include "cli/wording.hpp"
#include "handgrad/base/atomic_file.hpp"
#include "handgrad/base/error.hpp"
#include "handgrad/diagnose/gradient_flow.hpp"
#include "handgrad/diagnose/training_course.hpp"
#include "handgrad/report/report.hpp"
#include "handgrad/store/model.hpp"

namespace handgrad::cli {
namespace {

/// The tables that the options name, read before anything is printed or trained.
struct Tables {
    Table data;
    std::optional<Table> validation, test;
};

Tables read_tables(const TrainOptionsGiven& given) {
    const auto held_out = [&](const std::string& file) -> std::optional<Table> {
        if (file.empty()) {
            return {};
        }
        return open_table(file, given.fit.reading);
    };
    return {read_labelled(given.data, given.reading.target_file, given.fit.reading, given.fit.columns.targets),
            held_out(given.validation_file), held_out(given.test_file)};
}

const Table* pointer_to(const std::optional<Table>& table) { return table ? &*table : nullptr; }

/// Events as they happen, to people and to machines.
class Reporter {
public:
    explicit Reporter(const OutputOptions& show) : show_(show), progress_(style_of(show)) {}

    void say(std::string_view text) const {
        if (!show_.quiet) {
            tell_text(text);
        }
    }
    void notice(const Notice& notice) const {
        if (show_.quiet) {
            return;
        }
        if (notice.overruled_by) {
            tell(fmt::format("{} ({} overrules)", notice.text, words_of(*notice.overruled_by)));
        } else {
            tell(notice.text);
        }
    }
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
    void start(const FitStart& start) {
        say(fmt::format("rows: {} to learn from, {} for validation, {} for test; {}", shown(start.training_rows),
                        shown(start.validation_rows), shown(start.test_rows),
                        counted(start.model.preprocessing.features.size(), "feature")));
        say(fmt::format("\n{}", layer_table(start.model)));
        event(start_event(start));
    }
    /// False when training is to end here.
    bool epoch(const EpochReport& report, const Metrics& validation) {
        progress_.epoch(report, validation);
        event(epoch_event(report, validation));
        return StopSignal::received() == 0 && !failed_to_write();
    }
    void refit(const RefitStart& start) {
        progress_.finish();
        progress_ = Progress(style_of(show_));
        event(refit_event(start));
    }
    bool refit_epoch(const EpochReport& report) {
        progress_.epoch(report, {});
        event(refit_epoch_event(report));
        return StopSignal::received() == 0 && !failed_to_write();
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

private:
    static Progress::Style style_of(const OutputOptions& show) {
        if (show.quiet) {
            return Progress::Style::none;
        }
        return on_terminal() ? Progress::Style::bar : Progress::Style::lines;
    }
    [[nodiscard]] bool failed_to_write() const { return reader_gone_ || failure_; }

    OutputOptions show_;
    Output events_;
    Progress progress_;
    bool reader_gone_ = false;
    std::optional<Error> failure_;
};

/// The standing, and whether the model has changed since.
std::string standing_words(const FitResult& result) {
    const bool before = result.judged_model && result.baseline_on == "validation";
    return standing_text(result.judged, result.model) +
           when(before, " That was before it learned from these rows too.");
}

/// What a user should know before trusting the model, a sentence each.
std::vector<std::string> warnings_of(const FitResult& result) {
    std::vector<std::string> warnings;
    if (result.judged.standing == Standing::no_better || result.judged.standing == Standing::unclear) {
        warnings.push_back(standing_words(result));
    }
    const diagnose::TrainingCourse course = diagnose::training_course(result.model);
    if (course.overfits) {
        warnings.push_back(course.text);
    }
    return warnings;
}

/// What the scores come to, and what should be known of them.
std::string verdict_text(const FitResult& result, const TrainOptionsGiven& given,
                         const std::vector<std::string>& warnings) {
    std::string text;
    switch (result.judged.standing) {
        case Standing::no_better:
        case Standing::unclear:
            break;  // a warning
        case Standing::seen:
            text += "\n" + wrapped(standing_words(result) + " --test 0.2 holds some of the table out.");
            break;
        default:
            text += "\n" + wrapped(standing_words(result));
    }
    for (const std::string& warning : warnings) {
        text += "\n" + wrapped("warning: " + warning);
    }
    if (!warnings.empty()) {
        text += fmt::format("\nWhat to try: handgrad diagnose {} {}", given.output, given.data);
    }
    return text;
}

std::string summary(const FitResult& result, const TrainOptionsGiven& given, const std::vector<std::string>& warnings) {
    const TrainResult& training = result.training;
    std::string text = fmt::format("\n{} in {:.2f} s; the model holds the weights of epoch {}",
                                   counted(training.epochs, "epoch"), training.seconds, training.best_epoch);
    text += when(training.stopped == Stopped::early, " (early stopping)");
    text += when(training.stopped == Stopped::callback, " (interrupted)");
    if (result.judged_model) {
        text = fmt::format("\n{} in {:.2f} s, the best after epoch {}; the model then learned as long from all {} rows",
                           counted(training.epochs, "epoch"), training.seconds, training.best_epoch,
                           result.model.provenance.at("rows.training"));
    }
    text += "\n\n";

    std::vector<std::pair<std::string, Metrics>> parts{{"train", result.train_metrics}};
    if (!result.validation_metrics.empty()) {
        parts.emplace_back("validation" + when(result.judged_model.has_value(), ", before"), result.validation_metrics);
    }
    if (!result.test_metrics.empty()) {
        parts.emplace_back("test", result.test_metrics);
    }
    parts.emplace_back(
        fmt::format("{}, always {}", result.baseline_on, constant_answer_name(result.model.preprocessing.task)),
        result.baseline);
    text += metrics_table(parts) + not_defined(result.undefined);
    text += verdict_text(result, given, warnings) + "\n";
    return text +
           fmt::format("\nmodel            {}\nparameters_hash  {}", given.output, parameters_hash(result.model));
}

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
void write_report(const FitResult& result, const TrainOptionsGiven& given, const Tables& tables) {
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

int exit_code(const FitResult& result, const Reporter& reporter) {
    if (result.diverged) {
        return static_cast<int>(ErrorKind::diverged);
    }
    if (StopSignal::received() != 0) {
        return 128 + StopSignal::received();
    }
    return reporter.reader_gone() ? reader_gone_exit : 0;
}

}  // namespace

int train(std::vector<std::string> words) {
    std::optional<TrainOptionsGiven> given = parse_train(std::move(words));
    if (!given) {
        return 0;
    }
    for (const std::string& input :
         {given->data, given->reading.target_file, given->validation_file, given->test_file}) {
        refuse_to_overwrite(given->output, input);
        refuse_to_overwrite(given->report, input, "--report");
    }
    if (!given->report.empty() && given->report == given->output) {
        usage_error("--report: the model is written to that file; choose another name");
    }
    check_writable(given->output);
    if (!given->report.empty()) {
        check_writable(given->report);
    }
    const Tables tables = read_tables(*given);
    if (tables.validation) {
        given->fit.validation.emplace().table = pointer_to(tables.validation);
    }
    given->fit.test.table = pointer_to(tables.test);

    Reporter reporter(given->show);
    reporter.say(fmt::format("{}: {}, {}", given->data, counted(tables.data.rows, "row"),
                             counted(tables.data.columns.size(), "column")));
    for (const std::optional<Table>* table : {&tables.validation, &tables.test}) {  // fit() tells those of the data
        if (*table) {
            tell_warnings(**table, given->show);
        }
    }
    const StopSignal stop_signal;
    FitCallbacks callbacks{.on_notice = [&](const Notice& notice) { reporter.notice(notice); },
                           .on_start = [&](const FitStart& start) { reporter.start(start); },
                           .on_epoch = [&](const EpochReport& report,
                                           const Metrics& validation) { return reporter.epoch(report, validation); },
                           .on_refit = [&](const RefitStart& start) { reporter.refit(start); },
                           .on_refit_epoch = [&](const EpochReport& report) { return reporter.refit_epoch(report); }};
    if (given->diagnose) {
        callbacks.measure = diagnose::gradient_flow;
    }
    FitResult result = fit(tables.data, given->fit, callbacks);
    reporter.end_progress();
    result.model.provenance["command"] = given->command;
    save_model(given->output, result.model);
    const std::vector<std::string> warnings = warnings_of(result);
    reporter.event(done_event(result, stopped_name(result), given->output, warnings));
    reporter.finish();
    if (result.diverged) {
        tell_text(fmt::format("handgrad train: {}.\n{} holds the weights of epoch {}", *result.diverged, given->output,
                         result.training.best_epoch));
    } else {
        std::string text = summary(result, *given, warnings);
        if (given->diagnose) {
            text += "\n" + flow_table(result.model);
        }
        reporter.say(text);
    }
    if (!given->report.empty()) {
        write_report(result, *given, tables);
        reporter.say(fmt::format("report           {}", given->report));
    }
    return exit_code(result, reporter);
}

}  // namespace handgrad::cli
