// The gradient flow of a training: against a direct computation at every epoch, and without a trace in the weights.
#include "handgrad/diagnose/gradient_flow.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <span>

#include "handgrad/diagnose/diagnosis.hpp"
#include "tests/support/draw.hpp"
#include "tests/support/fixed_options.hpp"
#include "tests/support/tables.hpp"

namespace handgrad::diagnose {
namespace {

Table waves(std::size_t rows) {
    Draw draw(5);
    const auto line = [&](std::size_t) {
        const double a = draw.uniform(-2.0, 2.0), b = draw.uniform(-2.0, 2.0);
        return comma_separated({a, b, std::sin(a) * b});
    };
    return read_csv(csv_lines("a,b,y", rows, line), "t.csv", {});
}

FitOptions options_for(Activation hidden) {
    FitOptions options = fixed_options();
    options.columns.targets = {"y"};
    options.hidden = {8, 8};
    options.hidden_activation = {hidden};
    options.training.epochs = 6;
    return options;
}

TEST(GradientFlow, IsWhatADirectComputationGives) {
    const Table table = waves(500);
    for (const bool use_double : {false, true}) {
        FitOptions options = options_for(Activation::sigmoid);
        options.use_double = use_double;
        std::vector<std::vector<LayerFlow>> seen;
        std::vector<std::vector<double>> gradients, moved;
        FitCallbacks callbacks;
        // Beside the meter a second one, which takes the numbers on another way.
        callbacks.measure = [&](const LossFunction& loss) {
            const FlowMeter meter = gradient_flow(loss);
            const auto both = [&, loss]<class T>(const MeasureFlow<T>& measure, const BasicMlp<T>& net,
                                                 const BasicDataset<T>& data, std::vector<T>& start) {
                BasicDataset<T> part{.x = Matrix<T>(256, data.x.columns()), .y = Matrix<T>(256, 1), .weights = {}};
                std::copy_n(data.x.values().begin(), part.x.values().size(), part.x.values().begin());
                std::copy_n(data.y.values().begin(), part.y.values().size(), part.y.values().begin());
                gradients.push_back(gradient_sizes(net, loss, part));
                if (start.empty()) {
                    start.assign(net.parameters().begin(), net.parameters().end());
                }
                std::vector<double>& distances = moved.emplace_back();
                std::size_t at = 0;
                for (std::size_t l = 0; l < net.layers(); ++l) {
                    double change = 0.0, size = 0.0;
                    const std::size_t count = net.weight(l).rows() * net.weight(l).columns();
                    for (std::size_t i = 0; i < count; ++i, ++at) {
                        change +=
                            std::pow(static_cast<double>(net.parameters()[at]) - static_cast<double>(start[at]), 2);
                        size += std::pow(static_cast<double>(start[at]), 2);
                    }
                    at += net.weight(l).rows();
                    distances.push_back(std::sqrt(change) / std::sqrt(size));
                }
                return measure(net, data);
            };
            return FlowMeter{.in_float =
                                 [=, start = std::vector<float>()](const BasicMlp<float>& net,
                                                                   const BasicDataset<float>& data) mutable {
                                     return both(meter.in_float, net, data, start);
                                 },
                             .in_double =
                                 [=, start = std::vector<double>()](const BasicMlp<double>& net,
                                                                    const BasicDataset<double>& data) mutable {
                                     return both(meter.in_double, net, data, start);
                                 }};
        };
        callbacks.on_epoch = [&](const EpochReport& report, const Metrics&) {
            seen.push_back(report.layers);
            return true;
        };
        const FitResult result = fit(table, options, callbacks);
        ASSERT_EQ(seen.size(), 6U);
        ASSERT_EQ(gradients.size(), 7U);  // before the first step too
        const History& history = result.model.history;
        ASSERT_EQ(history.epochs.size(), 7U);
        for (std::size_t l = 0; l < 3; ++l) {
            const std::string layer = layer_name(l);
            EXPECT_EQ(history.column(layer + ".moved").front(), 0.0);
            for (std::size_t epoch = 0; epoch < 7; ++epoch) {
                const double gradient = history.column(layer + ".gradient_rms")[epoch];
                EXPECT_NEAR(gradient, gradients[epoch][l], 1e-6 * gradient);
                const double distance = history.column(layer + ".moved")[epoch];
                EXPECT_NEAR(distance, moved[epoch][l], 1e-6 * distance);
                if (epoch > 0) {
                    EXPECT_NEAR(seen[epoch - 1][l].gradient_rms, gradients[epoch][l], 1e-12);
                    EXPECT_GT(distance, 0.0);
                }
            }
        }
    }
}

TEST(GradientFlow, LeavesTheTrainingAsItIs) {
    const Table table = waves(300);
    const FitOptions options = options_for(Activation::relu);
    FitCallbacks measured;
    measured.measure = gradient_flow;
    EXPECT_EQ(parameters_hash(fit(table, options, measured).model), parameters_hash(fit(table, options).model));
}

/// Of eight σ layers the lowest starve, and hardly move; those of ReLU do (derivation §5).
TEST(GradientFlow, TellsTheVanishingGradientOfSigmaFromRelu) {
    const Table table = waves(400);
    double moved[2] = {};
    for (const Activation hidden : {Activation::sigmoid, Activation::relu}) {
        FitOptions options = options_for(hidden);
        options.hidden.assign(8, 8);
        options.training.epochs = 20;
        options.training.optimizer.kind = OptimizerKind::sgd;
        options.training.optimizer.learning_rate = 0.01;
        FitCallbacks callbacks;
        callbacks.measure = gradient_flow;
        const History history = fit(table, options, callbacks).model.history;
        moved[hidden == Activation::relu] = history.column("linear1.moved").back();
        EXPECT_EQ(history.column("linear1.starved").back(), hidden == Activation::sigmoid ? 1.0 : 0.0);
    }
    EXPECT_LT(100.0 * moved[0], moved[1]);
}

TEST(GradientFlow, ManagesRowsThatCountNothing) {
    std::string text = "a,y,w\n";
    for (int row = 0; row < 300; ++row) {
        text += std::to_string(row % 7) + "," + std::to_string(row % 7 * 2.5) + "," + (row == 299 ? "1" : "0") + "\n";
    }
    FitOptions options = options_for(Activation::relu);
    options.columns.weight = "w";
    options.validation = {};
    FitCallbacks callbacks;
    callbacks.measure = gradient_flow;
    const History history = fit(read_csv(text, "t.csv", {}), options, callbacks).model.history;
    for (const double gradient : history.column("linear1.gradient_rms")) {
        EXPECT_TRUE(std::isfinite(gradient));
    }
}

}  // namespace
}  // namespace handgrad::diagnose
