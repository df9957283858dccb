// Marks in a table, and under it what is wrong with which numbers.
#include "cli/marking_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <vector>

#include "cli/text.hpp"
#include "cli/wording.hpp"

namespace handgrad::cli {
namespace {

std::string slip_text(const compare::MarkedAnswer& answer, int digits) {
    const bool gradient = answer.symbol.starts_with("dl/dW");
    switch (*answer.slip) {
        case compare::Slip::missing_bias:
            return "the bias is forgotten: z = W x + b, not W x (Eq. 1)";
        case compare::Slip::missing_activation:
            if (gradient) {
                return "dl/dW takes what enters the layer, f(z), not z (Table 2)";
            }
            return "the activation is forgotten: f(z) goes on, not z (Table 1)";
        case compare::Slip::raw_input:
            return "x as it stands in the table was used; the network sees it scaled, as the sheet says beside it";
        case compare::Slip::raw_target:
            return "y as it stands in the table was used; the network learns it scaled, as the sheet says beside it";
        case compare::Slip::missing_rate:
            return "eta is forgotten: w - eta dl/dw, not w - dl/dw (Eq. 4)";
        case compare::Slip::too_few_digits:
            return fmt::format("right as far as it goes; {} significant digits are wanted", digits);
    }
    __builtin_unreachable();
}

/// `entry 2`, `row 1, column 2`: counted from 1, as people count.
std::string place_text(const std::vector<std::size_t>& where) {
    if (where.size() == 1) {
        return fmt::format("entry {}", where[0] + 1);
    }
    return fmt::format("row {}, column {}", where[0] + 1, where[1] + 1);
}

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
std::string mistake_text(const compare::MarkedAnswer& answer, const Model& model, int digits) {
    if (answer.slip) {
        return slip_text(answer, digits);
    }
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
    } else {
        text = answer.cause_name();
    }
    const std::size_t unreadable = answer.count_unreadable(), all = answer.written + answer.left_blank + unreadable;
    if (answer.written + unreadable > 0 && answer.left_blank > 0) {
        add_item(text, "; ", fmt::format("{} of {} left blank", answer.left_blank, all));
    }
    if (unreadable > 0 && answer.written > 0) {
        add_item(text, "; ", fmt::format("{} of {} cannot be read", unreadable, all));
    }
    return text;
}

/// What is said of one answer under the table.
void add_details(std::string& text, const compare::MarkedAnswer& answer, const Model& model, int digits) {
    const bool differs = answer.mark == compare::Mark::wrong || answer.mark == compare::Mark::imprecise;
    if (!differs && answer.unreadable.empty()) {
        return;
    }
    text += "\n" + answer.symbol + "\n";
    if (answer.cause || answer.slip) {
        add_wrapped(text, fmt::format("{}: {}", answer.cause_name(), mistake_text(answer, model, digits)), 2);
    }
    if (differs) {
        const std::string own = rounded(answer.from_own), ours = rounded(answer.expected);
        std::string from_own;
        if (own != ours) {
            from_own = fmt::format("; the answers before it lead to {}", own);
        }
        add_wrapped(text,
                    fmt::format("at {} stands {}, where {} belongs{}", place_text(answer.where), rounded(answer.answer),
                                ours, from_own),
                    2);
    }
    for (const compare::Unreadable& cell : answer.unreadable) {
        std::string place;
        if (!cell.where.empty()) {
            place = " (" + place_text(cell.where) + ")";
        }
        add_wrapped(text, fmt::format("cannot be read: {}{}", cell.told(), place), 2);
    }
}

}  // namespace

std::string marking_text(const compare::Marking& marking, const Model& model) {
    std::vector<std::vector<std::string>> table{{"answer", "mark", ""}};
    for (const compare::MarkedAnswer& answer : marking.answers) {
        table.push_back({answer.symbol, std::string(name(answer.mark)), remark(answer)});
    }
    std::string text = aligned(table, Heading::first_row);
    for (const compare::MarkedAnswer& answer : marking.answers) {
        add_details(text, answer, model, marking.how.digits);
    }
    text += "\n";
    for (const std::string& stray : marking.remarks) {
        add_wrapped(text, stray, 0);
    }
    if (marking.partly_blank() > 0) {
        text += counted(marking.partly_blank(), "number") + " left blank in answers that were begun\n";
    }
    if (marking.unreadable() > 0) {
        text += fmt::format("not judged, since unreadable: {}\n", counted(marking.unreadable(), "number"));
    }
    text += fmt::format("{} of {} right", marking.count(compare::Mark::right), marking.answers.size());
    const std::size_t follows = marking.count(compare::Mark::follows);
    if (follows > 0) {
        text += fmt::format(", {} {} from an earlier mistake", follows, "follow" + when(follows == 1, "s"));
    }
    for (const compare::Mark mark :
         {compare::Mark::imprecise, compare::Mark::wrong, compare::Mark::unreadable, compare::Mark::blank}) {
        if (marking.count(mark) > 0) {
            text += fmt::format(", {} {}", marking.count(mark), name(mark));
        }
    }
    return text + "\n";
}

}  // namespace handgrad::cli
