// Reads a configuration file: TOML of keys with texts, numbers, booleans and arrays of them, or INI with bare words.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace handgrad::cli {

/// `key = value`, as it stands in the file.
struct ConfigEntry {
    std::string section;  ///< of the [section] it stands in; empty at the top
    std::string key;
    std::vector<std::string> values;  ///< one, or the elements of an array
    bool array = false;
    std::size_t line;
};

struct ConfigSection {
    std::string name;
    std::size_t line;
};

struct Config {
    std::vector<ConfigEntry> entries;
    std::vector<ConfigSection> sections;
};

/// Takes the text apart. Raises Error(usage) naming `source` and line for anything it does not understand: a line that
/// is no `key = value`, a text without its closing quote, a key given twice, dotted keys and inline tables.
/// (CLI11 has a reader too, but it takes what it does not understand for something else without a word.)
Config parse_config(std::string_view text, const std::string& source);

}  // namespace handgrad::cli
