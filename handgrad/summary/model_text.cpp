// What inspect tells people of a model.
#include <fmt/format.h>

#include <algorithm>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "handgrad/base/utf8.hpp"
#include "handgrad/base/wording.hpp"
#include "handgrad/store/convention_names.hpp"
#include "handgrad/summary/descriptions.hpp"
#include "handgrad/summary/layout.hpp"
#include "handgrad/summary/texts.hpp"
#include "handgrad/train/settings.hpp"

namespace handgrad::summary {
namespace {

constexpr std::size_t shown_categories = 8;

std::string some_of(const std::vector<std::string>& texts) {
    const std::span shown = std::span(texts).first(std::min(texts.size(), shown_categories));
    return fmt::format("{}", fmt::join(shown, ", ")) +
           when(shown.size() < texts.size(), fmt::format(", ... ({} in all)", texts.size()));
}

std::string heading(std::string_view title) { return fmt::format("\n{}\n", title); }

std::string columns_table(const Preprocessing& columns) {
    std::vector<std::vector<std::string>> rows{{"column", "kind", "for missing", "shift", "scale", "categories"}};
    for (const FeatureColumn& feature : columns.features) {
        if (feature.categorical()) {
            rows.push_back({feature.name, "text", "", "", "", some_of(feature.categories)});
        } else {
            rows.push_back({feature.name, "number", feature.impute ? rounded(*feature.impute) : "",
                            rounded(feature.shift), rounded(feature.scale)});
        }
    }
    for (const TargetColumn& target : columns.targets) {
        const bool scaled = columns.task == Task::regression;
        rows.push_back({target.name, "target", "", when(scaled, rounded(target.shift)),
                        when(scaled, rounded(target.scale)), some_of(columns.classes)});
    }
    if (!columns.weight.empty()) {
        rows.push_back({columns.weight, "weight"});
    }
    return aligned(rows, Heading::first_row);
}

}  // namespace

std::string model_text(const Model& model, const std::string& title, const std::string& file_hash) {
    const Preprocessing& columns = model.preprocessing;
    std::string text = fmt::format("{}: {}\n\n", printable(title), name(columns.task));
    text += layer_table(model);

    text += heading("Loss");
    std::vector<std::vector<std::string>> rows{{"name", std::string(name(model.loss.kind))}};
    if (model.loss.kind == Loss::huber) {
        rows.push_back({"huber_delta", rounded(model.loss.huber_delta)});
    }
    if (model.loss.kind == Loss::quantile) {
        rows.push_back({"quantile", rounded(model.loss.quantile)});
    }
    rows.push_back({"penalty alpha", rounded(model.weight_decay)});
    constexpr std::size_t most_weights = 20;
    for (std::size_t k = 0; k < std::min(most_weights, columns.class_weights.size()); ++k) {
        rows.push_back({fmt::format("weight of class {}", columns.classes[k]), rounded(columns.class_weights[k])});
    }
    text += aligned(rows, Heading::none);

    text += heading("Conventions");
    rows.clear();
    for (const auto& [field, choice] : describe_conventions(model.architecture().conventions)) {
        rows.push_back({field, choice});
    }
    text += aligned(rows, Heading::none);

    text += heading("Columns: the network sees (x - shift)/scale, and for a text one 0/1 input for each category");
    text += columns_table(columns);

    if (!model.conformity.empty()) {
        text += heading("Intervals");
        text += aligned({{"method", std::string(name(model.conformity.method))},
                         {"rows that no network had seen", std::to_string(model.conformity.scores.rows())},
                         {"networks beside this one", std::to_string(model.conformity.networks.size())}},
                        Heading::none);
    }

    rows.clear();
    for (const auto& [setting, value] : model.settings) {
        if (value != SettingValue()) {
            rows.push_back({setting, setting_text(value)});
        }
    }
    if (!rows.empty()) {
        text += heading("Settings of its training") + aligned(rows, Heading::none);
    }

    text += heading("Provenance");
    rows.clear();
    for (const auto& [key, value] : model.provenance) {
        const bool undefined = value == "nan" || value == "-nan";  // as older versions wrote it
        rows.push_back({key, undefined ? "undefined" : value});
    }
    text += aligned(rows, Heading::none);

    text += heading("Checksums (XXH3-128; those inside the file have been checked)");
    std::vector<std::vector<std::string>> hashes{{"parameters_hash", parameters_hash(model)}};
    if (!file_hash.empty()) {
        hashes.push_back({"file", file_hash});
    }
    return text + aligned(std::move(hashes), Heading::none);
}

}  // namespace handgrad::summary
