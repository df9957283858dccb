// An optimizer from options, over the one that a model's file records.
#include "cli/step_options.hpp"

#include <algorithm>
#include <utility>

#include "cli/setting_options.hpp"
#include "handgrad/explain/explanation.hpp"

namespace handgrad::cli {

bool StepGiven::has(const Setting& setting) const { return std::ranges::find(given, setting.name) != given.end(); }

void declare_step(Arguments& arguments, StepGiven& given, std::string heading) {
    arguments.group(std::move(heading));
    for_each_setting(given.values, [&](const Setting& setting, auto& field) {
        declare_setting(arguments, setting, choice_names(field), "", false,
                        [&given, &setting, set = into_setting(setting, field)](const Given& text) {
                            given.given.emplace_back(setting.name);
                            set(text);
                        });
    });
}

explain::StepOptions overruled(explain::StepOptions step, const StepGiven& given) {
    SettingValues values = setting_values(given.values);
    std::erase_if(values,
                  [&](const auto& named) { return std::ranges::find(given.given, named.first) == given.given.end(); });
    return explain::overruled(std::move(step), std::move(values), "options");
}

}  // namespace handgrad::cli
