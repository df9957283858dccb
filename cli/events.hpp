// Everything that --json prints: one line of JSON for each event, with its schema number; these names are stable.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "handgrad/certify/certificate.hpp"
#include "handgrad/compare/comparison.hpp"
#include "handgrad/compare/grading.hpp"
#include "handgrad/compare/marking.hpp"
#include "handgrad/data/preprocessing.hpp"
#include "handgrad/diagnose/diagnosis.hpp"
#include "handgrad/diagnose/row_forensics.hpp"
#include "handgrad/diagnose/sensitivity.hpp"
#include "handgrad/explain/compose.hpp"
#include "handgrad/explain/explanation.hpp"
#include "handgrad/import/import.hpp"
#include "handgrad/measure/bench.hpp"
#include "handgrad/report/report.hpp"
#include "handgrad/store/model.hpp"
#include "handgrad/train/encoding.hpp"
#include "handgrad/train/evaluation.hpp"
#include "handgrad/train/fit.hpp"
#include "handgrad/train/intervals.hpp"
#include "handgrad/train/outside.hpp"
#include "handgrad/train/prediction.hpp"

namespace handgrad::cli {

/// Each returns one line with its line end. NaN and infinities become null; all other numbers read back as they were;
/// what is not UTF-8 in a name becomes U+FFFD.

/// `rows` (that are learned from), `validation_rows`, `test_rows`, `features` (columns), `layers`, `parameters`; and
/// what verify-run needs: `told` (what the command line said, by option), `settings`, `data_hash` (of the encoded
/// training rows), `parameters_hash` of the first weights, and `epoch`, done before in a training that is gone on with.
std::string start_event(const FitStart& start, const std::map<std::string, std::vector<std::string>>& told);
/// One of several trainings begins: `restart` (from 1), `restarts`, `seed`.
std::string restart_event(const RestartStart& start);
/// `metrics` are those of the validation rows; with --diagnose `layers`: for each `name`, `gradient_rms`, `saturated`,
/// `dead`, `moved` and `starved`.
std::string epoch_event(const EpochReport& report, const Metrics& validation);
/// Of the training on all rows that may follow: `rows`, `epochs`, and the same of each epoch but what is of validation.
std::string refit_event(const RefitStart& start);
std::string refit_epoch_event(const EpochReport& report);
/// `stopped` is `epochs`, `early`, `diverged` or `interrupted`; parts without rows have no metrics. With
/// `refit` the validation metrics are those of the first training.
std::string done_event(const FitResult& result, std::string_view stopped, const std::string& model_path,
                       const std::vector<std::string>& warnings);
/// What `evaluate --interval` counted.
struct MeasuredIntervals {
    double wanted = 0.0;
    Coverage found = {};
};
std::string evaluation_event(const Evaluation& evaluation, const Preprocessing& columns,
                             const std::optional<MeasuredIntervals>& measured = std::nullopt);
/// What `encode` wrote: `file`, `rows`, `inputs`, `outputs` (0 without a target), `weighted` (the model has a column of
/// weights), `dtype`.
std::string encoded_event(const Model& model, const EncodedTable& encoded, const std::string& path);
/// What `export` wrote: `to` (the form), `files`: for each its path (`file`) and size (`bytes`).
std::string exported_event(const std::string& form, const std::vector<std::pair<std::string, std::string>>& files);
/// `model` (its file), `format`, `task`, `dtype`, `layers`, `parameters`, and `notices` for people.
std::string imported_event(const std::string& path, const imports::Imported& imported);
/// `verdict`, `rows`, `parameters` and `input`: for each tensor `name`, `verdict`, `entries`, `kinks`, `undetermined`,
/// `failed`, and of the entry with the largest error `worst_ulp`, `where`, `claimed`, `witness`, `bound`; `factor`.
std::string certificate_event(const certify::Certificate& certificate);
/// One row of a prediction: `row` (from 0), then `values` by target (regression) or `predicted`, with `probabilities`
/// by class where they are wanted, `jacobian` and `hessian` by name.
/// Derivatives of all rows, a named column each; without columns: not wanted.
struct DerivativeColumns {
    Matrix<double> values;
    std::vector<std::string> names;
};
/// Cells outside what the model has learned from, row after row.
struct OutsideRows {
    bool known = false;  ///< else nothing tells
    std::vector<OutsideCell> cells = {};
    std::vector<std::size_t> first = {};  ///< of each row the first of `cells`, and their number behind the last
    std::size_t rows = 0;                 ///< that have any

