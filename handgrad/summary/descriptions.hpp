// Tables for people about models and metrics, shared by the verbs.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "handgrad/store/model.hpp"
#include "handgrad/train/metrics.hpp"

namespace handgrad::summary {

/// Layers with their shapes, activations and numbers of parameters, one a line, and the sum.
std::string layer_table(const Model& model);

/// One line for each part (`train`, `validation` …), one column for each metric.
std::string metrics_table(const std::vector<std::pair<std::string, Metrics>>& parts);

/// Under a table with dashes: what they stand for, a line each; nothing for none.
std::string not_defined(const std::vector<std::string>& reasons);

/// How many parameters layer `layer` (from 0) has: (in + 1)·out.
std::size_t parameters_of(const Architecture& architecture, std::size_t layer);

/// The names of the columns that are learned.
std::vector<std::string> target_names(const Preprocessing& columns);

/// `f32` or `f64`, as --dtype has it.
std::string dtype_name(bool in_double);

/// `PASS` or `FAIL`.
std::string pass_or_fail(bool pass);

/// The name of the preset, then each choice by its name, in the order of the fields.
std::vector<std::pair<std::string, std::string>> describe_conventions(const Conventions& conventions);

}  // namespace handgrad::summary
