// The library's one exception as exceptions of Python, each of the type that its users catch.
#include <stdexcept>
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

struct Types {
    PyObject* error;
    PyObject* usage;
    PyObject* data;
    PyObject* model;
    PyObject* diverged;
    PyObject* io;
};
Types types;

PyObject* type_of(ErrorKind kind) {
    switch (kind) {
        case ErrorKind::usage:
            return types.usage;
        case ErrorKind::data:
            return types.data;
        case ErrorKind::model:
            return types.model;
        case ErrorKind::diverged:
            return types.diverged;
        case ErrorKind::io:
            return types.io;
    }
    return types.error;
}

PyObject* make_type(nb::module_& m, const char* name, const char* doc, PyObject* second) {
    nb::tuple bases = nb::make_tuple(nb::borrow(types.error), nb::borrow(second));
    PyObject* type = PyErr_NewExceptionWithDoc((std::string("handgrad.") + name).c_str(), doc, bases.ptr(), nullptr);
    m.attr(name) = nb::borrow(type);
    return type;
}

void translate(const std::exception_ptr& thrown, void* /*payload*/) {
    try {
        std::rethrow_exception(thrown);
    } catch (const Error& error) {
        PyErr_SetString(type_of(error.kind()), in_python(error).c_str());
    }
}

}  // namespace

std::string spelled(const SettingHint& hint) {
    if (hint.value.empty()) {
        return hint.name;
    }
    if (hint.value == "true" || hint.value == "false") {
        return hint.name + "=" + (hint.value == "true" ? "True" : "False");
    }
    if (parse_number(hint.value).problem == NumberProblem::none) {
        return hint.name + "=" + hint.value;
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

void bind_errors(nb::module_& m) {
    types.error = PyErr_NewExceptionWithDoc("handgrad.Error", "A mistake that handgrad can name: place, cause, remedy.",
                                            PyExc_Exception, nullptr);
    m.attr("Error") = nb::borrow(types.error);
    types.usage = make_type(m, "UsageError", "A setting or a call that makes no sense.", PyExc_ValueError);
    types.data = make_type(m, "DataError", "A table that cannot be read as asked.", PyExc_ValueError);
    types.model = make_type(m, "ModelError", "A file that is not a sound model.", PyExc_ValueError);
    types.diverged = make_type(m, "DivergedError", "Training met a value that is not finite.", PyExc_ArithmeticError);
    types.io = make_type(m, "FileError", "The operating system refused to read or write.", PyExc_OSError);
    nb::register_exception_translator(translate);
}

bool signalled() {
    const nb::gil_scoped_acquire lock;
    return PyErr_CheckSignals() != 0;
}

}  // namespace handgrad::python
