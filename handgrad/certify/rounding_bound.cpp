// How far rounding can move one row's derivatives.
#include "handgrad/certify/rounding_bound.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>

#include "handgrad/kernels/plan.hpp"
#include "handgrad/nn/plain_loops.hpp"

namespace handgrad::certify {
namespace {

/// Roundings of an elementary function and of the few operations around it, in units of the result: the worst that
/// math/elementary.hpp states is 2.2 ulp.
constexpr double function_roundings = 8.0;
constexpr double infinite = std::numeric_limits<double>::infinity();

double squared(double v) { return v * v; }

/// Whether a kink of an elementwise activation lies within the error of z.
bool near_kink(Activation activation, double z, const ErrorBound& error) {
    return facts(activation).kink && error.worst > 0.0 && std::fabs(z) <= error.worst;
}

/// f′(z) (NaN where there is no such number), largest |f′(t) − f′(z)| for t within `error` of z, and largest |f′(t)|.
struct SlopeRange {
    double here;
    double change;
    double largest;
};
SlopeRange slopes_around(Activation activation, const ActivationSettings& settings, double z, double error) {
    return visit(activation, [&]<class F>(F) -> SlopeRange {
        if constexpr (F::facts.elementwise) {
            const double here = F::derivative(z, settings);
            SlopeRange range{here, 0.0, std::fabs(here)};
            std::array<double, 5> at{z - error, z - 0.5 * error, z + 0.5 * error, z + error, z};
            if (std::fabs(z) < error) {
                at[4] = 0.0;
            }
            for (const double t : at) {
                const double slope = F::derivative(t, settings);
                range.change = std::max(range.change, std::fabs(slope - here));
                range.largest = std::max(range.largest, std::fabs(slope));
            }
            return range;
        } else {
            return {std::numeric_limits<double>::quiet_NaN(), 1.0, 1.0};
        }
    });
}

double derivative_at(Activation activation, const ActivationSettings& settings, double z) {
    return slopes_around(activation, settings, z, 0.0).here;
}

/// What the roundings of f′(z) are relative to: |f′| and the size of the terms that it is a sum of. Where they cancel,
/// as at the stationary points of silu and gelu, f′ varies as much as its terms do, so |z f″| stands for them.
double slope_size(Activation activation, const ActivationSettings& settings, double z) {
    constexpr double step = 0x1p-13;
    const SlopeRange around = slopes_around(activation, settings, z, std::fabs(z) * step);
    return std::fabs(around.here) + around.change / step;
}

/// Terms of which one may have overflowed have no bound.
void check_size(double size, const Arithmetic& arithmetic, ErrorBound& error) {
    if (!(size <= arithmetic.largest)) {
        error.worst = infinite;
    }
}

/// Error of a sum: that of its terms and `own` for its roundings.
ErrorBound plus(const ErrorBound& terms, double own_worst, double own_probable) {
    return {terms.worst + own_worst, terms.square + squared(own_probable), terms.jump};
}

/// That of a sum of so many terms, whose sizes add up to `size`.
ErrorBound plus_sum(const ErrorBound& terms, std::size_t count, double size, const Arithmetic& arithmetic) {
    return plus(terms, arithmetic.of_sum(count) * size + arithmetic.smallest,
                arithmetic.unit * std::sqrt(static_cast<double>(count)) * size + arithmetic.smallest);
}

}  // namespace

// --- Arithmetic and hypothesis --------------------------------------------------------------------------------------

template <>
Arithmetic arithmetic_of<float>() {
    return {0x1p-24, std::numeric_limits<float>::min(), std::numeric_limits<float>::max(),
            std::numeric_limits<float>::digits};
}
/// The witness computes in double itself, so that its own roundings count too.
template <>
Arithmetic arithmetic_of<double>() {
    return {0x1p-52, std::numeric_limits<double>::min() / complex_step_size, std::numeric_limits<double>::max(),
            std::numeric_limits<double>::digits};
}
/// Where their numbers end is for the caller to say: 0 and ∞ leave it out here.
Arithmetic foreign_arithmetic(double unit) { return {.unit = unit, .largest = infinite, .foreign = true}; }

double Arithmetic::of_sum(std::size_t n) const {
    const double count = static_cast<double>(n) + (foreign ? 1.0 : 0.0);  // theirs: a factor of each term beforehand
    const double share = count * unit;
    return share < 0.5 ? share / (1.0 - share) : 1.0;
}

double Arithmetic::usually_of_sum(std::size_t n) const {
    const double count = static_cast<double>(n) + (foreign ? 1.0 : 0.0);
    return std::min(of_sum(n), 8.0 * std::sqrt(count) * unit);
}

Slope Hypothesis::slope(std::size_t l, std::size_t layers) const {
    if (l + 1 == layers) {
        return output;
    }
    return hidden.empty() ? Slope::right : hidden[l];
}

ActivationSettings Hypothesis::settings(ActivationSettings own) const {
    if (other_kink) {
        own.kink = own.kink == Kink::right_limit ? Kink::nearest_zero : Kink::right_limit;
    }
    return own;
}

void BoundedNumber::add_roundings(std::size_t count, const Arithmetic& arithmetic) {
    check_size(size, arithmetic, error);
    if (terms > 0.0) {
        error = plus_sum(error, count, terms, arithmetic);
        usual += arithmetic.usually_of_sum(count) * terms + arithmetic.smallest;
    }
}

std::vector<double> row_times(std::span<const double> v, MatrixView<const double> M) {
    std::vector<double> result(M.columns());
    plain::linear_backward_input<double>(M, {v.data(), 1, v.size()}, {result.data(), 1, result.size()});
    return result;
}

// --- Last layer -----------------------------------------------------------------------------------------------------

/// ∂l/∂z of the last layer as a function of its logits and of ŷ, and how far that moves.
class RowBound::OutputRow {
public:
    OutputRow(const RowBound& of, const RowValues& row, std::span<const double> y, double share)
        : of_(of), row_(row), y_(y), factor_(share * of.reduction_) {
        math::row_outputs<double>(loss_.output, loss_.settings, z_, yhat_);
        if (foreign_) {
            roundings_ *= 2.0;  // g and l by their formulas, then g′
        }
        if (loss_.output == Activation::softmax) {
            total_ = std::accumulate(y.begin(), y.end(), 0.0);
            roundings_ += static_cast<double>(y.size());
        }
    }

