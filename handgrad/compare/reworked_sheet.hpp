// A sheet worked out again from the numbers that stand on it, rightly and with each known mistake.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "handgrad/compare/comparison.hpp"
#include "handgrad/compare/hypothetical_gradient.hpp"
#include "handgrad/compare/marking.hpp"
#include "handgrad/explain/explanation.hpp"
#include "handgrad/nn/mlp.hpp"
#include "handgrad/nn/tape.hpp"

namespace handgrad::compare {

/// The numbers of one quantity, row by row.
struct Worked {
    std::vector<double> value;
    std::vector<double> terms;  ///< the size of the terms that each is a sum of, at least |value|

    [[nodiscard]] bool finite() const;
};

/// A mistake, and the numbers that it leads to.
struct WrongWay {
    Cause cause = Cause::unexplained;
    std::vector<std::size_t> wrong_layers;  ///< of missing_hidden_derivative, derivative_at_activation; from 0
    Worked result;
    std::optional<Slip> slip = {};  ///< rather than a cause of compare_gradients()
};

/// Quantities are counted as asked_quantities() has them; each is made of ones with smaller numbers. At first all
/// numbers are those of the trace; put() puts others in their place, and what comes later is worked out from them.
class ReworkedSheet {
public:
    /// `explanation` has a row, and outlives the sheet. `share_of_terms` of their terms is what sums may be off by
    /// (marking.hpp).
    ReworkedSheet(const explain::Explanation& explanation, double share_of_terms);

    [[nodiscard]] std::size_t size() const { return ours_.size(); }
    /// The numbers of the trace.
    [[nodiscard]] const Worked& ours(std::size_t i) const { return ours_[i]; }
    /// Which quantities `i` is worked out from, on one way or another.
    [[nodiscard]] std::vector<std::size_t> made_of(std::size_t i) const;
    /// What stands on the sheet for `i`; `answered`: somebody wrote numbers there.
    void put(std::size_t i, std::vector<double> values, bool answered);
    /// Quantity `i` from the numbers before it, in each way that is right when they are: with the Jacobians that stand
    /// there or with ones from the z or the activation that stand there, and ∂l/∂z of the last layer from the logits.
    /// Ways that meet NaN or an infinity are left out.
    [[nodiscard]] std::vector<Worked> ways(std::size_t i) const;
    /// The same with one mistake each, in the order of Cause; from the numbers before it, then from those of the trace.
    [[nodiscard]] std::vector<WrongWay> wrong_ways(std::size_t i) const;
    /// Of an updated parameter: before the step. Empty for everything else.
    [[nodiscard]] std::span<const double> before_step(std::size_t i) const;
    /// 1/η: what a step without η is times the right one.
    [[nodiscard]] double steps_without_rate() const;

private:
    enum class Kind { z, activation, loss, loss_slope, jacobian, delta, gradient, updated };
    struct Place {
        Kind kind;
        std::size_t layer = 0;
        bool bias = false;
    };
    [[nodiscard]] Place place(std::size_t i) const;
    [[nodiscard]] std::size_t last() const { return net_.layers() - 1; }
    [[nodiscard]] std::size_t z(std::size_t l) const { return 2 * l; }
    [[nodiscard]] std::size_t a(std::size_t l) const { return 2 * l + 1; }
    [[nodiscard]] std::size_t loss() const { return 2 * net_.layers(); }
    [[nodiscard]] std::size_t loss_slope() const { return loss() + 1; }
    [[nodiscard]] std::size_t jacobian(std::size_t l) const { return loss_slope() + net_.layers() - l; }
    [[nodiscard]] std::size_t delta(std::size_t l) const { return jacobian(l) + net_.layers(); }
    [[nodiscard]] std::size_t gradient(std::size_t p) const { return delta(0) + 1 + p; }
    [[nodiscard]] std::size_t updated(std::size_t p) const { return gradient(p) + 2 * net_.layers(); }

    [[nodiscard]] std::span<const double> input(std::size_t l) const;
    [[nodiscard]] Worked work_z(MatrixView<const double> W, std::span<const double> b,
                                std::span<const double> from) const;
    [[nodiscard]] Worked work_z(std::size_t l, MatrixView<const double> W) const {
        return work_z(W, net_.bias(l), input(l));
    }
    [[nodiscard]] Worked work_activation(std::size_t l) const;
    [[nodiscard]] Worked work_loss(bool slope, std::span<const double> y) const;
    [[nodiscard]] Worked work_loss(bool slope) const { return work_loss(slope, trace_.y.values()); }
    [[nodiscard]] Worked work_jacobian(std::size_t l, std::span<const double> z, std::span<const double> a,
                                       const Hypothesis& hypothesis = {}) const;
    [[nodiscard]] std::vector<Worked> jacobian_ways(std::size_t l) const;
    [[nodiscard]] std::vector<Worked> delta_ways(std::size_t l) const;
    [[nodiscard]] Worked fused_delta() const;
    [[nodiscard]] Worked wrong_jacobian(std::size_t l, const Hypothesis& hypothesis) const;
    [[nodiscard]] Worked wrong_delta(std::size_t l, const Hypothesis& hypothesis) const;
    [[nodiscard]] Worked work_gradient(bool bias, const Worked& delta, std::span<const double> from) const;
    [[nodiscard]] Worked work_gradient(std::size_t l, bool bias, const Worked& delta) const {
        return work_gradient(bias, delta, input(l));
    }
    [[nodiscard]] Worked work_update(std::size_t p, std::span<const double> gradient) const;
    void add_slips(std::size_t i, std::vector<WrongWay>& to) const;
    void add_wrong_slopes(std::size_t i, std::vector<WrongWay>& to) const;
    void add_inverted_masks(std::size_t i, std::vector<WrongWay>& to) const;
    void add_transposed(std::size_t i, std::span<const Worked> bases, std::vector<WrongWay>& to) const;

    const explain::Explanation& explanation_;
    const explain::Trace& trace_;
    double share_of_terms_;
    std::vector<double> raw_x_, raw_y_;  ///< as they stand in the table; empty where the network sees them so
    BasicMlp<double> net_;
    ActivationSettings settings_;
    std::vector<Worked> ours_, here_;
    std::vector<bool> answered_;
};

}  // namespace handgrad::compare
