// The names under which conventions and other choices stand in model files and on screen: one list for each choice, and
// one for the fields of the conventions.
#pragma once

#include <array>
#include <concepts>
#include <optional>
#include <string_view>
#include <type_traits>

#include "handgrad/data/preprocessing.hpp"
#include "handgrad/math/conventions.hpp"
#include "handgrad/store/conformity.hpp"

namespace handgrad {

/// A value of an enumeration and its name. The names are fixed: they stand in model files.
template <class Enum>
struct Named {
    Enum value;
    std::string_view name;
};

inline constexpr std::array kink_list{
    Named<Kink>{Kink::right_limit, "right_limit"},
    Named<Kink>{Kink::nearest_zero, "nearest_zero"},
};
inline constexpr std::array reduction_list{
    Named<Reduction>{Reduction::sum, "sum"},
    Named<Reduction>{Reduction::mean, "mean"},
    Named<Reduction>{Reduction::half_sum, "half_sum"},
};
inline constexpr std::array penalty_list{
    Named<Penalty>{Penalty::weights, "weights"},
    Named<Penalty>{Penalty::all_parameters, "all_parameters"},
    Named<Penalty>{Penalty::weights_per_row, "weights_per_row"},
};
inline constexpr std::array adam_epsilon_list{
    Named<AdamEpsilon>{AdamEpsilon::after_correction, "after_correction"},
    Named<AdamEpsilon>{AdamEpsilon::before_correction, "before_correction"},
};
inline constexpr std::array momentum_list{
    Named<Momentum>{Momentum::velocity, "velocity"},
    Named<Momentum>{Momentum::gradient_sum, "gradient_sum"},
};
inline constexpr std::array first_weights_list{
    Named<FirstWeights>{FirstWeights::by_activation, "by_activation"},
    Named<FirstWeights>{FirstWeights::he, "he"},
    Named<FirstWeights>{FirstWeights::xavier, "xavier"},
    Named<FirstWeights>{FirstWeights::lecun, "lecun"},
    Named<FirstWeights>{FirstWeights::zeros, "zeros"},
    Named<FirstWeights>{FirstWeights::pytorch_linear, "pytorch_linear"},
    Named<FirstWeights>{FirstWeights::sklearn_glorot, "sklearn_glorot"},
};

inline constexpr std::array task_list{
    Named<Task>{Task::regression, "regression"},
    Named<Task>{Task::classification, "classification"},
    Named<Task>{Task::multilabel, "multilabel"},
};
inline constexpr std::array impute_list{
    Named<Impute>{Impute::error, "error"},
    Named<Impute>{Impute::mean, "mean"},
    Named<Impute>{Impute::median, "median"},
};
inline constexpr std::array unknown_list{
    Named<Unknown>{Unknown::error, "error"},
    Named<Unknown>{Unknown::ignore, "ignore"},
};
inline constexpr std::array scale_list{
    Named<Scale>{Scale::standard, "standard"},
    Named<Scale>{Scale::minmax, "minmax"},
    Named<Scale>{Scale::none, "none"},
};

inline constexpr std::array interval_method_list{
    Named<IntervalMethod>{IntervalMethod::split, "split"},
    Named<IntervalMethod>{IntervalMethod::cv_plus, "cv+"},
    Named<IntervalMethod>{IntervalMethod::jackknife_plus, "jackknife+"},
};

/// The list of an enumeration.
constexpr const auto& list_of(Kink /*which*/) { return kink_list; }
constexpr const auto& list_of(Reduction /*which*/) { return reduction_list; }
constexpr const auto& list_of(Penalty /*which*/) { return penalty_list; }
constexpr const auto& list_of(AdamEpsilon /*which*/) { return adam_epsilon_list; }
constexpr const auto& list_of(Momentum /*which*/) { return momentum_list; }
constexpr const auto& list_of(FirstWeights /*which*/) { return first_weights_list; }
constexpr const auto& list_of(Task /*which*/) { return task_list; }
constexpr const auto& list_of(Impute /*which*/) { return impute_list; }
constexpr const auto& list_of(Unknown /*which*/) { return unknown_list; }
constexpr const auto& list_of(Scale /*which*/) { return scale_list; }
constexpr const auto& list_of(IntervalMethod /*which*/) { return interval_method_list; }

template <class Enum>
concept Convention = requires(Enum e) {
    list_of(e);
};

template <Convention Enum>
constexpr std::string_view name(Enum value) {
    for (const Named<Enum>& entry : list_of(value)) {
        if (entry.value == value) {
            return entry.name;
        }
    }
    __builtin_unreachable();
}

/// The value of that name, if there is one.
template <Convention Enum>
constexpr std::optional<Enum> find_convention(std::string_view wanted) {
    for (const Named<Enum>& entry : list_of(Enum{})) {
        if (entry.name == wanted) {
            return entry.value;
        }
    }
    return std::nullopt;
}

/// Calls visit(NAME, FIELD) for each choice in the order of the struct; the fields may be changed unless const.
template <class C, class Visitor>
requires std::same_as<std::remove_const_t<C>, Conventions>
constexpr void for_each_convention(C& conventions, Visitor&& visit) {
    visit("squared_error", conventions.squared_error);
    visit("binary_cross_entropy", conventions.binary_cross_entropy);
    visit("other_losses", conventions.other_losses);
    visit("kink", conventions.kink);
    visit("penalty", conventions.penalty);
    visit("adam_epsilon", conventions.adam_epsilon);
    visit("momentum", conventions.momentum);
    visit("first_weights", conventions.first_weights);
}

}  // namespace handgrad
