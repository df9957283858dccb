// handgrad tune: a search for settings by cross-validation, and the model that the best of them make of all rows.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cli/model_output.hpp"
#include "cli/options.hpp"
#include "cli/output.hpp"
#include "cli/progress.hpp"
#include "cli/selection_events.hpp"
#include "cli/selection_options.hpp"
#include "cli/setting_options.hpp"
#include "cli/stop_signal.hpp"
#include "cli/text.hpp"
#include "cli/trial_folder.hpp"
#include "cli/verbs.hpp"
#include "cli/wording.hpp"
#include "handgrad/base/atomic_file.hpp"
#include "handgrad/base/error.hpp"
#include "handgrad/select/trial_log.hpp"
#include "handgrad/train/settings.hpp"

namespace handgrad::cli {
namespace {

struct TuneGiven {
    SelectionGiven selection;
    selection::TuneOptions how;
    std::vector<std::string> search;         ///< of --search, as they were written
    std::vector<std::string> fixed;          ///< settings that were given
    std::string checkpoint, resume;          ///< folders; empty without
    std::optional<selection::TrialLog> log;  ///< of --resume, when there is one
    Arguments::Told told;
    std::string command;  ///< that trains on all rows, but for the settings that are searched
};

/// Options of tune alone, and those that no training has.
const std::vector<std::string> not_of_training{
    "--trials",  "--search",   "--search-method", "--halving",    "--folds",      "--repeats",
    "--ordered", "--stratify", "--score",         "--save-folds", "--checkpoint", "--resume",
    "--output",  "--threads",  "--simd",          "--json",       "--quiet"};

void declare_search(Arguments& arguments, TuneGiven& given) {
    arguments.group("Files");
    arguments.option("--output,-o", "MODEL",
                     "where to write the model of the best settings, trained on all rows; needed",
                     into(given.selection.train.output));
    arguments.group("Search");
    arguments.option("--trials", "N", "so many settings are tried (50); all there are, where they are fewer",
                     into(given.how.trials, 1));
    arguments.option("--search", "NAME=VALUES",
                     "what is searched, once for each setting: hidden=8,16,32x16 (two layers), hidden=4..64, "
                     "learning-rate=1e-4..0.1; usual: what is searched without this option",
                     [&given](const Given& value) { given.search = value.values; });
    arguments.option("--search-method", "HOW", "sobol, evenly spread points, or random (sobol)",
                     into_choice({"sobol", "random"}, [&given](std::size_t i) {
                         given.how.method = i == 0 ? selection::SearchMethod::sobol : selection::SearchMethod::random;
                     }));
    arguments.option("--halving", "F",
                     "successive halving: the best 1/F of the trials are trained F times as long, and so on; 1: all to "
                     "their end (3)",
                     into(given.how.halving, 1));
}

void declare_keeping(Arguments& arguments, TuneGiven& given) {
    arguments.group("Checkpoints, so that nothing is lost");
    arguments.option("--checkpoint", "DIR", "keep in this folder what the trials have come to", into(given.checkpoint));
    arguments.option("--resume", "DIR",
                     "go on with the search that is kept there, to the same result as if it had never stopped; what is "
                     "not said is as it was said then",
                     into(given.resume));
    arguments.recall("--resume", [&given](const std::string& folder) -> Arguments::Told {
        given.log = TrialFolder::load(folder);
        return TrialFolder::told_then(*given.log, folder);
    });
}

/// What is searched: what --search names, or the usual settings but for those that are given.
void settle_space(TuneGiven& given, std::size_t rows) {
    const bool usual = given.search.empty() || std::ranges::find(given.search, "usual") != given.search.end();
    std::vector<std::string> fixed = given.fixed;
    given.how.space.clear();
    for (const std::string& text : given.search) {
        if (text == "usual") {
            continue;
        }
        const selection::Dimension dimension = selection::parse_dimension(text, "--search");
        if (std::ranges::find(given.fixed, dimension.setting) != given.fixed.end()) {
            usage_error(fmt::format("--search: {} is searched and given too, by {}; leave one of the two out",
                                    dimension.setting, option_of(dimension.setting)));
        }
        given.how.space.push_back(dimension);
        fixed.push_back(dimension.setting);
    }
    if (usual) {
        for (selection::Dimension& dimension : selection::usual_space(given.selection.train.fit, rows, fixed)) {
            given.how.space.push_back(std::move(dimension));
        }
    }
    given.how.usual_decay = !given.selection.said.contains("weight_decay");
}

bool parse(TuneGiven& given, std::vector<std::string> words) {
    Arguments arguments(
        "tune", {"handgrad tune houses.csv --target price --trials 100 -o price.model",
                 "handgrad tune tumours.csv --target diagnosis --hidden 32 --score accuracy -o tumours.model",
                 "handgrad tune t.csv --target y --search hidden=4..64 --search learning-rate=1e-4..0.1 -o y.model",
                 "handgrad tune t.csv --target y --trials 2000 --checkpoint search -o y.model",
                 "handgrad tune --resume search"});
    arguments.positional("DATA", given.selection.train.data);
    declare_search(arguments, given);
    declare_folds(arguments, given.selection);
    declare_keeping(arguments, given);
    declare_fits(arguments, given.selection, "JSON Lines on standard output: a trial for each, done");
    if (!parse_or_help(arguments, std::move(words))) {
        return false;
    }
    check_output(given.selection.train);
    settle_fits(given.selection);
    given.how.how = given.selection.how;
    given.how.score = given.selection.score;
    given.told =
        arguments.told({"--threads", "--simd", "--json", "--quiet", "--checkpoint", "--resume", "--save-folds"});
    for (const auto& [option, values] : given.told) {
        if (option.starts_with("--")) {
            std::string setting = option.substr(2);
            std::ranges::replace(setting, '-', '_');
            given.fixed.push_back(std::move(setting));
        }
    }
    given.command = arguments.command(not_of_training);
    given.command.replace(0, std::string("handgrad tune").size(), "handgrad train");
    if (!given.resume.empty() && !given.checkpoint.empty()) {
        usage_error("--checkpoint: the trials go on in the folder of --resume; leave one of the two out");
    }
    refuse_to_overwrite(given.selection.train.output, given.selection.train.data);
    refuse_to_overwrite(given.selection.train.output, given.selection.train.reading.target_file);
    check_writable(given.selection.train.output);
    return true;
}

/// The options of train that stand for these settings.
std::string words_for(const SettingValues& settings) {
    std::string words;
    for (const auto& [name, value] : settings) {
        const std::string text = setting_text(value);
        words += " " + option_of(name) + " " + shell_word(text.empty() ? "none" : text);
    }
    return words;
}

/// What the model tells of how it was chosen.
void record_choice(Model& model, const selection::Tuning& tuning, const std::string& group,
                   const std::string& command) {
    const selection::Trial& best = tuning.trials[*tuning.best];
    auto& note = model.provenance;
    std::string space;
    for (const selection::Dimension& dimension : tuning.options.space) {
        add_item(space, ", ", dimension.setting + "=" + dimension.text);
    }
    note["selection.by"] = "handgrad tune";
    note["selection.trials"] = std::to_string(tuning.trials.size());
    note["selection.trial"] = std::to_string(best.number + 1);
    note["selection.searched"] = space;
    note["selection.method"] = tuning.options.method == selection::SearchMethod::sobol ? "sobol" : "random";
    note["selection.halving"] = std::to_string(tuning.options.halving);
    note["selection.folds"] = folds_text(tuning.options.how, tuning.task, group);
    note["selection.score"] = tuning.score;
    note["selection.mean"] = format_number(best.mean());
    note["selection.sd"] = std::isnan(best.sd()) ? "undefined" : format_number(best.sd());
    note["command"] = command + " --output again.model";
}

/// The training on all rows.
class Refit {
public:
    Refit(const TuneGiven& given, const Table& table, const selection::Tuning& tuning)
        : given_(given), tuning_(tuning), command_(given.command) {
        const selection::Trial& best = tuning.trials[*tuning.best];
        command_ += words_for(best.settings);
        refitted.command = command_;
        const OutputOptions& show = given.selection.train.show;
        if (!show.quiet) {
            tell(fmt::format("training on all rows with the settings of trial {}", *tuning.best + 1));
        }
        Progress progress(progress_style(show.quiet));
        const auto go_on = [](const EpochReport&) { return StopSignal::received() == 0; };
        result = fit(table, selection::options_of_trial(given.selection.train.fit, given.how, best.settings),
                     {.on_epoch =
                          [&](const EpochReport& report, const Metrics& metrics) {
                              progress.epoch(report, metrics);
                              return go_on(report);
                          },
                      .on_refit =
                          [&](const RefitStart&) {
                              progress.finish();
                              progress = Progress(progress_style(show.quiet));
                          },
                      .on_refit_epoch =
                          [&](const EpochReport& report) {
                              progress.epoch(report, {});
                              return go_on(report);
                          },
                      .stop = [] { return StopSignal::received() != 0; }});
        progress.finish();
    }

