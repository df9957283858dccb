// The gradients of a model over a table: its rows in double and as the model has them, and what may be mistaken in
// them.
#include <algorithm>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "handgrad/certify/claims.hpp"
#include "handgrad/compare/comparison.hpp"
#include "handgrad/train/prediction.hpp"
#include "handgrad/train/settings.hpp"

namespace handgrad::compare {
namespace {

/// The rows as the table has them: numbers neither shifted nor scaled.
BasicDataset<double> unscaled_rows(const Model& model, const BasicDataset<double>& data) {
    BasicDataset<double> raw = data;
    std::size_t j = 0;
    for (const FeatureColumn& feature : model.preprocessing.features) {
        for (std::size_t row = 0; row < raw.rows() && !feature.categorical(); ++row) {
            raw.x(row, j) = data.x(row, j) * feature.scale + feature.shift;
        }
        j += feature.inputs();
    }
    for (std::size_t k = 0; model.preprocessing.task == Task::regression && k < raw.y.columns(); ++k) {
        const TargetColumn& target = model.preprocessing.targets[k];
        for (std::size_t row = 0; row < raw.rows(); ++row) {
            raw.y(row, k) = data.y(row, k) * target.scale + target.shift;
        }
    }
    return raw;
}

}  // namespace

Comparison compare_gradients(const Model& model, const Table& table, std::span<const NamedArray> theirs,
                             const std::string& source, bool allow_extra, std::size_t threads) {
    const std::vector<std::size_t> rows = all_rows(table.rows);
    const ApplyOptions options{.labels = Labels::required, .allow_extra = allow_extra};
    const BasicDataset<double> data = apply_preprocessing<double>(model.preprocessing, table, rows, options);
    check_target_domain(model.preprocessing, table, rows, model.loss.kind);
    const BasicMlp<double> net = std::visit([](const auto& own) { return convert<double>(own); }, model.net);
    const BasicDataset<double> unscaled = unscaled_rows(model, data);
    ComparedTo to{.penalty = model.weight_decay, .unscaled = &unscaled, .threads = threads};
    to.learning_rates = {1e-3, 1e-2, 0.05, 0.1, 0.5, 1.0};
    to.batches = {1, 16, 32, 50, 64, 100, 128, 256, data.rows() / 2, data.rows() - 1};
    if (const std::optional<FitOptions> recorded = recorded_options(model)) {
        to.learning_rates.push_back(recorded->training.optimizer.learning_rate);
        to.batches.push_back(recorded->training.batch);
    }
    BasicDataset<double> rounded;
    if (!model.is_double()) {
        rounded = certify::in_double(apply_preprocessing<float>(model.preprocessing, table, rows, options));
        to.rounded = &rounded;
    }
    std::ranges::sort(to.batches);
    to.batches.erase(std::unique(to.batches.begin(), to.batches.end()), to.batches.end());
    return compare_gradients(net, model.loss, data, theirs, source, to);
}

}  // namespace handgrad::compare
