// Levels by name, the widest of them, and what a caller asked for.
#include "handgrad/kernels/simd_level.hpp"

#include <algorithm>

#include "handgrad/base/thread_pool.hpp"

namespace handgrad {

SimdLevel best_simd_level() {
    static const SimdLevel best = [] {
        for (const SimdLevel level : {SimdLevel::avx512, SimdLevel::avx2}) {
            if (available(level)) {
                return level;
            }
        }
        return SimdLevel::scalar;
    }();
    return best;
}

std::optional<SimdLevel> find_simd_level(std::string_view name) {
    const auto* found = std::ranges::find(simd_level_names, name);
    if (found == simd_level_names.end()) {
        return std::nullopt;
    }
    return static_cast<SimdLevel>(found - simd_level_names.begin());
}

SimdLevel Execution::level() const { return std::min(simd.value_or(best_simd_level()), best_simd_level()); }

std::size_t Execution::most_threads() const { return threads != 0 ? threads : available_threads(); }

}  // namespace handgrad
