// The complex step of the Jacobian, and the bound: errors of Q_l, of β_l ∘ f_l″, and of the sum over layers.
#include "handgrad/certify/second_derivatives.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "handgrad/base/deal_out.hpp"
#include "handgrad/base/limits.hpp"
#include "handgrad/certify/claims.hpp"
#include "handgrad/nn/plain_loops.hpp"
#include "handgrad/nn/predictor.hpp"

namespace handgrad::certify {
namespace {

using math::Complex;

/// Second derivatives of no more numbers than these are looked at in one run, but of one row always.
constexpr std::size_t most_numbers = std::size_t{1} << 18;
/// As in rounding_bound.cpp: roundings of an elementary function and of what is around it.
constexpr double function_roundings = 8.0;

double squared(double v) { return v * v; }

/// A number by the size of its terms and its error; `deviation` is like a standard deviation.
struct Sized {
    double size = 0.0;
    double worst = 0.0;
    double deviation = 0.0;
    double jump = 0.0;

    [[nodiscard]] double most() const { return size + worst; }
    [[nodiscard]] double with_jump() const { return most() + jump; }
};
Sized sized(const UnitBound& bound) {
    return {bound.size, bound.error.worst, std::sqrt(bound.error.square), bound.error.jump};
}
/// Both factors err in what they are made of, possibly of the same z: their deviations are added, not their squares.
Sized product(const Sized& a, const Sized& b, double unit) {
    const double size = a.size * b.size;
    return {.size = size,
            .worst = a.worst * b.most() + a.size * b.worst + unit * size,
            .deviation = a.deviation * b.size + a.size * b.deviation + unit * size,
            .jump = a.jump * b.with_jump() + a.most() * b.jump};
}

/// A sum of independent terms.
struct SizedSum {
    double size = 0.0;
    double worst = 0.0;
    double square = 0.0;
    double jump = 0.0;

    void add(double factor, const Sized& term) {
        size += factor * term.size;
        worst += factor * term.worst;
        square += squared(factor * term.deviation);
        jump += factor * term.jump;
    }
    [[nodiscard]] Sized rounded(std::size_t count, const Arithmetic& arithmetic) const {
        if (size == 0.0 && worst == 0.0) {
            return {.jump = jump};
        }
        const double own = arithmetic.unit * std::sqrt(static_cast<double>(count)) * size + arithmetic.smallest;
        return {.size = size,
                .worst = worst + arithmetic.of_sum(count) * size + arithmetic.smallest,
                .deviation = std::sqrt(square + squared(own)),
                .jump = jump};
    }
};

/// f″(z), and how far it moves with z and its own roundings: relative to its terms, for which |z f‴| stands.
Sized bend_of(Activation activation, const ActivationSettings& settings, double z, const ErrorBound& error,
              const Arithmetic& arithmetic) {
    return visit(activation, [&]<class F>(F) -> Sized {
        if constexpr (!F::facts.elementwise || F::facts.piecewise_linear) {
            return {};
        } else {
            const auto change = [&](double reach) {
                const double here = F::second_derivative(z, settings);
                double most = 0.0;
                for (const double t : {z - reach, z - 0.5 * reach, z + 0.5 * reach, z + reach}) {
                    most = std::max(most, std::fabs(F::second_derivative(t, settings) - here));
                }
                return most;
            };
            constexpr double step = 0x1p-13;
            const double here = std::fabs(F::second_derivative(z, settings));
            const double own = function_roundings * arithmetic.unit * (here + change(std::fabs(z) * step) / step) +
                               arithmetic.smallest;
            const double probable = probable_deviations * std::sqrt(error.square);
            return {.size = here,
                    .worst = change(error.worst) + own,
                    .deviation = change(probable) / probable_deviations + own};
        }
    });
}

}  // namespace

/// Parts of RowBound that follow second derivatives; a friend of it.
class HessianBound {
public:
    HessianBound(const RowBound& of, const RowDerivatives& row) : of_(of), row_(row), net_(of.net_) {
        const double unit = of_.arithmetic_.unit;
        for (std::size_t l = 0; l < net_.layers(); ++l) {
            const MatrixView<const double> W = net_.weight(l);
            Matrix<Sized> Q(W.rows(), net_.inputs());
            for (std::size_t u = 0; u < W.rows(); ++u) {
                for (std::size_t i = 0; i < net_.inputs(); ++i) {
                    if (l == 0) {
                        Q(u, i) = {.size = std::fabs(W(u, i))};
                        continue;
                    }
                    SizedSum sum;
                    for (std::size_t v = 0; v < W.columns(); ++v) {
                        sum.add(std::fabs(W(u, v)), product(slopes_[v], Q_.back()(v, i), unit));
                    }
                    Q(u, i) = sum.rounded(W.columns() + 2, of_.arithmetic_);
                }
            }
            Q_.push_back(std::move(Q));
            slopes_.clear();
            for (std::size_t u = 0; l + 1 < net_.layers() && u < W.rows(); ++u) {
                const double slope = row_.slope[l][u];
                slopes_.push_back(sized({std::fabs(slope), of_.slope_error(row_, l, u, slope)}));
            }
        }
        if (!facts(of_.loss_.output).elementwise) {
            centre();
        }
    }

