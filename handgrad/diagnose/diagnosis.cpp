// Measures the chain, takes one step of the optimizer, judges both beside how the model came about, and says it.
#include "handgrad/diagnose/diagnosis.hpp"

#include <algorithm>
#include <cmath>
#include <span>
#include <utility>
#include <variant>

#include "handgrad/base/wording.hpp"
#include "handgrad/diagnose/advice.hpp"
#include "handgrad/diagnose/constant_answer.hpp"
#include "handgrad/diagnose/excess.hpp"
#include "handgrad/diagnose/gradient_chain.hpp"
#include "handgrad/diagnose/identical_units.hpp"
#include "handgrad/diagnose/row_blocks.hpp"
#include "handgrad/diagnose/starvation.hpp"
#include "handgrad/diagnose/verdict_text.hpp"
#include "handgrad/diagnose/words.hpp"
#include "handgrad/math/output_loss.hpp"
#include "handgrad/train/nonfinite.hpp"
#include "handgrad/train/prediction.hpp"
#include "handgrad/train/settings.hpp"
#include "handgrad/train/trainer.hpp"

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
    double size;         ///< ‖ΔW‖
    double weight_size;  ///< ‖W‖
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
        steps.push_back({static_cast<double>(std::sqrt(squares(moves))), static_cast<double>(std::sqrt(squares(w))),
                         static_cast<double>(unchanged) / static_cast<double>(count)});
    }
    return steps;
}

std::string optimizer_text(const OptimizerOptions& options) {
    const auto* facts = std::ranges::find(optimizer_list, options.kind, &OptimizerFacts::kind);
    return std::string(facts->name) + " with learning rate " + format_number(options.learning_rate);
}

/// Root mean square of the first weights by activation stands in for weights that are still smaller: a step is large
/// by what the weights should be. Weights that answer worse than a constant are no measure at all.
std::vector<double> steps_over_weight(const GradientChain& chain, const std::vector<Step>& steps,
                                      bool worse_than_constant) {
    std::vector<double> ratios;
    for (std::size_t l = 0; l < steps.size(); ++l) {
        double size = chain.layers[l].first_size;
        if (!worse_than_constant) {
            size = std::max(size, steps[l].weight_size);
        }
        ratios.push_back(steps[l].size / size);
    }
    return ratios;
}

/// The largest of these ratios in words: as the table shows it where its weights are of the size that was compared
/// with.
std::string step_text(const GradientChain& chain, const std::vector<Step>& steps, const std::vector<double>& ratios) {
    const auto l = static_cast<std::size_t>(std::ranges::max_element(ratios) - ratios.begin());
    const double first_size = chain.layers[l].first_size, shown = steps[l].size / steps[l].weight_size;
    constexpr double alike = 2.0;
    if (steps[l].weight_size * alike > first_size && shown * alike > ratios[l]) {
        return "one step changes the weights by " + part_or_multiple(shown) + " their size";
    }
    return "one step is " + part_or_multiple(ratios[l]) + " the size of first weights";
}

/// Losses on the rows at hand, penalty included.
template <class T>
TableLoss table_loss(const BasicMlp<T>& net, const LossFunction& function, const BasicDataset<T>& data,
                     double weight_decay) {
    constexpr Execution one_thread{.threads = 1};  // the walk over the rows takes longer than both
    return {.loss = evaluate_loss(net, data, function, weight_decay, one_thread),
            .of_zero = evaluate_loss(BasicMlp<T>::zeros_like(net), data, function, 0.0, one_thread)};
}

/// Parts of what there is to gain over a constant answer: next to nothing, worse beyond doubt, and as bad again as the
/// constant.
constexpr double hardly_gained = 0.03, worse_by_little = -0.03, far_worse = -1.0;

