// The runs of a model's certificate: batches of every length that the kernels treat in a way of its own.
#pragma once

#include "handgrad/certify/certificate.hpp"

namespace handgrad::certify {

/// On the rows of `sample`, in the model's precision T and in double; short batches, batches beyond a leaf and beyond
/// most_rows_together made of the first rows again and again; a step of training; ∂ŷ/∂x in the table's units.
template <class T>
Certificate certify_runs(const Model& model, const BasicDataset<T>& sample, const Execution& execution);

}  // namespace handgrad::certify
