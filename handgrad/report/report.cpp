// What the other parts of the room measure, gathered; predictions beside labels, and histograms of the activations.
#include "handgrad/report/report.hpp"
#include "handgrad/train/settings.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <span>
#include <utility>
#include <variant>

#include "handgrad/base/error.hpp"
#include "handgrad/data/dataset_rows.hpp"
#include "handgrad/diagnose/row_blocks.hpp"
#include "handgrad/document/notation.hpp"
#include "handgrad/train/share_out.hpp"

namespace handgrad::report {
namespace {

constexpr std::size_t most_points = 2000, most_curve_points = 200, most_curves = 10, bins = 40;

/// `most` of `count` rows, or all, evenly spread.
std::vector<std::size_t> spread_rows(std::size_t count, std::size_t most) {
    std::vector<std::size_t> rows(std::min(count, most));
    for (std::size_t i = 0; i < rows.size(); ++i) {
        rows[i] = i * count / rows.size();
    }
    return rows;
}

// --- Predictions beside labels --------------------------------------------------------------------------------------

std::vector<PredictedActual> fits(const Model& model, const Table& table, const Prediction& prediction) {
    std::vector<PredictedActual> result;
    const std::vector<TargetColumn>& targets = model.preprocessing.targets;
    for (std::size_t k = 0; k < targets.size(); ++k) {
        PredictedActual& fit =
            result.emplace_back(PredictedActual{.target = targets[k].name, .actual = {}, .predicted = {}});
        const std::vector<double>& actual = table.column(targets[k].name).numbers;
        for (const std::size_t row : spread_rows(table.rows, most_points)) {
            fit.actual.push_back(actual[row]);
            fit.predicted.push_back(prediction.values(row, k));
        }
    }
    return result;
}

/// `weights`: one a row, or none.
RocCurve roc_of(const std::string& positive, std::span<const std::uint32_t> actual, std::uint32_t wanted,
                const std::vector<double>& scores, std::span<const double> weights) {
    RocCurve curve{.positive = positive, .false_positives = {0.0}, .true_positives = {0.0}};
    std::vector<std::size_t> order(scores.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::ranges::stable_sort(order, std::ranges::greater(), [&](std::size_t row) { return scores[row]; });
    const auto weight = [&](std::size_t row) { return weights.empty() ? 1.0 : weights[row]; };
    double positives = 0.0, negatives = 0.0;
    for (std::size_t row = 0; row < actual.size(); ++row) {
        double& sum = actual[row] == wanted ? positives : negatives;
        sum += weight(row);
    }
    if (positives == 0.0 || negatives == 0.0 || std::ranges::any_of(scores, [](double s) { return std::isnan(s); })) {
        return {.positive = positive, .area = std::numeric_limits<double>::quiet_NaN()};
    }
    std::vector<double> x{0.0}, y{0.0};
    double hits = 0.0, misses = 0.0;
    for (std::size_t first = 0, last = 0; first < order.size(); first = last) {
        while (last < order.size() && scores[order[last]] == scores[order[first]]) {
            const std::size_t row = order[last++];
            double& sum = actual[row] == wanted ? hits : misses;
            sum += weight(row);
        }
        x.push_back(misses / negatives);
        y.push_back(hits / positives);
        curve.area += (x.back() - x[x.size() - 2]) * (y.back() + y[y.size() - 2]) / 2.0;
    }
    const std::vector<std::size_t> kept = spread_rows(x.size(), most_curve_points - 1);
    curve.false_positives.clear();
    curve.true_positives.clear();
    for (const std::size_t i : kept) {
        curve.false_positives.push_back(x[i]);
        curve.true_positives.push_back(y[i]);
    }
    curve.false_positives.push_back(1.0);
    curve.true_positives.push_back(1.0);
    return curve;
}

void judge_classes(const Model& model, const Prediction& prediction, const std::vector<std::uint32_t>& actual,
                   std::span<const double> weights, Report& report) {
    const std::vector<std::string>& names = model.preprocessing.classes;
    const auto scores = [&](std::size_t k) {
        std::vector<double> result = prediction.scores;
        if (prediction.probabilities.columns() > 0) {
            result.clear();
            for (std::size_t row = 0; row < actual.size(); ++row) {
                result.push_back(prediction.probabilities(row, k));
            }
        }
        return result;
    };
    if (prediction.probabilities.columns() == 0 && prediction.scores.empty()) {
        return;  // several outputs that are no probabilities
    }
    if (names.size() == 2) {
        report.roc.push_back(roc_of(names[1], actual, 1, scores(1), weights));
    } else if (names.size() <= most_curves) {
        for (std::size_t k = 0; k < names.size(); ++k) {
            report.roc.push_back(roc_of(names[k], actual, static_cast<std::uint32_t>(k), scores(k), weights));
        }
    }
}

// --- Rows that pull -------------------------------------------------------------------------------------------------

std::vector<WorstRow> worst_rows(const Model& model, const Table& table,
                                 const std::vector<diagnose::RowGradient>& gradients, const Prediction& prediction,
                                 const std::vector<std::uint32_t>& classes) {
    std::vector<WorstRow> rows;
    for (const diagnose::RowGradient& gradient : gradients) {
        WorstRow& row = rows.emplace_back(
            WorstRow{.place = table.place(gradient.row), .gradient = gradient, .actual = {}, .predicted = {}});
        const Preprocessing& columns = model.preprocessing;
        if (columns.task == Task::classification) {
            row.actual = columns.classes[classes[gradient.row]];
            row.predicted = columns.classes[prediction.classes[gradient.row]];
            if (prediction.probabilities.columns() > 0) {
                row.predicted +=
                    " (" +
                    document::six_digits(prediction.probabilities(gradient.row, prediction.classes[gradient.row]))
                        .substr(0, 5) +
                    ")";
            }
            continue;
        }
        for (std::size_t k = 0; k < columns.targets.size(); ++k) {
            const std::string comma = k == 0 ? "" : ", ";
            row.actual += comma + document::six_digits(table.column(columns.targets[k].name).numbers[gradient.row]);
            row.predicted += comma + document::six_digits(prediction.values(gradient.row, k));
        }
    }
    return rows;
}

// --- Activations ----------------------------------------------------------------------------------------------------

/// The values of all rows and units; what is not finite is in no bin.
ActivationHistogram histogram(std::string layer, Activation activation, std::span<const double> values) {
    ActivationHistogram result{
        .layer = std::move(layer), .activation = activation, .shares = std::vector<double>(bins)};
    double lowest = std::numeric_limits<double>::infinity(), highest = -lowest;
    for (const double value : values) {
        if (std::isfinite(value)) {
            lowest = std::min(lowest, value);
            highest = std::max(highest, value);
        }
    }
    if (std::isfinite(facts(activation).highest - facts(activation).lowest)) {
        lowest = facts(activation).lowest;
        highest = facts(activation).highest;
    }
    const double room = highest > lowest ? 0.0 : std::max(std::abs(lowest) * 0.1, 0.5);
    result.lowest = lowest - room;
    result.highest = highest + room;
    for (const double value : values) {
        if (std::isfinite(value)) {
            const double place = (value - result.lowest) / (result.highest - result.lowest) * static_cast<double>(bins);
            result.shares[std::min(static_cast<std::size_t>(std::max(place, 0.0)), bins - 1)] +=
                1.0 / static_cast<double>(values.size());
        }
    }
    return result;
}

template <class T>
std::vector<ActivationHistogram> activation_histograms(const BasicMlp<T>& net, const LossFunction& function,
                                                       const BasicDataset<T>& data) {
    std::vector<std::vector<double>> values(net.layers());
    const std::vector<double> shares(data.rows(), 1.0 / static_cast<double>(data.rows()));
    diagnose::for_each_block(net, function, data, shares, [&](const diagnose::Block<T>& block) {
        for (std::size_t l = 0; l < net.layers(); ++l) {
            for (std::size_t row = 0; row < block.rows(); ++row) {
                for (const T a : block.tape.layer(l).a.row(row)) {
                    values[l].push_back(static_cast<double>(a));
                }
            }
        }
    });
    std::vector<ActivationHistogram> histograms;
    for (std::size_t l = 0; l < net.layers(); ++l) {
        histograms.push_back(histogram(layer_name(l), net.architecture().activation(l), values[l]));
    }
    return histograms;
}

/// Everything, on rows that are encoded once.
template <class T>
void measure(const BasicMlp<T>& net, const Model& model, const Table& table, const BasicDataset<T>& data,
             const ReportOptions& options, Report& report) {
    const auto [evaluation, prediction] = judge(model, data, options.execution, options.parts);
    report.evaluation = evaluation;
    report.verdict = options.verdict.value_or(
        ReportOptions::Verdict{.standing = evaluation.standing, .text = standing_text(evaluation, model)});
    std::vector<std::uint32_t> classes;
    if (model.preprocessing.task == Task::classification) {
        classes = classes_of(model.preprocessing, data);
        const std::vector<double> weights(data.metric_weights().begin(), data.metric_weights().end());
        judge_classes(model, prediction, classes, weights, report);
    } else {
        report.fits = fits(model, table, prediction);
    }
    report.worst = worst_rows(
        model, table, diagnose::dominant_rows(diagnose::row_gradients(net, model.loss, data), options.worst_rows),
        prediction, classes);

    BasicDataset<T> part = select_rows(data, spread_rows(data.rows(), options.measured_rows));
    report.measured_rows = part.rows();
    const OptimizerOptions optimizer = recorded_optimizer(model).value_or(OptimizerOptions{.kind = OptimizerKind::sgd});
    report.diagnosis = diagnose::diagnose(model, part, optimizer);
    report.activations = activation_histograms(net, model.loss, part);
    if (model.preprocessing.features.size() > options.most_permuted) {
        part.y = {};  // without labels no column is permuted
    }
    report.columns =
        diagnose::sensitivity(model, std::move(part), {.repeats = 5, .seed = options.seed}, options.execution);
    report.certificate = certify::certify(
        model, data, {.rows = options.certified_rows, .seed = options.seed, .execution = options.execution});
}

/// The rows of a table that the model has not learned from, and what they were for.
struct UnseenRows {
    std::vector<std::size_t> rows;
    RowsByPart parts;
};
UnseenRows unseen_rows(const RowsByPart& parts) {
    UnseenRows unseen;
    std::ranges::merge(parts.validation, parts.test, std::back_inserter(unseen.rows));
    for (std::size_t i = 0; i < unseen.rows.size(); ++i) {
        const bool test = std::ranges::binary_search(parts.test, unseen.rows[i]);
        (test ? unseen.parts.test : unseen.parts.validation).push_back(i);
    }
    return unseen;
}

}  // namespace

Report make_report(const Model& model, const Table& table, const ReportOptions& given) {
    if (table.rows == 0) {
        throw Error(ErrorKind::data, table.source + ": there are no rows; a report needs some");
    }
    ReportOptions options = given;
    if (!options.parts) {
        options.parts = parts_of(model, table);
        const bool some_seen = options.parts && !options.parts->training.empty();
        if (some_seen && options.parts->validation.size() + options.parts->test.size() > 0) {
            const UnseenRows unseen = unseen_rows(*options.parts);
            options.parts = unseen.parts;
            options.rows_are = "the rows that it has not learned from, of";
            return make_report(model, select_rows(table, unseen.rows), options);
        }
    }
    const ApplyOptions applying{.labels = Labels::required, .allow_extra = options.allow_extra};
    const std::vector<std::size_t> rows = all_rows(table.rows);
    Report report;
    report.data = table.source;
    report.rows_are = options.rows_are;
    report.rows = table.rows;
    std::visit(
        [&]<class T>(const BasicMlp<T>& net) {
            const auto data = apply_preprocessing<T>(model.preprocessing, table, rows, applying);
            check_target_domain(model.preprocessing, table, rows, model.loss.kind);
            measure(net, model, table, data, options, report);
        },
        model.net);
    report.explanation = explain::explain(model, explain::step_options_of(model));
    return report;
}

}  // namespace handgrad::report
