// From a table to numbers for the network, fitted once on the training rows, kept in the model and applied at predict.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "handgrad/base/matrix.hpp"
#include "handgrad/base/random.hpp"
#include "handgrad/data/table.hpp"

namespace handgrad {

/// Numbers; one of several classes; several columns of 0 and 1, each a yes or no by itself.
enum class Task { regression, classification, multilabel };
/// What stands for a missing number. Under mean and median missing texts are a category of their own.
enum class Impute { error, mean, median };
/// What becomes of a category that the model does not know: an error, or 0 in all inputs of its column.
enum class Unknown { error, ignore };
/// (x − mean) / population standard deviation, or [min, max] onto [0, 1]. A constant column has scale 1.
enum class Scale { standard, minmax, none };

/// One column of the table as an input of the network: one number, or one 0/1 input for each category.
struct FeatureColumn {
    std::string name;
    std::vector<std::string> categories = {};  ///< sorted by bytes; empty for a column of numbers
    std::string missing_as = {};               ///< the category, behind the others, of missing cells; empty for none
    std::string unit = {};                     ///< or currency, that its cells had; empty for none
    std::optional<double> impute = {};         ///< what stands for a missing number
    double shift = 0.0;                        ///< the network sees (x − shift) / scale
    double scale = 1.0;

    [[nodiscard]] bool categorical() const { return !categories.empty(); }
    [[nodiscard]] std::size_t inputs() const { return categorical() ? categories.size() : 1; }
    bool operator==(const FeatureColumn&) const = default;
};

/// One column that is learned. Regression: the network learns (y − shift) / scale.
struct TargetColumn {
    std::string name;
    double shift = 0.0;
    double scale = 1.0;
    bool operator==(const TargetColumn&) const = default;
};

/// How the columns of a table become x, y and row weights; everything that predict needs.
struct Preprocessing {
    Task task = Task::regression;
    std::vector<FeatureColumn> features = {};
    std::vector<TargetColumn> targets = {};
    /// Classification: the labels as found in the table, numbers sorted by value, texts by bytes.
    std::vector<std::string> classes = {};
    bool numeric_classes = false;  ///< labels are compared as numbers ("1" equals "1.0")
    bool one_output = false;       ///< two classes share one output, the second class is positive
    std::string weight = {};       ///< column of sample weights, or empty
    /// What a row of each class counts in the loss, by which its own weight is multiplied; empty where all count alike.
    std::vector<double> class_weights = {};
    std::vector<std::string> dropped = {};  ///< columns that were left out at training and may be there at predict
    std::vector<std::string> ids = {};      ///< columns that tell rows apart: not learned from, copied by predict
    Unknown unknown = Unknown::error;       ///< what becomes of categories that are not known
    ReadOptions reading = {};               ///< as the training table was read

    [[nodiscard]] std::size_t inputs() const;
    [[nodiscard]] std::size_t outputs() const;
    /// `age`, or `city=Rome` for a one-hot input; in the order of the network's inputs.
    [[nodiscard]] std::vector<std::string> input_names() const;
    /// d x_network / d x_user of each input: 1/scale.
    [[nodiscard]] std::vector<double> input_slopes() const;

