// An optimizer from options, over the one that a model's file records.
#include "cli/step_options.hpp"

#include <algorithm>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "cli/setting_options.hpp"
#include "handgrad/explain/explanation.hpp"

namespace handgrad::cli {

bool StepGiven::has(const Setting& setting) const { return std::ranges::find(given, setting.name) != given.end(); }

void declare_step(Arguments& arguments, StepGiven& given, std::string heading) {
    arguments.group(std::move(heading));
    const std::vector<std::string> of_others = without_meaning(OptimizerKind::adam);
    for_each_setting(given.values, [&]<class F>(const Setting& setting, F& field) {
        if (std::ranges::find(of_others, setting.name) != of_others.end()) {
            return;
        }
        std::vector<std::string> names = choice_names(field);
        Setter set = into_setting(setting, field);
        if constexpr (std::is_same_v<F, OptimizerKind>) {
            std::erase_if(names, [](const std::string& name) { return facts(*find_optimizer(name)).all_rows; });
            set = into_choice(names, [&field, names](std::size_t i) { field = *find_optimizer(names[i]); });
        }
        declare_setting(arguments, setting, names, "", false, [&given, &setting, set](const Given& text) {
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
