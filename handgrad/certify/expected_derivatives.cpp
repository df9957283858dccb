// The witness and its bounds of all rows, several at a time, summed in their order as the engine sums them.
#include "handgrad/certify/expected_derivatives.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <utility>

#include "handgrad/base/deal_out.hpp"
#include "handgrad/certify/row_witness.hpp"
#include "handgrad/kernels/plan.hpp"

namespace handgrad::certify {
namespace {

/// So many rows are bounded, then summed: what is kept of them is little beside the sums.
constexpr std::size_t rows_at_once = 32;

/// A thread that is woken costs more than rows of a small network.
std::size_t worthwhile_threads(const BasicMlp<double>& net, std::size_t rows, std::size_t threads) {
    constexpr std::size_t too_little = std::size_t{1} << 16;
    return rows * net.parameters().size() < too_little ? 1 : threads;
}

math::OutputLoss loss_of(const BasicMlp<double>& net, const LossFunction& function) {
    return output_loss(function, net.architecture().output, net.architecture().activation_settings());
}

/// What one row adds to the gradient: δ and a of each layer, and the bounds of both.
struct RowTerms {
    explicit RowTerms(const BasicMlp<double>& net) : values(net) {}

    RowValues values;
    std::vector<std::vector<UnitBound>> delta;
    std::vector<std::vector<ErrorBound>> input;
};

/// The rows of a data set, from the witness to the sums over them.
class Summation {
public:
    Summation(const BasicMlp<double>& net, const LossFunction& function, const BasicDataset<double>& data,
              std::span<const RowDerivatives> found, const Arithmetic& arithmetic, const Expected& wanted)
        : net_(net),
          loss_(loss_of(net, function)),
          reduction_(reduction_factor(function.kind, net.outputs(), net.architecture().conventions)),
          data_(data),
          found_(found),
          arithmetic_(arithmetic),
          wanted_(wanted),
          threads_(worthwhile_threads(net, data.rows(), wanted.threads)) {
        for (std::size_t l = 0; l < net.layers(); ++l) {
            expected_.parameters.emplace_back(net.weight(l).rows() * net.weight(l).columns());
            expected_.parameters.emplace_back(net.bias(l).size());
            for (std::size_t i = 0; i < net.bias(l).size(); ++i) {
                units_.emplace_back(l, i);
            }
        }
        if (wanted.input) {
            expected_.input.resize(data.rows() * net.outputs() * net.inputs());
        }
    }

    Expectation all() {
        double total = 0.0, batch = 0.0;
        for (std::size_t row = 0; row < data_.rows(); ++row) {
            total += weight(row);
            batch += times(row);
        }
        terms_.assign(std::min(rows_at_once, data_.rows()), RowTerms(net_));
        for (std::size_t first = 0; first < data_.rows(); first += rows_at_once) {
            const std::size_t count = std::min(rows_at_once, data_.rows() - first);
            deal_out(threads_, count, [&] {
                return [this, first, total, bounds = RowBound(net_, loss_, reduction_, arithmetic_)](
                           std::size_t i) mutable { bound(first + i, total, bounds, terms_[i]); };
            });
            deal_out(threads_, units_.size(), [&] {
                return [this, first, count](std::size_t unit) {
                    for (std::size_t i = 0; i < count; ++i) {
                        add(units_[unit].first, units_[unit].second, first + i, terms_[i]);
                    }
                };
            });
        }
        round_sums(static_cast<std::size_t>(batch));
        return std::move(expected_);
    }

private:
    [[nodiscard]] double times(std::size_t row) const { return wanted_.times.empty() ? 1.0 : wanted_.times[row]; }
    [[nodiscard]] double weight(std::size_t row) const { return data_.weight(row) * times(row); }

