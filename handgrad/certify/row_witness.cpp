// One row's derivatives without a backward pass.
#include "handgrad/certify/row_witness.hpp"

#include <algorithm>
#include <limits>

#include "handgrad/math/losses.hpp"

namespace handgrad::certify {
namespace {

using math::Complex;

constexpr double h = complex_step_size;

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

RowDerivatives::RowDerivatives(const BasicMlp<double>& net)
    : RowValues(net), output_jacobian(net.outputs(), net.outputs()), input_jacobian(net.outputs(), net.inputs()) {}

RowWitness::RowWitness(const BasicMlp<double>& net, const math::OutputLoss& loss, double reduction)
    : net_(net), loss_(loss), reduction_(reduction), row_(net) {}

const RowDerivatives& RowWitness::operator()(std::span<const double> x, std::span<const double> y, double share) {
    forward(x);
    output_steps(y, share);
    std::ranges::fill(row_.input_jacobian.values(), 0.0);
    for (std::size_t l = 0; l < net_.layers(); ++l) {
        for (std::size_t i = 0; i < row_.z[l].size(); ++i) {
            carry(l, i, x);
        }
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

/// A step at one unit of `layer`, carried forward: fills its delta and, from the first layer, adds to ∂ŷ/∂x.
void RowWitness::carry(std::size_t layer, std::size_t unit, std::span<const double> x) {
    const std::size_t last = net_.layers() - 1;
    if (layer == last && last > 0) {
        return;
    }
    tangent_.assign(row_.z[layer].size(), 0.0);
    tangent_[unit] = 1.0;
    for (std::size_t l = layer; l < last; ++l) {
        const MatrixView<const double> W = net_.weight(l + 1);
        next_.assign(W.rows(), 0.0);
        const std::size_t begin = l == layer ? unit : 0;
        const std::size_t end = l == layer ? unit + 1 : tangent_.size();
        for (std::size_t i = 0; i < W.rows(); ++i) {
            for (std::size_t j = begin; j < end; ++j) {
                next_[i] += W(i, j) * (row_.slope[l][j] * tangent_[j]);
            }
        }
        tangent_.swap(next_);
    }
    if (layer < last) {
        double sum = 0.0;
        for (std::size_t k = 0; k < tangent_.size(); ++k) {
            sum += row_.delta.back()[k] * tangent_[k];
        }
        row_.delta[layer][unit] = sum;
    }
    if (layer == 0) {
        for (std::size_t k = 0; k < net_.outputs(); ++k) {
            double sum = 0.0;
            for (std::size_t m = 0; m < tangent_.size(); ++m) {
                sum += row_.output_jacobian(k, m) * tangent_[m];
            }
            for (std::size_t j = 0; j < x.size(); ++j) {
                row_.input_jacobian(k, j) += sum * net_.weight(0)(unit, j);
            }
        }
    }
}

}  // namespace handgrad::certify
