// The loops of limit_loops.hpp on the vectors of one instruction set.
#pragma once

#include <cstddef>
#include <span>

#include "handgrad/kernels/layers.hpp"
#include "handgrad/kernels/limit_loops.hpp"
#include "handgrad/kernels/number.hpp"
#include "handgrad/math/activations.hpp"
#include "handgrad/math/elementary.hpp"
#include "handgrad/math/losses.hpp"
#include "handgrad/math/updates.hpp"

namespace handgrad::kernels {
namespace {

/// More chains than latency × throughput of a fused multiply-add (10 at most so far), fewer than registers.
inline constexpr std::size_t chains = 12;
/// The same for additions that also wait for a load.
inline constexpr std::size_t sums_at_once = 8;  // two for each of four streams

template <class S, std::size_t count>
S sum_of_all(const Simd<S> (&vectors)[count]) {
    Simd<S> total = vectors[0];
    for (std::size_t i = 1; i < count; ++i) {
        total = total + vectors[i];
    }
    S lane[Simd<S>::lanes];
    total.store(lane);
    S sum = lane[0];
    for (std::size_t i = 1; i < Simd<S>::lanes; ++i) {
        sum += lane[i];
    }
    return sum;
}

template <class S>
S multiply_adds(std::size_t rounds, S factor, S term) {
    using V = Simd<S>;
    const V f(factor), t(term);
    V chain[chains];
    for (std::size_t i = 0; i < chains; ++i) {
        chain[i] = V(static_cast<S>(i));
    }
    for (std::size_t round = 0; round < rounds; ++round) {
        for (V& c : chain) {
            c = fma(c, f, t);
        }
    }
    return sum_of_all<S>(chain);
}

template <class S>
S sum_of(const S* from, std::size_t count, bool streams, std::size_t times) {
    using V = Simd<S>;
    V sum[sums_at_once];
    for (V& s : sum) {
        s = V(0);
    }
    constexpr std::size_t pair = 2 * V::lanes;
    std::size_t gap = pair, step = 4 * pair, end = count;
    if (streams) {
        gap = count / 4;
        step = pair;
        end = count / 4;
    }
    const S* const quarter[4] = {from, from + gap, from + 2 * gap, from + 3 * gap};
    for (std::size_t time = 0; time < times; ++time) {
        for (std::size_t i = 0; i < end; i += step) {
            for (std::size_t j = 0; j < sums_at_once; ++j) {
                sum[j] = sum[j] + V::load(quarter[j / 2] + i + j % 2 * V::lanes);
            }
        }
    }
    return sum_of_all<S>(sum);
}

template <class S>
[[gnu::flatten]] void elementary(Elementary which, const S* x, S* y, std::size_t count) {
    using V = Simd<S>;
    const auto all = [&](const auto& f) {
        for (std::size_t i = 0; i < count; i += V::lanes) {
            f(V::load(x + i)).store(y + i);
        }
    };
    switch (which) {
        case Elementary::expm1:
            return all([](V a) { return math::expm1(a); });
        case Elementary::log:
            return all([](V a) { return math::log(a); });
        case Elementary::log1p:
            return all([](V a) { return math::log1p(a); });
        case Elementary::erf:
            return all([](V a) { return math::erf(a); });
        case Elementary::erfc:
            return all([](V a) { return math::erfc(a); });
    }
}

template <class S>
void activation_of(Activation which, const S* z, S* a, S* slope, std::size_t count) {
    const ActivationSettings settings;
    visit(which, [&]<class F>(F) {
        if constexpr (F::facts.elementwise) {
            activate<F>(z, a, slope, count, settings);
        }
    });
}

template <class S>
[[gnu::flatten]] void rows_of(RowFormula formula, const S* z, const S* y, S* result, std::size_t rows,
                              std::size_t outputs) {
    using V = Simd<S>;
    V logits[most_row_outputs], targets[most_row_outputs], results[most_row_outputs];
    const std::span<const V> z_row(logits, outputs), y_row(targets, outputs);
    const std::span<V> dz_row(results, outputs);
    for (std::size_t row = 0; row < rows; row += V::lanes) {
        for (std::size_t k = 0; k < outputs; ++k) {
            logits[k] = V::load(z + k * rows + row);
            targets[k] = V::load(y + k * rows + row);
        }
        V loss(0);
        if (formula == RowFormula::softmax) {
            math::Softmax::value(z_row, dz_row);
        } else if (formula == RowFormula::cross_entropy) {
            loss = math::SoftmaxCrossEntropy::value_and_derivative(z_row, y_row, dz_row);
        } else {
            for (std::size_t k = 0; k < outputs; ++k) {
                loss = loss + math::SigmoidBinaryCrossEntropy::value(logits[k], targets[k]);
                results[k] = math::SigmoidBinaryCrossEntropy::derivative(logits[k], targets[k]);
            }
        }
        for (std::size_t k = 0; k < outputs; ++k) {
            results[k].store(result + k * rows + row);
        }
        loss.store(result + outputs * rows + row);
    }
}

template <class S>
[[gnu::flatten]] void adam_step(const math::UpdateConstants<S>& constants, const S* g, S* w, S* m, S* v,
                                std::size_t count) {
    using V = Simd<S>;
    for (std::size_t i = 0; i < count; i += V::lanes) {
        V weight = V::load(w + i), first = V::load(m + i), second = V::load(v + i);
        math::AdamUpdate::apply(constants, V::load(g + i), weight, first, second);
        weight.store(w + i);
        first.store(m + i);
        second.store(v + i);
    }
}

template <class S>
constexpr LimitLoops<S> limit_loops() {
    static_assert(LimitLoops<S>::numbers % (sums_at_once * Simd<S>::lanes) == 0);
    return {.multiply_adds_in_round = chains * Simd<S>::lanes,
            .multiply_adds = multiply_adds<S>,
            .sum = sum_of<S>,
            .elementary = elementary<S>,
            .activation = activation_of<S>,
            .rows = rows_of<S>,
            .adam = adam_step<S>};
}

}  // namespace
}  // namespace handgrad::kernels
