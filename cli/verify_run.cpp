// handgrad verify-run: a logged training once more, and the first epoch after which its weights are not those of the
// log.
#include <fmt/format.h>

#include <array>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cli/event_line.hpp"
#include "cli/events.hpp"
#include "cli/output.hpp"
#include "cli/told_files.hpp"
#include "cli/train_options.hpp"
#include "cli/training_tables.hpp"
#include "cli/verbs.hpp"
#include "cli/wording.hpp"
#include "handgrad/base/atomic_file.hpp"
#include "handgrad/base/error.hpp"
#include "handgrad/train/fit.hpp"
#include "handgrad/train/settings.hpp"

namespace handgrad::cli {
namespace {

/// A line of a log.
using ParsedLine = nlohmann::json;

/// What a start says of the table and the network beside hashes and settings; each follows from these.
constexpr std::array start_counts{"rows", "validation_rows", "test_rows", "features", "layers", "parameters"};

ParsedLine counts_of(const ParsedLine& start) {
    ParsedLine counts = ParsedLine::object();
    for (const char* name : start_counts) {
        counts[name] = start.value(name, ParsedLine());
    }
    return counts;
}

using HashByEpoch = std::map<std::size_t, std::string>;

/// What a log says of a training.
struct Logged {
    Arguments::Told told;
    std::string data_hash;
    std::string validation_hash, test_hash, continued_hash;  ///< empty for none, and in older logs
    std::string first_hash;  ///< of the first weights; empty in the log of a training that was gone on with
    HashByEpoch epochs, refit_epochs;
    std::string last_hash;  ///< of the model of a training that came to its end
    ParsedLine settings;
    ParsedLine counts;  ///< what else the start says, by `start_counts`
    std::size_t starts = 0;
    std::size_t epoch = 0;  ///< done before the first line
};

class LogReader {
public:
    explicit LogReader(std::string path) : path_(std::move(path)) {}

    /// Raises Error(io); Error(data) with the line of what is no log of `train --json`.
    Logged read() {
        const std::string text = read_file(path_);
        for (std::size_t at = 0; at < text.size();) {
            const std::size_t end = std::min(text.find('\n', at), text.size());
            ++line_;
            const std::string_view one = std::string_view(text).substr(at, end - at);
            const bool cut_off = end == text.size();  // the last line of a run that was killed
            if (!one.empty()) {
                take(one, cut_off);
            }
            at = end + 1;
        }
        if (log_.starts == 0) {
            fail("there is no event `start` in it: it is not what train --json prints");
        }
        if (log_.epochs.empty() && log_.refit_epochs.empty()) {
            fail("no epoch in it has a parameters_hash: there is nothing to verify");
        }
        refuse_gaps(log_.epochs, log_.epoch);
        refuse_gaps(log_.refit_epochs, refit_epoch_);
        return std::move(log_);
    }

private:
    [[noreturn]] void fail(const std::string& cause) const {
        throw Error(ErrorKind::data, fmt::format("{}:{}: {}", path_, line_, cause));
    }

    /// Each epoch from the one behind `before` on, or none.
    void refuse_gaps(const HashByEpoch& epochs, std::size_t before) const {
        for (const auto& [epoch, hash] : epochs) {
            if (epoch != before + 1) {
                throw Error(ErrorKind::data,
                            fmt::format("{}: epoch {} follows epoch {}: lines of the log are missing, so "
                                        "that nothing can be said of them",
                                        path_, epoch, before));
            }
            before = epoch;
        }
    }

    void take(std::string_view text, bool cut_off) {
        const ParsedLine json = ParsedLine::parse(text, nullptr, false);
        if (json.is_discarded() && cut_off) {
            return;
        }
        if (!json.is_object() || !json.contains("event")) {
            fail("this is no event of train --json");
        }
        if (json.value("schema", ParsedLine(event_schema)) != event_schema) {
            fail(fmt::format("`schema` is not {}: it was written by another handgrad, or changed", event_schema));
        }
        const std::string event = text_of(json, "event");
        if (event == "start") {
            start(json);
        } else if (event == "epoch") {
            log_.epochs[next_epoch(json, epoch_)] = text_of(json, "parameters_hash");
        } else if (event == "refit_epoch") {
            log_.refit_epochs[next_epoch(json, epoch_of_refit_)] = text_of(json, "parameters_hash");
        } else if (event == "refit") {
            epoch_of_refit_ = epoch_of(json);
            if (log_.refit_epochs.empty()) {
                refit_epoch_ = epoch_of_refit_;
            }
        } else if (event == "done" && comes_to_its_end(text_of(json, "stopped"))) {
            log_.last_hash = text_of(json, "parameters_hash");
        }
    }

