// Networks and rows of every awkward kind, on which whatever judges derivatives must not err.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <string_view>
#include <vector>

#include "tests/support/networks.hpp"
#include "tests/support/witness.hpp"

namespace handgrad {

/// What is awkward about a network or its rows.
enum class Awkward {
    nothing,
    tied,         ///< equal logits: rows of equal weights in the last layer
    zero,         ///< all parameters 0, as of --init zeros
    equal_rows,   ///< every row the same
    saturated,    ///< weights times 30
    stationary,   ///< z of the first layer at a stationary point of silu or gelu, to a few ulp
    kink,         ///< small whole numbers everywhere, so that many z are exactly 0
    at_target,    ///< targets as the network gives them, to a few ulp
    near_target,  ///< poisson's e^z near 1 with y = 1
    one_row,
    one_class,  ///< one output
    tiny,       ///< one unit a layer
};
inline constexpr std::array awkward_kinds{Awkward::nothing,    Awkward::tied,      Awkward::zero,
                                          Awkward::equal_rows, Awkward::saturated, Awkward::stationary,
                                          Awkward::kink,       Awkward::at_target, Awkward::near_target,
                                          Awkward::one_row,    Awkward::one_class, Awkward::tiny};
inline constexpr std::array<std::string_view, awkward_kinds.size()> awkward_names{
    "nothing", "tied",      "zero",        "equal_rows", "saturated", "stationary",
    "kink",    "at_target", "near_target", "one_row",    "one_class", "tiny"};
inline std::string_view name(Awkward kind) { return awkward_names[static_cast<std::size_t>(kind)]; }

namespace audited {

inline Architecture shape(Draw& draw, Awkward kind, Loss loss) {
    Architecture shape;
    do {
        shape.hidden = draw.one_of(all_activations);
    } while (!facts(shape.hidden).elementwise);
    const std::size_t depth = draw.whole(0, 4);
    const std::size_t widest = kind == Awkward::tiny ? 1 : 9;
    for (std::size_t l = 0; l <= depth; ++l) {
        shape.sizes.push_back(draw.whole(1, widest));
    }
    shape.sizes.push_back(kind == Awkward::one_class ? 1 : draw.whole(1, std::min<std::size_t>(widest, 5)));
    do {
        shape.output = draw.one_of(all_activations);
    } while (!fits(shape.output, loss) || !finite_everywhere(shape.output, loss, shape.outputs()));
    shape.conventions = draw.one_of(convention_presets);
    return shape;
}

inline void make_stationary(Draw& draw, witness::Problem& p) {
    constexpr std::array points{-1.278464542761073795, -0.751791524693564457, -0.752461};  // silu, gelu, gelu_tanh
    p.shape.hidden = draw.one_of({Activation::silu, Activation::gelu, Activation::gelu_tanh});
    std::vector<std::size_t> sizes = p.shape.sizes;
    p = witness::random_problem(p.shape, p.function, p.x.rows(), draw.whole(0, 1U << 30U));
    const double point = points[p.shape.hidden == Activation::silu ? 0 : (p.shape.hidden == Activation::gelu ? 1 : 2)];
    std::ranges::fill(p.x.values(), 0.0);
    for (double& b : p.net.bias(0)) {
        b = point * (1.0 + 0x1p-50 * draw.uniform(-8.0, 8.0));
    }
}

inline void make_whole(Draw& draw, witness::Problem& p) {
    const auto whole = [&](double) { return std::round(draw.uniform(-2.0, 2.0)); };
    std::ranges::transform(p.net.parameters(), p.net.parameters().begin(), whole);
    std::ranges::transform(p.x.values(), p.x.values().begin(), whole);
    if (facts(p.function.kind).residual) {
        std::ranges::transform(p.y.values(), p.y.values().begin(), whole);
    }
}

inline void move_targets(Draw& draw, witness::Problem& p) {
    BasicTape<double> tape(p.net, p.x.rows());
    forward(p.net, p.x, tape);
    const LossFacts& domain = facts(p.function.kind);
    for (std::size_t i = 0; i < p.y.values().size(); ++i) {
        const double yhat = tape.output().a.values()[i] * (1.0 + 0x1p-50 * draw.uniform(-4.0, 4.0));
        p.y.values()[i] = std::clamp(yhat, domain.lowest_target, domain.highest_target);
    }
}

}  // namespace audited

inline void make_awkward(Draw& draw, Awkward kind, witness::Problem& p) {
    switch (kind) {
        case Awkward::nothing:
        case Awkward::one_row:
        case Awkward::one_class:
        case Awkward::tiny:
            return;
        case Awkward::tied: {
            const std::size_t last = p.net.layers() - 1;
            for (std::size_t k = 1; k < p.net.outputs(); ++k) {
                std::ranges::copy(p.net.weight(last).row(0), p.net.weight(last).row(k).begin());
                p.net.bias(last)[k] = p.net.bias(last)[0];
            }
            return;
        }
        case Awkward::zero:
            std::ranges::fill(p.net.parameters(), 0.0);
            return;
        case Awkward::equal_rows:
            for (std::size_t row = 1; row < p.x.rows(); ++row) {
                std::ranges::copy(p.x.row(0), p.x.row(row).begin());
                std::ranges::copy(p.y.row(0), p.y.row(row).begin());
            }
            return;
        case Awkward::saturated:
            for (double& w : p.net.parameters()) {
                w *= p.shape.hidden == Activation::exp || p.shape.output == Activation::exp ? 3.0 : 30.0;
            }
            return;
        case Awkward::stationary:
            audited::make_stationary(draw, p);
            return;
        case Awkward::kink:
            audited::make_whole(draw, p);
            return;
        case Awkward::at_target:
            audited::move_targets(draw, p);
            return;
        case Awkward::near_target:
            for (double& w : p.net.parameters()) {
                w *= 1e-3;
            }
            std::ranges::fill(p.y.values(),
                              p.function.kind == Loss::cross_entropy ? 1.0 / static_cast<double>(p.y.columns()) : 1.0);
            return;
    }
}

/// Network `number` of an endless list: 1 to 30 rows, depth 1 to 5, every activation, loss and convention.
struct AuditedNetwork {
    Awkward kind;
    witness::Problem problem;
};
inline AuditedNetwork audited_network(std::size_t number) {
    Draw draw(1000 + number, 3);
    const Awkward kind = awkward_kinds[number % awkward_kinds.size()];
    Loss loss = draw.one_of(all_losses);
    if (kind == Awkward::near_target && draw.coin()) {
        loss = Loss::poisson;
    }
    const std::size_t rows = kind == Awkward::one_row ? 1 : draw.whole(1, 30);
    witness::Problem p = witness::random_problem(audited::shape(draw, kind, loss), loss, rows, 5000 + number);
    if (draw.whole(0, 3) == 0) {
        for (std::size_t row = 0; row < rows; ++row) {
            p.weights.push_back(draw.uniform(0.5, 1.5));
        }
    }
    make_awkward(draw, kind, p);
    return {kind, std::move(p)};
}

}  // namespace handgrad
