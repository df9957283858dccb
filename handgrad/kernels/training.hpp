// Steps of training as one member of a team runs them: forward, loss, backward, update, batch after batch.
#pragma once

#include <cstddef>

#include "handgrad/kernels/layers.hpp"
#include "handgrad/kernels/number.hpp"
#include "handgrad/kernels/outputs.hpp"
#include "handgrad/kernels/plan.hpp"
#include "handgrad/kernels/tiles.hpp"
#include "handgrad/math/monotone.hpp"

namespace handgrad::kernels {
namespace {

/// Part `index` of `of` nearly equal parts of 0 … count − 1.
inline PanelRange share_of(std::size_t count, std::size_t index, std::size_t of) {
    return {count * index / of, count * (index + 1) / of};
}

template <class S>
class TrainingMember {
public:
    TrainingMember(const TrainingPlan<S>& plan, const Member& member)
        : plan_(plan),
          member_(member),
          buffers_(plan.member[member.index]),
          last_(plan.shape.layers - 1),
          output_(plan.shape.layer[last_]) {}

    /// Returns the number of steps done: all, or those before the first whose loss is not finite.
    std::size_t run() {
        std::size_t done = 0;
        if (!plan_.split_rows && output_.narrow) {
            keep_output_bias();
        }
        for (; done < plan_.steps; ++done) {
            const StepConstants<S>& step = plan_.step[done];
            if (step.skipped) {
                continue;
            }
            const std::size_t first = done * plan_.batch;
            const std::size_t rows = smaller(plan_.rows - first, plan_.batch);
            double loss = 0.0;
            if (plan_.split_rows) {
                loss = rows_step(step, first, rows);
            } else {
                loss = units_step(step, first, rows, done % 2);
            }
            if (member_.index == 0) {
                plan_.losses[done] = loss;
            }
            if (plan_.stop_at_nonfinite && !(loss - loss == 0.0)) {
                break;
            }
        }
        if (!plan_.split_rows && output_.narrow && member_.index == 0) {
            return_output_bias();
        }
        return done;
    }

private:
    void barrier() const {
        if (member_.size > 1) {
            member_.barrier(member_.team);
        }
    }
    [[nodiscard]] const PackedLayer& layer(std::size_t l) const { return plan_.shape.layer[l]; }
    [[nodiscard]] std::size_t panels(std::size_t l) const { return parts(layer(l).outputs, panel_width<S>); }
    [[nodiscard]] std::size_t panel_stride() const { return plan_.capacity * panel_width<S>; }
    [[nodiscard]] std::size_t leaves() const { return parts(output_.inputs, leaf_units); }

    /// The panels of a hidden or wide layer that this member owns when units are split: whole leaves of the sums of a
    /// narrow last layer above it.
    [[nodiscard]] PanelRange own(std::size_t l) const {
        if (l + 1 == last_ && output_.narrow) {
            constexpr std::size_t leaf_panels = leaf_units / panel_width<S>;
            const PanelRange leaf = share_of(leaves(), member_.index, member_.size);
            const std::size_t end = leaf.last * leaf_panels;
            return {leaf.first * leaf_panels, smaller(end, panels(l))};
        }
        return share_of(panels(l), member_.index, member_.size);
    }
    /// … and the panels that its part of the parameters of layer l lies in: of a narrow one they are those of its
    /// inputs.
    [[nodiscard]] PanelRange own_parameters(std::size_t l) const { return own(l - std::size_t{layer(l).narrow}); }

    /// Copying the columns of a batch pays when enough panels read them.
    [[nodiscard]] bool packs_columns() const { return panels(0) > 4; }

    // --- What a batch brings ---------------------------------------------------------------------------------------

