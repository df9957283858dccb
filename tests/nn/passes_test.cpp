// The passes by name: reductions, ReLU′(0), accumulation, the literal two-layer oracle, and what does not move a bit.
#include "handgrad/nn/passes.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "handgrad/math/two_layer.hpp"
#include "tests/support/witness.hpp"

namespace handgrad {
namespace {

using witness::Problem;

Architecture two_layer_shape(math::two_layer::Hidden f, math::two_layer::Output g,
                             const std::vector<std::size_t>& sizes) {
    return {.sizes = sizes,
            .hidden = f == math::two_layer::Hidden::relu ? Activation::relu : Activation::sigmoid,
            .output = g == math::two_layer::Output::identity ? Activation::identity : Activation::sigmoid};
}

/// The literal oracle in long double on one row of a problem.
struct Oracle {
    math::two_layer::Network<long double> net;
    math::two_layer::Forward<long double> forward;
    math::two_layer::Backward<long double> backward;
};

Oracle oracle(const Problem& p, math::two_layer::Hidden f, math::two_layer::Output g,
              math::two_layer::TwoLayerLoss loss, std::size_t row) {
    using Vector = math::two_layer::Vector<long double>;
    const auto matrix = [](MatrixView<const double> m) {
        Matrix<long double> result(m.rows(), m.columns());
        for (std::size_t i = 0; i < m.rows(); ++i) {
            std::ranges::copy(m.row(i), result.row(i).begin());
        }
        return result;
    };
    const auto vector = [](std::span<const double> v) { return Vector(v.begin(), v.end()); };
    Oracle o{.net = {matrix(p.net.weight(0)), vector(p.net.bias(0)), matrix(p.net.weight(1)), vector(p.net.bias(1)), f,
                     g, loss},
             .forward = {},
             .backward = {}};
    const Vector x = vector(p.x.row(row)), y = vector(p.y.row(row));
    o.forward = math::two_layer::forward(o.net, x, y);
    o.backward = math::two_layer::backward(o.net, x, y, o.forward);
    return o;
}

class DerivationPairs
    : public testing::TestWithParam<
          std::tuple<math::two_layer::Hidden, math::two_layer::Output, math::two_layer::TwoLayerLoss>> {};

TEST_P(DerivationPairs, Table1_Table2_Table3_Table4_Table5_NetworkAgreesWithTheLiteralOracleInLongDouble) {
    const auto [f, g, loss] = GetParam();
    const Loss kind =
        loss == math::two_layer::TwoLayerLoss::squared_error ? Loss::squared_error : Loss::binary_cross_entropy;
    std::uint64_t seed = 1;
    for (const auto& sizes :
         std::vector<std::vector<std::size_t>>{{3, 4, 2}, {1, 1, 1}, {1, 5, 3}, {4, 1, 2}, {6, 7, 1}}) {
        const Problem p = witness::random_problem(two_layer_shape(f, g, sizes), kind, 1, seed++);
        const Oracle o = oracle(p, f, g, loss, 0);
        const auto pass = witness::run<double>(p);
        const std::vector<double> terms = witness::absolute_terms(p, pass);
        EXPECT_NEAR(pass.loss, static_cast<double>(o.forward.l), 1e-13 * (1.0 + std::fabs(pass.loss)));
        std::vector<long double> expected(o.backward.dW1.values().begin(), o.backward.dW1.values().end());
        for (const auto& part : {std::span<const long double>(o.backward.db1), o.backward.dW2.values(),
                                 std::span<const long double>(o.backward.db2)}) {
            expected.insert(expected.end(), part.begin(), part.end());
        }
        ASSERT_EQ(expected.size(), terms.size());
        for (std::size_t i = 0; i < terms.size(); ++i) {
            EXPECT_NEAR(pass.grad.parameters()[i], static_cast<double>(expected[i]), 1e-12 * terms[i]) << i;
        }
        Matrix<double> J(sizes[2], sizes[0]);
        jacobian<double>(p.net, pass.tape, 0, J);
        for (std::size_t i = 0; i < J.values().size(); ++i) {
            EXPECT_NEAR(J.values()[i], static_cast<double>(o.backward.dyhat_dx.values()[i]), 1e-13);
        }
    }
}

INSTANTIATE_TEST_SUITE_P(Derivation, DerivationPairs,
                         testing::Values(std::tuple(math::two_layer::Hidden::relu, math::two_layer::Output::identity,
                                                    math::two_layer::TwoLayerLoss::squared_error),
                                         std::tuple(math::two_layer::Hidden::sigmoid, math::two_layer::Output::sigmoid,
                                                    math::two_layer::TwoLayerLoss::squared_error),
                                         std::tuple(math::two_layer::Hidden::sigmoid, math::two_layer::Output::sigmoid,
                                                    math::two_layer::TwoLayerLoss::binary_cross_entropy)),
                         [](const auto& instance) {
                             return std::string(std::get<0>(instance.param) == math::two_layer::Hidden::relu
                                                    ? "relu_identity"
                                                    : "sigmoid_sigmoid") +
                                    (std::get<2>(instance.param) == math::two_layer::TwoLayerLoss::squared_error
                                         ? "_squared_error"
                                         : "_binary_cross_entropy");
                         });

/// One row, one output at z = w x with the given weights.
double one_row_loss(Activation output, Loss kind, const Conventions& conventions, std::vector<double> logits,
                    std::vector<double> y) {
    const std::size_t K = logits.size();
    BasicMlp<double> net = BasicMlp<double>::zeros({.sizes = {1, K}, .output = output, .conventions = conventions});
    std::ranges::copy(logits, net.bias(0).begin());
    Matrix<double> x(1, 1), target(1, K);
    std::ranges::copy(y, target.row(0).begin());
    BasicTape<double> tape(net, 1);
    forward(net, x, tape);
    return loss_value<double>(kind, tape.output(), target);
}

TEST(Loss, Eq3_SquaredErrorSumsOverTheOutputs) {
    // (1 − 0)² + (3 − 1)² = 5
    EXPECT_EQ(one_row_loss(Activation::identity, Loss::squared_error, {}, {1.0, 3.0}, {0.0, 1.0}), 5.0);
}

TEST(Loss, Table5_BinaryCrossEntropyAveragesOverTheOutputs) {
    // ŷ = ½ at z = 0: each output costs log 2, and so does their mean.
    EXPECT_NEAR(one_row_loss(Activation::sigmoid, Loss::binary_cross_entropy, {}, {0.0, 0.0}, {0.0, 1.0}),
                std::log(2.0), 1e-15);
}

TEST(Loss, Step3_AveragesOverTheRowsAndByTheirWeights) {
    // Rows with ŷ = 0 and y = 1, 2, 3: squared errors 1, 4, 9.
    const BasicMlp<double> net = BasicMlp<double>::zeros({.sizes = {1, 1}});
    BasicTape<double> tape(net, 3), dtape(net, 3);
    const Matrix<double> x(3, 1);
    Matrix<double> y(3, 1);
    for (std::size_t row = 0; row < 3; ++row) {
        y(row, 0) = static_cast<double>(row + 1);
    }
    forward(net, x, tape);
    EXPECT_DOUBLE_EQ(loss<double>(Loss::squared_error, tape.output(), y, dtape.output()), 14.0 / 3.0);
    EXPECT_DOUBLE_EQ(dtape.output().z(2, 0), -6.0 / 3.0);  // 2 (ŷ − y) / rows
    const std::vector<double> weights{2.0, 0.0, 6.0};
    EXPECT_DOUBLE_EQ(loss<double>(Loss::squared_error, tape.output(), y, dtape.output(), weights), 56.0 / 8.0);
    EXPECT_DOUBLE_EQ(dtape.output().z(2, 0), -6.0 * 6.0 / 8.0);
}

TEST(Loss, ReductionsFollowTheConvention) {
    const Conventions pytorch = *find_conventions("pytorch"), sklearn = *find_conventions("sklearn");
    EXPECT_EQ(one_row_loss(Activation::identity, Loss::squared_error, pytorch, {1.0, 3.0}, {0.0, 1.0}), 2.5);
    EXPECT_EQ(one_row_loss(Activation::identity, Loss::squared_error, sklearn, {1.0, 3.0}, {0.0, 1.0}), 2.5);
    EXPECT_NEAR(one_row_loss(Activation::sigmoid, Loss::binary_cross_entropy, sklearn, {0.0, 0.0}, {0.0, 1.0}),
                2.0 * std::log(2.0), 1e-15);
}

/// The gradient by b⁽¹⁾ of a ReLU unit that stands exactly at z = 0.
double gradient_at_the_kink(const Conventions& conventions) {
    BasicMlp<double> net = BasicMlp<double>::zeros({.sizes = {1, 1, 1}, .conventions = conventions});
    net.weight(1)(0, 0) = 1.0;
    BasicTape<double> tape(net, 1), dtape(net, 1);
    BasicMlp<double> grad = BasicMlp<double>::zeros_like(net);
    Matrix<double> x(1, 1), y(1, 1);
    y(0, 0) = -1.0;  // ∂l/∂ŷ = 2 (0 + 1) = 2
    forward(net, x, tape);
    loss<double>(Loss::squared_error, tape.output(), y, dtape.output());
    backward(net, tape, dtape, grad);
    return grad.bias(0)[0];
}

TEST(Backward, Eq7_ReluDerivativeAtZeroIsOneByDefaultAndZeroUnderThePytorchConvention) {
    EXPECT_EQ(gradient_at_the_kink({}), 2.0);
    EXPECT_EQ(gradient_at_the_kink(*find_conventions("pytorch")), 0.0);
    EXPECT_EQ(gradient_at_the_kink(*find_conventions("sklearn")), 0.0);
}

TEST(Backward, Step4_ASecondBackwardWithoutZeroingDoublesTheGradient) {
    const Problem p = witness::random_problem({.sizes = {3, 4, 2}}, Loss::squared_error, 5, 3);
    auto pass = witness::run<double>(p);
    const std::vector<double> once(pass.grad.parameters().begin(), pass.grad.parameters().end());
    BasicTape<double> tape(p.net, 5);
    forward(p.net, p.x, tape);
    loss<double>(p.function, tape.output(), p.y, pass.dtape.output());
    backward(p.net, tape, pass.dtape, pass.grad);
    for (std::size_t i = 0; i < once.size(); ++i) {
        EXPECT_NEAR(pass.grad.parameters()[i], 2.0 * once[i], 1e-14 * std::fabs(once[i])) << i;
    }
}

TEST(Backward, LossOfYourOwnEntersByItsDerivativeByYhat) {
    // With ∂l/∂ŷ of the squared error filled in by hand, the gradient is that of the squared error.
    const Problem p =
        witness::random_problem({.sizes = {3, 4, 2}, .output = Activation::softmax}, Loss::squared_error, 5, 4);
    const auto expected = witness::run<double>(p);
    BasicTape<double> tape(p.net, 5), dtape(p.net, 5);
    BasicMlp<double> grad = BasicMlp<double>::zeros_like(p.net);
    forward(p.net, p.x, tape);
    for (std::size_t row = 0; row < 5; ++row) {
        for (std::size_t k = 0; k < 2; ++k) {
            dtape.output().a(row, k) = 2.0 * (tape.output().a(row, k) - p.y(row, k)) / 5.0;
        }
    }
    output_backward(tape.output(), dtape.output(), 5);
    backward(p.net, tape, dtape, grad);
    const auto terms = witness::absolute_terms(p, expected);
    for (std::size_t i = 0; i < terms.size(); ++i) {
        EXPECT_NEAR(grad.parameters()[i], expected.grad.parameters()[i], 1e-14 * terms[i]);
    }
}

TEST(Forward, Eq2_BitsOfARowDoNotDependOnTheRowsAroundIt) {
    const Problem p =
        witness::random_problem({.sizes = {5, 17, 3}, .hidden = Activation::tanh}, Loss::squared_error, 50, 5);
    const BasicMlp<float> net = convert<float>(p.net);
    const Matrix<float> x = convert<float>(p.x);
    BasicTape<float> whole(net, 50), single(net, 1);
    forward(net, x, whole);
    for (std::size_t row = 0; row < 50; ++row) {
        forward(net, x.view().rows_from(row, 1), single);
        for (std::size_t k = 0; k < 3; ++k) {
            EXPECT_EQ(single.yhat()(0, k), whole.yhat()(row, k));
        }
    }
}

/// Loss and ∂l/∂z at one logit, through the whole network in T.
template <class T>
std::pair<double, T> at_logit(T z, T y, Loss kind) {
    BasicMlp<T> net = BasicMlp<T>::zeros({.sizes = {1, 1}, .output = Activation::sigmoid});
    net.bias(0)[0] = z;
    BasicTape<T> tape(net, 1), dtape(net, 1);
    Matrix<T> x(1, 1), target(1, 1);
    target(0, 0) = y;
    forward(net, x, tape);
    const double l = loss<T>(kind, tape.output(), target, dtape.output());
    return {l, dtape.output().z(0, 0)};
}

template <class T>
void expect_right_at_extreme_logits() {
    // Relative errors in units of 2⁻ᵖ; results below the smallest normal number of T may be rounded to its grid.
    const long double unit = std::numeric_limits<T>::epsilon() / 2;
    const auto near = [&](T value, long double exact, const char* what, T z, T y) {
        ASSERT_TRUE(std::isfinite(value)) << what;
        EXPECT_LE(std::fabs(static_cast<long double>(value) - exact),
                  4 * unit * 2 * std::fabs(exact) + std::numeric_limits<T>::denorm_min())
            << what << " at z = " << z << ", y = " << y;
    };
    for (const T magnitude : {T(0), T(1), T(15), T(17.4), T(20), T(50), T(100), T(1e4)}) {
        for (const T z : {magnitude, -magnitude}) {
            for (const T y : {T(0), T(1)}) {
                const long double wrong_way = y == T(1) ? -z : z;  // the loss is log(1 + e^wrong_way)
                const long double t = std::exp(-std::fabs(wrong_way));
                const long double bce = std::max(wrong_way, 0.0L) + std::log1p(t);
                const long double sigma = wrong_way > 0 ? 1 / (1 + t) : t / (1 + t);  // |ŷ − y|
                const long double sign = y == T(1) ? -1.0L : 1.0L;
                const auto [l, dz] = at_logit<T>(z, y, Loss::binary_cross_entropy);
                near(static_cast<T>(l), bce, "loss", z, y);
                near(dz, sign * sigma, "gradient", z, y);
                const auto [l2, dz2] = at_logit<T>(z, y, Loss::squared_error);
                near(static_cast<T>(l2), sigma * sigma, "squared error", z, y);
                near(dz2, 2 * sign * sigma * t / ((1 + t) * (1 + t)), "gradient of the squared error", z, y);
            }
        }
    }
}

TEST(Loss, Eq19_Eq15_AtExtremeLogitsLossAndGradientAreFiniteAndRightInFloat) {
    expect_right_at_extreme_logits<float>();
}
TEST(Loss, Eq19_Eq15_AtExtremeLogitsLossAndGradientAreFiniteAndRightInDouble) {
    expect_right_at_extreme_logits<double>();
}

}  // namespace
}  // namespace handgrad
