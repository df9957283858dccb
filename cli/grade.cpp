// handgrad grade: every exercise sheet and gradient file of a folder marked, as a table, CSV, JSON Lines or a page.
#include <fmt/format.h>

#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cli/csv.hpp"
#include "cli/events.hpp"
#include "cli/labelled_call.hpp"
#include "cli/marking_text.hpp"
#include "cli/output.hpp"
#include "cli/step_options.hpp"
#include "cli/text.hpp"
#include "cli/verbs.hpp"
#include "handgrad/compare/grading.hpp"
#include "handgrad/report/grading_page.hpp"

namespace handgrad::cli {
namespace {

struct GradeCall : LabelledCall {
    std::string folder;
    std::string output;
    std::size_t row = 0;  ///< from 1; 0: as each sheet says
    std::optional<double> tolerance;
    StepGiven step;
};

bool is_page(const std::string& path) { return path.ends_with(".html") || path.ends_with(".htm"); }

bool parse(GradeCall& options, std::vector<std::string> words) {
    Arguments arguments("grade", {"handgrad grade price.model houses.csv submissions",
                                  "handgrad grade price.model houses.csv submissions --row 3 -o marks.csv",
                                  "handgrad grade price.model houses.csv submissions -o marks.html"});
    declare_model_and_data(arguments, options);
    arguments.positional("FOLDER", options.folder);
    arguments.group("What to mark and where to write it");
    arguments.option("--row", "N", "the row of DATA that the sheets are about (the one that each says)",
                     into(options.row, 1));
    arguments.option("--tolerance", "X", tolerance_help, into(options.tolerance, tolerance_range));
    arguments.option("--output,-o", "FILE", "the marks also as a table, FILE.csv, or as a page, FILE.html",
                     into(options.output));
    declare_step(arguments, options.step, "The update of the sheets (as the model was trained; as explain was told)");
    declare_table_and_output(arguments, options, "one event `graded` for each file, then one `grading`");
    arguments.notes(
        "Files of FOLDER and of the folders in it: sheets of explain --blank that were filled in (.txt, .md, .csv, "
        ".json)\n"
        "as compare --answers takes them, gradients (.npz, .safetensors) as compare --gradients takes them. A file "
        "that\n"
        "cannot be read costs only its own line. The score counts every quantity of a sheet alike: right and what "
        "follows\n"
        "from an earlier mistake in full, too few digits half; of gradients, over all rows of DATA or with --row over\n"
        "that one if they fit better, it is the share of tensors that pass.\n"
        "Exit code: 0 when the marks were given, whatever they are; an error when FOLDER has no sheet and no "
        "gradient.\n");
    if (!parse_or_help(arguments, std::move(words))) {
        return false;
    }
    if (!options.output.empty() && !options.output.ends_with(".csv") && !is_page(options.output)) {
        usage_error(fmt::format("--output {}: the ending says what to write; .csv for a table, .html for a page",
                                options.output));
    }
    return true;
}

compare::Grading graded(const GradeCall& options) {
    const auto [model, table] = load(options);
    compare::GradingOptions how{.row = {},
                                .tolerance = options.tolerance,
                                .step = overruled(explain::step_options_of(model), options.step),
                                .allow_extra = options.applying.allow_extra,
                                .skipped = {options.model, options.data}};
    if (options.row > 0) {
        how.row = options.row;
    }
    for (const std::string& path : {options.output, options.reading.target_file}) {
        if (!path.empty()) {
            how.skipped.emplace_back(path);
        }
    }
    return compare::grade(model, table, options.folder, how);
}

std::string causes_of(const compare::GradedFile& file) {
    std::string text;
    for (const std::string& cause : file.causes()) {
        text += (text.empty() ? "" : " ") + cause;
    }
    return text;
}

/// file, kind, row, score, one column for each mark, causes, problem.
std::string csv_of(const compare::Grading& grading) {
    std::string csv = "file,kind,row,score";
    for (const compare::Mark mark : compare::all_marks) {
        csv += "," + std::string(name(mark));
    }
    csv += ",causes,problem\n";
    for (const compare::GradedFile& file : grading.files) {
        csv += csv_field(file.name) + "," + (file.kind ? std::string(name(*file.kind)) : "") + ",";
        csv += file.marking ? std::to_string(file.marking->row) : "";
        csv += file.graded() ? fmt::format(",{:.4g}", file.score()) : ",";
        for (const compare::Mark mark : compare::all_marks) {
            csv += file.marking ? fmt::format(",{}", file.marking->count(mark)) : ",";
        }
        csv += "," + csv_field(causes_of(file)) + "," + csv_field(file.problem) + "\n";
    }
    return csv;
}

std::string text_of(const compare::Grading& grading) {
    std::vector<std::vector<std::string>> table{
        {"file", "score", "right", "follows", "imprecise", "wrong", "unreadable", "blank", "causes"}};
    std::string problems;
    for (const compare::GradedFile& file : grading.files) {
        if (!file.graded()) {
            problems += wrapped(fmt::format("{}: {}", file.name, file.problem)) + "\n";
            continue;
        }
        std::vector<std::string> row{file.name, fmt::format("{:.0f} %", 100.0 * file.score())};
        for (const compare::Mark mark : compare::all_marks) {
            row.push_back(file.marking ? std::to_string(file.marking->count(mark)) : "");
        }
        row.push_back(causes_of(file));
        table.push_back(std::move(row));
    }
    std::string text;
    if (grading.graded() > 0) {
        text = aligned(table, Heading::first_row);
    }
    if (!problems.empty()) {
        text += (text.empty() ? "" : "\n") + std::string("not graded\n") + problems;
    }
    return text + fmt::format("\n{} of {} graded, mean score {:.0f} %\n", grading.graded(),
                              counted(grading.files.size(), "file"), 100.0 * grading.mean_score());
}

}  // namespace

int grade(std::vector<std::string> words) {
    GradeCall options;
    if (!parse(options, std::move(words))) {
        return 0;
    }
    for (const std::string& input : {options.model, options.data, options.reading.target_file}) {
        if (!input.empty()) {
            refuse_to_overwrite(options.output, input);
        }
    }
    Output answer;
    std::optional<Output> file;
    if (!options.output.empty()) {
        file.emplace(options.output);
    }
    const compare::Grading grading = graded(options);
    if (file) {
        file->write(is_page(options.output) ? report::grading_page(grading) : csv_of(grading));
        file->finish();
    }
    if (options.show.json) {
        for (const compare::GradedFile& one : grading.files) {
            answer.write(graded_event(one));
        }
        answer.write(grading_event(grading));
    } else {
        answer.show(text_of(grading));
    }
    answer.finish();
    return 0;
}

}  // namespace handgrad::cli
