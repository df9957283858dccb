// The search for what explains each tensor: passes with wrong slopes, variations, then all tensors settled together.
#include "handgrad/compare/comparison.hpp"

#include <algorithm>
#include <cmath>
#include <deque>
#include <limits>
#include <utility>

#include "handgrad/base/deal_out.hpp"
#include "handgrad/base/error.hpp"
#include "handgrad/base/wording.hpp"
#include "handgrad/compare/comparison_settling.hpp"
#include "handgrad/compare/gradient_names.hpp"
#include "handgrad/compare/hypotheses.hpp"
#include "handgrad/compare/number_precision.hpp"
#include "handgrad/compare/penalty_causes.hpp"
#include "handgrad/compare/row_choice.hpp"
#include "handgrad/compare/scales.hpp"
#include "handgrad/compare/settling.hpp"
#include "handgrad/compare/tensor_search.hpp"
#include "handgrad/compare/variations.hpp"

namespace handgrad::compare {
namespace {

/// What a variation gives for one tensor, with the bounds of the right gradient in its measure.
TensorSums sums_of(const std::vector<double>& values, const TensorSums& right, double unit) {
    double own = 0.0, other = 0.0;
    for (std::size_t i = 0; i < values.size(); ++i) {
        own += values[i] * values[i];
        other += right.all.value[i] * right.all.value[i];
    }
    double measure = 2.0;
    if (other > 0.0) {
        measure *= std::max(1.0, std::sqrt(own / other));
    }
    TensorSums sums;
    sums.all.value = values;
    for (std::size_t i = 0; i < values.size(); ++i) {
        sums.all.error.push_back(measure * right.all.error[i] + 16.0 * unit * std::fabs(values[i]));
    }
    return sums;
}

/// One comparison from the right gradient to the names of what is wrong.
class Comparer {
public:
    Comparer(const BasicMlp<double>& net, const LossFunction& function, const BasicDataset<double>& data,
             const ComparedTo& to)
        : net_(net),
          function_(function),
          data_(data),
          to_(to),
          penalty_(unit_penalty(net, to.penalty, data.total_weight())) {
        at_once_ = to.threads;
        if (at_once_ == 0) {
            at_once_ = available_threads();
        }
    }

    Comparison operator()(std::span<const NamedArray> theirs, const std::string& source) {
        const MatchedGradients matched = match_gradient_names(theirs, net_.architecture(), source);
        check_finite(theirs, source);
        result_.rows = data_.rows();
        result_.digits = digits_of(theirs);
        // Our own roundings, in double, beside theirs. Mistakes in float16 numbers are looked for as if they had been
        // computed in float: what float16 arithmetic may do would hide one from another. So are those in numbers of
        // which it is open whether the rows were rounded to float.
        unit_ = std::ldexp(1.0, -result_.digits) + own_rounding;
        search_unit_ = unit_;
        if (result_.digits <= half_digits || to_.rounded != nullptr) {
            search_unit_ = float_rounding + own_rounding;
        }
        result_.orientation = matched.orientation;
        for (const MatchedTensor& tensor : matched.tensors) {
            add_tensor(theirs[tensor.place], tensor.parameter);
        }
        for (std::size_t parameter = 0; parameter < 2 * net_.layers(); ++parameter) {
            if (std::ranges::find(compared_, parameter, &Compared::parameter) == compared_.end()) {
                result_.missing.push_back(name_of(parameter));
            }
        }
        at_kink_ = stands_at_kink(net_, data_.x);
        scales_ = wrong_scales(net_.outputs(), data_.total_weight(), most_factors);
        HypotheticalGradients gradients(net_, function_, data_, search_unit_);
        search_right(gradients);
        search_passes(gradients, 1);
        search_variations();
        search_passes(gradients, 2);
        settle_comparison({net_, function_, data_, penalty_, right_, compared_}, result_);
        return std::move(result_);
    }

private:
    static std::string name_of(std::size_t parameter) {
        if (parameter % 2 == 1) {
            return bias_name(parameter / 2);
        }
        return weight_name(parameter / 2);
    }
    void add_tensor(const NamedArray& array, std::size_t parameter) {
        const MatrixView<const double> W = net_.weight(parameter / 2);
        const bool bias = parameter % 2 == 1;
        ExpectedShape expected{{W.rows()}, data_.rows()};
        if (!bias) {
            expected.shape.push_back(W.columns());
        }
        const NamedArray* theirs = &array;
        if (!bias && result_.orientation == Orientation::in_out && array.shape.size() == 2) {
            theirs = &turned_.emplace_back(turned(array));
        }
        result_.tensors.push_back({.name = name_of(parameter), .theirs = array.name});
        compared_.push_back({parameter, TensorSearch(*theirs, std::move(expected), result_.digits)});
    }
    [[nodiscard]] bool settled(std::size_t i, std::size_t causes) const {
        return result_.tensors[i].pass() || all_zeros(compared_[i]) || compared_[i].search.most_causes() < causes;
    }
    [[nodiscard]] bool all_settled(std::size_t causes) const {
        for (std::size_t i = 0; i < compared_.size(); ++i) {
            if (!settled(i, causes)) {
                return false;
            }
        }
        return true;
    }

