// The version of handgrad, in one place: the build reads it from here too.
#pragma once

#include <string_view>

namespace handgrad {

inline constexpr std::string_view version = "0.1.0";

}  // namespace handgrad
