// Lists along the layers.
#include "cli/network_options.hpp"

namespace handgrad::cli {

std::vector<std::string> parse_layers(const Given& given) {
    if (!given.separate) {
        only_value(given);
    }
    return parse_list(given);
}

std::vector<Activation> parse_activations(const Given& given) {
    std::vector<Activation> result;
    for (const std::string& text : parse_layers(given)) {
        result.push_back(all_activations[parse_choice(given.place, text, names_of(all_activations))]);
    }
    return result;
}

std::vector<std::size_t> parse_widths(const Given& given) {
    std::vector<std::size_t> widths;
    for (const std::string& text : parse_layers(given)) {
        widths.push_back(parse_count(given.place, text, 1));
    }
    return widths;
}

}  // namespace handgrad::cli
