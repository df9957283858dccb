// handgrad sensitivity: how much each column of a table moves each output of a model, in the table's units.
#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

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
        [&] { return sensitivity_text(columns, table.rows); });
    output.finish();
    return finite_or_diverged(nonfinite_in(columns, labelled), options.applying, options.show);
}

}  // namespace handgrad::cli
