// A digital shift keeps what makes the points even: each block of 2ᵏ has one point in each of 2ᵏ equal slices.
#include "handgrad/select/search_points.hpp"

#include <array>
#include <bit>
#include <cassert>

#include "handgrad/base/random.hpp"

namespace handgrad::selection {
namespace {

constexpr std::size_t bits = 32;

/// Of one dimension: its primitive polynomial, the coefficients as bits with both ends, and as many first m as its
/// degree.
struct Directions {
    std::uint32_t polynomial;
    std::array<std::uint32_t, 5> first;
};
constexpr std::array<Directions, most_dimensions> table{{{1, {1}},
                                                         {3, {1}},
                                                         {7, {1, 3}},
                                                         {11, {1, 3, 1}},
                                                         {13, {1, 1, 1}},
                                                         {19, {1, 1, 3, 3}},
                                                         {25, {1, 3, 5, 13}},
                                                         {37, {1, 1, 5, 5, 17}},
                                                         {41, {1, 1, 5, 5, 5}},
                                                         {47, {1, 1, 7, 11, 19}},
                                                         {55, {1, 1, 5, 1, 1}},
                                                         {59, {1, 1, 1, 3, 11}}}};

/// v_k = m_k / 2ᵏ as fractions of 2³², with m_k = 2a₁m_{k−1} ⊕ 2²a₂m_{k−2} ⊕ … ⊕ 2ˢm_{k−s} ⊕ m_{k−s}.
std::array<std::uint32_t, bits> directions_of(const Directions& of) {
    std::array<std::uint32_t, bits> m{};
    const auto degree = static_cast<std::size_t>(std::bit_width(of.polynomial) - 1);
    for (std::size_t k = 0; k < bits; ++k) {
        if (degree == 0) {  // the first dimension: van der Corput's sequence
            m[k] = 1;
        } else if (k < degree) {
            m[k] = of.first[k];
        } else {
            m[k] = m[k - degree];
            for (std::size_t j = 1; j <= degree; ++j) {
                const bool there = (of.polynomial >> (degree - j) & 1U) != 0;
                m[k] ^= there ? m[k - j] << j : 0U;
            }
        }
    }
    for (std::size_t k = 0; k < bits; ++k) {
        m[k] <<= bits - 1 - k;
    }
    return m;
}

}  // namespace

std::uint32_t sobol(std::uint32_t index, std::size_t dimension) {
    assert(dimension < most_dimensions);
    const std::array<std::uint32_t, bits> directions = directions_of(table[dimension]);
    const std::uint32_t gray = index ^ (index >> 1U);
    std::uint32_t point = 0;
    for (std::size_t k = 0; k < bits; ++k) {
        point ^= (gray >> k & 1U) != 0 ? directions[k] : 0U;
    }
    return point;
}

std::vector<double> search_point(SearchMethod method, std::size_t index, std::size_t dimensions, std::uint64_t seed) {
    constexpr double scale = 1.0 / 4294967296.0;  // 2⁻³²
    const RandomStream shifts(seed, Purpose::search, 0), chance(seed, Purpose::search, 1);
    std::vector<double> point;
    for (std::size_t d = 0; d < dimensions; ++d) {
        std::uint32_t number = 0;
        if (method == SearchMethod::sobol) {
            number = sobol(static_cast<std::uint32_t>(index), d) ^ static_cast<std::uint32_t>(shifts.bits(d) >> bits);
        } else {
            number = static_cast<std::uint32_t>(chance.bits(index * dimensions + d) >> bits);
        }
        point.push_back((static_cast<double>(number) + 0.5) * scale);
    }
    return point;
}

}  // namespace handgrad::selection
