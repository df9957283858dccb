// NumPy arrays by the buffer protocol, which takes a tenth of a microsecond where a general conversion takes several.
#pragma once

#include <nanobind/nanobind.h>

#include <optional>
#include <type_traits>

#include "handgrad/base/matrix.hpp"

namespace handgrad::python {

namespace nb = nanobind;

/// numpy.ndarray itself.
inline PyTypeObject* array_type() {
    static auto* const type =
        reinterpret_cast<PyTypeObject*>(nb::object(nb::module_::import_("numpy").attr("ndarray")).release().ptr());
    return type;
}

/// Rows × columns of numbers in C order, of an object that is kept alive, and its memory where it is, as long as this
/// lives. Made and destroyed with the interpreter's lock held.
template <class T>
class RowsBuffer {
public:
    RowsBuffer() = default;
    /// Of what is such an array already. Nothing (`there()` is false) of all else, and of arrays of derived types,
    /// whose buffers do not tell what a mask hides.
    explicit RowsBuffer(nb::handle object) {
        if (Py_TYPE(object.ptr()) != array_type()) {
            return;
        }
        held_ = PyObject_GetBuffer(object.ptr(), &buffer_, PyBUF_C_CONTIGUOUS | PyBUF_FORMAT) == 0;
        if (!held_) {
            PyErr_Clear();
            return;
        }
        constexpr char letter = std::is_same_v<T, float> ? 'f' : 'd';
        const bool numbers = buffer_.format != nullptr && buffer_.format[0] == letter && buffer_.format[1] == '\0';
        if (!numbers || buffer_.ndim != 2) {
            release();
        }
    }
    RowsBuffer(RowsBuffer&& other) noexcept : buffer_(other.buffer_), held_(std::exchange(other.held_, false)) {}
    RowsBuffer& operator=(RowsBuffer&& other) noexcept {
        if (this != &other) {
            release();
            buffer_ = other.buffer_;
            held_ = std::exchange(other.held_, false);
        }
        return *this;
    }
    ~RowsBuffer() { release(); }

    [[nodiscard]] bool there() const { return held_; }
    [[nodiscard]] MatrixView<const T> view() const {
        return {static_cast<const T*>(buffer_.buf), static_cast<std::size_t>(buffer_.shape[0]),
                static_cast<std::size_t>(buffer_.shape[1])};
    }

private:
    void release() {
        if (std::exchange(held_, false)) {
            PyBuffer_Release(&buffer_);
        }
    }

    Py_buffer buffer_{};
    bool held_ = false;
};

/// The same of anything that NumPy makes such an array of without loss of meaning: handgrad._arrays.rows converts or
/// refuses, by the argument's name.
template <class T>
RowsBuffer<T> rows_of(nb::handle object, const char* name) {
    RowsBuffer<T> plain(object);
    if (plain.there()) {
        return plain;
    }
    const nb::object convert = nb::module_::import_("handgrad._arrays").attr("rows");
    return RowsBuffer<T>(convert(object, std::is_same_v<T, float> ? "float32" : "float64", name));
}

}  // namespace handgrad::python
