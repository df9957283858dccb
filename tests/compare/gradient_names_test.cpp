// Files of gradients as people write them: names, what stands beside them, shapes, and what no file of gradients is.
#include "handgrad/compare/gradient_names.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include "handgrad/compare/comparison.hpp"
#include "tests/support/raised.hpp"

namespace handgrad::compare {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

using Names = std::vector<std::string>;
using Shape = std::vector<std::size_t>;

const Architecture shape_3_4_2{.sizes = {3, 4, 2}};
const Architecture shape_10_10_8_1{.sizes = {10, 10, 8, 1}};
const Architecture square{.sizes = {3, 3, 3, 3}};

/// Arrays of those names in the shapes of W1, b1, W2, b2 ….
std::vector<NamedArray> named(const Names& names, const Architecture& shape) {
    std::vector<NamedArray> arrays;
    for (std::size_t i = 0; i < names.size(); ++i) {
        Shape own{shape.sizes[i / 2 + 1]};
        if (i % 2 == 0) {
            own.push_back(shape.sizes[i / 2]);
        }
        arrays.push_back({names[i], own, {}});
    }
    return arrays;
}

/// The names that were matched, in the order of the parameters; empty for parameters that are not there.
Names matched(const std::vector<NamedArray>& arrays, const Architecture& shape) {
    Names names(2 * shape.layers());
    for (const MatchedTensor& tensor : match_gradient_names(arrays, shape, "g").tensors) {
        names[tensor.parameter] = arrays[tensor.place].name;
    }
    return names;
}
std::string refusal(const std::vector<NamedArray>& arrays, const Architecture& shape) {
    return raised([&] { match_gradient_names(arrays, shape, "g.npz"); });
}
Names left_out(const std::vector<NamedArray>& arrays, const Architecture& shape) {
    return understood_gradients(arrays, shape, "g").left_out;
}

TEST(GradientNames, OfPathsSymbolsAndOtherFrameworks) {
    for (const Names& names : std::vector<Names>{
             {"dL/dW1", "dL/db1", "dL/dW2", "dL/db2"},
             {"∂L/∂W1", "∂L/∂b1", "∂L/∂W2", "∂L/∂b2"},
             {"∂L/∂W⁽¹⁾", "∂L/∂b⁽¹⁾", "∂L/∂W⁽²⁾", "∂L/∂b⁽²⁾"},
             {"∇W₁", "∇b₁", "∇W₂", "∇b₂"},
             {"Dense_0/kernel", "Dense_0/bias", "Dense_1/kernel", "Dense_1/bias"},
             {"params/Dense_0/kernel", "params/Dense_0/bias", "params/Dense_1/kernel", "params/Dense_1/bias"},
             {"dense/kernel:0", "dense/bias:0", "dense_1/kernel:0", "dense_1/bias:0"},
             {"sequential_1/dense/kernel", "sequential_1/dense/bias", "sequential_1/dense_1/kernel",
              "sequential_1/dense_1/bias"},
             {"gW1", "gb1", "gW2", "gb2"},
             {"g_W1", "g_b1", "g_W2", "g_b2"},
             {"theta1", "bias1", "theta2", "bias2"},
             {"d1W", "d1b", "d2W", "d2b"},
             {"hidden.weight", "hidden.bias", "output.weight", "output.bias"},
             {"hidden/kernel:0", "hidden/bias:0", "output/kernel:0", "output/bias:0"},
             {"W_in", "b_in", "W_out", "b_out"},
             {"input.weight", "input.bias", "fc1.weight", "fc1.bias"},
             {"W1", "b1", "Wout", "bout"},
             {"block1.fc2.weight", "block1.fc2.bias", "block2.fc1.weight", "block2.fc1.bias"}}) {
        EXPECT_EQ(matched(named(names, shape_3_4_2), shape_3_4_2), names) << names[0];
    }
    for (const Names& names : std::vector<Names>{
             {"hidden1.weight", "hidden1.bias", "hidden2.weight", "hidden2.bias", "output.weight", "output.bias"},
             {"fc1.weight", "fc1.bias", "fc2.weight", "fc2.bias", "out.weight", "out.bias"}}) {
        EXPECT_EQ(matched(named(names, shape_10_10_8_1), shape_10_10_8_1), names);
        EXPECT_EQ(matched(named(names, square), square), names);
    }
}

TEST(GradientNames, WhatIsNoParameterIsLeftOutAndNamed) {
    const Names ours{"linear1.weight", "linear1.bias", "linear2.weight", "linear2.bias"};
    const Names by_hand{"dW1", "db1", "dW2", "db2"};
    const std::vector<NamedArray> extra{{"loss", {}, {}},      {"X", {442, 3}, {}}, {"y", {442, 2}, {}},
                                        {"dZ1", {442, 4}, {}}, {"A1", {4}, {}},     {"weights", {442}, {}}};
    for (const Names& names : {ours, by_hand}) {
        std::vector<NamedArray> arrays = named(names, shape_3_4_2);
        arrays.insert(arrays.begin() + 2, extra.begin(), extra.end());
        EXPECT_EQ(matched(arrays, shape_3_4_2), names);
        EXPECT_THAT(left_out(arrays, shape_3_4_2), ElementsAre("loss", "X", "y", "dZ1", "A1", "weights"));
    }
    for (const auto& [parameters, gradients] :
         {std::pair(Names{"W1", "b1", "W2", "b2"}, by_hand),
          {ours, {"linear1.weight.grad", "linear1.bias.grad", "linear2.weight.grad", "linear2.bias.grad"}},
          {{"params/W1", "params/b1", "params/W2", "params/b2"}, {"grads/W1", "grads/b1", "grads/W2", "grads/b2"}}}) {
        std::vector<NamedArray> arrays = named(parameters, shape_3_4_2);
        const std::vector<NamedArray> more = named(gradients, shape_3_4_2);
        arrays.insert(arrays.end(), more.begin(), more.end());
        EXPECT_EQ(matched(arrays, shape_3_4_2), gradients);
        EXPECT_EQ(left_out(arrays, shape_3_4_2), parameters);
    }
    EXPECT_THAT(left_out(named(ours, shape_3_4_2), shape_3_4_2), IsEmpty());
}

TEST(GradientNames, WhatMayMeanTwoThingsIsRefusedWithTheReason) {
    const auto with = [](Names names, const std::vector<NamedArray>& more, const Architecture& shape = shape_3_4_2) {
        std::vector<NamedArray> arrays = named(names, shape);
        arrays.insert(arrays.end(), more.begin(), more.end());
        return refusal(arrays, shape);
    };
    EXPECT_THAT(
        with({"linear1.weight", "linear1.bias"}, {{"W1", {4, 3}, {}}}),
        AllOf(HasSubstr("'linear1.weight' and 'W1' name layers in two ways"), HasSubstr("np.savez(FILE, W1=..., b1=")));
    EXPECT_THAT(with({"dW1", "db1"}, {{"dW1_numeric", {4, 3}, {}}}), HasSubstr("'dW1' and 'dW1_numeric' name"));
    EXPECT_THAT(with({"fc1.weight"}, {{"fc1/weight", {4, 3}, {}}}), HasSubstr("are both linear1.weight"));
    EXPECT_THAT(with({"fc1.weight", "fc1.bias", "fc2.weight", "fc2.bias"}, {{"fc3.weight", {2, 4}, {}}}),
                HasSubstr("they are 3 layers by their names, the network has 2"));
    EXPECT_THAT(with({"dW1"}, {}, square), HasSubstr("several layers of the same shape"));
    EXPECT_THAT(with({"one.weight", "one.bias", "two.weight"}, {{"three.weight", {4, 3}, {}}}),
                HasSubstr("do not say by a number which layer they are"));
    EXPECT_THAT(with({"W1", "b1", "W2", "b2", "W", "b"}, {}, square), HasSubstr("several layers of the same shape"));
    EXPECT_THAT(
        with({"fc1.weight", "fc1.bias", "fc2.weight", "fc2.bias", "out.weight"}, {}, Architecture{{3, 4, 4, 4, 2}}),
        HasSubstr("no layers of these shapes"));  // out is a layer of 4 × 4 here
    EXPECT_THAT(with({}, {{"loss", {}, {}}, {"X", {4, 3}, {}}}), HasSubstr("are called loss, X; expected are"));
}

TEST(GradientNames, WithoutNamesTheExactShapesDecide) {
    const Names arr{"arr_0", "arr_1", "arr_2", "arr_3", "arr_4", "arr_5"};
    std::vector<NamedArray> arrays = named(arr, shape_10_10_8_1);  // W3 (1, 8) is b2 (8) but for its axis
    EXPECT_EQ(matched(arrays, shape_10_10_8_1), arr);
    std::vector<NamedArray> turned = arrays, columns = arrays, one_turned = arrays;
    for (NamedArray& array : turned) {
        std::ranges::reverse(array.shape);
    }
    EXPECT_EQ(matched(turned, shape_10_10_8_1), arr);
    EXPECT_EQ(match_gradient_names(turned, shape_10_10_8_1, "g").orientation, Orientation::in_out);
    for (NamedArray& array : columns) {
        array.shape.resize(2, 1);
    }
    EXPECT_EQ(matched(columns, shape_10_10_8_1), arr);
    std::ranges::reverse(one_turned[2].shape);  // a mistake, which is to be judged
    EXPECT_EQ(matched(one_turned, shape_10_10_8_1), arr);
    arrays.push_back({"arr_6", {442, 10}, {}});
    arrays.push_back({"arr_7", {}, {}});  // a loss
    EXPECT_THAT(left_out(arrays, shape_10_10_8_1), ElementsAre("arr_6", "arr_7"));
    const std::vector<NamedArray> same = named(arr, square);
    EXPECT_THAT(refusal(same, square),
                AllOf(HasSubstr("'arr_0' has no name, and by its shape it may be linear1.weight or "
                                "linear2.weight"),
                      HasSubstr("np.savez(FILE, W1=..., b1=...)")));
    const Architecture mirrored{.sizes = {3, 4, 3}};
    EXPECT_THAT(refusal(named({"arr_0", "arr_1", "arr_2", "arr_3"}, mirrored), mirrored),
                HasSubstr("in two ways, as out x in and as in x out"));
}

TEST(GradientNames, MoreAxesOfLengthOneDoNotCount) {
    const std::vector<NamedArray> arrays{{"dW1", {1, 10, 10}, {}}, {"db1", {1, 1, 10}, {}},   {"dW2", {8, 10, 1}, {}},
                                         {"db2", {8, 1}, {}},      {"dW3", {1, 1, 1, 8}, {}}, {"db3", {1, 1, 1}, {}}};
    std::vector<Shape> shapes;
    for (const NamedArray& array : understood_gradients(arrays, shape_10_10_8_1, "g").arrays) {
        shapes.push_back(array.shape);
    }
    EXPECT_THAT(shapes, ElementsAre(Shape{10, 10}, Shape{10}, Shape{8, 10}, Shape{8, 1}, Shape{8}, Shape{1}));
    const std::vector<NamedArray> turned{{"dW1", {1, 3, 4}, {}}, {"dW2", {4, 1, 2}, {}}};
    const UnderstoodGradients in_out = understood_gradients(turned, shape_3_4_2, "g");
    EXPECT_THAT(in_out.arrays[0].shape, ElementsAre(3, 4));  // not reordered, but read as what it is
    EXPECT_EQ(match_gradient_names(turned, shape_3_4_2, "g").orientation, Orientation::in_out);
    for (const Shape& list : {Shape{8}, Shape{1, 8, 1}, Shape{8, 1}}) {  // says nothing against in × out
        const std::vector<NamedArray> with_list{{"dW2", {10, 8}, {}}, {"dW3", list, {}}};
        EXPECT_EQ(match_gradient_names(with_list, shape_10_10_8_1, "g").orientation, Orientation::in_out);
    }
    EXPECT_EQ(match_gradient_names({{{"db2", {8}, {}}}}, shape_10_10_8_1, "g").orientation, Orientation::out_in);
}

TEST(GradientNames, AnArrayThatCannotBeReadMattersWhereItIsMeant) {
    std::vector<NamedArray> arrays = named({"dW1", "db1", "dW2", "db2"}, shape_3_4_2);
    arrays.push_back({.name = "names", .shape = {}, .values = {}, .problem = "g: names: an array of texts"});
    EXPECT_THAT(left_out(arrays, shape_3_4_2), ElementsAre("names"));
    arrays[1] = {.name = "db1", .shape = {}, .values = {}, .problem = "g: db1: an array of objects"};
    EXPECT_EQ(refusal(arrays, shape_3_4_2), "data: g: db1: an array of objects");
    EXPECT_EQ(refusal({{.name = "arr_0", .shape = {}, .values = {}, .problem = "g: arr_0: objects"}}, shape_3_4_2),
              "data: g: arr_0: objects");
}

// --- Files -----------------------------------------------------------------------------------------------------------

class GradientFile : public ::testing::Test {
protected:
    void SetUp() override { std::filesystem::create_directories(folder_); }
    void TearDown() override { std::filesystem::remove_all(folder_); }
    std::string file(const std::string& name, const std::string& content) {
        std::ofstream(folder_ / name, std::ios::binary) << content;
        return folder_ / name;
    }
    static std::string refused(const std::string& path) {
        return raised([&] { read_gradients(path); });
    }

