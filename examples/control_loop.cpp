// A model in a control loop: a heater is steered by what was learned from its log, in a few microseconds a tick.
#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <span>
#include <vector>

#include "handgrad/handgrad.hpp"

using namespace handgrad;

/// The plant, which the controller does not know: kelvins a second at this water temperature, room temperature and
/// valve (0 to 1).
double heating(double water, double room, double valve) { return 0.9 * valve - 0.004 * (water - room); }

/// What the plant did in a thousand moments, as a table.
Table log_of_the_plant() {
    Table log{.source = "log", .rows = 1000};
    for (const char* name : {"water", "room", "valve", "heating"}) {
        log.columns.push_back({.name = name, .has_numbers = true});
    }
    const RandomStream random(1, Purpose::weights);
    for (std::size_t i = 0; i < log.rows; ++i) {
        const double water = 20 + 60 * random.uniform(3 * i), room = 15 + 10 * random.uniform(3 * i + 1);
        const double valve = random.uniform(3 * i + 2);
        const std::array row{water, room, valve, heating(water, room, valve)};
        for (std::size_t j = 0; j < row.size(); ++j) {
            log.columns[j].numbers.push_back(row[j]);
        }
    }
    return log;
}

int main() {
    FitOptions how;
    how.columns.targets = {"heating"};
    how.hidden = {16};
    how.hidden_activation = {Activation::tanh};
    how.training.epochs = 60;
    save_model("heater.model", fit(log_of_the_plant(), how).model);

    // What a controller has at hand is the file.
    const ModelPredictor heater = ModelPredictor::load("heater.model");
    const std::size_t valve = heater.column("valve");
    std::array row{20.0, 18.0, 0.5};  // water, room, valve: as heater.columns() has them
    std::array<double, 1> rate{};
    Matrix<double> J(1, row.size());
    std::vector<double> microseconds;
    for (int second = 0; second <= 300; ++second) {
        const auto start = std::chrono::steady_clock::now();
        const double wanted = std::clamp(0.05 * (60.0 - row[0]), -0.5, 0.5);
        heater.jacobian(row, rate, J);  // one step towards the valve that heats as wanted
        row[valve] = std::clamp(row[valve] + (wanted - rate[0]) / J(0, valve), 0.0, 1.0);
        microseconds.push_back(
            std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - start).count());
        if (second % 60 == 0) {
            std::printf("%3d s  water %4.1f  valve %3.0f %%\n", second, row[0], 100 * row[valve]);
        }
        row[0] += heating(row[0], row[1], row[valve]);
    }
    std::ranges::nth_element(microseconds, microseconds.begin() + 150);
    std::printf("a tick takes less than 20 us: %s\n", microseconds[150] < 20 ? "yes" : "no");
}
