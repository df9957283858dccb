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
#include "cli/wording.hpp"
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
        add_item(text, " ", cause);
    }
    return text;
}

/// How many answers have each mark; of what is no sheet nothing.
std::vector<std::string> counts_of(const compare::GradedFile& file) {
    std::vector<std::string> counts(compare::all_marks.size());
    for (std::size_t m = 0; file.marking && m < counts.size(); ++m) {
        counts[m] = std::to_string(file.marking->count(compare::all_marks[m]));
    }
    return counts;
}

std::vector<std::string> with_marks(std::vector<std::string> row) {
    for (const compare::Mark mark : compare::all_marks) {
        row.emplace_back(name(mark));
    }
    return row;
}

/// file, kind, row, score, one column for each mark, causes, problem.
std::string csv_of(const compare::Grading& grading) {
    std::string csv;
    const auto add = [&](const std::vector<std::string>& cells) {
        std::string line;
        for (std::size_t c = 0; c < cells.size(); ++c) {
            line += when(c > 0, ",") + csv_field(cells[c]);
        }
        csv += line + "\n";
    };
    std::vector<std::string> heading = with_marks({"file", "kind", "row", "score"});
    heading.insert(heading.end(), {"causes", "problem"});
    add(heading);
    for (const compare::GradedFile& file : grading.files) {
        std::vector<std::string> row{csv_text(file.name), "", "", ""};
        if (file.kind) {
            row[1] = name(*file.kind);
        }
        if (file.marking) {
            row[2] = std::to_string(file.marking->row);
        }
        if (file.graded()) {
            row[3] = fmt::format("{:.4g}", file.score());
        }
        const std::vector<std::string> counts = counts_of(file);
        row.insert(row.end(), counts.begin(), counts.end());
        row.insert(row.end(), {causes_of(file), csv_text(file.problem)});
        add(row);
    }
    return csv;
}

std::string text_of(const compare::Grading& grading) {
    std::vector<std::vector<std::string>> table{with_marks({"file", "score"})};
    table.front().emplace_back("causes");
    std::string problems;
    for (const compare::GradedFile& file : grading.files) {
        if (!file.graded()) {
            problems += wrapped(fmt::format("{}: {}", file.name, file.problem)) + "\n";
            continue;
        }
        std::vector<std::string> row{file.name, fmt::format("{:.0f} %", 100.0 * file.score())};
        const std::vector<std::string> counts = counts_of(file);
        row.insert(row.end(), counts.begin(), counts.end());
        row.push_back(causes_of(file));
        table.push_back(std::move(row));
    }
    std::string text;
    if (grading.graded() > 0) {
        text = aligned(table, Heading::first_row) + "\n";
    }
    if (!problems.empty()) {
        text += "not graded\n" + problems + "\n";
    }
    return text + fmt::format("{} of {} graded, mean score {:.0f} %\n", grading.graded(),
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
        if (is_page(options.output)) {
            file->write(report::grading_page(grading));
        } else {
            file->write(csv_of(grading));
        }
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
