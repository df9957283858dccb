// The folder in which a training's checkpoints stand: the last two, and the best by the validation rows.
#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "handgrad/base/atomic_file.hpp"
#include "handgrad/store/model.hpp"

namespace handgrad {

/// Files `checkpoint-00000001.model`, counted on, of which the last two stay, and `best.model`: each a model that can
/// be used as it is, and that holds its training. One program at a time has the folder, by the lock in it.
class CheckpointFolder {
public:
    /// Makes the folder if it is not there, and sweeps what killed programs have left in it. Raises Error(io);
    /// Error(usage) while another program has it.
    explicit CheckpointFolder(std::filesystem::path folder);

    struct Found {
        Model model;
        std::filesystem::path path;
        std::vector<std::string> refused;  ///< why those after it are not sound, a sentence each
    };
    /// The last checkpoint that is sound, else the best one; nothing where there is none at all. Raises Error(model)
    /// with all causes when there are some and none is sound.
    [[nodiscard]] std::optional<Found> latest() const;
    /// Whether there is no checkpoint, sound or not.
    [[nodiscard]] bool empty() const;

    /// Writes the next one, atomically, and then removes what is older than the last two. Raises Error(io), all that
    /// was there being there still; also when the folder is gone, or was taken by another training behind a lock that
    /// somebody had removed.
    void keep(const Model& model);

    [[nodiscard]] const std::filesystem::path& path() const { return folder_; }
    /// The file that was written last, or found.
    [[nodiscard]] std::filesystem::path last() const { return file(last_); }

private:
    [[nodiscard]] std::vector<std::size_t> numbers() const;
    [[nodiscard]] std::filesystem::path file(std::size_t number) const;
    void keep_the_lock();
    void remove_older() const;
    void keep_if_best(const Model& model, const std::filesystem::path& file, const std::string& bytes);

    std::filesystem::path folder_;
    std::optional<FileLock> lock_;
    std::size_t last_ = 0;               ///< number of the last one
    std::optional<double> lowest_loss_;  ///< on the validation rows, of the best one
};

}  // namespace handgrad
