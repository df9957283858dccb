// One row's derivatives without a backward pass: complex steps at every unit, carried forward to loss and output.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "handgrad/base/matrix.hpp"
#include "handgrad/math/output_loss.hpp"
#include "handgrad/nn/mlp.hpp"

namespace handgrad::certify {

/// h of the complex step: so small that h² vanishes beside all but numbers below 10⁻⁶⁰, and slopes down to 2⁻⁹²² are
/// seen.
inline constexpr double complex_step_size = 0x1p-100;

/// One row's way through a network and back. Layer l counts from 0; its units are those of z⁽ˡ⁾ = W⁽ˡ⁾a + b⁽ˡ⁾.
struct RowValues {
    std::vector<std::vector<double>> z;      ///< pre-activations of each layer
    std::vector<std::vector<double>> a;      ///< activations of each layer, the last one ŷ
    std::vector<std::vector<double>> slope;  ///< ∂a/∂z of each hidden layer
    /// ∂l/∂z of each layer, l the row's reduced loss times its share of the mean.
    std::vector<std::vector<double>> delta;

    explicit RowValues(const BasicMlp<double>& net);
};

/// What the witness knows of one row.
struct RowDerivatives : RowValues {
    Matrix<double> output_jacobian;  ///< ∂ŷ/∂z of the last layer, K × K
    Matrix<double> input_jacobian;   ///< ∂ŷ/∂x, K × n

    /// Without `with_input` input_jacobian stays empty.
    explicit RowDerivatives(const BasicMlp<double>& net, bool with_input = true);
};

/// Differentiates by the complex step Im f(z + ih)/h, exact to rounding for a tiny h, and by no formula for a
/// derivative: value() of activations and losses on complex numbers gives each slope, and a step at one unit is carried
/// *forward*, a linear map and a slope at a time, to ŷ and the loss. One step at z_i serves all weights of that unit,
/// for moving W_ij by ih moves z_i by ih·a_j. At a kink met exactly the model's convention decides between the
/// one-sided steps. Cost of a row: for each unit of a layer one forward pass through the layers above it, but for
/// units at which it ends because their slope is 0.
class RowWitness {
public:
    RowWitness(const BasicMlp<double>& net, const math::OutputLoss& loss, double reduction, bool with_input = true);

    /// x (n), y (K); `share` is the row's weight over the sum of all weights.
    const RowDerivatives& operator()(std::span<const double> x, std::span<const double> y, double share);

private:
    void forward(std::span<const double> x);
    void output_steps(std::span<const double> y, double share);
    void carry(std::size_t layer);
    void carry_steps(std::size_t layer, std::span<const std::size_t> units);
    void through_layer(std::size_t layer);
    void reach_outputs(std::size_t layer, std::span<const std::size_t> units);
    void reach_input(std::size_t unit, std::size_t step);

    const BasicMlp<double>& net_;
    math::OutputLoss loss_;
    double reduction_;
    RowDerivatives row_;
    bool with_input_;
    /// ∂z of a layer by steps_together steps, the steps of a unit side by side; so after the next layer.
    std::vector<double> tangent_, next_;
    std::vector<std::size_t> moving_, passing_;  ///< units whose slope is not 0
};

/// The slope at a kink by the convention, from the one-sided slopes: the right one, or of all slopes between them the
/// one nearest to zero (conventions.hpp).
double slope_at_kink(double left, double right, Kink kink);

}  // namespace handgrad::certify
