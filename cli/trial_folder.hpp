// The folder of a search: what its trials have come to, in one file that is written anew every few seconds.
#pragma once

#include <chrono>
#include <filesystem>
#include <map>
#include <optional>
#include <string>

#include "cli/arguments.hpp"
#include "handgrad/base/atomic_file.hpp"
#include "handgrad/base/error.hpp"
#include "handgrad/select/trial_log.hpp"

namespace handgrad::cli {

/// One search at a time has a folder. Not for several threads at once.
class TrialFolder {
public:
    /// What --resume names. Raises Error(io), Error(model), Error(usage) for a folder without trials.
    static selection::TrialLog load(const std::string& folder);
    /// What was said then, as it is to be said here.
    static Arguments::Told told_then(const selection::TrialLog& log, const std::string& folder);

    /// Begins, or goes on with `log`. Raises Error(usage) for a log of another search, and where a search that begins
    /// finds trials; Error(io) when the folder cannot be made or another program has it.
    TrialFolder(const std::string& folder, std::map<std::string, std::string> about, Arguments::Told told,
                const std::optional<selection::TrialLog>& log);

    [[nodiscard]] std::optional<selection::FoldScore> find(std::size_t trial, std::size_t rung, std::size_t fold) const;
    /// Written with what comes in the next seconds. One that cannot be written is remembered as a failure.
    void add(std::size_t trial, std::size_t rung, std::size_t fold, const selection::FoldScore& score);
    void write();

    [[nodiscard]] bool failed() const { return failure_.has_value(); }
    /// Says why, and returns the exit code.
    [[nodiscard]] int complain() const;
    [[nodiscard]] const std::filesystem::path& path() const { return folder_; }

private:
    std::filesystem::path folder_;
    selection::TrialLog log_;
    std::map<selection::TrialLog::Key, selection::FoldScore> known_;  ///< as it was at the beginning
    std::optional<FileLock> lock_;
    std::optional<Error> failure_;
    std::chrono::steady_clock::time_point written_ = std::chrono::steady_clock::now();
    bool changed_ = true;
};

}  // namespace handgrad::cli
