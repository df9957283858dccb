// The parts are a function of table, settings and seed, so that a model need not keep them but for a hash.
#include "handgrad/train/share_out.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <iterator>
#include <map>
#include <set>
#include <span>
#include <string_view>
#include <utility>

#include "handgrad/base/error.hpp"
#include "handgrad/base/random.hpp"
#include "handgrad/base/wording.hpp"
#include "handgrad/store/tensor_file.hpp"
#include "handgrad/train/settings.hpp"

namespace handgrad {
namespace {

/// A number for each row, as labels_of() has them.
class RowLabels {
public:
    explicit RowLabels(const Column& column) : column_(column) {
        if (column.has_numbers) {
            for (const double value : column.numbers) {
                numbers_.emplace(value, 0);
            }
            std::uint32_t next = 0;
            for (auto& [value, label] : numbers_) {
                label = next++;
            }
            return;
        }
        std::vector<std::size_t> order = all_rows(column.texts.size());
        std::ranges::sort(order, {}, [&](std::size_t i) { return std::string_view(column.texts[i]); });
        ranks_.resize(order.size());
        for (std::size_t i = 0; i < order.size(); ++i) {
            ranks_[order[i]] = static_cast<std::uint32_t>(i);
        }
    }
    [[nodiscard]] std::uint32_t of(std::size_t row) const {
        if (column_.has_numbers) {
            return numbers_.at(column_.numbers[row]);
        }
        const std::uint32_t code = column_.codes[row];
        if (code == Column::missing_code) {
            return static_cast<std::uint32_t>(ranks_.size());
        }
        return ranks_[code];
    }
    [[nodiscard]] std::vector<std::uint32_t> of(std::span<const std::size_t> rows) const {
        std::vector<std::uint32_t> labels;
        for (const std::size_t row : rows) {
            labels.push_back(of(row));
        }
        return labels;
    }

private:
    struct NanLast {
        bool operator()(double a, double b) const { return std::isnan(b) ? !std::isnan(a) : a < b; }
    };
    const Column& column_;
    std::map<double, std::uint32_t, NanLast> numbers_;
    std::vector<std::uint32_t> ranks_;  ///< of the texts
};

}  // namespace

std::vector<std::uint32_t> labels_of(const Column& column, std::span<const std::size_t> rows) {
    return RowLabels(column).of(rows);
}

void check_group(const FitOptions& options) {
    const std::string& name = options.group;
    if (name.empty()) {
        return;
    }
    if (std::ranges::find(options.columns.targets, name) != options.columns.targets.end()) {
        throw Error(ErrorKind::usage, "column '" + name + "' is both a target and the group")
            .about("target")
            .about("group");
    }
    if (name == options.columns.weight) {
        throw Error(ErrorKind::usage, "column '" + name + "' is both the weight and the group")
            .about("weight")
            .about("group");
    }
}

const Column& group_column(const Table& table, const FitOptions& options, std::span<const std::size_t> rows) {
    const std::string& name = options.group;
    check_group(options);
    const Column& column = table.column(name);
    for (const std::size_t row : rows) {
        const bool missing =
            column.has_numbers ? std::isnan(column.numbers[row]) : column.codes[row] == Column::missing_code;
        if (missing) {
            throw Error(ErrorKind::data, table.place(row) + ": column '" + name +
                                             "': the group is missing; fill it in, or group by another column")
                .about("group");
        }
    }
    return column;
}

namespace {

std::size_t distinct(const std::vector<std::uint32_t>& labels) {
    return std::set<std::uint32_t>(labels.begin(), labels.end()).size();
}

/// Holds parts out of the training rows, one after the other.
class Sharing {
public:
    Sharing(const Table& table, const FitOptions& options, Task task, SharedRows& rows)
        : options_(options), rows_(rows) {
        if (!options.group.empty()) {
            labels_.emplace(group_column(table, options, rows.all));
        } else if (task == Task::classification && options.columns.targets.size() == 1) {
            labels_.emplace(table.column(options.columns.targets.front()));
        }
    }

