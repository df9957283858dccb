// The Jacobian term of training on derivatives and its gradient: plain loops and kernels against the complex step, what
// is missing, what relu does to biases, and what must not move a bit.
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <span>
#include <vector>

#include "handgrad/nn/jacobian_loss_gradient.hpp"
#include "handgrad/nn/passes.hpp"
#include "tests/support/jacobian_problem.hpp"
#include "tests/support/raised.hpp"

namespace handgrad {
namespace {

using witness::JacobianProblem;

template <class T>
struct Term {
    double value;
    BasicMlp<T> grad;
};
template <class T>
Term<T> plain_term(const JacobianProblem& p) {
    const BasicMlp<T> net = convert<T>(p.net);
    const std::vector<T> weights(p.weights.begin(), p.weights.end());
    Term<T> term{0.0, BasicMlp<T>::zeros_like(net)};
    term.value = jacobian_loss<T>(net, convert<T>(p.x), convert<T>(p.targets), p.strength, &term.grad, weights);
    return term;
}

/// The numbers of a problem in T, and what the kernels make of them.
template <class T>
struct Numbers {
    explicit Numbers(const JacobianProblem& p)
        : net(convert<T>(p.net)),
          x(convert<T>(p.x)),
          targets(convert<T>(p.targets)),
          weights(p.weights.begin(), p.weights.end()),
          strength(p.strength) {}
    [[nodiscard]] Term<T> term(const Execution& execution, std::span<const std::size_t> order = {}) const {
        Term<T> result{0.0, BasicMlp<T>::zeros_like(net)};
        const JacobianRows<T> rows{.x = x, .targets = targets, .weights = weights, .order = order};
        JacobianLossGradient<T> gradient(net, execution);
        result.value = gradient(net, rows, strength, result.grad);
        EXPECT_EQ(gradient.value(net, rows, strength), result.value);
        return result;
    }
    BasicMlp<T> net;
    Matrix<T> x, targets;
    std::vector<T> weights;
    double strength;
};

template <class T>
bool same(const Term<T>& a, const Term<T>& b) {
    const std::span<const T> of_a = a.grad.parameters(), of_b = b.grad.parameters();
    return a.value == b.value && std::memcmp(of_a.data(), of_b.data(), of_a.size_bytes()) == 0;
}

double largest_of(const std::vector<double>& numbers) {
    double largest = 0.0;
    for (const double number : numbers) {
        largest = std::max(largest, std::fabs(number));
    }
    return largest;
}

TEST(JacobianLoss, SobolevS8_OfPlainLoopsAndKernelsIsTheComplexStepOfItsDefinition) {
    std::uint64_t seed = 1;
    for (const Architecture& shape : witness::jacobian_shapes()) {
        SCOPED_TRACE(described(shape));
        const JacobianProblem p = witness::jacobian_problem(shape, 3, ++seed);
        const double expected = witness::jacobian_term<double>(p, p.net);
        const std::vector<double> step = witness::complex_step_jacobian_term(p);
        const double size = 1.0 + largest_of(step);
        for (const Term<double>& term : {plain_term<double>(p), Numbers<double>(p).term({})}) {
            EXPECT_NEAR(term.value, expected, 1e-12 * (1.0 + expected));
            for (std::size_t i = 0; i < step.size(); ++i) {
                ASSERT_NEAR(term.grad.parameters()[i], step[i], 1e-12 * size) << i;
            }
        }
    }
}

TEST(JacobianLoss, InFloatIsThatInDoubleToItsRounding) {
    std::uint64_t seed = 1000;
    for (const Architecture& shape : witness::jacobian_shapes()) {
        SCOPED_TRACE(described(shape));
        JacobianProblem p = witness::jacobian_problem(shape, 5, ++seed);
        p.net = convert<double>(convert<float>(p.net));  // the numbers that float has
        p.x = convert<double>(convert<float>(p.x));
        p.targets = convert<double>(convert<float>(p.targets));
        const Term<double> exact = plain_term<double>(p);
        const Term<float> term = plain_term<float>(p);
        EXPECT_NEAR(term.value, exact.value, 2e-5 * (1.0 + exact.value));
        const std::vector<double> numbers(exact.grad.parameters().begin(), exact.grad.parameters().end());
        const double size = 1.0 + largest_of(numbers);
        for (std::size_t i = 0; i < numbers.size(); ++i) {
            ASSERT_NEAR(term.grad.parameters()[i], numbers[i], 2e-5 * size) << i;
        }
    }
}

template <class T>
class JacobianLossOf : public testing::Test {};
using Scalars = testing::Types<float, double>;
TYPED_TEST_SUITE(JacobianLossOf, Scalars);

TYPED_TEST(JacobianLossOf, ThreadsAndInstructionSetsMoveNoBit) {
    using T = TypeParam;
    std::uint64_t seed = 300;
    for (const std::size_t rows : {1U, 15U, 21U, 256U, 2100U}) {
        for (const Architecture& shape :
             {Architecture{.sizes = {3, 9, 7, 2}, .hidden = Activation::tanh},
              Architecture{.sizes = {5, 6, 3}, .hidden = Activation::silu, .output = Activation::softmax},
              Architecture{.sizes = {2, 33, 1}, .hidden = Activation::gelu, .output = Activation::exp}}) {
            SCOPED_TRACE(described(shape));
            const Numbers<T> numbers(witness::jacobian_problem(shape, rows, ++seed));
            const Term<T> expected = numbers.term({.threads = 1, .simd = SimdLevel::scalar});
            for (const SimdLevel level : witness::available_levels()) {
                for (const std::size_t threads : {1U, 3U}) {
                    EXPECT_TRUE(same(expected, numbers.term({.threads = threads, .simd = level}))) << name(level);
                }
            }
        }
    }
}

/// A change here is a change of what every user gets: it needs a line in CHANGELOG.md and in docs/numerics.md.
TYPED_TEST(JacobianLossOf, BitsAreThoseOfTheTable) {
    using T = TypeParam;
    struct Golden {
        std::vector<std::size_t> sizes;
        Activation hidden, output;
        std::uint64_t in_float, in_double;
    };
    using enum Activation;
    const std::vector<Golden> goldens{
        {{2, 12, 12, 1}, tanh, identity, 0xda41a23fa0cc6b5aU, 0x68bd7616449db3f8U},
        {{5, 33, 17}, silu, softmax, 0xd34b73819aed3b8eU, 0x7bb30bba84148c8aU},
        {{4, 9, 8, 7, 3}, gelu, sigmoid, 0x890c72f7deea523bU, 0xdca06eece1f48880U},
        {{3, 5}, tanh, softmax, 0xb343d554b65dae62U, 0xe8c6a9b7cb3e2dd0U},
    };
    for (const Golden& golden : goldens) {
        const Architecture shape{.sizes = golden.sizes, .hidden = golden.hidden, .output = golden.output};
        const Term<T> term = Numbers<T>(witness::jacobian_problem(shape, 600, 4)).term({});
        std::uint64_t hash = 0xcbf29ce484222325U;  // FNV-1a
        for (const T number : term.grad.parameters()) {
            const auto bits = std::bit_cast<typename math::Bits<T>::Integer>(number);
            for (std::size_t byte = 0; byte < sizeof bits; ++byte) {
                hash = (hash ^ ((bits >> (8 * byte)) & 0xffU)) * 0x100000001b3U;
            }
        }
        EXPECT_EQ(hash, sizeof(T) == sizeof(float) ? golden.in_float : golden.in_double)
            << described(shape) << " 0x" << std::hex << hash;
    }
}

TYPED_TEST(JacobianLossOf, RowsInAnOrderAreThoseRowsAsTheyCome) {
    using T = TypeParam;
    const Architecture shape{.sizes = {3, 9, 2}, .hidden = Activation::tanh};
    const JacobianProblem all = witness::jacobian_problem(shape, 40, 8);
    std::vector<std::size_t> order;
    for (std::size_t i = 0; i < 19; ++i) {
        order.push_back((7 * i + 3) % 40);
    }
    JacobianProblem some = all;
    some.x = Matrix<double>(order.size(), 3);
    some.targets = Matrix<double>(order.size(), 6);
    some.weights.clear();
    for (std::size_t i = 0; i < order.size(); ++i) {
        std::ranges::copy(all.x.row(order[i]), some.x.row(i).begin());
        std::ranges::copy(all.targets.row(order[i]), some.targets.row(i).begin());
        some.weights.push_back(all.weights[order[i]]);
    }
    EXPECT_TRUE(same(Numbers<T>(all).term({}, order), Numbers<T>(some).term({})));
}

TEST(JacobianLoss, AMissingEntryCountsNothingAndAMissingRowNoMoreThanItsWeight) {
    const Architecture shape{.sizes = {3, 5, 2}, .hidden = Activation::tanh};
    JacobianProblem p = witness::jacobian_problem(shape, 4, 7);
    std::ranges::fill(p.targets.values(), std::numeric_limits<double>::quiet_NaN());
    const Term<double> nothing = plain_term<double>(p);
    EXPECT_EQ(nothing.value, 0.0);
    EXPECT_TRUE(std::ranges::all_of(nothing.grad.parameters(), [](double g) { return g == 0.0; }));

    p.targets(2, 4) = 0.25;  // ∂ŷ₂/∂x₂ of one row of four
    BasicTape<double> tape(p.net, 4);
    forward<double>(p.net, p.x, tape);
    Matrix<double> J(2, 3);
    jacobian<double>(p.net, tape, 2, J);
    EXPECT_NEAR(plain_term<double>(p).value, p.strength * (J(1, 1) - 0.25) * (J(1, 1) - 0.25) / 4.0, 1e-15);
}

TEST(JacobianLoss, OfANetworkOfPiecesHasNoGradientByAnyBias) {
    for (const Activation hidden : {Activation::relu, Activation::leaky_relu}) {
        const JacobianProblem p = witness::jacobian_problem({.sizes = {3, 6, 5, 2}, .hidden = hidden}, 9, 4);
        const Term<double> term = plain_term<double>(p);
        for (std::size_t l = 0; l < 3; ++l) {
            EXPECT_TRUE(std::ranges::all_of(term.grad.bias(l), [](double g) { return g == 0.0; })) << l;
        }
        EXPECT_FALSE(std::ranges::all_of(term.grad.parameters(), [](double g) { return g == 0.0; }));
    }
}

TEST(JacobianLoss, IsAddedToTheGradient) {
    const JacobianProblem p = witness::jacobian_problem({.sizes = {2, 4, 1}, .hidden = Activation::silu}, 3, 11);
    const Term<double> once = plain_term<double>(p);
    BasicMlp<double> twice = once.grad;
    jacobian_loss<double>(p.net, p.x, p.targets, p.strength, &twice);
    for (std::size_t i = 0; i < twice.parameters().size(); ++i) {
        EXPECT_NEAR(twice.parameters()[i], 2.0 * once.grad.parameters()[i], 1e-15);
    }
}

TEST(JacobianLoss, RefusesWhatDoesNotFit) {
    const JacobianProblem p = witness::jacobian_problem({.sizes = {2, 4, 3}, .hidden = Activation::tanh}, 3, 11);
    BasicMlp<double> grad = BasicMlp<double>::zeros_like(p.net);
    const auto message = [&](const Matrix<double>& x, const Matrix<double>& targets, double strength) {
        return raised([&] { jacobian_loss<double>(p.net, x, targets, strength, &grad); });
    };
    EXPECT_EQ(message(p.x, Matrix<double>(3, 5), 1.0),
              "usage: jacobian_loss: targets has 5 columns, outputs times inputs of the network are 6");
    EXPECT_EQ(message(p.x, Matrix<double>(2, 6), 1.0), "usage: jacobian_loss: targets has 2 rows, x has 3");
    EXPECT_EQ(message(Matrix<double>(0, 2), Matrix<double>(0, 6), 1.0), "usage: jacobian_loss: x has no rows");
    EXPECT_EQ(message(p.x, p.targets, -1.0),
              "usage: jacobian_loss: strength = -1.000000 must be a finite number, 0 or above");
}

}  // namespace
}  // namespace handgrad
