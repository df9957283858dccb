// Settings of the library as options: how they are said on a command line.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "handgrad/base/error.hpp"

namespace handgrad::cli {

/// `learning_rate` is said `--learning-rate`.
std::string option_of(std::string_view setting);
/// ` (--impute mean, --drop)` behind a message of the library that is about these settings; empty for none.
std::string said_here(std::span<const SettingHint> settings);

}  // namespace handgrad::cli
