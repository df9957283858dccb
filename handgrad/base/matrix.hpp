// Row-major matrices: an owning one aligned to 64 bytes, and a view that owns nothing.
#pragma once

#include <cassert>
#include <cstddef>
#include <new>
#include <span>
#include <type_traits>
#include <vector>

#include "handgrad/base/checks.hpp"
#include "handgrad/base/memory.hpp"

namespace handgrad {

/// Hands out the memory of memory.hpp.
template <class T>
struct AlignedAllocator {
    using value_type = T;

    AlignedAllocator() = default;
    template <class U>
    AlignedAllocator(const AlignedAllocator<U>& /*other*/) noexcept {}  // NOLINT(google-explicit-constructor)

    T* allocate(std::size_t count) {
        if (count > static_cast<std::size_t>(-1) / sizeof(T)) {
            throw std::bad_array_new_length();
        }
        return static_cast<T*>(allocate_numbers(count * sizeof(T)));
    }
    void deallocate(T* pointer, std::size_t count) noexcept { free_numbers(pointer, count * sizeof(T)); }
    bool operator==(const AlignedAllocator&) const = default;
};

template <class T>
using AlignedVector = std::vector<T, AlignedAllocator<T>>;

/// A rows × columns window on numbers that somebody else owns; row i starts `stride` numbers after row i − 1. What a
/// view is made of is checked and raises Error(usage): `data` null where there are numbers, a stride shorter than a
/// row, rows beyond the whole. Element and row are for inner loops, whose indexes only asserts look at.
template <class T>
class MatrixView {
public:
    MatrixView() = default;
    MatrixView(T* data, std::size_t rows, std::size_t columns) : MatrixView(data, rows, columns, columns) {}
    MatrixView(T* data, std::size_t rows, std::size_t columns, std::size_t stride)
        : data_(data), rows_(rows), columns_(columns), stride_(stride) {
        std::size_t numbers = 0;
        const bool too_many = __builtin_mul_overflow(rows, stride, &numbers) || numbers > most_numbers;
        if (stride < columns || too_many || (data == nullptr && rows != 0 && columns != 0)) {
            checks::refuse_view(data, rows, columns, stride);
        }
    }
    /// A view that may write serves wherever one that only reads is asked for.
    template <class U>
    requires std::is_same_v<T, const U> MatrixView(MatrixView<U> other)  // NOLINT(google-explicit-constructor)
        : data_(other.data()), rows_(other.rows()), columns_(other.columns()), stride_(other.stride()) {}

    [[nodiscard]] std::size_t rows() const { return rows_; }
    [[nodiscard]] std::size_t columns() const { return columns_; }
    [[nodiscard]] std::size_t stride() const { return stride_; }
    [[nodiscard]] T* data() const { return data_; }

    T& operator()(std::size_t i, std::size_t j) const {
        assert(i < rows_ && j < columns_);
        return data_[i * stride_ + j];
    }
    [[nodiscard]] std::span<T> row(std::size_t i) const {
        assert(i < rows_);
        return {data_ + i * stride_, columns_};
    }
    /// Rows first … first + count − 1. Raises Error(usage) unless there are so many.
    [[nodiscard]] MatrixView rows_from(std::size_t first, std::size_t count) const {
        checks::at_most({"rows_from", "first"}, first, "rows before it", "the view has", rows_);
        checks::at_most({"rows_from", "count"}, count, "rows", "the view has from there on", rows_ - first);
        MatrixView some = *this;
        some.data_ += first * stride_;
        some.rows_ = count;
        return some;
    }

private:
    static constexpr std::size_t most_numbers = static_cast<std::size_t>(-1) / 2 / sizeof(T);
    T* data_ = nullptr;
    std::size_t rows_ = 0;
    std::size_t columns_ = 0;
    std::size_t stride_ = 0;
};

/// A rows × columns matrix that owns its numbers, row after row without gaps, all zero at first. Raises Error(usage)
/// for more numbers than any memory holds; element and row as in a view.
template <class T>
class Matrix {
public:
    Matrix() = default;
    Matrix(std::size_t rows, std::size_t columns) : rows_(rows), columns_(columns), values_(product(rows, columns)) {}

    [[nodiscard]] std::size_t rows() const { return rows_; }
    [[nodiscard]] std::size_t columns() const { return columns_; }
    [[nodiscard]] std::span<T> values() { return values_; }
    [[nodiscard]] std::span<const T> values() const { return values_; }

    T& operator()(std::size_t i, std::size_t j) {
        assert(i < rows_ && j < columns_);
        return values_.data()[i * columns_ + j];
    }
    const T& operator()(std::size_t i, std::size_t j) const {
        assert(i < rows_ && j < columns_);
        return values_.data()[i * columns_ + j];
    }
    [[nodiscard]] std::span<T> row(std::size_t i) {
        assert(i < rows_);
        return {values_.data() + i * columns_, columns_};
    }
    [[nodiscard]] std::span<const T> row(std::size_t i) const {
        assert(i < rows_);
        return {values_.data() + i * columns_, columns_};
    }

    [[nodiscard]] MatrixView<T> view() { return {values_.data(), rows_, columns_}; }
    [[nodiscard]] MatrixView<const T> view() const { return {values_.data(), rows_, columns_}; }
    operator MatrixView<T>() { return view(); }              // NOLINT(google-explicit-constructor)
    operator MatrixView<const T>() const { return view(); }  // NOLINT(google-explicit-constructor)

private:
    static std::size_t product(std::size_t rows, std::size_t columns) {
        std::size_t numbers = 0;
        if (__builtin_mul_overflow(rows, columns, &numbers)) {
            checks::refuse_view(&numbers, rows, columns, columns);
        }
        return numbers;
    }

    std::size_t rows_ = 0;
    std::size_t columns_ = 0;
    AlignedVector<T> values_;
};

/// The same numbers in another type.
template <class To, class From>
Matrix<To> convert(MatrixView<const From> from) {
    Matrix<To> to(from.rows(), from.columns());
    for (std::size_t i = 0; i < from.rows(); ++i) {
        for (std::size_t j = 0; j < from.columns(); ++j) {
            to(i, j) = static_cast<To>(from(i, j));
        }
    }
    return to;
}
template <class To, class From>
Matrix<To> convert(const Matrix<From>& from) {
    return convert<To>(from.view());
}

}  // namespace handgrad
