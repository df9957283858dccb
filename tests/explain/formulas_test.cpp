// The text of every formula against the function in math/ that it describes, by calculating what the text says.
#include "handgrad/explain/formulas.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <string>
#include <string_view>
#include <vector>

#include "handgrad/explain/literal_limits.hpp"
#include "handgrad/math/output_loss.hpp"
#include "tests/support/formula_value.hpp"

namespace handgrad::explain {
namespace {

using formula::Letters;
using formula::Real;

/// Both sides take fewer than 2⁶ operations in long double, each right to 2⁻⁶³, and at |z| ≤ 4 no cancellation loses
/// more than a factor e⁸ < 2¹²: they agree within 2⁶⁺¹²⁻⁶³. A slip in a text is larger by far.
Real tolerance(Real value) { return 0x1p-45L * (1 + std::fabs(value)); }

constexpr std::array points{-4.0L, -2.5L, -1.0L, -0.25L, 0.25L, 0.5L, 1.5L, 4.0L};
constexpr double slope = 0.125;

std::vector<ActivationSettings> all_settings() {
    return {{.leaky_slope = slope, .kink = Kink::right_limit}, {.leaky_slope = slope, .kink = Kink::nearest_zero}};
}

/// The text at z; both forms of it where there are two.
void expect_says(const Written& written, Real z, Real expected, std::string_view activation, std::string_view what) {
    const Letters letters{.numbers = {{"z", z}, {"a", slope}}};
    for (const document::Formula& form : {written.literal, written.computed}) {
        if (!form.empty()) {
            const Real value = formula::value(document::with_argument(form, "z"), letters,
                                              document::with_argument(written.where, "z"));
            EXPECT_NEAR(static_cast<double>(value - expected), 0.0, static_cast<double>(tolerance(expected)))
                << activation << ' ' << what << " at " << static_cast<double>(z) << ": " << form;
        }
    }
}

TEST(ActivationFormulas, TextOfValueAndDerivativeIsWhatIsComputed) {
    std::size_t checked = 0;
    for (const ActivationSettings& settings : all_settings()) {
        for (const Activation activation : all_activations) {
            if (activation == Activation::softmax) {
                continue;
            }
            const ActivationFormulas texts = formulas(activation, settings);
            visit(activation, [&]<class F>(F) {
                if constexpr (F::facts.elementwise) {
                    for (const Real z : points) {
                        expect_says(texts.value, z, F::value(z, settings), F::facts.name, "value");
                        expect_says(texts.derivative, z, F::derivative(z, settings), F::facts.name, "derivative");
                        ++checked;
                    }
                }
            });
        }
    }
    EXPECT_EQ(checked, 2 * (all_activations.size() - 1) * points.size());
}

TEST(ActivationFormulas, Eq7_TextAtTheKinkFollowsTheConvention) {
    for (const ActivationSettings& settings : all_settings()) {
        for (const Activation activation : {Activation::relu, Activation::leaky_relu}) {
            visit(activation, [&]<class F>(F) {
                if constexpr (F::facts.elementwise) {
                    expect_says(formulas(activation, settings).derivative, 0.0L, F::derivative(0.0L, settings),
                                F::facts.name, "at the kink");
                }
            });
        }
    }
}

TEST(ActivationFormulas, WhereBothFormsAreGivenTheReasonIsGivenToo) {
    for (const Activation activation : all_activations) {
        const ActivationFormulas texts = formulas(activation, {});
        for (const Written& written : {texts.value, texts.derivative}) {
            EXPECT_EQ(written.computed.empty(), written.why.empty()) << name(activation);
        }
        EXPECT_NE(texts.applied.find("\\z"), document::Formula::npos) << name(activation);
        EXPECT_FALSE(texts.jacobian.empty()) << name(activation);
    }
}

template <class T>
T sigmoid_as_written(T z) {
    return 1 / (1 + std::exp(-z));
}
template <class T>
T slope_as_written(T z) {  // Eq. (12)
    const T e = std::exp(-z);
    return e / ((1 + e) * (1 + e));
}

/// By the functions of the standard library: `fails` at the number that is printed and well behind it, not just before
/// the limit.
template <class T, class Fails>
void expect_fails_from(double limit, Fails&& fails, const std::string& what) {
    const T printed = std::stof(outward(limit));
    EXPECT_TRUE(fails(printed)) << what << ' ' << printed;
    EXPECT_TRUE(fails(printed * T(1.02))) << what << ' ' << printed;
    EXPECT_FALSE(fails(static_cast<T>(limit * 0.9995))) << what << ' ' << limit;
}

template <class T>
void expect_limits(const LiteralLimits& limits) {
    expect_fails_from<T>(
        limits.exp_is_infinite, [](T z) { return std::isinf(std::exp(z)); }, "e^z = ∞");
    expect_fails_from<T>(
        limits.exp_is_zero, [](T z) { return std::exp(z) == 0; }, "e^z = 0");
    expect_fails_from<T>(
        limits.sigmoid_is_one, [](T z) { return 1 - sigmoid_as_written(z) == 0; }, "1 - sigmoid");
    expect_fails_from<T>(
        limits.sigmoid_is_one, [](T z) { return std::isinf(std::log(1 - sigmoid_as_written(z))); }, "log(1 - yhat)");
    expect_fails_from<T>(
        limits.slope_is_zero, [](T z) { return !(slope_as_written(z) > 0); }, "Eq. (12) is 0");
    expect_fails_from<T>(
        limits.slope_is_nan, [](T z) { return std::isnan(slope_as_written(z)); }, "Eq. (12) is NaN");
    expect_fails_from<T>(
        limits.softplus_is_zero, [](T z) { return std::log(1 + std::exp(z)) == 0; }, "softplus");
    expect_fails_from<T>(
        limits.tanh_is_one, [](T z) { return 1 - std::tanh(z) * std::tanh(z) == 0; }, "1 - tanh^2");
    expect_fails_from<T>(
        limits.distribution_is_zero, [](T z) { return 1 + std::erf(z / std::sqrt(T(2))) == 0; }, "1 + erf");
    // Here it is the numbers nearer to 0 that fail.
    const T tiny = static_cast<T>(limits.expm1_is_zero);
    EXPECT_EQ(std::exp(tiny / 2) - 1, 0);
    EXPECT_NE(std::exp(tiny * T(1.01)) - 1, 0);
    EXPECT_EQ(inward(limits.expm1_is_zero).substr(0, 5), limits.precision == "float32" ? "-2.98" : "-5.55");
    // (19) times (15) for y = 0, as they stand.
    const T z = static_cast<T>(limits.product_is_wrong);
    const T product = 1 / (1 - sigmoid_as_written(z)) * slope_as_written(z);
    EXPECT_NEAR(std::fabs(product - 1), limits.product_error, 0.02);
    EXPECT_GE(limits.product_error, 0.1);
    EXPECT_LT(limits.product_is_wrong, limits.sigmoid_is_one);
}

TEST(LiteralLimits, AreWhereTheLiteralFormsFailInEitherPrecision) {
    expect_limits<float>(literal_limits(false));
    expect_limits<double>(literal_limits(true));
}

TEST(LiteralLimits, EveryReasonSaysTheNumberOfThePrecisionShownAndNoOther) {
    std::size_t with_numbers = 0;
    for (const bool use_double : {false, true}) {
        const std::string other = use_double ? "float32" : "float64";
        std::vector<Written> all;
        for (const Activation activation : all_activations) {
            const ActivationFormulas texts = formulas(activation, {}, use_double);
            all.insert(all.end(), {texts.value, texts.derivative});
            for (const Loss loss : all_losses) {
                const OutputFormulas output = output_formulas(loss, activation, {}, use_double);
                all.insert(all.end(), {output.delta, output.loss});
            }
        }
        for (const Written& written : all) {
            EXPECT_EQ(written.why.find(other), document::Prose::npos) << written.why;
            with_numbers += written.why.find(literal_limits(use_double).precision) != document::Prose::npos ? 1 : 0;
        }
        const document::Prose why = formulas(Activation::sigmoid, {}, use_double).derivative.why;
        const std::string from = use_double ? "0 from $z=36.74$ on" : "0 from $z=16.64$ on";
        EXPECT_NE(why.find(from), document::Prose::npos) << why;
    }
    EXPECT_GE(with_numbers, 24U);
}

TEST(ActivationFormulas, TextOfSoftmaxIsWhatIsComputed) {
    const std::vector<Real> z{0.5L, -1.25L, 2.0L};
    std::vector<Real> p(3);
    math::Softmax::value(std::span<const Real>(z), std::span(p));
    const Written written = formulas(Activation::softmax, {}).value;
    for (std::size_t j = 0; j < 3; ++j) {
        const Letters letters{.vectors = {{"z", z}}, .indices = {{"j", j}}};
        for (const document::Formula& form : {written.literal, written.computed}) {
            const Real value = formula::value(document::with_argument(form, "z"), letters,
                                              document::with_argument(written.where, "z"));
            EXPECT_NEAR(static_cast<double>(value - p[j]), 0.0, static_cast<double>(tolerance(1))) << form;
        }
    }
}

// --- Losses ---------------------------------------------------------------------------------------------------------

constexpr LossParameters base_parameters{.huber_delta = 0.75, .quantile = 0.25};

std::vector<Real> targets_of(Loss loss) {
    return facts(loss).residual ? std::vector<Real>{0.5L, -0.25L, 3.0L} : std::vector<Real>{1.0L, 0.25L, 0.0L};
}

/// Outputs and targets, with residuals of either sign and on either side of Δ.
Letters letters_of(Loss loss) {
    return {.numbers = {{"K", 3.0L}, {"q", base_parameters.quantile}, {"\\Delta", base_parameters.huber_delta}},
            .vectors = {{"\\hat y", {0.625L, 0.125L, 0.25L}}, {"y", targets_of(loss)}}};
}

TEST(LossFormulas, TextOfLossAndJacobianIsWhatIsComputedUnderEveryConvention) {
    for (const Conventions& conventions : convention_presets) {
        for (const Loss loss : all_losses) {
            LossParameters parameters = base_parameters;
            parameters.kink = conventions.kink;
            const LossFormulas texts = formulas(loss, conventions);
            Letters letters = letters_of(loss);
            const std::vector<Real> yhat = letters.vectors.at("\\hat y"), y = letters.vectors.at("y");
            const Real factor = reduction_factor(loss, 3, conventions);
            Real total = 0;
            visit(loss, [&]<class L>(L) {
                for (std::size_t j = 0; j < 3; ++j) {
                    Real share = 0, derivative = 0;
                    if constexpr (L::facts.residual) {
                        share = L::value(yhat[j] - y[j], parameters);
                        derivative = L::derivative(yhat[j] - y[j], parameters);
                    } else {
                        share = L::value(yhat[j], y[j], parameters);
                        derivative = L::derivative(yhat[j], y[j], parameters);
                    }
                    total += share;
                    letters.indices["j"] = j;
                    EXPECT_NEAR(static_cast<double>(formula::value(texts.entry, letters) - factor * derivative), 0.0,
                                static_cast<double>(tolerance(derivative)))
                        << name(loss) << ' ' << conventions.name << ": " << texts.entry;
                }
            });
            EXPECT_NEAR(static_cast<double>(formula::value(texts.loss, letters) - factor * total), 0.0,
                        static_cast<double>(tolerance(total)))
                << name(loss) << ' ' << conventions.name << ": " << texts.loss;
        }
    }
}

TEST(LossFormulas, TextAtTheKinkFollowsTheConvention) {
    for (const Conventions& conventions : convention_presets) {
        for (const Loss loss : {Loss::absolute_error, Loss::quantile}) {
            Letters letters = letters_of(loss);
            letters.vectors["y"] = letters.vectors["\\hat y"];
            letters.indices["j"] = 1;
            LossParameters parameters = base_parameters;
            parameters.kink = conventions.kink;
            const Real factor = reduction_factor(loss, 3, conventions);
            const Real slope_at_kink = loss == Loss::quantile ? math::Quantile::derivative(0.0L, parameters)
                                                              : math::AbsoluteError::derivative(0.0L, parameters);
            EXPECT_NEAR(static_cast<double>(formula::value(formulas(loss, conventions).entry, letters)),
                        static_cast<double>(factor * slope_at_kink), static_cast<double>(tolerance(1)))
                << name(loss) << ' ' << conventions.name;
        }
    }
}

}  // namespace
}  // namespace handgrad::explain
