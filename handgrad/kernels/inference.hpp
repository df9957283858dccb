// A call of inference: outputs of a trained network and their derivatives by its input, a tile of rows or one at a
// time.
#pragma once

#include <cstddef>

#include "handgrad/kernels/inference_derivatives.hpp"
#include "handgrad/kernels/inference_hessian.hpp"
#include "handgrad/kernels/inference_plan.hpp"
#include "handgrad/kernels/inference_row.hpp"
#include "handgrad/kernels/inference_task.hpp"
#include "handgrad/kernels/inference_tile.hpp"
#include "handgrad/kernels/plan.hpp"

namespace handgrad::kernels {
namespace {

template <class S>
void infer(const InferenceTask<S>& task) {
    const std::size_t capacity = task.places.capacity;
    const InferenceWork work = task.call.work;
    for (std::size_t first = 0; first < task.call.rows; first += capacity) {
        const std::size_t rows = smaller(task.call.rows - first, capacity);
        if (capacity == 1) {
            forward_row(task, first);
        } else {
            forward_tile(task, first, rows);
        }
        if (work == InferenceWork::jacobian) {
            jacobian(task, first, rows);
        } else if (work == InferenceWork::vector_jacobian) {
            vector_jacobian(task, first, rows);
        } else if (work == InferenceWork::jacobian_vector) {
            jacobian_vector(task, first, rows);
        } else if (work == InferenceWork::hessian) {
            hessian(task, first, rows);
        } else if (work == InferenceWork::weighted_hessian) {
            weighted_hessian(task, first, rows);
        } else if (work == InferenceWork::hessian_vector) {
            hessian_vector(task, first, rows);
        }
    }
}

}  // namespace
}  // namespace handgrad::kernels
