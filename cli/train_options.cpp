// Every option of `train`, in the groups of the help: the settings of the library's table, and what belongs to files
// and the machine.
#include "cli/train_options.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <concepts>
#include <type_traits>
#include <utility>

#include "cli/network_options.hpp"
#include "cli/setting_options.hpp"
#include "cli/text.hpp"

namespace handgrad::cli {
namespace {

/// Some of the optimizers that users know are not here yet; saying so is better than "unknown".
void refuse_solvers(const Given& given) {
    const std::string& wanted = only_value(given);
    if (wanted == "lbfgs" || wanted == "lm") {
        usage_error(fmt::format("{}: '{}' is not in this version; choose from: {}", given.place, wanted,
                                fmt::join(names_of(optimizer_list), ", ")));
    }
}

/// A share of the rows into `held`, or the name of a table into `file`.
void parse_held_out(const Given& given, const Setting& setting, HeldOut& held, std::string& file) {
    const std::string& text = only_value(given);
    held.fraction = 0.0;
    file.clear();
    if (parse_number(text).problem == NumberProblem::not_a_number) {
        file = text;
    } else {
        held.fraction = parse_real(given.place + " (a share of the rows, or a file)", text, setting.range);
    }
}

/// Whether --weight-decay was given, which has another default for each optimizer.
struct Later {
    bool weight_decay = false;
};

/// Declares each setting of the library's table, and between the groups what belongs to them.
class DeclareSettings {
public:
    DeclareSettings(Arguments& arguments, TrainOptionsGiven& given, Later& later)
        : arguments_(arguments), given_(given), later_(later) {}

    template <class F>
    void operator()(const Setting& setting, F&& field) {
        begin(setting.group);
        using Plain = std::remove_cvref_t<F>;
        constexpr bool optional_flag = std::same_as<Plain, std::optional<bool>>;
        bool negatable = optional_flag;
        if constexpr (std::same_as<Plain, bool>) {
            negatable = field;
        }
        const SettingValue& value = defaults_.at(std::string(setting.name));
        std::string otherwise(setting.otherwise);
        if (otherwise.empty() && value != SettingValue(false)) {
            otherwise = setting_text(value);
        }
        declare_setting(arguments_, setting, choice_names(field), otherwise, negatable, setter(setting, field));
    }

private:
    void begin(SettingGroup group) {
        if (group_ == group) {
            return;
        }
        if (group_ == SettingGroup::table) {
            declare_reading(arguments_, given_.reading, true);
        }
        switch (group) {
            case SettingGroup::table:
                arguments_.group(
                    "Table (.csv .tsv .txt with a header; .npy and IDX (-ubyte) with --target-file; all also .gz)");
                break;
            case SettingGroup::network:
                arguments_.group("Network");
                break;
            case SettingGroup::training:
                arguments_.group("Training");
                break;
        }
        group_ = group;
    }

    template <class F>
    Setter setter(const Setting& setting, F&& field) {
        return into_setting(setting, field);
    }
    Setter setter(const Setting& setting, HeldOut& field) {
        return [&setting, &field, &file = given_.test_file](const Given& given) {
            parse_held_out(given, setting, field, file);
        };
    }
    Setter setter(const Setting& setting, std::optional<HeldOut>& field) {
        return [&setting, &field, &file = given_.validation_file](const Given& given) {
            parse_held_out(given, setting, field.emplace(), file);
        };
    }
    Setter setter(const Setting& setting, OptimizerKind& field) {
        return [set = into_setting(setting, field)](const Given& given) {
            refuse_solvers(given);
            set(given);
        };
    }
    Setter setter(const Setting& setting, double& field) {
        if (setting.name != settings::weight_decay.name) {
            return into_setting(setting, field);
        }
        return [&later = later_, set = into_setting(setting, field)](const Given& given) {
            later.weight_decay = true;
            set(given);
        };
    }

