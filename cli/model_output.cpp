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

/// Whether what is written there stays: a file, or none yet; no pipe or device.
bool keeps(const std::string& path) {
    std::error_code ignored;
    return std::filesystem::is_regular_file(path, ignored) || !std::filesystem::exists(path, ignored);
}

}  // namespace

void ModelOutput::reserve(const Model& model, std::size_t growth) {
    room_ = std::make_unique<ReservedFile>(path_, serialize_model(model).size() + growth);
}

bool ModelOutput::there() const {
    std::error_code ignored;
    return std::filesystem::is_regular_file(path_, ignored);
}

std::string ModelOutput::save(const Model& model, const std::string& beside) {
    const std::string bytes = serialize_model(model);
    try {
        if (!beside.empty() && keeps(path_)) {
            std::string other = fmt::format("{}.{}", path_, beside);
            write_file_atomically(other, bytes);
            return other;
        }
        write(bytes);
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

void ModelOutput::write(const std::string& bytes) {
    const std::unique_ptr<ReservedFile> room = std::move(room_);
    if (room) {
        room->write(bytes, without_reader());
    } else {
        write_file_atomically(path_, bytes, without_reader());
    }
}

bool ModelOutput::write_to_path(const std::string& bytes) {
    try {
        write(bytes);
        return true;
    } catch (const Error&) {
        return false;  // there are other places
    }
}

ModelOutput::Rescued ModelOutput::rescue_checkpoint(Model checkpoint) {
    for (const bool training : {true, false}) {
        if (!training) {
            checkpoint.training = {};
        }
        const std::string bytes = serialize_model(checkpoint);
        if (keeps(path_) && write_to_path(bytes)) {
            return {.path = path_, .training = training};
        }
        std::string elsewhere = rescue(path_, bytes);
        if (!elsewhere.empty()) {
            return {.path = std::move(elsewhere), .training = training};
        }
    }
    return {};
}

}  // namespace handgrad::cli
