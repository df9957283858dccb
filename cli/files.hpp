// Models and tables as the verbs open them: a file that is something else is named as what it is.
#pragma once

#include <string>

#include "cli/options.hpp"
#include "handgrad/data/table.hpp"
#include "handgrad/store/model.hpp"

namespace handgrad::cli {

/// The model of MODEL, where DATA is the table that goes with it (for the message about words that are swapped; may be
/// empty), with what the options say about unknown categories. Raises Error(usage) when they are, Error(model) for a
/// table, and whatever load_model() raises.
Model open_model(const std::string& model, const std::string& data, const ApplyingOptions& options);

/// read_table(), but a model file raises Error(data) that says so.
Table open_table(const std::string& path, const ReadOptions& reading);

}  // namespace handgrad::cli
