// Arrays for the loops of kernels/limits.hpp, and the calls.
#include "handgrad/measure/functions.hpp"

#include <algorithm>
#include <cassert>
#include <cstddef>
#include <string_view>

#include "handgrad/base/flush_to_zero.hpp"
#include "handgrad/base/matrix.hpp"
#include "handgrad/kernels/table.hpp"
#include "handgrad/measure/numbers.hpp"
#include "handgrad/measure/operations.hpp"

namespace handgrad::measure {
namespace {

template <class T>
constexpr std::size_t loop_numbers = kernels::LimitLoops<T>::numbers;

/// The position of a name in a list, or its size.
template <std::size_t count>
std::size_t position(const std::array<std::string_view, count>& names, std::string_view name) {
    return static_cast<std::size_t>(std::ranges::find(names, name) - names.begin());
}

/// Adam's step on w, m and v that together fill a level; the gradient, a few numbers, stays in the first cache, as the
/// sums of a training step stay in registers.
template <class T>
Timing time_adam(const kernels::LimitLoops<T>& loops, std::size_t bytes, const MeasureOptions& options) {
    constexpr std::size_t block = 4 * loop_numbers<T>;
    const std::size_t count = std::max<std::size_t>(bytes / (3 * sizeof(T)) / block, 1) * block;
    AlignedVector<T> g(block), w(count), m(count), v(count);
    QuickNumbers numbers;
    numbers.fill<T>(g, -1.0, 1.0);
    const math::UpdateConstants<T> constants{.beta1 = T(0.9),
                                             .rest1 = T(0.1),
                                             .beta2 = T(0.999),
                                             .rest2 = T(0.001),
                                             .step = T(1e-3),
                                             .inverse_root = T(1),
                                             .epsilon = T(1e-8)};
    return time_calls(options.repetitions, options.stretch,
                      [&] {
                          for (std::size_t i = 0; i < count; i += block) {
                              loops.adam(constants, g.data(), w.data() + i, m.data() + i, v.data() + i, block);
                          }
                      })
        .divided_by(static_cast<double>(count));
}

template <class T>
Timing time_rows(const kernels::LimitLoops<T>& loops, kernels::RowFormula formula, std::size_t outputs,
                 std::size_t numbers, const MeasureOptions& options) {
    assert(outputs <= kernels::most_row_outputs);
    const std::size_t rows = std::max<std::size_t>(numbers / outputs / loop_numbers<T>, 1) * loop_numbers<T>;
    AlignedVector<T> z(rows * outputs), y(rows * outputs), result(rows * (outputs + 1));
    QuickNumbers random;
    random.fill<T>(z, -4.0, 4.0);
    for (std::size_t row = 0; row < rows; ++row) {
        y[row % outputs * rows + row] = T(1);
    }
    return time_calls(options.repetitions, options.stretch,
                      [&] { loops.rows(formula, z.data(), y.data(), result.data(), rows, outputs); })
        .divided_by(static_cast<double>(rows * outputs));
}

}  // namespace

double numbers_read(const Workload& function) {
    if (function.function == "adam") {
        return 3.0;
    }
    return function.function.ends_with("cross_entropy") ? 2.0 : 1.0;
}

MemoryLevel level_of(const Workload& function) {
    const std::size_t level = position(memory_level_names, function.detail);
    return level < memory_level_names.size() ? static_cast<MemoryLevel>(level) : MemoryLevel::l1;
}

template <class T>
Timing time_function(const Workload& workload, const CacheSizes& caches, const MeasureOptions& options) {
    const FlushToZero flush_to_zero;  // as in training
    const kernels::LimitLoops<T>& loops = kernels::kernels<T>(options.execution.level()).limits;
    if (workload.function == "adam") {
        return time_adam(loops, caches.working_set(level_of(workload)), options);
    }
    const std::size_t row_formula = position(kernels::row_formula_names, workload.function);
    if (row_formula < kernels::row_formula_names.size()) {
        return time_rows(loops, static_cast<kernels::RowFormula>(row_formula), outputs_of_row(workload), workload.batch,
                         options);
    }
    const std::size_t count = std::max<std::size_t>(workload.batch / loop_numbers<T>, 1) * loop_numbers<T>;
    AlignedVector<T> x(count), y(count), slope(count);
    QuickNumbers numbers;
    if (workload.function.starts_with("log")) {
        numbers.fill<T>(x, 1e-3, 100.0);
    } else {
        numbers.fill<T>(x, -4.0, 4.0);
    }
    const std::size_t elementary = position(kernels::elementary_names, workload.function);
    if (elementary < kernels::elementary_names.size()) {
        return time_calls(
                   options.repetitions, options.stretch,
                   [&] { loops.elementary(static_cast<kernels::Elementary>(elementary), x.data(), y.data(), count); })
            .divided_by(static_cast<double>(count));
    }
    const std::size_t plus = workload.function.find('+');
    const std::optional<Activation> activation = find_activation(workload.function.substr(0, plus));
    assert(activation && facts(*activation).elementwise);
    T* slopes = plus == std::string_view::npos ? nullptr : slope.data();
    return time_calls(options.repetitions, options.stretch,
                      [&] { loops.activation(*activation, x.data(), y.data(), slopes, count); })
        .divided_by(static_cast<double>(count));
}

template Timing time_function<float>(const Workload&, const CacheSizes&, const MeasureOptions&);
template Timing time_function<double>(const Workload&, const CacheSizes&, const MeasureOptions&);

}  // namespace handgrad::measure
