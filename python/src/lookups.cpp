// Each list is the library's own.
#include "python/src/lookups.hpp"

#include <algorithm>

#include "handgrad/base/error.hpp"

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

}  // namespace handgrad::python
