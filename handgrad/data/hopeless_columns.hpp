// Columns of which nothing can be learned as they are: empty ones, and texts that nearly every row has others of.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "handgrad/data/preprocessing.hpp"
#include "handgrad/data/table.hpp"

namespace handgrad {

/// Raises Error(data) at the first such column, naming all others of its kind: an empty one, or one of texts of which
/// more than half are different, or more than 20 and than a tenth of the rows, unless options.categorical has it.
/// Columns that refuse_odd_cells() refuses are left to it.
void refuse_hopeless(const Table& table, const std::vector<const Column*>& columns, std::span<const std::size_t> rows,
                     const PreprocessingOptions& options);

}  // namespace handgrad
