// The passes as plain loops over any type of number: compiled once for float and double, and in tests for the
// witnesses.
#pragma once

#include <algorithm>
#include <array>
#include <cassert>
#include <cstddef>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include "handgrad/base/matrix.hpp"
#include "handgrad/math/jacobian_loss.hpp"
#include "handgrad/math/losses.hpp"
#include "handgrad/math/output_loss.hpp"
#include "handgrad/nn/mlp.hpp"
#include "handgrad/nn/passes.hpp"
#include "handgrad/nn/tape.hpp"

/// Symbols as in the derivation, a batch of rows at a time: a (rows × in) enters a layer, z = a Wᵀ + b, a′ = f(z);
/// δ = ∂l/∂z. Within a row every sum over inputs runs in index order from the bias on, and every sum over rows runs in
/// the order of the rows, however the loops are cut into tiles.
namespace handgrad::plain {

/// Sums over the rows of a batch are kept in a wider type where there is a cheap one.
template <class T>
using Wide = std::conditional_t<std::is_same_v<T, float>, double, T>;

// --- Linear ---------------------------------------------------------------------------------------------------------

/// Rows that are worked on together: their numbers stay in registers (forward) or in the first cache (backward).
inline constexpr std::size_t tile = 16;

/// Eq. (1), z = W a + b, for one row.
template <class T>
void linear_forward_row(MatrixView<const T> W, std::span<const T> b, std::span<const T> a, std::span<T> z) {
    for (std::size_t i = 0; i < W.rows(); ++i) {
        T sum = b[i];
        const T* w = W.row(i).data();
        for (std::size_t j = 0; j < a.size(); ++j) {
            sum += w[j] * a[j];
        }
        z[i] = sum;
    }
}

/// Eq. (1) for a batch. A tile of rows is turned on its side, so that the innermost loop runs over rows and each z
/// keeps the order of its own sum.
template <class T>
void linear_forward(MatrixView<const T> W, std::span<const T> b, MatrixView<const T> a, MatrixView<T> z) {
    const std::size_t n = W.columns();
    std::vector<T> sideways(a.rows() >= tile ? n * tile : 0);
    std::size_t first = 0;
    for (; first + tile <= a.rows(); first += tile) {
        for (std::size_t row = 0; row < tile; ++row) {
            const T* values = a.row(first + row).data();
            for (std::size_t j = 0; j < n; ++j) {
                sideways[j * tile + row] = values[j];
            }
        }
        for (std::size_t i = 0; i < W.rows(); ++i) {
            std::array<T, tile> sum;
            sum.fill(b[i]);
            const T* w = W.row(i).data();
            for (std::size_t j = 0; j < n; ++j) {
                for (std::size_t row = 0; row < tile; ++row) {
                    sum[row] += w[j] * sideways[j * tile + row];
                }
            }
            for (std::size_t row = 0; row < tile; ++row) {
                z(first + row, i) = sum[row];
            }
        }
    }
    for (; first < a.rows(); ++first) {
        linear_forward_row(W, b, a.row(first), z.row(first));
    }
}

/// to += factor · from.
template <class T>
void add_multiple(T factor, std::span<const T> from, std::span<T> to) {
    const T* source = from.data();
    T* target = to.data();
    for (std::size_t j = 0; j < to.size(); ++j) {
        target[j] += factor * source[j];
    }
}

/// Table 2, rows W and b, in the parameters' own shapes: adds δ aᵀ to dW and δ to db, row after row of the batch.
template <class T>
void linear_backward_parameters(MatrixView<const T> dz, MatrixView<const T> a, MatrixView<T> dW, std::span<T> db) {
    for (std::size_t first = 0; first < dz.rows(); first += tile) {
        const std::size_t end = std::min(first + tile, dz.rows());
        for (std::size_t i = 0; i < dW.rows(); ++i) {
            for (std::size_t row = first; row < end; ++row) {
                add_multiple<T>(dz(row, i), a.row(row), dW.row(i));
                db[i] += dz(row, i);
            }
        }
    }
}

/// Table 2, the factor W⁽²⁾: da = δ W, for each row of dz.
template <class T>
void linear_backward_input(MatrixView<const T> W, MatrixView<const T> dz, MatrixView<T> da) {
    for (std::size_t first = 0; first < dz.rows(); first += tile) {
        const std::size_t end = std::min(first + tile, dz.rows());
        for (std::size_t row = first; row < end; ++row) {
            std::fill(da.row(row).begin(), da.row(row).end(), T(0));
        }
        for (std::size_t i = 0; i < W.rows(); ++i) {
            for (std::size_t row = first; row < end; ++row) {
                add_multiple<T>(dz(row, i), W.row(i), da.row(row));
            }
        }
    }
}

// --- Activation -----------------------------------------------------------------------------------------------------

/// a = f(z) for the rows in use.
template <class T>
void activation_forward(TapeLayer<T>& layer, std::size_t rows) {
    for (std::size_t row = 0; row < rows; ++row) {
        math::row_outputs<T>(layer.activation, layer.settings, std::as_const(layer.z).row(row), layer.a.row(row));
    }
}

/// dlayer.z from dlayer.a for the rows in use.
template <class T>
void activation_backward(const TapeLayer<T>& layer, TapeLayer<T>& dlayer, std::size_t rows) {
    visit(layer.activation, [&]<class F>(F) {
        for (std::size_t row = 0; row < rows; ++row) {
            math::row_times_jacobian<F, T>(layer.settings, layer.z.row(row), layer.a.row(row),
                                           std::as_const(dlayer.a).row(row), dlayer.z.row(row));
        }
    });
}

// --- Loss -----------------------------------------------------------------------------------------------------------

/// The sum of the weights of a batch's rows, or their number.
template <class T>
Wide<T> total_of(std::span<const T> row_weights, std::size_t rows) {
    if (row_weights.empty()) {
        return Wide<T>(static_cast<double>(rows));
    }
    Wide<T> total = Wide<T>(0);
    for (const T& w : row_weights) {
        total += Wide<T>(w);
    }
    return total;
}

/// Step 3: the mean over rows of the reduced loss; with doutput also its derivatives.
template <class T>
Wide<T> loss(const LossFunction& function, const TapeLayer<T>& output, MatrixView<const T> y, TapeLayer<T>* doutput,
             std::span<const T> row_weights) {
    assert(y.columns() == output.a.columns() && y.rows() <= output.a.rows());
    assert(row_weights.empty() || row_weights.size() == y.rows());
    const double reduction = reduction_factor(function.kind, y.columns(), output.conventions);
    const math::OutputLoss pair = output_loss(function, output.activation, output.settings);
    const Wide<T> total_weight = total_of<T>(row_weights, y.rows());
    std::vector<T> scratch;  // for derivatives that nobody wants
    if (doutput == nullptr) {
        scratch.resize(2 * y.columns());
    }
    Wide<T> mean = Wide<T>(0);
    for (std::size_t row = 0; row < y.rows(); ++row) {
        const Wide<T> weight = row_weights.empty() ? Wide<T>(1) : Wide<T>(row_weights[row]);
        const Wide<T> share = Wide<T>(reduction) * weight / total_weight;
        std::span<T> da, dz;
        math::Derivatives wanted = math::Derivatives::none;
        if (doutput != nullptr) {
            da = doutput->a.row(row);
            dz = doutput->z.row(row);
            wanted = math::Derivatives::logits_yhat;
        } else {
            da = std::span(scratch).first(y.columns());
            dz = std::span(scratch).last(y.columns());
        }
        const T sum =
            math::row_loss<T>(pair, output.z.row(row), output.a.row(row), y.row(row), T(share), wanted, dz, da);
        mean += share * Wide<T>(sum);
    }
    return mean;
}

// --- The network ----------------------------------------------------------------------------------------------------

/// What enters layer l: the input, or the activation of the layer before.
template <class T>
MatrixView<const T> layer_input(const BasicTape<T>& tape, std::size_t l) {
    return l == 0 ? tape.input() : tape.layer(l - 1).a.view().rows_from(0, tape.rows());
}

/// Step 2, Eq. (2): Linear₁ → f → Linear₂ → g, the rows of Table 1 from top to bottom.
template <class T>
void forward(const BasicMlp<T>& net, MatrixView<const T> x, BasicTape<T>& tape) {
    assert(x.columns() == net.inputs() && x.rows() <= tape.capacity() && tape.layers() == net.layers());
    tape.set_input(x);
    for (std::size_t l = 0; l < net.layers(); ++l) {
        TapeLayer<T>& layer = tape.layer(l);
        linear_forward<T>(net.weight(l), net.bias(l), layer_input(tape, l), layer.z.view().rows_from(0, x.rows()));
        activation_forward(layer, x.rows());
    }
}

/// Step 4, the rows of Table 2 and Table 4 from bottom to top. Accumulates.
template <class T>
void backward(const BasicMlp<T>& net, const BasicTape<T>& tape, BasicTape<T>& dtape, BasicMlp<T>& grad) {
    assert(dtape.capacity() >= tape.rows() && dtape.layers() == net.layers());
    dtape.set_rows(tape.rows());
    for (std::size_t l = net.layers(); l-- > 0;) {
        const MatrixView<const T> dz = std::as_const(dtape.layer(l).z).view().rows_from(0, tape.rows());
        linear_backward_parameters<T>(dz, layer_input(tape, l), grad.weight(l), grad.bias(l));
        if (l > 0) {
            TapeLayer<T>& before = dtape.layer(l - 1);
            linear_backward_input<T>(net.weight(l), dz, before.a.view().rows_from(0, tape.rows()));
            activation_backward(tape.layer(l - 1), before, tape.rows());
        }
    }
}

/// ∂ŷ/∂x = g′ W⁽ᴸ⁾ … f′ W⁽¹⁾ from left to right, K rows at a time (derivation §7).
template <class T>
void jacobian(const BasicMlp<T>& net, const BasicTape<T>& tape, std::size_t row, MatrixView<T> result) {
    assert(row < tape.rows() && result.rows() == net.outputs() && result.columns() == net.inputs());
    const std::size_t K = net.outputs();
    Matrix<T> v(K, K);  // ∂ŷ/∂a of the layer at hand, at first I
    for (std::size_t k = 0; k < K; ++k) {
        v(k, k) = T(1);
    }
    for (std::size_t l = net.layers(); l-- > 0;) {
        const TapeLayer<T>& layer = tape.layer(l);
        Matrix<T> dz(K, v.columns());
        visit(layer.activation, [&]<class F>(F) {
            for (std::size_t k = 0; k < K; ++k) {
                math::row_times_jacobian<F, T>(layer.settings, layer.z.row(row), layer.a.row(row),
                                               std::as_const(v).row(k), dz.row(k));
            }
        });
        if (l == 0) {
            linear_backward_input<T>(net.weight(0), dz, result);
        } else {
            v = Matrix<T>(K, net.weight(l).columns());
            linear_backward_input<T>(net.weight(l), dz, v);
        }
    }
}

/// Q_l = ∂z⁽ˡ⁾/∂x of every layer at one row: Q₁ = W⁽¹⁾, Q_l = W⁽ˡ⁾ f_{l−1}′ Q_{l−1} (derivation §7.8).
template <class T>
std::vector<Matrix<T>> logit_slopes(const BasicMlp<T>& net, const BasicTape<T>& tape, std::size_t row) {
    const std::size_t n = net.inputs();
    std::vector<Matrix<T>> Q;
    for (std::size_t l = 0; l < net.layers(); ++l) {
        const MatrixView<const T> W = net.weight(l);
        Matrix<T> of_layer(W.rows(), n);
        if (l == 0) {
            std::copy_n(W.data(), W.rows() * n, of_layer.values().data());
        } else {
            const TapeLayer<T>& before = tape.layer(l - 1);
            std::vector<T> slopes(W.columns(), T(1));
            visit(before.activation, [&]<class F>(F) {
                math::row_times_jacobian<F, T>(before.settings, before.z.row(row), before.a.row(row), slopes, slopes);
            });
            for (std::size_t u = 0; u < W.rows(); ++u) {
                for (std::size_t v = 0; v < W.columns(); ++v) {
                    add_multiple<T>(W(u, v) * slopes[v], std::as_const(Q.back()).row(v), of_layer.row(u));
                }
            }
        }
        Q.push_back(std::move(of_layer));
    }
    return Q;
}

/// The rows of Q less their mean by p.
template <class T>
void centre_rows(std::span<const T> p, Matrix<T>& Q) {
    std::vector<T> column(Q.rows());
    for (std::size_t j = 0; j < Q.columns(); ++j) {
        for (std::size_t u = 0; u < Q.rows(); ++u) {
            column[u] = Q(u, j);
        }
        math::Softmax::centre<T>(p, column, column);
        for (std::size_t u = 0; u < Q.rows(); ++u) {
            Q(u, j) = column[u];
        }
    }
}

/// ∂²(λᵀŷ)/∂x² = Σ_l Q_lᵀ diag{β_l ∘ f_l″} Q_l at one row (derivation §7.8), from the last layer down.
template <class T>
void hessian(const BasicMlp<T>& net, const BasicTape<T>& tape, std::size_t row, std::span<const T> lambda,
             MatrixView<T> H) {
    const std::size_t n = net.inputs();
    std::vector<Matrix<T>> Q = logit_slopes(net, tape, row);
    for (std::size_t i = 0; i < n; ++i) {
        std::ranges::fill(H.row(i), T(0));
    }
    std::vector<T> beta(lambda.begin(), lambda.end());
    for (std::size_t l = net.layers(); l-- > 0;) {
        const TapeLayer<T>& layer = tape.layer(l);
        std::vector<T> curvature(beta.size()), delta(beta.size());
        visit(layer.activation, [&]<class F>(F) {
            math::row_curvature<F, T>(layer.settings, layer.z.row(row), layer.a.row(row), beta, curvature);
            math::row_times_jacobian<F, T>(layer.settings, layer.z.row(row), layer.a.row(row), beta, delta);
            if constexpr (!F::facts.elementwise) {
                centre_rows<T>(layer.a.row(row), Q[l]);
            }
        });
        for (std::size_t u = 0; u < curvature.size() && !facts(layer.activation).piecewise_linear; ++u) {
            for (std::size_t i = 0; i < n; ++i) {
                add_multiple<T>(curvature[u] * Q[l](u, i), std::as_const(Q[l]).row(u).subspan(i), H.row(i).subspan(i));
            }
        }
        beta.assign(net.weight(l).columns(), T(0));
        linear_backward_input<T>(net.weight(l), MatrixView<const T>(delta.data(), 1, delta.size()),
                                 MatrixView<T>(beta.data(), 1, beta.size()));
    }
    for (std::size_t i = 0; i < n; ++i) {
        for (std::size_t j = 0; j < i; ++j) {
            H(i, j) = H(j, i);
        }
    }
}

/// A network as formulas over a row read it. The object must outlive what it gives.
template <class T>
class AsRead {
public:
    explicit AsRead(const BasicMlp<T>& net) : shape_(net.architecture()), parameters_(net.parameters().data()) {
        for (std::size_t l = 0; l < shape_.layers(); ++l) {
            activations_.push_back(shape_.activation(l));
        }
    }
    [[nodiscard]] math::RowNet<T> net() const {
        return {.sizes = shape_.sizes.data(),
                .layers = shape_.layers(),
                .activation = activations_.data(),
                .settings = shape_.activation_settings(),
                .parameters = parameters_};
    }

private:
    const Architecture& shape_;
    const T* parameters_;
    std::vector<Activation> activations_;
};

/// sobolev (S3): strength · Σ wᵣ Σ m (J − T)²/Σ wᵣ, row after row; adds its gradient unless that is null.
template <class T>
Wide<T> jacobian_loss(const BasicMlp<T>& net, MatrixView<const T> x, MatrixView<const T> targets, double strength,
                      std::span<const T> row_weights, BasicMlp<T>* grad) {
    assert(x.columns() == net.inputs() && targets.columns() == net.outputs() * net.inputs());
    const AsRead<T> as_read(net);
    std::vector<T> room(math::JacobianLossRow<T, T>::room_for(as_read.net()));
    math::JacobianLossRow<T, T> of_row(as_read.net(), room.data());
    const Wide<T> total = total_of<T>(row_weights, x.rows());
    Wide<T> sum = Wide<T>(0);
    for (std::size_t row = 0; row < x.rows(); ++row) {
        const Wide<T> weight = row_weights.empty() ? Wide<T>(1) : Wide<T>(row_weights[row]);
        const Wide<T> share = Wide<T>(strength) * weight / total;
        of_row.forward(x.row(row).data());
        sum += share * Wide<T>(of_row.residual(targets.row(row).data(), T(share)));
        if (grad != nullptr) {
            of_row.backward(x.row(row).data(), grad->parameters().data());
        }
    }
    return sum;
}

/// ½α‖W‖² over what the conventions penalise, and its derivative αw.
template <class T>
Wide<T> penalty(const BasicMlp<T>& net, double alpha, double total_weight, BasicMlp<T>* grad) {
    if (alpha == 0.0) {
        return Wide<T>(0);
    }
    const Penalty kind = net.architecture().conventions.penalty;
    const double strength = kind == Penalty::weights_per_row ? alpha / total_weight : alpha;
    Wide<T> squares = Wide<T>(0);
    const auto add = [&](std::span<const T> w, std::span<T> dw) {
        for (std::size_t i = 0; i < w.size(); ++i) {
            squares += Wide<T>(w[i]) * Wide<T>(w[i]);
        }
        if (!dw.empty()) {
            add_multiple<T>(T(strength), w, dw);
        }
    };
    for (std::size_t l = 0; l < net.layers(); ++l) {
        const MatrixView<const T> W = net.weight(l);
        add({W.data(), W.rows() * W.columns()},
            grad ? std::span<T>{grad->weight(l).data(), W.rows() * W.columns()} : std::span<T>{});
        if (kind == Penalty::all_parameters) {
            add(net.bias(l), grad ? grad->bias(l) : std::span<T>{});
        }
    }
    return Wide<T>(0.5 * strength) * squares;
}

}  // namespace handgrad::plain
