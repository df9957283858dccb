// ∂²ŷ/∂x² in the certificate: what it should be by the complex step of ∂ŷ/∂x, and how far rounding can move it.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "handgrad/base/matrix.hpp"
#include "handgrad/certify/certificate.hpp"
#include "handgrad/certify/rounding_bound.hpp"
#include "handgrad/kernels/simd_level.hpp"
#include "handgrad/nn/mlp.hpp"
#include "handgrad/nn/passes.hpp"

namespace handgrad::certify {

/// Of so many rows the first ones are looked at, as many as keep the work small; none of a network that is linear in
/// pieces, and so has no second derivatives, and of one with more of them in a row than `predict` gives at all.
std::size_t rows_of_hessians(const BasicMlp<double>& net, std::size_t rows);

/// Upper triangles, rows × (K·n(n+1)/2): the witness is Im ∂ŷ/∂x(x + ih e_j)/h, which knows no f″ and no sum over
/// layers; f′, which it takes by its formula, is judged in the gradients. `found` has one entry for each row of x.
std::vector<BoundedNumber> expected_hessians(const BasicMlp<double>& net, const LossFunction& function,
                                             MatrixView<const double> x, MatrixView<const double> y,
                                             std::span<const RowDerivatives> found, const Arithmetic& arithmetic,
                                             std::size_t threads);

/// What the kernels compute, upper triangles too; NaN where the lower one has another number.
template <class T>
Matrix<double> engine_hessians(const BasicMlp<T>& net, MatrixView<const T> x, const Execution& execution);

/// The verdict on such triangles; the index of an entry is row, output, input, input.
CertifiedTensor judge_hessians(const BasicMlp<double>& net, std::span<const double> claimed,
                               std::span<const BoundedNumber> expected, const Arithmetic& arithmetic);

}  // namespace handgrad::certify
