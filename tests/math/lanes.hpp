// A SIMD number in plain C++: N lanes, each computed by the scalar operations; it shows what the number concept asks.
#pragma once

#include <array>
#include <cstddef>
#include <type_traits>

#include "handgrad/math/number.hpp"

namespace handgrad::math::test {

template <class S, std::size_t N>
struct Lanes {
    using Scalar = S;
    using Mask = std::array<bool, N>;
    std::array<S, N> lane{};

    constexpr Lanes() = default;
    template <class U>
    requires std::is_arithmetic_v<U>
    constexpr explicit Lanes(U value) { lane.fill(static_cast<S>(value)); }

    /// f of the lanes, one by one.
    template <class F, class... Rest>
    friend Lanes map(F f, const Lanes& first, const Rest&... rest) {
        Lanes result;
        for (std::size_t i = 0; i < N; ++i) {
            result.lane[i] = f(first.lane[i], rest.lane[i]...);
        }
        return result;
    }
    template <class F>
    friend Mask compare(F f, const Lanes& a, const Lanes& b) {
        Mask result{};
        for (std::size_t i = 0; i < N; ++i) {
            result[i] = f(a.lane[i], b.lane[i]);
        }
        return result;
    }

    friend Lanes operator-(Lanes a) {
        return map([](S x) { return -x; }, a);
    }
    friend Lanes operator+(Lanes a, Lanes b) {
        return map([](S x, S y) { return x + y; }, a, b);
    }
    friend Lanes operator-(Lanes a, Lanes b) {
        return map([](S x, S y) { return x - y; }, a, b);
    }
    friend Lanes operator*(Lanes a, Lanes b) {
        return map([](S x, S y) { return x * y; }, a, b);
    }
    friend Lanes operator/(Lanes a, Lanes b) {
        return map([](S x, S y) { return x / y; }, a, b);
    }
    friend Lanes fma(Lanes a, Lanes b, Lanes c) { return map(&math::fma<S>, a, b, c); }
    friend Lanes sqrt(Lanes a) { return map(&math::sqrt<S>, a); }
    friend Lanes abs(Lanes a) { return map(&math::abs<S>, a); }
    friend Lanes max(Lanes a, Lanes b) { return map(&math::max<S>, a, b); }
    friend Lanes min(Lanes a, Lanes b) { return map(&math::min<S>, a, b); }
    friend Lanes round(Lanes a) { return map(&math::round<S>, a); }
    friend Lanes exponent(Lanes a) { return map(&math::exponent<S>, a); }
    friend Lanes scale(Lanes a, Lanes k) { return map(&math::scale<S>, a, k); }
    friend Mask less(Lanes a, Lanes b) { return compare(&math::less<S>, a, b); }
    friend Mask less_equal(Lanes a, Lanes b) { return compare(&math::less_equal<S>, a, b); }
    friend Mask equal(Lanes a, Lanes b) { return compare(&math::equal<S>, a, b); }
    friend Lanes select(Mask condition, Lanes a, Lanes b) {
        Lanes result;
        for (std::size_t i = 0; i < N; ++i) {
            result.lane[i] = condition[i] ? a.lane[i] : b.lane[i];
        }
        return result;
    }
};

}  // namespace handgrad::math::test
