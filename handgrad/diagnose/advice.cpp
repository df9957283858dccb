// For each factor the remedies in the order of their worth, each with the condition under which it is one.
#include "handgrad/diagnose/advice.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <utility>

#include "handgrad/base/wording.hpp"
#include "handgrad/diagnose/excess.hpp"
#include "handgrad/diagnose/starvation.hpp"
#include "handgrad/diagnose/words.hpp"
#include "handgrad/store/convention_names.hpp"

namespace handgrad::diagnose {
namespace {

/// Half of a layer's values or units flat makes the layer one to change.
constexpr double half = 0.5;
/// A step that a smaller learning rate should at most make, as part of the weights.
constexpr double wanted_step = 0.05;
/// Epochs without a lower validation loss that are worth waiting for.
constexpr const char* usual_patience = "20";

class Remedies {
public:
    explicit Remedies(const Situation& situation) : s_(situation) {}

    void add(std::string phrase, std::vector<SettingHint> settings = {}) {
        remedies_.push_back({std::move(phrase), std::move(settings)});
    }

    /// Another activation in those hidden layers that `wrong` picks, as far as it is another.
    void other_hidden(Activation wanted, const std::function<bool(std::size_t)>& wrong) {
        std::vector<std::string> names, changed;
        for (std::size_t l = 0; l + 1 < s_.shape.layers(); ++l) {
            Activation activation = s_.shape.activation(l);
            if (wrong(l) && activation != wanted) {
                activation = wanted;
                changed.push_back(layer_name(l));
            }
            names.emplace_back(name(activation));
        }
        if (changed.empty()) {
            return;
        }
        const std::string where = when(changed.size() < names.size(), " in " + listed(changed, "and"));
        if (std::ranges::adjacent_find(names, std::not_equal_to{}) == names.end()) {
            names.resize(1);
        }
        std::string list;
        for (const std::string& one : names) {
            add_item(list, ",", one);
        }
        add(std::string(name(wanted)) + " units" + where, {{"hidden_activation", list}});
    }
    /// Outputs and their loss, where the output is another one.
    void head(Activation output, Loss loss) {
        if (s_.shape.output == output) {
            return;
        }
        const std::string kind(name(loss));
        std::vector<SettingHint> settings{{"output_activation", std::string(name(output))}};
        if (s_.loss.kind != loss) {
            settings.push_back({"loss", kind});
        }
        add(std::string(name(output)) + " outputs with the loss " + kind, settings);
    }
    void standard_scaling() {
        if (!s_.scale || *s_.scale == Scale::none) {
            add("standard scaling of the columns", {{"scale", "standard"}});
        }
    }
    void smaller_rate(bool whatever_trained_it = false) {
        if (s_.trained || whatever_trained_it) {
            constexpr double most_tens = 8.0;
            double tens = 1.0;  // also where the step is no number
            if (s_.largest_step > wanted_step) {
                tens = std::clamp(std::ceil(std::log10(s_.largest_step / wanted_step)), tens, most_tens);
            }
            const double rate = s_.steps.learning_rate / std::pow(10.0, tens);
            add("a smaller learning rate", {{"learning_rate", short_number(rate)}});
        }
    }
    void larger_rate() {
        if (s_.trained) {
            add("a larger learning rate", {{"learning_rate", short_number(10.0 * s_.steps.learning_rate)}});
        }
    }
    void scaled_target() {
        if (s_.target_unscaled) {
            add("a standardised target", {{"scale_target", "true"}});
        }
    }
    void larger_first_weights() {
        using enum FirstWeights;
        const FirstWeights now = s_.shape.conventions.first_weights;
        if (relu_family()) {
            if (now != he && now != by_activation) {
                add("larger first weights, those of he", {{"init", "he"}});
            }
        } else if (now == zeros || now == pytorch_linear || now == sklearn_glorot) {
            add("larger first weights, those of xavier", {{"init", "xavier"}});
        }
    }
    void smaller_first_weights() {
        if (s_.shape.conventions.first_weights == FirstWeights::he && !relu_family()) {
            add("smaller first weights, those of xavier", {{"init", "xavier"}});
        }
    }
    void first_weights_that_differ() {
        if (s_.shape.conventions.first_weights == FirstWeights::zeros) {
            add("first weights that are not 0", {{"init", relu_family() ? "he" : "xavier"}});
        }
    }
    void fewer_layers() {
        if (s_.shape.layers() > 2) {
            add("fewer hidden layers");
        }
    }
    void less_decay() {
        if (s_.trained && s_.steps.weight_decay > 0.0) {
            add("less weight decay", {{"weight_decay", short_number(s_.steps.weight_decay / 10.0)}});
        }
    }
    void more_decay() {
        if (s_.trained) {
            constexpr double usual_decay = 1e-3;
            const double decay = std::max(usual_decay, 10.0 * s_.steps.weight_decay);
            add(when(s_.steps.weight_decay > 0.0, "more ") + "weight decay", {{"weight_decay", short_number(decay)}});
        }
    }

