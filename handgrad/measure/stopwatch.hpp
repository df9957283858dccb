// Timing of calls, in stretches long enough for the clock not to count.
#pragma once

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <vector>

#include "handgrad/measure/machine.hpp"

namespace handgrad::measure {

/// The clock that everything is timed by.
struct StopwatchClock {
    using time_point = std::chrono::steady_clock::time_point;
    using Source = time_point (*)();

    /// What it reads: a test puts a clock of its own in its place, whose times it knows beforehand.
    inline static Source source = std::chrono::steady_clock::now;
    static time_point now() { return source(); }
};

inline double seconds_since(StopwatchClock::time_point start) {
    return std::chrono::duration<double>(StopwatchClock::now() - start).count();
}

/// Seconds a call, one number for each stretch.
struct Timing {
    std::vector<double> seconds;

    [[nodiscard]] double least() const { return *std::ranges::min_element(seconds); }
    [[nodiscard]] double median() const {
        std::vector<double> sorted = seconds;
        std::ranges::sort(sorted);
        const std::size_t middle = sorted.size() / 2;
        return sorted.size() % 2 == 1 ? sorted[middle] : 0.5 * (sorted[middle - 1] + sorted[middle]);
    }
    /// The same for a part of a call, of which there are `parts` in it.
    [[nodiscard]] Timing divided_by(double parts) const {
        Timing result = *this;
        for (double& s : result.seconds) {
            s /= parts;
        }
        return result;
    }
};

/// Keeps the compiler from leaving out the computation of a value.
template <class T>
void keep(const T& value) {
    volatile T kept = value;
    static_cast<void>(kept);
}

/// Times `call`, after calls that warm it up and show how many make a stretch. No stretch that counts is shorter than
/// `stretch` seconds: where one is, since the calls before it were held up by others, it is timed again with more
/// calls.
template <class Call>
Timing time_calls(std::size_t repetitions, double stretch, const Call& call) {
    const auto run = [&](std::size_t calls) {
        const StopwatchClock::time_point start = StopwatchClock::now();
        for (std::size_t i = 0; i < calls; ++i) {
            call();
        }
        return seconds_since(start);
    };
    std::size_t calls = 1;
    double seconds = run(calls);
    while (seconds < 0.3 * stretch) {
        const double wanted = seconds > 0.0 ? 0.5 * stretch / seconds : 16.0;
        calls *= static_cast<std::size_t>(std::clamp(wanted, 2.0, 16.0));
        seconds = run(calls);
    }
    const auto lengthen = [&] {
        const double factor = std::min(1.05 * stretch / seconds, 4.0);
        calls = std::max<std::size_t>(1, static_cast<std::size_t>(std::ceil(static_cast<double>(calls) * factor)));
    };
    lengthen();
    Timing timing;
    while (timing.seconds.size() < repetitions) {
        seconds = run(calls);
        if (seconds < stretch) {
            lengthen();
        } else {
            timing.seconds.push_back(seconds / static_cast<double>(calls));
        }
    }
    return timing;
}

}  // namespace handgrad::measure
