// What quasi-Newton methods know of a parabola, beside its matrix and a dense twin in long double.
#include <gtest/gtest.h>

#include <cmath>
#include <cstddef>
#include <vector>

#include "handgrad/base/random.hpp"
#include "handgrad/train/curvature.hpp"
#include "handgrad/train/vectors.hpp"

namespace handgrad {
namespace {

using Vector = std::vector<double>;

Vector numbers(std::size_t count, std::uint64_t seed) {
    const RandomStream stream(seed, Purpose::weights, 3);
    Vector result(count);
    for (std::size_t i = 0; i < count; ++i) {
        result[i] = stream.uniform(i) - 0.5;
    }
    return result;
}

/// A = 16 BᵀB + I of a random B, and the gradient Ax − b of ½xᵀAx − bᵀx.
struct Parabola {
    explicit Parabola(std::size_t n) : size(n), A(n * n), b(numbers(n, 5)) {
        const Vector B = numbers(n * n, 4);
        for (std::size_t i = 0; i < n; ++i) {
            for (std::size_t j = 0; j < n; ++j) {
                A[i * n + j] = i == j ? 1.0 : 0.0;
                for (std::size_t k = 0; k < n; ++k) {
                    A[i * n + j] += 16.0 * B[k * n + i] * B[k * n + j];
                }
            }
        }
    }
    [[nodiscard]] Vector times(const Vector& x) const {
        Vector result(size);
        for (std::size_t i = 0; i < size; ++i) {
            for (std::size_t j = 0; j < size; ++j) {
                result[i] += A[i * size + j] * x[j];
            }
        }
        return result;
    }
    [[nodiscard]] Vector gradient(const Vector& x) const {
        Vector g = times(x);
        for (std::size_t i = 0; i < size; ++i) {
            g[i] -= b[i];
        }
        return g;
    }
    std::size_t size;
    Vector A, b;
};

/// Minimises along each direction exactly, α = −gᵀd/dᵀAd; ‖g‖ behind the last.
template <class Curvature>
double after_exact_steps(Curvature& curvature, const Parabola& parabola, std::size_t steps) {
    Vector x(parabola.size), d(parabola.size);
    Vector g = parabola.gradient(x);
    for (std::size_t step = 0; step < steps; ++step) {
        curvature.direction(g, d);
        const double alpha = -dot(g, d) / dot(d, parabola.times(d));
        Vector s(parabola.size), y(parabola.size);
        for (std::size_t i = 0; i < parabola.size; ++i) {
            s[i] = alpha * d[i];
            x[i] += s[i];
        }
        const Vector next = parabola.gradient(x);
        for (std::size_t i = 0; i < parabola.size; ++i) {
            y[i] = next[i] - g[i];
        }
        g = next;
        curvature.add(s, y);
    }
    return largest_of(g);
}

// With exact line searches BFGS ends on a parabola of n variables after n steps, and then H is the inverse of its
// matrix (Nocedal and Wright, Theorem 6.4).
TEST(Curvature, OnAParabolaItEndsAfterAsManyStepsAsVariables) {
    for (const std::size_t n : {1, 2, 5, 7}) {
        const Parabola parabola(n);
        DenseInverseHessian dense(n);
        EXPECT_LT(after_exact_steps(dense, parabola, n), 1e-11) << n;
        for (std::size_t j = 0; j < n; ++j) {  // H A eⱼ = eⱼ
            Vector column(n);
            column[j] = 1.0;
            Vector minus(n);
            dense.direction(parabola.times(column), minus);
            for (std::size_t i = 0; i < n; ++i) {
                EXPECT_NEAR(-minus[i], column[i], 1e-9) << n;
            }
        }
        LimitedMemory limited(n, n);
        EXPECT_LT(after_exact_steps(limited, parabola, n), 1e-9) << n;
        if (n > 1) {
            DenseInverseHessian early(n);
            EXPECT_GT(after_exact_steps(early, parabola, n - 1), 1e-6) << n;
        }
    }
}

/// −H g, H from H₀ = γI by the formula of two products (Nocedal and Wright, (6.17)) for each pair.
Vector by_products(const std::vector<std::pair<Vector, Vector>>& pairs, long double gamma, const Vector& g) {
    const std::size_t n = g.size();
    using Wide = std::vector<long double>;
    Wide H(n * n);
    for (std::size_t i = 0; i < n; ++i) {
        H[i * n + i] = gamma;
    }
    for (const auto& [s, y] : pairs) {
        long double sy = 0.0L;
        for (std::size_t i = 0; i < n; ++i) {
            sy += static_cast<long double>(s[i]) * y[i];
        }
        Wide left(n * n), next(n * n);
        for (std::size_t i = 0; i < n; ++i) {
            for (std::size_t j = 0; j < n; ++j) {
                left[i * n + j] = (i == j ? 1.0L : 0.0L) - s[i] * static_cast<long double>(y[j]) / sy;
            }
        }
        for (std::size_t i = 0; i < n; ++i) {
            for (std::size_t j = 0; j < n; ++j) {
                long double sum = s[i] * static_cast<long double>(s[j]) / sy;
                for (std::size_t k = 0; k < n; ++k) {
                    for (std::size_t m = 0; m < n; ++m) {
                        sum += left[i * n + k] * H[k * n + m] * left[j * n + m];
                    }
                }
                next[i * n + j] = sum;
            }
        }
        H = next;
    }
    Vector direction(n);
    for (std::size_t i = 0; i < n; ++i) {
        long double sum = 0.0L;
        for (std::size_t j = 0; j < n; ++j) {
            sum += H[i * n + j] * g[j];
        }
        direction[i] = static_cast<double>(-sum);
    }
    return direction;
}

TEST(Curvature, DirectionsAreThoseOfADenseTwinInAWiderType) {
    constexpr std::size_t n = 6;
    const Parabola parabola(n);
    std::vector<std::pair<Vector, Vector>> pairs;
    LimitedMemory limited(n, 4);
    DenseInverseHessian dense(n);
    const Vector g = numbers(n, 50);
    for (std::uint64_t k = 0; k < 7; ++k) {
        const Vector s = numbers(n, 100 + k), y = parabola.times(s);
        EXPECT_TRUE(limited.add(s, y));
        EXPECT_TRUE(dense.add(s, y));
        pairs.emplace_back(s, y);
        const auto gamma = [](const auto& pair) {
            return static_cast<long double>(dot(pair.first, pair.second)) / dot(pair.second, pair.second);
        };
        const std::size_t kept = std::min<std::size_t>(4, pairs.size());
        const std::vector<std::pair<Vector, Vector>> last(pairs.end() - static_cast<std::ptrdiff_t>(kept), pairs.end());
        Vector d(n);
        limited.direction(g, d);
        const Vector wanted = by_products(last, gamma(pairs.back()), g);
        dense.direction(g, d);
        const Vector wanted_dense = by_products(pairs, gamma(pairs.front()), g);
        Vector limited_d(n);
        limited.direction(g, limited_d);
        for (std::size_t i = 0; i < n; ++i) {
            EXPECT_NEAR(limited_d[i], wanted[i], 1e-12) << k;
            EXPECT_NEAR(d[i], wanted_dense[i], 1e-12) << k;
        }
    }
}

TEST(Curvature, ThatWouldNotBePositiveIsNotLearned) {
    LimitedMemory limited(3, 2);
    DenseInverseHessian dense(3);
    const Vector s{1.0, 2.0, -1.0}, against{-1.0, 0.0, 0.0}, nothing{0.0, 0.0, 0.0};
    for (const Vector& y : {against, nothing}) {
        EXPECT_FALSE(limited.add(s, y));
        EXPECT_FALSE(dense.add(s, y));
    }
    EXPECT_TRUE(limited.empty());
    EXPECT_TRUE(dense.empty());
    Vector d(3);
    limited.direction(s, d);
    EXPECT_EQ(d, (Vector{-1.0, -2.0, 1.0}));
    dense.direction(s, d);
    EXPECT_EQ(d, (Vector{-1.0, -2.0, 1.0}));
}

TEST(Curvature, IsKeptToTheBitAndHStaysSymmetric) {
    constexpr std::size_t n = 5;
    const Parabola parabola(n);
    LimitedMemory limited(n, 3), other(n, 3), fewer(n, 2);
    DenseInverseHessian dense(n), copy(n);
    for (std::uint64_t k = 0; k < 6; ++k) {
        const Vector s = numbers(n, 200 + k), y = parabola.times(s);
        limited.add(s, y);
        dense.add(s, y);
    }
    for (std::size_t i = 0; i < n; ++i) {
        for (std::size_t j = 0; j < n; ++j) {
            EXPECT_EQ(dense.matrix()[i * n + j], dense.matrix()[j * n + i]);
        }
    }
    Vector kept;
    limited.append_to(kept);
    EXPECT_EQ(kept.size(), 3 * 2 * n);
    EXPECT_TRUE(other.take(kept));
    EXPECT_TRUE(fewer.take(kept));
    const Vector g = numbers(n, 60);
    Vector a(n), b(n), c(n);
    limited.direction(g, a);
    other.direction(g, b);
    fewer.direction(g, c);
    EXPECT_EQ(a, b);
    EXPECT_NE(a, c);
    kept.pop_back();
    EXPECT_FALSE(other.take(kept));
    Vector matrix;
    dense.append_to(matrix);
    EXPECT_TRUE(copy.take(matrix));
    dense.direction(g, a);
    copy.direction(g, b);
    EXPECT_EQ(a, b);
    matrix.pop_back();
    EXPECT_FALSE(copy.take(matrix));
}

}  // namespace
}  // namespace handgrad
