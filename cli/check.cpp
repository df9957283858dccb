// handgrad check: the gradient certificate of a model on rows of a table.
#include <fmt/format.h>

#include <string>
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
        "The penalty (--weight-decay) is no part of this loss. Cost of a row: for each unit a forward pass through "
        "the\n"
        "layers above it; a model of 784-256-10 takes about 10 ms a row.\n");
    return parse_or_help(arguments, std::move(words));
}

/// What is to be said of a tensor that does not pass.
std::string remark(const certify::CertifiedTensor& tensor) {
    if (tensor.judgement.verdict == certify::Verdict::undetermined) {
        return fmt::format("{}: UNDETERMINED, {} ({})\n", tensor.name, tensor.judgement.reason(), tensor.run);
    }
    return fmt::format(
        "{}: {} of {} wrong, at [{}] {:.9g} where the witness has {:.9g} and rounding explains {:.2g} ({}); look at "
        "{}\n",
        tensor.name, tensor.judgement.failed, tensor.entries, fmt::join(tensor.where, ","), tensor.claimed,
        tensor.witness, tensor.bound, tensor.run, tensor.factor);
}

/// All that was run, in a sentence; what told nothing is said to.
std::string scope(const certify::Certificate& certificate) {
    std::string text;
    for (const certify::CertifiedRun& run : certificate.runs) {
        const bool silent = run.verdict == certify::Verdict::undetermined && run.what != certificate.runs.front().what;
        add_item(text, ", ", run.what + when(silent, " (told little)"));
    }
    return text;
}

std::string describe(const certify::Certificate& certificate) {
    std::vector<std::vector<std::string>> lines{{"", "verdict", "entries", "would see", "worst ulp", "at", "kinks"}};
    std::string remarks;
    const auto add = [&](const certify::CertifiedTensor& tensor) {
        lines.push_back({tensor.name, verdict_text(tensor.judgement), fmt::format("{}", tensor.entries),
                         detection_text(tensor.judgement), fmt::format("{:.3g}", tensor.worst_ulp),
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
    add_wrapped(text, "Looked at: " + scope(certificate) + ".", 0);
    return text + fmt::format("{}: {} checked\n", name(certificate.verdict), counted(certificate.rows, "row"));
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