    /// With all digits, or literally from ŷ.
    const std::vector<double>& delta(bool literal) {
        // ŷ − y as it is written needs no loss.
        if (!literal || !loss_.fused() || which_ != Slope::right) {
            math::row_loss<double>(loss_, z_, yhat_, y_, factor_, math::Derivatives::logits_yhat, delta_, da_);
        }
        if (literal) {
            set_literal_delta();
        }
        if (which_ == Slope::missing) {
            delta_ = da_;
        } else if (which_ == Slope::at_activation) {
            for (std::size_t k = 0; k < y_.size(); ++k) {
                delta_[k] = da_[k] * derivative_at(loss_.output, loss_.settings, yhat_[k]);
            }
        }
        return delta_;
    }

    /// Its own roundings, and how it moves when each logit moves within its error and each ŷ within the rounding of g.
    std::vector<UnitBound> bound() {
        here_ = delta(foreign_);
        for (std::size_t k = 0; k < y_.size(); ++k) {
            const double size = size_of(k);
            double own = witness_error(k);
            if (size > 0.0) {
                own += roundings_ * arithmetic_.unit * (size + rounded_sum(k)) + arithmetic_.smallest;
            }
            bound_[k] = {.size = size, .error = {own, squared(own), 0.0}};
            check_size(size, arithmetic_, bound_[k].error);
        }
        for (std::size_t j = 0; j < y_.size(); ++j) {
            move_logit(j);
            move_output(j);
        }
        if (!foreign_) {
            add_residual_error();
        }
        return bound_;
    }

private:
    /// Eq. (11), (19) and Table 2 as they are written, and ŷ − y where they make that.
    void set_literal_delta() {
        visit(loss_.kind, [&]<class L>(L) {
            if constexpr (L::facts.residual) {
                for (std::size_t k = 0; k < y_.size(); ++k) {
                    da_[k] = factor_ * L::derivative(yhat_[k] - y_[k], loss_.parameters);
                }
            }
        });
        if (loss_.fused()) {
            for (std::size_t k = 0; k < y_.size(); ++k) {
                delta_[k] = factor_ * (total_ * yhat_[k] - y_[k]);
            }
            return;
        }
        visit(loss_.output,
              [&]<class G>(G) { math::row_times_jacobian<G, double>(loss_.settings, z_, yhat_, da_, delta_); });
    }

