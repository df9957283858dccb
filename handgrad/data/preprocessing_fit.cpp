// Deciding from a table what becomes of each of its columns: task, classes, categories, imputation and scaling.
#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <set>

#include "handgrad/base/error.hpp"
#include "handgrad/base/limits.hpp"
#include "handgrad/data/cells.hpp"
#include "handgrad/data/column_checks.hpp"
#include "handgrad/data/dates.hpp"
#include "handgrad/data/hopeless_columns.hpp"
#include "handgrad/data/preprocessing.hpp"
#include "handgrad/data/table_form.hpp"

namespace handgrad {
namespace {

using Rows = std::span<const std::size_t>;

bool has(const std::vector<std::string>& names, const std::string& name) {
    return std::find(names.begin(), names.end(), name) != names.end();
}

void require_utf8(const Table& table, const Column& column, const std::vector<std::string>& texts) {
    const auto bad = std::find_if_not(texts.begin(), texts.end(), is_utf8);
    if (bad != texts.end()) {
        fail_column(table, column,
                    in_quotes(*bad) + " is not UTF-8; convert the file, for instance: " +
                        conversion_of(old_encoding(*bad), table.source));
    }
}

// Options -------------------------------------------------------------------------------------------------------------

/// What a column may be: no two of these at once.
struct Role {
    const std::vector<std::string>& names;
    const char* noun;
    const char* setting;
};

void check_roles(const PreprocessingOptions& options) {
    const std::vector<std::string> weight(options.weight.empty() ? 0 : 1, options.weight);
    const Role targets{options.targets, "a target", "target"}, dropped{options.drop, "dropped", "drop"},
        categorical{options.categorical, "categorical", "categorical"}, weights{weight, "the weight", "weight"},
        ids{options.ids, "an id", "id"};
    const auto refuse = [](const Role& one, const Role& other) {
        for (const std::string& name : one.names) {
            if (has(other.names, name)) {
                fail_about(ErrorKind::usage,
                           "column " + in_quotes(name) + " is both " + one.noun + " and " + other.noun,
                           {{one.setting}, {other.setting}});
            }
        }
    };
    refuse(targets, dropped);
    refuse(targets, weights);
    refuse(targets, ids);
    refuse(categorical, dropped);
    refuse(categorical, weights);
    refuse(categorical, ids);
    refuse(weights, dropped);
    refuse(ids, dropped);
    refuse(ids, weights);
}

void check_options(const Table& table, const PreprocessingOptions& options) {
    const auto refuse = [](bool wrong, const std::string& message, const Hints& settings) {
        if (wrong) {
            fail_about(ErrorKind::usage, message, settings);
        }
    };
    refuse(options.targets.empty(), "no column to learn; name the target", {{"target"}});
    for (const std::string& name : options.targets) {
        refuse(std::count(options.targets.begin(), options.targets.end(), name) > 1,
               "column " + in_quotes(name) + " is named twice as a target", {{"target"}});
    }
    check_roles(options);
    const bool classification = options.task == Task::classification;
    refuse(classification && options.targets.size() > 1,
           "classification learns one column, not " + listed(options.targets) + "; name one, or learn by regression",
           {{"task", "regression"}});
    refuse(options.task != Task::regression && options.scale_target, "classes are not scaled",
           {{"scale_target", "false"}});
    for (const auto* names : {&options.targets, &options.drop, &options.categorical, &options.ids}) {
        for (const std::string& name : *names) {
            static_cast<void>(table.column(name));  // raises when there is none
        }
    }
    if (!options.weight.empty()) {
        require_numbers(table, table.column(options.weight), "the weights of rows are numbers");
    }
}

// Numbers -------------------------------------------------------------------------------------------------------------

/// The numbers of a column in these rows, without the missing ones.
std::vector<double> present_numbers(const Table& table, const Column& column, Rows rows) {
    std::vector<double> numbers;
    numbers.reserve(rows.size());
    for (const std::size_t row : rows) {
        const double number = column.numbers[row];
        if (std::isinf(number)) {
            fail_at(table, column, row, format_number(number) + " is not finite; correct it, or leave out the row");
        }
        if (!std::isnan(number)) {
            numbers.push_back(number);
        }
    }
    return numbers;
}

/// A sum in two doubles, as good as one of twice their digits, and the same on every processor (a long double has 64
/// bits on some, 113 on others).
struct ExactSum {
    double high = 0.0;
    double low = 0.0;

