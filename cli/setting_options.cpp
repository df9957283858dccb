// From a setting's name to its option.
#include "cli/setting_options.hpp"

#include <algorithm>

namespace handgrad::cli {

std::string option_of(std::string_view setting) {
    std::string name = "--" + std::string(setting);
    std::ranges::replace(name, '_', '-');
    return name;
}

std::string said_here(std::span<const SettingHint> settings) {
    std::string list;
    for (const SettingHint& hint : settings) {
        list += list.empty() ? "" : ", ";
        if (hint.value == "false") {
            list += "--no-" + option_of(hint.name).substr(2);
        } else if (hint.value.empty() || hint.value == "true") {
            list += option_of(hint.name);
        } else {
            list += option_of(hint.name) + " " + hint.value;
        }
    }
    return list.empty() ? "" : " (" + list + ")";
}

}  // namespace handgrad::cli
