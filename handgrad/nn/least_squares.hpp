// A sum of squares over the rows of a table: its value, the normal equations of its linearisation, and damped steps
// from them (docs/derivations/levenberg_marquardt.md), in double.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "handgrad/base/matrix.hpp"
#include "handgrad/kernels/simd_level.hpp"
#include "handgrad/nn/leaf_sums.hpp"
#include "handgrad/nn/mlp.hpp"

namespace handgrad {
namespace kernels {
enum class RowWork;
template <class T>
struct WeightLeaf;
template <class T>
struct UpperTriangle;
template <class T>
struct Kernels;
}  // namespace kernels

/// Rows of a sum of squares, and what beside them is squared.
struct SquaresProblem {
    MatrixView<const double> x, y;
    std::span<const double> weights = {};  ///< of the rows, or none
    double row_share = 1.0;                ///< of a row of weight 1: the reduction by the sum of the weights
    std::vector<double> penalties;         ///< q: Σ q w² is part of the sum; one for each parameter
};

/// F(w) = ‖ρ‖² with the residuals ρ of Eq. (L9): √share (ŷ − y) of every row and output, and √q w of every parameter. J
/// = ∂ρ/∂w is never there as a whole: blocks of its rows are added to JᵀJ. The bits depend neither on threads nor on
/// the instruction set (docs/numerics.md). Needs memory for two matrices of P² numbers.
class LeastSquares {
public:
    /// Bytes for so many parameters.
    static double bytes_for(std::size_t parameters);

    LeastSquares(const BasicMlp<double>& net, SquaresProblem problem, const Execution& execution);

    /// F at these weights; has no other effect.
    double operator()(const BasicMlp<double>& net);
    /// JᵀJ and Jᵀρ at these weights, Eq. (L10).
    void linearise(const BasicMlp<double>& net);
    /// Jᵀρ: half of ∂F/∂w. The largest number on the diagonal of JᵀJ.
    [[nodiscard]] std::span<const double> half_gradient() const { return half_gradient_; }
    [[nodiscard]] double largest_diagonal() const;

    /// Eq. (L11): v with (JᵀJ + μI) v = −Jᵀρ by Cholesky's factor, which is kept; false where there is none, as the
    /// matrix is singular to rounding.
    bool step(double mu, std::span<double> v);
    /// Eq. (L14): a with (JᵀJ + μI) a = −Jᵀρ̈ for that μ, ρ̈ the second derivative of the residuals along v. `net` is
    /// where it was linearised.
    void acceleration(const BasicMlp<double>& net, std::span<const double> v, std::span<double> a);

private:
    kernels::WeightLeaf<double> leaf_of(const BasicMlp<double>& net) const;
    kernels::UpperTriangle<double> triangle(AlignedVector<double>& numbers, std::size_t rows) const;
    double sum(kernels::RowWork work, const kernels::WeightLeaf<double>& all);

    Architecture shape_;
    SquaresProblem problem_;
    const kernels::Kernels<double>& kernels_;
    std::size_t threads_;
    std::vector<Activation> activations_;
    std::size_t parameters_, stride_;
    LeafSums<double> leaves_;
    std::vector<AlignedVector<double>> rooms_, panels_;  ///< of threads, and of blocks that are worked on together
    AlignedVector<double> normal_;                       ///< JᵀJ with Jᵀρ as its last column
    AlignedVector<double> factor_, room_;                ///< Cholesky's factor, and scratch for it
    AlignedVector<double> right_, solution_;             ///< of triangular systems
    std::vector<double> half_gradient_;
};

}  // namespace handgrad
