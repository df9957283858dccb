// One row at a time: forward with errors, ∂l/∂z of the outputs as the hypothesis has it, and back.
#include "handgrad/compare/hypothetical_gradient.hpp"

#include <algorithm>
#include <cmath>
#include <span>

namespace handgrad::compare {
namespace {

/// Roundings of an activation, a loss or a slope that somebody computes by its formula.
constexpr double function_roundings = 8.0;

struct Bounded {
    double value = 0.0;
    double error = 0.0;
};

using Vector = std::vector<double>;

class RowPass {
public:
    RowPass(const BasicMlp<double>& net, const LossFunction& function, const Hypothesis& hypothesis, double unit)
        : net_(net), hypothesis_(hypothesis), unit_(unit), tape_(net, 1), da_(net.outputs()), dz_(net.outputs()) {
        settings_ = net.architecture().activation_settings();
        loss_ = output_loss(function, net.architecture().output, settings_);
        reduction_ = reduction_factor(function.kind, net.outputs(), net.architecture().conventions);
        if (hypothesis.other_kink) {
            settings_.kink = settings_.kink == Kink::right_limit ? Kink::nearest_zero : Kink::right_limit;
            loss_.settings.kink = settings_.kink;
        }
        for (std::size_t l = 0; l < net.layers(); ++l) {
            z_error_.emplace_back(net.bias(l).size());
            a_error_.emplace_back(net.bias(l).size());
            delta_.emplace_back(net.bias(l).size());
        }
    }

    /// `share` of the row in the mean. False when a number is not finite.
    bool run(MatrixView<const double> x, std::span<const double> y, double share) {
        forward(net_, x, tape_);
        for (std::size_t l = 0; l < net_.layers(); ++l) {
            forward_errors(l, x.row(0));
        }
        output_delta(y, share * reduction_);
        for (std::size_t l = net_.layers() - 1; l-- > 0;) {
            back(l);
        }
        return std::ranges::all_of(delta_, [](const std::vector<Bounded>& layer) {
            return std::ranges::all_of(
                layer, [](const Bounded& d) { return std::isfinite(d.value) && std::isfinite(d.error); });
        });
    }
    [[nodiscard]] const std::vector<Bounded>& delta(std::size_t l) const { return delta_[l]; }
    /// Input j of layer l.
    [[nodiscard]] Bounded input(std::size_t l, std::size_t j, std::span<const double> x) const {
        return l == 0 ? Bounded{x[j], unit_ * std::fabs(x[j])} : Bounded{a(l - 1)[j], a_error_[l - 1][j]};
    }
    [[nodiscard]] double sum_roundings(std::size_t terms) const {
        const auto n = static_cast<double>(terms);
        return unit_ * std::min(n, 8.0 * std::sqrt(n));
    }

private:
    [[nodiscard]] std::span<const double> z(std::size_t l) const { return tape_.layer(l).z.row(0); }
    [[nodiscard]] std::span<const double> a(std::size_t l) const { return tape_.layer(l).a.row(0); }

    void forward_errors(std::size_t l, std::span<const double> x) {
        const MatrixView<const double> W = net_.weight(l);
        const double roundings = sum_roundings(W.columns() + 2);
        for (std::size_t i = 0; i < W.rows(); ++i) {
            double terms = std::fabs(net_.bias(l)[i]);
            double carried = 0.0;
            for (std::size_t j = 0; j < W.columns(); ++j) {
                const Bounded from = input(l, j, x);
                terms += std::fabs(W(i, j) * from.value);
                carried += std::fabs(W(i, j)) * from.error;
            }
            z_error_[l][i] = roundings * terms + carried;
        }
        const Activation f = net_.architecture().activation(l);
        if (!facts(f).elementwise) {  // softmax: p_k moves by p_k (e_k + Σ p_j e_j)
            double mean = 0.0;
            for (std::size_t j = 0; j < W.rows(); ++j) {
                mean += a(l)[j] * z_error_[l][j];
            }
            const double own = unit_ * (function_roundings + static_cast<double>(W.rows()));
            for (std::size_t k = 0; k < W.rows(); ++k) {
                a_error_[l][k] = a(l)[k] * (z_error_[l][k] + mean + own);
            }
            return;
        }
        visit(f, [&]<class F>(F) {
            if constexpr (F::facts.elementwise) {
                for (std::size_t i = 0; i < W.rows(); ++i) {
                    const auto value = [&](double at) { return F::value(at, settings_); };
                    a_error_[l][i] = change(value, z(l)[i], z_error_[l][i]) +
                                     (F::facts.exact ? 0.0 : function_roundings) * unit_ * std::fabs(a(l)[i]);
                }
            }
        });
    }

