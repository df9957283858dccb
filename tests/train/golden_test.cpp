// The bit contract as a table: what a run's weights hash to, whatever the instruction set and the number of threads.
#include <gtest/gtest.h>

#include <string>
#include <variant>
#include <vector>

#include "handgrad/base/random.hpp"
#include "handgrad/kernels/simd_level.hpp"
#include "handgrad/store/model.hpp"
#include "handgrad/train/trainer.hpp"

namespace handgrad {
namespace {

struct Golden {
    std::string name;
    std::vector<std::size_t> sizes;
    Activation hidden;
    Activation output;
    Loss loss;
    OptimizerOptions optimizer;
    std::size_t rows;
    std::size_t batch;
    std::string_view conventions;
    bool in_double;
    bool weighted;
    std::string hash;  ///< parameters_hash after two epochs, of solvers that see all rows at once after nine
};

constexpr bool f32 = false;
constexpr bool f64 = true;

/// A change here is a change of what every user's run gives: it needs a line in CHANGELOG.md and in docs/numerics.md.
std::vector<Golden> goldens() {
    using enum Activation;
    using enum Loss;
    constexpr auto sgd = OptimizerKind::sgd;
    constexpr auto adam = OptimizerKind::adam;
    constexpr auto adamw = OptimizerKind::adamw;
    const OptimizerOptions plain{.kind = sgd, .learning_rate = 0.01};
    const OptimizerOptions usual{.kind = adam, .learning_rate = 0.003};
    // Shapes that keep several threads busy, even and odd; deep ones; one layer; batches of one row and of many leaves.
    return {
        // clang-format off
        {"relu-sgd",          {40, 256, 10}, relu, identity, squared_error, plain, 300, 100, "handgrad", f32, false, "f5d0c51730408e4577ea484b9d2a18dd"},
        {"relu-sgd-f64",      {40, 256, 10}, relu, identity, squared_error, plain, 300, 100, "handgrad", f64, false, "53edb5ebc39c629afd5436c95e7b0c0e"},
        {"odd",               {13, 450, 3}, relu, identity, squared_error, plain, 111, 37, "handgrad", f32, false, "0ea21dbc918ae1aaa88a0ebf20a2987b"},
        {"odd-f64",           {13, 450, 3}, relu, identity, squared_error, plain, 111, 37, "handgrad", f64, false, "b99603a1e45b2b70eb3477f4f9114f5d"},
        {"one-output",        {30, 1100, 1}, sigmoid, sigmoid, binary_cross_entropy, usual, 130, 32, "handgrad", f32, false, "674d2022ca4eefc07da7bdbc37aab838"},
        {"one-output-f64",    {30, 1100, 1}, sigmoid, sigmoid, binary_cross_entropy, usual, 130, 32, "handgrad", f64, false, "e2f0de9394828b8c66481476fdbf0ae8"},
        {"softmax",           {64, 333, 10}, relu, softmax, cross_entropy, usual, 200, 64, "handgrad", f32, false, "caeeef393dce1e781c12f8f6f04a2070"},
        {"softmax-weighted",  {64, 333, 10}, relu, softmax, cross_entropy, usual, 200, 64, "handgrad", f32, true, "357a2ada03c9da8f62181d6426688953"},
        {"wide-output",       {20, 200, 50}, tanh, softmax, cross_entropy, usual, 200, 64, "handgrad", f32, false, "ed620a08e3c0e7b562a541630daad5f8"},
        {"deep",              {8, 70, 50, 33, 4}, tanh, identity, squared_error, usual, 500, 250, "handgrad", f32, false, "45f66ecab91ae61d796739e595ff9cb8"},
        {"deep-f64",          {8, 70, 50, 33, 4}, tanh, identity, squared_error, usual, 500, 250, "handgrad", f64, false, "aa4c6810d4b3b530d8c9f0e1ebc6be72"},
        {"deep-rows",         {4, 32, 16, 4}, tanh, identity, squared_error, usual, 6000, 6000, "handgrad", f32, false, "0dd1dd0c47efb84bfa6a59aaa809bede"},
        {"deep-rows-f64",     {4, 32, 16, 4}, gelu, identity, squared_error, usual, 6000, 3000, "handgrad", f64, false, "f49d1431374afc2f0145254b4da6cd19"},
        {"linear",            {300, 5}, relu, softmax, cross_entropy, plain, 260, 130, "handgrad", f32, false, "9fde9d3ce39ba773a2b1d76cf9c8d0af"},
        {"linear-rows",       {30, 1}, relu, identity, huber, plain, 5000, 2500, "handgrad", f32, true, "5f5aaf195a96341958b70cbe6a646f9c"},
        {"batch-of-one",      {13, 450, 3}, silu, identity, squared_error, plain, 20, 1, "handgrad", f32, false, "7b2255b3b2b578b2c1ab093c1a2d1c61"},
        {"momentum",          {40, 256, 10}, elu, identity, squared_error, {.kind = sgd, .learning_rate = 0.002, .momentum = 0.9}, 300, 100, "handgrad", f32, false, "522b643efcc838692d69259bc023ccc1"},
        {"nesterov",          {40, 256, 10}, elu, identity, squared_error, {.kind = sgd, .learning_rate = 0.002, .momentum = 0.9, .nesterov = true}, 300, 100, "handgrad", f32, false, "e9f962e843cdbc9ee912c11b93911d3b"},
        {"momentum-pytorch",  {40, 256, 10}, leaky_relu, identity, squared_error, {.kind = sgd, .learning_rate = 0.002, .momentum = 0.9}, 300, 100, "pytorch", f32, false, "3a6462ca6f3e2e80512c52624b288d56"},
        {"nesterov-pytorch",  {40, 256, 10}, relu, identity, squared_error, {.kind = sgd, .learning_rate = 0.002, .momentum = 0.9, .nesterov = true}, 300, 100, "pytorch", f64, false, "3e478a567e860862da8ef5225a27feae"},
        {"decay",             {40, 256, 10}, softplus, identity, squared_error, {.kind = adam, .learning_rate = 0.003, .weight_decay = 0.01}, 300, 100, "handgrad", f32, false, "74a601d89f87cb08497b1e281dd16fd6"},
        {"decay-pytorch",     {40, 256, 10}, gelu_tanh, identity, squared_error, {.kind = sgd, .learning_rate = 0.01, .weight_decay = 0.01}, 300, 100, "pytorch", f32, false, "9c7b76d9b89025b721d06793e756ad34"},
        {"decay-sklearn",     {40, 256, 10}, relu, softmax, cross_entropy, {.kind = adam, .weight_decay = 0.01}, 300, 100, "sklearn", f32, false, "932aaa4d2a0a4cb5894fc9728ad0f7af"},
        {"adamw",             {40, 256, 10}, gelu, identity, squared_error, {.kind = adamw, .learning_rate = 0.003, .weight_decay = 0.01}, 300, 100, "handgrad", f32, false, "7ecffd1523feec842c359264022db4c5"},
        {"adamw-pytorch",     {40, 256, 17}, relu, identity, absolute_error, {.kind = adamw, .learning_rate = 0.003, .weight_decay = 0.01}, 300, 100, "pytorch", f64, false, "16780430ef28be5507da1b071ef65dca"},
        {"poisson",           {10, 320, 2}, exp, exp, poisson, {.kind = sgd, .learning_rate = 1e-4}, 100, 50, "handgrad", f64, false, "8772715b3b644b13c173977ba615bd11"},
        {"quantile",          {10, 320, 2}, silu, identity, quantile, usual, 300, 150, "handgrad", f32, false, "0045ea5718c780e07e32fd47adaad4c2"},
        {"leaves-of-rows",    {20, 200, 3}, relu, identity, squared_error, plain, 2000, 1000, "handgrad", f32, false, "22a9d0db33566c23dcc0c9aa783d5aee"},
        {"lbfgs",             {8, 70, 50, 33, 4}, tanh, identity, squared_error, {.kind = OptimizerKind::lbfgs}, 700, 32, "handgrad", f32, true, "3007a861b026920416148d07478d500c"},
        {"lbfgs-f64",         {40, 256, 10}, gelu, softmax, cross_entropy, {.kind = OptimizerKind::lbfgs, .weight_decay = 0.01, .lbfgs_memory = 5}, 300, 32, "sklearn", f64, false, "e2d78b3186c846d6740e8d3b96c225be"},
        {"bfgs-f64",          {13, 45, 3}, tanh, identity, huber, {.kind = OptimizerKind::bfgs}, 1111, 32, "pytorch", f64, false, "ed6a0c696b910523c115b9fe77bc7694"},
        {"lm",                {8, 9, 5, 3}, tanh, identity, squared_error, {.kind = OptimizerKind::lm}, 700, 32, "handgrad", f32, true, "56bd47b5b0c580af46ced7990ab67638"},
        {"lm-f64",            {6, 40, 2}, silu, sigmoid, squared_error, {.kind = OptimizerKind::lm, .weight_decay = 0.01}, 333, 32, "sklearn", f64, false, "23b2439401a7d3a54dc56203f6708087"},
        {"lm-softmax",        {4, 17, 3}, gelu, softmax, squared_error, {.kind = OptimizerKind::lm, .weight_decay = 0.1}, 130, 32, "pytorch", f64, true, "1cd7da062a73eebc235e714415f27426"},
        // clang-format on
    };
}

/// Numbers that every machine computes alike: uniform inputs, targets from them by sums and products.
template <class T>
BasicDataset<T> data_for(const Golden& golden) {
    const std::size_t n = golden.sizes.front(), K = golden.sizes.back();
    BasicDataset<T> data{Matrix<T>(golden.rows, n), Matrix<T>(golden.rows, K), {}};
    const RandomStream random(11, Purpose::weights, 5);
    std::uint64_t index = 0;
    for (std::size_t row = 0; row < golden.rows; ++row) {
        double sum = 0.0;
        for (T& x : data.x.row(row)) {
            x = static_cast<T>(2.0 * random.uniform(index++) - 1.0);
            sum += static_cast<double>(x);
        }
        for (std::size_t k = 0; k < K; ++k) {
            const double y = sum * (static_cast<double>(k) - 0.3) + sum * sum;
            data.y(row, k) = static_cast<T>(golden.loss == Loss::poisson                ? (y > 0.0 ? 2.0 : 0.0)
                                            : golden.loss == Loss::binary_cross_entropy ? (y > 0.5 ? 1.0 : 0.0)
                                                                                        : y);
        }
        if (golden.loss == Loss::cross_entropy) {
            const std::size_t label = static_cast<std::size_t>((sum + 1000.0) * 3.0) % K;
            for (std::size_t k = 0; k < K; ++k) {
                data.y(row, k) = static_cast<T>(k == label ? 1 : 0);
            }
        }
        if (golden.weighted) {
            data.weights.push_back(static_cast<T>(row % 3));
        }
    }
    return data;
}

/// The first weights of the table's runs, whatever the default is.
Conventions conventions_of(const Golden& golden) {
    Conventions conventions = *find_conventions(golden.conventions);
    if (conventions.name == "handgrad") {
        conventions.first_weights = FirstWeights::by_activation;
    }
    return conventions;
}

template <class T>
std::string hash_of(const Golden& golden, const Execution& execution) {
    const BasicDataset<T> data = data_for<T>(golden);
    BasicMlp<T> net = BasicMlp<T>::random({.sizes = golden.sizes,
                                           .hidden = golden.hidden,
                                           .output = golden.output,
                                           .conventions = conventions_of(golden)},
                                          7);
    train(net, data,
          {.loss = golden.loss,
           .optimizer = golden.optimizer,
           .epochs = facts(golden.optimizer.kind).all_rows ? 9 : 2,
           .batch = golden.batch,
           .seed = 3,
           .execution = execution});
    return parameters_hash(net);
}

class Bits : public testing::TestWithParam<Golden> {};

TEST_P(Bits, AreThoseOfTheTableOnEveryInstructionSetWithAnyNumberOfThreads) {
    const Golden& golden = GetParam();
    for (const SimdLevel level : {SimdLevel::scalar, SimdLevel::avx2, SimdLevel::avx512}) {
        if (!available(level)) {
            continue;
        }
        for (const std::size_t threads : {1, 2, 3, 7, 16}) {
            const Execution execution{.threads = threads, .simd = level};
            EXPECT_EQ(golden.in_double ? hash_of<double>(golden, execution) : hash_of<float>(golden, execution),
                      golden.hash)
                << name(level) << ", " << threads << " threads";
        }
    }
}

INSTANTIATE_TEST_SUITE_P(Golden, Bits, testing::ValuesIn(goldens()), [](const auto& instance) {
    std::string name = instance.param.name;
    for (char& c : name) {
        c = c == '-' ? '_' : c;
    }
    return name;
});

}  // namespace
}  // namespace handgrad
