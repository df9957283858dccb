// Networks in which one factor was made to starve a layer, and healthy ones, at random widths, depths and data.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

#include "handgrad/data/preprocessing.hpp"
#include "handgrad/nn/mlp.hpp"
#include "handgrad/nn/passes.hpp"
#include "tests/support/draw.hpp"

namespace handgrad::planted {

template <class T>
struct Case {
    BasicMlp<T> net;
    LossFunction loss;
    BasicDataset<T> data;
};

/// First weights as usual, standardised inputs, and targets that depend on them: 0/1 for a σ output, classes for
/// softmax, numbers of spread 1 else.
template <class T>
Case<T> healthy(Draw& draw, Architecture shape, LossFunction loss, std::size_t rows) {
    Case<T> made{.net = BasicMlp<T>::random(shape, draw.whole(0, 1u << 30)), .loss = loss, .data = {}};
    made.data.x = Matrix<T>(rows, shape.inputs());
    made.data.y = Matrix<T>(rows, shape.outputs());
    for (T& x : made.data.x.values()) {
        x = static_cast<T>(draw.normal());
    }
    for (std::size_t row = 0; row < rows; ++row) {
        const auto y = made.data.y.row(row);
        const auto x = made.data.x.row(row);
        if (shape.output == Activation::softmax) {
            y[draw.whole(0, y.size() - 1)] = T(1);
            continue;
        }
        for (std::size_t k = 0; k < y.size(); ++k) {
            const double signal = static_cast<double>(x[k % x.size()]) + 0.5 * draw.normal();
            y[k] = static_cast<T>(shape.output == Activation::sigmoid ? (signal > 0.0 ? 1.0 : 0.0) : signal);
        }
    }
    return made;
}

/// Hidden widths of `depth` hidden layers between n inputs and K outputs.
inline Architecture random_shape(Draw& draw, std::size_t depth, Activation hidden, Activation output) {
    Architecture shape{.sizes = {draw.whole(2, 30)}, .hidden = hidden, .output = output, .conventions = {}};
    for (std::size_t l = 0; l < depth; ++l) {
        shape.sizes.push_back(draw.whole(8, 64));
    }
    shape.sizes.push_back(output == Activation::softmax ? draw.whole(2, 10) : draw.whole(1, 3));
    shape.conventions = convention_presets[draw.whole(0, 2)];
    return shape;
}

template <class T>
void scale_weights(BasicMlp<T>& net, std::size_t layer, double factor) {
    const MatrixView<T> W = net.weight(layer);
    for (std::size_t i = 0; i < W.rows(); ++i) {
        for (T& w : W.row(i)) {
            w = static_cast<T>(static_cast<double>(w) * factor);
        }
    }
}

}  // namespace handgrad::planted
