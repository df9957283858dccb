// The derivation itself: two linear layers, Eq. (1)–(19) and Tables 1–5 written literally, dense Jacobians and all.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "handgrad/base/checks.hpp"
#include "handgrad/base/matrix.hpp"
#include "handgrad/math/elementary.hpp"
#include "handgrad/math/number.hpp"

/// This is the oracle, not the engine: it forms every Jacobian as a dense matrix, multiplies them in the order of the
/// backward table, and keeps the literal formulas even where they overflow (σ′ is NaN for z ≤ −710 in double), so use
/// it in a wider type and at moderate arguments. Sizes that do not fit raise Error(usage). Symbols as in the
/// derivation: input x ∈ ℝⁿ, hidden width r, outputs K.
namespace handgrad::math::two_layer {

enum class Hidden { relu, sigmoid };      ///< f
enum class Output { identity, sigmoid };  ///< g
enum class TwoLayerLoss { squared_error, binary_cross_entropy };

template <class T>
using Vector = std::vector<T>;

/// Step 1: the model of Eq. (1), Linear₁ → f → Linear₂ → g.
template <class T>
struct Network {
    Matrix<T> W1;  ///< W⁽¹⁾, r×n
    Vector<T> b1;  ///< b⁽¹⁾, r
    Matrix<T> W2;  ///< W⁽²⁾, K×r
    Vector<T> b2;  ///< b⁽²⁾, K
    Hidden f = Hidden::relu;
    Output g = Output::identity;
    TwoLayerLoss loss = TwoLayerLoss::squared_error;
};

/// The rows of Table 1 (relu, identity), Table 3 or Table 5 (σ, σ).
template <class T>
struct Forward {
    Vector<T> z1, z2, z3, yhat;
    T l;
};

/// The factors of the backward table, in numerator layout, and its four rows in the parameters' own shapes.
template <class T>
struct Backward {
    Matrix<T> dl_dyhat;   ///< 1×K
    Matrix<T> dyhat_dz3;  ///< K×K
    Matrix<T> dz2_dz1;    ///< r×r
    Matrix<T> dW1;        ///< r×n
    Vector<T> db1;        ///< r
    Matrix<T> dW2;        ///< K×r
    Vector<T> db2;        ///< K
    Matrix<T> dyhat_dx;   ///< K×n, g′ W⁽²⁾ f′ W⁽¹⁾ (derivation §7)
};

/// A vector or a matrix of the sizes that the network's W⁽¹⁾ (r×n) and W⁽²⁾ (K×r) ask for.
template <class T>
void check(checks::Argument argument, const Vector<T>& v, std::size_t needed) {
    checks::equal(argument, v.size(), "numbers", "needed are", needed);
}
template <class T>
void check(checks::Argument argument, const Matrix<T>& m, std::size_t rows, std::size_t columns) {
    checks::equal(argument, m.rows(), "rows", "needed are", rows);
    checks::equal(argument, m.columns(), "columns", "needed are", columns);
}
template <class T>
void check(const char* function, const Network<T>& net) {
    check({function, "net.b1"}, net.b1, net.W1.rows());
    checks::equal({function, "net.W2"}, net.W2.columns(), "columns", "W1 has rows", net.W1.rows());
    check({function, "net.b2"}, net.b2, net.W2.rows());
}

template <class T>
Matrix<T> product(const Matrix<T>& a, const Matrix<T>& b) {
    checks::equal({"product", "b"}, b.rows(), "rows", "a has columns", a.columns());
    Matrix<T> c(a.rows(), b.columns());
    for (std::size_t i = 0; i < a.rows(); ++i) {
        for (std::size_t j = 0; j < b.columns(); ++j) {
            for (std::size_t k = 0; k < a.columns(); ++k) {
                c(i, j) += a(i, k) * b(k, j);
            }
        }
    }
    return c;
}

/// W v + b.
template <class T>
Vector<T> linear(const Matrix<T>& W, const Vector<T>& v, const Vector<T>& b) {
    check({"linear", "v"}, v, W.columns());
    check({"linear", "b"}, b, W.rows());
    Vector<T> z = b;
    for (std::size_t i = 0; i < W.rows(); ++i) {
        for (std::size_t j = 0; j < W.columns(); ++j) {
            z[i] += W(i, j) * v[j];
        }
    }
    return z;
}

/// σ(z) = 1/(1 + e^{−z}).
template <class T>
T sigma(T z) {
    return T(1) / (T(1) + exp(-z));
}
/// One diagonal entry of Eq. (12) to Eq. (15): e^{−z}/(1 + e^{−z})².
template <class T>
T sigma_prime(T z) {
    return exp(-z) / ((T(1) + exp(-z)) * (T(1) + exp(-z)));
}
/// Eq. (7), the indicator of [0, ∞): 1 for z ≥ 0, 0 for z < 0.
template <class T>
T indicator(T z) {
    return select(less(z, T(0)), T(0), T(1));
}

/// Table 1, Table 3, Table 5 and Step 2: Eq. (2), ŷ = g(Linear₂(f(Linear₁(x)))). Then Step 3, the loss: Eq. (3) or
/// that of Table 5.
template <class T>
Forward<T> forward(const Network<T>& net, const Vector<T>& x, const Vector<T>& y) {
    check("forward", net);
    check({"forward", "x"}, x, net.W1.columns());
    check({"forward", "y"}, y, net.W2.rows());
    Forward<T> t;
    t.z1 = linear(net.W1, x, net.b1);  // Eq. (1)
    t.z2 = t.z1;
    for (T& z : t.z2) {
        if (net.f == Hidden::relu) {
            z = select(less(z, T(0)), T(0), z);
        } else {
            z = sigma(z);
        }
    }
    t.z3 = linear(net.W2, t.z2, net.b2);
    t.yhat = t.z3;
    if (net.g == Output::sigmoid) {
        for (T& z : t.yhat) {
            z = sigma(z);
        }
    }
    t.l = T(0);
    const T K = T(static_cast<double>(y.size()));
    for (std::size_t j = 0; j < y.size(); ++j) {
        if (net.loss == TwoLayerLoss::squared_error) {
            t.l += (t.yhat[j] - y[j]) * (t.yhat[j] - y[j]);  // Eq. (3)
        } else {
            t.l += -(y[j] * log(t.yhat[j]) + (T(1) - y[j]) * log(T(1) - t.yhat[j])) / K;  // Table 5, row loss
        }
    }
    return t;
}

/// Eq. (5), Eq. (6) for ReLU; Eq. (12), Eq. (13) for σ: ∂z₂/∂z₁ ∈ ℝ^{r×r}.
template <class T>
Matrix<T> hidden_jacobian(Hidden f, const Vector<T>& z1) {
    Matrix<T> J(z1.size(), z1.size());
    for (std::size_t i = 0; i < z1.size(); ++i) {
        if (f == Hidden::relu) {
            J(i, i) = indicator(z1[i]);
        } else {
            J(i, i) = sigma_prime(z1[i]);
        }
    }
    return J;
}

/// Eq. (8), Eq. (9) for the identity; Eq. (14), Eq. (15) for σ: ∂ŷ/∂z₃ ∈ ℝ^{K×K}.
template <class T>
Matrix<T> output_jacobian(Output g, const Vector<T>& z3) {
    Matrix<T> J(z3.size(), z3.size());
    for (std::size_t i = 0; i < z3.size(); ++i) {
        if (g == Output::identity) {
            J(i, i) = T(1);
        } else {
            J(i, i) = sigma_prime(z3[i]);
        }
    }
    return J;
}

/// Eq. (10), Eq. (11), and again Eq. (16), Eq. (17), for the squared error; Eq. (18), Eq. (19) for binary
/// cross-entropy: ∂l/∂ŷ ∈ ℝ^{1×K}.
template <class T>
Matrix<T> loss_jacobian(TwoLayerLoss loss, const Vector<T>& yhat, const Vector<T>& y) {
    check({"loss_jacobian", "yhat"}, yhat, y.size());
    Matrix<T> J(1, y.size());
    const T K = T(static_cast<double>(y.size()));
    for (std::size_t j = 0; j < y.size(); ++j) {
        if (loss == TwoLayerLoss::squared_error) {
            J(0, j) = T(2) * (yhat[j] - y[j]);
        } else {
            J(0, j) = -(y[j] / yhat[j] - (T(1) - y[j]) / (T(1) - yhat[j])) / K;
        }
    }
    return J;
}

/// Step 4, Table 2 and Table 4: each gradient as its product of factors. A row of the table that starts with a vector,
/// x · (row), is the transpose of the parameter's shape (derivation §6.2); here it is stored in the parameter's own.
template <class T>
Backward<T> backward(const Network<T>& net, const Vector<T>& x, const Vector<T>& y, const Forward<T>& t) {
    check("backward", net);
    check({"backward", "x"}, x, net.W1.columns());
    check({"backward", "y"}, y, net.W2.rows());
    check({"backward", "t.z1"}, t.z1, net.W1.rows());
    check({"backward", "t.z2"}, t.z2, net.W1.rows());
    check({"backward", "t.z3"}, t.z3, net.W2.rows());
    check({"backward", "t.yhat"}, t.yhat, net.W2.rows());
    Backward<T> d;
    d.dl_dyhat = loss_jacobian(net.loss, t.yhat, y);
    d.dyhat_dz3 = output_jacobian(net.g, t.z3);
    d.dz2_dz1 = hidden_jacobian(net.f, t.z1);

    const Matrix<T> row2 = product(d.dl_dyhat, d.dyhat_dz3);           // Table 2, row b⁽²⁾
    const Matrix<T> row1 = product(product(row2, net.W2), d.dz2_dz1);  // Table 2, row b⁽¹⁾
    const auto outer = [](const Matrix<T>& row, const Vector<T>& v) {
        Matrix<T> m(row.columns(), v.size());
        for (std::size_t i = 0; i < row.columns(); ++i) {
            for (std::size_t j = 0; j < v.size(); ++j) {
                m(i, j) = row(0, i) * v[j];
            }
        }
        return m;
    };
    d.dW1 = outer(row1, x);  // Table 2, row W⁽¹⁾
    d.db1.assign(row1.values().begin(), row1.values().end());
    d.dW2 = outer(row2, t.z2);  // Table 2, row W⁽²⁾
    d.db2.assign(row2.values().begin(), row2.values().end());
    d.dyhat_dx = product(product(product(d.dyhat_dz3, net.W2), d.dz2_dz1), net.W1);
    return d;
}

/// Step 5, Eq. (4): w ← w − η ∂l/∂w for every parameter.
template <class T>
void update(Network<T>& net, const Backward<T>& d, T eta) {
    check({"update", "d.dW1"}, d.dW1, net.W1.rows(), net.W1.columns());
    check({"update", "d.db1"}, d.db1, net.b1.size());
    check({"update", "d.dW2"}, d.dW2, net.W2.rows(), net.W2.columns());
    check({"update", "d.db2"}, d.db2, net.b2.size());
    const auto step = [eta](auto&& w, auto&& dw) {
        for (std::size_t i = 0; i < w.size(); ++i) {
            w[i] -= eta * dw[i];
        }
    };
    step(net.W1.values(), d.dW1.values());
    step(net.b1, d.db1);
    step(net.W2.values(), d.dW2.values());
    step(net.b2, d.db2);
}

}  // namespace handgrad::math::two_layer