    /// Bounds of the upper triangle of ∂²ŷ_k/∂x².
    std::vector<BoundedNumber> of_output(std::size_t k) {
        const std::size_t n = net_.inputs(), last = net_.layers() - 1;
        sums_.assign(n * (n + 1) / 2, {});
        terms_ = 0;
        std::vector<UnitBound> bound = of_.output_jacobian(row_, k);
        std::vector<double> values(row_.output_jacobian.row(k).begin(), row_.output_jacobian.row(k).end());
        if (!facts(of_.loss_.output).elementwise) {
            for (std::size_t j = 0; j < bound.size(); ++j) {
                add_unit(last, j, sized(bound[j]));
            }
        } else {
            add_unit(last, k, bend(last, k));
        }
        for (std::size_t l = last; l > 0; --l) {
            bound = of_.back_to_activation(l, bound, values, true);
            values = row_times(values, net_.weight(l));
            for (std::size_t u = 0; u < bound.size(); ++u) {
                add_unit(l - 1, u, product(sized(bound[u]), bend(l - 1, u), of_.arithmetic_.unit));
            }
            of_.through_slope(row_, l - 1, values, bound);
            for (std::size_t u = 0; u < values.size(); ++u) {
                values[u] *= row_.slope[l - 1][u];
            }
        }
        return rounded();
    }

private:
    [[nodiscard]] Sized bend(std::size_t layer, std::size_t unit) const {
        return bend_of(net_.architecture().activation(layer), of_.loss_.settings, row_.z[layer][unit],
                       of_.z_error_[layer][unit], of_.arithmetic_);
    }

    /// Rows of Q_L less their mean by p, of which each entry errs by a share that errors of the logits make.
    void centre() {
        const std::vector<double>& p = row_.a.back();
        const Arithmetic& arithmetic = of_.arithmetic_;
        double worst = 0.0, square = 0.0;
        for (const ErrorBound& error : of_.z_error_.back()) {
            worst = std::max(worst, error.worst);
            square = std::max(square, error.square);
        }
        const double own = (function_roundings + static_cast<double>(p.size())) * arithmetic.unit;
        const auto share = [&](std::size_t m) {
            return Sized{.size = p[m],
                         .worst = p[m] * (std::expm1(std::min(2.0 * worst, 1.0)) + own),
                         .deviation = p[m] * (std::expm1(std::min(2.0 * std::sqrt(square), 1.0)) + own)};
        };
        Matrix<Sized>& Q = Q_.back();
        for (std::size_t i = 0; i < net_.inputs(); ++i) {
            std::vector<Sized> centred;
            for (std::size_t j = 0; j < p.size(); ++j) {
                SizedSum sum;
                sum.add(1.0, Q(j, i));
                for (std::size_t m = 0; m < p.size(); ++m) {
                    sum.add(1.0, product(share(m), Q(m, i), arithmetic.unit));
                }
                centred.push_back(sum.rounded(p.size() + 4, arithmetic));
            }
            for (std::size_t j = 0; j < p.size(); ++j) {
                Q(j, i) = centred[j];
            }
        }
    }

    /// Adds c Q_uᵀ Q_u of a unit.
    void add_unit(std::size_t layer, std::size_t unit, const Sized& c) {
        if (c.size == 0.0 && c.worst == 0.0 && c.jump == 0.0) {
            return;
        }
        ++terms_;
        const std::span<const Sized> Q = Q_[layer].row(unit);
        std::size_t at = 0;
        for (std::size_t i = 0; i < Q.size(); ++i) {
            const Sized scaled = product(c, Q[i], of_.arithmetic_.unit);
            for (std::size_t j = i; j < Q.size(); ++j, ++at) {
                // Products of two weights are rounded before they meet c, or after: one rounding more in either order.
                sums_[at].add(1.0, product(scaled, Q[j], 2.0 * of_.arithmetic_.unit));
            }
        }
    }

