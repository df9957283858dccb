// What no training makes, and so no file may hold: one check for the writer and the reader of models.
#pragma once

#include <string>

#include "handgrad/base/error.hpp"
#include "handgrad/store/model.hpp"

namespace handgrad {

/// Raises Error(kind), `PLACE: PART: CAUSE`, for parts of a model that are impossible by themselves (a learning rate
/// below 0, a category twice) or contradict each other (a loss and an activation that leaves its domain, columns that
/// do not make the network's inputs, a history of layers that are not there). The network itself is not looked at, but
/// its architecture, so that it need not be there yet.
void check_sound(const Model& model, const Architecture& architecture, const std::string& place, ErrorKind kind);

}  // namespace handgrad
