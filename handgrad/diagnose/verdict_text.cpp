// Sentences, and the settings that they advise, each setting once.
#include "handgrad/diagnose/verdict_text.hpp"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "handgrad/base/wording.hpp"
#include "handgrad/diagnose/starvation.hpp"
#include "handgrad/diagnose/words.hpp"

namespace handgrad::diagnose {
namespace {

/// A share of dead units that is worth a word though the layer does not starve of it.
constexpr double noticeable = 0.25;
/// An error by that of always answering the mean that is worth a word.
constexpr double worse_than_mean = 1.1;

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
            return "The gradient explodes in " + list.text() + ": ";
        case Factor::large_steps:
            return "Steps are too large in " + list.text() + ": ";
        case Factor::unscaled_inputs:
            return "Inputs that are not scaled trouble " + list.text() + ": ";
        case Factor::diverged:  // these name their layers, or are of the whole network
        case Factor::overflow:
        case Factor::identical_units:
        case Factor::learned_nothing:
            return "";
        default:
            return list.text() + when(list.count == 1, " starves: ") + when(list.count != 1, " starve: ");
    }
}

class Speaker {
public:
    Speaker(Diagnosis& diagnosis, const Situation& situation) : d_(diagnosis), s_(situation) {}

    void sentence(const std::string& text) {
        if (!text.empty()) {
            add_item(d_.text, " ", text);
        }
    }
    /// The cause and the remedies, but those that were named before.
    void advice(const std::string& before, const Advice& advice) {
        std::vector<std::string> phrases;
        for (const Remedy& remedy : advice.remedies) {
            const bool known = !remedy.settings.empty() && std::ranges::all_of(remedy.settings, [&](const auto& hint) {
                return advised(hint.name);
            });
            if (known) {
                continue;
            }
            phrases.push_back(remedy.phrase);
            for (const SettingHint& hint : remedy.settings) {
                if (!advised(hint.name)) {
                    d_.try_settings.push_back(hint);
                }
            }
        }
        std::string text = before + advice.cause;
        if (!phrases.empty()) {
            text += when(text.empty(), "Try ") + when(!text.empty(), "; try ") + listed(phrases, "or");
        }
        if (!text.empty()) {
            sentence(text + ".");
        }
    }

    /// Each factor once, that of the whole network first, then from the lowest layer up.
    void factors() {
        std::vector<Factor> said{Factor::none};
        const auto say_once = [&](Factor factor) {
            if (std::ranges::find(said, factor) == said.end()) {
                said.push_back(factor);
                advice(subject(factor, d_.layers), advise(factor, s_));
            }
        };
        const bool of_network =
            d_.factor == Factor::diverged || d_.factor == Factor::overflow || d_.factor == Factor::learned_nothing;
        if (of_network) {
            say_once(d_.factor);
        } else if (!s_.worth.empty()) {
            sentence(s_.worth + ".");
        }
        for (const LayerDiagnosis& layer : d_.layers) {
            say_once(layer.factor);
        }
        starved_by_excess();
    }
    /// What is too much can starve a layer, too: the units behind it are saturated or dead.
    void starved_by_excess() {
        std::vector<std::string> names;
        for (const LayerDiagnosis& layer : d_.layers) {
            const bool excess = layer.factor == Factor::unscaled_inputs || layer.factor == Factor::large_steps ||
                                layer.factor == Factor::identical_units;
            if (layer.starved && excess) {
                names.push_back(layer.name);
            }
        }
        if (!names.empty()) {
            sentence("As it is, " + listed(names, "and") + when(names.size() == 1, " starves") +
                     when(names.size() > 1, " starve") + ": too little of the error or the inputs arrives.");
        }
    }

    /// Nothing can be learned from rows whose targets are alike, nor told of what has been.
    [[nodiscard]] bool targets_alike() {
        if (s_.targets_differ) {
            return false;
        }
        if (d_.rows == 1) {
            sentence(
                "There is one row only, on which a constant answers as well as any network: whether anything has "
                "been learned cannot be told.");
        } else {
            sentence("The target is the same in all " + plural(d_.rows, "row") +
                     ": there is nothing to learn from them, and a constant answers as well as any network.");
        }
        return true;
    }
    void in_order() {
        if (!s_.worth.empty()) {
            sentence(s_.worth + ".");
        }
        sentence("No layer starves, explodes or takes too large a step: looked at were, on " + plural(d_.rows, "row") +
                 ", each layer's gradient, slopes, dead units and step over weight, and the size of the inputs, which "
                 "do not "
                 "tell whether the network fits well or overfits.");
        for (const LayerDiagnosis& layer : d_.layers) {
            if (layer.dead >= noticeable && d_.rows >= rows_for_dead) {
                sentence(percent(layer.dead) + " of the units of " + layer.name + " are dead here.");
            }
        }
    }
    void fit_on_these_rows() {
        const bool first_weights =
            d_.course.course == Course::untrained || (d_.course.course == Course::diverged && d_.course.epochs == 0);
        const bool worse = std::isfinite(d_.unexplained) && d_.unexplained >= worse_than_mean;
        if (worse && !first_weights && s_.worth.empty() && s_.targets_differ) {
            sentence("On these rows its squared error is " + short_number(d_.unexplained) +
                     " times that of always answering the mean.");
        }
        if (s_.target_unscaled) {
            advice("The targets are learned as they stand in the table, far from size 1",
                   {"", {{"a standardised target", {{"scale_target", "true"}}}}});
        }
    }
    void training() {
        if (d_.course.course != Course::diverged) {  // that is said with the factor
            sentence(d_.course.text);
        }
        const bool of_course =
            d_.course.course == Course::overfitting && d_.factor != Factor::large_steps && s_.fits_its_rows;
        if ((d_.factor == Factor::none && s_.targets_differ) || of_course) {
            advice("", advise(d_.course.course, s_));
        }
    }

private:
    [[nodiscard]] bool advised(const std::string& setting) const {
        return std::ranges::find(d_.try_settings, setting, &SettingHint::name) != d_.try_settings.end();
    }

    Diagnosis& d_;
    const Situation& s_;
};

}  // namespace

void say(Diagnosis& diagnosis, const Situation& situation) {
    diagnosis.text.clear();
    diagnosis.try_settings.clear();
    Speaker speaker(diagnosis, situation);
    const bool alike = speaker.targets_alike();
    if (diagnosis.factor != Factor::none) {
        speaker.factors();
    } else if (!alike) {
        speaker.in_order();
    }
    speaker.fit_on_these_rows();
    speaker.training();
    if (diagnosis.output_cancels) {
        speaker.sentence("The output factor " + std::string(name(situation.shape.output)) +
                         "' cancels against this loss and starves nobody.");
    }
}

}  // namespace handgrad::diagnose
