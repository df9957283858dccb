// Each tensor by itself first; then penalties, multiples and precision, which only all of them together tell.
#include "handgrad/compare/comparison_settling.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>
#include <map>
#include <optional>
#include <string>

#include "handgrad/certify/claims.hpp"
#include "handgrad/compare/number_precision.hpp"

namespace handgrad::compare {
namespace {

class Settler {
public:
    Settler(const SearchedTensors& searched, Comparison& comparison)
        : net_(searched.net),
          function_(searched.function),
          data_(searched.data),
          penalty_(searched.penalty),
          right_(searched.right),
          compared_(searched.compared),
          result_(comparison) {}

    void operator()() {
        const std::map<std::string, std::size_t> votes = votes_of(compared_);
        for (std::size_t i = 0; i < compared_.size(); ++i) {
            ComparedTensor& tensor = result_.tensors[i];
            settle(compared_[i].search, votes, right_.tensors[compared_[i].parameter], tensor);
            if (all_zeros(compared_[i]) && !tensor.pass() &&
                (tensor.judgement.verdict == certify::Verdict::fail || never_rounded_to_zero(i))) {
                tensor.judgement.verdict = certify::Verdict::fail;
                tensor.judgement.doubt = certify::Doubt::none;
                tensor.causes = {Cause::never_computed};
                tensor.coincide = zero_sums(compared_[i].parameter);
            }
            name_penalty_of(i, std::nullopt);
        }
        name_known_penalties();
        name_multiples();
        withdraw_accidents();
        settle_together(result_, compared_, function_.kind);
        allow_float();
        for (const ComparedTensor& tensor : result_.tensors) {
            result_.verdict = certify::worse(result_.verdict, tensor.judgement.verdict);
        }
        for (std::size_t i = 0; i < compared_.size(); ++i) {
            if (has(result_.tensors[i].causes, Cause::unexplained) && result_.tensors[i].shape_problem.empty()) {
                result_.tensors[i].look_at = place_to_look(result_, compared_, i, net_.layers());
            }
        }
    }

private:
    [[nodiscard]] bool any_unexplained() const {
        return std::ranges::any_of(result_.tensors,
                                   [](const ComparedTensor& t) { return has(t.causes, Cause::unexplained); });
    }

    /// However few digits there are, so many sums of terms that do not underflow do not all come to nothing.
    [[nodiscard]] bool never_rounded_to_zero(std::size_t i) const {
        constexpr std::ptrdiff_t many = 8;
        const double rows = static_cast<double>(data_.rows());
        int least = -126;  // of float, and of bfloat16
        if (result_.digits == half_digits) {
            least = -24;
        }
        const double lost = 2.0 * rows * std::ldexp(1.0, least);
        return std::ranges::count_if(right_.tensors[compared_[i].parameter].entries,
                                     [&](const certify::ExpectedEntry& entry) {
                                         return std::fabs(entry.value) > entry.jump + lost;
                                     }) >= many;
    }
    void name_penalty_of(std::size_t i, std::optional<double> known) {
        ComparedTensor& tensor = result_.tensors[i];
        const bool open = tensor.causes.empty() || has(tensor.causes, Cause::unexplained);
        if (!tensor.pass() && open && !compared_[i].search.pass()) {
            name_penalty(net_, penalty_, data_.rows(), compared_[i], right_.tensors[compared_[i].parameter], known,
                         tensor);
        }
    }
    /// What the numbers of one tensor leave open, by the penalty that others have.
    void name_known_penalties() {
        for (const ComparedTensor& tensor : std::vector(result_.tensors)) {
            if (tensor.causes == std::vector{Cause::penalty_factor}) {
                hand_on_penalty_factor(tensor);
            }
            if (has(tensor.causes, Cause::penalty_on_biases) || has(tensor.causes, Cause::penalty_extra)) {
                for (std::size_t i = 0; i < compared_.size(); ++i) {
                    name_penalty_of(i, tensor.factor);
                }
            }
        }
    }
    /// A penalty that seems missing is one with the factor of `from`, where that fits as well.
    void hand_on_penalty_factor(const ComparedTensor& from) {
        for (std::size_t i = 0; i < compared_.size(); ++i) {
            ComparedTensor& other = result_.tensors[i];
            if (other.causes == std::vector{Cause::penalty_missing} &&
                has_penalty(penalty_, from.factor, compared_[i], right_.tensors[compared_[i].parameter])) {
                other.causes = from.causes;
                other.detail = from.detail;
                other.factor = from.factor;
            }
        }
    }

