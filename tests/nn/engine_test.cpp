// The kernels' contract: the same bits on every instruction set and any number of threads, for even and odd shapes, and
// sums that agree with the plain loops within what rounding allows.
#include "handgrad/nn/engine.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "tests/support/witness.hpp"

namespace handgrad {
namespace {

using witness::Problem;

struct Case {
    std::vector<std::size_t> sizes;
    Activation hidden;
    Activation output;
    Loss loss;
    std::size_t rows;
    bool weighted = false;
};

/// Shapes around every boundary: panels of 8, 16 and 32 units, leaves of 64 units and of 256 rows, narrow and wide last
/// layers, units that are split among threads and rows that are.
const std::vector<Case>& cases() {
    using enum Activation;
    static const std::vector<Case> all{
        {{1, 1, 1}, relu, identity, Loss::squared_error, 1},
        {{10, 32, 1}, relu, identity, Loss::squared_error, 32},
        {{13, 50, 3}, relu, identity, Loss::squared_error, 37},
        {{13, 50, 3}, tanh, softmax, Loss::cross_entropy, 37, true},
        {{7, 65, 1}, sigmoid, sigmoid, Loss::binary_cross_entropy, 3},
        {{5, 63, 15}, elu, softmax, Loss::cross_entropy, 256},
        {{5, 64, 16}, gelu, softmax, Loss::cross_entropy, 257},
        {{9, 129, 17}, silu, identity, Loss::huber, 255, true},
        {{3, 700, 2}, softplus, identity, Loss::squared_error, 300},
        {{40, 330, 10}, relu, softmax, Loss::cross_entropy, 513},
        {{6, 33, 21, 4}, tanh, identity, Loss::squared_error, 70},
        {{6, 130, 70, 40, 2}, gelu_tanh, exp, Loss::poisson, 600, true},
        {{6, 130, 20}, leaky_relu, identity, Loss::absolute_error, 2049},
        {{4, 32, 16, 4}, tanh, identity, Loss::squared_error, 5000},
        {{4, 12}, relu, softmax, Loss::cross_entropy, 3000, true},
        {{30, 1}, relu, sigmoid, Loss::binary_cross_entropy, 2},
        {{2, 9, 40}, relu, identity, Loss::quantile, 100},
    };
    return all;
}

Problem problem(const Case& c, std::uint64_t seed) {
    Problem p =
        witness::random_problem({.sizes = c.sizes, .hidden = c.hidden, .output = c.output}, c.loss, c.rows, seed);
    const double widest = static_cast<double>(*std::ranges::max_element(c.sizes));
    for (double& w : p.net.parameters()) {
        w = static_cast<float>(w / std::sqrt(widest));
    }
    for (double& v : p.x.values()) {
        v = static_cast<float>(v);
    }
    for (std::size_t row = 0; c.weighted && row < c.rows; ++row) {
        p.weights.push_back(static_cast<double>(row % 4));
    }
    return p;
}

template <class T>
void expect_same_bits(const witness::EnginePass<T>& a, const witness::EnginePass<T>& b, const std::string& what) {
    EXPECT_EQ(a.loss, b.loss) << what;
    for (std::size_t i = 0; i < a.grad.parameters().size(); ++i) {
        ASSERT_EQ(a.grad.parameters()[i], b.grad.parameters()[i]) << what << ", parameter " << i;
    }
}

template <class T>
void expect_same_bits_everywhere() {
    std::uint64_t seed = 1;
    for (const Case& c : cases()) {
        const Problem p = problem(c, seed++);
        const auto first = witness::run_kernels<T>(p, {.threads = 1, .simd = SimdLevel::scalar});
        for (const SimdLevel level : witness::available_levels()) {
            for (const std::size_t threads : {1, 2, 3, 7}) {
                expect_same_bits(witness::run_kernels<T>(p, {.threads = threads, .simd = level}), first,
                                 "case " + std::to_string(seed - 2) + " " + std::string(name(level)) + " " +
                                     std::to_string(threads) + " threads");
            }
        }
    }
}

TEST(Engine, GradientsHaveTheSameBitsOnEveryLevelAndAnyNumberOfThreadsInFloat) { expect_same_bits_everywhere<float>(); }
TEST(Engine, GradientsHaveTheSameBitsOnEveryLevelAndAnyNumberOfThreadsInDouble) {
    expect_same_bits_everywhere<double>();
}

/// Both orders of the same sums differ by at most the number of terms times ε of the sum of their absolute values.
TEST(Engine, GradientsAgreeWithThePlainLoopsWithinRounding) {
    std::uint64_t seed = 100;
    for (const Case& c : cases()) {
        const Problem p = problem(c, seed++);
        const auto plain = witness::run<double>(p);
        const auto fast = witness::run_kernels<double>(p, {});
        const auto terms = witness::absolute_terms(p, plain);
        const double largest = *std::ranges::max_element(terms);
        const double count = static_cast<double>(c.rows + *std::ranges::max_element(c.sizes));
        EXPECT_NEAR(fast.loss, plain.loss, 0x1p-52 * count * (std::fabs(plain.loss) + 1.0)) << seed - 1;
        for (std::size_t i = 0; i < terms.size(); ++i) {
            ASSERT_NEAR(fast.grad.parameters()[i], plain.grad.parameters()[i], 0x1p-52 * count * largest)
                << "case " << seed - 101 << " parameter " << i;
        }
    }
}

TEST(Engine, ASmallerBatchThanTheBuffersWereMadeForGivesTheSameBits) {
    const Problem p = problem(cases()[2], 5);
    const BasicMlp<float> net = convert<float>(p.net);
    const Matrix<float> x = convert<float>(p.x), y = convert<float>(p.y);
    const auto expected = witness::run_kernels<float>(p, {});
    LossGradient<float> roomy(net, p.function, 1000);
    BasicMlp<float> grad = BasicMlp<float>::zeros_like(net);
    EXPECT_EQ(roomy(net, x, y, grad), expected.loss);
    EXPECT_TRUE(std::ranges::equal(grad.parameters(), expected.grad.parameters()));
    // A second call starts from nothing left by the first.
    EXPECT_EQ(roomy(net, x, y, grad), expected.loss);
    EXPECT_TRUE(std::ranges::equal(grad.parameters(), expected.grad.parameters()));
}

TEST(Engine, RowsMayLieApartAndAtAnyAddress) {
    const Problem p = problem(cases()[2], 6);
    const BasicMlp<float> net = convert<float>(p.net);
    const std::size_t n = p.x.columns();
    std::vector<float> apart(p.x.rows() * (n + 3) + 1);  // exactly so many: nothing may be read beyond
    for (std::size_t row = 0; row < p.x.rows(); ++row) {
        for (std::size_t j = 0; j < n; ++j) {
            apart[row * (n + 3) + 1 + j] = static_cast<float>(p.x(row, j));
        }
    }
    apart.resize((p.x.rows() - 1) * (n + 3) + 1 + n);
    apart.shrink_to_fit();
    const Matrix<float> y = convert<float>(p.y);
    LossGradient<float> loss_gradient(net, p.function, p.x.rows());
    BasicMlp<float> grad = BasicMlp<float>::zeros_like(net);
    loss_gradient(net, MatrixView<const float>(apart.data() + 1, p.x.rows(), n, n + 3), y, grad);
    EXPECT_TRUE(std::ranges::equal(grad.parameters(), witness::run_kernels<float>(p, {}).grad.parameters()));
}

TEST(Execution, UsesTheWidestInstructionSetThereIsUpToTheOneAskedFor) {
    EXPECT_EQ(Execution{.simd = SimdLevel::scalar}.level(), SimdLevel::scalar);
    EXPECT_EQ(Execution{}.level(), best_simd_level());
    EXPECT_TRUE(available(Execution{.simd = SimdLevel::avx512}.level()));
    EXPECT_EQ(find_simd_level("avx2"), SimdLevel::avx2);
    EXPECT_EQ(find_simd_level("sse"), std::nullopt);
}

}  // namespace
}  // namespace handgrad
