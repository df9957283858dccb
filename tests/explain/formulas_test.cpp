// The text of every formula against the function in math/ that it describes, by calculating what the text says.
#include "handgrad/explain/formulas.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <vector>

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
void expect_says(const Written& written, Real z, Real expected, const std::string& what) {
    const Letters letters{.numbers = {{"z", z}, {"a", slope}}};
    for (const document::Formula& form : {written.literal, written.computed}) {
        if (!form.empty()) {
            const Real value = formula::value(document::with_argument(form, "z"), letters,
                                              document::with_argument(written.where, "z"));
            EXPECT_NEAR(static_cast<double>(value - expected), 0.0, static_cast<double>(tolerance(expected)))
                << what << " at " << static_cast<double>(z) << ": " << form;
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
                        expect_says(texts.value, z, F::value(z, settings), std::string(F::facts.name) + " value");
                        expect_says(texts.derivative, z, F::derivative(z, settings),
                                    std::string(F::facts.name) + " derivative");
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
                                std::string(F::facts.name));
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

/// The numbers in the reasons: at the one argument all is well, at the next it is not.
TEST(ActivationFormulas, LiteralFormsFailWhereTheReasonsSay) {
    const auto slope_of_sigmoid = [](auto z) {  // Eq. (12) as written
        const auto e = std::exp(-z);
        return e / ((1 + e) * (1 + e));
    };
    EXPECT_GT(slope_of_sigmoid(-44.0F), 0.0F);
    EXPECT_EQ(slope_of_sigmoid(-45.0F), 0.0F);
    EXPECT_FALSE(std::isnan(slope_of_sigmoid(-88.0F)));
    EXPECT_TRUE(std::isnan(slope_of_sigmoid(-89.0F)));
    EXPECT_GT(slope_of_sigmoid(-354.0), 0.0);
    EXPECT_EQ(slope_of_sigmoid(-355.0), 0.0);
    EXPECT_FALSE(std::isnan(slope_of_sigmoid(-709.0)));
    EXPECT_TRUE(std::isnan(slope_of_sigmoid(-710.0)));

    const auto rounded_sigmoid = [](long double z) { return static_cast<float>(1 / (1 + std::exp(-z))); };
    EXPECT_LT(rounded_sigmoid(17.3L), 1.0F);
    EXPECT_EQ(rounded_sigmoid(17.4L), 1.0F);
    EXPECT_LT(math::Sigmoid::value(16.63F), 1.0F);
    EXPECT_EQ(math::Sigmoid::value(16.64F), 1.0F);
    EXPECT_LT(math::Tanh::value(9.0F), 1.0F);
    EXPECT_EQ(math::Tanh::value(9.1F), 1.0F);
    EXPECT_LT(math::Tanh::value(19.0), 1.0);
    EXPECT_EQ(math::Tanh::value(19.1), 1.0);
    EXPECT_TRUE(std::isfinite(std::exp(88.0F)) && std::isinf(std::exp(89.0F)));
    EXPECT_TRUE(std::isfinite(std::exp(709.0)) && std::isinf(std::exp(710.0)));

    const auto literal_delta = [](float z) {  // (19) times (15) for y = 0, as they stand
        const float yhat = 1 / (1 + std::exp(-z)), e = std::exp(-z);
        return 1 / (1 - yhat) * (e / ((1 + e) * (1 + e)));
    };
    EXPECT_NEAR(std::fabs(literal_delta(15.0F) - 1.0F), 0.14, 0.005);
    EXPECT_TRUE(std::isfinite(literal_delta(16.63F)));
    EXPECT_TRUE(std::isinf(literal_delta(16.64F)));
    EXPECT_EQ(math::Sigmoid::value(20.0F) - 1.0F, 0.0F);
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
