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
    const std::size_t* slope_units = nullptr;  ///< for each hidden layer, the padded units of those before it
};

enum class InferenceWork {
    outputs,          ///< ŷ
    jacobian,         ///< … and ∂ŷ/∂x
    vector_jacobian,  ///< … and v ∂ŷ/∂x
    jacobian_vector,  ///< … and ∂ŷ/∂x u
};

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
    const T* vectors = nullptr;  ///< v or u
    std::size_t vector_stride = 0;
    T* result = nullptr;
    std::size_t result_stride = 0;
    std::size_t output_stride = 0;  ///< of the Jacobian, from output to output
};

}  // namespace handgrad::kernels
