// How far rounding can move one row's derivatives: bounds carried through the forward and the backward pass.
#pragma once

#include <cmath>
#include <cstddef>
#include <span>
#include <utility>
#include <vector>

#include "handgrad/certify/row_witness.hpp"
#include "handgrad/math/output_loss.hpp"
#include "handgrad/nn/mlp.hpp"

namespace handgrad::certify {

/// The arithmetic whose results are judged.
struct Arithmetic {
    double unit = 0.0;      ///< a result is rounded by at most this share of it: 2⁻²⁴, 2⁻⁵³
    double smallest = 0.0;  ///< results below this may be flushed to 0, here or in the witness
    double largest = 0.0;   ///< results above this may overflow
    int digits = 0;         ///< of the significand, 24 or 53
    /// Somebody else's program: it rounds data and parameters first, adds in any order, and computes outputs and losses
    /// as their formulas are written, not from the logits. What is 0 here is 0 there.
    bool foreign = false;

    /// What n roundings can do to a sum of n terms, in shares of the sum of their sizes: γₙ = nu/(1 − nu), at most 1.
    [[nodiscard]] double of_sum(std::size_t n) const;
    /// What they usually do at most: 8 √n u, which n independent roundings exceed with a probability below 10⁻¹³
    /// (Higham, Mary 2019), and no more than of_sum(n).
    [[nodiscard]] double usually_of_sum(std::size_t n) const;
};
/// Of the engine.
template <class T>
Arithmetic arithmetic_of();
/// Of somebody else whose numbers have half a distance `unit` from 1 to the next.
Arithmetic foreign_arithmetic(double unit);

/// How many of these standard deviations an error may be when roundings are taken as independent.
inline constexpr double probable_deviations = 6.0;

/// What stands in the place of f′(z) (or g′(z)) in Table 2.
enum class Slope {
    right,          ///< f′(z)
    missing,        ///< 1
    at_activation,  ///< f′(f(z))
};

/// A backward pass; the default one is right.
struct Hypothesis {
    Slope output = Slope::right;
    std::vector<Slope> hidden = {};  ///< one for each hidden layer; empty: all right
    bool other_kink = false;         ///< the slope at a kink as the other convention has it, ReLU′(0)

    /// In layer l of so many, from 0.
    [[nodiscard]] Slope slope(std::size_t l, std::size_t layers) const;
    /// Those of the network with the kink of the hypothesis.
    [[nodiscard]] ActivationSettings settings(ActivationSettings own) const;
};

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

    /// Whether it is 0 without an error, as behind a slope of 0: then so is what it is multiplied with.
    [[nodiscard]] bool nothing() const {
        return size == 0.0 && error.worst == 0.0 && error.square == 0.0 && error.jump == 0.0;
    }
};

/// A number with its bound; as an entry of a gradient a sum over rows of products δ a (Table 2, rows W and b).
struct BoundedNumber {
    double value = 0.0;
    double size = 0.0;   ///< sum of the absolute values of its terms, over rows and paths
    double terms = 0.0;  ///< Σ |δ a| over rows
    ErrorBound error;
    /// What all roundings together usually do at most: probable_deviations of each row's, independent of each other,
    /// but with rows that err alike, as equal ones do.
    double usual = 0.0;

    /// Adds `times` δ a.
    void add(double delta, const UnitBound& bound, double a, const ErrorBound& of_a, double times = 1.0);
    /// Adds the roundings of the sum itself, so many in a row.
    void add_roundings(std::size_t count, const Arithmetic& arithmetic);
};

inline void BoundedNumber::add(double delta, const UnitBound& bound, double a, const ErrorBound& of_a, double times) {
    const double of_product = times * std::fabs(a);
    value += times * delta * a;
    size += bound.size * of_product;
    terms += std::fabs(delta) * of_product;
    const double largest = std::fabs(delta) + bound.error.worst;
    error.worst += bound.error.worst * of_product + times * largest * of_a.worst;
    const double square = bound.error.square * of_product * of_product + times * times * delta * delta * of_a.square;
    error.square += square;
    usual += probable_deviations * std::sqrt(square);
    error.jump += bound.error.jump * (of_product + times * of_a.worst);
}

