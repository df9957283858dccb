// handgrad inspect: what a model file holds.
#include <fmt/format.h>

#include <algorithm>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "cli/events.hpp"
#include "cli/options.hpp"
#include "cli/output.hpp"
#include "cli/text.hpp"
#include "cli/verbs.hpp"
#include "cli/wording.hpp"
#include "handgrad/base/atomic_file.hpp"
#include "handgrad/base/utf8.hpp"
#include "handgrad/store/convention_names.hpp"
#include "handgrad/store/tensor_file.hpp"
#include "handgrad/train/settings.hpp"

namespace handgrad::cli {
namespace {}  // namespace

int inspect(std::vector<std::string> words) {
    std::string path;
    bool allow_nonfinite = false;
    OutputOptions show;
    Arguments arguments("inspect", {"handgrad inspect price.model", "handgrad inspect price.model --json"});
    arguments.positional("MODEL", path);
    arguments.group("Options");
    arguments.flag("--allow-nonfinite", "accept a model with NaN or infinite weights", into(allow_nonfinite));
    declare_output(arguments, show, "one event `model` with all of it");
    if (!parse_or_help(arguments, std::move(words))) {
        return 0;
    }
    Output output;
    const std::string bytes = read_file(path, [&](std::string_view first) { judge_tensor_file(first, path); });
    const Model model = parse_model(bytes, path, allow_nonfinite);
    check_settings(model, path);
    const std::string file_hash = xxh3_128_hex(bytes);
    output.answer(
        show.json, [&] { return model_event(model, path, file_hash); },
        [&] { return model_text(model, path, file_hash); });
    output.finish();
    return 0;
}

}  // namespace handgrad::cli
