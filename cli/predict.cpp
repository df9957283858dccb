// handgrad predict: a model applied to a table, one line of CSV (or one JSON event) for each row.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cli/csv.hpp"
#include "cli/events.hpp"
#include "cli/files.hpp"
#include "cli/nonfinite.hpp"
#include "cli/options.hpp"
#include "cli/output.hpp"
#include "cli/text.hpp"
#include "cli/verbs.hpp"
#include "cli/wording.hpp"
#include "handgrad/train/intervals.hpp"
#include "handgrad/train/metrics.hpp"
#include "handgrad/train/outside.hpp"
#include "handgrad/train/prediction.hpp"
#include "handgrad/train/settings.hpp"

namespace handgrad::cli {
namespace {

struct PredictOptions {
    std::string model;
    std::string data;
    std::string output;
    bool probabilities = false;
    bool jacobian = false;
    bool hessian = false;
    bool warn_outside = false;
    double interval = 0.0;  ///< 0: none
    std::vector<std::string> keep;
    ReadingOptions reading;
    ApplyingOptions applying;
    Execution execution;
    OutputOptions show;
};

bool parse(PredictOptions& options, std::vector<std::string> words) {
    Arguments arguments("predict", {"handgrad predict price.model new_houses.csv",
                                    "handgrad predict tumours.model patients.csv --proba -o predicted.csv",
                                    "handgrad predict price.model new_houses.csv --jacobian | head -3",
                                    "handgrad predict price.model new_houses.csv --interval 0.9 --warn-outside"});
    arguments.positional("MODEL", options.model);
    arguments.positional("DATA", options.data);
    arguments.group("What to write");
    arguments.option("--output,-o", "OUT", "a CSV file rather than standard output", into(options.output));
    arguments.flag("--proba", "for classes: a column p(CLASS) for each, or p(TARGET) for several columns of 0 and 1",
                   into(options.probabilities));
    arguments.flag("--jacobian", "columns d(TARGET)/d(COLUMN): how fast the prediction moves, in the table's units",
                   into(options.jacobian));
    arguments.flag(
        "--hessian",
        "columns d2(TARGET)/d(COLUMN)d(COLUMN): how fast that changes; each column with itself and those after "
        "it, as d2/dadb is d2/dbda; 0 at the kink of an activation",
        into(options.hessian));
    arguments.option("--interval", "P",
                     "columns lower(TARGET) and upper(TARGET), or for classes set: within them lies the share P of new "
                     "rows; of a model trained with --interval-method or --calibration",
                     into(options.interval, settings::between_0_and_1));
    arguments.flag("--warn-outside",
                   "a column outside: the names of the columns in which a row lies outside what was learned from",
                   into(options.warn_outside));
    arguments.option("--keep", "COL,...",
                     "columns of DATA to copy in front of the predictions (train --id names others)",
                     into(options.keep));
    declare_output(arguments, options.show, "JSON Lines rather than CSV: an event `prediction` for each row");
    arguments.group("Table (columns are found by their names; without these options read as in training)");
    declare_reading(arguments, options.reading, false);
    declare_applying(arguments, options.applying);
    arguments.group("Machine");
    declare_machine(arguments, options.execution);
    return parse_or_help(arguments, std::move(words));
}

void check_probabilities(const Model& model, const Prediction& prediction) {
    if (model.preprocessing.task == Task::regression) {
        usage_error("--proba: this model predicts numbers, not classes");
    }
    const Activation output = model.architecture().output;
    if (prediction.surprisals.columns() == 0) {
        usage_error("--proba: the outputs of this model (" + std::string(name(output)) +
                    ") are no probabilities; train it with sigmoid or softmax");
    }
}

/// A column as it stands in the table; of a binary one the shortest spelling of its numbers.
KeptCells kept_column(const Table& table, const std::string& name) {
    const auto found = std::ranges::find(table.kept, name, &KeptCells::name);
    if (found != table.kept.end()) {
        return *found;
    }
    KeptCells kept{.name = name};
    for (const double number : table.column(name).numbers) {  // raises when there is none
        kept.cells.push_back(format_number(number));
    }
    return kept;
}

/// The model's ids, as far as they are there, and what --keep names.
std::vector<KeptCells> kept_cells(const Table& table, const Preprocessing& columns, const PredictOptions& options) {
    std::vector<KeptCells> kept;
    for (const std::string& id : columns.ids) {
        if (table.find(id) != nullptr) {
            kept.push_back(kept_column(table, id));
        } else if (!options.show.quiet) {
            tell(fmt::format("{}: there is no column '{}' to copy", options.data, id));
        }
    }
    for (const std::string& name : options.keep) {
        if (std::ranges::find(columns.ids, name) == columns.ids.end()) {
            kept.push_back(kept_column(table, name));
        }
    }
    return kept;
}

std::vector<std::string> csv_header(const Preprocessing& columns, bool probabilities) {
    if (columns.task != Task::classification) {
        std::vector<std::string> names = target_names(columns);
        for (std::size_t k = 0; probabilities && k < columns.targets.size(); ++k) {
            names.push_back("p(" + columns.targets[k].name + ")");
        }
        return names;
    }
    std::vector<std::string> names{"predicted"};
    for (std::size_t k = 0; probabilities && k < columns.classes.size(); ++k) {
        names.push_back("p(" + columns.classes[k] + ")");
    }
    return names;
}

std::vector<std::string> interval_header(const Preprocessing& columns, bool there) {
    std::vector<std::string> names;
    if (!there) {
        return names;
    }
    if (columns.task == Task::classification) {
        return {"set"};
    }
    for (const TargetColumn& target : columns.targets) {
        names.push_back("lower(" + target.name + ")");
        names.push_back("upper(" + target.name + ")");
    }
    return names;
}

/// Names with a semicolon between them.
std::string joined(const std::vector<std::string>& names) {
    std::string text;
    for (const std::string& name : names) {
        add_item(text, ";", name);
    }
    return text;
}

void append_interval(const PredictionRow& row, std::vector<std::string>& fields) {
    const Preprocessing& columns = row.model.preprocessing;
    if (columns.task == Task::classification) {
        fields.push_back(joined(set_names(row)));
        return;
    }
    for (std::size_t k = 0; k < columns.targets.size(); ++k) {
        fields.push_back(format_number(row.intervals->lower(row.row, k)));
        fields.push_back(format_number(row.intervals->upper(row.row, k)));
    }
}

std::vector<std::string> csv_row(const PredictionRow& row) {
    const Preprocessing& columns = row.model.preprocessing;
    std::vector<std::string> fields;
    for (const KeptCells& column : row.kept) {
        fields.push_back(column.cells[row.row]);
    }
    const auto append = [&](const Matrix<double>& matrix) {
        for (const double value : matrix.row(row.row)) {
            fields.push_back(format_number(value));
        }
    };
    if (columns.task == Task::regression) {
        append(row.prediction.values);
    } else if (columns.task == Task::multilabel) {
        for (const double share : row.prediction.values.row(row.row)) {
            fields.push_back(format_number(answer_of(share)));
        }
        if (row.probabilities) {
            append(row.prediction.values);
        }
    } else {
        fields.push_back(columns.classes[row.prediction.classes[row.row]]);
        if (row.probabilities) {
            append(row.prediction.probabilities);
        }
    }
    for (const DerivativeColumns* derivatives : {&row.jacobian, &row.hessian}) {
        if (!derivatives->names.empty()) {
            append(derivatives->values);
        }
    }
    if (row.intervals != nullptr) {
        append_interval(row, fields);
    }
    if (row.outside != nullptr) {
        fields.push_back(row.outside->known ? joined(row.outside->names_of(row.row, columns)) : "?");
    }
    return fields;
}

/// What the model says of the table, and the derivatives that are wanted.
Prediction answers(const PredictOptions& options, const Model& model, const Table& table, const ApplyOptions& apply,
                   DerivativeColumns& jacobian, DerivativeColumns& hessian) {
    if (options.hessian) {
        hessian = {hessians(model, table, apply, options.execution), hessian_names(model)};
    }
    Prediction prediction;
    if (options.jacobian) {
        Differentiated both = predict_with_jacobians(model, table, apply, options.execution);
        jacobian = {std::move(both.jacobians), jacobian_names(model)};
        prediction = std::move(both.prediction);
    } else {
        prediction = predict(model, table, apply, options.execution);
    }
    if (options.probabilities) {
        check_probabilities(model, prediction);
    }
    return prediction;
}

/// How many rows leave the ranges, and the worst cells.
void tell_outside(const Model& model, const Table& table, const OutsideRows& outside, bool asked) {
    if (!outside.known) {
        if (asked) {
            tell("outside: cannot tell, as the model does not know the ranges of the rows that it has learned from");
        }
        return;
    }
    if (outside.cells.empty()) {
        return;
    }
    std::vector<OutsideCell> worst = outside.cells;
    constexpr std::size_t most = 3;
    const std::size_t shown = std::min(most, worst.size());
    std::ranges::stable_sort(worst, std::ranges::greater(), &OutsideCell::beyond);
    std::string text =
        fmt::format("warning: {} of {} outside what the model has learned from{}", outside.rows,
                    plural(table.rows, "row") + when(outside.rows == 1, " lies") + when(outside.rows != 1, " lie"),
                    when(!asked, " (--warn-outside names the columns of each)"));
    for (std::size_t i = 0; i < shown; ++i) {
        text += fmt::format("\n  {}: {}", table.place(worst[i].row), outside_text(model, table, worst[i]));
    }
    if (shown < worst.size()) {
        text += fmt::format("\n  and {} more", plural(worst.size() - shown, "cell"));
    }
    tell_text(text);
}

/// What is told of intervals.
std::optional<Intervals> intervals_of(const PredictOptions& options, const Model& model, const Table& table,
                                      const Prediction& prediction, const ApplyOptions& apply) {
    if (options.interval == 0.0) {
        return std::nullopt;
    }
    Intervals made = intervals(model, table, prediction, options.interval, apply, options.execution);
    if (!options.show.quiet) {
        tell(interval_promise(model, made, options.interval));
    }
    return made;
}

}  // namespace

int predict(std::vector<std::string> words) {
    PredictOptions options;
    if (!parse(options, std::move(words))) {
        return 0;
    }
    tell_machine(options.execution, options.show);
    refuse_to_overwrite(options.output, options.model);
    refuse_to_overwrite(options.output, options.data);
    Output output(options.output);

    const Model model = open_model(options.model, options.data, options.applying);
    const Preprocessing& columns = model.preprocessing;
    ReadOptions reading = options.reading.applied_to(columns.reading);
    reading.kept_columns = columns.ids;
    reading.kept_columns.insert(reading.kept_columns.end(), options.keep.begin(), options.keep.end());
    const Table table = open_table(options.data, reading);
    tell_warnings(table, model, options.show);
    const std::vector<KeptCells> kept = kept_cells(table, columns, options);
    const ApplyOptions apply{.labels = Labels::absent, .allow_extra = options.applying.allow_extra};
    DerivativeColumns jacobian, hessian;
    const Prediction prediction = answers(options, model, table, apply, jacobian, hessian);
    const std::optional<Intervals> made = intervals_of(options, model, table, prediction, apply);
    const OutsideRows outside = outside_rows(model, table, apply);
    if (!options.show.quiet) {
        tell_outside(model, table, outside, options.warn_outside);
    }
    if (!options.show.json) {
        std::vector<std::string> header;
        header.reserve(kept.size());
        for (const KeptCells& column : kept) {
            header.push_back(column.name);
        }
        const std::vector<std::string> last(options.warn_outside ? 1 : 0, "outside");
        for (const auto& more : {csv_header(columns, options.probabilities), jacobian.names, hessian.names,
                                 interval_header(columns, made.has_value()), last}) {
            header.insert(header.end(), more.begin(), more.end());
        }
        output.write(csv_line(header));
    }
    for (std::size_t row = 0; row < table.rows; ++row) {
        const PredictionRow one{row,
                                model,
                                prediction,
                                options.probabilities,
                                jacobian,
                                hessian,
                                kept,
                                made ? &*made : nullptr,
                                options.warn_outside ? &outside : nullptr};
        output.write(options.show.json ? prediction_event(one) : csv_line(csv_row(one)));
    }
    output.finish();
    const std::array<NonfiniteAnswers, 3> nonfinite{
        NonfiniteAnswers{"predictions", prediction.nonfinite, table.rows},
        NonfiniteAnswers{"rows of derivatives", nonfinite_rows(jacobian.values), table.rows},
        NonfiniteAnswers{"rows of second derivatives", nonfinite_rows(hessian.values), table.rows}};
    return finite_or_diverged(nonfinite, options.applying, options.show);
}

}  // namespace handgrad::cli
