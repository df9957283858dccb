// Training inside a program, which watches every epoch and ends it when the network is good enough for its purpose.
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdio>
#include <numbers>

#include "handgrad/handgrad.hpp"

using namespace handgrad;

/// One period of a sine at so many places, from x = -1 to 1.
Dataset sine(std::size_t rows) {
    Dataset data{.x = Matrix<float>(rows, 1), .y = Matrix<float>(rows, 1), .weights = {}};
    for (std::size_t i = 0; i < rows; ++i) {
        const double x = 2.0 * static_cast<double>(i) / static_cast<double>(rows - 1) - 1.0;
        data.x(i, 0) = static_cast<float>(x);
        data.y(i, 0) = static_cast<float>(std::sin(std::numbers::pi * x));
    }
    return data;
}

/// The largest error on some rows: what this program cares about, whatever the loss says.
double worst_error(const Mlp& net, const Dataset& data) {
    const Outputs<float> out = outputs(net, data.x);
    double worst = 0.0;
    for (std::size_t i = 0; i < data.rows(); ++i) {
        worst = std::max(worst, static_cast<double>(std::abs(out.yhat(i, 0) - data.y(i, 0))));
    }
    return worst;
}

int main() {
    const Dataset training = sine(200), validation = sine(77);
    Mlp net = Mlp::random({.sizes = {1, 32, 1}, .hidden = Activation::tanh}, 1);

    TrainOptions options;
    options.epochs = 2000;
    options.batch = 20;
    options.optimizer.learning_rate = 0.01;
    options.schedule = Schedule::cosine;
    const TrainResult result =
        train(net, training, options, &validation, [&](const EpochReport& report, const Mlp& now) {
            const double worst = worst_error(now, validation);
            if (report.epoch % 100 == 0) {
                std::printf("epoch %4zu  loss %.6f  worst error %.4f\n", report.epoch, report.validation_loss, worst);
            }
            return worst > 0.02;  // false ends the training here
        });
    std::printf("%s after %zu epochs: worst error %.4f\n",
                result.stopped == Stopped::callback ? "good enough" : "given up", result.epochs,
                worst_error(net, validation));
}
