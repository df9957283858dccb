// Files in what a command line said another time, found again from another folder.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cli/arguments.hpp"
#include "handgrad/base/error.hpp"

namespace handgrad::cli {

/// In a checkpoint's provenance: the folder in which the training was begun, seen from that of the checkpoints, so that
/// both can be moved together.
inline constexpr std::string_view working_folder_key = "working_folder";
[[nodiscard]] std::string working_folder_from(const std::filesystem::path& checkpoints);

/// Names of files that were said in another folder, as they are to be said in this one. A file that was read is the
/// first that is there, of those in `folders` by turns; one that is nowhere, and one that is written, is in the first
/// of them that is there itself.
[[nodiscard]] Arguments::Told told_from_here(Arguments::Told told, const std::vector<std::filesystem::path>& folders);

/// What another time's words say of files, for messages about one that is not there.
class RememberedFiles {
public:
    /// How to name another file for an option, or for DATA.
    using WayOn = std::function<std::string(const std::string& option)>;
    RememberedFiles() = default;
    RememberedFiles(Arguments::Told told, WayOn way_on) : told_(std::move(told)), way_on_(std::move(way_on)) {}

    /// What `opens` returns. Its Error about a file that is not there gets, where the name is one of those words, the
    /// way on.
    template <class Opens>
    auto open(const std::string& option, const std::string& file, Opens&& opens) const {
        try {
            return opens();
        } catch (const Error& error) {
            explain(option, file, error);
            throw;
        }
    }

private:
    void explain(const std::string& option, const std::string& file, const Error& error) const;

    Arguments::Told told_;
    WayOn way_on_;
};

}  // namespace handgrad::cli
