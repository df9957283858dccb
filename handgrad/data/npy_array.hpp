// One NPY array of any rank as plain numbers, for readers of archives of them.
#pragma once

#include <string>
#include <string_view>

#include "handgrad/data/npz.hpp"

namespace handgrad {

/// The array, without a name. Raises Error(data) as read_npy does, but for every shape of at most 8 axes.
NamedArray read_npy_array(std::string_view bytes, const std::string& source);

}  // namespace handgrad
