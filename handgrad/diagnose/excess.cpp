// The inputs are judged first: where they are large, all that is large behind them is their doing.
#include "handgrad/diagnose/excess.hpp"

#include <algorithm>
#include <cmath>

namespace handgrad::diagnose {
namespace {

InputSize input_size(const GradientChain& chain, double first_step) {
    const double largest_of_row = chain.layers.front().largest_input;
    if (!chain.column_sizes.empty() && !(std::ranges::max(chain.column_sizes) < large_input)) {
        return InputSize::large;
    }
    if (largest_of_row < tiny_input || (largest_of_row < small_input && first_step < small_step)) {
        return InputSize::small;
    }
    return InputSize::usual;
}

}  // namespace

Excess judge_excess(const GradientChain& chain, const std::vector<Verdict>& starvation,
                    const std::vector<double>& steps, bool worse_than_constant) {
    Excess excess{.inputs = input_size(chain, steps.front()),
                  .factors = std::vector<Factor>(chain.layers.size(), Factor::none)};
    const bool large = excess.inputs == InputSize::large;
    // A gain that is large, but no explosion by itself, is one where the answers themselves are far too large.
    const bool far_off = !chain.layers.back().bounded() && chain.error_by_first >= runaway_error;
    const double border = far_off ? far_off_reach : exploding_reach;
    const double by_inputs = large ? chain.layers.front().largest_input : 1.0;
    // What fits may take any step: its gradient is next to 0.
    const bool learning = chain.unexplained >= learned || worse_than_constant;
    const double too_large = chain.unexplained >= 1.0 || worse_than_constant ? wild_step : large_step;
    for (std::size_t l = 0; l < chain.layers.size(); ++l) {
        const double reach = starvation[l].reach;
        if (reach / by_inputs >= border) {
            excess.factors[l] = Factor::exploding;
        } else if (large && (reach >= border || steps[l] >= too_large)) {
            excess.factors[l] = Factor::unscaled_inputs;
        } else if (learning && steps[l] >= too_large) {
            excess.factors[l] = Factor::large_steps;
        }
    }
    const bool something_enters = chain.layers.front().largest_input > 0.0;  // else no scaling helps
    if (large || (excess.inputs == InputSize::small && something_enters)) {
        excess.factors.front() = Factor::unscaled_inputs;
    }
    for (std::size_t l = 0; l < chain.layers.size() && something_enters; ++l) {
        if (starvation[l].factor == Factor::dead_inputs && excess.inputs == InputSize::small) {
            excess.factors[l] = Factor::unscaled_inputs;
        }
    }
    return excess;
}

}  // namespace handgrad::diagnose
