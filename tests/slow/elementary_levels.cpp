// The elementary functions and activations of every instruction set of this processor: the same bits at all floats.
// Usage: elementary_levels [STRIDE]    (every STRIDE-th float on the scalar level, default 61; all of them on others)
#include <algorithm>
#include <atomic>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include "handgrad/base/memory.hpp"
#include "handgrad/kernels/table.hpp"
#include "handgrad/math/activations.hpp"

namespace {

using namespace handgrad;
using kernels::LimitLoops;

constexpr std::size_t block = 1 << 16;

/// Floats whose values or slopes differ, a NaN like any other; the first of them is printed.
template <class Run>
std::uint64_t differing(const char* name, const Run& run, std::uint64_t stride) {
    std::atomic<std::uint64_t> next{0}, count{0};
    std::vector<std::jthread> threads;
    for (unsigned t = 0; t < std::max(1u, std::thread::hardware_concurrency()); ++t) {
        threads.emplace_back([&] {
            AlignedVector<float> x(block), a(4 * block);
            for (std::uint64_t begin = next.fetch_add(block); begin * stride < (1ULL << 32);
                 begin = next.fetch_add(block)) {
                for (std::size_t i = 0; i < block; ++i) {
                    x[i] = std::bit_cast<float>(static_cast<std::uint32_t>((begin + i) * stride));
                }
                run(x.data(), a.data());
                for (std::size_t i = 0; i < 2 * block; ++i) {
                    const float first = a[i], second = a[2 * block + i];
                    const bool same =
                        std::memcmp(&first, &second, sizeof first) == 0 || (std::isnan(first) && std::isnan(second));
                    if (!same && count.fetch_add(1) == 0) {
                        std::printf("%s at %a: %a and %a\n", name, double(x[i % block]), double(first), double(second));
                    }
                }
            }
        });
    }
    threads.clear();
    return count;
}

std::uint64_t compare(const LimitLoops<float>& one, const LimitLoops<float>& other, std::uint64_t stride) {
    std::uint64_t all = 0;
    const auto said = [&](const char* name, std::uint64_t count) {
        std::printf("  %-12s %llu of %.3g differ\n", name, static_cast<unsigned long long>(count),
                    0x1p32 / double(stride));
        all += count;
    };
    for (std::size_t f = 0; f < kernels::elementary_names.size(); ++f) {
        const std::string name(kernels::elementary_names[f]);
        said(name.c_str(), differing(
                               name.c_str(),
                               [&](const float* x, float* a) {
                                   one.elementary(static_cast<kernels::Elementary>(f), x, a, block);
                                   other.elementary(static_cast<kernels::Elementary>(f), x, a + 2 * block, block);
                               },
                               stride));
    }
    for (const Activation f : all_activations) {
        if (!facts(f).elementwise) {
            continue;
        }
        const std::string called(name(f));
        said(called.c_str(), differing(
                                 called.c_str(),
                                 [&](const float* x, float* a) {
                                     one.activation(f, x, a, a + block, block);
                                     other.activation(f, x, a + 2 * block, a + 3 * block, block);
                                 },
                                 stride));
    }
    return all;
}

}  // namespace

int main(int argc, char** argv) {
    const std::uint64_t scalar_stride = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 61;
    std::uint64_t differ = 0;
    std::vector<SimdLevel> levels;
    for (const SimdLevel level : {SimdLevel::scalar, SimdLevel::avx2, SimdLevel::avx512}) {
        if (available(level)) {
            levels.push_back(level);
        }
    }
    for (std::size_t i = 1; i < levels.size(); ++i) {
        const std::uint64_t stride = levels[i - 1] == SimdLevel::scalar ? scalar_stride : 1;
        std::printf("%s and %s, every %llu. float\n", std::string(name(levels[i])).c_str(),
                    std::string(name(levels[i - 1])).c_str(), static_cast<unsigned long long>(stride));
        differ +=
            compare(kernels::kernels<float>(levels[i]).limits, kernels::kernels<float>(levels[i - 1]).limits, stride);
    }
    return differ == 0 ? 0 : 1;
}
