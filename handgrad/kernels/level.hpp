// Fills one level's table of kernels; included by the one source file of that level, after its macros.
#pragma once

#include "handgrad/kernels/table.hpp"
#include "handgrad/kernels/training.hpp"

namespace handgrad::kernels {
namespace {

template <class S>
constexpr Kernels<S> level_kernels() {
    return {.width = panel_width<S>, .train = [](const TrainingPlan<S>& plan, const Member& member) {
                return TrainingMember<S>(plan, member).run();
            }};
}

}  // namespace
}  // namespace handgrad::kernels