    /// Notes where the rows of the batch are, copies their targets and weights, and their columns for the gradient.
    void gather(const StepConstants<S>& step, std::size_t first, std::size_t rows) {
        const std::size_t padded = round_up(rows, row_padding);
        const std::size_t outputs = plan_.y != nullptr ? output_.outputs : 0;
        const std::size_t* order = plan_.order;
        const S** starts = buffers_.rows;
        first_ = first;
        for (std::size_t i = 0; i < rows; ++i) {
            starts[i] = plan_.x + (order != nullptr ? order[first + i] : first + i) * plan_.x_stride;
        }
        for (std::size_t k = 0; k < outputs; ++k) {
            const S* from = plan_.y + k;
            S* to = buffers_.y + k * plan_.capacity;
            const std::size_t stride = plan_.y_stride;
            for (std::size_t i = 0; i < rows; ++i) {
                to[i] = from[(order != nullptr ? order[first + i] : first + i) * stride];
            }
        }
        const double unit = plan_.reduction / step.total_weight;
        const Simd<S> share(static_cast<S>(unit));
        for (std::size_t i = 0; i < padded; i += Simd<S>::lanes) {
            share.store(buffers_.shares + i);
        }
        if (plan_.weights != nullptr) {
            for (std::size_t i = 0; i < rows; ++i) {
                const S weight = plan_.weights[order != nullptr ? order[first + i] : first + i];
                buffers_.weights[i] = weight;
                buffers_.shares[i] = static_cast<S>(unit * static_cast<double>(weight));
            }
        }
        if (plan_.work != Work::loss && packs_columns()) {
            pack_columns<S>(starts, rows, layer(0).inputs, buffers_.columns);
        }
    }

    /// Rows of the batch that comes next, where a shuffled table is larger than the caches: they arrive while this one
    /// is worked on, in the second cache, since the first is full of this one. Long rows are left to the processor,
    /// which reads ahead by itself. Always inline: a call to a function that only prefetches has no effect in the
    /// compiler's eyes, and goes.
    [[gnu::always_inline]] void prefetch_next(std::size_t next) const {
        constexpr std::size_t line = 64, longest = 512;
        const std::size_t bytes = layer(0).inputs * sizeof(S);
        if (plan_.order == nullptr || bytes > longest) {
            return;
        }
        const std::size_t end = smaller(next + plan_.batch, plan_.rows);
        for (std::size_t i = next; i < end; ++i) {
            const char* row = reinterpret_cast<const char*>(plan_.x + plan_.order[i] * plan_.x_stride);
            for (std::size_t offset = 0; offset < bytes; offset += line) {
                __builtin_prefetch(row + offset, 0, 2);
            }
            __builtin_prefetch(row + bytes - 1, 0, 2);
            __builtin_prefetch(plan_.y + plan_.order[i] * plan_.y_stride, 0, 2);
        }
    }

    // --- The passes ------------------------------------------------------------------------------------------------

    [[nodiscard]] PanelRows<S> activations(std::size_t l) const {
        return {buffers_.layer[l].a, layer(l).outputs, panel_stride()};
    }
    [[nodiscard]] GatheredRows<S> inputs() const { return {buffers_.rows, layer(0).inputs}; }

    void forward(std::size_t l, std::size_t rows, PanelRange some) {
        const bool last = l == last_;
        const bool slopes = !last && plan_.work != Work::loss;
        const auto run = [&](const auto& source) {
            forward_layer<S>(layer(l), plan_.parameters, plan_.shape.settings, source, rows, panel_stride(),
                             buffers_.layer[l], some, slopes, !last);
        };
        if (l == 0) {
            run(inputs());
        } else {
            run(activations(l - 1));
        }
    }

