// One step of the engine whose ∂l/∂ŷ comes from outside.
#include "handgrad/nn/vector_jacobian.hpp"

#include "handgrad/nn/arguments.hpp"
#include "handgrad/nn/engine.hpp"

namespace handgrad {
namespace {

constexpr const char* place = "VectorJacobian";

template <class T>
const BasicMlp<T>& checked(const BasicMlp<T>& net, std::size_t most_rows) {
    checks::network(place, net);
    checks::largest_batch(place, most_rows);
    return net;
}

/// ŷ, which is written in every call.
template <class T>
void check_yhat(MatrixView<const T> x, std::size_t outputs, MatrixView<T> yhat) {
    checks::matrix({place, "yhat"}, yhat, x.rows(), "x has", outputs, checks::puts_out);
    checks::apart(place, "x", x, "yhat", yhat);
}

}  // namespace

template <class T>
VectorJacobian<T>::VectorJacobian(const BasicMlp<T>& net, std::size_t most_rows, const Execution& execution)
    : engine_(std::make_unique<Engine<T>>(
          checked(net, most_rows),
          EngineOptions{.work = kernels::Work::gradient, .batch = most_rows, .given = true, .execution = execution})),
      shape_(net.architecture()),
      most_rows_(most_rows) {}

template <class T>
VectorJacobian<T>::~VectorJacobian() = default;

template <class T>
void VectorJacobian<T>::forward(const BasicMlp<T>& net, std::type_identity_t<MatrixView<const T>> x,
                                std::type_identity_t<MatrixView<T>> yhat) {
    checks::batch(place, shape_, net, x, most_rows_);
    check_yhat(x, net.outputs(), yhat);
    engine_->load(net);
    engine_->run_given({.x = x, .count = x.rows()}, yhat, {});
}

template <class T>
void VectorJacobian<T>::operator()(const BasicMlp<T>& net, std::type_identity_t<MatrixView<const T>> x,
                                   std::type_identity_t<MatrixView<const T>> dl_dyhat,
                                   std::type_identity_t<MatrixView<T>> yhat, BasicMlp<T>& grad,
                                   std::type_identity_t<MatrixView<T>> dl_dx) {
    checks::batch(place, shape_, net, x, most_rows_);
    checks::matrix({place, "dl_dyhat"}, dl_dyhat, x.rows(), "x has", net.outputs(), checks::puts_out);
    check_yhat(x, net.outputs(), yhat);
    checks::apart(place, "dl_dyhat", dl_dyhat, "yhat", yhat);
    checks::gradient(place, net, grad);
    if (dl_dx.data() != nullptr) {
        checks::matrix({place, "dl_dx"}, dl_dx, x.rows(), "x has", net.inputs(), checks::takes);
        checks::apart(place, "x", x, "dl_dx", dl_dx);
        checks::apart(place, "dl_dyhat", dl_dyhat, "dl_dx", dl_dx);
        checks::apart(place, "yhat", yhat, "dl_dx", dl_dx);
    }
    engine_->load(net);
    engine_->run_given({.x = x, .y = dl_dyhat, .count = x.rows()}, yhat, dl_dx);
    engine_->store_gradient(grad);
}

template class VectorJacobian<float>;
template class VectorJacobian<double>;

}  // namespace handgrad
