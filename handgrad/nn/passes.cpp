// The passes for float and double, compiled once.
#include "handgrad/nn/passes.hpp"

#include <cmath>

#include "handgrad/nn/arguments.hpp"
#include "handgrad/nn/plain_loops.hpp"

namespace handgrad {
namespace {

/// The layer that a loss starts from, and y with it.
template <class T>
void check_loss(const char* function, const LossFunction& which, const TapeLayer<T>& output, MatrixView<const T> y,
                std::span<const T> row_weights) {
    checks::loss_function(function, which);
    for (const Matrix<T>* values : {&output.z, &output.a}) {
        checks::equal({function, "y"}, y.columns(), "columns", "the output layer has", values->columns());
        checks::at_most({function, "y"}, y.rows(), "rows", "the output layer has", values->rows());
    }
    if (row_weights.data() == nullptr && !row_weights.empty()) {
        checks::refuse({function, "row_weights"}, "is null");
    }
    if (!row_weights.empty()) {
        checks::equal({function, "row_weights"}, row_weights.size(), "numbers", "rows there are", y.rows());
        checks::total_weight<T>({function, "row_weights"}, row_weights);
    }
}

/// The layer that takes the derivatives of so many rows of `output`.
template <class T>
void check_doutput(const char* function, const TapeLayer<T>& output, const TapeLayer<T>& doutput, std::size_t rows) {
    for (const Matrix<T>* values : {&doutput.z, &doutput.a}) {
        checks::equal({function, "doutput"}, values->columns(), "columns", "the output layer has", output.a.columns());
        if (values->rows() < rows) {
            checks::refuse_count({function, "doutput"}, values->rows(), "rows", "needed are", rows);
        }
    }
    if (&output == &doutput) {
        checks::refuse_overlap(function, "output", "doutput");
    }
}

}  // namespace

template <class T>
void forward(const BasicMlp<T>& net, std::type_identity_t<MatrixView<const T>> x, BasicTape<T>& tape) {
    checks::network("forward", net);
    checks::equal({"forward", "x"}, x.columns(), "columns", checks::takes, net.inputs());
    checks::at_most({"forward", "x"}, x.rows(), "rows", "the tape was made for", tape.capacity());
    checks::tape({"forward", "tape"}, net, tape, x.rows());
    checks::apart_from_tape("forward", "x", tape, "tape", x);
    plain::forward(net, x, tape);
}

template <class T>
double loss(const LossFunction& function, const TapeLayer<T>& output, std::type_identity_t<MatrixView<const T>> y,
            TapeLayer<T>& doutput, std::type_identity_t<std::span<const T>> row_weights) {
    check_loss("loss", function, output, y, row_weights);
    check_doutput("loss", output, doutput, y.rows());
    for (const Matrix<T>* written : {&doutput.z, &doutput.a}) {
        checks::apart("loss", "y", y, "doutput", written->view());
    }
    return plain::loss<T>(function, output, y, &doutput, row_weights);
}

template <class T>
double loss_value(const LossFunction& function, const TapeLayer<T>& output, std::type_identity_t<MatrixView<const T>> y,
                  std::type_identity_t<std::span<const T>> row_weights) {
    check_loss("loss_value", function, output, y, row_weights);
    return plain::loss<T>(function, output, y, nullptr, row_weights);
}

template <class T>
void output_backward(const TapeLayer<T>& output, TapeLayer<T>& doutput, std::size_t rows) {
    for (const Matrix<T>* values : {&output.z, &output.a}) {
        checks::equal({"output_backward", "output"}, values->columns(), "columns", "its a has", output.a.columns());
        checks::at_most({"output_backward", "rows"}, rows, "rows", "the output layer has", values->rows());
    }
    check_doutput("output_backward", output, doutput, rows);
    plain::activation_backward(output, doutput, rows);
}

template <class T>
void backward(const BasicMlp<T>& net, const BasicTape<T>& tape, BasicTape<T>& dtape, BasicMlp<T>& grad) {
    checks::network("backward", net);
    checks::filled_tape({"backward", "tape"}, net, tape);
    checks::tape({"backward", "dtape"}, net, dtape, tape.rows());
    if (dtape.capacity() < tape.rows()) {
        checks::refuse_count({"backward", "dtape"}, dtape.capacity(), "rows", "the tape has", tape.rows());
    }
    if (&tape == &dtape) {
        checks::refuse_overlap("backward", "tape", "dtape");
    }
    checks::gradient("backward", net, grad);
    plain::backward(net, tape, dtape, grad);
}

template <class T>
void jacobian(const BasicMlp<T>& net, const BasicTape<T>& tape, std::size_t row,
              std::type_identity_t<MatrixView<T>> result) {
    checks::network("jacobian", net);
    checks::filled_tape({"jacobian", "tape"}, net, tape);
    checks::below({"jacobian", "row"}, row, "rows", tape.rows());
    checks::matrix({"jacobian", "result"}, result, net.outputs(), checks::puts_out, net.inputs(), checks::takes);
    checks::apart("jacobian", "net", net.parameters(), "result", result);
    checks::apart_from_tape("jacobian", "tape", tape, "result", result);
    plain::jacobian(net, tape, row, result);
}

template <class T>
void hessian(const BasicMlp<T>& net, const BasicTape<T>& tape, std::size_t row,
             std::type_identity_t<std::span<const T>> lambda, std::type_identity_t<MatrixView<T>> result) {
    checks::network("hessian", net);
    checks::filled_tape({"hessian", "tape"}, net, tape);
    checks::below({"hessian", "row"}, row, "rows", tape.rows());
    checks::equal({"hessian", "lambda"}, lambda.size(), "numbers", checks::puts_out, net.outputs());
    checks::matrix({"hessian", "result"}, result, net.inputs(), checks::takes, net.inputs(), checks::takes);
    checks::apart("hessian", "net", net.parameters(), "result", result);
    checks::apart("hessian", "lambda", lambda, "result", result);
    checks::apart_from_tape("hessian", "tape", tape, "result", result);
    plain::hessian<T>(net, tape, row, lambda, result);
}

template <class T>
double jacobian_loss(const BasicMlp<T>& net, std::type_identity_t<MatrixView<const T>> x,
                     std::type_identity_t<MatrixView<const T>> targets, double strength, BasicMlp<T>* grad,
                     std::type_identity_t<std::span<const T>> row_weights) {
    checks::network("jacobian_loss", net);
    checks::jacobian_targets("jacobian_loss", net, x, targets);
    checks::strength({"jacobian_loss", "strength"}, strength);
    if (row_weights.data() == nullptr && !row_weights.empty()) {
        checks::refuse({"jacobian_loss", "row_weights"}, "is null");
    }
    if (!row_weights.empty()) {
        checks::equal({"jacobian_loss", "row_weights"}, row_weights.size(), "numbers", "rows there are", x.rows());
        checks::total_weight<T>({"jacobian_loss", "row_weights"}, row_weights);
    }
    if (grad != nullptr) {
        checks::gradient("jacobian_loss", net, *grad);
        checks::apart("jacobian_loss", "x", x, "grad", grad->parameters());
        checks::apart("jacobian_loss", "targets", targets, "grad", grad->parameters());
    }
    return plain::jacobian_loss<T>(net, x, targets, strength, row_weights, grad);
}

template <class T>
double penalty(const BasicMlp<T>& net, double alpha, double total_weight, BasicMlp<T>* grad) {
    checks::network("penalty", net);
    checks::strength({"penalty", "alpha"}, alpha);
    if (!(total_weight > 0.0 && std::isfinite(total_weight))) {
        checks::refuse({"penalty", "total_weight"}, "= " + std::to_string(total_weight) +
                                                        " must be above 0: the number of rows of the batch, or the sum "
                                                        "of their weights");
    }
    if (grad != nullptr) {
        checks::gradient("penalty", net, *grad);
    }
    return plain::penalty(net, alpha, total_weight, grad);
}

#define HANDGRAD_INSTANTIATE(T)                                                                                       \
    template void forward(const BasicMlp<T>&, MatrixView<const T>, BasicTape<T>&);                                    \
    template double loss(const LossFunction&, const TapeLayer<T>&, MatrixView<const T>, TapeLayer<T>&,                \
                         std::span<const T>);                                                                         \
    template double loss_value(const LossFunction&, const TapeLayer<T>&, MatrixView<const T>, std::span<const T>);    \
    template void output_backward(const TapeLayer<T>&, TapeLayer<T>&, std::size_t);                                   \
    template void backward(const BasicMlp<T>&, const BasicTape<T>&, BasicTape<T>&, BasicMlp<T>&);                     \
    template void jacobian(const BasicMlp<T>&, const BasicTape<T>&, std::size_t, MatrixView<T>);                      \
    template void hessian(const BasicMlp<T>&, const BasicTape<T>&, std::size_t, std::span<const T>, MatrixView<T>);   \
    template double jacobian_loss(const BasicMlp<T>&, MatrixView<const T>, MatrixView<const T>, double, BasicMlp<T>*, \
                                  std::span<const T>);                                                                \
    template double penalty(const BasicMlp<T>&, double, double, BasicMlp<T>*);
HANDGRAD_INSTANTIATE(float)
HANDGRAD_INSTANTIATE(double)
#undef HANDGRAD_INSTANTIATE

}  // namespace handgrad
