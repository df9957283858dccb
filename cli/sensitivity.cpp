// handgrad sensitivity: how much each column of a table moves each output of a model, in the table's units.
#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "cli/describe.hpp"
#include "cli/events.hpp"
#include "cli/labelled_call.hpp"
#include "cli/nonfinite.hpp"
#include "cli/output.hpp"
#include "cli/text.hpp"
#include "cli/verbs.hpp"
#include "handgrad/base/utf8.hpp"
#include "handgrad/diagnose/sensitivity.hpp"

namespace handgrad::cli {
namespace {

struct SensitivityCall : LabelledCall {
    diagnose::SensitivityOptions how;
};

bool parse(SensitivityCall& options, std::vector<std::string> words) {
    Arguments arguments("sensitivity", {"handgrad sensitivity price.model houses.csv",
                                        "handgrad sensitivity price.model houses.csv --repeats 20 --json"});
    declare_model_and_data(arguments, options);
    arguments.group("What to measure");
    arguments.option("--repeats", "N", "shuffles of each column, averaged (5)", into(options.how.repeats, 1));
    arguments.option("--seed", "N", "of the shuffles (0)", into_seed(options.how.seed));
    declare_table_and_output(arguments, options, "one event `sensitivity`");
    arguments.notes(
        "mean, sd and rms are of d(target)/d(column) over the rows, in the table's units. sign is 1 where it always\n"
        "points up and -1 where it always points down. effect is rms times the column's standard deviation, and\n"
        "permutation is how much the loss rises when the column is shuffled: both compare columns of any unit. "
        "Without\n"
        "the target's column permutation is left out.\n");
    return parse_or_help(arguments, std::move(words));
}

/// Sorted by effect within each target, the largest first.
std::string describe(std::vector<diagnose::ColumnSensitivity> columns, std::size_t rows) {
    std::vector<std::string> targets;
    for (const diagnose::ColumnSensitivity& column : columns) {
        if (std::ranges::find(targets, column.target) == targets.end()) {
            targets.push_back(column.target);
        }
    }
    std::ranges::stable_sort(columns, std::ranges::greater(), &diagnose::ColumnSensitivity::effect);
    const auto short_number = [](double value) { return rounded(value, 3); };
    std::string text = counted(rows, "row") + "\n";
    for (const std::string& target : targets) {
        std::vector<std::vector<std::string>> lines{{"column", "mean", "sd", "rms", "sign", "effect", "permutation"}};
        std::string strongest;
        for (const diagnose::ColumnSensitivity& c : columns) {
            if (c.target == target) {
                if (strongest.empty()) {
                    strongest = c.name;
                }
                lines.push_back({c.name, short_number(c.mean), short_number(c.sd), short_number(c.rms),
                                 fmt::format("{:.2f}", c.sign), short_number(c.effect), short_number(c.permutation)});
            }
        }
        text += fmt::format("\nWhat moves {}\n{}\n{}\n", printable(target), aligned(lines, Heading::first_row),
                            wrapped(fmt::format("{} moves most with {}, over the spread that the columns have here.",
                                                target, strongest)));
    }
    return text;
}

}  // namespace

int sensitivity(std::vector<std::string> words) {
    SensitivityCall options;
    if (!parse(options, std::move(words))) {
        return 0;
    }
    Output output;
    const auto loaded = load(options);
    const Model& model = loaded.model;
    const Table& table = loaded.table;
    const std::vector<std::string> targets = target_names(model.preprocessing);
    const bool labelled = std::ranges::all_of(targets, [&](const auto& name) { return table.find(name) != nullptr; });
    if (!labelled && !options.show.quiet) {
        tell(fmt::format("{} has no column '{}': permutation, which needs the labels, is left out", options.data,
                         fmt::join(targets, "', '")));
    }
    const ApplyOptions apply{.labels = labelled ? Labels::required : Labels::absent,
                             .allow_extra = options.applying.allow_extra};
    const std::vector<diagnose::ColumnSensitivity> columns =
        sensitivity(model, table, apply, options.how, options.execution);
    output.answer(
        options.show.json, [&] { return sensitivity_event(columns, table.rows); },
        [&] { return describe(columns, table.rows); });
    output.finish();
    return finite_or_diverged(nonfinite_in(columns, labelled), options.applying, options.show);
}

}  // namespace handgrad::cli
