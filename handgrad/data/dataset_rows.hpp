// Rows of a data set that is encoded already.
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>

#include "handgrad/data/preprocessing.hpp"

namespace handgrad {

/// These rows, in this order: what apply_preprocessing() gives for them.
template <class T>
BasicDataset<T> select_rows(const BasicDataset<T>& data, std::span<const std::size_t> rows) {
    BasicDataset<T> part{.x = Matrix<T>(rows.size(), data.x.columns()),
                         .y = Matrix<T>(data.y.rows() == 0 ? 0 : rows.size(), data.y.columns()),
                         .weights = {}};
    for (std::size_t i = 0; i < rows.size(); ++i) {
        std::ranges::copy(data.x.row(rows[i]), part.x.row(i).begin());
        if (data.y.rows() != 0) {
            std::ranges::copy(data.y.row(rows[i]), part.y.row(i).begin());
        }
        if (!data.weights.empty()) {
            part.weights.push_back(data.weights[rows[i]]);
        }
        if (!data.unbalanced.empty()) {
            part.unbalanced.push_back(data.unbalanced[rows[i]]);
        }
    }
    return part;
}

}  // namespace handgrad
