// handgrad compare: somebody else's gradients, or an exercise sheet that was filled in, against ours, and the cause of
// each difference by its name.
#include <fmt/format.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cli/events.hpp"
#include "cli/labelled_call.hpp"
#include "cli/marking_text.hpp"
#include "cli/output.hpp"
#include "cli/step_options.hpp"
#include "cli/text.hpp"
#include "cli/verbs.hpp"
#include "handgrad/base/atomic_file.hpp"
#include "handgrad/compare/answers.hpp"
#include "handgrad/compare/comparison.hpp"
#include "handgrad/compare/marking.hpp"
#include "handgrad/explain/compose.hpp"

namespace handgrad::cli {
namespace {

constexpr int difference_exit = 1;

struct CompareOptions : LabelledCall {
    std::string gradients;
    std::string answers;
    std::size_t row = 0;  ///< from 1; 0: none
    std::optional<double> tolerance;
    StepGiven step;
};

void check(const CompareOptions& options) {
    if (options.gradients.empty() && options.answers.empty()) {
        usage_error(
            "--gradients is missing; name the file of gradients to judge, for instance --gradients mine.npz, or an "
            "exercise sheet that was filled in: --answers exercise.txt --row 1");
    }
    if (!options.gradients.empty() && !options.answers.empty()) {
        usage_error("--gradients and --answers: one thing is judged at a time; leave out either");
    }
    if (!options.answers.empty() && options.row == 0) {
        usage_error(
            fmt::format("--row is missing: say which row of {} the answers are for (1 is the first below the "
                        "header)",
                        options.data));
    }
    if (options.answers.empty() && options.row != 0) {
        usage_error("--row belongs to --answers; gradients are judged over all rows of the table");
    }
    if (options.answers.empty() && options.tolerance) {
        usage_error("--tolerance belongs to --answers; gradients may differ by what rounding can do, and no more");
    }
    if (options.answers.empty() && options.step.any()) {
        usage_error("the options of the update belong to --answers; gradients do not depend on the optimizer");
    }
}

bool parse(CompareOptions& options, std::vector<std::string> words) {
    Arguments arguments("compare", {"handgrad compare price.model batch.csv --gradients mine.npz",
                                    "handgrad compare price.model batch.csv --gradients torch.safetensors --json",
                                    "handgrad compare price.model houses.csv --answers exercise.txt --row 3"});
    declare_model_and_data(arguments, options);
    arguments.group("What to judge");
    arguments.option("--gradients", "FILE", "the gradients to judge: .npz (np.savez) or .safetensors, tensors by name",
                     into(options.gradients));
    arguments.option("--answers", "FILE",
                     "an exercise sheet of explain --blank that was filled in: text, Markdown, CSV or JSON",
                     into(options.answers));
    arguments.option("--row", "N", "the row of DATA that the answers are for; rows count from 1, without the header",
                     into(options.row, 1));
    arguments.option("--tolerance", "X", tolerance_help, into(options.tolerance, tolerance_range));
    declare_step(arguments, options.step, "The update of the sheet (as the model was trained; as explain was told)");
    declare_table_and_output(arguments, options, "one event `comparison`, or `marking`");
    arguments.notes(
        "What is compared: the gradient of the mean loss over all rows of DATA, by the model's weights, with the\n"
        "loss, reductions, penalty and ReLU'(0) that the model declares (see handgrad inspect), on columns and "
        "targets\n"
        "encoded and scaled as in training (handgrad encode writes them). Ours is computed in double, whatever the\n"
        "model's precision; theirs may differ by what rounding in their precision does, not by a fixed number.\n"
        "  PASS          agrees, and 1 % of the tensor's norm, another sign or zeros in a row would have been seen\n"
        "  FAIL          no rounding explains it; a known mistake is named, else where to look\n"
        "  UNDETERMINED  neither: the numbers have too few digits, or a kink lies too near\n"
        "would see: the smallest error, as a share of the tensor's norm, that would not have passed.\n"
        "Tensors are called linear1.weight (out x in), linear1.bias, linear2.weight ...; one numbered family is\n"
        "understood too: 0.weight, 2.weight ..., fc1.weight ... out.weight, W1 and b1, dJdW1, dL/dW1, W1_grad, gW1,\n"
        "dense/kernel; arr_0 ... by shape where that leaves no doubt. A file with some of the tensors is judged on\n"
        "those; what is no gradient by its name (loss, X, W1 beside dW1) is left out, and named.\n"
        "Answers are right to the digits that the sheet asks for (3 where it says nothing). What was worked out\n"
        "rightly from a wrong answer before it follows: only the first mistake counts. A known mistake is named. A "
        "cell\n"
        "that cannot be read costs only itself. Marks count entries from 1, as the sheet does; positions in tensors "
        "and\n"
        "in JSON count from 0.\n"
        "Exit code: 0 when all tensors pass or no answer is wrong, imprecise or unreadable, 1 otherwise.\n");
    if (!parse_or_help(arguments, std::move(words))) {
        return false;
    }
    check(options);
    return true;
}

int judge_gradients(const CompareOptions& options) {
    Output output;
    const std::vector<NamedArray> theirs = compare::read_gradients(options.gradients);
    const auto loaded = load(options);
    const Model& model = loaded.model;
    const Table& table = loaded.table;
    const compare::Comparison comparison = compare::compare_gradients(
        model, table, theirs, options.gradients, options.applying.allow_extra, options.execution.threads);
    output.answer(
        options.show.json, [&] { return comparison_event(comparison); },
        [&] { return comparison_text(comparison, model); });
    output.finish();
    return comparison.pass() ? 0 : difference_exit;
}

int mark_sheet(const CompareOptions& options) {
    Output output;
    const std::string sheet = read_file(options.answers);
    const std::string no_sheet = compare::why_no_sheet(options.answers, sheet);
    if (!no_sheet.empty()) {
        throw Error(ErrorKind::data, options.answers + ": " + no_sheet);
    }
    const auto loaded = load(options);
    const Model& model = loaded.model;
    const Table& table = loaded.table;
    const explain::Explanation explanation = explain(model, overruled(explain::step_options_of(model), options.step),
                                                     table, options.row - 1, options.applying.allow_extra);
    compare::check_row_of_sheet(sheet, options.answers, options.row);
    const compare::MarkingOptions how{
        .digits = compare::sheet_says(sheet, options.answers).digits.value_or(explain::usual_digits_wanted),
        .tolerance = options.tolerance};
    const compare::Marking marking =
        compare::mark_answers(explanation, compare::read_sheet(sheet, options.answers, explanation.derivation), how);
    output.answer(
        options.show.json, [&] { return marking_event(marking); }, [&] { return marking_text(marking, model); });
    output.finish();
    return marking.passed() ? 0 : difference_exit;
}

}  // namespace

int compare(std::vector<std::string> words) {
    CompareOptions options;
    if (!parse(options, std::move(words))) {
        return 0;
    }
    return options.answers.empty() ? judge_gradients(options) : mark_sheet(options);
}

}  // namespace handgrad::cli
