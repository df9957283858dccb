// The derivatives that a network is to learn, from a table of the names that predictions have.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>

#include "handgrad/base/matrix.hpp"
#include "handgrad/data/table.hpp"
#include "handgrad/store/model.hpp"

namespace handgrad {

/// The columns `d(OUTPUT)/d(INPUT)` of a file, a row for each row of the table to learn from; others, such as the
/// predictions beside them, are left alone. Cells may be missing, and so may columns.
class TargetJacobian {
public:
    /// `model` has its network's shape and its columns, which name and scale the derivatives. Raises Error(io), and
    /// Error(data) for another number of rows, a name that no derivative of the network has, no such column at all, and
    /// cells that are no numbers; Error(usage) for what is no table.
    TargetJacobian(const std::filesystem::path& file, const Model& model, const Table& learned);

    /// As the network sees them, J · scale_x/scale_y, of these rows: rows × (outputs · inputs), NaN where missing.
    [[nodiscard]] Matrix<double> of_rows(std::span<const std::size_t> rows) const;
    /// Of the numbers in the table's units.
    [[nodiscard]] const std::string& hash() const { return hash_; }

private:
    Matrix<double> scaled_;
    std::string hash_;
};

}  // namespace handgrad
