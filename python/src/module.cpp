// The extension module handgrad._core: puts its parts together.
#include <nanobind/nanobind.h>

#include "handgrad/base/version.hpp"
#include "python/src/bindings.hpp"

NB_MODULE(_core, m) {
    using namespace handgrad::python;
    m.doc() = "What handgrad computes; the package handgrad is what to import.";
    m.attr("version") = nanobind::str(handgrad::version.data(), handgrad::version.size());
    bind_errors(m);
    bind_machine(m);
    bind_network(m);
    bind_objective(m);
    bind_steps(m);
    bind_training(m);
    bind_table(m);
    bind_model(m);
    bind_fit(m);
    bind_verbs(m);
    bind_weight_products(m);
}