/// What the answers are worth beside those of a constant.
struct Worth {
    double loss = 0.0;  ///< without the penalty
    ConstantAnswer constant{};
    double gained = 0.0;   ///< of what there is to gain over the constant; NaN where that cannot be told
    bool trained = false;  ///< by what is recorded
    bool decayed = false;  ///< under a weight decay far above what is usual

    /// Whether a training has led to weights that answer worse than no weights at all.
    [[nodiscard]] bool worse() const { return trained && gained < worse_by_little; }
};

template <class T>
Worth worth_of(const BasicMlp<T>& net, const LossFunction& function, const BasicDataset<T>& data,
               const TrainingCourse& course) {
    Worth worth{.loss = evaluate_loss(net, data, function, 0.0, {.threads = 1}),
                .constant = constant_answer(net.architecture(), function, data),
                .trained = course.epochs > 0};
    worth.gained = worth.constant.gained_by(worth.loss);
    return worth;
}

/// Whether the rows that it learned from are answered better than by a constant, as far as the history tells; else
/// what it says of other rows is no overfitting.
bool fits_its_rows(const Worth& worth, const TrainingCourse& course) {
    return !(worth.constant.gained_by(course.loss) < hardly_gained);
}

/// Whether the answers are worth a word. Rows unlike those learned from may be answered as badly as by chance; worse is
/// worth saying of them too.
bool no_better_than_constant(const Worth& worth, const TrainingCourse& course) {
    if (course.course == Course::overfitting && fits_its_rows(worth, course)) {
        return worth.gained < worse_by_little;
    }
    return worth.trained && worth.gained < hardly_gained && course.course != Course::diverged;
}

/// Whether that is how things stand, rather than how they stood on the way: a training of few epochs, or one that still
/// gets on, may answer like a constant for a while; but under a decay that lets nothing grow it gets nowhere.
bool settled(const Worth& worth, const TrainingCourse& course) {
    constexpr std::size_t enough_epochs = 20;
    if (course.epochs < enough_epochs) {
        return false;
    }
    return course.course != Course::falling || worth.gained < -runaway_error || worth.decayed;
}

std::string worth_text(const Worth& worth, const TrainingCourse& course) {
    std::string how = "hardly better than a constant";
    if (worth.gained < far_worse) {
        how = "far worse than a constant would";
    } else if (worth.gained < worse_by_little) {
        how = "worse than a constant would";
    } else if (worth.gained <= 0.0) {
        how = "no better than a constant";
    }
    std::string text = "It answers ";
    if (!settled(worth, course)) {
        text = "So far it answers ";
    }
    constexpr int digits = 4;  // they may be close to each other
    return text + how + ": the loss on these rows is " + short_number(worth.loss, digits) +
           ", that of the best constant " + short_number(worth.constant.loss, digits);
}

/// Answers that are far worse than those of weights of 0. An unbounded output is judged by its squared error, whatever
/// the loss (one that may be negative has no ratio); a bounded one can be far off under a logarithmic loss alone, where
/// it may as well be that its biases were set so: only a training runs away.
bool run_away(const GradientChain& chain, double loss, double loss_of_zero, const TrainingCourse& course) {
    if (!chain.layers.back().bounded()) {
        const double border = course.course == Course::unknown ? runaway_alone : runaway_error;
        return chain.error_by_first >= border;
    }
    return course.epochs > 0 && !chain.residual_loss && loss_of_zero > 0.0 && loss >= runaway_error * loss_of_zero;
}

/// How the weights came to where they are.
enum class RunAway { no, stopped, not_finite, far_off };

RunAway how_run_away(const GradientChain& chain, double loss, double loss_of_zero, const TrainingCourse& course) {
    if (course.course == Course::diverged) {
        return RunAway::stopped;
    }
    if (!chain.finite() || !std::isfinite(loss)) {
        return RunAway::not_finite;
    }
    // First weights have not run anywhere, and rows unlike those learned from are no divergence.
    const bool of_training = course.course != Course::untrained && course.course != Course::overfitting;
    if (of_training && run_away(chain, loss, loss_of_zero, course)) {
        return RunAway::far_off;
    }
    return RunAway::no;
}

