// Random numbers, matrices and choices, one after the other from one seed: what tests draw networks and data with.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <iterator>
#include <type_traits>

#include "handgrad/base/matrix.hpp"
#include "handgrad/base/random.hpp"

namespace handgrad {

/// The same numbers on every machine. Tests that draw several things of one seed name a `stream` for each.
class Draw {
public:
    explicit Draw(std::uint64_t seed, std::uint32_t stream = 77) : stream_(seed, Purpose::weights, stream) {}

    double uniform(double low, double high) { return low + (high - low) * stream_.uniform(index_++); }
    /// low, …, high.
    std::size_t whole(std::size_t low, std::size_t high) { return low + stream_.below(high - low + 1, index_++); }
    bool coin() { return uniform(0.0, 1.0) < 0.5; }
    double normal() {  // sum of twelve uniform numbers
        double sum = -6.0;
        for (int i = 0; i < 12; ++i) {
            sum += uniform(0.0, 1.0);
        }
        return sum;
    }

    template <class T>
    T one_of(std::initializer_list<T> list) {
        return *(list.begin() + whole(0, list.size() - 1));
    }
    template <class List>
    auto one_of(const List& list) {
        return list[whole(0, std::size(list) - 1)];
    }

    /// Uniform numbers for every place of a range.
    template <class Range>
    void fill(Range&& values, double low, double high) {
        for (auto& value : values) {
            value = static_cast<std::remove_reference_t<decltype(value)>>(uniform(low, high));
        }
    }
    template <class T>
    Matrix<T> matrix(std::size_t rows, std::size_t columns, double low, double high) {
        Matrix<T> result(rows, columns);
        fill(result.values(), low, high);
        return result;
    }

private:
    RandomStream stream_;
    std::uint64_t index_ = 0;
};

}  // namespace handgrad
