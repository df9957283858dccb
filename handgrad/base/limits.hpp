// The sizes that readers of files refuse to exceed, all in one place: what a stranger's file may cost.
#pragma once

#include <cstddef>

namespace handgrad::limits {

// Names: of a tensor, of an array in an archive, of a column. Nobody needs longer ones, and lists of them are printed.
inline constexpr std::size_t name_bytes = 1024;

// Tensor files, and so model files.
inline constexpr std::size_t header_bytes = std::size_t{16} << 20;
inline constexpr std::size_t tensors = 65'536;
inline constexpr std::size_t tensor_rank = 8;
inline constexpr std::size_t json_depth = 16;
inline constexpr std::size_t json_values = std::size_t{1} << 20;

// Files that are read whole.
inline constexpr std::size_t config_bytes = std::size_t{1} << 20;  ///< of a configuration file
/// Of any other: a third of the memory that there is, since what is made of a file needs twice as much again; asked for
/// only where it could matter.
inline constexpr std::size_t always_read_bytes = std::size_t{1} << 26;
inline constexpr std::size_t memory_for_a_byte = 3;
constexpr std::size_t read_bytes(std::size_t memory) {
    const std::size_t most = memory / memory_for_a_byte;
    return most > always_read_bytes ? most : always_read_bytes;
}

// Networks.
inline constexpr std::size_t layers = 1024;
inline constexpr std::size_t width = std::size_t{1} << 24;  ///< units of a layer

// Tables.
inline constexpr std::size_t columns = 130'000;      ///< each costs half a kilobyte, and 8 JSON values in a model
inline constexpr std::size_t classes = 10'000;       ///< labels of a classification
inline constexpr std::size_t categories = 10'000;    ///< texts of one categorical column, beside that of missing cells
inline constexpr std::size_t npy_header = 1U << 16;  ///< bytes of an NPY header
inline constexpr std::size_t npy_rank = 8;           ///< axes of an NPY array in an archive
inline constexpr std::size_t npz_entries = 65'536;   ///< arrays of an NPZ archive
inline constexpr std::size_t npz_inflate_ratio = 1'000;  ///< bytes that one packed byte of an entry may become

/// What the packed bytes of a whole file may become: of small files 16 MiB, of others 64 times their size. Who trusts a
/// file that unpacks to more unpacks it first, and then the bytes are really there.
constexpr std::size_t unpacked(std::size_t packed) {
    constexpr std::size_t always = std::size_t{16} << 20, times = 64;
    return always + times * packed;
}

/// ∂ŷ/∂x of one row: a network of many inputs and outputs and few units between is small itself.
inline constexpr std::size_t derivatives = std::size_t{1} << 20;

/// Numbers of a dense table: what texts make, one input for each category, and derivatives by each input. Always 2^28
/// (1 GiB in float), else 64 for each cell of the table.
constexpr std::size_t dense_numbers(std::size_t cells) {
    constexpr std::size_t always = std::size_t{1} << 28, times = 64;
    return cells > always / times ? times * cells : always;
}

}  // namespace handgrad::limits