    /// ŷ and ∂l/∂z of rows first … last − 1 where ∂l/∂ŷ is given; their losses count as 0. Loads and
    /// stores as in loss_of_rows, whose loops a function that both share would keep the compiler from flattening.
    [[gnu::noinline]] void given_rows(std::size_t first, std::size_t last, std::size_t rows, const S* bias,
                                      const S* partial, S* row_losses) const {
        using V = Simd<S>;
        const std::size_t outputs = output_.outputs;
        const OutputScratch<S> scratch(buffers_.scratch, outputs);
        const bool derivatives = plan_.work != Work::loss;
        const bool writes = plan_.split_rows || !output_.narrow || member_.index == 0;  // else all do the same rows
        for (std::size_t row = first; row < last; row += V::lanes) {
            if (output_.narrow) {
                narrow_logits<S>(outputs, bias, partial, leaves(), plan_.capacity, row, scratch.z);
            } else {
                load_turned<S>(buffers_.layer[last_].a, panel_stride(), row, scratch.z);
            }
            for (std::size_t k = 0; k < outputs; ++k) {
                scratch.y[k] = V::load(buffers_.y + k * plan_.capacity + row);
            }
            rows_given<S>(plan_.loss, scratch, derivatives);
            if (writes && row < rows) {
                store_rows<S>(scratch.yhat, rows - row < V::lanes ? rows - row : V::lanes,
                              plan_.yhat + (first_ + row) * plan_.yhat_stride, plan_.yhat_stride);
            }
            V(0).store(row_losses + row);
            if (derivatives && output_.narrow) {
                for (std::size_t k = 0; k < outputs; ++k) {
                    scratch.dz[k].store(buffers_.dz + k * plan_.capacity + row);
                }
            } else if (derivatives) {
                store_turned<S>(scratch.dz, buffers_.layer[last_].d, panel_stride(), row);
            }
        }
    }

    /// Losses and ∂l/∂z of rows first … last − 1, a multiple of row_padding apart.
    void loss_of_rows(std::size_t first, std::size_t last, std::size_t rows, const S* bias, const S* partial,
                      S* row_losses) const {
        using V = Simd<S>;
        const bool derivatives = plan_.work != Work::loss;
        if (plan_.given) {
            given_rows(first, last, rows, bias, partial, row_losses);
            clear_derivatives(derivatives, rows, last);
            return;
        }
        with_loss(
            plan_.loss, output_.outputs,
            [this, first, last, bias, partial, row_losses, derivatives](const math::OutputLoss& loss, auto outputs) {
                V single[OutputScratch<S>::vectors];
                const OutputScratch<S> scratch(
                    std::is_same_v<decltype(outputs), std::size_t> ? buffers_.scratch : reinterpret_cast<S*>(single),
                    outputs);
                const bool narrow = output_.narrow;
                for (std::size_t row = first; row < last; row += V::lanes) {
                    if (narrow) {
                        narrow_logits<S>(outputs, bias, partial, leaves(), plan_.capacity, row, scratch.z);
                    } else {
                        load_turned<S>(buffers_.layer[last_].a, panel_stride(), row, scratch.z);
                    }
                    for (std::size_t k = 0; k < outputs; ++k) {
                        scratch.y[k] = V::load(buffers_.y + k * plan_.capacity + row);
                    }
                    rows_loss<S>(loss, scratch, V::load(buffers_.shares + row), derivatives).store(row_losses + row);
                    if (!derivatives) {
                        continue;
                    }
                    if (narrow) {
                        for (std::size_t k = 0; k < outputs; ++k) {
                            scratch.dz[k].store(buffers_.dz + k * plan_.capacity + row);
                        }
                    } else {
                        store_turned<S>(scratch.dz, buffers_.layer[last_].d, panel_stride(), row);
                    }
                }
            });
        clear_derivatives(derivatives, rows, last);
    }
    /// ∂l/∂z of a narrow last layer is 0 in the rows that only fill a vector.
    void clear_derivatives(bool derivatives, std::size_t rows, std::size_t last) const {
        if (!derivatives || !output_.narrow) {
            return;
        }
        for (std::size_t k = 0; k < output_.outputs; ++k) {
            for (std::size_t row = rows; row < last; ++row) {
                buffers_.dz[k * plan_.capacity + row] = S(0);
            }
        }
    }

    /// Table 2 from layer l to the activations of layer l − 1, for some of their panels; from the first to the inputs.
    void backward(std::size_t l, std::size_t rows, PanelRange some) {
        S* d = l > 0 ? buffers_.layer[l - 1].d : buffers_.dx;
        if (layer(l).narrow) {
            const OutputRows<S> dz{buffers_.dz, output_.outputs, plan_.capacity};
            backward_input<S>(layer(l), plan_.parameters + layer(l).w, dz, rows, panel_stride(), d, some);
        } else {
            const PanelRows<S> dz{buffers_.layer[l].d, layer(l).outputs, panel_stride()};
            backward_input<S>(layer(l), plan_.mirrors + layer(l).r, dz, rows, panel_stride(), d, some);
        }
    }

