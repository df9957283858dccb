// How far rounding can move one row's derivatives.
#include "handgrad/certify/rounding_bound.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

namespace handgrad::certify {
namespace {

/// Roundings of an elementary function and of the few operations around it, in units of the result: the worst that
/// math/elementary.hpp states is 2.2 ulp.
constexpr double function_roundings = 8.0;
/// Layers with so few outputs sum in lanes and trees (docs/numerics.md), in no order that exact_sum() follows.
constexpr std::size_t narrow_outputs = 16;

double squared(double v) { return v * v; }
constexpr double infinite = std::numeric_limits<double>::infinity();

/// Whether a kink of an elementwise activation lies within the error of z.
bool near_kink(Activation activation, double z, const ErrorBound& error) {
    return facts(activation).kink && error.worst > 0.0 && std::fabs(z) <= error.worst;
}

/// Largest |f′(t) − f′(z)| for t within `error` of z, and largest |f′(t)|.
struct SlopeRange {
    double change;
    double largest;
};
SlopeRange slopes_around(Activation activation, const ActivationSettings& settings, double z, double error) {
    return visit(activation, [&]<class F>(F) -> SlopeRange {
        if constexpr (F::facts.elementwise) {
            const double here = F::derivative(z, settings);
            SlopeRange range{0.0, std::fabs(here)};
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
            return {1.0, 1.0};
        }
    });
}

/// Error of a sum: that of its terms and `own` for its roundings.
ErrorBound plus(const ErrorBound& terms, double own_worst, double own_probable) {
    return {terms.worst + own_worst, terms.square + squared(own_probable), terms.jump};
}

}  // namespace

template <>
Precision precision_of<float>() {
    return {0x1p-24, std::numeric_limits<float>::min(), std::numeric_limits<float>::max(),
            std::numeric_limits<float>::digits};
}
/// The witness computes in double itself, so that its own roundings count too.
template <>
Precision precision_of<double>() {
    return {0x1p-52, std::numeric_limits<double>::min() / complex_step_size, std::numeric_limits<double>::max(),
            std::numeric_limits<double>::digits};
}

double gamma_of(std::size_t n, double unit) {
    const double share = static_cast<double>(n) * unit;
    return share < 0.5 ? share / (1.0 - share) : 1.0;
}

RowBound::RowBound(const BasicMlp<double>& net, const math::OutputLoss& loss, double reduction, Precision precision)
    : net_(net), loss_(loss), reduction_(reduction), precision_(precision) {
    for (std::size_t l = 0; l < net.layers(); ++l) {
        const std::size_t units = net.architecture().sizes[l + 1];
        z_error_.emplace_back(units);
        a_error_.emplace_back(units);
        delta_.emplace_back(units);
    }
}

void RowBound::operator()(const RowDerivatives& row, std::span<const double> x, std::span<const double> y,
                          double share) {
    forward(row, x);
    output(row, y, share);
    std::vector<double> da;
    for (std::size_t l = net_.layers() - 1; l-- > 0;) {
        delta_[l] = back_to_activation(l + 1, delta_[l + 1], row.delta[l + 1], false);
        da.assign(row.delta[l].size(), 0.0);
        for (std::size_t i = 0; i < row.delta[l + 1].size(); ++i) {
            for (std::size_t j = 0; j < da.size(); ++j) {
                da[j] += net_.weight(l + 1)(i, j) * row.delta[l + 1][i];
            }
        }
        through_slope(row, l, da, delta_[l]);
    }
}

/// z = W a + b and a = f(z): roundings of the sum, what the errors of a bring, and what f makes of both.
void RowBound::forward(const RowDerivatives& row, std::span<const double> x) {
    const Architecture& shape = net_.architecture();
    const double u = precision_.unit;
    for (std::size_t l = 0; l < net_.layers(); ++l) {
        const std::span<const double> a = l == 0 ? x : std::span<const double>(row.a[l - 1]);
        const MatrixView<const double> W = net_.weight(l);
        const Activation f = shape.activation(l);
        for (std::size_t i = 0; i < row.z[l].size(); ++i) {
            double size = std::fabs(net_.bias(l)[i]);
            ErrorBound error;
            for (std::size_t j = 0; j < a.size(); ++j) {
                size += std::fabs(W(i, j) * a[j]);
                if (l > 0) {
                    error.worst += std::fabs(W(i, j)) * a_error_[l - 1][j].worst;
                    error.square += squared(W(i, j)) * a_error_[l - 1][j].square;
                }
            }
            if (size > 0.0) {
                error = plus(error, gamma_of(a.size() + 1, u) * size + precision_.smallest,
                             u * std::sqrt(static_cast<double>(a.size() + 1)) * size);
            }
            if (near_kink(f, row.z[l][i], error) && exact_sum(l, i, a)) {
                error = {};
            }
            if (!(size <= precision_.largest)) {
                error.worst = infinite;
            }
            z_error_[l][i] = error;
            if (!facts(f).elementwise) {
                continue;  // softmax stands last, and nothing is multiplied by its outputs
            }
            const SlopeRange range = slopes_around(f, shape.activation_settings(), row.z[l][i], error.worst);
            const double own =
                facts(f).exact ? 0.0 : function_roundings * u * std::fabs(row.a[l][i]) + precision_.smallest;
            a_error_[l][i] = plus({range.largest * error.worst, squared(range.largest) * error.square}, own, own);
        }
    }
}

/// Whether the sum of a hidden unit, in the order of its inputs from the bias on, needs no rounding at all: then z is
/// the same in every precision, and the convention decides a kink.
bool RowBound::exact_sum(std::size_t layer, std::size_t unit, std::span<const double> a) const {
    if (layer + 1 == net_.layers() && net_.outputs() < narrow_outputs) {
        return false;
    }
    const auto fits = [&](double v) {
        return precision_.digits == std::numeric_limits<double>::digits ||
               static_cast<double>(static_cast<float>(v)) == v;
    };
    double sum = net_.bias(layer)[unit];
    for (std::size_t j = 0; j < a.size(); ++j) {
        const double w = net_.weight(layer)(unit, j);
        const double product = w * a[j];
        const double next = sum + product;
        const double virtual_product = next - sum;
        const double lost = (sum - (next - virtual_product)) + (product - virtual_product);
        if ((layer > 0 && a_error_[layer - 1][j].worst > 0.0 && w != 0.0) || std::fma(w, a[j], -product) != 0.0 ||
            lost != 0.0 || !fits(next)) {
            return false;
        }
        sum = next;
    }
    return true;
}

/// Error of f′ at a unit of a hidden layer.
ErrorBound RowBound::slope_error(std::size_t layer, std::size_t unit, double z, double slope) const {
    const Activation f = net_.architecture().activation(layer);
    const ActivationSettings settings = net_.architecture().activation_settings();
    const ErrorBound& error = z_error_[layer][unit];
    if (facts(f).piecewise_linear) {
        const double jump = near_kink(f, z, error) ? slopes_around(f, settings, z, error.worst).change : 0.0;
        const double other = near_kink(f, z, error) ? std::fabs(slope - visit(f,
                                                                              [&]<class F>(F) -> double {
                                                                                  if constexpr (F::facts.elementwise) {
                                                                                      return F::derivative(z, settings);
                                                                                  } else {
                                                                                      return 0.0;
                                                                                  }
                                                                              }))
                                                    : 0.0;
        return {0.0, 0.0, jump + other};
    }
    const double own = function_roundings * precision_.unit * std::fabs(slope) + precision_.smallest;
    const double probable = probable_deviations * std::sqrt(error.square);
    return {slopes_around(f, settings, z, error.worst).change + own,
            squared(slopes_around(f, settings, z, probable).change / probable_deviations) + squared(own), 0.0};
}

/// Size of ∂l/∂z_k of the last layer: the sum of the absolute values of the terms that it is computed from.
double RowBound::output_size(std::size_t k, std::span<const double> z, std::span<const double> yhat,
                             std::span<const double> y, std::span<const double> da, double dz, double factor) const {
    const double scale = std::fabs(factor);
    if (loss_.fused() && loss_.kind == Loss::binary_cross_entropy) {
        return scale *
               (std::fabs(1.0 - y[k]) * math::Sigmoid::value(z[k]) + std::fabs(y[k]) * math::Sigmoid::value(-z[k]));
    }
    if (loss_.fused() && loss_.kind == Loss::poisson) {
        return scale * (y[k] < 0.5 ? yhat[k] + std::fabs(y[k]) : std::fabs(std::expm1(z[k])) + std::fabs(1.0 - y[k]));
    }
    if (loss_.fused()) {  // softmax and cross_entropy
        double sum = 0.0;
        for (const double v : y) {
            sum += v;
        }
        return std::max(std::fabs(dz), scale * (yhat[k] * std::fabs(sum - y[k]) + std::fabs(y[k]) * (1.0 - yhat[k])));
    }
    if (loss_.output == Activation::softmax) {
        double largest = 0.0;
        for (const double v : da) {
            largest = std::max(largest, std::isfinite(v) ? std::fabs(v) : 0.0);
        }
        return 2.0 * largest * yhat[k];
    }
    return std::max(
        std::fabs(dz),
        std::isfinite(da[k]) ? std::fabs(da[k]) * slopes_around(loss_.output, loss_.settings, z[k], 0.0).largest : 0.0);
}

/// ∂l/∂z of the last layer: its own roundings, and how it moves when each logit moves within its error and each ŷ
/// within the rounding of g.
void RowBound::output(const RowDerivatives& row, std::span<const double> y, double share) {
    const std::size_t K = y.size();
    const double factor = share * reduction_;
    const double roundings = function_roundings + static_cast<double>(loss_.output == Activation::softmax ? K : 0);
    std::vector<double> z = row.z.back();
    std::vector<double> yhat(K), here(K), there(K), da(K);
    const auto outputs = [&] { math::row_outputs<double>(loss_.output, loss_.settings, z, yhat); };
    const auto derivatives = [&](std::vector<double>& dz) {
        math::row_loss<double>(loss_, z, yhat, y, factor, math::Derivatives::logits_yhat, dz, da);
    };
    outputs();
    derivatives(here);
    std::vector<UnitBound>& bound = delta_.back();
    for (std::size_t k = 0; k < K; ++k) {
        const double size = output_size(k, z, yhat, y, da, here[k], factor);
        const double own = size > 0.0 ? roundings * precision_.unit * size + precision_.smallest : 0.0;
        bound[k] = {.size = size, .error = {own, squared(own), 0.0}};
        if (!(size <= precision_.largest)) {
            bound[k].error.worst = infinite;
        }
    }
    // Adds what changes between `here` and both ends of an interval that move(±1) goes to and restore() comes back
    // from.
    const auto add_change = [&](std::size_t j, bool worst, bool probable, bool kink, const auto& move,
                                const auto& restore) {
        std::vector<double> change(K, 0.0);
        for (const double side : {-1.0, 1.0}) {
            move(side);
            derivatives(there);
            kink = kink || (facts(loss_.kind).kink && (yhat[j] - y[j]) * (row.a.back()[j] - y[j]) <= 0.0);
            for (std::size_t k = 0; k < K; ++k) {
                const double moved = std::fabs(there[k] - here[k]);
                change[k] = std::isfinite(moved) ? std::max(change[k], moved) : infinite;
            }
            restore();
        }
        for (std::size_t k = 0; k < K; ++k) {
            ErrorBound& total = bound[k].error;
            if (kink) {
                total.jump += worst ? change[k] + std::fabs(here[k] - row.delta.back()[k]) : 0.0;
                continue;
            }
            total.worst += worst ? change[k] : 0.0;
            total.square += probable ? squared(change[k] / probable_deviations) : 0.0;
        }
    };
    for (std::size_t j = 0; j < K; ++j) {
        const ErrorBound& error = z_error_.back()[j];
        const bool kink = near_kink(loss_.output, z[j], error);
        for (const bool worst : {true, false}) {
            const double reach = worst ? error.worst : probable_deviations * std::sqrt(error.square);
            if (!std::isfinite(reach)) {
                for (UnitBound& any : bound) {
                    any.error.worst = infinite;
                }
            } else if (reach > 0.0) {
                const double logit = z[j];
                add_change(
                    j, worst, !worst, kink, [&](double side) { z[j] = logit + side * reach, outputs(); },
                    [&] { z[j] = logit, outputs(); });
            }
        }
        const bool rounded = !facts(loss_.output).exact;
        if (!loss_.fused() && rounded) {
            const double output = yhat[j];
            const double reach = roundings * precision_.unit * std::fabs(output) + precision_.smallest;
            // Where rounding can put ŷ on the end of the domain, y/ŷ or (1 − y)/(1 − ŷ) has no bound.
            const LossFacts& domain = facts(loss_.kind);
            if ((y[j] != 0.0 && output - reach <= domain.lowest_output) ||
                (y[j] != 1.0 && output + reach >= domain.highest_output)) {
                bound[j].error.worst = infinite;
                continue;
            }
            add_change(
                j, true, true, false, [&](double side) { yhat[j] = output + side * reach; }, [&] { yhat[j] = output; });
        }
    }
}

/// δ W for all units of the layer below `layer`. With `any_order` the roundings of a sum are counted in shares of all
/// terms along all paths, as when the factors are multiplied in another order.
std::vector<UnitBound> RowBound::back_to_activation(std::size_t layer, const std::vector<UnitBound>& delta,
                                                    std::span<const double> values, bool any_order) const {
    const MatrixView<const double> W = net_.weight(layer);
    std::vector<UnitBound> below(W.columns());
    std::vector<double> terms(W.columns(), 0.0);
    for (std::size_t i = 0; i < W.rows(); ++i) {
        for (std::size_t j = 0; j < W.columns(); ++j) {
            const double w = std::fabs(W(i, j));
            below[j].size += w * delta[i].size;
            below[j].error.worst += w * delta[i].error.worst;
            below[j].error.square += w * w * delta[i].error.square;
            below[j].error.jump += w * delta[i].error.jump;
            terms[j] += w * (any_order ? delta[i].size : std::fabs(values[i]));
        }
    }
    const std::size_t roundings = any_order ? W.rows() + W.columns() : W.rows();
    for (std::size_t j = 0; j < W.columns(); ++j) {
        if (!(below[j].size <= precision_.largest)) {
            below[j].error.worst = infinite;
        }
        if (terms[j] > 0.0) {
            below[j].error = plus(below[j].error, gamma_of(roundings, precision_.unit) * terms[j] + precision_.smallest,
                                  precision_.unit * std::sqrt(static_cast<double>(roundings)) * terms[j]);
        }
    }
    return below;
}

/// δ = da ∘ f′(z) for the units of a hidden layer; `bound` is that of da.
void RowBound::through_slope(const RowDerivatives& row, std::size_t layer, std::span<const double> da,
                             std::vector<UnitBound>& bound) const {
    for (std::size_t j = 0; j < bound.size(); ++j) {
        const double slope = row.slope[layer][j];
        const double size = std::fabs(slope);
        const ErrorBound of_slope = slope_error(layer, j, row.z[layer][j], slope);
        ErrorBound& error = bound[j].error;
        const double value = std::fabs(da[j]);
        const double product = value * size;
        const ErrorBound before = error;
        error.worst = size * before.worst + (value + before.worst) * of_slope.worst + precision_.unit * product +
                      (product > 0.0 ? precision_.smallest : 0.0);
        error.square =
            squared(size) * before.square + squared(value) * of_slope.square + squared(precision_.unit * product);
        error.jump = (size + of_slope.jump) * before.jump + (value + before.worst) * of_slope.jump;
        bound[j].size *= size;
    }
}

std::vector<UnitBound> RowBound::input_jacobian(const RowDerivatives& row, std::size_t k) const {
    const std::size_t K = net_.outputs();
    const bool elementwise = facts(loss_.output).elementwise;
    std::vector<UnitBound> bound(K);
    std::vector<double> values(K);
    for (std::size_t j = 0; j < K; ++j) {
        values[j] = row.output_jacobian(k, j);
        if (elementwise && j != k) {
            continue;
        }
        bound[j].size = std::fabs(values[j]);
        if (elementwise) {
            bound[j].error = slope_error(net_.layers() - 1, k, row.z.back()[k], values[j]);
            continue;
        }
        // p_k (1 for j = k, else 0 − p_j): an error e of a logit moves p by at most 2 e p.
        double moves = 0.0;
        double square = 0.0;
        for (std::size_t m = 0; m < K; ++m) {
            moves += z_error_.back()[m].worst * (m == k ? 1.0 : row.a.back()[m]);
            square += z_error_.back()[m].square * squared(m == k ? 1.0 : row.a.back()[m]);
        }
        const double p = row.a.back()[k];
        bound[j].size = p * (j == k ? 1.0 : row.a.back()[j]);
        const double own =
            (function_roundings + static_cast<double>(K)) * precision_.unit * bound[j].size + precision_.smallest;
        const double reach = 4.0 * std::min(p, row.a.back()[j]);
        bound[j].error = {(std::isfinite(moves) ? reach * std::min(1.0, moves) : moves) + own,
                          squared(reach) * square + squared(own), 0.0};
    }
    std::vector<double> da;
    for (std::size_t l = net_.layers(); l-- > 0;) {
        const MatrixView<const double> W = net_.weight(l);
        std::vector<UnitBound> below = back_to_activation(l, bound, values, true);
        da.assign(W.columns(), 0.0);
        for (std::size_t i = 0; i < W.rows(); ++i) {
            for (std::size_t j = 0; j < W.columns(); ++j) {
                da[j] += W(i, j) * values[i];
            }
        }
        if (l > 0) {
            through_slope(row, l - 1, da, below);
            for (std::size_t j = 0; j < da.size(); ++j) {
                da[j] *= row.slope[l - 1][j];
            }
        }
        bound = std::move(below);
        values = da;
    }
    return bound;
}

}  // namespace handgrad::certify
