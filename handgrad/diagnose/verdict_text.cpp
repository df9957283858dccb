// Sentences, and the settings that they advise, each setting once.
#include "handgrad/diagnose/verdict_text.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include "handgrad/base/wording.hpp"
#include "handgrad/diagnose/words.hpp"

namespace handgrad::diagnose {
namespace {

/// A share of dead units that is worth a word though the layer does not starve of it.
constexpr double noticeable = 0.25;

/// `linear1`, `linear1 and linear3`, `linear1 to linear4`, `linear1 to linear3 and linear5`.
struct LayerList {
    std::vector<std::string> runs;
    std::size_t count = 0;

    LayerList(const std::vector<LayerDiagnosis>& layers, Factor factor) {
        for (std::size_t l = 0; l < layers.size(); ++l) {
            if (layers[l].factor != factor) {
                continue;
            }
            std::size_t last = l;
            while (last + 1 < layers.size() && layers[last + 1].factor == factor) {
                ++last;
            }
            runs.push_back(layers[l].name);
            if (last > l + 1) {
                runs.back() += " to " + layers[last].name;
            } else if (last == l + 1) {
                runs.push_back(layers[last].name);
            }
            count += last - l + 1;
            l = last;
        }
    }
    [[nodiscard]] std::string text() const { return listed(runs, "and"); }
};

/// What stands before the cause.
std::string subject(Factor factor, const std::vector<LayerDiagnosis>& layers) {
    const LayerList list(layers, factor);
    switch (factor) {
        case Factor::exploding:
            return "the gradient explodes in " + list.text() + ": ";
        case Factor::large_steps:
            return "steps are too large in " + list.text() + ": ";
        case Factor::unscaled_inputs:
            return list.text() + when(list.count == 1, " suffers") + when(list.count != 1, " suffer") +
                   " from inputs that are not scaled: ";
        default:
            return list.text() + when(list.count == 1, " starves: ") + when(list.count != 1, " starve: ");
    }
}

class Speaker {
public:
    Speaker(Diagnosis& diagnosis, const Situation& situation) : d_(diagnosis), s_(situation) {}

    void sentence(std::string text) { add_item(d_.text, " ", text); }
    void advice(const std::string& before, const Advice& advice) {
        sentence(before + advice.text);
        for (const SettingHint& hint : advice.settings) {
            if (std::ranges::find(d_.try_settings, hint.name, &SettingHint::name) == d_.try_settings.end()) {
                d_.try_settings.push_back(hint);
            }
        }
    }

    /// Each factor once, that of the whole network first, then from the lowest layer up.
    void factors(const std::string& divergence) {
        std::vector<Factor> said{Factor::none};
        if (d_.factor == Factor::diverged) {
            said.push_back(d_.factor);
            advice(divergence, advise(d_.factor, s_));
        }
        for (const LayerDiagnosis& layer : d_.layers) {
            if (std::ranges::find(said, layer.factor) == said.end()) {
                said.push_back(layer.factor);
                advice(subject(layer.factor, d_.layers), advise(layer.factor, s_));
            }
        }
    }

    void in_order() {
        sentence("No layer starves, explodes or takes too large a step: looked at were, on " + plural(d_.rows, "row") +
                 ", each layer's gradient, slopes, dead units and step over weight, and the size of the inputs, but "
                 "not whether the network fits well or overfits.");
        for (const LayerDiagnosis& layer : d_.layers) {
            if (layer.dead >= noticeable) {
                sentence(percent(layer.dead) + " of the units of " + layer.name + " are dead here.");
            }
        }
    }
    void fit_on_these_rows() {
        if (d_.unexplained >= 1.0 && d_.course.course != Course::untrained) {
            sentence("On these rows it is further off than always the mean of the targets would be, by " +
                     short_number(d_.unexplained) + " to 1 in squares.");
        }
    }
    void training() {
        const bool told = d_.course.course != Course::diverged;  // that is said with the factor
        if (told) {
            sentence(d_.course.text);
        }
        const bool sound = d_.factor == Factor::none || d_.course.course == Course::overfitting;
        const Advice found = advise(d_.course.course, s_);
        if (sound && !found.text.empty()) {
            advice("", found);
        }
    }

private:
    Diagnosis& d_;
    const Situation& s_;
};

}  // namespace

void say(Diagnosis& diagnosis, const Situation& situation, const std::string& divergence) {
    diagnosis.text.clear();
    diagnosis.try_settings.clear();
    Speaker speaker(diagnosis, situation);
    if (diagnosis.factor == Factor::none) {
        speaker.in_order();
    } else {
        speaker.factors(divergence);
    }
    speaker.fit_on_these_rows();
    speaker.training();
    if (diagnosis.output_cancels) {
        speaker.sentence("The output factor " + std::string(name(situation.shape.output)) +
                         "' cancels against this loss and starves nobody.");
    }
}

}  // namespace handgrad::diagnose
