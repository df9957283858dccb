// What is measured: training steps, inference, Jacobians and elementary functions of fixed shapes, in one table.
#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "handgrad/math/activations.hpp"
#include "handgrad/math/losses.hpp"

namespace handgrad::measure {

enum class WorkloadKind {
    training,  ///< a step: forward, loss, backward, update
    gradient,  ///< the same without the update
    single,    ///< ŷ of one row
    bulk,      ///< ŷ of many rows
    jacobian,  ///< ŷ and ∂ŷ/∂x of every row
    function,  ///< a formula on each number of an array
};
inline constexpr std::array<std::string_view, 6> workload_kind_names{"training", "gradient", "single",
                                                                     "bulk",     "jacobian", "function"};
constexpr std::string_view name(WorkloadKind kind) { return workload_kind_names[static_cast<std::size_t>(kind)]; }
enum class UpdateKind { none, sgd, adam };
inline constexpr std::array<std::string_view, 3> update_kind_names{"none", "sgd", "adam"};
constexpr std::string_view name(UpdateKind kind) { return update_kind_names[static_cast<std::size_t>(kind)]; }

/// Numbers in the array of a function: with its results half of the smallest first cache.
inline constexpr std::size_t function_numbers = 2048;

/// One line of the table.
struct Workload {
    std::string id;
    WorkloadKind kind = WorkloadKind::training;
    std::vector<std::size_t> sizes = {};  ///< d₀, d₁ … d_L
    Activation hidden = Activation::relu;
    Activation output = Activation::identity;
    Loss loss = Loss::squared_error;
    UpdateKind update = UpdateKind::none;
    std::size_t batch = 1;           ///< rows of a step or a call; numbers of the array of a function
    std::size_t batches = 1;         ///< in the data set that training goes through, in shuffled order
    bool double_precision = false;   ///< float otherwise
    bool on_request = false;         ///< too long to be measured unless asked for by name
    std::string_view function = {};  ///< `exp`, `sigmoid+slope` (f and f′), `cross_entropy`, `adam` …
    std::string_view detail = {};    ///< where adam's numbers lie, and the outputs of a row: `L2`, `10`
};

/// All of them, in the order in which they are shown.
const std::vector<Workload>& all_workloads();

/// Those that the names stand for, in the order of the table, each once: a name is an id or what stands before a slash
/// in some (`I1`, `J1/64-64-64`). No names: all but those that have to be asked for. Raises Error(usage) for a name
/// that stands for none, beginning with `place`.
std::vector<Workload> select_workloads(std::span<const std::string> names, const std::string& place);

/// Flops of a step or a call, a multiply-add counted as two: 2B(3 Σ d_{l−1}d_l − d₀d₁) for a step of training, 2B Σ
/// d_{l−1}d_l for inference, and 2BK Σ_{l<L} d_{l−1}d_l beside that for Jacobians; what activations, losses and updates
/// take is left out. Of a function the arithmetic on its numbers.
double flops(const Workload& workload);

/// The same if the width of each hidden layer, and of an output layer that is not narrow, were the next multiple of
/// `lanes`, the numbers in a vector: what the machine has to compute for a shape that is no whole vectors.
double flops_in_whole_vectors(const Workload& workload, std::size_t lanes);

/// Weights and biases.
double parameters(const Workload& workload);

}  // namespace handgrad::measure
