// Derivatives of a trained network's outputs by its input, after the pass forward: whole Jacobians, or products with
// them.
#pragma once

#include <cstddef>
#include <span>

#include "handgrad/kernels/inference_task.hpp"
#include "handgrad/kernels/inference_tile.hpp"
#include "handgrad/kernels/layers.hpp"
#include "handgrad/kernels/number.hpp"
#include "handgrad/kernels/outputs.hpp"
#include "handgrad/kernels/plan.hpp"
#include "handgrad/kernels/tiles.hpp"
#include "handgrad/math/output_loss.hpp"

namespace handgrad::kernels {
namespace {

// --- Products of the chain rule (derivation §7) ---------------------------------------------------------------------

/// Pairs of a row and an output, one after the other.
template <class S>
struct Pairs {
    std::size_t count = 0;
    std::size_t rows[most_pairs];     ///< where the numbers of its row begin in a panel
    std::size_t outputs[most_pairs];  ///< which output
    S* results[most_pairs];           ///< where its gradient goes

    void add(std::size_t row, std::size_t output, S* result) {
        rows[count] = row * panel_width<S>;
        outputs[count] = output;
        results[count] = result;
        ++count;
    }
};

/// An epilogue: sums times the slopes of their rows, which may lie anywhere in panels of rows.
template <class S>
struct TimesSlopes {
    Panels<S> to;
    const S* slopes;
    std::size_t slope_stride;       ///< from panel to panel
    const std::size_t* slope_rows;  ///< where the slopes of each row begin in a panel
    [[nodiscard]] TimesSlopes from(std::size_t panel) const {
        return {to.from(panel), slopes + panel * slope_stride, slope_stride, slope_rows};
    }
    template <std::size_t M, std::size_t V>
    [[gnu::always_inline]] void operator()(const Simd<S> (&sum)[M][V], std::size_t first) const {
        for_each_vector<S>(sum, [&](Simd<S> z, std::size_t m, std::size_t panel, std::size_t lane) {
            const S* slope = slopes + panel * slope_stride + slope_rows[first + m] + lane;
            (z * Simd<S>::load(slope)).store(to.at(first, m, panel, lane));
        });
    }
};
/// An epilogue: sums out into rows that lie anywhere.
template <class S>
struct IntoRows {
    S* const* rows;
    std::size_t columns;    ///< of these rows
    std::size_t begin = 0;  ///< column of the first panel
    [[nodiscard]] IntoRows from(std::size_t panel) const { return {rows, columns, begin + panel * panel_width<S>}; }
    template <std::size_t M, std::size_t V>
    [[gnu::always_inline]] void operator()(const Simd<S> (&sum)[M][V], std::size_t first) const {
        const auto place = [&](std::size_t panel, std::size_t lane) { return begin + panel * panel_width<S> + lane; };
        if (begin + V * Simd<S>::lanes <= columns) {
            for_each_vector<S>(sum, [&](Simd<S> z, std::size_t m, std::size_t panel, std::size_t lane) {
                z.store(rows[first + m] + place(panel, lane));
            });
            return;
        }
        for_each_vector<S>(sum, [&](Simd<S> z, std::size_t m, std::size_t panel, std::size_t lane) {
            const std::size_t at = place(panel, lane);
            store_some<S>(z, rows[first + m] + at, left_from(columns, at));
        });
    }
};

/// From ∂ŷ/∂z of layer l in panels to ∂ŷ/∂x: the factors W⁽ˡ⁾ f′ W⁽ˡ⁻¹⁾ … W⁽¹⁾ from left to right. `which` of the two
/// buffers does not hold it.
template <class S>
void pull_back(const InferenceTask<S>& task, std::size_t l, PanelRows<S> dz, std::size_t which, const Pairs<S>& pairs) {
    for (; l > 0; --l, which = 1 - which) {
        const std::size_t inputs = task.layer(l).inputs;
        product<S>(
            task.r(l), nullptr, dz, pairs.count, {0, parts(inputs, panel_width<S>)}, false,
            TimesSlopes<S>{{task.chain(which), task.pair_stride()}, task.slopes(l - 1), task.stride(), pairs.rows});
        dz = {task.chain(which), inputs, task.pair_stride()};
    }
    const std::size_t inputs = task.layer(0).inputs;
    product<S>(task.r(0), nullptr, dz, pairs.count, {0, parts(inputs, panel_width<S>)}, half_used<S>(inputs),
               IntoRows<S>{pairs.results, inputs});
}
/// … from the first buffer.
template <class S>
void pull_back(const InferenceTask<S>& task, std::size_t l, const Pairs<S>& pairs) {
    pull_back<S>(task, l, {task.chain(0), task.layer(l).outputs, task.pair_stride()}, 1, pairs);
}

// --- The last layer -------------------------------------------------------------------------------------------------

/// g′ of output k, or the k-th of softmax's outputs.
template <class S>
S output_number(const InferenceTask<S>& task, std::size_t row_begin, std::size_t k) {
    return task.output_slopes()[k / panel_width<S> * task.stride() + row_begin + k % panel_width<S>];
}

/// g′ W⁽ᴸ⁾ f′, where g′ is diagonal; of a network of one layer g′ W⁽¹⁾, which is the result.
template <class S>
void output_rows(const InferenceTask<S>& task, const Pairs<S>& pairs) {
    using V = Simd<S>;
    // Copies of everything: a store of numbers could change members, as far as the compiler knows.
    const std::size_t count = pairs.count, inputs = task.output.inputs, panels = parts(inputs, panel_width<S>);
    const std::size_t to_stride = task.pair_stride(), slope_stride = task.stride();
    const std::size_t r_stride = task.output.outputs * panel_width<S>;
    const bool hidden = task.last > 0, identity = task.identity();
    const S* weights = task.r(task.last);
    const S* slope = nullptr;
    if (hidden) {
        slope = task.slopes(task.last - 1);
    }
    S* to = task.chain(0);
    for (std::size_t p = 0; p < panels; ++p, weights += r_stride, to += to_stride) {
        for (std::size_t q = 0; q < count; ++q) {
            V g(1);
            if (!identity) {
                g = V(output_number(task, pairs.rows[q], pairs.outputs[q]));
            }
            for (std::size_t v = 0; v < panel_width<S>; v += V::lanes) {
                const V dz = g * V::load(weights + pairs.outputs[q] * panel_width<S> + v);
                if (hidden) {
                    (dz * V::load(slope + p * slope_stride + pairs.rows[q] + v)).store(to + q * panel_width<S> + v);
                } else {
                    const std::size_t at = p * panel_width<S> + v;
                    store_some<S>(dz, pairs.results[q] + at, left_from(inputs, at));
                }
            }
        }
    }
}

/// v ∂ŷ/∂z where g is softmax.
template <class S>
void times_softmax(const InferenceTask<S>& task, std::span<const Simd<S>> p, std::span<Simd<S>> v) {
    visit(task.output.activation, [&]<class G>(G) {
        if constexpr (!G::facts.elementwise) {
            G::template times_jacobian<Simd<S>>(p, v, v);
        }
    });
}
/// Row k of softmax's Jacobian for each pair, with pairs in the lanes: e_k times it.
template <class S>
void softmax_rows(const InferenceTask<S>& task, const Pairs<S>& pairs) {
    using V = Simd<S>;
    const std::span<V> p = task.turned(0);
    const std::span<V> v = task.turned(1);
    for (std::size_t q = 0; q < pairs.count; q += V::lanes) {
        for (std::size_t j = 0; j < task.output.outputs; ++j) {
            S p_lane[V::lanes], v_lane[V::lanes];
            for (std::size_t i = 0; i < V::lanes; ++i) {
                const std::size_t pair = smaller(q + i, pairs.count - 1);
                p_lane[i] = output_number(task, pairs.rows[pair], j);
                v_lane[i] = static_cast<S>(pairs.outputs[pair] == j);
            }
            p[j] = V::load(p_lane);
            v[j] = V::load(v_lane);
        }
        times_softmax<S>(task, p, v);
        store_turned<S>(v, task.chain(0), task.pair_stride(), q);
    }
}

/// Rows in a buffer times ∂ŷ/∂z, which is symmetric.
template <class S>
void times_output(const InferenceTask<S>& task, S* rows_of, std::size_t rows) {
    using V = Simd<S>;
    if (task.identity()) {
        return;
    }
    if (task.elementwise) {
        for (std::size_t p = 0; p < task.output_panels(); ++p) {
            for (std::size_t i = 0; i < rows * panel_width<S>; i += V::lanes) {
                S* to = rows_of + p * task.pair_stride() + i;
                (V::load(to) * V::load(task.output_slopes() + p * task.stride() + i)).store(to);
            }
        }
        return;
    }
    clear_rows(rows_of, task.pair_stride(), rows, task.output.outputs);
    for (std::size_t row = 0; row < rows; row += V::lanes) {
        load_turned<S>(task.output_slopes(), task.stride(), row, task.turned(0));
        load_turned<S>(rows_of, task.pair_stride(), row, task.turned(1));
        times_softmax<S>(task, task.turned(0), task.turned(1));
        store_turned<S>(task.turned(1), rows_of, task.pair_stride(), row);
    }
}

// --- What a call can ask for ----------------------------------------------------------------------------------------

/// ∂ŷ/∂x of rows begin … end − 1 of a tile whose slopes have W⁽ᴸ⁾ already.
template <class S>
void jacobian_of_weighted(const InferenceTask<S>& task, std::size_t first, std::size_t begin, std::size_t end,
                          Pairs<S>& pairs) {
    pairs.count = 0;
    for (std::size_t b = begin; b < end; ++b) {
        pairs.add(b, 0, task.call.result + (first + b) * task.call.result_stride);
    }
    const S* dz = task.slopes(task.last - 1) + begin * panel_width<S>;
    pull_back<S>(task, task.last - 1, {dz, task.output.inputs, task.stride()}, 0, pairs);
}

/// ∂ŷ/∂x of some rows, block after block of pairs.
template <class S>
[[gnu::noinline]] void jacobian(const InferenceTask<S>& task, std::size_t first, std::size_t rows) {
    const std::size_t block_rows = task.places.block_rows, block_outputs = task.places.block_outputs;
    const bool weighted = slopes_weighted(task);
    Pairs<S> pairs;
    for (std::size_t begin = 0; begin < rows; begin += block_rows) {
        const std::size_t end = smaller(begin + block_rows, rows);
        if (weighted) {
            jacobian_of_weighted(task, first, begin, end, pairs);
            continue;
        }
        for (std::size_t k = 0; k < task.output.outputs; k += block_outputs) {
            const std::size_t last_k = smaller(k + block_outputs, task.output.outputs);
            pairs.count = 0;
            for (std::size_t b = begin; b < end; ++b) {
                S* result = task.call.result + (first + b) * task.call.result_stride;
                for (std::size_t j = k; j < last_k; ++j) {
                    pairs.add(b, j, result + j * task.call.output_stride);
                }
            }
            if (!task.elementwise) {
                softmax_rows(task, pairs);
                pull_back(task, task.last, pairs);
                continue;
            }
            output_rows(task, pairs);
            if (task.last > 0) {
                pull_back(task, task.last - 1, pairs);
            }
        }
    }
}

/// v ∂ŷ/∂x of some rows.
template <class S>
[[gnu::noinline]] void vector_jacobian(const InferenceTask<S>& task, std::size_t first, std::size_t rows) {
    const InferenceCall<S>& call = task.call;
    Pairs<S> pairs;
    for (std::size_t b = 0; b < rows; ++b) {
        pairs.add(b, 0, call.result + (first + b) * call.result_stride);
    }
    rows_in<S>(call.vectors + first * call.vector_stride, call.vector_stride, rows, task.output.outputs, task.chain(0),
               task.pair_stride());
    times_output(task, task.chain(0), rows);
    pull_back(task, task.last, pairs);
}

/// The narrow last layer times rows in buffer `from`, without its bias, into buffer `to`.
template <class S>
void narrow_times(const InferenceTask<S>& task, S* from, std::size_t rows, S* to) {
    const PackedLayer& output = task.output;
    const std::size_t stride = task.pair_stride(), capacity = task.places.capacity;
    S* partial = task.partial();
    clear_padding(from, stride, rows, output.inputs);
    clear_rows(from, stride, rows, output.inputs);
    narrow_leaves<S>(output, task.w(task.last), {from, output.inputs, stride}, rows, 0, task.leaves(), capacity,
                     partial);
    const std::span<Simd<S>> z = task.turned(0);
    for (std::size_t row = 0; row < rows; row += Simd<S>::lanes) {
        for (std::size_t k = 0; k < output.outputs; ++k) {
            z[k] = tree_sum<S>(task.leaves(), [&](std::size_t leaf) {
                return Simd<S>::load(partial + (leaf * output.outputs + k) * capacity + row);
            });
        }
        store_turned<S>(z, to, stride, row);
    }
}

/// From u of some rows, in the first buffer of the chain, to ∂z/∂x u of the last layer, from the right: W⁽¹⁾ u, then
/// f′, W⁽²⁾ and so on. Hidden layer l has hidden(l, to, run), which runs it with an epilogue of its choice into panels
/// `to`. Returns which buffer holds the result.
template <class S, class Hidden>
std::size_t push_forward(const InferenceTask<S>& task, std::size_t rows, const Hidden& hidden) {
    const std::size_t stride = task.pair_stride();
    std::size_t which = 0;
    const auto times_layer = [&](std::size_t l, const auto& epilogue) {
        product<S>(task.w(l), nullptr, PanelRows<S>{task.chain(which), task.layer(l).inputs, stride}, rows,
                   {0, parts(task.layer(l).outputs, panel_width<S>)}, false, epilogue);
        which = 1 - which;
    };
    for (std::size_t l = 0; l < task.last; ++l) {
        hidden(l, Panels<S>{task.chain(1 - which), stride}, [&](const auto& epilogue) { times_layer(l, epilogue); });
    }
    if (task.output.narrow) {
        narrow_times(task, task.chain(which), rows, task.chain(1 - which));
        return 1 - which;
    }
    times_layer(task.last, KeepZ<S>{{task.chain(1 - which), stride}});
    return which;
}

/// ∂ŷ/∂x u of some rows.
template <class S>
[[gnu::noinline]] void jacobian_vector(const InferenceTask<S>& task, std::size_t first, std::size_t rows) {
    const InferenceCall<S>& call = task.call;
    const std::size_t stride = task.pair_stride();
    std::size_t row_begin[inference_rows];
    for (std::size_t b = 0; b < rows; ++b) {
        row_begin[b] = b * panel_width<S>;
    }
    rows_in<S>(call.vectors + first * call.vector_stride, call.vector_stride, rows, task.layer(0).inputs, task.chain(0),
               stride);
    const std::size_t which = push_forward(task, rows, [&](std::size_t l, const Panels<S>& to, const auto& run) {
        run(TimesSlopes<S>{to, task.slopes(l), task.stride(), row_begin});
    });
    times_output(task, task.chain(which), rows);
    rows_out<S>(task.chain(which), stride, rows, task.output.outputs, call.result + first * call.result_stride,
                call.result_stride);
}

}  // namespace
}  // namespace handgrad::kernels
