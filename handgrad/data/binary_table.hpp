// Arrays of a binary file as a table: bytes of any element type, byte order and layout to columns x1, x2, …
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "handgrad/data/table.hpp"

namespace handgrad {

enum class Element { i8, i16, i32, i64, u8, u16, u32, u64, f16, f32, f64, boolean };

std::size_t size_of(Element element);

/// How the bytes of a rows × columns array are to be read.
struct ArrayLayout {
    std::size_t rows;
    std::size_t columns;
    Element element;
    bool big_endian;
    bool column_major;  ///< one column after the other (Fortran) instead of one row after the other
};

/// rows · columns · element size, or nothing when that is more than memory can address.
std::optional<std::size_t> bytes_of(const ArrayLayout& layout);

/// `800 bytes`, `more than 2^64 bytes`.
std::string text_of_bytes(const std::optional<std::size_t>& bytes);

/// All numbers in the order of their bytes, whose count is a multiple of the element's size.
std::vector<double> numbers_of(std::string_view bytes, Element element, bool big_endian);

/// Raise Error(data) for first bytes whose header is none, whatever may follow.
void judge_npy(std::string_view first, const std::string& source);
void judge_idx(std::string_view first, const std::string& source);

/// The table of an array; `bytes` are exactly bytes_of(layout). NaN is a missing cell.
Table table_of_array(std::string_view bytes, const ArrayLayout& layout, const std::string& source);

}  // namespace handgrad
