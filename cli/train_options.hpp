// The options of `train`, from words to the FitOptions of the library.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/options.hpp"
#include "handgrad/data/table.hpp"
#include "handgrad/train/fit.hpp"

namespace handgrad::cli {

struct TrainOptionsGiven {
    std::string data;
    std::string output;
    ReadingOptions reading;
    std::string report;     ///< where the page goes; empty: none
    bool diagnose = false;  ///< measure the gradient flow of each layer after each epoch
    std::string command;    ///< that trains the same model again, into `again.model`
    OutputOptions show;
    FitOptions fit;
    std::string validation_file;  ///< of --validation and --test, where they name a table rather than a share
    std::string test_file;
};

/// Reads the words behind `train`. Empty when help was asked for and printed. Raises Error(usage).
std::optional<TrainOptionsGiven> parse_train(std::vector<std::string> words);

}  // namespace handgrad::cli