    void judge_all(const HypotheticalGradient& gradient) {
        right_ = gradient;
        if (search_unit_ != unit_) {
            right_ = HypotheticalGradients(net_, function_, data_, unit_)({});
            add_penalties(penalty_, unit_, right_);
        }
        for (std::size_t i = 0; i < compared_.size(); ++i) {
            ComparedTensor& tensor = result_.tensors[i];
            const TensorSums& sums = right_.tensors[compared_[i].parameter];
            tensor.shape_problem = compared_[i].search.shape_problem();
            compared_[i].search.note_difference(sums.all, tensor);
            tensor.judgement = compared_[i].search.judge(sums.entries);
        }
        if (result_.digits <= half_digits) {
            judge_as_stored(gradient);
        }
        right_ = gradient;
    }
    /// float16 and bfloat16 numbers that agree as those do which were computed in float and stored so afterwards.
    void judge_as_stored(HypotheticalGradient in_float) {
        const double half = std::ldexp(1.0, -result_.digits);
        double smallest = 0.0;
        if (result_.digits == half_digits) {  // bfloat16 has the range of float
            smallest = std::ldexp(1.0, -24);
        }
        for (std::size_t i = 0; i < compared_.size(); ++i) {
            TensorSums& sums = in_float.tensors[compared_[i].parameter];
            for (certify::ExpectedEntry& entry : sums.entries) {
                entry.usual += half * std::fabs(entry.value) + smallest;
                entry.worst += half * std::fabs(entry.value) + smallest;
            }
            const certify::Judgement stored = compared_[i].search.judge(sums.entries);
            if (stored.verdict == certify::Verdict::pass) {
                result_.tensors[i].judgement = stored;
            }
        }
    }

    /// The right pass, then those with so many wrong slopes.
    void search_right(HypotheticalGradients& gradients) {
        HypotheticalGradient gradient = gradients({});
        add_penalties(penalty_, search_unit_, gradient);
        judge_all(gradient);
        look(gradient, wrong_passes(net_.architecture()).front());
    }
    void search_passes(HypotheticalGradients& gradients, std::size_t causes) {
        std::vector<WrongPass> passes = wrong_passes(net_.architecture());
        std::erase_if(passes, [&](const WrongPass& pass) {
            // Away from kinks their convention decides nothing.
            return pass.causes.size() != causes || (pass.hypothesis.other_kink && !at_kink_);
        });
        for (std::size_t at = 0; at < passes.size() && !all_settled(causes); at += at_once_) {
            std::vector<const Hypothesis*> some;
            for (std::size_t i = at; i < std::min(at + at_once_, passes.size()); ++i) {
                some.push_back(&passes[i].hypothesis);
            }
            std::vector<HypotheticalGradient> found = gradients(some, wanted_layers(causes), at_once_);
            for (std::size_t i = 0; i < found.size(); ++i) {
                add_penalties(penalty_, search_unit_, found[i]);
                look(found[i], passes[at + i]);
            }
        }
    }
    void look(const HypotheticalGradient& gradient, const WrongPass& pass) {
        for (std::size_t i = 0; i < compared_.size(); ++i) {
            const TensorSums& sums = gradient.tensors[compared_[i].parameter];
            if (gradient.finite && !settled(i, pass.causes.size()) && !sums.all.value.empty()) {
                compared_[i].search.look(sums, pass, scales_);
            }
        }
    }
    /// Those with a tensor that is not settled.
    [[nodiscard]] std::vector<bool> wanted_layers(std::size_t causes) const {
        std::vector<bool> wanted(net_.layers(), false);
        for (std::size_t i = 0; i < compared_.size(); ++i) {
            if (!settled(i, causes)) {
                wanted[compared_[i].parameter / 2] = true;
            }
        }
        return wanted;
    }

