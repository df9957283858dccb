// An NPY header and the bytes behind it for each array, then the archive around them.
#include "handgrad/data/npz_writer.hpp"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <string_view>
#include <type_traits>
#include <utility>

#include "handgrad/base/utf8.hpp"
#include "handgrad/data/npy_array.hpp"
#include "handgrad/data/zip.hpp"

namespace handgrad {
namespace {

static_assert(std::endian::native == std::endian::little, "numbers are written as they lie in memory");

template <class T>
std::string descr_of() {
    return std::is_same_v<T, double> ? "<f8" : "<f4";
}

template <class T>
void append(std::string& bytes, std::span<const T> values) {
    bytes.append(reinterpret_cast<const char*>(values.data()), values.size_bytes());
}

/// The characters of a sound UTF-8 text.
std::u32string code_points(std::string_view text) {
    std::u32string result;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if ((byte & 0xC0U) == 0x80U) {  // the next six bits of the character that has begun
            result.back() = result.back() << 6U | (byte & 0x3FU);
        } else if (byte < 0x80U) {
            result += byte;
        } else {
            const unsigned int ones = static_cast<unsigned int>(std::countl_one(byte));
            result += static_cast<char32_t>(byte & (0x7FU >> ones));
        }
    }
    return result;
}

/// Version 1 of the format: the magic bytes, the length of the header in two bytes, the header, padded to 64 bytes.
std::string npy_bytes(const NpyArray& array) {
    constexpr std::size_t alignment = 64, before = 10;
    std::string header =
        "{'descr': '" + array.descr + "', 'fortran_order': False, 'shape': " + shape_text(array.shape) + ", }";
    const std::size_t end = before + header.size() + 1;
    header.append((alignment - end % alignment) % alignment, ' ');
    header += '\n';
    std::string bytes = "\x93NUMPY";
    bytes += '\x01';
    bytes += '\0';
    bytes += static_cast<char>(header.size() & 0xFFU);
    bytes += static_cast<char>(header.size() >> 8U);
    return bytes + header + array.bytes;
}

}  // namespace

template <class T>
NpyArray npy_array(std::string name, const Matrix<T>& values) {
    NpyArray array{std::move(name), descr_of<T>(), {values.rows(), values.columns()}, {}};
    for (std::size_t i = 0; i < values.rows(); ++i) {
        append<T>(array.bytes, values.row(i));
    }
    return array;
}

template <class T>
NpyArray npy_array(std::string name, std::span<const T> values) {
    NpyArray array{std::move(name), descr_of<T>(), {values.size()}, {}};
    append(array.bytes, values);
    return array;
}

NpyArray npy_array(std::string name, const std::vector<std::string>& texts) {
    std::vector<std::u32string> decoded;
    std::size_t widest = 1;  // NumPy has no text of no width
    for (const std::string& text : texts) {
        decoded.push_back(code_points(replace_invalid_utf8(text)));
        widest = std::max(widest, decoded.back().size());
    }
    NpyArray array{std::move(name), "<U" + std::to_string(widest), {texts.size()}, {}};
    for (std::u32string& text : decoded) {
        text.resize(widest, U'\0');
        append<char32_t>(array.bytes, text);
    }
    return array;
}

std::string npz_bytes(const std::vector<NpyArray>& arrays) {
    std::vector<ZipFile> files;
    files.reserve(arrays.size());
    for (const NpyArray& array : arrays) {
        files.push_back({array.name + ".npy", npy_bytes(array)});
    }
    return zip_bytes(files);
}

template NpyArray npy_array(std::string, const Matrix<float>&);
template NpyArray npy_array(std::string, const Matrix<double>&);
template NpyArray npy_array(std::string, std::span<const float>);
template NpyArray npy_array(std::string, std::span<const double>);

}  // namespace handgrad
