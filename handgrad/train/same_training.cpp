// Settings are compared value by value, tables by their hashes.
#include "handgrad/train/same_training.hpp"

#include <string>
#include <type_traits>
#include <variant>

#include "handgrad/base/error.hpp"
#include "handgrad/base/wording.hpp"
#include "handgrad/train/settings.hpp"
#include "handgrad/train/share_out.hpp"

namespace handgrad {
namespace {

/// Calls `ask` with the training of a checkpoint, if it has one.
template <class Result, class Ask>
Result of_training(const Model* checkpoint, Result none, Ask ask) {
    if (checkpoint == nullptr) {
        return none;
    }
    return std::visit(
        [&]<class S>(const S& saved) {
            if constexpr (std::is_same_v<S, std::monostate>) {
                return none;
            } else {
                return ask(saved);
            }
        },
        checkpoint->training);
}

std::string shown(const SettingValue& value) {
    const std::string text = setting_text(value);
    return text.empty() ? "nothing" : text;
}

void compare_settings(const SettingValues& there, const SettingValues& here, std::string& differences) {
    for (const auto& [name, value] : here) {
        const auto other = there.find(name);
        const SettingValue its = other == there.end() ? SettingValue{} : other->second;
        if (its != value) {
            add_item(differences, "; ", "the setting " + name + " was " + shown(its) + " and is " + shown(value));
        }
    }
}

void compare_tables(const TrainingRows& there, const Table& table, const FitOptions& options,
                    std::string& differences) {
    const auto compare = [&](const std::string& its, const Table* here, const std::string& what) {
        const std::string hash = here == nullptr ? "" : table_hash(*here);
        if (its != hash) {
            add_item(differences, "; ", what + " is another one");
        }
    };
    compare(there.table_hash, &table, "the table (" + table.source + ", " + plural(table.rows, "row") + ")");
    compare(there.validation_hash, options.validation->table, "the table for validation");
    compare(there.test_hash, options.test.table, "the table for the test");
}

}  // namespace

void refuse_another_training(const Model& checkpoint, const Table& table, const FitOptions& options) {
    if (std::holds_alternative<std::monostate>(checkpoint.training)) {
        throw Error(ErrorKind::model,
                    "the checkpoint holds a model without its training, so that nothing goes on from it");
    }
    std::string differences;
    compare_settings(checkpoint.settings, setting_values(options), differences);
    compare_tables(checkpoint.training_rows, table, options, differences);
    if (!differences.empty()) {
        throw Error(ErrorKind::usage, "the checkpoint is of another training, with which this cannot go on: " +
                                          differences + ". Say what was said then, or begin a training of its own");
    }
}

bool in_the_second(const Model* checkpoint) {
    return of_training(checkpoint, false, [](const auto& saved) { return saved.first.has_value(); });
}

std::size_t epochs_done(const Model* checkpoint) {
    return of_training(checkpoint, std::size_t{0}, [](const auto& saved) { return saved.state.epoch; });
}

}  // namespace handgrad
