// Turning rows of a table into the numbers that the network sees, as the fitted preprocessing says.
#include <algorithm>
#include <cassert>
#include <cmath>
#include <functional>
#include <limits>
#include <map>

#include "handgrad/base/error.hpp"
#include "handgrad/base/limits.hpp"
#include "handgrad/base/suggest.hpp"
#include "handgrad/base/wording.hpp"
#include "handgrad/data/cells.hpp"
#include "handgrad/data/column_checks.hpp"
#include "handgrad/data/dates.hpp"
#include "handgrad/data/feature_cells.hpp"
#include "handgrad/data/number_like.hpp"
#include "handgrad/data/preprocessing.hpp"
#include "handgrad/data/preprocessing_check.hpp"

namespace handgrad {
namespace {

using Rows = std::span<const std::size_t>;
using ColumnsByName = std::map<std::string_view, const Column*>;  // no hash, which a stranger could flood

constexpr std::uint32_t unknown = std::numeric_limits<std::uint32_t>::max();

/// `column 'a'`, `columns 'a', 'b'`.
std::string columns_listed(const std::vector<std::string>& names) {
    return "column" + when(names.size() != 1, "s") + " " + listed(names);
}

/// Matches the columns that are needed with those of the table, whatever their order. Raises Error(data) that lists
/// what is missing and what nobody knows.
ColumnsByName match_columns(const Preprocessing& fitted, const Table& table, const ApplyOptions& options) {
    std::vector<std::string> needed;
    std::vector<std::string> known;
    for (const FeatureColumn& feature : fitted.features) {
        needed.push_back(feature.name);
    }
    std::vector<std::string>& labels = options.labels == Labels::required ? needed : known;
    for (const TargetColumn& target : fitted.targets) {
        labels.push_back(target.name);
    }
    if (!fitted.weight.empty()) {
        labels.push_back(fitted.weight);
    }
    known.insert(known.end(), needed.begin(), needed.end());
    known.insert(known.end(), fitted.dropped.begin(), fitted.dropped.end());
    known.insert(known.end(), fitted.ids.begin(), fitted.ids.end());
    if (const Column* const names = row_names(table)) {
        known.push_back(names->name);
    }
    for (const std::string& date : fitted.reading.date_columns) {
        for (const std::string_view part : date_part_names) {
            known.push_back(date + std::string(part));
        }
    }

    ColumnsByName columns;
    std::vector<std::string> extra;
    std::sort(known.begin(), known.end());
    for (const Column& column : table.columns) {
        columns.emplace(column.name, &column);
        if (!std::binary_search(known.begin(), known.end(), column.name)) {
            extra.push_back(column.name);
        }
    }
    std::vector<std::string> missing;
    for (const std::string& name : needed) {
        if (!columns.contains(name)) {
            missing.push_back(name);
        }
    }
    if (missing.empty() && (extra.empty() || options.allow_extra)) {
        return columns;
    }
    std::string message = table.source + ": ";
    Hints settings;
    if (!missing.empty()) {
        message += "the model needs the " + columns_listed(missing);
        if (missing.size() == 1) {
            message += did_you_mean(missing.front(), extra) + ", which is not there";
        } else {
            message += ", which are not there";
        }
    }
    if (!extra.empty() && !options.allow_extra) {
        message += when(!missing.empty(), "; ");
        message += "the model does not know the " + columns_listed(extra) + "; remove what is too much, or allow it";
        settings.push_back({"allow_extra"});
    }
    fail_about(ErrorKind::data, message, settings);
}

/// One feature of the model and the column of the table that it is read from.
class FeatureReader {
public:
    FeatureReader(const FeatureColumn& feature, const Table& table, const Column& column, Rows rows)
        : feature_(feature), table_(table), column_(column), rows_(rows) {
        if (!feature.categorical()) {
            require_numbers(table, column, "the model learned numbers there");
            const bool other_unit =
                !feature.unit.empty() && !column.unit.empty() && !same_unit(column.unit, feature.unit);
            if (other_unit) {
                fail_column(table, column, other_unit_cause(feature, column.unit));
            }
            return;
        }
        for (std::uint32_t i = 0; i < feature.categories.size(); ++i) {
            index_.emplace(feature.categories[i], i);
        }
        if (!feature.missing_as.empty()) {
            missing_ = index_of(feature.missing_as);
        }
        for (const std::string& text : column.texts) {
            index_of_code_.push_back(index_of(text));
        }
    }

