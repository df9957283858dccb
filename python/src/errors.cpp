// The library's one exception as exceptions of Python, each of the type that its users catch (handgrad/errors.py).
#include <algorithm>
#include <array>
#include <exception>
#include <sstream>
#include <string>

#include "handgrad/base/error.hpp"
#include "python/src/model.hpp"
#include "python/src/python.hpp"

namespace handgrad::python {
namespace {

std::string in_python(const Error& error) {
    const std::string hints = spelled(error.settings());
    return error.what() + (hints.empty() ? "" : " (" + hints + ")");
}

const char* type_name(ErrorKind kind) {
    switch (kind) {
        case ErrorKind::usage:
            return "UsageError";
        case ErrorKind::data:
            return "DataError";
        case ErrorKind::model:
            return "ModelError";
        case ErrorKind::diverged:
            return "DivergedError";
        case ErrorKind::io:
            return "FileError";
    }
    return "Error";
}

void translate(const std::exception_ptr& thrown, void* /*payload*/) {
    try {
        std::rethrow_exception(thrown);
    } catch (const Error& error) {
        const nb::object type = nb::module_::import_("handgrad.errors").attr(type_name(error.kind()));
        if (error.kind() != ErrorKind::io) {
            PyErr_SetString(type.ptr(), in_python(error).c_str());
            return;
        }
        const nb::object arguments = nb::make_tuple(
            error.system_error() == 0 ? nb::none() : nb::cast(error.system_error()), text_of_path(in_python(error)),
            error.file().empty() ? nb::none() : text_of_path(error.file()));
        PyErr_SetObject(type.ptr(), arguments.ptr());
    }
}

}  // namespace

namespace {

/// Whether fit() takes a list for the setting.
bool takes_several(const std::string& setting) {
    constexpr std::array several{"hidden", "hidden_activation", "drop", "id", "categorical", "monotone", "target"};
    return std::ranges::find(several, setting) != several.end();
}

/// Whether it is named to be turned on.
bool is_switch(const std::string& setting) {
    constexpr std::array switches{"allow_extra", "allow_kinks", "allow_nonfinite", "drop_missing_labels"};
    return std::ranges::find(switches, setting) != switches.end();
}

/// `a,b` as `"a", "b"`; numbers stand as they are.
std::string quoted_each(const std::string& values) {
    std::string list;
    std::istringstream parts(values);
    for (std::string part; std::getline(parts, part, ',');) {
        const bool number = parse_number(part).problem == NumberProblem::none;
        list += (list.empty() ? "" : ", ") + (number ? part : "\"" + part + "\"");
    }
    return list;
}

}  // namespace

std::string spelled(const SettingHint& hint) {
    if (hint.value.empty()) {
        return hint.name + (is_switch(hint.name) ? "=True" : "");
    }
    if (hint.value == "true" || hint.value == "false") {
        return hint.name + "=" + (hint.value == "true" ? "True" : "False");
    }
    if (parse_number(hint.value).problem == NumberProblem::none) {
        return hint.name + "=" + hint.value;
    }
    if (hint.value.find(',') != std::string::npos && takes_several(hint.name)) {
        return hint.name + "=[" + quoted_each(hint.value) + "]";
    }
    return hint.name + "=\"" + hint.value + "\"";
}

std::string spelled(const std::vector<SettingHint>& hints) {
    std::string list;
    for (const SettingHint& hint : hints) {
        list += (list.empty() ? "" : ", ") + spelled(hint);
    }
    return list;
}

void bind_errors(nb::module_& /*m*/) { nb::register_exception_translator(translate); }

bool signalled() {
    const nb::gil_scoped_acquire lock;
    return PyErr_CheckSignals() != 0;
}

}  // namespace handgrad::python