    [[nodiscard]] std::vector<BoundedNumber> rounded() const {
        constexpr double infinite = std::numeric_limits<double>::infinity();
        std::vector<BoundedNumber> entries;
        for (const SizedSum& sum : sums_) {
            const Sized entry = sum.rounded(terms_ + net_.layers(), of_.arithmetic_);
            BoundedNumber number{.size = entry.size,
                                 .terms = entry.size,
                                 .error = {entry.worst, squared(entry.deviation), entry.jump},
                                 .usual = probable_deviations * entry.deviation};
            if (of_.overflow_ || !(entry.size <= of_.arithmetic_.largest)) {
                number.error.worst = infinite;
            }
            entries.push_back(number);
        }
        return entries;
    }

    const RowBound& of_;
    const RowDerivatives& row_;
    const BasicMlp<double>& net_;
    std::vector<Matrix<Sized>> Q_;
    std::vector<Sized> slopes_;  ///< of the layer that was seen last
    std::vector<SizedSum> sums_;
    std::size_t terms_ = 0;
};

std::size_t rows_of_hessians(const BasicMlp<double>& net, std::size_t rows) {
    const std::size_t n = net.inputs(), K = net.outputs(), triangle = n * (n + 1) / 2;
    bool bends = false;
    for (std::size_t l = 0; l < net.layers(); ++l) {
        bends = bends || !facts(net.architecture().activation(l)).piecewise_linear;
    }
    if (!bends || K > limits::derivatives / triangle) {
        return 0;
    }
    return std::min(rows, std::max<std::size_t>(1, most_numbers / (K * triangle)));
}

std::vector<BoundedNumber> expected_hessians(const BasicMlp<double>& net, const LossFunction& function,
                                             MatrixView<const double> x, MatrixView<const double> y,
                                             std::span<const RowDerivatives> found, const Arithmetic& arithmetic,
                                             std::size_t threads) {
    const std::size_t n = net.inputs(), K = net.outputs(), triangle = n * (n + 1) / 2;
    const math::OutputLoss loss =
        output_loss(function, net.architecture().output, net.architecture().activation_settings());
    const auto complex_net = convert<Complex>(net);
    std::vector<BoundedNumber> expected(x.rows() * K * triangle);
    deal_out(threads, x.rows(), [&] {
        return [&, bounds = RowBound(net, loss, 1.0, arithmetic), tape = BasicTape<Complex>(complex_net, 1),
                moved = Matrix<Complex>(1, n), J = Matrix<Complex>(K, n)](std::size_t row) mutable {
            bounds(found[row], x.row(row), y.row(row), 1.0);
            HessianBound bound(bounds, found[row]);
            BoundedNumber* entries = &expected[row * K * triangle];
            for (std::size_t k = 0; k < K; ++k) {
                std::ranges::copy(bound.of_output(k), entries + k * triangle);
            }
            for (std::size_t j = 0; j < n; ++j) {
                std::ranges::copy(x.row(row), moved.row(0).begin());
                moved(0, j) += Complex(0.0, complex_step_size);
                plain::forward<Complex>(complex_net, moved.view(), tape);
                plain::jacobian<Complex>(complex_net, tape, 0, J);
                for (std::size_t k = 0; k < K; ++k) {
                    for (std::size_t i = 0; i <= j; ++i) {
                        entries[k * triangle + i * n - i * (i + 1) / 2 + j].value = J(k, i).imag() / complex_step_size;
                    }
                }
            }
        };
    });
    return expected;
}

template <class T>
Matrix<double> engine_hessians(const BasicMlp<T>& net, MatrixView<const T> x, const Execution& execution) {
    const std::size_t n = net.inputs(), K = net.outputs(), triangle = n * (n + 1) / 2;
    Matrix<T> yhat(x.rows(), K), H(x.rows(), K * n * n);
    BasicPredictor<T>(net, execution, Differentiable::twice).hessian(x, yhat, H);
    Matrix<double> triangles(x.rows(), K * triangle);
    for (std::size_t row = 0; row < x.rows(); ++row) {
        double* to = triangles.row(row).data();
        for (std::size_t i = 0; i < K * n; ++i) {
            for (std::size_t j = i % n; j < n; ++j) {
                const T upper = H(row, i * n + j), lower = H(row, (i / n * n + j) * n + i % n);
                *to++ = upper == lower ? static_cast<double>(upper) : std::numeric_limits<double>::quiet_NaN();
            }
        }
    }
    return triangles;
}
template Matrix<double> engine_hessians(const BasicMlp<float>&, MatrixView<const float>, const Execution&);
template Matrix<double> engine_hessians(const BasicMlp<double>&, MatrixView<const double>, const Execution&);

}  // namespace handgrad::certify
