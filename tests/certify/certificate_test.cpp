// The certificate: passes what the engine computes, of any shape and size, and refuses what a mutant computes.
#include "handgrad/certify/certificate.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <type_traits>

#include <cmath>
#include <string>
#include <vector>

#include "tests/support/networks.hpp"
#include "tests/support/witness.hpp"

namespace handgrad::certify {
namespace {

/// A problem of tests/support/witness.hpp as network and data in float or double.
template <class T>
struct Case {
    BasicMlp<T> net;
    LossFunction function;
    BasicDataset<T> data;
};
template <class T>
Case<T> of(const witness::Problem& p) {
    return {convert<T>(p.net), p.function, {convert<T>(p.x), convert<T>(p.y), {p.weights.begin(), p.weights.end()}}};
}
template <class T>
Certificate certificate_of(const Case<T>& c, SimdLevel level = SimdLevel::scalar) {
    return certify(c.net, c.function, c.data,
                   engine_derivatives(c.net, c.function, c.data, {.threads = 1, .simd = level}));
}

std::string describe(const Certificate& certificate) {
    std::string text;
    const auto add = [&](const CertifiedTensor& t) {
        text += t.name + " " + std::string(name(t.judgement.verdict)) + ", ulp " + std::to_string(t.worst_ulp) + ", " +
                std::to_string(t.judgement.failed) + " failed, limit " + std::to_string(t.judgement.detection_limit) +
                ", " + t.judgement.reason() + ", " + std::to_string(t.kinks) + " kinks of " +
                std::to_string(t.entries) + ", claimed " + std::to_string(t.claimed) + " witness " +
                std::to_string(t.witness) + " bound " + std::to_string(t.bound) + " " + t.factor + "\n";
    };
    for (const CertifiedTensor& t : certificate.parameters) {
        add(t);
    }
    add(certificate.input);
    return text;
}

bool can_certify(Activation output, Loss loss) { return fits(output, loss) && finite_everywhere(output, loss, 2); }

template <class T>
class Certificates : public testing::Test {};
using Precisions = testing::Types<float, double>;
TYPED_TEST_SUITE(Certificates, Precisions);

TYPED_TEST(Certificates, PassForEveryActivationLossAndOutput) {
    std::uint64_t seed = 1;
    int passed = 0, judged = 0;
    for (const Loss loss : all_losses) {
        for (const Activation g : all_activations) {
            for (const Activation f : all_activations) {
                if (!can_certify(g, loss) || !facts(f).elementwise) {
                    continue;
                }
                for (const std::vector<std::size_t>& sizes : {std::vector<std::size_t>{3, 5, 2}, {4, 7, 6, 3}}) {
                    const Case<TypeParam> c = of<TypeParam>(
                        witness::random_problem({.sizes = sizes, .hidden = f, .output = g}, loss, 11, seed++));
                    const Certificate certificate = certificate_of(c);
                    ASSERT_NE(certificate.verdict, Verdict::fail)
                        << name(f) << " " << name(g) << " " << name(loss) << "\n"
                        << describe(certificate);
                    ++judged;
                    passed += certificate.verdict == Verdict::pass ? 1 : 0;
                }
            }
        }
    }
    EXPECT_GE(passed, 0.99 * judged);  // 1/(1 - yhat) near yhat = 1 may leave no digits
}

/// Weights scaled by `scale`: saturated units, or sums far beyond 1.
template <class T>
Case<T> scaled(Case<T> c, double scale) {
    for (T& w : c.net.parameters()) {
        w *= static_cast<T>(scale);
    }
    return c;
}

TYPED_TEST(Certificates, NeverFailForTwoHundredRandomModels) {
    Draw draw(42, 0);
    int passed = 0;
    for (int model = 0; model < 200; ++model) {
        Architecture shape;
        do {
            shape.hidden = draw.one_of(all_activations);
            shape.output = draw.one_of(all_activations);
        } while (!facts(shape.hidden).elementwise);
        Loss loss = draw.one_of(all_losses);
        while (!can_certify(shape.output, loss)) {
            loss = draw.one_of(all_losses);
        }
        const std::size_t depth = draw.whole(1, 5);
        for (std::size_t l = 0; l <= depth; ++l) {
            shape.sizes.push_back(draw.whole(1, l == depth ? 20 : 40));
        }
        shape.conventions = draw.one_of(convention_presets);
        witness::Problem p =
            witness::random_problem(shape, loss, draw.whole(1, 40), 1000 + static_cast<std::size_t>(model));
        if (draw.whole(0, 2) == 0) {
            for (std::size_t row = 0; row < p.x.rows(); ++row) {
                p.weights.push_back(draw.uniform(0.5, 1.5));
            }
        }
        const double sizes[] = {0.01, 0.3, 1.0, 1.0 / std::sqrt(static_cast<double>(shape.sizes[0])), 10.0};
        const Case<TypeParam> c = scaled(of<TypeParam>(p), draw.one_of(sizes));
        const Certificate certificate = certificate_of(c, witness::available_levels().back());
        ASSERT_NE(certificate.verdict, Verdict::fail)
            << model << ": " << name(shape.hidden) << " " << name(shape.output) << " " << name(loss) << "\n"
            << describe(certificate);
        passed += certificate.verdict == Verdict::pass ? 1 : 0;
        for (const CertifiedTensor& t : certificate.parameters) {
            EXPECT_EQ(t.judgement.verdict == Verdict::pass, t.judgement.reason().empty()) << describe(certificate);
        }
    }
    EXPECT_GE(passed, 197);  // one overflows; of two, in float, rounding alone may change a tenth or more
}

TYPED_TEST(Certificates, PassForDeepSaturatedAndHugeModels) {
    std::uint64_t seed = 7;
    for (const Activation f : {Activation::relu, Activation::sigmoid, Activation::tanh, Activation::gelu}) {
        for (const double scale : {0.3, 20.0, 1e4}) {
            for (const std::vector<std::size_t>& sizes :
                 {std::vector<std::size_t>{13, 50, 3}, {1, 64, 1}, {8, 9, 10, 11, 12, 3}}) {
                const Case<TypeParam> c = scaled(of<TypeParam>(witness::random_problem(
                                                     {.sizes = sizes, .hidden = f}, Loss::squared_error, 37, seed++)),
                                                 scale);
                for (const SimdLevel level : witness::available_levels()) {
                    const Certificate certificate = certificate_of(c, level);
                    // Slopes e^{-z} at z = 10^4: float may be some percent wrong, and the verdict says so.
                    const bool digits = std::is_same_v<TypeParam, double> || scale < 1e4 || f == Activation::relu;
                    EXPECT_TRUE(certificate.verdict == Verdict::pass ||
                                (!digits && certificate.verdict == Verdict::undetermined))
                        << name(f) << " " << scale << " " << sizes.size() << "\n"
                        << describe(certificate);
                }
            }
        }
    }
}

/// Weights so small that products of them are subnormal numbers or 0, where rounding is no longer relative.
TYPED_TEST(Certificates, PassWhereGradientsUnderflow) {
    const bool single = std::is_same_v<TypeParam, float>;
    std::uint64_t seed = 99;
    for (const double scale : single ? std::vector{1e-10, 1e-13, 1e-20} : std::vector{1e-76, 1e-105, 1e-160}) {
        for (const Activation f : {Activation::relu, Activation::tanh}) {
            const Case<TypeParam> c =
                scaled(of<TypeParam>(witness::random_problem({.sizes = {6, 7, 8, 9, 2}, .hidden = f},
                                                             Loss::squared_error, 20, seed++)),
                       scale);
            for (const SimdLevel level : witness::available_levels()) {
                EXPECT_NE(certificate_of(c, level).verdict, Verdict::fail) << name(f) << " " << scale << "\n"
                                                                           << describe(certificate_of(c, level));
            }
        }
    }
}

/// Names of the tensors that fail.
std::vector<std::string> failing(const Certificate& certificate) {
    std::vector<std::string> names;
    for (const CertifiedTensor& t : certificate.parameters) {
        if (t.judgement.verdict == Verdict::fail) {
            names.push_back(t.name);
        }
    }
    if (certificate.input.judgement.verdict == Verdict::fail) {
        names.push_back(certificate.input.name);
    }
    return names;
}

/// A network on which no mutant below is without effect, and what its gradient is.
struct Mutants : testing::TestWithParam<Activation> {
    Case<float> c =
        of<float>(witness::random_problem({.sizes = {5, 6, 6, 3}, .hidden = GetParam()}, Loss::squared_error, 35, 99));
    ClaimedDerivatives<float> claimed = engine_derivatives(c.net, c.function, c.data, {.threads = 1});
    [[nodiscard]] Certificate judged() const { return certify(c.net, c.function, c.data, claimed); }
    void TearDown() override {
        const Certificate certificate = judged();
        EXPECT_EQ(certificate.verdict, Verdict::fail) << describe(certificate);
    }
};
INSTANTIATE_TEST_SUITE_P(Certificate, Mutants, testing::Values(Activation::relu, Activation::sigmoid, Activation::tanh),
                         [](const auto& instance) { return std::string(name(instance.param)); });

TEST_P(Mutants, SignOfOneTensor) {
    for (float& v : claimed.gradient.bias(1)) {
        v = -v;
    }
    EXPECT_THAT(failing(judged()), testing::ElementsAre("linear2.bias"));
    EXPECT_EQ(judged().parameters[3].factor,
              "the sum over rows, or W(3) or dz4/dz3 where z2 is 0: -1 times what it should be");
}

TEST_P(Mutants, FactorTwo) {
    for (float& v : claimed.gradient.parameters()) {
        v *= 2;
    }
    EXPECT_EQ(failing(judged()).size(), 6);
    EXPECT_EQ(judged().parameters[5].factor, "dl/dyhat or dyhat/dz5: 2 times what it should be");
    EXPECT_EQ(judged().parameters[1].factor, "what is wrong in linear2 already: 2 times what it should be");
}

TEST_P(Mutants, MissingMeanOverRows) {
    for (float& v : claimed.gradient.parameters()) {
        v *= 35;
    }
    EXPECT_EQ(failing(judged()).size(), 6);
}

TEST_P(Mutants, Transposed) {
    const BasicMlp<float> right = claimed.gradient;
    for (std::size_t i = 0; i < 6; ++i) {
        for (std::size_t j = 0; j < 6; ++j) {
            claimed.gradient.weight(1)(i, j) = right.weight(1)(j, i);
        }
    }
    EXPECT_THAT(failing(judged()), testing::ElementsAre("linear2.weight"));
    EXPECT_EQ(judged().parameters[2].factor, "z2, or its place in the outer product");
}

TEST_P(Mutants, OneStaleRow) {
    BasicDataset<float> stale = c.data;
    std::ranges::copy(c.data.x.row(3), stale.x.row(4).begin());
    claimed = engine_derivatives(c.net, c.function, stale, {.threads = 1});
    EXPECT_EQ(failing(judged()).size(), 7);
}

TEST_P(Mutants, WrongLaneAtALoopsTail) {
    claimed.gradient.weight(0)(5, 4) = claimed.gradient.weight(0)(5, 3);
    EXPECT_THAT(failing(judged()), testing::ElementsAre("linear1.weight"));
    EXPECT_THAT(judged().parameters[0].where, testing::ElementsAre(5, 4));
}

TEST_P(Mutants, JacobianTransposedBetweenRows) {
    std::ranges::copy(std::vector<float>(claimed.jacobians.row(1).begin(), claimed.jacobians.row(1).end()),
                      claimed.jacobians.row(2).begin());
    EXPECT_THAT(failing(judged()), testing::ElementsAre("d(yhat)/d(x)"));
}

TEST_P(Mutants, NotANumber) {
    claimed.gradient.bias(0)[2] = std::numeric_limits<float>::quiet_NaN();
    EXPECT_THAT(failing(judged()), testing::ElementsAre("linear1.bias"));
}

/// Every second row of x is 0 and so is b⁽¹⁾: z₁ = 0 exactly there, and the convention says what ReLU′ is.
TEST(Certificate, Eq7_DecidesAKinkThatIsMetExactly) {
    for (const Kink kink : {Kink::right_limit, Kink::nearest_zero}) {
        Architecture shape{.sizes = {4, 7, 2}, .hidden = Activation::relu};
        shape.conventions.kink = kink;
        Case<float> c = of<float>(witness::random_problem(shape, Loss::squared_error, 20, 5));
        std::ranges::fill(c.net.bias(0), 0.0F);
        for (std::size_t row = 0; row < 20; row += 2) {
            std::ranges::fill(c.data.x.row(row), 0.0F);
        }
        const Certificate right = certificate_of(c);
        EXPECT_EQ(right.verdict, Verdict::pass) << describe(right);
        EXPECT_EQ(right.parameters[0].kinks, 0);
        shape.conventions.kink = kink == Kink::right_limit ? Kink::nearest_zero : Kink::right_limit;
        BasicMlp<float> swapped = BasicMlp<float>::zeros(shape);
        std::ranges::copy(c.net.parameters(), swapped.parameters().begin());
        const Certificate wrong =
            certify(c.net, c.function, c.data, engine_derivatives(swapped, c.function, c.data, {.threads = 1}));
        EXPECT_THAT(failing(wrong), testing::ElementsAre("linear1.bias", "d(yhat)/d(x)"));
        EXPECT_EQ(wrong.parameters[1].factor, "the sum over rows, or W(2) or dz2/dz1 where x is 0");
    }
}

/// 0.1 + 0.2 − 0.3 is not 0 in float, but rounding alone decides its sign: either slope may be claimed, a third may
/// not.
TEST(Certificate, CountsWhatStandsNearAKink) {
    Case<float> c{BasicMlp<float>::zeros({.sizes = {3, 1, 1}, .hidden = Activation::relu}),
                  Loss::squared_error,
                  {Matrix<float>(1, 3), Matrix<float>(1, 1), {}}};
    std::ranges::copy(std::vector<float>{0.1F, 0.2F, -0.3F}, c.data.x.values().begin());
    std::ranges::fill(c.net.weight(0).row(0), 1.0F);
    c.net.weight(1)(0, 0) = 1.0F;
    c.net.bias(1)[0] = 1.0F;
    for (const float slope : {0.0F, 1.0F, 3.0F}) {
        ClaimedDerivatives<float> claimed = engine_derivatives(c.net, c.function, c.data, {.threads = 1});
        const float delta = claimed.gradient.bias(1)[0];
        claimed.gradient.bias(0)[0] = delta * slope;
        for (std::size_t j = 0; j < 3; ++j) {
            claimed.gradient.weight(0)(0, j) = delta * slope * c.data.x(0, j);
            claimed.jacobians(0, j) = slope;
        }
        const Certificate certificate = certify(c.net, c.function, c.data, claimed);
        EXPECT_EQ(certificate.parameters[0].kinks, 3);
        EXPECT_EQ(certificate.parameters[2].kinks, 0);
        EXPECT_EQ(certificate.parameters[3].kinks, 0);
        EXPECT_EQ(certificate.parameters[1].judgement.verdict == Verdict::fail, slope == 3.0F) << describe(certificate);
        EXPECT_EQ(certificate.input.judgement.verdict == Verdict::fail, slope == 3.0F);
    }
}

}  // namespace
}  // namespace handgrad::certify
