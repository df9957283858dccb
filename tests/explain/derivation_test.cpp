// Tables 1 to 5 entry by entry, and what becomes of them in other networks.
#include "handgrad/explain/derivation.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "handgrad/base/error.hpp"
#include "handgrad/math/output_loss.hpp"
#include "tests/support/formula_value.hpp"

namespace handgrad::explain {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

using Row = std::vector<std::string>;

/// n = 3, r = 4, K = 2.
Derivation two_layers(Activation f, Activation g, Loss loss, const Conventions& conventions = {}) {
    return derive({.sizes = {3, 4, 2}, .hidden = f, .output = g, .conventions = conventions}, loss);
}

std::vector<Row> forward_table(const Derivation& d) {
    std::vector<Row> rows;
    for (const ForwardRow& row : d.forward) {
        rows.push_back({document::unicode_of(row.layer_name), document::unicode_of(row.input),
                        document::unicode_of(row.output), document::unicode_of(row.quantity.name),
                        std::to_string(row.quantity.rows)});
    }
    rows.push_back({"loss", document::unicode_of(d.loss_row.input), document::unicode_of(d.loss_row.output), "l", "1"});
    return rows;
}

std::vector<Row> backward_table(const Derivation& d) {
    std::vector<Row> rows;
    for (const BackwardRow& row : d.backward) {
        rows.push_back({row.parameter, document::unicode_of(row.product), document::unicode_of(row.own),
                        std::to_string(row.quantity.rows), std::to_string(row.quantity.columns)});
    }
    return rows;
}

std::vector<Row> factors(const Derivation& d) {
    std::vector<Row> rows;
    for (const Jacobian& factor : d.jacobians) {
        rows.push_back({factor.quantity.symbol, document::unicode_of(factor.entry), document::unicode_of(factor.matrix),
                        factor.equations});
    }
    return rows;
}

TEST(Derivation, Table1_RowsOfTheForwardPassWithReluAndIdentity) {
    const Derivation d = two_layers(Activation::relu, Activation::identity, Loss::squared_error);
    EXPECT_EQ(d.forward_title, "Table 1, forward pass");
    EXPECT_THAT(forward_table(d),
                ElementsAre(Row{"Linear₁", "x", "W⁽¹⁾x + b⁽¹⁾", "z₁", "4"},
                            Row{"f", "W⁽¹⁾x + b⁽¹⁾", "(W⁽¹⁾x + b⁽¹⁾)⁺", "z₂", "4"},
                            Row{"Linear₂", "(W⁽¹⁾x + b⁽¹⁾)⁺", "W⁽²⁾(W⁽¹⁾x + b⁽¹⁾)⁺ + b⁽²⁾", "z₃", "2"},
                            Row{"g", "W⁽²⁾(W⁽¹⁾x + b⁽¹⁾)⁺ + b⁽²⁾", "W⁽²⁾(W⁽¹⁾x + b⁽¹⁾)⁺ + b⁽²⁾", "ŷ", "2"},
                            Row{"loss", "W⁽²⁾(W⁽¹⁾x + b⁽¹⁾)⁺ + b⁽²⁾", "‖W⁽²⁾(W⁽¹⁾x + b⁽¹⁾)⁺ + b⁽²⁾ − y‖²", "l", "1"}));
}

/// Tables 2 and 4 have the same rows.
void expect_backward_rows(const Derivation& d) {
    EXPECT_THAT(backward_table(d),
                ElementsAre(Row{"linear1.weight", "x · (∂l/∂ŷ)(∂ŷ/∂z₃) W⁽²⁾ (∂z₂/∂z₁)", "δ₁ xᵀ", "4", "3"},
                            Row{"linear1.bias", "(∂l/∂ŷ)(∂ŷ/∂z₃) W⁽²⁾ (∂z₂/∂z₁)", "δ₁", "4", "1"},
                            Row{"linear2.weight", "z₂ · (∂l/∂ŷ)(∂ŷ/∂z₃)", "δ₂ z₂ᵀ", "2", "4"},
                            Row{"linear2.bias", "(∂l/∂ŷ)(∂ŷ/∂z₃)", "δ₂", "2", "1"}));
}

TEST(Derivation, Table2_Eq5to11_BackwardPassAndItsFactorsWithReluAndIdentity) {
    const Derivation d = two_layers(Activation::relu, Activation::identity, Loss::squared_error);
    EXPECT_EQ(d.backward_title, "Table 2, backward pass");
    expect_backward_rows(d);
    EXPECT_THAT(factors(d),
                ElementsAre(Row{"dl/dyhat", "(∂l/∂ŷ)ⱼ = 2(ŷⱼ − yⱼ)", "∂l/∂ŷ = 2(ŷ − y)ᵀ", "Eq. (10), (11)"},
                            Row{"dyhat/dz3", "(∂ŷ/∂z₃)ᵢⱼ = 1 if i = j; 0 else", "∂ŷ/∂z₃ = I", "Eq. (8), (9)"},
                            Row{"dz2/dz1", "(∂z₂/∂z₁)ᵢⱼ = 0 if i ≠ j or z₁,ᵢ < 0; 1 if i = j and z₁,ᵢ ≥ 0",
                                "∂z₂/∂z₁ = diag{𝟙_[0,∞)(z₁)}", "Eq. (5), (6), (7)"}));
    EXPECT_EQ(d.jacobians[0].quantity.rows, 1U);
    EXPECT_EQ(d.jacobians[0].quantity.columns, 2U);
    EXPECT_EQ(d.jacobians[2].quantity.rows, 4U);
    EXPECT_EQ(d.jacobians[2].quantity.columns, 4U);
    EXPECT_TRUE(d.computations.empty());
}

TEST(Derivation, Table3_Table4_Eq12to17_SigmoidsWithSquaredError) {
    const Derivation d = two_layers(Activation::sigmoid, Activation::sigmoid, Loss::squared_error);
    EXPECT_EQ(d.forward_title, "Table 3, forward pass");
    EXPECT_EQ(d.backward_title, "Table 4, backward pass");
    EXPECT_THAT(
        forward_table(d),
        ElementsAre(Row{"Linear₁", "x", "W⁽¹⁾x + b⁽¹⁾", "z₁", "4"},
                    Row{"f", "W⁽¹⁾x + b⁽¹⁾", "σ(W⁽¹⁾x + b⁽¹⁾)", "z₂", "4"},
                    Row{"Linear₂", "σ(W⁽¹⁾x + b⁽¹⁾)", "W⁽²⁾σ(W⁽¹⁾x + b⁽¹⁾) + b⁽²⁾", "z₃", "2"},
                    Row{"g", "W⁽²⁾σ(W⁽¹⁾x + b⁽¹⁾) + b⁽²⁾", "σ(W⁽²⁾σ(W⁽¹⁾x + b⁽¹⁾) + b⁽²⁾)", "ŷ", "2"},
                    Row{"loss", "σ(W⁽²⁾σ(W⁽¹⁾x + b⁽¹⁾) + b⁽²⁾)", "‖σ(W⁽²⁾σ(W⁽¹⁾x + b⁽¹⁾) + b⁽²⁾) − y‖²", "l", "1"}));
    expect_backward_rows(d);
    EXPECT_THAT(factors(d), ElementsAre(Row{"dl/dyhat", "(∂l/∂ŷ)ⱼ = 2(ŷⱼ − yⱼ)", "∂l/∂ŷ = 2(ŷ − y)ᵀ", "Eq. (16), (17)"},
                                        Row{"dyhat/dz3", "(∂ŷ/∂z₃)ᵢⱼ = e^{−z₃,ᵢ}/(1 + e^{−z₃,ᵢ})² if i = j; 0 else",
                                            "∂ŷ/∂z₃ = diag{e^{−z₃}/(1 + e^{−z₃})²}", "Eq. (14), (15)"},
                                        Row{"dz2/dz1", "(∂z₂/∂z₁)ᵢⱼ = e^{−z₁,ᵢ}/(1 + e^{−z₁,ᵢ})² if i = j; 0 else",
                                            "∂z₂/∂z₁ = diag{e^{−z₁}/(1 + e^{−z₁})²}", "Eq. (12), (13)"}));
}

TEST(Derivation, Table5_Table4_Eq18_Eq19_SigmoidsWithBinaryCrossEntropy) {
    const Derivation d = two_layers(Activation::sigmoid, Activation::sigmoid, Loss::binary_cross_entropy);
    EXPECT_EQ(d.forward_title, "Table 5, forward pass");
    EXPECT_EQ(d.backward_title, "Table 4, backward pass");
    EXPECT_EQ(forward_table(d).back(),
              (Row{"loss", "σ(W⁽²⁾σ(W⁽¹⁾x + b⁽¹⁾) + b⁽²⁾)", "(1/K) Σⱼ −[yⱼ log ŷⱼ + (1 − yⱼ) log(1 − ŷⱼ)]", "l", "1"}));
    expect_backward_rows(d);
    EXPECT_EQ(factors(d)[0], (Row{"dl/dyhat", "(∂l/∂ŷ)ⱼ = −(1/K)[yⱼ/ŷⱼ − (1 − yⱼ)/(1 − ŷⱼ)]",
                                  "∂l/∂ŷ = −(1/K)[y/ŷ − (1 − y)/(1 − ŷ)]ᵀ", "Eq. (18), (19)"}));
}

TEST(Derivation, SumsByComponentAreThoseOfTheSource) {
    const auto relu = two_layers(Activation::relu, Activation::identity, Loss::squared_error);
    EXPECT_EQ(document::unicode_of(relu.output_components), "ŷⱼ = Σₚ W⁽²⁾ⱼₚ (Σ_q W⁽¹⁾_{pq} x_q + b⁽¹⁾ₚ)⁺ + b⁽²⁾ⱼ");
    EXPECT_EQ(document::unicode_of(relu.forward[0].components), "z₁,ᵢ = Σⱼ W⁽¹⁾ᵢⱼ xⱼ + b⁽¹⁾ᵢ");
    const auto sigmoid = two_layers(Activation::sigmoid, Activation::sigmoid, Loss::squared_error);
    EXPECT_EQ(document::unicode_of(sigmoid.output_components),
              "ŷⱼ = σ(Σₚ W⁽²⁾ⱼₚ σ(Σ_q W⁽¹⁾_{pq} x_q + b⁽¹⁾ₚ) + b⁽²⁾ⱼ)");
    EXPECT_EQ(document::unicode_of(sigmoid.deltas[1].components), "δ₁,ᵢ = (Σₖ δ₂,ₖ W⁽²⁾ₖᵢ)f′(z₁,ᵢ)");
}

/// Citations of entry, matrix and what stands in it, and that.
Row cited(const Jacobian& factor) {
    return {factor.entry_equation, factor.matrix_equation, factor.where_equation, document::unicode_of(factor.where)};
}

TEST(Derivation, Eq7_StandsAsCasesBelowTheMatrixThatUsesIt) {
    const Derivation d = two_layers(Activation::relu, Activation::identity, Loss::squared_error);
    EXPECT_EQ(cited(d.jacobians[2]), (Row{"Eq. (5)", "Eq. (6)", "Eq. (7)", "𝟙_[0,∞)(u) = 1 if u ≥ 0; 0 if u < 0"}));
    EXPECT_EQ(cited(d.jacobians[1]), (Row{"Eq. (8)", "Eq. (9)", "", ""}));
    const Derivation loss = two_layers(Activation::relu, Activation::identity, Loss::quantile);
    EXPECT_EQ(loss.jacobians[0].where_equation, "Eq. (7)");
    const Derivation other =
        two_layers(Activation::relu, Activation::identity, Loss::quantile, *find_conventions("sklearn"));
    EXPECT_EQ(cited(other.jacobians[2]),
              (Row{"as Eq. (5)", "as Eq. (6)", "as Eq. (7)", "𝟙_(0,∞)(u) = 1 if u > 0; 0 if u ≤ 0"}));
    EXPECT_EQ(document::unicode_of(other.jacobians[0].where), "s(u) = −q if u < 0; 0 if u = 0; 1 − q if u > 0");
}

TEST(Derivation, AConventionThatDiffersFromAnEquationIsCitedAsLikeIt) {
    const Conventions pytorch = *find_conventions("pytorch"), sklearn = *find_conventions("sklearn");
    const auto said = [](const Derivation& d) { return d.loss_row.equations + " | " + d.jacobians[0].equations; };
    const auto sigmoids = [](Loss loss, const Conventions& conventions) {
        return two_layers(Activation::sigmoid, Activation::sigmoid, loss, conventions);
    };
    EXPECT_EQ(said(sigmoids(Loss::squared_error, {})), "Eq. (3) | Eq. (16), (17)");
    EXPECT_EQ(said(sigmoids(Loss::squared_error, pytorch)), "as Eq. (3) | as Eq. (16), (17)");
    EXPECT_EQ(said(sigmoids(Loss::binary_cross_entropy, pytorch)), "Table 5 | Eq. (18), (19)");
    EXPECT_EQ(said(sigmoids(Loss::binary_cross_entropy, sklearn)), "as Table 5 | as Eq. (18), (19)");
    EXPECT_EQ(said(sigmoids(Loss::huber, {})), "derivation §7.5 | derivation §7");
}

std::vector<Row> components(const Derivation& d, const std::string& symbol) {
    std::vector<Row> rows;
    for (const ComponentRow& row : d.components) {
        if (row.symbol == symbol) {
            rows.push_back({document::unicode_of(row.formula), row.equations});
        }
    }
    return rows;
}

TEST(Derivation, Eq14_Eq16_TheNestedPreActivationStandsUnderItsFactor) {
    const Derivation d = two_layers(Activation::sigmoid, Activation::sigmoid, Loss::squared_error);
    EXPECT_THAT(components(d, "z1"), ElementsAre(Row{"z₁,ᵢ = Σⱼ W⁽¹⁾ᵢⱼ xⱼ + b⁽¹⁾ᵢ", "under Eq. (12)"}));
    EXPECT_THAT(components(d, "z3"),
                ElementsAre(Row{"z₃,ᵢ = Σⱼ W⁽²⁾ᵢⱼ z₂,ⱼ + b⁽²⁾ᵢ", "under Eq. (14)"},
                            Row{"z₃,ᵢ = Σₚ W⁽²⁾ᵢₚ σ(Σ_q W⁽¹⁾_{pq} x_q + b⁽¹⁾ₚ) + b⁽²⁾ᵢ", "under Eq. (14)"}));
    EXPECT_EQ(components(d, "yhat")[1][1], "under Eq. (16)");
    EXPECT_THAT(components(d, "l"), ElementsAre(Row{"l = Σⱼ (ŷⱼ − yⱼ)²", "Eq. (3)"}));

    const Derivation three = derive({.sizes = {3, 4, 4, 2}, .hidden = Activation::tanh}, Loss::huber);
    EXPECT_EQ(components(three, "z3")[1],
              (Row{"z₃,ᵢ = Σₚ W⁽²⁾ᵢₚ tanh(Σ_q W⁽¹⁾_{pq} x_q + b⁽¹⁾ₚ) + b⁽²⁾ᵢ", "derivation §6.9"}));
    EXPECT_EQ(components(three, "z5").size(), 2U);
    const Derivation four = derive({.sizes = {3, 4, 4, 4, 2}, .hidden = Activation::tanh}, Loss::huber);
    EXPECT_EQ(components(four, "z5").size(), 1U);
}

TEST(Derivation, OtherConventionsChangeTheFormulasAndSaySo) {
    const Conventions pytorch = *find_conventions("pytorch");
    const Derivation d = two_layers(Activation::relu, Activation::identity, Loss::squared_error, pytorch);
    EXPECT_EQ(factors(d)[0][1], "(∂l/∂ŷ)ⱼ = (2/K)(ŷⱼ − yⱼ)");
    EXPECT_EQ(factors(d)[2][1], "(∂z₂/∂z₁)ᵢⱼ = 0 if i ≠ j or z₁,ᵢ ≤ 0; 1 if i = j and z₁,ᵢ > 0");
    EXPECT_EQ(factors(d)[2][2], "∂z₂/∂z₁ = diag{𝟙_(0,∞)(z₁)}");
    EXPECT_THAT(document::unicode_of_prose(d.conventions[0]),
                HasSubstr("a mean over the K outputs (convention pytorch); Eq. (3)"));
    EXPECT_EQ(document::unicode_of_prose(d.conventions[1]), "ReLU′(0) = 0 (convention pytorch); Eq. (7) has 1.");
}

TEST(Derivation, DeeperNetworksNumberTheirLayersOnAndStartEachProductFromTheDeltaAbove) {
    const Derivation d = derive({.sizes = {5, 4, 3, 2, 6},
                                 .output = Activation::softmax,
                                 .each_hidden = {Activation::tanh, Activation::relu, Activation::sigmoid}},
                                Loss::cross_entropy);
    Row symbols, layers, jacobians;
    for (const ForwardRow& row : d.forward) {
        symbols.push_back(row.quantity.symbol);
        layers.push_back(row.layer);
    }
    for (const Jacobian& factor : d.jacobians) {
        jacobians.push_back(factor.quantity.symbol + ": " + factor.equations);
    }
    EXPECT_THAT(symbols, ElementsAre("z1", "z2", "z3", "z4", "z5", "z6", "z7", "yhat"));
    EXPECT_THAT(layers, ElementsAre("linear1", "f1", "linear2", "f2", "linear3", "f3", "linear4", "g"));
    EXPECT_THAT(jacobians, ElementsAre("dl/dyhat: derivation §7", "dyhat/dz7: derivation §7", "dz6/dz5: Eq. (12), (13)",
                                       "dz4/dz3: Eq. (5), (6), (7)", "dz2/dz1: derivation §7"));
    EXPECT_EQ(document::unicode_of(d.backward[2].product), "z₂ · δ₃ᵀ W⁽³⁾ (∂z₄/∂z₃)");
    EXPECT_EQ(document::unicode_of(d.deltas[3].product), "δ₁ᵀ = δ₂ᵀ W⁽²⁾ (∂z₂/∂z₁)");
    EXPECT_FALSE(d.jacobians[1].diagonal);
    EXPECT_EQ(document::unicode_of(d.jacobians[1].matrix), "∂ŷ/∂z₇ = diag{ŷ} − ŷ ŷᵀ");
    EXPECT_EQ(d.forward_title, "Forward pass, as Table 1");
}

TEST(Derivation, AnIdentityInBetweenKeepsItsBrackets) {
    const Derivation d = two_layers(Activation::identity, Activation::identity, Loss::squared_error);
    EXPECT_EQ(document::unicode_of(d.forward[3].output), "W⁽²⁾(W⁽¹⁾x + b⁽¹⁾) + b⁽²⁾");
    EXPECT_EQ(document::unicode_of(d.output_components), "ŷⱼ = Σₚ W⁽²⁾ⱼₚ(Σ_q W⁽¹⁾_{pq} x_q + b⁽¹⁾ₚ) + b⁽²⁾ⱼ");
}

TEST(Derivation, OneLayerHasItsTablesToo) {
    const Derivation d = derive({.sizes = {3, 1}, .output = Activation::exp}, Loss::poisson);
    EXPECT_THAT(forward_table(d), ElementsAre(Row{"Linear₁", "x", "W⁽¹⁾x + b⁽¹⁾", "z₁", "1"},
                                              Row{"g", "W⁽¹⁾x + b⁽¹⁾", "exp(W⁽¹⁾x + b⁽¹⁾)", "ŷ", "1"},
                                              Row{"loss", "exp(W⁽¹⁾x + b⁽¹⁾)", "Σⱼ (ŷⱼ − yⱼ log ŷⱼ)", "l", "1"}));
    EXPECT_EQ(document::unicode_of(d.backward[0].product), "x · (∂l/∂ŷ)(∂ŷ/∂z₁)");
}

TEST(Derivation, LettersOfALiteralFormAreExplainedWhereItStands) {
    const auto gelu = two_layers(Activation::gelu_tanh, Activation::gelu, Loss::huber);
    EXPECT_EQ(cited(gelu.jacobians[2])[3], "u = √(2/π)(z₁,ᵢ + 0.044715z₁,ᵢ³)");
    EXPECT_EQ(cited(gelu.jacobians[1])[3], "Φ(z₃,ᵢ) = (1/2)(1 + erf(z₃,ᵢ/√2))");
    EXPECT_EQ(components(gelu, "z2")[0][0], "z₂,ᵢ = (z₁,ᵢ/2)(1 + tanh(u)),   u = √(2/π)(z₁,ᵢ + 0.044715z₁,ᵢ³)");
    for (const Activation activation :
         {Activation::sigmoid, Activation::tanh, Activation::softplus, Activation::silu}) {
        const auto d = two_layers(activation, Activation::softmax, Loss::cross_entropy);
        EXPECT_EQ(d.jacobians[2].where + d.jacobians[1].where, "") << name(activation);
    }
}

TEST(Derivation, OfManyLayersWithOneActivationTheFirstAndTheLastAreNamed) {
    const Derivation d = derive({.sizes = {3, 2, 2, 2, 2, 1}, .hidden = Activation::tanh}, Loss::huber);
    EXPECT_EQ(document::unicode_of_prose(d.computations[0].what), "tanh, slope (f₁, …, f₄)");
}

TEST(Derivation, AnArchitectureThatIsNoneIsRefused) {
    EXPECT_THROW(derive({.sizes = {3}}, Loss::squared_error), Error);
    EXPECT_THROW(derive({.sizes = {3, 2, 2}, .hidden = Activation::softmax}, Loss::squared_error), Error);
}

/// As in formulas_test: fewer than 2⁶ operations right to 2⁻⁶³ at |z| ≤ 2, where no cancellation loses more than 2¹².
TEST(Derivation, WhatIsComputedEqualsWhatIsWrittenForEveryPairOfOutputAndLoss) {
    std::size_t compared = 0;
    for (const Conventions& conventions : convention_presets) {
        for (const Activation output : all_activations) {
            for (const Loss loss : all_losses) {
                const Derivation d = two_layers(Activation::elu, output, loss, conventions);
                const std::vector<long double> z{0.5L, -1.25L};
                std::vector<long double> yhat(2);
                math::row_outputs<long double>(output, {}, z, yhat);
                for (const Computation& c : d.computations) {
                    for (std::size_t j = 0; j < 2; ++j) {
                        // z₁ is the largest, so k = 0 in log Σ e^z; targets of one class, with S = 1.
                        const formula::Letters letters{.numbers = {{"z", z[j]}, {"K", 2}, {"S", 1}, {"a", 0.01L}},
                                                       .vectors = {{"\\hat y", yhat}, {"y", {0, 1}}, {"z", z}},
                                                       .indices = {{"j", j}, {"i", j}, {"k", 0}}};
                        // `ŷ(S − y) − y Σ_{i≠j}` excludes j itself, log Σ_{i≠k} the largest.
                        const long double written = formula::value(c.written.literal, letters, c.written.where);
                        const long double computed = formula::value(c.written.computed, letters, c.written.where);
                        EXPECT_NEAR(static_cast<double>(written - computed), 0.0, 0x1p-44)
                            << name(output) << ' ' << name(loss) << ' ' << c.what << ": " << c.written.computed;
                        ++compared;
                    }
                }
            }
        }
    }
    EXPECT_GT(compared, 500U);
}

}  // namespace
}  // namespace handgrad::explain
