// A table as the network sees it: the very numbers that training and prediction start from, for other programs.
#pragma once

#include <cstddef>
#include <string>
#include <variant>
#include <vector>

#include "handgrad/data/preprocessing.hpp"
#include "handgrad/data/table.hpp"
#include "handgrad/store/model.hpp"

namespace handgrad {

/// Every row of a table, encoded by the model's own preprocessing in the model's precision.
struct EncodedTable {
    std::variant<BasicDataset<float>, BasicDataset<double>> data;
    std::vector<std::string> inputs;   ///< names of the columns of x: `age`, `city=Rome`
    std::vector<std::string> outputs;  ///< of y: `price`, `class=warm`; none when the table has no target
    [[nodiscard]] std::size_t rows() const {
        return std::visit([](const auto& numbers) { return numbers.rows(); }, data);
    }
    [[nodiscard]] bool labelled() const { return !outputs.empty(); }
};

/// x of every row, in the table's order; with the target columns in the table also y (scaled, 0/1 for classes) and the
/// weights: those of the model's weight column, 1 for each row where it has none. A table without any of the targets
/// has neither. Raises Error(data) as apply_preprocessing() does, also for a table that has some of several targets.
EncodedTable encode(const Model& model, const Table& table, bool allow_extra = false);

/// As an .npz archive: `x` (rows × inputs) and, of a labelled table, `y` (rows × outputs) and `weights` (rows), float
/// or double as the model is, and `names` (of the inputs, Unicode texts).
std::string encoded_npz(const EncodedTable& encoded);

}  // namespace handgrad
