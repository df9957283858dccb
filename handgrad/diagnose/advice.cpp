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

/// Half of a layer's values or units flat makes the layer one to change; half of the targets' spread unexplained makes
/// what is far from usual worth a change.
constexpr double half = 0.5;
/// A step that a smaller learning rate should at most make, as part of the weights.
constexpr double wanted_step = 0.05;
/// A part of what an optimizer is usually run with, or a multiple, that is far from it.
constexpr double far = 10.0;
/// Weights of so many times the size of first weights, or such a part of it, are out of line.
constexpr double out_of_line = 10.0;
/// Epochs without a lower validation loss that are worth waiting for.
constexpr const char* usual_patience = "20";

/// What the optimizer is usually run with.
double usual_rate(OptimizerKind kind) {
    constexpr double of_sgd = 1e-2;
    if (kind == OptimizerKind::sgd) {
        return of_sgd;
    }
    return OptimizerOptions{}.learning_rate;
}
double usual_decay(OptimizerKind kind) {
    constexpr double of_penalty = 1e-3;
    const auto* facts = std::ranges::find(optimizer_list, kind, &OptimizerFacts::kind);
    return std::max(facts->usual_weight_decay, of_penalty);
}

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
            double rate = s_.steps.learning_rate / std::pow(10.0, tens);
            // Weights that are blown up say nothing of the steps that suit others.
            const double usual = usual_rate(s_.steps.kind);
            if (rate > far * usual || (s_.steps.learning_rate > usual && blown_up())) {
                rate = usual;
            }
            add("a smaller learning rate", {{"learning_rate", short_number(rate)}});
        }
    }
    /// Where steps may have led there: they are large, or the rate is.
    void smaller_rate_if_large() {
        if (s_.steps.learning_rate >= far * usual_rate(s_.steps.kind) || !(s_.largest_step < wanted_step)) {
            smaller_rate();
        }
    }
    void larger_rate() {
        if (s_.trained) {
            double rate = 10.0 * s_.steps.learning_rate;
            if (rate * far < usual_rate(s_.steps.kind)) {
                rate = usual_rate(s_.steps.kind);
            }
            add("a larger learning rate", {{"learning_rate", short_number(rate)}});
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
            double decay = s_.steps.weight_decay / 10.0;
            if (decay > far * usual_decay(s_.steps.kind)) {
                decay = usual_decay(s_.steps.kind);
            }
            add("less weight decay", {{"weight_decay", short_number(decay)}});
        }
    }
    void less_decay_if_large() {
        if (s_.steps.weight_decay > usual_decay(s_.steps.kind)) {
            less_decay();
        }
    }
    /// Where nothing bends on the way from the inputs to the outputs.
    void hidden_units() {
        if (s_.shape.layers() == 1) {
            add("a hidden layer", {{"hidden", "32"}});
        } else if (all_linear()) {
            other_hidden(Activation::relu, [](std::size_t /*layer*/) { return true; });
        }
    }
    void more_decay() {
        if (s_.trained && s_.steps.weight_decay <= far * usual_decay(s_.steps.kind)) {
            constexpr double first_try = 1e-3;
            const double decay = std::max(first_try, 10.0 * s_.steps.weight_decay);
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
    [[nodiscard]] bool blown_up() const {
        return std::ranges::any_of(s_.weight_sizes, [](double size) { return size >= out_of_line; });
    }
    [[nodiscard]] bool all_linear() const {
        for (std::size_t l = 0; l + 1 < s_.shape.layers(); ++l) {
            if (s_.shape.activation(l) != Activation::identity) {
                return false;
            }
        }
        return true;
    }

    const Situation& s_;
    std::vector<Remedy> remedies_;
};

/// The layers whose weights are picked by their size beside that of first weights.
struct OutOfLine {
    std::string layers;  ///< `linear1`, `linear1 and linear2`; empty for none
    std::string sizes;  ///< `of linear1 have 71 times the size of first weights`, of several from the least to the most

    OutOfLine(const Situation& s, const std::function<bool(double)>& wrong) {
        std::vector<std::string> names;
        std::vector<double> times;
        for (std::size_t l = 0; l < s.weight_sizes.size(); ++l) {
            if (wrong(s.weight_sizes[l])) {
                names.push_back(layer_name(l));
                times.push_back(s.weight_sizes[l]);
            }
        }
        if (names.empty()) {
            return;
        }
        layers = listed(names, "and");
        const auto [least, most] = std::ranges::minmax(times);
        std::string range = short_number(least);
        if (most > least) {
            range += " to " + short_number(most);
        }
        sizes = "of " + layers + " have " + range + " times the size of first weights";
        if (most == 0.0) {
            sizes = "of " + layers + " are 0";
        }
    }
};
OutOfLine too_large(const Situation& s) {
    return {s, [](double size) { return size >= out_of_line; }};
}
OutOfLine too_small(const Situation& s) {
    return {s, [](double size) { return size <= 1.0 / out_of_line; }};
}

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
    remedies.smaller_rate_if_large();
    if (!s.trained) {
        remedies.add("smaller weights and biases in the last layer");
    }
    const ActivationFacts& range = facts(output);
    if (s.lowest_target < range.lowest || s.highest_target > range.highest) {
        return remedies.behind("the targets reach from " + short_number(s.lowest_target) + " to " +
                               short_number(s.highest_target) + ", but " + std::string(name(output)) +
                               " outputs only from " + short_number(range.lowest) + " to " +
                               short_number(range.highest) + ", so that they stand at the end of their range");
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
    remedies.smaller_rate_if_large();
    remedies.smaller_first_weights();
    remedies.more_decay();
    const OutOfLine large = too_large(s);
    if (!large.layers.empty()) {
        remedies.add("smaller weights in " + large.layers);
        return remedies.behind("hidden units are saturated, and the weights " + large.sizes);
    }
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
    const std::string cause = "units stand on their flat side in every row and pass next to no gradient on";
    remedies.first_weights_that_differ();
    if (!remedies.empty()) {  // nothing else makes them differ
        return remedies.behind(cause);
    }
    remedies.smaller_rate_if_large();
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
    return remedies.behind(cause);
}

Advice about_small_weights(const Situation& s) {
    Remedies remedies(s);
    remedies.larger_first_weights();
    remedies.less_decay();
    const OutOfLine small = too_small(s);
    if (remedies.empty()) {
        remedies.add("weights drawn anew" + when(!small.layers.empty(), " in " + small.layers) +
                     ", or rescaled to the size of first weights");
    }
    if (small.layers.empty()) {
        return remedies.behind("the weights on the way are too small to let the error through");
    }
    return remedies.behind("the weights on the way are too small to let the error through: those " + small.sizes);
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
    remedies.smaller_rate_if_large();
    remedies.smaller_first_weights();
    remedies.more_decay();
    const OutOfLine large = too_large(s);
    if (!large.layers.empty()) {
        remedies.add("smaller weights in " + large.layers);
        return remedies.behind("the weights " + large.sizes + ", so that the gradient grows beyond measure");
    }
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
    return remedies.behind(s.step_size + ", which throws away what they have learned");
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

Advice about_overflow(const Situation& s) {
    Remedies remedies(s);
    remedies.other_hidden(Activation::relu, [&](std::size_t l) { return s.shape.activation(l) == Activation::exp; });
    if (s.inputs == InputSize::large) {
        remedies.standard_scaling();
    }
    const OutOfLine large = too_large(s);
    const bool weights_are_numbers =
        std::ranges::all_of(s.weight_sizes, [](double size) { return std::isfinite(size); });
    if (!weights_are_numbers) {
        return remedies.behind(s.divergence);
    }
    if (large.layers.empty()) {
        remedies.add("smaller weights");
        return remedies.behind(s.divergence);
    }
    remedies.add("smaller weights in " + large.layers);
    return remedies.behind(s.divergence + "; the weights " + large.sizes);
}

Advice about_identical_units(const Situation& s) {
    Remedies remedies(s);
    std::vector<std::string> layers;
    for (std::size_t l = 0; l < s.identical.size(); ++l) {
        if (s.identical[l] > 0.0) {
            const double units = static_cast<double>(s.shape.sizes[l + 1]);
            layers.push_back(short_number(std::round(s.identical[l] * units)) + " of the " + short_number(units) +
                             " units of " + layer_name(l));
        }
    }
    remedies.first_weights_that_differ();
    if (remedies.empty()) {
        remedies.add("weights drawn at random");
    }
    return remedies.behind(listed(layers, "and") +
                           " have a copy with the same weights in and out; copies get the same gradient, so that no "
                           "training makes them differ, and count as one");
}

Advice about_nothing_learned(const Situation& s) {
    Remedies remedies(s);
    remedies.less_decay_if_large();
    remedies.scaled_target();
    remedies.smaller_rate_if_large();
    if (s.largest_step < small_step && !s.target_unscaled) {
        remedies.larger_rate();
    }
    remedies.first_weights_that_differ();
    remedies.hidden_units();
    if (remedies.empty()) {
        remedies.add(
            "other hidden units or learning rates, and if these do not help, columns that tell more about the "
            "target");
    }
    return remedies.behind(s.worth);
}

}  // namespace

bool decays_far_more_than_usual(const OptimizerOptions& options) {
    return options.weight_decay >= far * usual_decay(options.kind);
}

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
        case Factor::overflow:
            return about_overflow(situation);
        case Factor::identical_units:
            return about_identical_units(situation);
        case Factor::learned_nothing:
            return about_nothing_learned(situation);
    }
    __builtin_unreachable();
}

Advice advise(Course course, const Situation& situation) {
    Remedies remedies(situation);
    const bool learned_nothing = situation.unexplained >= stuck_error && situation.largest_step < small_step;
    const bool goes_on = course == Course::falling || course == Course::unclear || course == Course::flat;
    if (learned_nothing && goes_on) {
        remedies.larger_rate();
    }
    if (goes_on && situation.unexplained >= half && decays_far_more_than_usual(situation.steps)) {
        remedies.less_decay();
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
