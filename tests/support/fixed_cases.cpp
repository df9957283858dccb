// The shapes of those predictors; compiled once for each instruction set, which HANDGRAD_FIXED_CASES names.
#include "tests/support/fixed_cases.hpp"

#include <array>
#include <cstddef>
#include <span>

#include "handgrad/nn/fixed_predictor.hpp"

namespace handgrad {
namespace {

template <class F>
constexpr Activation activation_of = *find_activation(F::facts.name);

template <class T, std::size_t n, class... L>
struct Shape {
    static constexpr std::size_t sizes[] = {n, L::units...};
    static constexpr Activation activations[] = {activation_of<typename L::Function>...};
    using Predictor = BasicFixedPredictor<T, n, L...>;
    static constexpr std::size_t K = Predictor::outputs;

    static void answer(const T* parameters, const ActivationSettings& settings, const T* x, std::size_t rows, T* yhat,
                       T* J, T* yhat_alone) {
        static Predictor predictor(
            std::span<const T, Predictor::parameter_count>(parameters, Predictor::parameter_count));
        predictor =
            Predictor(std::span<const T, Predictor::parameter_count>(parameters, Predictor::parameter_count), settings);
        for (std::size_t row = 0; row < rows; ++row) {
            const std::span<const T, n> x_row(x + row * n, n);
            predictor.jacobian(x_row, std::span<T, K>(yhat + row * K, K), std::span<T, K * n>(J + row * K * n, K * n));
            predictor.predict(x_row, std::span<T, K>(yhat_alone + row * K, K));
        }
    }
    static constexpr FixedCase<T> entry{sizes, activations, sizeof...(L), answer};
};

template <std::size_t units, class F = math::Identity>
using Layer = FixedLayer<units, F>;
using math::Relu;

/// Widths beside those of vectors and leaves, narrow and wide outputs, one layer to four. With sanitizers, whose
/// compiler takes minutes for what is unrolled, the small ones.
constexpr FixedCase<float> single_precision[] = {
#ifndef HANDGRAD_FIXED_SMALL
    Shape<float, 10, Layer<32, Relu>, Layer<1>>::entry,
    Shape<float, 13, Layer<50, Relu>, Layer<3>>::entry,
    Shape<float, 37, Layer<205, Relu>, Layer<10>>::entry,
    Shape<float, 9, Layer<83, math::Softmax>>::entry,
    Shape<float, 6, Layer<9, math::Elu>, Layer<20, math::Silu>, Layer<2, math::Sigmoid>>::entry,
    Shape<float, 4, Layer<18, math::GeluTanh>, Layer<31, Relu>, Layer<16, math::Sigmoid>, Layer<5>>::entry,
    Shape<float, 7, Layer<33, math::LeakyRelu>, Layer<17, math::Sigmoid>>::entry,
#endif
    Shape<float, 1, Layer<1, math::Tanh>, Layer<1, math::Exp>>::entry,
    Shape<float, 5, Layer<3, math::Softplus>>::entry,
};
constexpr FixedCase<double> double_precision[] = {
#ifndef HANDGRAD_FIXED_SMALL
    Shape<double, 13, Layer<50, Relu>, Layer<3>>::entry,
    Shape<double, 64, Layer<64, Relu>, Layer<64>>::entry,
    Shape<double, 3, Layer<70, math::Gelu>, Layer<15, math::Softmax>>::entry,
    Shape<double, 7, Layer<9, math::Tanh>, Layer<19, math::Sigmoid>>::entry,
#endif
    Shape<double, 3, Layer<5, math::Tanh>, Layer<2, math::Sigmoid>>::entry,
};

template <class T>
std::array<T, 2> product_and_sum(T a, T b, T c) {
    using V = math::Lanes<T, math::vector_lanes<T>>;
    using One = math::Lanes<T, 1>;
    return {(V(a) * V(b) + V(c))[V::lanes - 1], (One(a) * One(b) + One(c))[0]};
}

}  // namespace

FixedLevel HANDGRAD_FIXED_CASES() {
    return {single_precision, double_precision, product_and_sum<float>, product_and_sum<double>};
}

}  // namespace handgrad
