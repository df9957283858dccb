// The parts of the extension module, each bound by the file of its name.
#pragma once

#include <nanobind/nanobind.h>

namespace handgrad::python {

void bind_machine(nanobind::module_& m);

}  // namespace handgrad::python
