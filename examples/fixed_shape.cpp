// A shape that is known when compiling: a network of a model file as a FixedPredictor, in a loop of a hundred thousand
// calls.
#include <array>
#include <cmath>
#include <cstdio>
#include <variant>
#include <vector>

#include "handgrad/handgrad.hpp"
#include "handgrad/nn/fixed_predictor.hpp"  // made of the instructions that this file is compiled for: -O3 -march=native

using namespace handgrad;

/// Two inputs, 32 tanh, one output: 2-32-1.
using Pendulum = FixedPredictor<2, FixedLayer<32, math::Tanh>, FixedLayer<1>>;

/// The acceleration of a pendulum, of angle and speed, as somebody measured it.
Table measured() {
    Table table{.source = "pendulum"};
    for (const char* name : {"angle", "speed", "acceleration"}) {
        table.columns.push_back({.name = name, .has_numbers = true});
    }
    for (double angle = -1.5; angle <= 1.5; angle += 0.1) {
        for (double speed = -3; speed <= 3; speed += 0.25) {
            const std::array row{angle, speed, -9.81 * std::sin(angle) - 0.3 * speed};
            for (std::size_t j = 0; j < row.size(); ++j) {
                table.columns[j].numbers.push_back(row[j]);
            }
            ++table.rows;
        }
    }
    return table;
}

int main() {
    FitOptions how;
    how.columns.targets = {"acceleration"};
    how.columns.scale = Scale::none;  // the network's units are the table's
    how.scale_target = false;
    how.hidden = {32};
    how.hidden_activation = {Activation::tanh};
    how.training.epochs = 400;
    save_model("pendulum.model", fit(measured(), how).model);

    const Mlp net = std::get<Mlp>(load_model("pendulum.model").net);
    const Pendulum fixed(net);
    const Predictor any(net);

    // Ten seconds of the pendulum in steps of 0.1 ms.
    std::array<float, 2> x{1.0f, 0.0f};
    std::array<float, 1> acceleration{}, again{};
    int differ = 0;
    for (int step = 0; step <= 100000; ++step) {
        fixed.predict(x, acceleration);
        if (step % 25000 == 0) {
            std::printf("%4.1f s  angle %5.2f  acceleration %5.2f\n", step * 1e-4, double(x[0]),
                        double(acceleration[0]));
            any.predict(x, again);
            differ += int(again[0] != acceleration[0]);
        }
        x[1] += 1e-4f * acceleration[0];
        x[0] += 1e-4f * x[1];
    }
    std::array<float, 2> J{};
    fixed.jacobian(std::array<float, 2>{0.0f, 0.0f}, acceleration, J);
    std::printf("at rest a change of the angle changes it by %.1f, of the speed by %.1f\n", double(J[0]), double(J[1]));
    std::printf("bits that differ from those of the Predictor: %d\n", differ);
}
