// Points of the unit cube at which a search looks: spread evenly, or by chance.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace handgrad::selection {

enum class SearchMethod { sobol, random };

/// As many dimensions as the points have at most.
inline constexpr std::size_t most_dimensions = 12;

/// Coordinate `dimension` of point `index` of Sobol's sequence, as a multiple of 2⁻³², without a shift: the direction
/// numbers are those of S. Joe and F. Y. Kuo, “Constructing Sobol sequences with better two-dimensional projections”,
/// SIAM J. Sci. Comput. 30 (2008), table new-joe-kuo-6.21201; the points come in the order of the Gray code.
std::uint32_t sobol(std::uint32_t index, std::size_t dimension);

/// Point `index` in so many dimensions, each coordinate in (0, 1): of Sobol's sequence, whose bits are turned by a
/// shift of each dimension that the seed draws, or drawn by chance. At most most_dimensions.
std::vector<double> search_point(SearchMethod method, std::size_t index, std::size_t dimensions, std::uint64_t seed);

}  // namespace handgrad::selection
