// Checks of an architecture, names of its parameters, and the first weights.
#include "handgrad/nn/mlp.hpp"

#include <cmath>

#include "handgrad/base/error.hpp"
#include "handgrad/base/limits.hpp"
#include "handgrad/base/random.hpp"

namespace handgrad {
namespace {

[[noreturn]] void refuse(const std::string& cause) { throw Error(ErrorKind::usage, "network: " + cause); }

/// Half the width of the uniform distribution that the first parameters of a layer are drawn from.
struct Bounds {
    double weights;
    double biases;
};

Bounds first_bounds(const Architecture& shape, std::size_t layer) {
    const double in = static_cast<double>(shape.sizes[layer]);
    const double both = in + static_cast<double>(shape.sizes[layer + 1]);
    switch (shape.conventions.first_weights) {
        case FirstWeights::by_activation:
            return {facts(shape.activation(layer)).relu_family ? std::sqrt(6.0 / in) : std::sqrt(6.0 / both), 0.0};
        case FirstWeights::he:
            return {std::sqrt(6.0 / in), 0.0};
        case FirstWeights::xavier:
            return {std::sqrt(6.0 / both), 0.0};
        case FirstWeights::lecun:
            return {std::sqrt(3.0 / in), 0.0};
        case FirstWeights::zeros:
            return {0.0, 0.0};
        case FirstWeights::pytorch_linear:
            return {1.0 / std::sqrt(in), 1.0 / std::sqrt(in)};
        case FirstWeights::sklearn_glorot: {
            // scikit-learn asks for its one hidden activation, in the output layer too.
            const Activation hidden = shape.layers() > 1 ? shape.activation(0) : shape.output;
            const double bound = std::sqrt((hidden == Activation::sigmoid ? 2.0 : 6.0) / both);
            return {bound, bound};
        }
    }
    __builtin_unreachable();
}

}  // namespace

std::string layer_name(std::size_t layer) { return "linear" + std::to_string(layer + 1); }
std::string z_name(std::size_t layer) { return "z" + std::to_string(2 * layer + 1); }
std::string input_name(std::size_t layer) { return layer == 0 ? "x" : "z" + std::to_string(2 * layer); }
std::string weight_name(std::size_t layer) { return layer_name(layer) + ".weight"; }
std::string bias_name(std::size_t layer) { return layer_name(layer) + ".bias"; }

void Architecture::check() const {
    if (sizes.size() < 2) {
        refuse("needs at least an input and an output size");
    }
    if (layers() > limits::layers) {
        refuse(std::to_string(layers()) + " layers are more than " + std::to_string(limits::layers));
    }
    double parameters = 0.0;
    for (std::size_t l = 0; l < sizes.size(); ++l) {
        if (sizes[l] == 0) {
            refuse("size " + std::to_string(l + 1) + " of " + std::to_string(sizes.size()) + " is 0");
        }
        if (sizes[l] > limits::width) {
            refuse("a layer of " + std::to_string(sizes[l]) + " units is wider than " + std::to_string(limits::width));
        }
        if (l > 0) {
            parameters += static_cast<double>(sizes[l]) * (static_cast<double>(sizes[l - 1]) + 1.0);
        }
    }
    if (parameters > 0x1p40) {
        refuse("more than 2^40 parameters");
    }
    if (!each_hidden.empty() && each_hidden.size() + 1 != layers()) {
        refuse(std::to_string(each_hidden.size()) + " hidden activations for " + std::to_string(layers() - 1) +
               " hidden layers");
    }
    for (std::size_t l = 0; l + 1 < layers(); ++l) {
        if (!facts(activation(l)).elementwise) {
            refuse(std::string(name(activation(l))) + " can only stand at the output");
        }
    }
    if (!std::isfinite(leaky_slope)) {
        refuse("the slope of leaky_relu must be a finite number");
    }
}

template <class T>
BasicMlp<T> BasicMlp<T>::random(const Architecture& architecture, std::uint64_t seed) {
    BasicMlp net = zeros(architecture);
    const RandomStream weights(seed, Purpose::weights);
    const RandomStream biases(seed, Purpose::biases);
    std::uint64_t weight_index = 0;  // runs on through the layers, so that no two parameters share a random number
    std::uint64_t bias_index = 0;
    for (std::size_t l = 0; l < net.layers(); ++l) {
        const Bounds bounds = first_bounds(architecture, l);
        const MatrixView<T> W = net.weight(l);
        for (std::size_t i = 0; i < W.rows() * W.columns(); ++i) {
            W.data()[i] = static_cast<T>(bounds.weights * (2.0 * weights.uniform(weight_index++) - 1.0));
        }
        for (T& b : net.bias(l)) {
            b = static_cast<T>(bounds.biases * (2.0 * biases.uniform(bias_index++) - 1.0));
        }
    }
    return net;
}

template class BasicMlp<float>;
template class BasicMlp<double>;

}  // namespace handgrad
