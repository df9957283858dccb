// handgrad compare: somebody else's gradients against ours, and the cause of each difference by its name.
#include <fmt/format.h>

#include <string>
#include <utility>
#include <vector>

#include "cli/comparison_text.hpp"
#include "cli/describe.hpp"
#include "cli/events.hpp"
#include "cli/labelled_call.hpp"
#include "cli/output.hpp"
#include "cli/verbs.hpp"
#include "handgrad/explain/comparison.hpp"

namespace handgrad::cli {
namespace {

constexpr int difference_exit = 1;

struct CompareOptions : LabelledCall {
    std::string gradients;
};

bool parse(CompareOptions& options, std::vector<std::string> words) {
    Arguments arguments("compare", {"handgrad compare price.model batch.csv --gradients mine.npz",
                                    "handgrad compare price.model batch.csv --gradients torch.safetensors --json"});
    declare_model_and_data(arguments, options);
    arguments.group("What to judge");
    arguments.option("--gradients", "FILE", "the gradients to judge: .npz (np.savez) or .safetensors, tensors by name",
                     into(options.gradients));
    declare_table_and_output(arguments, options, "one event `comparison`");
    arguments.notes(
        "What is compared: the gradient of the mean loss over all rows of DATA, by the model's weights, with the\n"
        "loss, reductions and ReLU'(0) that the model declares (see handgrad inspect), on columns and targets\n"
        "encoded and scaled as in training. The L2 penalty is left out. Ours is computed in double, whatever the\n"
        "model's precision; theirs may differ by what rounding in their precision can do, not by a fixed number.\n"
        "Tensors are called linear1.weight (out x in), linear1.bias, linear2.weight ...; one numbered family is\n"
        "understood too: 0.weight, 2.weight ..., fc1.weight ..., W1 and b1 ....\n"
        "Exit code: 0 when all tensors pass, 1 when one fails.\n");
    if (!parse_or_help(arguments, std::move(words))) {
        return false;
    }
    if (options.gradients.empty()) {
        usage_error("--gradients is missing; name the file of gradients to judge, for instance --gradients mine.npz");
    }
    return true;
}

}  // namespace

int compare(std::vector<std::string> words) {
    CompareOptions options;
    if (!parse(options, std::move(words))) {
        return 0;
    }
    Output output;
    const std::vector<NamedArray> theirs = read_gradients(options.gradients);
    const auto [model, table] = load(options);
    const Comparison comparison =
        compare_gradients(model, table, theirs, options.gradients, options.applying.allow_extra);
    output.write(options.show.json ? comparison_event(comparison) : comparison_text(comparison, model));
    output.finish();
    return comparison.pass ? 0 : difference_exit;
}

}  // namespace handgrad::cli
