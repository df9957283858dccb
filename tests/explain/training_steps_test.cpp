// The five steps as formulas: which equation each line cites, and that the gradient is zero before it is added to.
#include "handgrad/explain/training_steps.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "handgrad/explain/explanation.hpp"

namespace handgrad::explain {
namespace {

using testing::ElementsAre;

std::vector<std::string> lines_of(const Explanation& explanation) {
    std::vector<std::string> lines;
    for (const TrainingStep& step : explanation.steps) {
        lines.push_back(std::to_string(step.number) + " " + step.what + ": " + document::unicode_of(step.formula) +
                        " [" + step.equations + "]");
    }
    return lines;
}

TEST(TrainingSteps, Eq1_Eq2_Eq3_Eq4_Step1to5_StandAtTheirFormulas) {
    EXPECT_THAT(lines_of(explain(Architecture{.sizes = {3, 4, 2}}, Loss::squared_error)),
                ElementsAre("1 build: z₁ = W⁽¹⁾x + b⁽¹⁾,   z₂ = f(z₁) [Eq. (1)]",
                            "1 build: z₃ = W⁽²⁾z₂ + b⁽²⁾,   ŷ = g(z₃) [Eq. (1)]",
                            "2 forward: ŷ = g(Linear₂(f(Linear₁(x)))) [Eq. (2)]", "3 loss: l = ‖ŷ − y‖² [Eq. (3)]",
                            "4 backward: zero: ∂l/∂w ← 0 [step 4]",
                            "4 then accumulate: ∂l/∂W⁽²⁾ ← ∂l/∂W⁽²⁾ + δ₂ z₂ᵀ,   ∂l/∂b⁽²⁾ ← ∂l/∂b⁽²⁾ + δ₂ [Table 2]",
                            "4 then accumulate: ∂l/∂W⁽¹⁾ ← ∂l/∂W⁽¹⁾ + δ₁ xᵀ,   ∂l/∂b⁽¹⁾ ← ∂l/∂b⁽¹⁾ + δ₁ [Table 2]",
                            "5 update: w ← w − η (∂l/∂w) [Eq. (4)]"));
}

TEST(TrainingSteps, NetworksOfOtherDepthsAndOtherOptimizersAreCitedAsLikeThem) {
    const std::vector<std::string> one =
        lines_of(explain(Architecture{.sizes = {3, 1}, .output = Activation::exp}, Loss::poisson));
    EXPECT_EQ(one[0], "1 build: z₁ = W⁽¹⁾x + b⁽¹⁾,   ŷ = g(z₁) [as Eq. (1)]");
    EXPECT_EQ(one[1], "2 forward: ŷ = g(Linear₁(x)) [as Eq. (2)]");
    EXPECT_EQ(one[2], "3 loss: l = Σⱼ (ŷⱼ − yⱼ log ŷⱼ) [derivation §7.5]");
    const std::vector<std::string> deep =
        lines_of(explain(Architecture{.sizes = {3, 2, 2, 2, 2, 2, 2, 1}, .hidden = Activation::tanh},
                         Loss::squared_error, {.optimizer = {.kind = OptimizerKind::adam}}));
    EXPECT_EQ(deep[7], "2 forward: ŷ = g(Linear₇(f₆(Linear₆(…f₁(Linear₁(x)))))) [as Eq. (2)]");
    EXPECT_THAT(deep.back(), testing::EndsWith(" [as Eq. (4)]"));
    EXPECT_EQ(deep.size(), 7U + 1 + 1 + 1 + 7 + 3);
}

}  // namespace
}  // namespace handgrad::explain
