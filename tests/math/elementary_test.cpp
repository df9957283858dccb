// The elementary functions: against MPFR at many sampled numbers, at their special values, and their witnesses.
#include "handgrad/math/elementary.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <limits>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "tests/math/elementary_oracle.hpp"

namespace handgrad::math {
namespace {

template <class T>
class ElementaryFunctions : public testing::Test {};
using Scalars = testing::Types<float, double>;
TYPED_TEST_SUITE(ElementaryFunctions, Scalars);

TYPED_TEST(ElementaryFunctions, StayWithinTheStatedErrorOfMpfrAtSampledNumbers) {
    using T = TypeParam;
    for (const auto& f : oracle::functions<T>()) {
        oracle::Worst<T> worst;
        std::vector<T> xs(128);
        for (std::uint32_t seed = 0; seed < 3000; ++seed) {
            const T anchor = oracle::fill_randomly<T>(f, seed, xs);
            oracle::compare<T>(f, anchor, xs, worst);
        }
        EXPECT_LE(worst.error, f.bound) << f.name << " is off by " << worst.error << " ulp at " << worst.at;
        EXPECT_GE(worst.error, 0.75 * f.bound) << f.name << ": the samples hardly exercise the stated bound";
    }
}

TYPED_TEST(ElementaryFunctions, StayWithinTheStatedErrorAtTheirSeams) {
    using T = TypeParam;
    // Where the exponent of e^x or of the mantissa of log x steps, where a formula takes over from another, where the
    // result overflows, underflows or becomes subnormal.
    std::vector<double> seams{0.5, 1, 2, 0.9, 10, 20, 10.1, 27.3, 27.2, 9.3, 10.05, 0x1p-12, 0x1p-13, 0x1p-27};
    for (int k = 1; k < 1100; ++k) {
        seams.push_back((k - 0.5) * 0.69314718055994530942);
    }
    for (int k = -140; k < 128; ++k) {
        seams.push_back(std::ldexp(1.41421356237309504880, k));
    }
    for (const auto& f : oracle::functions<T>()) {
        oracle::Worst<T> worst;
        for (const double seam : seams) {
            for (const double sign : {1.0, -1.0}) {
                T x = static_cast<T>(sign * seam);
                for (int i = 0; i < 3; ++i) {
                    x = std::nextafter(x, T(0));
                }
                for (int i = 0; i < 6; ++i) {
                    oracle::compare_one(f, x, worst);
                    x = std::nextafter(x, static_cast<T>(sign) * std::numeric_limits<T>::max());
                }
            }
        }
        EXPECT_LE(worst.error, f.bound) << f.name << " is off by " << worst.error << " ulp at " << worst.at;
    }
}

/// What docs/numerics.md says of a function in one number type: the worst error in ulp, where, and the stated bound.
struct Documented {
    std::string name;
    double worst = 0.0;
    double at = 0.0;
    double bound = 0.0;
};

/// The rows `| exp | 0.7587 at -0x1.5e57fep+6 | 0.76 | … | … |` of the page, float in columns 2 and 3, double in 4
/// and 5.
std::vector<Documented> documented(bool single) {
    std::ifstream page(HANDGRAD_NUMERICS_PAGE);
    std::vector<Documented> found;
    for (std::string line; std::getline(page, line);) {
        char name[16];
        Documented f, d;
        if (std::sscanf(line.c_str(), "| %15s | %lf at %la | %lf | %lf at %la | %lf |", name, &f.worst, &f.at, &f.bound,
                        &d.worst, &d.at, &d.bound) == 7) {
            found.push_back(single ? f : d);
            found.back().name = name;
        }
    }
    return found;
}

TYPED_TEST(ElementaryFunctions, HaveTheErrorThatThePageSaysWhereItSays) {
    using T = TypeParam;
    const std::vector<Documented> rows = documented(std::is_same_v<T, float>);
    ASSERT_EQ(rows.size(), oracle::functions<T>().size()) << "rows of the table in " << HANDGRAD_NUMERICS_PAGE;
    for (const auto& f : oracle::functions<T>()) {
        const auto row = std::ranges::find(rows, f.name, &Documented::name);
        ASSERT_NE(row, rows.end()) << f.name << " has no row";
        EXPECT_EQ(static_cast<double>(static_cast<T>(row->at)), row->at) << f.name << ": no number of this type";
        EXPECT_NEAR(oracle::exact_error(f, static_cast<T>(row->at)), row->worst, 0.50001e-4)
            << f.name << " in " << (sizeof(T) == 4 ? "float" : "double");
        EXPECT_EQ(row->bound, f.bound) << f.name;
        EXPECT_LE(row->worst, row->bound) << f.name;
    }
}

TYPED_TEST(ElementaryFunctions, TakeTheirLimitsAndKeepSignsAtSpecialValues) {
    using T = TypeParam;
    using Limits = std::numeric_limits<T>;
    for (const auto& f : oracle::functions<T>()) {
        oracle::Worst<T> worst;
        for (const T x : {T(0), -T(0), Limits::infinity(), -Limits::infinity(), Limits::quiet_NaN(), T(1), -T(1),
                          Limits::max(), -Limits::max(), Limits::min(), -Limits::min(), Limits::denorm_min(),
                          -Limits::denorm_min(), Limits::min() - Limits::denorm_min()}) {
            oracle::compare_one(f, x, worst);
        }
        EXPECT_LE(worst.error, f.bound) << f.name << " is off by " << worst.error << " ulp at " << worst.at;
    }
}

TYPED_TEST(ElementaryFunctions, AreExactlyOddWhereMathematicsSaysSo) {
    using T = TypeParam;
    std::mt19937_64 bits(3);
    for (int i = 0; i < 100000; ++i) {
        const T x = std::bit_cast<T>(static_cast<typename Bits<T>::Integer>(bits()));
        if (!std::isnan(x)) {
            ASSERT_EQ(tanh(-x), -tanh(x)) << x;
            ASSERT_EQ(erf(-x), -erf(x)) << x;
        }
    }
}

TYPED_TEST(ElementaryFunctions, TakeWhatRoundingLostFromAnArgumentIntoAccount) {
    using T = TypeParam;
    using oracle::ulp_error;
    using oracle::Wide;
    constexpr T ulp = std::numeric_limits<T>::epsilon();
    for (T x = T(0.25); x < T(9); x += T(0.37)) {
        const T low = T(0.4) * ulp * x;
        EXPECT_LE(
            ulp_error<T>(erfc_of_sum(x, low), static_cast<Wide<T>>(erfc_of_sum(static_cast<long double>(x), low))),
            2.2);
        const auto exact = exp(-static_cast<long double>(x) + low);
        EXPECT_LE(ulp_error<T>(exp_of_sum(-x, low), static_cast<Wide<T>>(exact)), 1.5);
        const T far = T(1e3) / T(3);
        const auto difference = exp((static_cast<long double>(x) / 7) - far);
        EXPECT_LE(ulp_error<T>(exp_of_difference(x / T(7), far), static_cast<Wide<T>>(difference)),
                  difference < std::numeric_limits<T>::min() ? 1.5 : 1e9);
    }
}

TEST(ComplexWitness, DerivativesAreThoseOfCalculusToLastDigits) {
    const double h = 1e-50;
    for (const double x : {-20.0, -3.0, -0.7, -1e-9, 0.0, 1e-9, 0.3, 0.99, 1.0, 2.5, 20.0}) {
        const auto slope = [x, h](Complex (*f)(Complex)) { return f({x, h}).imag() / h; };
        const double t = std::tanh(x);
        EXPECT_NEAR(slope(&exp), std::exp(x), 1e-14 * std::exp(x)) << x;
        EXPECT_NEAR(slope(&expm1), std::exp(x), 1e-14 * std::exp(x)) << x;
        EXPECT_NEAR(slope(&tanh), 1 / (std::cosh(x) * std::cosh(x)), 1e-14 * (1 - t * t) + 1e-30) << x;
        EXPECT_NEAR(slope(&erf), 1.1283791670955126 * std::exp(-x * x), 1e-14 * std::exp(-x * x)) << x;
        EXPECT_NEAR(slope(&erfc), -1.1283791670955126 * std::exp(-x * x), 1e-14 * std::exp(-x * x)) << x;
        if (x > 0) {
            EXPECT_NEAR(slope(&log), 1 / x, 1e-14 / x) << x;
        }
        if (x > -1) {
            EXPECT_NEAR(slope(&log1p), 1 / (1 + x), 1e-14 / (1 + x)) << x;
        }
    }
}

TEST(ComplexWitness, RealPartsAreThoseOfTheRealFunctions) {
    for (const double x : {-700.0, -30.0, -1.5, -0.5, -1e-12, 1e-30, 1e-12, 0.5, 1.5, 30.0, 700.0}) {
        const Complex z(x, 1e-50);
        EXPECT_DOUBLE_EQ(exp(z).real(), std::exp(x));
        EXPECT_DOUBLE_EQ(expm1(z).real(), std::expm1(x));
        EXPECT_DOUBLE_EQ(tanh(z).real(), std::tanh(x));
        EXPECT_DOUBLE_EQ(erf(z).real(), std::erf(x));
        EXPECT_DOUBLE_EQ(erfc(z).real(), std::erfc(x));
        if (x > 0) {
            EXPECT_DOUBLE_EQ(log(z).real(), std::log(x));
        }
        if (x > -1) {
            EXPECT_DOUBLE_EQ(log1p(z).real(), std::log1p(x));
        }
    }
}

}  // namespace
}  // namespace handgrad::math
