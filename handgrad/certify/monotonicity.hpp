// Whether a model is monotone in the columns that it was trained to be monotone in.
#pragma once

#include "handgrad/certify/certificate.hpp"

namespace handgrad::certify {

/// For all x by the signs of the weights, which are looked at without any arithmetic; and, as a second witness that
/// knows nothing of signs, by ∂ŷ/∂x of the rows and of a grid: some of the rows with each monotone column moved through
/// its training range and half of that beyond either end. Nothing is looked at of a model that promises nothing.
template <class T>
CertifiedMonotone certify_monotone(const Model& model, const BasicDataset<T>& sample, const Execution& execution);

}  // namespace handgrad::certify
