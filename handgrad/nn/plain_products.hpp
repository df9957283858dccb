// Products with the derivatives of the outputs and of the loss by the weights, as plain loops over any type of number:
// the definition of what nn/weight_products.hpp does on the kernels, instantiated in tests for the witnesses.
#pragma once

#include <cassert>
#include <cstddef>
#include <span>
#include <vector>

#include "handgrad/base/matrix.hpp"
#include "handgrad/math/weight_row.hpp"
#include "handgrad/nn/mlp.hpp"
#include "handgrad/nn/plain_loops.hpp"

namespace handgrad::plain {

/// Rows, what they should give and what they count.
template <class T>
struct WeightedRows {
    MatrixView<const T> x, y;
    std::span<const T> weights = {};
    /// What row r counts in the mean over rows, times the reduction.
    [[nodiscard]] T share(std::size_t r, double reduction) const {
        const Wide<T> weight = weights.empty() ? Wide<T>(1) : Wide<T>(weights[r]);
        return T(Wide<T>(reduction) * weight / total_of<T>(weights, x.rows()));
    }
};

/// Calls f(row, r) with each row after forward().
template <class T, class F>
void for_each_row(const BasicMlp<T>& net, MatrixView<const T> x, const F& f) {
    const AsRead<T> as_read(net);
    std::vector<T> room(math::WeightRow<T, T>::room_for(as_read.net()));
    math::WeightRow<T, T> row(as_read.net(), room.data());
    for (std::size_t r = 0; r < x.rows(); ++r) {
        row.forward(x.row(r).data());
        f(row, r);
    }
}

/// levenberg_marquardt (L3): ∂ŷₖ/∂w of row r in row r K + k of `result` (rows K × parameters).
template <class T>
void parameter_jacobian(const BasicMlp<T>& net, MatrixView<const T> x, MatrixView<T> result) {
    const std::size_t K = net.outputs();
    assert(result.rows() == x.rows() * K && result.columns() == net.parameters().size());
    std::vector<T> unit(K);
    for_each_row(net, x, [&](math::WeightRow<T, T>& row, std::size_t r) {
        for (std::size_t k = 0; k < K; ++k) {
            unit.assign(K, T(0));
            unit[k] = T(1);
            row.backward(x.row(r).data(), unit.data(), math::SetEach<T>{result.row(r * K + k).data()});
        }
    });
}

/// (L1): J v, rows × K. v has the order of the parameters.
template <class T>
void along(const BasicMlp<T>& net, MatrixView<const T> x, std::span<const T> v, MatrixView<T> result) {
    for_each_row(net, x, [&](math::WeightRow<T, T>& row, std::size_t r) {
        row.along(x.row(r).data(), v.data());
        std::ranges::copy(row.yhat_along(), result.row(r).begin());
    });
}

/// (L2): the second derivative of ŷ along v, rows × K.
template <class T>
void along_twice(const BasicMlp<T>& net, MatrixView<const T> x, std::span<const T> v, MatrixView<T> result) {
    for_each_row(net, x, [&](math::WeightRow<T, T>& row, std::size_t r) {
        row.along(x.row(r).data(), v.data());
        row.along_twice(v.data());
        std::ranges::copy(row.yhat_twice(), result.row(r).begin());
    });
}

/// (L4): adds Jᵀ u of all rows to `result`; u is rows × K.
template <class T>
void transposed(const BasicMlp<T>& net, MatrixView<const T> x, MatrixView<const T> u, std::span<T> result) {
    for_each_row(net, x, [&](math::WeightRow<T, T>& row, std::size_t r) {
        row.backward(x.row(r).data(), u.row(r).data(), math::AddEach<T>{result.data()});
    });
}

/// The derivative of each row's own loss, rows × parameters.
template <class T>
void row_gradients(const LossFunction& function, const BasicMlp<T>& net, const WeightedRows<T>& rows,
                   MatrixView<T> result) {
    const std::size_t K = net.outputs();
    const Architecture& shape = net.architecture();
    const math::OutputLoss pair = output_loss(function, shape.output, shape.activation_settings());
    const T factor = T(reduction_factor(function.kind, K, shape.conventions));
    std::vector<T> dz(K), da(K);
    for_each_row(net, rows.x, [&](math::WeightRow<T, T>& row, std::size_t r) {
        math::row_loss<T>(pair, row.logits(), row.yhat(), rows.y.row(r), factor, math::Derivatives::logits, dz, da);
        row.backward_from_logits(rows.x.row(r).data(), dz.data(), math::SetEach<T>{result.row(r).data()});
    });
}

/// (L5): adds Jᵀ (∂²l/∂ŷ²) J v of the mean loss to `result`.
template <class T>
void gauss_newton_product(const LossFunction& function, const BasicMlp<T>& net, const WeightedRows<T>& rows,
                          std::span<const T> v, std::span<T> result) {
    const Architecture& shape = net.architecture();
    const math::OutputLoss pair = output_loss(function, shape.output, shape.activation_settings());
    const double reduction = reduction_factor(function.kind, net.outputs(), shape.conventions);
    std::vector<T> dz(net.outputs());
    for_each_row(net, rows.x, [&](math::WeightRow<T, T>& row, std::size_t r) {
        row.along(rows.x.row(r).data(), v.data());
        row.gauss_newton(pair, rows.y.row(r).data(), rows.share(r, reduction), dz.data());
        row.backward_from_logits(rows.x.row(r).data(), dz.data(), math::AddEach<T>{result.data()});
    });
}

/// (L6), (L7): adds the Hessian of the mean loss by the parameters times v to `result`.
template <class T>
void hessian_product(const LossFunction& function, const BasicMlp<T>& net, const WeightedRows<T>& rows,
                     std::span<const T> v, std::span<T> result) {
    const std::size_t K = net.outputs();
    const Architecture& shape = net.architecture();
    const math::OutputLoss pair = output_loss(function, shape.output, shape.activation_settings());
    const double reduction = reduction_factor(function.kind, K, shape.conventions);
    std::vector<T> dz(K), da(K);
    for_each_row(net, rows.x, [&](math::WeightRow<T, T>& row, std::size_t r) {
        const T share = rows.share(r, reduction);
        row.along(rows.x.row(r).data(), v.data());
        math::row_loss<T>(pair, row.logits(), row.yhat(), rows.y.row(r), share, math::Derivatives::logits, dz, da);
        row.hessian(rows.x.row(r).data(), pair, rows.y.row(r).data(), share, dz.data(), v.data(), result.data());
    });
}

}  // namespace handgrad::plain
