// The numbers of one step against the literal two-layer network, against each other, and against the optimizer.
#include "handgrad/explain/trace.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "handgrad/explain/derivation.hpp"
#include "handgrad/math/two_layer.hpp"
#include "tests/support/draw.hpp"

namespace handgrad::explain {
namespace {

using two_layer_matrix = Matrix<long double>;
namespace literal = math::two_layer;

/// A network with random weights and a row for it.
template <class T>
struct Problem {
    BasicMlp<T> net;
    std::vector<T> x;
    std::vector<T> y;
};

template <class T>
Problem<T> problem(const Architecture& shape, Loss loss, unsigned seed) {
    Problem<T> p{BasicMlp<T>::random(shape, seed), {}, {}};
    Draw draw(seed);
    const auto uniform = [&] { return static_cast<T>(draw.uniform(-1.0, 1.0)); };
    for (std::size_t l = 0; l < p.net.layers(); ++l) {
        draw.fill(p.net.bias(l), -1.0, 1.0);
    }
    for (std::size_t i = 0; i < shape.inputs(); ++i) {
        p.x.push_back(uniform());
    }
    for (std::size_t k = 0; k < shape.outputs(); ++k) {
        p.y.push_back(facts(loss).lowest_target == 0.0 ? T(k == 0 ? 1 : 0) : uniform());
    }
    return p;
}

template <class T>
Trace trace_of(const Problem<T>& p, const LossFunction& loss, const StepOptions& options = {}) {
    return trace<T>(p.net, loss, p.x, p.y, options);
}

// --- The networks of the derivation ---------------------------------------------------------------------------------

two_layer_matrix wide(MatrixView<const double> m) {
    two_layer_matrix result(m.rows(), m.columns());
    for (std::size_t i = 0; i < m.rows(); ++i) {
        std::ranges::copy(m.row(i), result.row(i).begin());
    }
    return result;
}

/// All of it is well scaled (|z| < 8, fewer than 2⁷ operations a number, no cancellation of more than 2⁸), so that
/// double agrees with long double within 2⁷⁺⁸⁻⁵³ of the size of the numbers.
constexpr double bound = 0x1p-38;

void expect_same(std::span<const double> actual, std::span<const long double> expected, const char* what) {
    ASSERT_EQ(actual.size(), expected.size()) << what;
    for (std::size_t i = 0; i < actual.size(); ++i) {
        EXPECT_NEAR(actual[i], static_cast<double>(expected[i]), bound * (1 + std::fabs(actual[i])))
            << what << ' ' << i;
    }
}

void expect_dense(const TracedJacobian& actual, const two_layer_matrix& expected, const char* what) {
    ASSERT_EQ(actual.rows(), expected.rows()) << what;
    for (std::size_t i = 0; i < expected.rows(); ++i) {
        for (std::size_t j = 0; j < expected.columns(); ++j) {
            EXPECT_NEAR(actual.at(i, j), static_cast<double>(expected(i, j)), bound * (1 + std::fabs(actual.at(i, j))))
                << what << ' ' << i << ' ' << j;
        }
    }
}

void expect_as_derived(literal::Hidden f, literal::Output g, literal::TwoLayerLoss loss) {
    const bool bce = loss == literal::TwoLayerLoss::binary_cross_entropy;
    const Loss kind = bce ? Loss::binary_cross_entropy : Loss::squared_error;
    const Architecture shape{.sizes = {3, 4, 2},
                             .hidden = f == literal::Hidden::relu ? Activation::relu : Activation::sigmoid,
                             .output = g == literal::Output::identity ? Activation::identity : Activation::sigmoid};
    const Problem<double> p = problem<double>(shape, kind, 5);
    const Trace t = trace_of(p, kind, {.optimizer = {.kind = OptimizerKind::sgd, .learning_rate = 0.25}});

    literal::Network<long double> net{wide(p.net.weight(0)),
                                      {p.net.bias(0).begin(), p.net.bias(0).end()},
                                      wide(p.net.weight(1)),
                                      {p.net.bias(1).begin(), p.net.bias(1).end()},
                                      f,
                                      g,
                                      loss};
    const std::vector<long double> x(p.x.begin(), p.x.end()), y(p.y.begin(), p.y.end());
    const auto forward = literal::forward(net, x, y);
    const auto backward = literal::backward(net, x, y, forward);
    expect_same(t.forward[0].values(), forward.z1, "z1");
    expect_same(t.forward[1].values(), forward.z2, "z2");
    expect_same(t.forward[2].values(), forward.z3, "z3");
    expect_same(t.forward[3].values(), forward.yhat, "yhat");
    EXPECT_NEAR(t.loss, static_cast<double>(forward.l), bound);
    expect_dense(t.jacobians[0], backward.dl_dyhat, "dl/dyhat");
    expect_dense(t.jacobians[1], backward.dyhat_dz3, "dyhat/dz3");
    expect_dense(t.jacobians[2], backward.dz2_dz1, "dz2/dz1");
    expect_same(t.gradients[0].values(), backward.dW1.values(), "dW1");
    expect_same(t.gradients[1].values(), backward.db1, "db1");
    expect_same(t.gradients[2].values(), backward.dW2.values(), "dW2");
    expect_same(t.gradients[3].values(), backward.db2, "db2");
    expect_same(t.deltas[0].values(), backward.db2, "delta 2");
    expect_same(t.deltas[1].values(), backward.db1, "delta 1");
    literal::update(net, backward, 0.25L);
    expect_same(t.updated[0].values(), net.W1.values(), "W1");
    expect_same(t.updated[1].values(), net.b1, "b1");
    expect_same(t.updated[2].values(), net.W2.values(), "W2");
    expect_same(t.updated[3].values(), net.b2, "b2");
}

TEST(Trace, Table1_Table2_Eq4_NumbersAreThoseOfTheLiteralNetworkWithReluAndIdentity) {
    expect_as_derived(literal::Hidden::relu, literal::Output::identity, literal::TwoLayerLoss::squared_error);
}
TEST(Trace, Table3_Table4_Eq4_NumbersAreThoseOfTheLiteralNetworkWithSigmoids) {
    expect_as_derived(literal::Hidden::sigmoid, literal::Output::sigmoid, literal::TwoLayerLoss::squared_error);
}
TEST(Trace, Table5_Table4_Eq4_NumbersAreThoseOfTheLiteralNetworkWithBinaryCrossEntropy) {
    expect_as_derived(literal::Hidden::sigmoid, literal::Output::sigmoid, literal::TwoLayerLoss::binary_cross_entropy);
}

// --- Any network ----------------------------------------------------------------------------------------------------

/// Every δ is what the factors printed beside it multiply to: δₗᵀ = δₗ₊₁ᵀ W⁽ˡ⁺¹⁾ (∂a/∂z), the last (∂l/∂ŷ)(∂ŷ/∂z).
template <class T>
void expect_factors_multiply_to_deltas(const Problem<T>& p, const Trace& t, const std::string& what) {
    const double u = std::is_same_v<T, float> ? 0x1p-24 : 0x1p-53;
    const std::size_t layers = p.net.layers();
    for (std::size_t d = 0; d < layers; ++d) {
        const std::size_t l = layers - 1 - d;
        const TracedJacobian& J = t.jacobians[d + 1];
        for (std::size_t j = 0; j < J.columns(); ++j) {
            double sum = 0.0, size = 0.0;
            std::size_t terms = 0;
            for (std::size_t i = 0; i < J.rows(); ++i) {
                if (d == 0) {
                    const double term = t.jacobians[0].at(0, i) * J.at(i, j);
                    sum += term;
                    // A rounding of ŷ near 1 is 1/(1 − ŷ) of the 1 − ŷ in Eq. (18) (derivation §6.5).
                    const bool quotient = p.net.architecture().output == Activation::sigmoid;
                    size += std::fabs(term) * (quotient ? 1.0 / (1.0 - t.forward.back()(i, 0)) : 1.0);
                    ++terms;
                    continue;
                }
                for (std::size_t k = 0; k < t.deltas[d - 1].rows(); ++k) {
                    const double term = t.deltas[d - 1](k, 0) * t.parameters[2 * (l + 1)](k, i) * J.at(i, j);
                    sum += term;
                    size += std::fabs(term);
                    ++terms;
                }
            }
            // A rounding in each factor (a loss's slope and an activation's take up to 16), each product and each sum.
            const double allowed = static_cast<double>(terms + 40) * u * size;
            EXPECT_LE(std::fabs(t.deltas[d](j, 0) - sum), allowed) << what << ", layer " << l << ", entry " << j;
        }
    }
}

template <class T>
void expect_consistent_traces() {
    const std::vector<std::vector<std::size_t>> shapes{{3, 2}, {2, 3, 2}, {3, 4, 3, 2}, {2, 3, 2, 3, 3}};
    for (const auto& sizes : shapes) {
        for (const Activation hidden : all_activations) {
            if (!facts(hidden).elementwise) {
                continue;
            }
            for (const Activation output : {Activation::identity, Activation::sigmoid, Activation::softmax}) {
                const Loss loss = output == Activation::identity  ? Loss::huber
                                  : output == Activation::sigmoid ? Loss::binary_cross_entropy
                                                                  : Loss::cross_entropy;
                const Architecture shape{.sizes = sizes, .hidden = hidden, .output = output};
                const Problem<T> p = problem<T>(shape, loss, 4);  // in float no sigmoid of it reaches 1
                const Derivation d = derive(shape, loss);
                const Trace t = trace_of(p, loss);
                const std::string what = std::string(name(hidden)) + " " + std::string(name(output)) + " of depth " +
                                         std::to_string(sizes.size() - 1);
                ASSERT_EQ(t.forward.size(), d.forward.size()) << what;
                ASSERT_EQ(t.jacobians.size(), d.jacobians.size()) << what;
                for (std::size_t i = 0; i < d.forward.size(); ++i) {
                    EXPECT_EQ(t.forward[i].rows(), d.forward[i].quantity.rows) << what;
                }
                for (std::size_t i = 0; i < d.jacobians.size(); ++i) {
                    EXPECT_EQ(t.jacobians[i].diagonal, d.jacobians[i].diagonal) << what;
                    EXPECT_EQ(t.jacobians[i].rows(), d.jacobians[i].quantity.rows) << what;
                    EXPECT_EQ(t.jacobians[i].columns(), d.jacobians[i].quantity.columns) << what;
                }
                for (std::size_t i = 0; i < d.backward.size(); ++i) {
                    EXPECT_EQ(t.gradients[i].rows(), d.backward[i].quantity.rows) << what;
                    EXPECT_EQ(t.gradients[i].columns(), d.backward[i].quantity.columns) << what;
                }
                expect_factors_multiply_to_deltas(p, t, what);
            }
        }
    }
}

TEST(Trace, FactorsMultiplyToTheDeltasAtAnyDepthInDouble) { expect_consistent_traces<double>(); }
TEST(Trace, FactorsMultiplyToTheDeltasAtAnyDepthInFloat) { expect_consistent_traces<float>(); }

TEST(Trace, Eq7_SlopeAtZeroFollowsTheConvention) {
    Architecture shape{.sizes = {1, 1, 1}};
    for (const char* preset : {"handgrad", "pytorch"}) {
        shape.conventions = *find_conventions(preset);
        const BasicMlp<double> net = BasicMlp<double>::zeros(shape);
        const std::vector<double> one{1.0};
        const Trace t = trace<double>(net, Loss::squared_error, one, one);
        EXPECT_EQ(t.jacobians[2].at(0, 0), preset == std::string("handgrad") ? 1.0 : 0.0);
    }
}

TEST(Trace, PenaltyMovesTheParametersButIsNoPartOfTheTablesGradient) {
    const Problem<double> p = problem<double>({.sizes = {2, 3, 1}}, Loss::squared_error, 1);
    const StepOptions plain{.optimizer = {.kind = OptimizerKind::sgd, .learning_rate = 0.5}};
    StepOptions penalised = plain;
    penalised.penalty = 0.25;
    const Trace without = trace_of(p, Loss::squared_error, plain), with = trace_of(p, Loss::squared_error, penalised);
    EXPECT_EQ(without.loss, with.loss);
    EXPECT_EQ(without.penalty, 0.0);
    EXPECT_GT(with.penalty, 0.0);
    const double w = without.parameters[0](0, 0), g = without.gradients[0](0, 0);
    EXPECT_EQ(with.gradients[0](0, 0), g);
    EXPECT_DOUBLE_EQ(with.updated[0](0, 0), w - 0.5 * (g + 0.25 * w));
    EXPECT_EQ(with.updated[1](0, 0), without.updated[1](0, 0)) << "biases are not penalised by default";
}

// --- The update in words --------------------------------------------------------------------------------------------

std::string rules_of(const StepOptions& options, const Conventions& conventions = {}) {
    const UpdateFormula update = describe_update(options, conventions);
    std::string text;
    for (const document::Formula& rule : update.rules) {
        text += document::unicode_of(rule) + "; ";
    }
    return text + "first " + document::unicode_of(update.first_step);
}

TEST(DescribeUpdate, Step5_WritesEachOptimizerAsItMoves) {
    const Conventions pytorch = *find_conventions("pytorch"), sklearn = *find_conventions("sklearn");
    const StepOptions momentum{.optimizer = {.kind = OptimizerKind::sgd, .momentum = 0.9}};
    const StepOptions nesterov{.optimizer = {.kind = OptimizerKind::sgd, .momentum = 0.9, .nesterov = true}};
    const StepOptions adam{.optimizer = {.kind = OptimizerKind::adam}};
    const StepOptions adamw{.optimizer = {.kind = OptimizerKind::adamw, .weight_decay = 0.01}};
    EXPECT_EQ(rules_of({}), "w ← w − η (∂l/∂w); first w ← w − η (∂l/∂w)");
    EXPECT_EQ(rules_of({.penalty = 0.1}), "g = ∂l/∂w + αw; w ← w − η g; first w ← w − η g");
    EXPECT_EQ(rules_of(momentum), "v ← μv − η (∂l/∂w); w ← w + v; first w ← w − η (∂l/∂w)");
    EXPECT_EQ(rules_of(momentum, pytorch), "v ← μv + ∂l/∂w; w ← w − ηv; first w ← w − η (∂l/∂w)");
    EXPECT_EQ(rules_of(nesterov), "v ← μv − η (∂l/∂w); w ← w + μv − η (∂l/∂w); first w ← w − η(1 + μ) (∂l/∂w)");
    EXPECT_EQ(rules_of(adam),
              "m ← β₁m + (1 − β₁) (∂l/∂w); v ← β₂v + (1 − β₂) (∂l/∂w)²; w ← w − η((m/(1 − β₁ᵗ))/(√(v/(1 − β₂ᵗ)) + "
              "ε)); first w ← w − η((∂l/∂w)/(|∂l/∂w| + ε))");
    EXPECT_NE(rules_of(adam, sklearn).find("|∂l/∂w| + ε/√(1 − β₂)"), std::string::npos);
    EXPECT_NE(rules_of(adamw).find("first w ← w − ηαw − η"), std::string::npos);
}

/// What the words say of the first step is what the optimizer does: a parameter w = ½ with gradient g = ¼.
TEST(DescribeUpdate, Step5_FirstStepIsWhatTheOptimizerDoes) {
    BasicMlp<double> gradient = BasicMlp<double>::zeros({.sizes = {1, 1}});
    const auto moved = [&](const OptimizerOptions& options, const char* preset) {
        Architecture shape{.sizes = {1, 1}, .conventions = *find_conventions(preset)};
        BasicMlp<double> net = BasicMlp<double>::zeros(shape);
        net.parameters()[0] = 0.5;
        gradient.parameters()[0] = 0.25;
        Optimizer<double>(net, options).update(net, gradient);
        return net.parameters()[0];
    };
    const double g = 0.25, eta = 0.125, mu = 0.5, epsilon = 0.25, beta2 = 0.999, alpha = 0.5;
    const OptimizerOptions sgd{.kind = OptimizerKind::sgd, .learning_rate = eta, .momentum = mu};
    OptimizerOptions nesterov = sgd;
    nesterov.nesterov = true;
    const OptimizerOptions adam{.kind = OptimizerKind::adam, .learning_rate = eta, .beta2 = beta2, .epsilon = epsilon};
    OptimizerOptions adamw = adam;
    adamw.kind = OptimizerKind::adamw;
    adamw.weight_decay = alpha;
    for (const char* preset : {"handgrad", "pytorch"}) {
        EXPECT_DOUBLE_EQ(moved(sgd, preset), 0.5 - eta * g);
        EXPECT_DOUBLE_EQ(moved(nesterov, preset), 0.5 - eta * (1 + mu) * g);
    }
    // Here β₁ᵗ and β₂ᵗ are rounded before they are subtracted from 1: 2⁻⁵³/(1 − β₂) < 2⁻⁴³.
    EXPECT_NEAR(moved(adam, "handgrad"), 0.5 - eta * g / (g + epsilon), 0x1p-42);
    EXPECT_NEAR(moved(adam, "sklearn"), 0.5 - eta * g / (g + epsilon / std::sqrt(1 - beta2)), 0x1p-42);
    EXPECT_NEAR(moved(adamw, "handgrad"), 0.5 - eta * alpha * 0.5 - eta * g / (g + epsilon), 0x1p-42);
}

}  // namespace
}  // namespace handgrad::explain
