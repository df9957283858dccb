// handgrad's FixedPredictor as a worker of bench/compare.py: shapes known when compiling, one row a call, outputs or
// outputs and ∂ŷ/∂x. Header only: nothing of the library is linked. The shapes: -DHANDGRAD_SHAPES="X(10, 32, 1)".
#include "handgrad/nn/fixed_predictor.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <memory>
#include <span>
#include <string>

#include "bench/peers/runner.h"

namespace {

template <std::size_t n, std::size_t r, std::size_t k>
struct Network {
    using Net =
        handgrad::BasicFixedPredictor<float, n, handgrad::FixedLayer<r, handgrad::math::Relu>, handgrad::FixedLayer<k>>;
    explicit Network(const std::array<float, Net::parameter_count>& numbers)
        : parameters(numbers), net(std::span<const float, Net::parameter_count>(parameters)) {}

    std::array<float, Net::parameter_count> parameters;
    Net net;
    std::array<float, n> x{};
    std::array<float, k> yhat{};
    std::array<float, n * k> J{};
};

template <class N>
void predict(void* state, long steps) {
    auto& network = *static_cast<N*>(state);
    for (long step = 0; step < steps; ++step) {
        network.net.predict(network.x, network.yhat);
        __asm__ volatile("" : : "r"(&network) : "memory");
    }
}

template <class N>
void jacobian(void* state, long steps) {
    auto& network = *static_cast<N*>(state);
    for (long step = 0; step < steps; ++step) {
        network.net.jacobian(network.x, network.yhat, network.J);
        __asm__ volatile("" : : "r"(&network) : "memory");
    }
}

/// The largest difference of ŷ and of ∂ŷ/∂x from plain loops in double.
template <std::size_t n, std::size_t r, std::size_t k>
double worst_difference(const Network<n, r, k>& network, bool with_jacobian) {
    const float* w1 = network.parameters.data();
    const float* b1 = w1 + r * n;
    const float* w2 = b1 + r;
    const float* b2 = w2 + k * r;
    std::array<double, r> z{};
    for (std::size_t i = 0; i < r; ++i) {
        z[i] = b1[i];
        for (std::size_t j = 0; j < n; ++j) {
            z[i] += static_cast<double>(w1[i * n + j]) * network.x[j];
        }
    }
    double worst = 0;
    for (std::size_t i = 0; i < k; ++i) {
        double yhat = b2[i];
        std::array<double, n> slope{};
        for (std::size_t h = 0; h < r; ++h) {
            const double w = w2[i * r + h];
            if (z[h] > 0) {
                yhat += w * z[h];
                for (std::size_t j = 0; j < n; ++j) {
                    slope[j] += w * w1[h * n + j];
                }
            }
        }
        worst = std::max(worst, std::abs(yhat - network.yhat[i]));
        for (std::size_t j = 0; j < n && with_jacobian; ++j) {
            worst = std::max(worst, std::abs(slope[j] - network.J[i * n + j]));
        }
    }
    return worst;
}

template <std::size_t n, std::size_t r, std::size_t k>
void prepare_shape(bool with_jacobian, prepared* answer) {
    using N = Network<n, r, k>;
    std::array<float, N::Net::parameter_count> numbers{};
    for (std::size_t i = 0; i < numbers.size(); ++i) {
        const double inputs = i < (n + 1) * r ? n : r;
        numbers[i] = static_cast<float>(random_number() / std::sqrt(inputs));
    }
    auto network = std::make_unique<N>(numbers);
    for (float& x : network->x) {
        x = static_cast<float>(random_number());
    }
    answer->run = with_jacobian ? jacobian<N> : predict<N>;
    answer->run(network.get(), 1);
    const double worst = worst_difference<n, r, k>(*network, with_jacobian);
    if (!(worst < 1e-4)) {
        std::snprintf(answer->error, sizeof answer->error, "results differ from the reference by %.1e", worst);
    }
    std::snprintf(answer->check, sizeof answer->check, "agrees with the reference to %.0e", worst);
    std::snprintf(answer->setting, sizeof answer->setting, "%s", HANDGRAD_SETTING);
    answer->state = network.release();
}

void prepare(const char* workload, prepared* answer) {
    const std::string id = workload;
#define X(n, r, k)                                  \
    if (id == "I1/" #n "-" #r "-" #k) {             \
        prepare_shape<n, r, k>(false, answer);      \
    } else if (id == "J1/" #n "-" #r "-" #k "/1") { \
        prepare_shape<n, r, k>(true, answer);       \
    }
    HANDGRAD_SHAPES
#undef X
}

}  // namespace

int main() { serve(prepare, "{}"); }