/// Bounds for one row at a time. Everything is to first order in the unit roundoff, but for slopes and losses, which
/// are evaluated at the ends of the interval in which rounding may have put their argument.
///
/// An error is followed through the passes: z = Σ w a + b moves by the roundings of the sum and by what a was rounded
/// by; f and f′ by what they change between z ± that; each δ likewise. A kink within reach of z adds its jump, unless z
/// is exactly 0: then the convention decides.
class RowBound {
public:
    RowBound(const BasicMlp<double>& net, const math::OutputLoss& loss, double reduction, const Arithmetic& arithmetic,
             Hypothesis hypothesis = {});

    /// Errors of a⁽ˡ⁾ and bounds of ∂l/∂z⁽ˡ⁾ for the row that `row` describes. x (n), y (K); `share` is the row's
    /// weight over the sum of all weights. `of_output`, where it is not empty, is the bound of the last layer that was
    /// found for this row before, under a hypothesis with the same output slope and kinks.
    void operator()(const RowValues& row, std::span<const double> x, std::span<const double> y, double share,
                    std::span<const UnitBound> of_output = {});
    /// Bounds of one row k of ∂ŷ/∂x, for the row that was seen last.
    [[nodiscard]] std::vector<UnitBound> input_jacobian(const RowDerivatives& row, std::size_t k) const;

    /// Fills slope and delta of a row whose z and a are there, as the hypothesis has them.
    void backward(RowValues& row, std::span<const double> y, double share) const;

    /// Errors of what layer l gets, x or a⁽ˡ⁻¹⁾ (worst and square).
    [[nodiscard]] const std::vector<ErrorBound>& input(std::size_t l) const { return a_error_[l]; }
    [[nodiscard]] const std::vector<UnitBound>& delta(std::size_t l) const { return delta_[l]; }

private:
    class OutputRow;
    friend class HessianBound;  // certify/second_derivatives.cpp
    static void forget(std::vector<UnitBound>& units);
    void forward(const RowValues& row, std::span<const double> x);
    [[nodiscard]] ErrorBound sum_error(const RowValues& row, std::span<const double> a, std::size_t layer,
                                       std::size_t unit) const;
    [[nodiscard]] bool exact_sum(std::size_t layer, std::size_t unit, std::span<const double> a, double z) const;
    [[nodiscard]] std::pair<double, ErrorBound> slope_at(const RowValues& row, std::size_t layer,
                                                         std::size_t unit) const;
    [[nodiscard]] ErrorBound slope_error(const RowValues& row, std::size_t layer, std::size_t unit, double slope) const;
    [[nodiscard]] std::vector<UnitBound> back_to_activation(std::size_t layer, const std::vector<UnitBound>& delta,
                                                            std::span<const double> values, bool any_order) const;
    void through_slope(const RowValues& row, std::size_t layer, std::span<const double> da,
                       std::vector<UnitBound>& bound) const;
    [[nodiscard]] std::vector<UnitBound> output_jacobian(const RowDerivatives& row, std::size_t k) const;

    const BasicMlp<double>& net_;
    math::OutputLoss loss_;
    double reduction_;
    Arithmetic arithmetic_;
    Hypothesis hypothesis_;
    std::vector<std::vector<ErrorBound>> z_error_, a_error_;  ///< a_error_[l + 1] is that of layer l, the first of x
    std::vector<std::vector<UnitBound>> delta_;
    bool overflow_ = false;  ///< a number of the row that was seen last is beyond the largest
};

/// vᵀ M: a factor of Table 2.
std::vector<double> row_times(std::span<const double> v, MatrixView<const double> M);

}  // namespace handgrad::certify