    /// One cause each, and factors beside it.
    void search_variations() {
        if (all_settled(1)) {
            return;
        }
        GradientProblem problem{net_, function_, data_, to_.unscaled, to_.learning_rates, to_.batches};
        for (std::size_t parameter = 0; penalty_.alpha != 0.0 && parameter < 2 * net_.layers(); ++parameter) {
            problem.penalty.push_back(penalty_.of(parameter));
            for (double& v : problem.penalty.back()) {
                v *= penalty_.alpha;
            }
        }
        const std::vector<Variation> all = variations(problem);
        for (std::size_t at = 0; at < all.size() && !all_settled(1); at += at_once_) {
            std::vector<GradientValues> found(std::min(at_once_, all.size() - at));
            deal_out(at_once_, found.size(), [&] { return [&](std::size_t i) { found[i] = all[at + i].gradient(); }; });
            for (std::size_t i = 0; i < found.size(); ++i) {
                look_at_variation(all[at + i], found[i]);
            }
        }
    }
    void look_at_variation(const Variation& variation, const GradientValues& values) {
        const WrongPass pass{Hypothesis(), {variation.cause}, variation.wrong_layers, variation.detail};
        for (std::size_t i = 0; i < compared_.size(); ++i) {
            const std::size_t parameter = compared_[i].parameter;
            if (settled(i, 1) || right_.tensors[parameter].all.value == values[parameter]) {
                continue;
            }
            TensorSums sums = sums_of(values[parameter], right_.tensors[parameter], search_unit_);
            if (variation.penalised) {
                add_penalty(penalty_, parameter, search_unit_, sums);
            }
            compared_[i].search.look(sums, pass, scales_);
        }
    }

    const BasicMlp<double>& net_;
    const LossFunction& function_;
    const BasicDataset<double>& data_;
    const ComparedTo& to_;
    UnitPenalty penalty_;
    double unit_ = 0.0, search_unit_ = 0.0;
    bool at_kink_ = true;
    std::size_t at_once_ = 1;  ///< so many gradients are computed side by side
    Comparison result_;
    std::deque<NamedArray> turned_;  ///< which the searches refer to
    std::vector<Compared> compared_;
    std::vector<WrongScale> scales_;
    HypotheticalGradient right_;
};

/// Of arrays that are all gradients of parameters.
Comparison compare_understood(const BasicMlp<double>& net, const LossFunction& function,
                              const BasicDataset<double>& data, std::span<const NamedArray> theirs,
                              const std::string& source, const ComparedTo& to) {
    if (data.rows() == 0 || data.y.rows() != data.rows()) {
        throw Error(ErrorKind::data, source + ": there are no labelled rows to compute a gradient from");
    }
    ComparedTo known = to;
    if (digits_of(theirs) < std::numeric_limits<double>::digits) {
        known.rounded = nullptr;  // the bounds know of rounded rows
    }
    if (known.rounded == nullptr) {
        return Comparer(net, function, data, known)(theirs, source);
    }
    check_finite(theirs, source);
    const BasicDataset<double>& rows = nearer_rows(net, function, data, theirs, source, known);
    Comparison comparison = Comparer(net, function, rows, known)(theirs, source);
    if (may_hide_mistakes(comparison)) {
        known.rounded = nullptr;
        Comparison exact = Comparer(net, function, rows, known)(theirs, source);
        if (is_better_understood(exact, comparison)) {
            return exact;
        }
    }
    return comparison;
}

}  // namespace

Comparison compare_gradients(const BasicMlp<double>& net, const LossFunction& function,
                             const BasicDataset<double>& data, std::span<const NamedArray> theirs,
                             const std::string& source, const ComparedTo& to) {
    UnderstoodGradients understood = understood_gradients(theirs, net.architecture(), source);
    Comparison comparison = compare_understood(net, function, data, understood.arrays, source, to);
    comparison.left_out = std::move(understood.left_out);
    return comparison;
}

}  // namespace handgrad::compare
