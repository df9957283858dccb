// The passes for float and double, compiled once.
#include "handgrad/nn/passes.hpp"

#include "handgrad/nn/plain_loops.hpp"

namespace handgrad {

template <class T>
void forward(const BasicMlp<T>& net, std::type_identity_t<MatrixView<const T>> x, BasicTape<T>& tape) {
    plain::forward(net, x, tape);
}

template <class T>
double loss(const LossFunction& function, const TapeLayer<T>& output, std::type_identity_t<MatrixView<const T>> y,
            TapeLayer<T>& doutput, std::type_identity_t<std::span<const T>> row_weights) {
    return plain::loss<T>(function, output, y, &doutput, row_weights);
}

template <class T>
double loss_value(const LossFunction& function, const TapeLayer<T>& output, std::type_identity_t<MatrixView<const T>> y,
                  std::type_identity_t<std::span<const T>> row_weights) {
    return plain::loss<T>(function, output, y, nullptr, row_weights);
}

template <class T>
void output_backward(const TapeLayer<T>& output, TapeLayer<T>& doutput, std::size_t rows) {
    plain::activation_backward(output, doutput, rows);
}

template <class T>
void backward(const BasicMlp<T>& net, const BasicTape<T>& tape, BasicTape<T>& dtape, BasicMlp<T>& grad) {
    plain::backward(net, tape, dtape, grad);
}

template <class T>
void jacobian(const BasicMlp<T>& net, const BasicTape<T>& tape, std::size_t row,
              std::type_identity_t<MatrixView<T>> result) {
    plain::jacobian(net, tape, row, result);
}

template <class T>
double penalty(const BasicMlp<T>& net, double alpha, std::size_t rows, BasicMlp<T>* grad) {
    return plain::penalty(net, alpha, rows, grad);
}

#define HANDGRAD_INSTANTIATE(T)                                                                                    \
    template void forward(const BasicMlp<T>&, MatrixView<const T>, BasicTape<T>&);                                 \
    template double loss(const LossFunction&, const TapeLayer<T>&, MatrixView<const T>, TapeLayer<T>&,             \
                         std::span<const T>);                                                                      \
    template double loss_value(const LossFunction&, const TapeLayer<T>&, MatrixView<const T>, std::span<const T>); \
    template void output_backward(const TapeLayer<T>&, TapeLayer<T>&, std::size_t);                                \
    template void backward(const BasicMlp<T>&, const BasicTape<T>&, BasicTape<T>&, BasicMlp<T>&);                  \
    template void jacobian(const BasicMlp<T>&, const BasicTape<T>&, std::size_t, MatrixView<T>);                   \
    template double penalty(const BasicMlp<T>&, double, std::size_t, BasicMlp<T>*);
HANDGRAD_INSTANTIATE(float)
HANDGRAD_INSTANTIATE(double)
#undef HANDGRAD_INSTANTIATE

}  // namespace handgrad
