// Line searches on functions of one variable whose good steps are known, and on those that have none.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>
#include <optional>
#include <string>

#include "handgrad/train/line_search.hpp"

namespace handgrad {
namespace {

struct Line {
    std::string name;
    std::function<double(double)> value, slope;
};

struct Searched {
    LineEnd end;
    LinePoint start, found;
    std::size_t looks;
};

Searched search(const Line& line, double first, std::size_t most = 30) {
    const LinePoint start{.step = 0.0, .value = line.value(0.0), .slope = line.slope(0.0)};
    LineSearch search(start, first, {}, most);
    std::optional<LineEnd> end;
    std::size_t looks = 0;
    while (!end) {
        const double step = search.step();
        EXPECT_GT(step, 0.0) << line.name;
        end = search.take(line.value(step), line.slope(step));
        ++looks;
    }
    return {*end, start, search.found(), looks};
}

/// Moré and Thuente's (5.1) and (5.2), Yanai's cosine, a parabola and a valley with a steep far side.
std::vector<Line> lines() {
    return {{"rational", [](double a) { return -a / (a * a + 2.0); },
             [](double a) { return (a * a - 2.0) / std::pow(a * a + 2.0, 2); }},
            {"power", [](double a) { return std::pow(a + 0.004, 5) - 2.0 * std::pow(a + 0.004, 4); },
             [](double a) { return 5.0 * std::pow(a + 0.004, 4) - 8.0 * std::pow(a + 0.004, 3); }},
            {"waves", [](double a) { return std::sin(4.0 * a) * 0.2 - a + 0.05 * a * a; },
             [](double a) { return 0.8 * std::cos(4.0 * a) - 1.0 + 0.1 * a; }},
            {"parabola", [](double a) { return (a - 3.0) * (a - 3.0); }, [](double a) { return 2.0 * (a - 3.0); }},
            {"steep", [](double a) { return std::exp(10.0 * a) - 20.0 * a; },
             [](double a) { return 10.0 * std::exp(10.0 * a) - 20.0; }}};
}

TEST(LineSearch, EndsAtAStepThatMeetsTheStrongWolfeConditions) {
    for (const Line& line : lines()) {
        for (const double first : {1e-3, 1e-1, 1.0, 10.0, 1e3}) {
            const Searched searched = search(line, first);
            EXPECT_EQ(searched.end, LineEnd::strong_wolfe) << line.name << " from " << first;
            // The conditions themselves, not by the function that the search asks.
            EXPECT_LE(searched.found.value, searched.start.value + 1e-4 * searched.found.step * searched.start.slope)
                << line.name;
            EXPECT_LE(std::fabs(searched.found.slope), 0.9 * std::fabs(searched.start.slope)) << line.name;
            EXPECT_EQ(searched.found.value, line.value(searched.found.step));
            EXPECT_LE(searched.looks, 20u) << line.name << " from " << first;
        }
    }
}

TEST(LineSearch, TakesValuesThatAreNotFiniteForAWall) {
    const Line logarithm{
        "logarithm",
        [](double a) { return a < 1.0 ? -10.0 * a - std::log(1.0 - a) : std::numeric_limits<double>::infinity(); },
        [](double a) { return a < 1.0 ? -10.0 + 1.0 / (1.0 - a) : std::numeric_limits<double>::quiet_NaN(); }};
    for (const double first : {0.01, 1.0, 5.0, 1e6}) {
        const Searched searched = search(logarithm, first);
        EXPECT_EQ(searched.end, LineEnd::strong_wolfe) << first;
        EXPECT_LT(searched.found.step, 1.0);
    }
    const Line nowhere{"nowhere", [](double a) { return a == 0.0 ? 0.0 : std::nan(""); }, [](double) { return -1.0; }};
    EXPECT_EQ(search(nowhere, 1.0).end, LineEnd::failed);
}

TEST(LineSearch, NearAMinimumTheApproximateConditionsLetThrough) {
    // A parabola upon a large number: its differences are all rounding, its slopes are not.
    const Line hidden{"hidden",
                      [](double a) { return 1e6 + 1e-12 * (a - 1.0) * (a - 1.0) + 3e-10 * std::fabs(a - 1.0); },
                      [](double a) { return 2e-12 * (a - 1.0); }};
    const Line raised{"raised", [](double a) { return 1e6 + (a > 0.0 ? 1e-9 : 0.0); },
                      [](double a) { return 2e-12 * (a - 1.0); }};
    const Searched searched = search(raised, 1.3);
    EXPECT_EQ(searched.end, LineEnd::approximate_wolfe);
    EXPECT_FALSE(meets_strong_wolfe(searched.start, searched.found));
    EXPECT_TRUE(meets_approximate_wolfe(searched.start, searched.found));
    // Where the value has changed visibly they are no excuse.
    const LinePoint start{.step = 0.0, .value = 1.0, .slope = -1.0};
    EXPECT_FALSE(meets_approximate_wolfe(start, {.step = 1.0, .value = 1.0 + 2e-6, .slope = 0.0}));
    EXPECT_TRUE(meets_approximate_wolfe(start, {.step = 1.0, .value = 1.0 + 5e-7, .slope = 0.0}));
    EXPECT_FALSE(meets_approximate_wolfe(start, {.step = 1.0, .value = 1.0, .slope = 0.9}));
    EXPECT_FALSE(meets_approximate_wolfe(start, {.step = 1.0, .value = 1.0, .slope = -0.95}));
}

TEST(LineSearch, AKinkIsDescendedToAndARisingLineIsNot) {
    const Line kink{"kink", [](double a) { return std::fabs(a - 0.7); }, [](double a) { return a < 0.7 ? -1.0 : 1.0; }};
    const Searched searched = search(kink, 1.0);
    EXPECT_EQ(searched.end, LineEnd::descent_only);
    EXPECT_NEAR(searched.found.step, 0.7, 1e-6);
    EXPECT_EQ(searched.found.value, kink.value(searched.found.step));
    const Line liar{"liar", [](double a) { return a; }, [](double) { return -1.0; }};
    EXPECT_EQ(search(liar, 1.0).end, LineEnd::failed);
    EXPECT_EQ(search(liar, 1.0, 1).looks, 1u);
}

}  // namespace
}  // namespace handgrad
