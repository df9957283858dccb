// handgrad encode: a table as the network sees it, for programs that shall start from the same numbers.
#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "cli/csv.hpp"
#include "cli/events.hpp"
#include "cli/files.hpp"
#include "cli/options.hpp"
#include "cli/output.hpp"
#include "cli/text.hpp"
#include "cli/verbs.hpp"
#include "handgrad/train/encoding.hpp"

namespace handgrad::cli {
namespace {

struct EncodeOptions {
    std::string model;
    std::string data;
    std::string output;
    bool npz = false;  ///< else CSV
    ReadingOptions reading;
    ApplyingOptions applying;
    bool drop_missing_labels = false;
    OutputOptions show;
};

/// The form that the ending of the file's name says.
bool is_npz(const std::string& output) {
    std::string ending = std::filesystem::path(output).extension().string();
    std::ranges::transform(ending, ending.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    if (ending != ".npz" && ending != ".csv") {
        usage_error(fmt::format(
            "--output: {}: the ending says in which form, and is neither .npz nor .csv; write for instance -o X.npz",
            output));
    }
    return ending == ".npz";
}

bool parse(EncodeOptions& options, std::vector<std::string> words) {
    Arguments arguments(
        "encode", {"handgrad encode price.model houses.csv -o X.npz", "handgrad encode price.model houses.csv -o X.csv",
                   "handgrad encode price.model houses.csv | head -3"});
    arguments.positional("MODEL", options.model);
    arguments.positional("DATA", options.data);
    arguments.group("What to write");
    arguments.option("--output,-o", "OUT", "X.npz or X.csv rather than CSV on standard output", into(options.output));
    declare_output(arguments, options.show, "with --output: one event `encoded`");
    arguments.group("Table (columns are found by their names; without these options read as in training)");
    declare_reading(arguments, options.reading, true);
    declare_missing_labels(arguments, options.drop_missing_labels);
    declare_applying(arguments, options.applying);
    arguments.notes(
        "What training and predict start from: numbers scaled, missing ones filled in, texts one input for each\n"
        "category, targets scaled or 0/1, in the model's precision. In X.npz the arrays x (rows x inputs), y (rows x\n"
        "outputs), weights (rows; 1 where the model has none) and names (of the inputs); in CSV the columns x:NAME,\n"
        "y:NAME and weight. A table without the target has neither y nor weights.\n");
    if (!parse_or_help(arguments, std::move(words))) {
        return false;
    }
    if (options.output.empty() && options.show.json) {
        usage_error("--json: say with -o where the numbers go, for instance -o X.npz");
    }
    options.npz = !options.output.empty() && is_npz(options.output);
    return true;
}

/// predict's way to read a table, which may do without labels, unless they are in a file of their own.
Table read(const EncodeOptions& options, const Model& model) {
    const ReadOptions reading = options.reading.applied_to(model.preprocessing.reading);
    if (options.reading.target_file.empty()) {
        return open_table(options.data, reading);
    }
    return read_labelled(options.data, options.reading.target_file, reading, target_names(model.preprocessing));
}

void write_csv(const EncodedTable& encoded, Output& output) {
    std::vector<std::string> header;
    for (const std::string& name : encoded.inputs) {
        header.push_back("x:" + name);
    }
    for (const std::string& name : encoded.outputs) {
        header.push_back("y:" + name);
    }
    if (encoded.labelled()) {
        header.emplace_back("weight");
    }
    output.write(csv_line(header));
    std::visit(
        [&](const auto& data) {
            for (std::size_t row = 0; row < data.rows(); ++row) {
                std::vector<std::string> fields;
                const auto append = [&](const auto& numbers) {
                    for (const auto number : numbers) {
                        fields.push_back(format_number(static_cast<double>(number)));
                    }
                };
                append(data.x.row(row));
                if (encoded.labelled()) {
                    append(data.y.row(row));
                    fields.push_back(format_number(static_cast<double>(data.weights[row])));
                }
                output.write(csv_line(fields));
            }
        },
        encoded.data);
}

}  // namespace

int encode(std::vector<std::string> words) {
    EncodeOptions options;
    if (!parse(options, std::move(words))) {
        return 0;
    }
    for (const std::string& input : {options.model, options.data, options.reading.target_file}) {
        refuse_to_overwrite(options.output, input);
    }
    Output output(options.output);
    const Model model = open_model(options.model, options.data, options.applying);
    Table table = read(options, model);
    const std::vector<std::string> targets = target_names(model.preprocessing);
    if (options.drop_missing_labels && table.find(targets.front()) != nullptr) {
        table = with_labels(std::move(table), targets, options.show);
    }
    tell_warnings(table, model, options.show);
    const EncodedTable encoded = handgrad::encode(model, table, options.applying.allow_extra);
    if (options.npz) {
        output.write(encoded_npz(encoded));
    } else {
        write_csv(encoded, output);
    }
    output.finish();
    if (options.show.json) {
        Output events;
        events.write(encoded_event(model, encoded, options.output));
        events.finish();
    } else if (!options.output.empty() && !options.show.quiet) {
        std::string outputs = "no target in the table";
        if (encoded.labelled()) {
            outputs = counted(encoded.outputs.size(), "output");
        }
        tell(fmt::format("{}: {}, {}, {}", options.output, counted(encoded.rows(), "row"),
                         counted(encoded.inputs.size(), "input"), outputs));
    }
    return 0;
}

}  // namespace handgrad::cli
