// Marks in a table, and under it what is wrong with which numbers.
#include "cli/marking_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <vector>

#include "cli/comparison_text.hpp"
#include "cli/text.hpp"
#include "cli/wording.hpp"

namespace handgrad::cli {
namespace {

/// A mistake in what no backward pass computes: in an updated parameter, and in a quantity of the forward pass.
struct ForwardMistake {
    compare::Cause cause;
    std::string_view update;
    std::string_view quantity;
};
constexpr std::array forward_mistakes{
    ForwardMistake{compare::Cause::sign, "the step goes against the gradient: w - eta dl/dw, not + (Eq. 4)",
                   "-1 times the right numbers"},
    ForwardMistake{compare::Cause::factor_2, "the step is twice as long (Eq. 4)", "twice the right numbers"},
    ForwardMistake{compare::Cause::factor_half, "the step is half as long (Eq. 4)", "half the right numbers"},
    ForwardMistake{compare::Cause::transposed,
                   "dl/dW has the shape of W, out x in: delta a^T, not a delta^T (derivation 6.2)",
                   "W is out x in: row i of W times what enters, not column i (Eq. 1)"},
};

/// Causes of the backward pass have an equation to look up; as factors of anything else they speak for themselves.
std::string mistake_text(const compare::MarkedAnswer& answer, const Model& model) {
    const bool backward = answer.symbol.starts_with('d');
    const bool update = answer.symbol.find('.') != std::string::npos;
    const auto forward = std::ranges::find(forward_mistakes, *answer.cause, &ForwardMistake::cause);
    if (!backward && forward != forward_mistakes.end()) {
        return std::string(update ? forward->update : forward->quantity);
    }
    if (answer.cause == compare::Cause::transposed && !answer.symbol.starts_with("dl/dW")) {
        return "delta goes back through W by its columns: delta^T W, not delta^T W^T (Table 2)";
    }
    return remedy(*answer.cause, answer.wrong_layers, 1, model);
}

std::string remark(const compare::MarkedAnswer& answer) {
    std::string text;
    if (answer.mark == compare::Mark::follows) {
        text = "from the mistake in " + answer.follows_from;
    } else if (answer.cause) {
        text = name(*answer.cause);
    }
    if (answer.written > 0 && answer.left_blank > 0) {
        add_item(text, "; ", fmt::format("{} of {} left blank", answer.left_blank, answer.written + answer.left_blank));
    }
    return text;
}

}  // namespace

std::string marking_text(const compare::Marking& marking, const Model& model) {
    std::vector<std::vector<std::string>> table{{"answer", "mark", ""}};
    for (const compare::MarkedAnswer& answer : marking.answers) {
        table.push_back({answer.symbol, std::string(name(answer.mark)), remark(answer)});
    }
    std::string text = aligned(table, Heading::first_row);
    for (const compare::MarkedAnswer& answer : marking.answers) {
        if (answer.mark != compare::Mark::wrong) {
            continue;
        }
        text += "\n" + answer.symbol + "\n";
        if (answer.cause) {
            add_wrapped(text, fmt::format("{}: {}", name(*answer.cause), mistake_text(answer, model)), 2);
        }
        const std::string own = rounded(answer.from_own), ours = rounded(answer.expected);
        add_wrapped(text,
                    fmt::format("at {} stands {}, where {} belongs{}", index_text(answer.where), rounded(answer.answer),
                                ours, when(own != ours, fmt::format("; the answers before it lead to {}", own))),
                    2);
    }
    text += "\n";
    if (marking.partly_blank() > 0) {
        text += counted(marking.partly_blank(), "number") + " left blank in answers that were begun\n";
    }
    text += fmt::format("{} of {} right", marking.count(compare::Mark::right), marking.answers.size());
    const std::size_t follows = marking.count(compare::Mark::follows);
    if (follows > 0) {
        text += fmt::format(", {} {} from an earlier mistake", follows, follows == 1 ? "follows" : "follow");
    }
    for (const compare::Mark mark : {compare::Mark::wrong, compare::Mark::blank}) {
        if (marking.count(mark) > 0) {
            text += fmt::format(", {} {}", marking.count(mark), name(mark));
        }
    }
    return text + "\n";
}

}  // namespace handgrad::cli
