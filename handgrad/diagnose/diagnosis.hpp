// The gradient, measured: which layer of a network starves or gets too much on this data, which factor of Table 2 does
// it, what to try, and what the gradients would be if that factor were another (derivation §5, §6.6–6.8).
#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "handgrad/base/error.hpp"
#include "handgrad/data/preprocessing.hpp"
#include "handgrad/diagnose/training_course.hpp"
#include "handgrad/nn/mlp.hpp"
#include "handgrad/nn/passes.hpp"
#include "handgrad/store/model.hpp"
#include "handgrad/train/optimizer.hpp"

namespace handgrad::diagnose {

/// What is the matter with a layer. The names are fixed: they stand in JSON.
enum class Factor {
    none,
    output_saturation,  ///< ∂ŷ/∂z of a saturated output, which the loss does not cancel
    hidden_saturation,  ///< f′ of a saturated σ or tanh layer
    attenuation,        ///< f′ below 1 compounding over layers, though nothing is saturated
    dead_units,         ///< ReLU units with z < 0 in every row
    small_weights,      ///< a W on the way that lets next to nothing through
    dead_inputs,        ///< an x (or a) of almost 0
    exploding,          ///< gains above 1 compounding: what the weights and slopes let through grows beyond measure
    unscaled_inputs,    ///< an x whose size is far from 1, so that no step suits all weights
    large_steps,        ///< steps as large as the weights
    diverged,           ///< numbers that are not finite after training, or answers far worse than none at all
    overflow,           ///< numbers that are not finite in weights of which no training is known
    identical_units,    ///< hidden units that are copies of each other and stay so
    learned_nothing,    ///< of the network alone: trained, and no better than a constant answer
};
inline constexpr std::array all_factors{Factor::none,
                                        Factor::output_saturation,
                                        Factor::hidden_saturation,
                                        Factor::attenuation,
                                        Factor::dead_units,
                                        Factor::small_weights,
                                        Factor::dead_inputs,
                                        Factor::exploding,
                                        Factor::unscaled_inputs,
                                        Factor::large_steps,
                                        Factor::diverged,
                                        Factor::overflow,
                                        Factor::identical_units,
                                        Factor::learned_nothing};
std::string_view name(Factor factor);

/// log₁₀‖∂l/∂W⁽ˡ⁾‖ as a sum along Table 2. Sizes are root mean squares over rows of the 2-norm of a row; ‖∂l/∂W⁽ˡ⁾‖ is
/// the root of the sum of squares. The parts add up to `gradient`; −∞ where a factor is 0, NaN for what stands behind
/// it in the chain.
struct GradientSplit {
    double gradient;   ///< log₁₀‖∂l/∂W⁽ˡ⁾‖
    double error;      ///< ‖∂l/∂ŷ‖, or ‖∂l/∂z‖ of the last layer where `output` cancels
    double output;     ///< gain of ∂ŷ/∂z of the last layer; 0 where it cancels against the loss (derivation §6.6)
    double weights;    ///< gains of W of the layers above
    double slopes;     ///< gains of ∂a/∂z of this and the hidden layers above
    double input;      ///< ‖x‖, or ‖a‖ of the layer below
    double alignment;  ///< the remainder, ≤ 0: how much the rows' gradients cancel each other
};

struct LayerDiagnosis {
    std::string name;           ///< linear1 …
    double gradient_rms = 0.0;  ///< root mean square of the numbers of ∂l/∂W⁽ˡ⁾, penalty left out
    double update_ratio = 0.0;  ///< ‖ΔW⁽ˡ⁾‖/‖W⁽ˡ⁾‖ of the optimizer's first step on all rows
    double unchanged = 0.0;     ///< share of W⁽ˡ⁾ that this step leaves as it is, in the model's precision
    double saturated = 0.0;     ///< share of the activation's values that are flat; of σ, tanh, softmax only
    double dead = 0.0;          ///< share of its units that are flat in every row; of one-sided activations only
    double identical = 0.0;     ///< share of its units that have a copy in the layer
    double weight_size = 0.0;   ///< ‖W⁽ˡ⁾‖ by that of first weights by activation
    double reach = 0.0;         ///< product of all gains and the largest input of a row; below 1e-3 the layer starves
    bool starved = false;       ///< too little arrives for it to learn
    Factor factor = Factor::none;  ///< what is the matter with it; never `none` where it starves
    GradientSplit split{};
};

/// The same weights, data and rows with one thing changed; gradient_rms of each layer. Says nothing about how well such
/// a network would end up.
struct WhatIf {
    std::string change;                ///< `relu for sigmoid`, `binary_cross_entropy for squared_error` …
    std::vector<double> gradient_rms;  ///< of each layer
    std::vector<double> weight_scale;  ///< by what each W⁽ˡ⁾ was multiplied
};

struct Diagnosis {
    std::size_t rows = 0;
    std::vector<LayerDiagnosis> layers;
    Factor factor = Factor::none;  ///< `diverged` where it has, else that of the lowest layer that has one
    double loss = 0.0;             ///< mean over the rows, without the penalty
    double constant_loss = 0.0;    ///< of the best constant answer; NaN where none is the best
    double unexplained = 0.0;      ///< ‖ŷ − y‖² by the spread of y: 1 for who always answers the mean
    TrainingCourse course{};       ///< where training stands, as far as the model tells
    bool output_cancels = false;   ///< f′ of the output cancels against the loss, whatever its size
    std::vector<WhatIf> what_if;
    std::string optimizer;                  ///< whose step update_ratio is of, in words
    std::string text;                       ///< what is the matter and what to try, or what was found in order
    std::vector<SettingHint> try_settings;  ///< the settings that this text advises
};

/// Runs the passes over all rows in blocks, in the network's precision. Raises Error(data) when there is no row,
/// Error(usage) for settings of the optimizer out of range.
template <class T>
Diagnosis diagnose(const BasicMlp<T>& net, const LossFunction& function,
                   const std::type_identity_t<BasicDataset<T>>& data, const OptimizerOptions& optimizer);

/// The same of a model on rows that its preprocessing has encoded, in the precision of its network: what it advises
/// then follows from how the model was trained, too.
template <class T>
Diagnosis diagnose(const Model& model, const BasicDataset<T>& data, const OptimizerOptions& optimizer);

/// A model on a labelled table. Raises what apply_preprocessing() and check_target_domain() raise.
Diagnosis diagnose(const Model& model, const Table& table, const OptimizerOptions& optimizer,
                   const ApplyOptions& options = {});

/// gradient_rms of each layer, without the penalty.
template <class T>
std::vector<double> gradient_sizes(const BasicMlp<T>& net, const LossFunction& function,
                                   const std::type_identity_t<BasicDataset<T>>& data);

/// The changes that could help and their gradients: ReLU for another hidden activation, cross-entropy for squared error
/// where the outputs are σ or softmax, weights rescaled to the size of first weights.
template <class T>
std::vector<WhatIf> what_if(const BasicMlp<T>& net, const LossFunction& function,
                            const std::type_identity_t<BasicDataset<T>>& data);

}  // namespace handgrad::diagnose
