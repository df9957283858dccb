// handgrad explain: the forward and backward tables of a network, and one training step on one row in numbers.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cli/events.hpp"
#include "cli/files.hpp"
#include "cli/network_options.hpp"
#include "cli/nonfinite.hpp"
#include "cli/options.hpp"
#include "cli/output.hpp"
#include "cli/step_options.hpp"
#include "cli/text.hpp"
#include "cli/verbs.hpp"
#include "handgrad/document/render.hpp"
#include "handgrad/explain/compose.hpp"
#include "handgrad/explain/whole_numbers.hpp"
#include "handgrad/train/fit.hpp"

namespace handgrad::cli {
namespace {

enum class Format { text, markdown, latex, json };
constexpr std::array formats{"text", "markdown", "latex", "json"};
static_assert(formats.size() == static_cast<std::size_t>(Format::json) + 1, "formats follows the enumeration");

/// A network without a model: what --sizes and the options beside it say.
struct NetworkOptions {
    std::vector<std::size_t> sizes;
    std::vector<Activation> hidden{Activation::relu};
    Activation output = Activation::identity;
    std::optional<Loss> loss;
    std::optional<double> huber_delta;
    std::optional<double> quantile;
    std::optional<double> leaky_slope;
    std::string convention = "handgrad";
    std::string first_given;  ///< an option of these, to be refused beside a model
};

/// A network of whole numbers, for sheets to be solved by hand.
struct IntegerOptions {
    bool wanted = false;
    std::optional<std::uint64_t> seed;
    std::string save;  ///< NAME of NAME.model and NAME.csv
};

struct ExplainOptions {
    std::string model;
    std::string data;
    std::string output;
    std::size_t row = 0;  ///< from 1; 0: none
    Format format = Format::text;
    explain::SheetOptions sheet;
    NetworkOptions network;
    IntegerOptions integers;
    StepGiven optimizer;
    ReadingOptions reading;
    ApplyingOptions applying;
    bool drop_missing_labels = false;  ///< of other rows than the one that is explained
    OutputOptions show;
};

/// Remembers that an option for a network without a model was given.
Setter noted(NetworkOptions& network, Setter set) {
    return [&network, set = std::move(set)](const Given& given) {
        network.first_given = given.place;
        set(given);
    };
}

void declare_network(Arguments& arguments, NetworkOptions& network) {
    arguments.group("A network without a model (its tables in symbols)");
    arguments.option("--sizes", "N,N[,N]", "inputs, hidden widths ..., outputs",
                     [&](const Given& given) { network.sizes = parse_widths(given); });
    arguments.option("--hidden-activation", "NAME[,NAME]", "one for all hidden layers, or one for each (relu)",
                     noted(network, [&](const Given& given) { network.hidden = parse_activations(given); }));
    arguments.option("--output-activation", "NAME", "of the last layer (identity)",
                     noted(network, into_choice(names_of(all_activations),
                                                [&](std::size_t i) { network.output = all_activations[i]; })));
    arguments.option(
        "--loss", "NAME",
        "by output activation: binary_cross_entropy for sigmoid, cross_entropy for softmax, poisson for exp, "
        "else squared_error",
        noted(network, into_choice(names_of(all_losses), [&](std::size_t i) { network.loss = all_losses[i]; })));
    arguments.option("--huber-delta", "X", "where huber turns from a parabola into a line (1)",
                     noted(network, into(network.huber_delta, settings::huber_delta.range)));
    arguments.option("--quantile", "Q", "which quantile the loss quantile asks for (0.5)",
                     noted(network, into(network.quantile, settings::quantile.range)));
    arguments.option("--leaky-slope", "X", "slope of leaky_relu for z < 0 (0.01)",
                     noted(network, into(network.leaky_slope)));
    arguments.option(
        "--convention", "NAME", "whose reductions, kinks and momentum: handgrad, pytorch or sklearn (handgrad)",
        noted(network, into_choice(names_of(convention_presets),
                                   [&](std::size_t i) { network.convention = convention_presets[i].name; })));
}

void declare_integers(Arguments& arguments, IntegerOptions& integers) {
    arguments.group("A network of whole numbers, for sheets to be solved by hand (with --sizes)");
    arguments.flag("--integers", "weights, inputs and targets are whole numbers from -3 to 3", into(integers.wanted));
    arguments.option("--seed", "N", "another one for each number (0)",
                     [&](const Given& given) { into_seed(integers.seed.emplace())(given); });
    arguments.option("--save", "NAME",
                     "writes the network and its rows to NAME.model and NAME.csv, by which compare and grade mark",
                     into(integers.save));
}

int parse_digits(const Given& given) {
    return static_cast<int>(parse_real(
        given.place, only_value(given),
        {.lowest = static_cast<double>(explain::fewest_digits), .highest = static_cast<double>(explain::most_digits)}));
}

bool parse(ExplainOptions& options, std::vector<std::string> words) {
    Arguments arguments("explain",
                        {"handgrad explain price.model", "handgrad explain price.model houses.csv --row 3",
                         "handgrad explain --sizes 3,4,2 --hidden-activation sigmoid --output-activation sigmoid",
                         "handgrad explain --sizes 3,4,2 --components --format latex > derivation.tex",
                         "handgrad explain price.model houses.csv --row 3 --blank > exercise.txt",
                         "handgrad explain --integers --sizes 3,2,1 --blank --save exercise > exercise.txt",
                         "handgrad explain price.model houses.csv --row 3 --format json"});
    arguments.optional_positional("MODEL", options.model);
    arguments.optional_positional("DATA", options.data);
    arguments.group("What to write");
    arguments.option("--row", "N",
                     "the numbers of one training step on row N of DATA; rows count from 1, without the header",
                     into(options.row, 1));
    arguments.option(
        "--format", "FORMAT", "text, markdown, latex or json (text)",
        into_choice({formats.begin(), formats.end()}, [&](std::size_t i) { options.format = static_cast<Format>(i); }));
    arguments.flag("--components", "also every sum by component", into(options.sheet.components));
    arguments.flag("--blank", "an exercise sheet: factors and numbers are left out", into(options.sheet.blank));
    arguments.option("--digits", "N",
                     "significant digits that a sheet asks for (3), or that numbers are shown with (6); 2 to 15",
                     [&](const Given& given) { options.sheet.digits = parse_digits(given); });
    arguments.option("--output,-o", "OUT", "a file rather than standard output", into(options.output));
    declare_output(arguments, options.show, "as --format json: one event `explanation`");
    declare_network(arguments, options.network);
    declare_integers(arguments, options.integers);
    declare_step(arguments, options.optimizer, "The update (as the model was trained; without a model sgd)");
    arguments.group("Table (columns are found by their names; without these options read as in training)");
    declare_reading(arguments, options.reading, true);
    declare_missing_labels(arguments, options.drop_missing_labels);
    declare_applying(arguments, options.applying);
    arguments.notes(
        "Layers are numbered as in the derivation: z1 before the first activation, z2 behind it, z3 ...; the last\n"
        "activation is yhat. Numbers are shown with six digits, in JSON with all. Of more than 8 rows or columns the\n"
        "first and the last are shown. An exercise sheet has lines `z1 = [ ____  ____ ]` to be filled in; entries "
        "count\n"
        "from 1. It says how many digits are wanted, and compare --answers and grade mark by that.\n");
    if (!parse_or_help(arguments, std::move(words))) {
        return false;
    }
    if (options.show.json) {
        options.format = Format::json;
    }
    return true;
}

void check(const ExplainOptions& options) {
    const bool sizes = !options.network.sizes.empty();
    if (options.integers.wanted && !sizes) {
        usage_error(
            "--integers describes a network of its own; say with --sizes how large, for instance --sizes 3,2,1");
    }
    if (options.model.empty() && !sizes) {
        usage_error(
            "MODEL is missing; name a model file, or describe a network with --sizes, for instance --sizes 3,4,2");
    }
    if (!options.model.empty() && sizes) {
        usage_error(
            fmt::format("--sizes describes a network of its own; leave out either it or the model {}", options.model));
    }
    if (!options.model.empty() && !options.network.first_given.empty()) {
        usage_error(
            fmt::format("{} belongs to --sizes; the model {} has its own", options.network.first_given, options.model));
    }
    const IntegerOptions& integers = options.integers;
    if (!integers.wanted && (integers.seed || !integers.save.empty())) {
        usage_error("--seed and --save belong to --integers, a network of whole numbers");
    }
    if (sizes && !options.data.empty()) {
        usage_error(fmt::format("{}: a network of --sizes has no table; leave it out", options.data));
    }
    if (!options.data.empty() && options.row == 0) {
        usage_error(fmt::format(
            "--row is missing: say which row of {} to work through (1 is the first below the header)", options.data));
    }
    if (options.data.empty() && options.row != 0 && !integers.wanted) {
        usage_error("--row: DATA is missing; name the table that the row stands in, behind the model");
    }
}

/// NAME of NAME.model, however it was given.
std::string stem_of(std::string name) {
    constexpr std::string_view ending = ".model";
    if (name.ends_with(ending)) {
        name.resize(name.size() - ending.size());
    }
    return name;
}

struct DescribedNetwork {
    Architecture shape;
    LossFunction loss;
};
DescribedNetwork described(const NetworkOptions& network) {
    Architecture shape{.sizes = network.sizes,
                       .hidden = network.hidden.front(),
                       .output = network.output,
                       .leaky_slope = network.leaky_slope.value_or(0.01),
                       .conventions = *find_conventions(network.convention)};
    if (network.hidden.size() > 1) {
        shape.each_hidden = network.hidden;
    }
    LossFunction loss = network.loss.value_or(usual_loss(network.output));
    loss.huber_delta = network.huber_delta.value_or(loss.huber_delta);
    loss.quantile = network.quantile.value_or(loss.quantile);
    check_pair(network.output, loss.kind);
    return {std::move(shape), loss};
}

explain::Explanation explain_integers(const ExplainOptions& options) {
    const std::string name = stem_of(options.integers.save);
    constexpr double round_rate = 0.1;
    const explain::StepOptions step =
        overruled({.optimizer = {.kind = OptimizerKind::sgd, .learning_rate = round_rate}}, options.optimizer);
    const auto [shape, loss] = described(options.network);
    explain::WholeNumberProblem problem = explain::whole_number_problem(
        shape, loss, step,
        {.seed = options.integers.seed.value_or(0), .source = (name.empty() ? "exercise" : name) + ".csv"});
    const std::size_t row = std::max<std::size_t>(options.row, 1);
    explain::Explanation explanation = explain(problem.model, step, problem.table, row - 1);
    if (!name.empty()) {
        Output table(name + ".csv");
        save_model(name + ".model", problem.model);
        table.write(problem.csv);
        table.finish();
    }
    if (!options.show.quiet && !name.empty()) {
        tell_text(
            fmt::format("{0}.model and {0}.csv hold the network and its {1}; a filled sheet is marked by\n"
                        "  handgrad compare {0}.model {0}.csv --answers SHEET --row {2}\n"
                        "and a folder of sheets by\n"
                        "  handgrad grade {0}.model {0}.csv FOLDER",
                        name, counted(problem.table.rows, "row"), row));
    } else if (!options.show.quiet && options.sheet.blank) {
        tell("to have the sheet marked, add --save NAME: it writes the network and its rows");
    }
    return explanation;
}

explain::Explanation explain_sizes(const ExplainOptions& options) {
    if (options.integers.wanted) {
        return explain_integers(options);
    }
    const auto [shape, loss] = described(options.network);
    return explain(shape, loss, overruled({}, options.optimizer));
}

explain::Explanation explain_model(const ExplainOptions& options) {
    const Model model = open_model(options.model, options.data, options.applying);
    const explain::StepOptions step = overruled(explain::step_options_of(model), options.optimizer);
    if (options.data.empty()) {
        return explain(model, step);
    }
    const Table table =
        read_labelled(options.data, options.reading.target_file,
                      options.reading.applied_to(model.preprocessing.reading), target_names(model.preprocessing));
    tell_warnings(table, model, options.show);
    return explain(model, step, table, options.row - 1, options.applying.allow_extra);
}

std::string rendered(const explain::Explanation& explanation, const ExplainOptions& options) {
    switch (options.format) {
        case Format::text:
            return document::render_text(explain::compose(explanation, options.sheet));
        case Format::markdown:
            return document::render_markdown(explain::compose(explanation, options.sheet));
        case Format::latex:
            return document::render_latex(explain::compose(explanation, options.sheet));
        case Format::json:
            return explanation_event(explanation, options.sheet);
    }
    __builtin_unreachable();
}

}  // namespace

int explain(std::vector<std::string> words) {
    ExplainOptions options;
    if (!parse(options, std::move(words))) {
        return 0;
    }
    check(options);
    for (const std::string& input : {options.model, options.data}) {
        if (!input.empty()) {
            refuse_to_overwrite(options.output, input);
        }
    }
    Output output(options.output);
    const explain::Explanation explanation = options.model.empty() ? explain_sizes(options) : explain_model(options);
    const std::string text = rendered(explanation, options);
    if (options.format == Format::json) {
        output.write(text);
    } else {
        output.show(text);
    }
    output.finish();
    if (!explanation.row) {
        return 0;
    }
    return finite_or_diverged(nonfinite_in(explanation.row->trace), options.applying, options.show);
}

}  // namespace handgrad::cli
