// The sizes that this room refuses to exceed.
#pragma once

#include <cstddef>

namespace handgrad::limits {

inline constexpr std::size_t classes = 10'000;       ///< labels of a classification
inline constexpr std::size_t categories = 10'000;    ///< texts of one categorical column
inline constexpr std::size_t npy_header = 1U << 16;  ///< bytes of an NPY header

}  // namespace handgrad::limits
