// The distance to the right gradient of either decides; how well the tensors are understood, whether that was enough.
#include "handgrad/compare/row_choice.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <utility>

#include "handgrad/compare/gradient_names.hpp"
#include "handgrad/compare/number_precision.hpp"
#include "handgrad/compare/penalty_causes.hpp"
#include "handgrad/compare/settling.hpp"
#include "handgrad/compare/variations.hpp"

namespace handgrad::compare {
namespace {

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

bool is_unexplained(const ComparedTensor& tensor) { return has(tensor.causes, Cause::unexplained); }

/// How many tensors do not pass, and how many have no name.
std::pair<std::ptrdiff_t, std::ptrdiff_t> not_understood(const Comparison& comparison) {
    return {std::ranges::count(comparison.tensors, false, &ComparedTensor::pass),
            std::ranges::count_if(comparison.tensors, is_unexplained)};
}

}  // namespace

const BasicDataset<double>& nearer_rows(const BasicMlp<double>& net, const LossFunction& function,
                                        const BasicDataset<double>& data, std::span<const NamedArray> theirs,
                                        const std::string& source, const ComparedTo& to) {
    const UnitPenalty penalty = unit_penalty(net, to.penalty, data.total_weight());
    const auto distance = [&](const BasicDataset<double>& rows) {
        return log_distance(net, function, rows, penalty, theirs, source);
    };
    if (distance(*to.rounded) < distance(data)) {
        return *to.rounded;
    }
    return data;
}

bool may_hide_mistakes(const Comparison& comparison) {
    constexpr double near = 1e-4;
    const bool any = std::ranges::any_of(comparison.tensors, is_unexplained);
    const bool all = std::ranges::all_of(comparison.tensors, is_unexplained);
    const bool nearly = std::ranges::any_of(comparison.tensors, [](const ComparedTensor& tensor) {
        return is_unexplained(tensor) && tensor.relative < near;
    });
    return nearly || (any && !all);
}

bool is_better_understood(const Comparison& one, const Comparison& other) {
    return not_understood(one) < not_understood(other);
}

}  // namespace handgrad::compare
