// Numbers to measure on: even in an interval, the same in every run, and quick to make by the million.
#pragma once

#include <cstdint>
#include <span>

namespace handgrad::measure {

/// A linear congruential generator (Knuth's MMIX), of which the upper bits are used. Not for anything that matters.
class QuickNumbers {
public:
    /// Even in [0, 1).
    double next() {
        state_ = state_ * 6364136223846793005U + 1442695040888963407U;
        return static_cast<double>(state_ >> 40) * 0x1p-24;
    }
    template <class T>
    void fill(std::span<T> numbers, double low, double high) {
        for (T& number : numbers) {
            number = static_cast<T>(low + (high - low) * next());
        }
    }

private:
    std::uint64_t state_ = 1;
};

}  // namespace handgrad::measure
