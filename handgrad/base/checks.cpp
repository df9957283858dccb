// The texts of refusals, and overlaps of rows that lie between each other.
#include "handgrad/base/checks.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <numeric>

#include "handgrad/base/error.hpp"

namespace handgrad::checks {
namespace {

/// `1 number`, `2 numbers`: `unit` is the plural in s.
std::string counted(std::size_t count, const char* unit) {
    std::string text = std::to_string(count) + " " + unit;
    if (count == 1) {
        text.pop_back();
    }
    return text;
}

/// The shortest decimal that reads back as the number.
std::string shortest(double value) {
    std::array<char, 32> text{};
    return {text.data(), std::to_chars(text.data(), text.data() + text.size(), value).ptr};
}

}  // namespace

void refuse(Argument argument, const std::string& cause) {
    throw Error(ErrorKind::usage, std::string(argument.function) + ": " + argument.name + " " + cause);
}

void refuse_count(Argument argument, std::size_t has, const char* unit, const char* whose, std::size_t needed) {
    refuse(argument, "has " + counted(has, unit) + ", " + whose + " " + std::to_string(needed));
}

void refuse_index(Argument argument, std::size_t index, const char* unit, std::size_t count) {
    refuse(argument, "is " + std::to_string(index) + ", but there are " + counted(count, unit) + ", counted from 0");
}

void refuse_weights(Argument argument, std::span<const double> weights) {
    const auto wrong = [](double weight) { return !(weight >= 0.0 && std::isfinite(weight)); };
    const auto found = std::ranges::find_if(weights, wrong);
    if (found != weights.end()) {
        refuse(argument, "of row " + std::to_string(found - weights.begin()) + ", counted from 0, is " +
                             shortest(*found) + "; a weight is a finite number, 0 or above");
    }
    refuse(argument, "have the sum " + shortest(std::accumulate(weights.begin(), weights.end(), 0.0)) +
                         ", by which nothing can be divided in this precision");
}

void refuse_view(const void* data, std::size_t rows, std::size_t columns, std::size_t stride) {
    if (stride < columns) {
        refuse({"view", "stride"}, "is " + std::to_string(stride) + ", but a row has " + counted(columns, "numbers"));
    }
    if (data == nullptr && rows != 0 && columns != 0) {
        refuse({"view", "data"}, "is null, but there are " + counted(rows, "rows") + " of " +
                                     counted(columns, "numbers") + " to be looked at");
    }
    refuse({"view", "rows"}, "are " + std::to_string(rows) + ", which, " + counted(stride, "numbers") +
                                 " apart, do not fit into any memory");
}

void refuse_overlap(const char* function, const char* read, const char* written) {
    refuse({function, written},
           std::string("overlaps with ") + read + "; what is read and what is written must lie apart");
}

bool rows_overlap(const Range& a, const Range& b) {
    std::size_t i = 0, j = 0;
    while (i < a.rows && j < b.rows) {
        const char* a_row = a.data + i * a.stride_bytes;
        const char* b_row = b.data + j * b.stride_bytes;
        if (a_row + a.row_bytes <= b_row) {
            ++i;
        } else if (b_row + b.row_bytes <= a_row) {
            ++j;
        } else {
            return true;
        }
    }
    return false;
}

}  // namespace handgrad::checks
