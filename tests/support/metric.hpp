// One of several metrics by its name.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "handgrad/train/metrics.hpp"

namespace handgrad {

inline double metric(const Metrics& metrics, const std::string& name) {
    const auto found = std::ranges::find(metrics, name, &Metrics::value_type::first);
    if (found == metrics.end()) {
        ADD_FAILURE() << "there is no metric " << name;
        return 0.0;
    }
    return found->second;
}

}  // namespace handgrad
