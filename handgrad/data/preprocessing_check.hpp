// What must hold of columns, whoever made them: a fit here, or the writer of a file.
#pragma once

#include <cstddef>

#include "handgrad/data/preprocessing.hpp"
#include "handgrad/data/table.hpp"

namespace handgrad {

/// Raises Error(data) naming what no fit makes: a column without a name or there twice, a scale that is no normal
/// number above 0, categories or classes that are not in order or too many, classes of a regression, signs of numbers
/// that cannot work …
void check(const Preprocessing& preprocessing);

/// The inputs of a categorical column are as many as it has texts, so that a small table may make a huge dense one.
/// Raises Error(data), with the size of so many rows, before the memory is asked for.
void refuse_huge(const Preprocessing& fitted, const Table& table, std::size_t rows, std::size_t bytes_each);

}  // namespace handgrad
