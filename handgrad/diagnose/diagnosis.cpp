// Measures the chain, judges it, takes one step of the optimizer, and says the outcome in words.
#include "handgrad/diagnose/diagnosis.hpp"

#include <algorithm>
#include <cmath>
#include <span>
#include <utility>
#include <variant>

#include "handgrad/diagnose/gradient_chain.hpp"
#include "handgrad/diagnose/row_blocks.hpp"
#include "handgrad/diagnose/starvation.hpp"
#include "handgrad/math/output_loss.hpp"
#include "handgrad/train/prediction.hpp"

namespace handgrad::diagnose {
namespace {

/// log₁₀ of a gain; NaN where nothing arrives.
double log_gain(double after, double before) { return before == 0.0 ? NAN : std::log10(after) - std::log10(before); }

GradientSplit split_of(const GradientChain& chain, std::size_t l) {
    const ChainLayer &output = chain.layers.back(), &layer = chain.layers[l];
    GradientSplit split{.gradient = std::log10(layer.gradient),
                        .error = std::log10(output.delta),
                        .output = 0.0,
                        .weights = 0.0,
                        .slopes = 0.0,
                        .input = std::log10(layer.input),
                        .alignment = 0.0};
    if (chain.residual_loss) {
        split.error = std::log10(output.dactivation);
        split.output = log_gain(output.delta, output.dactivation);
    }
    for (std::size_t m = chain.layers.size() - 1; m > l; --m) {
        split.weights += log_gain(chain.layers[m - 1].dactivation, chain.layers[m].delta);
        split.slopes += log_gain(chain.layers[m - 1].delta, chain.layers[m - 1].dactivation);
    }
    split.alignment = split.gradient - (split.error + split.output + split.weights + split.slopes + split.input);
    return split;
}

/// What one step of the optimizer does to each layer.
struct Step {
    double ratio;
    double unchanged;
};

/// The step Δ is taken in double from w = 0, where no decay acts and nothing is rounded away.
template <class T>
std::vector<Step> first_step(const BasicMlp<T>& net, const BasicMlp<T>& gradient, const OptimizerOptions& optimizer) {
    BasicMlp<double> change = BasicMlp<double>::zeros(net.architecture());
    Optimizer<double>(change, optimizer).update(change, convert<double>(gradient));
    std::vector<Step> steps;
    for (std::size_t l = 0; l < net.layers(); ++l) {
        const std::size_t count = net.weight(l).rows() * net.weight(l).columns();
        const std::span<const T> w(net.weight(l).data(), count);
        const std::span<const double> moves(change.weight(l).data(), count);
        std::size_t unchanged = 0;
        for (std::size_t i = 0; i < count; ++i) {
            if (static_cast<T>(static_cast<double>(w[i]) + moves[i]) == w[i]) {
                ++unchanged;
            }
        }
        steps.push_back({static_cast<double>(std::sqrt(squares(moves) / squares(w))),
                         static_cast<double>(unchanged) / static_cast<double>(count)});
    }
    return steps;
}

std::string optimizer_text(const OptimizerOptions& options) {
    const auto* facts = std::ranges::find(optimizer_list, options.kind, &OptimizerFacts::kind);
    return std::string(facts->name) + " with learning rate " + format_number(options.learning_rate);
}

std::string layers_text(const std::vector<LayerDiagnosis>& layers, Factor factor) {
    std::vector<std::string> names;
    for (const LayerDiagnosis& layer : layers) {
        if (layer.starved && layer.factor == factor) {
            names.push_back(layer.name);
        }
    }
    if (names.size() == 1) {
        return names.front() + " starves";
    }
    return names.front() + " to " + names.back() + " starve";
}

/// What to say, and the settings that it advises.
struct Advice {
    std::string text;
    std::vector<SettingHint> settings = {};
};

Advice about_output(Activation output) {
    const auto cross_entropy = [](Loss loss) -> Advice {
        const std::string kind(name(loss));
        return {
            "the outputs are saturated under this loss; try the loss " + kind + ", under which that factor cancels.",
            {{"loss", kind}}};
    };
    if (output == Activation::softmax) {
        return cross_entropy(Loss::cross_entropy);
    }
    if (output == Activation::sigmoid) {
        return cross_entropy(Loss::binary_cross_entropy);
    }
    return {
        "the outputs are saturated under this loss; try identity outputs, or smaller first weights in the last layer.",
        {{"output_activation", "identity"}}};
}

/// The cause and the remedy of each factor.
Advice advice(Factor factor, const Architecture& shape) {
    switch (factor) {
        case Factor::none:
            return {"Nothing is wrong with the gradients: every layer gets its share, so go on training."};
        case Factor::output_saturation:
            return about_output(shape.output);
        case Factor::hidden_saturation:
            return {"hidden units are saturated; try relu units, or smaller weights and standard scaling.",
                    {{"hidden_activation", "relu"}, {"scale", "standard"}}};
        case Factor::attenuation:
            return {
                "each activation passes on less than it gets, and over the layers that compounds, though hardly a "
                "unit is saturated; try relu units, or fewer layers.",
                {{"hidden_activation", "relu"}}};
        case Factor::dead_units:
            return {
                "units answer 0 to every row and pass no gradient on; try a smaller learning rate, other first "
                "weights, or leaky_relu units.",
                {{"hidden_activation", "leaky_relu"}}};
        case Factor::small_weights:
            return {
                "the weights on the way are too small to let the error through; try larger first weights, such as "
                "those of he for relu.",
                {{"init", "he"}}};
        case Factor::dead_inputs:
            return {"what enters the network is almost 0 in every row; check the columns, or try standard scaling.",
                    {{"scale", "standard"}}};
    }
    __builtin_unreachable();
}

void say_what_to_try(Diagnosis& diagnosis, const Architecture& shape) {
    if (diagnosis.factor != Factor::none) {
        diagnosis.text = layers_text(diagnosis.layers, diagnosis.factor) + ": ";
    }
    const Advice found = advice(diagnosis.factor, shape);
    diagnosis.text += found.text;
    diagnosis.try_settings = found.settings;
    if (diagnosis.output_cancels) {
        diagnosis.text +=
            " The output factor " + std::string(name(shape.output)) + "' cancels against this loss and starves nobody.";
    }
}

}  // namespace

std::string_view name(Factor factor) {
    static constexpr std::array<std::string_view, all_factors.size()> names{
        "none", "output_saturation", "hidden_saturation", "attenuation", "dead_units", "small_weights", "dead_inputs"};
    return names[static_cast<std::size_t>(factor)];
}

template <class T>
Diagnosis diagnose(const BasicMlp<T>& net, const LossFunction& function,
                   const std::type_identity_t<BasicDataset<T>>& data, const OptimizerOptions& optimizer) {
    BasicMlp<T> gradient = BasicMlp<T>::zeros_like(net);
    const GradientChain chain = measure_chain(net, function, data, gradient);
    const std::vector<Verdict> verdicts = judge(chain);
    const std::vector<Step> steps = first_step(net, gradient, optimizer);

    Diagnosis diagnosis{.rows = data.rows()};
    for (std::size_t l = 0; l < net.layers(); ++l) {
        const ChainLayer& layer = chain.layers[l];
        diagnosis.layers.push_back({.name = layer_name(l),
                                    .gradient_rms = layer.gradient / std::sqrt(static_cast<double>(layer.weights)),
                                    .update_ratio = steps[l].ratio,
                                    .unchanged = steps[l].unchanged,
                                    .saturated = layer.saturated,
                                    .dead = layer.dead,
                                    .reach = verdicts[l].reach,
                                    .starved = verdicts[l].starved,
                                    .factor = verdicts[l].factor,
                                    .split = split_of(chain, l)});
    }
    const auto first = std::ranges::find(diagnosis.layers, true, &LayerDiagnosis::starved);
    diagnosis.factor = first == diagnosis.layers.end() ? Factor::none : first->factor;
    diagnosis.output_cancels = math::OutputLoss{.kind = function.kind, .output = net.architecture().output}.fused();
    diagnosis.what_if = what_if(net, function, data);
    diagnosis.optimizer = optimizer_text(optimizer);
    say_what_to_try(diagnosis, net.architecture());
    return diagnosis;
}

Diagnosis diagnose(const Model& model, const Table& table, const OptimizerOptions& optimizer,
                   const ApplyOptions& options) {
    check_target_domain(model.preprocessing, table, all_rows(table.rows), model.loss.kind);
    return std::visit(
        [&]<class T>(const BasicMlp<T>& net) {
            return diagnose(net, model.loss,
                            apply_preprocessing<T>(model.preprocessing, table, all_rows(table.rows), options),
                            optimizer);
        },
        model.net);
}

template Diagnosis diagnose(const BasicMlp<float>&, const LossFunction&, const BasicDataset<float>&,
                            const OptimizerOptions&);
template Diagnosis diagnose(const BasicMlp<double>&, const LossFunction&, const BasicDataset<double>&,
                            const OptimizerOptions&);

}  // namespace handgrad::diagnose
