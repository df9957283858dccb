// The vector-Jacobian product: against plain loops and the complex step, bit by bit against predictor and loss
// gradient.
#include "handgrad/nn/vector_jacobian.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "handgrad/nn/loss_gradient.hpp"
#include "handgrad/nn/predictor.hpp"
#include "tests/support/witness.hpp"

namespace handgrad {
namespace {

using witness::Complex;
using witness::Problem;

/// What one call gives.
template <class T>
struct Product {
    Product(const BasicMlp<T>& net, const Matrix<T>& x, const Matrix<T>& v, const Execution& execution = {})
        : yhat(x.rows(), net.outputs()), dx(x.rows(), net.inputs()), grad(BasicMlp<T>::zeros_like(net)) {
        VectorJacobian<T>(net, x.rows(), execution)(net, x, v, yhat, grad, dx);
    }
    Matrix<T> yhat, dx;
    BasicMlp<T> grad;
};
template <class A, class B>
void expect_same_bits(const A& a, const B& b, const std::string& what) {
    ASSERT_EQ(a.size(), b.size());
    for (std::size_t i = 0; i < a.size(); ++i) {
        ASSERT_EQ(a[i], b[i]) << what << ", number " << i;
    }
}

std::string text(const Problem& p) {
    std::string result = std::to_string(p.x.rows()) + " rows, ";
    for (const std::size_t size : p.shape.sizes) {
        result += std::to_string(size) + " ";
    }
    return result + std::string(name(p.shape.hidden)) + " " + std::string(name(p.shape.output));
}

/// l = Σ v ŷ, whose ∂l/∂ŷ is v (here the targets of the problem).
Complex product_loss(const Problem& p, const BasicMlp<Complex>& net, const Matrix<Complex>& x) {
    BasicTape<Complex> tape(net, x.rows());
    plain::forward<Complex>(net, x.view(), tape);
    Complex sum = 0.0;
    for (std::size_t i = 0; i < p.y.values().size(); ++i) {
        sum += p.y.values()[i] * tape.output().a.values()[i];
    }
    return sum;
}

/// Both orders of the same sums differ by at most the number of terms times ε of the sum of their absolute values.
void expect_right(const Problem& p, std::size_t* calls) {
    SCOPED_TRACE(text(p));
    const std::size_t rows = p.x.rows();
    witness::Pass<double> plain{BasicTape<double>(p.net, rows), BasicTape<double>(p.net, rows),
                                BasicMlp<double>::zeros_like(p.net), 0.0};
    forward(p.net, p.x, plain.tape);
    plain.dtape.output().a = p.y;
    output_backward(plain.tape.output(), plain.dtape.output(), rows);
    backward(p.net, plain.tape, plain.dtape, plain.grad);
    Matrix<double> plain_dx(rows, p.net.inputs());
    plain::linear_backward_input<double>(p.net.weight(0), plain.dtape.layer(0).z, plain_dx);

    BasicMlp<double> terms = BasicMlp<double>::zeros_like(p.net);
    std::ranges::copy(witness::absolute_terms(p, plain), terms.parameters().begin());
    std::vector<double> dx_terms(p.net.inputs(), 0.0);  // of all rows together, which bias 1 has summed
    for (std::size_t i = 0; i < p.net.bias(0).size(); ++i) {
        for (std::size_t j = 0; j < dx_terms.size(); ++j) {
            dx_terms[j] += std::fabs(p.net.weight(0)(i, j)) * terms.bias(0)[i];
        }
    }
    const double count = static_cast<double>(rows + *std::ranges::max_element(p.shape.sizes));
    const double bound = 0x1p-52 * count * *std::ranges::max_element(terms.parameters());
    const double dx_bound = 0x1p-52 * count * *std::ranges::max_element(dx_terms);

    constexpr double h = 1e-50;
    BasicMlp<Complex> net = convert<Complex>(p.net);
    Matrix<Complex> x = convert<Complex>(p.x);
    const auto complex_step = [&](Complex& number) {
        number += Complex(0.0, h);
        const double derivative = product_loss(p, net, x).imag() / h;
        number = number.real();
        return derivative;
    };
    const std::vector<SimdLevel> levels = witness::available_levels();
    const Product<double> fast(p.net, p.x, p.y, {.simd = levels[(*calls)++ % levels.size()]});
    for (std::size_t i = 0; i < terms.parameters().size(); ++i) {
        ASSERT_NEAR(fast.grad.parameters()[i], plain.grad.parameters()[i], bound) << i;
        ASSERT_NEAR(fast.grad.parameters()[i], complex_step(net.parameters()[i]), bound) << i;
    }
    for (std::size_t i = 0; i < plain_dx.values().size(); ++i) {
        ASSERT_NEAR(fast.dx.values()[i], plain_dx.values()[i], dx_bound) << i;
        ASSERT_NEAR(fast.dx.values()[i], complex_step(x.values()[i]), dx_bound) << i;
    }
}

TEST(VectorJacobian, Table2_Section7_AgreesWithPlainLoopsAndComplexStepForEveryActivationAndOutputAtDepth1To4) {
    const std::vector<std::vector<std::size_t>> shapes{{3, 2}, {3, 5, 1}, {4, 3, 18, 3}, {2, 3, 17, 2, 16}};
    const std::vector<std::size_t> row_counts{1, 3, 7, 17};
    std::size_t calls = 0;
    for (const Activation hidden : all_activations) {
        if (!facts(hidden).elementwise) {
            continue;
        }
        for (const Activation output : all_activations) {
            for (const auto& sizes : shapes) {
                const std::size_t rows = row_counts[calls * 7 % row_counts.size()];
                expect_right(witness::random_problem({.sizes = sizes, .hidden = hidden, .output = output},
                                                     Loss::squared_error, rows, calls + 1),
                             &calls);
            }
        }
    }
}

struct Case {
    std::vector<std::size_t> sizes;
    Activation hidden, output;
    std::size_t rows;
};

template <class T>
class VectorJacobianOf : public testing::Test {};
using Types = testing::Types<float, double>;
TYPED_TEST_SUITE(VectorJacobianOf, Types);

/// Panels, leaves of units and of rows, narrow and wide last layers, units that are split among threads and rows that
/// are: everywhere the same bits, and those of the predictor.
TYPED_TEST(VectorJacobianOf, Section7_BitsDependOnNeitherLevelNorThreadsAndAreThoseOfThePredictor) {
    using T = TypeParam;
    using enum Activation;
    const std::vector<Case> cases{
        {{10, 32, 1}, relu, identity, 33},
        {{33, 16, 7, 1}, tanh, sigmoid, 37},
        {{13, 50, 3}, tanh, softmax, 255},
        {{5, 64, 16}, gelu, softmax, 257},
        {{40, 330, 10}, relu, softmax, 513},
        {{6, 130, 70, 40, 2}, gelu_tanh, exp, 601},
        {{130, 129, 20}, silu, identity, 2049},
        {{4, 12}, relu, softmax, 3001},
        {{17, 1}, relu, sigmoid, 1},
        {{4, 32, 16, 4}, tanh, identity, 5001},
        {{70, 200, 130, 40}, elu, softplus, 65},
    };
    std::uint64_t seed = 1;
    for (const Case& c : cases) {
        Problem p = witness::random_problem({.sizes = c.sizes, .hidden = c.hidden, .output = c.output},
                                            Loss::squared_error, c.rows, seed++);
        for (double& w : p.net.parameters()) {
            w /= std::sqrt(static_cast<double>(*std::ranges::max_element(c.sizes)));
        }
        const BasicMlp<T> net = convert<T>(p.net);
        const Matrix<T> x = convert<T>(p.x), v = convert<T>(p.y);
        const Product<T> first(net, x, v, {.threads = 1, .simd = SimdLevel::scalar});
        Matrix<T> yhat(c.rows, net.outputs()), v_J(c.rows, net.inputs());
        BasicPredictor<T>(net).vector_jacobian(x, v, yhat, v_J);
        expect_same_bits(first.yhat.values(), yhat.values(), text(p) + ", yhat");
        expect_same_bits(first.dx.values(), v_J.values(), text(p) + ", dx");
        for (const SimdLevel level : witness::available_levels()) {
            for (const std::size_t threads : {1, 3}) {
                const Product<T> other(net, x, v, {.threads = threads, .simd = level});
                const std::string what =
                    text(p) + ", " + std::string(name(level)) + " " + std::to_string(threads) + " threads";
                expect_same_bits(other.yhat.values(), first.yhat.values(), what + ", yhat");
                expect_same_bits(other.dx.values(), first.dx.values(), what + ", dx");
                expect_same_bits(other.grad.parameters(), first.grad.parameters(), what + ", grad");
            }
        }
    }
}

/// ∂l/∂ŷ of a loss, by the formulas of math/ from the ŷ of the kernels.
template <class T>
Matrix<T> loss_by_yhat(const Problem& p, const Matrix<T>& z, const Matrix<T>& yhat) {
    const ActivationSettings settings = p.shape.activation_settings();
    const math::OutputLoss pair = output_loss(p.function, p.shape.output, settings);
    const double reduction = reduction_factor(p.function.kind, p.shape.outputs(), p.shape.conventions);
    const Matrix<T> y = convert<T>(p.y);
    Matrix<T> dz(y.rows(), y.columns()), da(y.rows(), y.columns());
    for (std::size_t row = 0; row < y.rows(); ++row) {
        math::row_loss<T>(pair, z.row(row), yhat.row(row), y.row(row),
                          static_cast<T>(reduction / static_cast<double>(y.rows())), math::Derivatives::logits_yhat,
                          dz.row(row), da.row(row));
    }
    return da;
}

TYPED_TEST(VectorJacobianOf, Table2_GradientOfALossChainedThroughTheOutputsIsThatOfLossGradientBitByBit) {
    using T = TypeParam;
    std::uint64_t seed = 1;
    for (const Loss kind : {Loss::squared_error, Loss::huber, Loss::absolute_error, Loss::quantile}) {
        for (const Activation output : {Activation::identity, Activation::tanh, Activation::softplus}) {
            for (const std::size_t outputs : {std::size_t{3}, std::size_t{20}}) {
                const Problem p = witness::random_problem(
                    {.sizes = {5, 40, outputs}, .hidden = Activation::tanh, .output = output}, kind, 301, seed++);
                const BasicMlp<T> net = convert<T>(p.net);
                const Matrix<T> x = convert<T>(p.x);
                Matrix<T> z(301, outputs), yhat(301, outputs), again(301, outputs);
                BasicPredictor<T>(net).predict(x, z, yhat);
                VectorJacobian<T>(net, 301).forward(net, x, again);
                expect_same_bits(again.values(), yhat.values(), text(p) + ", yhat");
                const Product<T> product(net, x, loss_by_yhat(p, z, yhat));
                expect_same_bits(product.grad.parameters(), witness::run_kernels<T>(p, {}).grad.parameters(), text(p));
            }
        }
    }
}

/// Where a loss goes straight to the logits, chaining it through ŷ loses at most what 1/ŷ and 1/(1 − ŷ) lose, a
/// rounding of 1 − ŷ each: some ε/min(ŷ, 1 − ŷ) of every term.
TEST(VectorJacobian, Section6_5_GradientOfAFusedLossIsThatOfLossGradientWithinRounding) {
    std::uint64_t seed = 1;
    for (const auto& [kind, output] : std::vector<std::pair<Loss, Activation>>{
             {Loss::binary_cross_entropy, Activation::sigmoid}, {Loss::cross_entropy, Activation::softmax}}) {
        const Problem p = witness::random_problem({.sizes = {5, 9, 3}, .hidden = Activation::tanh, .output = output},
                                                  kind, 33, seed++);
        Matrix<double> z(33, 3), yhat(33, 3);
        BasicPredictor<double>(p.net).predict(p.x, z, yhat);
        double worst = 1.0;
        for (const double value : yhat.values()) {
            worst = std::max(worst, 1.0 / std::min(value, 1.0 - value));
        }
        const std::vector<double> terms = witness::absolute_terms(p, witness::run<double>(p));
        const double bound = 0x1p-52 * (33.0 + 9.0 + 8.0 * worst) * *std::ranges::max_element(terms);
        const auto expected = witness::run_kernels<double>(p, {});
        const Product<double> product(p.net, p.x, loss_by_yhat(p, z, yhat));
        for (std::size_t i = 0; i < terms.size(); ++i) {
            ASSERT_NEAR(product.grad.parameters()[i], expected.grad.parameters()[i], bound) << text(p) << ", " << i;
        }
    }
}

TYPED_TEST(VectorJacobianOf, RowsMayLieApartInRoomierBuffersAndNothingElseIsWritten) {
    using T = TypeParam;
    for (const std::size_t outputs : {std::size_t{3}, std::size_t{17}}) {
        const Problem p = witness::random_problem({.sizes = {5, 20, outputs}, .output = Activation::sigmoid},
                                                  Loss::squared_error, 37, 5);
        const BasicMlp<T> net = convert<T>(p.net);
        const Matrix<T> x = convert<T>(p.x), v = convert<T>(p.y);
        const Product<T> expected(net, x, v);
        for (const std::size_t most_rows : {37, 5000}) {
            VectorJacobian<T> product(net, most_rows);
            BasicMlp<T> grad = BasicMlp<T>::zeros_like(net);
            std::vector<T> table(37 * (outputs + 7), T(-7));  // of each row: -7, yhat, dx, -7
            const std::size_t stride = outputs + 7;
            const MatrixView<T> yhat(table.data() + 1, 37, outputs, stride),
                dx(table.data() + 1 + outputs, 37, 5, stride);
            for (int call = 0; call < 2; ++call) {  // the second starts from nothing left by the first
                product(net, x, v, yhat, grad, dx);
                expect_same_bits(grad.parameters(), expected.grad.parameters(), "grad");
                for (std::size_t row = 0; row < 37; ++row) {
                    expect_same_bits(yhat.row(row), expected.yhat.row(row), "yhat");
                    expect_same_bits(dx.row(row), expected.dx.row(row), "dx");
                    EXPECT_EQ(table[row * stride], T(-7));
                    EXPECT_EQ(table[row * stride + stride - 1], T(-7));
                }
            }
            // Without ∂l/∂x, and forward alone, the rest is the same.
            Matrix<T> alone(37, outputs);
            product.forward(net, x, alone);
            expect_same_bits(alone.values(), expected.yhat.values(), "forward");
            grad.set_zero();
            product(net, x, v, alone, grad);
            expect_same_bits(grad.parameters(), expected.grad.parameters(), "grad without dx");
        }
    }
}

}  // namespace
}  // namespace handgrad
