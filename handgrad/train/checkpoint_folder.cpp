// Checkpoints are found and removed by their names; nothing else in the folder is touched.
#include "handgrad/train/checkpoint_folder.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cmath>
#include <string_view>
#include <system_error>
#include <thread>
#include <type_traits>
#include <utility>
#include <variant>

#include "handgrad/base/error.hpp"
#include "handgrad/base/wording.hpp"
#include "handgrad/train/settings.hpp"

namespace handgrad {
namespace {

constexpr std::string_view before = "checkpoint-", behind = ".model";
constexpr const char* best_name = "best.model";
constexpr const char* lock_name = "lock";
constexpr std::size_t digits = 8;

/// The number in `checkpoint-00000012.model`.
std::optional<std::size_t> number_in(const std::string& name) {
    if (!name.starts_with(before) || !name.ends_with(behind) || name.size() <= before.size() + behind.size()) {
        return {};
    }
    const std::string_view text =
        std::string_view(name).substr(before.size(), name.size() - before.size() - behind.size());
    std::size_t number = 0;
    const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
    constexpr std::size_t most = 1'000'000'000'000'000;  // no training gets there, and the next one can be counted
    const bool whole =
        problem == std::errc() && end == text.data() + text.size() && text.size() >= digits && number <= most;
    return whole ? std::optional(number) : std::nullopt;
}

/// The validation loss of the last whole epoch, at whose end the model stands; nothing elsewhere.
std::optional<double> validation_loss(const Model& model) {
    return std::visit(
        []<class S>(const S& saved) -> std::optional<double> {
            if constexpr (!std::is_same_v<S, std::monostate>) {
                const bool judged = !saved.first && !saved.state.begun && !saved.state.history.empty();
                if (judged && !std::isnan(saved.state.history.back().validation_loss)) {
                    return saved.state.history.back().validation_loss;
                }
            }
            return {};
        },
        model.training);
}

/// The lock, for which it waits as long as a program needs to die that was killed just before.
std::optional<FileLock> take_lock(const std::filesystem::path& path) {
    constexpr int tries = 100;
    constexpr std::chrono::milliseconds pause{20};
    std::optional<FileLock> lock = FileLock::take(path);
    for (int i = 0; !lock && i < tries; ++i) {
        std::this_thread::sleep_for(pause);
        lock = FileLock::take(path);
    }
    return lock;
}

}  // namespace

CheckpointFolder::CheckpointFolder(std::filesystem::path folder) : folder_(std::move(folder)) {
    std::error_code error;
    std::filesystem::create_directories(folder_, error);
    if (error) {  // a file of that name is one too
        throw Error(ErrorKind::io, folder_.string() + ": cannot make the folder of the checkpoints: " + error.message())
            .at_file(folder_.string(), error.value());
    }
    lock_ = take_lock(folder_ / lock_name);
    if (!lock_) {
        throw Error(ErrorKind::usage, folder_.string() +
                                          ": another training that is running keeps its checkpoints there; wait until "
                                          "it has ended, or choose another folder");
    }
    sweep_temporaries(folder_, [](const std::string& file) { return file == best_name || number_in(file); });
    const std::vector<std::size_t> all = numbers();
    if (!all.empty()) {
        last_ = all.back();
    }
    try {
        lowest_loss_ = validation_loss(load_model(folder_ / best_name, true));
    } catch (const Error&) {
        lowest_loss_.reset();  // there is none, or none of use
    }
}

std::vector<std::size_t> CheckpointFolder::numbers() const {
    std::vector<std::size_t> found;
    const int problem = for_each_name(folder_, [&](const char* name) {
        const auto number = number_in(name);
        std::error_code ignored;
        if (number && std::filesystem::is_regular_file(folder_ / name, ignored)) {  // a pipe would be waited for
            found.push_back(*number);
        }
    });
    if (problem != 0 && problem != ENOENT) {  // what cannot be seen is not nothing: a new training would write over it
        throw Error(ErrorKind::io, folder_.string() + ": cannot list the checkpoints in it: " +
                                       std::generic_category().message(problem))
            .at_file(folder_.string(), problem);
    }
    std::ranges::sort(found);
    return found;
}

std::filesystem::path CheckpointFolder::file(std::size_t number) const {
    std::string text = std::to_string(number);
    text.insert(0, digits - std::min(digits, text.size()), '0');
    return folder_ / (std::string(before) + text + std::string(behind));
}

bool CheckpointFolder::empty() const {
    std::error_code error;
    return numbers().empty() && !std::filesystem::is_regular_file(folder_ / best_name, error);
}

std::optional<CheckpointFolder::Found> CheckpointFolder::latest() const {
    std::vector<std::filesystem::path> candidates;
    const std::vector<std::size_t> all = numbers();
    std::ranges::transform(all.rbegin(), all.rend(), std::back_inserter(candidates),
                           [&](std::size_t number) { return file(number); });
    std::error_code error;
    if (std::filesystem::is_regular_file(folder_ / best_name, error)) {
        candidates.push_back(folder_ / best_name);
    }
    std::vector<std::string> refused;
    for (const std::filesystem::path& path : candidates) {
        try {
            Model model = load_model(path, true);
            check_settings(model, path.string());
            if (!std::holds_alternative<std::monostate>(model.training)) {
                return Found{.model = std::move(model), .path = path, .refused = std::move(refused)};
            }
            refused.push_back(path.string() + ": a model without its training");
        } catch (const Error& problem) {
            refused.emplace_back(problem.what());
        }
    }
    if (candidates.empty()) {
        return {};
    }
    std::string causes;
    for (const std::string& cause : refused) {
        add_item(causes, "; ", cause);
    }
    throw Error(ErrorKind::model, folder_.string() + ": no checkpoint in it can be gone on from: " + causes +
                                      ". Bring one of them back, or begin the training anew in another folder");
}

/// Takes the lock again that somebody has removed, unless another training was quicker.
void CheckpointFolder::keep_the_lock() {
    if (lock_->stands_at(folder_ / lock_name)) {
        return;
    }
    std::error_code error;
    if (!std::filesystem::is_directory(folder_, error)) {
        throw Error(ErrorKind::io, folder_.string() + ": the folder of the checkpoints is no longer there")
            .at_file(folder_.string(), ENOENT);
    }
    std::optional<FileLock> again = FileLock::take(folder_ / lock_name);
    const std::vector<std::size_t> all = numbers();
    if (!again || (!all.empty() && all.back() != last_)) {
        throw Error(ErrorKind::io, folder_.string() + ": the file '" + lock_name +
                                       "' was removed from it, and another training has the folder since")
            .at_file((folder_ / lock_name).string());
    }
    lock_ = std::move(again);
}

void CheckpointFolder::keep(const Model& model) {
    keep_the_lock();
    const std::filesystem::path path = file(last_ + 1);
    const std::string bytes = serialize_model(model);
    write_file_atomically(path, bytes);
    ++last_;
    keep_if_best(model, path, bytes);
    remove_older();
}

/// All but the last two; what cannot be removed or seen is tried again behind the next one.
void CheckpointFolder::remove_older() const {
    try {
        for (const std::size_t number : numbers()) {
            if (number + 1 < last_) {
                std::error_code ignored;
                std::filesystem::remove(file(number), ignored);
            }
        }
    } catch (const Error&) {
        return;
    }
}

void CheckpointFolder::keep_if_best(const Model& model, const std::filesystem::path& file, const std::string& bytes) {
    const std::optional<double> loss = validation_loss(model);
    if (!loss || (lowest_loss_ && *loss >= *lowest_loss_)) {
        return;
    }
    const std::filesystem::path best = folder_ / best_name;
    const std::string link = best.string() + ".tmp." + std::to_string(::getpid()) + ".0";
    std::error_code error;
    std::filesystem::create_hard_link(file, link, error);
    if (!error) {
        std::filesystem::rename(link, best, error);
    }
    if (error) {  // a file system without links
        std::error_code ignored;
        std::filesystem::remove(link, ignored);
        write_file_atomically(best, bytes);
    }
    lowest_loss_ = loss;
}

}  // namespace handgrad