/// What is too much and explains what has become of the network, starving included.
bool is_cause(Factor factor) { return factor == Factor::unscaled_inputs || factor == Factor::large_steps; }

/// What is too much in some layer and explains answers that are far off.
bool explains(Factor factor) { return is_cause(factor) || factor == Factor::exploding; }

/// What the network is called that has run away but for no other factor. What is not finite in weights that nobody has
/// trained, as far as is known, has not run there.
Factor run_away_factor(RunAway how, const TrainingCourse& course) {
    if (how == RunAway::not_finite && course.epochs == 0) {
        return Factor::overflow;
    }
    return Factor::diverged;
}

/// Of each layer. Inputs that are not scaled and steps as large as the weights come first, for units that are saturated
/// or dead may be the effect; then starving, which gradients that explode cannot explain. What has run away is
/// `diverged` where it has no other, but answers that are merely far off are no divergence where something explains
/// them.
std::vector<Factor> factors_of(const std::vector<Verdict>& verdicts, const Excess& excess,
                               const std::vector<double>& identical, RunAway how, Factor run_away) {
    std::vector<Factor> factors;
    for (std::size_t l = 0; l < verdicts.size(); ++l) {
        factors.push_back(verdicts[l].factor);
        if (factors.back() == Factor::none || is_cause(excess.factors[l])) {
            factors.back() = excess.factors[l];
        }
        const bool without_own = factors.back() == Factor::none || factors.back() == Factor::attenuation;
        if (identical[l] > 0.0 && without_own) {  // copies that attenuate would be copies if they did not
            factors.back() = Factor::identical_units;
        }
        if (how == RunAway::not_finite && factors.back() == Factor::exploding && !std::isfinite(verdicts[l].reach)) {
            factors.back() = run_away;
        }
    }
    if (how != RunAway::no && (how != RunAway::far_off || std::ranges::none_of(factors, explains))) {
        std::ranges::replace(factors, Factor::none, run_away);
    }
    return factors;
}

/// Of the network. A recorded divergence is one; numbers that are not finite or far off may have another cause.
Factor factor_of(const std::vector<Factor>& factors, RunAway how, Factor run_away) {
    if (how == RunAway::stopped) {
        return Factor::diverged;
    }
    auto first = std::ranges::find_if(factors, [](Factor factor) { return factor != Factor::none; });
    if (how != RunAway::no) {
        first = std::ranges::find_if(factors, explains);
        if (first == factors.end()) {
            return run_away;
        }
    }
    if (first == factors.end()) {
        return Factor::none;
    }
    return *first;
}

/// What a model tells beside its network.
struct Background {
    Situation situation;  ///< with what is known of the training
    double weight_decay = 0.0;
    const Model* model = nullptr;  ///< none: a network alone
    std::vector<std::string> input_names{};
    std::optional<OptimizerOptions> trained_by{};
};

/// The inputs that are far from size 1, the three furthest by name.
std::string input_sizes(const GradientChain& chain, InputSize size, const std::vector<std::string>& names) {
    if (size == InputSize::small) {
        return "the largest of a row has a size of " + short_number(chain.layers.front().largest_input);
    }
    std::vector<std::size_t> far;
    for (std::size_t j = 0; j < chain.column_sizes.size(); ++j) {
        if (!(chain.column_sizes[j] < large_input)) {
            far.push_back(j);
        }
    }
    std::ranges::stable_sort(far, std::ranges::greater(), [&](std::size_t j) { return chain.column_sizes[j]; });
    constexpr std::size_t most = 3;
    std::vector<std::string> items;
    for (std::size_t i = 0; i < std::min(far.size(), most); ++i) {
        const std::size_t j = far[i];
        std::string input = "input " + std::to_string(j + 1);
        if (j < names.size()) {
            input = "'" + names[j] + "'";
        }
        items.push_back(input + " has a size of " + short_number(chain.column_sizes[j]));
    }
    if (far.size() > most) {
        items.push_back(plural(far.size() - most, "other") + when(far.size() - most == 1, " is") +
                        when(far.size() - most != 1, " are") + " far off too");
    }
    return listed(items, "and");
}

