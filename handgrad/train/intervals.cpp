// Order statistics of scores: of the model's own prediction, or of those of the networks that have not seen a row.
#include "handgrad/train/intervals.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>
#include <variant>

#include "handgrad/base/deal_out.hpp"
#include "handgrad/base/error.hpp"
#include "handgrad/base/wording.hpp"
#include "handgrad/store/convention_names.hpp"

namespace handgrad {
namespace {

/// Rows that all networks predict at a time.
constexpr std::size_t block_rows = 1024;
constexpr double infinity = std::numeric_limits<double>::infinity();

/// The rank-th smallest, from 1.
double ranked(std::vector<double>& values, std::size_t rank) {
    const auto place = values.begin() + static_cast<std::ptrdiff_t>(rank - 1);
    std::nth_element(values.begin(), place, values.end());
    return *place;
}

/// What a network says in the model's place.
Model with_network(const Model& model, const FoldNetwork& network) {
    Model twin;
    twin.net = network.net;
    twin.loss = model.loss;
    twin.preprocessing = network.preprocessing;
    return twin;
}

class IntervalMaker {
public:
    IntervalMaker(const Model& model, const Table& table, const Prediction& prediction, std::size_t rank,
                  const ApplyOptions& options, const Execution& execution)
        : model_(model),
          conformity_(model.conformity),
          table_(table),
          prediction_(prediction),
          rank_(rank),
          options_(options),
          execution_(execution) {
        for (const FoldNetwork& network : conformity_.networks) {
            twins_.push_back(with_network(model, network));
        }
    }

    Intervals make() {
        made_.scores = conformity_.scores.rows();
        made_.infinite = rank_ > made_.scores;
        if (classes()) {
            made_.sets.resize(table_.rows);
        } else {
            made_.lower = Matrix<double>(table_.rows, model_.preprocessing.targets.size());
            made_.upper = Matrix<double>(table_.rows, model_.preprocessing.targets.size());
        }
        if (twins_.empty()) {
            add_rows({&prediction_}, 0, table_.rows);
            return std::move(made_);
        }
        for (std::size_t first = 0; first < table_.rows; first += block_rows) {
            const std::size_t count = std::min(block_rows, table_.rows - first);
            std::vector<std::size_t> rows(count);
            std::ranges::generate(rows, [next = first]() mutable { return next++; });
            const Table block = select_rows(table_, rows);
            std::vector<Prediction> all;
            for (const Model& twin : twins_) {
                all.push_back(predict(twin, block, options_, execution_));
            }
            std::vector<const Prediction*> pointers;
            std::ranges::transform(all, std::back_inserter(pointers), [](const Prediction& one) { return &one; });
            add_rows(pointers, first, count);
        }
        return std::move(made_);
    }

private:
    [[nodiscard]] bool classes() const { return model_.preprocessing.task == Task::classification; }
    [[nodiscard]] std::size_t network_of(std::size_t score) const {
        return conformity_.network_of.empty() ? 0 : conformity_.network_of[score];
    }

    /// Rows of the table from `first` on, of which `all` are the predictions of each network.
    void add_rows(const std::vector<const Prediction*>& all, std::size_t first, std::size_t count) {
        deal_out(execution_.most_threads(), count, [&] {
            return [&, values = std::vector<double>()](std::size_t row) mutable {
                if (classes()) {
                    add_set(all, row, first + row);
                } else {
                    add_interval(all, row, first + row, values);
                }
            };
        });
    }

    void add_interval(const std::vector<const Prediction*>& all, std::size_t row, std::size_t place,
                      std::vector<double>& values) {
        for (std::size_t k = 0; k < made_.lower.columns(); ++k) {
            if (made_.infinite) {
                made_.lower(place, k) = -infinity;
                made_.upper(place, k) = infinity;
                continue;
            }
            const auto bound = [&](double sign, std::size_t rank) {
                values.clear();
                for (std::size_t i = 0; i < made_.scores; ++i) {
                    values.push_back(all[network_of(i)]->values(row, k) + sign * conformity_.scores(i, k));
                }
                return ranked(values, rank);
            };
            made_.lower(place, k) = bound(-1.0, made_.scores + 1 - rank_);
            made_.upper(place, k) = bound(1.0, rank_);
        }
    }

    void add_set(const std::vector<const Prediction*>& all, std::size_t row, std::size_t place) {
        for (std::size_t c = 0; c < model_.preprocessing.classes.size(); ++c) {
            std::size_t below = 0;
            for (std::size_t i = 0; i < made_.scores; ++i) {
                const double own = 1.0 - all[network_of(i)]->probabilities(row, c);
                below += conformity_.scores(i, 0) < own ? 1 : 0;
            }
            if (below < rank_) {
                made_.sets[place].push_back(static_cast<std::uint32_t>(c));
            }
        }
    }

