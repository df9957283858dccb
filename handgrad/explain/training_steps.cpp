// One line for each layer or rule, put together from the rows of the derivation.
#include "handgrad/explain/training_steps.hpp"

#include "handgrad/base/wording.hpp"

namespace handgrad::explain {
namespace {

/// Of more layers than this the middle of ŷ = g(Linear(…)) is dots.
constexpr std::size_t most_layers_nested = 4;

/// z₁ = W⁽¹⁾x + b⁽¹⁾ and z₂ = f(z₁), in the symbols of the row above.
document::Formula layer_formula(const Derivation& d, std::size_t l) {
    const ForwardRow &linear = d.forward[2 * l], &activation = d.forward[2 * l + 1];
    document::Formula input = "x";
    if (l > 0) {
        input = d.forward[2 * l - 1].quantity.name;
    }
    return linear.quantity.name + "=" + d.backward[2 * l].parameter_name + input + "+" +
           d.backward[2 * l + 1].parameter_name + ",\\quad " + activation.quantity.name + "=" + activation.layer_name +
           "(" + linear.quantity.name + ")";
}

/// Eq. (2): g(Linear₂(f(Linear₁(x)))), from the outside inwards.
document::Formula forward_formula(const Derivation& d) {
    const std::size_t layers = d.architecture.layers();
    document::Formula open, close;
    for (std::size_t l = layers; l-- > 0;) {
        const bool middle = layers > most_layers_nested && l > 0 && l + 2 < layers;
        if (middle) {
            if (l == 1) {
                open += "\\dots ";
            }
            continue;
        }
        open += d.forward[2 * l + 1].layer_name + "(" + d.forward[2 * l].layer_name + "(";
        close += "))";
    }
    return "\\hat y=" + open + "x" + close;
}

/// ∂l/∂W ← ∂l/∂W + δ xᵀ.
document::Formula accumulated(const BackwardRow& row) {
    return row.quantity.name + "\\leftarrow " + row.quantity.name + "+" + row.own;
}

}  // namespace

std::vector<TrainingStep> training_steps(const Derivation& d, const UpdateFormula& update) {
    const std::size_t layers = d.architecture.layers();
    const std::string as = when(layers != 2, "as ");
    std::vector<TrainingStep> steps;
    for (std::size_t l = 0; l < layers; ++l) {
        steps.push_back({1, "build", layer_formula(d, l), as + "Eq. (1)"});
    }
    steps.push_back({2, "forward", forward_formula(d), as + "Eq. (2)"});
    steps.push_back({3, "loss", "l=" + d.loss, d.loss_row.equations});
    steps.push_back({4, "backward: zero", "\\frac{\\partial l}{\\partial w}\\leftarrow0", "step 4"});
    for (std::size_t l = layers; l-- > 0;) {
        const BackwardRow &weight = d.backward[2 * l], &bias = d.backward[2 * l + 1];
        steps.push_back({4, "then accumulate", accumulated(weight) + ",\\quad " + accumulated(bias), d.backward_table});
    }
    for (const document::Formula& rule : update.rules) {
        const bool plain = update.rules.size() == 1;
        steps.push_back({5, "update", rule, when(!plain, "as ") + "Eq. (4)"});
    }
    return steps;
}

}  // namespace handgrad::explain
