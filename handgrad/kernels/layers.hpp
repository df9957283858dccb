// One layer of a batch: forward with its activation, backward to its inputs, and the gradient with the optimizer's step
// on the sums.
#pragma once

#include <cstddef>
#include <type_traits>

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

/// Runs of tiles of `rows` × panels; few rows take several panels at a time, so that there are sums enough to keep the
/// multipliers busy. Calls f.operator()<M, V>(first row, times, first panel) for M rows and V vectors: those of whole
/// panels, or with `half` the first one of the last panel.
template <class F>
[[gnu::always_inline]] inline void for_block_runs(std::size_t rows, PanelRange panels, bool half, const F& f) {
    const std::size_t whole = half ? panels.last - 1 : panels.last;
    const auto wide = [&]<std::size_t M, std::size_t most>() {
        for_tiles<most>(whole - panels.first, [&]<std::size_t P>(std::size_t p) {
            f.template operator()<M, P * panel_vectors>(0, 1, panels.first + p);
        });
        if constexpr (panel_vectors == 2) {
            half ? f.template operator()<M, 1>(0, 1, whole) : void();
        }
    };
    if (rows == 1) {
        wide.template operator()<1, 4>();
    } else if (rows == 2) {
        wide.template operator()<2, 2>();
    } else {
        for (std::size_t p = panels.first; p < whole; ++p) {
            for_runs<tile_rows>(rows, [&]<std::size_t M>(std::size_t first, std::size_t times) {
                f.template operator()<M, panel_vectors>(first, times, p);
            });
        }
        if constexpr (panel_vectors == 2) {
            for_runs<tile_rows>(half ? rows : 0, [&]<std::size_t M>(std::size_t first, std::size_t times) {
                f.template operator()<M, 1>(first, times, whole);
            });
        }
    }
}
/// Calls f.operator()<M, V>(first row, first panel) for each tile.
template <class F>
[[gnu::always_inline]] inline void for_blocks(std::size_t rows, PanelRange panels, bool half, const F& f) {
    for_block_runs(rows, panels, half,
                   [&]<std::size_t M, std::size_t V>(std::size_t first, std::size_t times, std::size_t p) {
                       for (std::size_t t = 0; t < times; ++t, first += M) {
                           f.template operator()<M, V>(first, p);
                       }
                   });
}

template <class S, std::size_t M, std::size_t V>
[[gnu::always_inline]] inline void set_zero(Simd<S> (&sum)[M][V]) {
    for (auto& row : sum) {
        for (auto& v : row) {
            v = Simd<S>(0);
        }
    }
}

/// Calls f(sum, m, offset in a buffer [panels][rows][width]) for each vector of a tile.
template <class S, std::size_t M, std::size_t V, class F>
[[gnu::always_inline]] inline void for_each_vector(Simd<S> (&sum)[M][V], std::size_t first_row, std::size_t first_panel,
                                                   std::size_t panel_stride, const F& f) {
    for (std::size_t m = 0; m < M; ++m) {
        for (std::size_t v = 0; v < V; ++v) {
            f(sum[m][v], m,
              (first_panel + v / panel_vectors) * panel_stride + (first_row + m) * panel_width<S> +
                  v % panel_vectors * Simd<S>::lanes);
        }
    }
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
    const std::size_t whole = round_up(used, Simd<S>::lanes);  // from here on whole vectors
    for (std::size_t row = 0; row < rows; ++row, panel += panel_width<S>) {
        for (std::size_t i = used; i < whole; ++i) {
            panel[i] = S(0);
        }
        for (std::size_t i = whole; i < written; i += Simd<S>::lanes) {
            Simd<S>(0).store(panel + i);
        }
    }
}

/// What a tile does with z: keep it for the activation's own loop, …
struct KeepZ {
    template <class S>
    [[gnu::always_inline]] static void store(Simd<S> z, S* a, S* /*d*/) {
        z.store(a);
    }
};
/// … or, where f costs no more than a store, apply it in registers.
struct KeepRelu {
    template <class S>
    [[gnu::always_inline]] static void store(Simd<S> z, S* a, S* /*d*/) {
        math::Relu::value(z).store(a);
    }
};
template <Kink kink>
struct KeepReluAndSlope {
    template <class S>
    [[gnu::always_inline]] static void store(Simd<S> z, S* a, S* d) {
        constexpr ActivationSettings settings{.kink = kink};
        math::Relu::value(z, settings).store(a);
        math::Relu::derivative(z, settings).store(d);
    }
};

