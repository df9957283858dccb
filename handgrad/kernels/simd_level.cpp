// Levels by name, the widest of them, and what a caller asked for.
#include "handgrad/kernels/simd_level.hpp"

#include <algorithm>

#include "handgrad/base/thread_pool.hpp"

namespace handgrad {

SimdLevel best_simd_level() {
    static const SimdLevel best = available(SimdLevel::avx512) ? SimdLevel::avx512
                                  : available(SimdLevel::avx2) ? SimdLevel::avx2
                                                               : SimdLevel::scalar;
    return best;
}

std::optional<SimdLevel> find_simd_level(std::string_view name) {
    const auto* found = std::ranges::find(simd_level_names, name);
    return found == simd_level_names.end() ? std::nullopt
                                           : std::optional(static_cast<SimdLevel>(found - simd_level_names.begin()));
}

SimdLevel Execution::level() const { return std::min(simd.value_or(best_simd_level()), best_simd_level()); }

std::size_t Execution::most_threads() const { return threads != 0 ? threads : available_threads(); }

}  // namespace handgrad
