// What diagnose tells people: the layers, where the size of their gradients comes from, and what would change it.
#include <fmt/format.h>

#include <cmath>
#include <string>
#include <string_view>
#include <vector>

#include "handgrad/base/wording.hpp"
#include "handgrad/summary/layout.hpp"
#include "handgrad/summary/texts.hpp"

namespace handgrad::summary {
namespace {

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

}  // namespace

std::string diagnosis_text(const diagnose::Diagnosis& diagnosis, const std::vector<diagnose::RowGradient>& top,
                           const Table& table, const std::string& settings) {
    return fmt::format(
        "{}; steps of {}\n\n"
        "{}\n"
        "Where the size of each gradient comes from, as powers of ten that add up\n{}\n"
        "Gradients that the same weights would have (says nothing about how well they would end up)\n{}\n"
        "{}{}\n{}",
        counted(diagnosis.rows, "row"), diagnosis.optimizer, verdicts(diagnosis), splits(diagnosis), changes(diagnosis),
        rows_text(top, table), wrapped(diagnosis.text), settings);
}

}  // namespace handgrad::summary
