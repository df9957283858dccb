// Losses fused with their output activation: finite and right to 4 ulp from any logit, and equal to the chained
// product.
#include <gtest/gtest.h>

#include <cmath>
#include <cstddef>
#include <numeric>
#include <vector>

#include "handgrad/math/losses.hpp"
#include "tests/math/ulp.hpp"
#include "tests/support/draw.hpp"

namespace handgrad::math {
namespace {

using test::ulps;
using L = long double;

const std::vector<double> logits{0,     1e-40, -1e-40, 0.3, -0.3, 1,    -1,    5,   -5,   16.64, -16.64, 17.4,
                                 -17.4, 20,    -20,    50,  -50,  88.5, -88.5, 100, -100, 1e4,   -1e4};

/// σ(z) and log(1 + e^z) in long double.
L sigma(L z) { return 1 / (1 + std::exp(-z)); }
L softplus(L z) { return std::log1p(std::exp(z)); }

template <class T>
class FusedLosses : public testing::Test {};
using Scalars = testing::Types<float, double>;
TYPED_TEST_SUITE(FusedLosses, Scalars);

TYPED_TEST(FusedLosses, Table5_Eq19_Eq15_SigmoidWithBinaryCrossEntropyIsRightToFourUlpAtAnyLogit) {
    using T = TypeParam;
    using Pair = SigmoidBinaryCrossEntropy;
    for (const double logit : logits) {
        const T z = static_cast<T>(logit);
        const L wide = z;
        for (const T y : {T(0), T(1)}) {
            const T l = Pair::value(z, y);
            const T dz = Pair::derivative(z, y);
            EXPECT_TRUE(std::isfinite(l) && std::isfinite(dz)) << z;
            EXPECT_LE(ulps(l, y == 1 ? softplus(-wide) : softplus(wide)), 4) << "loss at z = " << z << ", y = " << y;
            EXPECT_LE(ulps(dz, y == 1 ? -sigma(-wide) : sigma(wide)), 4) << "gradient at z = " << z << ", y = " << y;
        }
    }
}

TYPED_TEST(FusedLosses, SigmoidWithBinaryCrossEntropyOfSoftTargetsIsRightToFourUlpOfItsTerms) {
    using T = TypeParam;
    for (const double logit : logits) {
        const T z = static_cast<T>(logit);
        const L wide = z;
        for (const T y : {T(0.125), T(0.5), T(0.9)}) {
            const L terms = (1 - static_cast<L>(y)) * sigma(wide) + y * sigma(-wide);
            const L exact = (1 - static_cast<L>(y)) * sigma(wide) - y * sigma(-wide);
            EXPECT_LE(std::fabs(sigmoid_residual(z, y) - exact), 4 * std::numeric_limits<T>::epsilon() * terms) << z;
            const L loss = (1 - static_cast<L>(y)) * softplus(wide) + y * softplus(-wide);
            EXPECT_LE(ulps(SigmoidBinaryCrossEntropy::value(z, y), loss), 4) << "loss at z = " << z << ", y = " << y;
        }
    }
}

TYPED_TEST(FusedLosses, Eq17_Eq15_SigmoidWithSquaredErrorIsRightToFourUlpAtAnyLogit) {
    using T = TypeParam;
    for (const double logit : logits) {
        const T z = static_cast<T>(logit);
        const L wide = z;
        for (const T y : {T(0), T(1)}) {
            const L residual = y == 1 ? -sigma(-wide) : sigma(wide);
            const T d = sigmoid_residual(z, y);
            EXPECT_LE(ulps(d, residual), 4) << "residual at z = " << z << ", y = " << y;
            EXPECT_LE(ulps(SquaredError::value(d), residual * residual), 4) << "loss at z = " << z << ", y = " << y;
            const T dz = SquaredError::derivative(d) * Sigmoid::derivative(z);
            EXPECT_TRUE(std::isfinite(dz));
            EXPECT_LE(ulps(dz, 2 * residual * sigma(wide) * sigma(-wide)), 4) << "gradient at " << z << ", y = " << y;
        }
    }
}

TYPED_TEST(FusedLosses, ExpWithPoissonIsRightToFourUlpAtAnyLogit) {
    using T = TypeParam;
    for (const double logit : logits) {
        const T z = static_cast<T>(logit);
        const L wide = z;
        const L terms = std::exp(wide) + std::fabs(wide);
        EXPECT_LE(ulps(ExpPoisson::value(z, T(0)), std::exp(wide)), 4) << z;
        EXPECT_LE(ulps(ExpPoisson::derivative(z, T(0)), std::exp(wide)), 4) << z;
        EXPECT_LE(ulps(ExpPoisson::derivative(z, T(1)), std::expm1(wide)), 4) << z;
        const T one = ExpPoisson::value(z, T(1));
        if (std::isfinite(static_cast<T>(terms))) {
            EXPECT_LE(std::fabs(one - (std::exp(wide) - wide)), 4 * std::numeric_limits<T>::epsilon() * terms) << z;
        } else {
            EXPECT_EQ(one, std::numeric_limits<T>::infinity()) << z;
        }
    }
}

/// Logits of K outputs whose size is `spread`; two of them equal when there are more than two.
template <class T>
std::vector<T> row(std::size_t K, double spread, unsigned seed) {
    std::vector<T> z(K);
    Draw(seed).fill(z, -spread, spread);
    if (K > 2) {
        z[2] = z[0];
    }
    z[0] = static_cast<T>(spread);
    return z;
}

TYPED_TEST(FusedLosses, SoftmaxWithCrossEntropyIsRightToFourUlpAtAnyLogits) {
    using T = TypeParam;
    for (const std::size_t K : {2U, 3U, 10U, 300U}) {
        for (const double spread : {0.5, 20.0, -20.0, 50.0, -50.0, 100.0, -100.0, 1e4, -1e4}) {
            const std::vector<T> z = row<T>(K, spread, static_cast<unsigned>(K));
            const L top = *std::max_element(z.begin(), z.end());
            for (std::size_t k = 0; k < std::min<std::size_t>(K, 5); ++k) {
                std::vector<T> y(K, T(0));
                y[k] = 1;
                std::vector<T> dz(K);
                std::vector<T> scratch(K);
                SoftmaxCrossEntropy::derivative<T>(z, y, dz);
                const T l = SoftmaxCrossEntropy::value<T>(z, y, scratch);
                L others = 0;
                for (std::size_t j = 0; j < K; ++j) {
                    others += j == k ? 0 : std::exp(static_cast<L>(z[j]) - top);
                }
                const L own = std::exp(static_cast<L>(z[k]) - top);
                // log(1 + others/own), where own may underflow.
                const L loss = others < own ? std::log1p(others / own) : std::log(own + others) + top - z[k];
                EXPECT_TRUE(std::isfinite(l));
                EXPECT_LE(ulps(l, loss), 4) << "K = " << K << ", spread " << spread << ", class " << k;
                for (std::size_t j = 0; j < K; ++j) {
                    const L p = std::exp(static_cast<L>(z[j]) - top) / (own + others);
                    EXPECT_TRUE(std::isfinite(dz[j]));
                    EXPECT_LE(ulps(dz[j], j == k ? -others / (own + others) : p), 4)
                        << "K = " << K << ", spread " << spread << ", class " << k << ", output " << j;
                }
            }
        }
    }
}

TYPED_TEST(FusedLosses, ResidualOfSoftmaxIsPMinusYForTargetsOfAnySum) {
    using T = TypeParam;
    const std::vector<T> z = row<T>(5, 3, 1);
    for (const std::vector<T>& y :
         {std::vector<T>{1, 1, 0, 0, 1}, std::vector<T>{0, 0, 0, 0, 0},
          std::vector<T>{T(0.1), T(0.2), T(0.3), T(0.4), 0}, std::vector<T>{-2, 7, 0, 3, 1}}) {
        std::vector<T> dz(5);
        std::vector<T> p(5);
        std::vector<T> fused(5);
        softmax_residual<T>(z, y, dz);
        Softmax::value<T>(z, p);
        SoftmaxCrossEntropy::derivative<T>(z, y, fused);
        const T sum = std::accumulate(y.begin(), y.end(), T(0));
        for (std::size_t j = 0; j < 5; ++j) {
            const T few = 8 * std::numeric_limits<T>::epsilon();
            EXPECT_NEAR(dz[j], p[j] - y[j], few * (1 + std::fabs(y[j])));
            EXPECT_NEAR(fused[j], sum * p[j] - y[j], few * (std::fabs(sum) + std::fabs(y[j])));
        }
    }
}

TEST(FusedLoss, DerivativesAreTheComplexStepOfTheirValues) {
    const double h = 1e-50;
    for (const double z : {-30.0, -2.0, -0.1, 0.0, 0.4, 3.0, 30.0}) {
        for (const double y : {0.0, 0.25, 1.0}) {
            const Complex step(z, h);
            EXPECT_NEAR(SigmoidBinaryCrossEntropy::derivative(z, y),
                        SigmoidBinaryCrossEntropy::value(step, Complex(y)).imag() / h, 1e-15 * (1 + y));
            EXPECT_NEAR(ExpPoisson::derivative(z, y), ExpPoisson::value(step, Complex(y)).imag() / h,
                        1e-15 * (std::exp(z) + y));
        }
    }
    const std::vector<double> z{0.5, -1, 2, 2};
    const std::vector<double> y{0.25, 0, 1, 0.5};
    std::vector<double> dz(4);
    SoftmaxCrossEntropy::derivative<double>(z, y, dz);
    const std::vector<Complex> y_complex(y.begin(), y.end());
    for (std::size_t j = 0; j < 4; ++j) {
        std::vector<Complex> perturbed(z.begin(), z.end());
        std::vector<Complex> scratch(4);
        perturbed[j] += Complex(0, h);
        EXPECT_NEAR(dz[j], SoftmaxCrossEntropy::value<Complex>(perturbed, y_complex, scratch).imag() / h, 1e-15 * 4);
    }
}

TEST(FusedLoss, Eq19_Eq15_ChainedLiterallyInLongDoubleGiveTheFusedDerivative) {
    for (const L z : {-40.0L, -3.0L, 0.0L, 0.7L, 30.0L}) {
        for (const L y : {0.0L, 0.3L, 1.0L}) {
            const L yhat = sigma(z);
            const L chained =
                -(y / yhat - (1 - y) / (1 - yhat)) * (std::exp(-z) / ((1 + std::exp(-z)) * (1 + std::exp(-z))));
            const L terms = (1 - y) * yhat + y * sigma(-z);
            // 1 − ŷ loses digits for large z, in the literal form only.
            EXPECT_LE(std::fabs(SigmoidBinaryCrossEntropy::derivative(z, y) - chained),
                      terms * 1e-18L * (1 + std::exp(z)))
                << static_cast<double>(z);
        }
    }
}

TEST(FusedLoss, ThePlainResidualIsNotGoodEnough) {
    EXPECT_EQ(Sigmoid::value(20.0F) - 1.0F, 0.0F) << "derivation 6.5: this is why the fused form exists";
    EXPECT_LT(sigmoid_residual(20.0F, 1.0F), -2e-9F);
}

}  // namespace
}  // namespace handgrad::math
