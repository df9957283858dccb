// Settings are compared value by value, tables by their hashes.
#include "handgrad/train/same_training.hpp"

#include <string>
#include <type_traits>
#include <variant>

#include "handgrad/base/error.hpp"
#include "handgrad/base/wording.hpp"
#include "handgrad/train/decisions.hpp"
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

/// What is in the files counts, by whatever names: tables are compared by their hashes, and first weights by theirs.
bool both_name_files(std::string_view name, const SettingValue& its, const SettingValue& here) {
    const auto of_classes = [](const SettingValue& value) {
        const auto* text = std::get_if<std::string>(&value);
        return text != nullptr && names_a_file_of_weights(*text);
    };
    if (name == settings::class_weight.name) {
        return of_classes(its) && of_classes(here);
    }
    const bool may = name == settings::init_from.name || name == settings::target_jacobian.name ||
                     name == settings::validation.name || name == settings::test.name;
    return may && std::holds_alternative<std::string>(its) && std::holds_alternative<std::string>(here);
}

void compare_settings(const SettingValues& there, const SettingValues& here, std::string& differences) {
    const SettingValues usual = setting_values(FitOptions{});  // of a setting that is younger than the checkpoint
    for (const auto& [name, value] : here) {
        const auto other = there.find(name);
        const SettingValue its = other == there.end() ? usual.at(name) : other->second;
        if (both_name_files(name, its, value)) {
            continue;
        }
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

std::string shown(char sign) {
    if (sign == 0) {
        return "left open";
    }
    return sign == '\t' ? "tab" : std::string("'") + sign + "'";
}
std::string shown(bool yes) { return yes ? "on" : "off"; }
std::string shown(const std::vector<std::string>& texts) { return texts.empty() ? "nothing" : quoted(texts); }

/// How the table is read: the model answers for tables that are read as its own was. The sign for decimals is that
/// which was found in the table where nobody named one.
void compare_reading(const ReadOptions& there, const ReadOptions& here, std::string& differences) {
    const auto compare = [&](const char* name, const auto& its, const auto& own) {
        if (its != own) {
            add_item(differences, "; ",
                     std::string("the setting ") + name + " was " + shown(its) + " and is " + shown(own));
        }
    };
    compare("delimiter", there.delimiter, here.delimiter);
    compare("decimal", there.decimal, here.decimal);
    compare("header", there.header, here.header);
    compare("missing", there.missing, here.missing);
    compare("thousands", there.thousands, here.thousands);
    compare("percent", there.percent, here.percent);
    compare("currency", there.currency, here.currency);
    compare("date", there.date_columns, here.date_columns);
}

/// Whether it asks for more epochs than were asked for then.
bool asks_for_more(const Model& checkpoint, const FitOptions& options) {
    const SettingValues now = setting_values(options);  // which outlives what points into it
    const std::string name(settings::epochs.name);
    const auto asked = now.find(name), then = checkpoint.settings.find(name);
    const std::size_t* more = nullptr;
    const std::size_t* before = nullptr;
    if (asked != now.end() && then != checkpoint.settings.end()) {
        more = std::get_if<std::size_t>(&asked->second);
        before = std::get_if<std::size_t>(&then->second);
    }
    return more != nullptr && before != nullptr && *more > *before;
}

std::string noted(const Model& model, const char* key) {
    const auto found = model.provenance.find(key);
    return found == model.provenance.end() ? std::string() : found->second;
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
    ReadOptions reading = options.reading;
    reading.decimal = table.decimal;
    compare_reading(checkpoint.preprocessing.reading, reading, differences);
    const std::string began_with = options.continue_from == nullptr ? "" : parameters_hash(*options.continue_from);
    if (noted(checkpoint, "continued.hash") != began_with) {
        add_item(differences, "; ", "the model that it went on with is another one");
    }
    if (differences.empty()) {
        return;
    }
    Error refusal(
        ErrorKind::usage,
        "the checkpoint is of another training, with which this cannot go on: " + differences +
            ". Say what was said then, or begin a training of its own" +
            when(asks_for_more(checkpoint, options), "; for more epochs than then go on with the model at its end"));
    if (asks_for_more(checkpoint, options)) {
        throw std::move(refusal).about("continue");
    }
    throw refusal;
}

bool in_the_second(const Model* checkpoint) {
    return of_training(checkpoint, false, [](const auto& saved) { return saved.first.has_value(); });
}

std::size_t epochs_done(const Model* checkpoint) {
    return of_training(checkpoint, std::size_t{0}, [](const auto& saved) { return saved.state.epoch; });
}

}  // namespace handgrad
