// IDX files, the format of MNIST and its family: big-endian, images flattened to one row each.
#include <cstdint>
#include <optional>

#include "handgrad/base/error.hpp"
#include "handgrad/data/binary_table.hpp"
#include "handgrad/data/table.hpp"

namespace handgrad {
namespace {

[[noreturn]] void fail(const std::string& source, std::size_t byte, const std::string& cause) {
    throw Error(ErrorKind::data, source + ": byte " + std::to_string(byte) + ": " + cause);
}

std::optional<Element> element_of(std::uint8_t type) {
    switch (type) {
        case 0x08:
            return Element::u8;
        case 0x09:
            return Element::i8;
        case 0x0B:
            return Element::i16;
        case 0x0C:
            return Element::i32;
        case 0x0D:
            return Element::f32;
        case 0x0E:
            return Element::f64;
        default:
            return std::nullopt;
    }
}

/// What stands before the numbers.
struct IdxHeader {
    ArrayLayout layout;
    std::optional<std::size_t> size;  ///< bytes of the numbers; none where memory cannot address so many
    std::size_t start;
};

IdxHeader read_header(std::string_view bytes, const std::string& source) {
    const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(bytes[i]); };
    if (bytes.size() < 4) {
        fail(source, bytes.size(), "cut off in the first 4 bytes of an IDX file");
    }
    if (byte(0) != 0 || byte(1) != 0) {
        fail(source, 0, "not an IDX file, which starts with two zero bytes");
    }
    const std::optional<Element> element = element_of(byte(2));
    if (!element) {
        fail(source, 2, "the IDX type " + std::to_string(byte(2)) + " is unknown (known: 8, 9, 11, 12, 13, 14)");
    }
    const std::size_t dimensions = byte(3);
    const std::size_t start = 4 + 4 * dimensions;
    if (dimensions == 0) {
        fail(source, 3, "an array without dimensions, a single number; a table needs rows");
    }
    if (bytes.size() < start) {
        fail(source, bytes.size(), "cut off in the lengths of " + std::to_string(dimensions) + " dimensions");
    }
    ArrayLayout layout{.rows = 1, .columns = 1, .element = *element, .big_endian = true, .column_major = false};
    bool countable = true;
    for (std::size_t d = 0; d < dimensions; ++d) {
        const std::size_t at = 4 + 4 * d;
        std::size_t length = 0;
        for (std::size_t i = 0; i < 4; ++i) {
            length = length << 8U | byte(at + i);
        }
        if (length == 0) {
            fail(source, at, "dimension " + std::to_string(d + 1) + " has the length 0: the array is empty");
        }
        std::size_t& side = d == 0 ? layout.rows : layout.columns;
        countable = !__builtin_mul_overflow(side, length, &side) && countable;
    }
    return {layout, countable ? bytes_of(layout) : std::nullopt, start};
}

}  // namespace

void judge_idx(std::string_view first, const std::string& source) { static_cast<void>(read_header(first, source)); }

Table read_idx(std::string_view bytes, const std::string& source) {
    const auto [layout, size, start] = read_header(bytes, source);
    if (size != bytes.size() - start) {
        fail(source, start,
             "the dimensions need " + text_of_bytes(size) + ", but " + std::to_string(bytes.size() - start) +
                 " follow; fetch the file again");
    }
    return table_of_array(bytes.substr(start), layout, source);
}

}  // namespace handgrad
