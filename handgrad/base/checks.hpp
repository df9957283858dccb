// What public functions ask of their arguments: one comparison each, and refusals that lie out of the way.
#pragma once

#include <algorithm>
#include <cstddef>
#include <limits>
#include <span>
#include <string>
#include <vector>

/// A mistake of a caller's program raises Error(usage) in every build: a function, its argument, what that has and what
/// is needed, for instance `predict: yhat has 2 numbers, the network puts out 3`.
namespace handgrad::checks {

/// An argument of a public function, both by the names that the caller knows.
struct Argument {
    const char* function;
    const char* name;
};

/// Raises Error(usage) `FUNCTION: ARGUMENT CAUSE`.
[[noreturn, gnu::cold, gnu::noinline]] void refuse(Argument argument, const std::string& cause);
/// … `FUNCTION: ARGUMENT has HAS UNIT, WHOSE NEEDED`.
[[noreturn, gnu::cold, gnu::noinline]] void refuse_count(Argument argument, std::size_t has, const char* unit,
                                                         const char* whose, std::size_t needed);
/// … of an index that is too large.
[[noreturn, gnu::cold, gnu::noinline]] void refuse_index(Argument argument, std::size_t index, const char* unit,
                                                         std::size_t count);
/// … of what a view or a matrix is to be made of.
[[noreturn, gnu::cold, gnu::noinline]] void refuse_view(const void* data, std::size_t rows, std::size_t columns,
                                                        std::size_t stride);

/// … of weights of rows that make no mean: the first that is negative or not finite, else their sum.
[[noreturn, gnu::cold, gnu::noinline]] void refuse_weights(Argument argument, std::span<const double> weights);

/// The sum of the weights of rows. Raises Error(usage) unless each is a finite number, not negative, and the sum a
/// normal number of T: below that Σwl/Σw has no digits left.
template <class T>
double total_weight(Argument argument, std::span<const T> weights) {
    double total = 0.0, least = 0.0;
    for (const T weight : weights) {
        total += static_cast<double>(weight);
        least = std::min(least, static_cast<double>(weight));
    }
    const bool sound = least >= 0.0 && total >= static_cast<double>(std::numeric_limits<T>::min()) &&
                       total <= static_cast<double>(std::numeric_limits<T>::max());
    if (!sound) {  // of a NaN too
        refuse_weights(argument, std::vector<double>(weights.begin(), weights.end()));
    }
    return total;
}

inline void equal(Argument argument, std::size_t has, const char* unit, const char* whose, std::size_t needed) {
    if (has != needed) {
        refuse_count(argument, has, unit, whose, needed);
    }
}
inline void at_most(Argument argument, std::size_t has, const char* unit, const char* whose, std::size_t most) {
    if (has > most) {
        refuse_count(argument, has, unit, whose, most);
    }
}
inline void below(Argument argument, std::size_t index, const char* unit, std::size_t count) {
    if (index >= count) {
        refuse_index(argument, index, unit, count);
    }
}

/// Numbers that lie at `data`, with the rows of a view between them: whether two of them share one. Ranges that lie
/// apart are known by two comparisons; rows that lie between each other's (columns of one table) are looked at one by
/// one.
struct Range {
    const char* data;
    std::size_t rows, row_bytes, stride_bytes;
    [[nodiscard]] const char* end() const { return data + (rows - 1) * stride_bytes + row_bytes; }
};
[[gnu::cold, gnu::noinline]] bool rows_overlap(const Range& a, const Range& b);
inline bool overlap(const Range& a, const Range& b) {
    if (a.rows == 0 || b.rows == 0 || a.end() <= b.data || b.end() <= a.data) {
        return false;
    }
    return rows_overlap(a, b);
}
[[noreturn, gnu::cold, gnu::noinline]] void refuse_overlap(const char* function, const char* read, const char* written);

}  // namespace handgrad::checks
