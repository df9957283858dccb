// The words for layers, metrics and conventions.
#include "handgrad/summary/descriptions.hpp"

#include <fmt/format.h>

#include "handgrad/store/convention_names.hpp"
#include "handgrad/summary/layout.hpp"
#include "handgrad/train/settings.hpp"

namespace handgrad::summary {

std::size_t parameters_of(const Architecture& architecture, std::size_t layer) {
    return (architecture.sizes[layer] + 1) * architecture.sizes[layer + 1];
}

std::vector<std::string> target_names(const Preprocessing& columns) {
    std::vector<std::string> names;
    names.reserve(columns.targets.size());
    for (const TargetColumn& target : columns.targets) {
        names.push_back(target.name);
    }
    return names;
}

std::string dtype_name(bool in_double) { return std::string(settings::precision_names[in_double ? 1 : 0]); }

std::string pass_or_fail(bool pass) { return pass ? "PASS" : "FAIL"; }

std::string layer_table(const Model& model) {
    const Architecture& shape = model.architecture();
    std::vector<std::vector<std::string>> rows{{"layer", "in", "out", "activation", "parameters"}};
    std::size_t sum = 0;
    for (std::size_t l = 0; l < shape.layers(); ++l) {
        const std::size_t parameters = parameters_of(shape, l);
        sum += parameters;
        rows.push_back({layer_name(l), std::to_string(shape.sizes[l]), std::to_string(shape.sizes[l + 1]),
                        std::string(name(shape.activation(l))), std::to_string(parameters)});
    }
    rows.push_back({"all", std::to_string(shape.inputs()), std::to_string(shape.outputs()),
                    dtype_name(model.is_double()), std::to_string(sum)});
    return aligned(rows, Heading::first_row);
}

std::string metrics_table(const std::vector<std::pair<std::string, Metrics>>& parts) {
    std::vector<std::vector<std::string>> rows{{""}};
    for (const auto& [name, value] : parts.front().second) {
        rows.front().push_back(name);
    }
    for (const auto& [part, metrics] : parts) {
        rows.push_back({part});
        for (const auto& [name, value] : metrics) {
            rows.back().push_back(rounded(value));
        }
    }
    return aligned(rows, Heading::first_row);
}

std::string not_defined(const std::vector<std::string>& reasons) {
    std::string text;
    for (const std::string& reason : reasons) {
        text += wrapped("-  " + reason) + "\n";
    }
    return text;
}

std::vector<std::pair<std::string, std::string>> describe_conventions(const Conventions& conventions) {
    std::vector<std::pair<std::string, std::string>> choices{{"name", std::string(conventions.name)}};
    for_each_convention(conventions,
                        [&](std::string_view field, auto choice) { choices.emplace_back(field, name(choice)); });
    return choices;
}

}  // namespace handgrad::summary