    /// The network's inputs that belong to this feature, in this row; `inputs` are zero.
    template <class T>
    void read(std::size_t row, std::span<T> inputs) const {
        if (feature_.categorical()) {
            const std::uint32_t index = category(row);
            if (index != unknown) {
                inputs[index] = T(1);
            }
        } else {
            inputs[0] = scaled_number<T>(row);
        }
    }
    /// The same of many rows, each into its row of `x`, from the column `input` on.
    template <class T>
    void read(Rows rows, MatrixView<T> x, std::size_t input) const {
        if (feature_.categorical()) {
            for (std::size_t i = 0; i < rows.size(); ++i) {
                read(rows[i], x.row(i).subspan(input, feature_.inputs()));
            }
            return;
        }
        for (std::size_t i = 0; i < rows.size(); ++i) {
            x(i, input) = scaled_number<T>(rows[i]);
        }
    }

    /// What this column of texts has that the model does not know.
    void add_unknown(std::vector<UnknownCategory>& all) const {
        if (!may_be_unknown()) {
            return;
        }
        std::map<std::string, UnknownCategory> found;
        for (const std::size_t row : rows_) {
            if (category(row) == unknown) {
                const bool missing = is_gap(row);
                const std::string text = missing ? "" : text_of(row);
                UnknownCategory& one = found[missing ? "" : "'" + text];
                if (one.rows++ == 0) {
                    one = {feature_.name, text, missing, 1, row};
                }
            }
        }
        for (auto& [key, one] : found) {
            all.push_back(std::move(one));
        }
    }

    [[nodiscard]] CellProblem problem(const UnknownCategory& one) const {
        const std::string rows = when(one.rows > 1, " (" + counted(one.rows, "such row") + ")");
        return one.missing ? missing_category_cause(feature_, rows) : unknown_category_cause(feature_, one.text, rows);
    }

private:
    [[nodiscard]] bool may_be_unknown() const {
        return feature_.categorical() &&
               (column_.has_numbers || column_.odd || (column_.missing > 0 && missing_ == unknown) ||
                std::ranges::find(index_of_code_, unknown) != index_of_code_.end());
    }

    /// Whether the cell is missing: in a column that mixes both, neither a number nor a text.
    [[nodiscard]] bool is_gap(std::size_t row) const {
        const bool odd_first = column_.odd && column_.odd->row == row;
        return is_missing(column_, row) && !odd_first;
    }

    [[nodiscard]] std::string text_of(std::size_t row) const {
        if (column_.odd && column_.odd->row == row) {
            return column_.odd->text;
        }
        return cell_text(column_, row);
    }

    [[nodiscard]] std::uint32_t index_of(const std::string& category) const {
        const auto found = index_.find(category);
        return found == index_.end() ? unknown : found->second;
    }

    /// Into the feature's inputs, or unknown.
    [[nodiscard]] std::uint32_t category(std::size_t row) const {
        if (column_.has_texts && column_.codes[row] != Column::missing_code) {
            return index_of_code_[column_.codes[row]];
        }
        if (column_.has_numbers && !std::isnan(column_.numbers[row])) {
            return index_of(format_number(column_.numbers[row]));
        }
        if (column_.odd) {  // of a mixed column one cell of the odd kind is known
            return column_.odd->row == row ? index_of(column_.odd->text) : unknown;
        }
        return missing_;
    }

    [[noreturn]] void fail_cell(std::size_t row, const CellProblem& problem) const {
        fail_at(table_, column_, row, problem.cause, problem.settings);
    }
    /// How many rows lack the cell, for a message.
    [[nodiscard]] std::string such_rows() const {
        return " (" + counted(count_missing(column_, rows_), "such row") + ")";
    }

    template <class T>
    [[nodiscard]] T scaled_number(std::size_t row) const {
        const T result = static_cast<T>(quotient(column_.numbers[row], feature_.shift, feature_.scale));
        if (std::isfinite(result)) {
            return result;
        }
        return unusual_number<T>(row);
    }
    /// Not inlined, which keeps the loop over numbers short.
    template <class T>
    [[nodiscard, gnu::noinline]] T unusual_number(std::size_t row) const {
        const double value = scaled(number(row), feature_.shift, feature_.scale);
        const T result = static_cast<T>(value);
        if (!std::isfinite(result)) {
            fail_cell(row, too_large_cause<T>(number(row), value));
        }
        return result;
    }

