// Which output activation, loss and task go together: of every pair whether it is refused, and what is said.
#include "handgrad/store/head.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "handgrad/base/error.hpp"
#include "tests/support/raised.hpp"

namespace handgrad {
namespace {

using testing::HasSubstr;

Preprocessing columns_of(Task task, std::size_t targets, std::vector<std::string> classes = {}) {
    Preprocessing columns;
    columns.task = task;
    columns.targets.resize(targets);
    columns.classes = std::move(classes);
    return columns;
}
const Preprocessing number = columns_of(Task::regression, 1), numbers = columns_of(Task::regression, 3),
                    classes = columns_of(Task::classification, 1, {"a", "b", "c"}),
                    labels = columns_of(Task::multilabel, 3);

std::string refusal(Activation output, Loss loss, const Preprocessing& columns) {
    return raised([&] { refuse_senseless({output, loss}, columns); });
}

TEST(Head, WhatTeachesNothingIsRefusedWithItsRemedy) {
    EXPECT_EQ(
        refusal(Activation::softmax, Loss::squared_error, number),
        "usage: softmax of one output is always 1, whatever the network learns; choose another output activation, "
        "or learn classes {output_activation, task}");
    EXPECT_THAT(refusal(Activation::sigmoid, Loss::cross_entropy, number),
                HasSubstr("cross_entropy of one output is for shares that sum to 1"));
    EXPECT_THAT(refusal(Activation::exp, Loss::poisson, classes),
                HasSubstr("the loss poisson is for numbers, not for classes"));
    EXPECT_THAT(refusal(Activation::sigmoid, Loss::cross_entropy, classes),
                HasSubstr("cross_entropy never punishes the outputs of other classes"));
    EXPECT_THAT(refusal(Activation::softmax, Loss::cross_entropy, labels), HasSubstr("softmax shares 1"));
}

TEST(Head, WhatTeachesSomethingIsNot) {
    for (const auto& [output, loss, columns] :
         {std::tuple{Activation::softmax, Loss::cross_entropy, numbers},  // shares
          std::tuple{Activation::softmax, Loss::cross_entropy, classes},
          std::tuple{Activation::sigmoid, Loss::binary_cross_entropy, labels},
          std::tuple{Activation::sigmoid, Loss::squared_error, classes},
          std::tuple{Activation::exp, Loss::poisson, number}, std::tuple{Activation::identity, Loss::huber, numbers},
          std::tuple{Activation::softmax, Loss::poisson, columns_of(Task::classification, 1, {"a"})}}) {
        EXPECT_EQ(refusal(output, loss, columns), "nothing") << name(output) << " " << name(loss);
    }
}

TEST(Head, AnOutputBeyondTheDomainOfItsLossIsRefused) {
    EXPECT_EQ(
        raised([] { check_pair(Activation::tanh, Loss::binary_cross_entropy); }),
        "usage: the output activation tanh takes values from -1 to 1, but the loss binary_cross_entropy is defined "
        "from 0 to 1 only; choose another output activation or loss {output_activation, loss}");
    EXPECT_THAT(raised([] { check_pair(Activation::exp, Loss::binary_cross_entropy); }), HasSubstr("from 0 to inf"));
    EXPECT_EQ(raised([] { check_pair(Activation::exp, Loss::poisson); }), "nothing");
}

TEST(Head, EachKnowsWhatItUsuallyGoesWith) {
    for (const Loss loss : {Loss::squared_error, Loss::binary_cross_entropy, Loss::cross_entropy, Loss::poisson}) {
        EXPECT_EQ(usual_loss(output_for(loss)), loss) << name(loss);
    }
    EXPECT_EQ(output_for(Loss::huber), Activation::identity);
    EXPECT_EQ(usual_loss(Activation::tanh), Loss::squared_error);
}

TEST(Head, TargetsAreScaledWhereNothingTiesThemToARange) {
    EXPECT_TRUE(may_scale_target({Activation::identity, Loss::squared_error}));
    EXPECT_FALSE(may_scale_target({Activation::tanh, Loss::squared_error}));
    EXPECT_FALSE(may_scale_target({Activation::relu, Loss::squared_error}));  // bounded below alone
    EXPECT_FALSE(may_scale_target({Activation::identity, Loss::poisson}));
}

TEST(Head, OneOutputServesTwoClassesUnlessItsSharesSumToOne) {
    EXPECT_TRUE(serves_one_output({Activation::sigmoid, Loss::binary_cross_entropy}));
    EXPECT_FALSE(serves_one_output({Activation::softmax, Loss::squared_error}));
    EXPECT_FALSE(serves_one_output({Activation::sigmoid, Loss::cross_entropy}));
}

}  // namespace
}  // namespace handgrad
