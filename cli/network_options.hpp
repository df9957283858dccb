// Options that describe a network, for the verbs that make one.
#pragma once

#include <string>
#include <vector>

#include "cli/values.hpp"
#include "handgrad/math/activations.hpp"

namespace handgrad::cli {

/// The names of a list of the library's, in its order.
template <class List>
std::vector<std::string> names_of(const List& list) {
    std::vector<std::string> names;
    for (const auto& entry : list) {
        if constexpr (requires { entry.name; }) {
            names.emplace_back(entry.name);
        } else {
            names.emplace_back(name(entry));
        }
    }
    return names;
}

/// A list for the whole network: giving it twice would not mean more layers. Raises Error(usage).
std::vector<std::string> parse_layers(const Given& given);
/// One activation for all hidden layers, or one for each. Raises Error(usage).
std::vector<Activation> parse_activations(const Given& given);
/// Widths, at least 1 each. Raises Error(usage).
std::vector<std::size_t> parse_widths(const Given& given);

}  // namespace handgrad::cli
