// handgrad import: a network of another program as a model.
#include <fmt/format.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cli/events.hpp"
#include "cli/network_options.hpp"
#include "cli/options.hpp"
#include "cli/output.hpp"
#include "cli/verbs.hpp"
#include "handgrad/import/import.hpp"
#include "handgrad/store/convention_names.hpp"

namespace handgrad::cli {
namespace {

struct ImportFileOptions {
    std::string file;
    std::string output;
    imports::ImportOptions how;
    OutputOptions show;
};

bool parse(ImportFileOptions& options, std::vector<std::string> words) {
    Arguments arguments("import",
                        {"handgrad import net.onnx -o net.model",
                         "handgrad import weights.safetensors --hidden-activation tanh -o net.model",
                         "handgrad import coefs.npz --hidden-activation relu --inputs age,size -o net.model"});
    arguments.positional("FILE", options.file);
    arguments.group("What to write");
    arguments.option("--output,-o", "MODEL", "the model file; needed", into(options.output));
    declare_output(arguments, options.show, "one event `imported`");
    arguments.group("What weights alone do not say");
    arguments.option("--hidden-activation", "NAME[,NAME]", "one for all hidden layers, or one for each",
                     [&](const Given& given) { options.how.hidden = parse_activations(given); });
    arguments.option(
        "--output-activation", "NAME", "behind the last layer (identity)",
        into_choice(names_of(all_activations), [&](std::size_t i) { options.how.output = all_activations[i]; }));
    arguments.option("--leaky-slope", "X", "slope of leaky_relu for z < 0 (0.01)", into(options.how.leaky_slope));
    arguments.option("--inputs", "NAME,NAME", "names of the columns that go in (x1, x2 ...)",
                     [&](const Given& given) { options.how.inputs = parse_list(given); });
    arguments.option("--targets", "NAME,NAME", "names of what comes out (y, or y1, y2 ...)",
                     [&](const Given& given) { options.how.targets = parse_list(given); });
    arguments.notes(
        "Read are ONNX (a chain of Gemm, or MatMul and Add, and activations), PyTorch's weights as safetensors, and\n"
        "NPZ (names of PyTorch's kind, W1 and b1, or scikit-learn's coefs_0 and intercepts_0). Softmax at the end "
        "makes\n"
        "classes 0, 1 ..., one sigmoid the classes 0 and 1, several labels, anything else a regression.\n");
    if (!parse_or_help(arguments, std::move(words))) {
        return false;
    }
    if (options.output.empty()) {
        usage_error("--output is missing: say with -o where to write the model");
    }
    return true;
}

/// `4-8-1, tanh and identity, a regression`.
std::string description(const Model& model) {
    const Architecture& shape = model.architecture();
    std::vector<std::string_view> activations;
    for (std::size_t l = 0; l < shape.layers(); ++l) {
        activations.push_back(name(shape.activation(l)));
    }
    return fmt::format("{}, {}, {}, {}", fmt::join(shape.sizes, "-"), fmt::join(activations, " "),
                       model.is_double() ? "f64" : "f32", name(model.preprocessing.task));
}

}  // namespace

int import_model(std::vector<std::string> words) {
    ImportFileOptions options;
    if (!parse(options, std::move(words))) {
        return 0;
    }
    refuse_to_overwrite(options.output, options.file);
    const imports::Imported imported = imports::import_model(options.file, options.how);
    save_model(options.output, imported.model);
    if (options.show.json) {
        Output events;
        events.write(imported_event(options.output, imported));
        events.finish();
    } else if (!options.show.quiet) {
        for (const std::string& notice : imported.notices) {
            tell(notice);
        }
        tell(fmt::format("{}: {}", options.output, description(imported.model)));
    }
    return 0;
}

}  // namespace handgrad::cli
