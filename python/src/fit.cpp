// From a table to a model for Python, with the interpreter's lock released but where Python is told something.
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "handgrad/base/error.hpp"
#include "handgrad/base/suggest.hpp"
#include "handgrad/diagnose/gradient_flow.hpp"
#include "handgrad/summary/descriptions.hpp"
#include "handgrad/summary/layout.hpp"
#include "handgrad/summary/texts.hpp"
#include "handgrad/train/fit.hpp"
#include "handgrad/train/settings.hpp"
#include "python/src/model.hpp"
#include "python/src/settings.hpp"

namespace handgrad::python {
namespace {

/// Tells Python what happens, and knows when it wants an end.
class Watch {
public:
    explicit Watch(nb::object listener) : listener_(std::move(listener)) {}

    template <class Make>
    void tell(const char* what, Make&& make) {
        const nb::gil_scoped_acquire lock;
        if (listener_.is_none() || ended()) {
            return;
        }
        try {
            listener_(what, make());
        } catch (nb::python_error& error) {
            take(error);
        }
    }
    /// Between two batches.
    bool wants_to_stop() {
        const nb::gil_scoped_acquire lock;
        if (!ended() && PyErr_CheckSignals() != 0) {
            nb::python_error error;
            take(error);
        }
        return ended();
    }
    [[nodiscard]] bool ended() const { return interrupted_ || error_; }
    /// Raises what the listener or a handler of a signal has raised, but for KeyboardInterrupt.
    void raise() const {
        if (error_) {
            throw nb::python_error(*error_);
        }
    }

private:
    void take(const nb::python_error& error) {
        if (error.matches(PyExc_KeyboardInterrupt)) {
            interrupted_ = true;
        } else {
            error_.emplace(error);
        }
    }

