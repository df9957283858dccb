// The calls that are timed, and the sum of what the machine needs for them at least.
#include "handgrad/measure/bench.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <span>
#include <vector>

#include "handgrad/base/error.hpp"
#include "handgrad/base/matrix.hpp"
#include "handgrad/base/random.hpp"
#include "handgrad/base/wording.hpp"
#include "handgrad/measure/functions.hpp"
#include "handgrad/measure/numbers.hpp"
#include "handgrad/measure/operations.hpp"
#include "handgrad/measure/stopwatch.hpp"
#include "handgrad/nn/engine.hpp"
#include "handgrad/nn/predictor.hpp"
#include "handgrad/train/optimizer.hpp"

namespace handgrad::measure {
namespace {

/// Calls shorter than this are timed together for percentiles.
constexpr double clock_is_fine_for = 2e-6;
constexpr double percentile_stretches = 4.0;  // the time spent on them
constexpr double longest_for_percentiles = 0.2;
constexpr double most_samples = 2e5;

Architecture architecture(const Workload& workload) {
    return {.sizes = workload.sizes, .hidden = workload.hidden, .output = workload.output};
}

/// A step of training or a gradient, timed as train() runs it: an epoch in one call, over rows in shuffled order.
template <class T>
class TrainingCall {
public:
    TrainingCall(const Workload& workload, const Execution& execution)
        : batch_(workload.batch),
          x_(workload.batch * workload.batches, workload.sizes.front()),
          y_(workload.batch * workload.batches, workload.sizes.back()),
          order_(permutation(x_.rows(), RandomStream(0, Purpose::shuffle))),
          net_(BasicMlp<T>::random(architecture(workload), 0)),
          optimizer_(net_, {.kind = workload.update == UpdateKind::adam ? OptimizerKind::adam : OptimizerKind::sgd}),
          engine_(net_,
                  {.loss = workload.loss,
                   .rule = optimizer_.rule(),
                   .work = workload.kind == WorkloadKind::gradient ? kernels::Work::gradient : kernels::Work::train,
                   .batch = workload.batch,
                   .execution = execution}),
          losses_(workload.batches) {
        QuickNumbers numbers;
        numbers.fill<T>(x_.values(), -1.7, 1.7);  // of variance 1
        if (workload.loss == Loss::squared_error) {
            numbers.fill<T>(y_.values(), -1.0, 1.0);
        } else {
            choose_classes(numbers);
        }
        const double width = static_cast<double>(workload.sizes[0] + workload.sizes[1]);
        const double rate = workload.update == UpdateKind::adam ? 1e-3 : 0.5 / width;
        for (std::size_t i = 0; i < workload.batches; ++i) {
            const auto constants = optimizer_.next(rate);
            steps_.push_back({.weights = constants.weights,
                              .biases = constants.biases,
                              .total_weight = static_cast<double>(workload.batch)});
        }
    }

    [[nodiscard]] std::size_t threads() const { return engine_.threads(); }
    [[nodiscard]] std::size_t steps_of_epoch() const { return steps_.size(); }
    /// The first steps of an epoch.
    void run(std::size_t steps) {
        const EngineRows<T> rows{.x = x_, .y = y_, .order = order_.data(), .count = steps * batch_};
        engine_.run(rows, batch_, std::span(steps_).first(steps), std::span(losses_).first(steps), false);
    }
    Timing time(const MeasureOptions& options) {
        const Timing timing = time_calls(options.repetitions, options.stretch, [&] { run(steps_.size()); });
        if (!std::isfinite(losses_.back())) {
            throw Error(ErrorKind::diverged, "a workload's training diverged: its time means nothing");
        }
        return timing.divided_by(static_cast<double>(steps_.size()));
    }

private:
    /// One of the outputs is 1; of a single output's two classes one has none.
    void choose_classes(QuickNumbers& numbers) {
        numbers.fill<T>(y_.values(), 0.0, 0.0);
        const std::size_t classes = std::max<std::size_t>(2, y_.columns());
        for (std::size_t row = 0; row < y_.rows(); ++row) {
            const std::size_t chosen = static_cast<std::size_t>(static_cast<double>(classes) * numbers.next());
            if (chosen < y_.columns()) {
                y_(row, chosen) = T(1);
            }
        }
    }

