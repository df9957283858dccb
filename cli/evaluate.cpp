// handgrad evaluate: loss and metrics of a model on a labelled table.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cli/events.hpp"
#include "cli/labelled_call.hpp"
#include "cli/nonfinite.hpp"
#include "cli/output.hpp"
#include "cli/text.hpp"
#include "cli/verbs.hpp"
#include "cli/wording.hpp"
#include "handgrad/train/evaluation.hpp"
#include "handgrad/train/intervals.hpp"
#include "handgrad/train/settings.hpp"

namespace handgrad::cli {
namespace {

struct EvaluateOptions : LabelledCall {
    double interval = 0.0;  ///< 0: none
};

bool parse(EvaluateOptions& options, std::vector<std::string> words) {
    Arguments arguments(
        "evaluate", {"handgrad evaluate price.model sold_houses.csv", "handgrad evaluate price.model t.csv --json",
                     "handgrad evaluate f.model t10k-images-idx3-ubyte.gz --target-file t10k-labels-idx1-ubyte.gz"});
    declare_model_and_data(arguments, options);
    arguments.group("What to measure beside loss and metrics");
    arguments.option("--interval", "P", "how many rows lie within the intervals, or sets, of predict --interval P",
                     into(options.interval, settings::between_0_and_1));
    declare_table_and_output(arguments, options, "one event `evaluation`");
    arguments.notes(
        "The loss is the very function that training differentiates, penalty included, on targets as the network\n"
        "learned them (scaled, where they were). The metrics are in the table's units. Beside them stands the answer\n"
        "of who always says the mean, or the most frequent class, of the rows that the model learned from. What each\n"
        "number is and how it is judged: docs/evaluate.md.\n");
    return parse_or_help(arguments, std::move(words));
}

std::optional<MeasuredIntervals> measured_intervals(const EvaluateOptions& options, const Model& model,
                                                    const Table& table) {
    if (options.interval == 0.0) {
        return std::nullopt;
    }
    const ApplyOptions apply{.labels = Labels::absent, .allow_extra = options.applying.allow_extra};
    const Prediction prediction = predict(model, table, apply, options.execution);
    const Intervals made = intervals(model, table, prediction, options.interval, apply, options.execution);
    if (!options.show.quiet) {
        tell(interval_promise(model, made, options.interval));
    }
    return MeasuredIntervals{.wanted = options.interval, .found = coverage_of(model, table, made)};
}

/// Rows by which the intervals were made say too much for them.
void tell_known_rows(const Evaluation& evaluation) {
    std::size_t known = 0;
    for (const PartScore& part : evaluation.parts) {
        known += part.name == "train" || part.name == "calibration" ? part.rows : 0;
    }
    if (known > 0) {
        tell(
            fmt::format("warning: {} of the {} that are counted had a part in the model or its intervals, which fit "
                        "them better than new ones",
                        known, plural(evaluation.rows, "row")));
    }
}

std::string coverage_text(const Model& model, const std::optional<MeasuredIntervals>& measured) {
    if (!measured) {
        return "";
    }
    const bool classes = model.preprocessing.task == Task::classification;
    std::string text = fmt::format("\n{} of {}\n", classes ? "Sets" : "Intervals", format_number(measured->wanted));
    const Coverage& found = measured->found;
    for (std::size_t k = 0; k < found.within.size(); ++k) {
        text += fmt::format("{}: {} of {} rows within ({:.1f} %), mean {} {:.3g}\n",
                            model.preprocessing.targets[k].name, found.within[k], found.rows,
                            100.0 * static_cast<double>(found.within[k]) / static_cast<double>(found.rows),
                            classes ? "number of classes" : "width", found.width[k]);
    }
    return text;
}

}  // namespace

int evaluate(std::vector<std::string> words) {
    EvaluateOptions options;
    if (!parse(options, std::move(words))) {
        return 0;
    }
    Output output;
    const auto loaded = load(options);
    const Model& model = loaded.model;
    const Table& table = loaded.table;
    const Evaluation evaluation = evaluate(model, table, options.apply(), options.execution);
    const std::optional<MeasuredIntervals> measured = measured_intervals(options, model, table);
    if (measured) {
        tell_known_rows(evaluation);
    }
    output.answer(
        options.show.json, [&] { return evaluation_event(evaluation, model.preprocessing, measured); },
        [&] { return evaluation_text(evaluation, model) + coverage_text(model, measured); });
    output.finish();
    return finite_or_diverged(nonfinite_in(evaluation), options.applying, options.show);
}

}  // namespace handgrad::cli
