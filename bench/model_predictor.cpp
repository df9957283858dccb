// Nanoseconds of one row by the bare Predictor and by ModelPredictor, which scales and names it too, and the
// difference: 10-32-1, one thread. Usage: model_predictor
#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <string>
#include <vector>

#include "handgrad/nn/predictor.hpp"
#include "handgrad/train/model_predictor.hpp"

namespace {

using namespace handgrad;

constexpr std::size_t columns = 10;

Model model_of(const Mlp& net) {
    Model model;
    model.net = net;
    for (std::size_t i = 0; i < columns; ++i) {
        model.preprocessing.features.push_back(
            {.name = "x" + std::to_string(i + 1), .shift = 0.5, .scale = 1.5 + static_cast<double>(i)});
    }
    model.preprocessing.targets = {{.name = "y", .shift = 3.0, .scale = 2.0}};
    return model;
}

/// The fastest of many short runs, as other programs only ever make one slower.
template <class Call>
double nanoseconds(const Call& call) {
    using Clock = std::chrono::steady_clock;
    constexpr int runs = 400, calls = 2000;
    double best = 1e300;
    for (int run = 0; run < runs; ++run) {
        const Clock::time_point start = Clock::now();
        for (int i = 0; i < calls; ++i) {
            call();
        }
        best = std::min(best, std::chrono::duration<double, std::nano>(Clock::now() - start).count() / calls);
    }
    return best;
}

}  // namespace

int main() {
    const Mlp net = Mlp::random({.sizes = {columns, 32, 1}}, 1);
    const Predictor bare(net);
    const ModelPredictor model(model_of(net));

    std::array<float, columns> x{}, slopes{};
    std::array<float, 1> yhat{};
    std::array<double, columns> row{};
    std::vector<Cell> cells(columns);
    std::vector<NamedCell> named(columns);
    for (std::size_t i = 0; i < columns; ++i) {
        row[i] = 0.25 * static_cast<double>(i);
        x[i] = static_cast<float>(row[i]);
        cells[i] = row[i];
        named[i] = {model.columns()[i], row[i]};
    }
    double y = 0.0;
    std::array<double, columns> J{};
    const double predictor = nanoseconds([&] { bare.predict(std::span<const float>(x), std::span<float>(yhat)); });
    const auto tell = [](const char* what, double bare_time, double time) {
        std::printf("%-44s %6.1f ns, %5.1f above the Predictor\n", what, time, time - bare_time);
    };
    std::printf("%-44s %6.1f ns\n", "Predictor, numbers as the network has them", predictor);
    tell("ModelPredictor, a row of numbers", predictor, nanoseconds([&] { model.predict(row, {&y, 1}); }));
    tell("ModelPredictor, a row of cells", predictor, nanoseconds([&] { model.predict(cells, {&y, 1}); }));
    tell("ModelPredictor, cells by name", predictor, nanoseconds([&] { model.predict(named, {&y, 1}); }));
    const double derivatives = nanoseconds([&] {
        bare.jacobian(std::span<const float>(x), std::span<float>(yhat), MatrixView<float>(slopes.data(), 1, columns));
    });
    std::printf("%-44s %6.1f ns\n", "Predictor, with dy/dx", derivatives);
    tell("ModelPredictor, dy/dx of a row of numbers", derivatives, nanoseconds([&] {
             model.jacobian(row, {&y, 1}, MatrixView<double>(J.data(), 1, columns));
         }));
}
