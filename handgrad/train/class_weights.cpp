// A file of weights is a small labelled table, so that its classes are found as those of any table.
#include "handgrad/train/class_weights.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "handgrad/base/error.hpp"
#include "handgrad/base/wording.hpp"
#include "handgrad/train/decisions.hpp"
#include "handgrad/train/fit.hpp"
#include "handgrad/train/prediction.hpp"

namespace handgrad {
namespace {

constexpr const char* setting = "class_weight";

std::vector<double> balanced(const Preprocessing& columns, const Table& table, std::span<const std::size_t> learned) {
    Preprocessing alike = columns;
    alike.class_weights.clear();
    const auto data = apply_preprocessing<double>(alike, table, learned, {.allow_extra = true});
    const std::vector<std::uint32_t> classes = classes_of(columns, data);
    std::vector<double> counts(columns.classes.size());
    double all = 0.0;
    for (std::size_t i = 0; i < classes.size(); ++i) {
        counts[classes[i]] += data.weight(i);
        all += data.weight(i);
    }
    const auto there = std::ranges::count_if(counts, [](double count) { return count > 0.0; });
    std::vector<double> weights(counts.size(), 1.0);
    for (std::size_t k = 0; k < counts.size(); ++k) {
        if (counts[k] > 0.0) {
            weights[k] = all / (static_cast<double>(there) * counts[k]);
        }
    }
    return weights;
}

/// Its rows as those of a classification by one column of numbers.
BasicDataset<double> weights_in(const Table& table, const Preprocessing& columns) {
    const Preprocessing two{.task = Task::classification,
                            .features = {{.name = "weight"}},
                            .targets = {{.name = "class"}},
                            .classes = columns.classes,
                            .numeric_classes = columns.numeric_classes,
                            .one_output = columns.one_output,
                            .reading = columns.reading};
    return apply_preprocessing<double>(two, table, all_rows(table.rows));
}

/// Raises Error(data) unless it has the two columns, and numbers above 0 for weights.
void check_columns(const Table& table) {
    std::vector<std::string> names;
    for (const Column& column : table.columns) {
        names.push_back(column.name);
    }
    if (names.size() != 2 || table.find("class") == nullptr || table.find("weight") == nullptr) {
        throw Error(ErrorKind::data, table.source +
                                         ": weights of classes stand in a table with the columns 'class' and " +
                                         "'weight', and this one has " + quoted(names));
    }
    const Column& weight = *table.find("weight");
    for (std::size_t row = 0; row < table.rows; ++row) {
        const double number = weight.has_numbers ? weight.numbers[row] : std::nan("");
        if (!(number > 0.0) || std::isinf(number)) {
            const std::string what = std::isnan(number) ? "this is no number" : format_number(number) + " is not one";
            throw Error(ErrorKind::data, table.place(row) +
                                             ": column 'weight': a finite number above 0 belongs here, and " + what +
                                             "; to leave a class out, leave its rows out of the table");
        }
    }
}

std::vector<double> weights_of_table(const Table& table, const Preprocessing& columns) {
    check_columns(table);
    const BasicDataset<double> data = weights_in(table, columns);
    const std::vector<std::uint32_t> classes = classes_of(columns, data);
    std::vector<double> weights(columns.classes.size());
    for (std::size_t row = 0; row < table.rows; ++row) {
        double& weight = weights[classes[row]];
        if (weight != 0.0) {
            throw Error(ErrorKind::data, table.place(row) + ": class '" + columns.classes[classes[row]] +
                                             "' has a weight already; leave one of the two out");
        }
        weight = data.x(row, 0);
    }
    std::vector<std::string> without;
    for (std::size_t k = 0; k < weights.size(); ++k) {
        if (weights[k] == 0.0) {
            without.push_back(columns.classes[k]);
        }
    }
    if (!without.empty()) {
        throw Error(ErrorKind::data, table.source + ": no weight for the class" + when(without.size() > 1, "es") + " " +
                                         quoted(without) + "; give each class one, 1 where it is to count as it does");
    }
    return weights;
}

std::vector<double> weights_of_file(const std::string& file, const Preprocessing& columns) {
    ReadOptions reading{.spelled_columns = {"class"}};
    if (!columns.numeric_classes) {
        reading.text_columns = {"class"};
    }
    try {
        return weights_of_table(read_table(file, reading), columns);
    } catch (const Error& error) {
        throw Error(error.kind(), error.what()).about(setting);
    }
}

}  // namespace

std::vector<double> class_weights(const std::string& choice, const Preprocessing& columns, const Table& table,
                                  std::span<const std::size_t> learned) {
    if (choice.empty()) {
        return {};
    }
    if (columns.task != Task::classification) {
        throw Error(ErrorKind::usage,
                    std::string(setting) + ": " +
                        when(columns.task == Task::regression, "a number is learned, and has no classes to weigh") +
                        when(columns.task == Task::multilabel,
                             "several labels are learned side by side, and a row has a class in each: there is no one "
                             "weight for it; learn one label, or give each row its weight in a column"))
            .about(setting)
            .about("weight");
    }
    return choice == balanced_classes ? balanced(columns, table, learned) : weights_of_file(choice, columns);
}

}  // namespace handgrad
