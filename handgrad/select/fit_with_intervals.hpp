// A model with what its intervals are made of: by rows held out, or by networks that are trained without some rows.
#pragma once

#include <cstddef>

#include "handgrad/data/table.hpp"
#include "handgrad/train/fit.hpp"

namespace handgrad::selection {

/// Folds of cv_plus, fewer where there are fewer rows or groups.
inline constexpr std::size_t interval_folds = 10;

/// fit(), and where options.interval_method is cv_plus or jackknife_plus one training more for each fold, or for each
/// row, of all rows but those of the test: with the same settings and the same seed, which decide, hold out, scale and
/// impute by the rows of that training alone (columns, categories and classes are those of the table). They run side by
/// side, each in one thread, on as many threads as options.training.execution says, which changes no number (`stop` is
/// asked in the caller's own). Rows of
/// options.group stay together. What intervals are made of is then in the model; it is left out, which is told, where
/// the training or one of them was interrupted or diverged. Raises what fit() raises, naming the fold; Error(usage) for
/// settings under which a row would have a part in a network that must not have seen it: validation rows of another
/// table, init_from, continue_from; and for jackknife_plus with groups.
FitResult fit_with_intervals(const Table& table, const FitOptions& options, const FitCallbacks& callbacks = {},
                             const Model* checkpoint = nullptr);

}  // namespace handgrad::selection
