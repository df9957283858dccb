// The loops that show what a processor can do at most, as functions of one instruction set; no code here.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

#include "handgrad/math/activations.hpp"
#include "handgrad/math/updates.hpp"

namespace handgrad::kernels {

/// Elementary functions that are no activations themselves.
enum class Elementary { expm1, log, log1p, erf, erfc };
inline constexpr std::array<std::string_view, 5> elementary_names{"expm1", "log", "log1p", "erf", "erfc"};

/// Formulas over the K outputs of a row: softmax, and the losses that come straight from the logits.
enum class RowFormula { softmax, cross_entropy, binary_cross_entropy };
inline constexpr std::array<std::string_view, 3> row_formula_names{"softmax", "cross_entropy", "binary_cross_entropy"};
/// Most outputs of a row in LimitLoops::rows.
inline constexpr std::size_t most_row_outputs = 16;

/// Counts of numbers are multiples of `numbers`, and pointers are aligned to a cache line.
template <class T>
struct LimitLoops {
    static constexpr std::size_t numbers = 128;

    /// Fused multiply-adds in a round of multiply_adds().
    std::size_t multiply_adds_in_round;
    /// c ← c·factor + term, round after round, for as many independent c as keep the multipliers busy, all in
    /// registers. Returns their sum.
    T (*multiply_adds)(std::size_t rounds, T factor, T term);
    /// Reads all, so many times, and returns the sum; with `streams` the quarters side by side, so that a processor
    /// which fetches ahead does so in four places.
    T (*sum)(const T* from, std::size_t count, bool streams, std::size_t times);
    /// y = f(x).
    void (*elementary)(Elementary f, const T* x, T* y, std::size_t count);
    /// a = f(z), and f′(z) unless `slope` is null, by the loop of the training step. Not for softmax.
    void (*activation)(Activation f, const T* z, T* a, T* slope, std::size_t count);
    /// Logits z and targets y, both [outputs][rows], to the outputs or ∂l/∂z and behind them the losses [rows].
    void (*rows)(RowFormula formula, const T* z, const T* y, T* result, std::size_t rows, std::size_t outputs);
    /// Adam's step on w with the gradient g.
    void (*adam)(const math::UpdateConstants<T>& constants, const T* g, T* w, T* m, T* v, std::size_t count);
};

}  // namespace handgrad::kernels