    /// The larger change of f between `at` and `at` ± `reach`.
    template <class F>
    static double change(const F& f, double at, double reach) {
        const double here = f(at);
        return std::max(std::fabs(f(at + reach) - here), std::fabs(f(at - reach) - here));
    }

    /// What stands for the slope of an elementwise activation at unit i of layer l.
    [[nodiscard]] Bounded slope(std::size_t l, std::size_t i, Slope which) const {
        if (which == Slope::missing) {
            return {1.0, 0.0};
        }
        const bool moved = which == Slope::at_activation;
        const double at = moved ? a(l)[i] : z(l)[i];
        const double reach = moved ? a_error_[l][i] : z_error_[l][i];
        return visit(net_.architecture().activation(l), [&]<class F>(F) -> Bounded {
            if constexpr (F::facts.elementwise) {
                const auto derivative = [&](double v) { return F::derivative(v, settings_); };
                const double value = derivative(at);
                if (F::facts.kink) {
                    return {value, at == 0.0 ? 0.0 : change(derivative, at, reach)};
                }
                return {value, change(derivative, at, reach) + function_roundings * unit_ * std::fabs(value)};
            } else {
                return {NAN, NAN};
            }
        });
    }

    /// factor · ∂l/∂ŷ of output k, as written in Eq. (11), (19), at some ŷ.
    [[nodiscard]] double loss_slope(double yhat, double y, double factor) const {
        return visit(loss_.kind, [&]<class L>(L) {
            if constexpr (L::facts.residual) {
                return factor * L::derivative(yhat - y, loss_.parameters);
            } else {
                return factor * L::derivative(yhat, y, loss_.parameters);
            }
        });
    }

    void output_delta(std::span<const double> y, double factor) {
        const std::size_t last = net_.layers() - 1;
        const std::span<const double> yhat = a(last);
        math::row_loss<double>(loss_, z(last), yhat, y, factor, math::Derivatives::logits_yhat, dz_, da_);
        std::vector<Bounded> by_yhat(y.size());
        for (std::size_t k = 0; k < y.size(); ++k) {
            const double reach = a_error_[last][k] + 2.0 * unit_ * (std::fabs(yhat[k]) + std::fabs(y[k]));
            const auto slope_at = [&](double at) { return loss_slope(at, y[k], factor); };
            by_yhat[k] = {da_[k], change(slope_at, yhat[k], reach) + function_roundings * unit_ * std::fabs(da_[k])};
        }
        std::vector<Bounded>& delta = delta_[last];
        if (hypothesis_.output == Slope::missing) {
            delta = by_yhat;
        } else if (hypothesis_.output == Slope::right && loss_.fused()) {
            double sum = 0.0;
            for (const double v : y) {
                sum += std::fabs(v);
            }
            const double share = loss_.output == Activation::softmax ? std::max(1.0, sum) : 1.0;
            for (std::size_t k = 0; k < y.size(); ++k) {  // ŷ − y
                delta[k] = {dz_[k], std::fabs(factor) * share *
                                        (a_error_[last][k] +
                                         function_roundings * unit_ * (std::fabs(yhat[k]) + std::fabs(y[k])))};
            }
        } else if (facts(loss_.output).elementwise) {
            for (std::size_t k = 0; k < y.size(); ++k) {
                delta[k] = times(by_yhat[k], slope(last, k, hypothesis_.output));
                delta[k].value = hypothesis_.output == Slope::right ? dz_[k] : delta[k].value;
            }
        } else if (hypothesis_.output == Slope::right) {
            through_softmax(by_yhat, yhat, delta);
        } else {
            std::ranges::fill(delta, Bounded{NAN, NAN});
        }
    }

    /// p_k (v_k − Σ p_j v_j) with the error of each factor.
    void through_softmax(const std::vector<Bounded>& v, std::span<const double> p, std::vector<Bounded>& delta) const {
        const Vector& p_error = a_error_.back();
        double size = 0.0, error = 0.0;
        for (std::size_t j = 0; j < p.size(); ++j) {
            size += p[j] * std::fabs(v[j].value);
            error += p[j] * v[j].error + p_error[j] * std::fabs(v[j].value);
        }
        const double own = unit_ * (function_roundings + static_cast<double>(p.size()));
        for (std::size_t k = 0; k < p.size(); ++k) {
            const double both = std::fabs(v[k].value) + size;
            delta[k] = {dz_[k], p[k] * (v[k].error + error + own * both) + p_error[k] * both};
        }
    }

    [[nodiscard]] Bounded times(const Bounded& one, const Bounded& other) const {
        const double value = one.value * other.value;
        return {value, one.error * std::fabs(other.value) + std::fabs(one.value) * other.error +
                           one.error * other.error + unit_ * std::fabs(value)};
    }

