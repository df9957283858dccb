// Errors that name settings, which whoever speaks to the user says in their own way.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "handgrad/base/error.hpp"

namespace handgrad {

using Hints = std::vector<SettingHint>;

/// Raises an Error about these settings (base/error.hpp).
[[noreturn]] inline void fail_about(ErrorKind kind, const std::string& message, const Hints& settings) {
    Error error(kind, message);
    for (const auto& [name, value] : settings) {
        error = std::move(error).about(name, value);
    }
    throw error;
}

}  // namespace handgrad
