// One row's derivatives without a backward pass.
#include "handgrad/certify/row_witness.hpp"

#include <algorithm>
#include <array>
#include <limits>

#include "handgrad/math/losses.hpp"

namespace handgrad::certify {
namespace {

using math::Complex;

constexpr double h = complex_step_size;
/// Steps are carried forward so many at a time: what is summed for them fits in registers.
constexpr std::size_t steps_together = 16;

/// Im f(at + ih)/h of a function of one number; `step` is +1, or −1 to look to the left.
template <class F>
double complex_step(const F& f, double at, double step = 1.0) {
    return f(Complex(at, step * h)).imag() / (step * h);
}

/// One-sided slopes of a function that is smooth on both sides of 0 and continuous there.
template <class F>
double slope_at_zero(const F& f, Kink kink) {
    constexpr double beside = std::numeric_limits<double>::denorm_min();
    return slope_at_kink(complex_step(f, -beside), complex_step(f, beside), kink);
}

/// ∂a/∂z at z for an elementwise activation.
double activation_slope(Activation activation, const ActivationSettings& settings, double z) {
    return visit(activation, [&]<class F>(F) -> double {
        if constexpr (F::facts.elementwise) {
            const auto f = [&](Complex at) { return F::value(at, settings); };
            return F::facts.kink && z == 0.0 ? slope_at_zero(f, settings.kink) : complex_step(f, z);
        } else {
            return 0.0;  // softmax stands last only
        }
    });
}

/// ŷ of complex logits. Where the activation has a kink and a logit stands on it exactly, by the convention's slope.
void outputs_of(const math::OutputLoss& loss, std::span<const Complex> z, std::span<Complex> yhat) {
    math::row_outputs<Complex>(loss.output, loss.settings, z, yhat);
    if (facts(loss.output).kink) {
        for (std::size_t k = 0; k < z.size(); ++k) {
            if (z[k].real() == 0.0) {
                yhat[k].imag(activation_slope(loss.output, loss.settings, 0.0) * z[k].imag());
            }
        }
    }
}

/// The row's loss, unreduced, of complex logits; y as complex numbers. yhat, d and scratch are filled. `residual` is
/// ŷ − y of the row itself: beside a smaller one h² would not vanish, and it decides on which side of a kink it stands.
Complex loss_of(const math::OutputLoss& loss, std::span<const Complex> z, std::span<const Complex> y,
                std::span<const double> residual, std::span<Complex> yhat, std::span<Complex> d,
                std::span<Complex> scratch) {
    outputs_of(loss, z, yhat);
    if (!facts(loss.kind).kink) {
        return math::row_loss<Complex>(loss, z, yhat, y, Complex(1), math::Derivatives::none, d, scratch);
    }
    math::row_residual<Complex>(loss.output, z, yhat, y, d);
    for (std::size_t k = 0; k < d.size(); ++k) {
        d[k].real(residual[k]);
    }
    Complex sum(0);
    visit(loss.kind, [&]<class L>(L) {
        if constexpr (L::facts.residual) {
            const auto value = [&](Complex at) { return L::value(at, loss.parameters); };
            for (const Complex& d_k : d) {
                sum += d_k.real() == 0.0
                           ? Complex(value(d_k).real(), d_k.imag() * slope_at_zero(value, loss.parameters.kink))
                           : value(d_k);
            }
        }
    });
    return sum;
}

}  // namespace

double slope_at_kink(double left, double right, Kink kink) {
    return kink == Kink::right_limit ? right : std::clamp(0.0, std::min(left, right), std::max(left, right));
}

RowValues::RowValues(const BasicMlp<double>& net) {
    for (std::size_t l = 0; l < net.layers(); ++l) {
        const std::vector<double> units(net.bias(l).size());
        z.push_back(units);
        a.push_back(units);
        delta.push_back(units);
        if (l + 1 < net.layers()) {
            slope.push_back(units);
        }
    }
}

RowDerivatives::RowDerivatives(const BasicMlp<double>& net, bool with_input)
    : RowValues(net),
      output_jacobian(net.outputs(), net.outputs()),
      input_jacobian(with_input ? net.outputs() : 0, with_input ? net.inputs() : 0) {}

RowWitness::RowWitness(const BasicMlp<double>& net, const math::OutputLoss& loss, double reduction, bool with_input)
    : net_(net), loss_(loss), reduction_(reduction), row_(net, with_input), with_input_(with_input) {}

const RowDerivatives& RowWitness::operator()(std::span<const double> x, std::span<const double> y, double share) {
    forward(x);
    output_steps(y, share);
    std::ranges::fill(row_.input_jacobian.values(), 0.0);
    for (std::size_t l = 0; l < net_.layers(); ++l) {
        carry(l);
    }
    return row_;
}

void RowWitness::forward(std::span<const double> x) {
    const Architecture& shape = net_.architecture();
    std::span<const double> a = x;
    for (std::size_t l = 0; l < net_.layers(); ++l) {
        const MatrixView<const double> W = net_.weight(l);
        for (std::size_t i = 0; i < row_.z[l].size(); ++i) {
            double sum = net_.bias(l)[i];
            for (std::size_t j = 0; j < a.size(); ++j) {
                sum += W(i, j) * a[j];
            }
            row_.z[l][i] = sum;
        }
        math::row_outputs<double>(shape.activation(l), shape.activation_settings(), row_.z[l], row_.a[l]);
        if (l + 1 < net_.layers()) {
            std::ranges::transform(row_.z[l], row_.slope[l].begin(), [&](double z) {
                return activation_slope(shape.activation(l), shape.activation_settings(), z);
            });
        }
        a = row_.a[l];
    }
}

/// ∂l/∂z and ∂ŷ/∂z of the last layer, a step at one logit after the other.
void RowWitness::output_steps(std::span<const double> y, double share) {
    const std::size_t K = y.size();
    const std::vector<double>& logits = row_.z.back();
    std::vector<Complex> z(logits.begin(), logits.end());
    const std::vector<Complex> target(y.begin(), y.end());
    std::vector<Complex> yhat(K), d(K), scratch(K);
    std::vector<double> residual(K);
    math::row_residual<double>(loss_.output, logits, row_.a.back(), y, residual);
    for (std::size_t k = 0; k < K; ++k) {
        z[k].imag(h);
        row_.delta.back()[k] = share * reduction_ * (loss_of(loss_, z, target, residual, yhat, d, scratch).imag() / h);
        for (std::size_t j = 0; j < K; ++j) {
            row_.output_jacobian(j, k) = yhat[j].imag() / h;
        }
        z[k].imag(0.0);
    }
}

/// Steps at the units of `layer`, carried forward: fills its delta and, from the first layer, adds to ∂ŷ/∂x.
void RowWitness::carry(std::size_t layer) {
    const std::size_t last = net_.layers() - 1;
    if (layer == last && last > 0) {
        return;
    }
    if (layer < last) {
        std::ranges::fill(row_.delta[layer], 0.0);
    }
    moving_.clear();
    for (std::size_t unit = 0; unit < row_.z[layer].size(); ++unit) {
        if (layer == last || row_.slope[layer][unit] != 0.0) {
            moving_.push_back(unit);
        }
    }
    for (std::size_t first = 0; first < moving_.size(); first += steps_together) {
        const std::size_t count = std::min(steps_together, moving_.size() - first);
        carry_steps(layer, std::span(moving_).subspan(first, count));
    }
}

/// Up to steps_together steps of 1 at z of these units, through the layers above one after the other.
void RowWitness::carry_steps(std::size_t layer, std::span<const std::size_t> units) {
    const std::size_t last = net_.layers() - 1;
    if (layer == last) {
        tangent_.assign(row_.z[layer].size() * steps_together, 0.0);
        for (std::size_t step = 0; step < units.size(); ++step) {
            tangent_[units[step] * steps_together + step] = 1.0;
        }
    } else {
        const MatrixView<const double> W = net_.weight(layer + 1);
        tangent_.assign(W.rows() * steps_together, 0.0);
        for (std::size_t i = 0; i < W.rows(); ++i) {
            for (std::size_t step = 0; step < units.size(); ++step) {
                tangent_[i * steps_together + step] = W(i, units[step]) * row_.slope[layer][units[step]];
            }
        }
        for (std::size_t l = layer + 1; l < last; ++l) {
            through_layer(l);
        }
    }
    reach_outputs(layer, units);
}

/// All steps from z of a hidden layer to z of the next one. What a slope of 0 stops is not computed at all.
void RowWitness::through_layer(std::size_t layer) {
    const MatrixView<const double> W = net_.weight(layer + 1);
    const std::vector<double>& slope = row_.slope[layer];
    passing_.clear();
    for (std::size_t j = 0; j < slope.size(); ++j) {
        if (slope[j] != 0.0) {
            passing_.push_back(j);
            for (std::size_t step = 0; step < steps_together; ++step) {
                tangent_[j * steps_together + step] *= slope[j];
            }
        }
    }
    next_.resize(W.rows() * steps_together);
    const bool to_last = layer + 2 == net_.layers();
    for (std::size_t i = 0; i < W.rows(); ++i) {
        if (!to_last && row_.slope[layer + 1][i] == 0.0) {
            continue;
        }
        std::array<double, steps_together> sum{};
        const auto moved = [&](std::size_t at) { return &tangent_[passing_[at] * steps_together]; };
        std::size_t at = 0;
        for (; at + 4 <= passing_.size(); at += 4) {  // one after the other, but with the sum in a register
            const std::array<double, 4> w{W(i, passing_[at]), W(i, passing_[at + 1]), W(i, passing_[at + 2]),
                                          W(i, passing_[at + 3])};
            const double *first = moved(at), *second = moved(at + 1), *third = moved(at + 2), *fourth = moved(at + 3);
            for (std::size_t step = 0; step < steps_together; ++step) {
                double next = sum[step] + w[0] * first[step];
                next += w[1] * second[step];
                next += w[2] * third[step];
                sum[step] = next + w[3] * fourth[step];
            }
        }
        for (; at < passing_.size(); ++at) {
            const double w = W(i, passing_[at]);
            const double* last = moved(at);
            for (std::size_t step = 0; step < steps_together; ++step) {
                sum[step] += w * last[step];
            }
        }
        std::ranges::copy(sum, &next_[i * steps_together]);
    }
    tangent_.swap(next_);
}

/// From the last z to the loss and to ŷ.
void RowWitness::reach_outputs(std::size_t layer, std::span<const std::size_t> units) {
    for (std::size_t step = 0; step < units.size(); ++step) {
        if (layer + 1 < net_.layers()) {
            double sum = 0.0;
            for (std::size_t k = 0; k < net_.outputs(); ++k) {
                sum += row_.delta.back()[k] * tangent_[k * steps_together + step];
            }
            row_.delta[layer][units[step]] = sum;
        }
        if (layer == 0 && with_input_) {
            reach_input(units[step], step);
        }
    }
}

/// What a step at a unit of the first layer does to ŷ, times its weights: from x to ŷ by way of this unit.
void RowWitness::reach_input(std::size_t unit, std::size_t step) {
    const std::span<const double> w = net_.weight(0).row(unit);
    for (std::size_t k = 0; k < net_.outputs(); ++k) {
        double sum = 0.0;
        for (std::size_t m = 0; m < net_.outputs(); ++m) {
            sum += row_.output_jacobian(k, m) * tangent_[m * steps_together + step];
        }
        const std::span<double> slopes = row_.input_jacobian.row(k);
        for (std::size_t j = 0; j < w.size(); ++j) {
            slopes[j] += sum * w[j];
        }
    }
}

}  // namespace handgrad::certify
