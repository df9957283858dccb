// Tables of names: scikit-learn, Keras, PyTorch, XGBoost, pandas and R.
#include "cli/foreign_names.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <utility>

#include "cli/values.hpp"
#include "cli/wording.hpp"
#include "handgrad/data/table.hpp"
#include "handgrad/train/trainer.hpp"

namespace handgrad::cli {
namespace {

using Name = std::pair<std::string_view, std::string_view>;

/// The same thing under another name.
constexpr std::array same_options{
    Name{"activation", "--hidden-activation"},
    Name{"batchsize", "--batch"},
    Name{"batch-size", "--batch"},
    Name{"minibatch", "--batch"},
    Name{"mini-batch-size", "--batch"},
    Name{"patience", "--early-stopping"},
    Name{"early-stopping-patience", "--early-stopping"},
    Name{"early-stopping-rounds", "--early-stopping"},
    Name{"n-iter-no-change", "--early-stopping"},
    Name{"epoch", "--epochs"},
    Name{"max-epochs", "--epochs"},
    Name{"max-iter", "--epochs"},
    Name{"maxit", "--epochs"},
    Name{"n-epochs", "--epochs"},
    Name{"nb-epoch", "--epochs"},
    Name{"num-epochs", "--epochs"},
    Name{"hidden-layer-sizes", "--hidden"},
    Name{"hidden-sizes", "--hidden"},
    Name{"hidden-units", "--hidden"},
    Name{"units", "--hidden"},
    Name{"optim", "--optimizer"},
    Name{"optimiser", "--optimizer"},
    Name{"solver", "--optimizer"},
    Name{"learning-rate-init", "--learning-rate"},
    Name{"step-size", "--learning-rate"},
    Name{"lr-schedule", "--schedule"},
    Name{"lr-scheduler", "--schedule"},
    Name{"beta-1", "--beta1"},
    Name{"beta-2", "--beta2"},
    Name{"eps", "--epsilon"},
    Name{"wd", "--weight-decay"},
    Name{"random-seed", "--seed"},
    Name{"random-state", "--seed"},
    Name{"val", "--validation"},
    Name{"val-fraction", "--validation"},
    Name{"val-split", "--validation"},
    Name{"validation-fraction", "--validation"},
    Name{"validation-size", "--validation"},
    Name{"validation-split", "--validation"},
    Name{"test-fraction", "--test"},
    Name{"test-size", "--test"},
    Name{"test-split", "--test"},
    Name{"sample-weight", "--weight"},
    Name{"weight-column", "--weight"},
    Name{"groups", "--group"},
    Name{"label", "--target"},
    Name{"labels", "--target"},
    Name{"outcome", "--target"},
    Name{"response", "--target"},
    Name{"target-column", "--target"},
    Name{"targets", "--target"},
    Name{"y", "--target"},
    Name{"out", "--output"},
    Name{"output-file", "--output"},
    Name{"save", "--output"},
    Name{"save-model", "--output"},
    Name{"delim", "--delimiter"},
    Name{"sep", "--delimiter"},
    Name{"separator", "--delimiter"},
    Name{"dec", "--decimal"},
    Name{"missing-values", "--missing"},
    Name{"na", "--missing"},
    Name{"na-strings", "--missing"},
    Name{"na-values", "--missing"},
    Name{"cat-features", "--categorical"},
    Name{"categorical-columns", "--categorical"},
    Name{"categorical-features", "--categorical"},
    Name{"drop-cols", "--drop"},
    Name{"drop-columns", "--drop"},
    Name{"exclude", "--drop"},
    Name{"ignore-columns", "--drop"},
    Name{"imputer", "--impute"},
    Name{"jobs", "--threads"},
    Name{"n-jobs", "--threads"},
    Name{"n-threads", "--threads"},
    Name{"nthread", "--threads"},
    Name{"nthreads", "--threads"},
    Name{"nesterovs-momentum", "--nesterov"},
};

constexpr std::string_view no_clipping =
    "gradients are not clipped, since the loss that is printed is the function whose derivative is used; a smaller "
    "--learning-rate, or --loss huber, keeps steps small";
constexpr std::string_view no_device =
    "everything runs on the processor, which is fast for networks of this size; --threads says how much of it may work";
constexpr std::string_view widths = "--hidden takes the width of each hidden layer: --hidden 32,32 for two";

/// What is not there, and what to do instead.
constexpr std::array absent_options{
    Name{"amsgrad", "there is no AMSGrad; choose with --optimizer among those of --help"},
    Name{"batch-norm",
         "there is no batch normalisation: what a row is predicted as must not depend on the rows beside it; "
         "inputs are standardised by --scale standard"},
    Name{"clip", no_clipping},
    Name{"clip-norm", no_clipping},
    Name{"cuda", no_device},
    Name{"device", no_device},
    Name{"dropout",
         "there is no dropout: it differentiates another network in every step, so that the loss that is "
         "printed would not be the function whose derivative is used; --weight-decay and --early-stopping "
         "keep a network from learning its rows by heart"},
    Name{"gpu", no_device},
    Name{"hidden-layers", widths},
    Name{"l1", "there is no L1 penalty; --weight-decay ALPHA adds ALPHA/2 times the sum of squared weights"},
    Name{"n-layers", widths},
    Name{"normalize", "say which way: --scale standard (mean 0, deviation 1) or --scale minmax (from 0 to 1)"},
    Name{"num-layers", widths},
    Name{"verbose", "progress is shown unless --quiet is given, and in full with --json"},
    Name{"warm-start", "--init-from FILE begins with the weights of a model"},
};

constexpr std::array same_choices{
    Name{"logistic", "sigmoid"},
    Name{"linear", "identity"},
    Name{"swish", "silu"},
    Name{"leakyrelu", "leaky_relu"},
    Name{"bce", "binary_cross_entropy"},
    Name{"binary_crossentropy", "binary_cross_entropy"},
    Name{"categorical_crossentropy", "cross_entropy"},
    Name{"crossentropy", "cross_entropy"},
    Name{"ce", "cross_entropy"},
    Name{"pinball", "quantile"},
    Name{"float32", "f32"},
    Name{"single", "f32"},
    Name{"float64", "f64"},
    Name{"double", "f64"},
    Name{"adam_w", "adamw"},
    Name{"glorot", "xavier"},
    Name{"kaiming", "he"},
    Name{"zscore", "standard"},
    Name{"z-score", "standard"},
    Name{"min-max", "minmax"},
};
constexpr std::string_view mean_of_squares =
    "that is the mean over the targets, squared_error the sum (of one target the same; the convention sklearn halves "
    "it); write squared_error, whose minimum is the same";
constexpr std::string_view mean_of_errors =
    "that is the mean over the targets, absolute_error the sum (of one target the same); write absolute_error, whose "
    "minimum is the same";
constexpr std::array other_choices{
    Name{"mse", mean_of_squares}, Name{"mean_squared_error", mean_of_squares}, Name{"l2", mean_of_squares},
    Name{"mae", mean_of_errors},  Name{"mean_absolute_error", mean_of_errors}, Name{"l1", mean_of_errors},
};

template <std::size_t count>
std::string_view second_of(const std::array<Name, count>& table, std::string_view first) {
    const auto found = std::ranges::find(table, first, &Name::first);
    return found == table.end() ? std::string_view() : found->second;
}

/// `--Batch_Size` → `batch-size`.
std::string bare(std::string_view option) {
    std::string name(option.substr(std::min(option.find_first_not_of('-'), option.size())));
    std::ranges::transform(name, name.begin(), [](unsigned char c) {
        if (c == '_') {
            return '-';
        }
        return static_cast<char>(std::tolower(c));
    });
    return name;
}

/// `(100, 50,)` → `100,50`, as Python writes tuples and lists.
std::string without_brackets(std::string list) {
    std::erase_if(list, [](char c) { return std::string_view(" ()[]").find(c) != std::string_view::npos; });
    if (list.ends_with(',')) {
        list.pop_back();
    }
    return list;
}

/// Penalties that are scaled in another way than ½ α Σ w² beside a mean over rows.
void refuse_penalty(const std::string& place, std::string_view name, const std::string& value, double batch) {
    const ParsedNumber number = parse_number(value);
    const bool known = number.problem == NumberProblem::none;
    const auto converted = [&](double factor) { return known ? format_number(number.value * factor) : "ALPHA"; };
    if (name == "alpha") {
        usage_error(
            place +
            fmt::format(
                ": scikit-learn divides this penalty by the rows of a batch and halves the squared error, handgrad's "
                "own convention does neither; with sgd or adam write --convention sklearn --weight-decay {0}, or of a "
                "batch of {1} rows "
                "--weight-decay {2} for classes and --weight-decay {3} for numbers",
                converted(1.0), format_number(batch), converted(1.0 / batch), converted(2.0 / batch)));
    }
    if (name == "l2" || name == "l2-regularization" || name == "kernel-regularizer") {
        usage_error(
            fmt::format("{}: Keras adds {} times the sum of squared weights to the loss, --weight-decay half of "
                        "it; with sgd or adam write --weight-decay {}",
                        place, known ? value : "this", converted(2.0)));
    }
}

NativeOption converted(std::string_view name, const std::string& value) {
    NativeOption native{std::string(name)};
    const std::string plain = bare(value);
    if (name == "--nesterov") {
        native.takes_word = plain == "true" || plain == "false";
        native.name = when(plain != "false", name);
    } else if (name == "--threads" && value == "-1") {
        native.name.clear();  // all of them, as without the option
    } else if (name == "--hidden" && !value.empty()) {
        native.value = without_brackets(value);
    } else if (!value.empty()) {
        native.value = value;
    }
    return native;
}

/// The rows of a batch that a command line asks for.
double rows_of_batch(const std::vector<std::string>& words) {
    for (std::size_t i = 0; i + 1 < words.size(); ++i) {
        const std::string name = bare(words[i]);
        const ParsedNumber number = parse_number(words[i + 1]);
        if ((name == "batch" || name == "batch-size") && number.problem == NumberProblem::none && number.value > 0) {
            return number.value;
        }
    }
    return static_cast<double>(TrainOptions{}.batch);
}

}  // namespace

std::optional<NativeOption> native_option(const std::string& place, std::string_view name, const std::string& value,
                                          double batch) {
    const std::string plain = bare(name);
    refuse_penalty(place, plain, value, batch);
    if (const std::string_view why = second_of(absent_options, plain); !why.empty()) {
        usage_error(fmt::format("{}: {}", place, why));
    }
    if (plain == "standardize" || plain == "standardise") {
        return NativeOption{.name = "--scale", .value = "standard", .takes_word = false};
    }
    const std::string_view here = second_of(same_options, plain);
    if (here.empty()) {
        return std::nullopt;
    }
    return converted(here, value);
}

std::vector<std::string> with_native_options(std::vector<std::string> words, const std::vector<std::string>& known) {
    const auto is_known = [&](const std::string& name) { return std::ranges::find(known, name) != known.end(); };
    const double batch = rows_of_batch(words);
    std::vector<std::string> result;
    std::size_t i = 0;
    for (; i < words.size() && words[i] != "--"; ++i) {
        const std::string& word = words[i];
        const std::size_t equals = std::min(word.find('='), word.size());
        const std::string name = word.substr(0, equals), ours = "--" + bare(name);
        if (!name.starts_with("--") || is_known(name)) {
            result.push_back(std::move(words[i]));
            continue;
        }
        if (is_known(ours)) {
            result.push_back(ours + word.substr(equals));
            continue;
        }
        const bool behind = equals == word.size() && i + 1 < words.size() && !words[i + 1].starts_with("--");
        std::string value = word.substr(std::min(equals + 1, word.size()));
        if (behind) {
            value = words[i + 1];
        }
        const std::optional<NativeOption> native = native_option(name, name, value, batch);
        if (!native || (!native->name.empty() && !is_known(native->name))) {
            result.push_back(word);  // for the message about unknown ones
            continue;
        }
        if (!native->name.empty()) {
            result.push_back(native->name);
        }
        if (native->value) {
            result.push_back(*native->value);
        }
        i += std::size_t{behind && native->takes_word};
    }
    result.insert(result.end(), words.begin() + static_cast<std::ptrdiff_t>(i), words.end());
    return result;
}

std::string native_choice(const std::string& place, const std::string& text) {
    std::string lower = text;
    std::ranges::transform(lower, lower.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    if (const std::string_view why = second_of(other_choices, lower); !why.empty()) {
        usage_error(fmt::format("{}: {}", place, why));
    }
    const std::string_view here = second_of(same_choices, lower);
    return here.empty() ? text : std::string(here);
}

}  // namespace handgrad::cli
