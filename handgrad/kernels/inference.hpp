// Outputs of a trained network and their derivatives by its input, a tile of rows or one row at a time.
#pragma once

#include <cstddef>
#include <span>

#include "handgrad/kernels/inference_plan.hpp"
#include "handgrad/kernels/layers.hpp"
#include "handgrad/kernels/number.hpp"
#include "handgrad/kernels/outputs.hpp"
#include "handgrad/kernels/plan.hpp"
#include "handgrad/kernels/tiles.hpp"
#include "handgrad/math/output_loss.hpp"

namespace handgrad::kernels {
namespace {

// --- Parts of vectors -----------------------------------------------------------------------------------------------

/// The first `count` lanes from and to memory, by pieces of a power of two; no number beyond them is touched.
template <class S>
[[gnu::always_inline]] inline void copy_some(const S* from, S* to, std::size_t count) {
    for (std::size_t piece = Simd<S>::lanes / 2; piece > 0; piece /= 2) {
        if ((count & piece) != 0) {
            __builtin_memcpy(to, from, piece * sizeof(S));
            from += piece;
            to += piece;
        }
    }
}
template <class S>
[[gnu::always_inline]] inline void store_some(Simd<S> v, S* to, std::size_t count) {
    if (count >= Simd<S>::lanes) {
        v.store(to);
    } else if (count > 0) {
        S lane[Simd<S>::lanes];
        v.store(lane);
        copy_some(lane, to, count);
    }
}
template <class S>
[[gnu::always_inline]] inline Simd<S> load_some(const S* from, std::size_t count) {
    if (count >= Simd<S>::lanes) {
        return Simd<S>::load(from);
    }
    S lane[Simd<S>::lanes] = {};
    copy_some(from, lane, count);
    return Simd<S>::load(lane);
}
/// Numbers of a row that are left for the vector which begins at column `at`.
constexpr std::size_t left_from(std::size_t columns, std::size_t at) { return columns > at ? columns - at : 0; }

/// Rows of panels out into the rows of a matrix, and in.
template <class S>
void rows_out(const S* panels, std::size_t panel_stride, std::size_t rows, std::size_t columns, S* to,
              std::size_t to_stride) {
    for (std::size_t row = 0; row < rows; ++row, to += to_stride) {
        const S* from = panels + row * panel_width<S>;
        for (std::size_t at = 0; at < columns; at += panel_width<S>, from += panel_stride) {
            for (std::size_t v = 0; v < panel_width<S>; v += Simd<S>::lanes) {
                store_some<S>(Simd<S>::load(from + v), to + at + v, left_from(columns, at + v));
            }
        }
    }
}
template <class S>
void rows_in(const S* from, std::size_t from_stride, std::size_t rows, std::size_t columns, S* panels,
             std::size_t panel_stride) {
    for (std::size_t row = 0; row < rows; ++row, from += from_stride) {
        S* to = panels + row * panel_width<S>;
        for (std::size_t at = 0; at < columns; at += panel_width<S>, to += panel_stride) {
            for (std::size_t v = 0; v < panel_width<S>; v += Simd<S>::lanes) {
                load_some<S>(from + at + v, left_from(columns, at + v)).store(to + v);
            }
        }
    }
}
/// The rows behind the last one, up to a vector of them, are computed too where rows are the lanes: as zeros.
template <class S>
void clear_rows(S* panels, std::size_t panel_stride, std::size_t rows, std::size_t columns) {
    for (std::size_t p = 0; p < parts(columns, panel_width<S>); ++p) {
        for (std::size_t i = rows * panel_width<S>; i < round_up(rows, Simd<S>::lanes) * panel_width<S>; ++i) {
            panels[p * panel_stride + i] = S(0);
        }
    }
}
/// Vectors over rows out into `count` rows of a matrix.
template <class S>
void turned_out(std::span<const Simd<S>> z, std::size_t count, S* to, std::size_t to_stride) {
    if (z.size() == 1 && to_stride == 1) {
        store_some<S>(z[0], to, count);
        return;
    }
    for (std::size_t k = 0; k < z.size(); ++k) {
        S lane[Simd<S>::lanes];
        z[k].store(lane);
        for (std::size_t i = 0; i < count; ++i) {
            to[i * to_stride + k] = lane[i];
        }
    }
}

// --- One row --------------------------------------------------------------------------------------------------------

/// Calls f.operator()<P>(first panel) for groups of up to six panels: as many sums as hide the time of a multiply-add.
template <class F>
[[gnu::always_inline]] inline void for_panels(std::size_t panels, const F& f) {
    constexpr std::size_t most = panel_vectors <= 2 ? 6 : 3;
    constexpr std::size_t usual = panel_vectors <= 2 ? 4 : 2;
    std::size_t p = 0;
    for (; panels - p > most; p += usual) {
        f.template operator()<usual>(p);
    }
    [&]<std::size_t... i>(std::index_sequence<i...>) {
        ((panels - p == i + 1 ? f.template operator()<i + 1>(p) : void()), ...);
    }
    (std::make_index_sequence<most>());
}

/// Eq. (1) for one row and P panels of units, and ReLU with its slope (unless `slopes` is null) on the way. A function
/// of its own, so that each has all registers.
template <std::size_t P, bool relu, class S>
[[gnu::noinline]] void row_panels(const S* w, std::size_t inputs, const S* bias, const S* x, S* a, S* slopes,
                                  const ActivationSettings& settings) {
    using V = Simd<S>;
    constexpr std::size_t vectors = P * panel_vectors;
    const std::size_t stride = inputs * panel_width<S>;
    Tile<S, 1, P> sum;
#pragma GCC unroll 12
    for (std::size_t v = 0; v < vectors; ++v) {
        sum[0][v] = V::load(bias + v * V::lanes);
    }
    std::size_t left = inputs;
    if constexpr (P > 1) {  // few sums wait for one another rather than for loads
        for (; left >= spread_numbers<S>; left -= spread_numbers<S>, x += spread_numbers<S>) {
            V factors[spread_numbers<S>];
            spread(x, factors);
#pragma GCC unroll 4
            for (std::size_t i = 0; i < spread_numbers<S>; ++i, w += panel_width<S>) {
                add_term<false>(
                    sum, [&](std::size_t) { return factors[i]; }, w, stride);
            }
        }
    }
    for (; left > 0; --left, ++x, w += panel_width<S>) {
        add_term<false>(
            sum, [&](std::size_t) { return *x; }, w, stride);
    }
#pragma GCC unroll 12
    for (std::size_t v = 0; v < vectors; ++v) {
        (relu ? math::Relu::value(sum[0][v]) : sum[0][v]).store(a + v * V::lanes);
    }
    if (relu && slopes != nullptr) {
#pragma GCC unroll 12
        for (std::size_t v = 0; v < vectors; ++v) {
            math::Relu::derivative(sum[0][v], settings).store(slopes + v * V::lanes);
        }
    }
}

/// Eq. (1) and f for one row, all of whose panels lie one after the other: as product() and activate().
template <class S>
[[gnu::noinline]] void row_layer(const PackedLayer& layer, const S* parameters, const ActivationSettings& settings,
                                 const S* x, S* a, S* slopes, bool activated) {
    const std::size_t units = layer.outputs;
    const std::size_t panels = parts(units, panel_width<S>);
    const bool relu = activated && layer.activation == Activation::relu;
    for_panels(panels, [&]<std::size_t P>(std::size_t p) {
        const std::size_t at = p * panel_width<S>;
        const S* w = parameters + layer.w + at * layer.inputs;
        const S* bias = parameters + layer.b + at;
        if (relu) {
            row_panels<P, true>(w, layer.inputs, bias, x, a + at, slopes == nullptr ? nullptr : slopes + at, settings);
        } else {
            row_panels<P, false, S>(w, layer.inputs, bias, x, a + at, nullptr, settings);
        }
    });
    if (!activated) {
        return;
    }
    if (!relu) {
        visit(layer.activation, [&]<class F>(F) {
            if constexpr (F::facts.elementwise) {
                activate<F>(a, slopes, panels * panel_width<S>, settings);
            }
        });
    }
    clear_padding(a, panel_width<S>, 1, units);
}

/// Numbers that a row of a narrow layer's outputs is padded to.
inline constexpr std::size_t output_padding = 16;

/// The sums of one leaf for C outputs and one row: panels begin … end − 1.
template <std::size_t C, class S>
[[gnu::always_inline]] inline void row_leaf(const S* weights, std::size_t r_stride, const S* a, std::size_t begin,
                                            std::size_t end, Folded<S>* sums) {
    Simd<S> one[C][1];
    lanes_of_leaf(weights + begin * r_stride, r_stride, a + begin * panel_width<S>, panel_width<S>, end - begin, one);
    for (std::size_t c = 0; c < C; ++c) {
        sums[c] = fold_lanes(one[c][0]);
    }
}

/// z of the one output of a layer of one leaf.
template <class S>
S single_output(const PackedLayer& layer, const S* parameters, const S* a) {
    Simd<S> sum[1][1];
    lanes_of_leaf(parameters + layer.w, panel_width<S>, a, panel_width<S>, parts(layer.inputs, panel_width<S>), sum);
    return parameters[layer.b] + sum_of_lanes(sum[0][0]);
}

/// z of a narrow last layer for one row, padded, with outputs rather than rows in the lanes.
template <class S>
void narrow_row(const PackedLayer& layer, const S* parameters, const S* a, S* partial, S* z) {
    using V = Simd<S>;
    constexpr std::size_t leaf_panels = leaf_units / panel_width<S>;
    constexpr std::size_t together = sum_slots<S> >= 8 ? 1 : V::lanes < 12 / sum_slots<S> ? V::lanes : 4;
    const S* r = parameters + layer.w;
    const S* bias = parameters + layer.b;
    const std::size_t outputs = layer.outputs;
    const std::size_t panels = parts(layer.inputs, panel_width<S>);
    const std::size_t r_stride = outputs * panel_width<S>;
    const std::size_t padded = round_up(outputs, output_padding);
    const std::size_t leaves = parts(layer.inputs, leaf_units);
    for (std::size_t leaf = 0; leaf < leaves; ++leaf) {
        const std::size_t begin = leaf * leaf_panels;
        const std::size_t end = begin + leaf_panels < panels ? begin + leaf_panels : panels;
        for (std::size_t k = 0; k < outputs; k += V::lanes) {
            const std::size_t count = outputs - k < V::lanes ? outputs - k : V::lanes;
            Folded<S> sums[V::lanes];
            std::size_t c = 0;
            for (; c + together <= count; c += together) {
                row_leaf<together, S>(r + (k + c) * panel_width<S>, r_stride, a, begin, end, sums + c);
            }
            for (; c < count; ++c) {
                row_leaf<1, S>(r + (k + c) * panel_width<S>, r_stride, a, begin, end, sums + c);
            }
            for (; c < V::lanes; ++c) {
                sums[c] = fold_lanes(V(0));
            }
            sums_of_lanes(sums).store(partial + leaf * padded + k);
        }
    }
    for (std::size_t k = 0; k < outputs; k += V::lanes) {
        (V::load(bias + k) + tree_sum<S>(leaves, [&](std::size_t leaf) {
             return V::load(partial + leaf * padded + k);
         })).store(z + k);
    }
}

// --- Many rows ------------------------------------------------------------------------------------------------------

/// What becomes of the sums of a product.
enum class Then {
    store,     ///< into panels
    relu,      ///< max(z, 0) into panels, and its slope into others unless they are null
    multiply,  ///< times factors in other panels into panels
    rows,      ///< into rows that lie anywhere
};
template <class S>
struct Target {
    Then then = Then::store;
    S* panels = nullptr;  ///< [panels][rows][width]
    std::size_t panel_stride = 0;
    S* slopes = nullptr;         ///< Then::relu: written, laid out as panels …
    const S* weights = nullptr;  ///< … times these, one for each unit, unless they are null
    const S* factors = nullptr;
    std::size_t factor_stride = 0;             ///< from panel to panel
    const std::size_t* factor_rows = nullptr;  ///< where the factors of each row begin in a panel
    S* const* rows = nullptr;
    std::size_t columns = 0;  ///< of these rows
};

/// Σ over the columns of `source`, in their order from `bias` (null: 0) on, times a matrix in panels
/// [panels][columns][width].
template <class S, class Source>
void product(const S* matrix, const S* bias, std::size_t panels, const Source& source, std::size_t rows,
             const ActivationSettings& settings, const Target<S>& target) {
    using V = Simd<S>;
    const std::size_t stride = source.columns * panel_width<S>;
    const bool half = target.then == Then::rows && half_used<S>(target.columns);
    for_blocks(rows, {0, panels}, half, [&]<std::size_t M, std::size_t vectors>(std::size_t first, std::size_t p) {
        const Target<S> to = target;  // for all that the compiler knows, a store of numbers could change the original
        V sum[M][vectors];
#pragma GCC unroll 12
        for (std::size_t v = 0; v < vectors; ++v) {
            const V z = bias != nullptr ? V::load(bias + p * panel_width<S> + v * V::lanes) : V(0);
#pragma GCC unroll 12
            for (std::size_t m = 0; m < M; ++m) {
                sum[m][v] = z;
            }
        }
        source.template across<M>(sum, first, matrix + p * stride, stride);
        const auto each = [&](const auto& f) {
#pragma GCC unroll 12
            for (std::size_t m = 0; m < M; ++m) {
#pragma GCC unroll 12
                for (std::size_t v = 0; v < vectors; ++v) {
                    f(sum[m][v], m, v / panel_vectors, v % panel_vectors * V::lanes);
                }
            }
        };
        // With one panel every place is this one and a constant.
        const auto begin_in = [&](S* of) { return of + p * to.panel_stride + first * panel_width<S>; };
        const auto place = [&](std::size_t m, std::size_t panel, std::size_t lane) {
            return panel * to.panel_stride + m * panel_width<S> + lane;
        };
        switch (to.then) {
            case Then::store: {
                S* begin = begin_in(to.panels);
                each([&](V z, std::size_t m, std::size_t panel, std::size_t lane) {
                    z.store(begin + place(m, panel, lane));
                });
                return;
            }
            case Then::relu: {
                S* begin = begin_in(to.panels);
                each([&](V z, std::size_t m, std::size_t panel, std::size_t lane) {
                    math::Relu::value(z).store(begin + place(m, panel, lane));
                });
                if (to.slopes != nullptr) {
                    const ActivationSettings kink = settings;
                    S* slope_begin = begin_in(to.slopes);
                    const S* weights = to.weights;
                    each([&](V z, std::size_t m, std::size_t panel, std::size_t lane) {
                        V slope = math::Relu::derivative(z, kink);
                        if (weights != nullptr) {
                            slope = V::load(weights + (p + panel) * panel_width<S> + lane) * slope;
                        }
                        slope.store(slope_begin + place(m, panel, lane));
                    });
                }
                return;
            }
            case Then::multiply: {
                S* begin = begin_in(to.panels);
                each([&](V z, std::size_t m, std::size_t panel, std::size_t lane) {
                    const S* factor = to.factors + (p + panel) * to.factor_stride + to.factor_rows[first + m] + lane;
                    (z * V::load(factor)).store(begin + place(m, panel, lane));
                });
                return;
            }
            case Then::rows:
                if (p * panel_width<S> + vectors * V::lanes <= to.columns) {
                    each([&](V z, std::size_t m, std::size_t panel, std::size_t lane) {
                        z.store(to.rows[first + m] + (p + panel) * panel_width<S> + lane);
                    });
                    return;
                }
                each([&](V z, std::size_t m, std::size_t panel, std::size_t lane) {
                    const std::size_t at = (p + panel) * panel_width<S> + lane;
                    store_some<S>(z, to.rows[first + m] + at, left_from(to.columns, at));
                });
                return;
        }
    });
}

// --- A call ---------------------------------------------------------------------------------------------------------

template <class S>
class Inference {
    using V = Simd<S>;

public:
    Inference(const InferenceNet<S>& net, const InferencePlaces& places, const InferenceCall<S>& call, S* room)
        : net_(net),
          places_(places),
          call_(call),
          room_(room),
          last_(net.shape.layers - 1),
          output_(net.shape.layer[last_]),
          elementwise_(visit(output_.activation, []<class G>(G) { return G::facts.elementwise; })) {}

