// Settings as values and back, and the checks that need nothing but their descriptions.
#include "handgrad/train/settings.hpp"

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <set>

#include "handgrad/base/error.hpp"
#include "handgrad/base/wording.hpp"
#include "handgrad/train/decisions.hpp"
#include "handgrad/train/monotone_columns.hpp"
#include "handgrad/train/share_out.hpp"

namespace handgrad {
namespace {

// --- From a field to a value ----------------------------------------------------------------------------------------

template <settings::Choice E>
std::string name_of(E value) {
    for (const auto& [name, choice] : settings::choices<E>()) {
        if (choice == value) {
            return name;
        }
    }
    return "";  // no enumerator
}

SettingValue to_value(bool field) { return field; }
SettingValue to_value(double field) { return field; }
SettingValue to_value(std::uint64_t field) { return field; }
SettingValue to_value(const std::string& field) { return field; }
SettingValue to_value(const std::filesystem::path& field) { return field.string(); }
SettingValue to_value(settings::Choice auto field) { return name_of(field); }
SettingValue to_value(const Conventions& field) { return std::string(field.name); }
SettingValue to_value(const settings::Precision<const bool>& field) {
    return std::string(settings::precision_names[field.in_double ? 1 : 0]);
}
/// A share of the rows, or the name of a table.
SettingValue to_value(const HeldOut& field) {
    if (field.table != nullptr) {
        return field.table->source;
    }
    return field.fraction;
}
template <class F>
SettingValue to_value(const std::optional<F>& field) {
    return field ? to_value(*field) : SettingValue();
}
SettingValue to_value(const std::vector<std::string>& field) { return field; }
SettingValue to_value(const std::vector<std::size_t>& field) {
    if (field.empty()) {
        return std::vector<std::string>{};
    }
    return std::vector<std::uint64_t>(field.begin(), field.end());
}
SettingValue to_value(const std::vector<Activation>& field) {
    std::vector<std::string> names;
    names.reserve(field.size());
    for (const Activation activation : field) {
        names.emplace_back(name(activation));
    }
    return names;
}

// --- And back: read(value, setting, field, place) raises Error(model) for another kind of value --------------------

[[noreturn]] void fail(const std::string& place, const std::string& cause) {
    throw Error(ErrorKind::model, place + ": " + cause);
}

template <class Alternative>
const Alternative& get(const SettingValue& value, const std::string& place, const char* expected) {
    const auto* found = std::get_if<Alternative>(&value);
    if (found == nullptr) {
        fail(place, "'" + setting_text(value) + "' stands where " + expected + " belongs");
    }
    return *found;
}

void require_range(const Setting& setting, double number, const std::string& place) {
    if (!setting.range.contains(number)) {
        fail(place, format_number(number) + " is out of range; it must be " + describe(setting.range));
    }
}

template <settings::Choice E>
E choice_named(const std::string& wanted, const std::string& place) {
    for (const auto& [name, choice] : settings::choices<E>()) {
        if (name == wanted) {
            return choice;
        }
    }
    fail(place, "'" + wanted + "' is not a name that this version knows");
}

void read(const SettingValue& value, const Setting& /*setting*/, bool& field, const std::string& place) {
    field = get<bool>(value, place, "yes or no");
}
void read(const SettingValue& value, const Setting& setting, double& field, const std::string& place) {
    const auto* whole = std::get_if<std::uint64_t>(&value);
    field = whole == nullptr ? get<double>(value, place, "a number") : static_cast<double>(*whole);
    require_range(setting, field, place);
}
void read(const SettingValue& value, const Setting& setting, std::uint64_t& field, const std::string& place) {
    field = get<std::uint64_t>(value, place, "a whole number");
    require_range(setting, static_cast<double>(field), place);
}
void read(const SettingValue& value, const Setting& /*setting*/, std::string& field, const std::string& place) {
    field = get<std::string>(value, place, "a text");
}
void read(const SettingValue& value, const Setting& /*setting*/, std::filesystem::path& field,
          const std::string& place) {
    field = get<std::string>(value, place, "a text");
}
template <settings::Choice E>
void read(const SettingValue& value, const Setting& /*setting*/, E& field, const std::string& place) {
    field = choice_named<E>(get<std::string>(value, place, "a name"), place);
}
void read(const SettingValue& value, const Setting& /*setting*/, Conventions& field, const std::string& place) {
    const auto& text = get<std::string>(value, place, "a name");
    const std::optional<Conventions> preset = find_conventions(text);
    if (!preset) {
        fail(place, "'" + text + "' is not a preset of conventions");
    }
    field = *preset;
}
void read(const SettingValue& value, const Setting& /*setting*/, const settings::Precision<bool>& field,
          const std::string& place) {
    const auto& text = get<std::string>(value, place, "a name");
    const auto* found = std::ranges::find(settings::precision_names, text);
    if (found == std::end(settings::precision_names)) {
        fail(place, "'" + text + "' is not a name that this version knows");
    }
    field.in_double = found != std::begin(settings::precision_names);
}
void read(const SettingValue& value, const Setting& setting, HeldOut& field, const std::string& place) {
    field = {};
    if (!std::holds_alternative<std::string>(value)) {
        read(value, setting, field.fraction, place);
    }
}
void read(const SettingValue& value, const Setting& /*setting*/, std::vector<std::string>& field,
          const std::string& place) {
    field = get<std::vector<std::string>>(value, place, "a list of texts");
}
void read(const SettingValue& value, const Setting& setting, std::vector<std::size_t>& field,
          const std::string& place) {
    field.clear();
    const auto* none = std::get_if<std::vector<std::string>>(&value);
    if (none != nullptr && none->empty()) {
        return;
    }
    for (const std::uint64_t number : get<std::vector<std::uint64_t>>(value, place, "a list of whole numbers")) {
        require_range(setting, static_cast<double>(number), place);
        field.push_back(number);
    }
}
void read(const SettingValue& value, const Setting& /*setting*/, std::vector<Activation>& field,
          const std::string& place) {
    field.clear();
    for (const std::string& text : get<std::vector<std::string>>(value, place, "a list of names")) {
        field.push_back(choice_named<Activation>(text, place));
    }
}
template <class F>
void read(const SettingValue& value, const Setting& setting, std::optional<F>& field, const std::string& place) {
    field.reset();
    if (!std::holds_alternative<std::monostate>(value)) {
        read(value, setting, field.emplace(), place);
    }
}

// --- Walks over the list --------------------------------------------------------------------------------------------

template <class Options>
SettingValues all_values(const Options& options) {
    SettingValues values;
    for_each_setting(options,
                     [&](const Setting& setting, const auto& field) { values.emplace(setting.name, to_value(field)); });
    return values;
}

template <class Options>
void put_all_over(Options& options, const SettingValues& values, const std::string& place) {
    std::set<std::string> unknown = names_of(values);
    for_each_setting(options, [&](const Setting& setting, auto&& field) {
        const auto found = values.find(std::string(setting.name));
        if (found != values.end()) {
            read(found->second, setting, field, place + "." + found->first);
            unknown.erase(found->first);
        }
    });
    if (!unknown.empty()) {
        fail(place, "'" + *unknown.begin() + "' is not a setting that this version knows");
    }
}

template <class Options>
void check_all_ranges(const Options& options, const std::string& place) {
    const auto check = [&](const Setting& setting, double number) {
        if (!setting.range.contains(number)) {
            throw Error(ErrorKind::usage, place + ": " + std::string(setting.name) + " = " + format_number(number) +
                                              " is out of range; it must be " + describe(setting.range))
                .about(std::string(setting.name));
        }
    };
    for_each_setting(options, [&]<class F>(const Setting& setting, const F& field) {
        if constexpr (std::same_as<F, double> || std::same_as<F, std::uint64_t>) {
            check(setting, static_cast<double>(field));
        } else if constexpr (std::same_as<F, std::vector<std::size_t>>) {
            std::ranges::for_each(field, [&](std::size_t number) { check(setting, static_cast<double>(number)); });
        } else if constexpr (std::same_as<F, HeldOut>) {
            check(setting, field.fraction);
        } else if constexpr (std::same_as<F, std::optional<HeldOut>>) {
            check(setting, field.value_or(HeldOut{}).fraction);
        }
    });
}

[[noreturn]] void refuse_meaningless(const std::string& setting, OptimizerKind kind, const std::string& place) {
    const std::string optimizer(name(kind));
    std::string why = "it belongs to solvers that see all rows at once, as lbfgs does, and not to " + optimizer;
    if (setting == settings::lbfgs_memory.name) {
        why = "it belongs to lbfgs, and not to " + optimizer;
    } else if (setting == settings::batch.name) {
        why = optimizer + " sees all rows at once and takes no batches";
    } else if (facts(kind).all_rows) {
        why =
            optimizer + " finds the length of its steps by itself, and takes none of the settings of steps on batches";
    }
    Error refusal(ErrorKind::usage, place + ": " + why + "; leave it out, or take another optimizer" +
                                        when(setting == settings::tol.name,
                                             ", or end by early stopping, after so many epochs without a lower "
                                             "validation loss"));
    throw std::move(refusal).about(setting).about("optimizer");
}

template <class Options>
void check_all_meaning(const Options& options, OptimizerKind kind, const std::string& place) {
    const SettingValues values = all_values(options), usual = all_values(Options());
    for (const std::string& name : without_meaning(kind)) {
        const auto found = values.find(name);
        if (found != values.end() && found->second != usual.at(name)) {
            refuse_meaningless(name, kind, place + ": " + name + " = " + setting_text(found->second));
        }
    }
}

/// Of a file from before models kept their settings.
std::optional<OptimizerOptions> optimizer_by_provenance(const Model& model) {
    const auto text = [&](const char* key) {
        const auto found = model.provenance.find(key);
        return found == model.provenance.end() ? std::string() : found->second;
    };
    const auto number = [&](const char* key, double otherwise) {
        const ParsedNumber parsed = parse_number(text(key));
        return parsed.problem == NumberProblem::none ? parsed.value : otherwise;
    };
    const std::optional<OptimizerKind> kind = find_optimizer(text("optimizer"));
    if (!kind) {
        return std::nullopt;
    }
    OptimizerOptions options{.kind = *kind};
    options.learning_rate = number("learning_rate", options.learning_rate);
    options.momentum = number("momentum", 0.0);
    options.nesterov = text("nesterov") == "yes";
    options.weight_decay = number("weight_decay", 0.0);
    try {
        check(options);
    } catch (const Error& error) {
        fail("provenance", error.what());
    }
    return options;
}

/// The names of the columns that a model learns.
std::vector<std::string> target_names(const Preprocessing& columns) {
    std::vector<std::string> names;
    std::ranges::transform(columns.targets, std::back_inserter(names), &TargetColumn::name);
    return names;
}

/// The settings that say what a model is, beside what it is: names of those that say something else.
std::vector<std::string_view> contradicted(const Model& model, const FitOptions& options) {
    const Architecture& shape = model.architecture();
    const Preprocessing& columns = model.preprocessing;
    std::vector<std::string_view> names;
    const auto compare = [&](const Setting& setting, bool same) {
        if (!same && model.settings.contains(std::string(setting.name))) {
            names.push_back(setting.name);
        }
    };
    FitOptions here = options;
    here.conventions = shape.conventions;
    compare(settings::hidden, shape_of(here, columns, shape.output) == shape);
    compare(settings::output_activation, options.output_activation.value_or(shape.output) == shape.output);
    compare(settings::loss, options.loss.value_or(model.loss.kind) == model.loss.kind);
    compare(settings::huber_delta, options.huber_delta == model.loss.huber_delta);
    compare(settings::quantile, options.quantile == model.loss.quantile);
    const Task task = options.task.value_or(columns.task);
    const bool labels = task == Task::classification && columns.task == Task::multilabel;  // of several targets
    compare(settings::task, task == columns.task || labels);
    compare(settings::convention, options.conventions.name == shape.conventions.name);
    compare(settings::init, options.conventions.first_weights == shape.conventions.first_weights);
    compare(settings::dtype, options.use_double == model.is_double());
    compare(settings::target, options.columns.targets == target_names(columns));
    compare(settings::weight, options.columns.weight == columns.weight);
    compare(settings::weight_decay, penalty_of(options.training.optimizer) == model.weight_decay);
    return names;
}

}  // namespace

std::string describe(const SettingRange& range) {
    const std::string low = format_number(range.lowest), high = format_number(range.highest);
    if (std::isinf(range.highest)) {
        if (std::isinf(range.lowest)) {
            return "finite";
        }
        return range.without_lowest ? "above " + low : low + " or more";
    }
    return "from " + low + (range.without_lowest ? " (not itself)" : "") + " to " + high +
           (range.without_highest ? " (not itself)" : "");
}

std::string setting_text(const SettingValue& value) {
    return std::visit(
        []<class V>(const V& v) -> std::string {
            if constexpr (std::same_as<V, std::monostate>) {
                return "";
            } else if constexpr (std::same_as<V, bool>) {
                return v ? "on" : "off";
            } else if constexpr (std::same_as<V, std::uint64_t>) {
                return std::to_string(v);
            } else if constexpr (std::same_as<V, double>) {
                return format_number(v);
            } else if constexpr (std::same_as<V, std::string>) {
                return v;
            } else {
                std::string list;
                for (const auto& element : v) {
                    list += (list.empty() ? "" : ",") + setting_text(SettingValue(element));
                }
                return list;
            }
        },
        value);
}

std::set<std::string> names_of(const SettingValues& values) {
    std::set<std::string> names;
    for (const auto& named : values) {
        names.insert(named.first);
    }
    return names;
}

SettingValues setting_values(const FitOptions& options) { return all_values(options); }
SettingValues setting_values(const OptimizerOptions& options) { return all_values(options); }

void apply_settings(FitOptions& options, const SettingValues& values, const std::string& place) {
    put_all_over(options, values, place);
}
void apply_settings(OptimizerOptions& options, const SettingValues& values, const std::string& place) {
    put_all_over(options, values, place);
}

void check_ranges(const OptimizerOptions& options, const std::string& place) { check_all_ranges(options, place); }
void check_ranges(const TrainOptions& options, const std::string& place) { check_all_ranges(options, place); }
void check_ranges(const FitOptions& options, const std::string& place) { check_all_ranges(options, place); }

std::vector<std::string> without_meaning(OptimizerKind kind) {
    std::vector<const Setting*> all;
    if (facts(kind).all_rows) {
        all = {&settings::batch, &settings::learning_rate, &settings::momentum, &settings::nesterov,
               &settings::beta1, &settings::beta2,         &settings::epsilon,  &settings::schedule};
    } else {
        all = {&settings::tol, &settings::max_fun};
    }
    if (kind != OptimizerKind::lbfgs) {
        all.push_back(&settings::lbfgs_memory);
    }
    std::vector<std::string> names;
    std::ranges::transform(all, std::back_inserter(names), [](const Setting* one) { return std::string(one->name); });
    return names;
}

void check_meaning(const OptimizerOptions& options, const std::string& place) {
    check_all_meaning(options, options.kind, place);
}
void check_meaning(const TrainOptions& options, const std::string& place) {
    check_all_meaning(options, options.optimizer.kind, place);
}

void settle_optimizer(FitOptions& options, const std::set<std::string>& said, bool keep_decay) {
    OptimizerOptions& optimizer = options.training.optimizer;
    const SettingValues usual = all_values(FitOptions());
    SettingValues back;
    for (const std::string& name : without_meaning(optimizer.kind)) {
        if (said.contains(name)) {
            refuse_meaningless(name, optimizer.kind, name);
        }
        back.emplace(name, usual.at(name));
    }
    apply_settings(options, back, "usual");
    if (!keep_decay && !said.contains(std::string(settings::weight_decay.name))) {
        optimizer.weight_decay = facts(optimizer.kind).usual_weight_decay;
    }
    if (facts(optimizer.kind).all_rows && !said.contains(std::string(settings::tol.name))) {
        optimizer.tol = facts(optimizer.kind).usual_tol;
    }
}

std::optional<FitOptions> recorded_options(const Model& model) {
    if (model.settings.empty()) {
        return std::nullopt;
    }
    FitOptions options;
    apply_settings(options, model.settings, "settings");
    options.conventions = model.architecture().conventions;
    options.reading = model.preprocessing.reading;
    return options;
}

void check_settings(const Model& model, const std::string& place) {
    const std::string where = place + ": settings";
    try {
        static_cast<void>(recorded_optimizer(model));
    } catch (const Error& error) {
        fail(place, error.what());
    }
    if (model.settings.empty()) {
        return;
    }
    FitOptions options;
    apply_settings(options, model.settings, where);
    try {
        check(options.training.optimizer);
        check_group(options);
        if (!input_signs(options.monotone, model.preprocessing, "monotone").empty()) {
            refuse_signs(options.training.optimizer);
        }
    } catch (const Error& error) {
        fail(where, error.what());
    }
    const std::vector<std::string_view> names = contradicted(model, options);
    if (!names.empty()) {
        const std::string name(names.front());
        fail(where + "." + name, "'" + setting_text(model.settings.at(name)) + "' is not what this model is");
    }
}

std::optional<OptimizerOptions> recorded_optimizer(const Model& model) {
    if (model.settings.empty()) {
        return optimizer_by_provenance(model);
    }
    const OptimizerOptions optimizer = recorded_options(model)->training.optimizer;
    if (facts(optimizer.kind).all_rows) {
        return std::nullopt;
    }
    return optimizer;
}

}  // namespace handgrad
