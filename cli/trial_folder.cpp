// What is known at the beginning is looked up by many threads while others add to the rest, so it stays as it was.
#include "cli/trial_folder.hpp"

#include <fmt/format.h>

#include <system_error>
#include <utility>
#include <vector>

#include "cli/output.hpp"
#include "cli/told_files.hpp"

namespace handgrad::cli {
namespace {

namespace fs = std::filesystem;

constexpr const char* file_name = "trials.json";
constexpr std::chrono::seconds between_writes{5};

}  // namespace

selection::TrialLog TrialFolder::load(const std::string& folder) {
    std::error_code ignored;
    if (!fs::is_directory(folder, ignored)) {
        throw Error(ErrorKind::io, fmt::format("--resume: {}: there is no such folder of trials", folder));
    }
    if (!fs::exists(fs::path(folder) / file_name, ignored)) {
        usage_error(
            fmt::format("--resume: {} has no {}, so that there is no search to go on with; --checkpoint begins one",
                        folder, file_name));
    }
    return selection::load_trial_log(fs::path(folder) / file_name);
}

Arguments::Told TrialFolder::told_then(const selection::TrialLog& log, const std::string& folder) {
    std::error_code ignored;
    std::vector<fs::path> folders{"."};
    if (!log.working_folder.empty()) {
        folders.insert(folders.begin(), fs::canonical(folder, ignored) / log.working_folder);
    }
    return told_from_here(log.told, folders);
}

TrialFolder::TrialFolder(const std::string& folder, std::map<std::string, std::string> about, Arguments::Told told,
                         const std::optional<selection::TrialLog>& log)
    : folder_(folder) {
    std::error_code error;
    fs::create_directories(folder_, error);
    if (error) {
        throw Error(ErrorKind::io, fmt::format("{}: {}", folder, error.message()));
    }
    lock_ = FileLock::take(folder_ / "lock");
    if (!lock_) {
        throw Error(ErrorKind::io, fmt::format("{}: another search is at work there", folder));
    }
    if (log) {
        selection::refuse_another_search(*log, about);
        log_ = *log;
        known_ = log_.scores;
    } else if (fs::exists(folder_ / file_name, error)) {
        usage_error(
            fmt::format("--checkpoint: {} holds the trials of a search: --resume {} goes on with it; for another "
                        "one choose another folder, or remove them",
                        folder, shell_word(folder)));
    }
    log_.about = std::move(about);
    log_.told = std::move(told);
    log_.working_folder = working_folder_from(folder_);
    selection::save_trial_log(folder_ / file_name, log_);
}

std::optional<selection::FoldScore> TrialFolder::find(std::size_t trial, std::size_t rung, std::size_t fold) const {
    const auto found = known_.find({trial, rung, fold});
    return found == known_.end() ? std::nullopt : std::optional(found->second);
}

void TrialFolder::add(std::size_t trial, std::size_t rung, std::size_t fold, const selection::FoldScore& score) {
    log_.add(trial, rung, fold, score);
    changed_ = true;
    if (std::chrono::steady_clock::now() - written_ >= between_writes) {
        write();
    }
}

void TrialFolder::write() {
    if (!changed_ || failure_) {
        return;
    }
    try {
        selection::save_trial_log(folder_ / file_name, log_);
        changed_ = false;
    } catch (const Error& error) {
        failure_ = error;
    }
    written_ = std::chrono::steady_clock::now();
}

int TrialFolder::complain() const {
    tell(fmt::format("handgrad tune: {}; the search ends here, and what was written before is as it was",
                     failure_->what()));
    return static_cast<int>(ErrorKind::io);
}

}  // namespace handgrad::cli