    /// One row's δ with its share of the mean, and the bounds.
    void bound(std::size_t row, double total, RowBound& bounds, RowTerms& terms) {
        const RowDerivatives& found = found_[row];
        const double share = weight(row) / total;
        terms.values = found;
        for (std::vector<double>& delta : terms.values.delta) {
            for (double& of_unit : delta) {
                of_unit *= share;
            }
        }
        bounds(terms.values, data_.x.row(row), data_.y.row(row), share);
        terms.delta.resize(net_.layers());
        terms.input.resize(net_.layers());
        for (std::size_t l = 0; l < net_.layers(); ++l) {
            terms.delta[l] = bounds.delta(l);
            terms.input[l] = bounds.input(l);
        }
        if (!wanted_.input) {
            return;
        }
        for (std::size_t k = 0; k < net_.outputs(); ++k) {
            const std::vector<UnitBound> of_output = bounds.input_jacobian(found, k);
            BoundedNumber* entry = &expected_.input[(row * net_.outputs() + k) * net_.inputs()];
            for (std::size_t j = 0; j < of_output.size(); ++j, ++entry) {
                *entry = {.value = found.input_jacobian(k, j),
                          .size = of_output[j].size,
                          .error = of_output[j].error,
                          .usual = probable_deviations * std::sqrt(of_output[j].error.square)};
            }
        }
    }

    /// Adds a row to the entries of a unit.
    void add(std::size_t layer, std::size_t unit, std::size_t row, const RowTerms& terms) {
        const double delta = terms.values.delta[layer][unit];
        const UnitBound& bound = terms.delta[layer][unit];
        if (delta == 0.0 && bound.nothing()) {
            return;
        }
        const std::span<const double> a =
            layer == 0 ? data_.x.row(row) : std::span<const double>(terms.values.a[layer - 1]);
        const std::vector<ErrorBound>& of_a = terms.input[layer];
        BoundedNumber* entry = &expected_.parameters[2 * layer][unit * a.size()];
        for (std::size_t j = 0; j < a.size(); ++j) {
            entry[j].add(delta, bound, a[j], of_a[j]);
        }
        expected_.parameters[2 * layer + 1][unit].add(delta, bound, 1.0, {});
    }

    /// Leaves of rows in sequence, then a binary tree over them (docs/numerics.md).
    void round_sums(std::size_t rows) {
        const std::size_t in_sequence =
            std::min(rows, kernels::leaf_rows) + std::bit_width((rows - 1) / kernels::leaf_rows) + 1;
        for (std::vector<BoundedNumber>& parameter : expected_.parameters) {
            for (BoundedNumber& entry : parameter) {
                entry.add_roundings(in_sequence, arithmetic_);
            }
        }
    }

    const BasicMlp<double>& net_;
    math::OutputLoss loss_;
    double reduction_;
    const BasicDataset<double>& data_;
    std::span<const RowDerivatives> found_;
    Arithmetic arithmetic_;
    Expected wanted_;
    std::size_t threads_;
    std::vector<std::pair<std::size_t, std::size_t>> units_;  ///< layer and unit
    std::vector<RowTerms> terms_;
    Expectation expected_;
};

}  // namespace

std::vector<RowDerivatives> witnessed_rows(const BasicMlp<double>& net, const LossFunction& function,
                                           const BasicDataset<double>& data, bool with_input, std::size_t threads) {
    const double reduction = reduction_factor(function.kind, net.outputs(), net.architecture().conventions);
    std::vector<RowDerivatives> rows(data.rows(), RowDerivatives(net, with_input));
    deal_out(worthwhile_threads(net, data.rows(), threads), data.rows(), [&] {
        return [&, witness = RowWitness(net, loss_of(net, function), reduction, with_input)](std::size_t row) mutable {
            rows[row] = witness(data.x.row(row), data.y.row(row), 1.0);
        };
    });
    return rows;
}

Expectation expected_derivatives(const BasicMlp<double>& net, const LossFunction& function,
                                 const BasicDataset<double>& data, std::span<const RowDerivatives> found,
                                 const Arithmetic& arithmetic, const Expected& wanted) {
    return Summation(net, function, data, found, arithmetic, wanted).all();
}

}  // namespace handgrad::certify
