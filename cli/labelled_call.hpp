// What the verbs have in common that lay a model over a labelled table: `handgrad VERB MODEL DATA`.
#pragma once

#include <string>

#include "cli/options.hpp"

namespace handgrad::cli {

struct LabelledCall {
    std::string model;
    std::string data;
    ReadingOptions reading;
    ApplyingOptions applying;
    bool drop_missing_labels = false;
    Execution execution;
    OutputOptions show;

    [[nodiscard]] ApplyOptions apply() const {
        return {.labels = Labels::required, .allow_extra = applying.allow_extra};
    }
};

/// MODEL and DATA; then come the verb's own options.
void declare_model_and_data(Arguments& arguments, LabelledCall& call);
/// How the table is read, machine and output, at the end.
void declare_table_and_output(Arguments& arguments, LabelledCall& call, std::string json_help);

struct ModelAndTable {
    Model model;
    Table table;
};
/// Tells what the processor lacks and what is odd about the table. Raises Error(io), Error(model), Error(data).
ModelAndTable load(const LabelledCall& call);

}  // namespace handgrad::cli