    void run() const {
        if (places_.capacity == 1 && call_.work == InferenceWork::outputs && call_.rows == 1) {
            forward_row(0);
            return;
        }
        for (std::size_t first = 0; first < call_.rows; first += places_.capacity) {
            const std::size_t left = call_.rows - first;
            const std::size_t rows = left < places_.capacity ? left : places_.capacity;
            places_.capacity == 1 ? forward_row(first) : forward_tile(first, rows);
            if (call_.work == InferenceWork::jacobian) {
                jacobian(first, rows);
            } else if (call_.work == InferenceWork::vector_jacobian) {
                vector_jacobian(first, rows);
            } else if (call_.work == InferenceWork::jacobian_vector) {
                jacobian_vector(first, rows);
            }
        }
    }

private:
    [[nodiscard]] const PackedLayer& layer(std::size_t l) const { return net_.shape.layer[l]; }
    [[nodiscard]] const ActivationSettings& settings() const { return net_.shape.settings; }
    [[nodiscard]] std::size_t stride() const { return places_.capacity * panel_width<S>; }
    [[nodiscard]] std::size_t pair_stride() const { return places_.pairs * panel_width<S>; }
    [[nodiscard]] std::size_t leaves() const { return parts(output_.inputs, leaf_units); }
    [[nodiscard]] bool derivatives() const { return call_.work != InferenceWork::outputs; }
    [[nodiscard]] S* a(std::size_t l) const { return room_ + places_.a[l % 2]; }
    [[nodiscard]] S* slopes(std::size_t l) const {
        return room_ + places_.slopes + net_.slope_units[l] * places_.capacity;
    }
    [[nodiscard]] S* output() const { return room_ + places_.output; }
    [[nodiscard]] S* chain(std::size_t which) const { return room_ + places_.chain[which]; }
    [[nodiscard]] std::span<V> turned(std::size_t index) const {
        return {reinterpret_cast<V*>(room_ + places_.turned) + index * output_.outputs, output_.outputs};
    }
    [[nodiscard]] const S* w(std::size_t l) const { return net_.parameters + layer(l).w; }
    [[nodiscard]] const S* r(std::size_t l) const {
        return layer(l).narrow ? net_.parameters + layer(l).w : net_.mirrors + layer(l).r;
    }

