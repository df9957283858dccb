// The rules of step 5 on single parameters, by numbers that every precision holds exactly.
#include "handgrad/math/updates.hpp"

#include <gtest/gtest.h>

namespace handgrad::math {
namespace {

/// A parameter, its gradient and what is remembered of it.
template <class T>
struct Parameter {
    T g, w, m, v;
};

template <class Rule, class T>
Parameter<T> moved(const UpdateConstants<T>& constants, Parameter<T> p) {
    Rule::apply(constants, p.g, p.w, p.m, p.v);
    return p;
}

template <class T>
class Updates : public testing::Test {};
using Numbers = testing::Types<float, double, long double>;
TYPED_TEST_SUITE(Updates, Numbers);

TYPED_TEST(Updates, Eq4_AStepGoesDownhillByTheLearningRateTimesTheGradient) {
    using T = TypeParam;
    const auto after = moved<SgdUpdate, T>({.rate = T(0.25)}, {T(0.5), T(3), T(0), T(0)});
    EXPECT_EQ(after.w, T(3) - T(0.25) * T(0.5));
}

TYPED_TEST(Updates, Step5_MomentumIsAVelocityOrASumOfGradients) {
    using T = TypeParam;
    const UpdateConstants<T> c{.rate = T(0.25), .mu = T(0.5)};
    const Parameter<T> p{T(2), T(8), T(4), T(0)};
    const auto velocity = moved<VelocityUpdate<false>>(c, p);  // m = 0.5·4 − 0.25·2
    EXPECT_EQ(velocity.m, T(1.5));
    EXPECT_EQ(velocity.w, T(8) + T(1.5));
    const auto ahead = moved<VelocityUpdate<true>>(c, p);  // 0.5·1.5 − 0.25·2
    EXPECT_EQ(ahead.m, T(1.5));
    EXPECT_EQ(ahead.w, T(8) + T(0.25));
    const auto sum = moved<GradientSumUpdate<false>>(c, p);  // m = 0.5·4 + 2
    EXPECT_EQ(sum.m, T(4));
    EXPECT_EQ(sum.w, T(8) - T(0.25) * T(4));
    const auto sum_ahead = moved<GradientSumUpdate<true>>(c, p);  // g + μm = 2 + 0.5·4
    EXPECT_EQ(sum_ahead.m, T(4));
    EXPECT_EQ(sum_ahead.w, T(8) - T(0.25) * T(4));
}

TYPED_TEST(Updates, Step5_AdamDividesTheMeanByTheRootOfTheMeanSquareAfterTheDecay) {
    using T = TypeParam;
    const UpdateConstants<T> c{.beta1 = T(0.5),
                               .rest1 = T(0.5),
                               .beta2 = T(0.75),
                               .rest2 = T(0.25),
                               .step = T(0.5),
                               .inverse_root = T(2),
                               .epsilon = T(0.25),
                               .decay = T(0.125)};
    const auto after = moved<AdamUpdate, T>(c, {T(2), T(8), T(3), T(4)});
    EXPECT_EQ(after.m, T(2.5));  // ½·3 + ½·2
    EXPECT_EQ(after.v, T(4));    // ¾·4 + ¼·2²
    EXPECT_EQ(after.w, (T(8) - T(0.125) * T(8)) - T(0.5) * T(2.5) / (T(2) * T(2) + T(0.25)));
}

}  // namespace
}  // namespace handgrad::math
