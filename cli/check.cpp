// handgrad check: the gradient certificate of a model on rows of a table.
#include <fmt/format.h>

#include <string>
#include <utility>
#include <vector>

#include "cli/describe.hpp"
#include "cli/events.hpp"
#include "cli/labelled_call.hpp"
#include "cli/output.hpp"
#include "cli/text.hpp"
#include "cli/values.hpp"
#include "cli/verbs.hpp"
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
        "Every parameter's gradient and dyhat/dx, as the engine computes them in the model's own precision, against\n"
        "the complex step Im f(z + ih)/h, which uses no formula for a derivative. A bound that follows every rounding\n"
        "through the forward and the backward pass decides, not a fixed tolerance:\n"
        "  PASS          every entry is as near as rounding allows\n"
        "  FAIL          an entry is farther away than all roundings and kinks together explain; exit code 1\n"
        "  UNDETERMINED  neither: a kink lies within the rounding of z, or rounding could hide a wrong factor\n"
        "ulp is the largest error, in units of the last place scaled by the condition of the sum:\n"
        "|entry - witness| / (eps A), A = the sum of the absolute values of the entry's terms, eps = 2^-23 (f32) or\n"
        "2^-52 (f64). Kinks are entries with a term at a z that rounding could put on either side.\n"
        "The penalty (--weight-decay) is no part of this loss. Cost of a row: for each unit a forward pass through "
        "the\n"
        "layers above it; a model of 784-256-10 takes about 10 ms a row.\n");
    return parse_or_help(arguments, std::move(words));
}

std::string describe(const certify::Certificate& certificate) {
    std::vector<std::vector<std::string>> lines{{"", "verdict", "entries", "worst ulp", "at", "kinks", "undetermined"}};
    std::string faults;
    const auto add = [&](const certify::CertifiedTensor& tensor) {
        lines.push_back({tensor.name, std::string(name(tensor.verdict)), fmt::format("{}", tensor.entries),
                         fmt::format("{:.3g}", tensor.worst_ulp), fmt::format("[{}]", fmt::join(tensor.where, ",")),
                         fmt::format("{}", tensor.kinks), fmt::format("{}", tensor.undetermined)});
        if (tensor.verdict == certify::Verdict::fail) {
            faults += fmt::format(
                "{}: {} of {} wrong, at [{}] {:.9g} where the witness has {:.9g} and rounding explains "
                "{:.2g}; look at {}\n",
                tensor.name, tensor.failed, tensor.entries, fmt::join(tensor.where, ","), tensor.claimed,
                tensor.witness, tensor.bound, tensor.factor);
        }
    };
    for (const certify::CertifiedTensor& tensor : certificate.parameters) {
        add(tensor);
    }
    add(certificate.input);
    return aligned(lines, Heading::first_row) + faults +
           fmt::format("{}: {} checked\n", name(certificate.verdict), counted(certificate.rows, "row"));
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
    return certificate.verdict == certify::Verdict::fail ? failed_exit : 0;
}

}  // namespace handgrad::cli
