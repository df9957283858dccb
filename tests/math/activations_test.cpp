// Every activation of the list gets the generated tests below by itself; then what single ones promise beside.
#include "handgrad/math/activations.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include "tests/math/ulp.hpp"

namespace handgrad {
namespace {

using math::Complex;
using math::test::ulps;
using Limits = std::numeric_limits<double>;

/// The formula as the books write it, or as close as long double allows, independent of the structs.
struct Literal {
    long double (*value)(long double z);
    long double (*derivative)(long double z);
    long double (*second_derivative)(long double z);
};

long double gelu_tanh_twice_u(long double z) {
    return 2 * std::sqrt(2 / 3.141592653589793238462643383L) * (z + 0.044715L * z * z * z);
}

const std::map<std::string_view, Literal>& literals() {
    using L = long double;
    static const std::map<std::string_view, Literal> table{
        {"identity", {[](L z) { return z; }, [](L) { return 1.0L; }, [](L) { return 0.0L; }}},
        {"relu",
         {[](L z) { return z >= 0 ? z : 0; }, [](L z) { return z >= 0 ? 1.0L : 0.0L; }, [](L) { return 0.0L; }}},
        {"leaky_relu",
         {[](L z) { return z >= 0 ? z : L(0.01) * z; }, [](L z) { return z >= 0 ? 1.0L : L(0.01); },
          [](L) { return 0.0L; }}},
        {"elu",
         {[](L z) { return z >= 0 ? z : std::expm1(z); }, [](L z) { return z >= 0 ? 1 : std::exp(z); },
          [](L z) { return z >= 0 ? 0 : std::exp(z); }}},
        {"sigmoid",
         {[](L z) { return 1 / (1 + std::exp(-z)); },
          [](L z) { return 1 / (2 + std::exp(z) + std::exp(-z)); },  // derivation §5
          [](L z) { return std::exp(-z) * std::expm1(-z) / std::pow(1 + std::exp(-z), 3.0L); }}},
        {"tanh",
         {[](L z) { return std::tanh(z); }, [](L z) { return 1 / (std::cosh(z) * std::cosh(z)); },
          [](L z) { return -2 * std::sinh(z) / std::pow(std::cosh(z), 3.0L); }}},
        {"softplus",
         {[](L z) { return std::log1p(std::exp(z)); }, [](L z) { return 1 / (1 + std::exp(-z)); },
          [](L z) { return 1 / (2 + std::exp(z) + std::exp(-z)); }}},
        {"silu",
         {[](L z) { return z / (1 + std::exp(-z)); },
          [](L z) { return (1 + std::exp(-z) + z * std::exp(-z)) / ((1 + std::exp(-z)) * (1 + std::exp(-z))); },
          [](L z) {
              const L t = std::exp(-z);
              return (2 * t * (1 + t) + z * t * std::expm1(-z)) / std::pow(1 + t, 3.0L);
          }}},
        {"gelu",
         {[](L z) { return z / 2 * std::erfc(-z * std::sqrt(0.5L)); },
          [](L z) {
              return std::erfc(-z * std::sqrt(0.5L)) / 2 +
                     z * std::exp(-z * z / 2) / std::sqrt(2 * 3.141592653589793238462643383L);
          },
          [](L z) { return (2 - z * z) * std::exp(-z * z / 2) / std::sqrt(2 * 3.141592653589793238462643383L); }}},
        {"gelu_tanh",
         {[](L z) { return z / (1 + std::exp(-gelu_tanh_twice_u(z))); },
          [](L z) {
              const L s = 1 / (1 + std::exp(-gelu_tanh_twice_u(z)));
              const L slope = 2 * std::sqrt(2 / 3.141592653589793238462643383L) * (1 + 3 * 0.044715L * z * z);
              return s + z * s * (1 / (1 + std::exp(gelu_tanh_twice_u(z)))) * slope;
          },
          [](L z) {
              const L v = gelu_tanh_twice_u(z);
              const L first = 2 * std::sqrt(2 / 3.141592653589793238462643383L) * (1 + 3 * 0.044715L * z * z);
              const L second = 2 * std::sqrt(2 / 3.141592653589793238462643383L) * (6 * 0.044715L * z);
              const L slope = 1 / (2 + std::exp(v) + std::exp(-v));
              return (2 * first + z * second) * slope - z * first * first * slope * std::tanh(v / 2);
          }}},
        {"exp", {[](L z) { return std::exp(z); }, [](L z) { return std::exp(z); }, [](L z) { return std::exp(z); }}},
    };
    return table;
}

std::vector<double> everyday_arguments() {
    std::vector<double> list;
    for (int i = -120; i <= 120; ++i) {
        list.push_back(i * 0.25 + 0.03125);
    }
    return list;
}

const std::vector<double> finite_extremes{0.0, -0.0, 1e-40, -1e-40, 20, -20, 50, -50, 100, -100, 1e4, -1e4};

class EveryActivation : public testing::TestWithParam<Activation> {
protected:
    /// f(z) and f′(z), in the type of z.
    template <class T>
    static T value(T z) {
        return visit(GetParam(), [z]<class F>(F) -> T {
            if constexpr (F::facts.elementwise) {
                return F::value(z);
            }
            return z;
        });
    }
    template <class T>
    static T derivative(T z, const ActivationSettings& settings = {}) {
        return visit(GetParam(), [&]<class F>(F) -> T {
            if constexpr (F::facts.elementwise) {
                return F::derivative(z, settings);
            }
            return z;
        });
    }
    /// f″(z).
    template <class T>
    static T second_derivative(T z, const ActivationSettings& settings = {}) {
        return visit(GetParam(), [&]<class F>(F) -> T {
            if constexpr (F::facts.elementwise) {
                return F::second_derivative(z, settings);
            }
            return z;
        });
    }
    static const ActivationFacts& about() { return facts(GetParam()); }