/// Columns of numbers as the model scales them; none where it has none.
std::optional<Scale> scale_of(const Model& model, const std::optional<FitOptions>& options) {
    const auto number = [](const FeatureColumn& column) { return !column.categorical(); };
    const std::vector<FeatureColumn>& columns = model.preprocessing.features;
    if (std::ranges::none_of(columns, number)) {
        return std::nullopt;
    }
    if (options) {
        return options->columns.scale;
    }
    const bool scaled = std::ranges::any_of(columns, [&](const FeatureColumn& column) {
        return number(column) && (column.shift != 0.0 || column.scale != 1.0);
    });
    if (scaled) {
        return Scale::standard;  // or minmax: either way it has been done
    }
    return Scale::none;
}

/// Whether the targets are learned as they stand in the table, though they could be standardised.
bool target_unscaled(const Model& model) {
    const ActivationFacts& output = facts(model.architecture().output);
    return model.preprocessing.task == Task::regression && !std::isfinite(output.lowest) &&
           !std::isfinite(output.highest) && !std::isfinite(facts(model.loss.kind).lowest_target) &&
           std::ranges::all_of(model.preprocessing.targets,
                               [](const TargetColumn& target) { return target.shift == 0.0 && target.scale == 1.0; });
}

Background background_of(const Model& model) {
    Background background{.situation = Situation(),
                          .weight_decay = model.weight_decay,
                          .model = &model,
                          .input_names = model.preprocessing.input_names(),
                          .trained_by = recorded_optimizer(model)};
    Situation& situation = background.situation;
    const std::optional<FitOptions> options = recorded_options(model);
    situation.scale = scale_of(model, options);
    situation.target_unscaled = target_unscaled(model);
    situation.classes = model.preprocessing.classes.size();
    if (options) {
        situation.epochs = options->training.epochs.value_or(0);
        situation.early_stopping = options->training.early_stopping.value_or(0);
        situation.held_out_rows =
            !model.history.empty() && std::ranges::any_of(model.history.column("validation_loss"),
                                                          [](double loss) { return std::isfinite(loss); });
    }
    return background;
}

/// Where, on the way from the rows to the gradient, numbers stop being finite.
std::string not_finite_text(const GradientChain& chain, double loss) {
    const std::size_t last = chain.layers.size() - 1;
    for (std::size_t l = 0; l <= last; ++l) {
        if (!std::isfinite(chain.layers[l].weight_norm)) {
            return "The weights of " + layer_name(l) + " are not all finite";
        }
    }
    if (chain.finite() && std::isfinite(loss)) {  // no number on the way shows it
        return "The biases are not all finite";
    }
    const std::string first = "Numbers overflow, first on the way from the rows to the gradient ";
    for (std::size_t l = 0; l < last; ++l) {
        if (!std::isfinite(chain.layers[l + 1].input)) {
            return first + "in what " + layer_name(l) + " puts out";
        }
    }
    if (!std::isfinite(chain.error_by_zero)) {
        return first + "in what " + layer_name(last) + " puts out";
    }
    for (std::size_t l = last + 1; l-- > 0;) {
        if (!std::isfinite(chain.layers[l].delta) || !std::isfinite(chain.layers[l].gradient)) {
            return first + "in the gradient of " + layer_name(l);
        }
    }
    return first + "in the loss";
}

