// Derivation §5 for one network: which slopes stand in its gradients, how large they can be, and how large they are.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "handgrad/document/notation.hpp"
#include "handgrad/explain/derivation.hpp"
#include "handgrad/explain/trace.hpp"

namespace handgrad::explain {

/// The slopes f′(z) of one layer's units in one row. Sizes: signs are left out. Of softmax, whose Jacobian is no
/// diagonal, those of p_j(1 − p_j).
struct SlopesOfRow {
    double smallest = 0.0;
    double mean = 0.0;
    double largest = 0.0;
    std::size_t flat = 0;  ///< units below the part σ′(4)/σ′(0) = 0.0707 of the steepest slope (derivation §6.6)
    /// What the slopes leave of the gradient that arrives: ‖δₗ‖/‖W⁽ˡ⁺¹⁾ᵀδₗ₊₁‖, of the output ‖δ‖/‖∂l/∂ŷ‖. None where
    /// nothing arrives, or where the slope cancels against the loss.
    std::optional<double> passed;
};

/// One factor ∂z₂/∂z₁ … ∂ŷ/∂z₃.
struct SlopeFactor {
    std::string symbol;            ///< dz2/dz1
    document::Formula layer_name;  ///< f, g
    Activation activation = Activation::identity;
    std::size_t units = 0;
    std::optional<double>
        steepest;          ///< least upper bound of |f′|, or of an entry of softmax's Jacobian; none: there is none
    bool cancels = false;  ///< of the output: loss and activation are fused, the slope stands in no gradient
    std::optional<SlopesOfRow> row;
};

struct Slopes {
    std::vector<SlopeFactor> factors;  ///< the first layer's first
    std::vector<double> gradient_rms;  ///< of ∂l/∂W⁽ˡ⁾ in the row, the first layer's first; empty without a row
    std::vector<document::Prose> text;      ///< what slopes there are and which gradients they stand in
    std::vector<document::Prose> row_text;  ///< what became of them in the row; empty without one
};

/// Of the network, and with a trace of its row. Every number is computed from the functions in math/activations.hpp.
Slopes study_slopes(const Derivation& derivation, const Trace* trace = nullptr);

}  // namespace handgrad::explain