    // --- Eq. (2) ---------------------------------------------------------------------------------------------------

    [[gnu::noinline]] void forward_tile(std::size_t first, std::size_t rows) const {
        const S* row[inference_rows];
        const S* x = call_.x + first * call_.x_stride;
        for (std::size_t i = 0; i < rows; ++i, x += call_.x_stride) {
            row[i] = x;
        }
        const std::size_t layers = output_.narrow ? last_ : last_ + 1;
        for (std::size_t l = 0; l < layers; ++l) {
            S* slope = l < last_ && derivatives() ? slopes(l) : nullptr;
            const bool relu = l < last_ && layer(l).activation == Activation::relu;
            const std::size_t panels = parts(layer(l).outputs, panel_width<S>);
            const auto run = [&](const auto& source) {
                product<S>(w(l), net_.parameters + layer(l).b, panels, source, rows, settings(),
                           {.then = relu ? Then::relu : Then::store,
                            .panels = a(l),
                            .panel_stride = stride(),
                            .slopes = slope,
                            .weights = l + 1 == last_ && slopes_weighted() ? r(last_) : nullptr});
            };
            l == 0 ? run(GatheredRows<S>{row, layer(0).inputs})
                   : run(PanelRows<S>{a(l - 1), layer(l).inputs, stride()});
            if (l < last_ && !relu) {
                activate_panels(l, a(l), slope, rows);
            }
            if (l + 1 == last_ && output_.narrow) {
                clear_padding(a(l), stride(), rows, layer(l).outputs);
            }
        }
        S* yhat = call_.yhat + first * call_.yhat_stride;
        S* z = call_.z != nullptr ? call_.z + first * call_.z_stride : nullptr;
        if (output_.narrow || !elementwise_) {
            turned_outputs(rows, z, yhat);
            return;
        }
        S* logits = a(last_);
        if (z != nullptr) {
            rows_out<S>(logits, stride(), rows, output_.outputs, z, call_.z_stride);
        }
        if (output_.activation != Activation::identity) {
            activate_panels(last_, logits, derivatives() ? output() : nullptr, rows);
        }
        rows_out<S>(logits, stride(), rows, output_.outputs, yhat, call_.yhat_stride);
    }

