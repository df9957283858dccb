// The words of a command line taken apart: which belong to which option, and which stand alone.
#pragma once

#include <string>
#include <vector>

#include "cli/arguments.hpp"

namespace handgrad::cli {

struct Words {
    bool help = false;                              ///< --help or -h is among them
    std::vector<std::string> config;                ///< what was given for --config
    std::vector<std::vector<std::string>> options;  ///< for each option what was given, `true` or `false` for a flag
    std::vector<std::string> rest;                  ///< positionals, unknown options, and `--`, behind which all are
                                                    ///< positionals
};

/// Raises Error(usage) for an option whose value is missing.
Words take_apart(std::vector<std::string> words, const std::vector<Option>& options);

}  // namespace handgrad::cli
