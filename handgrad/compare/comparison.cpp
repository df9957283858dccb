// Finds what explains each tensor, and settles by all tensors together what one leaves open.
#include "handgrad/compare/comparison.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <deque>
#include <limits>
#include <map>
#include <optional>
#include <type_traits>
#include <utility>
#include <variant>

#include "handgrad/base/error.hpp"
#include "handgrad/base/wording.hpp"
#include "handgrad/certify/claims.hpp"
#include "handgrad/compare/gradient_names.hpp"
#include "handgrad/compare/hypotheses.hpp"
#include "handgrad/compare/penalty_causes.hpp"
#include "handgrad/compare/scales.hpp"
#include "handgrad/compare/settling.hpp"
#include "handgrad/compare/side_by_side.hpp"
#include "handgrad/compare/tensor_search.hpp"
#include "handgrad/compare/variations.hpp"
#include "handgrad/train/prediction.hpp"
#include "handgrad/train/settings.hpp"

namespace handgrad::compare {
namespace {

/// Binary digits of float16.
constexpr int half_digits = 11;
constexpr double float_rounding = 0x1p-24;
constexpr double own_rounding = 0x1p-53;

/// Doubles that all are floats: numbers computed in double are, once in 2²⁹ each. Those of few digits, as 0 and ½, tell
/// nothing.
bool float_numbers(const std::vector<double>& values) {
    const auto rounded = [](double v) { return static_cast<double>(static_cast<float>(v)) == v; };
    const auto long_number = [](double v) {
        int exponent = 0;
        const double digits = std::ldexp(std::frexp(v, &exponent), 12);
        return digits != std::trunc(digits);
    };
    return std::ranges::all_of(values, rounded) && std::ranges::any_of(values, long_number);
}

/// The coarsest precision among them, since every number has passed through it; and float for doubles that are floats
/// in any tensor.
int digits_of(std::span<const NamedArray> arrays) {
    constexpr int single = 24;
    int digits = std::numeric_limits<double>::digits;
    for (const NamedArray& array : arrays) {
        digits = std::min(digits, array.digits);
        if (float_numbers(array.values)) {
            digits = std::min(digits, single);
        }
    }
    return digits;
}

void check_values(std::span<const NamedArray> arrays, const std::string& source) {
    for (const NamedArray& array : arrays) {
        for (std::size_t i = 0; i < array.values.size(); ++i) {
            if (!std::isfinite(array.values[i])) {
                throw Error(ErrorKind::data, source + ": tensor '" + array.name + "': number " + std::to_string(i) +
                                                 " is not finite; find the step that overflowed first");
            }
        }
    }
}

/// Whether there is nothing but zeros.
bool all_zeros(const Compared& compared) {
    const std::vector<double>* theirs = compared.search.values();
    return theirs != nullptr && std::ranges::all_of(*theirs, [](double v) { return v == 0.0; });
}

/// What a variation gives for one tensor, with the bounds of the right gradient in its measure.
TensorSums sums_of(const std::vector<double>& values, const TensorSums& right, double unit) {
    double own = 0.0, other = 0.0;
    for (std::size_t i = 0; i < values.size(); ++i) {
        own += values[i] * values[i];
        other += right.all.value[i] * right.all.value[i];
    }
    const double measure = other > 0.0 ? 2.0 * std::max(1.0, std::sqrt(own / other)) : 2.0;
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
        : net_(net), function_(function), data_(data), to_(to), penalty_(unit_penalty(net, to.penalty, data.rows())) {
        at_once_ = to.threads;
        if (at_once_ == 0) {
            at_once_ = available_threads();
        }
    }

    Comparison operator()(std::span<const NamedArray> theirs, const std::string& source) {
        const MatchedGradients matched = match_gradient_names(theirs, net_.architecture(), source);
        check_values(theirs, source);
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
        settle_all();
        return std::move(result_);
    }

private:
    static std::string name_of(std::size_t parameter) {
        return parameter % 2 == 1 ? bias_name(parameter / 2) : weight_name(parameter / 2);
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

    void add_penalties(double unit, HypotheticalGradient& gradient) const {
        for (std::size_t parameter = 0; parameter < gradient.tensors.size(); ++parameter) {
            // Of a layer that was not wanted there is nothing to add to.
            if (!gradient.tensors[parameter].all.value.empty()) {
                add_penalty(penalty_, parameter, unit, gradient.tensors[parameter]);
            }
        }
    }

    void judge_all(const HypotheticalGradient& gradient) {
        right_ = gradient;
        if (search_unit_ != unit_) {
            right_ = HypotheticalGradients(net_, function_, data_, unit_)({});
            add_penalties(unit_, right_);
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
        add_penalties(search_unit_, gradient);
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
                add_penalties(search_unit_, found[i]);
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
            side_by_side(found.size(), at_once_, [&](std::size_t i) { found[i] = all[at + i].gradient(); });
            for (std::size_t i = 0; i < found.size(); ++i) {
                look_at_variation(all[at + i], found[i]);
            }
        }
    }
    void look_at_variation(const Variation& variation, const GradientValues& values) {
        const WrongPass pass{{}, {variation.cause}, variation.wrong_layers, variation.detail};
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

    void settle_all() {
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

    /// However few digits there are, so many sums of terms that do not underflow do not all come to nothing.
    [[nodiscard]] bool never_rounded_to_zero(std::size_t i) const {
        constexpr std::ptrdiff_t many = 8;
        const double rows = static_cast<double>(data_.rows());
        const double lost = 2.0 * rows * std::ldexp(1.0, result_.digits == half_digits ? -24 : -126);
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
            for (std::size_t i = 0; tensor.causes == std::vector{Cause::penalty_factor} && i < compared_.size(); ++i) {
                ComparedTensor& other = result_.tensors[i];
                if (other.causes == std::vector{Cause::penalty_missing} &&
                    has_penalty(penalty_, tensor.factor, compared_[i], right_.tensors[compared_[i].parameter])) {
                    other.causes = tensor.causes;
                    other.detail = tensor.detail;
                    other.factor = tensor.factor;
                }
            }
            if (has(tensor.causes, Cause::penalty_on_biases) || has(tensor.causes, Cause::penalty_extra)) {
                for (std::size_t i = 0; i < compared_.size(); ++i) {
                    name_penalty_of(i, tensor.factor);
                }
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
        for (std::size_t i = 0; common && i < compared_.size(); ++i) {
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
        const std::vector<ComparedTensor>& all = result_.tensors;
        const bool unknown =
            std::ranges::any_of(all, [](const ComparedTensor& t) { return has(t.causes, Cause::unexplained); });
        for (std::size_t i = 0; unknown && i < compared_.size(); ++i) {
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
        if (result_.digits != std::numeric_limits<double>::digits) {
            return;
        }
        const bool any = std::ranges::any_of(result_.tensors,
                                             [](const ComparedTensor& t) { return has(t.causes, Cause::unexplained); });
        HypotheticalGradient in_float;
        for (std::size_t i = 0; any && i < compared_.size(); ++i) {
            ComparedTensor& tensor = result_.tensors[i];
            constexpr double near = 1e-4;
            if (!has(tensor.causes, Cause::unexplained) || tensor.relative > near || !differs_everywhere(i)) {
                continue;
            }
            if (in_float.tensors.empty()) {
                in_float = HypotheticalGradients(net_, function_, data_, float_rounding + own_rounding)({});
                add_penalties(float_rounding, in_float);
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

/// The rows as the table has them: numbers neither shifted nor scaled.
BasicDataset<double> unscaled_rows(const Model& model, const BasicDataset<double>& data) {
    BasicDataset<double> raw = data;
    std::size_t j = 0;
    for (const FeatureColumn& feature : model.preprocessing.features) {
        for (std::size_t row = 0; row < raw.rows() && !feature.categorical(); ++row) {
            raw.x(row, j) = data.x(row, j) * feature.scale + feature.shift;
        }
        j += feature.inputs();
    }
    for (std::size_t k = 0; model.preprocessing.task == Task::regression && k < raw.y.columns(); ++k) {
        const TargetColumn& target = model.preprocessing.targets[k];
        for (std::size_t row = 0; row < raw.rows(); ++row) {
            raw.y(row, k) = data.y(row, k) * target.scale + target.shift;
        }
    }
    return raw;
}

BasicDataset<double> widened(const BasicDataset<float>& data) {
    const auto wide = [](const Matrix<float>& from) {
        Matrix<double> to(from.rows(), from.columns());
        std::ranges::copy(from.values(), to.values().begin());
        return to;
    };
    return {wide(data.x), wide(data.y), {data.weights.begin(), data.weights.end()}};
}

/// Fewer tensors that do not pass, and of those fewer without a name.
std::pair<std::ptrdiff_t, std::ptrdiff_t> not_understood(const Comparison& comparison) {
    return {std::ranges::count(comparison.tensors, false, &ComparedTensor::pass),
            std::ranges::count_if(comparison.tensors,
                                  [](const ComparedTensor& t) { return has(t.causes, Cause::unexplained); })};
}

/// Σ log(‖theirs − ours‖²/‖ours‖²) over the tensors whose shape is ours. Beside one that is right of these rows, and by
/// orders of magnitude less so of others, those with a mistake weigh nothing.
double log_distance(const BasicMlp<double>& net, const LossFunction& function, const BasicDataset<double>& data,
                    const UnitPenalty& penalty, std::span<const NamedArray> theirs, const std::string& source) {
    const GradientValues ours = right_gradient({net, function, data});
    const MatchedGradients matched = match_gradient_names(theirs, net.architecture(), source);
    constexpr double least = 1e-30;
    double distance = 0.0;
    for (const MatchedTensor& tensor : matched.tensors) {
        TensorSums sums;
        sums.all.value = ours[tensor.parameter];
        sums.all.error.assign(sums.all.value.size(), 0.0);
        add_penalty(penalty, tensor.parameter, own_rounding, sums);
        NamedArray array = theirs[tensor.place];
        if (matched.orientation == Orientation::in_out && array.shape.size() == 2) {
            array = turned(array);
        }
        double square = 0.0, own = 0.0;
        for (std::size_t i = 0; i < sums.all.value.size() && array.values.size() == sums.all.value.size(); ++i) {
            const double difference = array.values[i] - sums.all.value[i];
            square += difference * difference;
            own += sums.all.value[i] * sums.all.value[i];
        }
        if (own > 0.0 && array.values.size() == sums.all.value.size()) {
            distance += std::log(std::max(square / own, least));
        }
    }
    return distance;
}

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
    check_values(theirs, source);
    const UnitPenalty penalty = unit_penalty(net, to.penalty, data.rows());
    const auto distance = [&](const BasicDataset<double>& rows) {
        return log_distance(net, function, rows, penalty, theirs, source);
    };
    const BasicDataset<double>* nearer = &data;
    if (distance(*to.rounded) < distance(data)) {
        nearer = to.rounded;
    }
    Comparison comparison = Comparer(net, function, *nearer, known)(theirs, source);
    constexpr double near = 1e-4;
    const auto unexplained = [](const ComparedTensor& tensor) { return has(tensor.causes, Cause::unexplained); };
    const bool any = std::ranges::any_of(comparison.tensors, unexplained);
    const bool all = std::ranges::all_of(comparison.tensors, unexplained);
    const bool nearly = std::ranges::any_of(comparison.tensors, [&](const ComparedTensor& tensor) {
        return unexplained(tensor) && tensor.relative < near;
    });
    // Mistakes that are too small to be seen in float, or in too few numbers to be told from chance by float digits.
    if (nearly || (any && !all)) {
        known.rounded = nullptr;
        Comparison exact = Comparer(net, function, *nearer, known)(theirs, source);
        if (not_understood(exact) < not_understood(comparison)) {
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

Comparison compare_gradients(const Model& model, const Table& table, std::span<const NamedArray> theirs,
                             const std::string& source, bool allow_extra, std::size_t threads) {
    const std::vector<std::size_t> rows = all_rows(table.rows);
    const ApplyOptions options{.labels = Labels::required, .allow_extra = allow_extra};
    const BasicDataset<double> data = apply_preprocessing<double>(model.preprocessing, table, rows, options);
    check_target_domain(model.preprocessing, table, rows, model.loss.kind);
    const BasicMlp<double> net = std::visit([](const auto& own) { return convert<double>(own); }, model.net);
    const BasicDataset<double> unscaled = unscaled_rows(model, data);
    ComparedTo to{.penalty = model.weight_decay, .unscaled = &unscaled, .threads = threads};
    to.learning_rates = {1e-3, 1e-2, 0.05, 0.1, 0.5, 1.0};
    to.batches = {1, 16, 32, 50, 64, 100, 128, 256, data.rows() / 2, data.rows() - 1};
    if (const std::optional<FitOptions> recorded = recorded_options(model)) {
        to.learning_rates.push_back(recorded->training.optimizer.learning_rate);
        to.batches.push_back(recorded->training.batch);
    }
    BasicDataset<double> rounded;
    if (!model.is_double()) {
        rounded = widened(apply_preprocessing<float>(model.preprocessing, table, rows, options));
        to.rounded = &rounded;
    }
    std::ranges::sort(to.batches);
    to.batches.erase(std::unique(to.batches.begin(), to.batches.end()), to.batches.end());
    return compare_gradients(net, model.loss, data, theirs, source, to);
}

}  // namespace handgrad::compare
