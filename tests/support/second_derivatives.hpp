// Witnesses for second derivatives of outputs by inputs: the complex step of the Jacobian, and a dense twin.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <span>
#include <vector>

#include "tests/support/witness.hpp"

namespace handgrad::witness {

/// ∂²ŷ/∂x² (K n n) at one row by the complex step of ∂ŷ/∂x: it knows nothing of any f″.
inline std::vector<double> complex_step_hessians(const BasicMlp<double>& net, std::span<const double> x) {
    constexpr double h = 1e-50;
    const std::size_t n = net.inputs(), K = net.outputs();
    const BasicMlp<Complex> complex_net = convert<Complex>(net);
    BasicTape<Complex> tape(complex_net, 1);
    Matrix<Complex> moved(1, n), J(K, n);
    std::vector<double> H(K * n * n);
    for (std::size_t j = 0; j < n; ++j) {
        std::ranges::copy(x, moved.row(0).begin());
        moved(0, j) += Complex(0.0, h);
        plain::forward<Complex>(complex_net, moved.view(), tape);
        plain::jacobian<Complex>(complex_net, tape, 0, J);
        for (std::size_t k = 0; k < K; ++k) {
            for (std::size_t i = 0; i < n; ++i) {
                H[(k * n + i) * n + j] = J(k, i).imag() / h;
            }
        }
    }
    return H;
}

/// ∂²ŷ/∂x² at one row by the forward recursion of z, ∂z/∂x and ∂²z/∂x², all dense, in long double: nothing runs back.
/// Beside it, for each entry, the sum of the absolute values of the products of weights and derivatives that it is a
/// sum of, and a bound on what rounding of size `epsilon` can do to it in whatever order these are multiplied and
/// added: a sum of m terms errs by at most (m + 2) ε Σ|terms|, and the errors of what it is made of are carried along.
class DenseTwin {
public:
    template <class S>
    DenseTwin(const BasicMlp<S>& net, std::span<const S> x, double epsilon)
        : n_(net.inputs()), epsilon_(epsilon), settings_(net.architecture().activation_settings()) {
        for (std::size_t i = 0; i < n_; ++i) {
            units_.push_back(Unit(static_cast<long double>(x[i]), n_, i));
        }
        for (std::size_t l = 0; l < net.layers(); ++l) {
            linear(net.weight(l), net.bias(l));
            visit(net.architecture().activation(l), [&]<class F>(F) {
                if constexpr (F::facts.elementwise) {
                    for (Unit& unit : units_) {
                        apply<F>(unit);
                    }
                } else {
                    softmax();
                }
            });
        }
    }

    [[nodiscard]] long double value(std::size_t k, std::size_t i, std::size_t j) const {
        return units_[k].second[i * n_ + j].value;
    }
    [[nodiscard]] double size(std::size_t k, std::size_t i, std::size_t j) const {
        return units_[k].second[i * n_ + j].size;
    }
    [[nodiscard]] double error(std::size_t k, std::size_t i, std::size_t j) const {
        return units_[k].second[i * n_ + j].error;
    }

private:
    /// A number, the size of its terms, and what rounding does to it.
    struct Rounded {
        long double value = 0;
        double size = 0, error = 0;
        [[nodiscard]] double most() const { return size + error; }
        void add(long double factor, const Rounded& other) {
            const double f = std::fabs(static_cast<double>(factor));
            value += factor * other.value;
            size += f * other.size;
            error += f * other.error;
        }
    };
    /// z or a of a unit with its derivatives by x.
    struct Unit {
        Unit(long double x, std::size_t n, std::size_t at)
            : value{x, std::fabs(double(x)), 0}, first(n), second(n * n) {
            if (at < n) {
                first[at] = {1, 1, 0};
            }
        }
        Rounded value;
        std::vector<Rounded> first, second;
    };
    static Rounded product(const Rounded& a, const Rounded& b) {
        return {a.value * b.value, a.size * b.size, a.error * b.most() + a.size * b.error};
    }

    template <class S>
    void linear(MatrixView<const S> W, std::span<const S> b) {
        const double rounding = double(std::max(W.rows(), W.columns()) + 2) * epsilon_;
        const auto rounded = [&](Rounded& sum) { sum.error += rounding * sum.most(); };
        std::vector<Unit> next;
        for (std::size_t u = 0; u < W.rows(); ++u) {
            Unit z(static_cast<long double>(b[u]), n_, n_);
            for (std::size_t v = 0; v < W.columns(); ++v) {
                const auto w = static_cast<long double>(W(u, v));
                z.value.add(w, units_[v].value);
                for (std::size_t i = 0; i < n_; ++i) {
                    z.first[i].add(w, units_[v].first[i]);
                }
                for (std::size_t i = 0; i < n_ * n_; ++i) {
                    z.second[i].add(w, units_[v].second[i]);
                }
            }
            rounded(z.value);
            std::ranges::for_each(z.first, rounded);
            std::ranges::for_each(z.second, rounded);
            next.push_back(std::move(z));
        }
        units_ = std::move(next);
    }

