// Second derivatives of a trained network's outputs by its input, after the pass forward: whole Hessians, weighted sums
// of them, and products of such a sum with a vector (derivation §7.8).
#pragma once

#include <cstddef>
#include <span>

#include "handgrad/kernels/inference_derivatives.hpp"
#include "handgrad/kernels/inference_task.hpp"
#include "handgrad/kernels/inference_tile.hpp"
#include "handgrad/kernels/layers.hpp"
#include "handgrad/kernels/number.hpp"
#include "handgrad/kernels/outputs.hpp"
#include "handgrad/kernels/plan.hpp"
#include "handgrad/kernels/symmetric.hpp"
#include "handgrad/kernels/tiles.hpp"

namespace handgrad::kernels {
namespace {

// --- Which terms H(λ) = Σ_l Q_lᵀ diag{β_l ∘ f_l″} Q_l has -----------------------------------------------------------

/// Whether layer l has a term: its function is no line, nor linear in pieces.
template <class S>
bool curved(const InferenceTask<S>& task, std::size_t l) {
    return !facts(task.layer(l).activation).piecewise_linear;
}
/// Whether the term of the first layer is a product with W⁽¹⁾ᵤᵢW⁽¹⁾ᵤⱼ for all pairs together.
template <class S>
bool first_by_products(const InferenceTask<S>& task) {
    return task.net.products != nullptr && task.last > 0 && curved(task, 0);
}
/// The last layer whose Q_l is needed beside Q₁; 0 when none is.
template <class S>
std::size_t last_of_tangents(const InferenceTask<S>& task) {
    std::size_t l = task.last;
    while (l > 0 && !curved(task, l)) {
        --l;
    }
    return l;
}

// --- β_l ∘ f_l″ of pairs of a row and an output (or a weighted sum of them) ------------------------------------------

/// An epilogue: sums, which are β, times the slopes of their rows and times their bends.
template <class S>
struct TimesSlopesAndBends {
    Panels<S> delta, curvature;
    const S* slopes;
    const S* bends;
    std::size_t slope_stride;       ///< from panel to panel, of both
    const std::size_t* slope_rows;  ///< where those of each row begin in a panel
    [[nodiscard]] TimesSlopesAndBends from(std::size_t panel) const {
        const std::size_t at = panel * slope_stride;
        return {delta.from(panel), curvature.from(panel), slopes + at, bends + at, slope_stride, slope_rows};
    }
    template <std::size_t M, std::size_t V>
    [[gnu::always_inline]] void operator()(const Simd<S> (&sum)[M][V], std::size_t first) const {
        for_each_vector<S>(sum, [&](Simd<S> beta, std::size_t m, std::size_t panel, std::size_t lane) {
            const std::size_t at = panel * slope_stride + slope_rows[first + m] + lane;
            (beta * Simd<S>::load(slopes + at)).store(delta.at(first, m, panel, lane));
            (beta * Simd<S>::load(bends + at)).store(curvature.at(first, m, panel, lane));
        });
    }
};

/// From δ of layer l in the first buffer of the chain down: fills task.curvature of the layers before it.
template <class S>
void curvatures_before(const InferenceTask<S>& task, std::size_t l, const Pairs<S>& pairs) {
    PanelRows<S> delta{task.chain(0), task.layer(l).outputs, task.pair_stride()};
    for (std::size_t which = 1; l > 0; --l, which = 1 - which) {
        const std::size_t inputs = task.layer(l).inputs;
        const Panels<S> to{task.chain(which), task.pair_stride()};
        const auto step = [&](const auto& epilogue) {
            product<S>(task.r(l), nullptr, delta, pairs.count, {0, parts(inputs, panel_width<S>)}, false, epilogue);
        };
        if (curved(task, l - 1)) {
            step(TimesSlopesAndBends<S>{to,
                                        {task.curvature(l - 1), task.pair_stride()},
                                        task.slopes(l - 1),
                                        task.bends(l - 1),
                                        task.stride(),
                                        pairs.rows});
        } else {
            step(TimesSlopes<S>{to, task.slopes(l - 1), task.stride(), pairs.rows});
        }
        delta = {task.chain(which), inputs, task.pair_stride()};
    }
}

/// The same where g acts on each output by itself, and each pair is one output: β of the last hidden layer is g′ W⁽ᴸ⁾.
template <class S>
void curvatures_of_outputs(const InferenceTask<S>& task, const Pairs<S>& pairs) {
    using V = Simd<S>;
    if (task.last == 0) {
        return;
    }
    // Copies of everything: a store of numbers could change members, as far as the compiler knows.
    const std::size_t before = task.last - 1, panels = parts(task.output.inputs, panel_width<S>);
    const std::size_t r_stride = task.output.outputs * panel_width<S>, stride = task.stride();
    const std::size_t pair_stride = task.pair_stride();
    const bool bent = curved(task, before);
    for (std::size_t q = 0; q < pairs.count; ++q) {
        V g(1);
        if (!task.identity()) {
            g = V(output_number(task, pairs.rows[q], pairs.outputs[q]));
        }
        const S* w = task.r(task.last) + pairs.outputs[q] * panel_width<S>;
        const S *slope = task.slopes(before) + pairs.rows[q], *bend = task.bends(before) + pairs.rows[q];
        S *delta = task.chain(0) + q * panel_width<S>, *curvature = task.curvature(before) + q * panel_width<S>;
        for (std::size_t p = 0; p < panels; ++p) {
            for (std::size_t v = 0; v < panel_width<S>; v += V::lanes) {
                const V beta = g * V::load(w + p * r_stride + v);
                if (before > 0) {
                    (beta * V::load(slope + p * stride + v)).store(delta + p * pair_stride + v);
                }
                if (bent) {
                    (beta * V::load(bend + p * stride + v)).store(curvature + p * pair_stride + v);
                }
            }
        }
    }
    curvatures_before(task, before, pairs);
}

/// λ g″ of outputs that g takes each by itself, from λ in a buffer of pairs, one for each row of the tile.
template <class S>
void times_output_bends(const InferenceTask<S>& task, const S* lambda, std::size_t rows, S* to) {
    using V = Simd<S>;
    for (std::size_t p = 0; p < task.output_panels(); ++p) {
        for (std::size_t i = 0; i < rows * panel_width<S>; i += V::lanes) {
            const std::size_t at = p * task.pair_stride() + i;
            (V::load(lambda + at) * V::load(task.output_bends() + p * task.stride() + i)).store(to + at);
        }
    }
}
/// Softmax counts as a function of each output by itself with g = δ in the place of λ g″.
template <class S>
void keep_softmax_curvature(const InferenceTask<S>& task, std::size_t count) {
    const std::size_t size = count * panel_width<S>;
    for (std::size_t p = 0; p < task.output_panels(); ++p) {
        const std::size_t at = p * task.pair_stride();
        __builtin_memcpy(task.output_curvature() + at, task.chain(0) + at, size * sizeof(S));
    }
}

// --- Q_l = ∂z⁽ˡ⁾/∂x of one row ---------------------------------------------------------------------------------------

/// Q_l as [panels of columns][units][width].
template <class S>
const S* tangents_of(const InferenceTask<S>& task, std::size_t l) {
    if (l == 0 && (task.last > 0 || task.elementwise)) {
        return task.r(0);
    }
    return task.tangents(l);
}

/// Calls f(panel, lane) for each vector over the n columns.
template <class S, class F>
void for_column_vectors(std::size_t n, const F& f) {
    for (std::size_t at = 0; at < n; at += Simd<S>::lanes) {
        f(at / panel_width<S>, at % panel_width<S>);
    }
}

/// q less its mean by p = softmax(z), lane by lane.
template <class S>
void centre_by_softmax(const InferenceTask<S>& task, std::span<const Simd<S>> p, std::span<Simd<S>> q) {
    visit(task.output.activation, [&]<class G>(G) {
        if constexpr (!G::facts.elementwise) {
            G::template centre<Simd<S>>(p, q, q);
        }
    });
}
/// The rows of Q_L less their mean by p = softmax(z): a second derivative sees no more of them.
template <class S>
void centre_tangents(const InferenceTask<S>& task, std::size_t row_begin) {
    using V = Simd<S>;
    const std::size_t K = task.output.outputs;
    const S* from = task.last == 0 ? task.r(0) : task.tangents(task.last);
    const std::span<V> p = task.turned(0), q = task.turned(1);
    for (std::size_t k = 0; k < K; ++k) {
        p[k] = V(output_number(task, row_begin, k));
    }
    for_column_vectors<S>(task.layer(0).inputs, [&](std::size_t panel, std::size_t lane) {
        const std::size_t at = panel * K * panel_width<S> + lane;
        for (std::size_t k = 0; k < K; ++k) {
            q[k] = V::load(from + at + k * panel_width<S>);
        }
        centre_by_softmax<S>(task, p, q);
        for (std::size_t k = 0; k < K; ++k) {
            q[k].store(task.tangents(task.last) + at + k * panel_width<S>);
        }
    });
}

/// The first `count` rows of Q (n columns in panels, `stride` apart) times their numbers c, which lie in panels of
/// units, into [panels of columns][count][width].
template <class S>
void scale_rows(const S* Q, std::size_t stride, std::size_t count, std::size_t n, const S* c, std::size_t c_stride,
                S* to) {
    using V = Simd<S>;
    for_column_vectors<S>(n, [&](std::size_t panel, std::size_t lane) {
        const S* from = Q + panel * stride + lane;
        S* into = to + panel * count * panel_width<S> + lane;
        for (std::size_t u = 0; u < count; ++u) {
            const V factor(c[u / panel_width<S> * c_stride + u % panel_width<S>]);
            (factor * V::load(from + u * panel_width<S>)).store(into + u * panel_width<S>);
        }
    });
}

/// Q_l = W⁽ˡ⁾ f_{l−1}′ Q_{l−1} of one row for all layers up to the last that has a term.
template <class S>
void fill_tangents(const InferenceTask<S>& task, std::size_t row_begin) {
    const std::size_t n = task.layer(0).inputs;
    const std::size_t last = last_of_tangents(task);
    for (std::size_t l = 1; l <= last; ++l) {
        const std::size_t inputs = task.layer(l).inputs, outputs = task.layer(l).outputs;
        scale_rows<S>(tangents_of(task, l - 1), inputs * panel_width<S>, inputs, n, task.slopes(l - 1) + row_begin,
                      task.stride(), task.scaled());
        product<S>(task.scaled(), nullptr, PanelRows<S>{task.r(l), inputs, outputs * panel_width<S>}, outputs,
                   {0, parts(n, panel_width<S>)}, half_used<S>(n),
                   KeepZ<S>{{task.tangents(l), outputs * panel_width<S>}});
    }
    if (!task.elementwise) {
        centre_tangents(task, row_begin);
    }
}

// --- The sum over layers ---------------------------------------------------------------------------------------------

/// Adds to the square, unless it is `first` in there, Σ_u c_u Q_uᵀ Q_u over `count` units of layer l from `begin` on.
template <class S>
void add_term_of(const InferenceTask<S>& task, std::size_t l, std::size_t begin, std::size_t count, const S* c,
                 bool& first) {
    const std::size_t n = task.layer(0).inputs, stride = task.layer(l).outputs * panel_width<S>;
    const S* Q = tangents_of(task, l) + begin * panel_width<S>;
    scale_rows<S>(Q, stride, count, n, c, task.pair_stride(), task.scaled());
    symmetric_product<S>({.scaled = task.scaled(),
                          .rows = Q,
                          .row_stride = stride,
                          .count = count,
                          .square = task.square(),
                          .square_stride = round_up(n, panel_width<S>),
                          .add = !first},
                         n);
    first = false;
}

/// The term of the last layer for pair q.
template <class S>
void add_output_term(const InferenceTask<S>& task, const Pairs<S>& pairs, std::size_t q, bool& first) {
    const std::size_t K = task.output.outputs, output = pairs.outputs[q];
    if (task.call.work == InferenceWork::hessian && task.elementwise) {
        const std::size_t at = output / panel_width<S> * task.stride() + pairs.rows[q] + output % panel_width<S>;
        add_term_of(task, task.last, output, 1, task.output_bends() + at, first);
    } else {
        add_term_of(task, task.last, 0, K, task.output_curvature() + q * panel_width<S>, first);
    }
}

/// An epilogue: sums out into triangles, whole panels. While the sums of others are computed, the cache is told of a
/// part of what each triangle is spread to next: a megabyte that is written without would be waited for line by line.
template <class S>
struct IntoTriangles {
    S* const* triangles;
    S* const* results;
    std::size_t part;  ///< numbers of a result that belong to a panel
    std::size_t panel = 0;
    [[nodiscard]] IntoTriangles from(std::size_t p) const { return {triangles, results, part, panel + p}; }
    template <std::size_t M, std::size_t V>
    [[gnu::always_inline]] void operator()(const Simd<S> (&sum)[M][V], std::size_t first) const {
        constexpr std::size_t line = 64 / sizeof(S);
        for_each_vector<S>(sum, [&](Simd<S> v, std::size_t m, std::size_t p, std::size_t lane) {
            v.store(triangles[first + m] + (panel + p) * panel_width<S> + lane);
        });
        for (std::size_t m = 0; m < M; ++m) {
            for (std::size_t at = 0; at < part; at += line) {
                __builtin_prefetch(results[first + m] + panel * part + at, 1);
            }
        }
    }
};

/// H of all pairs, whose β ∘ f″ are there. Neighbouring pairs of one row share its Q.
template <class S>
void sums_over_layers(const InferenceTask<S>& task, const Pairs<S>& pairs) {
    const std::size_t n = task.layer(0).inputs, triangle = round_up(n * (n + 1) / 2, panel_width<S>);
    const std::size_t square_stride = round_up(n, panel_width<S>);
    const bool products = first_by_products(task), output_term = curved(task, task.last);
    S* triangles[most_pairs];
    if (products) {
        for (std::size_t q = 0; q < pairs.count; ++q) {
            triangles[q] = task.triangles() + q * triangle;
        }
        product<S>(task.net.products, nullptr,
                   PanelRows<S>{task.curvature(0), task.layer(0).outputs, task.pair_stride()}, pairs.count,
                   {0, triangle / panel_width<S>}, half_used<S>(n * (n + 1) / 2),
                   IntoTriangles<S>{triangles, pairs.results, parts(n * n, triangle / panel_width<S>)});
    }
    std::size_t row = ~std::size_t{0};
    for (std::size_t q = 0; q < pairs.count; ++q) {
        if (products && last_of_tangents(task) == 0) {
            symmetric_out<S>(TriangleRows<S>{triangles[q], n}, n, pairs.results[q]);
            continue;
        }
        if (pairs.rows[q] != row) {
            row = pairs.rows[q];
            fill_tangents(task, row);
        }
        bool first = true;
        for (std::size_t l = 0; l < task.last; ++l) {
            if (l == 0 && products) {
                upper_rows<S>(triangles[q], n, task.square(), square_stride);
                first = false;
            } else if (curved(task, l)) {
                add_term_of(task, l, 0, task.layer(l).outputs, task.curvature(l) + q * panel_width<S>, first);
            }
        }
        if (output_term) {
            add_output_term(task, pairs, q, first);
        }
        if (first) {
            set_square_zero(n, pairs.results[q]);
        } else {
            symmetric_out<S>(SquareRows<S>{task.square(), square_stride}, n, pairs.results[q]);
        }
    }
}

// --- What a call can ask for ----------------------------------------------------------------------------------------

/// ∂²ŷ_k/∂x² of some rows, block after block of pairs.
template <class S>
[[gnu::noinline]] void hessian(const InferenceTask<S>& task, std::size_t first, std::size_t rows) {
    const std::size_t block_rows = task.places.block_rows, block_outputs = task.places.block_outputs;
    Pairs<S> pairs;
    for (std::size_t begin = 0; begin < rows; begin += block_rows) {
        const std::size_t end = smaller(begin + block_rows, rows);
        for (std::size_t k = 0; k < task.output.outputs; k += block_outputs) {
            const std::size_t last_k = smaller(k + block_outputs, task.output.outputs);
            pairs.count = 0;
            for (std::size_t b = begin; b < end; ++b) {
                S* result = task.call.result + (first + b) * task.call.result_stride;
                for (std::size_t j = k; j < last_k; ++j) {
                    pairs.add(b, j, result + j * task.call.output_stride);
                }
            }
            if (task.elementwise) {
                curvatures_of_outputs(task, pairs);
            } else {
                softmax_rows(task, pairs);
                keep_softmax_curvature(task, pairs.count);
                curvatures_before(task, task.last, pairs);
            }
            sums_over_layers(task, pairs);
        }
    }
}

/// ∂²(λᵀŷ)/∂x² of some rows.
template <class S>
[[gnu::noinline]] void weighted_hessian(const InferenceTask<S>& task, std::size_t first, std::size_t rows) {
    const InferenceCall<S>& call = task.call;
    Pairs<S> pairs;
    for (std::size_t b = 0; b < rows; ++b) {
        pairs.add(b, 0, call.result + (first + b) * call.result_stride);
    }
    rows_in<S>(call.vectors + first * call.vector_stride, call.vector_stride, rows, task.output.outputs, task.chain(0),
               task.pair_stride());
    if (curved(task, task.last) && task.elementwise) {
        times_output_bends(task, task.chain(0), rows, task.output_curvature());
    }
    times_output(task, task.chain(0), rows);
    if (!task.elementwise) {
        keep_softmax_curvature(task, rows);
    }
    curvatures_before(task, task.last, pairs);
    sums_over_layers(task, pairs);
}

// --- H(λ) u ----------------------------------------------------------------------------------------------------------

/// An epilogue of the pass forward along u: from ż to f′ ∘ ż, and f″ ∘ ż in the place of f″.
template <class S>
struct AlongBends {
    Panels<S> to, slopes, bends;
    [[nodiscard]] AlongBends from(std::size_t panel) const {
        return {to.from(panel), slopes.from(panel), bends.from(panel)};
    }
    template <std::size_t M, std::size_t V>
    [[gnu::always_inline]] void operator()(const Simd<S> (&sum)[M][V], std::size_t first) const {
        for_each_vector<S>(sum, [&](Simd<S> dot, std::size_t m, std::size_t panel, std::size_t lane) {
            S* bend = bends.at(first, m, panel, lane);
            (dot * Simd<S>::load(slopes.at(first, m, panel, lane))).store(to.at(first, m, panel, lane));
            (dot * Simd<S>::load(bend)).store(bend);
        });
    }
};
/// An epilogue of the pass back: from β̇ to δ̇ = f′ ∘ β̇ + (f″ ∘ ż ∘ β).
template <class S>
struct SlopesPlus {
    Panels<S> to, slopes, others;
    [[nodiscard]] SlopesPlus from(std::size_t panel) const {
        return {to.from(panel), slopes.from(panel), others.from(panel)};
    }
    template <std::size_t M, std::size_t V>
    [[gnu::always_inline]] void operator()(const Simd<S> (&sum)[M][V], std::size_t first) const {
        for_each_vector<S>(sum, [&](Simd<S> beta, std::size_t m, std::size_t panel, std::size_t lane) {
            const Simd<S> other = Simd<S>::load(others.at(first, m, panel, lane));
            fma(beta, Simd<S>::load(slopes.at(first, m, panel, lane)), other).store(to.at(first, m, panel, lane));
        });
    }
};

/// The last layer where g is softmax: from λ and ż, pairs in rows, to δ = g and δ̇ = (I − p1ᵀ)(g ∘ c), c = ż centred.
template <class S>
void softmax_along(const InferenceTask<S>& task, std::size_t rows, S* lambda, S* dot) {
    using V = Simd<S>;
    const std::size_t stride = task.pair_stride();
    const std::span<V> p = task.turned(0), g = task.turned(1), c = task.turned(2);
    clear_rows(lambda, stride, rows, task.output.outputs);
    clear_rows(dot, stride, rows, task.output.outputs);
    for (std::size_t row = 0; row < rows; row += V::lanes) {
        load_turned<S>(task.output_slopes(), task.stride(), row, p);
        load_turned<S>(lambda, stride, row, g);
        load_turned<S>(dot, stride, row, c);
        times_softmax<S>(task, p, g);
        centre_by_softmax<S>(task, p, c);
        V sum(0);
        for (std::size_t k = 0; k < c.size(); ++k) {
            c[k] = g[k] * c[k];
            sum = sum + c[k];
        }
        for (std::size_t k = 0; k < c.size(); ++k) {
            c[k] = fma(-p[k], sum, c[k]);
        }
        store_turned<S>(g, lambda, stride, row);
        store_turned<S>(c, dot, stride, row);
    }
}
/// The last layer: λ becomes δ, and ż becomes δ̇.
template <class S>
void output_along(const InferenceTask<S>& task, std::size_t rows, S* lambda, S* dot) {
    using V = Simd<S>;
    if (!task.elementwise) {
        softmax_along(task, rows, lambda, dot);
        return;
    }
    for (std::size_t p = 0; p < task.output_panels(); ++p) {
        for (std::size_t i = 0; i < rows * panel_width<S>; i += V::lanes) {
            const std::size_t at = p * task.pair_stride() + i;
            V bent(0);
            if (curved(task, task.last)) {
                const V bend = V::load(task.output_bends() + p * task.stride() + i);
                bent = (V::load(lambda + at) * bend) * V::load(dot + at);
            }
            bent.store(dot + at);
        }
    }
    times_output(task, lambda, rows);
}

/// From δ and δ̇ of the last layer, in the first adjoint and in chain `which`, to W⁽¹⁾ᵀ δ̇₁.
template <class S>
void pull_back_along(const InferenceTask<S>& task, std::size_t which, const Pairs<S>& pairs) {
    const std::size_t stride = task.pair_stride();
    std::size_t side = 0;
    for (std::size_t l = task.last; l > 0; --l, which = 1 - which, side = 1 - side) {
        const PackedLayer& layer = task.layer(l);
        const auto back = [&](const S* from, const auto& epilogue) {
            product<S>(task.r(l), nullptr, PanelRows<S>{from, layer.outputs, stride}, pairs.count,
                       {0, parts(layer.inputs, panel_width<S>)}, false, epilogue);
        };
        S* slopes = task.slopes(l - 1);
        const Panels<S> delta{task.adjoint(1 - side), stride}, delta_dot{task.chain(1 - which), stride};
        if (curved(task, l - 1)) {
            const Panels<S> bent{task.curvature(l - 1), stride};
            back(task.adjoint(side),
                 TimesSlopesAndBends<S>{delta, bent, slopes, task.bends(l - 1), task.stride(), pairs.rows});
            back(task.chain(which), SlopesPlus<S>{delta_dot, {slopes, task.stride()}, bent});
        } else {
            back(task.adjoint(side), TimesSlopes<S>{delta, slopes, task.stride(), pairs.rows});
            back(task.chain(which), TimesSlopes<S>{delta_dot, slopes, task.stride(), pairs.rows});
        }
    }
    const std::size_t inputs = task.layer(0).inputs;
    product<S>(task.r(0), nullptr, PanelRows<S>{task.chain(which), task.layer(0).outputs, stride}, pairs.count,
               {0, parts(inputs, panel_width<S>)}, half_used<S>(inputs), IntoRows<S>{pairs.results, inputs});
}

/// ∂²(λᵀŷ)/∂x² u of some rows: one more pass forward and two back.
template <class S>
[[gnu::noinline]] void hessian_vector(const InferenceTask<S>& task, std::size_t first, std::size_t rows) {
    const InferenceCall<S>& call = task.call;
    const std::size_t stride = task.pair_stride();
    Pairs<S> pairs;
    for (std::size_t b = 0; b < rows; ++b) {
        pairs.add(b, 0, call.result + (first + b) * call.result_stride);
    }
    rows_in<S>(call.directions + first * call.direction_stride, call.direction_stride, rows, task.layer(0).inputs,
               task.chain(0), stride);
    const std::size_t which = push_forward(task, rows, [&](std::size_t l, const Panels<S>& to, const auto& run) {
        if (curved(task, l)) {
            run(AlongBends<S>{to, {task.slopes(l), task.stride()}, {task.bends(l), task.stride()}});
        } else {
            run(TimesSlopes<S>{to, task.slopes(l), task.stride(), pairs.rows});
        }
    });
    rows_in<S>(call.vectors + first * call.vector_stride, call.vector_stride, rows, task.output.outputs,
               task.adjoint(0), stride);
    output_along(task, rows, task.adjoint(0), task.chain(which));
    pull_back_along(task, which, pairs);
}

}  // namespace
}  // namespace handgrad::kernels
