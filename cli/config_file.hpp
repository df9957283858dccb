// Reads a configuration file, TOML or INI: keys with one value or an array of values, at the top or in sections.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace handgrad::cli {

/// `key = value`; numbers, dates and booleans as TOML or the file spell them.
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

/// Takes the text of the file `source` apart. A name that ends in .ini, .cfg or .conf says INI; everything else is
/// TOML, and INI where it is no TOML (bare words, comments behind ;). A table of TOML, however written, is a section.
/// Raises Error(usage) `source:line: cause` for what is neither, by the reader that got further; and for a table or an
/// array where a value must stand.
Config parse_config(std::string_view text, const std::string& source);

}  // namespace handgrad::cli
