// Two walks over the rows: one for the batch gradient, one to compare each row with it.
#include "handgrad/diagnose/row_forensics.hpp"

#include <algorithm>
#include <cmath>
#include <span>
#include <variant>

#include "handgrad/diagnose/row_blocks.hpp"
#include "handgrad/train/prediction.hpp"

namespace handgrad::diagnose {
namespace {

/// Σ over layers of δᵀ (G a + g), G and g the batch gradient by W and b: the inner product of the row's gradient with
/// it, without ever holding δ aᵀ.
template <class T>
long double inner_product(const Block<T>& block, std::size_t row, const BasicMlp<T>& gradient) {
    long double sum = 0.0L;
    for (std::size_t l = 0; l < gradient.layers(); ++l) {
        const std::span<const T> delta = block.dtape.layer(l).z.row(row), a = block.input(l, row);
        for (std::size_t i = 0; i < delta.size(); ++i) {
            const std::span<const T> G = gradient.weight(l).row(i);
            double product = gradient.bias(l)[i];
            for (std::size_t j = 0; j < a.size(); ++j) {
                product += static_cast<double>(G[j]) * static_cast<double>(a[j]);
            }
            sum += static_cast<long double>(delta[i]) * product;
        }
    }
    return sum;
}

/// ‖∂l/∂(all parameters)‖² of one row, times the square of its share.
template <class T>
long double row_squares(const Block<T>& block, std::size_t row) {
    long double sum = 0.0L;
    for (std::size_t l = 0; l < block.tape.layers(); ++l) {
        const std::span<const T> delta = block.dtape.layer(l).z.row(row);
        sum += squares(delta) * (squares(block.input(l, row)) + 1.0L);
    }
    return sum;
}

}  // namespace

template <class T>
std::vector<RowGradient> row_gradients(const BasicMlp<T>& net, const LossFunction& function,
                                       const std::type_identity_t<BasicDataset<T>>& data) {
    const std::vector<double> shares = row_shares(data);
    const BasicMlp<T> gradient = for_each_block(net, function, data, shares, [](const Block<T>& /*block*/) {});
    const long double length = std::sqrt(squares(gradient.parameters()));
    // A row without weight has a gradient, though no part in the batch's: walk with equal shares.
    const std::vector<double> equal(data.rows(), 1.0 / static_cast<double>(data.rows()));
    std::vector<RowGradient> rows(data.rows());
    for_each_block(net, function, data, std::span<const double>(equal), [&](const Block<T>& block) {
        for (std::size_t i = 0; i < block.rows(); ++i) {
            const std::size_t row = block.first + i;
            const long double share = equal[row], norm = std::sqrt(row_squares(block, i));
            rows[row] = {.row = row,
                         .norm = static_cast<double>(norm / share),
                         .cosine = static_cast<double>(inner_product(block, i, gradient) / (norm * length)),
                         .influence = static_cast<double>(norm / share * shares[row])};
        }
    });
    return rows;
}

std::vector<RowGradient> row_gradients(const Model& model, const Table& table, const ApplyOptions& options) {
    check_target_domain(model.preprocessing, table, all_rows(table.rows), model.loss.kind);
    return std::visit(
        [&]<class T>(const BasicMlp<T>& net) {
            return row_gradients(net, model.loss,
                                 apply_preprocessing<T>(model.preprocessing, table, all_rows(table.rows), options));
        },
        model.net);
}

std::vector<RowGradient> dominant_rows(std::vector<RowGradient> rows, std::size_t count) {
    std::ranges::stable_sort(rows, [](const RowGradient& one, const RowGradient& other) {
        if (std::isnan(one.norm) || std::isnan(other.norm)) {
            return !std::isnan(other.norm);
        }
        return one.norm > other.norm;
    });
    rows.resize(std::min(count, rows.size()));
    return rows;
}

template std::vector<RowGradient> row_gradients(const BasicMlp<float>&, const LossFunction&,
                                                const BasicDataset<float>&);
template std::vector<RowGradient> row_gradients(const BasicMlp<double>&, const LossFunction&,
                                                const BasicDataset<double>&);

}  // namespace handgrad::diagnose