    [[nodiscard]] std::vector<std::string> names_of(std::size_t row, const Preprocessing& columns) const;
};
OutsideRows outside_rows(const Model& model, const Table& table, const ApplyOptions& options);
struct PredictionRow {
    std::size_t row;
    const Model& model;
    const Prediction& prediction;
    bool probabilities;
    const DerivativeColumns& jacobian;
    const DerivativeColumns& hessian;
    const std::vector<KeptCells>& kept;  ///< columns to copy
    const Intervals* intervals = nullptr;
    const OutsideRows* outside = nullptr;
};
/// The classes of the row's set.
std::vector<std::string> set_names(const PredictionRow& row);
std::string prediction_event(const PredictionRow& row);
/// What `bench` measured: the machine's limits, in GFLOP/s and GB/s (10⁹) of one thread, and one workload.
std::string machine_event(const measure::MachineLimits& limits);
std::string workload_event(const measure::Measurement& measured);
/// A line of the table of workloads, of which nothing was measured.
std::string listed_event(const measure::Workload& workload);
/// `dtype`, `layers`, `loss_function`, `optimizer`, `tables`, `steps`, `forward`, `loss_row`, `jacobians`, `deltas`,
/// `backward`, `update`, `slopes`; with a row also `row`, `parameters`, `loss` and the `value` of each, Jacobians
/// dense; `components` as `options` say. `formula` is Unicode, `latex` LaTeX. Of an exercise sheet formulas and values
/// are null, to be filled in, and `digits` says how many are wanted. Raises Error(usage) for a Jacobian of more than
/// 2^24 numbers.
std::string explanation_event(const explain::Explanation& explanation, const explain::SheetOptions& options);
/// Per layer its verdict and what it rests on, and the what-if rows, one for each change and layer; `training`: where
/// it stands; `try`: the settings that are advised, by name. `rows_top`: the dominant rows, by their line in the table
/// (null for a binary one) and their row, from 0.
std::string diagnosis_event(const diagnose::Diagnosis& diagnosis, const std::vector<diagnose::RowGradient>& top,
                            const Table& table);
std::string sensitivity_event(const std::vector<diagnose::ColumnSensitivity>& columns, std::size_t rows);
/// What `compare` found: `rows`, and of each of `tensors` `name`, `verdict` PASS or FAIL, `cause` (null on PASS;
/// several joined by `+`), `coincide` (causes that give the same numbers), and where it differs most.
std::string comparison_event(const compare::Comparison& comparison);
/// An exercise sheet, marked: `row` (from 1), `digits` and `tolerance` by which, `score` (0 to 1), and of each of
/// `answers` `symbol`, `mark` (right, follows, imprecise, wrong, unreadable, blank), `written` and `left_blank`
/// (numbers), `unreadable` (cells), `cause` (as of compare, or a slip; null where none is known), and of what is not
/// right `where` (from 0), `answer`, `expected`, `from_own` and `follows_from` (null otherwise); then how many have
/// each mark.
std::string marking_event(const compare::Marking& marking);
/// One file of a folder: `file`, `kind` (sheet, gradients, null), `row` of a sheet, `rows` of a gradient, `score`,
/// `problem` (of one that cannot be read), `causes`, how many answers have each mark, `answers` as of `marking`,
/// `tensors` (`name`, `verdict`, `cause`).
std::string graded_event(const compare::GradedFile& file);
/// How many of `files` were `graded` and `failed` to be read, and the `mean_score` of those graded.
std::string grading_event(const compare::Grading& grading);
/// What a page was written of: `report` (its file), `rows`, `loss`, `metrics`, `certificate` (its verdict), `factor`.
std::string report_event(const report::Report& report, const std::string& path);
/// All that `inspect` knows; `history`: the training epoch by epoch, `columns` by name and a row of numbers for each of
/// `epochs`.
std::string model_event(const Model& model, const std::string& path, const std::string& file_hash);

}  // namespace handgrad::cli
