// Softmax: values at all logits, and its Jacobian applied without forming it.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include "handgrad/math/activations.hpp"
#include "tests/math/ulp.hpp"
#include "tests/support/draw.hpp"

namespace handgrad::math {
namespace {

using test::ulps;

template <class T>
std::vector<T> softmax(const std::vector<T>& z) {
    std::vector<T> p(z.size());
    Softmax::value<T>(z, p);
    return p;
}

/// p_j = e^{z_j − max}/Σ e^{z_i − max} in long double.
template <class T>
std::vector<long double> literal(const std::vector<T>& z) {
    const long double top = *std::max_element(z.begin(), z.end());
    std::vector<long double> p;
    for (const T z_j : z) {
        p.push_back(std::exp(static_cast<long double>(z_j) - top));
    }
    const long double sum = std::accumulate(p.begin(), p.end(), 0.0L);
    for (long double& p_j : p) {
        p_j /= sum;
    }
    return p;
}

std::vector<double> random_logits(std::size_t K, unsigned seed, double spread) {
    std::vector<double> z(K);
    Draw(seed).fill(z, -spread, spread);
    return z;
}

template <class T>
class SoftmaxOf : public testing::Test {};
using Scalars = testing::Types<float, double>;
TYPED_TEST_SUITE(SoftmaxOf, Scalars);

TYPED_TEST(SoftmaxOf, AnyLogitsIsRightToFourUlp) {
    for (const std::size_t K : {1U, 2U, 3U, 10U, 1000U}) {
        for (const double spread : {1.0, 20.0, 50.0, 100.0, 1e4}) {
            const std::vector<double> logits = random_logits(K, static_cast<unsigned>(K), spread);
            const std::vector<TypeParam> z(logits.begin(), logits.end());
            const auto p = softmax(z);
            const auto exact = literal(z);
            for (std::size_t j = 0; j < K; ++j) {
                EXPECT_LE(ulps(p[j], exact[j]), 4) << "K = " << K << ", spread " << spread << ", output " << j;
            }
        }
    }
}

TYPED_TEST(SoftmaxOf, EqualLogitsIsUniformHoweverLarge) {
    for (const TypeParam z : {TypeParam(0), TypeParam(-1e4), std::numeric_limits<TypeParam>::max(),
                              std::numeric_limits<TypeParam>::infinity()}) {
        for (const TypeParam p : softmax(std::vector<TypeParam>(4, z))) {
            EXPECT_EQ(p, TypeParam(0.25)) << z;
        }
    }
}

TYPED_TEST(SoftmaxOf, AnInfiniteLogitTakesAll) {
    const TypeParam infinity = std::numeric_limits<TypeParam>::infinity();
    EXPECT_EQ(softmax<TypeParam>({0, infinity, 5}), (std::vector<TypeParam>{0, 1, 0}));
    EXPECT_EQ(softmax<TypeParam>({0, -infinity, 0}), (std::vector<TypeParam>{0.5, 0, 0.5}));
}

TYPED_TEST(SoftmaxOf, ANanAnywhereIsNanEverywhere) {
    for (std::size_t place = 0; place < 3; ++place) {
        std::vector<TypeParam> z{1, 2, 3};
        z[place] = std::numeric_limits<TypeParam>::quiet_NaN();
        for (const TypeParam p : softmax(z)) {
            EXPECT_TRUE(std::isnan(p));
        }
    }
}

TEST(SoftmaxJacobian, IsTheComplexStepOfTheValue) {
    const double h = 1e-50;
    for (const std::size_t K : {1U, 2U, 5U}) {
        const auto z = random_logits(K, 3, 4.0);
        const auto p = softmax(z);
        for (std::size_t i = 0; i < K; ++i) {
            std::vector<Complex> perturbed(z.begin(), z.end());
            perturbed[i] += Complex(0, h);
            const auto q = softmax(perturbed);
            for (std::size_t j = 0; j < K; ++j) {
                // v = e_j: dz_i = ∂p_j/∂z_i.
                std::vector<double> v(K, 0.0);
                std::vector<double> dz(K);
                v[j] = 1;
                Softmax::times_jacobian<double>(p, v, dz);
                EXPECT_NEAR(dz[i], q[j].imag() / h, 1e-14 * p[j]) << "dp" << j << "/dz" << i << ", K = " << K;
            }
        }
    }
}

TEST(SoftmaxJacobian, EqualsTheDenseMatrixTimesTheVectorAlsoInPlace) {
    const auto p = softmax<double>({0.5, -1, 2, 0});
    std::vector<double> v{3, -2, 0.5, 7};
    std::vector<double> expected(4, 0.0);
    for (std::size_t j = 0; j < 4; ++j) {
        for (std::size_t i = 0; i < 4; ++i) {
            expected[j] += v[i] * ((i == j ? p[i] : 0) - p[i] * p[j]);
        }
    }
    Softmax::times_jacobian<double>(p, v, v);
    for (std::size_t j = 0; j < 4; ++j) {
        EXPECT_NEAR(v[j], expected[j], 1e-14);
    }
}

TEST(SoftmaxJacobian, SendsAConstantToExactlyZero) {
    const auto p = softmax<float>({0.5F, -1, 2, 0});
    std::vector<float> dz(4);
    Softmax::times_jacobian<float>(p, std::vector<float>(4, 1e30F), dz);
    EXPECT_EQ(dz, std::vector<float>(4, 0.0F));
}

/// Σ_i v_i ∂²p_i/∂z_j∂z_k is the imaginary part of row j of the Jacobian of v p where z_k has a step; and by the
/// derivation it is Σ_l g_l c_l d_l, c and d being e_j and e_k centred.
TEST(SoftmaxSecondDerivative, IsTheComplexStepOfTheJacobian) {
    const double h = 1e-50;
    for (const std::size_t K : {1U, 2U, 5U}) {
        const auto z = random_logits(K, 4, 4.0);
        const auto p = softmax(z);
        const auto v = random_logits(K, 5, 2.0);
        std::vector<double> g(K);
        Softmax::times_jacobian<double>(p, v, g);
        const auto centred = [&](std::size_t j) {
            std::vector<double> e(K, 0.0);
            e[j] = 1;
            Softmax::centre<double>(p, e, e);
            return e;
        };
        for (std::size_t k = 0; k < K; ++k) {
            std::vector<Complex> moved(z.begin(), z.end());
            moved[k] += Complex(0, h);
            std::vector<Complex> dz(K);
            Softmax::times_jacobian<Complex>(softmax(moved), std::vector<Complex>(v.begin(), v.end()), dz);
            for (std::size_t j = 0; j < K; ++j) {
                double sum = 0;
                for (std::size_t l = 0; l < K; ++l) {
                    sum += g[l] * centred(j)[l] * centred(k)[l];
                }
                EXPECT_NEAR(sum, dz[j].imag() / h, 1e-14) << "K = " << K << ", by z" << j << " and z" << k;
            }
        }
    }
}

}  // namespace
}  // namespace handgrad::math
