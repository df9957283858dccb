// One forward pass, from which all scores are counted; rows that the model learned from are told apart where they can.
#include "handgrad/train/evaluation.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <numeric>
#include <span>
#include <utility>
#include <variant>

#include "handgrad/base/error.hpp"
#include "handgrad/base/wording.hpp"
#include "handgrad/data/dataset_rows.hpp"
#include "handgrad/train/decoding.hpp"
#include "handgrad/train/outside.hpp"
#include "handgrad/train/share_out.hpp"

namespace handgrad {
namespace {

constexpr std::size_t most_pairs = 10;

/// ŷ of the trivial predictor; empty where the model does not tell it.
std::vector<double> constant_answer(const Model& model) {
    if (!model.training_rows.constant_answer.empty()) {
        return model.training_rows.constant_answer;
    }
    // A standardised target has its mean at 0; that of weighted rows is another one.
    const Preprocessing& columns = model.preprocessing;
    const bool standardised = columns.weight.empty() && columns.task == Task::regression &&
                              std::ranges::none_of(columns.targets, [](const TargetColumn& target) {
                                  return target.shift == 0.0 && target.scale == 1.0;
                              });
    return std::vector<double>(standardised ? columns.targets.size() : 0);
}

/// These rows of a prediction.
Prediction select_rows(const Prediction& all, std::span<const std::size_t> rows) {
    const auto of_matrix = [&](const Matrix<double>& matrix) {
        Matrix<double> part(matrix.columns() == 0 ? 0 : rows.size(), matrix.columns());
        for (std::size_t i = 0; i < part.rows(); ++i) {
            std::ranges::copy(matrix.row(rows[i]), part.row(i).begin());
        }
        return part;
    };
    Prediction part{.values = of_matrix(all.values),
                    .classes = {},
                    .probabilities = of_matrix(all.probabilities),
                    .surprisals = of_matrix(all.surprisals),
                    .scores = {}};
    for (const std::size_t row : rows) {
        if (!all.classes.empty()) {
            part.classes.push_back(all.classes[row]);
        }
        if (!all.scores.empty()) {
            part.scores.push_back(all.scores[row]);
        }
    }
    return part;
}

template <class T>
std::vector<double> weights_of(const BasicDataset<T>& data) {
    return {data.metric_weights().begin(), data.metric_weights().end()};
}

// --- Beside the constant answer
// ---------------------------------------------------------------------------------------

/// Squared errors of each row, of the model and of the constant answer. Several targets count alike: each by the mean
/// of the constant's.
struct RowErrors {
    std::vector<double> own, constant;

