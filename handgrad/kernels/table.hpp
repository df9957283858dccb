// The kernels of every instruction set behind one table of functions.
#pragma once

#include <cstddef>

#include "handgrad/base/random.hpp"
#include "handgrad/kernels/inference_plan.hpp"
#include "handgrad/kernels/limit_loops.hpp"
#include "handgrad/kernels/plan.hpp"
#include "handgrad/kernels/simd_level.hpp"

namespace handgrad::kernels {

template <class T>
struct Kernels {
    std::size_t width;  ///< units in a panel
    /// Runs the plan as one member of its team; returns the steps done: all, or those before the first whose loss is
    /// not finite.
    std::size_t (*train)(const TrainingPlan<T>&, const Member&);
    /// Does one call's work on its rows, tile after tile, in the scratch `room`.
    void (*infer)(const InferenceNet<T>&, const InferencePlaces&, const InferenceCall<T>&, T* room);
    /// The step for layer l of a network, for ŷ of one row; `places` are those of one row.
    RowStep<T> (*row_step)(const InferenceNet<T>&, const InferencePlaces& places, std::size_t l);
    /// Step 5 on `count` parameters w that lie one after the other, as their gradients g do and what the optimizer
    /// remembers of them (first, second: null where the rule has none).
    void (*move)(math::UpdateRule rule, const math::UpdateConstants<T>& constants, const T* g, std::size_t count, T* w,
                 T* first, T* second);
    /// Σ wᵣ sᵣ of the Jacobian term over a leaf of rows, and its gradient (kernels/jacobian_loss.hpp).
    double (*jacobian_leaf)(const JacobianLeaf<T>&);
    /// Derivatives by the weights over a leaf of rows (kernels/weight_products.hpp).
    double (*weight_leaf)(RowWork, const WeightLeaf<T>&);
    /// Symmetric matrices (kernels/cholesky.hpp).
    void (*add_squares)(const T* panels, std::size_t terms, const UpperTriangle<T>& to, std::size_t member,
                        std::size_t members);
    std::size_t (*cholesky)(const UpperTriangle<T>&, std::size_t columns, T* room);
    void (*solve_lower)(const UpperTriangle<T>&, T* b, T* y);
    void (*solve_upper)(const UpperTriangle<T>&, T* b);
    /// What the processor can do at most, to be measured (handgrad/measure).
    LimitLoops<T> limits;
};
struct Table {
    Kernels<float> single_precision;
    Kernels<double> double_precision;
    RandomBits random_bits;
};
/// The kernels of a level that is available.
const Table& table(SimdLevel level);

template <class T>
const Kernels<T>& kernels(SimdLevel level) {
    if constexpr (sizeof(T) == sizeof(float)) {
        return table(level).single_precision;
    } else {
        return table(level).double_precision;
    }
}

}  // namespace handgrad::kernels
