// Leaves of rows dealt out to threads, and the tree in which their gradients are added.
#include "handgrad/nn/jacobian_loss_gradient.hpp"

#include <algorithm>
#include <atomic>
#include <utility>

#include "handgrad/base/deal_out.hpp"
#include "handgrad/kernels/table.hpp"
#include "handgrad/math/sum_order.hpp"
#include "handgrad/nn/arguments.hpp"

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
    : shape_(net.architecture()), kernels_(kernels::kernels<T>(execution.level())), threads_(execution.most_threads()) {
    checks::network("JacobianLossGradient", net);
    for (std::size_t l = 0; l < net.layers(); ++l) {
        activations_.push_back(shape_.activation(l));
    }
}

template <class T>
double JacobianLossGradient<T>::operator()(const BasicMlp<T>& net, const JacobianRows<T>& rows, double strength,
                                           BasicMlp<T>& grad) {
    check(shape_, net, rows, strength);
    checks::gradient("JacobianLossGradient", net, grad);
    const double loss = sum(net, rows, strength, true);
    const std::span<T> to = grad.parameters();
    for (std::size_t i = 0; i < to.size(); ++i) {
        to[i] += slots_[0].gradient[i];
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
    const std::size_t leaves = kernels::parts(count, math::leaf_rows);
    std::size_t threads = threads_;
    if (operations(shape_) * static_cast<double>(count) < worth_a_thread) {
        threads = 1;
    }
    prepare(leaf, std::min(threads, leaves), derivatives);
    const auto make = [&](std::size_t i, std::size_t to) {
        if (i % wave_.size() == 0) {
            work_on(leaf, i, std::min(wave_.size(), leaves - i));
        }
        if (slots_.size() <= to) {
            slots_.resize(to + 1);
        }
        std::swap(slots_[to], wave_[i % wave_.size()]);
    };
    const auto merge = [&](std::size_t left, std::size_t right) {
        slots_[left].loss += slots_[right].loss;
        for (std::size_t p = 0; p < slots_[left].gradient.size(); ++p) {
            slots_[left].gradient[p] += slots_[right].gradient[p];
        }
    };
    math::tree(leaves, make, merge);
    return share * slots_[0].loss;
}

template <class T>
void JacobianLossGradient<T>::prepare(const kernels::JacobianLeaf<T>& leaf, std::size_t threads, bool derivatives) {
    if (rooms_.size() < threads) {
        rooms_.resize(threads);
    }
    for (std::size_t i = 0; i < threads; ++i) {
        rooms_[i].resize(kernels::JacobianLeaf<T>::room_for(leaf.net, leaf.parameters));
    }
    const std::size_t together = threads == 1 ? 1 : 4 * threads;
    wave_.resize(together);
    in_use_ = threads;
    gradient_numbers_ = derivatives ? leaf.parameters : 0;
}

template <class T>
void JacobianLossGradient<T>::work_on(const kernels::JacobianLeaf<T>& all, std::size_t first_leaf, std::size_t count) {
    const auto one = [&](std::size_t i, T* room) {
        kernels::JacobianLeaf<T> leaf = all;
        LeafSum& sum = wave_[i];
        sum.gradient.resize(gradient_numbers_);
        leaf.first = (first_leaf + i) * math::leaf_rows;
        leaf.rows = std::min(math::leaf_rows, all.rows - leaf.first);
        leaf.gradient = gradient_numbers_ == 0 ? nullptr : sum.gradient.data();
        leaf.room = room;
        sum.loss = kernels_.jacobian_leaf(leaf);
    };
    if (in_use_ == 1) {
        for (std::size_t i = 0; i < count; ++i) {
            one(i, rooms_[0].data());
        }
        return;
    }
    std::atomic<std::size_t> next_room{0};
    deal_out(in_use_, count, [&] {
        T* const room = rooms_[next_room++].data();
        return [&one, room](std::size_t i) { one(i, room); };
    });
}

template class JacobianLossGradient<float>;
template class JacobianLossGradient<double>;

}  // namespace handgrad
