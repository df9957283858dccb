// What quasi-Newton methods know of the curvature: from steps s and changes y of the gradient a matrix H that stands
// for the inverse Hessian, whole (BFGS) or as the last few of them (L-BFGS).
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace handgrad {

/// Up to `most` pairs (s, y), the newest last (Nocedal and Wright, Algorithm 7.4).
class LimitedMemory {
public:
    LimitedMemory(std::size_t size, std::size_t most) : size_(size), most_(most) {}

    /// direction ← −H g by the two loops, H₀ = (sᵀy/yᵀy) I of the newest pair; −g without any.
    void direction(std::span<const double> g, std::span<double> direction);
    /// Takes a pair, and forgets the oldest where there are more than `most`. Nothing where sᵀy is not positive enough
    /// for H to stay positive definite: false.
    bool add(std::span<const double> s, std::span<const double> y);
    [[nodiscard]] bool empty() const { return pairs_.empty(); }
    void clear() { pairs_.clear(); }

    /// All numbers, to be kept: s and y of each pair, the oldest first.
    void append_to(std::vector<double>& numbers) const;
    /// And back; of more than `most` pairs the newest. False unless they are whole pairs.
    bool take(std::span<const double> numbers);

private:
    struct Pair {
        std::vector<double> s, y;
        double sy, yy;
    };
    std::size_t size_, most_;
    std::vector<Pair> pairs_;
    std::vector<double> alphas_;
};

/// The whole matrix, size × size (Nocedal and Wright, (6.17), (6.20)).
class DenseInverseHessian {
public:
    explicit DenseInverseHessian(std::size_t size) : size_(size), Hy_(size) {}

    /// direction ← −H g; −g while there is no pair.
    void direction(std::span<const double> g, std::span<double> direction) const;
    /// H ← (I − ρsyᵀ) H (I − ρysᵀ) + ρssᵀ, ρ = 1/sᵀy; the first pair begins with H = (sᵀy/yᵀy) I. As LimitedMemory.
    bool add(std::span<const double> s, std::span<const double> y);
    [[nodiscard]] bool empty() const { return H_.empty(); }
    void clear() { H_.clear(); }

    void append_to(std::vector<double>& numbers) const { numbers.insert(numbers.end(), H_.begin(), H_.end()); }
    /// False unless they are a whole matrix, or none.
    bool take(std::span<const double> numbers);

    /// H, row by row; empty while there is no pair.
    [[nodiscard]] std::span<const double> matrix() const { return H_; }

private:
    std::size_t size_;
    std::vector<double> H_, Hy_;
};

}  // namespace handgrad
