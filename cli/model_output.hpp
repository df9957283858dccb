// Where a trained model goes: the room that was set aside for it, or when that fails another place, so that no night's
// work is lost.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "handgrad/base/atomic_file.hpp"
#include "handgrad/store/model.hpp"

namespace handgrad::cli {

class ModelOutput {
public:
    explicit ModelOutput(std::string path) : path_(std::move(path)) {}

    /// Sets room aside for a model of this size, with what training will add to it. Raises Error(io) when there is
    /// none.
    void reserve(const Model& model);

    /// Writes the model, and returns the name of the file: `path`, or beside it `path`.diverged for one that is of no
    /// use, so that an old one stays. Raises Error(io) when it could not be written there, which says where it was
    /// written instead.
    std::string save(const Model& model, bool usable = true);

private:
    std::string path_;
    std::unique_ptr<ReservedFile> room_;
};

}  // namespace handgrad::cli
