// What a search has come to so far, in a file: so that it goes on where it was interrupted.
#pragma once

#include <cstddef>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "handgrad/data/table.hpp"
#include "handgrad/select/tuning.hpp"
#include "handgrad/train/fit.hpp"

namespace handgrad::selection {

/// What a search is: everything that its numbers depend on, as texts by name (docs/formats.md).
std::map<std::string, std::string> describe_search(const Table& table, const FitOptions& options,
                                                   const TuneOptions& how);

/// The scores of a search, by trial, rung and fold (repeat · folds + number), and what it is.
struct TrialLog {
    std::map<std::string, std::string> about;  ///< describe_search()
    /// What a front end wants to be told again.
    std::map<std::string, std::vector<std::string>> told = {};
    std::string working_folder = {};  ///< likewise
    using Key = std::tuple<std::size_t, std::size_t, std::size_t>;
    std::map<Key, FoldScore> scores = {};

    [[nodiscard]] std::optional<FoldScore> find(std::size_t trial, std::size_t rung, std::size_t fold) const;
    void add(std::size_t trial, std::size_t rung, std::size_t fold, const FoldScore& score);
};

/// Writes the file atomically. Raises Error(io).
void save_trial_log(const std::filesystem::path& path, const TrialLog& log);
/// Raises Error(io), and Error(model) for a file that is none, with place and cause.
TrialLog load_trial_log(const std::filesystem::path& path);
/// Raises Error(usage) with all that differs unless the log is of this search.
void refuse_another_search(const TrialLog& log, const std::map<std::string, std::string>& about);

}  // namespace handgrad::selection
