// One layer of a batch: forward with its activation, backward to its inputs, and the gradient with the optimizer's step
// on the sums.
#pragma once

#include <bit>
#include <cstddef>
#include <type_traits>
#include <utility>

#include "handgrad/kernels/number.hpp"
#include "handgrad/kernels/plan.hpp"
#include "handgrad/kernels/tiles.hpp"
#include "handgrad/math/activations.hpp"
#include "handgrad/math/updates.hpp"

namespace handgrad::kernels {
namespace {

/// Panels first … last − 1 of a layer's outputs (or inputs): what one thread owns.
struct PanelRange {
    std::size_t first;
    std::size_t last;
};

/// Whether the last panel of so many units has one of its two vectors in use only. Loops over training batches leave
/// the other one, which is 0 from the start, alone.
template <class S>
constexpr bool half_used(std::size_t units) {
    return panel_vectors == 2 && (units - 1) % panel_width<S> < Simd<S>::lanes;
}
/// Whether that panel is the last of these.
template <class S>
constexpr bool ends_half_used(PanelRange panels, std::size_t units) {
    return panels.first < panels.last && panels.last == parts(units, panel_width<S>) && half_used<S>(units);
}

/// Up to so many rows take several panels at a time: 4 one row, 2 two rows.
inline constexpr std::size_t most_rows_of_wide = 2;
inline constexpr std::size_t most_panels = 4;

/// Runs of tiles of `rows` × panels; few rows take several panels at a time, so that there are sums enough to keep the
/// multipliers busy. Calls f(M, V, first row, times, first panel) for M rows and V vectors: those of whole panels, or
/// with `half` the first one of the last panel.
template <class F>
[[gnu::always_inline]] inline void for_block_runs(std::size_t rows, PanelRange panels, bool half, const F& f) {
    if (rows == 0) {
        return;
    }
    const Tiling tiling(rows, tile_rows);
    const auto runs = [&](std::size_t vectors, std::size_t p) {
        if (tiling.longer != 0) {
            f(tiling.size + 1, vectors, std::size_t{0}, tiling.longer, p);
        }
        f(tiling.size, vectors, tiling.longer * (tiling.size + 1), tiling.tiles - tiling.longer, p);
    };
    const std::size_t whole = panels.last - std::size_t{half};
    if (rows <= most_rows_of_wide) {
        for_tile_sizes(whole - panels.first, most_panels / rows,
                       [&](std::size_t p, std::size_t count) { runs(count * panel_vectors, panels.first + p); });
    } else {
        for (std::size_t p = panels.first; p < whole; ++p) {
            runs(panel_vectors, p);
        }
    }
    if (half) {
        runs(1, whole);
    }
}
/// Functions::of<M, V> for a shape of these tiles, which is known when the program runs.
template <class Functions, std::size_t... i>
[[gnu::always_inline]] inline auto of_shape(std::size_t rows, std::size_t vectors, std::index_sequence<i...>) {
    using Function = std::remove_const_t<decltype(Functions::template of<1, panel_vectors>)>;
    static constexpr Function whole[] = {Functions::template of<i + 1, panel_vectors>...};
    static constexpr Function one_row[] = {Functions::template of<1, 2 * panel_vectors>,
                                           Functions::template of<1, 3 * panel_vectors>,
                                           Functions::template of<1, 4 * panel_vectors>};
    if (vectors == panel_vectors) {
        return whole[rows - 1];
    }
    if constexpr (panel_vectors == 2) {
        static constexpr Function half[] = {Functions::template of<i + 1, 1>...};
        if (vectors == 1) {
            return half[rows - 1];
        }
    }
    if (rows == 1) {
        return one_row[vectors / panel_vectors - 2];
    }
    return Function{Functions::template of<2, 2 * panel_vectors>};
}
inline constexpr auto tile_sizes = std::make_index_sequence<tile_rows>();

template <class S, std::size_t M, std::size_t V>
[[gnu::always_inline]] inline void set_zero(Simd<S> (&sum)[M][V]) {
    for (auto& row : sum) {
        for (auto& v : row) {
            v = Simd<S>(0);
        }
    }
}

/// Calls f(sum, m, panel, lane) for each vector of a tile: its row, its panel and its first number there, from the
/// tile's first ones on.
template <class S, std::size_t M, std::size_t V, class F>
[[gnu::always_inline]] inline void for_each_vector(const Simd<S> (&sum)[M][V], const F& f) {
#pragma GCC unroll 12
    for (std::size_t m = 0; m < M; ++m) {
#pragma GCC unroll 12
        for (std::size_t v = 0; v < V; ++v) {
            f(sum[m][v], m, v / panel_vectors, v % panel_vectors * Simd<S>::lanes);
        }
    }
}

// --- Products ------------------------------------------------------------------------------------------------------

/// Numbers in panels, [panels][rows][width], which tiles of sums go to or take factors from.
template <class S>
struct Panels {
    S* data = nullptr;
    std::size_t stride = 0;  ///< from panel to panel

