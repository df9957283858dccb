// Taking a row from a table to the network, and remembering what stood in its cells.
#include "handgrad/explain/explanation.hpp"

#include <array>
#include <cmath>
#include <span>
#include <variant>

#include "handgrad/base/error.hpp"
#include "handgrad/base/wording.hpp"
#include "handgrad/train/prediction.hpp"
#include "handgrad/train/settings.hpp"

namespace handgrad::explain {
namespace {

std::string text_of(const Column& column, std::size_t row) {
    if (column.has_texts && column.codes[row] != Column::missing_code) {
        return column.texts[column.codes[row]];
    }
    if (column.has_numbers && !std::isnan(column.numbers[row])) {
        return format_number(column.numbers[row]);
    }
    return "missing";
}

/// The cell of a column of numbers, unless it is missing.
ExplainedCell number_cell(const std::string& name, const std::string& cell, const Column& column, std::size_t row) {
    ExplainedCell result{name, cell};
    if (column.has_numbers && std::isfinite(column.numbers[row])) {
        result.number = column.numbers[row];
    }
    return result;
}

void check_targets(const Preprocessing& columns, const Table& table) {
    for (const TargetColumn& target : columns.targets) {
        if (table.find(target.name) == nullptr) {
            throw Error(ErrorKind::data, table.source + ": there is no column '" + target.name +
                                             "': the loss and the backward pass need the target; add the column");
        }
    }
}

void describe_cells(const Model& model, const Table& table, std::size_t row, ExplainedRow& result) {
    const Preprocessing& columns = model.preprocessing;
    for (const FeatureColumn& feature : columns.features) {
        const std::string cell = text_of(table.column(feature.name), row);
        result.encoded = result.encoded || feature.categorical() || feature.shift != 0.0 || feature.scale != 1.0 ||
                         cell == "missing";
        if (!feature.categorical()) {
            result.inputs.push_back(number_cell(feature.name, cell, table.column(feature.name), row));
        }
        for (const std::string& category : feature.categories) {
            result.inputs.push_back({feature.name + "=" + category, cell});
        }
    }
    for (const TargetColumn& target : columns.targets) {
        const std::string cell = text_of(table.column(target.name), row);
        result.encoded =
            result.encoded || columns.task == Task::classification || target.shift != 0.0 || target.scale != 1.0;
        if (columns.task != Task::classification) {
            result.outputs.push_back(number_cell(target.name, cell, table.column(target.name), row));
            continue;
        }
        std::span<const std::string> classes = columns.classes;
        if (columns.one_output) {
            classes = classes.subspan(1);
        }
        for (const std::string& label : classes) {
            result.outputs.push_back({target.name + "=" + label, cell});
        }
    }
}

}  // namespace

StepOptions overruled(StepOptions step, SettingValues given, const std::string& place) {
    OptimizerOptions& o = step.optimizer;
    OptimizerOptions asked = o;
    apply_settings(asked, given, place);
    if (asked.kind != o.kind) {  // what belonged to the other one goes
        o = {.kind = asked.kind, .learning_rate = o.learning_rate};
    }
    const bool decays = given.erase(std::string(settings::weight_decay.name)) > 0;
    apply_settings(o, given, place);
    if (decays) {
        double& decay = o.kind == OptimizerKind::adamw ? o.weight_decay : step.penalty;
        decay = asked.weight_decay;
    }
    return step;
}

StepOptions step_options_of(const Model& model) {
    StepOptions step{.penalty = model.weight_decay};
    if (const std::optional<OptimizerOptions> recorded = recorded_optimizer(model)) {
        step.optimizer = *recorded;
        if (recorded->kind != OptimizerKind::adamw) {  // else it is the penalty
            step.optimizer.weight_decay = 0.0;
        }
    }
    return step;
}

Explanation explain(const Architecture& architecture, const LossFunction& loss, const StepOptions& step,
                    bool use_double) {
    Explanation result{.derivation = derive(architecture, loss, use_double),
                       .update = describe_update(step, architecture.conventions),
                       .steps = {},
                       .slopes = Slopes(),
                       .step = step,
                       .use_double = use_double,
                       .weighted = false,
                       .row = {}};
    result.steps = training_steps(result.derivation, result.update);
    result.slopes = study_slopes(result.derivation);
    return result;
}

Explanation explain(const Model& model, const StepOptions& step) {
    Explanation result = explain(model.architecture(), model.loss, step, model.is_double());
    result.weighted = !model.preprocessing.weight.empty() || !model.preprocessing.class_weights.empty();
    return result;
}

Explanation explain(const Model& model, const StepOptions& step, const Table& table, std::size_t row,
                    bool allow_extra) {
    Explanation result = explain(model, step);
    if (row >= table.rows) {
        throw Error(ErrorKind::usage, "row " + std::to_string(row + 1) + ": " + table.source + " has " +
                                          plural(table.rows, "row") + ", counted from 1");
    }
    check_targets(model.preprocessing, table);
    const std::array rows{row};
    const ApplyOptions options{.labels = Labels::required, .allow_extra = allow_extra};
    ExplainedRow& explained = result.row.emplace();
    explained.place = table.place(row) + (table.lines.empty() ? ", counted from 0" : "");
    explained.number = row + 1;
    std::visit(
        [&]<class T>(const BasicMlp<T>& net) {
            const BasicDataset<T> data = apply_preprocessing<T>(model.preprocessing, table, rows, options);
            check_target_domain(model.preprocessing, table, rows, model.loss.kind);
            explained.trace = trace<T>(net, model.loss, data.x.row(0), data.y.row(0), step);
        },
        model.net);
    result.slopes = study_slopes(result.derivation, &explained.trace);
    describe_cells(model, table, row, explained);
    return result;
}

}  // namespace handgrad::explain