    /// ∂l/∂x = δ W⁽¹⁾ (derivation §7) for some panels of inputs: the inputs are a layer whose f is the identity.
    [[gnu::noinline]] void input_gradient(std::size_t rows, PanelRange some) {
        const std::size_t inputs = layer(0).inputs;
        for (std::size_t p = some.first; p < some.last; ++p) {
            S* slopes = buffers_.dx + p * panel_stride();
            for (std::size_t i = 0; i < rows * panel_width<S>; i += Simd<S>::lanes) {
                Simd<S>(1).store(slopes + i);
            }
        }
        backward(0, rows, some);
        for (std::size_t p = some.first; p < some.last; ++p) {
            const std::size_t at = p * panel_width<S>;
            const std::size_t count = inputs - at < panel_width<S> ? inputs - at : panel_width<S>;
            const S* from = buffers_.dx + p * panel_stride();
            S* to = plan_.dx + first_ * plan_.dx_stride + at;
            for (std::size_t row = 0; row < rows; ++row) {
                for (std::size_t i = 0; i < count; ++i) {
                    to[row * plan_.dx_stride + i] = from[row * panel_width<S> + i];
                }
            }
        }
    }
    [[nodiscard]] std::size_t input_panels() const { return parts(layer(0).inputs, panel_width<S>); }

    /// The gradient of layer l for some panels of its outputs (narrow: of its inputs), into `target`.
    template <class Target>
    void gradient(std::size_t l, std::size_t rows, PanelRange some, const Target& target) {
        if (layer(l).narrow) {
            const OutputRows<S> dz{buffers_.dz, output_.outputs, plan_.capacity};
            gradient_of_inputs<S>(layer(l), dz, buffers_.layer[l - 1].a, rows, panel_stride(), some, target);
            return;
        }
        const S* dz = buffers_.layer[l].d;
        if (l == 0) {
            if (packs_columns()) {
                const PackedColumns<S> x{buffers_.columns, rows};
                gradient_of_outputs<S>(layer(l), x, dz, rows, panel_stride(), some, target);
            } else {
                gradient_of_outputs<S>(layer(l), inputs(), dz, rows, panel_stride(), some, target);
            }
        } else {
            gradient_of_outputs<S>(layer(l), activations(l - 1), dz, rows, panel_stride(), some, target);
        }
    }

    // --- Units are split -------------------------------------------------------------------------------------------

    /// Two layers with a narrow last one need only one barrier a step: a member reads of the others only the sums of
    /// their leaves.
    [[nodiscard]] bool one_barrier() const { return plan_.shape.layers == 2 && output_.narrow; }

    double units_step(const StepConstants<S>& step, std::size_t first, std::size_t rows, std::size_t parity) {
        gather(step, first, rows);
        prefetch_next(first + rows);
        for (std::size_t l = 0; l < last_; ++l) {
            forward(l, rows, own(l));
            if (l + 1 < last_ || !output_.narrow) {
                barrier();
            }
        }
        S* partial = buffers_.partial + parity * leaves() * output_.outputs * plan_.capacity;
        double* penalties = plan_.penalties + parity * plan_.penalty_leaves;
        if (output_.narrow) {
            const PanelRange leaf = share_of(leaves(), member_.index, member_.size);
            narrow_leaves<S>(output_, plan_.parameters + output_.w, activations(last_ - 1), rows, leaf.first, leaf.last,
                             plan_.capacity, partial);
        } else {
            forward(last_, rows, own(last_));
        }
        if (plan_.penalise && member_.index == 0 && !one_barrier()) {
            squares(penalties, 0, 1);
        } else if (plan_.penalise && one_barrier()) {
            squares(penalties, member_.index, member_.size);
        }
        barrier();
        const double loss = units_loss(step, rows, partial) + penalty(step, penalties);
        const bool finite = loss - loss == 0.0;
        if (plan_.work == Work::loss || (plan_.stop_at_nonfinite && !finite)) {
            if (!one_barrier()) {
                barrier();
            }
            return loss;
        }
        for (std::size_t l = last_; l > 0; --l) {
            backward(l, rows, own(l - 1));
            if (!one_barrier()) {
                barrier();
            }
        }
        if (plan_.dx != nullptr) {
            if (one_barrier()) {
                barrier();
            }
            input_gradient(rows, share_of(input_panels(), member_.index, member_.size));
        }
        // On the sums themselves where it pays; the rarer rules go through the arena of gradients.
        units_move(step, rows);
        if (!one_barrier()) {
            barrier();
        }
        return loss;
    }