    [[nodiscard]] bool interrupted() const { return result.training.stopped == Stopped::callback && !result.diverged; }
    [[nodiscard]] bool sound() const { return !interrupted() && !result.diverged && result.usable; }
    void save() {
        record_choice(result.model, tuning_, given_.selection.train.fit.group, command_);
        ModelOutput output(given_.selection.train.output);
        refitted.model = output.save(result.model);
        refitted.parameters_hash = parameters_hash(result.model);
        refitted.metrics = result.train_metrics;
    }

    FitResult result;
    Refitted refitted;

private:
    const TuneGiven& given_;
    const selection::Tuning& tuning_;
    std::string command_;
};

selection::Tuning search(const TuneGiven& given, const Table& table, TrialFolder* folder) {
    const OutputOptions& show = given.selection.train.show;
    CountProgress progress(progress_style(show.quiet), "fits");
    const auto count = given.how.how.folds;
    selection::TuneCallbacks callbacks{
        .on_notice = [&](const Notice& notice) { tell_notice(notice, show); },
        .on_fit =
            [&](std::size_t done, std::size_t of, double best) {
                progress.show(done, of, when(!std::isnan(best), fmt::format("  best {}", rounded(best, 4))));
            },
        .stop = [folder] { return StopSignal::received() != 0 || (folder != nullptr && folder->failed()); }};
    if (folder != nullptr) {
        callbacks.on_score = [folder, count](std::size_t trial, std::size_t rung, const selection::FoldScore& score) {
            folder->add(trial, rung, score.repeat * count + score.number, score);
        };
        callbacks.known = [folder](std::size_t trial, std::size_t rung, std::size_t fold) {
            return folder->find(trial, rung, fold);
        };
    }
    selection::Tuning tuning = selection::tune(table, given.selection.train.fit, given.how, callbacks);
    progress.finish();
    return tuning;
}

/// How to go on, or that nothing is left.
void tell_interrupted(const TuneGiven& given, const TrialFolder* folder) {
    if (folder == nullptr) {
        tell(
            fmt::format("handgrad tune: interrupted; {} was not written, and what the trials came to is not kept "
                        "(--checkpoint DIR keeps it)",
                        given.selection.train.output));
        return;
    }
    tell_text(fmt::format("handgrad tune: interrupted; {} was not written. To go on:\n  handgrad tune --resume {}",
                          given.selection.train.output, shell_word(folder->path().string())));
}

/// What is printed, and the exit code.
int answer(const TuneGiven& given, const selection::Tuning& tuning, const Refitted& refitted, double seconds,
           int code) {
    Output output;
    output.answer(
        given.selection.train.show.json,
        [&] {
            std::string events;
            for (const selection::Trial& trial : tuning.trials) {
                events += when(!trial.folds.empty(), trial_event(tuning, trial));
            }
            return events + tuning_done_event(tuning, refitted, seconds);
        },
        [&] { return tuning_text(tuning); });
    output.finish();
    return code;
}

int stopped_code() { return 128 + StopSignal::received(); }

/// The model of the best trial, or what became of it.
int finish(const TuneGiven& given, const Table& table, const selection::Tuning& tuning, const TrialFolder* folder,
           double seconds) {
    const OutputOptions& show = given.selection.train.show;
    if (tuning.interrupted) {
        tell_interrupted(given, folder);
        return answer(given, tuning, {}, seconds,
                      folder != nullptr && folder->failed() ? folder->complain() : stopped_code());
    }
    if (!tuning.best) {
        tell("handgrad tune: no trial has come to an end with a score, so that no model is written");
        return answer(given, tuning, {}, seconds, static_cast<int>(ErrorKind::diverged));
    }
    Refit refit(given, table, tuning);
    if (!refit.sound()) {
        if (refit.interrupted()) {
            tell_interrupted(given, folder);
            return answer(given, tuning, {}, seconds, stopped_code());
        }
        tell_text(fmt::format("handgrad tune: the best settings, trained on all rows: {}; no model is written",
                              refit.result.diverged.value_or("what the model says of them is no number")));
        return answer(given, tuning, refit.refitted, seconds, static_cast<int>(ErrorKind::diverged));
    }
    refit.save();
    if (!show.quiet) {
        tell_text(fmt::format("the model of trial {}, on all rows: {}\nparameters_hash  {}\nthe same by\n  {} -o {}\n",
                              *tuning.best + 1, refit.refitted.model, refit.refitted.parameters_hash,
                              refit.refitted.command, shell_word(given.selection.train.output)));
    }
    return answer(given, tuning, refit.refitted, seconds, 0);
}

}  // namespace

int tune(std::vector<std::string> words) {
    TuneGiven given;
    if (!parse(given, std::move(words))) {
        return 0;
    }
    const OutputOptions& show = given.selection.train.show;
    const Table table = read_table_of(given.selection);
    settle_space(given, table.rows);
    if (!show.quiet) {
        tell(fmt::format("{}: {}, {}", given.selection.train.data, counted(table.rows, "row"),
                         counted(table.columns.size(), "column")));
    }
    tell_warnings(table, show);
    std::optional<TrialFolder> folder;
    const std::string& where = given.resume.empty() ? given.checkpoint : given.resume;
    if (!where.empty()) {
        folder.emplace(where, selection::describe_search(table, given.selection.train.fit, given.how), given.told,
                       given.log);
    }
    const StopSignal stop_signal;
    const auto begun = std::chrono::steady_clock::now();
    TrialFolder* const kept = folder ? &*folder : nullptr;
    const selection::Tuning tuning = search(given, table, kept);
    if (kept != nullptr) {
        kept->write();
    }
    save_folds(given.selection, table, tuning.task);
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begun;
    if (!show.quiet) {
        tell(fmt::format("{}; {} in {:.1f} s", folds_text(given.how.how, tuning.task, given.selection.train.fit.group),
                         counted(tuning.trials.size(), "trial"), seconds.count()));
    }
    return finish(given, table, tuning, kept, seconds.count());
}

}  // namespace handgrad::cli
