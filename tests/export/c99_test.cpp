// Names and pieces of the C that is written.
#include "handgrad/export/c99.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "handgrad/base/error.hpp"
#include "handgrad/export/c_selftest.hpp"
#include "handgrad/export/c_text.hpp"
#include "handgrad/export/weights.hpp"
#include "handgrad/nn/predictor.hpp"

namespace handgrad::exports {
namespace {

using ::testing::HasSubstr;

TEST(CText, MakesANameOfAnyText) {
    EXPECT_EQ(c_identifier("price"), "price");
    EXPECT_EQ(c_identifier("my model-2.0"), "my_model_2_0");
    EXPECT_EQ(c_identifier("2nd"), "m2nd");
    EXPECT_EQ(c_identifier("_x"), "m_x");
    EXPECT_EQ(c_identifier("größe"), "gr_e");
    EXPECT_EQ(c_identifier("float"), "float_");
    EXPECT_EQ(c_identifier(""), "m");
    CNames names;
    EXPECT_EQ(names.add("M_", "A B"), "M_A_B");
    EXPECT_EQ(names.add("M_", "A-B"), "M_A_B_2");
}

TEST(CText, WritesTextsThatNoCompilerMisreads) {
    EXPECT_EQ(c_string("a\"b\\?\n\xC3\xBC"
                       "1"),
              "\"a\\\"b\\\\\\?\\012\\303\\2741\"");
    EXPECT_EQ(c_comment("a */ b /* ?"
                        "?/ \\\n"),
              "a *  b /    /   ");
    EXPECT_EQ(filled("a b", {{"a", "b"}, {"b", "c"}}), "c c");
}

template <class T>
BasicMlp<T> network(Activation hidden, Activation output, std::vector<std::size_t> sizes) {
    return BasicMlp<T>::random({.sizes = std::move(sizes), .hidden = hidden, .output = output}, 3);
}

/// Twice the bound holds for float beside double, whose own error is far below it.
TEST(CSelftest, OutputsAreWithinTheirBound) {
    for (const Activation hidden : all_activations) {
        for (const Activation output :
             {Activation::identity, Activation::sigmoid, Activation::softmax, Activation::gelu}) {
            if (hidden == Activation::softmax) {
                continue;
            }
            const auto net = network<float>(hidden, output, {7, 9, 5, 3});
            const BasicPredictor<float> one(net);
            const BasicPredictor<double> wide(convert<double>(net));
            for (std::uint32_t seed = 1; seed < 50; ++seed) {
                const std::vector<float> x = selftest_row<float>(7, seed);
                const std::vector<double> bounds = output_bounds<float>(net, x);
                const std::vector<double> x_wide(x.begin(), x.end());
                std::vector<float> yhat(3);
                std::vector<double> exact(3);
                one.predict(std::span<const float>(x), std::span<float>(yhat));
                wide.predict(std::span<const double>(x_wide), std::span<double>(exact));
                for (std::size_t k = 0; k < 3; ++k) {
                    EXPECT_LE(std::fabs(static_cast<double>(yhat[k]) - exact[k]), bounds[k])
                        << name(hidden) << ", " << name(output);
                    EXPECT_LE(bounds[k], 1e-3 * (1 + std::fabs(exact[k]))) << name(hidden) << ", " << name(output);
                }
            }
        }
    }
}

TEST(C99, RefusesANameThatIsNone) {
    const Model model{.net = network<float>(Activation::relu, Activation::identity, {2, 3, 1}),
                      .loss = {},
                      .preprocessing = {},
                      .provenance = {}};
    for (const std::string name : {"", "1a", "a b", "int", "_a"}) {
        try {
            c99(model, {.name = name});
            ADD_FAILURE() << name;
        } catch (const Error& error) {
            EXPECT_EQ(error.kind(), ErrorKind::usage);
            EXPECT_EQ(error.settings(), (std::vector<SettingHint>{{"name", c_identifier(name)}}));
        }
    }
    try {
        c99(model, {.name = "m", .raw = true});
        ADD_FAILURE();
    } catch (const Error& error) {
        EXPECT_THAT(error.what(), HasSubstr("the network has 2 inputs and 1 outputs"));
    }
}

TEST(Torch, LoadsALayerForEachLinearAndItsActivation) {
    Model model{.net = network<double>(Activation::gelu_tanh, Activation::exp, {2, 3, 1}),
                .loss = {},
                .preprocessing = {},
                .provenance = {}};
    EXPECT_EQ(torch_program(model, "a\"b"),
              "from safetensors.torch import load_file\nfrom torch import nn\n"
              "Exp = type(\"Exp\", (nn.Module,), {\"forward\": lambda self, z: z.exp()})\n"
              "net = nn.Sequential(nn.Linear(2, 3), nn.GELU(\"tanh\"), nn.Linear(3, 1), Exp()).double()\n"
              "net.load_state_dict(load_file(\"a\\\"b\"))\n");
}

}  // namespace
}  // namespace handgrad::exports
