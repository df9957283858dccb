// The search for what explains one tensor of somebody's gradients.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "handgrad/compare/comparison.hpp"
#include "handgrad/compare/hypotheses.hpp"
#include "handgrad/compare/scales.hpp"
#include "handgrad/data/npz.hpp"

namespace handgrad::compare {

/// A set of causes that produces the numbers of a tensor.
struct Conjecture {
    std::vector<Cause> causes;  ///< in the order of Cause
    double factor = 1.0;
    std::vector<std::vector<Cause>> coincide = {};
    std::vector<std::size_t> wrong_layers = {};
    double residual = 0.0;  ///< largest difference as a share of its bound, at most 1
    std::string detail = {};
    double distance = 0.0;  ///< ‖theirs − these numbers‖
    double bits = 0.0;      ///< how unlikely it is that other numbers agree so well: −log₂ of that chance
};

/// Whether the agreement is too good for chance, given how many conjectures of so many causes are tried.
bool is_strong(const Conjecture& conjecture);

/// A parameter of the network that a tensor is compared with.
struct ExpectedShape {
    std::vector<std::size_t> shape;  ///< {out, in}, or {out} of a bias
    std::size_t rows = 0;            ///< of the data

    [[nodiscard]] bool bias() const { return shape.size() == 1; }
};

/// Their tensor and what has been found to explain it.
class TensorSearch {
public:
    TensorSearch(const NamedArray& theirs, ExpectedShape expected, int digits);

    /// Tries all layouts, sums and scales of one backward pass.
    void look(const TensorSums& sums, const WrongPass& pass, const std::vector<WrongScale>& scales);
    /// The verdict on it as it stands, against the right gradient: FAIL when it has another shape.
    [[nodiscard]] certify::Judgement judge(std::span<const certify::ExpectedEntry> right) const;
    /// ‖theirs − ours‖, ∞ where the shape is another.
    [[nodiscard]] double distance(const std::vector<double>& ours) const;
    /// Their numbers in the order of the parameter, when the shape is that of it, give or take axes of length 1.
    [[nodiscard]] const std::vector<double>* values() const;
    /// It agrees without any cause.
    [[nodiscard]] bool pass() const;
    /// All conjectures that no strong one beats by fewer causes.
    [[nodiscard]] const std::vector<Conjecture>& found() const { return found_; }
    /// Causes of the best strong conjecture so far; more are in vain.
    [[nodiscard]] std::size_t most_causes() const { return most_causes_; }
    /// Why it cannot be laid over ours, or empty.
    [[nodiscard]] std::string shape_problem() const;
    /// The multiple of ours that theirs is in every entry, of eight or more; none: 1, or no multiple.
    [[nodiscard]] std::optional<double> multiple(const BoundedNumbers& ours) const;
    [[nodiscard]] bool is_multiple(const BoundedNumbers& ours, double scale) const;
    /// Fills where, their_value, our_value, relative, bound. `ours` is the right gradient.
    void note_difference(const BoundedNumbers& ours, ComparedTensor& tensor) const;

private:
    struct Candidate {
        BoundedNumbers numbers;
        std::vector<Cause> causes;
        double bits = 0.0;                 ///< what the shape alone tells
        std::vector<double> penalty = {};  ///< what of the numbers is the penalty's; empty: nothing
    };
    /// The numbers with a factor before all, before all but the penalty, or without the penalty.
    enum class Penalty { scaled, as_it_is, missing };
    [[nodiscard]] std::vector<Candidate> candidates(const TensorSums& sums) const;
    void add_weight_candidates(const TensorSums& sums, std::vector<Candidate>& to) const;
    void add_bias_candidates(const TensorSums& sums, std::vector<Candidate>& to) const;
    void compare(const std::vector<double>& values, const Candidate& candidate, const WrongPass& pass,
                 const std::vector<WrongScale>& scales);
    void compare(const std::vector<double>& values, const Candidate& candidate, const WrongPass& pass,
                 const WrongScale& scale, Penalty penalty);
    [[nodiscard]] bool tells(const std::vector<double>& values, const std::vector<double>& expected,
                             const std::vector<double>& error, double scale) const;
    [[nodiscard]] double tolerance(double value, double error, double scale) const;
    [[nodiscard]] bool plain_shape() const;

    const NamedArray& theirs_;
    ExpectedShape expected_;
    double unit_;
    double smallest_;
    std::size_t most_causes_ = 3;
    std::vector<Conjecture> found_;
    std::vector<double> column_sums_;  ///< of a bias that was not summed over rows at all
};

}  // namespace handgrad::compare
