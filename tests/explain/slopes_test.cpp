// Derivation §5 for the network at hand: bounds on slopes, which gradients they stand in, and what a row makes of them.
#include "handgrad/explain/slopes.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "handgrad/math/activations.hpp"
#include "tests/support/explained.hpp"

namespace handgrad::explain {
namespace {

using testing::HasSubstr;
using testing::Not;

Slopes slopes_of(Activation f, Activation g, Loss loss, std::size_t hidden_layers = 1) {
    Architecture shape{.sizes = {3}, .hidden = f, .output = g};
    shape.sizes.insert(shape.sizes.end(), hidden_layers, 4);
    shape.sizes.push_back(2);
    return study_slopes(derive(shape, loss));
}

std::string text_of(const Slopes& slopes) {
    std::string text;
    for (const document::Prose& sentence : slopes.text) {
        text += document::unicode_of_prose(sentence) + " ";
    }
    return text;
}

TEST(Slopes, TheSteepestIsTheLargestThatTheActivationReaches) {
    for (const Activation activation : all_activations) {
        if (!facts(activation).elementwise) {
            continue;
        }
        const SlopeFactor factor = slopes_of(activation, Activation::identity, Loss::huber).factors[0];
        if (activation == Activation::exp) {
            EXPECT_FALSE(factor.steepest);
            continue;
        }
        visit(activation, [&]<class F>(F) {
            if constexpr (F::facts.elementwise) {
                double largest = 0.0;
                for (double z = -40.0; z <= 40.0; z += 0.001) {
                    largest = std::max(largest, std::fabs(F::derivative(z)));
                    ASSERT_LE(std::fabs(F::derivative(z)), *factor.steepest * (1 + 1e-9)) << F::facts.name << ' ' << z;
                }
                EXPECT_NEAR(largest, *factor.steepest, 1e-6) << F::facts.name;
            }
        });
    }
}

TEST(Slopes, WithSquaredErrorBothSigmoidsStandInTheFirstGradient) {
    const std::string text = text_of(slopes_of(Activation::sigmoid, Activation::sigmoid, Loss::squared_error));
    EXPECT_THAT(text, HasSubstr("The slope of sigmoid is at most 0.25, at z = 0, and falls towards 0 as |z| grows: at "
                                "|z| = 4 it is 0.01766."));
    EXPECT_THAT(text,
                HasSubstr("∂l/∂W⁽¹⁾ holds the slopes f′ and g′: weights aside together a factor of at most 0.25 · "
                          "0.25 = 0.0625. ∂l/∂W⁽²⁾ holds the slope g′: weights aside a factor of at most 0.25."));
    EXPECT_THAT(text, HasSubstr("The slope of relu would be 1 for every z > 0"));
}

TEST(Slopes, WithCrossEntropyThatOfTheOutputCancels) {
    const Slopes slopes = slopes_of(Activation::sigmoid, Activation::sigmoid, Loss::binary_cross_entropy);
    EXPECT_TRUE(slopes.factors[1].cancels);
    EXPECT_THAT(text_of(slopes), HasSubstr("g′ cancels against the loss (derivation §6.6): δ₂ is computed without it. "
                                           "∂l/∂W⁽¹⁾ holds the slope f′: weights aside a factor of at most 0.25. "
                                           "∂l/∂W⁽²⁾ holds no slope."));
}

TEST(Slopes, DepthMultipliesThemAndReluLosesNothing) {
    EXPECT_THAT(
        text_of(slopes_of(Activation::sigmoid, Activation::softmax, Loss::cross_entropy, 8)),
        HasSubstr("∂l/∂W⁽¹⁾ holds the slopes f₁′ to f₈′: weights aside together a factor of at most 1.526 · 10⁻⁵."));
    const std::string relu = text_of(slopes_of(Activation::relu, Activation::identity, Loss::squared_error, 8));
    EXPECT_THAT(relu, HasSubstr("The slope of relu is 1 for every z > 0, however large, and 0 for z < 0"));
    EXPECT_THAT(relu, HasSubstr("a factor of at most 1."));
    EXPECT_THAT(relu, Not(HasSubstr("would be")));
    EXPECT_THAT(text_of(slopes_of(Activation::exp, Activation::identity, Loss::huber)),
                HasSubstr("a factor of any size"));
}

TEST(Slopes, OfARowAreItsJacobiansAndWhatTheyLeaveOfDelta) {
    const Explanation e = explained::explanation();
    const Trace& t = e.row->trace;
    ASSERT_EQ(e.slopes.factors.size(), 2U);
    const SlopesOfRow& f = *e.slopes.factors[0].row;
    double on = 0.0, arrives = 0.0, left = 0.0;
    for (std::size_t i = 0; i < 4; ++i) {  // ReLU: slopes 0 and 1, one output
        const double slope = t.forward[0](i, 0) >= 0.0 ? 1.0 : 0.0;
        const double sent = t.parameters[2](0, i) * t.deltas[0](0, 0);
        on += slope;
        arrives += sent * sent;
        left += sent * sent * slope;
    }
    EXPECT_EQ(f.mean, on / 4);
    EXPECT_EQ(f.flat, static_cast<std::size_t>(4 - on));
    EXPECT_NEAR(*f.passed, std::sqrt(left / arrives), 1e-15);
    EXPECT_EQ(*e.slopes.factors[1].row->passed, 1.0);
    EXPECT_EQ(e.slopes.gradient_rms.size(), 2U);
    EXPECT_EQ(e.slopes.row_text.size(), 2U);
}

}  // namespace
}  // namespace handgrad::explain
