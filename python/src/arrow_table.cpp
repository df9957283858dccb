// Arrow's columns as cells, type by type, after what its specification says of their buffers.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <iterator>
#include <limits>
#include <string>
#include <string_view>
#include <utility>

#include "handgrad/base/error.hpp"
#include "python/src/table.hpp"

namespace handgrad::python {
namespace {

constexpr double gap = std::numeric_limits<double>::quiet_NaN();

/// One column of a chunk: the rows from `first` on, and what tells whether they are there.
struct Slice {
    const ArrowSchema& schema;
    const ArrowArray& array;
    std::int64_t first;
    std::int64_t rows;

    template <class T>
    [[nodiscard]] const T* buffer(std::int64_t at) const {
        if (at >= array.n_buffers) {
            throw nb::type_error("an Arrow array has fewer buffers than its type says");
        }
        return static_cast<const T*>(array.buffers[at]);
    }
    [[nodiscard]] bool bit(const std::uint8_t* bits, std::int64_t row) const {
        const auto at = static_cast<std::uint64_t>(first + row);
        return (bits[at / 8] >> (at % 8) & 1U) != 0;
    }
    [[nodiscard]] bool there(const std::uint8_t* validity, std::int64_t row) const {
        return validity == nullptr || bit(validity, row);
    }
    [[nodiscard]] const std::uint8_t* validity() const {
        return array.null_count == 0 ? nullptr : buffer<std::uint8_t>(0);
    }
};

double from_half(std::uint16_t bits) {
    const int exponent = bits >> 10U & 0x1FU;
    const double fraction = bits & 0x3FFU;
    double size = std::ldexp(fraction + 1024.0, exponent - 25);
    if (exponent == 0) {
        size = std::ldexp(fraction, -24);
    } else if (exponent == 31) {
        size = fraction == 0.0 ? std::numeric_limits<double>::infinity() : gap;
    }
    return (bits & 0x8000U) != 0 ? -size : size;
}

template <class T, class Convert>
void add_numbers(const Slice& slice, Cells& cells, Convert&& convert) {
    const T* values = slice.buffer<T>(1);
    const std::uint8_t* validity = slice.validity();
    for (std::int64_t i = 0; i < slice.rows; ++i) {
        const bool there = slice.there(validity, i);
        if (cells.are_numbers) {
            cells.numbers.push_back(there ? static_cast<double>(convert(values[slice.first + i])) : gap);
        } else if (!there) {
            cells.texts.emplace_back();
        } else if constexpr (std::is_integral_v<decltype(convert(T{}))>) {
            cells.add_made(std::to_string(convert(values[slice.first + i])));
        } else {
            const auto number = static_cast<double>(convert(values[slice.first + i]));
            if (std::isnan(number)) {
                cells.texts.emplace_back();
            } else {
                cells.add_made(spelled(number));
            }
        }
    }
}
template <class T>
void add_numbers(const Slice& slice, Cells& cells) {
    add_numbers<T>(slice, cells, [](T value) { return value; });
}

template <class Offset>
void add_texts(const Slice& slice, Cells& cells) {
    const Offset* offsets = slice.buffer<Offset>(1);
    const char* bytes = slice.buffer<char>(2);
    const std::uint8_t* validity = slice.validity();
    for (std::int64_t i = 0; i < slice.rows; ++i) {
        if (slice.there(validity, i)) {
            const Offset begin = offsets[slice.first + i], end = offsets[slice.first + i + 1];
            cells.texts.emplace_back(std::string_view(bytes + begin, static_cast<std::size_t>(end - begin)));
        } else {
            cells.texts.emplace_back();
        }
    }
}

/// 16 bytes each: the length, then the text if it has 12 bytes or fewer, else 4 bytes of it, a buffer and a place.
void add_text_views(const Slice& slice, Cells& cells) {
    constexpr std::size_t view_bytes = 16, inline_bytes = 12;
    const char* views = slice.buffer<char>(1);
    const std::uint8_t* validity = slice.validity();
    for (std::int64_t i = 0; i < slice.rows; ++i) {
        if (!slice.there(validity, i)) {
            cells.texts.emplace_back();
            continue;
        }
        const char* view = views + static_cast<std::size_t>(slice.first + i) * view_bytes;
        std::int32_t length = 0, buffer = 0, place = 0;
        std::memcpy(&length, view, sizeof length);
        const auto size = static_cast<std::size_t>(length);
        if (size <= inline_bytes) {
            cells.texts.emplace_back(std::string_view(view + sizeof length, size));
            continue;
        }
        std::memcpy(&buffer, view + 8, sizeof buffer);
        std::memcpy(&place, view + 12, sizeof place);
        cells.texts.emplace_back(std::string_view(slice.buffer<char>(2 + buffer) + place, size));
    }
}

void add_bools(const Slice& slice, Cells& cells) {
    const auto* bits = slice.buffer<std::uint8_t>(1);
    const std::uint8_t* validity = slice.validity();
    for (std::int64_t i = 0; i < slice.rows; ++i) {
        if (slice.there(validity, i)) {
            cells.add(slice.bit(bits, i));
        } else {
            cells.texts.emplace_back();
        }
    }
}

template <class T>
void add_moments_of(const Slice& slice, Cells& cells, TimeUnit unit, bool utc) {
    const T* values = slice.buffer<T>(1);
    const std::uint8_t* validity = slice.validity();
    std::vector<std::optional<std::int64_t>> moments;
    for (std::int64_t i = 0; i < slice.rows; ++i) {
        moments.emplace_back();
        if (slice.there(validity, i)) {
            moments.back() = values[slice.first + i];
        }
    }
    add_moments(moments, unit, utc, cells);
}

template <class T>
void add_clocks(const Slice& slice, Cells& cells, TimeUnit unit) {
    const T* values = slice.buffer<T>(1);
    const std::uint8_t* validity = slice.validity();
    for (std::int64_t i = 0; i < slice.rows; ++i) {
        if (slice.there(validity, i)) {
            cells.add_made(clock_text(values[slice.first + i], unit));
        } else {
            cells.texts.emplace_back();
        }
    }
}

__extension__ using Int128 = __int128;
__extension__ using UnsignedInt128 = unsigned __int128;

/// A whole number of 128 bits, the last `scale` digits of it behind the point.
std::string decimal_text(Int128 number, int scale) {
    const bool negative = number < 0;
    auto rest = static_cast<UnsignedInt128>(number);
    if (negative) {
        rest = -rest;
    }
    std::string digits;
    while (rest != 0 || digits.size() <= static_cast<std::size_t>(std::max(scale, 0))) {
        digits.push_back(static_cast<char>('0' + static_cast<int>(rest % 10)));
        rest /= 10;
    }
    std::ranges::reverse(digits);
    if (scale > 0) {
        digits.insert(digits.size() - static_cast<std::size_t>(scale), ".");
    } else {
        digits.append(static_cast<std::size_t>(-scale), '0');
    }
    return (negative ? "-" : "") + digits;
}
void add_decimals(const Slice& slice, Cells& cells, int scale) {
    const char* values = slice.buffer<char>(1);
    const std::uint8_t* validity = slice.validity();
    for (std::int64_t i = 0; i < slice.rows; ++i) {
        if (!slice.there(validity, i)) {
            cells.texts.emplace_back();
            continue;
        }
        Int128 number = 0;
        std::memcpy(&number, values + static_cast<std::size_t>(slice.first + i) * sizeof number, sizeof number);
        cells.add_made(decimal_text(number, scale));
    }
}

/// `s`, `m`, `u` or `n`.
std::optional<TimeUnit> unit_named(char letter) {
    switch (letter) {
        case 's':
            return TimeUnit{1};
        case 'm':
            return TimeUnit{1'000};
        case 'u':
            return TimeUnit{1'000'000};
        case 'n':
            return TimeUnit{1'000'000'000};
        default:
            return {};
    }
}

/// Whether the type is one of numbers.
bool numeric(std::string_view format) {
    return format.size() == 1 && std::string_view("cCsSiIlLefg").find(format) != std::string_view::npos;
}

[[noreturn]] void refuse(const ArrowSchema& column, const std::string& cause) {
    const std::string name = column.name == nullptr ? "" : column.name;
    throw nb::type_error(("column '" + name + "': " + cause).c_str());
}

void append(const Slice& slice, const ArrowSchema& column, Cells& cells);

/// The scale of `d:PRECISION,SCALE`, which 128 bits hold; nothing for decimals of other widths.
std::optional<int> scale_of(const std::string& format) {
    const std::size_t comma = format.find(',');
    if (!format.starts_with("d:") || comma == std::string::npos || format.find(',', comma + 1) != std::string::npos) {
        return {};
    }
    return std::stoi(format.substr(comma + 1));
}

void append_times(const Slice& slice, const std::string& format, const ArrowSchema& column, Cells& cells) {
    const std::optional<TimeUnit> unit = format.size() > 2 ? unit_named(format[2]) : std::nullopt;
    if (format == "tdD") {
        add_moments_of<std::int32_t>(slice, cells, TimeUnit{0}, false);
    } else if (format == "tdm") {
        add_moments_of<std::int64_t>(slice, cells, TimeUnit{1'000}, false);
    } else if (format.starts_with("ts") && unit) {
        const bool utc = format.size() > 4;  // `tsn:` and the name of a zone, whose moments are in UTC
        add_moments_of<std::int64_t>(slice, cells, *unit, utc);
    } else if (format.starts_with("tt") && unit) {
        if (unit->in_second <= 1'000) {
            add_clocks<std::int32_t>(slice, cells, *unit);
        } else {
            add_clocks<std::int64_t>(slice, cells, *unit);
        }
    } else {
        refuse(column, "a span of time (Arrow's type '" + format + "') is neither a number nor a text; convert it");
    }
}

void append_numbers(const Slice& slice, char format, Cells& cells) {
    switch (format) {
        case 'c':
            return add_numbers<std::int8_t>(slice, cells);
        case 'C':
            return add_numbers<std::uint8_t>(slice, cells);
        case 's':
            return add_numbers<std::int16_t>(slice, cells);
        case 'S':
            return add_numbers<std::uint16_t>(slice, cells);
        case 'i':
            return add_numbers<std::int32_t>(slice, cells);
        case 'I':
            return add_numbers<std::uint32_t>(slice, cells);
        case 'l':
            return add_numbers<std::int64_t>(slice, cells);
        case 'L':
            return add_numbers<std::uint64_t>(slice, cells);
        case 'e':
            return add_numbers<std::uint16_t>(slice, cells, from_half);
        case 'f':
            return add_numbers<float>(slice, cells);
        default:
            return add_numbers<double>(slice, cells);
    }
}

/// The cells of a column that is a list of codes: each the text of its code.
void append_coded(const Slice& slice, const ArrowSchema& column, Cells& cells) {
    if (slice.array.dictionary == nullptr) {
        refuse(column, "the values of its codes are missing");
    }
    const ArrowArray& values = *slice.array.dictionary;
    Cells named;
    append({*slice.schema.dictionary, values, values.offset, values.length}, column, named);
    Cells codes{.are_numbers = true};
    append_numbers(slice, slice.schema.format[0], codes);
    for (const double code : codes.numbers) {
        cells.texts.emplace_back();
        if (std::isnan(code)) {
            continue;
        }
        if (code < 0.0 || code >= static_cast<double>(named.texts.size())) {
            refuse(column, "a code has no value");
        }
        cells.texts.back() = named.texts[static_cast<std::size_t>(code)];
    }
    // The texts that were made are looked at from outside now; a deque's elements do not move when it does.
    auto& keeper = cells.kept.emplace_back();
    keeper.swap(named.made);
    std::ranges::move(named.kept, std::back_inserter(cells.kept));
}

void append(const Slice& slice, const ArrowSchema& column, Cells& cells) {
    const std::string format = slice.schema.format;
    if (slice.rows == 0) {
        return;  // whose buffers may be missing
    }
    if (slice.schema.dictionary != nullptr) {
        append_coded(slice, column, cells);
    } else if (numeric(format)) {
        append_numbers(slice, format[0], cells);
    } else if (format == "b") {
        add_bools(slice, cells);
    } else if (format == "u") {
        add_texts<std::int32_t>(slice, cells);
    } else if (format == "U") {
        add_texts<std::int64_t>(slice, cells);
    } else if (format == "vu") {
        add_text_views(slice, cells);
    } else if (format == "n") {
        cells.texts.resize(cells.texts.size() + static_cast<std::size_t>(slice.rows));
    } else if (format.starts_with("t")) {
        append_times(slice, format, column, cells);
    } else if (const std::optional<int> scale = scale_of(format)) {
        add_decimals(slice, cells, *scale);
    } else {
        refuse(column, "Arrow's type '" + format + "' is neither a number nor a text; convert it or leave it out");
    }
}

/// What a capsule of that name holds. Raises TypeError.
template <class Struct>
Struct& held(const nb::object& capsule, const char* name) {
    void* pointer = PyCapsule_GetPointer(capsule.ptr(), name);
    if (pointer == nullptr) {
        PyErr_Clear();
        throw nb::type_error((std::string("what should be a capsule '") + name + "' of Arrow is none").c_str());
    }
    Struct& there = *static_cast<Struct*>(pointer);
    if (there.release == nullptr) {
        throw nb::type_error(
            "the Arrow data has been released: it can be read once; hand in the table that it is made of");
    }
    return there;
}

}  // namespace

ArrowTable::ArrowTable(const nb::object& producer) {
    if (nb::hasattr(producer, "__arrow_c_stream__")) {
        read_stream(producer.attr("__arrow_c_stream__")());
    } else {
        read_array(producer.attr("__arrow_c_array__")());
    }
    if (std::string_view(schema_.get().format) != "+s") {
        throw nb::type_error((std::string("the Arrow data is no table but a column of type '") + schema_.get().format +
                              "'; hand in a table with named columns")
                                 .c_str());
    }
    for (const Released<ArrowArray>& chunk : chunks_) {
        if (chunk.get().n_children != schema_.get().n_children) {
            throw nb::type_error("an Arrow record batch has not the columns of its schema");
        }
    }
}

void ArrowTable::read_stream(const nb::object& capsule) {
    Released<ArrowArrayStream> stream(held<ArrowArrayStream>(capsule, "arrow_array_stream"));
    const auto check = [&](int code) {
        if (code != 0) {
            const char* cause = stream.get().get_last_error(&stream.get());
            throw Error(ErrorKind::data,
                        std::string("the Arrow stream cannot be read: ") + (cause == nullptr ? "no cause" : cause));
        }
    };
    check(stream.get().get_schema(&stream.get(), &schema_.get()));
    while (true) {
        Released<ArrowArray> chunk;
        check(stream.get().get_next(&stream.get(), &chunk.get()));
        if (chunk.empty()) {
            return;
        }
        chunks_.push_back(std::move(chunk));
    }
}

void ArrowTable::read_array(const nb::object& capsules) {
    const auto pair = nb::cast<nb::tuple>(capsules);
    auto& schema = held<ArrowSchema>(pair[0], "arrow_schema");
    auto& array = held<ArrowArray>(pair[1], "arrow_array");
    std::swap(schema_.get(), schema);
    chunks_.emplace_back(array);
}

std::list<NamedCells> ArrowTable::columns(const TableBuilder& builder) const {
    std::list<NamedCells> result;  // no cell moves, as others point to it
    const ArrowSchema& table = schema_.get();
    for (std::int64_t i = 0; i < table.n_children; ++i) {
        const ArrowSchema& column = *table.children[i];
        NamedCells& named = result.emplace_back();
        named.name = column.name == nullptr ? "" : column.name;
        named.cells.are_numbers =
            column.dictionary == nullptr && numeric(column.format) && !builder.keeps_spelling(named.name);
        for (const Released<ArrowArray>& chunk : chunks_) {
            const ArrowArray& rows = chunk.get();
            const ArrowArray& array = *rows.children[i];
            if (array.length < rows.offset + rows.length) {
                refuse(column, "it has fewer rows than its record batch");
            }
            append({column, array, array.offset + rows.offset, rows.length}, column, named.cells);
        }
    }
    return result;
}

}  // namespace handgrad::python
