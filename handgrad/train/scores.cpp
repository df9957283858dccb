// Sums over rows in their order, in double; closed forms, so that nothing is drawn at random.
#include "handgrad/train/scores.hpp"

#include <algorithm>
#include <array>
#include <cassert>
#include <cmath>
#include <limits>
#include <map>
#include <numbers>
#include <numeric>
#include <utility>

namespace handgrad {
namespace {

constexpr double undefined = std::numeric_limits<double>::quiet_NaN();
constexpr double two_sided_95 = 1.959963984540054;

double weight_of(std::span<const double> weights, std::size_t row) { return weights.empty() ? 1.0 : weights[row]; }

double ratio(double part, double whole) { return whole > 0.0 ? part / whole : undefined; }

/// Expectation and variance of |g| for g normal with this mean and standard deviation.
struct Folded {
    double mean, variance;

    Folded(double g, double deviation) : mean(std::abs(g)), variance(0.0) {
        if (deviation > 0.0) {
            const double z = g / deviation;
            const double both_sides = 1.0 - std::erfc(z / std::numbers::sqrt2);  // Φ(z) − Φ(−z)
            mean = deviation * std::sqrt(2.0 / std::numbers::pi) * std::exp(-0.5 * z * z) + g * both_sides;
            variance = std::max(g * g + deviation * deviation - mean * mean, 0.0);
        }
    }
};

/// The sums of one bin of confidence.
struct Bin {
    double weight = 0.0, squared_weight = 0.0, right = 0.0, confidence = 0.0;
    double chance = 0.0;  ///< Σ w² p(1 − p), the variance of `right` if the confidences are right
};
constexpr std::size_t bins = 10;

/// As scikit-learn's calibration_curve cuts [0, 1]: an edge belongs to the bin below it.
std::size_t bin_of(double confidence) {
    for (std::size_t b = 1; b < bins; ++b) {
        if (confidence <= static_cast<double>(b) / static_cast<double>(bins)) {
            return b - 1;
        }
    }
    return bins - 1;
}

/// The error as it is seen, and its moments under two suppositions.
Calibration judge(const std::array<Bin, bins>& filled, double total) {
    double seen = 0.0, expected = 0.0, variance = 0.0, by_chance = 0.0, chance_variance = 0.0;
    for (const Bin& bin : filled) {
        if (bin.weight == 0.0) {
            continue;
        }
        const double share = bin.weight / total, gap = (bin.right - bin.confidence) / bin.weight;
        const double rows = bin.weight * bin.weight / bin.squared_weight;  // as many of equal weight
        const double q = (bin.right / bin.weight * rows + 1.0) / (rows + 2.0);
        const Folded around_gap(gap, std::sqrt(q * (1.0 - q) / rows));
        const Folded around_zero(0.0, std::sqrt(bin.chance) / bin.weight);
        seen += share * std::abs(gap);
        expected += share * around_gap.mean;
        variance += share * share * around_gap.variance;
        by_chance += share * around_zero.mean;
        chance_variance += share * share * around_zero.variance;
    }
    const double center = 2.0 * seen - expected, reach = two_sided_95 * std::sqrt(variance);
    Calibration result{
        .error = seen, .lowest = std::clamp(center - reach, 0.0, 1.0), .highest = std::clamp(center + reach, 0.0, 1.0)};
    if (seen <= by_chance + two_sided_95 * std::sqrt(chance_variance)) {
        result.lowest = 0.0;
    }
    return result;
}

double median_of(std::vector<double> values, std::span<const double> weights) {
    if (values.empty() || std::ranges::any_of(values, [](double v) { return std::isnan(v); })) {
        return undefined;
    }
    if (weights.empty()) {
        const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
        std::ranges::nth_element(values, middle);
        if (values.size() % 2 == 1) {
            return *middle;
        }
        return 0.5 * (*std::max_element(values.begin(), middle) + *middle);
    }
    std::vector<std::size_t> order(values.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::ranges::stable_sort(order, {}, [&](std::size_t i) { return values[i]; });
    const double half = 0.5 * std::accumulate(weights.begin(), weights.end(), 0.0);
    double below = 0.0;
    for (const std::size_t i : order) {
        below += weights[i];
        if (below >= half && weights[i] > 0.0) {
            return values[i];
        }
    }
    return values[order.back()];
}

}  // namespace

std::vector<ClassScore> class_scores(std::span<const std::uint32_t> predicted, std::span<const std::uint32_t> target,
                                     std::size_t classes, std::span<const double> weights) {
    assert(predicted.size() == target.size());
    std::vector<double> right(classes), there(classes), said(classes);
    std::vector<ClassScore> scores(classes);
    for (std::size_t i = 0; i < target.size(); ++i) {
        const double w = weight_of(weights, i);
        ++scores[target[i]].rows;
        there[target[i]] += w;
        said[predicted[i]] += w;
        right[target[i]] += predicted[i] == target[i] ? w : 0.0;
    }
    for (std::size_t k = 0; k < classes; ++k) {
        scores[k].precision = ratio(right[k], said[k]);
        scores[k].recall = ratio(right[k], there[k]);
        scores[k].f1 = ratio(2.0 * right[k], said[k] + there[k]);
    }
    return scores;
}

ClassScore macro_average(std::span<const ClassScore> scores) {
    ClassScore macro{.name = "macro"};
    for (double ClassScore::*number : {&ClassScore::precision, &ClassScore::recall, &ClassScore::f1}) {
        double sum = 0.0, count = 0.0;
        for (const ClassScore& score : scores) {
            if (!std::isnan(score.*number)) {
                sum += score.*number;
                count += 1.0;
            }
        }
        macro.*number = ratio(sum, count);
    }
    for (const ClassScore& score : scores) {
        macro.rows += score.rows;
    }
    return macro;
}

Matrix<double> confusion_counts(std::span<const std::uint32_t> predicted, std::span<const std::uint32_t> target,
                                std::size_t classes) {
    Matrix<double> counts(classes, classes);
    for (std::size_t i = 0; i < target.size(); ++i) {
        counts(target[i], predicted[i]) += 1.0;
    }
    return counts;
}

std::vector<Confused> most_confused(std::span<const std::uint32_t> predicted, std::span<const std::uint32_t> target,
                                    std::size_t most) {
    std::map<std::pair<std::uint32_t, std::uint32_t>, std::size_t> counts;
    for (std::size_t i = 0; i < target.size(); ++i) {
        if (target[i] != predicted[i]) {
            ++counts[{target[i], predicted[i]}];
        }
    }
    std::vector<Confused> confused;
    confused.reserve(counts.size());
    for (const auto& [pair, rows] : counts) {
        confused.push_back({.target = pair.first, .predicted = pair.second, .rows = rows});
    }
    std::ranges::stable_sort(confused, std::ranges::greater(), &Confused::rows);
    confused.resize(std::min(confused.size(), most));
    return confused;
}

double brier_score(MatrixView<const double> probabilities, std::span<const std::uint32_t> target,
                   std::span<const double> weights) {
    const double scale = probabilities.columns() == 2 ? 0.5 : 1.0;
    double sum = 0.0, total = 0.0;
    for (std::size_t i = 0; i < target.size(); ++i) {
        double of_row = 0.0;
        for (std::size_t k = 0; k < probabilities.columns(); ++k) {
            const double d = probabilities(i, k) - (target[i] == k ? 1.0 : 0.0);
            of_row += d * d;
        }
        sum += weight_of(weights, i) * of_row;
        total += weight_of(weights, i);
    }
    return ratio(scale * sum, total);
}

Calibration calibration(MatrixView<const double> probabilities, std::span<const std::uint32_t> predicted,
                        std::span<const std::uint32_t> target, std::span<const double> weights) {
    std::array<Bin, bins> filled{};
    double total = 0.0;
    for (std::size_t i = 0; i < target.size(); ++i) {
        const double p = probabilities(i, predicted[i]), w = weight_of(weights, i);
        if (std::isnan(p)) {
            return {.error = undefined, .lowest = undefined, .highest = undefined};
        }
        Bin& bin = filled[bin_of(p)];
        bin.weight += w;
        bin.squared_weight += w * w;
        bin.right += predicted[i] == target[i] ? w : 0.0;
        bin.confidence += w * p;
        bin.chance += w * w * p * (1.0 - p);
        total += w;
    }
    return judge(filled, total);
}

Metrics target_metrics(std::span<const double> predicted, std::span<const double> target,
                       std::span<const double> weights) {
    Metrics metrics = regression_metrics(MatrixView<const double>(predicted.data(), predicted.size(), 1),
                                         MatrixView<const double>(target.data(), target.size(), 1), weights);
    std::vector<double> errors;
    for (std::size_t i = 0; i < target.size(); ++i) {
        errors.push_back(std::abs(target[i] - predicted[i]));
    }
    metrics.emplace_back("median_absolute_error", median_of(std::move(errors), weights));
    return metrics;
}

Skill skill_of(std::span<const double> own, std::span<const double> baseline, std::span<const double> weights) {
    double of_own = 0.0, of_baseline = 0.0;
    for (std::size_t i = 0; i < own.size(); ++i) {
        of_own += weight_of(weights, i) * own[i];
        of_baseline += weight_of(weights, i) * baseline[i];
    }
    if (!(of_baseline > 0.0)) {
        return {.saved = undefined, .standard_error = undefined};
    }
    if (!std::isfinite(of_own)) {
        return {.saved = -std::numeric_limits<double>::infinity(), .standard_error = undefined};
    }
    const double left = of_own / of_baseline;
    double squares = 0.0;  // of what each row adds to the ratio beyond its share, to first order
    for (std::size_t i = 0; i < own.size(); ++i) {
        const double d = weight_of(weights, i) * (own[i] - left * baseline[i]);
        squares += d * d;
    }
    return {.saved = 1.0 - left, .standard_error = std::sqrt(squares) / of_baseline};
}

}  // namespace handgrad