    void add(double value) {  // Knuth's two-sum
        const double sum = high + value;
        const double virtual_value = sum - high;
        low += (high - (sum - virtual_value)) + (value - virtual_value);
        high = sum;
    }
    void add_square(double value) {
        const double square = value * value;
        low += std::fma(value, value, -square);
        add(square);
    }
    [[nodiscard]] double value() const { return high + low; }
};

/// The mean in two doubles. Where the sum of the numbers would overflow, that of 2⁻⁶⁴ of each does not.
ExactSum mean_of(const std::vector<double>& numbers) {
    const double count = static_cast<double>(numbers.size());
    for (const double unit : {1.0, 0x1p-64}) {
        ExactSum sum;
        for (const double number : numbers) {
            sum.add(number * unit);
        }
        if (std::isfinite(sum.value())) {
            const double mean = sum.value() / count;
            const double rest = (std::fma(-mean, count, sum.high) + sum.low) / count;
            return {mean / unit, rest / unit};
        }
    }
    return {};  // numbers are finite
}

double median_of(std::vector<double> numbers) {
    const auto middle = numbers.begin() + static_cast<std::ptrdiff_t>(numbers.size() / 2);
    std::nth_element(numbers.begin(), middle, numbers.end());
    if (numbers.size() % 2 == 1) {
        return *middle;
    }
    const double below = *std::max_element(numbers.begin(), middle);
    const double sum = below + *middle;
    return std::isfinite(sum) ? sum / 2 : below / 2 + *middle / 2;
}

/// The population standard deviation, as scikit-learn's StandardScaler has it. Squares are taken of a quarter of the
/// distances, in shares of the largest, so that nothing overflows or vanishes.
double deviation_of(const std::vector<double>& numbers, const ExactSum& mean) {
    const auto quarter = [&](double number) { return (number / 4 - mean.high / 4) - mean.low / 4; };
    double largest = 0.0;
    for (const double number : numbers) {
        largest = std::max(largest, std::fabs(quarter(number)));
    }
    if (largest == 0.0) {
        return 0.0;
    }
    const double unit = std::exp2(std::ilogb(largest));
    ExactSum squares;
    for (const double number : numbers) {
        squares.add_square(quarter(number) / unit);
    }
    return std::sqrt(squares.value() / static_cast<double>(numbers.size())) * unit * 4;
}

struct Scaling {
    double shift = 0.0;
    double scale = 1.0;
};

/// A column that is constant, or whose spread is subnormal so that 1/spread overflows, keeps scale 1.
Scaling scaling_of(const Table& table, const Column& column, const std::vector<double>& numbers, Scale scale) {
    if (scale == Scale::none) {
        return {};
    }
    if (numbers.size() < 2) {
        fail_column(table, column,
                    "scaling needs at least 2 rows to train on, found " + std::to_string(numbers.size()) +
                        "; give more rows, or do without scaling",
                    {{"scale", "none"}, {"scale_target", "false"}});
    }
    const auto [min, max] = std::minmax_element(numbers.begin(), numbers.end());
    if (*min == *max) {  // asked first: the rounding of a mean must not pass for spread
        return {*min, 1.0};
    }
    double shift = *min, spread = *max - *min;
    if (scale == Scale::standard) {
        const ExactSum mean = mean_of(numbers);
        shift = mean.value();
        spread = deviation_of(numbers, mean);
    }
    if (spread > std::numeric_limits<double>::max()) {
        fail_column(table, column,
                    "its numbers span more than a double holds (" + format_number(*min) + " to " + format_number(*max) +
                        "); rescale the column, or scale by mean and standard deviation",
                    {{"scale", "standard"}});
    }
    const bool invertible = spread >= std::numeric_limits<double>::min();
    return {shift, invertible ? spread : 1.0};
}

// Features ------------------------------------------------------------------------------------------------------------

/// A name for the category of missing cells that no cell has.
std::string name_of_missing(const std::set<std::string>& categories) {
    std::string name = "(missing)";
    while (categories.contains(name)) {
        name = "(" + name + ")";
    }
    return name;
}

FeatureColumn fit_categories(const Table& table, const Column& column, Rows rows, Impute impute) {
    std::set<std::string> categories;
    const std::size_t missing = count_missing(column, rows);
    for (const std::size_t row : rows) {
        const bool no_text = missing > 0 && is_missing(column, row);
        if (no_text && impute == Impute::error) {
            fail_at(table, column, row,
                    "missing (" + counted(missing, "such row") + "); fill it in, make missing texts a category of " +
                        "their own, or drop the column",
                    {{"impute", "mean"}, {"drop"}});
        }
        if (!no_text) {
            categories.insert(cell_text(column, row));
        }
        if (categories.size() > limits::categories) {
            fail_column(table, column,
                        "more than " + std::to_string(limits::categories) +
                            " different texts, too many for categories; drop the column",
                        {{"drop"}});
        }
    }
    FeatureColumn feature{.name = column.name, .categories = {categories.begin(), categories.end()}};
    require_utf8(table, column, feature.categories);
    if (missing > 0) {
        feature.missing_as = name_of_missing(categories);
        feature.categories.push_back(feature.missing_as);
    }
    return feature;
}

FeatureColumn fit_numbers(const Table& table, const Column& column, Rows rows, Rows training_rows,
                          const PreprocessingOptions& options) {
    FeatureColumn feature{.name = column.name, .unit = column.unit};
    const std::size_t missing = count_missing(column, rows);
    if (missing > 0 && options.impute == Impute::error) {
        const std::size_t first =
            *std::find_if(rows.begin(), rows.end(), [&](auto r) { return is_missing(column, r); });
        fail_at(
            table, column, first,
            "missing (" + counted(missing, "such row") + "); fill it in, choose how to impute it, or drop the column",
            {{"impute", "mean"}, {"impute", "median"}, {"drop"}});
    }
    std::vector<double> numbers = present_numbers(table, column, training_rows);
    if (numbers.empty()) {
        fail_column(table, column, "every cell of the rows to train on is missing; drop the column", {{"drop"}});
    }
    if (options.impute != Impute::error) {
        feature.impute = options.impute == Impute::mean ? mean_of(numbers).value() : median_of(numbers);
        numbers.resize(training_rows.size(), *feature.impute);  // scaled is what the network sees
    }
    const Scaling scaling = scaling_of(table, column, numbers, options.scale);
    feature.shift = scaling.shift;
    feature.scale = scaling.scale;
    return feature;
}

FeatureColumn fit_feature(const Table& table, const Column& column, Rows rows, Rows training_rows,
                          const PreprocessingOptions& options) {
    refuse_odd_cells(table, column, {{"categorical"}, {"drop"}});
    if (has(options.categorical, column.name) || !column.has_numbers) {
        return fit_categories(table, column, rows, options.impute);
    }
    return fit_numbers(table, column, rows, training_rows, options);
}

// Targets -------------------------------------------------------------------------------------------------------------

void require_class_count(const Table& table, const Column& column, std::size_t count) {
    if (count > limits::classes) {
        fail_column(table, column,
                    "more than " + std::to_string(limits::classes) +
                        " different labels, too many for classes; learn numbers by regression",
                    {{"task", "regression"}});
    }
}

/// Numbers by value, each as it is spelled first; texts by bytes.
void fit_classes(const Table& table, const Column& column, Rows rows, Preprocessing& fitted) {
    fitted.numeric_classes = column.has_numbers;
    if (column.has_numbers) {
        std::map<double, std::string> classes;
        for (const std::size_t row : rows) {
            const auto [entry, added] = classes.try_emplace(column.numbers[row]);
            if (added) {
                entry->second = cell_text(column, row);
                require_class_count(table, column, classes.size());
            }
        }
        for (const auto& [value, text] : classes) {
            fitted.classes.push_back(text);
        }
    } else {
        std::set<std::string> classes;
        for (const std::size_t row : rows) {
            classes.insert(cell_text(column, row));
            require_class_count(table, column, classes.size());
        }
        fitted.classes.assign(classes.begin(), classes.end());
        require_utf8(table, column, fitted.classes);
    }
}

TargetColumn fit_target(const Table& table, const Column& column, Rows training_rows, bool scale, bool alone) {
    if (alone) {
        require_numbers(table, column, "a regression learns numbers; learn classes by classification",
                        {{"task", "classification"}});
    } else {
        require_numbers(table, column, "several targets are numbers, or labels of 0 and 1; write them so");
    }
    const std::vector<double> numbers = present_numbers(table, column, training_rows);
    const Scaling scaling = scaling_of(table, column, numbers, scale ? Scale::standard : Scale::none);
    return {column.name, scaling.shift, scaling.scale};
}

/// The first of these labels that is missing or not finite raises Error(data); rows without any label are passed over
/// when they may be dropped.
void check_labels(const Table& table, const Column& column, Rows rows, bool may_drop) {
    refuse_odd_cells(table, column, {{"categorical"}});
    for (const std::size_t row : rows) {
        if (!may_drop && is_missing(column, row)) {
            fail_at(table, column, row,
                    "the label is missing (" + counted(count_missing(column, rows), "such row") +
                        "); fill it in, or leave such rows out",
                    {{"drop_missing_labels"}});
        }
        if (column.has_numbers && std::isinf(column.numbers[row])) {
            fail_at(table, column, row, "the label " + format_number(column.numbers[row]) + " is not finite");
        }
    }
}

/// Of dates without a time there is no part of the day to learn from.
void drop_times_of_dates(const Table& table, Preprocessing& fitted) {
    for (const std::string& date : table.dates) {
        const Column* const days = table.find(date + std::string(date_part_names[0]));
        const Column* const times = table.find(date + std::string(date_part_names[1]));
        const auto midnight = [](double part) { return part == 0.0 || std::isnan(part); };
        if (days != nullptr && std::ranges::all_of(times->numbers, midnight)) {
            fitted.dropped.push_back(times->name);
        }
    }
}

/// Whether the user gave the column something to do.
bool is_named(const PreprocessingOptions& options, const std::string& name) {
    return has(options.targets, name) || has(options.drop, name) || has(options.categorical, name) ||
           has(options.ids, name) || (!name.empty() && name == options.weight);
}

}  // namespace

std::vector<std::size_t> labelled_rows(const Table& table, const std::vector<std::string>& targets, bool drop_missing) {
    std::vector<std::size_t> rows = all_rows(table.rows);
    for (const std::string& target : targets) {
        check_labels(table, table.column(target), rows, drop_missing);
    }
    for (const std::string& target : targets) {
        const Column& column = table.column(target);
        if (column.missing > 0) {
            std::erase_if(rows, [&](std::size_t row) { return is_missing(column, row); });
        }
    }
    if (rows.empty()) {
        fail_about(ErrorKind::data,
                   table.source + ": no row has a label in " + listed(targets) +
                       "; name another target, or fill the labels in",
                   {{"target"}});
    }
    return rows;
}

Preprocessing fit_preprocessing(const Table& table, Rows rows, Rows training_rows,
                                const PreprocessingOptions& options) {
    check_options(table, options);
    if (training_rows.empty()) {
        throw Error(ErrorKind::data, table.source + ": no row to train on");
    }
    Preprocessing fitted;
    fitted.task = options.task;
    fitted.weight = options.weight;
    fitted.dropped = options.drop;
    fitted.ids = options.ids;
    fitted.unknown = options.unknown;
    for (const std::string& target : options.targets) {
        const Column& column = table.column(target);
        check_labels(table, column, rows, false);
        if (options.task == Task::classification) {
            fit_classes(table, column, rows, fitted);
            fitted.targets.push_back({.name = target});
        } else {
            fitted.targets.push_back(
                fit_target(table, column, training_rows, options.scale_target, options.targets.size() == 1));
        }
    }
    fitted.one_output = options.one_output && fitted.classes.size() == 2;
    const Column* const names = row_names(table);
    if (names != nullptr && !is_named(options, names->name)) {
        fitted.dropped.push_back(names->name);
    }
    drop_times_of_dates(table, fitted);
    std::vector<const Column*> learned;
    for (const Column& column : table.columns) {
        const bool left_out = has(options.targets, column.name) || has(fitted.dropped, column.name) ||
                              has(options.ids, column.name) ||
                              (!options.weight.empty() && column.name == options.weight);
        if (!left_out) {
            learned.push_back(&column);
        }
    }
    refuse_hopeless(table, learned, rows, options);
    for (const Column* column : learned) {
        fitted.features.push_back(fit_feature(table, *column, rows, training_rows, options));
    }
    if (fitted.features.empty()) {
        throw Error(ErrorKind::data, table.source + ": no column to learn from: beside the target " +
                                         listed(options.targets) +
                                         (table.columns.size() == options.targets.size()
                                              ? " the table has none"
                                              : " every column is dropped, an id, row names or the weight"));
    }
    return fitted;
}

}  // namespace handgrad
