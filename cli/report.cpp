// handgrad report: everything that is to be known of a model on a table, on one page.
#include <fmt/format.h>

#include <string>
#include <utility>
#include <vector>

#include "cli/events.hpp"
#include "cli/labelled_call.hpp"
#include "cli/nonfinite.hpp"
#include "cli/output.hpp"
#include "cli/text.hpp"
#include "cli/verbs.hpp"
#include "handgrad/report/report.hpp"

namespace handgrad::cli {
namespace {

struct ReportCall : LabelledCall {
    std::string output;
    report::ReportOptions how;
};

bool parse(ReportCall& options, std::vector<std::string> words) {
    Arguments arguments("report", {"handgrad report price.model houses.csv -o report.html",
                                   "handgrad report price.model test.csv --rows-top 50 -o report.html"});
    declare_model_and_data(arguments, options);
    arguments.group("The page");
    arguments.option("--output,-o", "FILE", "where to write the page (HTML, complete in itself); needed",
                     into(options.output));
    arguments.option("--rows-top", "N", "rows with the largest gradients to list (20)",
                     into(options.how.worst_rows, 0));
    arguments.option("--certificate-rows", "N", "rows that the gradient certificate is for, drawn at random (256)",
                     into(options.how.certified_rows, 1));
    arguments.option("--seed", "N", "of these rows, and of the shuffles of permutation importance (0)",
                     into_seed(options.how.seed));
    declare_table_and_output(arguments, options, "one event `report`");
    arguments.notes(
        "Curves and gradient flow over time are those of the training, which the model's file remembers; gradient\n"
        "flow when it was trained with --diagnose. Diagnosis, activations and sensitivity are measured on at most\n"
        "4096 rows, evenly spread over the table, everything else on all.\n");
    if (!parse_or_help(arguments, std::move(words))) {
        return false;
    }
    if (options.output.empty()) {
        usage_error("--output is missing: say with -o where to write the page, for instance -o report.html");
    }
    options.how.allow_extra = options.applying.allow_extra;
    options.how.execution = options.execution;
    return true;
}

}  // namespace

int report(std::vector<std::string> words) {
    ReportCall options;
    if (!parse(options, std::move(words))) {
        return 0;
    }
    for (const std::string& input : {options.model, options.data, options.reading.target_file}) {
        refuse_to_overwrite(options.output, input);
    }
    Output page(options.output), events;
    const auto [model, table] = load(options);
    const report::Report report = report::make_report(model, table, options.how);
    page.write(report::report_page(report, model));
    page.finish();
    if (options.show.json) {
        events.write(report_event(report, options.output));
        events.finish();
    } else if (!options.show.quiet) {
        tell_text(
            fmt::format("{}\n{} shows it all; open it in a browser", wrapped(report.diagnosis.text), options.output));
    }
    std::vector<NonfiniteAnswers> nonfinite = nonfinite_in(report.evaluation);
    const std::vector<NonfiniteAnswers> gradients = nonfinite_in(report.diagnosis);
    nonfinite.push_back(gradients.front());
    nonfinite.push_back(nonfinite_in(report.columns, true).front());
    return finite_or_diverged(nonfinite, options.applying, options.show);
}

}  // namespace handgrad::cli
