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

    /// Sets room aside for a model of this size, and so many bytes that training will add to it. Raises Error(io) when
    /// there is none.
    void reserve(const Model& model, std::size_t growth);

    /// Writes the model, and returns the name of the file: `path`, or where a word is given beside it (`path`.diverged
    /// for one that is of no use, `path`.interrupted), so that an old one stays. Raises Error(io) when it could not be
    /// written there, which says where it was written instead.
    std::string save(const Model& model, const std::string& beside = {});
    /// Whether there is an old one.
    [[nodiscard]] bool there() const;

    struct Rescued {
        std::string path{};     ///< empty: nowhere
        bool training = false;  ///< with its training, to be gone on with; else the weights alone, for want of room
    };
    /// Writes a model whose checkpoint could not be written: to `path`, or where that fails as save() elsewhere.
    Rescued rescue_checkpoint(Model checkpoint);

private:
    void write(const std::string& bytes);
    [[nodiscard]] bool write_to_path(const std::string& bytes);

    std::string path_;
    std::unique_ptr<ReservedFile> room_;
};

}  // namespace handgrad::cli
