// The gradient that one would get with a named mistake in the backward pass, with a bound on what rounding may do to
// it.
#pragma once

#include <cstddef>
#include <vector>

#include "handgrad/data/preprocessing.hpp"
#include "handgrad/math/output_loss.hpp"
#include "handgrad/nn/mlp.hpp"
#include "handgrad/nn/passes.hpp"

namespace handgrad::compare {

/// What stands in the place of f′(z) (or g′(z)) in Table 2.
enum class Slope {
    right,          ///< f′(z)
    missing,        ///< 1
    at_activation,  ///< f′(f(z))
};

/// A backward pass; the default one is right.
struct Hypothesis {
    Slope output = Slope::right;
    std::vector<Slope> hidden = {};  ///< one for each hidden layer; empty: all right
    bool other_kink = false;         ///< the slope at a kink as the other convention has it, ReLU′(0)
};

/// Numbers with what rounding may do to each.
struct BoundedNumbers {
    std::vector<double> value;
    std::vector<double> error;
};

/// What becomes of the rows of a batch: each of these sums is one that somebody takes for ∂l/∂b or ∂l/∂W.
struct TensorSums {
    BoundedNumbers all;    ///< Σ over rows: the gradient
    BoundedNumbers again;  ///< Σ over rows of the sum so far: the gradient was not set to zero between rows
    BoundedNumbers first;  ///< biases only: of the first row
    BoundedNumbers last;   ///< biases only: of the last row
    BoundedNumbers units;  ///< biases only: of each row, the sum over units
};

/// linear1.weight, linear1.bias, linear2.weight …
struct HypotheticalGradient {
    std::vector<TensorSums> tensors;
    bool finite = true;  ///< otherwise the hypothesis cannot be told from anything
};

/// Of the mean loss over the rows of `data` (by weight where there are weights), computed in double. `unit` is half the
/// distance from 1 to the next number of the precision that the bound is for.
///
/// The bound follows an error through the passes: z = Σ w a + b moves by its own roundings, g(n) Σ|w a|, and by what a
/// and w were rounded by; f and f′ by what they change between z ± that; each δ and each sum over rows likewise. g(n)
/// is min(n, 8 √n) units: the worst case of a short sum, and what a long one exceeds with a probability below 10⁻¹³
/// (Higham and Mary 2019). A kink within reach of z adds its jump, unless z is exactly 0: then the convention decides.
HypotheticalGradient hypothetical_gradient(const BasicMlp<double>& net, const LossFunction& function,
                                           const BasicDataset<double>& data, const Hypothesis& hypothesis, double unit);

}  // namespace handgrad::compare
