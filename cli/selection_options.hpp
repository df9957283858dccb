// What cv and tune have in common: a training's settings, how its rows are dealt to folds, and which score counts.
#pragma once

#include <string>

#include "cli/arguments.hpp"
#include "cli/train_options.hpp"
#include "handgrad/select/cross_validation.hpp"
#include "handgrad/select/folds.hpp"

namespace handgrad::cli {

struct SelectionGiven {
    TrainOptionsGiven train;  ///< its table, settings, machine and output
    Said said;
    selection::FoldOptions how;
    std::string score;       ///< empty: the usual one
    std::string folds_file;  ///< of --save-folds; empty: none
};

/// --folds, --repeats, --ordered, --stratify, --score, --save-folds.
void declare_folds(Arguments& arguments, SelectionGiven& given);
/// A training's settings, but those that have no meaning where folds judge; the machine; --json and --quiet.
void declare_fits(Arguments& arguments, SelectionGiven& given, std::string json_help);
/// After parsing: the settings that depend on others. Raises Error(usage).
void settle_fits(SelectionGiven& given);

/// Reads the table. Raises Error(data), Error(io).
Table read_table_of(const SelectionGiven& given);
/// Writes --save-folds, if it was asked for. Raises Error(io).
void save_folds(const SelectionGiven& given, const Table& table, Task task);

}  // namespace handgrad::cli
