// How many operations a formula takes: counted by running its text on a number that counts.
#pragma once

#include <cstddef>
#include <string_view>

#include "handgrad/measure/workload.hpp"

namespace handgrad::measure {

/// Of one number.
struct Operations {
    double flops = 0.0;         ///< + − × ÷ √, and two for a fused multiply-add
    double instructions = 0.0;  ///< of a vector unit: also comparisons, selections, and what is done to bits
    double products = 0.0;  ///< those of them that only a unit for multiply-adds does: × ÷ √ and fused multiply-adds
};

/// Of the functions of the table (Workload::function), rows of which have so many outputs. All zero for an unknown one.
Operations operations(std::string_view function, std::size_t outputs = 1);

/// How many outputs the rows of a function have: 1 for those that work number by number.
std::size_t outputs_of_row(const Workload& workload);

}  // namespace handgrad::measure