    /// The sum of the absolute values of the terms that ∂l/∂z_k is computed from.
    [[nodiscard]] double size_of(std::size_t k) const {
        const double scale = std::fabs(factor_), dz = std::fabs(here_[k]), y = y_[k], yhat = yhat_[k];
        if (which_ != Slope::right) {
            return dz;
        }
        if (loss_.fused() && foreign_) {
            return scale * (std::max(1.0, total_) * yhat + std::fabs(y));
        }
        if (loss_.fused() && loss_.kind == Loss::binary_cross_entropy) {
            return scale *
                   (std::fabs(1.0 - y) * math::Sigmoid::value(z_[k]) + std::fabs(y) * math::Sigmoid::value(-z_[k]));
        }
        if (loss_.fused() && loss_.kind == Loss::poisson) {
            return scale * (y < 0.5 ? yhat + std::fabs(y) : std::fabs(std::expm1(z_[k])) + std::fabs(1.0 - y));
        }
        if (loss_.fused()) {  // softmax and cross_entropy
            return std::max(dz, scale * (yhat * std::fabs(total_ - y) + std::fabs(y) * (1.0 - yhat)));
        }
        const auto finite_size = [](double v) { return std::isfinite(v) ? std::fabs(v) : 0.0; };
        if (loss_.output == Activation::softmax) {
            double largest = 0.0;
            for (const double v : da_) {
                largest = std::max(largest, finite_size(v));
            }
            return 2.0 * largest * yhat;
        }
        return std::max(dz, finite_size(da_[k]) * slopes_around(loss_.output, loss_.settings, z_[k], 0.0).largest);
    }

    /// Where ŷ − y comes from the logits of σ or softmax: the terms of that difference cancel where ŷ is near y, and
    /// the loss's derivative moves with it.
    void add_residual_error() {
        const bool sigmoid = loss_.output == Activation::sigmoid;
        if (!facts(loss_.kind).residual || (!sigmoid && loss_.output != Activation::softmax)) {
            return;
        }
        for (std::size_t k = 0; k < y_.size(); ++k) {
            const double y = y_[k], yhat = row_.a.back()[k];
            const double reach =
                roundings_ * arithmetic_.unit * (std::fabs(1.0 - y) * yhat + std::fabs(y) * (1.0 - yhat));
            const double moved = visit(loss_.kind, [&]<class L>(L) -> double {
                if constexpr (L::facts.residual) {
                    const double here = L::derivative(yhat - y, loss_.parameters);
                    return std::max(std::fabs(L::derivative(yhat - y + reach, loss_.parameters) - here),
                                    std::fabs(L::derivative(yhat - y - reach, loss_.parameters) - here));
                }
                return 0.0;
            });
            const bool kink = facts(loss_.kind).kink && std::fabs(yhat - y) <= reach;
            for (std::size_t j = 0; j < y_.size(); ++j) {
                double slope = 2.0 * yhat;
                if (sigmoid) {
                    slope = j == k ? derivative_at(loss_.output, loss_.settings, z_[k]) : 0.0;
                }
                const double change = std::fabs(factor_) * moved * slope;
                if (kink) {
                    bound_[j].error.jump += change;
                } else {
                    bound_[j].error.worst += change;
                    bound_[j].error.square += squared(change);
                }
            }
        }
    }

