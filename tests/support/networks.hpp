// Networks that tests draw, which outputs go with which loss, and how a shape is named in messages.
#pragma once

#include <cmath>
#include <cstddef>
#include <span>
#include <string>

#include "handgrad/math/losses.hpp"
#include "handgrad/nn/mlp.hpp"
#include "tests/support/draw.hpp"

namespace handgrad {

/// Weights within ±1.7/√(inputs of the layer), so that z stays of size 1, and biases within ±½, so that none is 0.
template <class T>
BasicMlp<T> drawn_net(Draw draw, const Architecture& shape) {
    BasicMlp<T> net = BasicMlp<T>::zeros(shape);
    for (std::size_t l = 0; l < net.layers(); ++l) {
        // e^e^z would soon overflow.
        const double size = (shape.hidden == Activation::exp ? 0.5 : 1.7) / std::sqrt(double(shape.sizes[l]));
        const MatrixView<T> W = net.weight(l);
        draw.fill(std::span<T>(W.data(), W.rows() * W.columns()), -size, size);
        draw.fill(net.bias(l), -0.5, 0.5);
    }
    return net;
}

/// Whether all values of the output activation lie in the loss's domain.
inline bool fits(Activation output, Loss loss) {
    return facts(output).lowest >= facts(loss).lowest_output && facts(output).highest <= facts(loss).highest_output;
}

/// relu gives exactly 0 and softmax of one output exactly 1, where these losses are infinite; every other pair that
/// fits is finite.
inline bool finite_everywhere(Activation output, Loss loss, std::size_t K) {
    return !(output == Activation::relu && (loss == Loss::poisson || loss == Loss::cross_entropy)) &&
           !(output == Activation::softmax && loss == Loss::binary_cross_entropy && K == 1);
}

/// `3-4-2 relu softmax`.
inline std::string described(const Architecture& shape) {
    std::string sizes;
    for (const std::size_t size : shape.sizes) {
        sizes += sizes.empty() ? "" : "-";
        sizes += std::to_string(size);
    }
    return sizes + " " + std::string(name(shape.hidden)) + " " + std::string(name(shape.output));
}

}  // namespace handgrad
