// Tables of their own for validation and test are read as the data are.
#include "cli/training_tables.hpp"

#include <string>

#include "cli/files.hpp"

namespace handgrad::cli {

TrainingTables read_tables(const TrainOptionsGiven& given) {
    const auto held_out = [&](const std::string& file) -> std::optional<Table> {
        if (file.empty()) {
            return {};
        }
        return open_table(file, given.fit.reading);
    };
    return {read_labelled(given.data, given.reading.target_file, given.fit.reading, given.fit.columns.targets),
            held_out(given.validation_file), held_out(given.test_file)};
}

void use_tables(TrainOptionsGiven& given, const TrainingTables& tables) {
    if (tables.validation) {
        given.fit.validation.emplace().table = &*tables.validation;
    }
    if (tables.test) {
        given.fit.test.table = &*tables.test;
    }
}

}  // namespace handgrad::cli
