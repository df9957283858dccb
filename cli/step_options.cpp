// An optimizer from options, over the one that a model's file records.
#include "cli/step_options.hpp"

#include <algorithm>
#include <utility>

#include "cli/setting_options.hpp"

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
    OptimizerOptions& o = step.optimizer;
    if (given.has(settings::optimizer) && given.values.kind != o.kind) {  // what belonged to the other one goes
        o = {.kind = given.values.kind, .learning_rate = o.learning_rate};
    }
    SettingValues values = setting_values(given.values);
    std::erase_if(values,
                  [&](const auto& named) { return std::ranges::find(given.given, named.first) == given.given.end(); });
    values.erase(std::string(settings::weight_decay.name));
    apply_settings(o, values, "options");
    if (given.has(settings::weight_decay)) {
        double& decay = o.kind == OptimizerKind::adamw ? o.weight_decay : step.penalty;
        decay = given.values.weight_decay;
    }
    return step;
}

}  // namespace handgrad::cli
