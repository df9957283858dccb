// Transposing rows of bytes into columns of doubles, a block of rows at a time to stay in the cache.
#include "handgrad/data/binary_table.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cassert>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "handgrad/base/error.hpp"
#include "handgrad/base/limits.hpp"
#include "handgrad/data/cells.hpp"

namespace handgrad {
namespace {

/// IEEE binary16 as it lies in memory.
struct Half {
    std::uint16_t bits;
};

/// A byte whose every value but 0 is true.
struct Boolean {
    std::uint8_t byte;
};

double to_double(Half half) {
    const int exponent = (half.bits >> 10) & 31;
    const int fraction = half.bits & 1023;
    const double sign = (half.bits & 0x8000) != 0 ? -1.0 : 1.0;
    if (exponent == 31) {
        return std::copysign(fraction == 0 ? HUGE_VAL : std::nan(""), sign);
    }
    if (exponent == 0) {
        return sign * std::ldexp(fraction, -24);
    }
    return sign * std::ldexp(1024 + fraction, exponent - 25);
}

double to_double(Boolean boolean) { return boolean.byte != 0; }

template <class T>
double to_double(T value) {
    return static_cast<double>(value);
}

template <class T, bool swapped>
double load(const char* from) {
    std::array<char, sizeof(T)> bytes;
    std::memcpy(bytes.data(), from, sizeof(T));
    if constexpr (swapped) {
        std::reverse(bytes.begin(), bytes.end());
    }
    return to_double(std::bit_cast<T>(bytes));
}

template <class T, bool swapped>
void fill_columns(const char* bytes, const ArrayLayout& layout, std::vector<Column>& columns) {
    constexpr std::size_t block = 64;
    std::size_t row_step = layout.columns, column_step = 1;
    if (layout.column_major) {
        row_step = 1;
        column_step = layout.rows;
    }
    for (std::size_t first = 0; first < layout.rows; first += block) {
        const std::size_t end = std::min(first + block, layout.rows);
        for (std::size_t j = 0; j < layout.columns; ++j) {
            double* const numbers = columns[j].numbers.data();
            for (std::size_t i = first; i < end; ++i) {
                numbers[i] = load<T, swapped>(bytes + (i * row_step + j * column_step) * sizeof(T));
            }
        }
    }
}

/// Calls `f` with a value of the element's type.
template <class F>
decltype(auto) with_type(Element element, F&& f) {
    switch (element) {
        case Element::i8:
            return f(std::int8_t{});
        case Element::i16:
            return f(std::int16_t{});
        case Element::i32:
            return f(std::int32_t{});
        case Element::i64:
            return f(std::int64_t{});
        case Element::u8:
            return f(std::uint8_t{});
        case Element::u16:
            return f(std::uint16_t{});
        case Element::u32:
            return f(std::uint32_t{});
        case Element::u64:
            return f(std::uint64_t{});
        case Element::f16:
            return f(Half{});
        case Element::f32:
            return f(float{});
        case Element::f64:
            return f(double{});
        case Element::boolean:
            break;
    }
    return f(Boolean{});
}

void count_missing(Column& column) {
    for (std::size_t i = 0; i < column.numbers.size(); ++i) {
        if (std::isnan(column.numbers[i]) && column.missing++ == 0) {
            column.first_missing = i;
        }
    }
}

}  // namespace

std::size_t size_of(Element element) {
    return with_type(element, [](auto value) { return sizeof(value); });
}

std::optional<std::size_t> bytes_of(const ArrayLayout& layout) {
    std::size_t cells = 0;
    std::size_t bytes = 0;
    if (__builtin_mul_overflow(layout.rows, layout.columns, &cells) ||
        __builtin_mul_overflow(cells, size_of(layout.element), &bytes)) {
        return std::nullopt;
    }
    return bytes;
}

std::string text_of_bytes(const std::optional<std::size_t>& bytes) {
    return (bytes ? std::to_string(*bytes) : "more than 2^64") + " bytes";
}

std::vector<double> numbers_of(std::string_view bytes, Element element, bool big_endian) {
    const bool swapped = big_endian != (std::endian::native == std::endian::big);
    std::vector<double> numbers(bytes.size() / size_of(element));
    with_type(element, [&]<class T>(T /*type*/) {
        for (std::size_t i = 0; i < numbers.size(); ++i) {
            const char* const from = bytes.data() + i * sizeof(T);
            numbers[i] = swapped ? load<T, true>(from) : load<T, false>(from);
        }
    });
    return numbers;
}

Table table_of_array(std::string_view bytes, const ArrayLayout& layout, const std::string& source) {
    assert(bytes_of(layout) == bytes.size());
    if (layout.columns > limits::columns) {
        throw Error(ErrorKind::data, source + ": " + counted(layout.columns, "column") + "; at most " +
                                         std::to_string(limits::columns) +
                                         " are read; save fewer, or transpose the array if rows and columns are "
                                         "exchanged");
    }
    Table table;
    table.source = source;
    table.rows = layout.rows;
    table.columns.resize(layout.columns);
    for (std::size_t j = 0; j < layout.columns; ++j) {
        table.columns[j].name = "x" + std::to_string(j + 1);
        table.columns[j].has_numbers = true;
        table.columns[j].numbers.resize(layout.rows);
    }
    const bool swapped = layout.big_endian != (std::endian::native == std::endian::big);
    with_type(layout.element, [&]<class T>(T /*type*/) {
        if (swapped) {
            fill_columns<T, true>(bytes.data(), layout, table.columns);
        } else {
            fill_columns<T, false>(bytes.data(), layout, table.columns);
        }
    });
    std::for_each(table.columns.begin(), table.columns.end(), count_missing);
    return table;
}

}  // namespace handgrad
