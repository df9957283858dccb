// From a table to a model in one call: the decisions that are made for the user, the splits, preprocessing and
// training.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "handgrad/base/error.hpp"
#include "handgrad/data/preprocessing.hpp"
#include "handgrad/store/head.hpp"
#include "handgrad/store/model.hpp"
#include "handgrad/train/evaluation.hpp"
#include "handgrad/train/metrics.hpp"
#include "handgrad/train/trainer.hpp"

namespace handgrad {

/// A share of the rows held out at random, or a table of its own; neither for none.
struct HeldOut {
    double fraction = 0.0;
    const Table* table = nullptr;
};

/// When nobody says how long to train, training stops after so many epochs, of small tables so many steps, without a
/// lower loss …
inline constexpr std::size_t usual_patience = 20, usual_patience_steps = 100;
/// … on this share of the rows, held out for it …
inline constexpr double usual_validation_share = 0.2;
/// … of a table with so many: fewer leave hardly one to judge by.
inline constexpr std::size_t fewest_rows_to_share = 10;

/// The choice of FitOptions::class_weight that is no file.
inline constexpr std::string_view balanced_classes = "balanced";
inline bool names_a_file_of_weights(std::string_view choice) { return !choice.empty() && choice != balanced_classes; }

/// What the user chose. An empty optional is decided by fit() and announced.
struct FitOptions {
    PreprocessingOptions columns;  ///< its task, scale_target and one_output are decided by fit()
    std::optional<Task> task;
    std::optional<bool> scale_target;
    bool drop_missing_labels = false;
    /// What the rows of each class count in the loss: `balanced` (n/(K n_c)), or the name of a table with the columns
    /// `class` and `weight`; empty where all count alike. It is no part of the metrics.
    std::string class_weight;
    /// `COL+` or `COL-`: columns of numbers with which every output never falls, or never rises, whatever the others
    /// are (TrainOptions::input_signs, which fit() decides by it).
    std::vector<std::string> monotone;
    std::string group;    ///< column of groups that a split keeps together, no input; empty for none
    ReadOptions reading;  ///< as the table was read; kept in the model

    std::vector<std::size_t> hidden{100};                         ///< widths; empty for a single linear layer
    std::vector<Activation> hidden_activation{Activation::relu};  ///< one for all hidden layers, or one for each
    std::optional<Activation> output_activation;
    std::optional<Loss> loss;
    double huber_delta = 1.0;
    double quantile = 0.5;
    double leaky_slope = 0.01;
    Conventions conventions;  ///< first_weights may be overruled here
    bool use_double = false;
    bool keep_training = false;  ///< the model keeps the state of its training, to be gone on with
    std::optional<std::filesystem::path> init_from;
    /// A table with a row for each row of the table to learn from, whose columns `d(OUTPUT)/d(INPUT)`, named as
    /// jacobian_names() does, say what the network's derivatives are to be, in the table's units; cells may be missing.
    std::optional<std::filesystem::path> target_jacobian;
    bool allow_kinks = false;  ///< learn them with activations whose bends they do not see (relu, leaky_relu)
    /// A finished model to go on with: its columns, network and weights, and where it keeps its training
    /// (keep_training) the optimizer's state and the count of epochs too; training.epochs are then those to come. Null
    /// for none.
    const Model* continue_from = nullptr;

