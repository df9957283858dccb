// The kernels on leaves of rows.
#include "handgrad/nn/weight_products.hpp"

#include <algorithm>

#include "handgrad/kernels/table.hpp"
#include "handgrad/nn/arguments.hpp"
#include "handgrad/nn/leaf_sums.hpp"

namespace handgrad {
namespace {

using kernels::RowWork;

/// Fewer operations than this are done before a second thread has heard of them.
constexpr double worth_a_thread = 4e5;

/// A direction, or what takes a sum: a network of the same sizes.
template <class T>
void check_like(checks::Argument argument, const BasicMlp<T>& net, const BasicMlp<T>& other) {
    if (other.architecture().sizes != net.architecture().sizes) {
        checks::refuse(argument, "has not the sizes of the network; make it by BasicMlp::zeros_like");
    }
}
template <class T>
void check_sum(const char* function, const BasicMlp<T>& net, const BasicMlp<T>& result) {
    check_like({function, "result"}, net, result);
    if (&result == &net) {
        checks::refuse_overlap(function, "net", "result");
    }
}
template <class T>
void check_labels(const char* function, const LossFunction& loss, const BasicMlp<T>& net, const LabelledRows<T>& rows) {
    checks::loss_function(function, loss);
    checks::matrix({function, "y"}, rows.y, rows.x.rows(), "x has", net.outputs(), checks::puts_out);
    if (!rows.weights.empty()) {
        checks::equal({function, "weights"}, rows.weights.size(), "numbers", "rows there are", rows.x.rows());
    }
}

}  // namespace

template <class T>
WeightProducts<T>::WeightProducts(const BasicMlp<T>& net, const Execution& execution)
    : shape_(net.architecture()),
      kernels_(kernels::kernels<T>(execution.level())),
      threads_(execution.most_threads()),
      leaves_(std::make_unique<LeafSums<T>>()) {
    checks::network("WeightProducts", net);
    for (std::size_t l = 0; l < net.layers(); ++l) {
        activations_.push_back(shape_.activation(l));
    }
}

template <class T>
WeightProducts<T>::~WeightProducts() = default;

template <class T>
kernels::WeightLeaf<T> WeightProducts<T>::leaf_of(const char* function, const BasicMlp<T>& net,
                                                  MatrixView<const T> x) const {
    checks::batch(function, shape_, net, x, x.rows());
    return {.net = {.sizes = shape_.sizes.data(),
                    .layers = shape_.layers(),
                    .activation = activations_.data(),
                    .settings = shape_.activation_settings(),
                    .parameters = net.parameters().data()},
            .parameters = net.parameters().size(),
            .x = x.data(),
            .x_stride = x.stride()};
}

template <class T>
void WeightProducts<T>::run(RowWork work, const kernels::WeightLeaf<T>& all, std::size_t rows, BasicMlp<T>* sum) {
    const double operations = 6.0 * static_cast<double>(all.parameters) * static_cast<double>(rows);
    const typename LeafSums<T>::Task task{.rows = rows,
                                          .numbers = sum == nullptr ? 0 : all.parameters,
                                          .room = kernels::WeightLeaf<T>::room_for(all.net),
                                          .threads = operations < worth_a_thread ? 1 : threads_};
    (*leaves_)(task, [&](std::size_t first, std::size_t in_leaf, T* sums, T* room) {
        kernels::WeightLeaf<T> leaf = all;
        leaf.first = first;
        leaf.rows = in_leaf;
        leaf.sum = sums;
        leaf.room = room;
        if (leaf.result != nullptr) {
            leaf.result += first * leaf.result_stride;
        }
        return kernels_.weight_leaf(work, leaf);
    });
    if (sum != nullptr) {
        std::ranges::copy(leaves_->sums(), sum->parameters().begin());
    }
}

template <class T>
void WeightProducts<T>::jacobian(const BasicMlp<T>& net, std::type_identity_t<MatrixView<const T>> x,
                                 std::type_identity_t<MatrixView<T>> result) {
    constexpr const char* function = "WeightProducts::jacobian";
    kernels::WeightLeaf<T> leaf = leaf_of(function, net, x);
    checks::matrix({function, "result"}, result, x.rows() * net.outputs(), "rows of x times outputs are",
                   leaf.parameters, "the network has as parameters");
    checks::apart(function, "x", x, "result", result);
    checks::apart(function, "net", net.parameters(), "result", result);
    leaf.result = result.data();
    leaf.result_stride = result.stride() * net.outputs();
    leaf.output_stride = result.stride();
    run(RowWork::jacobian, leaf, x.rows(), nullptr);
}

template <class T>
void WeightProducts<T>::along(const BasicMlp<T>& net, std::type_identity_t<MatrixView<const T>> x, const BasicMlp<T>& v,
                              std::type_identity_t<MatrixView<T>> result) {
    outputs_along("WeightProducts::along", RowWork::along, net, x, v, result);
}

template <class T>
void WeightProducts<T>::along_twice(const BasicMlp<T>& net, std::type_identity_t<MatrixView<const T>> x,
                                    const BasicMlp<T>& v, std::type_identity_t<MatrixView<T>> result) {
    outputs_along("WeightProducts::along_twice", RowWork::along_twice, net, x, v, result);
}

template <class T>
void WeightProducts<T>::outputs_along(const char* called, RowWork work, const BasicMlp<T>& net, MatrixView<const T> x,
                                      const BasicMlp<T>& v, MatrixView<T> result) {
    kernels::WeightLeaf<T> leaf = leaf_of(called, net, x);
    check_like({called, "v"}, net, v);
    checks::matrix({called, "result"}, result, x.rows(), "x has", net.outputs(), checks::puts_out);
    checks::apart(called, "x", x, "result", result);
    checks::apart(called, "net", net.parameters(), "result", result);
    checks::apart(called, "v", v.parameters(), "result", result);
    leaf.v = v.parameters().data();
    leaf.result = result.data();
    leaf.result_stride = result.stride();
    run(work, leaf, x.rows(), nullptr);
}

template <class T>
void WeightProducts<T>::transposed(const BasicMlp<T>& net, std::type_identity_t<MatrixView<const T>> x,
                                   std::type_identity_t<MatrixView<const T>> u, BasicMlp<T>& result) {
    constexpr const char* function = "WeightProducts::transposed";
    kernels::WeightLeaf<T> leaf = leaf_of(function, net, x);
    checks::matrix({function, "u"}, u, x.rows(), "x has", net.outputs(), checks::puts_out);
    check_sum(function, net, result);
    leaf.y = u.data();
    leaf.y_stride = u.stride();
    run(RowWork::transposed, leaf, x.rows(), &result);
}

template <class T>
void WeightProducts<T>::row_gradients(const LossFunction& function, const BasicMlp<T>& net,
                                      const std::type_identity_t<LabelledRows<T>>& rows,
                                      std::type_identity_t<MatrixView<T>> result) {
    constexpr const char* called = "WeightProducts::row_gradients";
    kernels::WeightLeaf<T> leaf = leaf_of(called, net, rows.x);
    check_labels(called, function, net, rows);
    checks::matrix({called, "result"}, result, rows.x.rows(), "x has", leaf.parameters,
                   "the network has as parameters");
    checks::apart(called, "x", rows.x, "result", result);
    checks::apart(called, "y", rows.y, "result", result);
    checks::apart(called, "net", net.parameters(), "result", result);
    leaf.loss = output_loss(function, shape_.output, shape_.activation_settings());
    leaf.y = rows.y.data();
    leaf.y_stride = rows.y.stride();
    leaf.share = reduction_factor(function.kind, net.outputs(), shape_.conventions);
    leaf.result = result.data();
    leaf.result_stride = result.stride();
    run(RowWork::row_gradients, leaf, rows.x.rows(), nullptr);
}

template <class T>
void WeightProducts<T>::of_loss(const char* called, RowWork work, const LossFunction& function, const BasicMlp<T>& net,
                                const LabelledRows<T>& rows, const BasicMlp<T>& v, BasicMlp<T>& result) {
    kernels::WeightLeaf<T> leaf = leaf_of(called, net, rows.x);
    check_labels(called, function, net, rows);
    check_like({called, "v"}, net, v);
    check_sum(called, net, result);
    if (&result == &v) {
        checks::refuse_overlap(called, "v", "result");
    }
    double total = static_cast<double>(rows.x.rows());
    if (!rows.weights.empty()) {
        total = checks::total_weight<T>({called, "weights"}, rows.weights);
        leaf.weights = rows.weights.data();
    }
    leaf.loss = output_loss(function, shape_.output, shape_.activation_settings());
    leaf.y = rows.y.data();
    leaf.y_stride = rows.y.stride();
    leaf.v = v.parameters().data();
    leaf.share = reduction_factor(function.kind, net.outputs(), shape_.conventions) / total;
    run(work, leaf, rows.x.rows(), &result);
}

template <class T>
void WeightProducts<T>::gauss_newton(const LossFunction& function, const BasicMlp<T>& net,
                                     const std::type_identity_t<LabelledRows<T>>& rows, const BasicMlp<T>& v,
                                     BasicMlp<T>& result) {
    of_loss("WeightProducts::gauss_newton", RowWork::gauss_newton, function, net, rows, v, result);
}

template <class T>
void WeightProducts<T>::hessian(const LossFunction& function, const BasicMlp<T>& net,
                                const std::type_identity_t<LabelledRows<T>>& rows, const BasicMlp<T>& v,
                                BasicMlp<T>& result) {
    of_loss("WeightProducts::hessian", RowWork::hessian, function, net, rows, v, result);
}

template class WeightProducts<float>;
template class WeightProducts<double>;

}  // namespace handgrad
