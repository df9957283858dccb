// The gradient certificate: every derivative that a network computes against the complex step, judged by a bound.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "handgrad/base/matrix.hpp"
#include "handgrad/data/preprocessing.hpp"
#include "handgrad/kernels/simd_level.hpp"
#include "handgrad/nn/mlp.hpp"
#include "handgrad/nn/passes.hpp"
#include "handgrad/store/model.hpp"

namespace handgrad::certify {

enum class Verdict {
    pass,          ///< every entry is as near to the witness as rounding allows
    fail,          ///< an entry is farther away than all roundings and kinks together can explain
    undetermined,  ///< neither: rounding could explain more than a wrong factor would change, or a kink lies too near
};
/// `PASS`, `FAIL`, `UNDETERMINED`.
std::string_view name(Verdict verdict);

/// One tensor of derivatives: a parameter's gradient, or ∂ŷ/∂x of all rows.
///
/// An entry is a sum of products, one for each row and path through the network; A is the sum of their absolute values,
/// and ε the distance from 1 to the next number (2⁻²³ in float, 2⁻⁵² in double). Its error in units of the last place,
/// scaled by the condition of the sum, is |entry − witness| / (ε A), with A at least 2⁻¹² of the largest in the tensor.
/// Whether that may be is not decided by a fixed number but by a bound that follows the roundings through both passes
/// (rounding_bound.hpp).
struct CertifiedTensor {
    std::string name;  ///< `linear1.weight` … or `d(yhat)/d(x)`
    Verdict verdict = Verdict::pass;
    std::size_t entries = 0;
    std::size_t kinks = 0;         ///< entries with a term at a z (or ŷ − y) that rounding could put on either side
    std::size_t undetermined = 0;  ///< entries that are neither proven nor refuted
    std::size_t failed = 0;
    double worst_ulp = 0.0;            ///< largest error, scaled as above
    std::vector<std::size_t> where{};  ///< index of that entry; for ∂ŷ/∂x row, output, input
    double claimed = 0.0;              ///< … its value,
    double witness = 0.0;              ///< the witness's,
    double bound = 0.0;                ///< and how far apart rounding may put them
    std::string factor{};              ///< on fail: the factor of Table 2 that is wrong
};

struct Certificate {
    Verdict verdict = Verdict::pass;
    std::size_t rows = 0;
    std::vector<CertifiedTensor> parameters;
    CertifiedTensor input;  ///< ∂ŷ/∂x
};

/// Derivatives that somebody claims: of the mean loss of all rows (weighted where the data are) by each parameter, and
/// ∂ŷ/∂x, rows × (K·n).
template <class T>
struct ClaimedDerivatives {
    BasicMlp<T> gradient;
    Matrix<T> jacobians;
};
/// What the kernels compute: LossGradient and Predictor.
template <class T>
ClaimedDerivatives<T> engine_derivatives(const BasicMlp<T>& net, const LossFunction& function,
                                         const BasicDataset<T>& data, const Execution& execution = {});

/// Judges claimed derivatives. `data` needs targets and at least one row. The penalty is no part of the loss here: its
/// gradient is the weights times a number.
template <class T>
Certificate certify(const BasicMlp<T>& net, const LossFunction& function, const BasicDataset<T>& data,
                    const ClaimedDerivatives<T>& claimed);

struct CertifyOptions {
    std::size_t rows = 256;  ///< at most so many, drawn from the table by `seed`
    std::uint64_t seed = 0;
    ApplyOptions applying{};
    Execution execution{};
};
/// The engine's derivatives for a model on rows of a labelled table. Raises Error(data) as evaluate() does, and for a
/// table without rows.
Certificate certify(const Model& model, const Table& table, const CertifyOptions& options = {});
/// The same on rows that are encoded already, in the model's precision; `applying` is not looked at.
template <class T>
Certificate certify(const Model& model, const BasicDataset<T>& data, const CertifyOptions& options = {});

extern template Certificate certify(const BasicMlp<float>&, const LossFunction&, const BasicDataset<float>&,
                                    const ClaimedDerivatives<float>&);
extern template Certificate certify(const BasicMlp<double>&, const LossFunction&, const BasicDataset<double>&,
                                    const ClaimedDerivatives<double>&);
extern template ClaimedDerivatives<float> engine_derivatives(const BasicMlp<float>&, const LossFunction&,
                                                             const BasicDataset<float>&, const Execution&);
extern template ClaimedDerivatives<double> engine_derivatives(const BasicMlp<double>&, const LossFunction&,
                                                              const BasicDataset<double>&, const Execution&);

}  // namespace handgrad::certify