    std::size_t batch_;
    Matrix<T> x_, y_;
    std::vector<std::size_t> order_;
    BasicMlp<T> net_;
    Optimizer<T> optimizer_;
    Engine<T> engine_;
    std::vector<kernels::StepConstants<T>> steps_;
    std::vector<double> losses_;
};

/// The quantile of sorted numbers that no more than a part of them lie below.
double quantile(const std::vector<double>& sorted, double part) {
    const double at = std::ceil(part * static_cast<double>(sorted.size())) - 1.0;
    return sorted[static_cast<std::size_t>(std::max(at, 0.0))];
}

/// Distribution of the times of single calls, of which the fastest takes `least` seconds.
template <class Call>
Percentiles time_single_calls(double least, double stretch, const Call& call) {
    const auto sample = [](std::size_t count, const auto& work) {
        std::vector<double> seconds(count);
        for (double& s : seconds) {
            const StopwatchClock::time_point start = StopwatchClock::now();
            work();
            s = seconds_since(start);
        }
        std::ranges::sort(seconds);
        return seconds;
    };
    const double clock = quantile(sample(1000, [] {}), 0.5);
    Percentiles result;
    result.calls_together = static_cast<std::size_t>(std::max(1.0, std::ceil(clock_is_fine_for / least)));
    const double together = static_cast<double>(result.calls_together);
    const double time = std::min(percentile_stretches * stretch, longest_for_percentiles);
    const double samples = std::clamp(time / (together * least), 100.0, most_samples);
    const std::vector<double> seconds = sample(static_cast<std::size_t>(samples), [&] {
        for (std::size_t i = 0; i < result.calls_together; ++i) {
            call();
        }
    });
    const auto of_one = [&](double part) { return std::max(quantile(seconds, part) - clock, 0.0) / together; };
    result.p50 = of_one(0.5);
    result.p99 = of_one(0.99);
    result.p999 = of_one(0.999);
    return result;
}

/// ŷ or ∂ŷ/∂x by a predictor.
template <class T>
class PredictorCall {
public:
    PredictorCall(const Workload& workload, const Execution& execution)
        : kind_(workload.kind),
          predictor_(BasicMlp<T>::random(architecture(workload), 0), execution,
                     workload.kind == WorkloadKind::jacobian ? Differentiable::yes : Differentiable::no),
          x_(workload.batch, workload.sizes.front()),
          yhat_(workload.batch, workload.sizes.back()),
          J_(workload.kind == WorkloadKind::jacobian ? workload.batch : 0,
             workload.sizes.back() * workload.sizes.front()) {
        QuickNumbers().fill<T>(x_.values(), -1.7, 1.7);
    }

    void time(const MeasureOptions& options, Timing& timing, std::optional<Percentiles>& percentiles) {
        with_call([&](const auto& call) {
            timing = time_calls(options.repetitions, options.stretch, call);
            if (kind_ == WorkloadKind::single) {
                percentiles = time_single_calls(timing.least(), options.stretch, call);
            }
        });
    }
    void repeat(std::size_t calls) {
        with_call([&](const auto& call) {
            for (std::size_t i = 0; i < calls; ++i) {
                call();
            }
        });
    }

private:
    /// Hands over the call that is measured.
    template <class Use>
    void with_call(const Use& use) {
        const MatrixView<const T> x = x_;
        const MatrixView<T> yhat = yhat_, J = J_;
        if (kind_ == WorkloadKind::bulk) {
            use([&] { predictor_.predict(x, yhat); });
        } else if (kind_ == WorkloadKind::single) {
            use([&] { predictor_.predict(x.row(0), yhat.row(0)); });
        } else if (x.rows() == 1) {
            const MatrixView<T> one(J.data(), yhat.columns(), x.columns());
            use([&] { predictor_.jacobian(x.row(0), yhat.row(0), one); });
        } else {
            use([&] { predictor_.jacobian(x, yhat, J); });
        }
    }