    /// f(z) of a tile in place, and f′(z) unless `slope` is null.
    void activate_panels(std::size_t l, S* z, S* slope, std::size_t rows) const {
        visit(layer(l).activation, [&]<class F>(F) {
            if constexpr (F::facts.elementwise) {
                for (std::size_t p = 0; p < parts(layer(l).outputs, panel_width<S>); ++p) {
                    activate<F>(z + p * stride(), slope != nullptr ? slope + p * stride() : nullptr,
                                rows * panel_width<S>, settings());
                }
            }
        });
    }

    /// The outputs of a tile with rows in the lanes.
    void turned_outputs(std::size_t rows, S* z, S* yhat) const {
        S* partial = room_ + places_.partial;
        S* before = output_.narrow ? a(last_ - 1) : a(last_);
        const std::size_t columns = output_.narrow ? output_.inputs : output_.outputs;
        if (rows % V::lanes != 0) {
            clear_rows(before, stride(), rows, columns);
        }
        if (output_.narrow) {
            narrow_leaves<S>(output_, w(last_), {before, columns, stride()}, rows, 0, leaves(), places_.capacity,
                             partial);
        }
        const std::span<V> logits = turned(0);
        const bool identity = output_.activation == Activation::identity;
        const std::span<V> outputs = identity ? logits : turned(1);
        for (std::size_t row = 0; row < rows; row += V::lanes) {
            const std::size_t count = rows - row < V::lanes ? rows - row : V::lanes;
            if (output_.narrow) {
                narrow_logits<S>(output_.outputs, net_.parameters + output_.b, partial, leaves(), places_.capacity, row,
                                 logits);
            } else {
                load_turned<S>(before, stride(), row, logits);
            }
            if (!identity) {
                math::row_outputs<V>(output_.activation, settings(), logits, outputs);
            }
            if (z != nullptr) {
                turned_out<S>(logits, count, z + row * call_.z_stride, call_.z_stride);
            }
            turned_out<S>(outputs, count, yhat + row * call_.yhat_stride, call_.yhat_stride);
            if (derivatives() && !elementwise_) {
                store_turned<S>(outputs, output(), stride(), row);
            } else if (derivatives() && !identity) {
                for (V& one : turned(2)) {
                    one = V(1);
                }
                visit(output_.activation, [&]<class G>(G) {
                    math::row_times_jacobian<G, V>(settings(), logits, outputs, turned(2), turned(2));
                });
                store_turned<S>(turned(2), output(), stride(), row);
            }
        }
    }

