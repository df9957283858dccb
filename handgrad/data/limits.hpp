// The sizes that this room refuses to exceed.
#pragma once

#include <cstddef>

namespace handgrad::limits {

inline constexpr std::size_t classes = 10'000;           ///< labels of a classification
inline constexpr std::size_t categories = 10'000;        ///< texts of one categorical column
inline constexpr std::size_t npy_header = 1U << 16;      ///< bytes of an NPY header
inline constexpr std::size_t npy_rank = 8;               ///< axes of an NPY array in an archive
inline constexpr std::size_t npz_entries = 65'536;       ///< arrays of an NPZ archive
inline constexpr std::size_t npz_name = 1024;            ///< bytes of the name of one
inline constexpr std::size_t npz_inflate_ratio = 1'000;  ///< bytes that one packed byte may become

}  // namespace handgrad::limits
