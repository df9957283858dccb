// The options of `train`, from words to the FitOptions of the library.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cli/arguments.hpp"
#include "cli/options.hpp"
#include "cli/told_files.hpp"
#include "handgrad/data/table.hpp"
#include "handgrad/train/checkpoint_folder.hpp"
#include "handgrad/train/fit.hpp"

namespace handgrad::cli {

/// Between two checkpoints when nobody says.
inline constexpr double usual_checkpoint_seconds = 60.0;

struct TrainOptionsGiven {
    std::string data;
    std::string output;
    ReadingOptions reading;
    std::string report;     ///< where the page goes; empty: none
    bool diagnose = false;  ///< measure the gradient flow of each layer after each epoch
    std::string command;    ///< that trains the same model again, into `again.model`
    OutputOptions show;
    FitOptions fit;
    std::unique_ptr<CheckpointFolder> folder{};        ///< of --checkpoint or --resume; null for neither
    std::string new_folder{};                          ///< of --checkpoint, when it is still to be made; else empty
    std::optional<CheckpointFolder::Found> resumed{};  ///< of --resume, unless the folder has no checkpoint yet
    std::unique_ptr<Model> continued{};                ///< of --continue; null without
    std::string continued_file{};
    std::size_t checkpoint_epochs = 0;  ///< of --checkpoint-every, one of both
    double checkpoint_seconds = usual_checkpoint_seconds;
    Arguments::Told told{};        ///< for the checkpoint, to be told again
    RememberedFiles remembered{};  ///< of what was told another time
    std::string validation_file;   ///< of --validation and --test, where they name a table rather than a share
    std::string test_file;
};

/// Whether --weight-decay was given, which has another default for each optimizer.
struct Later {
    bool weight_decay = false;
};
/// The settings of a training and how its table is read, in their groups, but for those of these names: for a verb that
/// trains too.
void declare_settings(Arguments& arguments, TrainOptionsGiven& given, Later& later,
                      std::span<const std::string_view> except = {});
/// After parsing: the defaults of settings that depend on others. Raises Error(usage) without a target.
void settle_settings(TrainOptionsGiven& given, const Later& later);
/// Raises Error(usage) unless the model has a place to go to, of its own.
void check_output(const TrainOptionsGiven& given);
/// Activations, losses, optimizers and schedules with their formulas, for the end of a help.
std::string setting_lists();

/// Reads the words behind `train`; `told` is what was said another time, where the words say nothing. Empty when help
/// was asked for and printed. Raises Error(usage); with --resume also Error(io), Error(model).
/// `remembered` are the files in `told`.
std::optional<TrainOptionsGiven> parse_train(std::vector<std::string> words, const Arguments::Told& told = {},
                                             RememberedFiles remembered = {});

/// Opens or makes the folder for the checkpoints of a training that begins. Raises Error(io); Error(usage) when there
/// are some of another.
void begin_in_folder(TrainOptionsGiven& given, const std::string& folder);

}  // namespace handgrad::cli
