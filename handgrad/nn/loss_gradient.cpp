// One step of the engine that keeps the gradient instead of using it.
#include "handgrad/nn/loss_gradient.hpp"

#include "handgrad/nn/arguments.hpp"
#include "handgrad/nn/engine.hpp"

namespace handgrad {
namespace {

template <class T>
const BasicMlp<T>& checked(const BasicMlp<T>& net, const LossFunction& function, std::size_t most_rows) {
    checks::network("LossGradient", net);
    checks::loss_function("LossGradient", function);
    checks::largest_batch("LossGradient", most_rows);
    return net;
}

}  // namespace

template <class T>
LossGradient<T>::LossGradient(const BasicMlp<T>& net, const LossFunction& function, std::size_t most_rows,
                              bool row_weights, const Execution& execution)
    : engine_(
          std::make_unique<Engine<T>>(checked(net, function, most_rows), EngineOptions{.loss = function,
                                                                                       .work = kernels::Work::gradient,
                                                                                       .batch = most_rows,
                                                                                       .row_weights = row_weights,
                                                                                       .execution = execution})),
      shape_(net.architecture()),
      most_rows_(most_rows),
      row_weights_(row_weights) {}

template <class T>
LossGradient<T>::~LossGradient() = default;

template <class T>
double LossGradient<T>::operator()(const BasicMlp<T>& net, std::type_identity_t<MatrixView<const T>> x,
                                   std::type_identity_t<MatrixView<const T>> y, BasicMlp<T>& grad,
                                   std::type_identity_t<std::span<const T>> row_weights) {
    checks::batch("LossGradient", shape_, net, x, most_rows_);
    checks::matrix({"LossGradient", "y"}, y, x.rows(), "x has", net.outputs(), checks::puts_out);
    const checks::Argument weights{"LossGradient", "row_weights"};
    if (row_weights_) {
        checks::equal(weights, row_weights.size(), "numbers", "rows there are", x.rows());
    } else {
        checks::equal(weights, row_weights.size(), "numbers", "it was made without any, and needed are", 0);
    }
    if (row_weights_ && row_weights.data() == nullptr) {
        checks::refuse(weights, "is null");
    }
    checks::gradient("LossGradient", net, grad);
    engine_->load(net);
    kernels::StepConstants<T> step;
    step.total_weight = row_weights_ ? checks::total_weight<T>(weights, row_weights) : static_cast<double>(x.rows());
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
