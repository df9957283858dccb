// The sizes of every factor of Table 2 along the chain from the loss down to each layer, measured on a data set.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "handgrad/data/preprocessing.hpp"
#include "handgrad/math/activations.hpp"
#include "handgrad/nn/mlp.hpp"
#include "handgrad/nn/passes.hpp"

namespace handgrad::diagnose {

/// A unit is flat where its slope is below this part of the steepest: σ′(4)/σ′(0) = 0.0707, so that σ is flat beyond
/// |z| = 4 (derivation §6.6), tanh beyond |z| = 2 and ReLU below 0.
double flat_slope();

/// One linear layer and the activation behind it. Sizes are root mean squares over rows of a row's 2-norm, with δ,
/// ∂l/∂a of the loss of that row alone: they depend on neither the number of rows nor their order.
struct ChainLayer {
    Activation activation = Activation::identity;
    double steepest = 1.0;       ///< largest slope of the activation: ¼ for σ, else 1
    double delta = 0.0;          ///< ‖∂l/∂z‖
    double dactivation = 0.0;    ///< ‖∂l/∂a‖; of the last layer ‖∂l/∂ŷ‖
    double input = 0.0;          ///< ‖a‖ of what enters
    double largest_input = 0.0;  ///< the same of the largest number of a row alone
    double slope = 0.0;          ///< root mean square of the activation's slopes
    double weight_norm = 0.0;    ///< ‖W‖ (Frobenius) / √out: its gain on a δ without preferred direction
    double saturated = 0.0;      ///< share of a bounded activation's values that are flat
    double dead = 0.0;           ///< share of the units of a one-sided activation that are flat in every row
    double gradient = 0.0;       ///< ‖∂l/∂W‖ (Frobenius)
    double first_size = 0.0;     ///< ‖W‖ (Frobenius) as first weights by activation have it
    std::size_t weights = 0;     ///< how many numbers W has
    std::size_t units = 0;       ///< how many rows

    /// ‖W‖ by that of first weights.
    [[nodiscard]] double weight_size() const;
    /// σ, tanh, softmax: flat on both sides.
    [[nodiscard]] bool bounded() const;
};

struct GradientChain {
    std::vector<ChainLayer> layers;
    std::size_t rows = 0;
    bool residual_loss = false;  ///< the loss's slope is bounded by the residual: nothing cancels f′ of the output
    double unexplained = 0.0;    ///< ‖ŷ − y‖² by the spread of y: 1 for who always answers the mean
    double target_spread = 0.0;  ///< standard deviation of y over rows, root mean square over outputs
    double error_in_flat_rows = 0.0;  ///< share of ‖ŷ − y‖² that stands where the output is saturated
    double error_by_zero = 0.0;  ///< ‖ŷ − y‖² by ‖y‖²: 1 for who always answers 0; 0 where y is 0 throughout
    double error_by_first = 0.0;  ///< the same where ‖y‖² is 1 or more for each output; else ‖ŷ − y‖² by the number of
                                  ///< outputs: first weights answer with numbers of size 1 whatever is asked for
    double target_size = 0.0;  ///< root mean square of y
    double lowest_target = 0.0, highest_target = 0.0;
    std::vector<double> column_sizes = {};  ///< root mean square over rows of each input

    /// No size, gradient or error is infinite or NaN.
    [[nodiscard]] bool finite() const;
};

/// Root mean square of the first weights that `by_activation` draws for layer l: U(±a) has a/√3.
double first_weights_size(const Architecture& architecture, std::size_t l);

/// Raises Error(data) when there is no row.
template <class T>
GradientChain measure_chain(const BasicMlp<T>& net, const LossFunction& function, const BasicDataset<T>& data,
                            BasicMlp<T>& gradient);

extern template GradientChain measure_chain(const BasicMlp<float>&, const LossFunction&, const BasicDataset<float>&,
                                            BasicMlp<float>&);
extern template GradientChain measure_chain(const BasicMlp<double>&, const LossFunction&, const BasicDataset<double>&,
                                            BasicMlp<double>&);

}  // namespace handgrad::diagnose
