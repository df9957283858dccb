// Copies among hidden units: found wherever they stand, and nothing else is taken for one.
#include "handgrad/diagnose/identical_units.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

namespace handgrad::diagnose {
namespace {

template <class T>
BasicMlp<T> network() {
    return BasicMlp<T>::random({.sizes = {3, 8, 4, 2}, .conventions = {}}, 5);
}

template <class T>
void copy_unit(BasicMlp<T>& net, std::size_t layer, std::size_t from, std::size_t to) {
    std::ranges::copy(net.weight(layer).row(from), net.weight(layer).row(to).begin());
    net.bias(layer)[to] = net.bias(layer)[from];
    for (std::size_t k = 0; k < net.weight(layer + 1).rows(); ++k) {
        net.weight(layer + 1)(k, to) = net.weight(layer + 1)(k, from);
    }
}

template <class T>
class IdenticalUnits : public testing::Test {};
using Precisions = testing::Types<float, double>;
TYPED_TEST_SUITE(IdenticalUnits, Precisions);

TYPED_TEST(IdenticalUnits, AreCountedByLayer) {
    BasicMlp<TypeParam> net = network<TypeParam>();
    EXPECT_EQ(identical_units(net), (std::vector<double>{0.0, 0.0, 0.0}));
    copy_unit(net, 0, 1, 6);
    EXPECT_EQ(identical_units(net), (std::vector<double>{0.25, 0.0, 0.0}));
    copy_unit(net, 0, 1, 3);
    copy_unit(net, 1, 0, 2);
    EXPECT_EQ(identical_units(net), (std::vector<double>{0.375, 0.5, 0.0}));
}

TYPED_TEST(IdenticalUnits, DifferByOneNumberInOrOutOrByTheirBias) {
    const auto with = [](auto change) {
        BasicMlp<TypeParam> net = network<TypeParam>();
        copy_unit(net, 0, 1, 6);
        change(net);
        return identical_units(net)[0];
    };
    const TypeParam tiny = std::nextafter(TypeParam(1), TypeParam(2));
    EXPECT_EQ(with([&](auto& net) { net.weight(0)(6, 2) *= tiny; }), 0.0);
    EXPECT_EQ(with([&](auto& net) { net.weight(1)(3, 6) *= tiny; }), 0.0);
    EXPECT_EQ(with([&](auto& net) { net.bias(0)[6] += TypeParam(1); }), 0.0);
    EXPECT_EQ(with([&](auto& net) { net.bias(1)[3] += TypeParam(1); }), 0.25);
}

TYPED_TEST(IdenticalUnits, WithoutWeightsDoNotCountAndNoNumbersUpsetNothing) {
    EXPECT_EQ(identical_units(BasicMlp<TypeParam>::zeros({.sizes = {3, 8, 2}, .conventions = {}}))[0], 0.0);
    BasicMlp<TypeParam> net = network<TypeParam>();
    net.weight(0)(2, 0) = TypeParam(NAN);
    copy_unit(net, 0, 1, 6);
    EXPECT_EQ(identical_units(net)[0], 0.25);
}

}  // namespace
}  // namespace handgrad::diagnose