    void forward_row(std::size_t row) const {
        const S* x = call_.x + row * call_.x_stride;
        for (std::size_t l = 0; l < last_; ++l) {
            row_layer<S>(layer(l), net_.parameters, settings(), x, a(l), derivatives() ? slopes(l) : nullptr, true);
            x = a(l);
        }
        S* logits = a(last_);
        S* yhat = call_.yhat + row * call_.yhat_stride;
        if (output_.narrow && output_.outputs == 1 && output_.inputs <= leaf_units) {
            const S z = single_output<S>(output_, net_.parameters, x);
            if (output_.activation == Activation::identity && call_.z == nullptr) {
                *yhat = z;
                return;
            }
            V(z).store(logits);
        } else if (output_.narrow) {
            narrow_row<S>(output_, net_.parameters, x, room_ + places_.partial, logits);
        } else {
            // Whole panels of z itself fit where they are wanted.
            const bool as_it_is = output_.activation == Activation::identity && call_.z == nullptr &&
                                  output_.outputs % panel_width<S> == 0;
            row_layer<S>(output_, net_.parameters, settings(), x, as_it_is ? yhat : logits, nullptr, false);
            if (as_it_is) {
                return;
            }
        }
        const auto out = [&](S* to) {
            std::size_t k = 0;
            for (; k + V::lanes <= output_.outputs; k += V::lanes) {
                V::load(logits + k).store(to + k);
            }
            copy_some(logits + k, to + k, output_.outputs - k);
        };
        if (call_.z != nullptr) {
            out(call_.z + row * call_.z_stride);
        }
        if (elementwise_) {
            if (output_.activation != Activation::identity) {
                visit(output_.activation, [&]<class G>(G) {
                    if constexpr (G::facts.elementwise) {
                        activate<G>(logits, derivatives() ? output() : nullptr, round_up(output_.outputs, V::lanes),
                                    settings());
                    }
                });
            }
        } else {  // the one row in every lane
            for (std::size_t k = 0; k < output_.outputs; ++k) {
                turned(0)[k] = V(logits[k]);
            }
            math::row_outputs<V>(output_.activation, settings(), turned(0), turned(1));
            S lane[V::lanes];
            for (std::size_t k = 0; k < output_.outputs; ++k) {
                turned(1)[k].store(lane);
                logits[k] = lane[0];
                if (derivatives()) {
                    output()[k] = lane[0];
                }
            }
        }
        out(yhat);
    }

