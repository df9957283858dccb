// Which instruction set and how many threads do the work: neither changes a bit of any result.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string_view>

namespace handgrad {

/// Instruction sets that the kernels are compiled for, from the plainest to the widest. All give the same bits.
enum class SimdLevel { scalar, avx2, avx512 };

inline constexpr std::array<std::string_view, 3> simd_level_names{"scalar", "avx2", "avx512"};
constexpr std::string_view name(SimdLevel level) { return simd_level_names[static_cast<std::size_t>(level)]; }
std::optional<SimdLevel> find_simd_level(std::string_view name);

/// Whether this processor (and this build) can run it.
bool available(SimdLevel level);
/// The widest that is available; found once.
SimdLevel best_simd_level();

/// How work is to be done.
struct Execution {
    std::size_t threads = 0;        ///< at most so many; 0: all that this process may run on
    std::optional<SimdLevel> simd;  ///< no wider than this; none: the widest that is available

    /// The level to use: the widest available up to the one asked for, as the results are the same.
    [[nodiscard]] SimdLevel level() const;
    [[nodiscard]] std::size_t most_threads() const;
};

}  // namespace handgrad
