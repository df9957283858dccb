// What the kernels work on: networks, buffers and steps as plain pointers and numbers, without any code.
#pragma once

#include <cstddef>
#include <cstdint>

#include "handgrad/math/activations.hpp"
#include "handgrad/math/jacobian_loss.hpp"
#include "handgrad/math/output_loss.hpp"
#include "handgrad/math/sum_order.hpp"
#include "handgrad/math/updates.hpp"
#include "handgrad/math/weight_row.hpp"

/// Layout, once for all: units lie in panels of `width` of them (two vectors of the instruction set), padded with
/// zeros. A layer keeps its weights in one or two orientations:
///   w  [panels of outputs][inputs][width]   forward and gradient run along outputs;
///   r  [panels of inputs][outputs][width]   the backward pass, and a narrow last layer, run along inputs.
/// Activations and derivatives of a batch lie as [panels][rows][width], so that each panel is one contiguous block;
/// those of a narrow last layer as [outputs][rows], so that formulas over a row's outputs run along rows.
namespace handgrad::kernels {

/// The order of sums (math/sum_order.hpp). A narrow layer keeps only r.
using math::lanes_of_sums;
using math::leaf_rows;
using math::leaf_units;
using math::narrow_outputs;
/// Batches of more rows are always split by rows: the sums of their leaves do not fit beside a tile.
inline constexpr std::size_t most_rows_together = 8 * leaf_rows;
/// Rows of a buffer are padded to a multiple of this, a vector of any instruction set.
inline constexpr std::size_t row_padding = 16;

constexpr std::size_t round_up(std::size_t count, std::size_t to) { return (count + to - 1) / to * to; }
constexpr std::size_t parts(std::size_t count, std::size_t of) { return (count + of - 1) / of; }
constexpr std::size_t smaller(std::size_t a, std::size_t b) { return a < b ? a : b; }
constexpr std::size_t larger(std::size_t a, std::size_t b) { return a < b ? b : a; }

/// The parameters of one layer, as offsets in every arena of numbers that has the network's shape (parameters, their
/// gradient, each state of the optimizer).
struct PackedLayer {
    std::size_t inputs = 0;
    std::size_t outputs = 0;
    Activation activation = Activation::identity;
    bool narrow = false;
    bool has_r = false;  ///< r exists: narrow, or a layer after the first
    std::size_t w = 0;   ///< offset of the orientation that is updated (w, or r of a narrow layer)
    std::size_t w_size = 0;
    std::size_t b = 0;  ///< offset of the bias: outputs, padded to panels unless narrow
    std::size_t b_size = 0;
    std::size_t r = 0;  ///< offset of r in the arena of mirrors, for a layer that has both
};

/// A network's shape as the kernels see it.
struct PackedShape {
    const PackedLayer* layer = nullptr;
    std::size_t layers = 0;
    std::size_t width = 0;        ///< units in a panel
    std::size_t size = 0;         ///< numbers in an arena
    std::size_t mirror_size = 0;  ///< numbers in the arena of mirrors
    ActivationSettings settings;
};

/// The buffers of one batch for each layer.
template <class T>
struct LayerBuffers {
    T* a = nullptr;  ///< activations; of a wide last layer its logits
    T* d = nullptr;  ///< f′(z) in the forward pass, then ∂l/∂z
};

/// What belongs to one thread alone.
template <class T>
struct MemberBuffers {
    LayerBuffers<T>* layer =
        nullptr;                 ///< of the hidden layers and a wide last one; the same for all when units are split
    const T** rows = nullptr;    ///< where each row of the batch begins
    T* columns = nullptr;        ///< those rows by columns, for the gradient (PackedColumns)
    T* y = nullptr;              ///< targets [outputs][rows]
    T* dz = nullptr;             ///< ∂l/∂z of a narrow last layer [outputs][rows]
    T* dx = nullptr;             ///< ∂l/∂x, where it is asked for; the same for all when units are split
    T* row_losses = nullptr;     ///< [rows]
    T* weights = nullptr;        ///< weight of each row, where rows have weights [rows]
    T* shares = nullptr;         ///< weight of each row in the mean, times the reduction [rows]
    T* scratch = nullptr;        ///< five rows of outputs, as vectors over rows
    T* partial = nullptr;        ///< sums of leaves of a narrow last layer, for two steps [leaves][outputs][rows]
    T* output_bias = nullptr;    ///< bias of a narrow last layer and its two states: each thread keeps its own
    T* bias_gradient = nullptr;  ///< the gradient of that bias
    T* const* arenas = nullptr;  ///< for the levels of a node's tree below it, when rows are split
};

/// What one step of training has of its own.
template <class T>
struct StepConstants {
    math::UpdateConstants<T> weights;
    math::UpdateConstants<T> biases;  ///< the same, but for penalty and decay where biases are left out
    double total_weight = 0.0;        ///< Σ of the weights of its rows, or their number
    bool skipped = false;
};

/// One member of a team of threads.
struct Member {
    std::size_t index = 0;
    std::size_t size = 1;
    void* team = nullptr;
    void (*barrier)(void*) = nullptr;
};

enum class Work {
    train,     ///< change the parameters
    gradient,  ///< only fill the arena of gradients (one step)
    loss,      ///< only the loss
};

/// Steps of training over rows `order[first_row …]`, batch after batch.
template <class T>
struct TrainingPlan {
    PackedShape shape;
    math::OutputLoss loss;
    double reduction = 1.0;  ///< of the sum over outputs (math/losses.hpp)
    math::UpdateRule rule = math::UpdateRule::sgd;
    bool penalise = false;         ///< whether the penalty is to be added to the loss …
    bool penalise_biases = false;  ///< … and biases count in it
    Work work = Work::train;