    /// Returns how it was done, in words.
    std::string hold_out(double fraction, Purpose purpose, std::vector<std::size_t>& part) {
        const RandomStream stream(options_.training.seed, purpose);
        Split split;
        std::string how = "held out at random";
        if (!options_.group.empty()) {
            const std::vector<std::uint32_t> groups = labels_->of(rows_.training);
            split = split_by_groups(rows_.training, groups, fraction, stream);
            how += ", " + std::to_string(distinct(labels_->of(split.held_out))) + " of " +
                   std::to_string(distinct(groups)) + " groups by '" + options_.group + "'";
        } else if (labels_ && purpose != Purpose::calibration_split) {  // which must be like any new rows
            split = split_by_strata(rows_.training, labels_->of(rows_.training), fraction, stream);
            how += ", of each class its share";
        } else {
            split = split_rows(rows_.training, fraction, stream);
        }
        rows_.training = std::move(split.kept);
        part = std::move(split.held_out);
        return how;
    }

private:
    const FitOptions& options_;
    SharedRows& rows_;
    std::optional<RowLabels> labels_;  ///< groups, or classes
};

/// What cannot be held out is said of the setting that asks for it.
template <class HoldOut>
std::string held_out_for(const std::string& setting, HoldOut hold_out) {
    try {
        return hold_out();
    } catch (const Error& error) {
        if (setting != "calibration") {
            throw;
        }
        throw Error(error.kind(), setting + ": " + error.what()).about(setting);
    }
}

/// With its length before it, so that no two lists of texts run together.
void add_text(Xxh3Stream& hash, std::string_view text) {
    const std::uint64_t length = text.size();
    hash.add(number_bytes<std::uint64_t>({&length, 1}));
    hash.add(text);
}

}  // namespace

SharedRows share_out(const Table& table, const FitOptions& options, Task task,
                     const std::function<void(const Notice&)>& tell) {
    SharedRows rows;
    rows.all = labelled_rows(table, options.columns.targets, options.drop_missing_labels);
    if (rows.all.size() < table.rows) {
        tell({std::to_string(table.rows - rows.all.size()) + " of " + std::to_string(table.rows) +
              " rows have no label and are left out"});
    }
    rows.training = options.only_rows.value_or(rows.all);
    Sharing sharing(table, options, task, rows);
    const auto hold_out = [&](const HeldOut& held, const char* what, Purpose purpose, std::vector<std::size_t>& part) {
        if (held.table == nullptr && held.fraction != 0.0) {
            const std::string how = held_out_for(what, [&] { return sharing.hold_out(held.fraction, purpose, part); });
            tell({std::string(what) + ": " + std::to_string(part.size()) + " of " + std::to_string(rows.all.size()) +
                  " rows, " + how});
            if (part.empty()) {
                tell({std::string("warning: no row is held out for ") + what +
                      ": every class has one row only, which is needed to learn from"});
            }
        }
    };
    hold_out(options.test, "test", Purpose::test_split, rows.test);
    hold_out({.fraction = options.calibration}, "calibration", Purpose::calibration_split, rows.calibration);
    hold_out(options.validation.value_or(HeldOut{}), "validation", Purpose::validation_split, rows.validation);
    return rows;
}

SharedRows without_validation(SharedRows rows) {
    std::vector<std::size_t> training;
    std::ranges::merge(rows.training, rows.validation, std::back_inserter(training));
    rows.training = std::move(training);
    rows.validation.clear();
    return rows;
}

std::string table_hash(const Table& table) {
    Xxh3Stream hash;
    for (const Column& column : table.columns) {
        add_text(hash, column.name);
        add_text(hash, number_bytes<double>(column.numbers));
        add_text(hash, number_bytes<std::uint32_t>(column.codes));
        for (const std::string& text : column.texts) {
            add_text(hash, text);
        }
    }
    return hash.hex();
}

std::string split_hash(const SharedRows& rows) {
    Xxh3Stream hash;
    for (const std::vector<std::size_t>* part : {&rows.training, &rows.validation, &rows.test}) {
        add_text(hash, number_bytes<std::size_t>(*part));
    }
    if (!rows.calibration.empty()) {
        add_text(hash, number_bytes<std::size_t>(rows.calibration));
    }
    return hash.hex();
}

std::optional<RowsByPart> parts_of(const Model& model, const Table& table) {
    const TrainingRows& known = model.training_rows;
    const std::optional<FitOptions> options = recorded_options(model);
    if (known.table_hash.empty() || !options) {
        return std::nullopt;
    }
    const std::string hash = table_hash(table);
    if (hash == known.table_hash) {
        const SharedRows rows = share_out(table, *options, model.preprocessing.task, [](const Notice&) {});
        for (const SharedRows& learned : {rows, without_validation(rows)}) {
            if (split_hash(learned) == known.split_hash) {
                return learned;
            }
        }
        return std::nullopt;  // another version shared them out in another way
    }
    if (hash == known.validation_hash) {
        return RowsByPart{.training = {}, .validation = all_rows(table.rows), .test = {}};
    }
    if (hash == known.test_hash) {
        return RowsByPart{.training = {}, .validation = {}, .test = all_rows(table.rows)};
    }
    return std::nullopt;
}

}  // namespace handgrad
