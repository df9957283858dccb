// Columns are found by the names of the network's derivatives and brought into its units.
#include "handgrad/train/target_jacobian.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "handgrad/base/error.hpp"
#include "handgrad/base/wording.hpp"
#include "handgrad/store/tensor_file.hpp"
#include "handgrad/train/decoding.hpp"
#include "handgrad/train/fitting.hpp"
#include "handgrad/train/prediction.hpp"
#include "handgrad/train/share_out.hpp"

namespace handgrad {
namespace {

bool names_a_derivative(const std::string& name) {
    return name.starts_with("d(") && name.ends_with(")") && name.find(")/d(") != std::string::npos;
}

/// Raises Error(data) unless every cell is a finite number or missing.
void check_numbers(const Table& table, const Column& column) {
    if (!column.has_numbers || column.odd || column.has_texts) {
        throw Error(ErrorKind::data, table.source + ": column '" + column.name +
                                         "' has texts among its numbers; write numbers, or leave a cell empty where "
                                         "the derivative is not known")
            .about("target_jacobian");
    }
    for (std::size_t row = 0; row < table.rows; ++row) {
        if (std::isinf(column.numbers[row])) {
            throw Error(ErrorKind::data, table.place(row) + ": column '" + column.name +
                                             "': an infinite derivative cannot be learned; leave the cell empty")
                .about("target_jacobian");
        }
    }
}

}  // namespace

TargetJacobian::TargetJacobian(const std::filesystem::path& file, const Model& model, const Table& learned) {
    const Table table = read_table(file);
    if (table.rows != learned.rows) {
        throw Error(ErrorKind::data, table.source + ": " + plural(table.rows, "row") + ", but " + learned.source +
                                         " has " + plural(learned.rows, "row") +
                                         "; give the derivatives of each of its rows, in their order")
            .about("target_jacobian");
    }
    const std::vector<std::string> names = jacobian_names(model);
    const std::vector<double> input_slopes = model.preprocessing.input_slopes();
    scaled_ = Matrix<double>(table.rows, names.size());
    std::ranges::fill(scaled_.values(), std::numeric_limits<double>::quiet_NaN());
    std::size_t found = 0;
    for (const Column& column : table.columns) {
        if (!names_a_derivative(column.name)) {
            continue;
        }
        const auto at = static_cast<std::size_t>(std::ranges::find(names, column.name) - names.begin());
        if (at == names.size()) {
            throw Error(ErrorKind::data, table.source + ": column '" + column.name +
                                             "' is no derivative of this network, which has " + some_of(names) +
                                             "; rename it, or take it out")
                .about("target_jacobian");
        }
        check_numbers(table, column);
        ++found;
        const std::size_t n = input_slopes.size();
        const double unit =
            derivative_in_user_units(1.0, output_slope(model.preprocessing, at / n), input_slopes[at % n]);
        for (std::size_t row = 0; row < table.rows && unit != 0.0; ++row) {  // 0: of a column that never changes
            scaled_(row, at) = column.numbers[row] / unit;
        }
    }
    if (found == 0) {
        throw Error(ErrorKind::data, table.source + ": no column is a derivative of this network, which has " +
                                         some_of(names) + "; name columns so")
            .about("target_jacobian");
    }
    hash_ = table_hash(table);
}

Matrix<double> TargetJacobian::of_rows(std::span<const std::size_t> rows) const {
    Matrix<double> result(rows.size(), scaled_.columns());
    for (std::size_t i = 0; i < rows.size(); ++i) {
        std::ranges::copy(scaled_.row(rows[i]), result.row(i).begin());
    }
    return result;
}

}  // namespace handgrad