    bool operator==(const Preprocessing&) const = default;
};

/// What the user chose; everything else is decided by the rules in the documentation of `train`.
struct PreprocessingOptions {
    std::vector<std::string> targets;
    std::vector<std::string> drop = {};
    std::vector<std::string> categorical = {};
    std::vector<std::string> ids = {};
    Unknown unknown = Unknown::error;
    std::string weight = {};
    Impute impute = Impute::error;
    Scale scale = Scale::standard;
    bool scale_target = false;
    Task task = Task::regression;
    bool one_output = true;  ///< two classes: one output rather than two
};

/// What a target looks like, and what of it says so: `it holds 3 different texts`.
struct GuessedTask {
    Task task = Task::regression;
    std::string because = {};
    bool few_whole_numbers = false;  ///< at most 20 distinct ones, so that they may be classes to who asks for it
};
/// Classification when the (single) target is text, or whole numbers of at most 20 distinct values with at least 5 rows
/// a value on average and no more than 10 of them in a row (as sums, counts and ages have; ten digits are classes);
/// multilabel when there are several that hold 0 and 1 alone; else regression. Missing labels are left out of account.
GuessedTask guess_task(const Table& table, const std::vector<std::string>& targets);

/// The rows that can be learned from: all, or with `drop_missing` those whose targets are all there. Raises Error(data)
/// naming the first line whose label is missing or not finite (and, when they may be dropped, when none is left).
std::vector<std::size_t> labelled_rows(const Table& table, const std::vector<std::string>& targets, bool drop_missing);

/// The first column, when it holds the names of rows: its own name is empty, or one that is given to row names
/// (rownames, `Unnamed: 0`, id) and its cells are texts or whole numbers, each there once; under names that
/// measurements have too (index, customer_id) the whole numbers are 0/1 … n. Null for none.
const Column* row_names(const Table& table);

/// Decides columns, categories and classes from all of `rows`; imputation and scaling from `training_rows` alone
/// (scaling of the imputed column, which is what the network sees). A column is categorical when it holds texts or is
/// named so; one of which hardly any row shares its text with another cannot be learned from and raises Error(data)
/// unless it is named so. Row names are left out, as `dropped` says. Raises Error(data) with place and cause,
/// Error(usage) for options that contradict each other. `reading` of the result is left for the caller to fill in.
Preprocessing fit_preprocessing(const Table& table, std::span<const std::size_t> rows,
                                std::span<const std::size_t> training_rows, const PreprocessingOptions& options);

/// Numbers for the network. float or double.
template <class T>
struct BasicDataset {
    Matrix<T> x;             ///< rows × inputs
    Matrix<T> y;             ///< rows × outputs, scaled; 0/1 for classes; no rows when the table has no labels
    std::vector<T> weights;  ///< what each row counts in the loss, or empty
    /// What it counts in metrics, of which weights of classes are no part; empty where that is the same.
    std::vector<T> unbalanced = {};
    /// What ∂ŷ/∂x of each row is to be, as the network sees x and y: rows × (outputs · inputs), an output's inputs side
    /// by side, NaN where it is not known; no rows where values alone are learned.
    Matrix<T> jacobians = {};
    [[nodiscard]] std::size_t rows() const { return x.rows(); }
    /// What a row counts in a mean, and what all rows count together.
    [[nodiscard]] double weight(std::size_t row) const {
        return weights.empty() ? 1.0 : static_cast<double>(weights[row]);
    }
    /// What rows count in metrics; empty where all count alike.
    [[nodiscard]] const std::vector<T>& metric_weights() const { return unbalanced.empty() ? weights : unbalanced; }
    [[nodiscard]] double total_weight() const {
        double sum = weights.empty() ? static_cast<double>(rows()) : 0.0;
        for (const T weight_of_row : weights) {
            sum += static_cast<double>(weight_of_row);
        }
        return sum;
    }
};
using Dataset = BasicDataset<float>;

enum class Labels { required, absent };

/// Columns that the model does not know, beside targets and weight, raise Error(data) unless `allow_extra`; columns
/// dropped at training and row names may be there.
struct ApplyOptions {
    Labels labels = Labels::required;
    bool allow_extra = false;
};

/// Texts of one column that the model does not know.
struct UnknownCategory {
    std::string column;
    std::string text;  ///< empty where cells are missing and the model has no category for that
    bool missing = false;
    std::size_t rows = 0;
    std::size_t first_row = 0;  ///< of the table
};
/// In these rows, column by column; none where all are known. Columns that are not there are passed over.
std::vector<UnknownCategory> unknown_categories(const Preprocessing& preprocessing, const Table& table,
                                                std::span<const std::size_t> rows);

/// Encodes the named rows. Columns are matched by name. Raises Error(data) listing missing and extra columns, unknown
/// categories or classes, missing cells without imputation, infinite numbers and numbers too large for T, each with
/// place. A weight must be finite and not negative, and their sum positive.
template <class T>
BasicDataset<T> apply_preprocessing(const Preprocessing& preprocessing, const Table& table,
                                    std::span<const std::size_t> rows, const ApplyOptions& options = {});

/// 0, 1, …, count − 1.
std::vector<std::size_t> all_rows(std::size_t count);

/// The rows cut in two by chance.
struct Split {
    std::vector<std::size_t> kept;      ///< in table order
    std::vector<std::size_t> held_out;  ///< in table order
};

/// Holds out `fraction` of the rows (rounded to the nearest, at least one), drawn by `stream`. Raises Error(usage)
/// unless 0 < fraction < 1, Error(data) unless both parts get a row.
Split split_rows(std::span<const std::size_t> rows, double fraction, const RandomStream& stream);
/// The same number of rows, of each stratum its share: the whole part, and what is left by largest remainders (of
/// equals to the larger stratum). Each keeps a row, so one of a single row stays whole. strata[i] is of rows[i],
/// counted from 0. With all strata of one row nothing is held out.
Split split_by_strata(std::span<const std::size_t> rows, std::span<const std::uint32_t> strata, double fraction,
                      const RandomStream& stream);
/// Whole groups in random order, as long as each leads nearer to that number of rows; at least one. groups[i] is of
/// rows[i], counted from 0. Raises Error(data) too where there is one group only.
Split split_by_groups(std::span<const std::size_t> rows, std::span<const std::uint32_t> groups, double fraction,
                      const RandomStream& stream);

extern template BasicDataset<float> apply_preprocessing(const Preprocessing&, const Table&,
                                                        std::span<const std::size_t>, const ApplyOptions&);
extern template BasicDataset<double> apply_preprocessing(const Preprocessing&, const Table&,
                                                         std::span<const std::size_t>, const ApplyOptions&);

}  // namespace handgrad
