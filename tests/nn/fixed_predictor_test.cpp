// The predictor of a fixed shape against the one that chooses at run time: the same bits, however it is compiled.
#include "handgrad/nn/fixed_predictor.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <cstring>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include "handgrad/base/error.hpp"
#include "handgrad/nn/predictor.hpp"
#include "tests/support/fixed_cases.hpp"
#include "tests/support/networks.hpp"

namespace handgrad {
namespace {

template <class T>
Architecture shape_of(const FixedCase<T>& one) {
    Architecture shape{.sizes = {one.sizes, one.sizes + one.layers + 1}, .output = one.activations[one.layers - 1]};
    shape.each_hidden.assign(one.activations, one.activations + one.layers - 1);
    shape.leaky_slope = 0.125;
    return shape;
}
/// Rows of usual size, then rows with zeros, large numbers, infinities and NaN.
template <class T>
Matrix<T> rows_for(std::size_t n) {
    constexpr std::size_t usual = 12;
    Matrix<T> x = Draw(3, 8).matrix<T>(usual + 5, n, -2.0, 2.0);
    const T odd[] = {T(0), T(-0.0), T(1e30), std::numeric_limits<T>::infinity(), std::numeric_limits<T>::quiet_NaN()};
    for (std::size_t i = 0; i < 5; ++i) {
        for (std::size_t j = 0; j < n; j += i + 1) {
            x(usual + i, j) = odd[i];
        }
    }
    return x;
}
/// Bytes are compared, but a NaN is like any other.
template <class T>
std::size_t differing(MatrixView<const T> a, MatrixView<const T> b) {
    std::size_t count = 0;
    for (std::size_t i = 0; i < a.rows(); ++i) {
        for (std::size_t j = 0; j < a.columns(); ++j) {
            const bool same =
                std::memcmp(&a(i, j), &b(i, j), sizeof(T)) == 0 || (a(i, j) != a(i, j) && b(i, j) != b(i, j));
            count += std::size_t{!same};
        }
    }
    return count;
}

template <class T>
void expect_same_bits(std::span<const FixedCase<T>> cases) {
    for (const FixedCase<T>& one : cases) {
        for (const Kink kink : {Kink::right_limit, Kink::nearest_zero}) {
            Architecture shape = shape_of(one);
            shape.conventions.kink = kink;
            SCOPED_TRACE(described(shape));
            BasicMlp<T> net = drawn_net<T>(Draw(5, 7), shape);
            net.weight(0)(0, 0) = T(-0.0);
            const Matrix<T> x = rows_for<T>(net.inputs());
            const std::size_t K = net.outputs(), numbers = K * net.inputs();
            Matrix<T> yhat(x.rows(), K), J(x.rows(), numbers), fixed_yhat(x.rows(), K), fixed_J(x.rows(), numbers),
                alone(x.rows(), K);
            const BasicPredictor<T> predictor(net);
            predictor.jacobian(x, yhat, J);
            one.answer(net.parameters().data(), shape.activation_settings(), x.values().data(), x.rows(),
                       fixed_yhat.values().data(), fixed_J.values().data(), alone.values().data());
            EXPECT_EQ(differing<T>(fixed_yhat, yhat), 0u);
            EXPECT_EQ(differing<T>(alone, yhat), 0u);
            EXPECT_EQ(differing<T>(fixed_J, J), 0u);
            for (std::size_t row = 0; row < x.rows(); ++row) {
                predictor.predict(x.row(row), alone.row(row));
            }
            EXPECT_EQ(differing<T>(alone, yhat), 0u);
        }
    }
}

void expect_same_bits(const FixedLevel& level) {
    expect_same_bits(level.single_precision);
    expect_same_bits(level.double_precision);
    // (1 + u)² rounds to 1 + 2u; contracted, what the rounding took would remain.
    const float u = 0x1p-23f;
    const std::array<float, 2> left = level.product_and_sum(1 + u, 1 + u, -(1 + 2 * u));
    EXPECT_EQ(left[0], 0.0f);
    EXPECT_EQ(left[1], 0.0f);
    const double v = 0x1p-52;
    const std::array<double, 2> left_in_double = level.product_and_sum_in_double(1 + v, 1 + v, -(1 + 2 * v));
    EXPECT_EQ(left_in_double[0], 0.0);
    EXPECT_EQ(left_in_double[1], 0.0);
    EXPECT_TRUE(std::signbit(level.product_and_sum(-1.0f, 0.0f, -0.0f)[0]));  // a product of −0 stays one
}

TEST(FixedPredictor, CompiledForNoProcessorInParticularHasTheBitsOfThePredictor) {
    expect_same_bits(fixed_cases_plain());
}
#if defined(HANDGRAD_FIXED_native)
TEST(FixedPredictor, CompiledForThisMachineWithContractionHasTheBitsOfThePredictor) {
    expect_same_bits(fixed_cases_native());
}
#endif
#if defined(HANDGRAD_FIXED_avx512)
TEST(FixedPredictor, CompiledForAvx512HasTheBitsOfThePredictor) {
    if (!__builtin_cpu_supports("avx512f") || !__builtin_cpu_supports("avx512dq")) {
        GTEST_SKIP() << "avx512: this processor lacks it";
    }
    expect_same_bits(fixed_cases_avx512());
}
#endif

using Small = FixedPredictor<2, FixedLayer<3, math::Relu>, FixedLayer<1>>;

TEST(FixedPredictor, TakesANetworkOfItsShapeAloneAndItsOutputMayLieOnItsInput) {
    const Mlp net = drawn_net<float>(Draw(1, 7), {.sizes = {2, 3, 1}});
    const Small fixed(net);
    std::array<float, 2> x{0.5f, -1.0f};
    std::array<float, 1> yhat{};
    Predictor(net).predict(x, yhat);
    fixed.predict(x, std::span<float, 1>(x.data(), 1));
    EXPECT_EQ(x[0], yhat[0]);
    EXPECT_EQ(Small::parameter_count, net.parameters().size());
}

void expect_refused(const Architecture& shape, const std::string& its) {
    try {
        const Small fixed(drawn_net<float>(Draw(1, 7), shape));
        FAIL() << its;
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::usage);
        EXPECT_EQ(error.what(), "FixedPredictor: net is " + its +
                                    "; this predictor was compiled for one that is 2 -> 3 relu -> 1 identity");
    }
}
TEST(FixedPredictor, ANetworkOfAnotherShapeIsRefused) {
    expect_refused({.sizes = {2, 4, 1}}, "2 -> 4 relu -> 1 identity");
    expect_refused({.sizes = {3, 3, 1}}, "3 -> 3 relu -> 1 identity");
    expect_refused({.sizes = {2, 3, 3, 1}}, "2 -> 3 relu -> 3 relu -> 1 identity");
    expect_refused({.sizes = {2, 3, 1}, .hidden = Activation::tanh}, "2 -> 3 tanh -> 1 identity");
    expect_refused({.sizes = {2, 3, 1}, .output = Activation::sigmoid}, "2 -> 3 relu -> 1 sigmoid");
    try {
        const Small fixed{Mlp()};
        FAIL();
    } catch (const Error& error) {
        EXPECT_STREQ(
            error.what(),
            "FixedPredictor: net has no layers; this predictor was compiled for one that is 2 -> 3 relu -> 1 identity");
    }
}

}  // namespace
}  // namespace handgrad