    /// Step 5 for this member's panels; for Work::gradient only the gradient.
    void units_move(const StepConstants<S>& step, std::size_t rows) {
        if (plan_.work == Work::train && plan_.rule == math::UpdateRule::sgd) {
            units_update<math::SgdUpdate>(step, rows);
        } else if (plan_.work == Work::train && plan_.rule == math::UpdateRule::adam) {
            units_update<math::AdamUpdate>(step, rows);
        } else {
            units_gradient(rows, Store<S>{plan_.gradient}, Store<S>{buffers_.bias_gradient});
        }
        if (plan_.work == Work::gradient && output_.narrow && member_.index == 0) {
            for (std::size_t k = 0; k < output_.b_size; ++k) {
                plan_.gradient[output_.b + k] = buffers_.bias_gradient[k];
            }
        }
        if (plan_.work == Work::train) {
            if (plan_.rule != math::UpdateRule::sgd && plan_.rule != math::UpdateRule::adam) {
                visit(plan_.rule, [&]<class Rule>(Rule) { update_from_arena<Rule>(step); });
            }
            for (std::size_t l = 0; l <= last_; ++l) {
                const std::size_t panel = column_length(layer(l)) * panel_width<S>;
                const PanelRange some = own_parameters(l);
                hold_signs(layer(l).w + some.first * panel, layer(l).w + some.last * panel);
            }
            for (std::size_t l = 1; l <= last_; ++l) {
                if (!layer(l).narrow) {
                    mirror_layer<S>(layer(l), plan_.parameters, plan_.mirrors, own(l));
                }
            }
        }
    }

    /// Weights of the wrong sign become 0. Of this member alone, and behind its step: nobody reads them in between.
    void hold_signs(std::size_t begin, std::size_t end) const {
        if (plan_.signs == nullptr) {
            return;
        }
        for (std::size_t i = begin; i < end; i += Simd<S>::lanes) {
            const Simd<S> sign = Simd<S>::load(plan_.signs + i);
            math::of_sign(Simd<S>::load(plan_.parameters + i), sign).store(plan_.parameters + i);
        }
    }

    /// The weights of the batch's rows, or null.
    [[nodiscard]] const S* row_weights() const {
        if (plan_.weights == nullptr) {
            return nullptr;
        }
        return buffers_.weights;
    }

    double units_loss(const StepConstants<S>& step, std::size_t rows, const S* partial) {
        const std::size_t padded = round_up(rows, row_padding);
        S* row_losses = buffers_.row_losses;
        if (output_.narrow) {  // every member by itself: a few rows of exponentials cost less than a barrier
            loss_of_rows(0, padded, rows, buffers_.output_bias, partial, row_losses);
        } else {
            row_losses = plan_.member[0].row_losses;
            const PanelRange some = share_of(padded / row_padding, member_.index, member_.size);
            loss_of_rows(some.first * row_padding, some.last * row_padding, rows, nullptr, nullptr, row_losses);
            barrier();
        }
        double leaf[most_rows_together / leaf_rows];
        const std::size_t count = parts(rows, leaf_rows);
        for (std::size_t i = 0; i < count; ++i) {
            const std::size_t begin = i * leaf_rows;
            const S* weights = row_weights();
            if (weights != nullptr) {
                weights += begin;
            }
            leaf[i] = leaf_loss<S>(row_losses + begin, weights, smaller(rows - begin, leaf_rows));
        }
        return plan_.reduction / step.total_weight * tree_of_doubles(count, leaf);
    }

