// RTNeural: ModelT, whose shape is known when compiling, one row a call. The backend is chosen when compiling:
// -DRTNEURAL_USE_EIGEN=1, -DRTNEURAL_USE_XSIMD=1, or neither for loops over the standard library; the shapes too:
// -DHANDGRAD_SHAPES="X(10, 32, 1) X(64, 64, 64)".
#define EIGEN_STACK_ALLOCATION_LIMIT 0  // 784-256 is more than Eigen's fixed matrices may hold otherwise

#include <RTNeural/RTNeural.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <vector>

#include "bench/peers/runner.h"

namespace {

template <int n, int r, int k>
struct Network {
    RTNeural::ModelT<float, n, k, RTNeural::DenseT<float, n, r>, RTNeural::ReLuActivationT<float, r>,
                     RTNeural::DenseT<float, r, k>>
        model;
    alignas(64) float input[n];
};

using Matrix = std::vector<std::vector<float>>;

Matrix random_matrix(int rows, int columns) {
    Matrix matrix(rows, std::vector<float>(columns));
    for (auto& row : matrix) {
        for (auto& number : row) {
            number = static_cast<float>(random_number() / std::sqrt(columns));
        }
    }
    return matrix;
}

template <int n, int r, int k>
void run(void* state, long steps) {
    auto& network = *static_cast<Network<n, r, k>*>(state);
    for (long step = 0; step < steps; ++step) {
        network.model.forward(network.input);
        __asm__ volatile("" : : "r"(&network) : "memory");
    }
}

template <int n, int r, int k>
void prepare_shape(prepared* answer) {
    auto* network = new Network<n, r, k>;
    const auto w1 = random_matrix(r, n);
    const auto w2 = random_matrix(k, r);
    const auto b1 = random_matrix(1, r)[0];
    const auto b2 = random_matrix(1, k)[0];
    network->model.template get<0>().setWeights(w1);
    network->model.template get<0>().setBias(b1.data());
    network->model.template get<2>().setWeights(w2);
    network->model.template get<2>().setBias(b2.data());
    network->model.reset();
    std::generate_n(network->input, n, [] { return static_cast<float>(random_number()); });

    network->model.forward(network->input);
    std::vector<double> hidden(r);
    for (int i = 0; i < r; ++i) {
        double z = b1[i];
        for (int j = 0; j < n; ++j) {
            z += static_cast<double>(w1[i][j]) * network->input[j];
        }
        hidden[i] = std::max(z, 0.0);
    }
    double worst = 0;
    for (int i = 0; i < k; ++i) {
        double z = b2[i];
        for (int j = 0; j < r; ++j) {
            z += w2[i][j] * hidden[j];
        }
        worst = std::max(worst, std::abs(z - network->model.getOutputs()[i]));
    }
    if (!(worst < 1e-4)) {
        snprintf(answer->error, sizeof answer->error, "outputs differ from the reference by %.1e", worst);
    }
    snprintf(answer->check, sizeof answer->check, "agrees with the reference to %.0e", worst);
    snprintf(answer->setting, sizeof answer->setting, "%s", HANDGRAD_SETTING);
    answer->run = run<n, r, k>;
    answer->state = network;
}

void prepare(const char* workload, prepared* answer) {
#define X(n, r, k)                                       \
    if (strcmp(workload, "I1/" #n "-" #r "-" #k) == 0) { \
        prepare_shape<n, r, k>(answer);                  \
    }
    HANDGRAD_SHAPES
#undef X
}

}  // namespace

int main() { serve(prepare, "{\"RTNeural\": \"" HANDGRAD_RTNEURAL_VERSION "\"}"); }
