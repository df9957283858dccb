// A trained model as Python holds it.
#pragma once

#include <string>
#include <vector>

#include "handgrad/base/error.hpp"
#include "handgrad/store/model.hpp"
#include "handgrad/train/metrics.hpp"
#include "python/src/python.hpp"
#include "python/src/table.hpp"

namespace handgrad::python {

struct PyModel {
    Model model;
};

Dict metrics_dict(const Metrics& metrics);

/// A matrix as a new array, rows × columns or of another shape with as many numbers.
nb::any array_of(MatrixView<const double> matrix);
nb::any array_of(MatrixView<const double> matrix, std::vector<std::size_t> shape);
nb::any array_of(const std::vector<double>& numbers);

/// How a setting is given in Python: `impute="mean"`, `refit=True`; several divided by commas.
std::string spelled(const SettingHint& hint);
std::string spelled(const std::vector<SettingHint>& hints);

}  // namespace handgrad::python