    // --- Derivation §7 ---------------------------------------------------------------------------------------------

    /// Pairs of a row and an output, one after the other.
    struct Pairs {
        std::size_t count = 0;
        std::size_t rows[most_pairs];     ///< where the numbers of its row begin in a panel
        std::size_t outputs[most_pairs];  ///< which output
        S* results[most_pairs];           ///< where its gradient goes
    };

    /// From ∂ŷ/∂z of layer l in panels to ∂ŷ/∂x: the factors W⁽ˡ⁾ f′ W⁽ˡ⁻¹⁾ … W⁽¹⁾ from left to right. `which` of the
    /// two buffers does not hold it.
    void pull_back(std::size_t l, PanelRows<S> dz, std::size_t which, const Pairs& pairs) const {
        for (;; --l, which = 1 - which) {
            const std::size_t panels = parts(layer(l).inputs, panel_width<S>);
            if (l == 0) {
                product<S>(r(0), nullptr, panels, dz, pairs.count, settings(),
                           {.then = Then::rows, .rows = pairs.results, .columns = layer(0).inputs});
                return;
            }
            product<S>(r(l), nullptr, panels, dz, pairs.count, settings(),
                       {.then = Then::multiply,
                        .panels = chain(which),
                        .panel_stride = pair_stride(),
                        .factors = slopes(l - 1),
                        .factor_stride = stride(),
                        .factor_rows = pairs.rows});
            dz = {chain(which), layer(l).inputs, pair_stride()};
        }
    }
    void pull_back(std::size_t l, const Pairs& pairs) const {
        pull_back(l, {chain(0), layer(l).outputs, pair_stride()}, 1, pairs);
    }

