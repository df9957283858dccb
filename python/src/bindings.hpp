// The parts of the extension module, each bound by the file of its name.
#pragma once

#include <nanobind/nanobind.h>

namespace handgrad::python {

void bind_errors(nanobind::module_& m);  // first: the others raise them
void bind_fit(nanobind::module_& m);
void bind_machine(nanobind::module_& m);
void bind_model(nanobind::module_& m);
void bind_network(nanobind::module_& m);
void bind_objective(nanobind::module_& m);
void bind_steps(nanobind::module_& m);
void bind_table(nanobind::module_& m);
void bind_training(nanobind::module_& m);
void bind_verbs(nanobind::module_& m);
void bind_weight_products(nanobind::module_& m);

}  // namespace handgrad::python
