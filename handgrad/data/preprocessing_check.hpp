// What must hold of columns, whoever made them: a fit here, or the writer of a file.
#pragma once

#include "handgrad/data/preprocessing.hpp"

namespace handgrad {

/// Raises Error(data) naming what no fit makes: a column without a name or there twice, a scale that is no normal
/// number above 0, categories or classes that are not in order or too many, classes of a regression, signs of numbers
/// that cannot work …
void check(const Preprocessing& preprocessing);

}  // namespace handgrad
