// Which rows judge and which are learned from, in turns: the folds of a cross-validation.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "handgrad/base/random.hpp"
#include "handgrad/data/preprocessing.hpp"
#include "handgrad/data/table.hpp"
#include "handgrad/train/fit.hpp"

namespace handgrad::selection {

struct FoldOptions {
    std::size_t folds = 5;    ///< at least 2
    std::size_t repeats = 1;  ///< each deals the rows anew; at least 1
    /// The rows are in order of time: each fold is learned from all that lie before it. Not with repeats or groups.
    bool ordered = false;
    bool stratified = true;  ///< of a classification with one target; has no meaning for others, nor when ordered

    bool operator==(const FoldOptions&) const = default;
};

/// Rows of the table, each part in table order.
struct Fold {
    std::size_t repeat = 0, number = 0;       ///< both from 0
    std::vector<std::size_t> training, test;  ///< no row is in both
};

/// The number of a fold, from 0, for each place of `strata`: places in random order, stratum after stratum, dealt to
/// the folds in turns, so that the sizes of folds, and of each stratum in them, differ by 1 at most.
std::vector<std::uint32_t> deal_rows(std::span<const std::uint32_t> strata, std::size_t folds,
                                     const RandomStream& stream);
/// The same for whole groups, the larger first (sizes between two powers of two are as large as each other, and their
/// order is random): each to the fold where Σ n_s g_s / N_s is least, n_s the rows of stratum s that the fold has, g_s
/// those of the group and N_s all of them; of equals to the fold with the fewest rows, then to the first. With one
/// stratum that is the fold with the fewest rows. groups[i] and strata[i] are of place i, each counted from 0. With as
/// many groups as folds or more, no fold is empty.
std::vector<std::uint32_t> deal_groups(std::span<const std::uint32_t> groups, std::span<const std::uint32_t> strata,
                                       std::size_t folds, const RandomStream& stream);

/// The folds of a table, repeat after repeat and drawn by the options' seed, of the rows that have labels (all, or
/// those that are left by options.drop_missing_labels): each row judges in one fold of each repeat. Groups are those of
/// options.group. Ordered, the last folds · ⌊rows/(folds + 1)⌋ rows are cut into folds of equal size, and the rows
/// before each teach it. Raises Error(usage) for numbers out of range, and for repeats or groups when ordered;
/// Error(data) for fewer rows or groups than folds, for a class that is judged where none of its rows was learned from,
/// and what labelled_rows() and group_column() raise.
std::vector<Fold> make_folds(const Table& table, const FitOptions& options, Task task, const FoldOptions& how);

/// The folds as CSV for other programs: `row` (from 1, as in the table) and a column for each repeat, `fold` where
/// there is one, else `repeat1` …: the fold, from 1, in which the row judges; empty where it never does.
std::string folds_csv(std::span<const Fold> folds, std::size_t rows);

}  // namespace handgrad::selection