std::string divergence_text(RunAway how, const GradientChain& chain, double loss, double loss_of_zero,
                            const TrainingCourse& course) {
    switch (how) {
        case RunAway::no:
            return "";
        case RunAway::stopped:
            return course.text.substr(0, course.text.size() - 1);  // what to try follows in the same sentence
        case RunAway::not_finite:
            return not_finite_text(chain, loss);
        case RunAway::far_off:
            if (chain.layers.back().bounded()) {
                return "It has diverged: the loss is " + short_number(loss / loss_of_zero) +
                       " times that of weights of 0";
            }
            return "It has diverged: the answers' squared error is " + short_number(chain.error_by_zero) +
                   " times that of always answering 0";
    }
    __builtin_unreachable();
}

std::vector<LayerDiagnosis> layers_of(const GradientChain& chain, const std::vector<Verdict>& verdicts,
                                      const std::vector<Step>& steps, const std::vector<double>& identical,
                                      const std::vector<Factor>& factors) {
    std::vector<LayerDiagnosis> layers;
    for (std::size_t l = 0; l < chain.layers.size(); ++l) {
        const ChainLayer& layer = chain.layers[l];
        layers.push_back({.name = layer_name(l),
                          .gradient_rms = layer.gradient / std::sqrt(static_cast<double>(layer.weights)),
                          .update_ratio = steps[l].size / steps[l].weight_size,
                          .unchanged = steps[l].unchanged,
                          .saturated = layer.saturated,
                          .dead = layer.dead,
                          .identical = identical[l],
                          .weight_size = layer.weight_size(),
                          .reach = verdicts[l].reach,
                          .starved = verdicts[l].starved,
                          .factor = factors[l],
                          .split = split_of(chain, l)});
    }
    return layers;
}

/// What was measured, beside what the background tells.
void add_measured(Situation& situation, const GradientChain& chain, const std::vector<double>& ratios, InputSize inputs,
                  const std::vector<std::string>& input_names) {
    situation.lowest_target = chain.lowest_target;
    situation.highest_target = chain.highest_target;
    situation.largest_step = std::ranges::max(ratios);
    situation.unexplained = chain.unexplained;
    situation.inputs = inputs;
    situation.input_sizes = input_sizes(chain, inputs, input_names);
    for (const ChainLayer& layer : chain.layers) {
        situation.saturated.push_back(layer.saturated);
        situation.dead.push_back(layer.dead);
        situation.weight_sizes.push_back(layer.weight_size());
    }
    const bool too_small = !situation.worth.empty() && chain.target_size <= 1.0 / large_input;
    situation.target_unscaled = situation.target_unscaled && (chain.target_size >= large_input || too_small);
}

/// A trained network that has stopped before it learned starves earlier.
double border_of(const TrainingCourse& course, const GradientChain& chain) {
    if (course.course == Course::flat && chain.unexplained >= stuck_error) {
        return stuck_reach;
    }
    return starved_reach;
}

