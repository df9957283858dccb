// Lays a tensor over every candidate and keeps those that agree in every entry.
#include "handgrad/compare/tensor_search.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "handgrad/base/wording.hpp"

namespace handgrad::compare {
namespace {

constexpr double cannot = std::numeric_limits<double>::infinity();

std::vector<double> transposed(const std::vector<double>& numbers, std::size_t rows, std::size_t columns) {
    std::vector<double> result = numbers;
    for (std::size_t i = 0; i < rows && !numbers.empty(); ++i) {
        for (std::size_t j = 0; j < columns; ++j) {
            result[j * rows + i] = numbers[i * columns + j];
        }
    }
    return result;
}
BoundedNumbers transposed(const BoundedNumbers& numbers, std::size_t rows, std::size_t columns) {
    return {transposed(numbers.value, rows, columns), transposed(numbers.error, rows, columns)};
}

BoundedNumbers times(BoundedNumbers numbers, double factor) {
    for (double& v : numbers.value) {
        v *= factor;
    }
    for (double& e : numbers.error) {
        e *= factor;
    }
    return numbers;
}

/// The sum of all entries, in each of `count` places.
BoundedNumbers total(const BoundedNumbers& numbers, std::size_t count) {
    double value = 0.0, error = 0.0;
    for (std::size_t i = 0; i < numbers.value.size(); ++i) {
        value += numbers.value[i];
        error += numbers.error[i];
    }
    return {std::vector<double>(count, value), std::vector<double>(count, error)};
}

std::string shape_text(const std::vector<std::size_t>& shape) {
    std::string text;
    for (const std::size_t length : shape) {
        add_item(text, ", ", std::to_string(length));
    }
    return "(" + text + when(shape.size() == 1, ",") + ")";
}

std::vector<Cause> united(std::vector<Cause> one, const std::vector<Cause>& two) {
    one.insert(one.end(), two.begin(), two.end());
    std::ranges::sort(one);
    one.erase(std::unique(one.begin(), one.end()), one.end());
    return one;
}

/// The least that a number of so many digits is rounded by.
double smallest_of(int digits) {
    switch (digits) {
        case 11:
            return 0x1p-24;
        case 24:
            return 0x1p-126;
        default:
            return 0x1p-1022;
    }
}

double distance_of(const std::vector<double>& values, const std::vector<double>& expected, double scale) {
    double square = 0.0;
    for (std::size_t i = 0; i < values.size(); ++i) {
        square += (values[i] - scale * expected[i]) * (values[i] - scale * expected[i]);
    }
    return std::sqrt(square);
}

}  // namespace

bool is_strong(const Conjecture& conjecture) {
    // A few dozen conjectures of one cause are tried, some hundred of two, some thousand of three; so the chance that
    // any of them agrees with numbers of another origin stays near 2⁻⁹.
    return conjecture.bits >= 10.0 + 4.0 * static_cast<double>(conjecture.causes.size());
}

TensorSearch::TensorSearch(const NamedArray& theirs, ExpectedShape expected, int digits)
    : theirs_(theirs), expected_(std::move(expected)), unit_(std::ldexp(1.0, -digits)), smallest_(smallest_of(digits)) {
    if (expected_.bias() && theirs_.shape == std::vector{expected_.rows, expected_.shape[0]}) {
        column_sums_.assign(expected_.shape[0], 0.0);
        for (std::size_t i = 0; i < theirs_.values.size(); ++i) {
            column_sums_[i % column_sums_.size()] += theirs_.values[i];
        }
    }
}

/// The right shape, give or take axes of length 1 of a vector.
bool TensorSearch::plain_shape() const {
    if (theirs_.shape == expected_.shape) {
        return true;
    }
    std::vector<std::size_t> longer = theirs_.shape;
    std::erase(longer, 1);
    std::vector<std::size_t> ours = expected_.shape;
    std::erase(ours, 1);
    return longer.size() <= 1 && longer == ours && (expected_.bias() || theirs_.shape.size() < 2);
}

std::string TensorSearch::shape_problem() const {
    const std::vector<std::size_t> turned(expected_.shape.rbegin(), expected_.shape.rend());
    if (plain_shape() || theirs_.shape == turned || !column_sums_.empty()) {
        return "";
    }
    return "its shape is " + shape_text(theirs_.shape) + ", ours " + shape_text(expected_.shape);
}

void TensorSearch::add_weight_candidates(const TensorSums& sums, std::vector<Candidate>& to) const {
    const std::size_t out = expected_.shape[0], in = expected_.shape[1];
    if (plain_shape()) {
        to.push_back({sums.all, {}, 0.0, sums.penalty});
    }
    // (∂l/∂W)ᵀ in its own shape, or its numbers read in the shape of W.
    if (theirs_.shape == std::vector{in, out} || theirs_.shape == expected_.shape) {
        to.push_back({transposed(sums.all, out, in), {Cause::transposed}, 0.0, transposed(sums.penalty, out, in)});
    }
    if (plain_shape() && expected_.rows > 1 && !sums.again.value.empty()) {
        to.push_back({sums.again, {Cause::accumulated}});
    }
}

void TensorSearch::add_bias_candidates(const TensorSums& sums, std::vector<Candidate>& to) const {
    const std::size_t out = expected_.shape[0], count = theirs_.values.size();
    const auto rows = static_cast<double>(expected_.rows);
    constexpr double odd_shape = 10.0;
    const double shape_tells = plain_shape() ? 0.0 : odd_shape;
    const auto wrong_sum = [&](BoundedNumbers numbers) {
        to.push_back({std::move(numbers), {Cause::bias_sum}, shape_tells});
    };
    if (plain_shape()) {
        to.push_back({sums.all, {}, 0.0, sums.penalty});
        if (sums.again.value.empty()) {
            return;  // a variation: of the whole gradient alone
        }
        if (expected_.rows > 1) {
            to.push_back({sums.again, {Cause::accumulated}});
        }
        for (const BoundedNumbers* row : {&sums.first, &sums.last}) {  // δ of one row, with or without the mean's 1/B
            wrong_sum(*row);
            wrong_sum(times(*row, rows));
        }
    }
    if (count == 1 || plain_shape()) {  // one number for all units: the sum or the mean over both axes
        wrong_sum(total(sums.all, count));
        wrong_sum(times(total(sums.all, count), 1.0 / static_cast<double>(out)));
    }
    if (theirs_.shape.size() <= 2 && count == expected_.rows && !sums.units.value.empty() &&
        std::ranges::find(theirs_.shape, count) != theirs_.shape.end()) {  // over the wrong axis
        wrong_sum(sums.units);
        wrong_sum(times(sums.units, rows));
    }
}

std::vector<TensorSearch::Candidate> TensorSearch::candidates(const TensorSums& sums) const {
    std::vector<Candidate> result;
    if (expected_.bias()) {
        add_bias_candidates(sums, result);
    } else {
        add_weight_candidates(sums, result);
    }
    return result;
}

double TensorSearch::tolerance(double value, double error, double scale) const {
    constexpr double scaling_roundings = 4.0;
    return std::fabs(scale) * (error + scaling_roundings * unit_ * std::fabs(value)) + smallest_;
}

/// Whether agreement with a candidate says anything: theirs is not all zeros, and far from the ends of the tolerance.
bool TensorSearch::tells(const std::vector<double>& values, const std::vector<double>& expected,
                         const std::vector<double>& error, double scale) const {
    constexpr double telling = 0.1;
    double theirs = 0.0, allowed = 0.0;
    for (std::size_t i = 0; i < values.size(); ++i) {
        const double bound = tolerance(expected[i], error[i], scale);
        theirs += values[i] * values[i];
        allowed += bound * bound;
    }
    return theirs > 0.0 && allowed <= telling * telling * theirs;
}

void TensorSearch::compare(const std::vector<double>& values, const Candidate& candidate, const WrongPass& pass,
                           const std::vector<WrongScale>& scales) {
    for (const WrongScale& scale : scales) {
        compare(values, candidate, pass, scale, Penalty::scaled);
        if (!candidate.penalty.empty()) {
            compare(values, candidate, pass, scale, Penalty::missing);
        }
        if (!candidate.penalty.empty() && scale.value != 1.0) {
            compare(values, candidate, pass, scale, Penalty::as_it_is);
        }
    }
}

void TensorSearch::compare(const std::vector<double>& values, const Candidate& candidate, const WrongPass& pass,
                           const WrongScale& scale, Penalty penalty) {
    std::vector<Cause> causes = united(united(pass.causes, candidate.causes), scale.causes);
    if (penalty == Penalty::missing) {
        causes = united(std::move(causes), {Cause::penalty_missing});
    }
    if (causes.size() > most_causes_) {
        return;
    }
    const std::vector<double>& value = candidate.numbers.value;
    const std::vector<double>& error = candidate.numbers.error;
    const auto expected = [&](std::size_t i) {
        switch (penalty) {
            case Penalty::missing:
                return scale.value * (value[i] - candidate.penalty[i]);
            case Penalty::as_it_is:
                return scale.value * (value[i] - candidate.penalty[i]) + candidate.penalty[i];
            default:
                return scale.value * value[i];
        }
    };
    double residual = 0.0, bits = candidate.bits, square = 0.0;
    const double largest = std::fabs(std::ranges::max(value, {}, [](double v) { return std::fabs(v); }));
    for (std::size_t i = 0; i < value.size(); ++i) {
        const double bound = tolerance(value[i], error[i], scale.value);
        const double difference = values[i] - expected(i);
        const double share = std::fabs(difference) / bound;
        residual = std::max(residual, std::isnan(share) ? cannot : share);
        square += difference * difference;
        if (residual > 1.0) {
            return;
        }
        if (value[i] != 0.0) {
            bits += std::max(0.0, -std::log2(bound / (std::fabs(scale.value) * largest)));
        }
    }
    if (!tells(values, value, error, scale.value)) {
        bits = 0.0;  // counts only when it explains another tensor
    }
    found_.push_back({std::move(causes), scale.value, scale.coincide, pass.wrong_layers, residual, pass.detail,
                      std::sqrt(square), bits});
    if (is_strong(found_.back()) || found_.back().causes.empty()) {
        most_causes_ = found_.back().causes.size();
        std::erase_if(found_, [&](const Conjecture& e) { return e.causes.size() > most_causes_; });
    }
}

void TensorSearch::look(const TensorSums& sums, const WrongPass& pass, const std::vector<WrongScale>& scales) {
    for (const Candidate& candidate : candidates(sums)) {
        compare(theirs_.values, candidate, pass, scales);
    }
    if (!column_sums_.empty() && expected_.rows > 1) {
        compare(column_sums_, {sums.all, {Cause::bias_sum}}, pass, scales);
        compare(column_sums_, {times(sums.all, static_cast<double>(expected_.rows)), {Cause::bias_sum}}, pass, scales);
    }
}

const std::vector<double>* TensorSearch::values() const {
    if (!plain_shape()) {
        return nullptr;
    }
    return &theirs_.values;
}

double TensorSearch::distance(const std::vector<double>& ours) const {
    if (values() == nullptr) {
        return cannot;
    }
    return distance_of(*values(), ours, 1.0);
}

certify::Judgement TensorSearch::judge(std::span<const certify::ExpectedEntry> right) const {
    if (values() == nullptr) {
        return {.verdict = certify::Verdict::fail, .detection_limit = cannot, .failed = right.size()};
    }
    const std::size_t columns = expected_.bias() ? 1 : expected_.shape[1];
    return certify::judge(*values(), right, columns, smallest_);
}

bool TensorSearch::pass() const {
    return std::ranges::any_of(found_, [](const Conjecture& e) { return e.causes.empty(); });
}

std::optional<double> TensorSearch::multiple(const BoundedNumbers& ours) const {
    constexpr std::size_t fewest = 8;
    if (values() == nullptr || ours.value.size() < fewest) {
        return std::nullopt;
    }
    double product = 0.0, square = 0.0;
    for (std::size_t i = 0; i < ours.value.size(); ++i) {
        product += theirs_.values[i] * ours.value[i];
        square += ours.value[i] * ours.value[i];
    }
    const double scale = product / square;
    constexpr double one = 1e-3;  // so near it is a matter of precision
    if (std::fabs(scale - 1.0) < one || !tells(theirs_.values, ours.value, ours.error, scale) ||
        !is_multiple(ours, scale)) {
        return std::nullopt;
    }
    return scale;
}

bool TensorSearch::is_multiple(const BoundedNumbers& ours, double scale) const {
    if (values() == nullptr || !std::isfinite(scale) || scale == 0.0) {
        return false;
    }
    for (std::size_t i = 0; i < ours.value.size(); ++i) {
        const double bound = 2.0 * tolerance(ours.value[i], ours.error[i], scale);
        if (!(std::fabs(theirs_.values[i] - scale * ours.value[i]) <= bound)) {
            return false;
        }
    }
    return true;
}

void TensorSearch::note_difference(const BoundedNumbers& ours, ComparedTensor& tensor) const {
    if (theirs_.values.size() != ours.value.size() || !shape_problem().empty()) {
        return;
    }
    const bool turned = !plain_shape() && !expected_.bias();
    const std::size_t columns = expected_.shape.back();
    double most = -1.0, largest = 0.0;
    for (std::size_t i = 0; i < ours.value.size(); ++i) {
        const std::size_t at = turned ? (i % columns) * expected_.shape[0] + i / columns : i;
        const double distance = std::fabs(theirs_.values[at] - ours.value[i]);
        largest = std::max(largest, std::fabs(ours.value[i]));
        if (distance > most) {
            most = distance;
            tensor.where = expected_.bias() ? std::vector{i} : std::vector{i / columns, i % columns};
            tensor.their_value = theirs_.values[at];
            tensor.our_value = ours.value[i];
            tensor.bound = tolerance(ours.value[i], ours.error[i], 1.0);
        }
    }
    tensor.relative = most == 0.0 ? 0.0 : most / largest;
}

}  // namespace handgrad::compare
