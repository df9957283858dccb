// The number concept: what its operations do at the edges, on real and on complex numbers.
#include "handgrad/math/number.hpp"

#include <gtest/gtest.h>

#include <limits>

#include "tests/math/lanes.hpp"

namespace handgrad::math {
namespace {

static_assert(PolynomialNumber<float> && PolynomialNumber<double> && PolynomialNumber<test::Lanes<float, 4>>);
static_assert(!PolynomialNumber<long double> && !PolynomialNumber<Complex> && !PolynomialNumber<int>);

template <class T>
class Number : public testing::Test {};
using Scalars = testing::Types<float, double>;
TYPED_TEST_SUITE(Number, Scalars);

TYPED_TEST(Number, ExponentIsTheFloorOfTheBinaryLogarithm) {
    using T = TypeParam;
    using Limits = std::numeric_limits<T>;
    EXPECT_EQ(exponent(T(1)), T(0));
    EXPECT_EQ(exponent(std::nextafter(T(1), T(0))), T(-1));
    EXPECT_EQ(exponent(T(10)), T(3));
    EXPECT_EQ(exponent(Limits::max()), T(Limits::max_exponent - 1));
    EXPECT_EQ(exponent(Limits::min()), T(Limits::min_exponent - 1));
}

TYPED_TEST(Number, ScaleMultipliesByEveryNormalPowerOfTwoAndRoundsOnce) {
    using T = TypeParam;
    using Limits = std::numeric_limits<T>;
    for (int k = Limits::min_exponent - 1; k < Limits::max_exponent; ++k) {
        ASSERT_EQ(scale(T(1.25), T(k)), std::ldexp(T(1.25), k)) << k;
    }
    EXPECT_EQ(scale(Limits::max(), T(1)), Limits::infinity());
    EXPECT_TRUE(std::isnan(scale(Limits::quiet_NaN(), Limits::quiet_NaN())));
}

TYPED_TEST(Number, MinAndMaxPassOnANanInTheirFirstOperand) {
    using T = TypeParam;
    const T nan = std::numeric_limits<T>::quiet_NaN();
    EXPECT_TRUE(std::isnan(max(nan, T(0))) && std::isnan(min(nan, T(0))));
    EXPECT_EQ(max(T(0), nan), T(0));
    EXPECT_EQ(min(T(0), nan), T(0));
}

TYPED_TEST(Number, RoundTakesTiesToEven) {
    using T = TypeParam;
    EXPECT_EQ(round(T(0.5)), T(0));
    EXPECT_EQ(round(T(1.5)), T(2));
    EXPECT_EQ(round(T(-2.5)), T(-2));
}

TEST(ComplexNumber, IsOrderedByItsRealPartAndKeepsTheDerivative) {
    const Complex below(-1, 3);
    const Complex above(2, 5);
    EXPECT_TRUE(less(below, above) && less_equal(below, above) && !equal(below, above));
    EXPECT_TRUE(equal(Complex(1, 2), Complex(1, 7)));
    EXPECT_EQ(max(below, above), above);
    EXPECT_EQ(min(below, above), below);
    EXPECT_EQ(abs(below), Complex(1, -3)) << "the slope of |x| is -1 for x < 0";
    EXPECT_EQ(abs(above), above);
    EXPECT_EQ(abs(Complex(-0.0, 1)).imag(), 1) << "at -0 as at +0 it is the right one";
    EXPECT_EQ(round(above), Complex(2, 0)) << "a step function has the slope 0";
    EXPECT_EQ(fma(below, above, above), below * above + above);
}

TEST(Constant, IsRoundedOnceToThePrecisionOfTheNumber) {
    EXPECT_EQ(constant<float>(0.1L), 0.1F);
    EXPECT_EQ(constant<double>(0.1L), 0.1);
    EXPECT_EQ(constant<long double>(0.1L), 0.1L);
    EXPECT_EQ(constant<Complex>(0.1L), Complex(0.1));
}

}  // namespace
}  // namespace handgrad::math
