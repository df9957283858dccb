// What-if rows: the gradient sizes of the same network with another activation, loss or size of weights.
#include <algorithm>
#include <cmath>
#include <span>
#include <string>
#include <utility>

#include "handgrad/base/wording.hpp"
#include "handgrad/diagnose/diagnosis.hpp"
#include "handgrad/diagnose/gradient_chain.hpp"
#include "handgrad/diagnose/row_blocks.hpp"

namespace handgrad::diagnose {
namespace {

/// The same parameters under another architecture of the same sizes.
template <class T>
BasicMlp<T> with_architecture(const BasicMlp<T>& net, const Architecture& architecture) {
    BasicMlp<T> changed = BasicMlp<T>::zeros(architecture);
    std::ranges::copy(net.parameters(), changed.parameters().begin());
    return changed;
}

/// The distinct activations of the hidden layers, ReLU left out.
std::string others_than_relu(const Architecture& architecture) {
    std::string names;
    for (std::size_t l = 0; l + 1 < architecture.layers(); ++l) {
        const std::string one(name(architecture.activation(l)));
        if (architecture.activation(l) != Activation::relu && names.find(one) == std::string::npos) {
            add_item(names, ", ", one);
        }
    }
    return names;
}

}  // namespace

template <class T>
std::vector<double> gradient_sizes(const BasicMlp<T>& net, const LossFunction& function,
                                   const std::type_identity_t<BasicDataset<T>>& data) {
    const std::vector<double> shares = row_shares(data);
    const BasicMlp<T> gradient = for_each_block(net, function, data, shares, [](const auto& /*block*/) {});
    std::vector<double> sizes;
    for (std::size_t l = 0; l < net.layers(); ++l) {
        const MatrixView<const T> dW = gradient.weight(l);
        const std::span<const T> numbers(dW.data(), dW.rows() * dW.columns());
        sizes.push_back(static_cast<double>(std::sqrt(squares(numbers) / static_cast<long double>(numbers.size()))));
    }
    return sizes;
}

template <class T>
std::vector<WhatIf> what_if(const BasicMlp<T>& net, const LossFunction& function,
                            const std::type_identity_t<BasicDataset<T>>& data) {
    const Architecture& shape = net.architecture();
    const std::vector<double> as_they_are(net.layers(), 1.0);
    std::vector<WhatIf> rows;
    if (const std::string others = others_than_relu(shape); !others.empty()) {
        Architecture changed = shape;
        changed.hidden = Activation::relu;
        changed.each_hidden.clear();
        rows.push_back(
            {"relu for " + others, gradient_sizes(with_architecture(net, changed), function, data), as_they_are});
    }
    const bool sigmoid = shape.output == Activation::sigmoid, softmax = shape.output == Activation::softmax;
    if (function.kind == Loss::squared_error && (sigmoid || softmax)) {
        LossFunction changed = function;
        changed.kind = sigmoid ? Loss::binary_cross_entropy : Loss::cross_entropy;
        rows.push_back(
            {std::string(name(changed.kind)) + " for squared_error", gradient_sizes(net, changed, data), as_they_are});
    }
    BasicMlp<T> rescaled = net;
    std::vector<double> scales;
    for (std::size_t l = 0; l < net.layers(); ++l) {
        const MatrixView<T> W = rescaled.weight(l);
        const std::span<T> numbers(W.data(), W.rows() * W.columns());
        const auto size = static_cast<double>(
            std::sqrt(squares(std::span<const T>(numbers)) / static_cast<long double>(numbers.size())));
        scales.push_back(size > 0.0 ? first_weights_size(shape, l) / size : 1.0);
        for (T& w : numbers) {
            w = static_cast<T>(static_cast<double>(w) * scales.back());
        }
    }
    rows.push_back(
        {"weights rescaled to the size of first weights", gradient_sizes(rescaled, function, data), std::move(scales)});
    return rows;
}

#define HANDGRAD_INSTANTIATE(T)                                                                                   \
    template std::vector<double> gradient_sizes(const BasicMlp<T>&, const LossFunction&, const BasicDataset<T>&); \
    template std::vector<WhatIf> what_if(const BasicMlp<T>&, const LossFunction&, const BasicDataset<T>&);
HANDGRAD_INSTANTIATE(float)
HANDGRAD_INSTANTIATE(double)
#undef HANDGRAD_INSTANTIATE

}  // namespace handgrad::diagnose