    void add_target(const std::vector<double>& of_own, const std::vector<double>& of_constant) {
        own.resize(of_own.size());
        constant.resize(of_own.size());
        const double sum = std::accumulate(of_constant.begin(), of_constant.end(), 0.0);
        if (sum == 0.0) {
            return;  // the constant answer is right in every row: nothing can be won
        }
        for (std::size_t row = 0; row < own.size(); ++row) {
            own[row] += of_own[row] / sum;
            constant[row] += of_constant[row] / sum;
        }
    }
};

double square(double x) { return x * x; }

template <class T>
RowErrors errors_of_values(const Preprocessing& columns, const Prediction& prediction, const Prediction& constant,
                           const BasicDataset<T>& data) {
    RowErrors errors;
    for (std::size_t k = 0; k < columns.targets.size(); ++k) {
        std::vector<double> own, of_constant, actual;
        for (std::size_t row = 0; row < data.rows(); ++row) {
            const double y = in_user_units(columns.targets[k], static_cast<double>(data.y(row, k)));
            own.push_back(square(prediction.values(row, k) - y));
            of_constant.push_back(square(constant.values(0, k) - y));
            actual.push_back(y);
        }
        // A target that is the same in all rows tells nothing: what the constant misses there is next to nothing.
        const bool same = std::ranges::all_of(actual, [&](double y) { return y == actual.front(); });
        if (!same || columns.targets.size() == 1) {
            errors.add_target(own, of_constant);
        }
    }
    return errors;
}

/// Of class `actual` by the probabilities of a row; without these 1 for a wrong answer.
double error_of_class(const Prediction& prediction, std::size_t row, std::uint32_t actual) {
    if (prediction.probabilities.columns() == 0) {
        return prediction.classes[row] == actual ? 0.0 : 1.0;
    }
    double sum = 0.0;
    for (std::size_t k = 0; k < prediction.probabilities.columns(); ++k) {
        sum += square(prediction.probabilities(row, k) - (k == actual ? 1.0 : 0.0));
    }
    return sum;
}

template <class T>
Skill skill_on(const Model& model, const Prediction& prediction, const BasicDataset<T>& data) {
    const std::vector<double> answer = constant_answer(model);
    if (answer.empty()) {
        return {.saved = NAN, .standard_error = NAN};
    }
    const Preprocessing& columns = model.preprocessing;
    const Prediction constant =
        decode(columns, model.architecture().output, MatrixView<const double>(answer.data(), 1, answer.size()));
    RowErrors errors;
    if (columns.task != Task::classification) {
        errors = errors_of_values(columns, prediction, constant, data);
    } else {
        const std::vector<std::uint32_t> classes = classes_of(columns, data);
        for (std::size_t row = 0; row < classes.size(); ++row) {
            errors.own.push_back(error_of_class(prediction, row, classes[row]));
            errors.constant.push_back(error_of_class(constant, 0, classes[row]));
        }
    }
    return skill_of(errors.own, errors.constant, weights_of(data));
}

Standing standing_of(const Skill& skill, std::size_t rows, bool all_seen) {
    constexpr double beyond_chance = 2.0;
    if (std::isnan(skill.saved)) {
        return Standing::unknown;
    }
    if (rows < fewest_rows_to_judge) {
        return Standing::too_few;
    }
    if (skill.saved <= 0.0) {
        return Standing::no_better;  // where even the rows that it learned from say so, it is
    }
    if (all_seen) {
        return Standing::seen;
    }
    return skill.saved > beyond_chance * skill.standard_error ? Standing::better : Standing::unclear;
}

// --- The scores
// -------------------------------------------------------------------------------------------------------

template <class T>
std::optional<OutsideScore> outside_of(const Model& model, const BasicDataset<T>& data) {
    const TrainingRows& known = model.training_rows;
    if (known.empty()) {
        return std::nullopt;
    }
    OutsideScore outside;
    std::vector<std::size_t> counts(data.x.columns());
    for (std::size_t row = 0; row < data.rows(); ++row) {
        bool anywhere = false;
        for (std::size_t j = 0; j < data.x.columns(); ++j) {
            const auto x = static_cast<double>(data.x(row, j));
            const bool out = !within_training_range(known, j, x);
            counts[j] += out ? 1 : 0;
            anywhere = anywhere || out;
        }
        outside.rows += anywhere ? 1 : 0;
    }
    const std::vector<std::string> names = model.preprocessing.input_names();
    for (std::size_t j = 0; j < counts.size(); ++j) {
        if (counts[j] > 0) {
            outside.inputs.push_back({.name = names[j], .rows = counts[j]});
        }
    }
    std::ranges::stable_sort(outside.inputs, std::ranges::greater(), &OutsideScore::Input::rows);
    return outside;
}

template <class T>
void score_targets(const Preprocessing& columns, const Prediction& prediction, const BasicDataset<T>& data,
                   Evaluation& evaluation) {
    const std::vector<double> weights = weights_of(data);
    const Matrix<double> y = convert<double>(data.y);
    for (std::size_t k = 0; k < columns.targets.size(); ++k) {
        if (columns.task == Task::multilabel) {
            evaluation.targets.push_back(
                {.name = columns.targets[k].name,
                 .metrics = label_metrics(prediction.values, y, k, weights, prediction.surprisals)});
            continue;
        }
        std::vector<double> predicted, actual;
        for (std::size_t row = 0; row < data.rows(); ++row) {
            predicted.push_back(prediction.values(row, k));
            actual.push_back(in_user_units(columns.targets[k], static_cast<double>(data.y(row, k))));
        }
        evaluation.targets.push_back(
            {.name = columns.targets[k].name, .metrics = target_metrics(predicted, actual, weights)});
    }
}

template <class T>
void score_classes(const Preprocessing& columns, const Prediction& prediction, const BasicDataset<T>& data,
                   Evaluation& evaluation) {
    const std::vector<double> weights = weights_of(data);
    const std::vector<std::uint32_t> actual = classes_of(columns, data);
    const std::size_t classes = columns.classes.size();
    evaluation.classes = class_scores(prediction.classes, actual, classes, weights);
    for (std::size_t k = 0; k < classes; ++k) {
        evaluation.classes[k].name = columns.classes[k];
    }
    evaluation.macro = macro_average(evaluation.classes);
    if (classes <= most_confusion_classes) {
        evaluation.confusion = confusion_counts(prediction.classes, actual, classes);
    }
    evaluation.confused = most_confused(prediction.classes, actual, most_pairs);
    if (prediction.probabilities.columns() > 0) {
        evaluation.brier = brier_score(prediction.probabilities, actual, weights);
        evaluation.calibration = calibration(prediction.probabilities, prediction.classes, actual, weights);
    }
}

template <class T>
void score_in_detail(const Preprocessing& columns, const Prediction& prediction, const BasicDataset<T>& data,
                     Evaluation& evaluation) {
    if (columns.task == Task::classification) {
        score_classes(columns, prediction, data, evaluation);
    } else {
        score_targets(columns, prediction, data, evaluation);
    }
}

/// The rows that the model has not learned from, where that is known and there are some; else all.
std::vector<std::size_t> rows_that_tell(std::size_t rows, const std::optional<RowsByPart>& parts) {
    std::vector<std::size_t> all = all_rows(rows);
    if (!parts || parts->training.size() >= rows) {
        return all;
    }
    std::vector<bool> learned(rows);
    for (const std::size_t row : parts->training) {
        learned[row] = true;
    }
    std::erase_if(all, [&](std::size_t row) { return learned[row]; });
    return all;
}

template <class T>
void judge_beside_constant(const Model& model, const Prediction& prediction, const BasicDataset<T>& data,
                           const std::optional<RowsByPart>& parts, Evaluation& evaluation) {
    evaluation.baseline = baseline_metrics(model, data);
    const std::vector<std::size_t> telling = rows_that_tell(data.rows(), parts);
    const bool all = telling.size() == data.rows();
    evaluation.judged_rows = telling.size();
    evaluation.skill = all ? skill_on(model, prediction, data)
                           : skill_on(model, select_rows(prediction, telling), select_rows(data, telling));
    const bool all_seen = parts && data.rows() > 0 && parts->training.size() >= data.rows();
    evaluation.standing = standing_of(evaluation.skill, telling.size(), all_seen);
    if (!parts) {
        return;
    }
    evaluation.seen_rows = parts->training.size();
    for (const auto& [part, rows] : {std::pair("train", &parts->training), std::pair("validation", &parts->validation),
                                     std::pair("test", &parts->test), std::pair("calibration", &parts->calibration)}) {
        if (!rows->empty()) {
            evaluation.parts.push_back(
                {.name = part,
                 .rows = rows->size(),
                 .metrics = metrics_of(model.preprocessing, select_rows(prediction, *rows), select_rows(data, *rows))});
        }
    }
}

/// Metrics noted in the model's file under `metric.PART.`.
Metrics noted_metrics(const Model& model, const std::string& part) {
    const std::string prefix = "metric." + part + ".";
    Metrics metrics;
    for (auto entry = model.provenance.lower_bound(prefix);
         entry != model.provenance.end() && entry->first.starts_with(prefix); ++entry) {
        const ParsedNumber value = parse_number(entry->second);
        metrics.emplace_back(entry->first.substr(prefix.size()),
                             value.problem == NumberProblem::none ? value.value : std::nan(""));
    }
    return metrics;
}

std::string listed(const Metrics& metrics) {
    std::string list;
    for (const auto& [name, value] : metrics) {
        add_item(list, ", ", name + " " + (std::isnan(value) ? "undefined" : short_number(value, 4)));
    }
    return list;
}

std::optional<BeforeRefit> before_refit_of(const Model& model) {
    const auto refit = model.provenance.find("refit"), rows = model.provenance.find("rows.validation");
    if (refit == model.provenance.end() || refit->second != "yes" || rows == model.provenance.end()) {
        return std::nullopt;
    }
    const ParsedNumber count = parse_number(rows->second);
    const bool good = count.problem == NumberProblem::none && count.value >= 0.0 && count.value < 1e15;
    return BeforeRefit{.rows = good ? static_cast<std::size_t>(count.value) : 0,
                       .metrics = noted_metrics(model, "validation"),
                       .baseline = noted_metrics(model, "constant")};
}

/// What was found before the training on all rows; empty where there was none.
std::string before_refit_text(const Evaluation& evaluation) {
    if (!evaluation.before_refit) {
        return "";
    }
    const BeforeRefit& before = *evaluation.before_refit;
    return " Before it learned from all of them, " + std::to_string(before.rows) + " were held out and gave " +
           listed(before.metrics) +
           when(!before.baseline.empty(), " (the constant answer: " + listed(before.baseline) + ")") + ".";
}

/// `83 %`, `4.2 %`.
std::string percent(double share) {
    const double value = 100.0 * share;
    constexpr double few_digits = 10.0;
    const double places = std::abs(value) < few_digits ? 10.0 : 1.0;
    return format_number(std::round(value * places) / places) + " %";
}

}  // namespace

std::string_view name(Standing standing) {
    static constexpr std::array<std::string_view, all_standings.size()> names{"better",  "no_better", "unclear",
                                                                              "too_few", "seen",      "unknown"};
    return names[static_cast<std::size_t>(standing)];
}

template <class T>
Judged judge(const Model& model, const BasicDataset<T>& data, const Execution& execution,
             const std::optional<RowsByPart>& parts) {
    const BasicMlp<T>& net = std::get<BasicMlp<T>>(model.net);
    const Preprocessing& columns = model.preprocessing;
    Judged judged{.evaluation = Evaluation(), .prediction = predict(model, data, execution)};
    Evaluation& evaluation = judged.evaluation;
    evaluation.rows = data.rows();
    evaluation.nonfinite = judged.prediction.nonfinite;
    evaluation.loss = evaluate_loss(net, data, model.loss, model.weight_decay, execution);
    evaluation.metrics = metrics_of(columns, judged.prediction, data);
    evaluation.undefined = undefined_metrics(evaluation.metrics, columns, data);
    judge_beside_constant(model, judged.prediction, data, parts, evaluation);
    const std::vector<std::string> reasons = undefined_baseline(evaluation);
    evaluation.undefined.insert(evaluation.undefined.end(), reasons.begin(), reasons.end());
    evaluation.before_refit = before_refit_of(model);
    const std::vector<std::size_t> telling = rows_that_tell(data.rows(), parts);
    if (telling.size() == data.rows()) {
        evaluation.outside = outside_of(model, data);
        score_in_detail(columns, judged.prediction, data, evaluation);
    } else {
        const BasicDataset<T> part = select_rows(data, telling);
        evaluation.outside = outside_of(model, part);
        score_in_detail(columns, select_rows(judged.prediction, telling), part, evaluation);
    }
    return judged;
}

Evaluation evaluate(const Model& model, const Table& table, const ApplyOptions& options, const Execution& execution) {
    return std::visit(
        [&]<class T>(const BasicMlp<T>& /*net*/) {
            const BasicDataset<T> data =
                apply_preprocessing<T>(model.preprocessing, table, all_rows(table.rows), options);
            check_target_domain(model.preprocessing, table, all_rows(table.rows), model.loss.kind);
            return judge(model, data, execution, parts_of(model, table)).evaluation;
        },
        model.net);
}

template <class T>
std::optional<Metrics> baseline_metrics(const Model& model, const BasicDataset<T>& data) {
    const std::vector<double> answer = constant_answer(model);
    if (answer.empty()) {
        return std::nullopt;
    }
    Outputs<T> constant{.z = {}, .yhat = Matrix<T>(data.rows(), answer.size())};
    for (std::size_t row = 0; row < data.rows(); ++row) {
        std::ranges::transform(answer, constant.yhat.row(row).begin(), [](double y) { return static_cast<T>(y); });
    }
    Metrics metrics = metrics_of(model.preprocessing, model.architecture().output, constant, data);
    for (auto& [name, value] : metrics) {
        if (std::isinf(value)) {
            value = NAN;  // it gives a class no chance that is here: see undefined_baseline()
        }
    }
    return metrics;
}

std::vector<std::string> undefined_baseline(const Evaluation& evaluation) {
    std::vector<std::string> reasons;
    for (const auto& [name, value] : evaluation.baseline.value_or(Metrics{})) {
        const auto own = std::ranges::find(evaluation.metrics, name, &Metrics::value_type::first);
        if (std::isnan(value) && own != evaluation.metrics.end() && std::isfinite(own->second) && name == "log_loss") {
            reasons.push_back(name +
                              ": infinite of the constant answer, as no training row is of a class that is here");
        }
    }
    return reasons;
}

template <class T>
std::vector<std::string> undefined_metrics(const Metrics& metrics, const Preprocessing& preprocessing,
                                           const BasicDataset<T>& data) {
    std::vector<std::string> reasons;
    std::string alike;  // what rows have in common that should differ
    const auto same = [&](std::size_t k) {
        for (std::size_t row = 1; row < data.y.rows(); ++row) {
            if (data.y(row, k) != data.y(0, k)) {
                return false;
            }
        }
        return true;
    };
    for (std::size_t k = 0; preprocessing.task != Task::classification && k < preprocessing.targets.size(); ++k) {
        if (alike.empty() && data.rows() > 1 && same(k)) {
            alike = "the target '" + preprocessing.targets[k].name + "' is the same in all rows";
        }
    }
    if (data.rows() < 2) {
        alike = "there is " + when(data.rows() == 0, "no row") + when(data.rows() == 1, "one row only");
    } else if (preprocessing.task == Task::classification) {
        const std::vector<std::uint32_t> classes = classes_of(preprocessing, data);
        if (std::ranges::adjacent_find(classes, std::not_equal_to{}) == classes.end()) {
            alike = "all rows are of class '" + preprocessing.classes[classes.front()] + "'";
        }
    }
    for (const auto& [name, value] : metrics) {
        if (!std::isnan(value)) {
            continue;
        }
        const bool of_spread = name == "r2" || name == "roc_auc";
        const bool explained = !alike.empty() && (of_spread || data.rows() == 0);
        reasons.push_back(name + ": " + (explained ? alike : "a prediction is not a number"));
    }
    return reasons;
}

std::string constant_answer_name(Task task) {
    switch (task) {
        case Task::regression:
            return "the mean";
        case Task::classification:
            return "the most frequent class";
        case Task::multilabel:
            return "the share of each label";
    }
    __builtin_unreachable();
}

std::string standing_text(const Evaluation& evaluation, const Model& model) {
    const std::string constant =
        "always answering " + constant_answer_name(model.preprocessing.task) + " of the training rows";
    std::string errors = "squared error";
    if (evaluation.brier || model.preprocessing.task == Task::multilabel) {
        errors = "squared error of the probabilities";
    } else if (model.preprocessing.task == Task::classification) {
        errors = "wrong answers";
    }
    const bool of_another = !evaluation.seen_rows && !model.training_rows.table_hash.empty();
    const bool chose_epoch = evaluation.parts.size() == 1 && evaluation.parts.front().name == "validation";
    const std::string rows = plural(evaluation.judged_rows, "row") +
                             when(evaluation.judged_rows < evaluation.rows, " that it has not learned from") +
                             when(evaluation.seen_rows == evaluation.rows, " that it has learned from") +
                             when(of_another, " of another table than it was trained on") +
                             when(chose_epoch, " of the table that judged its epochs");
    const std::string saved =
        percent(evaluation.skill.saved) + " (± " + percent(2.0 * evaluation.skill.standard_error) + ")";
    switch (evaluation.standing) {
        case Standing::better:
            return "Better than " + constant + ": on " + rows + " its " + errors + " is smaller by " + saved + ".";
        case Standing::no_better:
            if (!std::isfinite(evaluation.skill.saved)) {
                return "No better than " + constant + ": on " + rows + " its answers are not all finite numbers.";
            }
            return "No better than " + constant + ": on " + rows + " its " + errors + " is larger by " +
                   percent(-evaluation.skill.saved) + ".";
        case Standing::unclear:
            return "Whether it is better than " + constant + " cannot be told from " + rows + ": its " + errors +
                   " is smaller by " + saved + ", which may be chance; judge it on more rows.";
        case Standing::too_few:
            return "Whether it is better than " + constant + " cannot be told from " + rows +
                   ": judge it on at least " + std::to_string(fewest_rows_to_judge) + ".";
        case Standing::seen:
            return "How good it is on other rows cannot be told: it has learned from all of these. Judge it on rows "
                   "that it has not seen." +
                   before_refit_text(evaluation);
        case Standing::unknown:
            break;
    }
    if (constant_answer(model).empty()) {
        return "Whether it is better than " + constant +
               " cannot be told: the model's file does not tell what that answer is.";
    }
    return "Whether it is better than " + constant + " cannot be told: there that answer is right in every row.";
}

#define HANDGRAD_INSTANTIATE(T)                                                                                      \
    template Judged judge(const Model&, const BasicDataset<T>&, const Execution&, const std::optional<RowsByPart>&); \
    template std::optional<Metrics> baseline_metrics(const Model&, const BasicDataset<T>&);                          \
    template std::vector<std::string> undefined_metrics(const Metrics&, const Preprocessing&, const BasicDataset<T>&);
HANDGRAD_INSTANTIATE(float)
HANDGRAD_INSTANTIATE(double)
#undef HANDGRAD_INSTANTIATE

}  // namespace handgrad