/// Eq. (1) for a run of tiles of M rows × V vectors, whose first panel w, bias, a and d begin with. A function of its
/// own with all its arguments by value: through references every store of a vector might change what they refer to.
template <class Epilogue, std::size_t M, std::size_t V, class S, class Source>
[[gnu::noinline]] void forward_tiles(const Source source, const S* w, std::size_t w_stride, const S* bias, S* a, S* d,
                                     std::size_t panel_stride, std::size_t first, std::size_t times) {
    for (std::size_t t = 0; t < times; ++t, first += M) {
        Simd<S> sum[M][V];
        for (std::size_t v = 0; v < V; ++v) {
            sum[0][v] = Simd<S>::load(bias + v * Simd<S>::lanes);
            for (std::size_t m = 1; m < M; ++m) {
                sum[m][v] = sum[0][v];
            }
        }
        source.template across<M>(sum, first, w, w_stride);
        for_each_vector<S>(sum, first, 0, panel_stride,
                           [&](Simd<S> z, std::size_t, std::size_t at) { Epilogue::store(z, a + at, d + at); });
    }
}

/// Eq. (1) and f for some panels of units: a = f(z) with z = W x + b, each z from its bias on in the order of the
/// inputs. `slopes`: keep f′(z) in buffers.d for the backward pass. With `activated` false z itself stays in a.
template <class S, class Source>
void forward_layer(const PackedLayer& layer, const S* parameters, const ActivationSettings& settings,
                   const Source& source, std::size_t rows, std::size_t panel_stride, const LayerBuffers<S>& buffers,
                   PanelRange panels, bool slopes, bool activated) {
    const auto half = [&](PanelRange some) {
        return some.first < some.last && some.last == parts(layer.outputs, panel_width<S>) &&
               half_used<S>(layer.outputs);
    };
    const auto block = [&]<class Epilogue>(Epilogue, PanelRange some) {
        const std::size_t w_stride = layer.inputs * panel_width<S>;
        for_block_runs(rows, some, half(some),
                       [&]<std::size_t M, std::size_t V>(std::size_t first, std::size_t times, std::size_t p) {
                           forward_tiles<Epilogue, M, V, S>(source, parameters + layer.w + p * w_stride, w_stride,
                                                            parameters + layer.b + p * panel_width<S>,
                                                            buffers.a + p * panel_stride, buffers.d + p * panel_stride,
                                                            panel_stride, first, times);
                       });
    };
    if (!activated) {
        block(KeepZ{}, panels);
        return;
    }
    const auto clear_last = [&](PanelRange some) {
        if (some.first < some.last && layer.outputs < some.last * panel_width<S>) {
            clear_padding(buffers.a, panel_stride, rows, layer.outputs, half(some) ? Simd<S>::lanes : panel_width<S>);
        }
    };
    if (layer.activation == Activation::relu) {
        if (!slopes) {
            block(KeepRelu{}, panels);
        } else if (settings.kink == Kink::right_limit) {
            block(KeepReluAndSlope<Kink::right_limit>{}, panels);
        } else {
            block(KeepReluAndSlope<Kink::nearest_zero>{}, panels);
        }
        clear_last(panels);
        return;
    }
    const std::size_t together = rows <= 2 ? 4 : 1;  // panels before their activation, still in the first cache
    for (std::size_t p = panels.first; p < panels.last; p += together) {
        const PanelRange some{p, p + together < panels.last ? p + together : panels.last};
        block(KeepZ{}, some);
        visit(layer.activation, [&]<class F>(F) {
            if constexpr (F::facts.elementwise) {
                for (std::size_t q = some.first; q < some.last; ++q) {
                    S* a = buffers.a + q * panel_stride;
                    S* slope = slopes ? buffers.d + q * panel_stride : nullptr;
                    if (q + 1 == some.last && half(some)) {
                        activate<F>(a, slope, rows * panel_width<S>, settings, panel_width<S>);
                    } else {
                        activate<F>(a, slope, rows * panel_width<S>, settings);
                    }
                }
            }
        });
        clear_last(some);
    }
}

