// Cutting the rows in two by chance.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "handgrad/base/error.hpp"
#include "handgrad/data/cells.hpp"
#include "handgrad/data/preprocessing.hpp"

namespace handgrad {

std::vector<std::size_t> all_rows(std::size_t count) {
    std::vector<std::size_t> rows(count);
    std::iota(rows.begin(), rows.end(), std::size_t{0});
    return rows;
}

Split split_rows(std::span<const std::size_t> rows, double fraction, const RandomStream& stream) {
    if (!(fraction > 0.0 && fraction < 1.0)) {
        throw Error(ErrorKind::usage,
                    "the fraction of rows to hold out must lie between 0 and 1, not be " + format_number(fraction));
    }
    const double wanted = std::round(fraction * static_cast<double>(rows.size()));
    const std::size_t count = std::max<std::size_t>(1, static_cast<std::size_t>(wanted));
    if (count >= rows.size()) {
        throw Error(ErrorKind::data, "holding out " + format_number(fraction) + " of " + counted(rows.size(), "row") +
                                         " leaves none to train on; hold out less, or give more rows")
            .about("validation", "0")
            .about("test", "0");
    }
    std::vector<bool> out(rows.size());
    const std::vector<std::size_t> order = permutation(rows.size(), stream);
    std::for_each_n(order.begin(), count, [&](std::size_t i) { out[i] = true; });
    Split split;
    for (std::size_t i = 0; i < rows.size(); ++i) {
        std::vector<std::size_t>& part = out[i] ? split.held_out : split.kept;
        part.push_back(rows[i]);
    }
    std::sort(split.kept.begin(), split.kept.end());
    std::sort(split.held_out.begin(), split.held_out.end());
    return split;
}

}  // namespace handgrad