    T* parameters = nullptr;
    T* mirrors = nullptr;
    T* first = nullptr;  ///< states of the optimizer
    T* second = nullptr;
    T* gradient = nullptr;  ///< arena; for Work::gradient and for rules that do not work on the sums
    /// Arena of the signs that weights keep (math/monotone.hpp): 1, −1, or 0 for those that are free; null for none.
    const T* signs = nullptr;

    const T* x = nullptr;
    std::size_t x_stride = 0;
    const T* y = nullptr;
    std::size_t y_stride = 0;
    /// y holds ∂l/∂ŷ of a loss that only the caller knows, and `yhat` takes ŷ (rows as they come, no loss here; y is
    /// not read for Work::loss) …
    bool given = false;
    T* yhat = nullptr;
    std::size_t yhat_stride = 0;
    T* dx = nullptr;  ///< … and this ∂l/∂x, unless null; needs r of the first layer
    std::size_t dx_stride = 0;
    const T* weights = nullptr;          ///< of all rows, or null
    const std::size_t* order = nullptr;  ///< null: rows as they come
    std::size_t rows = 0;
    std::size_t batch = 0;

    std::size_t steps = 0;
    const StepConstants<T>* step = nullptr;
    double* losses = nullptr;     ///< of each step
    double* penalties = nullptr;  ///< scratch, for two steps: Σ of squares of each leaf of units of each layer
    std::size_t penalty_leaves = 0;
    bool stop_at_nonfinite = true;

    bool split_rows = false;                   ///< threads own leaves of rows; else they own units
    std::size_t capacity = 0;                  ///< rows of the buffers, padded
    std::size_t leaves_per_node = 1;           ///< when rows are split: a power of two
    double* leaf_losses = nullptr;             ///< one for each leaf of rows
    T* const* nodes = nullptr;                 ///< arenas for the gradient of nodes: subtrees of leaves_per_node leaves
    const MemberBuffers<T>* member = nullptr;  ///< one for each thread
};

/// Rows `first` … of those to work on, at most leaf_rows, for the Jacobian term (math/jacobian_loss.hpp).
template <class T>
struct JacobianLeaf {
    math::RowNet<T> net;
    std::size_t parameters = 0;  ///< how many
    const T* x = nullptr;
    std::size_t x_stride = 0;
    const T* targets = nullptr;
    std::size_t targets_stride = 0;
    const T* weights = nullptr;          ///< of all rows, or null
    const std::size_t* order = nullptr;  ///< null: rows as they come
    std::size_t first = 0;
    std::size_t rows = 0;
    double share = 1.0;     ///< what a row of weight 1 counts in the gradient
    T* gradient = nullptr;  ///< takes the gradient of this leaf, in the order of the parameters; null for none
    T* room = nullptr;      ///< scratch, room_for() numbers, at the beginning of a cache line