    [[nodiscard]] Panels from(std::size_t panel) const { return {data + panel * stride, stride}; }
    /// Where row m of a tile that begins at row `first` has its vector of that panel.
    [[gnu::always_inline]] S* at(std::size_t first, std::size_t m, std::size_t panel, std::size_t lane) const {
        return data + first * panel_width<S> + (panel * stride + m * panel_width<S> + lane);
    }
};

// An epilogue is what becomes of the sums of a tile while they are in registers: a value that knows where panel 0 goes;
// from(p) knows it of panel p, and the call takes a tile whose first row is `first`.

/// z itself, for the activation's own loop.
template <class S>
struct KeepZ {
    Panels<S> a;
    [[nodiscard]] KeepZ from(std::size_t panel) const { return {a.from(panel)}; }
    template <std::size_t M, std::size_t V>
    [[gnu::always_inline]] void operator()(const Simd<S> (&sum)[M][V], std::size_t first) const {
        for_each_vector<S>(sum, [&](Simd<S> z, std::size_t m, std::size_t panel, std::size_t lane) {
            z.store(a.at(first, m, panel, lane));
        });
    }
};
/// max(z, 0): where f costs no more than a store, it is applied in registers.
template <class S>
struct KeepRelu {
    Panels<S> a;
    [[nodiscard]] KeepRelu from(std::size_t panel) const { return {a.from(panel)}; }
    template <std::size_t M, std::size_t V>
    [[gnu::always_inline]] void operator()(const Simd<S> (&sum)[M][V], std::size_t first) const {
        for_each_vector<S>(sum, [&](Simd<S> z, std::size_t m, std::size_t panel, std::size_t lane) {
            math::Relu::value(z).store(a.at(first, m, panel, lane));
        });
    }
};
/// … and its slope.
template <class S, Kink kink>
struct KeepReluAndSlope {
    Panels<S> a, d;
    [[nodiscard]] KeepReluAndSlope from(std::size_t panel) const { return {a.from(panel), d.from(panel)}; }
    template <std::size_t M, std::size_t V>
    [[gnu::always_inline]] void operator()(const Simd<S> (&sum)[M][V], std::size_t first) const {
        constexpr ActivationSettings settings{.kink = kink};
        for_each_vector<S>(sum, [&](Simd<S> z, std::size_t m, std::size_t panel, std::size_t lane) {
            math::Relu::value(z, settings).store(a.at(first, m, panel, lane));
            math::Relu::derivative(z, settings).store(d.at(first, m, panel, lane));
        });
    }
};
/// d = sum ∘ d.
template <class S>
struct TimesInPlace {
    Panels<S> d;
    [[nodiscard]] TimesInPlace from(std::size_t panel) const { return {d.from(panel)}; }
    template <std::size_t M, std::size_t V>
    [[gnu::always_inline]] void operator()(const Simd<S> (&sum)[M][V], std::size_t first) const {
        for_each_vector<S>(sum, [&](Simd<S> da, std::size_t m, std::size_t panel, std::size_t lane) {
            S* to = d.at(first, m, panel, lane);
            (da * Simd<S>::load(to)).store(to);
        });
    }
};

/// What the tiles of a product share: Σ over the columns of `source`, in their order from `bias` (null: 0) on, times a
/// matrix in panels [panels][columns][width].
template <class S, class Source, class Epilogue>
struct Product {
    Source source;
    const S* matrix;
    std::size_t stride;  ///< from panel to panel
    const S* bias;
    Epilogue epilogue;
};
/// A run of tiles of M rows × V vectors from panel p on. A function of its own, with copies of all that it needs:
/// through references every store of a vector might change what they refer to.
template <std::size_t M, std::size_t V, class S, class Source, class Epilogue>
[[gnu::noinline]] void product_tiles(const Product<S, Source, Epilogue>& shared, std::size_t p, std::size_t first,
                                     std::size_t times) {
    const Source source = shared.source;
    const Epilogue epilogue = shared.epilogue.from(p);
    const std::size_t stride = shared.stride;
    const S* matrix = shared.matrix + p * stride;
    const S* bias = shared.bias;
    if (bias != nullptr) {
        bias += p * panel_width<S>;
    }
    for (std::size_t t = 0; t < times; ++t, first += M) {
        Simd<S> sum[M][V];
        if (bias == nullptr) {
            set_zero<S>(sum);
        } else {
            for (std::size_t v = 0; v < V; ++v) {
                sum[0][v] = Simd<S>::load(bias + v * Simd<S>::lanes);
                for (std::size_t m = 1; m < M; ++m) {
                    sum[m][v] = sum[0][v];
                }
            }
        }
        source.template across<M>(sum, first, matrix, stride);
        epilogue(sum, first);
    }
}
template <class S, class Source, class Epilogue>
using ProductTiles = void (*)(const Product<S, Source, Epilogue>& shared, std::size_t p, std::size_t first,
                              std::size_t times);
template <class S, class Source, class Epilogue>
struct ProductFunctions {
    template <std::size_t M, std::size_t V>
    static constexpr ProductTiles<S, Source, Epilogue> of = product_tiles<M, V, S, Source, Epilogue>;
};
/// Such sums for some panels of a matrix; with `half` the last of them has one vector.
template <class S, class Source, class Epilogue>
void product(const S* matrix, const S* bias, const Source& source, std::size_t rows, PanelRange panels, bool half,
             const Epilogue& epilogue) {
    const Product<S, Source, Epilogue> shared{source, matrix, source.columns * panel_width<S>, bias, epilogue};
    for_block_runs(rows, panels, half,
                   [&](std::size_t M, std::size_t V, std::size_t first, std::size_t times, std::size_t p) {
                       of_shape<ProductFunctions<S, Source, Epilogue>>(M, V, tile_sizes)(shared, p, first, times);
                   });
}

// --- Forward --------------------------------------------------------------------------------------------------------

/// a = f(z) for the vectors 0, step, 2·step … of `count` numbers, and f′(z) into `slope` unless that is null.
template <class F, class S>
[[gnu::flatten]] void activate(const S* z, S* a, S* slope, std::size_t count, const ActivationSettings& settings,
                               std::size_t step = Simd<S>::lanes) {
    using V = Simd<S>;
    if (slope == nullptr) {
        for (std::size_t i = 0; i < count; i += step) {
            F::value(V::load(z + i), settings).store(a + i);
        }
        return;
    }
    for (std::size_t i = 0; i < count; i += step) {
        const V z_i = V::load(z + i);
        F::value(z_i, settings).store(a + i);
        F::derivative(z_i, settings).store(slope + i);
    }
}
/// The same in place.
template <class F, class S>
[[gnu::always_inline]] inline void activate(S* a, S* slope, std::size_t count, const ActivationSettings& settings,
                                            std::size_t step = Simd<S>::lanes) {
    activate<F>(static_cast<const S*>(a), a, slope, count, settings, step);
}

/// The padding of the last panel back to 0: its z is 0 only while the inputs are finite, and f(0) may be something
/// else; a narrow layer's sums include it. `written`: so many numbers of it were written.
template <class S>
void clear_padding(S* panels, std::size_t panel_stride, std::size_t rows, std::size_t units,
                   std::size_t written = panel_width<S>) {
    const std::size_t used = units % panel_width<S>;
    if (used == 0 || used == written) {
        return;
    }
    S* panel = panels + units / panel_width<S> * panel_stride;
    // By whole vectors: one that is read would wait for single numbers written to it just before.
    const std::size_t first = used / Simd<S>::lanes * Simd<S>::lanes;
    for (std::size_t row = 0; row < rows; ++row, panel += panel_width<S>) {
        first_lanes(Simd<S>::load(panel + first), used - first).store(panel + first);
        for (std::size_t i = first + Simd<S>::lanes; i < written; i += Simd<S>::lanes) {
            Simd<S>(0).store(panel + i);
        }
    }
}

/// Calls f with the epilogue of ReLU: with its slope unless `d` has no data.
template <class S, class F>
void with_relu(Kink kink, Panels<S> a, Panels<S> d, const F& f) {
    if (d.data == nullptr) {
        f(KeepRelu<S>{a});
    } else if (kink == Kink::right_limit) {
        f(KeepReluAndSlope<S, Kink::right_limit>{a, d});
    } else {
        f(KeepReluAndSlope<S, Kink::nearest_zero>{a, d});
    }
}

/// f of a layer, in place, for some of its panels; `half` as in product().
template <class S>
void activate_panels(const PackedLayer& layer, const ActivationSettings& settings, std::size_t rows, Panels<S> a,
                     Panels<S> d, PanelRange panels, bool half) {
    visit(layer.activation, [&]<class F>(F) {
        if constexpr (F::facts.elementwise) {
            for (std::size_t p = panels.first; p < panels.last; ++p) {
                S* slope = d.data;
                if (slope != nullptr) {
                    slope += p * d.stride;
                }
                const bool whole = !half || p + 1 < panels.last;
                const std::size_t step = whole ? Simd<S>::lanes : panel_width<S>;
                activate<F>(a.data + p * a.stride, slope, rows * panel_width<S>, settings, step);
            }
        }
    });
}

/// Eq. (1) and f for some panels of units: a = f(z) with z = W x + b, each z from its bias on in the order of the
/// inputs. `slopes`: keep f′(z) in buffers.d for the backward pass. With `activated` false z itself stays in a.
template <class S, class Source>
void forward_layer(const PackedLayer& layer, const S* parameters, const ActivationSettings& settings,
                   const Source& source, std::size_t rows, std::size_t panel_stride, const LayerBuffers<S>& buffers,
                   PanelRange panels, bool slopes, bool activated) {
    const Panels<S> a{buffers.a, panel_stride};
    Panels<S> d;
    if (slopes) {
        d = {buffers.d, panel_stride};
    }
    const auto block = [&](PanelRange some, const auto& epilogue) {
        product<S>(parameters + layer.w, parameters + layer.b, source, rows, some,
                   ends_half_used<S>(some, layer.outputs), epilogue);
    };
    const auto clear_last = [&](PanelRange some) {
        if (some.first < some.last && layer.outputs < some.last * panel_width<S>) {
            const bool half = half_used<S>(layer.outputs);
            clear_padding(a.data, panel_stride, rows, layer.outputs, half ? Simd<S>::lanes : panel_width<S>);
        }
    };
    if (!activated) {
        block(panels, KeepZ<S>{a});
    } else if (layer.activation == Activation::relu) {
        with_relu(settings.kink, a, d, [&](const auto& epilogue) { block(panels, epilogue); });
        clear_last(panels);
    } else {
        const std::size_t together = rows <= 2 ? 4 : 1;  // panels before their activation, still in the first cache
        for (std::size_t p = panels.first; p < panels.last; p += together) {
            const PanelRange some{p, smaller(p + together, panels.last)};
            block(some, KeepZ<S>{a});
            activate_panels(layer, settings, rows, a, d, some, ends_half_used<S>(some, layer.outputs));
            clear_last(some);
        }
    }
}

/// The sums of one leaf of inputs, as vectors of lanes still, for C outputs of a narrow layer and R rows: so many
/// panels of the weights (`stride` apart) and unit(panel, row, vector) of the rows.
template <std::size_t C, std::size_t R, class S, class Unit>
[[gnu::always_inline]] inline void lanes_of_leaf_of(const S* weights, std::size_t stride, std::size_t panels,
                                                    const Unit& unit, Simd<S> (&out)[C][R]) {
    using V = Simd<S>;
    constexpr std::size_t slots = sum_slots<S>;
    constexpr std::size_t together = larger(slots / panel_vectors, 1);  // panels of 16 units
    V slot[C][R][slots];
    for (auto& c : slot) {
        for (auto& row : c) {
            for (V& sum : row) {
                sum = V(0);
            }
        }
    }
    std::size_t p = 0;
    do {
        for (std::size_t q = 0; q < together; ++q, ++p) {
            if (together > 1 && p >= panels) {
                break;
            }
            for (std::size_t v = 0; v < panel_vectors; ++v) {
                V w[C];
                for (std::size_t c = 0; c < C; ++c) {
                    w[c] = V::load(weights + p * stride + c * panel_width<S> + v * V::lanes);
                }
                for (std::size_t i = 0; i < R; ++i) {
                    const V a = unit(p, i, v);
                    for (std::size_t c = 0; c < C; ++c) {
                        V& sum = slot[c][i][(q * panel_vectors + v) % slots];
                        sum = fma(w[c], a, sum);
                    }
                }
            }
        }
    } while (p < panels);
    for (std::size_t c = 0; c < C; ++c) {
        for (std::size_t i = 0; i < R; ++i) {
            out[c][i] = fold_slots<S>(slot[c][i]);
        }
    }
}
/// … with units that lie in panels too.
template <std::size_t C, std::size_t R, class S>
[[gnu::always_inline]] inline void lanes_of_leaf(const S* weights, std::size_t stride, const S* units,
                                                 std::size_t panel_stride, std::size_t panels, Simd<S> (&out)[C][R]) {
    lanes_of_leaf_of(
        weights, stride, panels,
        [&](std::size_t p, std::size_t i, std::size_t v) {
            return Simd<S>::load(units + p * panel_stride + i * panel_width<S> + v * Simd<S>::lanes);
        },
        out);
}

/// Eq. (1) for a narrow last layer, without its bias: the sums of leaves of 64 inputs, partial [leaves][outputs][rows].
/// Those of rows beyond the batch, up to a vector, mean nothing.
template <class S>
void narrow_leaves(const PackedLayer& layer, const S* r, const PanelRows<S>& a, std::size_t rows,
                   std::size_t first_leaf, std::size_t last_leaf, std::size_t output_stride, S* partial) {
    using V = Simd<S>;
    constexpr std::size_t slots = sum_slots<S>;
    constexpr std::size_t leaf_panels = leaf_units / panel_width<S>;
    const std::size_t panels = parts(layer.inputs, panel_width<S>);
    const std::size_t r_stride = layer.outputs * panel_width<S>;
    const std::size_t a_stride = a.panel_stride;
    const S* data = a.data;
    for (std::size_t leaf = first_leaf; leaf < last_leaf; ++leaf) {
        const std::size_t begin = leaf * leaf_panels;
        const std::size_t count = smaller(leaf_panels, panels - begin);
        for_tiles<slots <= 4 ? 3 : 1>(layer.outputs, [&]<std::size_t C>(std::size_t k) {
            constexpr std::size_t room = 12 / (C * slots);
            constexpr std::size_t R = smaller(std::bit_floor(larger(room, 1)), smaller(8, V::lanes));
            const S* weights = r + begin * r_stride + k * panel_width<S>;
            const S* units = data + begin * a_stride;
            S* to = partial + (leaf * layer.outputs + k) * output_stride;
            for (std::size_t row = 0; row < rows; row += V::lanes) {
                Folded<S> sums[C][V::lanes];
                for (std::size_t j = 0; j < V::lanes; j += R) {
                    V some[C][R];
                    if (row + j < rows) {
                        lanes_of_leaf(weights, r_stride, units + (row + j) * panel_width<S>, a_stride, count, some);
                    } else {
                        set_zero<S>(some);
                    }
                    for (std::size_t c = 0; c < C; ++c) {
                        for (std::size_t i = 0; i < R; ++i) {
                            sums[c][j + i] = fold_lanes(some[c][i]);
                        }
                    }
                }
                for (std::size_t c = 0; c < C; ++c) {
                    sums_of_lanes(sums[c]).store(to + c * output_stride + row);
                }
            }
        });
    }
}

// --- Backward -------------------------------------------------------------------------------------------------------

/// Table 2, the factors W⁽ˡ⁾ and ∂a/∂z: d = (δ W) ∘ f′(z) for some panels of the layer before; d holds f′(z) at first.
template <class S, class Source>
void backward_input(const PackedLayer& layer, const S* r, const Source& dz, std::size_t rows, std::size_t panel_stride,
                    S* d, PanelRange panels) {
    product<S>(r, nullptr, dz, rows, panels, ends_half_used<S>(panels, layer.inputs),
               TimesInPlace<S>{{d, panel_stride}});
}

// --- Step 5 on the sums ---------------------------------------------------------------------------------------------

/// The optimizer's step on the parameters and states at one offset.
template <class S, class Rule>
struct ParameterStep {
    S* parameters;
    S* first;
    S* second;
    math::UpdateConstants<S> constants;