    /// Neither interrupted nor diverged.
    static bool comes_to_its_end(const std::string& stopped) {
        const std::optional<Stopped> reason = find_stopped(stopped);
        return reason && *reason != Stopped::callback;
    }

    /// The epoch of an event, which follows the last one.
    std::size_t next_epoch(const ParsedLine& json, std::size_t& last) const {
        const std::size_t epoch = epoch_of(json);
        if (epoch != last + 1) {
            fail(fmt::format("epoch {} follows epoch {}: lines of the log are missing, or stand in another order",
                             epoch, last));
        }
        last = epoch;
        return epoch;
    }

    /// One start, and one more for each time that the training was gone on with.
    void start(const ParsedLine& json) {
        const ParsedLine told = member(json, "told");
        Arguments::Told said;
        try {
            said = told.get<Arguments::Told>();
        } catch (const ParsedLine::exception&) {
            fail("`told` is not what a command line said: options with their values");
        }
        const std::string data = text_of(json, "data_hash");
        if (log_.starts++ > 0 && data != log_.data_hash) {
            fail("a training on other rows begins here: verify each by itself");
        }
        if (log_.starts == 1) {
            log_.epoch = epoch_of(json);
        }
        epoch_ = epoch_of(json);
        log_.settings = member(json, "settings");
        log_.counts = counts_of(json);
        log_.validation_hash = text_or_none(json, "validation_hash");
        log_.test_hash = text_or_none(json, "test_hash");
        log_.continued_hash = text_or_none(json, "continued_hash");
        log_.told = std::move(said);
        log_.data_hash = data;
        if (!member(json, "parameters_hash").is_null()) {
            log_.first_hash = text_of(json, "parameters_hash");
        }
    }

    [[nodiscard]] ParsedLine member(const ParsedLine& json, const char* name) const {
        const auto found = json.find(name);
        if (found == json.end()) {
            fail(fmt::format("the event has no `{}`: it was written by a handgrad that cannot be verified", name));
        }
        return *found;
    }
    [[nodiscard]] std::string text_of(const ParsedLine& json, const char* name) const {
        const ParsedLine value = member(json, name);
        if (!value.is_string()) {
            fail(fmt::format("`{}` is not a text", name));
        }
        return value.get<std::string>();
    }
    [[nodiscard]] std::string text_or_none(const ParsedLine& json, const char* name) const {
        return json.value(name, ParsedLine()).is_null() ? std::string() : text_of(json, name);
    }
    [[nodiscard]] std::size_t epoch_of(const ParsedLine& json) const {
        const ParsedLine value = member(json, "epoch");
        if (!value.is_number_unsigned()) {
            fail("`epoch` is not a whole number");
        }
        return value.get<std::size_t>();
    }

    std::string path_;
    std::size_t line_ = 0, refit_epoch_ = 0;
    std::size_t epoch_ = 0, epoch_of_refit_ = 0;  // the last ones
    Logged log_;
};

struct Difference {
    std::string_view training;  ///< `first`, `refit` for that on all rows, or `model` for what came out
    std::size_t epoch;          ///< 0: the first weights
    std::string logged, replayed;
};

/// Runs the training and compares what it comes by with what is logged.
class Replay {
public:
    Replay(const Logged& log, std::string data) : log_(log), data_(std::move(data)) {}

    void run(const Table& table, const FitOptions& options) {
        const FitCallbacks callbacks{.on_start = [&](const FitStart& start) { begin(start); },
                                     .on_epoch =
                                         [&](const EpochReport& report, const Metrics& /*validation*/) {
                                             return compare("first", report, log_.epochs, epochs_) &&
                                                    (!complete() || comes_to_its_end());
                                         },
                                     .on_refit_epoch =
                                         [&](const EpochReport& report) {
                                             return compare("refit", report, log_.refit_epochs, refit_epochs_) &&
                                                    (!complete() || comes_to_its_end());
                                         }};
        const FitResult result = fit(table, options, callbacks);
        const std::string hash = parameters_hash(result.model);
        if (!difference_ && comes_to_its_end() && hash != log_.last_hash) {
            difference_ = Difference{
                .training = "model", .epoch = result.training.epochs, .logged = log_.last_hash, .replayed = hash};
        }
    }