    const Model& model_;
    const Conformity& conformity_;
    const Table& table_;
    const Prediction& prediction_;
    std::size_t rank_;
    const ApplyOptions& options_;
    const Execution& execution_;
    std::vector<Model> twins_;
    Intervals made_;
};

std::string percent(double share) { return short_number(100.0 * share, 4) + " %"; }

}  // namespace

std::size_t conformal_rank(std::size_t scores, double coverage) {
    // The product is off by an ulp at most, and the coverage by half of one from its decimals: no whole number is
    // missed.
    constexpr double rounding = 2.0 * std::numeric_limits<double>::epsilon();
    return static_cast<std::size_t>(std::ceil(static_cast<double>(scores + 1) * coverage * (1.0 - rounding)));
}

Matrix<double> conformity_scores(const Model& model, const Table& table, std::span<const std::size_t> rows,
                                 const Prediction& prediction) {
    const Preprocessing& columns = model.preprocessing;
    if (columns.task == Task::classification) {
        const auto data = apply_preprocessing<double>(columns, table, rows, {.allow_extra = true});
        const std::vector<std::uint32_t> classes = classes_of(columns, data);
        Matrix<double> scores(rows.size(), 1);
        for (std::size_t i = 0; i < rows.size(); ++i) {
            scores(i, 0) = 1.0 - prediction.probabilities(i, classes[i]);
        }
        return scores;
    }
    Matrix<double> scores(rows.size(), columns.targets.size());
    for (std::size_t k = 0; k < columns.targets.size(); ++k) {
        const std::vector<double>& y = table.column(columns.targets[k].name).numbers;
        for (std::size_t i = 0; i < rows.size(); ++i) {
            scores(i, k) = std::abs(y[rows[i]] - prediction.values(i, k));
        }
    }
    return scores;
}

Intervals intervals(const Model& model, const Table& table, const Prediction& prediction, double coverage,
                    const ApplyOptions& options, const Execution& execution) {
    if (!(coverage > 0.0 && coverage < 1.0)) {
        throw Error(ErrorKind::usage,
                    "interval: the share of rows to be covered lies between 0 and 1, as 0.9 does, and is not " +
                        format_number(coverage))
            .about("interval", "0.9");
    }
    if (model.conformity.empty()) {
        throw Error(ErrorKind::usage,
                    "interval: this model has kept no rows that it has not learned from, by which its errors could be "
                    "told; train it again, with networks for it (which wastes no rows), or with rows held out")
            .about("interval_method", "cv+")
            .about("calibration", "0.2");
    }
    const std::size_t rank = conformal_rank(model.conformity.scores.rows(), coverage);
    return IntervalMaker(model, table, prediction, rank, options, execution).make();
}

std::string interval_promise(const Model& model, const Intervals& made, double coverage) {
    std::string have = " of new rows like these have the target within";
    if (model.preprocessing.task == Task::classification) {
        have = " of new rows like these have the class in the set";
    } else if (model.preprocessing.targets.size() > 1) {
        have = " of new rows like these have each target by itself within";
    }
    const std::string n = std::to_string(made.scores), share = percent(coverage);
    if (made.infinite) {
        const auto least = static_cast<std::size_t>(std::ceil(coverage / (1.0 - coverage) - 1e-9));
        return "intervals: " + n + " rows are too few for " + share + ", which takes " + std::to_string(least) +
               ": nothing is ruled out";
    }
    const IntervalMethod method = model.conformity.method;
    std::string text = "intervals: ";
    if (method == IntervalMethod::split) {
        text += "split-conformal, of " + n + " rows held out: " + share + " or a little more" + have;
        return text + ", on average over such splits";
    }
    text += name(method);
    text += ", of " + n + " rows and " + std::to_string(model.conformity.networks.size()) + " networks: about " + share;
    text += have + "; guaranteed are " + percent(std::max(0.0, 2.0 * coverage - 1.0));
    if (method == IntervalMethod::cv_plus) {
        text += ", less at most " + percent(std::sqrt(2.0 / static_cast<double>(made.scores)));
    }
    return text;
}

Coverage coverage_of(const Model& model, const Table& table, const Intervals& made) {
    const Preprocessing& columns = model.preprocessing;
    Coverage found{.rows = table.rows};
    if (columns.task == Task::classification) {
        const auto data = apply_preprocessing<double>(columns, table, all_rows(table.rows), {.allow_extra = true});
        const std::vector<std::uint32_t> classes = classes_of(columns, data);
        found.within = {0};
        found.width = {0.0};
        for (std::size_t row = 0; row < table.rows; ++row) {
            const auto& set = made.sets[row];
            found.within[0] += std::ranges::find(set, classes[row]) != set.end() ? 1 : 0;
            found.width[0] += static_cast<double>(set.size()) / static_cast<double>(table.rows);
        }
        return found;
    }
    for (std::size_t k = 0; k < columns.targets.size(); ++k) {
        const std::vector<double>& y = table.column(columns.targets[k].name).numbers;
        std::size_t within = 0;
        double width = 0.0;
        for (std::size_t row = 0; row < table.rows; ++row) {
            within += y[row] >= made.lower(row, k) && y[row] <= made.upper(row, k) ? 1 : 0;
            width += (made.upper(row, k) - made.lower(row, k)) / static_cast<double>(table.rows);
        }
        found.within.push_back(within);
        found.width.push_back(width);
    }
    return found;
}

}  // namespace handgrad