    /// What the rounding of Σ y adds to the size of softmax's p_k Σ y − y_k; of targets that are 0 or 1 it is exact.
    [[nodiscard]] double rounded_sum(std::size_t k) const {
        const bool exact = std::ranges::all_of(y_, [](double y) { return y == 0.0 || y == 1.0; });
        if (loss_.output != Activation::softmax || !loss_.fused() || exact) {
            return 0.0;
        }
        return std::fabs(factor_) * yhat_[k] * total_;
    }

    /// The roundings of the witness, which differentiates l(ŷ, y) as it is written: in poisson and
    /// binary_cross_entropy, linear in y, the derivative at y = 0 and what y adds cancel where ŷ is near y.
    [[nodiscard]] double witness_error(std::size_t k) const {
        double terms = 0.0;
        if (facts(loss_.output).elementwise) {
            terms = witness_terms(k) * std::fabs(derivative_at(loss_.output, loss_.settings, z_[k]));
        } else {
            for (std::size_t j = 0; j < y_.size(); ++j) {
                terms = std::max(terms, 2.0 * yhat_[k] * witness_terms(j));
            }
            if (y_.size() == 1) {
                terms = 0.0;  // ŷ = 1 whatever the logit is, of a step too
            }
        }
        return std::isfinite(terms) ? function_roundings * 0x1p-53 * std::fabs(factor_) * terms : 0.0;
    }
    /// The sizes of the terms of ∂l/∂ŷ_k.
    [[nodiscard]] double witness_terms(std::size_t k) const {
        return visit(loss_.kind, [&]<class L>(L) -> double {
            if constexpr (L::facts.residual) {
                return 0.0;
            } else {
                const double without_y = L::derivative(yhat_[k], 0.0, loss_.parameters);
                const double all = L::derivative(yhat_[k], y_[k], loss_.parameters);
                return std::fabs(without_y) + std::fabs(all - without_y);
            }
        });
    }

    /// Adds what changes between the row and both ends of an interval around logit or output j, that move(±1) goes to.
    template <class Move>
    void add_change(std::size_t j, bool worst, bool probable, bool kink, const Move& move) {
        const double logit = z_[j];
        const std::vector<double> yhat = yhat_;
        std::vector<double> change(y_.size(), 0.0);
        for (const double side : {-1.0, 1.0}) {
            move(side);
            delta(foreign_);
            kink = kink || (facts(loss_.kind).kink && (yhat_[j] - y_[j]) * (row_.a.back()[j] - y_[j]) <= 0.0);
            for (std::size_t k = 0; k < change.size(); ++k) {
                const double moved = std::fabs(delta_[k] - here_[k]);
                change[k] = std::isfinite(moved) ? std::max(change[k], moved) : infinite;
            }
            z_[j] = logit;
            yhat_ = yhat;
        }
        for (std::size_t k = 0; k < change.size(); ++k) {
            ErrorBound& total = bound_[k].error;
            if (worst && kink) {
                total.jump += change[k] + std::fabs(here_[k] - row_.delta.back()[k]);
            }
            if (worst && !kink) {
                total.worst += change[k];
            }
            if (probable && !kink) {
                total.square += squared(change[k] / probable_deviations);
            }
        }
    }

    void move_logit(std::size_t j) {
        const ErrorBound& error = of_.z_error_.back()[j];
        const double logit = z_[j];
        for (const bool worst : {true, false}) {
            const double reach = worst ? error.worst : probable_deviations * std::sqrt(error.square);
            if (!std::isfinite(reach)) {
                for (UnitBound& any : bound_) {
                    any.error.worst = infinite;
                }
            } else if (reach > 0.0) {
                add_change(j, worst, !worst, near_kink(loss_.output, logit, error), [&](double side) {
                    z_[j] = logit + side * reach;
                    math::row_outputs<double>(loss_.output, loss_.settings, z_, yhat_);
                });
            }
        }
    }

