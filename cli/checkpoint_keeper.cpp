// The rescued model is the checkpoint itself, so that it goes on to the same bits once it lies in a folder again.
#include "cli/checkpoint_keeper.hpp"

#include <fmt/format.h>

#include <filesystem>
#include <type_traits>
#include <utility>
#include <variant>

#include "cli/arguments.hpp"
#include "cli/told_files.hpp"
#include "cli/wording.hpp"

namespace handgrad::cli {
namespace {

/// A folder beside the one of the checkpoints that is not there yet.
std::string new_folder_beside(const std::filesystem::path& folder) {
    std::filesystem::path whole = folder;
    if (!whole.has_filename()) {  // night/
        whole = whole.parent_path();
    }
    std::error_code ignored;
    std::size_t number = 2;
    std::string name;
    do {
        name = fmt::format("{}-{}", whole.string(), number++);
    } while (std::filesystem::exists(name, ignored));
    return name;
}

/// What the file of a checkpoint that was written elsewhere needs to be gone on from.
std::string way_on(const ModelOutput::Rescued& rescued, const std::filesystem::path& folder) {
    if (!rescued.training) {
        return " (its training found no room); train --init-from begins with them";
    }
    const std::string beside = new_folder_beside(folder);
    return fmt::format(
        ", and what is needed to go on. Where there is room:\n"
        "  mkdir -p {0} && cp {1} {0}/checkpoint-00000001.model && handgrad train --resume {0}",
        shell_word(beside), shell_word(rescued.path));
}

}  // namespace

CheckpointPlan CheckpointKeeper::plan() {
    if (given_.folder == nullptr) {
        return {};
    }
    any_ = given_.resumed.has_value();
    return {.epochs = given_.checkpoint_epochs, .seconds = given_.checkpoint_seconds, .keep = [this](const Model& at) {
                keep(at);
            }};
}

void CheckpointKeeper::keep(const Model& at) {
    Model model = at;
    model.provenance["command"] = given_.command;
    model.provenance[std::string(working_folder_key)] = working_folder_from(given_.folder->path());
    std::visit(
        [&]<class S>(S& saved) {
            if constexpr (!std::is_same_v<S, std::monostate>) {
                saved.told = given_.told;
            }
        },
        model.training);
    if (!failure_) {
        try {
            given_.folder->keep(model);
            any_ = true;
            return;
        } catch (const Error& error) {
            if (!any_) {
                throw;  // of the first weights
            }
            failure_ = error;
        }
    }
    unkept_ = std::move(model);
}

std::string CheckpointKeeper::rescue(ModelOutput& output, std::string& text) {
    text = fmt::format("{}. The training ends here, as that checkpoint could not be written.\n", failure_->what());
    const std::string before = given_.folder->last().string();
    std::error_code ignored;
    const ModelOutput::Rescued rescued = output.rescue_checkpoint(std::move(*unkept_));
    if (rescued.path.empty()) {
        text += fmt::format(
            "Its weights could be written nowhere: not as {}, nor to the working folder, that of "
            "temporary files, or home",
            given_.output);
    } else {
        text += fmt::format("{} holds the weights as they were then{}", rescued.path,
                            way_on(rescued, given_.folder->path()));
    }
    if (std::filesystem::exists(before, ignored)) {
        text += fmt::format("\nThe checkpoint before, {}, is as it was", before);
    }
    return rescued.path;
}

}  // namespace handgrad::cli
