// What the inference kernels work on: a network that is only read, the places in their scratch, and one call; no code.
#pragma once

#include <cstddef>

#include "handgrad/kernels/plan.hpp"

namespace handgrad::kernels {

/// Rows that go through the network together, at most.
inline constexpr std::size_t inference_rows = 48;
/// Pairs of a row and an output whose gradients by the input are computed together: enough to fill tiles of sums, few
/// enough to stay in the second cache.
inline constexpr std::size_t enough_pairs = 48;
inline constexpr std::size_t most_pairs = 96;

/// A network in panels.
template <class T>
struct InferenceNet {
    PackedShape shape;
    const T* parameters = nullptr;
    const T* mirrors = nullptr;                ///< with r of the first layer too; null: no derivatives are asked for
    const std::size_t* slope_units = nullptr;  ///< for each layer, the padded units of those before it
    /// W⁽¹⁾ᵤᵢW⁽¹⁾ᵤⱼ for i ≤ j, row after row of that triangle, as [panels of them][units][width]; null: not made.
    const T* products = nullptr;
};

enum class InferenceWork {
    outputs,          ///< ŷ
    jacobian,         ///< … and ∂ŷ/∂x
    vector_jacobian,  ///< … and v ∂ŷ/∂x
    jacobian_vector,  ///< … and ∂ŷ/∂x u
    // These need f″ too:
    hessian,           ///< … and ∂²ŷ/∂x²
    weighted_hessian,  ///< … and ∂²(λᵀŷ)/∂x²
    hessian_vector,    ///< … and ∂²(λᵀŷ)/∂x² u
};
inline constexpr std::size_t inference_works = 7;
constexpr bool needs_bends(InferenceWork work) { return work >= InferenceWork::hessian; }
/// Up to so many inputs, second derivatives sum the first layer's term over products of two weights of a unit: the
/// table of them is n/2 times as large as the weights.
inline constexpr std::size_t most_product_inputs = 32;

/// Where things lie in the scratch of one thread, in numbers from its begin, which is aligned to 64 bytes.
struct InferencePlaces {
    std::size_t capacity = 0;       ///< rows of a tile and of its buffers: 1, or a multiple of row_padding
    std::size_t pairs = 0;          ///< rows of the buffers `chain`, a multiple of row_padding
    std::size_t block_rows = 0;     ///< rows …
    std::size_t block_outputs = 0;  ///< … and outputs of a block of pairs
    std::size_t a[2] = {};          ///< activations of one layer and of the next [panels][capacity][width]
    std::size_t slopes = 0;         ///< f′(z) of all hidden layers, each [panels][capacity][width]
    std::size_t output = 0;         ///< g′(z) of the outputs, or ŷ where g is softmax [panels][capacity][width]
    std::size_t partial = 0;        ///< sums of leaves of a narrow last layer
    std::size_t turned = 0;         ///< three rows of outputs, as vectors over rows
    std::size_t chain[2] = {};      ///< products of the chain rule [panels][pairs][width]
    // For second derivatives (inference_hessian.hpp):
    std::size_t bends = 0;             ///< f″(z) of all hidden layers, as slopes
    std::size_t output_bends = 0;      ///< g″(z) of the outputs [panels][capacity][width]
    std::size_t curvature = 0;         ///< β ∘ f″ of all hidden layers, each [panels][pairs][width]
    std::size_t output_curvature = 0;  ///< … and of the outputs
    std::size_t triangles = 0;         ///< upper triangles of the first layer's term [pairs][padded to panels]
    std::size_t tangents = 0;          ///< Q_l of one row, layer after layer from the second, [panels][units][width]
    std::size_t scaled = 0;            ///< one Q_l times a number for each unit
    std::size_t square = 0;            ///< the sum over layers of one pair
    std::size_t adjoint[2] = {};       ///< of a Hessian times a vector: δ, as chain
    std::size_t size = 0;
};

/// One layer of a network, or its last two, as ŷ of a single row takes it: what depends on the network alone is decided
/// once, when a predictor is made.
template <class T>
struct RowStep {
    /// From what enters the layer to its a, padded; of the last layer to ŷ, as many numbers as there are outputs.
    void (*run)(const RowStep& step, const T* x, T* to, T* room) = nullptr;
    const T* weights = nullptr;
    const T* bias = nullptr;
    const T* parameters = nullptr;
    PackedLayer layer;
    std::size_t layers = 1;           ///< 2: the last layer too …
    const T* next_weights = nullptr;  ///< … with its weights
    const T* next_bias = nullptr;
    PackedLayer next;
    ActivationSettings settings;
    InferencePlaces places;  ///< of one row, for the last layer
};

/// Rows and what is wanted of them; all matrices are row after row, `stride` apart.
template <class T>
struct InferenceCall {
    InferenceWork work = InferenceWork::outputs;
    std::size_t rows = 0;
    const T* x = nullptr;
    std::size_t x_stride = 0;
    T* z = nullptr;  ///< logits, or null
    std::size_t z_stride = 0;
    T* yhat = nullptr;
    std::size_t yhat_stride = 0;
    const T* vectors = nullptr;  ///< v, u or λ
    std::size_t vector_stride = 0;
    const T* directions = nullptr;  ///< u, beside λ
    std::size_t direction_stride = 0;
    T* result = nullptr;
    std::size_t result_stride = 0;
    std::size_t output_stride = 0;  ///< of the Jacobian or Hessian, from output to output
};

}  // namespace handgrad::kernels
