// The kernels on leaves of rows.
#include "handgrad/nn/jacobian_loss_gradient.hpp"

#include "handgrad/kernels/table.hpp"
#include "handgrad/nn/arguments.hpp"
#include "handgrad/nn/leaf_sums.hpp"

namespace handgrad {
namespace {

/// Fewer operations than this are done before a second thread has heard of them.
constexpr double worth_a_thread = 4e5;

/// Multiplications of one row's forward and backward pass, n directions and the values.
double operations(const Architecture& shape) {
    double sum = 0.0;
    for (std::size_t l = 0; l < shape.layers(); ++l) {
        sum += 6.0 * static_cast<double>(shape.inputs() + 1) * static_cast<double>(shape.sizes[l]) *
               static_cast<double>(shape.sizes[l + 1]);
    }
    return sum;
}

template <class T>
void check(const Architecture& made_for, const BasicMlp<T>& net, const JacobianRows<T>& rows, double strength) {
    constexpr const char* function = "JacobianLossGradient";
    if (net.architecture() != made_for) {
        checks::refuse({function, "net"}, "has another architecture than the network that this was made for");
    }
    checks::jacobian_targets(function, net, rows.x, rows.targets);
    checks::strength({function, "strength"}, strength);
    if (!rows.weights.empty()) {
        checks::equal({function, "weights"}, rows.weights.size(), "numbers", "rows there are", rows.x.rows());
    }
    for (const std::size_t row : rows.order) {
        checks::below({function, "order"}, row, "rows", rows.x.rows());
    }
}

/// What the rows count together.
template <class T>
double total_weight(const JacobianRows<T>& rows) {
    constexpr checks::Argument weights{"JacobianLossGradient", "weights"};
    if (rows.weights.empty()) {
        return static_cast<double>(rows.order.empty() ? rows.x.rows() : rows.order.size());
    }
    if (rows.order.empty()) {
        return checks::total_weight<T>(weights, rows.weights);
    }
    std::vector<T> chosen;
    for (const std::size_t row : rows.order) {
        chosen.push_back(rows.weights[row]);
    }
    return checks::total_weight<T>(weights, chosen);
}

}  // namespace

template <class T>
JacobianLossGradient<T>::JacobianLossGradient(const BasicMlp<T>& net, const Execution& execution)
    : shape_(net.architecture()),
      kernels_(kernels::kernels<T>(execution.level())),
      threads_(execution.most_threads()),
      leaves_(std::make_unique<LeafSums<T>>()) {
    checks::network("JacobianLossGradient", net);
    for (std::size_t l = 0; l < net.layers(); ++l) {
        activations_.push_back(shape_.activation(l));
    }
}

template <class T>
JacobianLossGradient<T>::~JacobianLossGradient() = default;

template <class T>
double JacobianLossGradient<T>::operator()(const BasicMlp<T>& net, const JacobianRows<T>& rows, double strength,
                                           BasicMlp<T>& grad) {
    check(shape_, net, rows, strength);
    checks::gradient("JacobianLossGradient", net, grad);
    const double loss = sum(net, rows, strength, true);
    const std::span<T> to = grad.parameters();
    for (std::size_t i = 0; i < to.size(); ++i) {
        to[i] += leaves_->sums()[i];
    }
    return loss;
}

template <class T>
double JacobianLossGradient<T>::value(const BasicMlp<T>& net, const JacobianRows<T>& rows, double strength) {
    check(shape_, net, rows, strength);
    return sum(net, rows, strength, false);
}

template <class T>
double JacobianLossGradient<T>::sum(const BasicMlp<T>& net, const JacobianRows<T>& rows, double strength,
                                    bool derivatives) {
    const std::size_t count = rows.order.empty() ? rows.x.rows() : rows.order.size();
    const double share = strength / total_weight(rows);
    const kernels::JacobianLeaf<T> leaf{.net = {.sizes = shape_.sizes.data(),
                                                .layers = shape_.layers(),
                                                .activation = activations_.data(),
                                                .settings = shape_.activation_settings(),
                                                .parameters = net.parameters().data()},
                                        .parameters = net.parameters().size(),
                                        .x = rows.x.data(),
                                        .x_stride = rows.x.stride(),
                                        .targets = rows.targets.data(),
                                        .targets_stride = rows.targets.stride(),
                                        .weights = rows.weights.empty() ? nullptr : rows.weights.data(),
                                        .order = rows.order.empty() ? nullptr : rows.order.data(),
                                        .rows = count,
                                        .share = share};
    const std::size_t threads = operations(shape_) * static_cast<double>(count) < worth_a_thread ? 1 : threads_;
    const typename LeafSums<T>::Task task{.rows = count,
                                          .numbers = derivatives ? leaf.parameters : 0,
                                          .room = kernels::JacobianLeaf<T>::room_for(leaf.net, leaf.parameters),
                                          .threads = threads};
    return share * (*leaves_)(task, [&](std::size_t first, std::size_t in_leaf, T* sums, T* room) {
               kernels::JacobianLeaf<T> one = leaf;
               one.first = first;
               one.rows = in_leaf;
               one.gradient = sums;
               one.room = room;
               return kernels_.jacobian_leaf(one);
           });
}

template class JacobianLossGradient<float>;
template class JacobianLossGradient<double>;

}  // namespace handgrad
