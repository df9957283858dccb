// The other places are tried in turn: the working folder, that of temporary files, home.
#include "cli/model_output.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <vector>

#include "cli/output.hpp"
#include "cli/stop_signal.hpp"
#include "handgrad/base/error.hpp"

namespace handgrad::cli {
namespace {

/// Nobody who has asked it to stop wants it to wait for the reader of a pipe.
WithoutReader without_reader() { return StopSignal::received() == 0 ? WithoutReader::wait : WithoutReader::fail; }

std::vector<std::filesystem::path> other_places(const std::string& path) {
    const std::string name = fmt::format("{}.rescued.{}", std::filesystem::path(path).filename().string(), ::getpid());
    std::vector<std::filesystem::path> places{name};
    std::error_code ignored;
    places.push_back(std::filesystem::temp_directory_path(ignored) / name);
    if (const char* home = std::getenv("HOME")) {
        places.push_back(std::filesystem::path(home) / name);
    }
    return places;
}

/// Where the bytes were written that could not go to `path`; empty when there is no such place.
std::string rescue(const std::string& path, const std::string& bytes) {
    for (const std::filesystem::path& place : other_places(path)) {
        try {
            write_file_atomically(place, bytes);
            std::error_code ignored;
            return std::filesystem::absolute(place, ignored).string();
        } catch (const Error&) {
            continue;
        }
    }
    return {};
}

}  // namespace

void ModelOutput::reserve(const Model& model) {
    constexpr std::size_t growth = std::size_t{1} << 18;  // of history, scores and checksums
    room_ = std::make_unique<ReservedFile>(path_, serialize_model(model).size() + growth);
}

std::string ModelOutput::save(const Model& model, bool usable) {
    const std::string bytes = serialize_model(model);
    try {
        std::error_code ignored;
        const bool old_one =
            std::filesystem::is_regular_file(path_, ignored) || !std::filesystem::exists(path_, ignored);
        if (!usable && old_one) {
            const std::string beside = path_ + ".diverged";
            write_file_atomically(beside, bytes);
            return beside;
        }
        if (room_) {
            room_->write(bytes, without_reader());
            room_.reset();
        } else {
            write_file_atomically(path_, bytes, without_reader());
        }
        return path_;
    } catch (const Error& failure) {
        const std::string place = rescue(path_, bytes);
        if (place.empty()) {
            throw;
        }
        throw Error(failure.kind(),
                    fmt::format("{}. The model was written to {} instead; move it from there", failure.what(), place));
    }
}

}  // namespace handgrad::cli
