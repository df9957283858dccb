// CLI11 takes the words apart; numbers, lists, the configuration file and the help are ours, since CLI11 reads numbers
// by the locale, `010` as 8, a bad configuration line as something else, and prints examples last.
#include "cli/arguments.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <cmath>
#include <utility>

#include "cli/config_file.hpp"
#include "cli/text.hpp"
#include "cli/verbs.hpp"
#include "handgrad/base/atomic_file.hpp"
#include "handgrad/base/error.hpp"
#include "handgrad/base/suggest.hpp"
#include "handgrad/data/table.hpp"

namespace handgrad::cli {
namespace {

[[noreturn]] void usage_error(const std::string& message) { throw Error(ErrorKind::usage, message); }

std::vector<std::string> split_names(std::string_view names) {
    std::vector<std::string> result;
    for (std::size_t at = 0; at <= names.size();) {
        const std::size_t comma = std::min(names.find(',', at), names.size());
        result.emplace_back(names.substr(at, comma - at));
        at = comma + 1;
    }
    return result;
}

bool parse_flag(const Given& given) {
    const std::string& text = given.values.back();  // the last one wins, as in --shuffle --no-shuffle
    if (text != "true" && text != "false") {
        usage_error(fmt::format("{}: '{}' is neither true nor false", given.place, text));
    }
    return text == "true";
}

std::string describe(Range range) {
    const std::string low = format_number(range.lowest), high = format_number(range.highest);
    if (std::isinf(range.highest)) {
        return range.without_lowest ? "above " + low : low + " or more";
    }
    return fmt::format("from {}{} to {}{}", low, range.without_lowest ? " (not itself)" : "", high,
                       range.without_highest ? " (not itself)" : "");
}

/// `learning_rate` and `learning-rate` are the same key.
std::string option_name(std::string key) {
    std::replace(key.begin(), key.end(), '_', '-');
    return "--" + key;
}

}  // namespace

double parse_real(const std::string& place, const std::string& text, Range range) {
    const ParsedNumber number = parse_number(text);
    if (number.problem == NumberProblem::out_of_range) {
        usage_error(fmt::format("{}: {} is too large for a number", place, text));
    }
    if (number.problem == NumberProblem::not_a_number) {
        usage_error(fmt::format("{}: '{}' is not a number", place, text));
    }
    const double x = number.value;
    const bool low = range.without_lowest ? x <= range.lowest : x < range.lowest;
    const bool high = range.without_highest ? x >= range.highest : x > range.highest;
    if (low || high) {
        usage_error(fmt::format("{}: {} is out of range; it must be {}", place, text, describe(range)));
    }
    return x;
}

std::size_t parse_count(const std::string& place, const std::string& text, std::size_t lowest) {
    std::size_t count = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
    if (error == std::errc::result_out_of_range) {
        usage_error(fmt::format("{}: {} is too large for a number", place, text));
    }
    if (error != std::errc{} || end != text.data() + text.size() || count < lowest) {
        usage_error(fmt::format("{}: '{}' is not a whole number from {} on", place, text, lowest));
    }
    return count;
}

std::size_t parse_choice(const std::string& place, const std::string& text, const std::vector<std::string>& names) {
    const auto found = std::find(names.begin(), names.end(), text);
    if (found == names.end()) {
        usage_error(fmt::format("{}: unknown '{}'{}; choose from: {}", place, text, did_you_mean(text, names),
                                fmt::join(names, ", ")));
    }
    return static_cast<std::size_t>(found - names.begin());
}

std::vector<std::string> parse_list(const Given& given) {
    if (given.separate) {
        return given.values;
    }
    std::vector<std::string> result;
    for (const std::string& text : given.values) {
        std::string element;
        bool quoted = false;
        for (std::size_t i = 0; i < text.size(); ++i) {
            if (text[i] == '"' && quoted && i + 1 < text.size() && text[i + 1] == '"') {
                element += text[++i];  // "" inside quotes is one quote
            } else if (text[i] == '"' && (quoted || element.empty())) {
                quoted = !quoted;
            } else if (text[i] == ',' && !quoted) {
                result.push_back(std::exchange(element, {}));
            } else {
                element += text[i];
            }
        }
        if (quoted) {
            usage_error(fmt::format("{}: '{}' has an opening \" without a closing one", given.place, text));
        }
        result.push_back(element);
    }
    return result;
}

const std::string& only_value(const Given& given) {
    if (given.values.size() != 1) {
        usage_error(fmt::format("{}: one value is needed, but {} are given ({})", given.place, given.values.size(),
                                fmt::join(given.values, ", ")));
    }
    return given.values.front();
}

Setter into(std::string& value) {
    return [&value](const Given& given) { value = only_value(given); };
}
Setter into(double& value, Range range) {
    return [&value, range](const Given& given) { value = parse_real(given.place, only_value(given), range); };
}
Setter into(std::optional<double>& value, Range range) {
    return [&value, range](const Given& given) { value = parse_real(given.place, only_value(given), range); };
}
Setter into(std::size_t& value, std::size_t lowest) {
    return [&value, lowest](const Given& given) { value = parse_count(given.place, only_value(given), lowest); };
}
Setter into_seed(std::uint64_t& value) {
    static_assert(sizeof(std::size_t) == sizeof(std::uint64_t));
    return [&value](const Given& given) { value = parse_count(given.place, only_value(given)); };
}
Setter into(bool& flag) {
    return [&flag](const Given& given) { flag = parse_flag(given); };
}
Setter into(std::optional<bool>& flag) {
    return [&flag](const Given& given) { flag = parse_flag(given); };
}
Setter into(std::vector<std::string>& list) {
    return [&list](const Given& given) { list = parse_list(given); };
}
Setter into_choice(std::vector<std::string> names, std::function<void(std::size_t)> take) {
    return [names = std::move(names), take = std::move(take)](const Given& given) {
        take(parse_choice(given.place, only_value(given), names));
    };
}

Arguments::Arguments(std::string verb, std::vector<std::string> examples)
    : verb_(std::move(verb)), examples_(std::move(examples)) {}

void Arguments::positional(std::string name, std::string& value) { positionals_.push_back({std::move(name), &value}); }

void Arguments::group(std::string title) { groups_.push_back({std::move(title), options_.size()}); }

void Arguments::option(std::string_view names, std::string value, std::string help, Setter set) {
    options_.push_back({split_names(names), {}, std::move(value), std::move(help), std::move(set)});
}

void Arguments::flag(std::string_view names, std::string help, Setter set) {
    Option result{{}, {}, "", std::move(help), std::move(set)};
    for (const std::string& name : split_names(names)) {
        (name.starts_with('!') ? result.negated : result.names).push_back(name.substr(name.starts_with('!') ? 1 : 0));
    }
    options_.push_back(std::move(result));
}

void Arguments::notes(std::string text) { notes_ = std::move(text); }

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
    CLI::App app;
    app.set_help_flag();  // ours, so that examples come first
    app.allow_extras();   // positionals and unknown options come back as remaining()
    CLI::Option* help_flag = app.add_flag("-h,--help");
    const auto add = [&](const std::string& names) {
        // One value each time it is used; without this CLI11 would swallow the words behind it, or split `[a,b]`.
        return app.add_option(names)->expected(1)->allow_extra_args(false)->multi_option_policy(
            CLI::MultiOptionPolicy::TakeAll);
    };
    CLI::Option* config = add("--config");
    std::vector<CLI::Option*> declared;
    for (const Option& option : options_) {
        const std::string names = fmt::format("{}", fmt::join(option.names, ","));
        if (option.value.empty()) {
            const std::string negated =
                option.negated.empty() ? "" : fmt::format(",!{}", fmt::join(option.negated, ",!"));
            declared.push_back(app.add_flag(names + negated)->multi_option_policy(CLI::MultiOptionPolicy::TakeAll));
        } else {
            declared.push_back(add(names));
        }
    }

