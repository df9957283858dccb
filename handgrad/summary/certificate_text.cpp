// What check tells people: a line for each tensor, what keeps others from passing, and the verdict.
#include <fmt/format.h>

#include <cmath>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "handgrad/base/wording.hpp"
#include "handgrad/summary/comparison_text.hpp"
#include "handgrad/summary/layout.hpp"
#include "handgrad/summary/texts.hpp"

namespace handgrad::summary {
namespace {

std::string number_text(double number, int digits) {
    if (std::isnan(number)) {
        return "no number";
    }
    return fmt::format("{:.{}g}", number, digits);
}

/// Of numbers that are none there is no distance.
std::string ulp_text(double ulp) {
    if (!std::isfinite(ulp)) {
        return "-";
    }
    return fmt::format("{:.3g}", ulp);
}

/// What is to be said of a tensor that does not pass.
std::string remark(const certify::CertifiedTensor& tensor) {
    const certify::Judgement& judgement = tensor.judgement;
    const std::string run = when(!tensor.run.empty(), " (" + tensor.run + ")");  // claims are not from a run of ours
    if (judgement.verdict == certify::Verdict::undetermined) {
        const bool boundless =
            judgement.doubt == certify::Doubt::no_digits && !std::isfinite(judgement.detection_limit);
        return fmt::format("{}: UNDETERMINED, {}{}{}\n", tensor.name, judgement.reason(),
                           when(boundless, "; scale the columns, take smaller weights, or leave such rows out"), run);
    }
    return fmt::format(
        "{}: {} of {} wrong, at [{}] {} where the witness has {} and rounding explains {}{}; look at {}\n", tensor.name,
        judgement.failed, tensor.entries, fmt::join(tensor.where, ","), number_text(tensor.claimed, 9),
        number_text(tensor.witness, 9), number_text(tensor.bound, 2), run, tensor.factor);
}

/// Why a tensor of a run was not judged, in few words.
std::string_view hidden_by(certify::Doubt doubt) {
    switch (doubt) {
        case certify::Doubt::none:
            return "";
        case certify::Doubt::no_digits:
        case certify::Doubt::part_hidden:
            return "rounding alone may change the rest as much as a gross error would";
        case certify::Doubt::kinks:
            return "some z of the rest stand so near a kink that rounding decides their slope";
        case certify::Doubt::unusual:
            return "the rest differs by more than rounding usually makes it";
        case certify::Doubt::overflow:
            return "numbers of the rest overflow";
    }
    __builtin_unreachable();
}

/// Runs in which not every tensor could be judged, a sentence for each reason.
std::string told_in_part(const certify::Certificate& certificate) {
    std::map<std::string_view, std::string> runs;
    for (const certify::CertifiedRun& run : certificate.runs) {
        if (run.judged < run.tensors) {
            add_item(runs[hidden_by(run.doubt)], ", ", fmt::format("{} ({} of {})", run.what, run.judged, run.tensors));
        }
    }
    std::string text;
    for (const auto& [reason, these] : runs) {
        add_wrapped(text, fmt::format("Only so many of their tensors could be judged, as {}: {}.", reason, these), 0);
    }
    if (!runs.empty() && certificate.verdict == certify::Verdict::pass) {
        add_wrapped(text, "They count neither for nor against the model: other runs have judged the same tensors.", 0);
    }
    return text;
}

/// What a model promises of monotone columns; nothing of one that promises nothing.
std::string monotone_lines(const certify::CertifiedMonotone& monotone) {
    if (monotone.columns.empty()) {
        return "";
    }
    const std::string slopes = fmt::format("{} on the rows and on a grid", counted(monotone.slopes, "slope"));
    std::string what = "for all x, as every weight has the sign that makes it so; beside that ";
    if (!monotone.broken_by.empty()) {
        what = fmt::format("{}; ", monotone.broken_by);
    }
    what += monotone.against == 0 ? fmt::format("{}, none of them against it", slopes)
                                  : fmt::format("{}, {} of them against it", slopes, monotone.against);
    std::string text;
    add_wrapped(text,
                fmt::format("Monotone in {}: {}, {}.", fmt::join(monotone.columns, ", "), name(monotone.verdict), what),
                0);
    return text + "\n";
}

/// What was run and how far it tells, then the verdict.
std::string scope(const certify::Certificate& certificate) {
    std::string runs;
    for (const certify::CertifiedRun& run : certificate.runs) {
        add_item(runs, ", ", run.what);
    }
    std::string text;
    if (!runs.empty()) {
        add_wrapped(text, "Looked at: " + runs + ".", 0);
    }
    text += told_in_part(certificate);
    text += fmt::format("{}: {} checked", name(certificate.verdict), counted(certificate.rows, "row"));
    if (2 * certificate.carrying_rows <= certificate.rows) {
        text += fmt::format(", of which {} {} 99 % of the weight or more", certificate.carrying_rows,
                            certificate.carrying_rows == 1 ? "carries" : "carry");
    }
    return text + "\n";
}

}  // namespace

std::string certificate_text(const certify::Certificate& certificate) {
    std::vector<std::vector<std::string>> lines{{"", "verdict", "entries", "would see", "worst ulp", "at", "kinks"}};
    std::string remarks;
    const auto add = [&](const certify::CertifiedTensor& tensor) {
        lines.push_back({tensor.name, verdict_text(tensor.judgement), fmt::format("{}", tensor.entries),
                         detection_text(tensor.judgement), ulp_text(tensor.worst_ulp),
                         fmt::format("[{}]", fmt::join(tensor.where, ",")), fmt::format("{}", tensor.kinks)});
        if (tensor.judgement.verdict != certify::Verdict::pass) {
            remarks += "\n";
            add_wrapped(remarks, remark(tensor), 0);
        }
    };
    for (const certify::CertifiedTensor& tensor : certificate.parameters) {
        add(tensor);
    }
    add(certificate.input);
    if (certificate.hessian.entries > 0) {
        add(certificate.hessian);
    }
    std::string text = aligned(lines, Heading::first_row) + remarks + "\n";
    return text + monotone_lines(certificate.monotone) + scope(certificate);
}

}  // namespace handgrad::summary