/// The sums of one leaf of inputs, as vectors of lanes still, for C outputs of a narrow layer and R rows: panels begin
/// … end − 1 of the weights (`stride` apart) and of the rows' units.
template <std::size_t C, std::size_t R, class S>
[[gnu::always_inline]] inline void lanes_of_leaf(const S* weights, std::size_t stride, const S* units,
                                                 std::size_t panel_stride, std::size_t panels, Simd<S> (&out)[C][R]) {
    using V = Simd<S>;
    constexpr std::size_t slots = sum_slots<S>;
    constexpr std::size_t together = slots > panel_vectors ? slots / panel_vectors : 1;  // panels of 16 units
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
                    const V unit = V::load(units + p * panel_stride + i * panel_width<S> + v * V::lanes);
                    for (std::size_t c = 0; c < C; ++c) {
                        V& sum = slot[c][i][(q * panel_vectors + v) % slots];
                        sum = fma(w[c], unit, sum);
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
        const std::size_t count = begin + leaf_panels < panels ? leaf_panels : panels - begin;
        for_tiles<slots <= 4 ? 3 : 1>(layer.outputs, [&]<std::size_t C>(std::size_t k) {
            constexpr std::size_t room = 12 / (C * slots);
            constexpr std::size_t most = room >= 8 ? 8 : room >= 4 ? 4 : room >= 2 ? 2 : 1;
            constexpr std::size_t R = most < V::lanes ? most : V::lanes;
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

/// d = (δ W) ∘ d for a run of tiles.
template <std::size_t M, std::size_t V, class S, class Source>
[[gnu::noinline]] void backward_tiles(const Source dz, const S* r, std::size_t r_stride, S* d, std::size_t panel_stride,
                                      std::size_t first, std::size_t times) {
    for (std::size_t t = 0; t < times; ++t, first += M) {
        Simd<S> sum[M][V];
        set_zero<S>(sum);
        dz.template across<M>(sum, first, r, r_stride);
        for_each_vector<S>(sum, first, 0, panel_stride, [&](Simd<S> da, std::size_t, std::size_t at) {
            (da * Simd<S>::load(d + at)).store(d + at);
        });
    }
}

/// Table 2, the factors W⁽ˡ⁾ and ∂a/∂z: d = (δ W) ∘ f′(z) for some panels of the layer before; d holds f′(z) at first.
template <class S, class Source>
void backward_input(const PackedLayer& layer, const S* r, const Source& dz, std::size_t rows, std::size_t panel_stride,
                    S* d, PanelRange panels) {
    const std::size_t r_stride = layer.outputs * panel_width<S>;
    const bool half =
        panels.first < panels.last && panels.last == parts(layer.inputs, panel_width<S>) && half_used<S>(layer.inputs);
    for_block_runs(
        rows, panels, half, [&]<std::size_t M, std::size_t V>(std::size_t first, std::size_t times, std::size_t p) {
            backward_tiles<M, V, S>(dz, r + p * r_stride, r_stride, d + p * panel_stride, panel_stride, first, times);
        });
}

// --- Step 5 on the sums ---------------------------------------------------------------------------------------------

/// Where gradients go: through the optimizer's rule into the parameters and states at the same offset.
template <class S, class Rule>
struct Update {
    S* parameters;
    S* first;
    S* second;
    math::UpdateConstants<S> of_weights;
    math::UpdateConstants<S> of_biases;

    [[gnu::always_inline]] void operator()(std::size_t at, Simd<S> g, bool bias) const {
        Simd<S> w = Simd<S>::load(parameters + at);
        Simd<S> m(0), v(0);
        if constexpr (Rule::states > 0) {
            m = Simd<S>::load(first + at);
        }
        if constexpr (Rule::states > 1) {
            v = Simd<S>::load(second + at);
        }
        const math::UpdateConstants<S>& constants = bias ? of_biases : of_weights;
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
/// … or only into an arena of gradients.
template <class S>
struct Store {
    S* gradient;
    [[gnu::always_inline]] void operator()(std::size_t at, Simd<S> g, bool /*bias*/) const { g.store(gradient + at); }
};

/// Room for the sums of one tile.
template <class S>
inline constexpr std::size_t tile_numbers = (tile_rows > 4 ? tile_rows : 4) * panel_width<S>;

/// Sums over rows begin … end − 1 of one tile, Σ δ aᵀ, M × V vectors into `out`.
template <bool with_bias, std::size_t M, std::size_t V, class S, class Source>
[[gnu::noinline]] void sum_rows(const Source source, std::size_t first, std::size_t begin, std::size_t end, const S* b,
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
/// The same for all rows of a batch, by the tree over leaves of rows.
template <bool with_bias, std::size_t M, std::size_t V, class S, class Source>
[[gnu::always_inline]] inline void sum_all_rows(const Source& source, std::size_t first, std::size_t rows, const S* b,
                                                std::size_t b_stride, S* out) {
    if (rows <= leaf_rows) {
        sum_rows<with_bias, M, V>(source, first, 0, rows, b, b_stride, out);
        return;
    }
    alignas(64) S slot[4][tile_numbers<S>];  // for 8 leaves, the most that come here (most_rows_together)
    tree(
        parts(rows, leaf_rows),
        [&](std::size_t leaf, std::size_t to) {
            const std::size_t end = (leaf + 1) * leaf_rows < rows ? (leaf + 1) * leaf_rows : rows;
            sum_rows<with_bias, M, V>(source, first, leaf * leaf_rows, end, b, b_stride, slot[to]);
        },
        [&](std::size_t left, std::size_t right) {
            for (std::size_t i = 0; i < M * V * Simd<S>::lanes; ++i) {
                slot[left][i] += slot[right][i];
            }
        });
    for (std::size_t i = 0; i < M * V * Simd<S>::lanes; ++i) {
        out[i] = slot[0][i];
    }
}

/// Hands `count` neighbouring vectors of sums to `target`.
template <class S, class Target>
[[gnu::always_inline]] inline void hand_over(const S* sums, std::size_t count, std::size_t at, bool bias,
                                             const Target& target) {
    for (std::size_t v = 0; v < count; ++v) {
        target(at + v * Simd<S>::lanes, Simd<S>::load(sums + v * Simd<S>::lanes), bias);
    }
}

/// The gradient of one panel of outputs, the first V vectors of it: δᵀ a, and the sum of δ for the bias.
template <std::size_t V, class S, class Source, class Target>
[[gnu::always_inline]] inline void gradient_of_panel(const PackedLayer& layer, const Source& a, const S* dz,
                                                     std::size_t rows, std::size_t p, const Target& target) {
    alignas(64) S sums[tile_numbers<S>];
    // Whole panels lie one behind the other; of half a panel each vector has its own place.
    const auto weights = [&]<std::size_t count>(std::integral_constant<std::size_t, count>, std::size_t first) {
        const std::size_t offset = layer.w + (p * layer.inputs + first) * panel_width<S>;
        if constexpr (V == panel_vectors) {
            hand_over<S>(sums, count * V, offset, false, target);
        } else {
            for (std::size_t m = 0; m < count; ++m) {
                hand_over<S>(sums + m * V * Simd<S>::lanes, V, offset + m * panel_width<S>, false, target);
            }
        }
    };
    for (std::size_t run = 0; run < layer.inputs;) {
        const bool last = layer.inputs - run <= Source::run;
        const std::size_t count = last ? layer.inputs - run : Source::run;
        for_tiles<tile_rows>(count + (last ? 1 : 0), [&]<std::size_t M>(std::size_t first) {
            if (first + M <= count) {
                sum_all_rows<false, M, V>(a, run + first, rows, dz, 0, sums);
                weights(std::integral_constant<std::size_t, M>(), run + first);
            } else {  // the bias comes last
                sum_all_rows<true, M, V>(a, run + first, rows, dz, 0, sums);
                weights(std::integral_constant<std::size_t, M - 1>(), run + first);
                hand_over<S>(sums + (M - 1) * V * Simd<S>::lanes, V, layer.b + p * panel_width<S>, true, target);
            }
        });
        run = last ? layer.inputs : run + count;
    }
}
/// The gradient of a layer in the orientation w for some panels of its outputs, Table 2, rows W and b.
template <class S, class Source, class Target>
void gradient_of_outputs(const PackedLayer& layer, const Source& a, const S* dz, std::size_t rows,
                         std::size_t panel_stride, PanelRange panels, const Target target) {
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
                        std::size_t panel_stride, PanelRange panels, const Target target) {
    const std::size_t r_stride = layer.outputs * panel_width<S>;
    const bool half =
        panels.first < panels.last && panels.last == parts(layer.inputs, panel_width<S>) && half_used<S>(layer.inputs);
    alignas(64) S sums[tile_numbers<S>];
    for_blocks(layer.outputs, panels, half, [&]<std::size_t M, std::size_t V>(std::size_t first, std::size_t p) {
        constexpr std::size_t in_panel = V < panel_vectors ? V : panel_vectors;
        sum_all_rows<false, M, V>(dz, first, rows, a + p * panel_stride, panel_stride, sums);
        for (std::size_t m = 0; m < M; ++m) {
            for (std::size_t q = 0; q < V / in_panel; ++q) {
                hand_over<S>(sums + (m * V + q * in_panel) * Simd<S>::lanes, in_panel,
                             layer.w + (p + q) * r_stride + (first + m) * panel_width<S>, false, target);
            }
        }
    });
}

/// r of a layer from its w, for some panels of outputs.
template <class S>
void mirror_layer(const PackedLayer& layer, const S* parameters, S* mirrors, PanelRange panels) {
    constexpr std::size_t width = panel_width<S>;
    for (std::size_t p = panels.first; p < panels.last; ++p) {
        const std::size_t units = layer.outputs - p * width < width ? layer.outputs - p * width : width;
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
