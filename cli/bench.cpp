// handgrad bench: the machine's limits, and the workloads beside them.
#include <fmt/format.h>

#include <array>
#include <cmath>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cli/events.hpp"
#include "cli/options.hpp"
#include "cli/output.hpp"
#include "cli/text.hpp"
#include "cli/verbs.hpp"
#include "cli/wording.hpp"
#include "handgrad/measure/bench.hpp"

namespace handgrad::cli {
namespace {

struct BenchOptions {
    std::vector<measure::Workload> workloads;
    measure::MeasureOptions measure;
    OutputOptions show;
    bool list = false;
};

bool parse(BenchOptions& options, std::vector<std::string> words) {
    Arguments arguments("bench", {"handgrad bench", "handgrad bench --workload T1,S1 --threads 1",
                                  "handgrad bench --workload I1,J1/64-64-64 --json", "handgrad bench --all"});
    std::vector<std::string> names;
    std::string place = "--workload";
    bool all = false;
    arguments.group("What is measured");
    arguments.option("--workload", "ID,...",
                     "only these: T1, S1, ..., or all whose names begin so: I1 for I1/10-32-1 and the others (all but "
                     "L2, which takes long)",
                     [&](const Given& given) {
                         names = parse_list(given);
                         place = given.place;
                     });
    arguments.flag("--all", "L2 too", into(all));
    arguments.flag("--list", "shows the table of workloads and measures nothing", into(options.list));
    arguments.option("--repetitions", "R", "times each is measured; the least counts, the median is told too (5)",
                     into(options.measure.repetitions, 1));
    arguments.option("--stretch", "SECONDS", "how long one repetition lasts at least (0.05)",
                     into(options.measure.stretch, {.lowest = 0.0, .highest = 60.0, .without_lowest = true}));
    arguments.group("Machine and output");
    declare_machine(arguments, options.measure.execution);
    declare_output(arguments, options.show, "an event `machine`, then `workload` for each (--list: `listed`)");
    arguments.notes(
        "T S M D L  training steps on rows gathered in shuffled order, from data sets of several batches\n"
        "           (T3: loss and gradient only, in double)\n"
        "I1 I2      inference, one row and 65536; J1: outputs and their derivatives by the inputs\n"
        "O          even neighbours of odd shapes (O/T4 of T4), odd rows; E: functions, seconds for one number\n"
        "\n"
        "The limit of a step is flops / (peak x threads), and what its functions and Adam take at their best\n"
        "rate by themselves, or for sgd 8 bytes a parameter / bandwidth; of one row, 4 bytes a parameter /\n"
        "bandwidth, each cache giving what it holds, if that is more; of a function, its products, quotients\n"
        "and roots at the peak rate or the bytes that it reads / bandwidth. All of these are measured anew in\n"
        "each run.\n"
        "Threads are those that worked: a step too short to be shared is left to one. Percentiles of I1 are\n"
        "of single calls, or of as many as last 2 microseconds timed together, less what reading the clock\n"
        "takes.\n");
    if (!parse_or_help(arguments, std::move(words))) {
        return false;
    }
    options.workloads = all && names.empty() ? measure::all_workloads() : measure::select_workloads(names, place);
    return true;
}

/// Three or four digits.
std::string digits(double value) {
    if (value >= 99.95) {
        return fmt::format("{:.0f}", value);
    }
    if (value >= 9.995) {
        return fmt::format("{:.1f}", value);
    }
    return fmt::format("{:.2f}", value);
}

/// `1.62 µs`, in the unit that leaves one to three digits before the point.
std::string duration(double seconds) {
    constexpr std::array<std::pair<double, std::string_view>, 4> units{
        {{1.0, "s "}, {1e-3, "ms"}, {1e-6, "µs"}, {1e-9, "ns"}}};
    for (const auto& [unit, symbol] : units) {
        if (seconds >= 0.9995 * unit) {
            return fmt::format("{} {}", digits(seconds / unit), symbol);
        }
    }
    return fmt::format("{:.3f} ns", seconds * 1e9);
}
/// `19.8 M`.
std::string quantity(double count) {
    constexpr std::array<std::pair<double, std::string_view>, 3> units{{{1e9, "G"}, {1e6, "M"}, {1e3, "k"}}};
    for (const auto& [unit, symbol] : units) {
        if (count >= 0.9995 * unit) {
            return fmt::format("{} {}", digits(count / unit), symbol);
        }
    }
    return fmt::format("{}  ", digits(count));
}

std::string describe(const measure::MachineLimits& limits) {
    std::string text =
        fmt::format("This machine, measured now ({}, {})\n", name(limits.simd), counted(limits.threads, "thread"));
    text += fmt::format("  fused multiply-adds, GFLOP/s     one thread {}, in double {}", digits(limits.peak * 1e-9),
                        digits(limits.peak_double * 1e-9));
    text += when(limits.threads != 1,
                 fmt::format("; {} threads {}", limits.threads, digits(limits.peak_of_threads * 1e-9)));
    std::string bandwidths;
    for (const measure::MemoryLevel level : measure::all_memory_levels) {
        add_item(bandwidths, ", ", fmt::format("{} {}", name(level), digits(limits.bandwidth_of(level) * 1e-9)));
    }
    return text + "\n  reading, GB/s, one thread        " + bandwidths + "\n\n";
}

/// How the network is trained, or what it computes in unless that is float.
std::string_view kind_mark(const measure::Workload& workload) {
    switch (workload.update) {
        case measure::UpdateKind::adam:
            return " adam";
        case measure::UpdateKind::sgd:
            return " sgd";
        case measure::UpdateKind::none:
            break;
    }
    return workload.double_precision ? ", double" : "";
}

std::string shape(const measure::Workload& workload) {
    if (workload.kind == measure::WorkloadKind::function) {
        return "";
    }
    std::string text = fmt::format("{} {}", fmt::join(workload.sizes, "-"), name(workload.hidden));
    if (workload.output != Activation::identity) {
        text += fmt::format(" {}", name(workload.output));
    }
    return text.append(kind_mark(workload));
}

std::string table_line(std::string_view id, std::string_view shape, std::string_view batch, std::string_view threads,
                       std::string_view time, std::string_view gflops, std::string_view rows, std::string_view share) {
    return fmt::format("{:<22} {:<28} {:>5} {:>7} {:>8} {:>8} {:>7} {:>8}\n", id, shape, batch, threads, time, gflops,
                       rows, share);
}

std::string describe(const measure::Measurement& measured) {
    const measure::Workload& workload = measured.workload;
    const bool function = workload.kind == measure::WorkloadKind::function;
    const std::string share = std::isfinite(measured.share()) ? fmt::format("{:.0f} %", 100.0 * measured.share()) : "-";
    std::string text = table_line(workload.id, shape(workload), when(!function, fmt::format("{}", workload.batch)),
                                  fmt::format("{}", measured.threads), duration(measured.seconds),
                                  measured.flops_per_second == 0.0 ? "-" : digits(measured.flops_per_second * 1e-9),
                                  quantity(measured.rows_per_second), share);
    if (measured.percentiles) {
        const measure::Percentiles& p = *measured.percentiles;
        text += fmt::format("{:<22} half of the calls within {}, 99 % {}, 99.9 % {}\n", "", duration(p.p50),
                            duration(p.p99), duration(p.p999));
    }
    return text;
}

int list_workloads(const BenchOptions& options) {
    Output output;
    if (!options.show.json) {
        output.show(
            fmt::format("{:<22} {:<28} {:>5} {:>9} {:>12}\n", "workload", "shape", "batch", "batches", "MFLOP"));
    }
    for (const measure::Workload& workload : options.workloads) {
        output.answer(
            options.show.json, [&] { return listed_event(workload); },
            [&] {
                return fmt::format("{:<22} {:<28} {:>5} {:>9} {:>12.6g}\n", workload.id, shape(workload),
                                   workload.batch, workload.batches, measure::flops(workload) * 1e-6);
            });
    }
    output.finish();
    return 0;
}

}  // namespace

int bench(std::vector<std::string> words) {
    BenchOptions options;
    if (!parse(options, std::move(words))) {
        return 0;
    }
    if (options.list) {
        return list_workloads(options);
    }
    tell_machine(options.measure.execution, options.show);
    Output output;
    const auto answer = [&](const auto& event, const auto& text) {
        output.answer(options.show.json, event, text);
        output.flush();  // as it is measured: somebody may be watching
    };
    const measure::MachineLimits limits = measure::measure_machine(options.measure);
    answer([&] { return machine_event(limits); },
           [&] {
               return describe(limits) +
                      table_line("workload", "shape", "batch", "threads", "a step", "GFLOP/s", "rows/s", "of limit");
           });
    measure::Bench bench(limits, options.measure);
    for (const measure::Workload& workload : options.workloads) {
        const measure::Measurement measured = bench.run(workload);
        answer([&] { return workload_event(measured); }, [&] { return describe(measured); });
    }
    if (!options.show.json) {
        output.show(
            "\nlimit = flops/(peak x threads) + functions and update at their own best rate (bench --help: more)\n");
    }
    output.finish();
    return 0;
}

}  // namespace handgrad::cli
