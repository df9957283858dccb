// The options of `train`, from words to the FitOptions of the library.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/options.hpp"
#include "handgrad/data/table.hpp"
#include "handgrad/train/fit.hpp"

namespace handgrad::cli {

/// --validation and --test: a share of the rows, or a table in a file of its own.
struct HeldOutOption {
    double fraction = 0.0;
    std::string file;
};

struct TrainOptionsGiven {
    std::string data;
    std::string output;
    ReadingOptions reading;
    std::string report;     ///< where the page goes; empty: none
    bool diagnose = false;  ///< measure the gradient flow of each layer after each epoch
    std::string command;    ///< that trains the same model again, into `again.model`
    OutputOptions show;
    FitOptions fit;
    HeldOutOption validation{.fraction = 0.2, .file = {}};
    HeldOutOption test;
};

/// Reads the words behind `train`. Empty when help was asked for and printed. Raises Error(usage).
std::optional<TrainOptionsGiven> parse_train(std::vector<std::string> words);

}  // namespace handgrad::cli
