// Every formula on a SIMD number, from the same text and with the same bits as on a single one.
#include <gtest/gtest.h>

#include <bit>
#include <cstdint>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "handgrad/math/losses.hpp"
#include "tests/math/lanes.hpp"

namespace handgrad::math {
namespace {

template <class S>
using Integer = typename Bits<S>::Integer;

/// Numbers with random bits, numbers of everyday size, and the special ones; as many as a multiple of 4.
template <class S>
std::vector<S> arguments() {
    using Limits = std::numeric_limits<S>;
    std::vector<S> list{S(0),
                        -S(0),
                        S(1),
                        -S(1),
                        S(20),
                        S(-20),
                        S(50),
                        S(-50),
                        S(100),
                        S(-100),
                        S(1e4),
                        S(-1e4),
                        S(0.5),
                        Limits::infinity(),
                        -Limits::infinity(),
                        Limits::quiet_NaN(),
                        Limits::max(),
                        Limits::min(),
                        Limits::denorm_min(),
                        S(1e-30)};
    std::mt19937_64 bits(7);
    for (int i = 0; i < 2000; ++i) {
        list.push_back(std::bit_cast<S>(static_cast<Integer<S>>(bits())));
        list.push_back(static_cast<S>(static_cast<double>(bits() >> 11U) * 0x1p-53 * 40 - 20));
    }
    return list;
}

template <class S>
void expect_same_bits(S lane, S alone, S x, std::string_view what) {
    if (std::isnan(alone)) {
        EXPECT_TRUE(std::isnan(lane)) << what << " at " << x;
    } else {
        EXPECT_EQ(std::bit_cast<Integer<S>>(lane), std::bit_cast<Integer<S>>(alone)) << what << " at " << x;
    }
}

/// Applies f to the arguments four at a time and one at a time.
template <class S, class F>
void compare_lanes(F f, std::string_view what) {
    const std::vector<S> xs = arguments<S>();
    for (std::size_t i = 0; i + 4 <= xs.size(); i += 4) {
        test::Lanes<S, 4> x;
        std::copy_n(xs.begin() + static_cast<std::ptrdiff_t>(i), 4, x.lane.begin());
        const auto y = f(x);
        for (std::size_t j = 0; j < 4; ++j) {
            expect_same_bits(y.lane[j], f(x.lane[j]), x.lane[j], what);
        }
    }
}

template <class S>
class WrittenOnce : public testing::Test {};
using Scalars = testing::Types<float, double>;
TYPED_TEST_SUITE(WrittenOnce, Scalars);

TYPED_TEST(WrittenOnce, ElementaryFunctionsGiveTheSameBitsInEveryLane) {
    compare_lanes<TypeParam>([](auto x) { return exp(x); }, "exp");
    compare_lanes<TypeParam>([](auto x) { return expm1(x); }, "expm1");
    compare_lanes<TypeParam>([](auto x) { return log(x); }, "log");
    compare_lanes<TypeParam>([](auto x) { return log1p(x); }, "log1p");
    compare_lanes<TypeParam>([](auto x) { return tanh(x); }, "tanh");
    compare_lanes<TypeParam>([](auto x) { return erf(x); }, "erf");
    compare_lanes<TypeParam>([](auto x) { return erfc(x); }, "erfc");
}

TYPED_TEST(WrittenOnce, ActivationsGiveTheSameBitsInEveryLane) {
    for (const Activation activation : all_activations) {
        visit(activation, []<class F>(F) {
            if constexpr (F::facts.elementwise) {
                compare_lanes<TypeParam>([](auto x) { return F::value(x); }, F::facts.name);
                compare_lanes<TypeParam>([](auto x) { return F::derivative(x); }, F::facts.name);
                compare_lanes<TypeParam>([](auto x) { return F::second_derivative(x); }, F::facts.name);
            }
        });
    }
}

TYPED_TEST(WrittenOnce, LossesGiveTheSameBitsInEveryLane) {
    for (const Loss loss : all_losses) {
        visit(loss, []<class L>(L) {
            if constexpr (L::facts.residual) {
                compare_lanes<TypeParam>([](auto d) { return L::value(d); }, L::facts.name);
                compare_lanes<TypeParam>([](auto d) { return L::derivative(d); }, L::facts.name);
            } else {
                compare_lanes<TypeParam>([](auto x) { return L::value(x, decltype(x)(0.25)); }, L::facts.name);
                compare_lanes<TypeParam>([](auto x) { return L::derivative(x, decltype(x)(1)); }, L::facts.name);
            }
        });
    }
}

TYPED_TEST(WrittenOnce, RowsOfSoftmaxAndItsLossGiveTheSameBitsInEveryLane) {
    using S = TypeParam;
    using Four = test::Lanes<S, 4>;
    constexpr std::size_t K = 3;
    const std::vector<S> xs = arguments<S>();
    for (std::size_t i = 0; i + 4 * K <= xs.size(); i += 4 * K) {
        std::array<Four, K> z;
        std::array<Four, K> p;
        std::array<Four, K> dz;
        for (std::size_t j = 0; j < K; ++j) {
            std::copy_n(xs.begin() + static_cast<std::ptrdiff_t>(i + 4 * j), 4, z[j].lane.begin());
        }
        const std::array<Four, K> y{Four(1), Four(0), Four(0)};
        Softmax::value<Four>(z, p);
        SoftmaxCrossEntropy::derivative<Four>(z, y, dz);
        for (std::size_t row = 0; row < 4; ++row) {
            const std::array<S, K> z_alone{z[0].lane[row], z[1].lane[row], z[2].lane[row]};
            const std::array<S, K> y_alone{1, 0, 0};
            std::array<S, K> p_alone;
            std::array<S, K> dz_alone;
            Softmax::value<S>(z_alone, p_alone);
            SoftmaxCrossEntropy::derivative<S>(z_alone, y_alone, dz_alone);
            for (std::size_t j = 0; j < K; ++j) {
                expect_same_bits(p[j].lane[row], p_alone[j], z_alone[j], "softmax");
                expect_same_bits(dz[j].lane[row], dz_alone[j], z_alone[j], "softmax with cross_entropy");
            }
        }
    }
}

}  // namespace
}  // namespace handgrad::math