    [[nodiscard]] const std::optional<Difference>& difference() const { return difference_; }
    [[nodiscard]] std::size_t epochs() const { return epochs_; }
    [[nodiscard]] std::size_t refit_epochs() const { return refit_epochs_; }
    /// Whether every epoch of the log was met.
    [[nodiscard]] bool complete() const {
        return epochs_ == log_.epochs.size() && refit_epochs_ == log_.refit_epochs.size();
    }

private:
    /// Whether there is a model at the end of the log to compare with.
    [[nodiscard]] bool comes_to_its_end() const { return !log_.last_hash.empty(); }

    void begin(const FitStart& start) {
        if (start.model.provenance.at("data.hash") != log_.data_hash) {
            throw Error(ErrorKind::data, fmt::format("{}: these are not the rows that the log is of; name the table "
                                                     "behind the log if it has moved",
                                                     data_));
        }
        const TrainingRows& rows = start.model.training_rows;
        refuse_another_table("--validation", log_.validation_hash, rows.validation_hash);
        refuse_another_table("--test", log_.test_hash, rows.test_hash);
        const ParsedLine here = ParsedLine::parse(start_event(start, log_.told));
        refuse_other_counts(counts_of(here));
        if (settings_but_names(here.at("settings")) != settings_but_names(log_.settings)) {
            throw Error(ErrorKind::data,
                        "the settings in the log are not those that its command line makes: one of them was changed");
        }
        const std::string hash = parameters_hash(start.model);
        if (!log_.first_hash.empty() && hash != log_.first_hash) {
            difference_ = Difference{.training = "first", .epoch = 0, .logged = log_.first_hash, .replayed = hash};
        }
    }

    void refuse_other_counts(const ParsedLine& here) const {
        for (const char* name : start_counts) {
            if (log_.counts.at(name) != here.at(name)) {
                throw Error(ErrorKind::data,
                            fmt::format("the start in the log has `{}` {}, the training once more {}: it was changed",
                                        name, log_.counts.at(name).dump(), here.at(name).dump()));
            }
        }
    }

    /// With every file by the same name: what is in it is compared by its hash.
    static ParsedLine settings_but_names(ParsedLine settings) {
        for (const Setting* setting :
             {&settings::init_from, &settings::target_jacobian, &settings::validation, &settings::test}) {
            const auto found = settings.find(std::string(setting->name));
            if (found != settings.end() && found->is_string()) {
                *found = "file";
            }
        }
        return settings;
    }

    static void refuse_another_table(std::string_view option, const std::string& logged, const std::string& here) {
        if (!logged.empty() && logged != here) {
            throw Error(ErrorKind::data,
                        fmt::format("the table of {} is not the one that the log is of; bring that back", option));
        }
    }

    /// False when there is nothing more to be found.
    bool compare(std::string_view training, const EpochReport& report, const HashByEpoch& logged, std::size_t& met) {
        if (difference_) {
            return false;
        }
        const auto its = logged.find(report.epoch);
        if (its == logged.end()) {
            return true;
        }
        ++met;
        if (its->second != report.parameters_hash) {
            difference_ = Difference{
                .training = training, .epoch = report.epoch, .logged = its->second, .replayed = report.parameters_hash};
        }
        return !difference_;
    }

