// Fills one level's table of kernels; included by the one source file of that level, after its macros.
#pragma once

#include "handgrad/kernels/cholesky.hpp"
#include "handgrad/kernels/inference.hpp"
#include "handgrad/kernels/inference_steps.hpp"
#include "handgrad/kernels/jacobian_loss.hpp"
#include "handgrad/kernels/limits.hpp"
#include "handgrad/kernels/random_bits.hpp"
#include "handgrad/kernels/table.hpp"
#include "handgrad/kernels/training.hpp"
#include "handgrad/kernels/weight_products.hpp"

namespace handgrad::kernels {
namespace {

template <class S>
constexpr Kernels<S> level_kernels() {
    return {.width = panel_width<S>,
            .train = [](const TrainingPlan<S>& plan,
                        const Member& member) { return TrainingMember<S>(plan, member).run(); },
            .infer =
                [](const InferenceNet<S>& net, const InferencePlaces& places, const InferenceCall<S>& call, S* room) {
                    infer<S>({net, places, call, room});
                },
            .row_step = row_step<S>,
            .move = move_parameters<S>,
            .jacobian_leaf = jacobian_leaf<S>,
            .weight_leaf = weight_leaf<S>,
            .add_squares = add_squares<S>,
            .cholesky = cholesky<S>,
            .solve_lower = solve_lower<S>,
            .solve_upper = solve_upper<S>,
            .limits = limit_loops<S>()};
}

}  // namespace
}  // namespace handgrad::kernels
