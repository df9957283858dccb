// A network, rows and Jacobians to be learned, and the witness of their term: the complex step.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "tests/support/networks.hpp"
#include "tests/support/witness.hpp"

namespace handgrad::witness {

struct JacobianProblem {
    BasicMlp<double> net;
    Matrix<double> x, targets;  ///< some entries of targets are NaN
    std::vector<double> weights;
    double strength;
};

/// Of the shapes of both tests: depths 1 to 4 with sizes that fill no vector, every activation hidden and last.
inline std::vector<Architecture> jacobian_shapes() {
    const std::vector<std::vector<std::size_t>> sizes{{3, 2},     {1, 1, 1},    {5, 7, 1},     {4, 9, 3},
                                                      {2, 5, 17}, {3, 5, 4, 2}, {6, 11, 3, 1}, {2, 7, 5, 6, 3}};
    std::vector<Architecture> list;
    for (const Activation hidden : all_activations) {
        if (!facts(hidden).elementwise) {
            continue;
        }
        for (std::size_t i = 0; i < sizes.size(); ++i) {
            const Activation output = all_activations[(i + static_cast<std::size_t>(hidden)) % all_activations.size()];
            list.push_back({.sizes = sizes[i], .hidden = hidden, .output = output});
            list.push_back({.sizes = sizes[i], .hidden = hidden, .output = Activation::identity});
        }
    }
    for (const Activation output : all_activations) {
        list.push_back({.sizes = {4, 6, 3}, .hidden = Activation::tanh, .output = output});
        list.push_back({.sizes = {3, 7}, .hidden = Activation::tanh, .output = output});
    }
    return list;
}

inline JacobianProblem jacobian_problem(const Architecture& shape, std::size_t rows, std::uint64_t seed) {
    const std::size_t entries = shape.inputs() * shape.outputs();
    JacobianProblem p{.net = drawn_net<double>(Draw(seed, 31), shape),
                      .x = Draw(seed, 32).matrix<double>(rows, shape.inputs(), -2.0, 2.0),
                      .targets = Draw(seed, 33).matrix<double>(rows, entries, -1.0, 1.0),
                      .weights = {},
                      .strength = 0.7};
    Draw draw(seed, 34);
    for (double& target : p.targets.values()) {
        if (draw.uniform(0.0, 1.0) < 0.2) {
            target = std::numeric_limits<double>::quiet_NaN();
        }
    }
    if (seed % 2 == 0) {
        p.weights.resize(rows);
        draw.fill(p.weights, 0.1, 2.0);
    }
    return p;
}

/// The term as it is defined, from the Jacobians of the library's backward pass: nothing of its own is shared with what
/// is tested.
template <class N>
N jacobian_term(const JacobianProblem& p, const BasicMlp<N>& net) {
    const std::size_t n = net.inputs(), K = net.outputs();
    BasicTape<N> tape(net, p.x.rows());
    const Matrix<N> x = convert<N>(p.x);
    plain::forward<N>(net, x.view(), tape);
    N sum(0.0);
    double total = 0.0;
    for (std::size_t row = 0; row < p.x.rows(); ++row) {
        Matrix<N> J(K, n);
        plain::jacobian<N>(net, tape, row, J);
        const double weight = p.weights.empty() ? 1.0 : p.weights[row];
        total += weight;
        for (std::size_t k = 0; k < K; ++k) {
            for (std::size_t i = 0; i < n; ++i) {
                const double target = p.targets(row, k * n + i);
                if (!std::isnan(target)) {
                    sum += N(weight) * (J(k, i) - N(target)) * (J(k, i) - N(target));
                }
            }
        }
    }
    return N(p.strength) * sum / N(total);
}

/// Its derivative by every parameter, exact to rounding.
inline std::vector<double> complex_step_jacobian_term(const JacobianProblem& p) {
    constexpr double h = 1e-50;
    BasicMlp<Complex> net = convert<Complex>(p.net);
    std::vector<double> gradient;
    for (Complex& w : net.parameters()) {
        w += Complex(0.0, h);
        gradient.push_back(jacobian_term<Complex>(p, net).imag() / h);
        w = w.real();
    }
    return gradient;
}

}  // namespace handgrad::witness
