// Every loss of the list gets the generated tests below by itself; then what the derivation says of single ones.
#include "handgrad/math/losses.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <string>
#include <vector>

#include "tests/math/ulp.hpp"

namespace handgrad {
namespace {

using math::Complex;
using math::test::ulps;

/// The formula as the books write it, in long double, independent of the structs. (huber δ = 1, quantile q = ½.)
struct Literal {
    long double (*value)(long double yhat, long double y);
    long double (*derivative)(long double yhat, long double y);
};

const std::map<std::string_view, Literal>& literals() {
    using L = long double;
    static const std::map<std::string_view, Literal> table{
        {"squared_error", {[](L p, L y) { return (p - y) * (p - y); }, [](L p, L y) { return 2 * (p - y); }}},
        {"binary_cross_entropy",
         {[](L p, L y) { return -(y * std::log(p) + (1 - y) * std::log1p(-p)); },
          [](L p, L y) { return -(y / p - (1 - y) / (1 - p)); }}},
        {"cross_entropy", {[](L p, L y) { return -y * std::log(p); }, [](L p, L y) { return -y / p; }}},
        {"absolute_error", {[](L p, L y) { return std::fabs(p - y); }, [](L p, L y) { return p < y ? -1.0L : 1.0L; }}},
        {"huber",
         {[](L p, L y) { return std::fabs(p - y) <= 1 ? (p - y) * (p - y) / 2 : std::fabs(p - y) - 0.5L; },
          [](L p, L y) { return p - y < -1  ? -1
                                : p - y > 1 ? 1
                                            : p - y; }}},
        {"quantile", {[](L p, L y) { return std::fabs(p - y) / 2; }, [](L p, L y) { return p < y ? -0.5L : 0.5L; }}},
        {"poisson", {[](L p, L y) { return p - y * std::log(p); }, [](L p, L y) { return 1 - y / p; }}},
    };
    return table;
}

class EveryLoss : public testing::TestWithParam<Loss> {
protected:
    template <class T>
    static T value(T yhat, T y, const LossParameters& parameters = {}) {
        return visit(GetParam(), [&]<class L>(L) {
            if constexpr (L::facts.residual) {
                return L::value(yhat - y, parameters);
            } else {
                return L::value(yhat, y, parameters);
            }
        });
    }
    template <class T>
    static T derivative(T yhat, T y, const LossParameters& parameters = {}) {
        return visit(GetParam(), [&]<class L>(L) {
            if constexpr (L::facts.residual) {
                return L::derivative(yhat - y, parameters);
            } else {
                return L::derivative(yhat, y, parameters);
            }
        });
    }
    static const LossFacts& about() { return facts(GetParam()); }

