// One row at a time: forward, back as the hypothesis has it, and into the sums with the bounds of both.
#include "handgrad/compare/hypothetical_gradient.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>
#include <span>
#include <utility>

#include "handgrad/base/deal_out.hpp"

namespace handgrad::compare {
namespace {

using certify::BoundedNumber;
using certify::ErrorBound;
using certify::RowValues;
using certify::UnitBound;

using Sums = std::vector<BoundedNumber>;

/// A sum whose every partial result is rounded to so many binary digits.
class RunningSum {
public:
    explicit RunningSum(double unit)
        : splitter_(
              std::ldexp(1.0, std::numeric_limits<double>::digits + static_cast<int>(std::floor(std::log2(unit)))) +
              1.0) {}
    void add(double term) { sum_ = rounded(sum_ + rounded(term)); }
    [[nodiscard]] double value() const { return sum_; }

private:
    /// Veltkamp's splitting: the first part of v, to nearest.
    [[nodiscard]] double rounded(double v) const {
        const double t = splitter_ * v;
        return t - (t - v);
    }
    double splitter_;
    double sum_ = 0.0;
};

/// Of one parameter, or of what is taken for its gradient.
struct LayerSums {
    Sums weight, bias, bias_again, first, last, units;
    std::vector<double> weight_again;  ///< bounded by those of `weight`, as many times as there are rows
    std::vector<RunningSum> running_weight, running_bias;
};

BoundedNumbers finished(Sums& sums, std::size_t roundings, const certify::Arithmetic& arithmetic) {
    BoundedNumbers numbers;
    for (BoundedNumber& sum : sums) {
        sum.add_roundings(roundings, arithmetic);
        const certify::ExpectedEntry entry = certify::expected_entry(sum);
        numbers.value.push_back(entry.value);
        numbers.error.push_back(std::min(entry.usual, entry.worst) + entry.jump);
    }
    return numbers;
}

/// What a running sum has lost is usual too, and three times that of one in another order.
void add_running(const std::vector<RunningSum>& running, Sums& sums) {
    constexpr double another_order = 3.0;
    for (std::size_t i = 0; i < sums.size(); ++i) {
        const double lost = another_order * std::fabs(running[i].value() - sums[i].value);
        sums[i].usual += std::isfinite(lost) ? lost : 0.0;
    }
}

std::vector<certify::ExpectedEntry> entries_of(const Sums& sums) {
    std::vector<certify::ExpectedEntry> entries;
    std::ranges::transform(sums, std::back_inserter(entries), certify::expected_entry);
    return entries;
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
        if (delta[i] == 0.0 && bound[i].size == 0.0 && bound[i].error.worst == 0.0 && bound[i].error.jump == 0.0) {
            continue;  // a unit that is off adds nothing to any of these sums
        }
        const auto add_delta = [&](BoundedNumber& to, double factor) { to.add(delta[i], bound[i], 1.0, {}, factor); };
        add_delta(sums.bias[i], 1.0);
        sums.running_bias[i].add(delta[i]);
        add_delta(sums.bias_again[i], times);
        add_delta(sums.units[row], 1.0);
        if (row == 0) {
            add_delta(sums.first[i], 1.0);
        }
        if (row + 1 == rows) {
            add_delta(sums.last[i], 1.0);
        }
        for (std::size_t j = 0; j < a.size(); ++j) {
            if (a[j] == 0.0 && of_a[j].worst == 0.0) {
                continue;  // a pixel that is off adds nothing to any of these sums
            }
            sums.weight[i * a.size() + j].add(delta[i], bound[i], a[j], of_a[j]);
            sums.running_weight[i * a.size() + j].add(delta[i] * a[j]);
            sums.weight_again[i * a.size() + j] += times * delta[i] * a[j];
        }
    }
}

/// The sums with the roundings of the sums themselves.
HypotheticalGradient gradient_of(std::vector<LayerSums>& sums, std::size_t rows, const certify::Arithmetic& theirs) {
    HypotheticalGradient result;
    const auto of = [&](Sums& numbers) { return finished(numbers, rows + 1, theirs); };
    for (LayerSums& layer : sums) {
        add_running(layer.running_weight, layer.weight);
        add_running(layer.running_bias, layer.bias);
        const BoundedNumbers weight = of(layer.weight), bias = of(layer.bias);
        BoundedNumbers again{layer.weight_again, weight.error};
        for (double& error : again.error) {
            error *= static_cast<double>(rows);
        }
        result.tensors.push_back({.all = weight, .entries = entries_of(layer.weight), .again = std::move(again)});
        result.tensors.push_back({.all = bias,
                                  .entries = entries_of(layer.bias),
                                  .again = of(layer.bias_again),
                                  .first = of(layer.first),
                                  .last = of(layer.last),
                                  .units = of(layer.units)});
    }
    return result;
}

}  // namespace

