// Settings of the library as options: names, help, ranges and defaults come from its one table (train/settings.hpp).
#pragma once

#include <span>
#include <string>
#include <type_traits>

#include "cli/arguments.hpp"
#include "cli/network_options.hpp"
#include "handgrad/base/error.hpp"
#include "handgrad/train/settings.hpp"

namespace handgrad::cli {

/// `learning_rate` is said `--learning-rate`.
std::string option_of(std::string_view setting);
/// `--scale none`, `--drop`, `--no-header`.
std::string words_of(const SettingHint& hint);
/// ` (--impute mean, --drop)` behind a message of the library that is about these settings; empty for none.
std::string said_here(std::span<const SettingHint> settings);
/// The same when a verb with these options speaks; what is said to train alone is marked so:
/// ` (--drop; when training: --impute mean)`.
std::string said_to(std::span<const SettingHint> settings, std::span<const std::string> options);

/// What fills the field of a setting from an option.
template <class E>
requires std::is_enum_v<E> Setter into_setting(const Setting& /*setting*/, E& field) {
    std::vector<std::string> names;
    for (const auto& named : settings::choices<E>()) {
        names.push_back(named.first);
    }
    return into_choice(std::move(names), [&field](std::size_t i) { field = settings::choices<E>()[i].second; });
}
template <class E>
requires std::is_enum_v<E> Setter into_setting(const Setting& setting, std::optional<E>& field) {
    return [&field, &setting](const Given& given) { into_setting(setting, field.emplace())(given); };
}
Setter into_setting(const Setting& setting, bool& field);
Setter into_setting(const Setting& setting, std::optional<bool>& field);
Setter into_setting(const Setting& setting, double& field);
Setter into_setting(const Setting& setting, std::size_t& field);
Setter into_setting(const Setting& setting, std::optional<std::size_t>& field);
Setter into_setting(const Setting& setting, std::string& field);
Setter into_setting(const Setting& setting, std::optional<std::filesystem::path>& field);
Setter into_setting(const Setting& setting, std::vector<std::string>& field);
Setter into_setting(const Setting& setting, std::vector<std::size_t>& field);
Setter into_setting(const Setting& setting, std::vector<Activation>& field);
Setter into_setting(const Setting& setting, Conventions& field);
Setter into_setting(const Setting& setting, const settings::Precision<bool>& field);

/// The names of a choice, for the `{}` of a setting's help.
template <class F>
std::vector<std::string> choice_names(const F& /*field*/) {
    std::vector<std::string> names;
    if constexpr (std::is_enum_v<F>) {
        for (const auto& named : settings::choices<F>()) {
            names.push_back(named.first);
        }
    }
    return names;
}
template <class F>
std::vector<std::string> choice_names(const std::optional<F>& /*field*/) {
    return choice_names(F{});
}
std::vector<std::string> choice_names(const Conventions& field);
std::vector<std::string> choice_names(const settings::Precision<bool>& field);

/// Declares the option of a setting. `choices` and `otherwise` (what holds when it is not given; empty to leave it
/// unsaid) complete its help.
void declare_setting(Arguments& arguments, const Setting& setting, const std::vector<std::string>& choices,
                     const std::string& otherwise, bool negatable, Setter set);

}  // namespace handgrad::cli
