// The order of things: words taken apart, the configuration file read, what the words say put over it, values set.
#include "cli/arguments.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <utility>

#include "cli/config_file.hpp"
#include "cli/foreign_names.hpp"
#include "cli/text.hpp"
#include "cli/verbs.hpp"
#include "cli/wording.hpp"
#include "cli/words.hpp"
#include "handgrad/base/atomic_file.hpp"
#include "handgrad/base/error.hpp"
#include "handgrad/base/limits.hpp"
#include "handgrad/base/suggest.hpp"
#include "handgrad/train/trainer.hpp"

namespace handgrad::cli {
namespace {

std::vector<std::string> split_names(std::string_view names) {
    std::vector<std::string> result;
    for (std::size_t at = 0; at <= names.size();) {
        const std::size_t comma = std::min(names.find(',', at), names.size());
        result.emplace_back(names.substr(at, comma - at));
        at = comma + 1;
    }
    return result;
}

constexpr std::string_view standard_input = "/dev/stdin", standard_output = "/dev/stdout";

/// What `-` stands for as the value of an option: a file to write, a file to read, else itself.
std::string_view standard_stream(const Option& option) {
    const std::string& name = option.names.front();
    if (option.value == "OUT") {
        return "";  // where it goes anyway
    }
    if (name == "--output" || name == "--report") {
        return standard_output;
    }
    return option.value.find("FILE") == std::string::npos ? "-" : standard_input;
}

/// What is known of the verb that was parsed last.
struct LastParsed {
    std::vector<std::string> names;
    std::string config;
};
LastParsed& last_parsed() {
    static LastParsed last;
    return last;
}

/// `learning_rate` and `learning-rate` are the same key.
std::string option_name(std::string key) {
    std::replace(key.begin(), key.end(), '_', '-');
    return "--" + key;
}

}  // namespace

const std::vector<std::string>& declared_options() { return last_parsed().names; }
const std::string& configuration_file() { return last_parsed().config; }

std::string shell_word(const std::string& word) {
    constexpr std::string_view plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_@%+=:,./-";
    if (!word.empty() && word.find_first_not_of(plain) == std::string::npos) {
        return word;
    }
    std::string quoted = "'";
    for (const char c : word) {
        quoted += c == '\'' ? "'\\''" : std::string(1, c);
    }
    return quoted + "'";
}

Arguments::Arguments(std::string verb, std::vector<std::string> examples)
    : verb_(std::move(verb)), examples_(std::move(examples)) {}

void Arguments::positional(std::string name, std::string& value) {
    positionals_.push_back({std::move(name), &value, false});
}
void Arguments::optional_positional(std::string name, std::string& value) {
    positionals_.push_back({std::move(name), &value, true});
}

void Arguments::group(std::string title) { groups_.push_back({std::move(title), options_.size()}); }

void Arguments::option(std::string_view names, std::string value, std::string help, Setter set) {
    options_.push_back({split_names(names), {}, std::move(value), std::move(help), std::move(set)});
}

void Arguments::flag(std::string_view names, std::string help, Setter set) {
    Option result{{}, {}, "", std::move(help), std::move(set)};
    for (const std::string& name : split_names(names)) {
        if (name.starts_with('!')) {
            result.negated.push_back(name.substr(1));
        } else {
            result.names.push_back(name);
        }
    }
    options_.push_back(std::move(result));
}

void Arguments::notes(std::string text) { notes_ = std::move(text); }

void Arguments::recall(std::string option, std::function<Told(const std::string&)> ask) {
    recalls_.emplace_back(std::move(option), std::move(ask));
}

std::vector<std::string> Arguments::known_names() const {
    std::vector<std::string> names{"--help", "--config"};
    for (const Option& option : options_) {
        names.insert(names.end(), option.names.begin(), option.names.end());
        names.insert(names.end(), option.negated.begin(), option.negated.end());
    }
    return names;
}

const Option* Arguments::find(std::string_view name) const {
    for (const Option& option : options_) {
        for (const auto& names : {option.names, option.negated}) {
            if (std::find(names.begin(), names.end(), name) != names.end()) {
                return &option;
            }
        }
    }
    return nullptr;
}

bool Arguments::parse(std::vector<std::string> words) {
    last_parsed() = {.names = known_names(), .config = {}};
    const Words found = take_apart(with_native_options(std::move(words), known_names()), options_);
    if (found.help) {
        return false;
    }
    given_.assign(options_.size(), std::nullopt);
    if (!found.config.empty()) {
        take_config(only_value({"--config", found.config}));
    }
    for (std::size_t i = 0; i < options_.size(); ++i) {
        if (!found.options[i].empty()) {
            given_[i] = Given{options_[i].names.front(), found.options[i]};
            std::ranges::replace(given_[i]->values, std::string("-"), std::string(standard_stream(options_[i])));
            refuse_swallowed_options(*given_[i]);
        }
    }
    const Told before = said_before(found.options);
    for (std::size_t i = 0; i < options_.size(); ++i) {
        const auto value = before.find(options_[i].names.front());
        if (!given_[i] && value != before.end()) {
            given_[i] = Given{value->first + " (as said before)", value->second};
        }
    }
    take_positionals(found.rest, before);
    for (std::size_t i = 0; i < options_.size(); ++i) {
        if (given_[i]) {
            options_[i].set(*given_[i]);
        }
    }
    return true;
}

void Arguments::recall(Told told) {
    recalls_.emplace(recalls_.begin(), "", [told = std::move(told)](const std::string& /*no value*/) { return told; });
}

Arguments::Told Arguments::said_before(const std::vector<std::vector<std::string>>& options) const {
    Told all;
    for (const auto& [option, ask] : recalls_) {
        const auto of_this_name = [&name = option](const Option& one) { return one.names.front() == name; };
        const auto found = std::ranges::find_if(options_, of_this_name);
        const auto place = static_cast<std::size_t>(found - options_.begin());
        const auto recalled = all.find(option);
        if (option.empty()) {
            all.merge(ask({}));
        } else if (found != options_.end() && (given_[place] || !options[place].empty())) {
            all.merge(ask(only_value(*given_[place])));
        } else if (recalled != all.end()) {  // what was said then asks in its turn
            all.merge(ask(recalled->second.front()));
        }
    }
    return all;
}

/// In `--output --target y` somebody forgot a value.
void Arguments::refuse_swallowed_options(const Given& given) const {
    const std::vector<std::string> known = known_names();
    for (const std::string& value : given.values) {
        if (value.starts_with("--") && std::ranges::find(known, value) != known.end()) {
            usage_error(fmt::format("{}: a value is missing before {}", given.place, value));
        }
    }
}

void Arguments::take_positionals(const std::vector<std::string>& rest, const Told& said_before) {
    std::vector<std::string> words;
    bool only_positionals = false;
    for (const std::string& word : rest) {
        if (!only_positionals && word == "--") {
            only_positionals = true;
        } else if (!only_positionals && word.size() > 1 && word.starts_with('-')) {
            const std::string name = word.substr(0, word.find('='));
            const bool long_name = name.starts_with("--");  // between single letters everything is near
            usage_error(fmt::format("unknown option '{}'{}", name, when(long_name, did_you_mean(name, known_names()))));
        } else {
            words.push_back(word);
        }
    }
    for (std::size_t i = words.size(); i < positionals_.size(); ++i) {
        if (const auto value = said_before.find(positionals_[i].name); value != said_before.end()) {
            words.push_back(value->second.front());
        }
    }
    for (std::size_t i = 0; i < positionals_.size(); ++i) {
        if (i >= words.size() && positionals_[i].optional) {
            break;
        }
        if (i >= words.size() || words[i].empty()) {
            usage_error(fmt::format("{} is missing; usage: {}", positionals_[i].name, usage()));
        }
        *positionals_[i].value = words[i];
        if (words[i] == "-") {
            *positionals_[i].value = standard_input;
        }
    }
    if (words.size() > positionals_.size()) {
        usage_error(fmt::format("unexpected '{}'; usage: {}", words[positionals_.size()], usage()));
    }
}

/// The option that a key of another program means, with its name and values as they are written here; or null.
const Option* Arguments::find_native(const std::string& place, std::vector<std::string>& values,
                                     std::string& name) const {
    std::string value;
    if (values.size() == 1) {
        value = values.front();
    }
    const std::optional<NativeOption> native =
        native_option(place, name, value, static_cast<double>(TrainOptions{}.batch));
    if (!native || native->name.empty()) {
        return nullptr;
    }
    name = native->name;
    if (values.size() == 1 && native->value) {
        values = {*native->value};
    }
    return find(name);
}

void Arguments::take_config(const std::string& path) {
    last_parsed().config = path;
    std::string text;
    try {
        text = read_file(path, {}, limits::config_bytes);
    } catch (const Error& error) {
        if (std::filesystem::is_regular_file(path)) {
            throw;  // nothing is wrong with what was typed
        }
        usage_error(fmt::format("--config: {}", error.what()));
    }
    const Config config = parse_config(text, path);
    for (const ConfigSection& section : config.sections) {
        parse_choice(fmt::format("{}:{}: section", path, section.line), section.name, verb_names());
    }
    for (const ConfigEntry& entry : config.entries) {
        if (!entry.section.empty() && entry.section != verb_) {
            continue;
        }
        const std::string place = fmt::format("{}:{}: {}", path, entry.line, entry.key);
        std::string name = option_name(entry.key);
        std::vector<std::string> values = entry.values;
        const Option* option = find(name);
        if (option == nullptr) {
            option = find_native(place, values, name);
        }
        if (option == nullptr) {
            std::vector<std::string> keys;
            for (const std::string& known : known_names()) {
                if (known.starts_with("--") && known != "--help" && known != "--config") {
                    keys.push_back(known.substr(2));
                }
            }
            usage_error(fmt::format("{}:{}: unknown key '{}'{}", path, entry.line, entry.key,
                                    did_you_mean(name.substr(2), keys)));
        }
        Given value{place, values, entry.array};
        if (std::find(option->negated.begin(), option->negated.end(), name) != option->negated.end()) {
            bool negated = false;
            into(negated)(value);
            value.values = {negated ? "false" : "true"};
        }
        std::optional<Given>& slot = given_[static_cast<std::size_t>(option - options_.data())];
        if (slot) {
            usage_error(fmt::format("{}: already given at {}", place, slot->place));
        }
        slot = std::move(value);
    }
}

/// The values of an option as they are said on a command line.
std::vector<std::string> Arguments::words_for(const Given& given) {
    if (!given.separate) {
        return given.values;
    }
    std::string list;  // the elements of an array as one list
    for (const std::string& value : given.values) {
        const bool quoted = value.find(',') != std::string::npos;
        add_item(list, ",", when(quoted, "\"") + value + when(quoted, "\""));
    }
    return {list};
}

std::string Arguments::command(const std::vector<std::string>& except) const {
    std::string line = "handgrad " + verb_;
    for (const Positional& positional : positionals_) {
        line += when(!positional.value->empty(), " " + shell_word(*positional.value));
    }
    for (std::size_t i = 0; i < options_.size(); ++i) {
        const Option& option = options_[i];
        if (!given_[i] || std::ranges::find(except, option.names.front()) != except.end()) {
            continue;
        }
        if (option.value.empty()) {
            const bool on = given_[i]->values.back() != "false";
            const std::vector<std::string>& names = on || option.negated.empty() ? option.names : option.negated;
            line += " " + names.front();
            continue;
        }
        for (const std::string& value : words_for(*given_[i])) {
            line += " " + option.names.front() + " " + shell_word(value);
        }
    }
    return line;
}

Arguments::Told Arguments::told(const std::vector<std::string>& except) const {
    Told told;
    for (const Positional& positional : positionals_) {
        if (!positional.value->empty()) {
            told[positional.name] = {*positional.value};
        }
    }
    for (std::size_t i = 0; i < options_.size(); ++i) {
        const std::string& name = options_[i].names.front();
        if (given_[i] && std::ranges::find(except, name) == except.end()) {
            told[name] = words_for(*given_[i]);
        }
    }
    return told;
}

std::string Arguments::usage() const { return fmt::format("handgrad {} {}", verb_, find_verb(verb_)->call); }

std::string Arguments::help() const {
    std::string text = fmt::format("handgrad {}: {}\n\nExamples\n", verb_, find_verb(verb_)->summary);
    for (const std::string& example : examples_) {
        text += "  " + example + "\n";
    }
    text += fmt::format("\nUsage: {} [options]\n", usage());
    for (std::size_t g = 0; g < groups_.size(); ++g) {
        text += fmt::format("\n{}\n", groups_[g].title);
        const std::size_t end = g + 1 < groups_.size() ? groups_[g + 1].first_option : options_.size();
        for (std::size_t i = groups_[g].first_option; i < end; ++i) {
            const Option& option = options_[i];
            std::vector<std::string> names = option.names;
            names.insert(names.end(), option.negated.begin(), option.negated.end());
            std::string left = fmt::format("{}", fmt::join(names, ", "));
            left += when(!option.value.empty(), " " + option.value);
            text += two_columns(left, option.help);
        }
    }
    text += "\nHelp and configuration\n";
    text += two_columns("--config FILE",
                        "more options from a TOML or INI file, under the same names (learning-rate = "
                        "0.01), at its top or in a section [" +
                            verb_ + "]; the command line wins");
    text += two_columns("--help, -h", "this text");
    return text + when(!notes_.empty(), "\n" + notes_);
}

}  // namespace handgrad::cli
