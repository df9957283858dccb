// A Newton solver on a learned function: the angles of a robot's arm for a point that its hand shall reach.
#include <array>
#include <cmath>
#include <cstdio>
#include <numbers>
#include <vector>

#include "handgrad/handgrad.hpp"

using namespace handgrad;

/// Where the hand is, in centimetres, with links of 30 and 20 cm at these angles in degrees.
std::array<double, 2> hand(double shoulder, double elbow) {
    const double degree = std::numbers::pi / 180, a = shoulder * degree, b = (shoulder + elbow) * degree;
    return {30 * std::cos(a) + 20 * std::cos(b), 30 * std::sin(a) + 20 * std::sin(b)};
}

/// The arm as it was measured, every three degrees.
Table measured_arm() {
    Table table{.source = "arm"};
    for (const char* name : {"shoulder", "elbow", "x", "y"}) {
        table.columns.push_back({.name = name, .has_numbers = true});
    }
    for (double shoulder = 0; shoulder <= 90; shoulder += 3) {
        for (double elbow = 20; elbow <= 110; elbow += 3) {
            const auto [x, y] = hand(shoulder, elbow);
            const std::array row{shoulder, elbow, x, y};
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
    how.columns.targets = {"x", "y"};
    how.hidden = {24};
    how.hidden_activation = {Activation::tanh};
    how.use_double = true;
    how.training.epochs = 300;
    how.training.schedule = Schedule::cosine;
    how.training.optimizer.learning_rate = 0.01;
    const ModelPredictor arm(fit(measured_arm(), how).model);

    const std::array goal{10.0, 40.0};
    std::array angles{45.0, 60.0}, at{0.0, 0.0};
    Matrix<double> J(2, 2);  // cm by degree
    for (int step = 0; step <= 3; ++step) {
        arm.jacobian(angles, at, J);
        const double dx = goal[0] - at[0], dy = goal[1] - at[1];
        std::printf("step %d  angles %8.4f %8.4f  off by %.0e cm\n", step, angles[0], angles[1], std::hypot(dx, dy));
        const double det = J(0, 0) * J(1, 1) - J(0, 1) * J(1, 0);  // J d = goal - at, by Cramer's rule
        angles[0] += (dx * J(1, 1) - dy * J(0, 1)) / det;
        angles[1] += (dy * J(0, 0) - dx * J(1, 0)) / det;
    }
    const auto [x, y] = hand(angles[0], angles[1]);
    std::printf("the true arm then is within 2 mm: %s\n", std::hypot(x - goal[0], y - goal[1]) < 0.2 ? "yes" : "no");
}