HypotheticalGradient HypotheticalGradients::compute(const Hypothesis& hypothesis, const std::vector<bool>& wanted,
                                                    const OutputBounds* known, OutputBounds& found) const {
    const Architecture& shape = net_.architecture();
    const std::size_t rows = data_.rows();
    const double total = data_.total_weight();
    const certify::Arithmetic theirs = certify::foreign_arithmetic(unit_);
    certify::RowBound bounds(net_, output_loss(function_, shape.output, shape.activation_settings()),
                             reduction_factor(function_.kind, net_.outputs(), shape.conventions), theirs, hypothesis);
    std::vector<LayerSums> sums(net_.layers());
    for (std::size_t l = 0; l < net_.layers(); ++l) {
        if (!wanted.empty() && !wanted[l]) {
            continue;
        }
        const Sums bias(net_.bias(l).size()), weight(bias.size() * net_.weight(l).columns());
        sums[l] = {weight,
                   bias,
                   bias,
                   bias,
                   bias,
                   Sums(rows),
                   std::vector<double>(weight.size()),
                   std::vector<RunningSum>(weight.size(), RunningSum(unit_)),
                   std::vector<RunningSum>(bias.size(), RunningSum(unit_))};
    }
    bool all_finite = true;
    BasicTape<double> tape(net_, 1);
    RowValues values(net_);
    for (std::size_t row = 0; row < rows && all_finite; ++row) {
        const std::span<const double> x = data_.x.row(row), y = data_.y.row(row);
        const double share = data_.weight(row) / total;
        forward(net_, data_.x.view().rows_from(row, 1), tape);
        for (std::size_t l = 0; l < net_.layers(); ++l) {
            std::ranges::copy(tape.layer(l).z.row(0), values.z[l].begin());
            std::ranges::copy(tape.layer(l).a.row(0), values.a[l].begin());
        }
        bounds.backward(values, y, share);
        bounds(values, x, y, share, known == nullptr ? std::span<const UnitBound>() : (*known)[row]);
        for (std::size_t l = 0; l < net_.layers(); ++l) {
            const std::span<const double> a = l == 0 ? x : std::span<const double>(values.a[l - 1]);
            all_finite = all_finite && finite(values.delta[l], bounds.delta(l));
            if (!sums[l].bias.empty()) {
                add_row(sums[l], values.delta[l], bounds.delta(l), a, bounds.input(l), row, rows);
            }
        }
        if (all_finite && known == nullptr) {
            found.push_back(bounds.delta(net_.layers() - 1));
        }
    }
    HypotheticalGradient result = gradient_of(sums, rows, theirs);
    result.finite = all_finite;
    return result;
}

HypotheticalGradient HypotheticalGradients::operator()(const Hypothesis& hypothesis, const std::vector<bool>& wanted) {
    const Hypothesis* one = &hypothesis;
    return (*this)(std::span(&one, 1), wanted, 1).front();
}

std::vector<HypotheticalGradient> HypotheticalGradients::operator()(std::span<const Hypothesis* const> hypotheses,
                                                                    const std::vector<bool>& wanted,
                                                                    std::size_t threads) {
    std::vector<HypotheticalGradient> results(hypotheses.size());
    std::vector<OutputBounds> found(hypotheses.size());
    const auto key = [](const Hypothesis& of) { return Key{of.output, of.other_kink}; };
    deal_out(threads, hypotheses.size(), [&] {
        return [&](std::size_t i) {
            const auto known = of_output_.find(key(*hypotheses[i]));
            results[i] =
                compute(*hypotheses[i], wanted, known == of_output_.end() ? nullptr : &known->second, found[i]);
        };
    });
    for (std::size_t i = 0; i < hypotheses.size(); ++i) {
        if (found[i].size() == data_.rows()) {
            of_output_[key(*hypotheses[i])] = std::move(found[i]);
        }
    }
    return results;
}

}  // namespace handgrad::compare
