// Declares the options of a verb once; from that one table come parsing, the configuration file and the help.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cli/values.hpp"

namespace handgrad::cli {

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

    /// The next positional argument. Raises at parse() when it is missing.
    void positional(std::string name, std::string& value);
    /// The next one, which may be left out; so may all that follow. The value stays empty then.
    void optional_positional(std::string name, std::string& value);
    /// Options declared from now on stand under this heading in the help.
    void group(std::string title);
    /// An option with a value: names separated by commas, the main one first.
    void option(std::string_view names, std::string value, std::string help, Setter set);
    /// A flag; a name behind `!` sets it to false.
    void flag(std::string_view names, std::string help, Setter set);
    /// Lines to be printed after the options.
    void notes(std::string text);
    /// What was said another time, by name of option or positional, as told() gives it: asked for with the value of
    /// `option` when that is given, and put in where the words and the configuration file say nothing.
    using Told = std::map<std::string, std::vector<std::string>>;
    void recall(std::string option, std::function<Told(const std::string&)> ask);
    /// The same without being asked, in place of the option.
    void recall(Told told);

    /// Reads the words after the verb and, for --config, the file it names (options win over the file), and calls the
    /// setters. False when help was asked for instead. Raises Error(usage).
    [[nodiscard]] bool parse(std::vector<std::string> words);
    [[nodiscard]] std::string help() const;
    /// After parse() a line that can be typed in a shell and means the same, whatever came from a configuration file;
    /// without the options `except`.
    [[nodiscard]] std::string command(const std::vector<std::string>& except) const;
    /// After parse() what was said, by the words, the file or another time; without the options `except`.
    [[nodiscard]] Told told(const std::vector<std::string>& except) const;

private:
    struct Positional {
        std::string name;
        std::string* value;
        bool optional;
    };
    struct Group {
        std::string title;
        std::size_t first_option;
    };
    [[nodiscard]] std::string usage() const;
    [[nodiscard]] std::vector<std::string> known_names() const;
    [[nodiscard]] const Option* find(std::string_view name) const;
    const Option* find_native(const std::string& place, std::vector<std::string>& values, std::string& name) const;
    void refuse_swallowed_options(const Given& given) const;
    void take_positionals(const std::vector<std::string>& rest, const Told& said_before);
    [[nodiscard]] Told said_before(const std::vector<std::vector<std::string>>& options) const;
    void take_config(const std::string& path);
    static std::vector<std::string> words_for(const Given& given);

    std::string verb_;
    std::vector<std::string> examples_;
    std::vector<Positional> positionals_;
    std::vector<Option> options_;
    std::vector<Group> groups_;
    std::vector<std::optional<Given>> given_;  ///< by parse(), for each option
    /// The options of recall(), and whom they ask.
    std::vector<std::pair<std::string, std::function<Told(const std::string&)>>> recalls_;
    std::string notes_;
};

/// Of the verb that was parsed last: the names of its options, and the configuration file that it read; none before.
const std::vector<std::string>& declared_options();
const std::string& configuration_file();

/// As a shell takes it for one word.
std::string shell_word(const std::string& word);

}  // namespace handgrad::cli