    /// Enough for every instruction set.
    static std::size_t room_for(const math::RowNet<T>& net, std::size_t parameters) {
        const std::size_t n = net.sizes[0], K = net.sizes[net.layers];
        return row_padding * (n + K * n + parameters + math::JacobianLossRow<T, T>::room_for(net));
    }
};

/// What is wanted of the rows of a leaf (math/weight_row.hpp). J is ∂ŷ/∂w, v a direction of the weights.
enum class RowWork {
    jacobian,         ///< J: result [row][output][parameters]
    along,            ///< J v: result [row][outputs]
    along_twice,      ///< the second derivative of ŷ along v: result [row][outputs]
    row_gradients,    ///< of each row's own loss: result [row][parameters]
    transposed,       ///< Σ share · Jᵀ u, u in y: sum
    gauss_newton,     ///< Σ share · Jᵀ (∂²l/∂ŷ²) J v: sum
    hessian,          ///< Σ share · (∂²l/∂w²) v: sum
    squares,          ///< Σ weight · ‖ŷ − y‖²: returned
    residuals,        ///< √share (J, ŷ − y): result in panels of columns, see ResidualPanels
    bent_transposed,  ///< Σ share · Jᵀ (second derivative of ŷ along v): sum
};

/// Rows `first` … of those to work on, at most leaf_rows.
template <class T>
struct WeightLeaf {
    math::RowNet<T> net;
    math::OutputLoss loss = {};
    std::size_t parameters = 0;  ///< how many
    const T* x = nullptr;
    std::size_t x_stride = 0;
    const T* y = nullptr;  ///< targets or u, rows × K; null where the work needs none
    std::size_t y_stride = 0;
    const T* weights = nullptr;  ///< of all rows, or null
    const T* v = nullptr;        ///< a number for each parameter, where the work is along a direction
    std::size_t first = 0;
    std::size_t rows = 0;
    double share = 1.0;  ///< of a row of weight 1
    T* result = nullptr;
    std::size_t result_stride = 0;  ///< from row to row of it
    std::size_t output_stride = 0;  ///< of `jacobian`: from output to output
    T* sum = nullptr;               ///< takes the sum of this leaf, in the order of the parameters
    T* room = nullptr;              ///< scratch, room_for() numbers, at the beginning of a cache line

    /// Enough for every instruction set.
    static std::size_t room_for(const math::RowNet<T>& net) {
        const std::size_t n = net.inputs(), K = net.outputs();
        return row_padding *
               (n + 4 * K + round_up(net.count() + 1, row_padding) + math::WeightRow<T, T>::room_for(net));
    }
};

/// The rows of √share (J, ŷ − y) of a block of rows, an output's rows after those of the one before it: columns lie in
/// panels [panels][terms][width], as symmetric products read them.
struct ResidualPanels {
    /// Rows of a block.
    static constexpr std::size_t block_rows(std::size_t outputs) {
        return round_up(larger(math::squares_rows / outputs, 1), row_padding);
    }
    static constexpr std::size_t terms(std::size_t rows, std::size_t outputs) {
        return outputs * round_up(rows, row_padding);
    }
};

/// A symmetric matrix by its upper triangle: n rows that lie `stride` (a multiple of row_padding, n at least) apart.
/// What stands left of the diagonal means nothing.
template <class T>
struct UpperTriangle {
    T* data = nullptr;
    std::size_t stride = 0;
    std::size_t n = 0;
};

}  // namespace handgrad::kernels
