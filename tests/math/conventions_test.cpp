// The conventions: the presets by name, and that the default is the derivation's.
#include "handgrad/math/conventions.hpp"

#include <gtest/gtest.h>

namespace handgrad {
namespace {

TEST(Conventions, OfTheDerivationAreTheDefault) {
    const Conventions own;
    EXPECT_EQ(own, *find_conventions("handgrad"));
    EXPECT_EQ(own.squared_error, Reduction::sum) << "Eq. (3)";
    EXPECT_EQ(own.binary_cross_entropy, Reduction::mean) << "Table 5";
    EXPECT_EQ(own.kink, Kink::right_limit) << "Eq. (7)";
}

TEST(Conventions, EveryPresetIsFoundByItsOwnNameAndDiffersFromTheOthers) {
    for (const Conventions& preset : convention_presets) {
        EXPECT_EQ(find_conventions(preset.name), preset);
        for (const Conventions& other : convention_presets) {
            EXPECT_EQ(preset == other, &preset == &other) << preset.name << " and " << other.name;
        }
    }
}

TEST(Conventions, UnknownNamesAreNoPreset) {
    EXPECT_FALSE(find_conventions("keras"));
    EXPECT_FALSE(find_conventions(""));
    EXPECT_FALSE(find_conventions("PyTorch"));
}

TEST(Conventions, OfPytorchAndSklearnTakeTheSlopeNearestToZeroAtAKink) {
    EXPECT_EQ(find_conventions("pytorch")->kink, Kink::nearest_zero);
    EXPECT_EQ(find_conventions("sklearn")->kink, Kink::nearest_zero);
}

}  // namespace
}  // namespace handgrad
