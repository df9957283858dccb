// The causes in words; each equation is the one that the mistake offends.
#include "handgrad/summary/comparison_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "handgrad/base/utf8.hpp"
#include "handgrad/base/wording.hpp"
#include "handgrad/summary/descriptions.hpp"
#include "handgrad/summary/layout.hpp"

namespace handgrad::summary {
namespace {

/// Where to look up a loss and its slope, and why a gradient of it may be too large or too small by a factor 2.
struct LossWords {
    std::string_view equations;
    std::string_view slope;
    std::string_view too_large;
    std::string_view too_small;
};
constexpr LossWords squared_error{.equations = "Eq. 3, 10",
                                  .slope = "Eq. 10",
                                  .too_large = "the 2 of Eq. (10) counted twice, or a loss with a half less",
                                  .too_small = "the 2 of Eq. (10) is missing, or the loss has a half more"};
constexpr LossWords other_loss{.equations = "Table 5, Eq. 18",
                               .slope = "Eq. 18",
                               .too_large = "this loss has no 2 (Eq. 18)",
                               .too_small = "this loss has no half (Eq. 18)"};

/// `layer 1`, `layers 1, 2`.
std::string layers_text(const std::vector<std::size_t>& layers) {
    std::string list;
    for (const std::size_t layer : layers) {
        add_item(list, ", ", std::to_string(layer + 1));
    }
    return "layer" + when(layers.size() != 1, "s") + " " + list;
}

std::string cause_text(const compare::ComparedTensor& tensor) {
    std::string text;
    for (const compare::Cause cause : tensor.causes) {
        add_item(text, " + ", name(cause));
    }
    return text;
}

/// What to do about a tensor of which too little can be told.
std::string undetermined_remedy(const certify::Judgement& judgement, const compare::Comparison& comparison) {
    constexpr int brain = 8, half = 11, single = 24;
    if (judgement.doubt != certify::Doubt::no_digits && judgement.doubt != certify::Doubt::part_hidden) {
        return "";
    }
    if (comparison.digits <= brain) {
        return "; bfloat16 numbers carry no digit of it: hand in float32";
    }
    if (comparison.digits <= half) {
        return "; float16 numbers carry no digit of it: hand in float32";
    }
    if (comparison.digits <= single) {
        return "; hand in gradients computed in float64, or of fewer rows, whose terms do not cancel";
    }
    return "; take other rows, or weights at which the gradient is not near 0";
}

/// What is said of one tensor that does not pass, as paragraphs.
std::vector<std::string> paragraphs(const compare::ComparedTensor& tensor, const compare::Comparison& comparison,
                                    const Model& model) {
    std::vector<std::string> lines;
    if (!tensor.shape_problem.empty() && tensor.causes == std::vector{compare::Cause::unexplained}) {
        lines.push_back(tensor.shape_problem + "; hand in dl/dW as out x in, dl/db as out, summed over the rows");
        return lines;
    }
    for (const compare::Cause cause : tensor.causes) {
        lines.push_back(fmt::format("{}{}: {}", name(cause), when(!tensor.detail.empty(), " (" + tensor.detail + ")"),
                                    remedy(cause, tensor.wrong_layers, comparison.rows, model)));
    }
    if (tensor.as_float) {
        lines.emplace_back(compare::as_float_reason);
        return lines;
    }
    if (tensor.judgement.verdict == certify::Verdict::undetermined) {
        lines.push_back(tensor.judgement.reason() + undetermined_remedy(tensor.judgement, comparison));
        return lines;
    }
    for (const std::string& other : tensor.coincide) {
        lines.push_back(fmt::format("on these data {} gives the very same numbers", other));
    }
    if (!tensor.shape_problem.empty()) {
        lines.push_back(tensor.shape_problem);
    }
    if (!tensor.look_at.empty()) {
        lines.push_back("look at " + tensor.look_at);
    }
    if (tensor.causes.front() == compare::Cause::unexplained && !tensor.where.empty()) {
        lines.push_back(fmt::format("differs most at {}: theirs {}, ours {}; {} of the largest entry, rounding: {}",
                                    index_text(tensor.where), rounded(tensor.their_value), rounded(tensor.our_value),
                                    rounded(tensor.relative), rounded(tensor.bound)));
    }
    return lines;
}

}  // namespace

std::string remedy(compare::Cause cause, const std::vector<std::size_t>& wrong_layers, std::size_t rows,
                   const Model& model) {
    const LossWords& loss = model.loss.kind == Loss::squared_error ? squared_error : other_loss;
    switch (cause) {
        case compare::Cause::transposed:
            return "dl/dW has the shape of W, out x in: delta a^T, not a delta^T (derivation 6.2)";
        case compare::Cause::sign:
            return fmt::format("the sign is turned round: the loss grows with yhat - y, not y - yhat ({})", loss.slope);
        case compare::Cause::factor_2:
            return fmt::format("twice the gradient: {}", loss.too_large);
        case compare::Cause::factor_half:
            return fmt::format("half the gradient: {}", loss.too_small);
        case compare::Cause::factor_outputs:
            return fmt::format("K = {}: a sum over the outputs taken for a mean, or the reverse ({})",
                               model.architecture().outputs(), loss.equations);
        case compare::Cause::factor_rows:
            return fmt::format("B = {}: rows are averaged, so divide their sum by B, once (derivation 6.4)", rows);
        case compare::Cause::relu_at_zero:
            return fmt::format("ReLU'(0) is {} in this model (Eq. 7, by its convention)",
                               model.architecture().conventions.kink == Kink::right_limit ? "1" : "0");
        case compare::Cause::missing_output_derivative:
            return "multiply dl/dyhat by dyhat/dz of the last layer (Table 2; Eq. 8, 14)";
        case compare::Cause::missing_hidden_derivative:
            return fmt::format("multiply by f'(z) when going back through {} (Table 2; Eq. 5, 12)",
                               layers_text(wrong_layers));
        case compare::Cause::derivative_at_activation:
            return fmt::format("take the derivative at z, not at the activation, in {} (Eq. 5, 12, 14)",
                               layers_text(wrong_layers));
        case compare::Cause::accumulated:
            return "set the gradient to zero before each backward pass (section 1, step 4)";
        case compare::Cause::bias_sum:
            return "dl/db is delta, summed over rows as dl/dW is, one number for each unit (Table 2)";
        case compare::Cause::output_derivative_twice:
            return "dyhat/dz of the last layer stands in it once too often: where it cancels against the loss, "
                   "delta is yhat - y (derivation 6.5)";
        case compare::Cause::hidden_derivative_twice:
            return fmt::format("multiply by f'(z) once, in {} (Table 2)", layers_text(wrong_layers));
        case compare::Cause::slope_of_sigmoid:
            return fmt::format("a (1 - a) is the slope of sigmoid; {} has {} (Eq. 12)", layers_text(wrong_layers),
                               name(model.architecture().activation(wrong_layers.front())));
        case compare::Cause::slope_of_tanh:
            return fmt::format("1 - a^2 is the slope of tanh; {} has {}", layers_text(wrong_layers),
                               name(model.architecture().activation(wrong_layers.front())));
        case compare::Cause::slope_of_relu:
            return fmt::format("1 for z > 0 is the slope of relu; {} has {} (Eq. 5)", layers_text(wrong_layers),
                               name(model.architecture().activation(wrong_layers.front())));
        case compare::Cause::z_in_slope:
            return fmt::format("the slope is written in terms of a = f(z), not of z, in {} (Eq. 13)",
                               layers_text(wrong_layers));
        case compare::Cause::mask_inverted:
            return fmt::format("f' is that of z, not of -z, in {} (Eq. 5)", layers_text(wrong_layers));
        case compare::Cause::mask_of_gradient:
            return fmt::format("f' depends on the sign of z, not of dl/da, in {} (Eq. 5)", layers_text(wrong_layers));
        case compare::Cause::mask_of_other_layer:
            return fmt::format("{} takes f' at its own z (Table 2)", layers_text(wrong_layers));
        case compare::Cause::softmax_diagonal:
            return "softmax's Jacobian is full: -p_i p_j off the diagonal";
        case compare::Cause::softmax_twice:
            return "softmax is applied before a loss that applies it itself: give that loss the logits z";
        case compare::Cause::squared_error_gradient:
            return fmt::format("this is the gradient of squared error; the model's loss is {} ({})",
                               name(model.loss.kind), loss.slope);
        case compare::Cause::cross_entropy_gradient:
            return fmt::format("this is the gradient of cross-entropy; the model's loss is {} ({})",
                               name(model.loss.kind), loss.slope);
        case compare::Cause::loss_epsilon:
            return "no epsilon belongs into the logarithm: it is computed from the logits (derivation 6.5)";
        case compare::Cause::loss_clip:
            return "yhat is not held away from 0 and 1: the loss is computed from the logits (derivation 6.5)";
        case compare::Cause::untransposed_weights:
            return fmt::format("the way back goes through W^T: delta W, not W delta, in {} (Table 2)",
                               layers_text(wrong_layers));
        case compare::Cause::updated_weights:
            return "go back through the weights of the forward pass, and update afterwards (section 1, step 5)";
        case compare::Cause::z_for_activation:
            return "dl/dW is delta a^T with a = f(z) of the layer before, not z (Table 2)";
        case compare::Cause::unscaled_inputs:
            return "the network sees columns shifted and scaled as in training; handgrad encode writes them";
        case compare::Cause::unscaled_targets:
            return "the network learns targets shifted and scaled as in training; handgrad encode writes them";
        case compare::Cause::part_of_batch:
            return fmt::format("all {} rows belong to it", rows);
        case compare::Cause::bias_left_out:
            return "z = W a + b: the bias is 0 in this forward pass (Eq. 1)";
        case compare::Cause::never_computed:
            return "all its numbers are 0, as if it had never been computed (Table 2)";
        case compare::Cause::penalty_missing:
            return fmt::format("the model's loss has an L2 penalty: add {} W", rounded(model.weight_decay));
        case compare::Cause::penalty_extra:
            return "there is a multiple of W in it, but the model's loss has no penalty";
        case compare::Cause::penalty_factor:
            return fmt::format("the penalty's gradient is {} W, not another multiple of W",
                               rounded(model.weight_decay));
        case compare::Cause::penalty_on_biases:
            return "the penalty of this model leaves biases out";
        case compare::Cause::factor_other:
            return "the same multiple of ours in every number: a step size, a loss scale or a clipped norm left in it";
        case compare::Cause::row_weights:
            return "each row counts by its weight, in the sum and in what it is divided by";
        case compare::Cause::parameters:
            return "these are the parameters, not the gradient by them";
        case compare::Cause::unexplained:
            break;
    }
    return "no known mistake, alone or with others, gives these numbers in every entry";
}

std::string verdict_text(const certify::Judgement& judgement) {
    const bool zero = judgement.zero && judgement.verdict == certify::Verdict::pass;
    return std::string(name(judgement.verdict)) + when(zero, " (zero)");
}

std::string detection_text(const certify::Judgement& judgement) {
    if (judgement.detection_limit >= 1.0) {
        return "nothing";
    }
    return fmt::format("{:.1g}", judgement.detection_limit);
}

std::string index_text(const std::vector<std::size_t>& where) { return fmt::format("[{}]", fmt::join(where, ", ")); }

void add_wrapped(std::string& to, std::string_view given, std::size_t indent) {
    const std::string safe = printable(given);  // a line end in a name ends no line
    const std::string_view text = safe;
    constexpr std::size_t width = 100;
    std::size_t at = 0;
    while (at < text.size()) {
        const std::size_t room = width - indent;
        std::size_t end = text.size();
        if (end - at > room) {
            const std::size_t blank = text.rfind(' ', at + room);
            const bool found = blank != std::string_view::npos && blank > at;
            end = found ? blank : at + room;
        }
        to += std::string(indent, ' ') + std::string(text.substr(at, end - at)) + "\n";
        at = end;
        if (at < text.size() && text[at] == ' ') {
            ++at;
        }
    }
}

std::string comparison_text(const compare::Comparison& comparison, const Model& model) {
    std::vector<std::vector<std::string>> table{{"tensor", "verdict", "would see", "cause"}};
    for (const compare::ComparedTensor& tensor : comparison.tensors) {
        table.push_back(
            {tensor.name, verdict_text(tensor.judgement), detection_text(tensor.judgement), cause_text(tensor)});
    }
    std::string text = aligned(table, Heading::first_row);
    // Tensors of which the same is to be said stand together.
    std::vector<std::pair<std::string, std::vector<std::string>>> remarks;
    for (const compare::ComparedTensor& tensor : comparison.tensors) {
        if (tensor.pass()) {
            continue;
        }
        std::vector<std::string> lines = paragraphs(tensor, comparison, model);
        const auto same = std::ranges::find(remarks, lines, &decltype(remarks)::value_type::second);
        if (same == remarks.end()) {
            remarks.emplace_back(tensor.name, std::move(lines));
        } else {
            same->first += ", " + tensor.name;
        }
    }
    for (const auto& [tensors, lines] : remarks) {
        text += "\n";
        add_wrapped(text, tensors, 0);
        for (const std::string& line : lines) {
            add_wrapped(text, line, 2);
        }
    }
    if (comparison.orientation == compare::Orientation::in_out) {
        text += "\ntheir weights stand as in x out and were judged as the transposes of ours, out x in\n";
    }
    if (!comparison.missing.empty()) {
        text += fmt::format("\nnot in the file, so not judged: {}\n", fmt::join(comparison.missing, ", "));
    }
    if (!comparison.left_out.empty()) {
        constexpr std::size_t most = 20;
        std::string names;
        for (std::size_t i = 0; i < std::min(comparison.left_out.size(), most); ++i) {
            add_item(names, ", ", printable(comparison.left_out[i]));
        }
        const std::size_t more = comparison.left_out.size() - std::min(comparison.left_out.size(), most);
        text += "\n";
        add_wrapped(text,
                    "in the file, but no gradient of a parameter by name, so left out: " + names +
                        when(more > 0, " and " + std::to_string(more) + " more"),
                    0);
    }
    text += fmt::format("\n{}; gradients judged as numbers of {} binary digits; tensors that do not pass: {} of {}\n",
                        counted(comparison.rows, "row"), comparison.digits,
                        std::ranges::count(comparison.tensors, false, &compare::ComparedTensor::pass),
                        comparison.tensors.size());
    return text;
}

}  // namespace handgrad::summary
