// handgrad export: a model in the forms that other programs run or read.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cli/events.hpp"
#include "cli/files.hpp"
#include "cli/options.hpp"
#include "cli/output.hpp"
#include "cli/verbs.hpp"
#include "handgrad/base/error.hpp"
#include "handgrad/export/c99.hpp"
#include "handgrad/export/casadi.hpp"
#include "handgrad/export/onnx.hpp"
#include "handgrad/export/weights.hpp"

namespace handgrad::cli {
namespace {

struct ExportOptions {
    std::string model;
    std::string output;
    std::string to;
    std::vector<std::string> given;  ///< options that not every form has, as they were said
    exports::C99Options c99;
    bool derivatives = false;
    bool allow_nonfinite = false;
    OutputOptions show;
};

/// What a form consists of: files by path, and what a reader wants to know of them.
struct Exported {
    std::vector<std::pair<std::string, std::string>> files;  ///< path, bytes
    std::string text{};                                      ///< lines for people
};

Exported to_npz(const ExportOptions& options, const Model& model) {
    return {{{options.output, exports::npz_weights(model)}}};
}

Exported to_torch(const ExportOptions& options, const Model& model) {
    const std::string file = std::filesystem::path(options.output).filename().string();
    return {{{options.output, exports::torch_weights(model, file)}}, exports::torch_program(model, options.output)};
}

/// A folder, which is made, with NAME.h and NAME.c.
Exported to_c99(const ExportOptions& options, const Model& model) {
    exports::C99Options how = options.c99;
    if (how.name.empty()) {
        how.name = exports::c_identifier(std::filesystem::path(options.model).stem().string());
    }
    const exports::C99Files files = exports::c99(model, how);
    const std::filesystem::path folder(options.output);
    std::error_code problem;
    std::filesystem::create_directories(folder, problem);
    if (problem) {
        throw Error(ErrorKind::io, fmt::format("{}: cannot make this folder: {}", options.output, problem.message()));
    }
    return {{{folder / (how.name + ".h"), files.header}, {folder / (how.name + ".c"), files.source}}};
}

/// One file of C, and how CasADi comes to it.
Exported to_casadi(const ExportOptions& options, const Model& model) {
    const std::filesystem::path path(options.output);
    std::string name = options.c99.name;
    if (name.empty()) {
        name = exports::c_identifier(path.stem().string());
    }
    const std::string library = std::filesystem::path(path).replace_extension(".so").string();
    const std::string text = fmt::format(
        "cc -shared -fPIC -O3 -march=native {} -lm -o {}\n"
        "{} = casadi.external('{}', './{}')\n",
        shell_word(options.output), shell_word(library), name, name, library);
    return {{{options.output, exports::casadi(model, {.name = name, .raw = options.c99.raw})}}, text};
}

/// The model, and beside it the graphs of its derivatives.
Exported to_onnx(const ExportOptions& options, const Model& model) {
    const std::filesystem::path path(options.output);
    Exported exported;
    for (exports::OnnxFile& file : exports::onnx(
             model, {.name = path.stem().string(), .raw = options.c99.raw, .derivatives = options.derivatives})) {
        exported.files.emplace_back(path.parent_path() / (file.prefix + path.filename().string()),
                                    std::move(file.bytes));
    }
    return exported;
}

/// One form: its name, which of the options beside those of all it takes, and what makes it.
struct Form {
    std::string_view name;
    std::vector<std::string_view> options;
    Exported (*make)(const ExportOptions& options, const Model& model);
};

const std::vector<Form>& forms() {
    static const std::vector<Form> list{
        {"c99", {"--raw", "--hessian", "--training", "--name", "--float-only"}, to_c99},
        {"casadi", {"--raw", "--name"}, to_casadi},
        {"npz", {}, to_npz},
        {"onnx", {"--raw", "--derivatives"}, to_onnx},
        {"torch", {}, to_torch},
    };
    return list;
}

std::vector<std::string> form_names() {
    std::vector<std::string> names;
    for (const Form& form : forms()) {
        names.emplace_back(form.name);
    }
    return names;
}

const Form& form_of(const ExportOptions& options) {
    return *std::ranges::find(forms(), std::string_view(options.to), &Form::name);
}

/// Raises Error(usage) for an option that the form does not have, naming those that do.
void check_options_fit(const ExportOptions& options) {
    for (const std::string& option : options.given) {
        const Form& form = form_of(options);
        if (std::ranges::find(form.options, option) != form.options.end()) {
            continue;
        }
        std::vector<std::string> others;
        for (const Form& other : forms()) {
            if (std::ranges::find(other.options, option) != other.options.end()) {
                others.emplace_back(other.name);
            }
        }
        usage_error(fmt::format("{}: --to {} has no such thing, only {} {}; leave it out", option, options.to,
                                fmt::join(others, " and "), others.size() == 1 ? "has" : "have"));
    }
}

bool parse(ExportOptions& options, std::vector<std::string> words) {
    Arguments arguments("export", {"handgrad export price.model --to c99 -o firmware",
                                   "handgrad export price.model --to c99 --raw -o firmware",
                                   "handgrad export price.model --to onnx --raw -o price.onnx",
                                   "handgrad export pendulum.model --to casadi --raw -o pendulum.c",
                                   "handgrad export price.model --to npz -o price.npz",
                                   "handgrad export price.model --to torch -o price.safetensors"});
    arguments.positional("MODEL", options.model);
    arguments.group("What to write");
    arguments.option("--to", fmt::format("{}", fmt::join(form_names(), "|")), "for whom; needed",
                     into_choice(form_names(), [&](std::size_t i) { options.to = forms()[i].name; }));
    arguments.option("--output,-o", "PATH", "the file, or of c99 the folder; needed", into(options.output));
    const auto noted = [&options](const std::string& name, const Setter& set) {
        return [&options, name, set](const Given& given) {
            set(given);
            options.given.push_back(name);
        };
    };
    arguments.flag("--raw", "columns as in the table go in, the user's units come out",
                   noted("--raw", into(options.c99.raw)));
    arguments.flag("--derivatives", "of onnx also jac_FILE, fwd_FILE, adj_FILE and jac_adj_FILE beside it",
                   noted("--derivatives", into(options.derivatives)));
    arguments.flag("--hessian", "second derivatives too", noted("--hessian", into(options.c99.hessian)));
    arguments.flag("--training", "a step of gradient descent too, on parameters that the caller keeps",
                   noted("--training", into(options.c99.training)));
    arguments.option("--name", "IDENT", "begins every name in C, and those of the files (by MODEL)",
                     noted("--name", into(options.c99.name)));
    arguments.flag("--float-only", "no double anywhere, for processors that have float alone",
                   noted("--float-only", into(options.c99.float_only)));
    arguments.flag("--allow-nonfinite", "accept a model with NaN or infinite weights", into(options.allow_nonfinite));
    declare_output(arguments, options.show, "one event `exported`");
    arguments.notes(
        "c99: NAME.h and NAME.c, which compute outputs and derivatives to the last bit as handgrad does, by loops "
        "over\n"
        "tables of weights, without allocation; --raw adds functions from rows of the table to the user's units. "
        "casadi:\n"
        "one file of C in double with the function and all derivatives that casadi.external looks for. npz: the\n"
        "weights as arrays of NumPy, with the names of columns and their scaling. onnx: a graph from x to yhat, or "
        "with\n"
        "--raw from one input for each column to predictions in the user's units, or labels and probabilities;\n"
        "--derivatives writes Jacobian, products with it and Hessian as graphs too. torch: the weights under the "
        "names\n"
        "of torch.nn.Sequential; the lines that load them are printed, and stand in the file's metadata.\n");
    if (!parse_or_help(arguments, std::move(words))) {
        return false;
    }
    if (options.to.empty()) {
        usage_error(fmt::format("--to is missing: say for whom, one of {}", fmt::join(form_names(), ", ")));
    }
    if (options.output.empty()) {
        usage_error("--output is missing: say with -o where to write it");
    }
    check_options_fit(options);
    return true;
}

void tell_exported(const ExportOptions& options, const Exported& exported) {
    if (options.show.json) {
        Output events;
        events.write(exported_event(options.to, exported.files));
        events.finish();
    } else if (!options.show.quiet) {
        for (const auto& [path, bytes] : exported.files) {
            tell(fmt::format("{}: {} bytes", path, bytes.size()));
        }
        if (!exported.text.empty()) {
            tell_text(exported.text.substr(0, exported.text.find_last_not_of('\n') + 1));
        }
    }
}

}  // namespace

int export_model(std::vector<std::string> words) {
    ExportOptions options;
    if (!parse(options, std::move(words))) {
        return 0;
    }
    const Model model = open_model(options.model, {}, {.allow_nonfinite = options.allow_nonfinite});
    const Exported exported = form_of(options).make(options, model);
    for (const auto& [path, bytes] : exported.files) {
        refuse_to_overwrite(path, options.model);
    }
    for (const auto& [path, bytes] : exported.files) {
        Output file(path);
        file.write(bytes);
        file.finish();
    }
    tell_exported(options, exported);
    return 0;
}

}  // namespace handgrad::cli