    WorkloadKind kind_;
    BasicPredictor<T> predictor_;
    Matrix<T> x_, yhat_, J_;
};

/// Functions whose time is not that of a few plain operations, which the flops of the layers hide.
bool transcendental(Activation activation) { return !facts(activation).piecewise_linear; }

bool trains(const Workload& workload) {
    return workload.kind == WorkloadKind::training || workload.kind == WorkloadKind::gradient;
}

template <class T>
void repeat_as(const Workload& workload, const Execution& execution, std::size_t count) {
    if (!trains(workload)) {
        PredictorCall<T>(workload, execution).repeat(count);
        return;
    }
    TrainingCall<T> call(workload, execution);
    for (; count > call.steps_of_epoch(); count -= call.steps_of_epoch()) {
        call.run(call.steps_of_epoch());
    }
    call.run(count);
}

}  // namespace

void repeat_workload(const Workload& workload, const Execution& execution, std::size_t count) {
    assert(workload.kind != WorkloadKind::function && count != 0);
    if (workload.double_precision) {
        repeat_as<double>(workload, execution, count);
    } else {
        repeat_as<float>(workload, execution, count);
    }
}

/// The best seconds for one number of a function that a step needs.
template <class T>
double Bench::rate(const std::string& function, const std::string& detail) {
    const std::string key = function + "/" + detail + when(sizeof(T) == sizeof(double), "/double");
    if (const auto found = rates_.find(key); found != rates_.end()) {
        return found->second;
    }
    const Workload workload{
        .id = key, .kind = WorkloadKind::function, .batch = function_numbers, .function = function, .detail = detail};
    return rates_[key] = time_function<T>(workload, limits_.caches, options_).least();
}

double Limit::seconds() const {
    double step = arithmetic + update;
    for (const FunctionPart& part : functions) {
        step += part.numbers * part.seconds;
    }
    return std::max(step, reading);
}

template <class T>
Limit Bench::limit_of_step(const Workload& workload, std::size_t threads) {
    const double workers = static_cast<double>(threads);
    const double rows = static_cast<double>(workload.batch);
    const double peak = sizeof(T) == sizeof(double) ? limits_.peak_double : limits_.peak;
    const double bytes = sizeof(T) * parameters(workload);
    const bool training = trains(workload);
    Limit limit{.arithmetic = flops(workload) / (peak * workers)};
    const auto add = [&](const std::string& function, const std::string& detail, double numbers) {
        limit.functions.push_back({.function = function + when(!detail.empty(), "/") + detail,
                                   .numbers = numbers / workers,
                                   .seconds = rate<T>(function, detail)});
    };
    for (std::size_t l = 1; l + 1 < workload.sizes.size() && transcendental(workload.hidden); ++l) {
        const bool slopes = training || workload.kind == WorkloadKind::jacobian;
        add(std::string(name(workload.hidden)) + when(slopes, "+slope"), "",
            rows * static_cast<double>(workload.sizes[l]));
    }
    const std::size_t outputs = workload.sizes.back();
    if (training && workload.loss != Loss::squared_error) {
        add(std::string(name(workload.loss)), std::to_string(outputs), rows * static_cast<double>(outputs));
    }
    if (workload.update == UpdateKind::sgd) {
        limit.update = 2.0 * limits_.seconds_to_read(bytes / workers);
    } else if (workload.update == UpdateKind::adam) {
        const MemoryLevel level = limits_.caches.holding(3.0 * bytes / workers);
        add("adam", std::string(name(level)), parameters(workload));
    }
    if (!training && workload.batch == 1) {
        limit.reading = limits_.seconds_to_read(bytes);
    }
    return limit;
}

/// Of one number.
Limit Bench::limit_of_function(const Workload& workload) const {
    const double products = operations(workload.function, outputs_of_row(workload)).products;
    const double bytes = sizeof(float) * numbers_read(workload);
    return {.arithmetic = 2.0 * products / limits_.peak, .reading = bytes / limits_.bandwidth_of(level_of(workload))};
}

/// Numbers in a vector.
template <class T>
std::size_t lanes(SimdLevel simd) {
    switch (simd) {
        case SimdLevel::avx512:
            return 64 / sizeof(T);
        case SimdLevel::avx2:
            return 32 / sizeof(T);
        case SimdLevel::scalar:
            break;
    }
    return 1;
}

template <class T>
Measurement Bench::run_as(const Workload& workload) {
    Measurement result;
    result.workload = workload;
    Timing timing;
    double rows = static_cast<double>(workload.batch);
    double flops_of_call = flops(workload);
    if (workload.kind == WorkloadKind::function) {
        timing = time_function<T>(workload, limits_.caches, options_);
        result.limit = limit_of_function(workload);
        flops_of_call /= rows;
        rows = 1.0;
    } else {
        if (trains(workload)) {
            TrainingCall<T> call(workload, options_.execution);
            result.threads = call.threads();
            timing = call.time(options_);
        } else {
            PredictorCall<T>(workload, options_.execution).time(options_, timing, result.percentiles);
            result.threads = workload.batch == 1 ? 1 : limits_.threads;
        }
        result.limit = limit_of_step<T>(workload, result.threads);
    }
    result.seconds = timing.least();
    result.median = timing.median();
    result.flops_per_second = flops_of_call / result.seconds;
    const double peak = sizeof(T) == sizeof(double) ? limits_.peak_double : limits_.peak;
    if (flops_of_call != 0.0) {
        result.whole_vectors = flops_in_whole_vectors(workload, lanes<T>(limits_.simd)) / flops(workload);
    }
    result.share_of_peak = result.flops_per_second / (peak * static_cast<double>(result.threads));
    result.rows_per_second = rows / result.seconds;
    return result;
}

Measurement Bench::run(const Workload& workload) {
    return workload.double_precision ? run_as<double>(workload) : run_as<float>(workload);
}

}  // namespace handgrad::measure
