// Fixed-shape predictors compiled for several instruction sets, behind plain functions
// (tests/nn/fixed_predictor_test.cpp).
#pragma once

#include <array>
#include <cstddef>
#include <span>

#include "handgrad/math/activations.hpp"

namespace handgrad {

/// One shape in one type; all matrices lie row after row. The predictor is made from `parameters`.
template <class T>
struct FixedCase {
    const std::size_t* sizes;       ///< n, then the units of each layer
    const Activation* activations;  ///< of each layer
    std::size_t layers;
    void (*answer)(const T* parameters, const ActivationSettings& settings, const T* x, std::size_t rows, T* yhat, T* J,
                   T* yhat_alone);
};
/// What was compiled for one instruction set.
struct FixedLevel {
    std::span<const FixedCase<float>> single_precision;
    std::span<const FixedCase<double>> double_precision;
    /// a·b + c in Lanes, of a vector and of a single number: a product and a sum, each rounded.
    std::array<float, 2> (*product_and_sum)(float a, float b, float c);
    std::array<double, 2> (*product_and_sum_in_double)(double a, double b, double c);
};
/// Compiled without a word about the processor, for this machine's, and for one with AVX-512.
FixedLevel fixed_cases_plain();
FixedLevel fixed_cases_native();
FixedLevel fixed_cases_avx512();

}  // namespace handgrad
