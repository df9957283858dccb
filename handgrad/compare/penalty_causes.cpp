// The multiple of the weights that is left beside the right gradient.
#include "handgrad/compare/penalty_causes.hpp"

#include <algorithm>
#include <cmath>
#include <optional>
#include <span>

#include "handgrad/nn/passes.hpp"

namespace handgrad::compare {
namespace {

constexpr std::size_t fewest = 3;  // of two numbers one multiple explains the half

/// Whether theirs is the right gradient and so many times `direction`, in every entry.
bool is_multiple(const std::vector<double>& theirs, const BoundedNumbers& right, const std::vector<double>& direction,
                 double multiple) {
    for (std::size_t i = 0; i < theirs.size(); ++i) {
        if (!(std::fabs(theirs[i] - right.value[i] - multiple * direction[i]) <= 2.0 * right.error[i])) {
            return false;
        }
    }
    return true;
}

/// The multiple of `direction` that is left in theirs beside the right gradient, when nothing else is.
std::optional<double> only_multiple(const std::vector<double>& theirs, const BoundedNumbers& right,
                                    const std::vector<double>& direction) {
    double product = 0.0, square = 0.0, noise = 0.0, difference = 0.0;
    for (std::size_t i = 0; i < theirs.size(); ++i) {
        const double beside = theirs[i] - right.value[i];
        product += beside * direction[i];
        square += direction[i] * direction[i];
        noise += right.error[i] * right.error[i];
        difference += beside * beside;
    }
    constexpr std::size_t many = 8;
    double clear = 20.0;  // times what rounding could feign
    if (theirs.size() >= many) {
        clear = 2.0;  // one direction among as many as there are entries
    }
    if (square == 0.0 || product * product <= clear * clear * noise * square || difference <= clear * clear * noise) {
        return std::nullopt;
    }
    const double multiple = product / square;
    if (theirs.size() < fewest || !is_multiple(theirs, right, direction, multiple)) {
        return std::nullopt;
    }
    return multiple;
}

}  // namespace

UnitPenalty unit_penalty(const BasicMlp<double>& net, double alpha, double total_weight) {
    UnitPenalty unit{BasicMlp<double>::zeros_like(net), alpha};
    penalty(net, 1.0, total_weight, &unit.gradient);
    return unit;
}

void add_penalty(const UnitPenalty& unit, std::size_t parameter, double roundoff, TensorSums& sums) {
    if (unit.alpha == 0.0) {
        return;
    }
    const std::vector<double> of_one = unit.of(parameter);
    constexpr double roundings = 4.0;  // of W, α and a factor in it, their product, and the sum
    for (std::size_t i = 0; i < of_one.size(); ++i) {
        const double added = unit.alpha * of_one[i];
        const double error = roundings * roundoff * std::fabs(added);
        sums.all.value[i] += added;
        sums.penalty.push_back(added);
        sums.all.error[i] += error;
        if (!sums.entries.empty()) {
            sums.entries[i].value += added;
            sums.entries[i].size += std::fabs(added);
            sums.entries[i].usual += error;
            sums.entries[i].worst += error;
        }
    }
}

void add_penalties(const UnitPenalty& unit, double roundoff, HypotheticalGradient& gradient) {
    for (std::size_t parameter = 0; parameter < gradient.tensors.size(); ++parameter) {
        if (!gradient.tensors[parameter].all.value.empty()) {
            add_penalty(unit, parameter, roundoff, gradient.tensors[parameter]);
        }
    }
}

void name_penalty(const BasicMlp<double>& net, const UnitPenalty& unit, std::size_t rows, const Compared& compared,
                  const TensorSums& right, std::optional<double> known, ComparedTensor& tensor) {
    const std::vector<double>* theirs = compared.search.values();
    if (theirs == nullptr) {
        return;
    }
    const bool bias = compared.parameter % 2 == 1;
    std::vector<double> direction = unit.of(compared.parameter);
    const bool penalised = std::ranges::any_of(direction, [](double v) { return v != 0.0; });
    if (!penalised) {
        const std::span<const double> b = net.bias(compared.parameter / 2);
        direction.assign(b.begin(), b.end());
        if (!bias) {
            return;
        }
    }
    std::optional<double> extra = only_multiple(*theirs, right.all, direction);
    if (!extra && known && is_multiple(*theirs, right.all, direction, *known)) {
        extra = known;
    }
    if (!extra) {
        return;
    }
    tensor.judgement.verdict = certify::Verdict::fail;
    tensor.judgement.doubt = certify::Doubt::none;
    tensor.causes = {Cause::penalty_extra};
    tensor.factor = *extra;
    if (!penalised) {
        tensor.causes = {Cause::penalty_on_biases};
    } else if (unit.alpha != 0.0) {
        constexpr double near = 0.02;
        const double times = *extra / unit.alpha + 1.0;
        tensor.factor = times;
        tensor.causes = {Cause::penalty_factor};
        const auto B = static_cast<double>(rows);
        if (std::fabs(times / B - 1.0) < near || std::fabs(times * B - 1.0) < near) {
            tensor.detail = "by the number of rows";
        } else if (std::fabs(times) < near) {
            tensor.causes = {Cause::penalty_missing};
        }
    }
}

bool has_penalty(const UnitPenalty& unit, double times, const Compared& compared, const TensorSums& right) {
    const std::vector<double>* theirs = compared.search.values();
    return theirs != nullptr &&
           is_multiple(*theirs, right.all, unit.of(compared.parameter), (times - 1.0) * unit.alpha);
}

}  // namespace handgrad::compare
