// Deficits of each factor, added up along the chain; the largest names the guilty one.
#include "handgrad/diagnose/starvation.hpp"

#include <algorithm>
#include <array>
#include <cmath>

namespace handgrad::diagnose {
namespace {

/// after / before, or what stands for it where nothing arrived that could be measured.
double gain(double after, double before, double typical) { return before > 0.0 ? after / before : typical; }

/// −log of a gain below 1; a gain above 1 starves nobody.
double deficit(double gain) { return gain >= 1.0 ? 0.0 : -std::log(gain); }

class Judge {
public:
    Judge(const GradientChain& chain, double border)
        : chain_(chain), layers_(chain.layers), last_(layers_.size() - 1), border_(border) {}

    [[nodiscard]] Verdict of(std::size_t l) const {
        Verdict verdict{.reach = reach(l)};
        if (verdict.reach < border_ * scale()) {
            verdict.factor = largest_deficit(l);
        } else {
            verdict.factor = factor_by_itself(l);
        }
        verdict.starved = verdict.factor != Factor::none;
        return verdict;
    }

private:
    /// Small targets ask for small weights: the spread of targets below 1 where the outputs are not bounded.
    [[nodiscard]] double scale() const {
        return layers_[last_].bounded() || chain_.target_spread == 0.0 ? 1.0 : std::min(1.0, chain_.target_spread);
    }
    /// ∂ŷ/∂z of the last layer. 1 where it does not count: it cancels against the loss, or the few rows that are still
    /// missed stand among many that have been learned, and not so far out that there is no way back.
    [[nodiscard]] double output_gain() const {
        const ChainLayer& output = layers_[last_];
        const double slope = gain(output.delta, output.dactivation, output.slope);
        const bool counts =
            chain_.unexplained >= material_error || (chain_.unexplained >= learned && slope < no_return);
        return chain_.residual_loss && counts ? slope : 1.0;
    }
    /// The factor W of layer m, on the way to the layer below it.
    [[nodiscard]] double weight_gain(std::size_t m) const {
        return gain(layers_[m - 1].dactivation, layers_[m].delta, layers_[m].weight_norm);
    }
    /// The factor f′ of hidden layer m.
    [[nodiscard]] double slope_gain(std::size_t m) const {
        return gain(layers_[m].delta, layers_[m].dactivation, layers_[m].slope);
    }
    [[nodiscard]] double reach(std::size_t l) const {
        double product = output_gain() * layers_[l].largest_input;
        for (std::size_t m = l; m < last_; ++m) {
            product *= weight_gain(m + 1) * slope_gain(m);
        }
        return product;
    }

    /// Whether most values of hidden layer m are flat, by saturation or by death; else its slope is merely below 1.
    [[nodiscard]] Factor slope_factor(std::size_t m) const {
        if (layers_[m].saturated >= 0.5) {
            return Factor::hidden_saturation;
        }
        return layers_[m].dead >= 0.5 ? Factor::dead_units : Factor::attenuation;
    }
    /// Why what enters layer l is small: the lowest cause.
    [[nodiscard]] Factor input_factor(std::size_t l) const {
        if (l == 0) {
            return Factor::dead_inputs;
        }
        if (layers_[l - 1].largest_input < starved_reach) {
            return input_factor(l - 1);
        }
        const Factor slopes = slope_factor(l - 1);
        return slopes == Factor::attenuation ? Factor::small_weights : slopes;
    }

    [[nodiscard]] Factor largest_deficit(std::size_t l) const {
        std::array<double, all_factors.size()> deficits{};
        const auto add = [&](Factor factor, double amount) { deficits[static_cast<std::size_t>(factor)] += amount; };
        const ChainLayer& output = layers_[last_];
        if (output_gain() < 1.0) {  // down to the steepest slope it is the activation's nature, from there saturation
            add(Factor::output_saturation, deficit(output_gain() / output.steepest));
            add(Factor::attenuation, deficit(output.steepest));
        }
        for (std::size_t m = l; m < last_; ++m) {
            add(Factor::small_weights, deficit(weight_gain(m + 1)));
            add(slope_factor(m), deficit(slope_gain(m)));
        }
        add(input_factor(l), deficit(layers_[l].largest_input));
        // Of several that are infinite the first in this order: what is not fed cannot be judged by its own slopes.
        Factor guilty = Factor::dead_inputs;
        for (const Factor factor : {Factor::output_saturation, Factor::small_weights, Factor::hidden_saturation,
                                    Factor::dead_units, Factor::attenuation}) {
            if (deficits[static_cast<std::size_t>(factor)] > deficits[static_cast<std::size_t>(guilty)]) {
                guilty = factor;
            }
        }
        return guilty;
    }

    /// A factor that is out of order by itself, though what it lets through still reaches the layer.
    [[nodiscard]] Factor factor_by_itself(std::size_t l) const {
        if (chain_.residual_loss && chain_.unexplained >= material_error && chain_.error_in_flat_rows >= most_units) {
            return Factor::output_saturation;
        }
        const bool rows_differ = chain_.rows >= rows_for_dead && layers_[0].largest_input >= starved_reach;
        for (std::size_t m = l; m < last_; ++m) {
            if (layers_[m].saturated >= most_units) {
                return Factor::hidden_saturation;
            }
            if (layers_[m].dead >= most_units && rows_differ) {
                return Factor::dead_units;
            }
            if (layers_[m + 1].weight_norm < small_weight_gain * scale()) {
                return Factor::small_weights;
            }
        }
        return Factor::none;
    }

    const GradientChain& chain_;
    const std::vector<ChainLayer>& layers_;
    std::size_t last_;
    double border_;
};

}  // namespace

std::vector<Verdict> judge(const GradientChain& chain, double border) {
    std::vector<Verdict> verdicts;
    for (std::size_t l = 0; l < chain.layers.size(); ++l) {
        verdicts.push_back(Judge(chain, border).of(l));
    }
    return verdicts;
}

}  // namespace handgrad::diagnose
