// Witnesses for gradients: complex step, any wider type, and the sums of absolute terms that errors are measured by.
#pragma once

#include <cmath>
#include <complex>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "handgrad/base/matrix.hpp"
#include "handgrad/kernels/simd_level.hpp"
#include "handgrad/nn/loss_gradient.hpp"
#include "handgrad/nn/mlp.hpp"
#include "handgrad/nn/passes.hpp"
#include "handgrad/nn/plain_loops.hpp"
#include "handgrad/nn/tape.hpp"
#include "tests/support/draw.hpp"

namespace handgrad::witness {

using Complex = std::complex<double>;

/// A loss and how to call it.
struct Problem {
    Architecture shape;
    LossFunction function;
    double alpha = 0.0;             ///< of the penalty
    std::vector<double> weights{};  ///< of the rows
    Matrix<double> x, y;
    BasicMlp<double> net{};
};

/// What the rows count together.
inline double total_weight(const Problem& p) {
    double sum = p.weights.empty() ? static_cast<double>(p.x.rows()) : 0.0;
    for (const double weight : p.weights) {
        sum += weight;
    }
    return sum;
}

/// Random weights (biases too, so that no z is 0), inputs and targets that the loss is defined for.
inline Problem random_problem(Architecture shape, LossFunction function, std::size_t rows, std::uint64_t seed) {
    Problem p{.shape = shape, .function = function, .x = {rows, shape.inputs()}, .y = {rows, shape.outputs()}};
    Draw draw(seed, 99);
    p.net = BasicMlp<double>::zeros(shape);
    const double size = shape.hidden == Activation::exp ? 0.25 : 1.0;  // e^e^e^z overflows soon
    draw.fill(p.net.parameters(), -size, size);
    draw.fill(p.x.values(), -2.0, 2.0);
    const LossFacts& domain = facts(function.kind);
    for (std::size_t row = 0; row < rows; ++row) {
        double sum = 0.0;
        for (double& y : p.y.row(row)) {
            y = draw.uniform(std::isfinite(domain.lowest_target) ? domain.lowest_target : -2.0,
                             std::isfinite(domain.highest_target) ? domain.highest_target : 2.0);
            sum += y;
        }
        if (function.kind == Loss::cross_entropy) {
            for (double& y : p.y.row(row)) {
                y /= sum;
            }
        }
    }
    return p;
}

/// The loss in the number type of `net`, penalty included: the function whose derivative is claimed.
template <class T>
auto loss_of(const Problem& p, const BasicMlp<T>& net, const Matrix<T>& x) {
    BasicTape<T> tape(net, p.x.rows());
    plain::forward<T>(net, x.view(), tape);
    const Matrix<T> y = convert<T>(p.y);
    std::vector<T> weights(p.weights.begin(), p.weights.end());
    return plain::loss<T>(p.function, tape.output(), y.view(), nullptr, weights) +
           plain::penalty<T>(net, p.alpha, total_weight(p), nullptr);
}

/// ∂l/∂w for every parameter by the complex step Im l(w + ih)/h, exact to rounding for any small h.
inline std::vector<double> complex_step_gradient(const Problem& p) {
    constexpr double h = 1e-50;
    BasicMlp<Complex> net = convert<Complex>(p.net);
    const Matrix<Complex> x = convert<Complex>(p.x);
    std::vector<double> gradient;
    for (Complex& w : net.parameters()) {
        w += Complex(0.0, h);
        gradient.push_back(loss_of(p, net, x).imag() / h);
        w = w.real();
    }
    return gradient;
}

template <class T>
struct Pass {
    BasicTape<T> tape, dtape;
    BasicMlp<T> grad;
    double loss;
};

/// Forward, loss and backward of the library in float or double.
template <class T>
Pass<T> run(const Problem& p) {
    const BasicMlp<T> net = handgrad::convert<T>(p.net);
    const Matrix<T> x = convert<T>(p.x), y = convert<T>(p.y);
    const std::vector<T> weights(p.weights.begin(), p.weights.end());
    Pass<T> pass{BasicTape<T>(net, p.x.rows()), BasicTape<T>(net, p.x.rows()), BasicMlp<T>::zeros_like(net), 0.0};
    forward(net, x, pass.tape);
    pass.loss = loss(p.function, pass.tape.output(), y, pass.dtape.output(), weights);
    backward(net, pass.tape, pass.dtape, pass.grad);
    pass.loss += penalty(net, p.alpha, total_weight(p), &pass.grad);
    return pass;
}

/// Instruction sets that this processor can run.
inline std::vector<SimdLevel> available_levels() {
    std::vector<SimdLevel> levels{SimdLevel::scalar};
    for (const SimdLevel level : {SimdLevel::avx2, SimdLevel::avx512}) {
        if (available(level)) {
            levels.push_back(level);
        }
    }
    return levels;
}

template <class T>
struct EnginePass {
    double loss;
    BasicMlp<T> grad;
};

/// Loss and gradient of the kernels, penalty included.
template <class T>
EnginePass<T> run_kernels(const Problem& p, const Execution& execution) {
    const BasicMlp<T> net = handgrad::convert<T>(p.net);
    const Matrix<T> x = convert<T>(p.x), y = convert<T>(p.y);
    const std::vector<T> weights(p.weights.begin(), p.weights.end());
    EnginePass<T> pass{0.0, BasicMlp<T>::zeros_like(net)};
    LossGradient<T> loss_gradient(net, p.function, p.x.rows(), !weights.empty(), execution);
    pass.loss = loss_gradient(net, x, y, pass.grad, weights);
    pass.loss += penalty(net, p.alpha, total_weight(p), &pass.grad);
    return pass;
}

/// For every parameter the sum of the absolute values of the terms that its gradient is a sum of: the backward pass of
/// `pass` once more with |W|, |a|, |f′| and |δ|. What rounding can do to a gradient is a small multiple of this times
/// ε.
inline std::vector<double> absolute_terms(const Problem& p, const Pass<double>& pass) {
    const auto abs_of = [](MatrixView<const double> m) {
        Matrix<double> result(m.rows(), m.columns());
        for (std::size_t i = 0; i < m.rows(); ++i) {
            for (std::size_t j = 0; j < m.columns(); ++j) {
                result(i, j) = std::fabs(m(i, j));
            }
        }
        return result;
    };
    const std::size_t rows = p.x.rows();
    BasicMlp<double> sums = BasicMlp<double>::zeros_like(p.net);
    // ∂l/∂z of the output: the size of ∂l/∂ŷ times that of its Jacobian; for softmax its rows sum up to at most 2 p.
    Matrix<double> dz = abs_of(pass.dtape.output().z);
    visit(p.shape.output, [&]<class G>(G) {
        for (std::size_t row = 0; row < rows; ++row) {
            double largest = 0.0;
            for (const double v : pass.dtape.output().a.row(row)) {
                largest = std::max(largest, std::fabs(v));
            }
            for (std::size_t k = 0; k < dz.columns(); ++k) {
                const double z = pass.tape.output().z(row, k);
                if constexpr (G::facts.elementwise) {
                    dz(row, k) =
                        std::fabs(pass.dtape.output().a(row, k) * G::derivative(z, p.shape.activation_settings()));
                } else {
                    dz(row, k) = 2.0 * largest * pass.tape.output().a(row, k);
                }
            }
        }
    });
    for (std::size_t l = p.net.layers(); l-- > 0;) {
        const Matrix<double> a = abs_of(l == 0 ? MatrixView<const double>(p.x) : pass.tape.layer(l - 1).a.view());
        plain::linear_backward_parameters<double>(dz, a, sums.weight(l), sums.bias(l));
        if (l > 0) {
            Matrix<double> da(rows, p.shape.sizes[l]);
            plain::linear_backward_input<double>(abs_of(p.net.weight(l)), dz, da);
            visit(p.shape.activation(l - 1), [&]<class F>(F) {
                for (std::size_t i = 0; i < da.values().size(); ++i) {
                    if constexpr (F::facts.elementwise) {
                        da.values()[i] *= std::fabs(
                            F::derivative(pass.tape.layer(l - 1).z.values()[i], p.shape.activation_settings()));
                    }
                }
            });
            dz = da;
        }
    }
    return {sums.parameters().begin(), sums.parameters().end()};
}

}  // namespace handgrad::witness
