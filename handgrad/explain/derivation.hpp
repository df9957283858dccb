// The derivation of any network, as plain structs: the rows of its forward and its backward table and the factors
// between them, each with symbol, shape, formula and the equation that it comes from.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "handgrad/document/notation.hpp"
#include "handgrad/explain/formulas.hpp"
#include "handgrad/nn/mlp.hpp"
#include "handgrad/nn/passes.hpp"

namespace handgrad::explain {

/// Layers are numbered as in the derivation: z₁ is the first pre-activation, z₂ = f(z₁), z₃ the second pre-activation
/// …, odd before an activation, even behind it, and the last activation is ŷ. Vectors are columns; Jacobians are in
/// numerator layout, so that the gradient of the loss by a vector is a row; gradients by parameters have the
/// parameter's own shape.
struct Quantity {
    std::string symbol;      ///< in plain letters, for files: z1, yhat, dz2/dz1, dl/dW1
    document::Formula name;  ///< as it is written: z_{1}, \hat y, \frac{\partial z_{2}}{\partial z_{1}}
    std::size_t rows = 1;
    std::size_t columns = 1;  ///< 1 for a vector
    bool vector = true;       ///< a column of numbers rather than a matrix
};

/// One row of the forward table: Table 1, 3 or 5 for two layers.
struct ForwardRow {
    Quantity quantity;
    std::string layer;                     ///< linear1, f (f1, f2 … when there are several), g
    document::Formula layer_name;          ///< \mathrm{Linear}_1, f, g
    std::optional<Activation> activation;  ///< unless the layer is linear
    document::Formula input;
    document::Formula output;      ///< in x for networks of at most two layers, as in the source, else in the row above
    document::Formula components;  ///< entry i as a sum over the entries of the row above
    document::Formula nested;      ///< of z behind the first layer: entry i as nested sums in x (at most three layers)
    std::string equations;         ///< `Eq. (1)`, or `as Eq. (1)` of a network that does not have two layers
};

/// The last row of the forward table.
struct LossRow {
    document::Formula input;   ///< ŷ, in x where the forward rows are
    document::Formula output;  ///< the loss, in x where that leaves it a line
    std::string
        equations;  ///< `Eq. (3)`, `Table 5`, `derivation §7.5`; behind `as` where a convention reduces it otherwise
};

/// A factor of the backward table.
struct Jacobian {
    Quantity quantity;
    bool diagonal = false;
    document::Formula entry;   ///< its left side and entry i, j (or j)
    document::Formula matrix;  ///< the whole
    document::Formula where;   ///< what a function with a jump in `matrix` stands for: Eq. (7), as cases; may be empty
    std::string equations;     ///< `Eq. (5), (6), (7)`, or `derivation §7`; behind `as` where a convention differs
    std::string entry_equation = {}, matrix_equation = {}, where_equation = {};  ///< the same for each of the three
    std::size_t layer = 0;  ///< the activation's layer, from 0 (of ∂l/∂ŷ: the last)
};

/// One row of the backward table (Table 2 or 4 for two layers), and δ, the column of ∂l/∂z, in which it is short.
struct BackwardRow {
    std::string parameter;  ///< linear1.weight
    document::Formula parameter_name;
    Quantity quantity;             ///< dl/dW1, in the parameter's shape
    document::Formula product;     ///< as the source writes it: the vector, then the row of factors
    document::Formula own;         ///< in the parameter's own shape: δ₁xᵀ
    document::Formula components;  ///< entry i, j
    std::size_t layer = 0;
    bool bias = false;
};

/// δₗ = ∂l/∂z of linear layer l as a column, and how it follows from the one above.
struct Delta {
    Quantity quantity;             ///< dl/dz1
    document::Formula short_name;  ///< \delta_{1}
    document::Formula product;     ///< δₗᵀ from δ of the layer above
    document::Formula components;  ///< entry i
    std::size_t layer = 0;
};

/// One entry of a quantity written out (derivation §6.9).
struct ComponentRow {
    std::string symbol;  ///< of the quantity: z3, yhat, l, dl/dz1, dl/dW1
    document::Formula formula;
    std::string equations;  ///< `under Eq. (14)`: where the source has it; else the section of the derivation
};

/// A formula that is not computed as it is written.
struct Computation {
    document::Prose what;  ///< `sigmoid, slope ($f$, $g$)`, `$l$`
    Written written;       ///< of an activation in z, else in the symbols of the network
};

/// All of it, and the choices behind it.
struct Derivation {
    Architecture architecture;
    LossFunction loss_function;
    std::string forward_table;   ///< `Table 1`, `Table 3`, `Table 5`; `as Table 1` for networks that the source has not
    std::string backward_table;  ///< likewise of Tables 2 and 4
    std::string forward_title;  ///< `Table 1, forward pass`, or for networks that the source has not: `Forward pass, as
                                ///< Table 1`
    std::string backward_title;
    std::vector<ForwardRow> forward;
    document::Formula loss;  ///< of ŷ and y
    LossRow loss_row;
    document::Formula output_components;   ///< ŷ at j as nested sums in x (at most three layers), else empty
    std::vector<Jacobian> jacobians;       ///< ∂l/∂ŷ, ∂ŷ/∂z, then from the last layer to the first
    std::vector<Delta> deltas;             ///< from the last layer to the first
    std::vector<BackwardRow> backward;     ///< weight and bias of the first layer, of the second …
    std::vector<ComponentRow> components;  ///< of all of them, in this order
    std::vector<Computation> computations;
    std::vector<document::Prose>
        conventions;                       ///< what was chosen where tools differ; prose with formulas between dollars
    std::vector<document::Prose> letters;  ///< what letters stand for: `$n=3$ inputs`; prose likewise
};

/// `use_double` is the precision that the reasons of `computations` speak of. Raises Error(usage) for an architecture
/// that is none.
Derivation derive(const Architecture& architecture, const LossFunction& loss, bool use_double = false);

}  // namespace handgrad::explain
