// The network of Eq. (1) at any depth: its shape, and its weights (or their gradients) in one flat buffer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "handgrad/base/checks.hpp"
#include "handgrad/base/matrix.hpp"
#include "handgrad/math/activations.hpp"
#include "handgrad/math/conventions.hpp"

namespace handgrad {

/// The shape of a network Linear → f → … → Linear → g and the conventions it was declared with.
struct Architecture {
    std::vector<std::size_t> sizes;            ///< n, hidden widths …, K: at least two, all positive
    Activation hidden = Activation::relu;      ///< f of every hidden layer …
    Activation output = Activation::identity;  ///< g
    std::vector<Activation> each_hidden = {};  ///< … unless one for each hidden layer stands here
    double leaky_slope = 0.01;                 ///< slope of leaky_relu for z < 0
    Conventions conventions = {};

    /// 0 as long as there are no sizes.
    [[nodiscard]] std::size_t layers() const { return sizes.empty() ? 0 : sizes.size() - 1; }
    [[nodiscard]] std::size_t inputs() const { return sizes.empty() ? 0 : sizes.front(); }
    [[nodiscard]] std::size_t outputs() const { return sizes.empty() ? 0 : sizes.back(); }
    /// f of hidden layer l, or g of the last. Raises Error(usage) unless there is such a layer.
    [[nodiscard]] Activation activation(std::size_t layer) const {
        checks::below({"activation", "layer"}, layer, "layers", layers());
        if (layer + 1 == layers()) {
            return output;
        }
        return each_hidden.empty() ? hidden : each_hidden[layer];
    }
    [[nodiscard]] ActivationSettings activation_settings() const {
        return {.leaky_slope = leaky_slope, .kink = conventions.kink};
    }
    /// Raises Error(usage) unless sizes are sensible, each_hidden is empty or complete, and softmax stands last only.
    void check() const;

    bool operator==(const Architecture&) const = default;
};

/// `linear1`, `linear2` …: the name of a layer (from 0).
std::string layer_name(std::size_t layer);
/// What the derivation calls the pre-activation of a layer, z1, z3, z5 …, and what enters it, x, z2, z4 …
std::string z_name(std::size_t layer);
std::string input_name(std::size_t layer);
/// `linear1.weight`, `linear1.bias`, `linear2.weight` …: the name of a parameter in files and messages (layer from 0).
std::string weight_name(std::size_t layer);
std::string bias_name(std::size_t layer);

/// Weights of a network, or (another object of the same type) the gradient by them. All numbers stand in one flat
/// buffer in the order linear1.weight (out×in, row by row), linear1.bias, linear2.weight …; nothing is padded.
template <class T>
class BasicMlp {
public:
    BasicMlp() = default;

    /// Step 1 of training: first weights as conventions.first_weights declares, from `seed` alone. Raises Error(usage).
    static BasicMlp random(const Architecture& architecture, std::uint64_t seed);
    /// The same shape with every parameter 0. Raises Error(usage).
    static BasicMlp zeros(const Architecture& architecture) {
        architecture.check();
        return BasicMlp(architecture);
    }
    static BasicMlp zeros_like(const BasicMlp& other) { return BasicMlp(other.architecture_); }

    [[nodiscard]] const Architecture& architecture() const { return architecture_; }
    [[nodiscard]] std::size_t layers() const { return architecture_.layers(); }
    [[nodiscard]] std::size_t inputs() const { return architecture_.inputs(); }
    [[nodiscard]] std::size_t outputs() const { return architecture_.outputs(); }

    /// All parameters, one after the other.
    [[nodiscard]] std::span<T> parameters() { return parameters_; }
    [[nodiscard]] std::span<const T> parameters() const { return parameters_; }
    /// W⁽ˡ⁺¹⁾, out×in (layer from 0). Raises Error(usage) unless there is such a layer.
    [[nodiscard]] MatrixView<T> weight(std::size_t layer) {
        checks::below({"weight", "layer"}, layer, "layers", layers());
        return {parameters_.data() + offset(layer), out(layer), in(layer)};
    }
    [[nodiscard]] MatrixView<const T> weight(std::size_t layer) const {
        checks::below({"weight", "layer"}, layer, "layers", layers());
        return {parameters_.data() + offset(layer), out(layer), in(layer)};
    }
    /// b⁽ˡ⁺¹⁾, out. Raises Error(usage) unless there is such a layer.
    [[nodiscard]] std::span<T> bias(std::size_t layer) {
        checks::below({"bias", "layer"}, layer, "layers", layers());
        return parameters().subspan(offset(layer) + out(layer) * in(layer), out(layer));
    }
    [[nodiscard]] std::span<const T> bias(std::size_t layer) const {
        checks::below({"bias", "layer"}, layer, "layers", layers());
        return parameters().subspan(offset(layer) + out(layer) * in(layer), out(layer));
    }
    void set_zero() { parameters_.assign(parameters_.size(), T(0)); }

private:
    explicit BasicMlp(const Architecture& architecture) : architecture_(architecture) {
        parameters_.resize(offset(layers()));
    }
    [[nodiscard]] std::size_t in(std::size_t layer) const { return architecture_.sizes[layer]; }
    [[nodiscard]] std::size_t out(std::size_t layer) const { return architecture_.sizes[layer + 1]; }
    [[nodiscard]] std::size_t offset(std::size_t layer) const {
        std::size_t numbers = 0;
        for (std::size_t l = 0; l < layer; ++l) {
            numbers += (in(l) + 1) * out(l);
        }
        return numbers;
    }

    Architecture architecture_;
    AlignedVector<T> parameters_;
};

using Mlp = BasicMlp<float>;

/// The same network with its parameters in another number type.
template <class To, class From>
BasicMlp<To> convert(const BasicMlp<From>& net) {
    BasicMlp<To> result = BasicMlp<To>::zeros(net.architecture());
    for (std::size_t i = 0; i < net.parameters().size(); ++i) {
        result.parameters()[i] = static_cast<To>(net.parameters()[i]);
    }
    return result;
}

extern template class BasicMlp<float>;
extern template class BasicMlp<double>;

}  // namespace handgrad