    [[gnu::always_inline]] void operator()(std::size_t at, Simd<S> g) const {
        Simd<S> w = Simd<S>::load(parameters + at);
        Simd<S> m(0), v(0);
        if constexpr (Rule::states > 0) {
            m = Simd<S>::load(first + at);
        }
        if constexpr (Rule::states > 1) {
            v = Simd<S>::load(second + at);
        }
        Rule::apply(constants, fma(Simd<S>(constants.penalty), w, g), w, m, v);
        w.store(parameters + at);
        if constexpr (Rule::states > 0) {
            m.store(first + at);
        }
        if constexpr (Rule::states > 1) {
            v.store(second + at);
        }
    }
};

/// Step 5 on parameters that lie one after the other, whole vectors and what is left of one.
template <class S, class Rule>
void move_by(const math::UpdateConstants<S>& constants, const S* g, std::size_t count, S* w, S* first, S* second) {
    constexpr std::size_t lanes = Simd<S>::lanes;
    const ParameterStep<S, Rule> step{w, first, second, constants};
    std::size_t at = 0;
    for (; at + lanes <= count; at += lanes) {
        step(at, Simd<S>::load(g + at));
    }
    const std::size_t left = count - at;
    if (left == 0) {
        return;
    }
    S some[4][lanes] = {};  // of g, w and what is remembered of them
    const S* from[] = {g, w, first, second};
    for (std::size_t i = 0; i < 2 + Rule::states; ++i) {
        for (std::size_t lane = 0; lane < left; ++lane) {
            some[i][lane] = from[i][at + lane];
        }
    }
    ParameterStep<S, Rule>{some[1], some[2], some[3], constants}(0, Simd<S>::load(some[0]));
    S* to[] = {w, first, second};
    for (std::size_t i = 0; i < 1 + Rule::states; ++i) {
        for (std::size_t lane = 0; lane < left; ++lane) {
            to[i][at + lane] = some[i + 1][lane];
        }
    }
}
template <class S>
void move_parameters(math::UpdateRule rule, const math::UpdateConstants<S>& constants, const S* g, std::size_t count,
                     S* w, S* first, S* second) {
    math::visit(rule, [&]<class Rule>(Rule) { move_by<S, Rule>(constants, g, count, w, first, second); });
}

/// Where gradients go: through the optimizer's rule into the parameters and states at the same offset.
template <class S, class Rule>
struct Update {
    S* parameters;
    S* first;
    S* second;
    math::UpdateConstants<S> of_weights;
    math::UpdateConstants<S> of_biases;

