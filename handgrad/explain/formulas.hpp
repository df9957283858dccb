// The text of every formula, one table: what each activation and each loss is, its derivative as a textbook writes it,
// and the form that is computed where the two differ.
#pragma once

#include <string>
#include <string_view>

#include "handgrad/document/notation.hpp"
#include "handgrad/math/activations.hpp"
#include "handgrad/math/conventions.hpp"
#include "handgrad/math/losses.hpp"

namespace handgrad::explain {

/// A formula as one would write it by hand, and as math/ computes it. That both agree with math/ in number is tested
/// for every entry.
struct Written {
    document::Formula literal;
    document::Formula computed = {};  ///< empty: as written
    document::Formula where = {};     ///< what a letter in `computed` or `literal` stands for; may be empty
    document::Prose why = {};         ///< what the literal form does wrong, and from where on in one precision
};

/// Of an elementwise activation, in the argument `\z` (notation.hpp: with_argument()). Softmax stands apart: its value
/// is that of output j, and its derivative has no scalar form.
struct ActivationFormulas {
    Written value;
    Written derivative;
    document::Formula applied;          ///< how it stands in a table: `\sigma(\z)`, `(\z)^+`, `\z`
    document::Formula jacobian;         ///< of a layer with pre-activation `\z`, and `\a` for its activation: a matrix
    document::Formula indicator = {};   ///< what the \mathbf{1} of `jacobian` stands for: Eq. (7), as cases
    std::string_view hidden_equations;  ///< where the derivation has its Jacobian as f: "(5), (6), (7)"; else §7
    std::string_view output_equations;  ///< as g
    bool as_derived = true;             ///< the convention makes them what the derivation's equations say
};
/// `use_double` is the precision that Written::why speaks of.
ActivationFormulas formulas(Activation activation, const ActivationSettings& settings, bool use_double = false);

/// Eq. (7) as cases, of an argument u: 1 from 0 on, or with 0 there for the convention that has ReLU′(0) = 0.
document::Formula indicator(bool one_at_zero);

/// Of a loss, in the output `\hat y_j` and target `y_j` of output j, with its reduction over K outputs.
struct LossFormulas {
    document::Formula loss;       ///< l of one row, reduced
    document::Formula entry;      ///< of ∂l/∂ŷ at j
    document::Formula jacobian;   ///< ∂l/∂ŷ as a row
    document::Formula step = {};  ///< what a function with a jump in `jacobian` stands for, as cases
    std::string source;           ///< of `loss`: `Eq. (3)`, `Table 5`, `derivation §7.5`
    bool as_derived = true;       ///< the convention makes them what the derivation's equations say
    /// Where the derivation has ∂l/∂ŷ: (10), (11) for the squared error, but (16), (17) where g is σ.
    std::string_view equations;
    std::string_view equations_after_sigmoid;
};
LossFormulas formulas(Loss loss, const Conventions& conventions);

/// How the last δ = (∂l/∂ŷ)(∂ŷ/∂z), at output j, and the loss are computed from the logits `\z`; empty forms where
/// nothing is done but to multiply.
struct OutputFormulas {
    document::Formula simplified = {};  ///< the product, simplified by hand
    Written delta = {};                 ///< what is computed for it: `literal` is the simplified product
    Written loss = {};
};
OutputFormulas output_formulas(Loss loss, Activation output, const Conventions& conventions, bool use_double = false);

}  // namespace handgrad::explain
