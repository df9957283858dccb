// Timing of elementary functions, activations, losses of rows and Adam by themselves.
#pragma once

#include "handgrad/measure/machine.hpp"
#include "handgrad/measure/stopwatch.hpp"
#include "handgrad/measure/workload.hpp"

namespace handgrad::measure {

/// What a function reads for each number, in numbers: exp one, a loss two; Adam, beside the gradient that is in the
/// first cache, three.
double numbers_read(const Workload& function);
/// Where they lie.
MemoryLevel level_of(const Workload& function);

/// Seconds for one number. T is float or double, whatever the workload says.
template <class T>
Timing time_function(const Workload& workload, const CacheSizes& caches, const MeasureOptions& options);

extern template Timing time_function<float>(const Workload&, const CacheSizes&, const MeasureOptions&);
extern template Timing time_function<double>(const Workload&, const CacheSizes&, const MeasureOptions&);

}  // namespace handgrad::measure