template <class T>
Diagnosis diagnose_with(const BasicMlp<T>& net, const LossFunction& function, const BasicDataset<T>& data,
                        const OptimizerOptions& optimizer, Background background) {
    BasicMlp<T> gradient = BasicMlp<T>::zeros_like(net);
    const GradientChain chain = measure_chain(net, function, data, gradient);
    const TableLoss loss = table_loss(net, function, data, background.weight_decay);
    Diagnosis diagnosis{.rows = data.rows(), .unexplained = chain.unexplained};
    if (background.model != nullptr) {
        diagnosis.course = training_course(*background.model, loss);
    }
    const TrainingCourse& course = diagnosis.course;
    Worth worth = worth_of(net, function, data, course);
    worth.decayed = background.trained_by && decays_far_more_than_usual(*background.trained_by);
    const std::vector<Verdict> verdicts = judge(chain, border_of(course, chain));
    const std::vector<Step> steps = first_step(net, gradient, optimizer);
    RunAway how = how_run_away(chain, worth.loss, loss.of_zero, course);
    if (how != RunAway::stopped && !all_finite(net.parameters())) {
        how = RunAway::not_finite;  // also where a flat activation hides it
    }
    const bool worse = worth.worse() && how == RunAway::no;  // what has run away is said to have
    const std::vector<double> ratios = steps_over_weight(chain, steps, worse);
    const Excess excess = judge_excess(chain, verdicts, ratios, worse);
    const Factor run_away = run_away_factor(how, course);
    const std::vector<double> identical = identical_units(net);
    const std::vector<Factor> factors = factors_of(verdicts, excess, identical, how, run_away);
    diagnosis.layers = layers_of(chain, verdicts, steps, identical, factors);
    diagnosis.factor = factor_of(factors, how, run_away);
    diagnosis.loss = worth.loss;
    diagnosis.constant_loss = worth.constant.loss;
    diagnosis.output_cancels = math::OutputLoss{.kind = function.kind, .output = net.architecture().output}.fused();
    diagnosis.what_if = what_if(net, function, data);
    diagnosis.optimizer = optimizer_text(optimizer);

    Situation& situation = background.situation;
    situation.shape = net.architecture();
    situation.loss = function;
    situation.steps = optimizer;
    situation.trained = background.trained_by == optimizer && course.epochs > 0;
    situation.divergence = divergence_text(how, chain, worth.loss, loss.of_zero, course);
    situation.step_size = step_text(chain, steps, ratios);
    situation.identical = identical;
    situation.targets_differ = worth.constant.targets_differ;
    const bool told = how == RunAway::no || how == RunAway::far_off;
    if (told && no_better_than_constant(worth, course)) {
        situation.worth = worth_text(worth, course);
        situation.fits_its_rows = course.course == Course::overfitting && fits_its_rows(worth, course);
        const bool of_training = !situation.fits_its_rows && settled(worth, course);
        if (diagnosis.factor == Factor::none && of_training) {
            diagnosis.factor = Factor::learned_nothing;
        }
    }
    add_measured(situation, chain, ratios, excess.inputs, background.input_names);
    say(diagnosis, situation);
    return diagnosis;
}

}  // namespace

std::string_view name(Factor factor) {
    static constexpr std::array<std::string_view, all_factors.size()> names{
        "none",          "output_saturation", "hidden_saturation", "attenuation",     "dead_units",
        "small_weights", "dead_inputs",       "exploding",         "unscaled_inputs", "large_steps",
        "diverged",      "overflow",          "identical_units",   "learned_nothing"};
    return names[static_cast<std::size_t>(factor)];
}

template <class T>
Diagnosis diagnose(const BasicMlp<T>& net, const LossFunction& function,
                   const std::type_identity_t<BasicDataset<T>>& data, const OptimizerOptions& optimizer) {
    return diagnose_with(net, function, data, optimizer, {});
}

template <class T>
Diagnosis diagnose(const Model& model, const BasicDataset<T>& data, const OptimizerOptions& optimizer) {
    return diagnose_with(std::get<BasicMlp<T>>(model.net), model.loss, data, optimizer, background_of(model));
}

Diagnosis diagnose(const Model& model, const Table& table, const OptimizerOptions& optimizer,
                   const ApplyOptions& options) {
    check_target_domain(model.preprocessing, table, all_rows(table.rows), model.loss.kind);
    return std::visit(
        [&]<class T>(const BasicMlp<T>& /*which precision*/) {
            const auto data = apply_preprocessing<T>(model.preprocessing, table, all_rows(table.rows), options);
            return diagnose(model, data, optimizer);
        },
        model.net);
}

#define HANDGRAD_INSTANTIATE(T)                                                                  \
    template Diagnosis diagnose(const BasicMlp<T>&, const LossFunction&, const BasicDataset<T>&, \
                                const OptimizerOptions&);                                        \
    template Diagnosis diagnose(const Model&, const BasicDataset<T>&, const OptimizerOptions&);
HANDGRAD_INSTANTIATE(float)
HANDGRAD_INSTANTIATE(double)
#undef HANDGRAD_INSTANTIATE

}  // namespace handgrad::diagnose
