// Reads a configuration file in INI: `key = value` with bare words, quotes and arrays, in [sections].
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "cli/config_file.hpp"

namespace handgrad::cli {

/// Where and why a configuration file cannot be read.
struct ConfigProblem {
    std::size_t line;
    std::string cause;
    bool not_of_ini = false;  ///< it may be right in TOML
};

/// Comments begin with # or ;. Raises ConfigProblem for what it does not understand: a line that is no `key = value`, a
/// text without its closing quote, a key given twice. (CLI11 has a reader too, but it takes what it does not understand
/// for something else without a word.)
Config read_ini(std::string_view text);

}  // namespace handgrad::cli
