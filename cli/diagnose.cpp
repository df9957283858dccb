// handgrad diagnose: which layers of a model starve or get too much on a table, which factor does it, what to try.
#include <fmt/format.h>

#include <cmath>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cli/events.hpp"
#include "cli/labelled_call.hpp"
#include "cli/nonfinite.hpp"
#include "cli/output.hpp"
#include "cli/setting_options.hpp"
#include "cli/text.hpp"
#include "cli/verbs.hpp"
#include "handgrad/diagnose/diagnosis.hpp"
#include "handgrad/diagnose/row_forensics.hpp"
#include "handgrad/train/settings.hpp"

namespace handgrad::cli {
namespace {

struct DiagnoseOptions : LabelledCall {
    std::optional<double> learning_rate;
    std::size_t rows_top = 0;
};

bool parse(DiagnoseOptions& options, std::vector<std::string> words) {
    Arguments arguments("diagnose", {"handgrad diagnose price.model houses.csv",
                                     "handgrad diagnose price.model houses.csv --rows-top 20",
                                     "handgrad diagnose price.model houses.csv --learning-rate 0.01 --json"});
    declare_model_and_data(arguments, options);
    arguments.group("What to measure");
    arguments.option("--learning-rate,--lr", "RATE",
                     "of the step whose size is shown (the model's own; 0.001 with sgd for a model that names no "
                     "optimizer)",
                     into(options.learning_rate, settings::learning_rate.range));
    arguments.option("--rows-top", "N", "also the N rows with the largest gradients, by their lines in the table (0)",
                     into(options.rows_top, 0));
    declare_table_and_output(arguments, options, "one event `diagnosis`");
    arguments.notes(
        "The gradient is that of the loss on all rows, without the penalty, at the weights of the model. What the\n"
        "columns mean, when a layer starves, explodes or takes too large a step, and how it is told where training\n"
        "stands: docs/diagnosis.md.\n");
    return parse_or_help(arguments, std::move(words));
}

/// The options that the text advises, on a line of their own; empty for none.
std::string options_text(const std::vector<SettingHint>& settings) {
    const std::string list = said_here(settings);  // ` (--scale standard)`
    return list.empty() ? "" : wrapped("In options of train: " + list.substr(2, list.size() - 3) + ".") + "\n";
}

}  // namespace

int diagnose(std::vector<std::string> words) {
    DiagnoseOptions options;
    if (!parse(options, std::move(words))) {
        return 0;
    }
    Output output;
    const auto loaded = load(options);
    const Model& model = loaded.model;
    const Table& table = loaded.table;
    OptimizerOptions optimizer = recorded_optimizer(model).value_or(OptimizerOptions{.kind = OptimizerKind::sgd});
    optimizer.learning_rate = options.learning_rate.value_or(optimizer.learning_rate);
    const diagnose::Diagnosis diagnosis = diagnose::diagnose(model, table, optimizer, options.apply());
    std::vector<diagnose::RowGradient> top;
    if (options.rows_top > 0) {
        top = diagnose::dominant_rows(diagnose::row_gradients(model, table, options.apply()), options.rows_top);
    }
    output.answer(
        options.show.json, [&] { return diagnosis_event(diagnosis, top, table); },
        [&] { return diagnosis_text(diagnosis, top, table, options_text(diagnosis.try_settings)); });
    output.finish();
    return finite_or_diverged(nonfinite_in(diagnosis), options.applying, options.show);
}

}  // namespace handgrad::cli
