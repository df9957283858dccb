// handgrad diagnose: which layers of a model starve or get too much on a table, which factor does it, what to try.
#include <fmt/format.h>

#include <cmath>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cli/describe.hpp"
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

std::string percent(double share) { return fmt::format("{:.0f} %", 100.0 * share); }
/// Numbers that are none are said to be so: a ratio to weights of 0, or what stands behind a factor of 0.
std::string number(double value, std::string_view format) {
    if (std::isnan(value)) {
        return "undefined";
    }
    if (std::isinf(value)) {
        return value > 0.0 ? "infinite" : "-inf";
    }
    return fmt::format(fmt::runtime(format), value);
}
std::string scientific(double value) { return number(value, "{:.2e}"); }
std::string decimal(double value) { return number(value, "{:.2f}"); }

std::string verdicts(const diagnose::Diagnosis& diagnosis) {
    std::vector<std::vector<std::string>> lines{
        {"layer", "gradient", "step/weight", "unchanged", "saturated", "dead", "starved", "factor"}};
    for (const diagnose::LayerDiagnosis& layer : diagnosis.layers) {
        lines.push_back({layer.name, scientific(layer.gradient_rms), scientific(layer.update_ratio),
                         percent(layer.unchanged), percent(layer.saturated), percent(layer.dead),
                         layer.starved ? "yes" : "no", std::string(name(layer.factor))});
    }
    return aligned(lines, Heading::first_row);
}

std::string splits(const diagnose::Diagnosis& diagnosis) {
    std::vector<std::vector<std::string>> lines{
        {"layer", "log10 |dl/dW|", "=", "error", "output", "W above", "slopes", "input", "alignment"}};
    for (const diagnose::LayerDiagnosis& layer : diagnosis.layers) {
        const diagnose::GradientSplit& split = layer.split;
        lines.push_back({layer.name, decimal(split.gradient), "", decimal(split.error), decimal(split.output),
                         decimal(split.weights), decimal(split.slopes), decimal(split.input),
                         decimal(split.alignment)});
    }
    return aligned(lines, Heading::first_row);
}

std::string changes(const diagnose::Diagnosis& diagnosis) {
    std::vector<std::vector<std::string>> lines{{"layer", "as it is"}};
    for (std::size_t c = 0; c < diagnosis.what_if.size(); ++c) {
        lines.front().push_back(fmt::format("({})", c + 1));
    }
    for (std::size_t l = 0; l < diagnosis.layers.size(); ++l) {
        lines.push_back({diagnosis.layers[l].name, scientific(diagnosis.layers[l].gradient_rms)});
        for (const diagnose::WhatIf& change : diagnosis.what_if) {
            lines.back().push_back(scientific(change.gradient_rms[l]));
        }
    }
    std::string text = aligned(lines, Heading::first_row);
    for (std::size_t c = 0; c < diagnosis.what_if.size(); ++c) {
        text += fmt::format("  ({}) {}\n", c + 1, diagnosis.what_if[c].change);
    }
    return text;
}

/// Where a row pulls whose gradient has this cosine with that of all.
std::string direction(double cosine) {
    if (cosine > 0.0) {
        return "with the whole table";
    }
    if (cosine < 0.0) {
        return "against the whole table";
    }
    return "neither way";
}

/// By their lines in the table; empty when no rows were asked for.
std::string rows_text(const std::vector<diagnose::RowGradient>& top, const Table& table) {
    if (top.empty()) {
        return "";
    }
    std::vector<std::vector<std::string>> lines{
        {table.lines.empty() ? "row" : "line", "gradient", "cosine", "", "pulls"}};
    for (const diagnose::RowGradient& row : top) {
        const std::size_t number = table.lines.empty() ? row.row : table.lines[row.row];
        lines.push_back({std::to_string(number), scientific(row.norm), decimal(row.cosine), "", direction(row.cosine)});
    }
    return "Rows with the largest gradients: hardest to believe for the network, so look at their labels first\n" +
           aligned(lines, Heading::first_row) + "\n";
}

/// The options that the text advises, on a line of their own; empty for none.
std::string options_text(const std::vector<SettingHint>& settings) {
    const std::string list = said_here(settings);  // ` (--scale standard)`
    return list.empty() ? "" : wrapped("In options of train: " + list.substr(2, list.size() - 3) + ".") + "\n";
}

std::string describe(const diagnose::Diagnosis& diagnosis, const std::string& rows) {
    return fmt::format(
        "{}; steps of {}\n\n"
        "{}\n"
        "Where the size of each gradient comes from, as powers of ten that add up\n{}\n"
        "Gradients that the same weights would have (says nothing about how well they would end up)\n{}\n"
        "{}{}\n{}",
        counted(diagnosis.rows, "row"), diagnosis.optimizer, verdicts(diagnosis), splits(diagnosis), changes(diagnosis),
        rows, wrapped(diagnosis.text), options_text(diagnosis.try_settings));
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
        [&] { return describe(diagnosis, rows_text(top, table)); });
    output.finish();
    return finite_or_diverged(nonfinite_in(diagnosis), options.applying, options.show);
}

}  // namespace handgrad::cli
