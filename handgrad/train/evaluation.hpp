// Is a model any good? Loss and metrics of a model on labelled rows beside a constant answer, each class and target by
// itself, and whether these are rows that it learned from.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "handgrad/base/matrix.hpp"
#include "handgrad/data/preprocessing.hpp"
#include "handgrad/store/model.hpp"
#include "handgrad/train/metrics.hpp"
#include "handgrad/train/prediction.hpp"
#include "handgrad/train/scores.hpp"
#include "handgrad/train/trainer.hpp"

namespace handgrad {

/// What can be said of a model beside its baseline, who always answers the mean of the training rows, or their most
/// frequent class with the shares of the classes as probabilities. Judged are the rows that it has not learned from, if
/// that is known, by squared errors; of classes by those of the probabilities (Brier), without these by wrong answers.
/// The names are fixed: they stand in JSON.
enum class Standing {
    better,     ///< its errors are smaller by more than two standard errors
    no_better,  ///< they are as large or larger
    unclear,    ///< they are smaller, but that may be chance
    too_few,    ///< fewer than fewest_rows_to_judge rows
    seen,       ///< all these rows are those that it learned from
    unknown,    ///< the model does not tell what the constant answer is, or that one makes no errors here
};
inline constexpr std::array all_standings{Standing::better,  Standing::no_better, Standing::unclear,
                                          Standing::too_few, Standing::seen,      Standing::unknown};
std::string_view name(Standing standing);

/// The rows of a table that were for `train`, `validation` or `test`.
struct PartScore {
    std::string name;
    std::size_t rows = 0;
    Metrics metrics;
};

struct TargetScore {
    std::string name;
    Metrics metrics;  ///< r2, rmse, mae, median_absolute_error, in the target's units; of a label label_metrics()
};

/// Rows in which an input lies outside the range of the training rows.
struct OutsideScore {
    std::size_t rows = 0;
    struct Input {
        std::string name;
        std::size_t rows;
    };
    std::vector<Input> inputs;  ///< that are so anywhere, the most frequent first
};

/// Of the rows that were held out before the model learned from them too.
struct BeforeRefit {
    std::size_t rows = 0;
    Metrics metrics;   ///< of the model before
    Metrics baseline;  ///< of the constant answer; empty where other rows judged it
};

struct Evaluation {
    std::size_t rows = 0;
    double loss = 0.0;          ///< the very function that training differentiates, penalty included
    std::size_t nonfinite = 0;  ///< rows whose prediction is no finite number
    Metrics metrics;
    std::optional<Metrics> baseline;  ///< empty where the model does not tell it
    Standing standing = Standing::unknown;
    Skill skill;                              ///< of the rows that decide the standing
    std::size_t judged_rows = 0;              ///< how many these are
    std::optional<std::size_t> seen_rows;     ///< that the model learned from; empty where that is not known
    std::vector<PartScore> parts;             ///< where it is known, those that there are
    std::optional<BeforeRefit> before_refit;  ///< as the model's file tells; empty without a refit
    std::optional<OutsideScore> outside;      ///< empty where the model does not tell the ranges

    // Of the rows that decide the standing: those that it has not learned from, where that is known.
    Matrix<double> confusion;         ///< classification: rows by class (down) and prediction (across); none for more
                                      ///< than most_confusion_classes
    std::vector<Confused> confused;   ///< the ten most frequent
    std::vector<ClassScore> classes;  ///< by class
    ClassScore macro;
    std::optional<double> brier;             ///< of models with probabilities
    std::optional<Calibration> calibration;  ///< likewise
    std::vector<TargetScore> targets;        ///< regression, several labels: by target

    std::vector<std::string> undefined;  ///< why metrics are NaN, a sentence each
};
inline constexpr std::size_t most_confusion_classes = 1000;

/// On a labelled table. Raises what apply_preprocessing() and check_target_domain() raise.
Evaluation evaluate(const Model& model, const Table& table, const ApplyOptions& options = {},
                    const Execution& execution = {});

/// evaluate() and predict() of labelled rows that are encoded already, by one forward pass beside that of the loss. The
/// targets' domain is not looked at.
struct Judged {
    Evaluation evaluation;
    Prediction prediction;
};
/// Which of the rows are for what; none where that is not known.
struct RowsByPart {
    std::vector<std::size_t> training, validation, test;
    std::vector<std::size_t> calibration = {};  ///< for intervals
};
template <class T>
Judged judge(const Model& model, const BasicDataset<T>& data, const Execution& execution = {},
             const std::optional<RowsByPart>& parts = std::nullopt);

/// The metrics of always the same answer, that of the rows the model learned from (means, or shares of classes); empty
/// where the model does not tell it.
template <class T>
std::optional<Metrics> baseline_metrics(const Model& model, const BasicDataset<T>& data);

/// Why metrics of the baseline are NaN that the model has, a sentence each.
std::vector<std::string> undefined_baseline(const Evaluation& evaluation);

/// Why those of these metrics that are NaN are not defined on these rows: `r2: the target 'y' is the same in all rows`.
template <class T>
std::vector<std::string> undefined_metrics(const Metrics& metrics, const Preprocessing& preprocessing,
                                           const BasicDataset<T>& data);

/// What the baseline always answers: `the mean`, `the most frequent class`, `the share of each label`.
std::string constant_answer_name(Task task);

/// The standing in a sentence: by how much it is better, why that cannot be told, and what would tell it.
std::string standing_text(const Evaluation& evaluation, const Model& model);

}  // namespace handgrad
