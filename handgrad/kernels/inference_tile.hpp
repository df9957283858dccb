// Outputs of a trained network for many rows: a tile of rows goes through layer after layer.
#pragma once

#include <cstddef>
#include <span>

#include "handgrad/kernels/inference_task.hpp"
#include "handgrad/kernels/layers.hpp"
#include "handgrad/kernels/number.hpp"
#include "handgrad/kernels/outputs.hpp"
#include "handgrad/kernels/plan.hpp"
#include "handgrad/kernels/tiles.hpp"
#include "handgrad/math/output_loss.hpp"

namespace handgrad::kernels {
namespace {

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

/// An epilogue as KeepReluAndSlope, but the slope has the factor `weights`, one for each unit. Its kink is a number,
/// for it is too rare to be compiled twice.
template <class S>
struct KeepReluAndWeightedSlope {
    Panels<S> a, d;
    const S* weights;
    Kink kink;
    [[nodiscard]] KeepReluAndWeightedSlope from(std::size_t panel) const {
        return {a.from(panel), d.from(panel), weights + panel * panel_width<S>, kink};
    }
    template <std::size_t M, std::size_t V>
    [[gnu::always_inline]] void operator()(const Simd<S> (&sum)[M][V], std::size_t first) const {
        const ActivationSettings settings{.kink = kink};
        for_each_vector<S>(sum, [&](Simd<S> z, std::size_t m, std::size_t panel, std::size_t lane) {
            math::Relu::value(z, settings).store(a.at(first, m, panel, lane));
            const Simd<S> weight = Simd<S>::load(weights + panel * panel_width<S> + lane);
            (weight * math::Relu::derivative(z, settings)).store(d.at(first, m, panel, lane));
        });
    }
};

/// Whether the slopes of a tile's last hidden layer already have the factor W⁽ᴸ⁾: there is one output and relu.
template <class S>
bool slopes_weighted(const InferenceTask<S>& task) {
    return task.call.work == InferenceWork::jacobian && task.places.capacity > 1 && task.last > 0 &&
           task.output.outputs == 1 && task.identity() && task.layer(task.last - 1).activation == Activation::relu;
}

/// a = f(z), f′(z) and f″(z), z lying in a. All in one function, so that they share what they have in common.
template <class F, class S>
[[gnu::flatten, gnu::noinline]] void activate_with_bends(S* a, S* slope, S* bend, std::size_t count,
                                                         const ActivationSettings& settings) {
    using V = Simd<S>;
    for (std::size_t i = 0; i < count; i += V::lanes) {
        const V z = V::load(a + i);
        const V first = F::derivative(z, settings), second = F::second_derivative(z, settings);
        F::value(z, settings).store(a + i);
        first.store(slope + i);
        second.store(bend + i);
    }
}
template <class S>
void activate_with_bends(const PackedLayer& layer, const ActivationSettings& settings, std::size_t rows, Panels<S> a,
                         Panels<S> d, Panels<S> bends) {
    visit(layer.activation, [&]<class F>(F) {
        if constexpr (F::facts.elementwise) {
            for (std::size_t p = 0; p < parts(layer.outputs, panel_width<S>); ++p) {
                activate_with_bends<F>(a.from(p).data, d.from(p).data, bends.from(p).data, rows * panel_width<S>,
                                       settings);
            }
        }
    });
}

/// Eq. (1) and f for one layer; of the last one, and without f, its logits.
template <class S, class Source>
void tile_layer(const InferenceTask<S>& task, std::size_t l, const Source& source, std::size_t rows) {
    const PackedLayer& layer = task.layer(l);
    const bool last = l == task.last;
    const PanelRange panels{0, parts(layer.outputs, panel_width<S>)};
    const Panels<S> a{task.a(l), task.stride()};
    Panels<S> d{nullptr, task.stride()};
    if (!last) {
        d.data = task.slopes_wanted(l);
    }
    const auto run = [&](const auto& epilogue) {
        product<S>(task.w(l), task.bias(l), source, rows, panels, false, epilogue);
    };
    if (last || layer.activation != Activation::relu) {
        run(KeepZ<S>{a});
        if (!last && task.bends_wanted()) {
            activate_with_bends(layer, task.settings(), rows, a, d, {task.bends(l), task.stride()});
        } else if (!last) {
            activate_panels(layer, task.settings(), rows, a, d, panels, false);
        }
    } else if (d.data != nullptr && l + 1 == task.last && slopes_weighted(task)) {
        run(KeepReluAndWeightedSlope<S>{a, d, task.r(task.last), task.settings().kink});
    } else {
        with_relu(task.settings().kink, a, d, run);
    }
}

/// What the derivatives need of the outputs of a vector of rows: ŷ of softmax, else g′(z), and g″(z) for the second.
template <class S>
void keep_output_slopes(const InferenceTask<S>& task, std::size_t row, std::span<Simd<S>> logits,
                        std::span<Simd<S>> outputs) {
    using V = Simd<S>;
    if (!task.elementwise) {
        store_turned<S>(outputs, task.output_slopes(), task.stride(), row);
    } else if (!task.identity()) {
        const std::span<V> slopes = task.turned(2);
        for (V& one : slopes) {
            one = V(1);
        }
        visit(task.output.activation,
              [&]<class G>(G) { math::row_times_jacobian<G, V>(task.settings(), logits, outputs, slopes, slopes); });
        store_turned<S>(slopes, task.output_slopes(), task.stride(), row);
        if (task.bends_wanted()) {
            visit(task.output.activation, [&]<class G>(G) {
                if constexpr (G::facts.elementwise) {
                    for (std::size_t k = 0; k < slopes.size(); ++k) {
                        slopes[k] = G::second_derivative(logits[k], task.settings());
                    }
                }
            });
            store_turned<S>(slopes, task.output_bends(), task.stride(), row);
        }
    }
}

/// The outputs of a tile with rows in the lanes: of a narrow last layer from the units before it, else from its logits.
template <class S>
void turned_outputs(const InferenceTask<S>& task, std::size_t rows, S* z, S* yhat) {
    using V = Simd<S>;
    const PackedLayer& output = task.output;
    const InferenceCall<S>& call = task.call;
    const std::size_t stride = task.stride(), capacity = task.places.capacity;
    S* before = task.a(task.wide_layers() - 1);
    if (rows % V::lanes != 0) {
        clear_rows(before, stride, rows, task.layer(task.wide_layers() - 1).outputs);
    }
    if (output.narrow) {
        narrow_leaves<S>(output, task.w(task.last), {before, output.inputs, stride}, rows, 0, task.leaves(), capacity,
                         task.partial());
    }
    const std::span<V> logits = task.turned(0);
    std::span<V> outputs = logits;
    if (!task.identity()) {
        outputs = task.turned(1);
    }
    for (std::size_t row = 0; row < rows; row += V::lanes) {
        const std::size_t count = smaller(rows - row, V::lanes);
        if (output.narrow) {
            narrow_logits<S>(output.outputs, task.bias(task.last), task.partial(), task.leaves(), capacity, row,
                             logits);
        } else {
            load_turned<S>(before, stride, row, logits);
        }
        if (!task.identity()) {
            math::row_outputs<V>(output.activation, task.settings(), logits, outputs);
        }
        if (z != nullptr) {
            turned_out<S>(logits, count, z + row * call.z_stride, call.z_stride);
        }
        turned_out<S>(outputs, count, yhat + row * call.yhat_stride, call.yhat_stride);
        if (task.derivatives()) {
            keep_output_slopes(task, row, logits, outputs);
        }
    }
}

/// Eq. (2) for a tile of rows of the call.
template <class S>
[[gnu::noinline]] void forward_tile(const InferenceTask<S>& task, std::size_t first, std::size_t rows) {
    const InferenceCall<S>& call = task.call;
    const PackedLayer& output = task.output;
    const std::size_t stride = task.stride();
    const S* row[inference_rows];
    const S* x = call.x + first * call.x_stride;
    for (std::size_t i = 0; i < rows; ++i, x += call.x_stride) {
        row[i] = x;
    }
    const std::size_t layers = task.wide_layers();
    tile_layer(task, 0, GatheredRows<S>{row, task.layer(0).inputs}, rows);
    for (std::size_t l = 1; l < layers; ++l) {
        tile_layer(task, l, PanelRows<S>{task.a(l - 1), task.layer(l).inputs, stride}, rows);
    }
    if (output.narrow) {
        clear_padding(task.a(layers - 1), stride, rows, output.inputs);
    }
    S* yhat = call.yhat + first * call.yhat_stride;
    S* z = call.z;
    if (z != nullptr) {
        z += first * call.z_stride;
    }
    if (output.narrow || !task.elementwise) {
        turned_outputs(task, rows, z, yhat);
        return;
    }
    S* logits = task.a(task.last);
    if (z != nullptr) {
        rows_out<S>(logits, stride, rows, output.outputs, z, call.z_stride);
    }
    if (!task.identity() && task.bends_wanted()) {
        activate_with_bends<S>(output, task.settings(), rows, {logits, stride}, {task.output_slopes(), stride},
                               {task.output_bends(), stride});
    } else if (!task.identity()) {
        activate_panels<S>(output, task.settings(), rows, {logits, stride}, {task.output_slopes_wanted(), stride},
                           {0, task.output_panels()}, false);
    }
    rows_out<S>(logits, stride, rows, output.outputs, yhat, call.yhat_stride);
}

}  // namespace
}  // namespace handgrad::kernels