    /// δ of hidden layer l from that of the layer above: Table 2, W (∂a/∂z).
    void back(std::size_t l) {
        const MatrixView<const double> W = net_.weight(l + 1);
        const double roundings = sum_roundings(W.rows() + 1);
        const Slope which = hypothesis_.hidden.empty() ? Slope::right : hypothesis_.hidden[l];
        for (std::size_t j = 0; j < W.columns(); ++j) {
            double sum = 0.0, terms = 0.0, carried = 0.0;
            for (std::size_t i = 0; i < W.rows(); ++i) {
                const Bounded& above = delta_[l + 1][i];
                sum += W(i, j) * above.value;
                terms += std::fabs(W(i, j) * above.value);
                carried += std::fabs(W(i, j)) * above.error;
            }
            delta_[l][j] = times({sum, carried + roundings * terms}, slope(l, j, which));
        }
    }

    const BasicMlp<double>& net_;
    const Hypothesis& hypothesis_;
    double unit_;
    BasicTape<double> tape_;
    ActivationSettings settings_;
    math::OutputLoss loss_;
    double reduction_ = 1.0;
    Vector da_, dz_;
    std::vector<Vector> z_error_, a_error_;
    std::vector<std::vector<Bounded>> delta_;
};

/// A sum over rows, entry by entry.
class RowSum {
public:
    explicit RowSum(std::size_t entries) : numbers_{Vector(entries), Vector(entries)}, terms_(entries) {}
    void add(std::size_t i, const Bounded& term, double times = 1.0) {
        numbers_.value[i] += times * term.value;
        numbers_.error[i] += times * term.error;
        terms_[i] += times * std::fabs(term.value);
    }
    /// `roundings`: of the sum, in shares of its terms.
    BoundedNumbers finish(double roundings) {
        for (std::size_t i = 0; i < terms_.size(); ++i) {
            numbers_.error[i] += roundings * terms_[i];
        }
        return std::move(numbers_);
    }

private:
    BoundedNumbers numbers_;
    Vector terms_;
};

struct LayerSums {
    RowSum weight, weight_again, bias, bias_again, first, last, units;
};

}  // namespace

HypotheticalGradient hypothetical_gradient(const BasicMlp<double>& net, const LossFunction& function,
                                           const BasicDataset<double>& data, const Hypothesis& hypothesis,
                                           double unit) {
    const std::size_t rows = data.rows();
    const double total = data.total_weight();
    std::vector<LayerSums> sums;
    for (std::size_t l = 0; l < net.layers(); ++l) {
        const std::size_t out = net.bias(l).size(), count = out * net.weight(l).columns();
        sums.push_back(
            {RowSum(count), RowSum(count), RowSum(out), RowSum(out), RowSum(out), RowSum(out), RowSum(rows)});
    }
    HypotheticalGradient result;
    RowPass pass(net, function, hypothesis, unit);
    for (std::size_t row = 0; row < rows && result.finite; ++row) {
        const std::span<const double> x = data.x.row(row);
        const double share = data.weight(row) / total;
        const auto times = static_cast<double>(rows - row);
        result.finite = pass.run(data.x.view().rows_from(row, 1), data.y.row(row), share);
        for (std::size_t l = 0; l < net.layers(); ++l) {
            const std::vector<Bounded>& delta = pass.delta(l);
            const std::size_t in = net.weight(l).columns();
            for (std::size_t i = 0; i < delta.size(); ++i) {
                sums[l].bias.add(i, delta[i]);
                sums[l].bias_again.add(i, delta[i], times);
                sums[l].units.add(row, delta[i]);
                if (row == 0) {
                    sums[l].first.add(i, delta[i]);
                }
                if (row + 1 == rows) {
                    sums[l].last.add(i, delta[i]);
                }
                for (std::size_t j = 0; j < in; ++j) {  // δ aᵀ
                    const Bounded a = pass.input(l, j, x);
                    const double d = std::fabs(delta[i].value);
                    const Bounded term{delta[i].value * a.value,
                                       delta[i].error * (std::fabs(a.value) + a.error) + d * a.error};
                    sums[l].weight.add(i * in + j, term);
                    sums[l].weight_again.add(i * in + j, term, times);
                }
            }
        }
    }
    const double over_rows = pass.sum_roundings(rows + 2);
    for (LayerSums& layer : sums) {
        result.tensors.push_back(
            {.all = layer.weight.finish(over_rows), .again = layer.weight_again.finish(over_rows)});
        result.tensors.push_back({.all = layer.bias.finish(over_rows),
                                  .again = layer.bias_again.finish(over_rows),
                                  .first = layer.first.finish(over_rows),
                                  .last = layer.last.finish(over_rows),
                                  .units = layer.units.finish(over_rows)});
    }
    return result;
}

}  // namespace handgrad::compare
