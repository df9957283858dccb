// A gradient check of somebody's own layer, a gate z = W x * sigmoid(V x), in front of a network of handgrad's.
#include <algorithm>
#include <array>
#include <cmath>
#include <complex>
#include <cstddef>
#include <cstdio>

#include "handgrad/handgrad.hpp"

using namespace handgrad;

constexpr std::size_t n = 3, units = 4;
constexpr std::size_t parameters = 2 * units * n;  // the rows of W, then those of V
using Parameters = std::array<double, parameters>;
constexpr std::array x{0.5, -1.0, 2.0};

/// Row i of W, or with units + i of V, times x: on numbers or on complex numbers.
template <class T>
T product(const std::array<T, parameters>& p, std::size_t row) {
    return p[row * n] * x[0] + p[row * n + 1] * x[1] + p[row * n + 2] * x[2];
}
template <class T>
T gate(const std::array<T, parameters>& p, std::size_t i) {
    return product(p, i) * math::Sigmoid::value(product(p, units + i));
}

/// dl/dp by hand, from v = dl/dz: what is to be checked. The slip takes sigmoid for its derivative.
Parameters by_hand(const Parameters& p, const std::array<double, units>& v, bool slip) {
    Parameters g{};
    for (std::size_t i = 0; i < units; ++i) {
        const double Wx = product(p, i), Vx = product(p, units + i);
        const double slope = slip ? math::Sigmoid::value(Vx) : math::Sigmoid::derivative(Vx);
        for (std::size_t j = 0; j < n; ++j) {
            g[i * n + j] = v[i] * math::Sigmoid::value(Vx) * x[j];
            g[(units + i) * n + j] = v[i] * Wx * slope * x[j];
        }
    }
    return g;
}

/// Im l(p + i h e_k) / h: the derivative without any difference, so that h may be as small as one likes.
double complex_step(const Parameters& p, const std::array<double, units>& v, std::size_t k) {
    constexpr double h = 1e-100;
    std::array<std::complex<double>, parameters> moved{};
    std::ranges::copy(p, moved.begin());
    moved[k] += std::complex<double>(0.0, h);
    double sum = 0.0;
    for (std::size_t i = 0; i < units; ++i) {
        sum += v[i] * gate(moved, i).imag() / h;
    }
    return sum;
}

const char* verdict(double relative_error) { return relative_error < 1e-12 ? "right" : "WRONG"; }

int main() {
    const RandomStream random(1, Purpose::weights);
    Parameters p{};
    std::ranges::generate(p, [&, i = 0U]() mutable { return 2 * random.uniform(i++) - 1; });

    // The network behind the layer says how its output moves with z: v = d yhat/dz.
    const BasicPredictor<double> net(BasicMlp<double>::random({.sizes = {units, 8, 1}, .hidden = Activation::tanh}, 1));
    std::array<double, units> z{}, v{};
    std::ranges::generate(z, [&, i = 0U]() mutable { return gate(p, i++); });
    double yhat = 0.0;
    net.jacobian(z, {&yhat, 1}, MatrixView<double>(v.data(), 1, units));

    for (const bool slip : {false, true}) {
        const Parameters g = by_hand(p, v, slip);
        std::array<double, 2> worst{};  // relative errors in W and in V
        for (std::size_t k = 0; k < parameters; ++k) {
            const double truth = complex_step(p, v, k);
            double& error = worst[k / (units * n)];
            error = std::max(error, std::abs(g[k] - truth) / std::abs(truth));
        }
        const char* const layer = slip ? "with sigmoid for its slope:" : "the layer as it is:";
        std::printf("%-30s dl/dW %s, dl/dV %s\n", layer, verdict(worst[0]), verdict(worst[1]));
    }
}
