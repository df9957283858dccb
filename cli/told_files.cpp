// Names are kept as they were said; only where that means another file from here are they said anew.
#include "cli/told_files.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <system_error>

#include "handgrad/data/table.hpp"
#include "handgrad/train/fit.hpp"

namespace handgrad::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::array read_by{"DATA",        "--target-file",     "--validation", "--test",
                             "--init-from", "--target-jacobian", "--continue",   "--class-weight"};
constexpr std::array written_by{"--output", "--report"};

/// The name in another folder, from here.
std::string name_from_here(const std::string& name, const fs::path& folder) {
    std::error_code error;
    if (fs::equivalent(folder, ".", error)) {
        return name;
    }
    const fs::path there = fs::canonical(folder, error);
    return error ? name : fs::proximate((there / name).lexically_normal(), error).string();
}

bool is_relative_file(const std::string& value) {
    return value != balanced_classes && fs::path(value).is_relative() &&
           parse_number(value).problem == NumberProblem::not_a_number;
}

}  // namespace

std::string working_folder_from(const fs::path& checkpoints) {
    std::error_code error;
    const fs::path here = fs::canonical(".", error), there = fs::canonical(checkpoints, error);
    return error ? std::string() : here.lexically_relative(there).string();
}

Arguments::Told told_from_here(Arguments::Told told, const std::vector<fs::path>& folders) {
    std::error_code error;
    std::vector<fs::path> there;
    std::ranges::copy_if(folders, std::back_inserter(there),
                         [&](const fs::path& folder) { return fs::is_directory(folder, error); });
    if (there.empty()) {
        return told;
    }
    for (const char* option : read_by) {
        const auto said = told.find(option);
        if (said == told.end() || said->second.size() != 1 || !is_relative_file(said->second.front())) {
            continue;
        }
        std::string& name = said->second.front();
        const auto has_it = [&](const fs::path& folder) { return fs::exists(folder / name, error); };
        const auto found = std::ranges::find_if(there, has_it);
        name = name_from_here(name, found == there.end() ? there.front() : *found);
    }
    for (const char* option : written_by) {
        const auto said = told.find(option);
        if (said != told.end() && said->second.size() == 1 && fs::path(said->second.front()).is_relative()) {
            said->second.front() = name_from_here(said->second.front(), there.front());
        }
    }
    return told;
}

void RememberedFiles::explain(const std::string& option, const std::string& file, const Error& error) const {
    const auto said = told_.find(option);
    std::error_code ignored;
    const bool remembered = said != told_.end() && said->second == std::vector<std::string>{file} &&
                            std::string_view(error.what()).starts_with(file);
    if (remembered && error.kind() == ErrorKind::io && !fs::exists(file, ignored)) {
        throw Error(error.kind(), fmt::format("{}. {}", error.what(), way_on_(option)));
    }
}

}  // namespace handgrad::cli
