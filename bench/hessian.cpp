// The second derivatives of a batch, for bench/hessian.py: reads the network and x from files of numbers, and answers
// each line on standard input with the seconds of the fastest call of a stretch. Usage: hessian f32|f64 n r K rows
// FOLDER
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <span>
#include <string>
#include <vector>

#include "handgrad/nn/predictor.hpp"

namespace {

using namespace handgrad;
using Clock = std::chrono::steady_clock;

double seconds(Clock::time_point from, Clock::time_point to) {
    return std::chrono::duration<double>(to - from).count();
}

template <class T>
void read(const std::string& path, std::span<T> to) {
    std::ifstream file(path, std::ios::binary);
    file.read(reinterpret_cast<char*>(to.data()), static_cast<std::streamsize>(to.size_bytes()));
    if (!file) {
        std::fprintf(stderr, "%s: too short\n", path.c_str());
        std::exit(1);
    }
}

template <class T>
int serve(const std::vector<std::size_t>& sizes, std::size_t rows, const std::string& folder) {
    constexpr double enough = 0.1;  // seconds of a stretch
    BasicMlp<T> net = BasicMlp<T>::zeros({.sizes = sizes, .hidden = Activation::tanh});
    Matrix<T> x(rows, sizes[0]), yhat(rows, sizes[2]), H(rows, sizes[2] * sizes[0] * sizes[0]);
    read<T>(folder + "/parameters", net.parameters());
    read<T>(folder + "/x", x.values());
    const BasicPredictor<T> predictor(net, {.threads = 1}, Differentiable::twice);
    std::string line;
    while (std::getline(std::cin, line)) {
        double fastest = enough;
        const Clock::time_point begin = Clock::now();
        for (Clock::time_point start = begin; seconds(begin, start) < enough;) {
            predictor.hessian(x, yhat, H);
            const Clock::time_point end = Clock::now();
            fastest = std::min(fastest, seconds(start, end));
            start = end;
        }
        std::ofstream(folder + "/H", std::ios::binary)
            .write(reinterpret_cast<const char*>(H.values().data()),
                   static_cast<std::streamsize>(H.values().size_bytes()));
        std::printf("%.9g\n", fastest);
        std::fflush(stdout);
    }
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 7) {
        std::fprintf(stderr, "usage: hessian f32|f64 n r K rows FOLDER\n");
        return 2;
    }
    const auto number = [&](int i) { return static_cast<std::size_t>(std::strtoul(argv[i], nullptr, 10)); };
    const std::vector<std::size_t> sizes{number(2), number(3), number(4)};
    return std::string(argv[1]) == "f32" ? serve<float>(sizes, number(5), argv[6])
                                         : serve<double>(sizes, number(5), argv[6]);
}
