// Answers of any kind are led through the loss as those of a network of one layer whose weights are the unit matrix, so
// that formulas and conventions are those of the loss itself.
#include "handgrad/diagnose/constant_answer.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

#include "handgrad/diagnose/row_blocks.hpp"
#include "handgrad/math/losses.hpp"
#include "handgrad/train/fit.hpp"
#include "handgrad/train/trainer.hpp"

namespace handgrad::diagnose {
namespace {

/// z with f(z) = ŷ; as good as 0 or 1 at the ends of the range, where z would be infinite.
double linked(Activation link, double yhat) {
    constexpr double far_out = 700.0;
    double z = yhat;
    if (link == Activation::sigmoid) {
        z = std::log(yhat) - std::log1p(-yhat);
    } else if (link != Activation::identity) {
        z = std::log(yhat);
    }
    if (link != Activation::identity) {
        z = std::clamp(z, -far_out, far_out);
    }
    return z;
}

class Rows {
public:
    template <class T>
    Rows(const Architecture& architecture, const LossFunction& function, const BasicDataset<T>& data)
        : function_(function), link_(output_for(function.kind)), shares_(row_shares(data)), conventions_(architecture) {
        data_.x = Matrix<double>(data.rows(), data.y.columns());
        data_.y = Matrix<double>(data.rows(), data.y.columns());
        for (std::size_t row = 0; row < data.rows(); ++row) {
            std::ranges::transform(data.y.row(row), data_.y.row(row).begin(),
                                   [](T y) { return static_cast<double>(y); });
        }
        data_.weights.assign(data.weights.begin(), data.weights.end());
    }

    /// Of answers yhat(row, k).
    template <class Answer>
    double loss_of(Answer yhat) {
        const std::size_t K = data_.y.columns();
        for (std::size_t row = 0; row < data_.rows(); ++row) {
            for (std::size_t k = 0; k < K; ++k) {
                data_.x(row, k) = linked(link_, yhat(row, k));
            }
        }
        BasicMlp<double> unit =
            BasicMlp<double>::zeros({.sizes = {K, K}, .output = link_, .conventions = conventions_.conventions});
        for (std::size_t k = 0; k < K; ++k) {
            unit.weight(0)(k, k) = 1.0;
        }
        return evaluate_loss(unit, data_, function_, 0.0, {.threads = 1});
    }
    double loss_of_targets() {
        return loss_of([&](std::size_t row, std::size_t k) { return data_.y(row, k); });
    }

    [[nodiscard]] bool targets_differ() const {
        std::size_t first = 0;
        while (first < data_.rows() && shares_[first] == 0.0) {
            ++first;
        }
        for (std::size_t row = first + 1; row < data_.rows(); ++row) {
            if (shares_[row] > 0.0 && !std::ranges::equal(data_.y.row(row), data_.y.row(first))) {
                return true;
            }
        }
        return false;
    }

    /// Of output k.
    [[nodiscard]] double best(std::size_t k) const {
        if (function_.kind == Loss::squared_error || !facts(function_.kind).residual) {
            return mean(k);
        }
        return where_slope_is_0(k);
    }

private:
    [[nodiscard]] double mean(std::size_t k) const {
        double sum = 0.0;
        for (std::size_t row = 0; row < data_.rows(); ++row) {
            sum += shares_[row] * data_.y(row, k);
        }
        return sum;
    }
    /// Losses of the residual are convex: their mean slope crosses 0 once between the lowest and the highest target.
    [[nodiscard]] double where_slope_is_0(std::size_t k) const {
        double low = data_.y(0, k), high = low;
        for (std::size_t row = 0; row < data_.rows(); ++row) {
            low = std::min(low, data_.y(row, k));
            high = std::max(high, data_.y(row, k));
        }
        constexpr int halvings = 60;
        for (int i = 0; i < halvings; ++i) {
            const double middle = low + 0.5 * (high - low);
            if (slope(k, middle) < 0.0) {
                low = middle;
            } else {
                high = middle;
            }
        }
        return low + 0.5 * (high - low);
    }
    [[nodiscard]] double slope(std::size_t k, double c) const {
        const LossParameters parameters{.huber_delta = function_.huber_delta, .quantile = function_.quantile};
        return visit(function_.kind, [&]<class F>(F) {
            double sum = 0.0;
            if constexpr (F::facts.residual) {
                for (std::size_t row = 0; row < data_.rows(); ++row) {
                    sum += shares_[row] * F::derivative(c - data_.y(row, k), parameters);
                }
            }
            return sum;
        });
    }

    LossFunction function_;
    Activation link_;
    std::vector<double> shares_;
    Architecture conventions_;
    BasicDataset<double> data_;
};

}  // namespace

template <class T>
ConstantAnswer constant_answer(const Architecture& architecture, const LossFunction& function,
                               const BasicDataset<T>& data) {
    Rows rows(architecture, function, data);
    ConstantAnswer answer{.targets_differ = rows.targets_differ()};
    if (function.kind == Loss::cross_entropy && architecture.output != Activation::softmax) {
        return answer;
    }
    std::vector<double> best;
    for (std::size_t k = 0; k < data.y.columns(); ++k) {
        best.push_back(rows.best(k));
    }
    answer.loss = rows.loss_of([&](std::size_t /*row*/, std::size_t k) { return best[k]; });
    answer.perfect = rows.loss_of_targets();
    return answer;
}

template ConstantAnswer constant_answer(const Architecture&, const LossFunction&, const BasicDataset<float>&);
template ConstantAnswer constant_answer(const Architecture&, const LossFunction&, const BasicDataset<double>&);

}  // namespace handgrad::diagnose
