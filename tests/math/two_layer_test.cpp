// The literal two-layer oracle: each factor and each row of its tables against the complex step of the loss itself.
#include "handgrad/math/two_layer.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "tests/support/draw.hpp"

namespace handgrad::math::two_layer {
namespace {

constexpr double h = 1e-50;

struct Case {
    const char* name;
    Hidden f;
    Output g;
    TwoLayerLoss loss;
    std::size_t n, r, K;
};

std::vector<Case> cases() {
    std::vector<Case> list;
    struct Shape {
        std::size_t n, r, K;
    };
    for (const auto& [n, r, K] : {Shape{3, 4, 2}, Shape{1, 1, 1}, Shape{1, 5, 1}, Shape{4, 1, 3}, Shape{2, 3, 1}}) {
        list.push_back({"Table1_Table2_relu_identity_squared_error", Hidden::relu, Output::identity,
                        TwoLayerLoss::squared_error, n, r, K});
        list.push_back({"Table3_Table4_sigmoid_sigmoid_squared_error", Hidden::sigmoid, Output::sigmoid,
                        TwoLayerLoss::squared_error, n, r, K});
        list.push_back({"Table5_Table4_sigmoid_sigmoid_binary_cross_entropy", Hidden::sigmoid, Output::sigmoid,
                        TwoLayerLoss::binary_cross_entropy, n, r, K});
    }
    return list;
}

template <class T>
struct Problem {
    Network<T> net;
    Vector<T> x, y;
};

template <class T>
Problem<T> problem(const Case& c) {
    Draw draw(2021);
    const auto fill = [&draw](auto&& values) { draw.fill(values, -1.0, 1.0); };
    Problem<T> p{{Matrix<T>(c.r, c.n), Vector<T>(c.r), Matrix<T>(c.K, c.r), Vector<T>(c.K), c.f, c.g, c.loss},
                 Vector<T>(c.n),
                 Vector<T>(c.K)};
    fill(p.net.W1.values());
    fill(p.net.b1);
    fill(p.net.W2.values());
    fill(p.net.b2);
    fill(p.x);
    for (std::size_t j = 0; j < c.K; ++j) {
        p.y[j] = T(j % 2 == 0 ? 1 : 0.25);
    }
    return p;
}

template <class T>
double plain(T v) {
    return static_cast<double>(v);
}

/// Σ of the absolute terms of a product of factors: the product of their absolute values.
Matrix<double> absolute(Matrix<double> m) {
    for (double& v : m.values()) {
        v = std::fabs(v);
    }
    return m;
}

class TwoLayer : public testing::TestWithParam<Case> {
protected:
    const Case& c = GetParam();
    Problem<double> p = problem<double>(c);
    Forward<double> t = forward(p.net, p.x, p.y);
    Backward<double> d = backward(p.net, p.x, p.y, t);

