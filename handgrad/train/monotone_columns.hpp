// The columns that a user wants monotone, as signs of the network's inputs.
#pragma once

#include <string>
#include <vector>

#include "handgrad/data/preprocessing.hpp"

namespace handgrad {

/// `COL+` or `COL-`, taken apart.
struct MonotoneColumn {
    std::string name;
    int sign;
};
/// Raises Error(usage) about the setting for a text that ends in neither + nor -, and for a column named twice.
std::vector<MonotoneColumn> monotone_columns(const std::vector<std::string>& texts);

/// 1, −1 or 0 for each input of the network; empty where no column is named. The scales of columns and targets are
/// positive, so that signs hold in the table's units as they do in the network's (docs/derivations/monotone.md (M6)).
/// Raises what monotone_columns() raises, Error(usage) for a column that is no input, Error(data) for one that is not
/// there or holds no numbers; messages about columns begin with `place`.
std::vector<int> input_signs(const std::vector<std::string>& texts, const Preprocessing& columns,
                             const std::string& place);

/// Raises Error(usage) about the settings for classes that no single output tells apart.
void refuse_classes(const Preprocessing& columns);

/// `p(yes) never falls with 'age', never rises with 'price', whatever the other columns are`.
std::string monotone_text(const std::vector<std::string>& texts, const Preprocessing& columns);

}  // namespace handgrad
