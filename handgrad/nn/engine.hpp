// Batches of training on the kernels: a network's parameters and optimizer states in their layout, all buffers, and the
// team of threads.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "handgrad/base/matrix.hpp"
#include "handgrad/kernels/simd_level.hpp"
#include "handgrad/kernels/table.hpp"
#include "handgrad/nn/mlp.hpp"
#include "handgrad/nn/packed_network.hpp"
#include "handgrad/nn/passes.hpp"

namespace handgrad {

/// What an engine is made for; nothing is allocated after that.
struct EngineOptions {
    LossFunction loss;
    math::UpdateRule rule = math::UpdateRule::sgd;
    kernels::Work work = kernels::Work::train;
    std::size_t batch = 32;    ///< most rows of a step
    bool row_weights = false;  ///< rows have weights
    bool given = false;        ///< ∂l/∂ŷ is given, no loss (run_given)
    double penalty = 0.0;      ///< α of the L2 penalty that is part of the loss, as the conventions declare it
    Execution execution;
};

/// Rows to work on: `order` says which and in what order; null for all as they come.
template <class T>
struct EngineRows {
    MatrixView<const T> x;
    MatrixView<const T> y;
    const T* weights = nullptr;
    const std::size_t* order = nullptr;
    std::size_t count = 0;
};

/// Parameters and states at one moment.
template <class T>
struct EngineState {
    AlignedVector<T> parameters, first, second;
};

template <class T>
class Engine {
public:
    Engine(const BasicMlp<T>& net, const EngineOptions& options);

    void load(const BasicMlp<T>& net);
    void store(BasicMlp<T>& net) const { store(net, state_); }
    void store(BasicMlp<T>& net, const EngineState<T>& from) const;
    void store_gradient(BasicMlp<T>& gradient) const;
    /// What the optimizer remembers of each parameter, in the user's layout: one network for each number that it keeps
    /// (0, 1 or 2), and back.
    void load_moments(std::span<const BasicMlp<T>> moments);
    void store_moments(std::span<BasicMlp<T>> moments) const { store_moments(moments, state_); }
    void store_moments(std::span<BasicMlp<T>> moments, const EngineState<T>& from) const;

    /// From now on each step ends with the weights of the wrong sign put to 0 (handgrad/nn/monotone.hpp).
    void hold_signs(const BasicMlp<T>& signs);

    /// Runs steps.size() steps of `batch` rows each (the last may be shorter) and fills their losses, penalty included.
    /// Returns the number of steps done: all, or those before the first whose loss is not finite when `stop` is set.
    std::size_t run(const EngineRows<T>& rows, std::size_t batch, std::span<const kernels::StepConstants<T>> steps,
                    std::span<double> losses, bool stop);

    /// One step on rows whose y holds ∂l/∂ŷ: fills yhat, the arena of gradients and, unless it is null, dx = ∂l/∂x.
    /// Only yhat when y is null.
    void run_given(const EngineRows<T>& rows, MatrixView<T> yhat, MatrixView<T> dx);

    [[nodiscard]] const EngineState<T>& state() const { return state_; }
    void restore(const EngineState<T>& state);
    /// Threads that a step uses.
    [[nodiscard]] std::size_t threads() const { return threads_; }

private:
    kernels::TrainingPlan<T> plan_for(const EngineRows<T>& rows, std::size_t batch) const;
    std::size_t run(const kernels::TrainingPlan<T>& plan);
    T* room(std::size_t count);
    T* room_if(bool needed, std::size_t count);
    void choose_split(std::size_t batch, std::size_t most_threads);
    void make_buffers(const EngineOptions& options);
    void make_nodes(std::size_t batch, bool with_gradient);

    PackedNetwork packed_;
    const kernels::Kernels<T>& kernels_;
    kernels::TrainingPlan<T> plan_;
    std::size_t threads_ = 1;
    EngineState<T> state_;
    AlignedVector<T> mirrors_, gradient_, signs_;
    std::vector<AlignedVector<T>> rooms_;
    std::vector<kernels::MemberBuffers<T>> members_;
    std::vector<std::vector<kernels::LayerBuffers<T>>> layers_;
    std::vector<std::vector<const T*>> row_starts_;
    std::vector<std::vector<T*>> arenas_;
    std::vector<T*> nodes_;
    std::vector<double> penalties_, leaf_losses_;
};

}  // namespace handgrad
