// ∂ŷ/∂x in the user's units, row block after row block, and the loss after shuffles of each column.
#include "handgrad/diagnose/sensitivity.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <iterator>
#include <span>
#include <utility>
#include <variant>

#include "handgrad/base/error.hpp"
#include "handgrad/base/random.hpp"
#include "handgrad/train/prediction.hpp"

namespace handgrad::diagnose {
namespace {

/// Sums over rows of one derivative: by Welford's recurrence, so that a derivative that hardly varies keeps the digits
/// of its spread.
struct Moments {
    std::size_t rows = 0;
    double mean = 0.0, spread = 0.0, squares = 0.0;
    double signs = 0.0;

    void add(double value) {
        ++rows;
        const double before = value - mean;
        mean += before / static_cast<double>(rows);
        spread += before * (value - mean);
        squares += value * value;
        if (value > 0.0) {
            signs += 1.0;
        } else if (value < 0.0) {
            signs -= 1.0;
        }
    }
    [[nodiscard]] double sd() const { return std::sqrt(spread / static_cast<double>(rows)); }
    [[nodiscard]] double rms() const { return std::sqrt(squares / static_cast<double>(rows)); }
    [[nodiscard]] double sign() const { return signs / static_cast<double>(rows); }
};

/// The loss of each output alone, mean over rows, unreduced, without penalty.
template <class T>
std::vector<double> losses(const BasicMlp<T>& net, const LossFunction& function, const BasicDataset<T>& data,
                           const Execution& execution) {
    const Outputs<T> out = outputs(net, data.x, execution);
    const std::size_t K = net.outputs();
    const bool shared = net.architecture().output == Activation::softmax;  // its outputs have one loss together
    std::vector<double> result;
    for (std::size_t k = 0; k < K; ++k) {
        std::size_t first = k, width = 1;
        if (shared) {
            first = 0;
            width = K;
        }
        TapeLayer<T> layer{net.architecture().output, net.architecture().activation_settings(),
                           net.architecture().conventions, Matrix<T>(data.rows(), width),
                           Matrix<T>(data.rows(), width)};
        Matrix<T> y(data.rows(), width);
        for (std::size_t row = 0; row < data.rows(); ++row) {
            std::ranges::copy(std::as_const(out.z).row(row).subspan(first, width), layer.z.row(row).begin());
            std::ranges::copy(std::as_const(out.yhat).row(row).subspan(first, width), layer.a.row(row).begin());
            std::ranges::copy(data.y.row(row).subspan(first, width), y.row(row).begin());
        }
        result.push_back(loss_value(function, layer, y, data.weights));
    }
    return result;
}

/// The mean rise of each output's loss when the inputs first … first + width − 1 come from other rows.
template <class T>
std::vector<double> permutation_importance(const BasicMlp<T>& net, const LossFunction& function, BasicDataset<T>& data,
                                           std::size_t first, std::size_t width, const std::vector<double>& before,
                                           const SensitivityOptions& how, const Execution& execution) {
    Matrix<T> kept(data.rows(), width);
    for (std::size_t row = 0; row < data.rows(); ++row) {
        std::ranges::copy(data.x.row(row).subspan(first, width), kept.row(row).begin());
    }
    const auto fill = [&](const auto& source) {
        for (std::size_t row = 0; row < data.rows(); ++row) {
            std::ranges::copy(kept.row(source(row)), data.x.row(row).subspan(first, width).begin());
        }
    };
    std::vector<double> rise(before.size());
    for (std::size_t repeat = 0; repeat < how.repeats; ++repeat) {
        const RandomStream stream(how.seed, Purpose::shuffle, static_cast<std::uint32_t>(first * how.repeats + repeat));
        const std::vector<std::size_t> order = permutation(data.rows(), stream);
        fill([&](std::size_t row) { return order[row]; });
        const std::vector<double> after = losses(net, function, data, execution);
        for (std::size_t k = 0; k < rise.size(); ++k) {
            rise[k] += (after[k] - before[k]) / static_cast<double>(how.repeats);
        }
    }
    fill([](std::size_t row) { return row; });
    return rise;
}

/// Standard deviation of each input in the user's units.
template <class T>
std::vector<double> input_spreads(const BasicDataset<T>& data, const std::vector<double>& slopes) {
    std::vector<Moments> moments(data.x.columns());
    for (std::size_t row = 0; row < data.rows(); ++row) {
        for (std::size_t j = 0; j < moments.size(); ++j) {
            moments[j].add(static_cast<double>(data.x(row, j)) / slopes[j]);
        }
    }
    std::vector<double> spreads;
    std::ranges::transform(moments, std::back_inserter(spreads), &Moments::sd);
    return spreads;
}

}  // namespace

template <class T>
std::vector<ColumnSensitivity> sensitivity(const Model& model, BasicDataset<T> data, const SensitivityOptions& how,
                                           const Execution& execution) {
    assert(how.repeats > 0);
    const BasicMlp<T>& net = std::get<BasicMlp<T>>(model.net);
    const Preprocessing& columns = model.preprocessing;
    const std::size_t n = net.inputs(), K = net.outputs();
    std::vector<Moments> moments;
    for_each_jacobian<T>(model, data.x, execution, [&](std::span<const double> row) {
        moments.resize(row.size());  // after their number has been found acceptable
        for (std::size_t i = 0; i < row.size(); ++i) {
            moments[i].add(row[i]);
        }
    });
    moments.resize(K * n);
    const bool labelled = data.y.rows() > 0;
    const std::vector<double> before =
        labelled ? losses(net, model.loss, data, execution) : std::vector<double>(K, std::nan(""));
    const std::vector<double> spreads = input_spreads(data, columns.input_slopes());
    const std::vector<std::string> inputs = columns.input_names(), outputs = output_names(model);

    std::vector<ColumnSensitivity> result;
    std::size_t first = 0;
    for (const FeatureColumn& feature : columns.features) {
        if (how.stop && how.stop()) {
            return {};
        }
        const std::vector<double> rise =
            labelled ? permutation_importance(net, model.loss, data, first, feature.inputs(), before, how, execution)
                     : before;
        for (std::size_t j = first; j < first + feature.inputs(); ++j) {
            for (std::size_t k = 0; k < K; ++k) {
                const Moments& m = moments[k * n + j];
                result.push_back({.name = inputs[j],
                                  .target = outputs[k],
                                  .mean = m.mean,
                                  .sd = m.sd(),
                                  .rms = m.rms(),
                                  .sign = m.sign(),
                                  .effect = m.rms() * spreads[j],
                                  .permutation = rise[k]});
            }
        }
        first += feature.inputs();
    }
    return result;
}

std::vector<ColumnSensitivity> sensitivity(const Model& model, const Table& table, const ApplyOptions& options,
                                           const SensitivityOptions& how, const Execution& execution) {
    if (table.rows == 0) {
        throw Error(ErrorKind::data, table.source + ": the table has no rows; there is nothing to measure on");
    }
    if (options.labels == Labels::required) {
        check_target_domain(model.preprocessing, table, all_rows(table.rows), model.loss.kind);
    }
    return std::visit(
        [&]<class T>(const BasicMlp<T>& /*net*/) {
            return sensitivity(model, apply_preprocessing<T>(model.preprocessing, table, all_rows(table.rows), options),
                               how, execution);
        },
        model.net);
}

template std::vector<ColumnSensitivity> sensitivity(const Model&, BasicDataset<float>, const SensitivityOptions&,
                                                    const Execution&);
template std::vector<ColumnSensitivity> sensitivity(const Model&, BasicDataset<double>, const SensitivityOptions&,
                                                    const Execution&);

}  // namespace handgrad::diagnose
