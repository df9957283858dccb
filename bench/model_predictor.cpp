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

constexpr int runs = 400;

/// Lowers `best` to the nanoseconds of a call in one short run, where that was faster: other programs only ever make
/// one slower.
template <class Call>
void time_once(double& best, const Call& call) {
    using Clock = std::chrono::steady_clock;
    constexpr int calls = 2000;
    const Clock::time_point start = Clock::now();
    for (int i = 0; i < calls; ++i) {
        call();
    }
    best = std::min(best, std::chrono::duration<double, std::nano>(Clock::now() - start).count() / calls);
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
    enum : std::size_t { predictor, numbers, texts, names, slopes_alone, slopes_of_row, all };
    std::array<double, all> best;
    best.fill(1e300);
    for (int run = 0; run < runs; ++run) {  // in turn, so that all see the same machine
        time_once(best[predictor], [&] { bare.predict(std::span<const float>(x), std::span<float>(yhat)); });
        time_once(best[numbers], [&] { model.predict(row, {&y, 1}); });
        time_once(best[texts], [&] { model.predict(cells, {&y, 1}); });
        time_once(best[names], [&] { model.predict(named, {&y, 1}); });
        time_once(best[slopes_alone], [&] {
            bare.jacobian(std::span<const float>(x), std::span<float>(yhat),
                          MatrixView<float>(slopes.data(), 1, columns));
        });
        time_once(best[slopes_of_row], [&] { model.jacobian(row, {&y, 1}, MatrixView<double>(J.data(), 1, columns)); });
    }
    const auto tell = [&](const char* what, std::size_t call, std::size_t beside) {
        std::printf("%-44s %6.1f ns, %5.1f above the Predictor\n", what, best[call], best[call] - best[beside]);
    };
    std::printf("%-44s %6.1f ns\n", "Predictor, numbers as the network has them", best[predictor]);
    tell("ModelPredictor, a row of numbers", numbers, predictor);
    tell("ModelPredictor, a row of cells", texts, predictor);
    tell("ModelPredictor, cells by name", names, predictor);
    std::printf("%-44s %6.1f ns\n", "Predictor, with dy/dx", best[slopes_alone]);
    tell("ModelPredictor, dy/dx of a row of numbers", slopes_of_row, slopes_alone);
}
