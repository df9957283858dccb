// Metrics as scikit-learn defines them, in O(rows · columns), and O(rows log rows) for roc_auc.
#include "handgrad/train/metrics.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <limits>
#include <numeric>

#include "handgrad/train/scores.hpp"

namespace handgrad {
namespace {

constexpr double undefined = std::numeric_limits<double>::quiet_NaN();

double square(double x) { return x * x; }

/// One weight a row: 1 when the caller gave none.
class Weights {
public:
    Weights(std::span<const double> weights, std::size_t rows) : weights_(weights), rows_(rows) {
        assert(weights.empty() || weights.size() == rows);
    }
    [[nodiscard]] std::size_t rows() const { return rows_; }
    double operator[](std::size_t row) const { return weights_.empty() ? 1.0 : weights_[row]; }

    /// Σ w_i · share(i) over the rows that have a weight: a share of a row without one may be infinite.
    template <class Share>
    [[nodiscard]] double sum(Share share) const {
        double total = 0.0;
        for (std::size_t i = 0; i < rows_; ++i) {
            if ((*this)[i] != 0.0) {
                total += (*this)[i] * share(i);
            }
        }
        return total;
    }
    /// The same divided by Σ w_i; NaN when no row has a weight.
    template <class Share>
    [[nodiscard]] double mean(Share share) const {
        return sum(share) / sum([](std::size_t) { return 1.0; });
    }

private:
    std::span<const double> weights_;
    std::size_t rows_;
};

/// Whether y is the same number in every row that has a weight. The sum of squares about a rounded mean would not say.
bool constant(MatrixView<const double> y, std::size_t k, const Weights& weights) {
    double lowest = std::numeric_limits<double>::infinity();
    double highest = -lowest;
    for (std::size_t i = 0; i < y.rows(); ++i) {
        if (weights[i] != 0.0) {
            lowest = std::min(lowest, y(i, k));
            highest = std::max(highest, y(i, k));
        }
    }
    return lowest == highest;
}

/// 1 − Σ w (y − ŷ)² / Σ w (y − ȳ)² of output k.
double r2(MatrixView<const double> predicted, MatrixView<const double> target, std::size_t k, const Weights& weights) {
    const double residual = weights.sum([&](std::size_t i) { return square(target(i, k) - predicted(i, k)); });
    if (constant(target, k, weights)) {
        return undefined;
    }
    const double mean = weights.mean([&](std::size_t i) { return target(i, k); });
    const double r2 = 1.0 - residual / weights.sum([&](std::size_t i) { return square(target(i, k) - mean); });
    constexpr double rounding = 1e-12;
    if (std::abs(r2) < rounding) {
        return 0.0;  // of always the mean, which is none but for rounding
    }
    return r2;
}

/// The area under the receiver operating characteristic: the weighted share of pairs (negative, positive) that the
/// score puts in the right order, ties counting half.
double roc_auc(std::span<const std::uint32_t> target, std::span<const double> scores, const Weights& weights) {
    if (std::ranges::any_of(scores, [](double s) { return std::isnan(s); })) {
        return undefined;
    }
    std::vector<std::size_t> by_score(scores.size());
    std::iota(by_score.begin(), by_score.end(), std::size_t{0});
    std::ranges::stable_sort(by_score, {}, [&](std::size_t i) { return scores[i]; });
    double negatives = 0.0;  // the weight of those below the current score
    double positives = 0.0;
    double in_order = 0.0;
    for (std::size_t first = 0, last = 0; first < by_score.size(); first = last) {
        double tied_negatives = 0.0;
        double tied_positives = 0.0;
        for (; last < by_score.size() && scores[by_score[last]] == scores[by_score[first]]; ++last) {
            const std::size_t i = by_score[last];
            double& tied = target[i] == 1 ? tied_positives : tied_negatives;
            tied += weights[i];
        }
        in_order += tied_positives * (negatives + 0.5 * tied_negatives);
        negatives += tied_negatives;
        positives += tied_positives;
    }
    return in_order / (positives * negatives);  // 0/0 when only one class is there
}

}  // namespace

Metrics regression_metrics(MatrixView<const double> predicted, MatrixView<const double> target,
                           std::span<const double> weights) {
    assert(predicted.rows() == target.rows() && predicted.columns() == target.columns());
    const Weights w(weights, target.rows());
    double r2_sum = 0.0;
    double rmse_sum = 0.0;
    double mae_sum = 0.0;
    for (std::size_t k = 0; k < target.columns(); ++k) {
        const auto residual = [&](std::size_t i) { return target(i, k) - predicted(i, k); };
        r2_sum += r2(predicted, target, k, w);
        rmse_sum += std::sqrt(w.mean([&](std::size_t i) { return square(residual(i)); }));
        mae_sum += w.mean([&](std::size_t i) { return std::abs(residual(i)); });
    }
    const auto outputs = static_cast<double>(target.columns());
    return {{"r2", target.rows() < 2 ? undefined : r2_sum / outputs},
            {"rmse", rmse_sum / outputs},
            {"mae", mae_sum / outputs}};
}

Metrics classification_metrics(std::span<const std::uint32_t> predicted, std::span<const std::uint32_t> target,
                               MatrixView<const double> probabilities, std::span<const double> scores,
                               std::span<const double> weights, MatrixView<const double> surprisals) {
    assert(predicted.size() == target.size());
    assert(scores.empty() || scores.size() == target.size());
    const Weights w(weights, target.size());
    Metrics metrics;
    metrics.emplace_back("accuracy", w.mean([&](std::size_t i) { return predicted[i] == target[i] ? 1.0 : 0.0; }));
    std::uint32_t last = 0;
    for (std::size_t i = 0; i < target.size(); ++i) {
        last = std::max({last, predicted[i], target[i]});
    }
    metrics.emplace_back("balanced_accuracy", macro_average(class_scores(predicted, target, last + 1, weights)).recall);
    std::vector<double> positive(scores.begin(), scores.end());
    if (probabilities.columns() != 0) {
        assert(probabilities.rows() == target.size());
        metrics.emplace_back("log_loss", w.mean([&](std::size_t i) {
            return surprisals.columns() == 0 ? -std::log(probabilities(i, target[i])) : surprisals(i, target[i]);
        }));
        if (scores.empty() && probabilities.columns() == 2) {
            for (std::size_t i = 0; i < target.size(); ++i) {
                positive.push_back(probabilities(i, 1));
            }
        }
    }
    const bool two_classes = probabilities.columns() == 2 || (probabilities.columns() == 0 && !scores.empty());
    if (two_classes) {
        metrics.emplace_back("roc_auc", roc_auc(target, positive, w));
    }
    return metrics;
}

Metrics multilabel_metrics(MatrixView<const double> shares, MatrixView<const double> target,
                           std::span<const double> weights, MatrixView<const double> surprisals) {
    assert(shares.rows() == target.rows() && shares.columns() == target.columns());
    const Weights w(weights, target.rows());
    const std::size_t K = target.columns();
    const auto right = [&](std::size_t i) {
        std::size_t count = 0;
        for (std::size_t k = 0; k < K; ++k) {
            count += std::size_t{answer_of(shares(i, k)) == target(i, k)};
        }
        return count;
    };
    const auto labels = static_cast<double>(K);
    Metrics metrics{{"accuracy", w.mean([&](std::size_t i) { return right(i) == K ? 1.0 : 0.0; })},
                    {"label_accuracy", w.mean([&](std::size_t i) { return static_cast<double>(right(i)) / labels; })}};
    if (surprisals.columns() != 0) {
        metrics.emplace_back("log_loss", w.mean([&](std::size_t i) {
            double sum = 0.0;
            for (std::size_t k = 0; k < K; ++k) {
                sum += surprisals(i, 2 * k + static_cast<std::size_t>(target(i, k)));
            }
            return sum / labels;
        }));
    }
    return metrics;
}

Metrics label_metrics(MatrixView<const double> shares, MatrixView<const double> target, std::size_t label,
                      std::span<const double> weights, MatrixView<const double> surprisals) {
    const std::size_t rows = target.rows(), both = surprisals.columns() == 0 ? 0 : 2;
    std::vector<std::uint32_t> predicted, actual;
    std::vector<double> scores;
    Matrix<double> probabilities(rows, both), of_label(rows, both);
    for (std::size_t i = 0; i < rows; ++i) {
        scores.push_back(shares(i, label));
        predicted.push_back(static_cast<std::uint32_t>(answer_of(scores.back())));
        actual.push_back(static_cast<std::uint32_t>(target(i, label)));
        for (std::size_t yes = 0; yes < both; ++yes) {
            of_label(i, yes) = surprisals(i, 2 * label + yes);
            probabilities(i, yes) = std::exp(-of_label(i, yes));
        }
    }
    return classification_metrics(predicted, actual, probabilities, scores, weights, of_label);
}

}  // namespace handgrad
