// handgrad evaluate: loss and metrics of a model on a labelled table.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "cli/events.hpp"
#include "cli/labelled_call.hpp"
#include "cli/nonfinite.hpp"
#include "cli/output.hpp"
#include "cli/text.hpp"
#include "cli/verbs.hpp"
#include "cli/wording.hpp"
#include "handgrad/train/evaluation.hpp"

namespace handgrad::cli {
namespace {

bool parse(LabelledCall& options, std::vector<std::string> words) {
    Arguments arguments(
        "evaluate", {"handgrad evaluate price.model sold_houses.csv", "handgrad evaluate price.model t.csv --json",
                     "handgrad evaluate f.model t10k-images-idx3-ubyte.gz --target-file t10k-labels-idx1-ubyte.gz"});
    declare_model_and_data(arguments, options);
    declare_table_and_output(arguments, options, "one event `evaluation`");
    arguments.notes(
        "The loss is the very function that training differentiates, penalty included, on targets as the network\n"
        "learned them (scaled, where they were). The metrics are in the table's units. Beside them stands the answer\n"
        "of who always says the mean, or the most frequent class, of the rows that the model learned from. What each\n"
        "number is and how it is judged: docs/evaluate.md.\n");
    return parse_or_help(arguments, std::move(words));
}

}  // namespace

int evaluate(std::vector<std::string> words) {
    LabelledCall options;
    if (!parse(options, std::move(words))) {
        return 0;
    }
    Output output;
    const auto loaded = load(options);
    const Model& model = loaded.model;
    const Table& table = loaded.table;
    const Evaluation evaluation = evaluate(model, table, options.apply(), options.execution);
    output.answer(
        options.show.json, [&] { return evaluation_event(evaluation, model.preprocessing); },
        [&] { return evaluation_text(evaluation, model); });
    output.finish();
    return finite_or_diverged(nonfinite_in(evaluation), options.applying, options.show);
}

}  // namespace handgrad::cli