    std::filesystem::path folder_ =
        std::filesystem::path(::testing::TempDir()) / ::testing::UnitTest::GetInstance()->current_test_info()->name();
};

TEST_F(GradientFile, WhatIsNoneSaysWhatItIsAndWhatToType) {
    for (const auto& [name, content, cause] : std::vector<std::array<std::string, 3>>{
             {"g.json", "{\"W1\": [[1.0, 2.0]]}", "this is JSON"},
             {"g.csv", "0.1,0.2\n0.3,0.4\n", "this is a text"},
             {"g.txt", "W1 = 1", "this is a text"},
             {"g.mat", "MATLAB 5.0 MAT-file Platform: posix" + std::string(93, ' ') + std::string(40, '\0'),
              "this is a MATLAB"},
             {"g.h5", "\x89HDF\r\n\x1a\n" + std::string(90, '\0'), "this is an HDF5 file"},
             {"g.bin", std::string(40, '\0'), "this is neither of NumPy's archives nor safetensors"},
             {"g.safetensors", "", "it is empty"},
             {"empty.npz", "", "it is empty"},
             {"g.npy", "\x93NUMPY\x01", "not an .npz archive but a single array"},
             {"g.npz", "hello", "not an .npz archive by its first bytes"}}) {
        EXPECT_THAT(refused(file(name, content)), AllOf(::testing::StartsWith("data: "), HasSubstr(": " + cause),
                                                        HasSubstr("np.savez('gradients.npz', W1=dW1")))
            << name;
    }
    EXPECT_THAT(refused(file("cut.safetensors", std::string("\x40\0\0\0\0\0\0\0{", 9))), HasSubstr("data: "));
    EXPECT_THAT(refused(file("cut.safetensors", std::string("\x02\0\0\0\0\0\0\0{]", 10))), HasSubstr("data: "));
}

TEST_F(GradientFile, WhatIsNoFileIsRefusedBeforeItIsRead) {
    EXPECT_THAT(refused(folder_), HasSubstr("io: " + folder_.string() + ": cannot read: Is a directory"));
    EXPECT_THAT(refused(folder_ / "none.npz"), HasSubstr("io: "));
    EXPECT_THAT(refused("/dev/zero"), HasSubstr("data: /dev/zero: this is a device"));  // has no end
    const std::string huge = file("huge.csv", "a,b\n");
    std::filesystem::resize_file(huge, std::uintmax_t{1} << 42U);  // a hole: it takes no room
    EXPECT_THAT(refused(huge), HasSubstr("data: "));
}

}  // namespace
}  // namespace handgrad::compare
