// One layer of a batch: forward with its activation, backward to its inputs, and the gradient with the optimizer's step
// on the sums.
#pragma once

#include <cstddef>

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

/// Tiles of `rows` × panels; few rows take several panels at a time, so that there are sums enough to keep the
/// multipliers busy. Calls f.operator()<M, P>(first row, first panel).
template <class F>
[[gnu::always_inline]] inline void for_blocks(std::size_t rows, PanelRange panels, const F& f) {
    const auto wide = [&]<std::size_t M, std::size_t most>() {
        for_tiles<most>(panels.last - panels.first,
                        [&]<std::size_t P>(std::size_t p) { f.template operator()<M, P>(0, panels.first + p); });
    };
    if (rows == 1) {
        wide.template operator()<1, 4>();
    } else if (rows == 2) {
        wide.template operator()<2, 2>();
    } else {
        for (std::size_t p = panels.first; p < panels.last; ++p) {
            for_tiles<tile_rows>(rows, [&]<std::size_t M>(std::size_t m) { f.template operator()<M, 1>(m, p); });
        }
    }
}

template <class S, std::size_t M, std::size_t V>
[[gnu::always_inline]] inline void set_zero(Simd<S> (&sum)[M][V]) {
    for (auto& row : sum) {
        for (auto& v : row) {
            v = Simd<S>(0);
        }
    }
}

