// handgrad check: the gradient certificate of a model on rows of a table.
#include <fmt/format.h>

#include <cmath>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

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
        "Second derivatives of a network that bends are judged too, against the complex step of dyhat/dx: FAIL there "
        "fails\n"
        "all, UNDETERMINED there leaves the verdict as it is.\n"
        "A model that was trained with --monotone is monotone for all x if its weights have the signs for it, which "
        "is\n"
        "looked at exactly; FAIL names the first that has not. Slopes on the rows and on a grid are a second witness.\n"
        "A run that cannot judge a tensor, because rounding would hide a gross error there, is named below the table "
        "with the\n"
        "reason: it counts neither for nor against the model. Of rows with weights it is said how many carry them.\n"
        "The penalty (--weight-decay) is no part of this loss. Cost of a row: for each unit a forward pass through "
        "the\n"
        "layers above it.\n");
    return parse_or_help(arguments, std::move(words));
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
        options.show.json, [&] { return certificate_event(certificate); },
        [&] { return certificate_text(certificate); });
    output.finish();
    if (certificate.verdict != certify::Verdict::pass) {
        return failed_exit;
    }
    return 0;
}

}  // namespace handgrad::cli
