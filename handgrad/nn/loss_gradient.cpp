// One step of the engine that keeps the gradient instead of using it.
#include "handgrad/nn/loss_gradient.hpp"

#include <cassert>

#include "handgrad/nn/engine.hpp"

namespace handgrad {

template <class T>
LossGradient<T>::LossGradient(const BasicMlp<T>& net, const LossFunction& function, std::size_t most_rows,
                              bool row_weights, const Execution& execution)
    : engine_(std::make_unique<Engine<T>>(net, EngineOptions{.loss = function,
                                                             .work = kernels::Work::gradient,
                                                             .batch = most_rows,
                                                             .row_weights = row_weights,
                                                             .execution = execution})),
      most_rows_(most_rows),
      row_weights_(row_weights) {}

template <class T>
LossGradient<T>::~LossGradient() = default;

template <class T>
double LossGradient<T>::operator()(const BasicMlp<T>& net, std::type_identity_t<MatrixView<const T>> x,
                                   std::type_identity_t<MatrixView<const T>> y, BasicMlp<T>& grad,
                                   std::type_identity_t<std::span<const T>> row_weights) {
    assert(x.rows() > 0 && x.rows() <= most_rows_ && x.columns() == net.inputs());
    assert(y.rows() == x.rows() && y.columns() == net.outputs() && row_weights.empty() != row_weights_);
    engine_->load(net);
    kernels::StepConstants<T> step;
    step.total_weight = row_weights_ ? 0.0 : static_cast<double>(x.rows());
    for (const T weight : row_weights) {
        step.total_weight += static_cast<double>(weight);
    }
    double loss = 0.0;
    engine_->run(
        {.x = x, .y = y, .weights = row_weights_ ? row_weights.data() : nullptr, .order = nullptr, .count = x.rows()},
        x.rows(), {&step, 1}, {&loss, 1}, false);
    engine_->store_gradient(grad);
    return loss;
}

template class LossGradient<float>;
template class LossGradient<double>;

}  // namespace handgrad
