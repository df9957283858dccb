// Every gradient, of the plain loops and of the kernels on each instruction set, against the complex step: activation ×
// loss × output × depth 1–4, also with n, r, K or the batch 1.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "handgrad/nn/passes.hpp"
#include "tests/support/networks.hpp"
#include "tests/support/witness.hpp"

namespace handgrad {
namespace {

using witness::Problem;

std::vector<std::size_t> sizes(std::size_t depth, std::size_t n, std::size_t r, std::size_t K) {
    std::vector<std::size_t> all{n};
    for (std::size_t l = 1; l < depth; ++l) {
        all.push_back(r > 1 ? r + l % 2 : 1);
    }
    all.push_back(K);
    return all;
}

void expect_gradient_is_the_complex_step(const Problem& p, const std::string& what) {
    const auto pass = witness::run<double>(p);
    const std::vector<double> expected = witness::complex_step_gradient(p);
    const std::vector<double> terms = witness::absolute_terms(p, pass);
    // The sum of the terms of a softmax output with K = 1, or of a dead net, is 0: then both must be 0 (the penalty
    // aside).
    const double floor = 1e-300 + p.alpha;
    for (std::size_t i = 0; i < expected.size(); ++i) {
        ASSERT_NEAR(pass.grad.parameters()[i], expected[i], 1e-12 * (terms[i] + floor)) << what << ", parameter " << i;
    }
    for (const SimdLevel level : witness::available_levels()) {
        const auto fast = witness::run_kernels<double>(p, {.threads = 1, .simd = level});
        ASSERT_NEAR(fast.loss, pass.loss, 1e-13 * (std::fabs(pass.loss) + 1.0)) << what << ", " << name(level);
        for (std::size_t i = 0; i < expected.size(); ++i) {
            ASSERT_NEAR(fast.grad.parameters()[i], expected[i], 1e-12 * (terms[i] + floor))
                << what << ", " << name(level) << ", parameter " << i;
        }
    }
}

std::string describe(Activation f, Activation g, Loss loss, std::size_t depth) {
    return std::string(name(f)) + " " + std::string(name(g)) + " " + std::string(name(loss)) + " depth " +
           std::to_string(depth);
}

class EveryHidden : public testing::TestWithParam<std::tuple<Activation, std::size_t>> {};

TEST_P(EveryHidden, Table2_GradientOfEveryLossAndOutputEqualsTheComplexStep) {
    const Activation f = std::get<0>(GetParam());
    const std::size_t depth = std::get<1>(GetParam());
    std::uint64_t seed = 1;
    for (const Loss loss : all_losses) {
        for (const Activation g : all_activations) {
            if (!fits(g, loss)) {
                continue;
            }
            const auto check = [&](std::size_t n, std::size_t r, std::size_t K, std::size_t rows) {
                if (!finite_everywhere(g, loss, K)) {
                    return;
                }
                const Architecture shape{.sizes = sizes(depth, n, r, K), .hidden = f, .output = g};
                const Problem p = witness::random_problem(shape, loss, rows, seed++);
                expect_gradient_is_the_complex_step(p, describe(f, g, loss, depth) + " n r K rows " +
                                                           std::to_string(n) + " " + std::to_string(r) + " " +
                                                           std::to_string(K) + " " + std::to_string(rows));
            };
            check(3, 4, 2, 5);
            check(1, 4, 3, 2);
            check(2, 1, 2, 2);
            check(2, 3, 1, 2);
            check(3, 2, 2, 1);
            check(1, 1, 1, 1);
        }
    }
}

std::vector<Activation> hidden_activations() {
    std::vector<Activation> all;
    std::ranges::copy_if(all_activations, std::back_inserter(all), [](Activation f) { return facts(f).elementwise; });
    return all;
}

INSTANTIATE_TEST_SUITE_P(Gradient, EveryHidden,
                         testing::Combine(testing::ValuesIn(hidden_activations()), testing::Values(1, 2, 3, 4)),
                         [](const auto& instance) {
                             return std::string(name(std::get<0>(instance.param))) + "_depth" +
                                    std::to_string(std::get<1>(instance.param));
                         });

TEST(Gradient, RowWeightsAndPenaltyArePartOfTheFunctionThatIsDifferentiated) {
    std::uint64_t seed = 500;
    for (const Conventions& conventions : convention_presets) {
        for (const auto& [g, loss] : {std::pair(Activation::identity, Loss::squared_error),
                                      std::pair(Activation::sigmoid, Loss::binary_cross_entropy),
                                      std::pair(Activation::softmax, Loss::cross_entropy)}) {
            const Architecture shape{
                .sizes = {3, 5, 4, 3}, .hidden = Activation::tanh, .output = g, .conventions = conventions};
            Problem p = witness::random_problem(shape, loss, 6, seed++);
            p.alpha = 0.3;
            p.weights = {1.0, 0.0, 2.5, 0.5, 3.0, 1.0};
            expect_gradient_is_the_complex_step(p, std::string(conventions.name) + " " + std::string(name(loss)));
        }
    }
}

TEST(Gradient, EachLayerMayHaveItsOwnActivation) {
    const Architecture shape{.sizes = {3, 4, 5, 4, 2},
                             .output = Activation::identity,
                             .each_hidden = {Activation::tanh, Activation::silu, Activation::sigmoid}};
    expect_gradient_is_the_complex_step(witness::random_problem(shape, Loss::squared_error, 4, 7), "mixed");
}

TEST(Gradient, OfAWeightedRowEqualsThatOfTheRowRepeated) {
    const Architecture shape{.sizes = {3, 4, 2}, .hidden = Activation::tanh};
    Problem weighted = witness::random_problem(shape, Loss::squared_error, 2, 8);
    weighted.weights = {3.0, 1.0};
    Problem repeated = weighted;
    repeated.weights = {};
    repeated.x = Matrix<double>(4, 3);
    repeated.y = Matrix<double>(4, 2);
    for (std::size_t row = 0; row < 4; ++row) {
        std::ranges::copy(weighted.x.row(row == 3 ? 1 : 0), repeated.x.row(row).begin());
        std::ranges::copy(weighted.y.row(row == 3 ? 1 : 0), repeated.y.row(row).begin());
    }
    const auto a = witness::run<double>(weighted), b = witness::run<double>(repeated);
    const auto terms = witness::absolute_terms(weighted, a);
    EXPECT_NEAR(a.loss, b.loss, 1e-15 * b.loss * 8);
    for (std::size_t i = 0; i < terms.size(); ++i) {
        EXPECT_NEAR(a.grad.parameters()[i], b.grad.parameters()[i], 1e-15 * 8 * terms[i]);
    }
}

/// Float against double. A gradient is a sum of products along paths; each factor carries the rounding of the sums
/// before it. With N the longest sum (inputs of any layer plus one, or rows) and L layers, one float gradient differs
/// from the exact one by at most about (2L + 1)(N + 8)·ε of the absolute terms of its backward sums, times how strongly
/// forward errors move f′ (below 4 for the smooth activations at |z| of a few).
TEST(Gradient, InFloatAgreesWithDoubleWithinTheBoundOfItsSizes) {
    std::uint64_t seed = 900;
    for (const Activation f : {Activation::sigmoid, Activation::tanh, Activation::softplus, Activation::gelu}) {
        for (const std::size_t depth : {1, 2, 3, 4}) {
            for (const std::size_t width : {1, 7, 40}) {
                const Architecture shape{.sizes = sizes(depth, 5, width, 3), .hidden = f};
                Problem p = witness::random_problem(shape, Loss::squared_error, 9, seed++);
                for (double& w : p.net.parameters()) {  // numbers that float holds exactly, |z| of a few
                    w = static_cast<float>(w / std::sqrt(static_cast<double>(width)));
                }
                for (double& v : p.x.values()) {
                    v = static_cast<float>(v);
                }
                for (double& v : p.y.values()) {
                    v = static_cast<float>(v);
                }
                const auto wide = witness::run<double>(p);
                const auto narrow = witness::run<float>(p);
                const auto terms = witness::absolute_terms(p, wide);
                const double largest = *std::ranges::max_element(terms);
                const double n = static_cast<double>(std::max<std::size_t>(width, 9)) + 9.0;
                const double bound = 4.0 * (2.0 * static_cast<double>(depth) + 1.0) * n * 0x1p-24;
                const auto kernels = witness::run_kernels<float>(p, {});
                for (std::size_t i = 0; i < terms.size(); ++i) {
                    ASSERT_NEAR(narrow.grad.parameters()[i], wide.grad.parameters()[i], bound * largest)
                        << name(f) << " depth " << depth << " width " << width << " parameter " << i;
                    ASSERT_NEAR(kernels.grad.parameters()[i], wide.grad.parameters()[i], bound * largest)
                        << name(f) << " depth " << depth << " width " << width << " parameter " << i << ", kernels";
                }
            }
        }
    }
}

TEST(Jacobian, OfOutputsByInputsEqualsTheComplexStep) {
    constexpr double h = 1e-50;
    std::uint64_t seed = 1300;
    for (const Activation f : hidden_activations()) {
        for (const Activation g : all_activations) {
            for (const std::size_t depth : {1, 2, 3}) {
                const Architecture shape{.sizes = sizes(depth, 3, 4, 2), .hidden = f, .output = g};
                const Problem p = witness::random_problem(shape, Loss::squared_error, 2, seed++);
                BasicTape<double> tape(p.net, 2);
                forward(p.net, p.x, tape);
                BasicMlp<witness::Complex> net = convert<witness::Complex>(p.net);
                Matrix<witness::Complex> x = convert<witness::Complex>(p.x);
                BasicTape<witness::Complex> witness_tape(net, 2);
                for (std::size_t row = 0; row < 2; ++row) {
                    Matrix<double> J(2, 3);
                    jacobian<double>(p.net, tape, row, J);
                    for (std::size_t j = 0; j < 3; ++j) {
                        x(row, j) += witness::Complex(0.0, h);
                        plain::forward<witness::Complex>(net, x.view(), witness_tape);
                        x(row, j) = x(row, j).real();
                        for (std::size_t k = 0; k < 2; ++k) {
                            const double expected = witness_tape.output().a(row, k).imag() / h;
                            ASSERT_NEAR(J(k, j), expected, 1e-12 * (std::fabs(expected) + 1.0))
                                << describe(f, g, Loss::squared_error, depth);
                        }
                    }
                }
            }
        }
    }
}

}  // namespace
}  // namespace handgrad
