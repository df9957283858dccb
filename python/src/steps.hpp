// The five steps for Python: a network with its gradient, and what one pass forward leaves for the pass backward.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>

#include "handgrad/nn/loss_gradient.hpp"
#include "handgrad/nn/vector_jacobian.hpp"
#include "python/src/network.hpp"

namespace handgrad::python {

/// Kernels made ready for a network, its gradient, and numbers in between. The kernels are made again for larger
/// batches.
template <class T>
struct Steps {
    explicit Steps(const BasicMlp<T>& net)
        : gradient(std::make_shared<AnyMlp>(BasicMlp<T>::zeros_like(net))), latest(BasicMlp<T>::zeros_like(net)) {}

    BasicMlp<T>& sum() { return std::get<BasicMlp<T>>(*gradient); }
    VectorJacobian<T>& product(const BasicMlp<T>& net, std::size_t rows);
    LossGradient<T>& loss(const BasicMlp<T>& net, const LossFunction& function, std::size_t rows, bool row_weights);

    std::shared_ptr<AnyMlp> gradient;  ///< what backward() adds to
    BasicMlp<T> latest;                ///< the gradient that was computed last …
    std::uint64_t latest_of = 0;       ///< … and of which named loss, counted from 1; 0: of none
    double last_weight = 0.0;          ///< of the rows that backward() has seen last, for the penalty of a batch
    nb::object recent[2];              ///< tapes of the last passes forward, to be used again
    std::size_t turn = 0;
    std::mutex mutex;  ///< the kernels work for one thread at a time

private:
    template <class Kernel>
    struct Ready {
        std::optional<Kernel> kernel;
        std::size_t rows = 0;
    };
    Ready<VectorJacobian<T>> product_;
    Ready<LossGradient<T>> loss_;
    LossFunction loss_function_;
    bool row_weights_ = false;
};

}  // namespace handgrad::python
