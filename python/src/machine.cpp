// What this processor can run.
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <string>
#include <vector>

#include "handgrad/kernels/simd_level.hpp"
#include "python/src/bindings.hpp"

namespace handgrad::python {
namespace {

std::vector<std::string> simd_levels() {
    std::vector<std::string> names;
    for (const SimdLevel level : {SimdLevel::scalar, SimdLevel::avx2, SimdLevel::avx512}) {
        if (available(level)) {
            names.emplace_back(name(level));
        }
    }
    return names;
}

}  // namespace

void bind_machine(nanobind::module_& m) {
    m.def("simd_levels", &simd_levels,
          "The instruction sets of the kernels that this processor can run, from the plainest to the widest. All give "
          "the same bits.");
}

}  // namespace handgrad::python
