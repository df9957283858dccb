// Each list is the library's own.
#include "python/src/lookups.hpp"

#include <algorithm>

#include "handgrad/base/error.hpp"
#include "handgrad/data/table.hpp"

namespace handgrad::python {
namespace {

std::string name_of(const Conventions& preset) { return std::string(preset.name); }
template <class Choice>
std::string name_of(const Choice& choice) {
    return std::string(handgrad::name(choice));
}

template <class List>
const auto& named(const List& list, const std::string& wanted, const std::string& what) {
    const auto found = std::ranges::find_if(list, [&](const auto& each) { return name_of(each) == wanted; });
    if (found != std::ranges::end(list)) {
        return *found;
    }
    std::string names;
    for (const auto& each : list) {
        names += (names.empty() ? "" : ", ") + name_of(each);
    }
    throw Error(ErrorKind::usage, "'" + wanted + "' is no " + what + "; there are " + names);
}

}  // namespace

Activation activation_named(const std::string& name) { return named(all_activations, name, "activation"); }

LossFunction loss_named(const std::string& name) { return named(all_losses, name, "loss"); }
LossFunction loss_named(const std::string& name, double huber_delta, double quantile) {
    LossFunction function = loss_named(name);
    function.huber_delta = huber_delta;
    function.quantile = quantile;
    return function;
}

const Conventions& conventions_named(const std::string& name) { return named(convention_presets, name, "convention"); }

template <class T>
void check_domain(const LossFunction& function, MatrixView<const T> y) {
    const LossFacts& domain = facts(function.kind);
    const auto outside = [&](T target) { return target < domain.lowest_target || target > domain.highest_target; };
    for (std::size_t row = 0; row < y.rows(); ++row) {
        const auto found = std::ranges::find_if(y.row(row), outside);
        if (found != y.row(row).end()) {
            const auto column = static_cast<std::size_t>(found - y.row(row).begin());
            throw Error(ErrorKind::data, "y[" + std::to_string(row) + ", " + std::to_string(column) +
                                             "] = " + format_number(*found) + " is outside the domain of the loss " +
                                             std::string(domain.name) + ", " + format_number(domain.lowest_target) +
                                             " to " + format_number(domain.highest_target));
        }
    }
}
template void check_domain(const LossFunction& function, MatrixView<const float> y);
template void check_domain(const LossFunction& function, MatrixView<const double> y);

}  // namespace handgrad::python