    /// Whether the slopes of a tile's last hidden layer already have the factor W⁽ᴸ⁾: there is one output and relu.
    [[nodiscard]] bool slopes_weighted() const {
        return call_.work == InferenceWork::jacobian && places_.capacity > 1 && last_ > 0 && output_.outputs == 1 &&
               output_.activation == Activation::identity && layer(last_ - 1).activation == Activation::relu;
    }

    /// ∂ŷ_b/∂z of output k, g′ or one row of softmax's Jacobian.
    [[nodiscard]] S output_number(std::size_t row_begin, std::size_t k) const {
        return output()[k / panel_width<S> * stride() + row_begin + k % panel_width<S>];
    }

    /// ∂ŷ/∂x of some rows, block after block of pairs.
    [[gnu::noinline]] void jacobian(std::size_t first, std::size_t rows) const {
        Pairs pairs;
        for (std::size_t row = 0; row < rows; row += places_.block_rows) {
            const std::size_t last_row = row + places_.block_rows < rows ? row + places_.block_rows : rows;
            if (slopes_weighted()) {
                S* result = call_.result + (first + row) * call_.result_stride;
                pairs.count = last_row - row;
                for (std::size_t q = 0; q < pairs.count; ++q, result += call_.result_stride) {
                    pairs.rows[q] = (row + q) * panel_width<S>;
                    pairs.results[q] = result;
                }
                const S* dz = slopes(last_ - 1) + row * panel_width<S>;
                pull_back(last_ - 1, {dz, output_.inputs, stride()}, 0, pairs);
                continue;
            }
            for (std::size_t k = 0; k < output_.outputs; k += places_.block_outputs) {
                const std::size_t last_k =
                    k + places_.block_outputs < output_.outputs ? k + places_.block_outputs : output_.outputs;
                pairs.count = 0;
                for (std::size_t b = row; b < last_row; ++b) {
                    S* result = call_.result + (first + b) * call_.result_stride;
                    for (std::size_t j = k; j < last_k; ++j, ++pairs.count) {
                        pairs.rows[pairs.count] = b * panel_width<S>;
                        pairs.outputs[pairs.count] = j;
                        pairs.results[pairs.count] = result + j * call_.output_stride;
                    }
                }
                if (!elementwise_) {
                    softmax_rows(pairs);
                    pull_back(last_, pairs);
                } else {
                    output_rows(pairs);
                    if (last_ > 0) {
                        pull_back(last_ - 1, pairs);
                    }
                }
            }
        }
    }

