// Training that goes on in C: one step of gradient descent by one row, on parameters that its caller keeps.
#pragma once

#include <string>

#include "handgrad/export/c_text.hpp"
#include "handgrad/export/recording.hpp"
#include "handgrad/nn/mlp.hpp"
#include "handgrad/nn/passes.hpp"

namespace handgrad::exports {

/// Outputs beyond which a loss, which is written output by output, is refused.
inline constexpr std::size_t most_trained_outputs = 64;

/// initial(), forward_with() and step(), Eq. (4), with the bits of a training with batches of one row; behind the
/// functions that CNetwork wrote for outputs and their first derivatives.
template <class T>
class CTraining {
public:
    CTraining(const BasicMlp<T>& net, const LossFunction& loss, double weight_decay, std::string prefix,
              FunctionSet& numbers);

    [[nodiscard]] std::string declarations() const;
    [[nodiscard]] std::string definitions();

private:
    [[nodiscard]] std::string fill(const std::string& text) const;
    [[nodiscard]] std::string initial() const;
    [[nodiscard]] std::string forward_with() const;
    std::string loss();
    std::string update();
    [[nodiscard]] std::string step() const;
    [[nodiscard]] std::string linear(std::size_t layer, const std::string& from, const std::string& to) const;
    [[nodiscard]] std::string outputs(const std::string& z, const std::string& yhat) const;
    [[nodiscard]] std::size_t size(std::size_t layer) const { return net_.architecture().sizes[layer]; }
    /// Where the weights of a layer begin among all parameters, and its activations among those of hidden units.
    [[nodiscard]] std::size_t weight_place(std::size_t layer) const;
    [[nodiscard]] std::size_t unit_place(std::size_t layer) const;

    const BasicMlp<T>& net_;
    LossFunction loss_;
    double weight_decay_;
    std::string prefix_;
    FunctionSet& numbers_;
};

extern template class CTraining<float>;
extern template class CTraining<double>;

}  // namespace handgrad::exports
