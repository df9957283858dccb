// Declares the options of a verb once; from that one table come parsing, the configuration file and the help.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace handgrad::cli {

/// What was given for one option: the texts and where they stand (`--batch`, or `run.toml:3: batch`), for messages.
struct Given {
    std::string place;
    std::vector<std::string> values;  ///< in the order given; one for each time the option was used
    bool separate = false;            ///< elements of a list already taken apart (an array in a configuration file)
};

/// Takes what was given for an option. Raises Error(usage) beginning with the place when it makes no sense.
using Setter = std::function<void(const Given&)>;

/// Limits of a number, ends included unless said otherwise.
struct Range {
    double lowest = -std::numeric_limits<double>::infinity();
    double highest = std::numeric_limits<double>::infinity();
    bool without_lowest = false;
    bool without_highest = false;
};

/// Setters for the usual kinds of value.
Setter into(std::string& value);
Setter into(double& value, Range range = {});
Setter into(std::optional<double>& value, Range range = {});
Setter into(std::size_t& value, std::size_t lowest);
Setter into_seed(std::uint64_t& value);
Setter into(bool& flag);
Setter into(std::optional<bool>& flag);
/// A list: separated by commas, an element with a comma in it in double quotes; repeating the option adds to it.
Setter into(std::vector<std::string>& list);
/// One of `names`; takes the name's position in them.
Setter into_choice(std::vector<std::string> names, std::function<void(std::size_t)> take);

/// Parsing of single texts; each raises Error(usage) beginning with `place`.
double parse_real(const std::string& place, const std::string& text, Range range = {});
std::size_t parse_count(const std::string& place, const std::string& text, std::size_t lowest = 0);
std::size_t parse_choice(const std::string& place, const std::string& text, const std::vector<std::string>& names);
std::vector<std::string> parse_list(const Given& given);
/// The last value; more than one raises Error(usage), since it is unclear which was meant.
const std::string& only_value(const Given& given);

/// One option as parser and help see it.
struct Option {
    std::vector<std::string> names;    ///< `--learning-rate` first, then others that mean the same (`--lr`, `-o`)
    std::vector<std::string> negated;  ///< names that set a flag to false
    std::string value;                 ///< what stands for its value in the help; empty for a flag
    std::string help;
    Setter set;
};

/// The command line of one verb.
class Arguments {
public:
    /// `verb` is a name of verb_list; `examples` are whole lines that can be typed as they stand.
    Arguments(std::string verb, std::vector<std::string> examples);

    /// The next positional argument; all are required. Raises at parse() when it is missing.
    void positional(std::string name, std::string& value);
    /// Options declared from now on stand under this heading in the help.
    void group(std::string title);
    /// An option with a value: names separated by commas, the main one first.
    void option(std::string_view names, std::string value, std::string help, Setter set);
    /// A flag; a name behind `!` sets it to false.
    void flag(std::string_view names, std::string help, Setter set);
    /// Lines to be printed after the options.
    void notes(std::string text);

    /// Reads the words after the verb and, for --config, the file it names (options win over the file), and calls the
    /// setters. False when help was asked for instead. Raises Error(usage).
    [[nodiscard]] bool parse(std::vector<std::string> words);
    [[nodiscard]] std::string help() const;

private:
    struct Positional {
        std::string name;
        std::string* value;
    };
    struct Group {
        std::string title;
        std::size_t first_option;
    };
    [[nodiscard]] std::string usage() const;
    [[nodiscard]] std::vector<std::string> known_names() const;
    [[nodiscard]] const Option* find(std::string_view name) const;
    void take_positionals(const std::vector<std::string>& rest);
    void take_config(const std::string& path, std::vector<std::optional<Given>>& given) const;

    std::string verb_;
    std::vector<std::string> examples_;
    std::vector<Positional> positionals_;
    std::vector<Option> options_;
    std::vector<Group> groups_;
    std::string notes_;
};

}  // namespace handgrad::cli
