// handgrad evaluate: loss and metrics of a model on a labelled table.
#include <fmt/format.h>

#include <string>
#include <utility>
#include <vector>

#include "cli/describe.hpp"
#include "cli/events.hpp"
#include "cli/labelled_call.hpp"
#include "cli/output.hpp"
#include "cli/text.hpp"
#include "cli/verbs.hpp"
#include "cli/wording.hpp"
#include "handgrad/train/prediction.hpp"

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
        "learned them (scaled, where they were). The metrics are in the table's units.\n");
    return parse_or_help(arguments, std::move(words));
}

std::string describe(const Model& model, const Evaluation& evaluation) {
    bool scaled = false;
    for (const TargetColumn& target : model.preprocessing.targets) {
        scaled = scaled || target.shift != 0.0 || target.scale != 1.0;
    }
    std::vector<std::vector<std::string>> lines{{"rows", fmt::format("{}", evaluation.rows)},
                                                {"loss", rounded(evaluation.loss)}};
    for (const auto& [metric, value] : evaluation.metrics) {
        lines.push_back({metric, rounded(value)});
    }
    lines[1].push_back(fmt::format("{}{}{}", name(model.loss.kind), when(scaled, ", target scaled"),
                                   when(model.weight_decay != 0.0, ", penalty included")));
    return aligned(lines, Heading::none);
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
        options.show.json, [&] { return evaluation_event(evaluation); }, [&] { return describe(model, evaluation); });
    output.finish();
    return 0;
}

}  // namespace handgrad::cli