    Arguments& arguments_;
    TrainOptionsGiven& given_;
    Later& later_;
    std::optional<SettingGroup> group_;
    SettingValues defaults_ = setting_values(FitOptions());
};

/// The lists behind --hidden-activation, --loss, --optimizer and --schedule.
std::string lists() {
    std::string text = "Activations, of z\n";
    for (const Activation activation : all_activations) {
        text += two_columns(facts(activation).name, facts(activation).formula);
    }
    text += "\nLosses, one output's share, d = yhat - y\n";
    for (const Loss loss : all_losses) {
        text += two_columns(facts(loss).name, facts(loss).formula);
    }
    text += "\nOptimizers, of a weight w with gradient g\n";
    for (const OptimizerFacts& optimizer : optimizer_list) {
        text += two_columns(optimizer.name, optimizer.formula);
    }
    text += "\nSchedules of the learning rate eta; t is the share of the training that is done\n";
    for (const ScheduleFacts& schedule : schedule_list) {
        text += two_columns(schedule.name, schedule.formula);
    }
    return text +
           "\nExit codes: 0 done, 2 usage, 3 bad data, 4 bad model file, 5 diverged, 6 reading or writing failed,\n"
           "130 or 143 interrupted by Ctrl-C or SIGTERM. After 5, 130 and 143 the model has been written.\n";
}

/// Defaults and checks that depend on several options.
void settle(TrainOptionsGiven& given, const Later& later) {
    FitOptions& fit = given.fit;
    if (given.output.empty()) {
        usage_error("--output is missing: say with -o where to write the model");
    }
    if (given.show.json && given.output == "/dev/stdout") {
        usage_error("--json: the model goes to standard output already; name a file with -o");
    }
    if (fit.columns.targets.empty()) {
        if (given.reading.target_file.empty()) {
            usage_error("--target is missing: say which column to learn (or with --target-file where the labels are)");
        }
        fit.columns.targets = {"y"};
    }
    OptimizerOptions& optimizer = fit.training.optimizer;
    if (!later.weight_decay) {
        optimizer.weight_decay = facts(optimizer.kind).usual_weight_decay;
    }

    fit.reading = given.reading.applied_to({});
    for (const std::string& date : fit.reading.date_columns) {
        for (const auto* names :
             {&fit.columns.drop, &fit.columns.categorical, &fit.columns.ids, &fit.columns.targets}) {
            if (std::ranges::find(*names, date) != names->end()) {
                usage_error(fmt::format("--date: column '{}' is something else too; name it once", date));
            }
        }
    }
    fit.reading.text_columns = fit.columns.categorical;
    fit.reading.spelled_columns = fit.columns.targets;
}

}  // namespace

std::optional<TrainOptionsGiven> parse_train(std::vector<std::string> words) {
    TrainOptionsGiven given;
    Later later;
    Arguments arguments(
        "train",
        {"handgrad train houses.csv --target price -o price.model",
         "handgrad train tumours.csv --target diagnosis --hidden 64,32 --early-stopping 20 -o tumours.model",
         "handgrad train t.csv --target y --optimizer sgd --learning-rate 0.01 --momentum 0.9 --test 0.1 -o y.model",
         "handgrad train train-images-idx3-ubyte.gz --target-file train-labels-idx1-ubyte.gz --epochs 10 -o f.model"});
    arguments.positional("DATA", given.data);
    arguments.group("Files");
    arguments.option("--output,-o", "MODEL", "where to write the model (safetensors); needed", into(given.output));
    arguments.option("--report", "FILE", "also a page in HTML: curves, gradient flow, certificate, derivation",
                     into(given.report));
    for_each_setting(given.fit, DeclareSettings(arguments, given, later));
    arguments.flag("--diagnose",
                   "measure after each epoch how the gradient reaches each layer and how far its weights have come "
                   "(on 256 rows; changes no weight)",
                   into(given.diagnose));
    arguments.group("Machine and output");
    declare_machine(arguments, given.fit.training.execution);
    declare_output(arguments, given.show, "JSON Lines on standard output: start, epoch for every epoch, done");
    arguments.notes(lists());
    if (!parse_or_help(arguments, std::move(words))) {
        return std::nullopt;
    }
    given.command = arguments.command({"--output", "--report", "--threads", "--simd", "--json", "--quiet"}) +
                    " --output again.model";
    settle(given, later);
    tell_machine(given.fit.training.execution, given.show);
    return given;
}

}  // namespace handgrad::cli
