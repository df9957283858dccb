// What fit() decides for the user, and the choices that it refuses.
#include "handgrad/train/decisions.hpp"

#include <algorithm>
#include <cmath>
#include <initializer_list>
#include <string_view>
#include <utility>

#include "handgrad/base/error.hpp"
#include "handgrad/base/wording.hpp"
#include "handgrad/store/convention_names.hpp"

namespace handgrad {
namespace {

std::string text(std::string_view view) { return std::string(view); }

/// Outputs without an upper bound are numbers, not shares of a class.
bool numbers_output(Activation activation) { return std::isinf(facts(activation).highest); }
/// Whether the loss or the output is one of probabilities.
bool asks_for_classes(const FitOptions& options) {
    return options.loss == Loss::cross_entropy || options.loss == Loss::binary_cross_entropy ||
           options.output_activation == Activation::softmax || options.output_activation == Activation::sigmoid;
}
/// Texts of which hardly one returns are names or remarks rather than classes. Raises Error(data).
void refuse_names(const Table& table, const Column& target) {
    constexpr std::size_t few = 20;  // of a small table each class may well be there once
    const bool text = target.has_texts && !target.has_numbers && target.texts.size() > few;
    const std::size_t labels = table.rows - target.missing;
    if (text && target.texts.size() * 2 > labels) {
        throw Error(ErrorKind::data, table.source + ": column '" + target.name +
                                         "': " + std::to_string(target.texts.size()) + " different texts in " +
                                         plural(labels, "row") + " are no classes that can be learned; name another " +
                                         "target, or insist on classes")
            .about("target")
            .about("task", "classification");
    }
}

Head regression_head(const FitOptions& options) {
    const Loss loss = options.loss.value_or(Loss::squared_error);
    return {.output = options.output_activation.value_or(output_for(loss)), .loss = loss};
}

/// One yes or no for each target.
Head multilabel_head(const FitOptions& options) {
    Head head{options.output_activation.value_or(Activation::sigmoid), Loss::binary_cross_entropy};
    if (head.output != Activation::sigmoid) {
        head.loss = Loss::squared_error;  // ŷ is no probability
    }
    head.loss = options.loss.value_or(head.loss);
    return head;
}

/// Whether a classification gets softmax outputs, as far as one is asked for, or for its number of classes.
bool takes_softmax(const FitOptions& options, std::size_t classes) {
    if (options.output_activation) {
        return *options.output_activation == Activation::softmax;
    }
    if (options.loss) {
        return *options.loss == Loss::cross_entropy || (classes != 2 && *options.loss != Loss::binary_cross_entropy);
    }
    return classes != 2;
}

Head classification_head(const FitOptions& options, std::size_t classes) {
    Head head{Activation::sigmoid, Loss::binary_cross_entropy};
    if (takes_softmax(options, classes)) {
        head = {Activation::softmax, Loss::cross_entropy};
    }
    head.output = options.output_activation.value_or(head.output);
    if (!options.loss && options.output_activation && head.output != Activation::softmax &&
        head.output != Activation::sigmoid) {
        head.loss = Loss::squared_error;  // ŷ is no probability
    }
    head.loss = options.loss.value_or(head.loss);
    return head;
}

/// In epochs, of a table with so many rows.
std::size_t patience_of(std::size_t rows, const TrainOptions& options) {
    const auto training = static_cast<std::size_t>(static_cast<double>(rows) * (1.0 - usual_validation_share));
    std::size_t steps = 1;
    if (!facts(options.optimizer.kind).all_rows) {
        steps = std::max<std::size_t>(1, (training + options.batch - 1) / options.batch);
    }
    return std::max(usual_patience, (usual_patience_steps + steps - 1) / steps);
}

}  // namespace

Task decide_task(const Table& table, const FitOptions& options, const Tell& tell) {
    const std::string targets = quoted(options.columns.targets);
    const bool one = options.columns.targets.size() == 1;
    if (options.task == Task::classification && !one) {
        return Task::multilabel;
    }
    if (options.task) {
        return *options.task;
    }
    if (options.loss && regression_loss(*options.loss)) {
        tell({"task: regression, as the loss " + text(name(*options.loss)) + " says"});
        return Task::regression;
    }
    if (options.output_activation && numbers_output(*options.output_activation)) {
        tell({"task: regression, as the output activation " + text(name(*options.output_activation)) + " says"});
        return Task::regression;
    }
    const bool shares = options.output_activation == Activation::softmax || options.loss == Loss::cross_entropy;
    if (!one && shares) {
        tell({"task: regression, of shares that sum to 1 as softmax has them"});
        return Task::regression;
    }
    const GuessedTask guess = guess_task(table, options.columns.targets);
    if (guess.few_whole_numbers && asks_for_classes(options)) {
        tell({.text = "task: classification, as the loss or the output activation says",
              .overruled_by = SettingHint{"task", "regression"}});
        return Task::classification;
    }
    if (one) {
        refuse_names(table, table.column(options.columns.targets.front()));
    }
    Notice notice{"task: " + text(name(guess.task)) + ", for target" + when(!one, "s") + " " + targets + ": " +
                  guess.because};
    if (guess.task != Task::regression) {
        notice.overruled_by = SettingHint{"task", "regression"};
    } else if (one) {
        notice.overruled_by = SettingHint{"task", "classification"};
    }
    tell(notice);
    return guess.task;
}

Head decide_head(const FitOptions& options, Task task, std::size_t classes) {
    Head head = regression_head(options);
    if (task == Task::classification) {
        head = classification_head(options, classes);
    } else if (task == Task::multilabel) {
        head = multilabel_head(options);
    }
    check_pair(head.output, head.loss);
    return head;
}

void refuse_unused(const FitOptions& options, Loss loss) {
    const FitOptions usual;
    const auto refuse = [](bool unused, const std::string& setting, const std::string& of_what) {
        if (unused) {
            throw Error(ErrorKind::usage,
                        setting + ": it belongs to " + of_what + ", which is not used here; leave it out")
                .about(setting);
        }
    };
    refuse(options.quantile != usual.quantile && loss != Loss::quantile, "quantile", "the loss quantile");
    refuse(options.huber_delta != usual.huber_delta && loss != Loss::huber, "huber_delta", "the loss huber");
    const bool leaky =
        std::ranges::find(options.hidden_activation, Activation::leaky_relu) != options.hidden_activation.end() ||
        options.output_activation == Activation::leaky_relu;
    refuse(options.leaky_slope != usual.leaky_slope && !leaky, "leaky_slope", "the activation leaky_relu");
    refuse(options.training.jacobian_weight != usual.training.jacobian_weight && !options.target_jacobian,
           "jacobian_weight", "derivatives that are learned (target_jacobian)");
    refuse(options.allow_kinks && !options.target_jacobian, "allow_kinks",
           "derivatives that are learned (target_jacobian)");
}

bool decide_scale_target(const FitOptions& options, Task task, const Head& head) {
    if (task != Task::regression) {
        if (options.scale_target.value_or(false)) {
            throw Error(ErrorKind::usage, "scale_target: classes are not scaled").about("scale_target");
        }
        return false;
    }
    const bool may = may_scale_target(head);
    if (options.scale_target.value_or(false) && !may) {
        throw Error(ErrorKind::usage, "scale_target: the output activation " + text(name(head.output)) +
                                          " or the loss " + text(name(head.loss)) +
                                          " ties the target to a range, so it cannot be scaled")
            .about("scale_target");
    }
    return options.scale_target.value_or(may);
}

Length decide_length(const FitOptions& options, std::size_t rows, const Tell& tell) {
    const std::optional<std::size_t> patience = options.training.early_stopping;
    const HeldOut usual{.fraction = usual_validation_share};
    const bool from_table = !options.validation || options.validation->table == nullptr;
    const bool held_out = !from_table || options.validation.value_or(usual).fraction > 0.0;
    const bool enough = options.validation.has_value() || rows >= fewest_rows_to_share;
    const bool open = !patience && !options.training.epochs;

    Length length;
    length.early_stopping = patience.value_or(open && held_out && enough ? patience_of(rows, options.training) : 0);
    length.validation = options.validation.value_or(length.early_stopping > 0 ? usual : HeldOut{});
    length.refit = options.refit.value_or(open && length.early_stopping > 0 && from_table);
    length.usual = length.early_stopping > 0 && !patience && !options.validation && !options.refit;
    if (length.refit && length.early_stopping == 0) {
        throw Error(ErrorKind::usage,
                    "refit: nothing tells how many epochs are best; name after how many epochs without a lower "
                    "validation loss to stop")
            .about("refit")
            .about("early_stopping");
    }
    if (length.refit && !from_table) {
        throw Error(ErrorKind::usage,
                    "refit: the validation rows are in a table of their own, of which nothing is learned; hold out a "
                    "share of the rows instead")
            .about("refit")
            .about("validation");
    }
    if (open && !enough) {
        tell({"validation: none, " + plural(rows, "row") + when(rows == 1, " is") + when(rows != 1, " are") +
              " too few to hold some out"});
    }
    return length;
}

std::size_t decide_epochs(const TrainOptions& training, std::size_t rows, const Tell& tell) {
    if (training.epochs) {
        return *training.epochs;
    }
    const std::size_t patience = training.early_stopping.value_or(0);
    const std::size_t epochs = usual_epochs(training, rows);
    const bool all_rows = facts(training.optimizer.kind).all_rows;
    const std::size_t steps = epochs * (rows / training.batch + (rows % training.batch == 0 ? 0 : 1));
    const std::string up_to = when(patience > 0 || all_rows, "at most ") + std::to_string(epochs);
    std::string why =
        ", for " + std::to_string(steps) + " steps of at most " + std::to_string(training.batch) + " rows";
    if (all_rows) {
        why = ", each of them one iteration of " + text(name(training.optimizer.kind)) + " over all rows at once";
    }
    if (patience > 0) {
        why = ", fewer where the validation loss has not fallen for " + plural(patience, "epoch");
    }
    tell({.text = "epochs: " + up_to + why, .overruled_by = SettingHint{"epochs", "N"}});
    return epochs;
}

void refuse_kinks(const FitOptions& options, const Architecture& shape) {
    if (!options.target_jacobian || options.allow_kinks) {
        return;
    }
    for (std::size_t l = 0; l < shape.layers(); ++l) {
        const Activation activation = shape.activation(l);
        if (facts(activation).kink) {
            throw Error(ErrorKind::usage,
                        "derivatives are constant between the kinks of " + text(name(activation)) +
                            ", and give the biases, which move the kinks, no gradient: take a smooth activation, such "
                            "as tanh, softplus or silu, or allow kinks")
                .about("hidden_activation", "tanh")
                .about("allow_kinks");
        }
    }
}

Architecture shape_of(const FitOptions& options, const Preprocessing& columns, Activation output) {
    Architecture shape;
    shape.sizes = {columns.inputs()};
    shape.sizes.insert(shape.sizes.end(), options.hidden.begin(), options.hidden.end());
    shape.sizes.push_back(columns.outputs());
    if (options.hidden_activation.size() == 1) {
        shape.hidden = options.hidden_activation.front();
    } else {
        shape.each_hidden = options.hidden_activation;
    }
    shape.output = output;
    shape.leaky_slope = options.leaky_slope;
    shape.conventions = options.conventions;
    return shape;
}

double penalty_of(const OptimizerOptions& optimizer) {
    return optimizer.kind == OptimizerKind::adamw ? 0.0 : optimizer.weight_decay;
}

std::string quoted(const std::vector<std::string>& names) {
    std::string list;
    for (const std::string& name : names) {
        list += (list.empty() ? "'" : ", '") + name + "'";
    }
    return list;
}

}  // namespace handgrad