    /// g′ W⁽ᴸ⁾ f′, where g′ is diagonal; of a network of one layer g′ W⁽¹⁾, which is the result.
    void output_rows(const Pairs& pairs) const {
        // Copies of everything: a store of numbers could change members, as far as the compiler knows.
        const std::size_t count = pairs.count, panels = parts(output_.inputs, panel_width<S>),
                          to_stride = pair_stride();
        const std::size_t r_stride = output_.outputs * panel_width<S>, inputs = output_.inputs, slope_stride = stride();
        const bool hidden = last_ > 0, identity = output_.activation == Activation::identity;
        const S* weights = r(last_);
        const S* slope = hidden ? slopes(last_ - 1) : nullptr;
        S* to = chain(0);
        for (std::size_t p = 0; p < panels; ++p, weights += r_stride, to += to_stride) {
            for (std::size_t q = 0; q < count; ++q) {
                const V g(identity ? S(1) : output_number(pairs.rows[q], pairs.outputs[q]));
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

    /// Row k of softmax's Jacobian for each pair, with pairs in the lanes: e_k times it.
    void softmax_rows(const Pairs& pairs) const {
        const std::span<V> p = turned(0);
        const std::span<V> v = turned(1);
        for (std::size_t q = 0; q < pairs.count; q += V::lanes) {
            for (std::size_t j = 0; j < output_.outputs; ++j) {
                S p_lane[V::lanes], v_lane[V::lanes];
                for (std::size_t i = 0; i < V::lanes; ++i) {
                    const std::size_t pair = q + i < pairs.count ? q + i : pairs.count - 1;
                    p_lane[i] = output_number(pairs.rows[pair], j);
                    v_lane[i] = pairs.outputs[pair] == j ? S(1) : S(0);
                }
                p[j] = V::load(p_lane);
                v[j] = V::load(v_lane);
            }
            times_softmax(p, v);
            store_turned<S>(v, chain(0), pair_stride(), q);
        }
    }
    void times_softmax(std::span<const V> p, std::span<V> v) const {
        visit(output_.activation, [&]<class G>(G) {
            if constexpr (!G::facts.elementwise) {
                G::template times_jacobian<V>(p, v, v);
            }
        });
    }

    /// Rows in a buffer times ∂ŷ/∂z, which is symmetric.
    void times_output(S* rows_of, std::size_t rows) const {
        if (elementwise_) {
            for (std::size_t p = 0; output_.activation != Activation::identity && p < output_panels(); ++p) {
                for (std::size_t i = 0; i < rows * panel_width<S>; i += V::lanes) {
                    S* to = rows_of + p * pair_stride() + i;
                    (V::load(to) * V::load(output() + p * stride() + i)).store(to);
                }
            }
            return;
        }
        clear_rows(rows_of, pair_stride(), rows, output_.outputs);
        for (std::size_t row = 0; row < rows; row += V::lanes) {
            load_turned<S>(output(), stride(), row, turned(0));
            load_turned<S>(rows_of, pair_stride(), row, turned(1));
            times_softmax(turned(0), turned(1));
            store_turned<S>(turned(1), rows_of, pair_stride(), row);
        }
    }
    [[nodiscard]] std::size_t output_panels() const { return parts(output_.outputs, panel_width<S>); }

    [[gnu::noinline]] void vector_jacobian(std::size_t first, std::size_t rows) const {
        Pairs pairs;
        pairs.count = rows;
        for (std::size_t b = 0; b < rows; ++b) {
            pairs.rows[b] = b * panel_width<S>;
            pairs.results[b] = call_.result + (first + b) * call_.result_stride;
        }
        rows_in<S>(call_.vectors + first * call_.vector_stride, call_.vector_stride, rows, output_.outputs, chain(0),
                   pair_stride());
        times_output(chain(0), rows);
        pull_back(last_, pairs);
    }

    /// From the right: W⁽¹⁾ u, then f′, W⁽²⁾ and so on.
    [[gnu::noinline]] void jacobian_vector(std::size_t first, std::size_t rows) const {
        std::size_t row_begin[inference_rows];
        for (std::size_t b = 0; b < rows; ++b) {
            row_begin[b] = b * panel_width<S>;
        }
        rows_in<S>(call_.vectors + first * call_.vector_stride, call_.vector_stride, rows, layer(0).inputs, chain(0),
                   pair_stride());
        std::size_t which = 0;
        for (std::size_t l = 0; l < (output_.narrow ? last_ : last_ + 1); ++l, which = 1 - which) {
            product<S>(w(l), nullptr, parts(layer(l).outputs, panel_width<S>),
                       PanelRows<S>{chain(which), layer(l).inputs, pair_stride()}, rows, settings(),
                       {.then = l < last_ ? Then::multiply : Then::store,
                        .panels = chain(1 - which),
                        .panel_stride = pair_stride(),
                        .factors = l < last_ ? slopes(l) : nullptr,
                        .factor_stride = stride(),
                        .factor_rows = row_begin});
        }
        if (output_.narrow) {
            S* partial = room_ + places_.partial;
            clear_padding(chain(which), pair_stride(), rows, output_.inputs);
            clear_rows(chain(which), pair_stride(), rows, output_.inputs);
            narrow_leaves<S>(output_, w(last_), {chain(which), output_.inputs, pair_stride()}, rows, 0, leaves(),
                             places_.capacity, partial);
            which = 1 - which;
            for (std::size_t row = 0; row < rows; row += V::lanes) {
                for (std::size_t k = 0; k < output_.outputs; ++k) {
                    turned(0)[k] = tree_sum<S>(leaves(), [&](std::size_t leaf) {
                        return V::load(partial + (leaf * output_.outputs + k) * places_.capacity + row);
                    });
                }
                store_turned<S>(turned(0), chain(which), pair_stride(), row);
            }
        }
        times_output(chain(which), rows);
        rows_out<S>(chain(which), pair_stride(), rows, output_.outputs, call_.result + first * call_.result_stride,
                    call_.result_stride);
    }

    const InferenceNet<S>& net_;
    const InferencePlaces& places_;
    const InferenceCall<S>& call_;
    S* room_;
    std::size_t last_;
    const PackedLayer& output_;
    bool elementwise_;
};

}  // namespace
}  // namespace handgrad::kernels
