// What `handgrad explain` knows of a network and of one row of a table: the derivation, the update, and the numbers of
// the step, with the row as it stands in the table.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "handgrad/data/table.hpp"
#include "handgrad/explain/derivation.hpp"
#include "handgrad/explain/slopes.hpp"
#include "handgrad/explain/trace.hpp"
#include "handgrad/explain/training_steps.hpp"
#include "handgrad/store/model.hpp"
#include "handgrad/store/setting_values.hpp"

namespace handgrad::explain {

/// One input or output of the network and the cell that it comes from.
struct ExplainedCell {
    std::string name;                   ///< of the column; `city=Rome` for one of the inputs of a category
    std::string cell;                   ///< as it stands in the table, or `missing`
    std::optional<double> number = {};  ///< of the cell, where it is one and stands for itself
};

/// One row of a table, worked through.
struct ExplainedRow {
    std::string place;                   ///< `t.csv:4`
    std::size_t number = 1;              ///< of the row, from 1
    std::vector<ExplainedCell> inputs;   ///< one for each of x
    std::vector<ExplainedCell> outputs;  ///< one for each of y
    bool encoded = false;                ///< x or y are not the cells themselves: scaled, imputed, or 0/1 of a category
    Trace trace;
};

struct Explanation {
    Derivation derivation;
    UpdateFormula update;
    std::vector<TrainingStep> steps;  ///< the five of them, in symbols
    Slopes slopes;                    ///< derivation §5 for this network, and with a row in its numbers
    StepOptions step;
    bool use_double = false;
    bool weighted = false;  ///< the model has a column of sample weights, which cancels in a batch of one row
    std::optional<ExplainedRow> row;
};

/// The optimizer that a model was trained with, from its provenance; plain SGD at train()'s default learning rate where
/// a model says nothing (or names what this version does not know).
StepOptions step_options_of(const Model& model);

/// The step with these settings in place of its own, by their names; with another optimizer goes what belonged to the
/// one before. `weight_decay` is the penalty, but of AdamW the decay. Raises Error(model) beginning with `place` for
/// what is no such setting.
StepOptions overruled(StepOptions step, SettingValues given, const std::string& place);

/// The tables of a network; `use_double` is the precision that they speak of. Raises Error(usage).
Explanation explain(const Architecture& architecture, const LossFunction& loss, const StepOptions& step = {},
                    bool use_double = false);
Explanation explain(const Model& model, const StepOptions& step);

/// The same with the numbers of the row `row` (from 0) of a table whose columns are found by name. Raises Error(usage)
/// for a row that is not there and for settings of the optimizer that make no sense, Error(data) for a table that does
/// not fit the model or has no target column (the loss and the backward pass need y).
Explanation explain(const Model& model, const StepOptions& step, const Table& table, std::size_t row,
                    bool allow_extra = false);

}  // namespace handgrad::explain