    [[nodiscard]] double number(std::size_t row) const {
        const double value = column_.numbers[row];
        if (std::isfinite(value)) {
            return value;
        }
        if (std::isinf(value)) {
            fail_cell(row, infinite_cause(value));
        }
        if (!feature_.impute) {
            fail_cell(row, missing_number_cause(such_rows()));
        }
        return *feature_.impute;
    }

    const FeatureColumn& feature_;
    const Table& table_;
    const Column& column_;
    Rows rows_;
    std::map<std::string_view, std::uint32_t> index_;
    std::vector<std::uint32_t> index_of_code_;  ///< of each of the column's texts
    std::uint32_t missing_ = unknown;           ///< of missing cells
};

/// The readers of the model's features; those of columns that are not there are left out.
std::vector<FeatureReader> feature_readers(const Preprocessing& fitted, const Table& table, Rows rows,
                                           const ColumnsByName& columns) {
    std::vector<FeatureReader> readers;
    readers.reserve(fitted.features.size());
    for (const FeatureColumn& feature : fitted.features) {
        if (const auto found = columns.find(feature.name); found != columns.end()) {
            readers.emplace_back(feature, table, *found->second, rows);
        }
    }
    return readers;
}

/// Raises Error(data) for categories that the model does not know: a single one with its place, several as a list.
void refuse_unknown(const Preprocessing& fitted, const Table& table, const std::vector<FeatureReader>& readers) {
    std::vector<UnknownCategory> all;
    const FeatureReader* first = nullptr;
    for (const FeatureReader& reader : readers) {
        reader.add_unknown(all);
        first = first == nullptr && !all.empty() ? &reader : first;
    }
    if (all.empty() || fitted.unknown == Unknown::ignore) {
        return;
    }
    const auto column = std::ranges::find(table.columns, all.front().column, &Column::name);
    const CellProblem problem = first->problem(all.front());
    if (all.size() == 1) {
        fail_at(table, *column, all.front().first_row, problem.cause, problem.settings);
    }
    constexpr std::size_t longest = 8;
    std::string list;
    for (std::size_t i = 0; i < std::min(all.size(), longest); ++i) {
        const std::string text = all[i].missing ? "a missing text" : in_quotes(all[i].text);
        add_item(list, "; ", text + " in column " + in_quotes(all[i].column) + ", " + counted(all[i].rows, "row"));
    }
    list += when(all.size() > longest, "; and " + std::to_string(all.size() - longest) + " more");
    fail_about(ErrorKind::data,
               table.place(std::ranges::min(all, {}, &UnknownCategory::first_row).first_row) +
                   ": categories that the model does not know: " + list +
                   "; correct them, or let 0 stand in all inputs of such a column",
               {{"unknown", "ignore"}});
}

}  // namespace

void refuse_huge(const Preprocessing& fitted, const Table& table, std::size_t rows, std::size_t bytes_each) {
    const std::size_t inputs = fitted.inputs();
    if (inputs == 0 || rows <= limits::dense_numbers(table.rows * table.columns.size()) / inputs) {
        return;
    }
    std::vector<const FeatureColumn*> widest;
    for (const FeatureColumn& feature : fitted.features) {
        if (feature.categorical()) {
            widest.push_back(&feature);
        }
    }
    constexpr std::size_t most = 3;
    const auto shown = static_cast<std::ptrdiff_t>(std::min(most, widest.size()));
    std::ranges::partial_sort(widest, widest.begin() + shown, std::ranges::greater(), &FeatureColumn::inputs);
    std::string list;
    for (const FeatureColumn* feature : std::span(widest).first(static_cast<std::size_t>(shown))) {
        add_item(list, ", ", in_quotes(feature->name) + " " + std::to_string(feature->inputs()));
    }
    const double gigabytes = static_cast<double>(rows) * static_cast<double>(inputs * bytes_each) / 1e9;
    fail_about(ErrorKind::data,
               table.source + ": " + counted(rows, "row") + " of " + counted(inputs, "input") + " need " +
                   short_number(gigabytes) + " GB, as each category is an input of its own (" + list +
                   when(widest.size() > most, " ...") + "); drop the columns with the most, or take fewer rows",
               {{"drop"}});
}

namespace {

template <class T>
Matrix<T> encode_features(const Preprocessing& fitted, const Table& table, Rows rows, const ColumnsByName& columns) {
    const std::vector<FeatureReader> readers = feature_readers(fitted, table, rows, columns);
    refuse_unknown(fitted, table, readers);
    refuse_huge(fitted, table, rows.size(), sizeof(T));
    Matrix<T> x(rows.size(), fitted.inputs());
    constexpr std::size_t block = 64;  // rows at a time, to stay in the cache: the table lies by columns, x by rows
    for (std::size_t first = 0; first < rows.size(); first += block) {
        const std::size_t end = std::min(first + block, rows.size());
        std::size_t input = 0;
        for (std::size_t f = 0; f < readers.size(); ++f) {
            readers[f].read(rows.subspan(first, end - first), x.view().rows_from(first, end - first), input);
            input += fitted.features[f].inputs();
        }
    }
    return x;
}

void require_label(const Table& table, const Column& column, std::size_t row, bool alone) {
    if (is_missing(column, row) && alone) {
        fail_at(table, column, row, "the label is missing; fill it in, or choose another row");
    }
    if (is_missing(column, row)) {
        fail_at(table, column, row, "the label is missing; fill it in, or leave such rows out",
                {{"drop_missing_labels"}});
    }
}

/// The class of each row, as an index into the model's classes.
std::vector<std::size_t> class_indices(const Preprocessing& fitted, const Table& table, const Column& column,
                                       Rows rows) {
    refuse_odd_cells(table, column);
    const NumberReader reader(fitted.reading);
    std::map<double, std::size_t> by_number;
    std::map<std::string, std::size_t> by_text;
    for (std::size_t k = 0; k < fitted.classes.size(); ++k) {
        by_text.emplace(fitted.classes[k], k);
        if (fitted.numeric_classes) {
            by_number.emplace(reader.read(trimmed(fitted.classes[k])).value, k);
        }
    }
    const bool numeric = fitted.numeric_classes && column.has_numbers;
    std::vector<std::size_t> indices;
    indices.reserve(rows.size());
    for (const std::size_t row : rows) {
        require_label(table, column, row, rows.size() == 1);
        const auto look_up = [&](const auto& classes, const auto& label) {
            const auto found = classes.find(label);
            if (found == classes.end()) {
                const std::string text = cell_text(column, row);
                fail_at(table, column, row,
                        in_quotes(text) + " is not a class that the model knows" + did_you_mean(text, fitted.classes) +
                            "; it knows " + listed(fitted.classes));
            }
            return found->second;
        };
        indices.push_back(numeric ? look_up(by_number, column.numbers[row]) : look_up(by_text, cell_text(column, row)));
    }
    return indices;
}

template <class T>
void encode_targets(const Preprocessing& fitted, const Table& table, Rows rows, const ColumnsByName& columns,
                    Matrix<T>& y) {
    for (std::size_t k = 0; k < fitted.targets.size(); ++k) {
        const TargetColumn& target = fitted.targets[k];
        const Column& column = *columns.at(target.name);
        if (fitted.task == Task::classification) {
            const std::vector<std::size_t> classes = class_indices(fitted, table, column, rows);
            for (std::size_t i = 0; i < rows.size(); ++i) {
                if (fitted.one_output) {
                    y(i, 0) = static_cast<T>(classes[i]);
                } else {
                    y(i, classes[i]) = T(1);
                }
            }
            continue;
        }
        // A target is read as a feature of numbers is.
        const FeatureColumn numbers{.name = target.name, .shift = target.shift, .scale = target.scale};
        const FeatureReader reader(numbers, table, column, rows);
        for (std::size_t i = 0; i < rows.size(); ++i) {
            require_label(table, column, rows[i], rows.size() == 1);
            reader.read(rows[i], y.row(i).subspan(k, 1));
            const bool yes_or_no = y(i, k) == T(0) || y(i, k) == T(1);
            if (fitted.task == Task::multilabel && !yes_or_no) {
                fail_at(table, column, rows[i],
                        "the label " + format_number(column.numbers[rows[i]]) + " is neither 0 nor 1, as labels are");
            }
        }
    }
}

template <class T>
std::vector<T> encode_weights(const Table& table, const Column& column, Rows rows) {
    require_numbers(table, column, "the weights of rows are numbers");
    std::vector<T> weights;
    weights.reserve(rows.size());
    bool positive = rows.empty();
    for (const std::size_t row : rows) {
        const T weight = static_cast<T>(column.numbers[row]);
        if (std::isnan(weight)) {
            fail_at(table, column, row, "the weight is missing; fill it in, with 0 for a row that shall not count");
        }
        if (weight < 0 || std::isinf(weight)) {
            fail_at(table, column, row,
                    "the weight " + format_number(column.numbers[row]) +
                        (weight < 0 ? " is negative" : " is not finite or too large") + "; weights are 0 or more");
        }
        positive = positive || weight > 0;
        weights.push_back(weight);
    }
    if (!positive) {
        throw Error(ErrorKind::data, table.source + ": column " + in_quotes(column.name) +
                                         ": every weight is 0; give at least one row a positive weight");
    }
    return weights;
}

/// The class that an encoded row has.
template <class T>
std::size_t encoded_class(const Preprocessing& fitted, std::span<const T> y) {
    return fitted.one_output ? static_cast<std::size_t>(y[0] == T(1))
                             : static_cast<std::size_t>(std::ranges::max_element(y) - y.begin());
}

/// Each row's weight times that of its class; what it was before stays for the metrics.
template <class T>
void multiply_by_class_weights(const Preprocessing& fitted, BasicDataset<T>& dataset) {
    dataset.unbalanced = dataset.weights;
    if (dataset.weights.empty()) {
        dataset.unbalanced.assign(dataset.rows(), T(1));
    }
    dataset.weights.clear();
    for (std::size_t i = 0; i < dataset.rows(); ++i) {
        const double of_class = fitted.class_weights[encoded_class<T>(fitted, std::as_const(dataset.y).row(i))];
        dataset.weights.push_back(static_cast<T>(static_cast<double>(dataset.unbalanced[i]) * of_class));
    }
}

}  // namespace

std::size_t Preprocessing::inputs() const {
    std::size_t sum = 0;
    for (const FeatureColumn& feature : features) {
        sum += feature.inputs();
    }
    return sum;
}

std::size_t Preprocessing::outputs() const {
    if (task != Task::classification) {
        return targets.size();
    }
    return one_output ? 1 : classes.size();
}

std::vector<std::string> Preprocessing::input_names() const {
    std::vector<std::string> names;
    for (const FeatureColumn& feature : features) {
        if (!feature.categorical()) {
            names.push_back(feature.name);
        }
        for (const std::string& category : feature.categories) {
            names.push_back(feature.name + "=" + category);
        }
    }
    return names;
}

std::vector<double> Preprocessing::input_slopes() const {
    std::vector<double> slopes;
    for (const FeatureColumn& feature : features) {
        slopes.insert(slopes.end(), feature.inputs(), 1.0 / feature.scale);  // a 0/1 input has scale 1
    }
    return slopes;
}

std::vector<UnknownCategory> unknown_categories(const Preprocessing& preprocessing, const Table& table, Rows rows) {
    ColumnsByName columns;
    for (const Column& column : table.columns) {
        columns.emplace(column.name, &column);
    }
    std::vector<UnknownCategory> all;
    for (const FeatureColumn& feature : preprocessing.features) {
        const auto found = columns.find(feature.name);
        if (feature.categorical() && found != columns.end()) {
            FeatureReader(feature, table, *found->second, rows).add_unknown(all);
        }
    }
    return all;
}

template <class T>
BasicDataset<T> apply_preprocessing(const Preprocessing& preprocessing, const Table& table, Rows rows,
                                    const ApplyOptions& options) {
    assert(std::all_of(rows.begin(), rows.end(), [&](std::size_t row) { return row < table.rows; }));
    const ColumnsByName columns = match_columns(preprocessing, table, options);
    BasicDataset<T> dataset;
    dataset.x = encode_features<T>(preprocessing, table, rows, columns);
    if (options.labels == Labels::required) {
        dataset.y = Matrix<T>(rows.size(), preprocessing.outputs());
        encode_targets(preprocessing, table, rows, columns, dataset.y);
        if (!preprocessing.weight.empty()) {
            dataset.weights = encode_weights<T>(table, *columns.at(preprocessing.weight), rows);
        }
        if (!preprocessing.class_weights.empty()) {
            multiply_by_class_weights(preprocessing, dataset);
        }
    }
    return dataset;
}

template BasicDataset<float> apply_preprocessing(const Preprocessing&, const Table&, Rows, const ApplyOptions&);
template BasicDataset<double> apply_preprocessing(const Preprocessing&, const Table&, Rows, const ApplyOptions&);

}  // namespace handgrad