    /// ŷ_j within the rounding of g; where somebody subtracts ŷ − y, within that of both.
    void move_output(std::size_t j) {
        if (!foreign_ && (loss_.fused() || facts(loss_.output).exact)) {
            return;
        }
        const double yhat = yhat_[j], y = y_[j];
        double reach =
            facts(loss_.output).exact ? 0.0 : roundings_ * arithmetic_.unit * std::fabs(yhat) + arithmetic_.smallest;
        if (foreign_) {
            reach += 2.0 * arithmetic_.unit * (std::fabs(yhat) + std::fabs(y));
        }
        // Where rounding can put ŷ on the end of the domain, y/ŷ or (1 − y)/(1 − ŷ) has no bound.
        const LossFacts& domain = facts(loss_.kind);
        const bool low = y != 0.0 && yhat - reach <= domain.lowest_output;
        const bool high = y != 1.0 && yhat + reach >= domain.highest_output;
        if (!foreign_ && (low || high)) {
            const bool alone = facts(loss_.output).elementwise;
            for (std::size_t k = 0; k < y_.size(); ++k) {
                if (k == j || !alone) {
                    bound_[k].error.worst = infinite;
                }
            }
            return;
        }
        add_change(j, true, true, false, [&](double side) { yhat_[j] = yhat + side * reach; });
    }