    /// Pairs (ŷ, y) with ŷ inside the loss's domain and y in or on its border, never equal.
    static std::vector<std::pair<double, double>> pairs() {
        std::vector<std::pair<double, double>> list;
        for (const double y : {-30.0, -1.5, 0.0, 0.25, 0.5, 1.0, 3.0, 40.0}) {
            for (const double yhat : {-50.5, -2.0, -0.7, 1e-6, 0.1, 0.45, 0.9, 0.999, 1.75, 20.0, 100.0}) {
                if (about().lowest_target <= y && y <= about().highest_target && about().lowest_output < yhat &&
                    yhat < about().highest_output) {
                    list.emplace_back(yhat, y);
                }
            }
        }
        return list;
    }
    /// The terms of which the losses of ŷ and y are sums: an upper bound of their sizes.
    static double value_terms(double yhat, double y) {
        return about().residual ? std::fabs(value(yhat, y)) : std::fabs(value(yhat, y)) + 2 * std::fabs(yhat);
    }
    static double derivative_terms(double yhat, double y) {
        return std::fabs(derivative(yhat, y)) + (about().residual ? 0 : 1 + std::fabs(y / yhat));
    }
};

TEST_P(EveryLoss, DerivativeIsTheComplexStepOfTheValue) {
    const double h = 1e-50;
    ASSERT_FALSE(pairs().empty());
    for (const LossParameters& parameters : {LossParameters{}, LossParameters{.huber_delta = 2.5, .quantile = 0.9}}) {
        for (const auto& [yhat, y] : pairs()) {
            const double step = value(Complex(yhat, h), Complex(y), parameters).imag() / h;
            EXPECT_NEAR(derivative(yhat, y, parameters), step, 1e-14 * derivative_terms(yhat, y))
                << "yhat = " << yhat << ", y = " << y;
        }
    }
}

TEST_P(EveryLoss, IsTheLiteralFormulaInLongDouble) {
    const auto found = literals().find(about().name);
    ASSERT_NE(found, literals().end()) << "write its formula into the table of this test";
    for (const auto& [yhat, y] : pairs()) {
        const long double p = yhat;
        const long double t = y;
        EXPECT_LE(std::fabs(value(p, t) - found->second.value(p, t)), 1e-16L * value_terms(yhat, y))
            << "value at yhat = " << yhat << ", y = " << y;
        EXPECT_LE(std::fabs(derivative(p, t) - found->second.derivative(p, t)), 1e-16L * derivative_terms(yhat, y))
            << "derivative at yhat = " << yhat << ", y = " << y;
    }
}

TEST_P(EveryLoss, IsRightInFloatAndDoubleToAFewUlpOfItsTerms) {
    const auto check = [](auto p, auto y) {
        using T = decltype(p);
        const auto wide = [](T x) { return static_cast<long double>(x); };
        const double few = 2 * static_cast<double>(std::numeric_limits<T>::epsilon());
        EXPECT_LE(std::fabs(value(p, y) - value(wide(p), wide(y))), few * value_terms(p, y))
            << "value at yhat = " << p << ", y = " << y;
        EXPECT_LE(std::fabs(derivative(p, y) - derivative(wide(p), wide(y))), few * derivative_terms(p, y))
            << "derivative at yhat = " << p << ", y = " << y;
    };
    for (const auto& [yhat, y] : pairs()) {
        check(static_cast<float>(yhat), static_cast<float>(y));
        check(yhat, y);
    }
}

TEST_P(EveryLoss, OfAResidualIsZeroAtZeroAndGrowsAwayFromIt) {
    if (!about().residual) {
        return;  // nothing to say
    }
    EXPECT_EQ(value(3.0, 3.0), 0.0);
    for (const double d : {1e-30, 0.5, 1.0, 2.0, 1e4}) {
        EXPECT_GT(value(d, 0.0), 0.0);
        EXPECT_GT(value(-d, 0.0), 0.0);
        EXPECT_GT(derivative(d, 0.0), 0.0);
        EXPECT_LT(derivative(-d, 0.0), 0.0);
    }
}

TEST_P(EveryLoss, HasAKinkExactlyWhereDeclared) {
    if (!about().residual) {
        EXPECT_FALSE(about().kink);
        return;
    }
    const double tiny = 1e-12;
    EXPECT_EQ(std::fabs(derivative(tiny, 0.0) - derivative(-tiny, 0.0)) > 1e-6, about().kink);
    EXPECT_NEAR(derivative(0.0, 0.0, {.kink = Kink::right_limit}), derivative(tiny, 0.0), 1e-11);
    EXPECT_NEAR(derivative(0.0, 0.0, {.kink = Kink::nearest_zero}), 0.0, 1e-11);
}

TEST_P(EveryLoss, IsFoundByItsNameAndDescribed) {
    EXPECT_EQ(find_loss(name(GetParam())), GetParam());
    EXPECT_FALSE(about().formula.empty());
    EXPECT_FALSE(about().derivative.empty());
}

INSTANTIATE_TEST_SUITE_P(All, EveryLoss, testing::ValuesIn(all_losses),
                         [](const auto& each) { return std::string(name(each.param)); });

// --- What the derivation says of single ones, and their parameters --------------------------------------------------

TEST(SquaredError, Eq3_ShareOfAnOutputIsItsSquaredResidual) { EXPECT_EQ(math::SquaredError::value(-3.0), 9.0); }
TEST(SquaredError, Eq10_Eq11_Eq16_Eq17_DerivativeIsTwiceTheResidual) {
    EXPECT_EQ(math::SquaredError::derivative(-3.0), -6.0);
    EXPECT_EQ(math::SquaredError::derivative(0.5F), 1.0F);
}
TEST(BinaryCrossEntropy, Table5_ShareOfAnOutputIsMinusTheLogarithmOfWhatWasTrue) {
    EXPECT_LE(ulps(math::BinaryCrossEntropy::value(0.2, 1.0), -std::log(static_cast<long double>(0.2))), 1);
    EXPECT_LE(ulps(math::BinaryCrossEntropy::value(0.2, 0.0), -std::log1p(-static_cast<long double>(0.2))), 1);
}
TEST(BinaryCrossEntropy, Table5_IsFiniteAtTheEndsWhereTheTargetAgrees) {
    EXPECT_EQ(math::BinaryCrossEntropy::value(0.0, 0.0), 0.0);
    EXPECT_EQ(math::BinaryCrossEntropy::value(1.0, 1.0), 0.0);
    EXPECT_EQ(math::BinaryCrossEntropy::value(0.0, 1.0), math::infinity) << "nothing is clipped";
}
TEST(BinaryCrossEntropy, Eq18_Eq19_DerivativeIsTheLiteralQuotient) {
    EXPECT_DOUBLE_EQ(math::BinaryCrossEntropy::derivative(0.2, 1.0), -1 / 0.2);
    EXPECT_DOUBLE_EQ(math::BinaryCrossEntropy::derivative(0.2, 0.0), 1 / 0.8);
    EXPECT_DOUBLE_EQ(math::BinaryCrossEntropy::derivative(0.2, 0.3), -(0.3 / 0.2 - 0.7 / 0.8));
}
TEST(CrossEntropy, AsksNothingOfOutputsWhoseTargetIsZero) {
    EXPECT_EQ(math::CrossEntropy::value(0.0, 0.0), 0.0);
    EXPECT_EQ(math::CrossEntropy::derivative(0.0, 0.0), 0.0);
}
TEST(Huber, TurnsFromAParabolaIntoALineAtDeltaWithoutAStep) {
    const LossParameters parameters{.huber_delta = 2};
    EXPECT_EQ(math::Huber::value(2.0, parameters), 2.0);
    EXPECT_EQ(math::Huber::value(3.0, parameters), 4.0);
    EXPECT_EQ(math::Huber::value(-3.0, parameters), 4.0);
    EXPECT_EQ(math::Huber::derivative(-3.0, parameters), -2.0);
}
TEST(Quantile, WeighsOvershootByOneMinusQAndUndershootByQ) {
    const LossParameters parameters{.quantile = 0.75};
    EXPECT_EQ(math::Quantile::value(2.0, parameters), 0.5);
    EXPECT_EQ(math::Quantile::value(-2.0, parameters), 1.5);
    EXPECT_EQ(math::Quantile::derivative(0.0, parameters), 0.25);
    EXPECT_EQ(math::Quantile::derivative(0.0, {.quantile = 0.75, .kink = Kink::nearest_zero}), 0.0);
}

TEST(ReductionFactor, Eq3_SquaredErrorIsASumOverOutputsByDefault) {
    EXPECT_EQ(reduction_factor(Loss::squared_error, 5, Conventions{}), 1.0);
}
TEST(ReductionFactor, Table5_Eq18_BinaryCrossEntropyIsAMeanOverOutputsByDefault) {
    EXPECT_EQ(reduction_factor(Loss::binary_cross_entropy, 5, Conventions{}), 0.2);
}
TEST(ReductionFactor, FollowsThePresetsOfOtherLibraries) {
    const Conventions pytorch = *find_conventions("pytorch");
    const Conventions sklearn = *find_conventions("sklearn");
    EXPECT_EQ(reduction_factor(Loss::squared_error, 4, pytorch), 0.25);
    EXPECT_EQ(reduction_factor(Loss::squared_error, 4, sklearn), 0.5);
    EXPECT_EQ(reduction_factor(Loss::binary_cross_entropy, 4, pytorch), 0.25);
    EXPECT_EQ(reduction_factor(Loss::binary_cross_entropy, 4, sklearn), 1.0);
    EXPECT_EQ(reduction_factor(Loss::huber, 4, pytorch), 0.25);
    for (const Conventions& preset : convention_presets) {
        EXPECT_EQ(reduction_factor(Loss::cross_entropy, 4, preset), 1.0) << preset.name;
    }
}

TEST(ListOfLosses, KeepsTheNamesThatStandInModelFiles) {
    for (const char* wanted :
         {"squared_error", "binary_cross_entropy", "cross_entropy", "absolute_error", "huber", "quantile", "poisson"}) {
        EXPECT_TRUE(find_loss(wanted)) << wanted;
    }
    EXPECT_FALSE(find_loss("mse"));
}

}  // namespace
}  // namespace handgrad
