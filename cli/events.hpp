// Everything that --json prints: one line of JSON for each event, with its schema number; these names are stable.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "handgrad/data/preprocessing.hpp"
#include "handgrad/explain/comparison.hpp"
#include "handgrad/measure/bench.hpp"
#include "handgrad/store/model.hpp"
#include "handgrad/train/fit.hpp"
#include "handgrad/train/prediction.hpp"

namespace handgrad::cli {

/// Each returns one line with its line end. NaN and infinities become null; all other numbers read back as they were;
/// what is not UTF-8 in a name becomes U+FFFD.

/// `rows` (that are learned from), `validation_rows`, `test_rows`, `features` (columns), `layers`, `parameters`.
std::string start_event(const FitStart& start);
/// `metrics` are those of the validation rows.
std::string epoch_event(const EpochReport& report, const Metrics& validation);
/// `stopped` is `epochs`, `early`, `diverged` or `interrupted`; parts without rows have no metrics.
std::string done_event(const FitResult& result, std::string_view stopped, const std::string& model_path);
std::string evaluation_event(const Evaluation& evaluation);
/// One row of a prediction: `row` (from 0), then `values` by target (regression) or `predicted`, with `probabilities`
/// by class where they are wanted, and `jacobian` by name.
struct PredictionRow {
    std::size_t row;
    const Model& model;
    const Prediction& prediction;
    bool probabilities;
    const Matrix<double>& jacobian;                  ///< no columns: not wanted
    const std::vector<std::string>& jacobian_names;  ///< of its columns
};
std::string prediction_event(const PredictionRow& row);
/// What `bench` measured: the machine's limits, in GFLOP/s and GB/s (10⁹) of one thread, and one workload.
std::string machine_event(const MachineLimits& limits);
std::string workload_event(const Measurement& measured);
/// What `compare` found: `rows`, and of each of `tensors` `name`, `verdict` PASS or FAIL, `cause` (null on PASS;
/// several joined by `+`), `coincide` (causes that give the same numbers), and where it differs most.
std::string comparison_event(const Comparison& comparison);
/// All that `inspect` knows.
std::string model_event(const Model& model, const std::string& path, const std::string& file_hash);

}  // namespace handgrad::cli
