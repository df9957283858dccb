// The number that writes C: what it recorded, run step by step, has the bits of the formula itself; and what becomes
// text.
#include "handgrad/export/written_number.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <string>
#include <type_traits>
#include <vector>

#include "handgrad/math/activations.hpp"

namespace handgrad::exports {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

/// A step as the operations of S do it; a call by the function that math/ has for it.
template <class S>
S computed(const Step& step, const std::vector<S>& a) {
    switch (step.operation) {
        case Operation::negate:
            return -a[0];
        case Operation::add:
            return a[0] + a[1];
        case Operation::subtract:
            return a[0] - a[1];
        case Operation::multiply:
            return a[0] * a[1];
        case Operation::divide:
            return a[0] / a[1];
        case Operation::fma:
            return std::fma(a[0], a[1], a[2]);
        case Operation::sqrt:
            return std::sqrt(a[0]);
        case Operation::abs:
            return std::fabs(a[0]);
        case Operation::min:
            return math::min(a[0], a[1]);
        case Operation::max:
            return math::max(a[0], a[1]);
        case Operation::less:
            return a[0] < a[1] ? S(1) : S(0);
        case Operation::less_equal:
            return a[0] <= a[1] ? S(1) : S(0);
        case Operation::equal:
            return a[0] == a[1] ? S(1) : S(0);
        case Operation::select:
            return a[0] != S(0) ? a[1] : a[2];
        case Operation::round:
            return std::nearbyint(a[0]);
        case Operation::exponent:
            return math::exponent(a[0]);
        case Operation::scale:
            return math::scale(a[0], a[1]);
        case Operation::call:
            break;
        default:
            ADD_FAILURE() << "no operation";
            return S(0);
    }
    if (step.name == "exp") {
        return math::exp(a[0]);
    }
    if (step.name == "expm1") {
        return math::expm1(a[0]);
    }
    if (step.name == "log1p") {
        return math::log1p(a[0]);
    }
    if (step.name == "tanh") {
        return math::tanh(a[0]);
    }
    if (step.name == "tanh_slope") {
        return math::tanh_slope(a[0]);
    }
    if (step.name == "erfc_of_sum") {
        return math::erfc_of_sum(a[0], a[1]);
    }
    ADD_FAILURE() << "no function " << step.name;
    return S(0);
}

/// The first result of a recording with x for its argument.
template <class S>
S run(const Recording& recording, S x) {
    std::vector<S> values;
    for (const Step& step : recording.steps()) {
        if (step.operation == Operation::argument) {
            values.push_back(x);
        } else if (step.operation == Operation::constant) {
            values.push_back(static_cast<S>(step.value));
        } else {
            std::vector<S> operands;
            for (const std::size_t operand : step.operands) {
                operands.push_back(values[operand]);
            }
            values.push_back(computed(step, operands));
        }
    }
    return values[recording.results().front().second];
}

/// Whole and random numbers, the ends of the range, and what is no number.
template <class S>
std::vector<S> numbers() {
    using Limits = std::numeric_limits<S>;
    std::vector<S> xs{S(0),
                      -S(0),
                      S(1),
                      S(-1),
                      S(0.5),
                      S(20),
                      S(-20),
                      S(100),
                      S(-100),
                      S(1e4),
                      S(-1e4),
                      Limits::min(),
                      Limits::denorm_min(),
                      Limits::max(),
                      -Limits::max(),
                      Limits::infinity(),
                      -Limits::infinity(),
                      Limits::quiet_NaN()};
    std::mt19937_64 random(1);
    std::normal_distribution<double> near(0, 3);
    for (int i = 0; i < 300; ++i) {
        xs.push_back(static_cast<S>(near(random)));
        using Integer = std::conditional_t<sizeof(S) == 4, std::uint32_t, std::uint64_t>;
        xs.push_back(std::bit_cast<S>(static_cast<Integer>(random())));
    }
    return xs;
}

template <class S>
::testing::AssertionResult same(S a, S b) {
    if ((a == b && std::signbit(a) == std::signbit(b)) || (std::isnan(a) && std::isnan(b))) {
        return ::testing::AssertionSuccess();
    }
    return ::testing::AssertionFailure() << a << " and " << b;
}

template <class S, class Formula>
void expect_the_bits_of(const std::string& name, const Formula& formula) {
    FunctionSet functions("m_", sizeof(S) == sizeof(double));
    Recording recording(functions);
    formula(Written<S>::argument(recording, "x")).into(recording, "return");
    for (const S x : numbers<S>()) {
        EXPECT_TRUE(same(run<S>(recording, x), formula(x))) << name << " at " << x;
    }
}

template <class S>
void expect_the_bits_of_all() {
    for (const Activation activation : all_activations) {
        visit(activation, [&]<class F>(F) {
            if constexpr (F::facts.elementwise) {
                for (const Kink kink : {Kink::right_limit, Kink::nearest_zero}) {
                    const ActivationSettings settings{.leaky_slope = 0.3, .kink = kink};
                    const std::string name(F::facts.name);
                    expect_the_bits_of<S>(name, [&](auto z) { return F::value(z, settings); });
                    expect_the_bits_of<S>(name + "'", [&](auto z) { return F::derivative(z, settings); });
                    expect_the_bits_of<S>(name + "''", [&](auto z) { return F::second_derivative(z, settings); });
                }
            }
        });
    }
    expect_the_bits_of<S>("exp", []<class T>(T x) { return math::exp<T>(x); });
    expect_the_bits_of<S>("expm1", []<class T>(T x) { return math::expm1<T>(x); });
    expect_the_bits_of<S>("log", []<class T>(T x) { return math::log<T>(x); });
    expect_the_bits_of<S>("log1p", []<class T>(T x) { return math::log1p<T>(x); });
    expect_the_bits_of<S>("tanh", []<class T>(T x) { return math::tanh<T>(x); });
    expect_the_bits_of<S>("tanh_slope", []<class T>(T x) { return math::tanh_slope<T>(x); });
    expect_the_bits_of<S>("erfc", []<class T>(T x) { return math::erfc<T>(x); });
}

TEST(WrittenNumber, RunStepByStepHasTheBitsOfEveryFormulaInFloat) { expect_the_bits_of_all<float>(); }
TEST(WrittenNumber, RunStepByStepHasTheBitsOfEveryFormulaInDouble) { expect_the_bits_of_all<double>(); }

std::string text_of(const std::function<Written<float>(Written<float>, Written<float>)>& formula) {
    FunctionSet functions("m_", false);
    Recording recording(functions);
    const auto a = Written<float>::argument(recording, "a"), b = Written<float>::argument(recording, "b");
    formula(a, b).into(recording, "return");
    return functions.statements(recording, "");
}

TEST(WrittenNumber, AProductThatIsAddedLeavesNothingToContract) {
    EXPECT_THAT(text_of([](auto a, auto b) { return a * b + a; }), HasSubstr("m_mul(a, b)"));
    EXPECT_THAT(text_of([](auto a, auto b) { return a - a * b; }), HasSubstr("m_mul(a, b)"));
    EXPECT_THAT(text_of([](auto a, auto b) { return -(a * b) + a; }), HasSubstr("m_mul(a, b)"));
    EXPECT_THAT(text_of([](auto a, auto b) { return select(less(a, b), a * b, a) + b; }), HasSubstr("m_mul(a, b)"));
    EXPECT_THAT(text_of([](auto a, auto b) { return a * b; }), HasSubstr("m_mul(a, b)"));  // who inlines it may add
    EXPECT_THAT(text_of([](auto a, auto b) { return fma(a, b, a * b); }), HasSubstr("m_mul(a, b)"));
    EXPECT_THAT(text_of([](auto a, auto b) { return fma(a * b, b, a); }), Not(HasSubstr("m_mul")));
    EXPECT_THAT(text_of([](auto a, auto b) { return (a * b) / b; }), Not(HasSubstr("m_mul")));
}

TEST(WrittenNumber, WritesEachStepOnceAndNoneThatNobodyNeeds) {
    const std::string text = text_of([](auto a, auto b) {
        static_cast<void>(a / b);
        return (a + b) - sqrt(a + b);
    });
    EXPECT_EQ(text, "const float t3 = a + b;\nconst float t4 = sqrtf(t3);\nconst float t5 = t3 - t4;\nreturn t5;\n");
}

TEST(WrittenNumber, ComputesConstantsAtOnce) {
    using W = Written<float>;
    EXPECT_EQ(text_of([](W, W) { return W(2) * W(3) + exp(W(0)); }), "return 7.0f;\n");
    EXPECT_EQ(text_of([](W a, W b) { return select(less(W(1), W(2)), a, b); }), "return a;\n");
    EXPECT_EQ(text_of([](W, W) { return -W(0); }), "return -0.0f;\n");
}

TEST(WrittenNumber, SpellsEveryNumberExactly) {
    const FunctionSet single("m_", false), wide("m_", true);
    EXPECT_EQ(single.literal(0.1F), "0x1.99999ap-4f");
    EXPECT_EQ(wide.literal(0.1), "0x1.999999999999ap-4");
    EXPECT_EQ(wide.literal(-1e300), "-0x1.7e43c8800759cp996");
    EXPECT_EQ(single.literal(std::numeric_limits<float>::denorm_min()), "0x1p-149f");
    EXPECT_EQ(single.literal(-104), "-104.0f");
    EXPECT_EQ(wide.literal(-std::numeric_limits<double>::infinity()), "-(double)INFINITY");
    EXPECT_EQ(single.literal(std::numeric_limits<double>::quiet_NaN()), "NAN");
    for (const float x : numbers<float>()) {
        if (std::isfinite(x)) {
            EXPECT_TRUE(same(std::strtof(single.literal(x).c_str(), nullptr), x)) << single.literal(x);
        }
    }
}

TEST(WrittenNumber, AFunctionStandsBehindWhatItCalls) {
    FunctionSet functions("m_", false);
    Recording recording(functions);
    exp_of_difference(Written<float>::argument(recording, "a"), Written<float>(1)).into(recording, "return");
    functions.statements(recording, "");
    const std::string text = functions.take_definitions();
    const std::size_t scale = text.find("static inline float m_scale("), exp = text.find("static inline float m_exp("),
                      difference = text.find("static inline float m_exp_of_difference(");
    EXPECT_LT(scale, exp);
    EXPECT_LT(exp, difference);
    EXPECT_NE(difference, std::string::npos);
    EXPECT_EQ(functions.take_definitions(), "");
}

}  // namespace
}  // namespace handgrad::exports
