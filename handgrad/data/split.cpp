// Cutting the rows in two by chance: any rows, the same share of each class, or whole groups.
#include <algorithm>
#include <cassert>
#include <cmath>
#include <cstdint>
#include <numeric>

#include "handgrad/base/error.hpp"
#include "handgrad/data/cells.hpp"
#include "handgrad/data/preprocessing.hpp"

namespace handgrad {
namespace {

/// How many rows are held out. Raises the errors of split_rows().
std::size_t held_out_count(std::size_t rows, double fraction) {
    if (!(fraction > 0.0 && fraction < 1.0)) {
        throw Error(ErrorKind::usage,
                    "the fraction of rows to hold out must lie between 0 and 1, not be " + format_number(fraction));
    }
    const double wanted = std::round(fraction * static_cast<double>(rows));
    const std::size_t count = std::max<std::size_t>(1, static_cast<std::size_t>(wanted));
    if (count >= rows) {
        throw Error(ErrorKind::data, "holding out " + format_number(fraction) + " of " + counted(rows, "row") +
                                         " leaves none to train on; hold out less, or give more rows")
            .about("validation", "0")
            .about("test", "0");
    }
    return count;
}

/// By whether place i of `rows` is out; each part in table order.
Split cut(std::span<const std::size_t> rows, const std::vector<bool>& out) {
    Split split;
    for (std::size_t i = 0; i < rows.size(); ++i) {
        std::vector<std::size_t>& part = out[i] ? split.held_out : split.kept;
        part.push_back(rows[i]);
    }
    std::sort(split.kept.begin(), split.kept.end());
    std::sort(split.held_out.begin(), split.held_out.end());
    return split;
}

std::vector<std::size_t> sizes_of(std::span<const std::uint32_t> labels) {
    std::vector<std::size_t> sizes;
    for (const std::uint32_t label : labels) {
        sizes.resize(std::max<std::size_t>(sizes.size(), label + 1));
        ++sizes[label];
    }
    return sizes;
}

/// How many of each stratum are held out, `count` in all as far as each keeps a row: the whole part of its share, and
/// what is left to the largest remainders (of equals the larger stratum, then the first).
std::vector<std::size_t> largest_remainders(const std::vector<std::size_t>& sizes, std::size_t count) {
    std::size_t sharing = 0;  // rows of strata that can spare one
    for (const std::size_t size : sizes) {
        sharing += size < 2 ? 0 : size;
    }
    std::vector<std::size_t> quotas(sizes.size()), by_remainder;
    std::vector<double> remainders(sizes.size());
    std::size_t given = 0;
    for (std::size_t s = 0; s < sizes.size(); ++s) {
        if (sizes[s] < 2) {
            continue;
        }
        const double share = static_cast<double>(count) * static_cast<double>(sizes[s]) / static_cast<double>(sharing);
        quotas[s] = std::min(static_cast<std::size_t>(share), sizes[s] - 1);
        remainders[s] = share - static_cast<double>(quotas[s]);
        given += quotas[s];
        by_remainder.push_back(s);
    }
    std::ranges::stable_sort(by_remainder, [&](std::size_t a, std::size_t b) {
        return remainders[a] > remainders[b] || (remainders[a] == remainders[b] && sizes[a] > sizes[b]);
    });
    bool more = true;
    while (given < count && more) {
        more = false;
        for (const std::size_t s : by_remainder) {
            if (given < count && quotas[s] + 1 < sizes[s]) {
                ++quotas[s];
                ++given;
                more = true;
            }
        }
    }
    return quotas;
}

}  // namespace

std::vector<std::size_t> all_rows(std::size_t count) {
    std::vector<std::size_t> rows(count);
    std::iota(rows.begin(), rows.end(), std::size_t{0});
    return rows;
}

Split split_rows(std::span<const std::size_t> rows, double fraction, const RandomStream& stream) {
    const std::size_t count = held_out_count(rows.size(), fraction);
    std::vector<bool> out(rows.size());
    const std::vector<std::size_t> order = permutation(rows.size(), stream);
    std::for_each_n(order.begin(), count, [&](std::size_t i) { out[i] = true; });
    return cut(rows, out);
}

Split split_by_strata(std::span<const std::size_t> rows, std::span<const std::uint32_t> strata, double fraction,
                      const RandomStream& stream) {
    assert(strata.size() == rows.size());
    const std::size_t count = held_out_count(rows.size(), fraction);
    std::vector<std::size_t> quotas = largest_remainders(sizes_of(strata), count);
    std::vector<bool> out(rows.size());
    for (const std::size_t i : permutation(rows.size(), stream)) {
        std::size_t& left = quotas[strata[i]];
        out[i] = left > 0;
        left -= out[i] ? 1 : 0;
    }
    return cut(rows, out);
}

Split split_by_groups(std::span<const std::size_t> rows, std::span<const std::uint32_t> groups, double fraction,
                      const RandomStream& stream) {
    assert(groups.size() == rows.size());
    const std::size_t count = held_out_count(rows.size(), fraction);
    const std::vector<std::size_t> sizes = sizes_of(groups);
    std::vector<std::size_t> order;
    for (const std::size_t group : permutation(sizes.size(), stream)) {
        if (sizes[group] > 0) {  // an earlier split may have taken it
            order.push_back(group);
        }
    }
    if (order.size() < 2) {
        throw Error(ErrorKind::data,
                    "all rows are of one group, which cannot stand on both sides of a split; group by another column, "
                    "or hold out nothing")
            .about("group")
            .about("validation", "0")
            .about("test", "0");
    }
    std::vector<bool> taken(sizes.size());
    std::size_t held = 0;
    for (const std::size_t group : order) {
        const bool nearer = held < count && sizes[group] <= 2 * (count - held);
        if (nearer && held + sizes[group] < rows.size()) {
            taken[group] = true;
            held += sizes[group];
        }
    }
    if (held == 0) {  // each is more than twice what was asked for
        taken[*std::ranges::min_element(order, {}, [&](std::size_t group) { return sizes[group]; })] = true;
    }
    std::vector<bool> out(rows.size());
    for (std::size_t i = 0; i < rows.size(); ++i) {
        out[i] = taken[groups[i]];
    }
    return cut(rows, out);
}

}  // namespace handgrad