    template <class Target, class BiasTarget>
    void units_gradient(std::size_t rows, const Target& target, const BiasTarget& bias) {
        for (std::size_t l = last_ + 1; l-- > 0;) {
            gradient(l, rows, own_parameters(l), target);
        }
        if (output_.narrow) {
            output_bias_gradient([&](std::size_t k) { return rows_sum<S>(buffers_.dz + k * plan_.capacity, rows); },
                                 bias);
        }
    }
    template <class Rule>
    [[nodiscard]] Update<S, Rule> update_of(const StepConstants<S>& step) const {
        return {plan_.parameters, plan_.first, plan_.second, step.weights, step.biases};
    }
    /// … of a narrow last layer's bias, of which each member keeps its own copy.
    template <class Rule>
    [[nodiscard]] Update<S, Rule> bias_update_of(const StepConstants<S>& step) const {
        S* bias = buffers_.output_bias;
        return {bias, bias + output_.b_size, bias + 2 * output_.b_size, step.weights, step.biases};
    }
    template <class Rule>
    void units_update(const StepConstants<S>& step, std::size_t rows) {
        units_gradient(rows, update_of<Rule>(step), bias_update_of<Rule>(step));
    }
    /// The optimizer's step on this member's panels, from the arena of gradients.
    template <class Rule>
    void update_from_arena(const StepConstants<S>& step) {
        const Update<S, Rule> target = update_of<Rule>(step);
        const auto range = [&](std::size_t begin, std::size_t end, bool bias) {
            for (std::size_t i = begin; i < end; i += Simd<S>::lanes) {
                target(i, Simd<S>::load(plan_.gradient + i), bias);
            }
        };
        for (std::size_t l = 0; l <= last_; ++l) {
            const PackedLayer& one = layer(l);
            const PanelRange some = own_parameters(l);
            const std::size_t panel = column_length(one) * panel_width<S>;
            range(one.w + some.first * panel, one.w + some.last * panel, false);
            if (!one.narrow) {
                range(one.b + some.first * panel_width<S>, one.b + some.last * panel_width<S>, true);
            }
        }
        if (output_.narrow) {
            const Update<S, Rule> bias = bias_update_of<Rule>(step);
            for (std::size_t k = 0; k < output_.b_size; k += Simd<S>::lanes) {
                bias(k, Simd<S>::load(buffers_.bias_gradient + k), true);
            }
        }
    }
    template <class Sum, class BiasTarget>
    void output_bias_gradient(const Sum& sum, const BiasTarget& bias) {
        for (std::size_t k = 0; k < output_.b_size; k += Simd<S>::lanes) {
            S lane[Simd<S>::lanes];
            for (std::size_t i = 0; i < Simd<S>::lanes; ++i) {
                lane[i] = S(0);
                if (k + i < output_.outputs) {
                    lane[i] = sum(k + i);
                }
            }
            bias(k, Simd<S>::load(lane), true);
        }
    }

    static S number_or_zero(const S* numbers, std::size_t at) {
        if (numbers == nullptr) {
            return S(0);
        }
        return numbers[at];
    }
    void keep_output_bias() {
        for (std::size_t k = 0; k < output_.b_size; ++k) {
            buffers_.output_bias[k] = plan_.parameters[output_.b + k];
            buffers_.output_bias[output_.b_size + k] = number_or_zero(plan_.first, output_.b + k);
            buffers_.output_bias[2 * output_.b_size + k] = number_or_zero(plan_.second, output_.b + k);
        }
        barrier();  // before the first member writes its own back
    }
    void return_output_bias() {
        for (std::size_t k = 0; k < output_.b_size; ++k) {
            plan_.parameters[output_.b + k] = buffers_.output_bias[k];
            if (plan_.first != nullptr) {
                plan_.first[output_.b + k] = buffers_.output_bias[output_.b_size + k];
            }
            if (plan_.second != nullptr) {
                plan_.second[output_.b + k] = buffers_.output_bias[2 * output_.b_size + k];
            }
        }
    }