    // `--missing=` means an empty text; CLI11 would take the next word instead.
    for (std::size_t i = 0; i < words.size() && words[i] != "--"; ++i) {
        if (words[i].starts_with("--") && words[i].find('=') == words[i].size() - 1) {
            words[i].pop_back();
            words.insert(words.begin() + static_cast<std::ptrdiff_t>(i) + 1, "");
            ++i;
        }
    }
    std::reverse(words.begin(), words.end());  // as CLI11 wants them
    try {
        app.parse(words);
    } catch (const CLI::ArgumentMismatch& error) {
        usage_error(std::string(error.what()).substr(0, std::string_view(error.what()).find(':')) +
                    ": a value is missing");
    } catch (const CLI::ParseError& error) {
        usage_error(error.what());
    }
    if (help_flag->count() > 0) {
        return false;
    }

    std::vector<std::optional<Given>> given(options_.size());
    if (config->count() > 0) {
        take_config(only_value({"--config", config->results()}), given);
    }
    for (std::size_t i = 0; i < options_.size(); ++i) {
        if (declared[i]->count() > 0) {
            given[i] = Given{options_[i].names.front(), declared[i]->results()};
            for (const std::string& value : given[i]->values) {
                if (!options_[i].value.empty() && value.starts_with("--") && find(value) != nullptr) {
                    usage_error(fmt::format("{}: a value is missing before {}", given[i]->place, value));
                }
            }
        }
    }
    take_positionals(app.remaining());
    for (std::size_t i = 0; i < options_.size(); ++i) {
        if (given[i]) {
            options_[i].set(*given[i]);
        }
    }
    return true;
}

