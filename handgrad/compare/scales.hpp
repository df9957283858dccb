// The factors by which a gradient goes wrong as a whole, alone and together.
#pragma once

#include <cstddef>
#include <vector>

#include "handgrad/compare/comparison.hpp"

namespace handgrad::compare {

struct WrongScale {
    double value = 1.0;
    std::vector<Cause> causes;                      ///< the fewest that give it, in the order of Cause
    std::vector<std::vector<Cause>> coincide = {};  ///< others, no more in number, that give the same
};

/// All products of up to `most` of −1, 2, ½, K, 1/K, B, 1/B and 3, 4, 5 (accumulated), each value once, 1 first; by the
/// number of causes, then in the order of Cause. `batch` is B, or the sum of the row weights.
std::vector<WrongScale> wrong_scales(std::size_t outputs, double batch, std::size_t most);

}  // namespace handgrad::compare
