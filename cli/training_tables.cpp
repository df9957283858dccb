// Tables of their own for validation and test are read as the data are.
#include "cli/training_tables.hpp"

#include <string>

#include "cli/files.hpp"

namespace handgrad::cli {

TrainingTables read_tables(const TrainOptionsGiven& given) {
    const auto held_out = [&](const char* option, const std::string& file) -> std::optional<Table> {
        if (file.empty()) {
            return {};
        }
        return given.remembered.open(option, file, [&] { return open_table(file, given.fit.reading); });
    };
    const std::string& labels = given.reading.target_file;
    return {given.remembered.open("DATA", given.data,
                                  [&] {
                                      return given.remembered.open("--target-file", labels, [&] {
                                          return read_labelled(given.data, labels, given.fit.reading,
                                                               given.fit.columns.targets);
                                      });
                                  }),
            held_out("--validation", given.validation_file), held_out("--test", given.test_file)};
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
