// How far rounding can move one row's derivatives: bounds carried through the forward and the backward pass.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "handgrad/certify/row_witness.hpp"
#include "handgrad/math/output_loss.hpp"
#include "handgrad/nn/mlp.hpp"

namespace handgrad::certify {

/// The arithmetic whose results are judged.
struct Precision {
    double unit;      ///< a result is rounded by at most this share of it: 2⁻²⁴, 2⁻⁵³
    double smallest;  ///< results below this may be flushed to 0, here or in the witness
    double largest;   ///< results above this may overflow
    int digits;       ///< of the significand, 24 or 53
};
template <class T>
Precision precision_of();

/// γₙ = nu/(1 − nu): what n roundings in a row can do to a sum of n terms, in shares of the sum of their sizes; at
/// most 1.
double gamma_of(std::size_t n, double unit);

/// An error in three parts.
struct ErrorBound {
    double worst = 0.0;   ///< all roundings at their largest, in the same direction
    double square = 0.0;  ///< variance-like: roundings independent of each other, squares added (Higham, Mary 2019)
    double jump = 0.0;    ///< what crossing a kink adds where rounding could decide the side
};

/// ∂l/∂z of one unit, or an entry of a row of ∂ŷ/∂z.
struct UnitBound {
    double size =
        0.0;  ///< sum of the absolute values of all terms: |δ| with every factor of Table 2 replaced by its size
    ErrorBound error;
};

/// Bounds for one row at a time. Everything is to first order in the unit roundoff, but for slopes and losses, which
/// are evaluated at the ends of the interval in which rounding may have put their argument.
class RowBound {
public:
    RowBound(const BasicMlp<double>& net, const math::OutputLoss& loss, double reduction, Precision precision);

    /// Errors of a⁽ˡ⁾ and bounds of ∂l/∂z⁽ˡ⁾ for the row that `row` describes.
    void operator()(const RowDerivatives& row, std::span<const double> x, std::span<const double> y, double share);
    /// Bounds of one row k of ∂ŷ/∂x, for the row that was seen last.
    std::vector<UnitBound> input_jacobian(const RowDerivatives& row, std::size_t k) const;

    /// Error of a of layer l (worst and square; the input itself is exact).
    [[nodiscard]] const std::vector<ErrorBound>& activation(std::size_t l) const { return a_error_[l]; }
    [[nodiscard]] const std::vector<UnitBound>& delta(std::size_t l) const { return delta_[l]; }

private:
    void forward(const RowDerivatives& row, std::span<const double> x);
    [[nodiscard]] bool exact_sum(std::size_t layer, std::size_t unit, std::span<const double> a) const;
    [[nodiscard]] ErrorBound slope_error(std::size_t layer, std::size_t unit, double z, double slope) const;
    [[nodiscard]] double output_size(std::size_t k, std::span<const double> z, std::span<const double> yhat,
                                     std::span<const double> y, std::span<const double> da, double dz,
                                     double factor) const;
    void output(const RowDerivatives& row, std::span<const double> y, double share);
    [[nodiscard]] std::vector<UnitBound> back_to_activation(std::size_t layer, const std::vector<UnitBound>& delta,
                                                            std::span<const double> values, bool any_order) const;
    void through_slope(const RowDerivatives& row, std::size_t layer, std::span<const double> da,
                       std::vector<UnitBound>& bound) const;

    const BasicMlp<double>& net_;
    math::OutputLoss loss_;
    double reduction_;
    Precision precision_;
    std::vector<std::vector<ErrorBound>> z_error_, a_error_;
    std::vector<std::vector<UnitBound>> delta_;
};

/// How many of these standard deviations an error may be when roundings are taken as independent.
inline constexpr double probable_deviations = 6.0;

}  // namespace handgrad::certify
