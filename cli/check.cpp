// handgrad check: the gradient certificate of a model on rows of a table.
#include <fmt/format.h>

#include <cmath>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cli/comparison_text.hpp"
#include "cli/describe.hpp"
#include "cli/events.hpp"
#include "cli/labelled_call.hpp"
#include "cli/output.hpp"
#include "cli/text.hpp"
#include "cli/values.hpp"
#include "cli/verbs.hpp"
#include "cli/wording.hpp"
#include "handgrad/certify/certificate.hpp"

namespace handgrad::cli {
namespace {

constexpr int failed_exit = 1;

struct CheckOptions : LabelledCall {
    certify::CertifyOptions certify;
};

bool parse(CheckOptions& options, std::vector<std::string> words) {
    Arguments arguments("check",
                        {"handgrad check price.model houses.csv", "handgrad check price.model houses.csv --rows 50",
                         "handgrad check price.model houses.csv --simd scalar --json"});
    declare_model_and_data(arguments, options);
    arguments.group("Check");
    arguments.option("--rows", "N", "at most so many rows, drawn from the table (256)", into(options.certify.rows, 1));
    arguments.option("--seed", "N", "of the draw (0)", into_seed(options.certify.seed));
    declare_table_and_output(arguments, options, "one event `certificate`");
    arguments.notes(
        "Every parameter's gradient and dyhat/dx, as the engine computes them, against the complex step Im f(z + "
        "ih)/h,\n"
        "which uses no formula for a derivative. Bounds that follow every rounding through the forward and the "
        "backward\n"
        "pass decide, not a fixed tolerance:\n"
        "  PASS          agrees within what rounding usually does, and 1 % of the tensor's norm more or less, another\n"
        "                sign, or zeros in one row or column of it would have been seen. PASS (zero): the tensor is 0\n"
        "                by its structure, as under --init zeros\n"
        "  FAIL          farther away than all roundings and kinks together explain, or another multiple of it\n"
        "  UNDETERMINED  neither, for the reason that is said\n"
        "Exit code: 0 when everything is PASS, else 1.\n"
        "would see: the smallest error, as a share of the tensor's norm, that would not have passed.\n"
        "ulp: the largest error of an entry, in units of the last place scaled by the condition of the sum:\n"
        "|entry - witness| / (eps A), A = the sum of the absolute values of the entry's terms, eps = 2^-23 (f32) or\n"
        "2^-52 (f64). Kinks are entries with a term at a z that rounding could put on either side. Indices from 0.\n"
        "Beside the rows as they are, in the model's precision and in f64: batches of one row, of two, and of lengths\n"
        "that are no multiple of any tile, longer than a leaf and than the largest group of rows (the first rows "
        "again\n"
        "and again), a training step, and dyhat/dx in the table's units through encoding and scaling.\n"
        "A run that cannot judge a tensor, because rounding would hide a gross error there, is named below the table "
        "with the\n"
        "reason: it counts neither for nor against the model. Of rows with weights it is said how many carry them.\n"
        "The penalty (--weight-decay) is no part of this loss. Cost of a row: for each unit a forward pass through "
        "the\n"
        "layers above it.\n");
    return parse_or_help(arguments, std::move(words));
}

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
    if (judgement.verdict == certify::Verdict::undetermined) {
        const bool boundless =
            judgement.doubt == certify::Doubt::no_digits && !std::isfinite(judgement.detection_limit);
        return fmt::format("{}: UNDETERMINED, {}{} ({})\n", tensor.name, judgement.reason(),
                           when(boundless, "; scale the columns, take smaller weights, or leave such rows out"),
                           tensor.run);
    }
    return fmt::format(
        "{}: {} of {} wrong, at [{}] {} where the witness has {} and rounding explains {} ({}); look at {}\n",
        tensor.name, judgement.failed, tensor.entries, fmt::join(tensor.where, ","), number_text(tensor.claimed, 9),
        number_text(tensor.witness, 9), number_text(tensor.bound, 2), tensor.run, tensor.factor);
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

/// What was run and how far it tells, then the verdict.
std::string scope(const certify::Certificate& certificate) {
    std::string runs;
    for (const certify::CertifiedRun& run : certificate.runs) {
        add_item(runs, ", ", run.what);
    }
    std::string text;
    add_wrapped(text, "Looked at: " + runs + ".", 0);
    text += told_in_part(certificate);
    text += fmt::format("{}: {} checked", name(certificate.verdict), counted(certificate.rows, "row"));
    if (2 * certificate.carrying_rows <= certificate.rows) {
        text += fmt::format(", of which {} {} 99 % of the weight or more", certificate.carrying_rows,
                            certificate.carrying_rows == 1 ? "carries" : "carry");
    }
    return text + "\n";
}

std::string describe(const certify::Certificate& certificate) {
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
    std::string text = aligned(lines, Heading::first_row) + remarks + "\n";
    return text + scope(certificate);
}

}  // namespace

int check(std::vector<std::string> words) {
    CheckOptions options;
    if (!parse(options, std::move(words))) {
        return 0;
    }
    Output output;
    const auto [model, table] = load(options);
    options.certify.applying = options.apply();
    options.certify.execution = options.execution;
    const certify::Certificate certificate = certify::certify(model, table, options.certify);
    output.answer(
        options.show.json, [&] { return certificate_event(certificate); }, [&] { return describe(certificate); });
    output.finish();
    if (certificate.verdict != certify::Verdict::pass) {
        return failed_exit;
    }
    return 0;
}

}  // namespace handgrad::cli