    nb::object listener_;
    bool interrupted_ = false;
    std::optional<nb::python_error> error_;
};

std::string notice_text(const Notice& notice) {
    return notice.text + (notice.overruled_by ? " (" + spelled(*notice.overruled_by) + " overrules)" : "");
}

Dict start_dict(const FitStart& start) {
    Dict result;
    result["training_rows"] = start.training_rows;
    result["validation_rows"] = start.validation_rows;
    result["test_rows"] = start.test_rows;
    result["features"] = start.model.preprocessing.features.size();
    result["layers"] = summary::layer_table(start.model);
    return result;
}

Dict epoch_dict(const EpochReport& report, const Metrics& metrics) {
    Dict result;
    result["epoch"] = report.epoch;
    result["epochs"] = report.epochs;
    result["loss"] = report.loss;
    result["validation_loss"] = report.validation_loss;
    result["learning_rate"] = report.learning_rate;
    result["seconds"] = report.seconds;
    result["rows_per_second"] = report.rows_per_second;
    result["best_epoch"] = report.best_epoch;
    result["metrics"] = metrics_dict(metrics);
    return result;
}

FitCallbacks callbacks_of(Watch& watch, bool diagnose) {
    FitCallbacks callbacks{
        .on_notice = [&](const Notice& notice) { watch.tell("notice", [&] { return nb::cast(notice_text(notice)); }); },
        .on_start = [&](const FitStart& start) { watch.tell("start", [&] { return start_dict(start); }); },
        .on_epoch =
            [&](const EpochReport& report, const Metrics& metrics) {
                watch.tell("epoch", [&] { return epoch_dict(report, metrics); });
                return !watch.wants_to_stop();
            },
        .on_refit =
            [&](const RefitStart& start) {
                watch.tell("refit", [&] {
                    Dict result;
                    result["training_rows"] = start.training_rows;
                    result["epochs"] = start.epochs;
                    return result;
                });
            },
        .on_refit_epoch =
            [&](const EpochReport& report) {
                watch.tell("refit_epoch", [&] { return epoch_dict(report, {}); });
                return !watch.wants_to_stop();
            },
        .stop = [&] { return watch.wants_to_stop(); }};
    if (diagnose) {
        callbacks.measure = diagnose::gradient_flow;
    }
    return callbacks;
}

FitOptions options_of(const Dict& settings, const PyTable& table, const PyTable* validation, const PyTable* test,
                      const Execution& execution) {
    FitOptions options;
    SettingValues values = setting_values(settings);
    try {
        apply_settings(options, values, "settings");
    } catch (const Error& error) {  // of a model's file elsewhere, here of the caller's
        throw Error(ErrorKind::usage, error.what());
    }
    settle_optimizer(options, names_of(values));
    options.reading = table.reading;
    options.training.execution = execution;
    if (validation != nullptr) {
        options.validation.emplace().table = &validation->table;
    }
    if (test != nullptr) {
        options.test = HeldOut{.table = &test->table};
    }
    return options;
}

Dict result_dict(FitResult& result) {
    Dict metrics;
    metrics["train"] = metrics_dict(result.train_metrics);
    if (!result.validation_metrics.empty()) {
        metrics["validation"] = metrics_dict(result.validation_metrics);
    }
    if (!result.test_metrics.empty()) {
        metrics["test"] = metrics_dict(result.test_metrics);
    }
    Dict made;
    made["metrics"] = metrics;
    made["baseline"] = metrics_dict(result.baseline);
    made["baseline_on"] = result.baseline_on;
    made["epochs"] = result.training.epochs;
    made["best_epoch"] = result.training.best_epoch;
    made["seconds"] = result.training.seconds;
    made["stopped"] = std::string(stopped_name(result));
    made["diverged"] = result.diverged ? nb::cast(*result.diverged) : nb::none();
    made["usable"] = result.usable;
    made["refitted"] = result.judged_model.has_value();
    made["undefined"] = result.undefined;
    made["warnings"] = summary::warnings_of(result);
    made["text"] = summary::fit_text(result, {.hold_out = "test=0.2 holds some of the table out.",
                                              .look_at = "What to try: handgrad.diagnose(model, table)"});
    made["model"] = PyModel{std::move(result.model)};
    return made;
}

Dict fit_table(const PyTable& table, const Dict& settings, const PyTable* validation, const PyTable* test,
               const nb::object& listener, bool diagnose, std::size_t threads) {
    const FitOptions options = options_of(settings, table, validation, test, {.threads = threads});
    Watch watch(listener);
    std::optional<FitResult> result;
    {
        const nb::gil_scoped_release others_may_run;
        result = fit(table.table, options, callbacks_of(watch, diagnose));
    }
    watch.raise();
    return result_dict(*result);
}

/// Every setting: name, group, help, what stands for its value, what holds otherwise, its default and its choices.
List setting_facts() {
    List all;
    const FitOptions defaults;
    const SettingValues values = setting_values(defaults);
    for_each_setting(defaults, [&]<class F>(const Setting& setting, const F& /*field*/) {
        std::vector<std::string> choices;
        const auto add = [&](const auto& list) {
            for (const auto& entry : list) {
                choices.emplace_back(entry.first);
            }
        };
        if constexpr (settings::Choice<F>) {
            add(settings::choices<F>());
        } else if constexpr (std::is_same_v<F, std::vector<Activation>> ||
                             std::is_same_v<F, std::optional<Activation>>) {
            add(settings::choices<Activation>());
        } else if constexpr (std::is_same_v<F, std::optional<Loss>>) {
            add(settings::choices<Loss>());
        } else if constexpr (std::is_same_v<F, std::optional<Task>>) {
            add(settings::choices<Task>());
        } else if constexpr (std::is_same_v<F, Conventions>) {
            for (const Conventions& preset : convention_presets) {
                choices.emplace_back(preset.name);
            }
        } else if constexpr (std::is_same_v<F, settings::Precision<const bool>>) {
            choices.assign(std::begin(settings::precision_names), std::end(settings::precision_names));
        }
        std::string help(setting.help);
        if (const std::size_t at = help.find("{}"); at != std::string::npos) {
            std::string list;
            for (const std::string& choice : choices) {
                list += (list.empty() ? "" : ", ") + choice;
            }
            help.replace(at, 2, list);
        }
        Dict facts;
        facts["name"] = std::string(setting.name);
        facts["help"] = help;
        facts["other_names"] = std::string(setting.other_names);
        facts["otherwise"] = std::string(setting.otherwise);
        facts["default"] = setting_text(values.at(std::string(setting.name)));
        facts["choices"] = choices;
        all.append(facts);
    });
    return all;
}

std::string near_name(const std::string& wanted, const std::vector<std::string>& known) {
    return did_you_mean(wanted, known);
}

}  // namespace

void bind_fit(nb::module_& m) {
    m.def("fit", &fit_table, nb::arg("table"), nb::arg("settings"), nb::arg("validation").none(),
          nb::arg("test").none(), nb::arg("listener").none(), nb::arg("diagnose"), nb::arg("threads"));
    m.def("setting_facts", &setting_facts);
    m.def("near_name", &near_name, nb::arg("wanted"), nb::arg("known"));
    m.def("number_text", [](double value, int digits) { return summary::rounded(value, digits); });
}

}  // namespace handgrad::python
