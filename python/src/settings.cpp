// Settings by name, from a dict to the library's own.
#include "python/src/settings.hpp"

#include <cstdint>
#include <string>
#include <vector>

#include "handgrad/base/error.hpp"
#include "handgrad/train/fit.hpp"
#include "handgrad/train/settings.hpp"

namespace handgrad::python {
namespace {

SettingValue list_value(const std::string& name, const nb::handle& items) {
    std::vector<std::uint64_t> numbers;
    std::vector<std::string> names;
    for (const nb::handle item : nb::borrow<nb::sequence>(items)) {
        if (nb::isinstance<nb::str>(item)) {
            names.push_back(nb::cast<std::string>(item));
        } else {
            std::uint64_t number = 0;
            if (nb::isinstance<nb::bool_>(item) || !nb::try_cast(item, number)) {
                throw nb::type_error((name + ": " + nb::cast<std::string>(nb::repr(item)) +
                                      " is neither a name nor a whole number from 0 on")
                                         .c_str());
            }
            numbers.push_back(number);
        }
    }
    if (numbers.empty()) {
        return names;
    }
    return numbers;
}

SettingValue setting_value(const std::string& name, const nb::handle& value) {
    if (value.is_none()) {
        return {};
    }
    if (nb::isinstance<nb::bool_>(value)) {
        return nb::cast<bool>(value);
    }
    if (nb::isinstance<nb::int_>(value)) {
        std::uint64_t number = 0;
        if (!nb::try_cast(value, number)) {
            throw Error(ErrorKind::usage, name + " = " + nb::cast<std::string>(nb::str(value)) +
                                              " is out of range: a whole number from 0 to 2^64 - 1");
        }
        return number;
    }
    if (nb::isinstance<nb::float_>(value)) {
        return nb::cast<double>(value);
    }
    if (nb::isinstance<nb::str>(value)) {
        return nb::cast<std::string>(value);
    }
    if (nb::isinstance<nb::list>(value) || nb::isinstance<nb::tuple>(value)) {
        return list_value(name, value);
    }
    throw nb::type_error((name + ": a number, a name, True, False, None or a list of them is expected").c_str());
}

}  // namespace

SettingValues setting_values(const Dict& settings) {
    SettingValues values;
    for (const auto& [key, value] : settings) {
        const auto name = nb::cast<std::string>(key);
        values[name] = setting_value(name, value);
    }
    return values;
}

TrainOptions train_options(const Dict& settings, std::size_t threads) {
    FitOptions all;
    constexpr std::size_t as_many_as_are_asked_for = std::size_t{1} << 40;
    all.training.epochs = as_many_as_are_asked_for;
    try {
        apply_settings(all, setting_values(settings), "training");
    } catch (const Error& error) {  // of a model's file elsewhere, here of the caller's
        const std::string_view text = error.what();
        constexpr std::string_view of_file = "training.";
        throw Error(ErrorKind::usage, std::string(text.substr(text.starts_with(of_file) ? of_file.size() : 0)));
    }
    TrainOptions options = all.training;
    if (!settings.contains("tol")) {
        options.optimizer.tol = facts(options.optimizer.kind).usual_tol;
    }
    options.loss = all.loss.value_or(Loss::squared_error);
    options.loss.huber_delta = all.huber_delta;
    options.loss.quantile = all.quantile;
    options.execution.threads = threads;
    return options;
}

}  // namespace handgrad::python