template <class S, std::size_t M, std::size_t V>
[[gnu::always_inline]] inline void copy_tile(const Simd<S> (&from)[M][V], Simd<S> (&to)[M][V]) {
    for (std::size_t m = 0; m < M; ++m) {
        for (std::size_t v = 0; v < V; ++v) {
            to[m][v] = from[m][v];
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

/// f(z) of a panel of `count` numbers in place, and f′(z) into `slope` unless that is null.
template <class F, class S>
void activate(S* a, S* slope, std::size_t count, const ActivationSettings& settings) {
    using V = Simd<S>;
    if (slope == nullptr) {
        for (std::size_t i = 0; i < count; i += V::lanes) {
            F::value(V::load(a + i), settings).store(a + i);
        }
        return;
    }
    for (std::size_t i = 0; i < count; i += V::lanes) {
        const V z = V::load(a + i);
        F::value(z, settings).store(a + i);
        F::derivative(z, settings).store(slope + i);
    }
}

/// The padding of the last panel back to 0, where f(0) is something else: as inputs of the next layer these units count
/// nothing.
template <class S>
void clear_padding(S* panel, std::size_t rows, std::size_t units) {
    for (std::size_t row = 0; row < rows; ++row) {
        for (std::size_t i = units; i < panel_width<S>; ++i) {
            panel[row * panel_width<S> + i] = S(0);
        }
    }
}

/// Eq. (1) and f for some panels of units: a = f(z) with z = W x + b, each z from its bias on in the order of the
/// inputs. `slopes`: keep f′(z) in buffers.d for the backward pass. With `activated` false z itself stays in a.
template <class S, class Source>
void forward_layer(const PackedLayer& layer, const S* parameters, const ActivationSettings& settings,
                   const Source& source, std::size_t rows, std::size_t panel_stride, const LayerBuffers<S>& buffers,
                   PanelRange panels, bool slopes, bool activated) {
    const std::size_t w_stride = layer.inputs * panel_width<S>;
    const S* w = parameters + layer.w;
    const S* b = parameters + layer.b;
    const auto sums = [&]<std::size_t M, std::size_t P>(Tile<S, M, P>& sum, std::size_t first, std::size_t p) {
        for (std::size_t v = 0; v < P * panel_vectors; ++v) {
            const Simd<S> bias = Simd<S>::load(b + p * panel_width<S> + v * Simd<S>::lanes);
            for (std::size_t m = 0; m < M; ++m) {
                sum[m][v] = bias;
            }
        }
        source.template across<M>(sum, first, w + p * w_stride, w_stride);
    };
    if (activated && layer.activation == Activation::relu) {  // cheap enough to happen in registers
        for_blocks(rows, panels, [&]<std::size_t M, std::size_t P>(std::size_t first, std::size_t p) {
            Tile<S, M, P> sum;
            sums.template operator()<M, P>(sum, first, p);
            for_each_vector<S>(sum, first, p, panel_stride, [&](Simd<S> z, std::size_t, std::size_t at) {
                math::Relu::value(z, settings).store(buffers.a + at);
                if (slopes) {
                    math::Relu::derivative(z, settings).store(buffers.d + at);
                }
            });
        });
        return;
    }
    const auto block = [&](PanelRange some) {
        for_blocks(rows, some, [&]<std::size_t M, std::size_t P>(std::size_t first, std::size_t p) {
            Tile<S, M, P> sum;
            sums.template operator()<M, P>(sum, first, p);
            for_each_vector<S>(sum, first, p, panel_stride,
                               [&](Simd<S> z, std::size_t, std::size_t at) { z.store(buffers.a + at); });
        });
    };
    if (!activated) {
        block(panels);
        return;
    }
    const std::size_t together = rows <= 2 ? 4 : 1;  // panels before their activation, still in the first cache
    for (std::size_t p = panels.first; p < panels.last; p += together) {
        const PanelRange some{p, p + together < panels.last ? p + together : panels.last};
        block(some);
        visit(layer.activation, [&]<class F>(F) {
            if constexpr (F::facts.elementwise) {
                for (std::size_t q = some.first; q < some.last; ++q) {
                    S* a = buffers.a + q * panel_stride;
                    activate<F>(a, slopes ? buffers.d + q * panel_stride : nullptr, rows * panel_width<S>, settings);
                    if ((q + 1) * panel_width < S >> layer.outputs) {
                        clear_padding(a, rows, layer.outputs - q * panel_width<S>);
                    }
                }
            }
        });
    }
}

/// Eq. (1) for a narrow last layer, without its bias: the sums of leaves of 64 inputs, partial [leaves][outputs][rows].
/// Rows beyond the batch, up to a vector, are computed too and mean nothing.
template <class S>
void narrow_leaves(const PackedLayer& layer, const S* r, const PanelRows<S>& a, std::size_t rows,
                   std::size_t first_leaf, std::size_t last_leaf, std::size_t output_stride, S* partial) {
    using V = Simd<S>;
    constexpr std::size_t slots = sum_slots<S> == 0 ? 1 : sum_slots<S>;
    constexpr std::size_t leaf_panels = leaf_units / panel_width<S>;
    const std::size_t panels = parts(layer.inputs, panel_width<S>);
    const std::size_t r_stride = layer.outputs * panel_width<S>;
    for (std::size_t leaf = first_leaf; leaf < last_leaf; ++leaf) {
        const std::size_t begin = leaf * leaf_panels;
        const std::size_t end = begin + leaf_panels < panels ? begin + leaf_panels : panels;
        for (std::size_t row = 0; row < rows; row += V::lanes) {
            for_tiles<slots <= 4 ? 3 : 1>(layer.outputs, [&]<std::size_t C>(std::size_t k) {
                constexpr std::size_t room = 12 / (C * slots);
                constexpr std::size_t most = room >= 8 ? 8 : room >= 4 ? 4 : room >= 2 ? 2 : 1;
                constexpr std::size_t R = most < V::lanes ? most : V::lanes;
                V sums[C][V::lanes];
                for (std::size_t j = 0; j < V::lanes; j += R) {
                    V slot[C][R][slots];
                    for (auto& c : slot) {
                        for (auto& one : c) {
                            for (auto& s : one) {
                                s = V(0);
                            }
                        }
                    }
                    std::size_t at =
                        0;  // which slot the next vector of units belongs to, when there are more than in a panel
                    for (std::size_t p = begin; p < end; ++p) {
                        const S* weights = r + p * r_stride + k * panel_width<S>;
                        const S* units = a.data + p * a.panel_stride + (row + j) * panel_width<S>;
                        const auto add = [&]<std::size_t base>() {
                            for (std::size_t v = 0; v < panel_vectors; ++v) {
                                constexpr std::size_t step = V::lanes;
                                V w[C];
                                for (std::size_t c = 0; c < C; ++c) {
                                    w[c] = V::load(weights + c * panel_width<S> + v * step);
                                }
                                for (std::size_t i = 0; i < R; ++i) {
                                    const V unit = V::load(units + i * panel_width<S> + v * step);
                                    for (std::size_t c = 0; c < C; ++c) {
                                        V& sum = slot[c][i][(base + v) % slots];
                                        sum = fma(w[c], unit, sum);
                                    }
                                }
                            }
                        };
                        if constexpr (slots <= panel_vectors) {
                            add.template operator()<0>();
                        } else {
                            [&]<std::size_t... i>(std::index_sequence<i...>) {
                                ((at == i * panel_vectors ? add.template operator()<i * panel_vectors>() : void()),
                                 ...);
                            }
                            (std::make_index_sequence<slots / panel_vectors>());
                            at = (at + panel_vectors) % slots;
                        }
                    }
                    for (std::size_t c = 0; c < C; ++c) {
                        for (std::size_t i = 0; i < R; ++i) {
                            sums[c][j + i] = fold_slots<S>(slot[c][i]);
                        }
                    }
                }
                for (std::size_t c = 0; c < C; ++c) {
                    sums_of_lanes(sums[c]).store(partial + (leaf * layer.outputs + k + c) * output_stride + row);
                }
            });
        }
    }
}

// --- Backward -------------------------------------------------------------------------------------------------------

/// Table 2, the factors W⁽ˡ⁾ and ∂a/∂z: d = (δ W) ∘ f′(z) for some panels of the layer before; d holds f′(z) at first.
template <class S, class Source>
void backward_input(const PackedLayer& layer, const S* r, const Source& dz, std::size_t rows, std::size_t panel_stride,
                    S* d, PanelRange panels) {
    const std::size_t r_stride = layer.outputs * panel_width<S>;
    for_blocks(rows, panels, [&]<std::size_t M, std::size_t P>(std::size_t first, std::size_t p) {
        Tile<S, M, P> sum;
        set_zero<S>(sum);
        dz.template across<M>(sum, first, r + p * r_stride, r_stride);
        for_each_vector<S>(sum, first, p, panel_stride, [&](Simd<S> da, std::size_t, std::size_t at) {
            (da * Simd<S>::load(d + at)).store(d + at);
        });
    });
}

// --- Step 5 on the sums ---------------------------------------------------------------------------------------------

/// Where gradients go: through the optimizer's rule into the parameters and states at the same offset.
template <class S, class Rule>
struct Update {
    S* parameters;
    S* first;
    S* second;
    const math::UpdateConstants<S>& of_weights;
    const math::UpdateConstants<S>& of_biases;

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

/// The gradient of one tile, in leaves of rows: Σ δ aᵀ, Table 2, rows W and b. offset(m, v) is its place in an arena.
template <bool with_bias, class S, std::size_t M, std::size_t V, class Source, class Target, class At>
[[gnu::always_inline]] inline void gradient_tile(const Source& source, std::size_t first, std::size_t rows, const S* b,
                                                 std::size_t b_stride, const Target& target, const At& offset) {
    Simd<S> sum[M][V];
    set_zero<S>(sum);
    Simd<S> slot[4][M][V];  // for 8 leaves, the most that a batch has whose units are split (most_rows_together)
    const std::size_t leaves = parts(rows, leaf_rows);
    tree(
        leaves,
        [&](std::size_t leaf, std::size_t to) {
            const std::size_t end = (leaf + 1) * leaf_rows < rows ? (leaf + 1) * leaf_rows : rows;
            source.template along<with_bias>(sum, first, leaf * leaf_rows, end, b, b_stride);
            if (leaves > 1) {
                copy_tile<S>(sum, slot[to]);
                set_zero<S>(sum);
            }
        },
        [&](std::size_t left, std::size_t right) {
            for (std::size_t m = 0; m < M; ++m) {
                for (std::size_t v = 0; v < V; ++v) {
                    slot[left][m][v] = slot[left][m][v] + slot[right][m][v];
                }
            }
        });
    if (leaves > 1) {
        copy_tile<S>(slot[0], sum);
    }
    for (std::size_t m = 0; m < M; ++m) {
        for (std::size_t v = 0; v < V; ++v) {
            target(offset(m, v), sum[m][v], with_bias && m == M - 1);
        }
    }
}

/// The gradient of a layer in the orientation w for some panels of its outputs: δᵀ a, and the sum of δ for the bias.
template <class S, class Source, class Target>
void gradient_of_outputs(const PackedLayer& layer, const Source& a, const S* dz, std::size_t rows,
                         std::size_t panel_stride, PanelRange panels, const Target& target) {
    const std::size_t w_stride = layer.inputs * panel_width<S>;
    for (std::size_t p = panels.first; p < panels.last; ++p) {
        const S* b = dz + p * panel_stride;
        for (std::size_t run = 0; run < layer.inputs; run += a.run()) {
            const bool last = run + a.run() >= layer.inputs;
            const std::size_t count = last ? layer.inputs - run : a.run();
            for_tiles<tile_rows>(count + (last ? 1 : 0), [&]<std::size_t M>(std::size_t first) {
                const std::size_t w_offset = layer.w + p * w_stride + (run + first) * panel_width<S>;
                const std::size_t b_offset = layer.b + p * panel_width<S>;
                if (first + M > count) {  // the bias comes last
                    gradient_tile<true, S, M, panel_vectors>(
                        a, run + first, rows, b, 0, target, [&](std::size_t m, std::size_t v) {
                            return (m == M - 1 ? b_offset : w_offset + m * panel_width<S>)+v * Simd<S>::lanes;
                        });
                } else {
                    gradient_tile<false, S, M, panel_vectors>(
                        a, run + first, rows, b, 0, target, [&](std::size_t m, std::size_t v) {
                            return w_offset + m * panel_width<S> + v * Simd<S>::lanes;
                        });
                }
            });
        }
    }
}

/// The gradient of a narrow last layer for some panels of its inputs.
template <class S, class Target>
void gradient_of_inputs(const PackedLayer& layer, const OutputRows<S>& dz, const S* a, std::size_t rows,
                        std::size_t panel_stride, PanelRange panels, const Target& target) {
    const std::size_t r_stride = layer.outputs * panel_width<S>;
    for_blocks(layer.outputs, panels, [&]<std::size_t M, std::size_t P>(std::size_t first, std::size_t p) {
        gradient_tile<false, S, M, P * panel_vectors>(
            dz, first, rows, a + p * panel_stride, panel_stride, target, [&](std::size_t m, std::size_t v) {
                return layer.w + (p + v / panel_vectors) * r_stride + (first + m) * panel_width<S> +
                       v % panel_vectors * Simd<S>::lanes;
            });
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
