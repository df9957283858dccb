// Networks with rows, a direction of the weights and a loss, and the witnesses of products with derivatives by the
// weights: the complex step of what the library's passes give.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <complex>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "tests/support/networks.hpp"
#include "tests/support/witness.hpp"

namespace handgrad::witness {

struct Directed {
    LossFunction function;
    BasicMlp<double> net;
    Matrix<double> x, y, u;
    std::vector<double> v;
    std::vector<double> weights;
};

/// `rows` rows; every second problem has row weights.
inline Directed directed(const Architecture& shape, const LossFunction& function, std::size_t rows,
                         std::uint64_t seed) {
    Problem p = random_problem(shape, function, rows, seed);
    Directed d{.function = function,
               .net = drawn_net<double>(Draw(seed, 51), shape),
               .x = p.x,
               .y = p.y,
               .u = Draw(seed, 52).matrix<double>(rows, shape.outputs(), -1.0, 1.0),
               .v = std::vector<double>(p.net.parameters().size()),
               .weights = {}};
    Draw(seed, 53).fill(d.v, -1.0, 1.0);
    if (function.kind == Loss::cross_entropy && seed % 2 == 1) {  // targets that do not sum to 1
        for (double& target : d.y.values()) {
            target *= 1.3;
        }
    }
    if (seed % 2 == 0) {
        d.weights.resize(rows);
        Draw(seed, 54).fill(d.weights, 0.1, 2.0);
    }
    return d;
}

inline const std::vector<std::vector<std::size_t>>& product_sizes() {
    static const std::vector<std::vector<std::size_t>> sizes{{3, 2},     {1, 1, 1},    {5, 7, 1},     {4, 9, 3},
                                                             {2, 5, 17}, {3, 5, 4, 2}, {6, 11, 3, 1}, {2, 7, 5, 6, 3}};
    return sizes;
}

/// Depths 1 to 4 with sizes that fill no vector, every activation hidden and last.
inline std::vector<Directed> directed_networks() {
    std::vector<Directed> list;
    std::uint64_t seed = 0;
    for (const Activation hidden : all_activations) {
        for (std::size_t i = 0; i < product_sizes().size() && facts(hidden).elementwise; ++i) {
            const Activation output = all_activations[(i + static_cast<std::size_t>(hidden)) % all_activations.size()];
            list.push_back(directed({.sizes = product_sizes()[i], .hidden = hidden, .output = output},
                                    Loss::squared_error, 3, ++seed));
        }
    }
    return list;
}

/// Every loss with every output that it goes with.
inline std::vector<Directed> directed_losses() {
    std::vector<Directed> list;
    std::uint64_t seed = 1000;
    std::size_t next = 0;
    for (const Loss loss : all_losses) {
        for (const Activation output : all_activations) {
            const std::vector<std::size_t>& sizes = product_sizes()[next++ % product_sizes().size()];
            if (!fits(output, loss) || !finite_everywhere(output, loss, sizes.back())) {
                continue;
            }
            for (const Reduction reduction : {Reduction::sum, Reduction::mean}) {
                Architecture shape{.sizes = sizes, .hidden = Activation::tanh, .output = output};
                shape.conventions.squared_error = reduction;
                shape.conventions.other_losses = reduction;
                LossFunction function = loss;
                function.huber_delta = 0.6;
                function.quantile = 0.3;
                list.push_back(directed(shape, function, 4, ++seed));
            }
        }
    }
    return list;
}

/// Numbers agree relative to the largest of them.
inline void expect_near(std::span<const double> numbers, std::span<const double> expected, double tolerance) {
    ASSERT_EQ(numbers.size(), expected.size());
    double size = 1e-3;
    for (const double e : expected) {
        size = std::max(size, std::fabs(e));
    }
    for (std::size_t i = 0; i < numbers.size(); ++i) {
        ASSERT_NEAR(numbers[i], expected[i], tolerance * size) << i;
    }
}

/// ŷ of all rows by the plain passes.
template <class N>
std::vector<N> outputs_of(const BasicMlp<N>& net, const Matrix<double>& x) {
    BasicTape<N> tape(net, x.rows());
    const Matrix<N> rows = convert<N>(x);
    plain::forward<N>(net, rows.view(), tape);
    return {tape.output().a.values().begin(), tape.output().a.values().end()};
}

inline constexpr double tiny = 1e-50;

/// ∂ŷ/∂w, rows K × parameters: one complex step for each parameter.
inline Matrix<double> complex_step_jacobian(const Directed& d) {
    Matrix<double> J(d.x.rows() * d.net.outputs(), d.v.size());
    BasicMlp<Complex> net = convert<Complex>(d.net);
    for (std::size_t p = 0; p < d.v.size(); ++p) {
        Complex& w = net.parameters()[p];
        w += Complex(0.0, tiny);
        const std::vector<Complex> yhat = outputs_of(net, d.x);
        for (std::size_t i = 0; i < yhat.size(); ++i) {
            J(i, p) = yhat[i].imag() / tiny;
        }
        w = w.real();
    }
    return J;
}

/// A network that moves along v by i · tiny.
inline BasicMlp<Complex> moved(const Directed& d) {
    BasicMlp<Complex> net = convert<Complex>(d.net);
    for (std::size_t p = 0; p < d.v.size(); ++p) {
        net.parameters()[p] += Complex(0.0, tiny * d.v[p]);
    }
    return net;
}

/// d/dt J(w + t v) v: for each output the complex step of its gradient, which the backward pass of the library gives,
/// times v.
inline std::vector<double> complex_step_along_twice(const Directed& d) {
    const BasicMlp<Complex> net = moved(d);
    const std::size_t K = net.outputs();
    std::vector<double> twice;
    for (std::size_t r = 0; r < d.x.rows(); ++r) {
        Matrix<Complex> x(1, d.net.inputs());
        std::ranges::copy(d.x.row(r), x.row(0).begin());
        BasicTape<Complex> tape(net, 1), dtape(net, 1);
        plain::forward<Complex>(net, x.view(), tape);
        for (std::size_t k = 0; k < K; ++k) {
            for (std::size_t j = 0; j < K; ++j) {
                dtape.output().a(0, j) = j == k ? 1.0 : 0.0;
            }
            plain::activation_backward<Complex>(tape.output(), dtape.output(), 1);
            BasicMlp<Complex> grad = BasicMlp<Complex>::zeros_like(net);
            plain::backward<Complex>(net, tape, dtape, grad);
            double sum = 0.0;
            for (std::size_t p = 0; p < d.v.size(); ++p) {
                sum += grad.parameters()[p].imag() / tiny * d.v[p];
            }
            twice.push_back(sum);
        }
    }
    return twice;
}

/// The gradient of the mean loss by the passes.
template <class N>
std::vector<N> gradient_of(const Directed& d, const BasicMlp<N>& net) {
    BasicTape<N> tape(net, d.x.rows()), dtape(net, d.x.rows());
    const Matrix<N> x = convert<N>(d.x), y = convert<N>(d.y);
    const std::vector<N> weights(d.weights.begin(), d.weights.end());
    plain::forward<N>(net, x.view(), tape);
    plain::loss<N>(d.function, tape.output(), y.view(), &dtape.output(), weights);
    BasicMlp<N> grad = BasicMlp<N>::zeros_like(net);
    plain::backward<N>(net, tape, dtape, grad);
    return {grad.parameters().begin(), grad.parameters().end()};
}
inline std::vector<double> gradient(const Directed& d) { return gradient_of<double>(d, d.net); }
inline std::vector<double> complex_step_hessian_product(const Directed& d) {
    std::vector<double> product;
    for (const Complex& g : gradient_of<Complex>(d, moved(d))) {
        product.push_back(g.imag() / tiny);
    }
    return product;
}

/// What each row counts in the mean over rows.
inline std::vector<double> row_shares(const Directed& d) {
    std::vector<double> shares(d.x.rows(), 1.0 / static_cast<double>(d.x.rows()));
    double total = 0.0;
    for (const double weight : d.weights) {
        total += weight;
    }
    for (std::size_t r = 0; r < d.weights.size(); ++r) {
        shares[r] = d.weights[r] / total;
    }
    return shares;
}

/// Whether loss and output are fused, so that the loss is taken as one of the logits.
inline bool fused(const Directed& d) { return output_loss(d.function, d.net.architecture().output, {}).fused(); }
/// The derivative by ŷ (by z of fused pairs) of the loss of one row, of the library's passes: where complex numbers
/// are led in beside ŷ or z, their imaginary parts come out multiplied by the second derivative.
inline std::vector<Complex> row_derivative(const Directed& d, std::size_t r, const std::vector<Complex>& at) {
    Architecture shape = d.net.architecture();
    shape.sizes = {1, shape.outputs()};
    const BasicMlp<Complex> net = BasicMlp<Complex>::zeros(shape);
    BasicTape<Complex> tape(net, 1), dtape(net, 1);
    Matrix<Complex> y(1, shape.outputs());
    for (std::size_t k = 0; k < at.size(); ++k) {
        tape.output().z(0, k) = at[k];
        y(0, k) = d.y(r, k);
    }
    if (fused(d)) {
        plain::activation_forward(tape.output(), 1);
    } else {
        tape.output().activation = Activation::identity;  // ŷ is given: the loss by it, without the way from z
        tape.output().a = tape.output().z;
    }
    plain::loss<Complex>(d.function, tape.output(), y.view(), &dtape.output(), {});
    const std::span<const Complex> derivative = fused(d) ? dtape.output().z.row(0) : dtape.output().a.row(0);
    return {derivative.begin(), derivative.end()};
}
/// Σ share Jᵀ (∂²l/∂ŷ²) J v with the complex step's J, and the complex step of ∂l/∂ŷ along J v; of fused pairs by z.
inline std::vector<double> complex_step_gauss_newton(const Directed& d) {
    Directed of = d;
    if (fused(d)) {  // the same network with the identity behind it gives z
        Architecture shape = d.net.architecture();
        shape.output = Activation::identity;
        of.net = BasicMlp<double>::zeros(shape);
        std::ranges::copy(d.net.parameters(), of.net.parameters().begin());
    }
    const Matrix<double> J = complex_step_jacobian(of);
    const std::vector<double> values = outputs_of<double>(of.net, of.x);
    const std::vector<double> shares = row_shares(d);
    const std::size_t K = d.net.outputs();
    std::vector<double> product(d.v.size());
    for (std::size_t r = 0; r < d.x.rows(); ++r) {
        std::vector<Complex> at(K);
        for (std::size_t k = 0; k < K; ++k) {
            double Jv = 0.0;
            for (std::size_t p = 0; p < d.v.size(); ++p) {
                Jv += J(r * K + k, p) * d.v[p];
            }
            at[k] = Complex(values[r * K + k], tiny * Jv);
        }
        const std::vector<Complex> derivative = row_derivative(d, r, at);
        for (std::size_t k = 0; k < K; ++k) {
            for (std::size_t p = 0; p < d.v.size(); ++p) {
                product[p] += shares[r] * J(r * K + k, p) * derivative[k].imag() / tiny;
            }
        }
    }
    return product;
}

}  // namespace handgrad::witness
