// What the verbs have in common that lay a model over a labelled table.
#include "cli/labelled_call.hpp"

#include <utility>

#include "cli/files.hpp"
#include "cli/text.hpp"

namespace handgrad::cli {

void declare_model_and_data(Arguments& arguments, LabelledCall& call) {
    arguments.positional("MODEL", call.model);
    arguments.positional("DATA", call.data);
}

void declare_table_and_output(Arguments& arguments, LabelledCall& call, std::string json_help) {
    arguments.group("Table (columns are found by their names; without these options read as in training)");
    declare_reading(arguments, call.reading, true);
    declare_missing_labels(arguments, call.drop_missing_labels);
    declare_applying(arguments, call.applying);
    arguments.group("Machine and output");
    declare_machine(arguments, call.execution);
    declare_output(arguments, call.show, std::move(json_help));
}

ModelAndTable load(const LabelledCall& call) {
    tell_machine(call.execution, call.show);
    Model model = open_model(call.model, call.data, call.applying);
    Table table =
        read_labelled(call.data, call.reading.target_file, call.reading.applied_to(model.preprocessing.reading),
                      target_names(model.preprocessing));
    if (call.drop_missing_labels) {
        table = with_labels(std::move(table), target_names(model.preprocessing), call.show);
    }
    tell_warnings(table, model, call.show);
    return {std::move(model), std::move(table)};
}

}  // namespace handgrad::cli
