// The signs of the weights, and slopes on rows and on a grid.
#include "handgrad/certify/monotonicity.hpp"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "handgrad/base/error.hpp"
#include "handgrad/nn/monotone.hpp"
#include "handgrad/nn/predictor.hpp"
#include "handgrad/train/monotone_columns.hpp"
#include "handgrad/train/settings.hpp"

namespace handgrad::certify {
namespace {

constexpr std::size_t grid_points = 33, grid_rows = 16;

std::vector<std::string> promised(const Model& model) {
    const auto found = model.settings.find(std::string(settings::monotone.name));
    if (found == model.settings.end()) {
        return {};
    }
    const auto* columns = std::get_if<std::vector<std::string>>(&found->second);
    return columns == nullptr ? std::vector<std::string>() : *columns;
}

/// What an input went through in training; of a model that has not kept it, in the rows at hand.
template <class T>
std::pair<double, double> range_of(const Model& model, const BasicDataset<T>& sample, std::size_t input) {
    const TrainingRows& known = model.training_rows;
    if (input < known.lowest.size() && input < known.highest.size()) {
        return {known.lowest[input], known.highest[input]};
    }
    double low = static_cast<double>(sample.x(0, input)), high = low;
    for (std::size_t row = 1; row < sample.rows(); ++row) {
        low = std::min(low, static_cast<double>(sample.x(row, input)));
        high = std::max(high, static_cast<double>(sample.x(row, input)));
    }
    return {low, high};
}

/// Rows that are alike but for one input, which takes `grid_points` values.
template <class T>
Matrix<T> grid(const Model& model, const BasicDataset<T>& sample, std::size_t input) {
    const auto [low, high] = range_of(model, sample, input);
    const double width = high > low ? high - low : 1.0;
    const std::size_t rows = std::min(grid_rows, sample.rows());
    Matrix<T> x(rows * grid_points, sample.x.columns());
    for (std::size_t i = 0; i < x.rows(); ++i) {
        std::ranges::copy(sample.x.row(i / grid_points), x.row(i).begin());
        const double share = static_cast<double>(i % grid_points) / static_cast<double>(grid_points - 1);
        x(i, input) = static_cast<T>(low + (2.0 * share - 0.5) * width);
    }
    return x;
}

}  // namespace

template <class T>
CertifiedMonotone certify_monotone(const Model& model, const BasicDataset<T>& sample, const Execution& execution) {
    CertifiedMonotone result{.columns = promised(model)};
    if (result.columns.empty()) {
        return result;
    }
    const auto& net = std::get<BasicMlp<T>>(model.net);
    std::vector<int> signs;
    try {
        signs = input_signs(result.columns, model.preprocessing, "the model");
        refuse_classes(model.preprocessing);
        if (const std::optional<WrongSign> wrong = first_wrong_sign(net, signs)) {
            result.broken_by = wrong->text();
        }
    } catch (const Error& error) {
        result.broken_by = error.what();  // a file whose promise is not one of this network
    }
    BasicPredictor<T> predictor(net, execution);
    const std::size_t n = net.inputs(), K = net.outputs();
    const auto look = [&](MatrixView<const T> x, auto&& asked) {
        Matrix<T> yhat(x.rows(), K), slopes(x.rows(), K * n);
        predictor.jacobian(x, yhat, slopes);
        for (std::size_t row = 0; row < x.rows(); ++row) {
            for (std::size_t k = 0; k < K; ++k) {
                for (std::size_t i = 0; i < n; ++i) {
                    if (!asked(i)) {
                        continue;
                    }
                    const T slope = static_cast<T>(signs[i]) * slopes(row, k * n + i);
                    ++result.slopes;
                    result.against += slope >= T(0) ? 0 : 1;  // a NaN too
                }
            }
        }
    };
    for (std::size_t input = 0; input < signs.size(); ++input) {
        if (signs[input] != 0) {
            look(grid(model, sample, input), [input](std::size_t i) { return i == input; });
        }
    }
    if (!signs.empty()) {
        look(sample.x, [&](std::size_t i) { return signs[i] != 0; });
    }
    if (!result.broken_by.empty() || result.against > 0) {
        result.verdict = Verdict::fail;
    }
    return result;
}

template CertifiedMonotone certify_monotone(const Model&, const BasicDataset<float>&, const Execution&);
template CertifiedMonotone certify_monotone(const Model&, const BasicDataset<double>&, const Execution&);

}  // namespace handgrad::certify
