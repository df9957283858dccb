// One NPY array of any rank as plain numbers, for readers of archives of them.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "handgrad/data/npz.hpp"

namespace handgrad {

/// The array, without a name. Raises Error(data) as read_npy does, but for every shape of at most 8 axes.
NamedArray read_npy_array(std::string_view bytes, const std::string& source);

/// As Python writes the tuple: `(3,)`, `(3, 4)`.
std::string shape_text(const std::vector<std::size_t>& shape);

}  // namespace handgrad
