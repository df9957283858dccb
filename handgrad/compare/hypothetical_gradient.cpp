// One row at a time: forward, back as the hypothesis has it, and into the sums with the bounds of both.
#include "handgrad/compare/hypothetical_gradient.hpp"

#include <algorithm>
#include <cmath>
#include <span>

namespace handgrad::compare {
namespace {

using certify::BoundedNumber;
using certify::ErrorBound;
using certify::RowValues;
using certify::UnitBound;

using Sums = std::vector<BoundedNumber>;

/// Of one parameter, or of what is taken for its gradient.
struct LayerSums {
    Sums weight, weight_again, bias, bias_again, first, last, units;
};

BoundedNumbers finished(Sums& sums, std::size_t roundings, const certify::Arithmetic& arithmetic) {
    BoundedNumbers numbers;
    for (BoundedNumber& sum : sums) {
        sum.add_roundings(roundings, arithmetic);
        numbers.value.push_back(sum.value);
        numbers.error.push_back(sum.error.worst + sum.error.jump);
    }
    return numbers;
}

bool finite(const std::vector<double>& delta, const std::vector<UnitBound>& bound) {
    return std::ranges::all_of(delta, [](double d) { return std::isfinite(d); }) &&
           std::ranges::all_of(bound, [](const UnitBound& b) { return std::isfinite(b.error.worst + b.error.jump); });
}

/// Adds a row's δ and δ aᵀ; row `row` of so many.
void add_row(LayerSums& sums, const std::vector<double>& delta, const std::vector<UnitBound>& bound,
             std::span<const double> a, const std::vector<ErrorBound>& of_a, std::size_t row, std::size_t rows) {
    const auto times = static_cast<double>(rows - row);
    for (std::size_t i = 0; i < delta.size(); ++i) {
        const auto add_delta = [&](BoundedNumber& to, double factor) { to.add(delta[i], bound[i], 1.0, {}, factor); };
        add_delta(sums.bias[i], 1.0);
        add_delta(sums.bias_again[i], times);
        add_delta(sums.units[row], 1.0);
        if (row == 0) {
            add_delta(sums.first[i], 1.0);
        }
        if (row + 1 == rows) {
            add_delta(sums.last[i], 1.0);
        }
        for (std::size_t j = 0; j < a.size(); ++j) {
            sums.weight[i * a.size() + j].add(delta[i], bound[i], a[j], of_a[j]);
            sums.weight_again[i * a.size() + j].add(delta[i], bound[i], a[j], of_a[j], times);
        }
    }
}

}  // namespace

HypotheticalGradient hypothetical_gradient(const BasicMlp<double>& net, const LossFunction& function,
                                           const BasicDataset<double>& data, const Hypothesis& hypothesis,
                                           double unit) {
    const Architecture& shape = net.architecture();
    const std::size_t rows = data.rows();
    const double total = data.total_weight();
    const certify::Arithmetic theirs = certify::foreign_arithmetic(unit);
    certify::RowBound bounds(net, output_loss(function, shape.output, shape.activation_settings()),
                             reduction_factor(function.kind, net.outputs(), shape.conventions), theirs, hypothesis);
    std::vector<LayerSums> sums;
    for (std::size_t l = 0; l < net.layers(); ++l) {
        const Sums bias(net.bias(l).size()), weight(bias.size() * net.weight(l).columns());
        sums.push_back({weight, weight, bias, bias, bias, bias, Sums(rows)});
    }
    HypotheticalGradient result;
    BasicTape<double> tape(net, 1);
    RowValues values(net);
    for (std::size_t row = 0; row < rows; ++row) {
        const std::span<const double> x = data.x.row(row), y = data.y.row(row);
        const double share = data.weight(row) / total;
        forward(net, data.x.view().rows_from(row, 1), tape);
        for (std::size_t l = 0; l < net.layers(); ++l) {
            std::ranges::copy(tape.layer(l).z.row(0), values.z[l].begin());
            std::ranges::copy(tape.layer(l).a.row(0), values.a[l].begin());
        }
        bounds.backward(values, y, share);
        bounds(values, x, y, share);
        for (std::size_t l = 0; l < net.layers(); ++l) {
            const std::span<const double> a = l == 0 ? x : std::span<const double>(values.a[l - 1]);
            result.finite = result.finite && finite(values.delta[l], bounds.delta(l));
            add_row(sums[l], values.delta[l], bounds.delta(l), a, bounds.input(l), row, rows);
        }
        if (!result.finite) {
            break;
        }
    }
    const auto of = [&](Sums& numbers) { return finished(numbers, rows + 1, theirs); };
    for (LayerSums& layer : sums) {
        result.tensors.push_back({.all = of(layer.weight), .again = of(layer.weight_again)});
        result.tensors.push_back({.all = of(layer.bias),
                                  .again = of(layer.bias_again),
                                  .first = of(layer.first),
                                  .last = of(layer.last),
                                  .units = of(layer.units)});
    }
    return result;
}

}  // namespace handgrad::compare
