// Second derivatives of outputs by inputs: plain loops and kernels against the complex step of the Jacobian and a dense
// twin, and what must not move a bit of them.
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include "handgrad/nn/predictor.hpp"
#include "tests/support/networks.hpp"
#include "tests/support/raised.hpp"
#include "tests/support/second_derivatives.hpp"

namespace handgrad {
namespace {

using witness::DenseTwin;

template <class T>
constexpr double epsilon_of = std::numeric_limits<T>::epsilon() / 2.0;

template <class T>
BasicMlp<T> random_net(const Architecture& shape, std::uint64_t seed) {
    return drawn_net<T>(Draw(seed, 17), shape);
}
template <class T>
Matrix<T> random_matrix(std::size_t rows, std::size_t columns, std::uint64_t seed) {
    return Draw(seed, 18).matrix<T>(rows, columns, -2.0, 2.0);
}

/// Depths 1 to 4, sizes that fill no vector, more inputs than the table of products is made for, one output, a narrow
/// and a wide last layer, more outputs than pairs of a block.
std::vector<Architecture> shapes() {
    std::vector<Architecture> list;
    const std::vector<std::vector<std::size_t>> sizes{
        {3, 2}, {1, 1, 1}, {5, 7, 1}, {4, 9, 3}, {9, 33, 17}, {35, 6, 2}, {3, 5, 4, 2}, {6, 17, 3, 1}, {2, 7, 5, 6, 3}};
    for (const Activation hidden : all_activations) {
        if (!facts(hidden).elementwise) {
            continue;
        }
        for (std::size_t i = 0; i < sizes.size(); ++i) {
            const Activation output = all_activations[(i + static_cast<std::size_t>(hidden)) % all_activations.size()];
            list.push_back({.sizes = sizes[i], .hidden = hidden, .output = output});
            if (output != Activation::identity && i % 2 == 0) {
                list.push_back({.sizes = sizes[i], .hidden = hidden, .output = Activation::identity});
            }
        }
    }
    for (const Activation output : all_activations) {
        list.push_back({.sizes = {4, 6, 3}, .hidden = Activation::tanh, .output = output});
        list.push_back({.sizes = {3, 18}, .hidden = Activation::tanh, .output = output});
        list.push_back({.sizes = {2, 5, 101}, .hidden = Activation::silu, .output = output});
    }
    return list;
}

TEST(Hessian, Section7_8_OfThePlainLoopsIsTheComplexStepOfTheJacobian) {
    std::uint64_t seed = 1;
    for (const Architecture& shape : shapes()) {
        SCOPED_TRACE(described(shape));
        const BasicMlp<double> net = random_net<double>(shape, ++seed);
        const std::size_t n = net.inputs(), K = net.outputs();
        const Matrix<double> x = random_matrix<double>(1, n, seed);
        const std::vector<double> step = witness::complex_step_hessians(net, x.row(0));
        const DenseTwin twin(net, std::span<const double>(x.row(0)), epsilon_of<double>);
        BasicTape<double> tape(net, 1);
        forward<double>(net, x, tape);
        Matrix<double> H(n, n);
        for (std::size_t k = 0; k < K; ++k) {
            std::vector<double> lambda(K, 0.0);
            lambda[k] = 1.0;
            hessian<double>(net, tape, 0, lambda, H);
            for (std::size_t i = 0; i < n; ++i) {
                for (std::size_t j = 0; j < n; ++j) {
                    ASSERT_NEAR(H(i, j), step[(k * n + i) * n + j], 1e-12 * (twin.size(k, i, j) + 1e-3))
                        << k << " " << i << " " << j;
                    ASSERT_NEAR(H(i, j), double(twin.value(k, i, j)), twin.error(k, i, j));
                }
            }
        }
    }
}

template <class T>
class HessianOf : public testing::Test {};
using Scalars = testing::Types<float, double>;
TYPED_TEST_SUITE(HessianOf, Scalars);

/// All that a predictor says of second derivatives.
template <class T>
struct Answers {
    Answers(const BasicMlp<T>& net, const Execution& execution, const Matrix<T>& x, const Matrix<T>& lambda,
            const Matrix<T>& u)
        : H(x.rows(), net.outputs() * net.inputs() * net.inputs()),
          weighted(x.rows(), net.inputs() * net.inputs()),
          along(x.rows(), net.inputs()),
          yhat(x.rows(), net.outputs()) {
        const BasicPredictor<T> predictor(net, execution, Differentiable::twice);
        Matrix<T> expected(x.rows(), net.outputs());
        predictor.predict(x.view(), expected);
        const auto same_outputs = [&] { return same(yhat, expected); };
        predictor.hessian(x.view(), yhat, H);
        EXPECT_TRUE(same_outputs());
        predictor.weighted_hessian(x, lambda, yhat, weighted);
        EXPECT_TRUE(same_outputs());
        predictor.hessian_vector(x, lambda, u, yhat, along);
        EXPECT_TRUE(same_outputs());
    }
    static bool same(const Matrix<T>& a, const Matrix<T>& b) {
        return a.values().size_bytes() == b.values().size_bytes() &&
               std::memcmp(a.values().data(), b.values().data(), a.values().size_bytes()) == 0;
    }
    [[nodiscard]] bool operator==(const Answers& other) const {
        return same(H, other.H) && same(weighted, other.weighted) && same(along, other.along);
    }
    Matrix<T> H, weighted, along, yhat;
};

/// H within its bound, symmetric to the bit; the weighted form and the product with a vector within theirs.
template <class T>
void expect_within_bounds(const Answers<T>& answers, std::size_t row, const DenseTwin& twin, std::size_t n,
                          std::size_t K, std::span<const T> lambda, std::span<const T> u) {
    const auto entry = [&](std::size_t k, std::size_t i, std::size_t j) {
        return double(answers.H(row, (k * n + i) * n + j));
    };
    for (std::size_t i = 0; i < n; ++i) {
        double along = 0, along_bound = 0;
        for (std::size_t j = 0; j < n; ++j) {
            double sum = 0, bound = 0;
            for (std::size_t k = 0; k < K; ++k) {
                const double exact = double(twin.value(k, i, j));
                ASSERT_NEAR(entry(k, i, j), exact, twin.error(k, i, j)) << k << " " << i << " " << j;
                if (sizeof(T) == sizeof(double)) {
                    ASSERT_NEAR(entry(k, i, j), exact, 1e-11 * twin.size(k, i, j));
                }
                ASSERT_EQ(entry(k, i, j), entry(k, j, i));
                const double weight = std::fabs(double(lambda[k]));
                sum += double(lambda[k]) * exact;
                bound += weight * (twin.error(k, i, j) + double(K + 4) * epsilon_of<T> * twin.size(k, i, j));
            }
            ASSERT_NEAR(double(answers.weighted(row, i * n + j)), sum, bound) << i << " " << j;
            along += sum * double(u[j]);
            for (std::size_t k = 0; k < K; ++k) {
                bound += std::fabs(double(lambda[k])) * double(n + 8) * epsilon_of<T> * twin.size(k, i, j);
            }
            along_bound += bound * std::fabs(double(u[j]));
        }
        ASSERT_NEAR(double(answers.along(row, i)), along, along_bound) << i;
    }
}

TYPED_TEST(HessianOf, KernelsLiesWithinTheBoundOnRoundingOfTheDenseTwin) {
    using T = TypeParam;
    std::uint64_t seed = 100;
    for (const Architecture& shape : shapes()) {
        SCOPED_TRACE(described(shape));
        const BasicMlp<T> net = random_net<T>(shape, ++seed);
        const std::size_t n = net.inputs(), K = net.outputs(), rows = 3;
        const Matrix<T> x = random_matrix<T>(rows, n, seed), lambda = random_matrix<T>(rows, K, seed + 1000),
                        u = random_matrix<T>(rows, n, seed + 2000);
        const Answers<T> answers(net, {}, x, lambda, u);
        const DenseTwin twin(net, std::span<const T>(x.row(1)), epsilon_of<T>);
        expect_within_bounds<T>(answers, 1, twin, n, K, lambda.row(1), u.row(1));
        if (this->HasFatalFailure()) {
            return;
        }
    }
}

TYPED_TEST(HessianOf, RowsBesideThreadsAndInstructionSetsMoveNoBit) {
    using T = TypeParam;
    std::uint64_t seed = 500;
    const std::size_t rows = 117;
    for (const Architecture& shape : shapes()) {
        SCOPED_TRACE(described(shape));
        const BasicMlp<T> net = random_net<T>(shape, ++seed);
        const std::size_t n = net.inputs(), K = net.outputs();
        const Matrix<T> x = random_matrix<T>(rows, n, seed), lambda = random_matrix<T>(rows, K, seed + 1000),
                        u = random_matrix<T>(rows, n, seed + 2000);
        const Answers<T> expected(net, {.threads = 1, .simd = SimdLevel::scalar}, x, lambda, u);
        for (const SimdLevel level : witness::available_levels()) {
            EXPECT_TRUE(expected == Answers<T>(net, {.threads = 3, .simd = level}, x, lambda, u)) << int(level);
        }
        const BasicPredictor<T> predictor(net, {}, Differentiable::twice);
        std::vector<T> yhat(K), H(K * n * n);
        for (const std::size_t row : {0U, 47U, 116U}) {
            predictor.hessian(x.row(row), yhat, H);
            EXPECT_EQ(std::memcmp(H.data(), expected.H.row(row).data(), H.size() * sizeof(T)), 0) << row;
        }
    }
}

/// A change here is a change of what every user gets: it needs a line in CHANGELOG.md and in docs/numerics.md.
TYPED_TEST(HessianOf, BitsAreThoseOfTheTable) {
    using T = TypeParam;
    struct Golden {
        std::vector<std::size_t> sizes;
        Activation hidden, output;
        std::uint64_t in_float, in_double;
    };
    using enum Activation;
    const std::vector<Golden> goldens{
        {{10, 32, 1}, tanh, identity, 0xbeb55b524f4e65ecU, 0x24eb4f93c7aed8d6U},
        {{16, 64, 4}, sigmoid, identity, 0x886aa8a3813dee6fU, 0x3997e4d25173a45cU},
        {{5, 33, 17}, silu, softmax, 0x29b69fa9075637e7U, 0x570cc13a72a0873cU},
        {{40, 20, 3}, gelu, sigmoid, 0xfd311851d8004U, 0x29debd5dca016afU},
        {{7, 19, 11, 2}, softplus, exp, 0xd4aade4deb80cb2cU, 0x9358c36c72f66a19U},
        {{6, 9, 8, 7, 3}, gelu_tanh, softmax, 0x1a0232a0335003edU, 0x4039630b8e7eade3U},
        {{3, 5}, tanh, softmax, 0xf71cb71d436da7e0U, 0x378be49221d69e28U},
    };
    for (const Golden& golden : goldens) {
        const Architecture shape{.sizes = golden.sizes, .hidden = golden.hidden, .output = golden.output};
        const BasicMlp<T> net = random_net<T>(shape, 3);
        const std::size_t rows = 20;
        const Answers<T> answers(net, {}, random_matrix<T>(rows, net.inputs(), 4),
                                 random_matrix<T>(rows, net.outputs(), 5), random_matrix<T>(rows, net.inputs(), 6));
        std::uint64_t hash = 0xcbf29ce484222325U;  // FNV-1a
        for (const Matrix<T>* matrix : {&answers.H, &answers.weighted, &answers.along}) {
            for (const T number : matrix->values()) {
                const auto bits = std::bit_cast<typename math::Bits<T>::Integer>(number);
                for (std::size_t byte = 0; byte < sizeof bits; ++byte) {
                    hash = (hash ^ ((bits >> (8 * byte)) & 0xffU)) * 0x100000001b3U;
                }
            }
        }
        EXPECT_EQ(hash, sizeof(T) == sizeof(float) ? golden.in_float : golden.in_double)
            << described(shape) << " 0x" << std::hex << hash;
    }
}

/// relu and leaky_relu bend nowhere, at their kinks neither, whatever the convention of the slope.
TYPED_TEST(HessianOf, APiecewiseLinearNetworkIsZeroAtAKinkToo) {
    using T = TypeParam;
    for (const Kink kink : {Kink::right_limit, Kink::nearest_zero}) {
        Architecture shape{.sizes = {2, 3, 2}, .hidden = Activation::relu};
        shape.conventions.kink = kink;
        BasicMlp<T> net = random_net<T>(shape, 9);
        std::ranges::fill(net.bias(0), T(0));
        const BasicPredictor<T> predictor(net, {}, Differentiable::twice);
        std::vector<T> yhat(2), H(8, T(1));
        predictor.hessian(std::vector<T>{0, 0}, yhat, H);
        EXPECT_EQ(H, std::vector<T>(8, T(0)));
    }
}

TYPED_TEST(HessianOf, WhatDoesNotFitIsRefused) {
    using T = TypeParam;
    const BasicMlp<T> net = random_net<T>({.sizes = {2, 3, 2}, .hidden = Activation::tanh}, 9);
    const BasicPredictor<T> once(net), twice(net, {}, Differentiable::twice);
    Matrix<T> x(4, 2), lambda(4, 2), yhat(4, 2), H(4, 8), small(4, 7), weighted(4, 4), along(4, 2);
    EXPECT_EQ(raised([&] { once.hessian(x, yhat, H); }),
              "usage: hessian: predictor was not made to differentiate twice; make it with Differentiable::twice");
    EXPECT_EQ(raised([&] { twice.hessian(x, yhat, small); }),
              "usage: hessian: H has 7 columns, outputs times inputs times inputs are 8");
    EXPECT_EQ(raised([&] { twice.weighted_hessian(x, x.view().rows_from(0, 3), yhat, weighted); }),
              "usage: weighted_hessian: lambda has 3 rows, x has 4");
    EXPECT_EQ(raised([&] { twice.hessian_vector(x, lambda, x, yhat, lambda); }),
              "usage: hessian_vector: H_u overlaps with lambda; what is read and what is written must lie apart");
    EXPECT_EQ(raised([&] { twice.hessian(x, yhat, H); }), "nothing");
    EXPECT_EQ(raised([&] { twice.hessian_vector(x, lambda, x, yhat, along); }), "nothing");
}

}  // namespace
}  // namespace handgrad