    /// All that was added, behind its cause.
    [[nodiscard]] Advice behind(std::string cause) const { return {std::move(cause), remedies_}; }
    [[nodiscard]] bool empty() const { return remedies_.empty(); }
    [[nodiscard]] bool relu_family() const {
        return s_.shape.layers() > 1 && facts(s_.shape.activation(0)).relu_family;
    }

private:
    const Situation& s_;
    std::vector<Remedy> remedies_;
};

bool bounded(Activation activation) {
    return std::isfinite(facts(activation).lowest) && std::isfinite(facts(activation).highest);
}

Advice about_output(const Situation& s) {
    Remedies remedies(s);
    const bool shares = s.lowest_target >= 0.0 && s.highest_target <= 1.0;
    const auto cancelling = [&](Loss loss) {
        if (s.loss.kind != loss) {
            const std::string kind(name(loss));
            remedies.add("the loss " + kind + " (under which that factor cancels)", {{"loss", kind}});
        }
    };
    const Activation output = s.shape.output;
    if (output == Activation::sigmoid && shares) {
        cancelling(Loss::binary_cross_entropy);
    } else if (output == Activation::softmax && shares) {
        cancelling(Loss::cross_entropy);
    } else if (output == Activation::exp && s.lowest_target >= 0.0) {
        cancelling(Loss::poisson);
    } else if (s.classes == 2) {
        remedies.head(Activation::sigmoid, Loss::binary_cross_entropy);
    } else if (s.classes > 0) {
        remedies.head(Activation::softmax, Loss::cross_entropy);
    } else if (output != Activation::identity && facts(s.loss.kind).residual) {  // others are not defined there
        remedies.add("identity outputs", {{"output_activation", "identity"}});
    }
    remedies.smaller_rate();
    if (!s.trained) {
        remedies.add("smaller weights and biases in the last layer");
    }
    if (output == Activation::relu) {
        return remedies.behind("the outputs are 0 whatever enters, and pass no gradient on");
    }
    return remedies.behind("the outputs are saturated under this loss");
}

Advice about_saturation(const Situation& s) {
    Remedies remedies(s);
    remedies.other_hidden(Activation::relu, [&](std::size_t l) {
        return bounded(s.shape.activation(l)) && (l >= s.saturated.size() || s.saturated[l] >= half);
    });
    remedies.smaller_rate();
    remedies.smaller_first_weights();
    remedies.more_decay();
    if (!s.trained) {
        remedies.add("smaller weights and biases in the layers that are saturated");
    }
    return remedies.behind("hidden units are saturated");
}

Advice about_attenuation(const Situation& s) {
    Remedies remedies(s);
    remedies.other_hidden(Activation::relu, [&](std::size_t l) {
        const Activation activation = s.shape.activation(l);
        return !facts(activation).relu_family || activation == Activation::softplus;
    });
    if (remedies.relu_family()) {
        remedies.larger_first_weights();
    }
    remedies.fewer_layers();
    return remedies.behind(
        "each activation passes on less than it gets, and over the layers that compounds, though hardly a unit is "
        "saturated");
}

Advice about_dead_units(const Situation& s) {
    Remedies remedies(s);
    bool leaky = false;
    remedies.smaller_rate();
    remedies.first_weights_that_differ();
    remedies.other_hidden(Activation::leaky_relu, [&](std::size_t l) {
        const bool guilty = !bounded(s.shape.activation(l)) && (l >= s.dead.size() || s.dead[l] >= half);
        leaky = leaky || (guilty && s.shape.activation(l) == Activation::leaky_relu);
        return guilty && s.shape.activation(l) != Activation::identity;
    });
    if (leaky && std::abs(s.shape.leaky_slope) < 0.1) {
        remedies.add("a steeper slope below 0", {{"leaky_slope", "0.1"}});
    }
    if (!s.trained) {
        remedies.add("larger biases in the layers where units are dead");
    }
    return remedies.behind("units stand on their flat side in every row and pass next to no gradient on");
}

Advice about_small_weights(const Situation& s) {
    Remedies remedies(s);
    remedies.larger_first_weights();
    remedies.less_decay();
    if (remedies.empty()) {
        remedies.add("weights drawn anew, or rescaled to the size of first weights");
    }
    return remedies.behind("the weights on the way are too small to let the error through");
}

Advice about_dead_inputs(const Situation& s) {
    Remedies remedies(s);
    remedies.standard_scaling();
    return remedies.behind(
        "what enters the network is almost 0 in every row; look whether the columns are constant or empty here");
}

Advice about_explosion(const Situation& s) {
    Remedies remedies(s);
    remedies.other_hidden(Activation::relu, [&](std::size_t l) { return s.shape.activation(l) == Activation::exp; });
    remedies.smaller_rate();
    remedies.smaller_first_weights();
    remedies.more_decay();
    remedies.fewer_layers();
    if (remedies.empty() || !s.trained) {
        remedies.add("smaller weights, as in the row of rescaled weights");
    }
    return remedies.behind("each layer passes on more than it gets, so that the gradient grows beyond measure");
}

Advice about_inputs(const Situation& s) {
    Remedies remedies(s);
    if (s.inputs == InputSize::small && s.scale == Scale::minmax) {  // one far value, all others near the other end
        remedies.add("standard scaling of the columns", {{"scale", "standard"}});
    }
    remedies.standard_scaling();
    std::string cause = s.input_sizes;
    if (s.inputs == InputSize::small) {
        cause += ", and the gradient of the first layer, which grows with them, is small too";
    } else {
        cause += ", so that a step which suits the other weights is far too large for theirs";
    }
    if (remedies.empty()) {
        cause += "; the model scales its columns, so compare the units of this table with those that it learned from";
    }
    return remedies.behind(cause);
}

Advice about_steps(const Situation& s) {
    Remedies remedies(s);
    remedies.smaller_rate(true);
    remedies.scaled_target();
    return remedies.behind("one step changes the weights by " + part_or_multiple(s.largest_step) +
                           " their size, which throws away what they have learned");
}

Advice about_divergence(const Situation& s) {
    Remedies remedies(s);
    remedies.smaller_rate(true);
    if (s.inputs != InputSize::usual) {
        remedies.standard_scaling();
    }
    remedies.scaled_target();
    return remedies.behind(s.divergence);
}

}  // namespace

Advice advise(Factor factor, const Situation& situation) {
    switch (factor) {
        case Factor::none:
            return {};
        case Factor::output_saturation:
            return about_output(situation);
        case Factor::hidden_saturation:
            return about_saturation(situation);
        case Factor::attenuation:
            return about_attenuation(situation);
        case Factor::dead_units:
            return about_dead_units(situation);
        case Factor::small_weights:
            return about_small_weights(situation);
        case Factor::dead_inputs:
            return about_dead_inputs(situation);
        case Factor::exploding:
            return about_explosion(situation);
        case Factor::unscaled_inputs:
            return about_inputs(situation);
        case Factor::large_steps:
            return about_steps(situation);
        case Factor::diverged:
            return about_divergence(situation);
    }
    __builtin_unreachable();
}

Advice advise(Course course, const Situation& situation) {
    Remedies remedies(situation);
    const bool learned_nothing = situation.unexplained >= stuck_error && situation.largest_step < small_step;
    if (learned_nothing && (course == Course::falling || course == Course::unclear || course == Course::flat)) {
        remedies.larger_rate();
    }
    if (course == Course::falling && situation.epochs > 0) {
        remedies.add("more epochs", {{"epochs", std::to_string(2 * situation.epochs)}});
    } else if (course == Course::overfitting) {
        if (situation.early_stopping == 0) {
            std::vector<SettingHint> settings{{"early_stopping", usual_patience}};
            if (!situation.held_out_rows) {
                settings.insert(settings.begin(), {"validation", "0.2"});
            }
            remedies.add("early stopping", settings);
        }
        remedies.more_decay();
        remedies.add("fewer hidden units");
        remedies.add("more rows");
    }
    return remedies.behind("");
}

}  // namespace handgrad::diagnose
