// The provenance of a model read back as the settings of an optimizer.
#include "handgrad/train/recorded_optimizer.hpp"

#include "handgrad/data/table.hpp"

namespace handgrad {

std::optional<OptimizerOptions> recorded_optimizer(const Model& model) {
    const auto text = [&](const char* key) {
        const auto found = model.provenance.find(key);
        return found == model.provenance.end() ? std::string() : found->second;
    };
    const auto number = [&](const char* key, double otherwise) {
        const ParsedNumber parsed = parse_number(text(key));
        return parsed.problem == NumberProblem::none ? parsed.value : otherwise;
    };
    const std::optional<OptimizerKind> kind = find_optimizer(text("optimizer"));
    if (!kind) {
        return std::nullopt;
    }
    OptimizerOptions options{.kind = *kind};
    options.learning_rate = number("learning_rate", options.learning_rate);
    options.momentum = number("momentum", 0.0);
    options.nesterov = text("nesterov") == "yes";
    options.weight_decay = number("weight_decay", 0.0);
    return options;
}

}  // namespace handgrad
