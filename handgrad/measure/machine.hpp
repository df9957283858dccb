// What this machine can do at most, measured now: fused multiply-adds a second, and bytes a second from each cache.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

#include "handgrad/kernels/simd_level.hpp"

namespace handgrad::measure {

/// How to measure. Numbers are taken from `repetitions` stretches of at least `stretch` seconds, each of as many calls
/// as that takes; the limits of the machine from more and shorter ones, since only the best counts there.
struct MeasureOptions {
    Execution execution;
    std::size_t repetitions = 5;  ///< at least 1
    double stretch = 0.05;        ///< seconds, above 0
};

enum class MemoryLevel { l1, l2, l3, memory };
inline constexpr std::array all_memory_levels{MemoryLevel::l1, MemoryLevel::l2, MemoryLevel::l3, MemoryLevel::memory};
inline constexpr std::array<std::string_view, 4> memory_level_names{"L1", "L2", "L3", "memory"};
constexpr std::string_view name(MemoryLevel level) { return memory_level_names[static_cast<std::size_t>(level)]; }

/// How many bytes each level holds for one core, as the system tells it (Linux: /sys), else as is usual.
struct CacheSizes {
    std::array<std::size_t, 3> bytes{std::size_t{32} << 10, std::size_t{512} << 10, std::size_t{8} << 20};

    /// Of a level that is no memory.
    [[nodiscard]] std::size_t bytes_of(MemoryLevel level) const { return bytes[static_cast<std::size_t>(level)]; }
    /// The first level that holds so many bytes.
    [[nodiscard]] MemoryLevel holding(double count) const;
    /// So many bytes lie in this level and not in the one before it when they are read again and again.
    [[nodiscard]] std::size_t working_set(MemoryLevel level) const;
};
CacheSizes cache_sizes();

/// The limits that shares are taken of. Rates are those of one thread unless said otherwise.
struct MachineLimits {
    SimdLevel simd = SimdLevel::scalar;
    std::size_t threads = 1;            ///< as asked for
    double peak = 0.0;                  ///< flop/s of fused multiply-adds in float, a multiply-add counted as two
    double peak_double = 0.0;           ///< … in double
    double peak_of_threads = 0.0;       ///< … in float, of all `threads` together
    std::array<double, 4> bandwidth{};  ///< bytes/s read from each level
    CacheSizes caches;

    [[nodiscard]] double bandwidth_of(MemoryLevel level) const { return bandwidth[static_cast<std::size_t>(level)]; }
    /// So many bytes again and again: each level at its bandwidth gives what it holds beyond the levels before it.
    [[nodiscard]] double seconds_to_read(double bytes) const;
};

/// Takes about a second with the default options.
MachineLimits measure_machine(const MeasureOptions& options);

}  // namespace handgrad::measure
