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
constexpr std::size_t parameters = 2 * units * n;  // W, then V

/// The layer, on numbers or on complex numbers.
template <class T>
std::array<T, units> gate(const std::array<T, parameters>& p, const std::array<double, n>& x) {
    std::array<T, units> z{};
    for (std::size_t i = 0; i < units; ++i) {
        T Wx = 0.0, Vx = 0.0;
        for (std::size_t j = 0; j < n; ++j) {
            Wx += p[i * n + j] * x[j];
            Vx += p[(units + i) * n + j] * x[j];
        }
        z[i] = Wx * math::Sigmoid::value(Vx);
    }
    return z;
}

/// dl/dp by hand, from v = dl/dz: what is to be checked. The slip takes sigmoid(Vx) for its derivative.
std::array<double, parameters> by_hand(const std::array<double, parameters>& p, const std::array<double, n>& x,
                                       const std::array<double, units>& v, bool slip) {
    std::array<double, parameters> g{};
    for (std::size_t i = 0; i < units; ++i) {
        double Wx = 0.0, Vx = 0.0;
        for (std::size_t j = 0; j < n; ++j) {
            Wx += p[i * n + j] * x[j];
            Vx += p[(units + i) * n + j] * x[j];
        }
        for (std::size_t j = 0; j < n; ++j) {
            g[i * n + j] = v[i] * math::Sigmoid::value(Vx) * x[j];
            g[(units + i) * n + j] =
                v[i] * Wx * (slip ? math::Sigmoid::value(Vx) : math::Sigmoid::derivative(Vx)) * x[j];
        }
    }
    return g;
}

/// Im l(p + i h e_k) / h: the derivative without any difference, so that h may be as small as one likes.
double complex_step(const std::array<double, parameters>& p, const std::array<double, n>& x,
                    const std::array<double, units>& v, std::size_t k) {
    std::array<std::complex<double>, parameters> moved{};
    std::ranges::copy(p, moved.begin());
    moved[k] += std::complex<double>(0.0, 1e-100);
    double sum = 0.0;
    const auto z = gate(moved, x);
    for (std::size_t i = 0; i < units; ++i) {
        sum += v[i] * z[i].imag() / 1e-100;
    }
    return sum;
}

int main() {
    const RandomStream random(1, Purpose::weights);
    std::array<double, parameters> p{};
    for (std::size_t i = 0; i < parameters; ++i) {
        p[i] = 2 * random.uniform(i) - 1;
    }
    const std::array x{0.5, -1.0, 2.0};

    // The network behind it says how its output falls or rises with z: v = d yhat/dz.
    const BasicPredictor<double> net(BasicMlp<double>::random({.sizes = {units, 8, 1}, .hidden = Activation::tanh}, 1));
    const std::array<double, units> z = gate(p, x);
    std::array<double, 1> yhat{};
    std::array<double, units> v{};
    net.jacobian(z, yhat, MatrixView<double>(v.data(), 1, units));

    for (const bool slip : {false, true}) {
        const std::array<double, parameters> g = by_hand(p, x, v, slip);
        std::array<double, 2> worst{};  // relative errors in W and in V
        for (std::size_t k = 0; k < parameters; ++k) {
            const double truth = complex_step(p, x, v, k);
            double& of = worst[k / (units * n)];
            of = std::max(of, std::abs(g[k] - truth) / std::abs(truth));
        }
        std::printf("%s\n", slip ? "with sigmoid for its derivative:" : "the layer as it is:");
        std::printf("  dl/dW %s, dl/dV %s\n", worst[0] < 1e-12 ? "right" : "WRONG",
                    worst[1] < 1e-12 ? "right" : "WRONG");
    }
}