    const Logged& log_;
    std::string data_;
    std::optional<Difference> difference_;
    std::size_t epochs_ = 0, refit_epochs_ = 0;
};

std::string verdict_of(const Replay& replay) { return replay.complete() && !replay.difference() ? "PASS" : "FAIL"; }

std::string replay_event(const Replay& replay) {
    Json json = event("replay");
    json["verdict"] = verdict_of(replay);
    json["epochs"] = replay.epochs();
    json["refit_epochs"] = replay.refit_epochs();
    json["first_difference"] = nullptr;
    if (const std::optional<Difference>& difference = replay.difference()) {
        json["first_difference"] = {{"training", difference->training},
                                    {"epoch", difference->epoch},
                                    {"logged", difference->logged},
                                    {"replayed", difference->replayed}};
    }
    return line(json);
}

std::string replay_text(const Replay& replay, const Logged& log) {
    std::string all = plural(replay.epochs(), "epoch");
    if (!log.refit_epochs.empty()) {
        all += fmt::format(", and {} of the training on all rows", plural(replay.refit_epochs(), "epoch"));
    }
    if (verdict_of(replay) == "PASS") {
        return fmt::format("PASS: {} replayed, after each of them the weights are those of the log, bit for bit\n",
                           all);
    }
    if (!replay.difference()) {
        return fmt::format("FAIL: the log has {} and {}, the training once more ended after {}\n",
                           plural(log.epochs.size(), "epoch"), plural(log.refit_epochs.size(), "refit epoch"), all);
    }
    const Difference& difference = *replay.difference();
    std::string where = fmt::format("epoch {}", difference.epoch);
    if (difference.training == "refit") {
        where += " of the training on all rows";
    }
    where += " is";
    if (difference.training == "model") {
        where = "the model at the end, whose epochs are the same, is";
    }
    if (difference.epoch == 0) {
        where = "the first weights, before any step, are";
    }
    return fmt::format("FAIL: {} the first to differ: the log has {}, the training once more {}\n", where,
                       difference.logged, difference.replayed);
}

struct VerifyOptions {
    std::string log, data;
    Execution execution;
    OutputOptions show;
};

bool parse(VerifyOptions& options, std::vector<std::string> words) {
    Arguments arguments("verify-run",
                        {"handgrad train houses.csv --target price -o price.model --json > run.jsonl",
                         "handgrad verify-run run.jsonl", "handgrad verify-run run.jsonl moved/houses.csv"});
    arguments.positional("LOG", options.log);
    arguments.optional_positional("DATA", options.data);
    arguments.group("Machine and output");
    declare_machine(arguments, options.execution);
    declare_output(arguments, options.show, "one event `replay`");
    arguments.notes(
        "Trains once more as the log says, on DATA or the table that it names, and compares the weights after each\n"
        "epoch by their hash. Nothing is written. Logs of a training and of what went on from its checkpoints may\n"
        "stand one behind the other.\n"
        "\nExit codes: 0 PASS, 1 FAIL, 2 usage, 3 another table or no log, 4 bad model file, 6 reading failed.\n");
    return parse_or_help(arguments, std::move(words));
}

/// The options of the training that is logged, of which none writes anything.
TrainOptionsGiven options_of(Arguments::Told told, const VerifyOptions& options) {
    for (const char* writes : {"--report", "--checkpoint", "--checkpoint-every", "--resume"}) {
        told.erase(writes);
    }
    told["--output"] = {"/dev/null"};
    const std::filesystem::path log(options.log);
    told = told_from_here(std::move(told), {".", log.has_parent_path() ? log.parent_path() : "."});
    const auto way_on = [&options](const std::string& option) {
        if (option == "DATA") {
            return fmt::format("So the log names its table; when it is elsewhere now: handgrad verify-run {} FILE",
                               shell_word(options.log));
        }
        return fmt::format("So the log names the file of {}; run verify-run in the folder in which the training ran",
                           option);
    };
    RememberedFiles remembered(told, way_on);
    if (!options.data.empty()) {
        told["DATA"] = {options.data};
    }
    return *parse_train({}, told, std::move(remembered));
}

void refuse_another_base(const Logged& log, const TrainOptionsGiven& given) {
    if (!given.continued && !log.continued_hash.empty()) {
        throw Error(ErrorKind::data, "the log has a `continued_hash`, but the training went on from no model");
    }
    const bool another =
        given.continued && !log.continued_hash.empty() && log.continued_hash != parameters_hash(*given.continued);
    if (another) {
        throw Error(ErrorKind::model, fmt::format("{}: this is not the model with which the training of the log began; "
                                                  "bring that back",
                                                  given.continued_file));
    }
}

}  // namespace

int verify_run(std::vector<std::string> words) {
    VerifyOptions options;
    if (!parse(options, std::move(words))) {
        return 0;
    }
    const Logged log = LogReader(options.log).read();
    TrainOptionsGiven given = options_of(log.told, options);
    refuse_another_base(log, given);
    given.fit.training.execution = options.execution;
    tell_machine(options.execution, options.show);
    const TrainingTables tables = read_tables(given);
    use_tables(given, tables);
    Replay replay(log, given.data);
    replay.run(tables.data, given.fit);
    Output output;
    output.answer(
        options.show.json, [&] { return replay_event(replay); }, [&] { return replay_text(replay, log); });
    output.finish();
    return verdict_of(replay) == "PASS" ? 0 : 1;
}

}  // namespace handgrad::cli