    [[gnu::always_inline]] ParameterStep<S, Rule> step(bool bias) const {
        if (bias) {
            return {parameters, first, second, of_biases};
        }
        return {parameters, first, second, of_weights};
    }
    [[gnu::always_inline]] void operator()(std::size_t at, Simd<S> g, bool bias) const { step(bias)(at, g); }
};
/// … or only into an arena of gradients.
template <class S>
struct Store {
    S* gradient;
    [[gnu::always_inline]] void operator()(std::size_t at, Simd<S> g, bool /*bias*/ = false) const {
        g.store(gradient + at);
    }
    [[gnu::always_inline]] Store step(bool /*bias*/) const { return *this; }
};

// A gradient is summed tile by tile and handed over from memory. Only sum_rows() is compiled for each size of a tile:
// what surrounds it is the same code for all, and would be most of the object file otherwise.

/// Room for the sums of one tile.
template <class S>
inline constexpr std::size_t tile_numbers = larger(tile_rows, 4) * panel_width<S>;

/// Sums over rows begin … end − 1 of one tile, Σ δ aᵀ, M × V vectors into `out`.
template <bool with_bias, std::size_t M, std::size_t V, class S, class Source>
[[gnu::noinline]] void sum_rows(const Source& source, std::size_t first, std::size_t begin, std::size_t end, const S* b,
                                std::size_t b_stride, S* out) {
    Simd<S> sum[M][V];
    set_zero<S>(sum);
    source.template along<with_bias>(sum, first, begin, end, b, b_stride);
    for (std::size_t m = 0; m < M; ++m) {
        for (std::size_t v = 0; v < V; ++v) {
            sum[m][v].store(out + (m * V + v) * Simd<S>::lanes);
        }
    }
}
template <class S, class Source>
using SumRows = void (*)(const Source& source, std::size_t first, std::size_t begin, std::size_t end, const S* b,
                         std::size_t b_stride, S* out);
template <class S, class Source>
struct SumFunctions {
    template <std::size_t M, std::size_t V>
    static constexpr SumRows<S, Source> of = sum_rows<false, M, V, S, Source>;
};
/// The one for tiles of `size` rows × V vectors.
template <bool with_bias, std::size_t V, class S, class Source, std::size_t... i>
SumRows<S, Source> sum_rows_of(std::size_t size, std::index_sequence<i...>) {
    static constexpr SumRows<S, Source> of[] = {sum_rows<with_bias, i + 1, V, S, Source>...};
    return of[size - 1];
}

/// The sums of `numbers` numbers over all rows of a batch of more than one leaf, by the tree over leaves of rows.
template <class S, class Source>
[[gnu::noinline]] void sum_leaves(SumRows<S, Source> sum, const Source& source, std::size_t first, std::size_t rows,
                                  const S* b, std::size_t b_stride, std::size_t numbers, S* out) {
    alignas(64) S slot[4][tile_numbers<S>];  // for 8 leaves, the most that come here (most_rows_together)
    tree(
        parts(rows, leaf_rows),
        [&](std::size_t leaf, std::size_t to) {
            const std::size_t begin = leaf * leaf_rows;
            sum(source, first, begin, smaller(begin + leaf_rows, rows), b, b_stride, slot[to]);
        },
        [&](std::size_t left, std::size_t right) {
            for (std::size_t i = 0; i < numbers; i += Simd<S>::lanes) {
                (Simd<S>::load(slot[left] + i) + Simd<S>::load(slot[right] + i)).store(slot[left] + i);
            }
        });
    for (std::size_t i = 0; i < numbers; i += Simd<S>::lanes) {
        Simd<S>::load(slot[0] + i).store(out + i);
    }
}
template <class S, class Source>
[[gnu::always_inline]] inline void sum_all_rows(SumRows<S, Source> sum, const Source& source, std::size_t first,
                                                std::size_t rows, const S* b, std::size_t b_stride, std::size_t numbers,
                                                S* out) {
    if (rows <= leaf_rows) {
        sum(source, first, 0, rows, b, b_stride, out);
    } else {
        sum_leaves<S>(sum, source, first, rows, b, b_stride, numbers, out);
    }
}

/// Hands V vectors for each of `rows` rows, `step` numbers apart, to `target`: the first ones to the offset `at`, those
/// of the next row a panel's width further.
template <std::size_t V, class S, class Target>
[[gnu::noinline]] void hand_over(const S* sums, std::size_t step, std::size_t rows, std::size_t at, bool bias,
                                 const Target& target) {
    const auto to = target.step(bias);
    for (std::size_t m = 0; m < rows; ++m, sums += step, at += panel_width<S>) {
        for (std::size_t v = 0; v < V; ++v) {
            to(at + v * Simd<S>::lanes, Simd<S>::load(sums + v * Simd<S>::lanes));
        }
    }
}

/// The gradient of one panel of outputs, the first V vectors of it: δᵀ a, and the sum of δ for the bias.
template <std::size_t V, class S, class Source, class Target>
void gradient_of_panel(const PackedLayer& layer, const Source& a, const S* dz, std::size_t rows, std::size_t p,
                       const Target& target) {
    alignas(64) S sums[tile_numbers<S>];
    constexpr std::size_t step = V * Simd<S>::lanes;
    for (std::size_t run = 0; run < layer.inputs;) {
        const std::size_t count = smaller(layer.inputs - run, Source::run);
        const bool last = run + count == layer.inputs;  // then the bias comes behind it
        for_tile_sizes(count + std::size_t{last}, tile_rows, [&](std::size_t first, std::size_t size) {
            const std::size_t weights = smaller(size, count - first);
            const bool bias = weights < size;
            SumRows<S, Source> sum = sum_rows_of<false, V, S, Source>(size, tile_sizes);
            if (bias) {
                sum = sum_rows_of<true, V, S, Source>(size, tile_sizes);
            }
            sum_all_rows<S>(sum, a, run + first, rows, dz, 0, size * step, sums);
            hand_over<V, S>(sums, step, weights, layer.w + (p * layer.inputs + run + first) * panel_width<S>, false,
                            target);
            if (bias) {
                hand_over<V, S>(sums + weights * step, step, 1, layer.b + p * panel_width<S>, true, target);
            }
        });
        run += count;
    }
}
/// The gradient of a layer in the orientation w for some panels of its outputs, Table 2, rows W and b.
template <class S, class Source, class Target>
void gradient_of_outputs(const PackedLayer& layer, const Source& a, const S* dz, std::size_t rows,
                         std::size_t panel_stride, PanelRange panels, const Target& target) {
    for (std::size_t p = panels.first; p < panels.last; ++p) {
        const bool half = p + 1 == parts(layer.outputs, panel_width<S>) && half_used<S>(layer.outputs);
        if constexpr (panel_vectors == 2) {
            if (half) {
                gradient_of_panel<1>(layer, a, dz + p * panel_stride, rows, p, target);
                continue;
            }
        }
        gradient_of_panel<panel_vectors>(layer, a, dz + p * panel_stride, rows, p, target);
    }
}

/// The gradient of a narrow last layer for some panels of its inputs.
template <class S, class Target>
void gradient_of_inputs(const PackedLayer& layer, const OutputRows<S>& dz, const S* a, std::size_t rows,
                        std::size_t panel_stride, PanelRange panels, const Target& target) {
    const std::size_t r_stride = layer.outputs * panel_width<S>;
    alignas(64) S sums[tile_numbers<S>];
    const auto tile = [&](std::size_t M, std::size_t V, std::size_t first, std::size_t p) {
        const std::size_t step = V * Simd<S>::lanes;
        const SumRows<S, OutputRows<S>> sum = of_shape<SumFunctions<S, OutputRows<S>>>(M, V, tile_sizes);
        sum_all_rows<S>(sum, dz, first, rows, a + p * panel_stride, panel_stride, M * step, sums);
        const std::size_t at = layer.w + p * r_stride + first * panel_width<S>;
        if (V < panel_vectors) {
            hand_over<1, S>(sums, step, M, at, false, target);
            return;
        }
        for (std::size_t q = 0; q < V / panel_vectors; ++q) {
            hand_over<panel_vectors, S>(sums + q * panel_width<S>, step, M, at + q * r_stride, false, target);
        }
    };
    for_block_runs(layer.outputs, panels, ends_half_used<S>(panels, layer.inputs),
                   [&](std::size_t M, std::size_t V, std::size_t first, std::size_t times, std::size_t p) {
                       for (std::size_t t = 0; t < times; ++t) {
                           tile(M, V, first + t * M, p);
                       }
                   });
}

/// r of a layer from its w, for some panels of outputs.
template <class S>
void mirror_layer(const PackedLayer& layer, const S* parameters, S* mirrors, PanelRange panels) {
    constexpr std::size_t width = panel_width<S>;
    for (std::size_t p = panels.first; p < panels.last; ++p) {
        const std::size_t units = smaller(layer.outputs - p * width, width);
        for (std::size_t i = 0; i < layer.inputs; ++i) {
            const S* from = parameters + layer.w + (p * layer.inputs + i) * width;
            S* to = mirrors + layer.r + (i / width * layer.outputs + p * width) * width + i % width;
            for (std::size_t o = 0; o < units; ++o) {
                to[o * width] = from[o];
            }
        }
    }
}

}  // namespace
}  // namespace handgrad::kernels
