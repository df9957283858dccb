// Measures workloads on the engine and the predictor, beside the limit that the machine sets each of them.
#pragma once

#include <cstddef>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "handgrad/measure/machine.hpp"
#include "handgrad/measure/workload.hpp"

namespace handgrad::measure {

/// How long single calls took, of a thousand or so and more; the clock's own cost is taken off.
struct Percentiles {
    double p50 = 0.0;  ///< seconds
    double p99 = 0.0;
    double p999 = 0.0;
    std::size_t calls_together = 1;  ///< that were timed as one, where the clock is too coarse for one
};

/// Numbers of a function in a step, at the best rate that the function reaches by itself.
struct FunctionPart {
    std::string function;  ///< as in the id of its workload: `sigmoid+slope`, `cross_entropy/10`, `adam/L1`
    double numbers = 0.0;  ///< of each thread
    double seconds = 0.0;  ///< of one number
};

/// What the machine needs for a step or a call at least, taken apart; in seconds.
struct Limit {
    double arithmetic = 0.0;              ///< flops / (peak × threads); of a function: products at the peak's rate
    std::vector<FunctionPart> functions;  ///< transcendental functions, losses of rows, Adam
    double update = 0.0;                  ///< bytes that SGD reads and writes / bandwidth
    double reading = 0.0;                 ///< bytes of one row's parameters, or of a function's numbers / bandwidth

    /// Arithmetic, functions and update one after the other; reading, which goes on beside them, if that is more.
    [[nodiscard]] double seconds() const;
};

struct Measurement {
    Workload workload;
    std::size_t threads = 1;  ///< that worked: fewer than asked for where more would not pay
    double seconds = 0.0;     ///< of a step or a call (of a function: of one number), the least of all stretches
    double median = 0.0;      ///< … and their median
    double flops_per_second = 0.0;
    double rows_per_second = 0.0;            ///< of a function: numbers
    double share_of_peak = 0.0;              ///< flops per second / (peak × threads)
    double whole_vectors = 1.0;              ///< flops if widths were whole vectors of this machine, over flops
    Limit limit;                             ///< by what was measured in this run
    std::optional<Percentiles> percentiles;  ///< of inference on one row

    [[nodiscard]] double share() const { return limit.seconds() / seconds; }
};

/// The limit of a step: flops / (peak × threads), and transcendental functions and Adam at the best rate that they
/// reach by themselves, or the bytes that SGD reads and writes / bandwidth. Of one row's inference and Jacobian: the
/// bytes of the parameters / bandwidth, each cache giving what it holds of them, if that is more. Of a function: those
/// of its operations that only the units for multiply-adds do, at their rate, or the bytes that it reads / bandwidth.
class Bench {
public:
    /// `limits` were measured with the same options.
    Bench(const MachineLimits& limits, const MeasureOptions& options) : limits_(limits), options_(options) {}

    Measurement run(const Workload& workload);

private:
    template <class T>
    Measurement run_as(const Workload& workload);
    template <class T>
    Limit limit_of_step(const Workload& workload, std::size_t threads);
    Limit limit_of_function(const Workload& workload) const;
    template <class T>
    double rate(const std::string& function, const std::string& detail);

    MachineLimits limits_;
    MeasureOptions options_;
    std::map<std::string, double> rates_;  // seconds a number, of what limits steps
};

/// Takes exactly so many steps or makes so many calls, at least one, as they are measured but without looking at a
/// clock: for tools that count instructions. Not for functions.
void repeat_workload(const Workload& workload, const Execution& execution, std::size_t count);

}  // namespace handgrad::measure