    /// ∂l/∂(one number) by complex step, that number chosen from the complex problem by `pick`.
    template <class Pick>
    double step(Pick pick) const {
        Problem<Complex> q = problem<Complex>(c);
        pick(q) += Complex(0, h);
        return forward(q.net, q.x, q.y).l.imag() / h;
    }
    /// Rows of Table 2 with every factor's absolute value: what rounding errors are measured against.
    [[nodiscard]] Matrix<double> row2_terms() const { return product(absolute(d.dl_dyhat), absolute(d.dyhat_dz3)); }
    [[nodiscard]] Matrix<double> row1_terms() const {
        return product(product(row2_terms(), absolute(p.net.W2)), absolute(d.dz2_dz1));
    }
};

TEST_P(TwoLayer, Eq1_Eq2_Step1_Step2_Table1_Table3_ForwardFillsTheRows) {
    for (std::size_t i = 0; i < c.r; ++i) {
        double z1 = p.net.b1[i];
        for (std::size_t j = 0; j < c.n; ++j) {
            z1 += p.net.W1(i, j) * p.x[j];
        }
        EXPECT_DOUBLE_EQ(t.z1[i], z1);
        EXPECT_DOUBLE_EQ(t.z2[i], c.f == Hidden::relu ? std::max(z1, 0.0) : 1 / (1 + std::exp(-z1)));
    }
    for (std::size_t j = 0; j < c.K; ++j) {
        double z3 = p.net.b2[j];
        for (std::size_t i = 0; i < c.r; ++i) {
            z3 += p.net.W2(j, i) * t.z2[i];
        }
        EXPECT_DOUBLE_EQ(t.z3[j], z3);
        EXPECT_DOUBLE_EQ(t.yhat[j], c.g == Output::identity ? z3 : 1 / (1 + std::exp(-z3)));
    }
}

TEST_P(TwoLayer, Table2_Table4_Step4_RowW1OfTheBackwardTableIsTheComplexStep) {
    const Matrix<double> terms = row1_terms();
    for (std::size_t i = 0; i < c.r; ++i) {
        for (std::size_t j = 0; j < c.n; ++j) {
            const double exact = step([&](auto& q) -> Complex& { return q.net.W1(i, j); });
            EXPECT_NEAR(d.dW1(i, j), exact, 1e-14 * terms(0, i) * std::fabs(p.x[j])) << i << "," << j;
        }
    }
}
TEST_P(TwoLayer, Table2_Table4_Step4_RowB1OfTheBackwardTableIsTheComplexStep) {
    const Matrix<double> terms = row1_terms();
    for (std::size_t i = 0; i < c.r; ++i) {
        EXPECT_NEAR(d.db1[i], step([&](auto& q) -> Complex& { return q.net.b1[i]; }), 1e-14 * terms(0, i)) << i;
    }
}
TEST_P(TwoLayer, Table2_Table4_Step4_RowW2OfTheBackwardTableIsTheComplexStep) {
    const Matrix<double> terms = row2_terms();
    for (std::size_t j = 0; j < c.K; ++j) {
        for (std::size_t i = 0; i < c.r; ++i) {
            const double exact = step([&](auto& q) -> Complex& { return q.net.W2(j, i); });
            EXPECT_NEAR(d.dW2(j, i), exact, 1e-14 * terms(0, j) * std::fabs(t.z2[i])) << j << "," << i;
        }
    }
}
TEST_P(TwoLayer, Table2_Table4_Step4_RowB2OfTheBackwardTableIsTheComplexStep) {
    const Matrix<double> terms = row2_terms();
    for (std::size_t j = 0; j < c.K; ++j) {
        EXPECT_NEAR(d.db2[j], step([&](auto& q) -> Complex& { return q.net.b2[j]; }), 1e-14 * terms(0, j)) << j;
    }
}

TEST_P(TwoLayer, JacobianOfTheOutputByTheInputIsTheComplexStep) {
    for (std::size_t k = 0; k < c.n; ++k) {
        Problem<Complex> q = problem<Complex>(c);
        q.x[k] += Complex(0, h);
        const Forward<Complex> u = forward(q.net, q.x, q.y);
        for (std::size_t j = 0; j < c.K; ++j) {
            EXPECT_NEAR(d.dyhat_dx(j, k), u.yhat[j].imag() / h, 1e-14 * static_cast<double>(c.r)) << j << "," << k;
        }
    }
}

TEST_P(TwoLayer, DoubleAgreesWithLongDouble) {
    const Problem<long double> wide = problem<long double>(c);
    const auto u = forward(wide.net, wide.x, wide.y);
    const auto e = backward(wide.net, wide.x, wide.y, u);
    EXPECT_NEAR(t.l, plain(u.l), 1e-13);
    for (std::size_t i = 0; i < d.dW1.values().size(); ++i) {
        EXPECT_NEAR(d.dW1.values()[i], plain(e.dW1.values()[i]), 1e-13);
    }
    for (std::size_t i = 0; i < d.dW2.values().size(); ++i) {
        EXPECT_NEAR(d.dW2.values()[i], plain(e.dW2.values()[i]), 1e-13);
    }
}

TEST_P(TwoLayer, Eq4_Step5_UpdateSubtractsEtaTimesTheGradientFromEveryParameter) {
    Network<double> moved = p.net;
    update(moved, d, 0.125);
    for (std::size_t i = 0; i < moved.W1.values().size(); ++i) {
        EXPECT_EQ(moved.W1.values()[i], p.net.W1.values()[i] - 0.125 * d.dW1.values()[i]);
    }
    for (std::size_t i = 0; i < moved.W2.values().size(); ++i) {
        EXPECT_EQ(moved.W2.values()[i], p.net.W2.values()[i] - 0.125 * d.dW2.values()[i]);
    }
    for (std::size_t i = 0; i < c.r; ++i) {
        EXPECT_EQ(moved.b1[i], p.net.b1[i] - 0.125 * d.db1[i]);
    }
    for (std::size_t j = 0; j < c.K; ++j) {
        EXPECT_EQ(moved.b2[j], p.net.b2[j] - 0.125 * d.db2[j]);
    }
    EXPECT_LT(forward(moved, p.x, p.y).l, t.l) << "a small step downhill lowers the loss";
}

INSTANTIATE_TEST_SUITE_P(OfTheDerivation, TwoLayer, testing::ValuesIn(cases()), [](const auto& each) {
    const Case& k = each.param;
    return std::string(k.name) + "_n" + std::to_string(k.n) + "_r" + std::to_string(k.r) + "_K" + std::to_string(k.K);
});

// --- The factors, one by one ----------------------------------------------------------------------------------------

const Vector<double> z{-2, -1e-40, -0.0, 0, 1e-40, 0.5, 3};

/// Expects J = diag(values).
void expect_diagonal(const Matrix<double>& J, const Vector<double>& values) {
    ASSERT_EQ(J.rows(), values.size());
    ASSERT_EQ(J.columns(), values.size());
    for (std::size_t i = 0; i < values.size(); ++i) {
        for (std::size_t j = 0; j < values.size(); ++j) {
            EXPECT_DOUBLE_EQ(J(i, j), i == j ? values[i] : 0.0) << i << "," << j;
        }
    }
}
Vector<double> sigma_slopes() {
    Vector<double> slopes;
    for (const double v : z) {
        slopes.push_back(std::exp(-v) / ((1 + std::exp(-v)) * (1 + std::exp(-v))));
    }
    return slopes;
}

TEST(TwoLayerFactors, Eq5_Eq6_Eq7_JacobianOfReluIsTheDiagonalIndicatorOneAtZero) {
    expect_diagonal(hidden_jacobian(Hidden::relu, z), {0, 0, 1, 1, 1, 1, 1});
    EXPECT_EQ(indicator(0.0), 1.0);
    EXPECT_EQ(indicator(-0.0), 1.0);
    EXPECT_EQ(indicator(-1e-300), 0.0);
}
TEST(TwoLayerFactors, Eq8_Eq9_JacobianOfTheIdentityIsTheUnitMatrix) {
    expect_diagonal(output_jacobian(Output::identity, z), Vector<double>(z.size(), 1.0));
}
TEST(TwoLayerFactors, Eq12_Eq13_JacobianOfTheHiddenSigmoidIsDiagonal) {
    expect_diagonal(hidden_jacobian(Hidden::sigmoid, z), sigma_slopes());
}
TEST(TwoLayerFactors, Eq14_Eq15_JacobianOfTheOutputSigmoidIsDiagonal) {
    expect_diagonal(output_jacobian(Output::sigmoid, z), sigma_slopes());
}
TEST(TwoLayerFactors, Eq12_SlopeOfSigmoidIsItsComplexStep) {
    for (const double v : z) {
        EXPECT_NEAR(sigma_prime(v), sigma(Complex(v, h)).imag() / h, 1e-16);
    }
}
TEST(TwoLayerFactors, Eq12_LiteralSlopeIsKeptLiteralEvenWhereItIsNan) {
    EXPECT_TRUE(std::isnan(sigma_prime(-711.0))) << "derivation 6.5: the oracle is for moderate arguments";
    EXPECT_GT(sigma_prime(-711.0L), 0.0L) << "or for a wider type";
}
TEST(TwoLayerFactors, Eq10_Eq11_Eq16_Eq17_JacobianOfTheSquaredErrorIsTheRowOfTwiceTheResiduals) {
    const Matrix<double> J = loss_jacobian<double>(TwoLayerLoss::squared_error, {0.5, -1, 2}, {1, -3, 2});
    EXPECT_EQ(J.rows(), 1U);
    EXPECT_EQ(Vector<double>(J.values().begin(), J.values().end()), (Vector<double>{-1, 4, 0}));
}
TEST(TwoLayerFactors, Eq18_Eq19_JacobianOfBinaryCrossEntropyIsAMeanOverOutputs) {
    const Matrix<double> J = loss_jacobian<double>(TwoLayerLoss::binary_cross_entropy, {0.5, 0.25}, {1, 0.5});
    EXPECT_EQ(J.rows(), 1U);
    EXPECT_DOUBLE_EQ(J(0, 0), -(1 / 0.5) / 2);
    EXPECT_DOUBLE_EQ(J(0, 1), -(0.5 / 0.25 - 0.5 / 0.75) / 2);
}
TEST(TwoLayerFactors, Step3_Eq3_SquaredErrorIsASumOverOutputsWithoutAHalf) {
    Problem<double> p = problem<double>({"", Hidden::relu, Output::identity, TwoLayerLoss::squared_error, 1, 1, 2});
    const Forward<double> t = forward(p.net, p.x, p.y);
    EXPECT_DOUBLE_EQ(t.l, std::pow(t.yhat[0] - p.y[0], 2) + std::pow(t.yhat[1] - p.y[1], 2));
}
TEST(TwoLayerFactors, Step3_Table5_BinaryCrossEntropyIsAMeanOverOutputs) {
    Problem<double> p =
        problem<double>({"", Hidden::sigmoid, Output::sigmoid, TwoLayerLoss::binary_cross_entropy, 1, 1, 2});
    const Forward<double> t = forward(p.net, p.x, p.y);
    const auto share = [](double yhat, double y) { return -(y * std::log(yhat) + (1 - y) * std::log(1 - yhat)); };
    EXPECT_DOUBLE_EQ(t.l, (share(t.yhat[0], p.y[0]) + share(t.yhat[1], p.y[1])) / 2);
}

}  // namespace
}  // namespace handgrad::math::two_layer
