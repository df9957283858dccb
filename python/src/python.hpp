// What every file of the Python module shares: arrays as views, names and settings, and the lock of the interpreter.
#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "handgrad/base/matrix.hpp"
#include "python/src/bindings.hpp"

namespace handgrad::python {

namespace nb = nanobind;

/// Rows × columns of a NumPy array in C order, and one number or so many a row; nothing is converted.
template <class T>
using Rows = nb::ndarray<const T, nb::numpy, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
template <class T>
using Numbers = nb::ndarray<const T, nb::numpy, nb::ndim<1>, nb::c_contig, nb::device::cpu>;

template <class T>
MatrixView<const T> view(const Rows<T>& array) {
    return {array.data(), array.shape(0), array.shape(1)};
}
template <class T>
std::span<const T> view(const Numbers<T>& array) {
    return {array.data(), array.shape(0)};
}
template <class T>
Matrix<T> copy(const Rows<T>& array) {
    Matrix<T> result(array.shape(0), array.shape(1));
    std::copy_n(array.data(), array.size(), result.values().data());
    return result;
}

/// Settings, arrays by name, layers: what Python's checkers of types ask to be told.
using Dict = nb::typed<nb::dict, nb::str, nb::any>;
using List = nb::typed<nb::list, nb::any>;
using Tuple = nb::typed<nb::tuple, nb::any, nb::ellipsis>;

/// What Python is told to be an object of any type, since no type says more.
inline nb::any any(nb::object object) { return nb::steal<nb::any>(object.release()); }

/// The name of a file, as Python hands it over: a text or bytes.
struct Path {
    std::filesystem::path name;
};

/// As Python has names of files, and what is said of them: they need not be UTF-8.
inline nb::object text_of_path(const std::string& bytes) {
    return nb::steal(PyUnicode_DecodeFSDefaultAndSize(bytes.data(), static_cast<Py_ssize_t>(bytes.size())));
}

/// A new NumPy array of that shape, and where its numbers are to be written.
template <class T>
struct NewArray {
    nb::any array;
    T* data;
};
template <class T>
NewArray<T> new_array(std::vector<std::size_t> shape) {
    std::size_t count = 1;
    for (const std::size_t extent : shape) {
        count *= extent;
    }
    T* data = new T[count];
    nb::capsule owner(data, [](void* numbers) noexcept { delete[] static_cast<T*>(numbers); });
    return {any(nb::cast(nb::ndarray<nb::numpy, T>(data, shape.size(), shape.data(), owner))), data};
}

/// Whether a signal has come that Python wants to act on, as Ctrl-C; its exception is then set. Takes the lock.
bool signalled();

}  // namespace handgrad::python

namespace nanobind::detail {

/// As nanobind's own of std::filesystem::path, but for what checkers of types are told.
template <>
struct type_caster<handgrad::python::Path> {
    NB_TYPE_CASTER(handgrad::python::Path, const_name("str | bytes"))

    bool from_python(handle given, std::uint8_t /*flags*/, cleanup_list* /*cleanup*/) noexcept {
        PyObject* converted = nullptr;
        if (PyUnicode_FSConverter(given.ptr(), &converted) == 0) {
            PyErr_Clear();
            return false;
        }
        const object bytes = steal(converted);
        value.name = std::string(PyBytes_AsString(bytes.ptr()), static_cast<std::size_t>(PyBytes_Size(bytes.ptr())));
        return true;
    }
};

}  // namespace nanobind::detail
