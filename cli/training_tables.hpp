// The tables that a training reads, as its options name them.
#pragma once

#include <optional>

#include "cli/train_options.hpp"
#include "handgrad/data/table.hpp"

namespace handgrad::cli {

/// Must outlive the training, which refers to them.
struct TrainingTables {
    Table data;
    std::optional<Table> validation, test;
};

/// Reads them, before anything is printed or trained. Raises Error(data), Error(io).
TrainingTables read_tables(const TrainOptionsGiven& given);
/// Has the tables that were read judge the training.
void use_tables(TrainOptionsGiven& given, const TrainingTables& tables);

}  // namespace handgrad::cli
