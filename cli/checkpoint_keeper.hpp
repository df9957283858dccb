// The checkpoints of a training as it goes on, and what becomes of the one that cannot be written.
#pragma once

#include <optional>
#include <string>

#include "cli/model_output.hpp"
#include "cli/train_options.hpp"
#include "handgrad/base/error.hpp"
#include "handgrad/store/model.hpp"
#include "handgrad/train/fit.hpp"

namespace handgrad::cli {

/// Keeps checkpoints in the folder of the options, with what is needed to be told again. One that cannot be written
/// ends the training: what it was to hold is remembered, and goes where the model was to go.
class CheckpointKeeper {
public:
    explicit CheckpointKeeper(const TrainOptionsGiven& given) : given_(given) {}

    /// For fit(); of a training without checkpoints an empty one. Its `keep` raises Error(io) only while nothing has
    /// been learned.
    [[nodiscard]] CheckpointPlan plan();
    /// Why the last one could not be written.
    [[nodiscard]] const std::optional<Error>& failure() const { return failure_; }
    /// Saves what it was to hold, and says in a text for people what is left and how to go on. The name of the file;
    /// empty where there was no place.
    std::string rescue(ModelOutput& output, std::string& text);

private:
    void keep(const Model& at);

    const TrainOptionsGiven& given_;
    bool any_ = false;  ///< one was written, or there to go on from
    std::optional<Error> failure_;
    std::optional<Model> unkept_;
};

}  // namespace handgrad::cli