    // --- The penalty -----------------------------------------------------------------------------------------------

    /// Numbers that a unit has in a layer's panels.
    static std::size_t column_length(const PackedLayer& one) {
        if (one.narrow) {
            return one.outputs;
        }
        return one.inputs;
    }
    /// Σ of squares of the leaves of units: part `index` of `of` of each layer's leaves.
    void squares(double* leaves, std::size_t index, std::size_t of) {
        for (std::size_t l = 0; l <= last_; ++l) {
            const PackedLayer& one = layer(l);
            std::size_t units = one.outputs;
            const S* bias = nullptr;
            if (one.narrow) {
                units = one.inputs;
            } else if (plan_.penalise_biases) {
                bias = plan_.parameters + one.b;
            }
            const PanelRange some = share_of(parts(units, leaf_units), index, of);
            squares_of_leaves<S>(plan_.parameters + one.w, column_length(one), bias, units, leaves, some.first,
                                 some.last);
            leaves += parts(units, leaf_units);
        }
    }
    /// ½α‖W‖² from these sums, leaf after leaf; biases of a narrow last layer come at the end.
    [[nodiscard]] double penalty(const StepConstants<S>& step, const double* leaves) const {
        if (!plan_.penalise) {
            return 0.0;
        }
        double sum = 0.0;
        for (std::size_t i = 0; i < plan_.penalty_leaves; ++i) {
            sum += leaves[i];
        }
        if (plan_.penalise_biases && output_.narrow) {
            const S* bias = buffers_.output_bias;
            if (plan_.split_rows) {
                bias = plan_.parameters + output_.b;
            }
            for (std::size_t k = 0; k < output_.outputs; ++k) {
                sum += static_cast<double>(bias[k]) * static_cast<double>(bias[k]);
            }
        }
        return 0.5 * static_cast<double>(step.weights.penalty) * sum;
    }

    // --- Rows are split --------------------------------------------------------------------------------------------

    /// Members take nodes, subtrees of the tree over leaves of rows, turn by turn; then each sums the nodes for its
    /// part of the parameters and moves them.
    double rows_step(const StepConstants<S>& step, std::size_t first, std::size_t rows) {
        const std::size_t count = parts(rows, leaf_rows);
        const std::size_t nodes = parts(count, plan_.leaves_per_node);
        for (std::size_t node = member_.index; node < nodes; node += member_.size) {
            const std::size_t begin = node * plan_.leaves_per_node;
            const std::size_t end = smaller(begin + plan_.leaves_per_node, count);
            const auto arena = [&](std::size_t level) {
                if (level == 0) {
                    return plan_.nodes[node];
                }
                return buffers_.arenas[level - 1];
            };
            tree(
                end - begin,
                [&](std::size_t i, std::size_t to) {
                    const std::size_t leaf = begin + i;
                    const std::size_t at = leaf * leaf_rows;
                    S* gradient_arena = nullptr;
                    if (plan_.work != Work::loss) {
                        gradient_arena = arena(to);
                    }
                    plan_.leaf_losses[leaf] =
                        rows_leaf(step, first + at, smaller(rows - at, leaf_rows), gradient_arena);
                },
                [&](std::size_t left, std::size_t right) {
                    if (plan_.work != Work::loss) {
                        add(arena(left), arena(right));
                    }
                });
        }
        if (plan_.penalise && member_.index == 0) {
            squares(plan_.penalties, 0, 1);
        }
        barrier();
        const double loss = plan_.reduction / step.total_weight * tree_of_doubles(count, plan_.leaf_losses) +
                            penalty(step, plan_.penalties);
        if (plan_.work != Work::loss && !(plan_.stop_at_nonfinite && !(loss - loss == 0.0))) {
            if (plan_.work == Work::gradient) {
                sum_nodes(nodes, Store<S>{plan_.gradient});
            } else {
                if (plan_.penalise && plan_.penalise_biases) {
                    barrier();  // everybody has read the biases of a narrow last layer
                }
                visit(plan_.rule, [&]<class Rule>(Rule) { sum_nodes(nodes, update_of<Rule>(step)); });
                hold_signs_of_part();
                barrier();
                for (std::size_t l = 1; l <= last_; ++l) {
                    if (!layer(l).narrow) {
                        mirror_layer<S>(layer(l), plan_.parameters, plan_.mirrors, own(l));
                    }
                }
            }
        }
        barrier();
        return loss;
    }

