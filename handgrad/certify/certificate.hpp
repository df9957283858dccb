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
    pass,          ///< agrees, and a gross error would have been seen
    fail,          ///< differs by more than all roundings and kinks together can explain, or as they do not
    undetermined,  ///< neither, for a reason that is said
};
/// `PASS`, `FAIL`, `UNDETERMINED`.
std::string_view name(Verdict verdict);

/// Why a tensor that is not refuted does not pass.
enum class Doubt {
    none,
    no_digits,    ///< rounding alone may change the tensor by more than a gross error would
    kinks,        ///< so may z that rounding can put on either side of a kink
    unusual,      ///< the difference is more than rounding usually makes, and less than it can
    part_hidden,  ///< a row or a column of zeros would not have been seen
    overflow,     ///< a number of it, or a term of one, is beyond the largest of the precision
};

/// The verdict on one tensor. Shares are of the tensor's norm (the root of the sum of squares); of a tensor that is 0
/// by structure, of the sizes of the terms that cancel in it.
struct Judgement {
    Verdict verdict = Verdict::pass;
    bool zero = false;             ///< the tensor is 0 by structure, as under first weights of 0
    double detection_limit = 0.0;  ///< share of the smallest error that would not have passed
    double limit_without_kinks = 0.0;
    double distance = 0.0;   ///< share of the difference; never NaN, ∞ where nothing is known
    std::size_t failed = 0;  ///< entries that are refuted
    double multiple = 1.0;   ///< the claim is so many times the tensor, where that refutes it
    Doubt doubt = Doubt::none;
    std::size_t part = 0;  ///< the row or column that is hidden, from 0
    bool part_is_row = true;

    /// Why it is undetermined, in words; empty otherwise.
    [[nodiscard]] std::string reason() const;
};

/// One tensor of derivatives: a parameter's gradient, or ∂ŷ/∂x of all rows.
///
/// An entry is a sum of products, one for each row and path through the network; A is the sum of their absolute values,
/// and ε the distance from 1 to the next number (2⁻²³ in float, 2⁻⁵² in double). Its error in units of the last place,
/// scaled by the condition of the sum, is |entry − witness| / (ε A), with A at least 2⁻¹² of the largest in the tensor.
/// Whether that may be is not decided by a fixed number but by a bound that follows the roundings through both passes
/// (rounding_bound.hpp, judgement.hpp).
struct CertifiedTensor {
    std::string name;  ///< `linear1.weight` …, `d(yhat)/d(x)` or `d2(yhat)/d(x)2`
    Judgement judgement{};
    std::string run{};  ///< which of the runs this was found in (Certificate::runs)
    std::size_t entries = 0;
    std::size_t kinks = 0;   ///< entries with a term at a z (or ŷ − y) that rounding could put on either side
    double worst_ulp = 0.0;  ///< largest error, scaled as above
    std::vector<std::size_t> where{};  ///< index of that entry; for ∂ŷ/∂x row, output, input; for ∂²ŷ/∂x² both inputs
    double claimed = 0.0;              ///< … its value,
    double witness = 0.0;              ///< the witness's,
    double bound = 0.0;                ///< and how far apart rounding may put them
    std::string factor{};              ///< on fail: the factor of Table 2 that is wrong
};

/// One call of what computes derivatives, and what its tensors together came to.
struct CertifiedRun {
    std::string what;  ///< `256 rows in f32`
    Verdict verdict = Verdict::pass;
    std::size_t tensors = 0;    ///< that it has computed
    std::size_t judged = 0;     ///< of them, passed or failed: of the others it tells nothing
    Doubt doubt = Doubt::none;  ///< what keeps the others from being judged
};

/// What a model promises of its monotone columns, and whether it is so.
struct CertifiedMonotone {
    std::vector<std::string> columns{};  ///< `age+`, as they were asked for; empty: nothing is promised
    Verdict verdict = Verdict::pass;     ///< fail where the signs or a slope are against it
    /// The first weight that breaks its sign, or what else takes the promise back; empty where every sign holds, and
    /// then the promise is kept for all x (docs/derivations/monotone.md (M5)).
    std::string broken_by{};
    std::size_t slopes = 0;   ///< ∂ŷ/∂x that were computed beside that, on the rows and on a grid …
    std::size_t against = 0;  ///< … and those of them with the wrong sign, or that are no number
};

struct Certificate {
    Verdict verdict = Verdict::pass;
    std::size_t rows = 0;
    std::size_t carrying_rows = 0;  ///< the fewest of them that carry 99 % of the weight; all where none are weighted
    std::vector<CertifiedTensor> parameters;
    CertifiedTensor input;  ///< ∂ŷ/∂x
    /// ∂²ŷ/∂x², upper triangles; without entries where it was not looked at: not claimed, of a network linear in
    /// pieces, or too many numbers for a row. Refuted, it fails the whole; training and ∂ŷ/∂x rest on nothing of it, so
    /// that what is undetermined in it leaves the verdict as it is.
    CertifiedTensor hessian{};
    CertifiedMonotone monotone{};
    std::vector<CertifiedRun> runs{};  ///< all that was looked at; each tensor above is the worst of its kind
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
