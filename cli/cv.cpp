// handgrad cv: what a training is worth, by rows that it has not seen.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "cli/options.hpp"
#include "cli/output.hpp"
#include "cli/progress.hpp"
#include "cli/selection_events.hpp"
#include "cli/selection_options.hpp"
#include "cli/stop_signal.hpp"
#include "cli/text.hpp"
#include "cli/verbs.hpp"
#include "cli/wording.hpp"
#include "handgrad/base/error.hpp"
#include "handgrad/train/settings.hpp"

namespace handgrad::cli {
namespace {

bool parse(SelectionGiven& given, std::vector<std::string> words) {
    Arguments arguments("cv", {"handgrad cv houses.csv --target price",
                               "handgrad cv tumours.csv --target diagnosis --folds 10 --repeats 3 --hidden 64,32",
                               "handgrad cv patients.csv --target outcome --group patient --score roc_auc",
                               "handgrad cv sales.csv --target sold --ordered --json"});
    arguments.positional("DATA", given.train.data);
    declare_folds(arguments, given);
    declare_fits(arguments, given, "JSON Lines on standard output: trial, done");
    if (!parse_or_help(arguments, std::move(words))) {
        return false;
    }
    settle_fits(given);
    return true;
}

/// What the first fold's fit decided, beside what is known already.
void tell_decisions(const selection::CrossValidation& result, const Table& table, const OutputOptions& show) {
    for (const std::string& notice : result.notices) {
        const bool of_table = std::ranges::find(table.notices, notice) != table.notices.end() ||
                              notice.starts_with("warning: ") || notice.starts_with("classes: ");
        if (!of_table) {
            tell_notice({"fold 1: " + notice}, show);
        }
    }
}

int exit_code(const selection::CrossValidation& result) {
    if (StopSignal::received() != 0) {
        return 128 + StopSignal::received();
    }
    const bool failed =
        std::ranges::any_of(result.folds, [](const selection::FoldScore& fold) { return !fold.failure.empty(); });
    return failed ? static_cast<int>(ErrorKind::diverged) : 0;
}

}  // namespace

int cross_validate(std::vector<std::string> words) {
    SelectionGiven given;
    if (!parse(given, std::move(words))) {
        return 0;
    }
    const OutputOptions& show = given.train.show;
    const Table table = read_table_of(given);
    if (!show.quiet) {
        tell(fmt::format("{}: {}, {}", given.train.data, counted(table.rows, "row"),
                         counted(table.columns.size(), "column")));
    }
    tell_warnings(table, show);
    const StopSignal stop_signal;
    CountProgress progress(progress_style(show.quiet), "fits");
    const auto begun = std::chrono::steady_clock::now();
    const selection::CrossValidation result =
        selection::cross_validate(table, given.train.fit, given.how, given.score,
                                  {.on_notice = [&](const Notice& notice) { tell_notice(notice, show); },
                                   .on_fold = [&](std::size_t done, std::size_t of) { progress.show(done, of); },
                                   .stop = [] { return StopSignal::received() != 0; }});
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begun;
    progress.finish();
    save_folds(given, table, result.task);
    tell_decisions(result, table, show);
    if (!show.quiet) {
        tell(fmt::format("{}; {} in {:.2f} s", folds_text(given.how, result.task, given.train.fit.group),
                         counted(result.folds.size(), "fit"), seconds.count()));
    }
    Output output;
    output.answer(
        show.json,
        [&] {
            return trial_event(result, setting_values(given.train.fit)) +
                   cross_validation_done_event(result, seconds.count());
        },
        [&] { return cross_validation_text(result); });
    output.finish();
    return exit_code(result);
}

}  // namespace handgrad::cli