    /// How many ulp beyond `few` a result in T may be off at z. Formulas z·g(z) multiply what a subnormal g lost by z,
    /// and the argument of gelu_tanh's exponential rounds, which is as if z had been off by an ulp or two.
    template <class T>
    static double allowance(double few, long double z, long double exact, long double slope) {
        using TLimits = std::numeric_limits<T>;
        const long double denorm = TLimits::denorm_min();
        const long double unit = std::max(std::fabs(exact) * TLimits::epsilon() / 2, denorm);
        const long double subnormal = about().symmetry == Symmetry::ramp ? few * std::fabs(z) * denorm : 0;
        const long double moved =
            GetParam() == Activation::gelu_tanh ? 4 * std::fabs(z * slope) * TLimits::epsilon() : 0;
        return few + static_cast<double>((subnormal + moved) / unit);
    }
    template <class T>
    static void expect_as_wide(double z_double) {
        const T z = static_cast<T>(z_double);
        const auto wide = static_cast<long double>(z);
        const long double v = value(wide);
        const long double d = derivative(wide);
        EXPECT_LE(ulps<T>(value(z), v), allowance<T>(4, wide, v, d)) << "value at " << z;
        EXPECT_LE(ulps<T>(derivative(z), d), allowance<T>(4, wide, d, wide * d)) << "derivative at " << z;
        const long double s = second_derivative(wide);
        EXPECT_LE(ulps<T>(second_derivative(z), s), allowance<T>(6, wide, s, wide * s)) << "second derivative at " << z;
    }
};

TEST_P(EveryActivation, DerivativeIsTheComplexStepOfTheValue) {
    const double h = 1e-20;  // smaller ones would underflow times a derivative of size 1e-250
    for (const std::vector<double>& list : {everyday_arguments(), std::vector<double>{50, -30, 100}}) {
        for (const double z : list) {
            const double step = value(Complex(z, h)).imag() / h;
            // Near 0 some derivatives pass through 0, as a sum of terms of size 1/10 and more.
            const double terms = std::fabs(derivative(z)) + (std::fabs(z) < 3 ? 0.1 : 0.0);
            EXPECT_NEAR(derivative(z), step, 1e-12 * terms + 1e-290) << "at z = " << z;
        }
    }
}

TEST_P(EveryActivation, SecondDerivativeIsTheComplexStepOfTheDerivative) {
    const double h = 1e-20;
    for (const std::vector<double>& list : {everyday_arguments(), std::vector<double>{50, -30, 100}}) {
        for (const double z : list) {
            const double step = derivative(Complex(z, h)).imag() / h;
            const double terms = std::fabs(second_derivative(z)) + (std::fabs(z) < 3 ? 0.1 : 0.0);
            EXPECT_NEAR(second_derivative(z), step, 1e-12 * terms + 1e-290) << "at z = " << z;
        }
    }
}

TEST_P(EveryActivation, IsTheLiteralFormulaInLongDouble) {
    const auto found = literals().find(about().name);
    ASSERT_NE(found, literals().end()) << "write its formula into the table of this test";
    for (const double z : everyday_arguments()) {
        const long double v = found->second.value(z);
        const long double d = found->second.derivative(z);
        EXPECT_LE(std::fabs(value<long double>(z) - v), 1e-15L * std::fabs(v)) << "value at z = " << z;
        EXPECT_LE(std::fabs(derivative<long double>(z) - d), 1e-15L * (std::fabs(d) + (std::fabs(z) < 3 ? 0.1L : 0)))
            << "derivative at z = " << z;
        const long double s = found->second.second_derivative(z);
        EXPECT_LE(std::fabs(second_derivative<long double>(z) - s),
                  1e-15L * (std::fabs(s) + (std::fabs(z) < 3 ? 0.1L : 0)))
            << "second derivative at z = " << z;
    }
}

TEST_P(EveryActivation, IsRightToFourUlpInFloatAndDoubleAtExtremes) {
    for (const double z : finite_extremes) {
        expect_as_wide<float>(z);
        expect_as_wide<double>(z);
    }
}

TEST_P(EveryActivation, HasItsLimitsAtInfinity) {
    for (const double z : {Limits::infinity(), -Limits::infinity()}) {
        const double far = std::copysign(Limits::max(), z);
        const float far_in_float = std::copysign(std::numeric_limits<float>::max(), static_cast<float>(z));
        const double there = value(far);
        const double expected = std::fabs(there) < 50 ? there : std::copysign(Limits::infinity(), there);
        EXPECT_EQ(value(z), expected) << "value at " << z;
        EXPECT_EQ(value(static_cast<float>(z)), static_cast<float>(expected)) << "value at " << z;
        EXPECT_EQ(derivative(z), derivative(far)) << "derivative at " << z;
        EXPECT_EQ(derivative(static_cast<float>(z)), derivative(far_in_float)) << "derivative at " << z;
        EXPECT_EQ(second_derivative(z), second_derivative(far)) << "second derivative at " << z;
        EXPECT_EQ(second_derivative(static_cast<float>(z)), second_derivative(far_in_float))
            << "second derivative at " << z;
    }
}

TEST_P(EveryActivation, PassesOnNan) {
    EXPECT_TRUE(std::isnan(value(std::numeric_limits<float>::quiet_NaN())));
    EXPECT_TRUE(std::isnan(value(Limits::quiet_NaN())));
    EXPECT_TRUE(std::isnan(value(std::numeric_limits<long double>::quiet_NaN())));
}

TEST_P(EveryActivation, ObeysItsSymmetry) {
    for (const double z : everyday_arguments()) {
        const double f = value(z);
        const double mirrored = value(-z);
        const double few = 8 * Limits::epsilon();
        switch (about().symmetry) {
            case Symmetry::none:
                break;
            case Symmetry::odd:
                EXPECT_EQ(mirrored, -f) << z;
                break;
            case Symmetry::complement:
                EXPECT_NEAR(mirrored + f, 1, few) << z;
                break;
            case Symmetry::ramp:
                EXPECT_NEAR(f - mirrored, z, few * (std::fabs(f) + std::fabs(mirrored))) << z;
                break;
            case Symmetry::reciprocal:
                EXPECT_NEAR(f * mirrored, 1, few) << z;
                break;
        }
    }
}

TEST_P(EveryActivation, FillsItsDeclaredRange) {
    double lowest = std::min(value(Limits::max()), value(-Limits::max()));  // some come near their ends slowly
    double highest = std::max(value(Limits::max()), value(-Limits::max()));
    for (double z = -60; z <= 60; z += 0x1p-10) {
        lowest = std::min(lowest, value(z));
        highest = std::max(highest, value(z));
    }
    EXPECT_GE(lowest, about().lowest);
    EXPECT_LE(highest, about().highest);
    EXPECT_TRUE(std::isinf(about().lowest) ? lowest < -0.5 : lowest < about().lowest + 1e-6) << lowest;
    EXPECT_TRUE(std::isinf(about().highest) ? highest > 50 : highest > about().highest - 1e-6) << highest;
}

TEST_P(EveryActivation, HasAKinkAtZeroExactlyWhereDeclared) {
    const double tiny = 1e-12;
    const bool jumps = std::fabs(derivative(tiny) - derivative(-tiny)) > 1e-6;
    EXPECT_EQ(jumps, about().kink);
    EXPECT_EQ(derivative(0.0), derivative(-0.0));
    const double right = derivative(0.0, {.kink = Kink::right_limit});
    const double nearest = derivative(0.0, {.kink = Kink::nearest_zero});
    EXPECT_NEAR(right, derivative(tiny), 1e-6);
    EXPECT_NEAR(nearest, about().kink ? derivative(-tiny) : right, 1e-6);
}

TEST_P(EveryActivation, SecondDerivativeAtAJumpIsTheRightLimitWhichIsNearestToZero) {
    const double right = second_derivative(1e-12);
    const double left = second_derivative(-1e-12);
    const bool jumps = about().kink || std::fabs(right - left) > 1e-6;
    for (const Kink kink : {Kink::right_limit, Kink::nearest_zero}) {
        for (const double zero : {0.0, -0.0}) {
            EXPECT_NEAR(second_derivative(zero, {.kink = kink}), right, 1e-6);
        }
    }
    if (jumps) {
        EXPECT_EQ(second_derivative(0.0), 0.0);
        EXPECT_LE(std::fabs(right), std::fabs(left));
    }
}

// What monotone networks rest on: a computed slope is never below 0 either.
TEST_P(EveryActivation, NeverFallsExactlyWhereDeclared) {
    bool falls = false;
    for (double z = -40.0; z <= 40.0; z += 0x1p-7) {
        visit(GetParam(), [&]<class F>(F) {
            if constexpr (F::facts.elementwise) {
                falls = falls || F::derivative(z) < 0.0 || F::derivative(static_cast<float>(z)) < 0.0F;
            }
        });
    }
    EXPECT_EQ(falls, !non_decreasing(GetParam()));
    EXPECT_FALSE(non_decreasing(Activation::leaky_relu, {.leaky_slope = -0.5}));
    EXPECT_FALSE(non_decreasing(Activation::softmax));
}

TEST_P(EveryActivation, IsPiecewiseLinearAndExactWhereDeclared) {
    bool constant_slopes = true;
    bool no_bend = true;
    bool never_rounds = true;
    for (const double z : everyday_arguments()) {
        const float single = static_cast<float>(z);
        constant_slopes = constant_slopes && derivative(z) == derivative(std::copysign(1.0, z));
        no_bend = no_bend && second_derivative(z) == 0;
        never_rounds =
            never_rounds && static_cast<long double>(value(single)) == value(static_cast<long double>(single));
    }
    EXPECT_EQ(constant_slopes, about().piecewise_linear);
    EXPECT_EQ(no_bend, about().piecewise_linear);
    EXPECT_EQ(never_rounds, about().exact);
}

TEST_P(EveryActivation, IsFoundByItsNameAndDescribed) {
    EXPECT_EQ(find_activation(name(GetParam())), GetParam());
    EXPECT_FALSE(about().formula.empty());
    EXPECT_FALSE(about().derivative.empty());
    EXPECT_FALSE(about().second_derivative.empty());
}

std::vector<Activation> elementwise() {
    std::vector<Activation> list;
    std::copy_if(all_activations.begin(), all_activations.end(), std::back_inserter(list),
                 [](Activation a) { return facts(a).elementwise; });
    return list;
}
INSTANTIATE_TEST_SUITE_P(All, EveryActivation, testing::ValuesIn(elementwise()),
                         [](const auto& each) { return std::string(name(each.param)); });

// --- What the derivation says of single ones ------------------------------------------------------------------------

TEST(Relu, Table1_ValueIsThePositivePart) {
    EXPECT_EQ(math::Relu::value(3.5), 3.5);
    EXPECT_EQ(math::Relu::value(-3.5), 0.0);
}
TEST(Relu, Eq5_Eq6_DerivativeIsTheIndicatorOfNonNegativeNumbers) {
    EXPECT_EQ(math::Relu::derivative(-1e-40), 0.0);
    EXPECT_EQ(math::Relu::derivative(1e-40), 1.0);
    EXPECT_EQ(math::Relu::derivative(-1e-40F), 0.0F) << "a subnormal number has a sign too";
}
TEST(Relu, Eq7_DerivativeAtZeroIsOneByDefault) {
    EXPECT_EQ(math::Relu::derivative(0.0), 1.0);
    EXPECT_EQ(math::Relu::derivative(-0.0), 1.0);
    EXPECT_EQ(math::Relu::derivative(0.0F), 1.0F);
}
TEST(Relu, Eq7_DerivativeAtZeroIsZeroByConvention) {
    EXPECT_EQ(math::Relu::derivative(0.0, {.kink = Kink::nearest_zero}), 0.0);
    EXPECT_EQ(math::Relu::derivative(1e-40, {.kink = Kink::nearest_zero}), 1.0);
}
TEST(LeakyRelu, SlopeIsTheOneOfTheSettings) {
    EXPECT_EQ(math::LeakyRelu::value(-2.0, {.leaky_slope = 0.25}), -0.5);
    EXPECT_EQ(math::LeakyRelu::derivative(-2.0, {.leaky_slope = 0.25}), 0.25);
}
TEST(Identity, Eq8_Eq9_DerivativeIsOneEverywhere) {
    EXPECT_EQ(math::Identity::derivative(-7.0), 1.0);
    EXPECT_EQ(math::Identity::derivative(0.0F), 1.0F);
}
TEST(Sigmoid, Table3_ValueIsOneOverOnePlusExpOfMinusZ) {
    for (const double z : everyday_arguments()) {
        EXPECT_LE(ulps(math::Sigmoid::value(z), 1 / (1 + std::exp(-static_cast<long double>(z)))), 2.5) << z;
    }
}
TEST(Sigmoid, Eq12_Eq13_Eq14_Eq15_DerivativeIsTheLiteralQuotient) {
    for (const double z : everyday_arguments()) {
        const long double t = std::exp(-static_cast<long double>(z));
        EXPECT_LE(ulps(math::Sigmoid::derivative(z), t / ((1 + t) * (1 + t))), 4) << z;
    }
}
TEST(Sigmoid, Eq15_DerivativeKeepsItsDigitsWhereTheLiteralFormIsNan) {
    EXPECT_GT(math::Sigmoid::derivative(-89.0F), 0.0F);
    EXPECT_GT(math::Sigmoid::derivative(-711.0), 0.0);
    EXPECT_EQ(math::Sigmoid::derivative(-711.0), math::Sigmoid::derivative(711.0));
}

TEST(Gelu, KeepsItsDigitsFarBelowZeroWhereRoundingItsArgumentsWouldCostHundredsOfUlp) {
    for (double z = -0.9; z > -37; z -= 0.37) {
        const auto check = [](auto argument) {
            using T = decltype(argument);
            const long double wide = argument;
            const long double value = math::Gelu::value(wide);
            if (std::fabs(value) > static_cast<long double>(std::numeric_limits<T>::min())) {
                EXPECT_LE(ulps(math::Gelu::value(argument), value), 4) << argument;
                EXPECT_LE(ulps(math::Gelu::derivative(argument), math::Gelu::derivative(wide)), 8) << argument;
            }
        };
        check(z);
        check(static_cast<float>(z));
    }
}

TEST(ListOfActivations, KeepsTheNamesThatStandInModelFiles) {
    for (const char* wanted : {"identity", "relu", "leaky_relu", "elu", "sigmoid", "tanh", "softplus", "silu", "gelu",
                               "gelu_tanh", "exp", "softmax"}) {
        EXPECT_TRUE(find_activation(wanted)) << wanted;
    }
    EXPECT_FALSE(find_activation("Sigmoid"));
    EXPECT_FALSE(find_activation(""));
}

}  // namespace
}  // namespace handgrad
