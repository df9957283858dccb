// The diagnosis: each planted factor is named at many widths, depths, activations and precisions, healthy networks are
// left alone, the split adds up, and what-if sizes are those of a direct computation.
#include "handgrad/diagnose/diagnosis.hpp"
#include "handgrad/train/settings.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <limits>

#include "handgrad/base/error.hpp"
#include "handgrad/train/trainer.hpp"
#include "tests/support/planted.hpp"

namespace handgrad::diagnose {
namespace {

using planted::Case;
using testing::HasSubstr;

constexpr std::size_t variants = 40;
constexpr std::array row_counts{std::size_t{20}, std::size_t{64}, std::size_t{300}, std::size_t{700}};
const OptimizerOptions sgd{.kind = OptimizerKind::sgd, .learning_rate = 0.01};

template <class T>
Diagnosis diagnosis_of(const Case<T>& made) {
    return diagnose(made.net, made.loss, made.data, sgd);
}

std::string seen(const Diagnosis& diagnosis) {
    std::string text;
    for (const LayerDiagnosis& layer : diagnosis.layers) {
        text += layer.name + " " + std::string(name(layer.factor)) + " reach " + std::to_string(layer.reach) +
                " flat " + std::to_string(layer.saturated) + " dead " + std::to_string(layer.dead) + "; ";
    }
    return text + diagnosis.text;
}

/// Layers first … last − 1 starve by this factor, all others do not starve.
void expect_factor(const Diagnosis& diagnosis, Factor factor, std::size_t first, std::size_t last) {
    for (std::size_t l = 0; l < diagnosis.layers.size(); ++l) {
        const Factor expected = first <= l && l < last ? factor : Factor::none;
        ASSERT_EQ(name(diagnosis.layers[l].factor), name(expected)) << "layer " << l + 1 << ": " << seen(diagnosis);
        ASSERT_EQ(diagnosis.layers[l].starved, expected != Factor::none);
    }
}

template <class T>
class PlantedFactor : public testing::Test {
protected:
    /// Calls plant(draw) for many random networks.
    template <class Plant>
    void each_variant(Plant plant) {
        for (std::size_t variant = 0; variant < variants && !HasFatalFailure(); ++variant) {
            SCOPED_TRACE(variant);
            Draw draw(variant);
            plant(draw, row_counts[variant % row_counts.size()]);
        }
    }
};
using Precisions = testing::Types<float, double>;
TYPED_TEST_SUITE(PlantedFactor, Precisions);

TYPED_TEST(PlantedFactor, SaturatedOutputUnderSquaredErrorStarvesAllLayers) {
    this->each_variant([](Draw& draw, std::size_t rows) {
        const Activation hidden = draw.one_of({Activation::relu, Activation::sigmoid, Activation::tanh});
        auto made = planted::healthy<TypeParam>(
            draw, planted::random_shape(draw, draw.whole(0, 2), hidden, Activation::sigmoid), Loss::squared_error,
            rows);
        const std::size_t last = made.net.layers() - 1;
        if (draw.coin()) {
            for (TypeParam& b : made.net.bias(last)) {
                b = static_cast<TypeParam>(draw.uniform(15.0, 200.0) * (draw.coin() ? 1 : -1));
            }
        } else {
            planted::scale_weights(made.net, last, draw.uniform(1e3, 1e4));
        }
        expect_factor(diagnosis_of(made), Factor::output_saturation, 0, made.net.layers());
    });
}

TYPED_TEST(PlantedFactor, SaturatedOutputUnderItsOwnCrossEntropyStarvesNobodyAndSaysSo) {
    this->each_variant([](Draw& draw, std::size_t rows) {
        auto made =
            planted::healthy<TypeParam>(draw, planted::random_shape(draw, 1, Activation::relu, Activation::sigmoid),
                                        Loss::binary_cross_entropy, rows);
        for (TypeParam& b : made.net.bias(1)) {
            b = static_cast<TypeParam>(draw.uniform(15.0, 200.0));
        }
        const Diagnosis diagnosis = diagnosis_of(made);
        expect_factor(diagnosis, Factor::none, 0, 0);
        ASSERT_TRUE(diagnosis.output_cancels);
        ASSERT_THAT(diagnosis.text, HasSubstr("cancels"));
        ASSERT_EQ(diagnosis.layers[0].split.output, 0.0);
    });
}

TYPED_TEST(PlantedFactor, SaturatedHiddenLayerStarvesItselfAndAllBelow) {
    this->each_variant([](Draw& draw, std::size_t rows) {
        const Activation output = draw.one_of({Activation::identity, Activation::sigmoid, Activation::softmax});
        const Loss loss = output == Activation::sigmoid   ? Loss::binary_cross_entropy
                          : output == Activation::softmax ? Loss::cross_entropy
                                                          : Loss::squared_error;
        const std::size_t depth = draw.whole(1, 3);
        auto made = planted::healthy<TypeParam>(
            draw, planted::random_shape(draw, depth, draw.one_of({Activation::sigmoid, Activation::tanh}), output),
            loss, rows);
        const std::size_t m = draw.whole(0, depth - 1);
        if (draw.coin()) {
            for (TypeParam& b : made.net.bias(m)) {
                b = static_cast<TypeParam>(draw.uniform(15.0, 100.0) * (draw.coin() ? 1 : -1));
            }
        } else {
            planted::scale_weights(made.net, m, draw.uniform(200, 2e3));
        }
        const Diagnosis diagnosis = diagnosis_of(made);
        for (std::size_t l = 0; l <= m; ++l) {
            ASSERT_EQ(name(diagnosis.layers[l].factor), name(Factor::hidden_saturation)) << l << seen(diagnosis);
        }
        ASSERT_EQ(name(diagnosis.layers.back().factor), name(Factor::none)) << seen(diagnosis);
    });
}

TYPED_TEST(PlantedFactor, TinyWeightsStarveWhatLiesBelow) {
    this->each_variant([](Draw& draw, std::size_t rows) {
        const Activation hidden = draw.one_of({Activation::relu, Activation::sigmoid, Activation::tanh});
        const Activation output = draw.one_of({Activation::identity, Activation::sigmoid});
        auto made = planted::healthy<TypeParam>(
            draw, planted::random_shape(draw, 1, hidden, output),
            output == Activation::sigmoid && draw.coin() ? Loss::binary_cross_entropy : Loss::squared_error, rows);
        planted::scale_weights(made.net, 1, std::pow(10.0, draw.uniform(-12.0, -3.0)));
        expect_factor(diagnosis_of(made), Factor::small_weights, 0, 1);
    });
}

TYPED_TEST(PlantedFactor, ManySigmoidLayersAttenuateWithoutSaturation) {
    this->each_variant([](Draw& draw, std::size_t rows) {
        const Activation output = draw.one_of({Activation::identity, Activation::sigmoid});
        auto made = planted::healthy<TypeParam>(
            draw, planted::random_shape(draw, draw.whole(8, 12), Activation::sigmoid, output),
            output == Activation::sigmoid && draw.coin() ? Loss::binary_cross_entropy : Loss::squared_error, rows);
        const Diagnosis diagnosis = diagnosis_of(made);
        ASSERT_EQ(name(diagnosis.layers[0].factor), name(Factor::attenuation)) << seen(diagnosis);
        ASSERT_EQ(name(diagnosis.layers.back().factor), name(Factor::none)) << seen(diagnosis);
        for (const LayerDiagnosis& layer : diagnosis.layers) {
            ASSERT_TRUE(!layer.starved || layer.factor == Factor::attenuation) << seen(diagnosis);
            ASSERT_LT(layer.saturated, 0.1);
        }
    });
}

TYPED_TEST(PlantedFactor, DeadReluLayerStarvesItselfAndItsNeighbours) {
    this->each_variant([](Draw& draw, std::size_t rows) {
        const std::size_t depth = draw.whole(1, 3);
        auto made = planted::healthy<TypeParam>(
            draw, planted::random_shape(draw, depth, Activation::relu, Activation::identity), Loss::squared_error,
            rows);
        const std::size_t m = draw.whole(0, depth - 1);
        for (TypeParam& b : made.net.bias(m)) {
            b = TypeParam(-1000);
        }
        const Diagnosis diagnosis = diagnosis_of(made);
        for (std::size_t l = 0; l <= m + 1; ++l) {
            ASSERT_EQ(name(diagnosis.layers[l].factor), name(Factor::dead_units)) << l << seen(diagnosis);
        }
        for (const LayerDiagnosis& layer : diagnosis.layers) {
            ASSERT_TRUE(!layer.starved || layer.factor == Factor::dead_units) << seen(diagnosis);
        }
        ASSERT_EQ(diagnosis.layers[m].dead, 1.0);
    });
}

TYPED_TEST(PlantedFactor, InputsOfZeroStarveTheFirstLayerAndTinyOnesAreUnscaled) {
    this->each_variant([](Draw& draw, std::size_t rows) {
        const Activation hidden = draw.one_of({Activation::relu, Activation::sigmoid, Activation::tanh});
        auto made = planted::healthy<TypeParam>(
            draw, planted::random_shape(draw, draw.whole(0, 2), hidden, Activation::identity), Loss::squared_error,
            rows);
        const double size = draw.coin() ? 0.0 : 1e-6;
        for (TypeParam& x : made.data.x.values()) {
            x = static_cast<TypeParam>(static_cast<double>(x) * size);
        }
        const Diagnosis diagnosis = diagnosis_of(made);
        const Factor factor = size == 0.0 ? Factor::dead_inputs : Factor::unscaled_inputs;
        ASSERT_EQ(name(diagnosis.factor), name(factor)) << seen(diagnosis);
        for (const LayerDiagnosis& layer : diagnosis.layers) {
            ASSERT_TRUE(!layer.starved || layer.factor == factor) << seen(diagnosis);
        }
    });
}

TYPED_TEST(PlantedFactor, HealthyNetworksFreshAndTrainedAreLeftAlone) {
    this->each_variant([](Draw& draw, std::size_t rows) {
        const Activation hidden =
            draw.one_of({Activation::relu, Activation::sigmoid, Activation::tanh, Activation::gelu, Activation::silu,
                         Activation::elu, Activation::leaky_relu, Activation::softplus});
        const Activation output = draw.one_of({Activation::identity, Activation::sigmoid, Activation::softmax});
        const Loss loss = output == Activation::sigmoid
                              ? (draw.coin() ? Loss::binary_cross_entropy : Loss::squared_error)
                          : output == Activation::softmax ? Loss::cross_entropy
                                                          : Loss::squared_error;
        auto made = planted::healthy<TypeParam>(
            draw, planted::random_shape(draw, draw.whole(0, hidden == Activation::sigmoid ? 2 : 3), hidden, output),
            loss, rows);
        expect_factor(diagnosis_of(made), Factor::none, 0, 0);
        TrainOptions options{.loss = loss};
        options.optimizer.learning_rate = 0.01;
        options.epochs = 60;
        train(made.net, made.data, options);
        expect_factor(diagnosis_of(made), Factor::none, 0, 0);
    });
}

// --- The numbers ----------------------------------------------------------------------------------------------------

/// ∂l/∂W⁽ˡ⁾ of all rows in one batch.
template <class T>
BasicMlp<T> gradient_of(const BasicMlp<T>& net, const LossFunction& function, const BasicDataset<T>& data) {
    BasicTape<T> tape(net, data.rows()), dtape(net, data.rows());
    BasicMlp<T> gradient = BasicMlp<T>::zeros_like(net);
    forward(net, data.x, tape);
    loss(function, tape.output(), data.y, dtape.output(), data.weights);
    backward(net, tape, dtape, gradient);
    return gradient;
}

double rms(MatrixView<const double> values) {
    double sum = 0.0;
    for (std::size_t i = 0; i < values.rows(); ++i) {
        for (const double v : values.row(i)) {
            sum += v * v;
        }
    }
    return std::sqrt(sum / static_cast<double>(values.rows() * values.columns()));
}

Case<double> sigmoid_case(std::size_t rows) {
    Draw draw(5);
    return planted::healthy<double>(
        draw, {.sizes = {5, 7, 6, 2}, .hidden = Activation::sigmoid, .output = Activation::sigmoid, .conventions = {}},
        Loss::squared_error, rows);
}

/// Blocks of rows add their sums in another order than one batch: a few rounding errors of 600 terms.
constexpr double few_roundings = 600 * std::numeric_limits<double>::epsilon();

void expect_sizes(const std::vector<double>& sizes, const BasicMlp<double>& gradient) {
    for (std::size_t l = 0; l < gradient.layers(); ++l) {
        const double direct = rms(gradient.weight(l));
        EXPECT_NEAR(sizes[l], direct, few_roundings * direct) << l;
    }
}

TEST(Diagnosis, GradientSizesAreThoseOfOneBatchWithWeightsOfRowsToo) {
    Case<double> made = sigmoid_case(600);
    expect_sizes(gradient_sizes(made.net, made.loss, made.data), gradient_of(made.net, made.loss, made.data));
    Draw draw(1);
    for (std::size_t row = 0; row < 600; ++row) {
        made.data.weights.push_back(row % 5 == 0 ? 0.0 : draw.uniform(0.0, 3.0));
    }
    expect_sizes(gradient_sizes(made.net, made.loss, made.data), gradient_of(made.net, made.loss, made.data));
}

TEST(Diagnosis, WhatIfSizesEqualADirectComputation) {
    const Case<double> made = sigmoid_case(100);
    const std::vector<WhatIf> rows = diagnosis_of(made).what_if;
    ASSERT_EQ(rows.size(), 3U);

    BasicMlp<double> relu = BasicMlp<double>::zeros({.sizes = {5, 7, 6, 2}, .output = Activation::sigmoid});
    std::ranges::copy(made.net.parameters(), relu.parameters().begin());
    EXPECT_EQ(rows[0].change, "relu for sigmoid");
    expect_sizes(rows[0].gradient_rms, gradient_of(relu, made.loss, made.data));

    EXPECT_EQ(rows[1].change, "binary_cross_entropy for squared_error");
    expect_sizes(rows[1].gradient_rms, gradient_of(made.net, {Loss::binary_cross_entropy}, made.data));

    BasicMlp<double> rescaled = made.net;
    for (std::size_t l = 0; l < rescaled.layers(); ++l) {
        const double wanted =
            std::sqrt(2.0 / static_cast<double>(rescaled.weight(l).rows() + rescaled.weight(l).columns()));
        planted::scale_weights(rescaled, l, wanted / rms(rescaled.weight(l)));
    }
    expect_sizes(rows[2].gradient_rms, gradient_of(rescaled, made.loss, made.data));
}

TEST(Diagnosis, TheSplitAddsUpAndAlignmentNeverLengthens) {
    const Diagnosis diagnosis = diagnosis_of(sigmoid_case(300));
    const BasicMlp<double> gradient = gradient_of(sigmoid_case(300).net, Loss::squared_error, sigmoid_case(300).data);
    for (std::size_t l = 0; l < 3; ++l) {
        const GradientSplit& split = diagnosis.layers[l].split;
        const double count = static_cast<double>(gradient.weight(l).rows() * gradient.weight(l).columns());
        EXPECT_NEAR(split.gradient, std::log10(rms(gradient.weight(l)) * std::sqrt(count)), few_roundings);
        EXPECT_NEAR(split.error + split.output + split.weights + split.slopes + split.input + split.alignment,
                    split.gradient, few_roundings);
        EXPECT_LE(split.alignment, few_roundings);
    }
}

TEST(Diagnosis, OneRowIsFullyAligned) {
    for (const LayerDiagnosis& layer : diagnosis_of(sigmoid_case(1)).layers) {
        EXPECT_NEAR(layer.split.alignment, 0.0, few_roundings);  // ‖δ aᵀ‖ = ‖δ‖ ‖a‖
    }
}

TEST(Diagnosis, StepOfTheOptimizerByHand) {
    // ŷ = w x, l = (ŷ − y)²: ∂l/∂w = 2 (ŷ − y) x = 2 (2·3 − 5) 3 = 6; a step of 0.01·6 from w = 2.
    Case<float> made{
        .net = Mlp::zeros({.sizes = {1, 1}}), .loss = {}, .data = {.x = {1, 1}, .y = {1, 1}, .weights = {}}};
    made.net.weight(0)(0, 0) = 2.0F;
    made.data.x(0, 0) = 3.0F;
    made.data.y(0, 0) = 5.0F;
    const LayerDiagnosis layer = diagnosis_of(made).layers[0];
    EXPECT_EQ(layer.gradient_rms, 6.0);
    EXPECT_DOUBLE_EQ(layer.update_ratio, 0.03);
    EXPECT_EQ(layer.unchanged, 0.0);
    // Half a unit in the last place of 2 is 2⁻²³ = 1.2e-7: a step of 3e-8 is lost, one of 6e-7 is not.
    EXPECT_EQ(diagnose(made.net, made.loss, made.data, {.kind = OptimizerKind::sgd, .learning_rate = 5e-9})
                  .layers[0]
                  .unchanged,
              1.0);
    EXPECT_EQ(diagnose(made.net, made.loss, made.data, {.kind = OptimizerKind::sgd, .learning_rate = 1e-7})
                  .layers[0]
                  .unchanged,
              0.0);
    // Adam's first step is η whatever the gradient.
    EXPECT_NEAR(diagnose(made.net, made.loss, made.data, {.kind = OptimizerKind::adam, .learning_rate = 0.01})
                    .layers[0]
                    .update_ratio,
                0.005, 1e-10);
}

TEST(Diagnosis, WithoutRowsThereIsNothingToMeasure) {
    Case<double> made = sigmoid_case(1);
    made.data = {.x = {0, 5}, .y = {0, 2}, .weights = {}};
    EXPECT_THROW(diagnosis_of(made), Error);
}

}  // namespace
}  // namespace handgrad::diagnose
