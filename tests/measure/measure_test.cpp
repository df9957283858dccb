// Measurements: operations are counted exactly, numbers agree with each other, and names find their workloads.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <string>
#include <vector>

#include "handgrad/base/error.hpp"
#include "handgrad/measure/bench.hpp"
#include "handgrad/measure/functions.hpp"
#include "handgrad/measure/machine.hpp"
#include "handgrad/measure/operations.hpp"
#include "handgrad/measure/stopwatch.hpp"
#include "handgrad/measure/workload.hpp"
#include "tests/support/raised.hpp"

namespace handgrad::measure {
namespace {

using testing::AllOf;
using testing::Ge;
using testing::Gt;
using testing::HasSubstr;

constexpr MeasureOptions quick{.execution = {.threads = 1}, .repetitions = 2, .stretch = 1e-4};

std::vector<Workload> select(const std::vector<std::string>& names) { return select_workloads(names, "--workload"); }
Workload one(const std::string& id) {
    const std::vector<Workload> found = select({id});
    EXPECT_EQ(found.size(), 1U) << id;
    return found.at(0);
}
std::vector<std::string> ids(const std::vector<Workload>& workloads) {
    std::vector<std::string> result;
    for (const Workload& workload : workloads) {
        result.push_back(workload.id);
    }
    return result;
}

TEST(Workloads, NamesAndPrefixesSelectEachOnceInTheOrderOfTheTable) {
    EXPECT_EQ(ids(select({"S1", "T1", "S1"})), (std::vector<std::string>{"T1", "S1"}));
    EXPECT_EQ(ids(select({"I1"})), (std::vector<std::string>{"I1/10-32-1", "I1/64-64-64", "I1/784-256-10", "I1/13-50-3",
                                                             "I1/5-17-2", "I1/61-129-9"}));
    EXPECT_EQ(ids(select({"O/I1"})), (std::vector<std::string>{"O/I1/16-48-4", "O/I1/4-16-2", "O/I1/64-128-8"}));
    EXPECT_EQ(ids(select({"I1/64-64-64", "I1"})), ids(select({"I1"})));
    EXPECT_EQ(ids(select({"J1/64-64-64"})), (std::vector<std::string>{"J1/64-64-64/1", "J1/64-64-64/1024"}));
    EXPECT_EQ(ids(select({"E/sigmoid"})), (std::vector<std::string>{"E/sigmoid"}));
    const std::vector<std::string> without_names = ids(select({}));
    EXPECT_EQ(without_names.size(), all_workloads().size() - 1);
    EXPECT_THAT(without_names, testing::Not(testing::Contains("L2")));
    EXPECT_EQ(ids(select({"L2"})), (std::vector<std::string>{"L2"}));
}

TEST(Workloads, ANameThatStandsForNoneIsAnErrorWithTheNearestOne) {
    for (const auto& [name, answer] : std::vector<std::pair<std::string, std::string>>{
             {"T9", "--workload: unknown 'T9' (did you mean 'T1'?); choose from: T1, T2, T3, T4, T5, S1"},
             {"I1/10-32", "(did you mean 'I1/10-32-1'?)"},
             {"", "unknown ''"},
             {"/", "unknown '/'"},
             {"nothing", "unknown 'nothing'; choose"}}) {
        EXPECT_THAT(message_of(ErrorKind::usage, [&name = name] { select({"T1", name}); }), HasSubstr(answer));
    }
}

TEST(Workloads, IdsAreDistinctAndShapesAreNetworks) {
    std::vector<std::string> all = ids(all_workloads());
    std::ranges::sort(all);
    EXPECT_EQ(std::ranges::adjacent_find(all), all.end());
    for (const Workload& workload : all_workloads()) {
        EXPECT_EQ(workload.sizes.size() < 2, workload.kind == WorkloadKind::function) << workload.id;
        EXPECT_GE(flops(workload), 0.0) << workload.id;
    }
}

/// Multiply-adds counted one by one, layer by layer, in the loops that a plain program would run.
double multiply_adds_in_loops(const Workload& w) {
    double count = 0;
    for (std::size_t l = 1; l < w.sizes.size(); ++l) {
        for (std::size_t unit = 0; unit < w.sizes[l]; ++unit) {
            count += static_cast<double>(w.sizes[l - 1]);  // z = Σ w a
            if (w.kind == WorkloadKind::training || w.kind == WorkloadKind::gradient) {
                count += static_cast<double>(w.sizes[l - 1]);                 // ∂l/∂w
                count += l == 1 ? 0.0 : static_cast<double>(w.sizes[l - 1]);  // ∂l/∂a of the layer below
            }
            if (w.kind == WorkloadKind::jacobian && l + 1 < w.sizes.size()) {
                count += static_cast<double>(w.sizes.back() * w.sizes[l - 1]);
            }
        }
    }
    return static_cast<double>(w.batch) * count;
}

TEST(Flops, AreTwiceTheMultiplyAddsOfPlainLoops) {
    for (const Workload& workload : all_workloads()) {
        if (workload.kind != WorkloadKind::function) {
            EXPECT_EQ(flops(workload), 2 * multiply_adds_in_loops(workload)) << workload.id;
        }
    }
}

TEST(Flops, AreThoseOfTheFormulas) {
    EXPECT_EQ(flops(one("T1")), 47104);  // 4Bnr + 6BrK
    EXPECT_EQ(flops(one("T3")), 4 * 200 * 24 * 8 + 6 * 200 * 8 * 2);
    EXPECT_EQ(flops(one("T4")), 4 * 37 * 13 * 50 + 6 * 37 * 50 * 3);
    EXPECT_EQ(flops(one("M2")), 4. * 128 * 784 * 256 + 6. * 128 * 256 * 10);
    EXPECT_EQ(flops(one("D1")), 2. * 10000 * (3 * (4 * 32 + 32 * 16 + 16 * 4) - 4 * 32));
    EXPECT_EQ(flops(one("I1/784-256-10")), 2 * (784 * 256 + 256 * 10));
    EXPECT_EQ(flops(one("I2/10-32-1")), 2. * 65536 * (10 * 32 + 32));
    EXPECT_EQ(flops(one("J1/64-64-64/1024")), 2. * 1024 * (2 * 64 * 64 + 64 * 64 * 64));
    EXPECT_EQ(parameters(one("T1")), 10 * 32 + 32 + 32 + 1);
    EXPECT_EQ(parameters(one("D1")), 5 * 32 + 33 * 16 + 17 * 4);
}

TEST(Flops, InWholeVectorsWidenHiddenLayersAndWideOutputs) {
    EXPECT_EQ(flops_in_whole_vectors(one("T4"), 16), 4 * 37 * 13 * 64 + 6 * 37 * 64 * 3);
    EXPECT_EQ(flops_in_whole_vectors(one("T4"), 8), 4 * 37 * 13 * 56 + 6 * 37 * 56 * 3);
    EXPECT_EQ(flops_in_whole_vectors(one("D2"), 16), 2 * 1001 * (3 * (5 * 32 + 32 * 16 + 16 * 3) - 5 * 32));
    EXPECT_EQ(flops_in_whole_vectors(one("L2"), 16), 2. * 512 * (2. * 4096 * 4096 + 3. * 4096 * 1008));
    EXPECT_EQ(flops_in_whole_vectors(one("M2"), 16), flops(one("M2")));
    EXPECT_EQ(flops_in_whole_vectors(one("E/exp"), 16), flops(one("E/exp")));
}

TEST(Operations, AreCountedFromTheTextOfTheFormula) {
    EXPECT_EQ(operations("leaky_relu").instructions, 3);  // ×, a comparison, a selection
    EXPECT_EQ(operations("leaky_relu").flops, 1);
    EXPECT_EQ(operations("leaky_relu").products, 1);
    EXPECT_EQ(operations("relu").products, 0);
    EXPECT_EQ(operations("adam").products, 10);
    EXPECT_EQ(operations("adam").flops, 15);  // m: × fma; v: × × fma; decay: fma; the step: × √ fma ÷ −
    EXPECT_GT(operations("gelu").instructions, operations("tanh").instructions);
    EXPECT_GT(operations("softmax", 10).instructions, operations("exp").instructions);
    EXPECT_EQ(operations("no such function").instructions, 0);
    for (const Workload& workload : all_workloads()) {
        if (workload.kind == WorkloadKind::function) {
            EXPECT_GT(operations(workload.function, outputs_of_row(workload)).instructions, 0) << workload.id;
        }
    }
}

TEST(Caches, LevelsFollowEachOther) {
    const CacheSizes sizes{.bytes = {32 << 10, 512 << 10, 16 << 20}};
    EXPECT_EQ(sizes.holding(0), MemoryLevel::l1);
    EXPECT_EQ(sizes.holding(32 << 10), MemoryLevel::l1);
    EXPECT_EQ(sizes.holding(1 + (32 << 10)), MemoryLevel::l2);
    EXPECT_EQ(sizes.holding(1e6), MemoryLevel::l3);
    EXPECT_EQ(sizes.holding(1e9), MemoryLevel::memory);
    for (const MemoryLevel level : all_memory_levels) {
        EXPECT_EQ(sizes.holding(static_cast<double>(sizes.working_set(level))), level) << name(level);
    }
    const CacheSizes here = cache_sizes();
    EXPECT_LT(here.bytes[0], here.bytes[1]);
}

TEST(Caches, EachGivesWhatItHolds) {
    MachineLimits limits{.bandwidth = {8e9, 4e9, 2e9, 1e9}};
    limits.caches.bytes = {1000, 2000, 4000};
    EXPECT_DOUBLE_EQ(limits.seconds_to_read(800), 800 / 8e9);
    EXPECT_DOUBLE_EQ(limits.seconds_to_read(1100), 1000 / 8e9 + 100 / 4e9);
    EXPECT_DOUBLE_EQ(limits.seconds_to_read(10000), 1000 / 8e9 + 2000 / 4e9 + 4000 / 2e9 + 3000 / 1e9);
}

TEST(Stopwatch, TakesLeastAndMedian) {
    EXPECT_EQ((Timing{{3, 1, 2}}.least()), 1);
    EXPECT_EQ((Timing{{3, 1, 2}}.median()), 2);
    EXPECT_EQ((Timing{{4, 1, 3, 2}}.median()), 2.5);
    EXPECT_EQ((Timing{{4, 2}}.divided_by(2).seconds), (std::vector<double>{2, 1}));
    std::size_t calls = 0;
    const Timing timing = time_calls(3, 1e-4, [&] { ++calls; });
    EXPECT_EQ(timing.seconds.size(), 3U);
    EXPECT_GT(calls, 3U);
    EXPECT_THAT(timing.least(), AllOf(Gt(0.0), testing::Lt(1e-3)));
}

/// A clock in place of the machine's for a test's time: each reading is `tick` seconds after the one before.
class SetClock {
public:
    explicit SetClock(double tick) : before_(StopwatchClock::source) {
        tick_ = std::chrono::nanoseconds(std::llround(1e9 * tick));
        StopwatchClock::source = [] { return time_ += tick_; };
    }
    ~SetClock() { StopwatchClock::source = before_; }
    SetClock(const SetClock&) = delete;
    SetClock& operator=(const SetClock&) = delete;
    /// As if so much time went by.
    static void pass(double seconds) { time_ += std::chrono::nanoseconds(std::llround(1e9 * seconds)); }

private:
    StopwatchClock::Source before_;
    inline static StopwatchClock::time_point time_{};
    inline static std::chrono::nanoseconds tick_{};
};

TEST(Stopwatch, EveryStretchIsAsLongAsAskedForAlsoAfterASlowStart) {
    const SetClock clock(0.0);
    std::size_t calls = 0;
    const Timing timing = time_calls(3, 0.2, [&] { SetClock::pass(++calls < 200 ? 1e-3 : 1e-5); });
    EXPECT_EQ(timing.seconds.size(), 3U);
    for (const double seconds : timing.seconds) {
        EXPECT_NEAR(seconds, 1e-5, 1e-12);
    }
    EXPECT_GE(calls, 3 * 20000U);  // 0.2 s / 10 µs in each
}

TEST(Machine, LimitsAreNumbersAndVectorsAreFasterThanSingleNumbers) {
    MeasureOptions options = quick;
    options.execution.simd = SimdLevel::scalar;
    const MachineLimits scalar = measure_machine(options);
    EXPECT_EQ(scalar.simd, SimdLevel::scalar);
    EXPECT_EQ(scalar.threads, 1U);
    for (const double limit : {scalar.peak, scalar.peak_double, scalar.peak_of_threads}) {
        EXPECT_THAT(limit, AllOf(Gt(1e6), testing::Lt(1e15)));
    }
    for (const double limit : scalar.bandwidth) {
        EXPECT_THAT(limit, AllOf(Gt(1e6), testing::Lt(1e15)));
    }
    if (best_simd_level() != SimdLevel::scalar) {
        EXPECT_GT(measure_machine(quick).peak, scalar.peak);  // eight times and more
    }
}

/// Of a thread, and of no machine.
MachineLimits round_limits() {
    MachineLimits limits{.simd = best_simd_level(), .threads = 1, .peak = 1e9, .peak_double = 5e8};
    limits.bandwidth.fill(1e9);
    limits.caches.bytes = {32 << 10, 512 << 10, 16 << 20};
    return limits;
}

// Every call takes one second of this clock, whatever it is: what a step and a number take follows by hand.
TEST(Bench, TimesAndRatesAreThoseOfTheClock) {
    const SetClock clock(1.0);
    Bench bench(round_limits(), {.execution = {.threads = 1}, .repetitions = 2, .stretch = 0.5});
    struct Wanted {
        std::string id;
        double parts, rows, flops;  // of a call
    };
    for (const Wanted& wanted :
         {Wanted{"T1", 128, 128 * 32, 128 * 47104},  //
          Wanted{"T3", 1, 200, 4 * 200 * 24 * 8 + 6 * 200 * 8 * 2}, Wanted{"I1/10-32-1", 1, 1, 2 * (10 * 32 + 32)},
          Wanted{"I2/10-32-1", 1, 65536, 65536. * 2 * (10 * 32 + 32)},
          Wanted{"J1/10-32-1/1024", 1, 1024, 1024. * 2 * (2 * 10 * 32 + 32)},
          Wanted{"E/leaky_relu", 2048, 2048, 2048}}) {
        SCOPED_TRACE(wanted.id);
        const Measurement m = bench.run(one(wanted.id));
        EXPECT_EQ(m.workload.id, wanted.id);
        EXPECT_EQ(m.threads, 1U);
        EXPECT_DOUBLE_EQ(m.seconds, 1 / wanted.parts);
        EXPECT_DOUBLE_EQ(m.median, 1 / wanted.parts);
        EXPECT_DOUBLE_EQ(m.rows_per_second, wanted.rows);
        EXPECT_DOUBLE_EQ(m.flops_per_second, wanted.flops);
        EXPECT_EQ(m.whole_vectors, 1.0);
        EXPECT_DOUBLE_EQ(m.share_of_peak, wanted.flops / (m.workload.double_precision ? 5e8 : 1e9));
    }
}

TEST(Bench, ALimitHasAPartForEachThingThatTakesTime) {
    const SetClock clock(1.0);  // 2048 numbers of a function take one second
    Bench bench(round_limits(), {.execution = {.threads = 1}, .repetitions = 1, .stretch = 0.5});
    const auto limit = [&](const std::string& id) { return bench.run(one(id)).limit.seconds(); };
    const double number = 1.0 / 2048;
    EXPECT_DOUBLE_EQ(limit("T1"), 47104 / 1e9 + 2 * 4 * 385 / 1e9);
    EXPECT_DOUBLE_EQ(limit("T3"), (4 * 200 * 24 * 8 + 6 * 200 * 8 * 2) / 5e8 + 200 * 8 * number);
    EXPECT_DOUBLE_EQ(limit("S1"), (4 * 32 * 8 * 64 + 6 * 32 * 64) / 1e9 + 641 * bench.run(one("E/adam/L1")).seconds);
    EXPECT_DOUBLE_EQ(limit("S2"), (4 * 32 * 30 * 64 + 6 * 32 * 64) / 1e9 + 32 * 64 * number + 32 * number +
                                      2049 * bench.run(one("E/adam/L1")).seconds);
    EXPECT_DOUBLE_EQ(limit("I1/64-64-64"), 4 * 2 * 65 * 64 / 1e9);  // more than its 16384 flops
    EXPECT_DOUBLE_EQ(limit("I2/10-32-1"), 65536. * 704 / 1e9);
    EXPECT_DOUBLE_EQ(limit("J1/64-64-64/1"), 2 * (2 * 64 * 64 + 64 * 64 * 64) / 1e9);
    EXPECT_DOUBLE_EQ(limit("E/relu"), 4 / 1e9);
    EXPECT_DOUBLE_EQ(limit("E/exp"), std::max(2 * operations("exp").products / 1e9, 4 / 1e9));
}

/// Whether a test may take the time.
bool small(const Workload& workload) {
    return flops(workload) < 1e7 && workload.detail != "memory" && workload.detail != "L3";
}

TEST(Bench, EveryWorkloadIsMeasuredAndOneRowsCallsHavePercentilesInOrder) {
    Bench bench(round_limits(), quick);
    for (const Workload& workload : all_workloads()) {
        if (!small(workload)) {
            continue;
        }
        SCOPED_TRACE(workload.id);
        const Measurement m = bench.run(workload);
        EXPECT_THAT(m.seconds, AllOf(Gt(0.0), testing::Lt(1.0)));
        EXPECT_THAT(m.median, Ge(m.seconds));
        EXPECT_THAT(m.limit.seconds(), AllOf(Gt(0.0), testing::Lt(1.0)));
        EXPECT_EQ(m.percentiles.has_value(), workload.kind == WorkloadKind::single);
        if (m.percentiles) {
            EXPECT_GT(m.percentiles->p50, 0.0);
            EXPECT_LE(m.percentiles->p50, m.percentiles->p99);
            EXPECT_LE(m.percentiles->p99, m.percentiles->p999);
        }
    }
}

TEST(Functions, RunInBothPrecisions) {
    const CacheSizes caches;
    for (const char* id : {"E/exp", "E/tanh+slope", "E/log1p", "E/erfc", "E/softmax/10", "E/cross_entropy/10",
                           "E/binary_cross_entropy", "E/adam/L1"}) {
        EXPECT_GT(time_function<float>(one(id), caches, quick).least(), 0.0) << id;
        EXPECT_GT(time_function<double>(one(id), caches, quick).least(), 0.0) << id;
    }
}

}  // namespace
}  // namespace handgrad::measure
