// From a setting's description to an option.
#include "cli/setting_options.hpp"
#include "cli/wording.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <utility>

namespace handgrad::cli {
namespace {

/// `a, b or c`.
std::string alternatives(const std::vector<std::string>& names) {
    std::string text;
    for (std::size_t i = 0; i < names.size(); ++i) {
        if (i > 0) {
            text += i + 1 == names.size() ? " or " : ", ";
        }
        text += names[i];
    }
    return text;
}

}  // namespace

std::string option_of(std::string_view setting) {
    std::string name = "--" + std::string(setting);
    std::ranges::replace(name, '_', '-');
    return name;
}

std::string words_of(const SettingHint& hint) {
    std::string name = option_of(hint.name);
    if (hint.value == "false") {
        return "--no-" + name.substr(2);
    }
    if (hint.value.empty() || hint.value == "true") {
        return name;
    }
    if (hint.value == ",") {
        return name + " ','";  // in a list divided by commas
    }
    return name + " " + hint.value;
}

std::string said_here(std::span<const SettingHint> settings) {
    std::string list;
    for (const SettingHint& hint : settings) {
        add_item(list, ", ", words_of(hint));
    }
    return when(!list.empty(), " (" + list + ")");
}

std::string said_to(std::span<const SettingHint> settings, std::span<const std::string> options) {
    std::string here, in_training;
    for (const SettingHint& hint : settings) {
        const std::string words = words_of(hint);
        const bool known =
            options.empty() || std::ranges::find(options, words.substr(0, words.find(' '))) != options.end();
        add_item(known ? here : in_training, ", ", words);
    }
    if (in_training.empty()) {
        return said_here(settings);
    }
    add_item(here, "; ", "when training: " + in_training);
    return " (" + here + ")";
}

Setter into_setting(const Setting& /*setting*/, bool& field) { return into(field); }
Setter into_setting(const Setting& /*setting*/, std::optional<bool>& field) { return into(field); }
Setter into_setting(const Setting& setting, double& field) { return into(field, setting.range); }
Setter into_setting(const Setting& setting, std::size_t& field) {
    return into(field, static_cast<std::size_t>(setting.range.lowest));
}
Setter into_setting(const Setting& setting, std::optional<std::size_t>& field) {
    return [&field, &setting](const Given& given) { into_setting(setting, field.emplace())(given); };
}
Setter into_setting(const Setting& /*setting*/, std::string& field) { return into(field); }
Setter into_setting(const Setting& /*setting*/, std::optional<std::filesystem::path>& field) {
    return [&field](const Given& given) { field = only_value(given); };
}
Setter into_setting(const Setting& /*setting*/, std::vector<std::string>& field) { return into(field); }
/// Widths; the word none for no layer.
Setter into_setting(const Setting& /*setting*/, std::vector<std::size_t>& field) {
    return [&field](const Given& given) {
        const std::vector<std::string> list = parse_layers(given);
        const bool none = list.empty() || (list.size() == 1 && list.front() == "none");
        if (none) {
            field.clear();
        } else {
            field = parse_widths(given);
        }
    };
}
Setter into_setting(const Setting& /*setting*/, std::vector<Activation>& field) {
    return [&field](const Given& given) { field = parse_activations(given); };
}
Setter into_setting(const Setting& /*setting*/, Conventions& field) {
    return into_choice(names_of(convention_presets), [&field](std::size_t i) { field = convention_presets[i]; });
}
Setter into_setting(const Setting& /*setting*/, const settings::Precision<bool>& field) {
    return into_choice({std::begin(settings::precision_names), std::end(settings::precision_names)},
                       [&flag = field.in_double](std::size_t i) { flag = i == 1; });
}

std::vector<std::string> choice_names(const Conventions& /*field*/) { return names_of(convention_presets); }
std::vector<std::string> choice_names(const settings::Precision<bool>& /*field*/) {
    return {std::begin(settings::precision_names), std::end(settings::precision_names)};
}

void declare_setting(Arguments& arguments, const Setting& setting, const std::vector<std::string>& choices,
                     const std::string& otherwise, bool negatable, Setter set) {
    const std::string main_name = option_of(setting.name);
    std::string names = main_name;
    for (std::string_view rest = setting.other_names; !rest.empty();) {
        const std::size_t comma = std::min(rest.find(','), rest.size());
        names += "," + option_of(rest.substr(0, comma));
        rest.remove_prefix(std::min(comma + 1, rest.size()));
    }
    std::string help(setting.help);
    if (const std::size_t at = help.find("{}"); at != std::string::npos) {
        help.replace(at, 2, alternatives(choices));
    }
    help += when(!otherwise.empty(), " (" + otherwise + ")");
    if (!setting.value.empty()) {
        arguments.option(names, std::string(setting.value), std::move(help), std::move(set));
        return;
    }
    names += when(negatable, ",!--no-" + main_name.substr(2));
    arguments.flag(names, std::move(help), std::move(set));
}

}  // namespace handgrad::cli
