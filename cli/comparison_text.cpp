// The causes in words; each equation is the one that the mistake offends.
#include "cli/comparison_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "cli/describe.hpp"
#include "cli/text.hpp"
#include "cli/wording.hpp"

namespace handgrad::cli {
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

/// What is said of one tensor that fails, as paragraphs.
std::vector<std::string> paragraphs(const compare::ComparedTensor& tensor, const compare::Comparison& comparison,
                                    const Model& model) {
    std::vector<std::string> lines;
    for (const compare::Cause cause : tensor.causes) {
        lines.push_back(fmt::format("{}: {}", name(cause), remedy(cause, tensor.wrong_layers, comparison.rows, model)));
    }
    for (const std::string& other : tensor.coincide) {
        lines.push_back(fmt::format("on these data {} gives the very same numbers", other));
    }
    if (!tensor.shape_problem.empty()) {
        lines.push_back(tensor.shape_problem);
    }
    if (tensor.causes.front() == compare::Cause::unexplained && !tensor.where.empty()) {
        lines.push_back(fmt::format("differs most at {}: theirs {}, ours {}; {} of the largest entry, rounding: {}",
                                    index_text(tensor.where), rounded(tensor.their_value), rounded(tensor.our_value),
                                    rounded(tensor.relative), rounded(tensor.bound)));
        if (comparison.digits == 53 && tensor.relative < 1e-4) {
            lines.emplace_back("so near that it may have been computed in float32 and stored as float64");
        }
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
            return fmt::format("ReLU'(0) is {} in this model (Eq. 7, --convention)",
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
        case compare::Cause::unexplained:
            break;
    }
    return "no known mistake, alone or with others, gives these numbers in every entry";
}

std::string index_text(const std::vector<std::size_t>& where) { return fmt::format("[{}]", fmt::join(where, ", ")); }

void add_wrapped(std::string& to, std::string_view text, std::size_t indent) {
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
    std::vector<std::vector<std::string>> table{{"tensor", "verdict", "cause"}};
    for (const compare::ComparedTensor& tensor : comparison.tensors) {
        table.push_back({tensor.name, pass_or_fail(tensor.pass), when(!tensor.pass, cause_text(tensor))});
    }
    std::string text = aligned(table, Heading::first_row);
    // Tensors of which the same is to be said stand together.
    std::vector<std::pair<std::string, std::vector<std::string>>> remarks;
    for (const compare::ComparedTensor& tensor : comparison.tensors) {
        if (tensor.pass) {
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
    if (comparison.penalty_explains && !comparison.pass) {
        text += "\n";
        add_wrapped(text,
                    fmt::format("All of it is the gradient of loss and L2 penalty together (weight decay {}); compare "
                                "gradients without the penalty.",
                                rounded(model.weight_decay)),
                    0);
    }
    text += fmt::format("\n{}; gradients judged as numbers of {} binary digits; tensors that fail: {} of {}\n",
                        counted(comparison.rows, "row"), comparison.digits,
                        std::ranges::count(comparison.tensors, false, &compare::ComparedTensor::pass),
                        comparison.tensors.size());
    return text;
}

}  // namespace handgrad::cli
