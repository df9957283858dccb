// A data set led through forward, loss and backward a block of rows at a time, so that memory does not grow with it.
#pragma once

#include <algorithm>
#include <cassert>
#include <cstddef>
#include <span>
#include <vector>

#include "handgrad/base/error.hpp"
#include "handgrad/base/matrix.hpp"
#include "handgrad/data/preprocessing.hpp"
#include "handgrad/nn/mlp.hpp"
#include "handgrad/nn/passes.hpp"
#include "handgrad/nn/tape.hpp"

namespace handgrad::diagnose {

/// Rows that are worked on together.
inline constexpr std::size_t block_rows = 256;

/// The share of each row in the mean over rows: 1/rows, or its weight by the sum of the weights. Raises Error(data)
/// when there is no row.
template <class T>
std::vector<double> row_shares(const BasicDataset<T>& data) {
    if (data.rows() == 0) {
        throw Error(ErrorKind::data, "the table has no rows; there is nothing to measure on");
    }
    const double total = data.total_weight();
    std::vector<double> shares;
    for (std::size_t row = 0; row < data.rows(); ++row) {
        shares.push_back(data.weight(row) / total);
    }
    return shares;
}

/// What the passes left behind for some rows.
template <class T>
struct Block {
    std::size_t first;               ///< of its rows in the data set
    std::span<const double> shares;  ///< of its rows
    MatrixView<const T> y;           ///< targets of its rows
    const BasicTape<T>& tape;        ///< z and a
    const BasicTape<T>& dtape;       ///< ∂l/∂z and ∂l/∂a of each row, times its share

    [[nodiscard]] std::size_t rows() const { return shares.size(); }
    /// What enters layer l in this row.
    [[nodiscard]] std::span<const T> input(std::size_t l, std::size_t row) const {
        return l == 0 ? tape.input().row(row) : tape.layer(l - 1).a.row(row);
    }
};

/// Calls visit(block) for all rows in order, and returns ∂l/∂W and ∂l/∂b of the mean loss, without the penalty.
template <class T, class Visit>
BasicMlp<T> for_each_block(const BasicMlp<T>& net, const LossFunction& function, const BasicDataset<T>& data,
                           std::span<const double> shares, Visit&& visit) {
    assert(shares.size() == data.rows() && data.y.rows() == data.rows());
    const std::size_t capacity = std::min(block_rows, data.rows());
    BasicTape<T> tape(net, capacity), dtape(net, capacity);
    BasicMlp<T> gradient = BasicMlp<T>::zeros_like(net);
    for (std::size_t first = 0; first < data.rows(); first += capacity) {
        const std::size_t rows = std::min(capacity, data.rows() - first);
        const MatrixView<const T> y = data.y.view().rows_from(first, rows);
        forward(net, data.x.view().rows_from(first, rows), tape);
        loss(function, tape.output(), y, dtape.output());
        for (std::size_t row = 0; row < rows; ++row) {  // from the mean over the block to the mean over all rows
            const double share = shares[first + row];
            const T factor = static_cast<T>(share * static_cast<double>(rows));
            for (Matrix<T>* numbers : {&dtape.output().z, &dtape.output().a}) {
                for (T& number : numbers->row(row)) {
                    number = share == 0.0 ? T(0) : number * factor;
                }
            }
        }
        backward(net, tape, dtape, gradient);
        visit(Block<T>{first, shares.subspan(first, rows), y, tape, dtape});
    }
    return gradient;
}

/// ‖v‖² in a type whose exponent does not underflow where the numbers of a double would.
template <class T>
long double squares(std::span<const T> v) {
    long double sum = 0.0L;
    for (const T number : v) {
        sum += static_cast<long double>(number) * static_cast<long double>(number);
    }
    return sum;
}

}  // namespace handgrad::diagnose
