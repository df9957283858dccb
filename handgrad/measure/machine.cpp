// Runs the loops of kernels/limits.hpp on arrays of the size of each cache.
#include "handgrad/measure/machine.hpp"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <limits>
#include <string>

#include "handgrad/base/matrix.hpp"
#include "handgrad/base/thread_pool.hpp"
#include "handgrad/kernels/table.hpp"
#include "handgrad/measure/stopwatch.hpp"

namespace handgrad::measure {
namespace {

/// Only the best of the stretches counts, so they are many, short and spread over the whole time: whoever else is at
/// work on the machine leaves some of them alone.
constexpr std::size_t limit_rounds = 3;
constexpr std::size_t limit_repetitions = 5;    // in each round
constexpr double limit_stretch = 0.1;           // of a stretch of the options
constexpr double longest_limit_stretch = 5e-3;  // seconds: longer ones find the machine alone less often

double best_seconds(const MeasureOptions& options, const auto& call) {
    const double stretch = std::min(limit_stretch * options.stretch, longest_limit_stretch);
    return time_calls(limit_repetitions, stretch, call).least();
}

std::string first_line(const std::string& path) {
    std::string line;
    std::ifstream file(path);
    std::getline(file, line);
    return line;
}

/// `512K`, `16384K`, `1M`; 0 when it is none of them.
std::size_t parse_size(const std::string& text) {
    std::size_t size = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), size);
    if (error != std::errc{}) {
        return 0;
    }
    const std::string_view unit(end, text.data() + text.size());
    if (unit.starts_with('K')) {
        return size << 10;
    }
    if (unit.starts_with('M')) {
        return size << 20;
    }
    if (unit.starts_with('G')) {
        return size << 30;
    }
    return size;
}

/// Multiply-adds between two looks at the clock: some microseconds of them.
constexpr std::size_t rounds = 4096;

/// Bytes likewise.
constexpr std::size_t read_in_a_call = std::size_t{1} << 20;

template <class T>
double flops_of_rounds(const kernels::LimitLoops<T>& loops) {
    return 2.0 * static_cast<double>(rounds) * static_cast<double>(loops.multiply_adds_in_round);
}

template <class T>
double measure_peak(const MeasureOptions& options) {
    const kernels::LimitLoops<T>& loops = kernels::kernels<T>(options.execution.level()).limits;
    return flops_of_rounds(loops) / best_seconds(options, [&] { keep(loops.multiply_adds(rounds, T(0.5), T(1))); });
}

double measure_peak_of_threads(const MeasureOptions& options, std::size_t threads) {
    const kernels::LimitLoops<float>& loops = kernels::kernels<float>(options.execution.level()).limits;
    constexpr std::size_t turns = 16;  // long beside the start of a region
    std::size_t members = 1;
    const double seconds = best_seconds(options, [&] {
        ThreadPool::shared().run(threads, [&](const Team& team) {
            for (std::size_t i = 0; i < turns; ++i) {
                keep(loops.multiply_adds(rounds, 0.5F, 1.0F));
            }
            if (team.index() == 0) {
                members = team.size();
            }
        });
    });
    return static_cast<double>(members * turns) * flops_of_rounds(loops) / seconds;
}

double measure_bandwidth(const MeasureOptions& options, std::size_t bytes) {
    const kernels::LimitLoops<float>& loops = kernels::kernels<float>(options.execution.level()).limits;
    const std::size_t count = std::max<std::size_t>(
        bytes / sizeof(float) / kernels::LimitLoops<float>::numbers * kernels::LimitLoops<float>::numbers,
        kernels::LimitLoops<float>::numbers);
    const AlignedVector<float> numbers(count, 1.0F);
    const std::size_t times = std::max<std::size_t>(read_in_a_call / (count * sizeof(float)), 1);
    double seconds = std::numeric_limits<double>::infinity();
    for (const bool streams : {false, true}) {
        seconds =
            std::min(seconds, best_seconds(options, [&] { keep(loops.sum(numbers.data(), count, streams, times)); }));
    }
    return static_cast<double>(times * count * sizeof(float)) / seconds;
}

}  // namespace

MemoryLevel CacheSizes::holding(double count) const {
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        if (count <= static_cast<double>(bytes[i])) {
            return static_cast<MemoryLevel>(i);
        }
    }
    return MemoryLevel::memory;
}

double MachineLimits::seconds_to_read(double bytes) const {
    double seconds = 0.0;
    for (const MemoryLevel level : all_memory_levels) {
        const bool last = level == MemoryLevel::memory;
        const double here = last ? bytes : std::min(bytes, static_cast<double>(caches.bytes_of(level)));
        seconds += here / bandwidth_of(level);
        bytes -= here;
    }
    return seconds;
}

std::size_t CacheSizes::working_set(MemoryLevel level) const {
    const std::size_t largest = *std::ranges::max_element(bytes);
    switch (level) {
        case MemoryLevel::l1:
            return bytes[0] / 2;
        case MemoryLevel::l2:
            return std::max(bytes[1] / 2, 2 * bytes[0]);
        case MemoryLevel::l3:  // others use it too
            return std::max(bytes[2] / 4, 2 * bytes[1]);
        case MemoryLevel::memory:
            return std::clamp(4 * largest, std::size_t{64} << 20, std::size_t{256} << 20);
    }
    __builtin_unreachable();
}

CacheSizes cache_sizes() {
    CacheSizes sizes;
    for (int index = 0; index < 16; ++index) {
        const std::string folder = "/sys/devices/system/cpu/cpu0/cache/index" + std::to_string(index) + "/";
        const std::string level = first_line(folder + "level");
        if (level.empty()) {
            break;
        }
        const std::size_t size = parse_size(first_line(folder + "size"));
        if (level.size() == 1 && level[0] >= '1' && level[0] <= '3' && size != 0 &&
            first_line(folder + "type") != "Instruction") {
            sizes.bytes[static_cast<std::size_t>(level[0] - '1')] = size;
        }
    }
    return sizes;
}

MachineLimits measure_machine(const MeasureOptions& options) {
    MachineLimits limits;
    limits.simd = options.execution.level();
    limits.threads = options.execution.most_threads();
    limits.caches = cache_sizes();
    const auto keep_best = [](double& best, double measured) { best = std::max(best, measured); };
    for (std::size_t round = 0; round < limit_rounds; ++round) {
        keep_best(limits.peak, measure_peak<float>(options));
        keep_best(limits.peak_double, measure_peak<double>(options));
        keep_best(limits.peak_of_threads,
                  limits.threads == 1 ? limits.peak : measure_peak_of_threads(options, limits.threads));
        for (const MemoryLevel level : all_memory_levels) {
            keep_best(limits.bandwidth[static_cast<std::size_t>(level)],
                      measure_bandwidth(options, limits.caches.working_set(level)));
        }
    }
    return limits;
}

}  // namespace handgrad::measure
