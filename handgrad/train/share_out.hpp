// Which rows a training learns from and which judge it; and whether a table is the one that a model was trained on.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "handgrad/train/evaluation.hpp"
#include "handgrad/train/fit.hpp"

namespace handgrad {

/// The rows of a table, shared out; all in table order.
struct SharedRows : RowsByPart {
    std::vector<std::size_t> all;  ///< those that have labels
};

/// Raises Error(usage) for a group column that is a target or the weight.
void check_group(const FitOptions& options);

/// The group column of these options (not empty). Raises what check_group() raises; Error(data) where there is none of
/// that name, and for the first of these rows whose group is missing.
const Column& group_column(const Table& table, const FitOptions& options, std::span<const std::size_t> rows);

/// A number for each of these rows, the same for equal cells, from 0 in the order of all cells of the column; missing
/// ones behind the others.
std::vector<std::uint32_t> labels_of(const Column& column, std::span<const std::size_t> rows);

/// By the settings validation, test, group, seed and drop_missing_labels: of a classification the same share of each
/// class is held out, whatever the task whole groups where there are some. Tells what it does. Raises what
/// labelled_rows(), split_rows() and split_by_groups() raise; Error(data) for a group that is missing; Error(usage) for
/// a group column that is a target or the weight.
SharedRows share_out(const Table& table, const FitOptions& options, Task task,
                     const std::function<void(const Notice&)>& tell);

/// With the rows for validation among those that are learned from.
SharedRows without_validation(SharedRows rows);

/// XXH3-128, in hex, of names and cells of all columns: the same for the same table, whatever its file is called.
std::string table_hash(const Table& table);
/// XXH3-128, in hex, of which rows are where.
std::string split_hash(const SharedRows& rows);

/// How the rows were shared out when this model was trained on this very table; of a table that only judged the model
/// all rows are in `validation` or `test`. Empty where that cannot be told: another table, an older model, or one that
/// has been trained elsewhere.
std::optional<RowsByPart> parts_of(const Model& model, const Table& table);

}  // namespace handgrad
