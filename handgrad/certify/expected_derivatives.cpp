// One row of the witness and its bounds after the other, summed as the engine sums them.
#include "handgrad/certify/expected_derivatives.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

#include "handgrad/certify/row_witness.hpp"
#include "handgrad/kernels/plan.hpp"

namespace handgrad::certify {

Expectation expected_derivatives(const BasicMlp<double>& net, const LossFunction& function,
                                 const BasicDataset<double>& data, const Arithmetic& arithmetic,
                                 std::span<const double> times) {
    const auto weight = [&](std::size_t row) { return data.weight(row) * (times.empty() ? 1.0 : times[row]); };
    double total = 0.0, batch = 0.0;
    for (std::size_t row = 0; row < data.rows(); ++row) {
        total += weight(row);
        batch += times.empty() ? 1.0 : times[row];
    }
    const auto rows = static_cast<std::size_t>(batch);
    const math::OutputLoss loss =
        output_loss(function, net.architecture().output, net.architecture().activation_settings());
    const double reduction = reduction_factor(function.kind, net.outputs(), net.architecture().conventions);
    RowWitness witness(net, loss, reduction);
    RowBound bounds(net, loss, reduction, arithmetic);
    Expectation expected;
    for (std::size_t l = 0; l < net.layers(); ++l) {
        expected.parameters.emplace_back(net.weight(l).rows() * net.weight(l).columns());
        expected.parameters.emplace_back(net.bias(l).size());
    }
    for (std::size_t row = 0; row < data.rows(); ++row) {
        const double share = weight(row) / total;
        const RowDerivatives& found = witness(data.x.row(row), data.y.row(row), share);
        bounds(found, data.x.row(row), data.y.row(row), share);
        for (std::size_t l = 0; l < net.layers(); ++l) {
            const std::span<const double> a = l == 0 ? data.x.row(row) : std::span<const double>(found.a[l - 1]);
            for (std::size_t i = 0; i < net.bias(l).size(); ++i) {
                const UnitBound& bound = bounds.delta(l)[i];
                for (std::size_t j = 0; j < a.size(); ++j) {
                    expected.parameters[2 * l][i * a.size() + j].add(found.delta[l][i], bound, a[j],
                                                                     bounds.input(l)[j]);
                }
                expected.parameters[2 * l + 1][i].add(found.delta[l][i], bound, 1.0, {});
            }
        }
        for (std::size_t k = 0; k < net.outputs(); ++k) {
            const std::vector<UnitBound> bound = bounds.input_jacobian(found, k);
            for (std::size_t j = 0; j < bound.size(); ++j) {
                expected.input.push_back({.value = found.input_jacobian(k, j),
                                          .size = bound[j].size,
                                          .error = bound[j].error,
                                          .usual = probable_deviations * std::sqrt(bound[j].error.square)});
            }
        }
    }
    // Leaves of rows in sequence, then a binary tree over them (docs/numerics.md).
    const std::size_t in_sequence =
        std::min(rows, kernels::leaf_rows) + std::bit_width((rows - 1) / kernels::leaf_rows) + 1;
    for (std::vector<BoundedNumber>& parameter : expected.parameters) {
        for (BoundedNumber& entry : parameter) {
            entry.add_roundings(in_sequence, arithmetic);
        }
    }
    return expected;
}

}  // namespace handgrad::certify
