// Each optimizer against its formula written out in long double, each schedule at its ends, and settings that are
// refused.
#include "handgrad/train/optimizer.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <string>
#include <vector>

#include "handgrad/base/error.hpp"
#include "handgrad/base/random.hpp"
#include "handgrad/kernels/table.hpp"

namespace handgrad {
namespace {

using Numbers = std::vector<long double>;

BasicMlp<double> small_net(const Conventions& conventions = {}) {
    return BasicMlp<double>::random({.sizes = {2, 3, 1}, .conventions = conventions}, 3);
}
/// Some gradient, another one at each step.
BasicMlp<double> some_gradient(const BasicMlp<double>& net, int step) {
    BasicMlp<double> g = BasicMlp<double>::zeros_like(net);
    for (std::size_t i = 0; i < g.parameters().size(); ++i) {
        g.parameters()[i] = std::sin(1.0 + static_cast<double>(i) + 0.7 * step);
    }
    return g;
}

/// Runs five steps and compares with `formula(w, g, t)`, which moves one parameter in long double (t from 1; `index`
/// tells which parameter, so that it may keep a state for each).
void expect_formula(const OptimizerOptions& options, const Conventions& conventions,
                    const std::function<void(std::size_t index, long double& w, long double g, int t)>& formula) {
    BasicMlp<double> net = small_net(conventions);
    Optimizer<double> optimizer(net, options);
    Numbers w(net.parameters().begin(), net.parameters().end());
    for (int t = 1; t <= 5; ++t) {
        const BasicMlp<double> g = some_gradient(net, t);
        optimizer.update(net, g);
        for (std::size_t i = 0; i < w.size(); ++i) {
            formula(i, w[i], g.parameters()[i], t);
            ASSERT_NEAR(net.parameters()[i], static_cast<double>(w[i]), 1e-14) << "step " << t << " parameter " << i;
        }
    }
    EXPECT_EQ(optimizer.steps(), 5u);
}

TEST(Optimizer, Eq4_SgdMovesByMinusTheLearningRateTimesTheGradient) {
    BasicMlp<double> net = small_net();
    const std::vector<double> before(net.parameters().begin(), net.parameters().end());
    const BasicMlp<double> g = some_gradient(net, 1);
    Optimizer<double> sgd(net, {.kind = OptimizerKind::sgd, .learning_rate = 0.125});
    sgd.update(net, g);
    for (std::size_t i = 0; i < before.size(); ++i) {
        EXPECT_EQ(net.parameters()[i], before[i] - 0.125 * g.parameters()[i]);
    }
}

TEST(Optimizer, Step5_MomentumAndNesterovAsTheConventionsWriteThem) {
    const long double eta = 0.1L, mu = 0.9L;
    for (const bool nesterov : {false, true}) {
        const OptimizerOptions options{
            .kind = OptimizerKind::sgd, .learning_rate = 0.1, .momentum = 0.9, .nesterov = nesterov};
        Numbers v(64, 0.0L);
        expect_formula(options, {}, [&](std::size_t i, long double& w, long double g, int) {
            v[i] = mu * v[i] - eta * g;
            w += nesterov ? mu * v[i] - eta * g : v[i];
        });
        Numbers u(64, 0.0L);
        expect_formula(options, *find_conventions("pytorch"), [&](std::size_t i, long double& w, long double g, int) {
            u[i] = mu * u[i] + g;
            w -= eta * (nesterov ? g + mu * u[i] : u[i]);
        });
    }
}

TEST(Optimizer, Step5_AdamWithEpsilonAfterAndBeforeTheBiasCorrection) {
    const long double eta = 0.01L, b1 = 0.9L, b2 = 0.999L, eps = 1e-3L;  // an ε that shows
    const OptimizerOptions options{.kind = OptimizerKind::adam, .learning_rate = 0.01, .epsilon = 1e-3};
    for (const bool before : {false, true}) {
        Numbers m(64, 0.0L), v(64, 0.0L);
        const auto adam = [&](std::size_t i, long double& w, long double g, int t) {
            m[i] = b1 * m[i] + (1 - b1) * g;
            v[i] = b2 * v[i] + (1 - b2) * g * g;
            const long double c1 = 1 - std::pow(b1, t), c2 = 1 - std::pow(b2, t);
            w -= before ? eta * std::sqrt(c2) / c1 * m[i] / (std::sqrt(v[i]) + eps)
                        : eta * (m[i] / c1) / (std::sqrt(v[i] / c2) + eps);
        };
        expect_formula(options, *find_conventions(before ? "sklearn" : "handgrad"), adam);
    }
}

/// Numbers in (−1, 1), or of a mean of squares in (0, 1).
template <class T>
std::vector<T> numbers(std::size_t count, std::uint32_t stream, bool positive = false) {
    const RandomStream random(5, Purpose::weights, stream);
    std::vector<T> result(count);
    for (std::size_t i = 0; i < count; ++i) {
        const double u = random.uniform(i);
        result[i] = static_cast<T>(positive ? u : 2.0 * u - 1.0);
    }
    return result;
}

template <class T>
void expect_moved_as_the_rule_says(SimdLevel level, math::UpdateRule rule, std::size_t count) {
    const math::UpdateConstants<T> c{.rate = T(0.1),
                                     .mu = T(0.9),
                                     .beta1 = T(0.9),
                                     .rest1 = T(0.1),
                                     .beta2 = T(0.99),
                                     .rest2 = T(0.01),
                                     .step = T(0.3),
                                     .inverse_root = T(1.5),
                                     .epsilon = T(1e-6),
                                     .decay = T(0.01)};
    const std::vector<T> g = numbers<T>(count, 1);
    std::vector<T> w = numbers<T>(count + 1, 2), m = numbers<T>(count + 1, 3), v = numbers<T>(count + 1, 4, true);
    std::vector<T> one_by_one = w, first = m, second = v;
    for (std::size_t i = 0; i < count; ++i) {
        math::visit(rule, [&]<class Rule>(Rule) { Rule::apply(c, g[i], one_by_one[i], first[i], second[i]); });
    }
    kernels::kernels<T>(level).move(rule, c, g.data(), count, w.data(), m.data(), v.data());
    EXPECT_EQ(w, one_by_one) << name(level) << " " << count;  // and what stands behind is as it was
    EXPECT_EQ(m, first) << name(level) << " " << count;
    EXPECT_EQ(v, second) << name(level) << " " << count;
}

TEST(Optimizer, Step5_EveryInstructionSetMovesEachParameterAsItsRuleSaysToTheLastBit) {
    for (const SimdLevel level : {SimdLevel::scalar, SimdLevel::avx2, SimdLevel::avx512}) {
        if (!available(level)) {
            continue;
        }
        for (std::size_t count = 0; count <= 35; ++count) {
            for (int rule = 0; rule <= static_cast<int>(math::UpdateRule::adam); ++rule) {
                expect_moved_as_the_rule_says<float>(level, static_cast<math::UpdateRule>(rule), count);
                expect_moved_as_the_rule_says<double>(level, static_cast<math::UpdateRule>(rule), count);
            }
        }
    }
}

TEST(Optimizer, AdamwDecaysWeightsOnlyUnlessTheConventionPenalisesAll) {
    for (const char* convention : {"handgrad", "pytorch"}) {
        BasicMlp<double> net = small_net(*find_conventions(convention));
        for (double& b : net.bias(0)) {
            b = 1.0;
        }
        const double weight = net.weight(0)(0, 0);
        Optimizer<double> adamw(net, {.kind = OptimizerKind::adamw, .learning_rate = 0.5, .weight_decay = 0.1});
        adamw.update(net, BasicMlp<double>::zeros_like(net));
        EXPECT_DOUBLE_EQ(net.weight(0)(0, 0), 0.95 * weight);
        EXPECT_DOUBLE_EQ(net.bias(0)[0], std::string(convention) == "pytorch" ? 0.95 : 1.0);
    }
}

TEST(Schedule, StartsAtTheLearningRateAndEndsWhereItsFormulaSays) {
    const auto first = [](Schedule s) { return scheduled_rate(s, 0.5, 0, 101, 1); };
    const auto middle = [](Schedule s) { return scheduled_rate(s, 0.5, 50, 101, 1); };
    const auto last = [](Schedule s) { return scheduled_rate(s, 0.5, 100, 101, 1); };
    for (const auto& entry : schedule_list) {
        EXPECT_EQ(first(entry.schedule), 0.5) << entry.name;
    }
    EXPECT_EQ(last(Schedule::constant), 0.5);
    EXPECT_NEAR(middle(Schedule::cosine), 0.25, 1e-16);
    EXPECT_NEAR(last(Schedule::cosine), 0.0, 1e-16);
    EXPECT_NEAR(middle(Schedule::linear), 0.25, 1e-16);
    EXPECT_EQ(last(Schedule::linear), 0.0);
    EXPECT_NEAR(last(Schedule::exponential), 0.005, 1e-17);
    EXPECT_EQ(scheduled_rate(Schedule::step, 0.5, 49, 100, 1), 0.5);
    EXPECT_EQ(scheduled_rate(Schedule::step, 0.5, 50, 100, 1), 0.05);
    EXPECT_EQ(scheduled_rate(Schedule::step, 0.5, 75, 100, 1), 0.005);
}

TEST(Schedule, CosineAgreesWithTheStandardLibraryEverywhere) {
    for (std::size_t step = 0; step < 1000; ++step) {
        const double expected = 0.5 * (1.0 + std::cos(M_PI * static_cast<double>(step) / 999.0));
        EXPECT_NEAR(scheduled_rate(Schedule::cosine, 1.0, step, 1000, 10), expected, 4e-16);
    }
}

std::string refusal(const OptimizerOptions& options) {
    try {
        Optimizer<double>(small_net(), options);
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::usage);
        return error.what();
    }
    return "accepted";
}

TEST(Optimizer, RefusesSettingsOutOfRangeOrThatDoNotGoTogether) {
    EXPECT_THAT(refusal({.learning_rate = 0.0}), testing::HasSubstr("learning_rate"));
    EXPECT_THAT(refusal({.learning_rate = std::nan("")}), testing::HasSubstr("learning_rate"));
    EXPECT_THAT(refusal({.kind = OptimizerKind::sgd, .momentum = 1.0}),
                testing::HasSubstr("momentum = 1 is out of range; it must be from 0 to 1"));
    EXPECT_THAT(refusal({.weight_decay = -1.0}), testing::HasSubstr("weight_decay"));
    EXPECT_THAT(refusal({.kind = OptimizerKind::adam, .momentum = 0.9}), testing::HasSubstr("belong to sgd"));
    EXPECT_THAT(refusal({.kind = OptimizerKind::sgd, .nesterov = true}), testing::HasSubstr("needs a momentum"));
    EXPECT_EQ(refusal({}), "accepted");
}

TEST(Optimizer, RefusesAnotherNetworkAndConstantsOutOfRange) {
    BasicMlp<double> net = small_net();
    BasicMlp<double> other = BasicMlp<double>::random({.sizes = {2, 4, 1}}, 3);
    const BasicMlp<double> g = some_gradient(net, 1);
    Optimizer<double> adam(net, {.kind = OptimizerKind::adam});
    adam.update(net, g);
    const auto begins = [&](const std::function<void()>& call) {
        try {
            call();
        } catch (const Error& error) {
            EXPECT_EQ(error.kind(), ErrorKind::usage);
            return std::string(error.what());
        }
        return std::string("accepted");
    };
    EXPECT_THAT(begins([&] { adam.update(net, some_gradient(other, 1)); }),
                testing::StartsWith("update: gradient has not the sizes"));
    EXPECT_THAT(begins([&] { adam.update(other, some_gradient(other, 1)); }),
                testing::StartsWith("update: net has 17 parameters, the optimizer was made for 13"));
    EXPECT_THAT(begins([&] { adam.update(net, g, -1.0); }), testing::StartsWith("optimizer: learning_rate = -1"));
    EXPECT_THAT(begins([&] { adam.next(HUGE_VAL); }), testing::StartsWith("optimizer: learning_rate = inf"));
    EXPECT_THAT(begins([&] { adam.next(0.1, -1.0); }), testing::StartsWith("optimizer: penalty = -1"));
    EXPECT_EQ(adam.steps(), 1u);
}

TEST(Optimizer, EveryNameOfTheListsIsFound) {
    for (const auto& entry : optimizer_list) {
        EXPECT_EQ(find_optimizer(entry.name), entry.kind);
    }
    for (const auto& entry : schedule_list) {
        EXPECT_EQ(find_schedule(entry.name), entry.schedule);
    }
    EXPECT_EQ(find_optimizer("newton"), std::nullopt);
    for (const OptimizerFacts& entry : optimizer_list) {
        EXPECT_EQ(name(entry.kind), entry.name);
    }
}

}  // namespace
}  // namespace handgrad
