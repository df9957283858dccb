// The network itself in C: tables of weights, and loops over them that keep the order of sums.
#pragma once

#include <cstddef>
#include <set>
#include <string>
#include <vector>

#include "handgrad/export/c_text.hpp"
#include "handgrad/export/recording.hpp"
#include "handgrad/nn/mlp.hpp"

namespace handgrad::exports {

/// The C of one network in numbers of type T; `numbers` says how they and the functions are called. The functions are
/// static but those that the header declares, and stand in the order in which they are asked for.
template <class T>
class CNetwork {
public:
    /// `twice`: with what CHessian needs.
    CNetwork(const BasicMlp<T>& net, std::string prefix, FunctionSet& numbers, bool twice);

    /// The tables of weights and biases.
    [[nodiscard]] std::string tables() const;
    /// The activations, each as a loop over units.
    [[nodiscard]] std::string activations();
    /// … and their slopes, for jacobian() alone.
    [[nodiscard]] std::string activation_slopes();
    /// pass() and forward().
    [[nodiscard]] std::string forward();
    /// gradient() and jacobian().
    [[nodiscard]] std::string jacobian();
    /// Fills a template: $ is the prefix, REAL, INPUTS, OUTPUTS.
    [[nodiscard]] std::string fill(const std::string& text) const;
    /// Softmax of numbers of any set: z (K) to p (K), which may be z.
    static std::string softmax(FunctionSet& numbers, const std::string& prefix);
    /// `$apply_NAME`: f of `units` numbers in place.
    static std::string apply(FunctionSet& numbers, const std::string& prefix, Activation activation,
                             const ActivationSettings& settings);

    // For what is written of the network beside (c_hessian.hpp).
    [[nodiscard]] const BasicMlp<T>& net() const { return net_; }
    [[nodiscard]] FunctionSet& numbers() const { return numbers_; }
    /// Statements that fill yhat, `slope` of hidden units and what gradient() takes for g; with `curvature` also `bend`
    /// of hidden units, and `gg` of outputs, which are second derivatives of activations.
    [[nodiscard]] std::string outputs_and_slopes(bool curvature) const;
    /// Where the units of a hidden layer begin among those of all.
    [[nodiscard]] std::size_t slope_place(std::size_t layer) const;
    [[nodiscard]] std::size_t widest() const;
    /// Whether f of a layer, which has a term in the second derivative then, is neither a line nor linear in pieces.
    [[nodiscard]] bool curved(std::size_t layer) const;
    [[nodiscard]] bool elementwise() const { return facts(net_.architecture().output).elementwise; }
    [[nodiscard]] std::size_t size(std::size_t layer) const { return net_.architecture().sizes[layer]; }

private:
    [[nodiscard]] std::string layers(std::size_t layer, const std::string& x, const std::string& z) const;
    [[nodiscard]] std::string pass() const;
    [[nodiscard]] std::string gradient() const;
    [[nodiscard]] std::string sums() const;
    [[nodiscard]] std::string slopes(Activation activation) const;
    [[nodiscard]] std::string bends(Activation activation) const;
    /// Of hidden layers and the last.
    [[nodiscard]] std::set<Activation> used() const;
    [[nodiscard]] bool hidden(Activation activation) const;
    [[nodiscard]] std::string softmax_product() const;
    [[nodiscard]] bool narrow() const;

    const BasicMlp<T>& net_;
    std::string prefix_;
    FunctionSet& numbers_;
    ActivationSettings settings_;
    bool twice_;
};

extern template class CNetwork<float>;
extern template class CNetwork<double>;

}  // namespace handgrad::exports