    /// All five steps but the last for one leaf of rows; returns Σ weight · loss.
    double rows_leaf(const StepConstants<S>& step, std::size_t first, std::size_t rows, S* gradient_arena) {
        gather(step, first, rows);
        for (std::size_t l = 0; l < last_; ++l) {
            forward(l, rows, {0, panels(l)});
        }
        if (output_.narrow) {
            narrow_leaves<S>(output_, plan_.parameters + output_.w, activations(last_ - 1), rows, 0, leaves(),
                             plan_.capacity, buffers_.partial);
        } else {
            forward(last_, rows, {0, panels(last_)});
        }
        loss_of_rows(0, round_up(rows, row_padding), rows, plan_.parameters + output_.b, buffers_.partial,
                     buffers_.row_losses);
        if (gradient_arena != nullptr) {
            for (std::size_t l = last_; l > 0; --l) {
                backward(l, rows, {0, panels(l - 1)});
            }
            if (plan_.dx != nullptr) {
                input_gradient(rows, {0, input_panels()});
            }
            for (std::size_t l = 0; l <= last_; ++l) {
                gradient(l, rows, {0, panels(l - std::size_t{layer(l).narrow})}, Store<S>{gradient_arena});
            }
            if (output_.narrow) {
                output_bias_gradient([&](std::size_t k) { return leaf_sum<S>(buffers_.dz + k * plan_.capacity, rows); },
                                     Store<S>{gradient_arena + output_.b});
            }
        }
        return leaf_loss<S>(buffers_.row_losses, row_weights(), rows);
    }

    void add(S* left, const S* right) const {
        for (std::size_t i = 0; i < plan_.shape.size; i += Simd<S>::lanes) {
            (Simd<S>::load(left + i) + Simd<S>::load(right + i)).store(left + i);
        }
    }

    /// This member's part of all parameters: the tree over nodes, and on to `target`.
    template <class Target>
    void sum_nodes(std::size_t nodes, const Target& target) const {
        for (std::size_t l = 0; l <= last_; ++l) {
            const PackedLayer& one = layer(l);
            const auto range = [&](std::size_t begin, std::size_t size, bool bias) {
                const PanelRange some = share_of(size / panel_width<S>, member_.index, member_.size);
                for (std::size_t i = some.first * panel_width<S>; i < some.last * panel_width<S>; i += Simd<S>::lanes) {
                    target(begin + i,
                           tree_sum<S>(nodes, [&](std::size_t n) { return Simd<S>::load(plan_.nodes[n] + begin + i); }),
                           bias);
                }
            };
            range(one.w, one.w_size, false);
            range(one.b, one.b_size, true);
        }
    }
    /// … after which its weights are held to their signs.
    void hold_signs_of_part() const {
        for (std::size_t l = 0; l <= last_; ++l) {
            const PanelRange some = share_of(layer(l).w_size / panel_width<S>, member_.index, member_.size);
            hold_signs(layer(l).w + some.first * panel_width<S>, layer(l).w + some.last * panel_width<S>);
        }
    }

    const TrainingPlan<S>& plan_;
    const Member& member_;
    const MemberBuffers<S>& buffers_;
    std::size_t last_;
    const PackedLayer& output_;
    std::size_t first_ = 0;  ///< the first row of the batch, or of the leaf, at hand
};

}  // namespace
}  // namespace handgrad::kernels
