// CLI11 takes the words apart and no more: it would read numbers by the locale and `010` as 8, take a bad line of a
// configuration file for something else, and print examples last.
#include "cli/words.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstddef>
#include <string_view>

namespace handgrad::cli {
namespace {

/// An option that takes one value each time it is used; by itself CLI11 would swallow the words behind it as well, or
/// take `[a,b]` for a list.
CLI::Option* add_option(CLI::App& app, const std::string& names) {
    return app.add_option(names)->expected(1)->allow_extra_args(false)->multi_option_policy(
        CLI::MultiOptionPolicy::TakeAll);
}

CLI::Option* add_flag(CLI::App& app, const Option& option) {
    std::string names = fmt::format("{}", fmt::join(option.names, ","));
    for (const std::string& negated : option.negated) {
        names += ",!" + negated;
    }
    return app.add_flag(names)->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
}

/// `--missing=` means an empty text, but CLI11 would take the next word: write it as two words.
void split_empty_values(std::vector<std::string>& words) {
    for (std::size_t i = 0; i < words.size() && words[i] != "--"; ++i) {
        if (words[i].starts_with("--") && words[i].find('=') == words[i].size() - 1) {
            words[i].pop_back();
            words.insert(words.begin() + static_cast<std::ptrdiff_t>(i) + 1, "");
            ++i;
        }
    }
}

}  // namespace

Words take_apart(std::vector<std::string> words, const std::vector<Option>& options) {
    CLI::App app;
    app.set_help_flag();  // ours, so that examples come first
    app.allow_extras();
    CLI::Option* help = app.add_flag("-h,--help");
    CLI::Option* config = add_option(app, "--config");
    std::vector<CLI::Option*> declared;
    declared.reserve(options.size());
    for (const Option& option : options) {
        declared.push_back(option.value.empty() ? add_flag(app, option)
                                                : add_option(app, fmt::format("{}", fmt::join(option.names, ","))));
    }

    split_empty_values(words);
    std::reverse(words.begin(), words.end());  // as CLI11 wants them
    try {
        app.parse(words);
    } catch (const CLI::ArgumentMismatch& error) {
        const std::string_view message = error.what();  // `--epochs: 1 required INT missing`
        usage_error(fmt::format("{}: a value is missing", message.substr(0, message.find(':'))));
    } catch (const CLI::ParseError& error) {
        usage_error(error.what());
    }

    Words found{.help = help->count() > 0, .config = config->results(), .options = {}, .rest = app.remaining()};
    found.options.reserve(declared.size());
    for (const CLI::Option* option : declared) {
        found.options.push_back(option->results());
    }
    return found;
}

}  // namespace handgrad::cli