    /// Its loss is decided by fit(), epochs and early stopping where they are open. With another optimizer goes another
    /// decay: usual_options(kind).
    TrainOptions training;
    std::optional<HeldOut> validation;  ///< decided: usual_validation_share for early stopping, else none, as rows that
                                        ///< stop nothing teach more than they tell
    /// After early stopping the same training once more, of all rows but the test's, for as many epochs as were best;
    /// decided: where neither epochs nor early stopping were chosen, and the validation rows are the table's.
    std::optional<bool> refit;
    HeldOut test;
    /// So many trainings on the same rows, with first weights and order of the rows by the seeds seed, seed + 1 …; that
    /// with the lowest validation loss is kept, without validation rows with the lowest training loss, of the epoch
    /// that it gives. One that diverges is kept only if all do.
    std::size_t restarts = 1;
    /// A share of the rows for intervals (docs/intervals.md): nothing is learned, stopped or scaled by them, and no
    /// refit takes them up. Open and split below: usual_calibration_share.
    double calibration = 0.0;
    /// How intervals are made; open: by the rows held out for it, where there are some, else none. What cv_plus and
    /// jackknife_plus need selection::fit_with_intervals() makes; fit() makes its model alone.
    std::optional<IntervalMethod> interval_method;
    /// No setting: rows of the table that are learned from or held out. The others have a part in its columns,
    /// categories and classes only, and the model is not judged. Open for all rows with labels.
    std::optional<std::vector<std::size_t>> only_rows;
};

/// Rows that are held out for intervals where split is asked for and nobody says how many.
inline constexpr double usual_calibration_share = 0.2;

/// Rows, inputs and shape, once they are decided and before the first step.
struct FitStart {
    std::size_t training_rows;
    std::size_t validation_rows;
    std::size_t test_rows;
    const Model& model;
    std::size_t epoch = 0;  ///< done before, of a training that is gone on with
};
/// Of the training on all rows.
struct RefitStart {
    std::size_t training_rows;
    std::size_t epochs;
    std::size_t epoch = 0;  ///< as of FitStart
};
/// One of several trainings begins.
struct RestartStart {
    std::size_t number = 0;  ///< from 0
    std::size_t restarts = 0;
    std::uint64_t seed = 0;
};
/// What one of several trainings came to.
struct Restart {
    std::uint64_t seed = 0;
    double loss = 0.0;  ///< by which it is compared; NaN where it has diverged or taken no epoch
    std::size_t epochs = 0, best_epoch = 0;
    std::string stopped = {};  ///< as stopped_name()
};
/// Measures a network on the training rows: before the first step, and after each epoch.
template <class T>
using MeasureFlow = std::function<std::vector<LayerFlow>(const BasicMlp<T>&, const BasicDataset<T>&)>;
/// For both precisions, of which fit() takes the one that it trains in.
struct FlowMeter {
    MeasureFlow<float> in_float = {};
    MeasureFlow<double> in_double = {};
};

/// A decision or a warning in one line.
struct Notice {
    std::string text;
    std::optional<SettingHint> overruled_by = {};  ///< the setting that would decide otherwise
};

/// When what a training needs to be gone on with is kept, and by whom.
struct CheckpointPlan {
    std::size_t epochs = 0;  ///< after every so many epochs; 0: not by epochs …
    double seconds = 0.0;    ///< … and between two batches so many seconds after the last; 0: not by time
    /// Takes the model that the training would give if it ended there, with Model::training; called as the plan says,
    /// and at the beginning and the end of each training. Empty: nothing is kept.
    std::function<void(const Model&)> keep = {};
};

struct FitCallbacks {
    std::function<void(const Notice&)> on_notice = {};
    std::function<void(const FitStart&)> on_start = {};
    /// After each epoch, with metrics on the validation rows (empty without them); false ends the training there.
    std::function<bool(const EpochReport&, const Metrics&)> on_epoch = {};
    /// Before the training on all rows of FitOptions::refit …
    std::function<void(const RefitStart&)> on_refit = {};
    /// … and after each of its epochs; false ends it, and the model is then that of the first training.
    std::function<bool(const EpochReport&)> on_refit_epoch = {};
    /// Before each of several trainings (FitOptions::restarts), behind on_start, which is called once.
    std::function<void(const RestartStart&)> on_restart = {};
    /// Asked between two batches, every 20 ms or so where they are short; true ends the training there.
    std::function<bool()> stop = {};
    CheckpointPlan checkpoints = {};
    /// The model of a training that was ended by `stop` or a callback, before its scores are computed, which may take
    /// long. Not called when checkpoints are kept, as then there are no scores.
    std::function<void(const Model&)> on_interrupted = {};
    /// Makes what measures the layers, once the loss is decided; then the model's history has its numbers too.
    std::function<FlowMeter(const LossFunction&)> measure = {};
};

struct FitResult {
    Model model;  ///< with its history: losses and metrics of the validation rows by epoch, and what was measured
    /// After a refit the model of the first training, that the validation rows judge; its history is that of both.
    std::optional<Model> judged_model;
    TrainResult training;
    Metrics train_metrics;
    Metrics validation_metrics;  ///< empty without validation rows
    Metrics test_metrics;        ///< empty without test rows
    Metrics baseline;            ///< of the trivial predictor (mean, or majority class of the training rows) on …
    std::vector<std::string> undefined;     ///< why metrics of a part are NaN, a sentence each
    std::string baseline_on;                ///< … "test", "validation" or "train", the first that has rows
    std::vector<std::size_t> judged_rows;   ///< those rows, of the table that they stand in
    Evaluation judged;                      ///< of the model on them, after a refit of the judged model
    std::vector<std::size_t> learned_rows;  ///< of the table, that the model has learned from
    std::optional<std::string> diverged;    ///< the message when training stopped at a non-finite value
    std::vector<Restart> restarts;          ///< that have ended, of several; else empty
    std::size_t chosen_restart = 0;         ///< the one whose model it is
    bool usable = true;                     ///< what it says of the rows that it learned from are numbers
};

/// Raises Error(usage) (also for settings that are not those of the network to go on with), Error(data), Error(model)
/// (init_from), Error(io). A divergence does not throw: the result then
/// holds the last good weights and the message. A training that was interrupted while checkpoints were kept comes back
/// without metrics. Restarts that are interrupted give the best of those that had ended, or the first; they do not go
/// together with checkpoints, nor with a model to go on with: Error(usage).
///
/// With a `checkpoint`, a model that CheckpointPlan::keep was given, it goes on with that training, to the bits of the
/// one that was never interrupted. Raises Error(usage) with all that differs when table or settings are not those.
FitResult fit(const Table& table, const FitOptions& given, const FitCallbacks& callbacks = {},
              const Model* checkpoint = nullptr);

/// How a training ended: `epochs` (all that were asked for), `early`, `interrupted` (by the callback) or `diverged`.
std::string_view stopped_name(const FitResult& result);

}  // namespace handgrad