    /// f, f′ and f″ at z: what they err by is what z does, with bounds on the next derivative (|f″| ≤ 1.2 and |f‴| ≤ 3,
    /// but for exp), what they jump by within that, and sixteen roundings of their own, of z in it too.
    template <class F>
    void apply(Unit& unit) {
        const long double z = unit.value.value;
        const double at = double(z), e = unit.value.error + 4 * epsilon_ * std::fabs(at);
        const auto f1 = [&](double where) { return std::fabs(F::derivative(where, settings_)); };
        const auto f2 = [&](double where) { return F::second_derivative(where, settings_); };
        const double around = std::max({f1(at - e), f1(at), f1(at + e)});
        const double second = std::is_same_v<F, math::Exp> ? around : 1.2,
                     third = std::is_same_v<F, math::Exp> ? around : 3.0;
        const double own = 16 * epsilon_ * (1 + std::fabs(at));
        const double jump1 = F::facts.kink ? std::fabs(f1(at + e) - f1(at - e)) : 0.0;
        const double jump2 = std::is_same_v<F, math::Elu> ? std::fabs(f2(at + e) - f2(at - e)) : 0.0;
        const long double d = F::derivative(z, settings_), s = F::second_derivative(z, settings_);
        const bool flat = F::facts.piecewise_linear;
        const Rounded slope{d, std::fabs(double(d)), jump1 + (flat ? 0.0 : second * e + own * (around + second))};
        const Rounded bend{s, std::fabs(double(s)),
                           jump2 + (flat ? 0.0 : third * e + own * (std::fabs(double(s)) + third))};
        const long double a = F::value(z, settings_);
        unit.value = {a, std::fabs(double(a)), (around + second * e) * e + own * (std::fabs(double(a)) + 1)};
        std::vector<Rounded> before = unit.first;
        for (std::size_t i = 0; i < n_; ++i) {
            for (std::size_t j = 0; j < n_; ++j) {
                Rounded sum = product(bend, product(before[i], before[j]));
                sum.add(1, product(slope, unit.second[i * n_ + j]));
                sum.error += 8 * epsilon_ * sum.most();
                unit.second[i * n_ + j] = sum;
            }
            unit.first[i] = product(slope, before[i]);
            unit.first[i].error += 2 * epsilon_ * unit.first[i].most();
        }
    }

    /// p_k(c_ki c_kj − Σ_l p_l c_li c_lj + z_k,ij − Σ_l p_l z_l,ij) with c_k = ∂z_k/∂x less its mean by p.
    void softmax() {
        const std::size_t K = units_.size();
        long double top = units_[0].value.value, sum = 0;
        double largest = 0;
        for (const Unit& unit : units_) {
            top = std::max(top, unit.value.value);
            largest = std::max(largest, unit.value.error);
        }
        for (const Unit& unit : units_) {
            sum += std::exp(unit.value.value - top);
        }
        const double relative = 4 * largest + double(K + 32) * epsilon_;
        std::vector<Rounded> p(K);
        for (std::size_t k = 0; k < K; ++k) {
            const long double value = std::exp(units_[k].value.value - top) / sum;
            p[k] = {value, double(value), double(value) * relative};
        }
        const auto less_mean = [&](const auto& of) {
            Rounded mean;
            for (std::size_t l = 0; l < K; ++l) {
                mean.add(1, product(p[l], of(l)));
            }
            std::vector<Rounded> centred;
            for (std::size_t k = 0; k < K; ++k) {
                Rounded c = of(k);
                c.add(-1, mean);
                c.error += double(K + 4) * epsilon_ * c.most();
                centred.push_back(c);
            }
            return centred;
        };
        std::vector<std::vector<Rounded>> c;
        for (std::size_t i = 0; i < n_; ++i) {
            c.push_back(less_mean([&](std::size_t k) { return units_[k].first[i]; }));
        }
        for (std::size_t i = 0; i < n_; ++i) {
            for (std::size_t j = 0; j < n_; ++j) {
                const auto squares = less_mean([&](std::size_t k) { return product(c[i][k], c[j][k]); });
                const auto others = less_mean([&](std::size_t k) { return units_[k].second[i * n_ + j]; });
                for (std::size_t k = 0; k < K; ++k) {
                    Rounded both = squares[k];
                    both.add(1, others[k]);
                    both.error += 4 * epsilon_ * both.most();
                    units_[k].second[i * n_ + j] = product(p[k], both);
                }
            }
        }
        for (std::size_t k = 0; k < K; ++k) {
            units_[k].value = p[k];
            for (std::size_t i = 0; i < n_; ++i) {
                units_[k].first[i] = product(p[k], c[i][k]);
            }
        }
    }

    std::size_t n_;
    double epsilon_;
    ActivationSettings settings_;
    std::vector<Unit> units_;
};

}  // namespace handgrad::witness
