// Compared is what the network sees, by which the numbers of the training rows pass whatever their rounding.
#include "handgrad/train/outside.hpp"

#include <algorithm>
#include <limits>
#include <variant>

#include "handgrad/base/wording.hpp"

namespace handgrad {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

/// In widths of the range; 0 within it.
double beyond(const TrainingRows& known, std::size_t input, double x) {
    if (within_training_range(known, input, x)) {
        return 0.0;
    }
    const double width = known.highest[input] - known.lowest[input];
    const double by = std::max(known.lowest[input] - x, x - known.highest[input]);
    return width > 0.0 ? by / width : infinity;
}

/// Of a category: whether no row had it that was learned from, or the model does not know it.
template <class T>
bool new_category(const TrainingRows& known, std::span<const T> inputs, std::size_t first, std::size_t count) {
    for (std::size_t j = first; j < first + count; ++j) {
        if (inputs[j] != T(0)) {
            return static_cast<double>(inputs[j]) > known.highest[j];
        }
    }
    return true;
}

}  // namespace

std::optional<std::vector<OutsideCell>> outside_cells(const Model& model, const Table& table,
                                                      const ApplyOptions& options) {
    const TrainingRows& known = model.training_rows;
    if (known.empty()) {
        return std::nullopt;
    }
    const std::vector<FeatureColumn>& features = model.preprocessing.features;
    std::vector<OutsideCell> cells;
    std::visit(
        [&]<class T>(const BasicMlp<T>& /*net*/) {
            const auto data = apply_preprocessing<T>(model.preprocessing, table, all_rows(table.rows), options);
            for (std::size_t row = 0; row < data.rows(); ++row) {
                std::size_t input = 0;
                for (std::size_t f = 0; f < features.size(); ++f) {
                    double far = 0.0;
                    if (!features[f].categorical()) {
                        far = beyond(known, input, static_cast<double>(data.x(row, input)));
                    } else if (new_category<T>(known, data.x.row(row), input, features[f].inputs())) {
                        far = infinity;
                    }
                    if (far > 0.0) {
                        cells.push_back({.row = row, .feature = f, .beyond = far});
                    }
                    input += features[f].inputs();
                }
            }
        },
        model.net);
    return cells;
}

std::string outside_text(const Model& model, const Table& table, const OutsideCell& cell) {
    const FeatureColumn& feature = model.preprocessing.features[cell.feature];
    const Column& column = table.column(feature.name);
    const std::string what = "column '" + feature.name + "': ";
    if (feature.categorical()) {
        const std::string text = column.has_texts && column.codes[cell.row] != Column::missing_code
                                     ? "'" + column.texts[column.codes[cell.row]] + "'"
                                     : "the cell";
        return what + text + " is of no row that it has learned from";
    }
    std::size_t input = 0;
    for (std::size_t f = 0; f < cell.feature; ++f) {
        input += model.preprocessing.features[f].inputs();
    }
    constexpr int digits = 6;
    const auto in_table = [&](double x) { return short_number(feature.shift + feature.scale * x, digits); };
    const std::string low = in_table(model.training_rows.lowest[input]),
                      high = in_table(model.training_rows.highest[input]);
    return what + short_number(column.numbers[cell.row], digits) + ", learned from " + low +
           when(low != high, " to " + high) + when(low == high, " alone");
}

}  // namespace handgrad