void Arguments::take_positionals(const std::vector<std::string>& rest) {
    std::vector<std::string> words;
    bool only_positionals = false;
    for (const std::string& word : rest) {
        if (!only_positionals && word == "--") {
            only_positionals = true;
        } else if (!only_positionals && word.size() > 1 && word.starts_with('-')) {
            const std::string name = word.substr(0, word.find('='));
            usage_error(fmt::format("unknown option '{}'{}", name, did_you_mean(name, known_names())));
        } else {
            words.push_back(word);
        }
    }
    for (std::size_t i = 0; i < positionals_.size(); ++i) {
        if (i >= words.size() || words[i].empty()) {
            usage_error(fmt::format("{} is missing; usage: {}", positionals_[i].name, usage()));
        }
        *positionals_[i].value = words[i];
    }
    if (words.size() > positionals_.size()) {
        usage_error(fmt::format("unexpected '{}'; usage: {}", words[positionals_.size()], usage()));
    }
}

void Arguments::take_config(const std::string& path, std::vector<std::optional<Given>>& given) const {
    std::string text;
    try {
        text = read_file(path);
    } catch (const Error& error) {
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
        const std::string name = option_name(entry.key);
        const Option* option = find(name);
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
        Given value{place, entry.values, entry.array};
        if (std::find(option->negated.begin(), option->negated.end(), name) != option->negated.end()) {
            value.values = {parse_flag(value) ? "false" : "true"};
        }
        std::optional<Given>& slot = given[static_cast<std::size_t>(option - options_.data())];
        if (slot) {
            usage_error(fmt::format("{}: already given at {}", place, slot->place));
        }
        slot = std::move(value);
    }
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
            left += option.value.empty() ? "" : " " + option.value;
            text += two_columns(left, option.help);
        }
    }
    text += "\nHelp and configuration\n";
    text += two_columns("--config FILE",
                        "more options from a TOML or INI file, under the same names (learning-rate = "
                        "0.01), at its top or in a section [" +
                            verb_ + "]; the command line wins");
    text += two_columns("--help, -h", "this text");
    return notes_.empty() ? text : text + "\n" + notes_;
}

}  // namespace handgrad::cli