    /// All that is unexplained is one multiple of ours.
    void name_multiples() {
        std::optional<double> common;
        for (std::size_t i = 0; i < compared_.size(); ++i) {
            const std::optional<double> own = multiple_of(i);
            if (has(result_.tensors[i].causes, Cause::unexplained) && own && !common) {
                common = own;
            }
        }
        if (!common) {
            return;
        }
        for (std::size_t i = 0; i < compared_.size(); ++i) {
            ComparedTensor& tensor = result_.tensors[i];
            const TensorSums& right = right_.tensors[compared_[i].parameter];
            if (has(tensor.causes, Cause::unexplained) && compared_[i].search.is_multiple(right.all, *common)) {
                tensor.causes = {Cause::factor_other};
                tensor.factor = *common;
                char text[32];
                std::snprintf(text, sizeof text, "%.6g", *common);
                tensor.detail = text;
            }
        }
    }
    /// One or two numbers agree with something by accident when nothing else in the file has that mistake, and
    /// something has one that is not known.
    void withdraw_accidents() {
        constexpr std::size_t few = 2;
        if (!any_unexplained()) {
            return;
        }
        const std::vector<ComparedTensor>& all = result_.tensors;
        for (std::size_t i = 0; i < compared_.size(); ++i) {
            ComparedTensor& tensor = result_.tensors[i];
            const auto same = std::ranges::count(all, tensor.causes, &ComparedTensor::causes);
            const std::size_t entries = right_.tensors[compared_[i].parameter].all.value.size();
            if (tensor.causes.empty() || entries > few || same > 1 || has(tensor.causes, Cause::never_computed)) {
                continue;
            }
            tensor.causes = {Cause::unexplained};
            tensor.detail.clear();
            tensor.coincide.clear();
        }
    }
    [[nodiscard]] std::optional<double> multiple_of(std::size_t i) const {
        return compared_[i].search.multiple(right_.tensors[compared_[i].parameter].all);
    }

    /// Most entries are not ours: one that is wrong among others that are right is no matter of precision.
    [[nodiscard]] bool differs_everywhere(std::size_t i) const {
        const std::vector<double>* theirs = compared_[i].search.values();
        const std::vector<double>& ours = right_.tensors[compared_[i].parameter].all.value;
        if (theirs == nullptr) {
            return false;
        }
        constexpr double seen = 1e-12;
        const double largest = std::fabs(std::ranges::max(ours, {}, [](double v) { return std::fabs(v); }));
        std::size_t differ = 0;
        for (std::size_t entry = 0; entry < ours.size(); ++entry) {
            differ += std::size_t{std::fabs((*theirs)[entry] - ours[entry]) > seen * largest};
        }
        return 2 * differ > ours.size();
    }
    /// Numbers stored as double that agree as float numbers do, and have no known mistake: computed in float and
    /// averaged or stored afterwards, or differences of losses. That is no proof against them.
    void allow_float() {
        if (result_.digits != std::numeric_limits<double>::digits || !any_unexplained()) {
            return;
        }
        HypotheticalGradient in_float;
        for (std::size_t i = 0; i < compared_.size(); ++i) {
            ComparedTensor& tensor = result_.tensors[i];
            constexpr double near = 1e-4;
            if (!has(tensor.causes, Cause::unexplained) || tensor.relative > near || !differs_everywhere(i)) {
                continue;
            }
            if (in_float.tensors.empty()) {
                in_float = HypotheticalGradients(net_, function_, data_, float_rounding + own_rounding)({});
                add_penalties(penalty_, float_rounding, in_float);
            }
            const TensorSums& sums = in_float.tensors[compared_[i].parameter];
            if (in_float.finite && compared_[i].search.judge(sums.entries).verdict == certify::Verdict::pass) {
                tensor.causes.clear();
                tensor.judgement.verdict = certify::Verdict::undetermined;
                tensor.judgement.doubt = certify::Doubt::unusual;
                tensor.as_float = true;
            }
        }
    }

    /// What else gives nothing but zeros: a bias of one row in which no unit is active.
    [[nodiscard]] std::vector<std::string> zero_sums(std::size_t parameter) const {
        const auto zeros = [](const BoundedNumbers& numbers) {
            return !numbers.value.empty() && std::ranges::all_of(numbers.value, [](double v) { return v == 0.0; });
        };
        const TensorSums& sums = right_.tensors[parameter];
        if (zeros(sums.first) || zeros(sums.last)) {
            return {std::string(name(Cause::bias_sum))};
        }
        return {};
    }

    const BasicMlp<double>& net_;
    const LossFunction& function_;
    const BasicDataset<double>& data_;
    const UnitPenalty& penalty_;
    const HypotheticalGradient& right_;
    const std::vector<Compared>& compared_;
    Comparison& result_;
};

}  // namespace

void settle_comparison(const SearchedTensors& searched, Comparison& comparison) { Settler(searched, comparison)(); }

}  // namespace handgrad::compare