    const RowBound& of_;
    const math::OutputLoss& loss_ = of_.loss_;
    const Arithmetic& arithmetic_ = of_.arithmetic_;
    Slope which_ = of_.hypothesis_.output;
    bool foreign_ = arithmetic_.foreign;
    const RowValues& row_;
    std::span<const double> y_;
    double factor_;
    double total_ = 1.0;  ///< Σ y, of which softmax deals out shares
    double roundings_ = function_roundings;
    std::vector<double> z_ = row_.z.back(), yhat_ = z_, da_ = z_, delta_ = z_;
    std::vector<double> here_;  ///< delta of the row itself
    std::vector<UnitBound> bound_ = std::vector<UnitBound>(y_.size());
};

// --- One row --------------------------------------------------------------------------------------------------------

RowBound::RowBound(const BasicMlp<double>& net, const math::OutputLoss& loss, double reduction,
                   const Arithmetic& arithmetic, Hypothesis hypothesis)
    : net_(net), loss_(loss), reduction_(reduction), arithmetic_(arithmetic), hypothesis_(std::move(hypothesis)) {
    loss_.settings = hypothesis_.settings(net.architecture().activation_settings());
    a_error_.emplace_back(net.inputs());
    for (std::size_t l = 0; l < net.layers(); ++l) {
        const std::size_t units = net.architecture().sizes[l + 1];
        z_error_.emplace_back(units);
        a_error_.emplace_back(units);
        delta_.emplace_back(units);
    }
}

void RowBound::operator()(const RowValues& row, std::span<const double> x, std::span<const double> y, double share,
                          std::span<const UnitBound> of_output) {
    forward(row, x);
    if (of_output.empty()) {
        delta_.back() = OutputRow(*this, row, y, share).bound();
    } else {
        delta_.back().assign(of_output.begin(), of_output.end());
    }
    for (std::size_t l = net_.layers() - 1; l-- > 0;) {
        delta_[l] = back_to_activation(l + 1, delta_[l + 1], row.delta[l + 1], false);
        through_slope(row, l, row_times(row.delta[l + 1], net_.weight(l + 1)), delta_[l]);
    }
    overflow_ = overflow_ || std::ranges::any_of(delta_, [&](const std::vector<UnitBound>& units) {
                    return std::ranges::any_of(
                        units, [&](const UnitBound& unit) { return !(unit.size <= arithmetic_.largest); });
                });
    if (overflow_) {
        std::ranges::for_each(delta_, [](std::vector<UnitBound>& units) { forget(units); });
    }
}

void RowBound::backward(RowValues& row, std::span<const double> y, double share) const {
    row.delta.back() = OutputRow(*this, row, y, share).delta(false);
    for (std::size_t l = net_.layers() - 1; l-- > 0;) {
        const bool missing = hypothesis_.slope(l, net_.layers()) == Slope::missing;
        row.delta[l] = row_times(row.delta[l + 1], net_.weight(l + 1));
        for (std::size_t i = 0; i < row.delta[l].size(); ++i) {
            const double at = slope_at(row, l, i).first;
            row.slope[l][i] = missing ? 1.0 : derivative_at(net_.architecture().activation(l), loss_.settings, at);
            row.delta[l][i] *= row.slope[l][i];
        }
    }
}

/// Of a row in which something overflows nothing is known: ∞ comes back as 0 · ∞ at any place.
void RowBound::forget(std::vector<UnitBound>& units) {
    for (UnitBound& unit : units) {
        unit.error.worst = infinite;
    }
}

/// z = W a + b and a = f(z): what the errors of a and the roundings of the sum bring, and what f makes of both.
void RowBound::forward(const RowValues& row, std::span<const double> x) {
    const Architecture& shape = net_.architecture();
    const double u = arithmetic_.unit;
    const auto too_large = [&](double v) { return !(std::fabs(v) <= arithmetic_.largest); };
    overflow_ = false;
    if (arithmetic_.foreign) {
        std::ranges::transform(x, a_error_[0].begin(), [&](double v) {
            return ErrorBound{u * std::fabs(v), squared(u * v), 0.0};
        });
    }
    for (std::size_t l = 0; l < net_.layers(); ++l) {
        const Activation f = shape.activation(l);
        overflow_ = overflow_ || std::ranges::any_of(row.a[l], too_large) ||
                    (l + 1 < net_.layers() && std::ranges::any_of(row.slope[l], too_large));
        for (std::size_t i = 0; i < row.z[l].size(); ++i) {
            const ErrorBound error = z_error_[l][i] = sum_error(row, l == 0 ? x : row.a[l - 1], l, i);
            if (!facts(f).elementwise) {
                continue;  // softmax stands last, and nothing is multiplied by its outputs
            }
            const SlopeRange range = slopes_around(f, loss_.settings, row.z[l][i], error.worst);
            double own = 0.0;
            if (!facts(f).exact) {
                own = function_roundings * u * std::fabs(row.a[l][i]) + arithmetic_.smallest;
            }
            a_error_[l + 1][i] = plus({range.largest * error.worst, squared(range.largest) * error.square}, own, own);
        }
    }
}

/// Error of z of a unit whose inputs are `a`.
ErrorBound RowBound::sum_error(const RowValues& row, std::span<const double> a, std::size_t layer,
                               std::size_t unit) const {
    const std::span<const double> w = net_.weight(layer).row(unit);
    double size = std::fabs(net_.bias(layer)[unit]);
    ErrorBound error;
    for (std::size_t j = 0; j < a.size(); ++j) {
        size += std::fabs(w[j] * a[j]);
        error.worst += std::fabs(w[j]) * a_error_[layer][j].worst;
        error.square += squared(w[j]) * a_error_[layer][j].square;
    }
    if (size > 0.0) {
        error = plus_sum(error, a.size() + 1, size, arithmetic_);
    }
    const double z = row.z[layer][unit];
    if (near_kink(net_.architecture().activation(layer), z, error) && exact_sum(layer, unit, a, z)) {
        error = {};
    }
    check_size(size, arithmetic_, error);
    return error;
}

/// Whether z needs no rounding at all: then it is the same in every precision, and the convention decides a kink. Of
/// the engine that is a sum of a hidden unit that loses nothing in the order of its inputs from the bias on.
bool RowBound::exact_sum(std::size_t layer, std::size_t unit, std::span<const double> a, double z) const {
    if (arithmetic_.foreign) {
        return z == 0.0;
    }
    // Such a layer sums in lanes and trees (docs/numerics.md), in no order that is followed here.
    if (layer + 1 == net_.layers() && net_.outputs() < kernels::narrow_outputs) {
        return false;
    }
    const auto fits = [&](double v) {
        return arithmetic_.digits == std::numeric_limits<double>::digits ||
               static_cast<double>(static_cast<float>(v)) == v;
    };
    double sum = net_.bias(layer)[unit];
    for (std::size_t j = 0; j < a.size(); ++j) {
        const double w = net_.weight(layer)(unit, j);
        const double product = w * a[j];
        const double next = sum + product;
        const double virtual_product = next - sum;
        const double lost = (sum - (next - virtual_product)) + (product - virtual_product);
        if ((a_error_[layer][j].worst > 0.0 && w != 0.0) || std::fma(w, a[j], -product) != 0.0 || lost != 0.0 ||
            !fits(next)) {
            return false;
        }
        sum = next;
    }
    return true;
}

/// Where f′ is taken in the hypothesis (not missing), and the error there.
std::pair<double, ErrorBound> RowBound::slope_at(const RowValues& row, std::size_t layer, std::size_t unit) const {
    if (hypothesis_.slope(layer, net_.layers()) == Slope::at_activation) {
        return {row.a[layer][unit], a_error_[layer + 1][unit]};
    }
    return {row.z[layer][unit], z_error_[layer][unit]};
}

/// Error of what stands for f′ at a unit.
ErrorBound RowBound::slope_error(const RowValues& row, std::size_t layer, std::size_t unit, double slope) const {
    if (hypothesis_.slope(layer, net_.layers()) == Slope::missing) {
        return {};
    }
    const Activation f = net_.architecture().activation(layer);
    const auto [at, error] = slope_at(row, layer, unit);
    const double change = slopes_around(f, loss_.settings, at, error.worst).change;
    if (facts(f).piecewise_linear) {
        const double other = std::fabs(slope - derivative_at(f, loss_.settings, at));
        return {0.0, 0.0, near_kink(f, at, error) ? change + other : 0.0};
    }
    const double size = std::max(std::fabs(slope), slope_size(f, loss_.settings, at));
    const double own = function_roundings * arithmetic_.unit * size + arithmetic_.smallest;
    const double probable = probable_deviations * std::sqrt(error.square);
    return {change + own,
            squared(slopes_around(f, loss_.settings, at, probable).change / probable_deviations) + squared(own), 0.0};
}

/// δ W for all units of the layer below `layer`. With `any_order` the roundings of a sum are counted in shares of all
/// terms along all paths, as when the factors are multiplied in another order.
std::vector<UnitBound> RowBound::back_to_activation(std::size_t layer, const std::vector<UnitBound>& delta,
                                                    std::span<const double> values, bool any_order) const {
    const MatrixView<const double> W = net_.weight(layer);
    std::vector<UnitBound> below(W.columns());
    std::vector<double> terms(W.columns(), 0.0);
    std::vector<std::array<double, 4>> sums(W.columns());  // the four parts of a bound side by side, for the compiler
    for (std::size_t i = 0; i < W.rows(); ++i) {
        const double term = any_order ? delta[i].size : std::fabs(values[i]);
        if (delta[i].nothing() && term == 0.0) {
            continue;
        }
        const std::array<double, 4> parts{delta[i].size, delta[i].error.worst, delta[i].error.square,
                                          delta[i].error.jump};
        const double* weights = W.row(i).data();
        for (std::size_t j = 0; j < W.columns(); ++j) {
            const double w = std::fabs(weights[j]);
            const std::array<double, 4> by{w, w, w * w, w};
            for (std::size_t part = 0; part < 4; ++part) {
                sums[j][part] += by[part] * parts[part];
            }
            terms[j] += w * term;
        }
    }
    const std::size_t count = W.rows() + (any_order ? W.columns() : 0);
    for (std::size_t j = 0; j < W.columns(); ++j) {
        below[j] = {.size = sums[j][0], .error = {sums[j][1], sums[j][2], sums[j][3]}};
        check_size(below[j].size, arithmetic_, below[j].error);
        if (terms[j] > 0.0) {
            below[j].error = plus_sum(below[j].error, count, terms[j], arithmetic_);
        }
    }
    return below;
}

/// δ = da ∘ f′(z) for the units of a hidden layer; `bound` is that of da.
void RowBound::through_slope(const RowValues& row, std::size_t layer, std::span<const double> da,
                             std::vector<UnitBound>& bound) const {
    for (std::size_t j = 0; j < bound.size(); ++j) {
        const double slope = row.slope[layer][j];
        const double size = std::fabs(slope);
        const ErrorBound of_slope = slope_error(row, layer, j, slope);
        const double value = std::fabs(da[j]);
        const double product = value * size;
        const ErrorBound before = bound[j].error;
        ErrorBound& error = bound[j].error;
        error.worst = size * before.worst + (value + before.worst) * of_slope.worst + arithmetic_.unit * product;
        if (product > 0.0) {
            error.worst += arithmetic_.smallest;
        }
        error.square =
            squared(size) * before.square + squared(value) * of_slope.square + squared(arithmetic_.unit * product);
        error.jump = (size + of_slope.jump) * before.jump + (value + before.worst) * of_slope.jump;
        bound[j].size *= size;
    }
}

/// Bounds of row k of ∂ŷ/∂z of the last layer.
std::vector<UnitBound> RowBound::output_jacobian(const RowDerivatives& row, std::size_t k) const {
    const std::size_t K = net_.outputs();
    const std::vector<double>& p = row.a.back();
    std::vector<UnitBound> bound(K);
    if (facts(loss_.output).elementwise) {
        bound[k].size = std::fabs(row.output_jacobian(k, k));
        bound[k].error = slope_error(row, net_.layers() - 1, k, row.output_jacobian(k, k));
        return bound;
    }
    // J_kj = p_k (Σ_{i≠k} p_i for j = k, else −p_j). With m_k = Σ_m e_m |∂p_k/∂z_m|/p_k, what errors e of the logits
    // make of p_k, J_kk moves by at most p_k m_k and J_kj by p_k p_j (m_k + m_j), to first order; twice that up to m =
    // ¼.
    std::vector<double> rest(K);
    for (std::size_t i = 0; i < K; ++i) {
        rest[i] = p[i] < 0.5 ? 1.0 - p[i] : 0.0;
        for (std::size_t m = 0; m < K && p[i] >= 0.5; ++m) {
            rest[i] += m == i ? 0.0 : p[m];
        }
    }
    const auto moves = [&](std::size_t i, bool probable) {
        double sum = 0.0;
        for (std::size_t m = 0; m < K; ++m) {
            const ErrorBound& error = z_error_.back()[m];
            const double share = m == i ? rest[i] : p[m];
            sum += probable ? error.square * squared(share) : error.worst * share;
        }
        return probable ? std::sqrt(sum) : sum;
    };
    const auto moved = [&](std::size_t j, bool probable) {
        constexpr double first_order = 0.25;
        const double m_k = moves(k, probable), m_j = moves(j, probable);
        const double most = 4.0 * std::min(p[k], p[j]);
        if (!(m_k + m_j < first_order)) {
            return std::isfinite(m_k + m_j) ? most * std::min(1.0, m_k + m_j) : infinite;
        }
        return 2.0 * (j == k ? p[k] * m_k : p[k] * p[j] * (m_k + m_j));
    };
    for (std::size_t j = 0; j < K; ++j) {
        bound[j].size = p[k] * (j == k ? rest[k] : p[j]);
        const double own =
            (function_roundings + static_cast<double>(K)) * arithmetic_.unit * bound[j].size + arithmetic_.smallest;
        bound[j].error = {moved(j, false) + own, squared(moved(j, true)) + squared(own), 0.0};
    }
    return bound;
}

std::vector<UnitBound> RowBound::input_jacobian(const RowDerivatives& row, std::size_t k) const {
    std::vector<UnitBound> bound = output_jacobian(row, k);
    std::vector<double> values(row.output_jacobian.row(k).begin(), row.output_jacobian.row(k).end());
    bool too_large = false;
    for (std::size_t l = net_.layers(); l-- > 0;) {
        bound = back_to_activation(l, bound, values, true);
        values = row_times(values, net_.weight(l));
        too_large = too_large || std::ranges::any_of(
                                     bound, [&](const UnitBound& unit) { return !(unit.size <= arithmetic_.largest); });
        if (l == 0) {
            break;
        }
        through_slope(row, l - 1, values, bound);
        for (std::size_t j = 0; j < values.size(); ++j) {
            values[j] *= row.slope[l - 1][j];
        }
    }
    if (overflow_ || too_large) {
        forget(bound);
    }
    return bound;
}

}  // namespace handgrad::certify
