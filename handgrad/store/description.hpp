// Everything of a model but its numbers, as JSON texts by name: both directions come from one list of fields.
#pragma once

#include <map>
#include <string>

#include "handgrad/data/preprocessing.hpp"
#include "handgrad/nn/mlp.hpp"
#include "handgrad/nn/passes.hpp"

namespace handgrad {

struct Description {
    Architecture architecture;
    LossFunction loss;
    double weight_decay = 0.0;
    Preprocessing preprocessing;
    std::map<std::string, std::string> provenance;

    bool operator==(const Description&) const = default;
};

/// One JSON text each for `architecture`, `conventions`, `loss`, `preprocessing` and `provenance`. Raises Error(data)
/// quoting a column, category or class that is not UTF-8; in the values of `provenance` such bytes are replaced.
std::map<std::string, std::string> description_texts(const Description& description);

/// The reverse; other names in `texts` are not looked at. Raises Error(model) naming the field that is missing, unknown
/// or of another kind. What contradicts itself is for check_sound().
Description read_description(const std::map<std::string, std::string>& texts, const std::string& source);

}  // namespace handgrad
