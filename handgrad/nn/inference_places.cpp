// The buffers of each kind of inference, one after the other.
#include "handgrad/nn/inference_places.hpp"

#include <algorithm>

namespace handgrad {
namespace {

using kernels::InferencePlaces;
using kernels::InferenceWork;
using kernels::parts;
using kernels::round_up;
using kernels::row_padding;

/// Sizes that many buffers have in common.
struct Sizes {
    explicit Sizes(const PackedNetwork& packed)
        : width(packed.width()),
          hidden(packed.layers().size() - 1),
          inputs(round_up(packed.layers().front().inputs, width)),
          outputs(round_up(packed.layers().back().outputs, std::max(width, row_padding))),
          dense_output(!facts(packed.layers().back().activation).elementwise) {
        for (std::size_t l = 0; l < hidden; ++l) {
            widest = std::max(widest, round_up(packed.layers()[l].outputs, width));
            units += round_up(packed.layers()[l].outputs, width);
        }
    }
    std::size_t width;
    std::size_t hidden;
    std::size_t inputs;      ///< padded …
    std::size_t outputs;     ///< … as these are
    bool dense_output;       ///< softmax
    std::size_t widest = 0;  ///< units of a hidden layer, padded
    std::size_t units = 0;   ///< … and of all
};

/// Hands out places one after the other.
class Taking {
public:
    explicit Taking(InferencePlaces& places) : places_(places) {}
    std::size_t operator()(std::size_t count) const {
        const std::size_t at = places_.size;
        places_.size += round_up(count, 64 / sizeof(float));
        return at;
    }

private:
    InferencePlaces& places_;
};

void take_forward(const PackedNetwork& packed, const Sizes& sizes, InferencePlaces& places) {
    const Taking take(places);
    const kernels::PackedLayer& output = packed.layers().back();
    const std::size_t capacity = places.capacity, K = output.outputs;
    const bool one = capacity == 1;
    std::size_t units = sizes.widest, buffers = sizes.hidden;
    if (one || !output.narrow) {
        units = std::max(units, sizes.outputs);
        ++buffers;
    }
    places.a[0] = places.a[1] = take(capacity * units);
    if (buffers > 1) {
        places.a[1] = take(capacity * units);
    }
    if (output.narrow) {
        places.partial = take(parts(output.inputs, kernels::leaf_units) * (one ? sizes.outputs : K * capacity));
    }
    if (output.narrow || sizes.dense_output) {
        places.turned = take(3 * K * row_padding);
    }
}

void take_pairs(const PackedNetwork& packed, InferenceWork work, InferencePlaces& places) {
    const std::size_t K = packed.layers().back().outputs;
    places.pairs = places.capacity;
    if (work == InferenceWork::jacobian || work == InferenceWork::hessian) {
        places.block_rows = places.capacity == 1 ? 1 : parts(kernels::enough_pairs, K);
        places.block_outputs = parts(K, parts(K, kernels::most_pairs));
        places.pairs = round_up(places.block_rows * places.block_outputs, row_padding);
    }
}

void take_chain(const Sizes& sizes, InferenceWork work, InferencePlaces& places) {
    const Taking take(places);
    std::size_t chain = sizes.widest;
    if (work != InferenceWork::jacobian || sizes.dense_output) {
        chain = std::max(chain, sizes.outputs);
    }
    if (work == InferenceWork::jacobian_vector || work == InferenceWork::hessian_vector) {
        chain = std::max(chain, sizes.inputs);
    }
    places.chain[0] = places.chain[1] = take(places.pairs * chain);
    if (work != InferenceWork::jacobian || sizes.hidden > 1 || (sizes.dense_output && sizes.hidden > 0)) {
        places.chain[1] = take(places.pairs * chain);
    }
    if (work == InferenceWork::hessian_vector) {
        places.adjoint[0] = take(places.pairs * chain);
        places.adjoint[1] = take(places.pairs * chain);
    }
}

void take_second_derivatives(const PackedNetwork& packed, const Sizes& sizes, InferenceWork work,
                             InferencePlaces& places) {
    const Taking take(places);
    places.bends = take(places.capacity * sizes.units);
    places.output_bends = take(places.capacity * sizes.outputs);
    places.curvature = take(places.pairs * sizes.units);
    if (work == InferenceWork::hessian_vector) {
        return;
    }
    const std::size_t n = packed.layers().front().inputs;
    places.output_curvature = take(places.pairs * sizes.outputs);
    if (uses_products(packed)) {
        places.triangles = take(places.pairs * round_up(n * (n + 1) / 2, sizes.width));
    }
    std::size_t after_first = sizes.outputs, widest = sizes.outputs;
    for (std::size_t l = 0; l < sizes.hidden; ++l) {
        widest = std::max(widest, round_up(packed.layers()[l].outputs, sizes.width));
        after_first += l == 0 ? 0 : round_up(packed.layers()[l].outputs, sizes.width);
    }
    places.tangents = take(after_first * sizes.inputs);
    places.scaled = take(widest * sizes.inputs);
    places.square = take(n * sizes.inputs + row_padding);  // symmetric_out() reads a vector beyond
}

}  // namespace

bool uses_products(const PackedNetwork& packed) {
    const kernels::PackedLayer& first = packed.layers().front();
    return packed.layers().size() > 1 && first.inputs <= kernels::most_product_inputs &&
           !facts(first.activation).piecewise_linear;
}

InferencePlaces inference_places(const PackedNetwork& packed, InferenceWork work, std::size_t capacity) {
    const Sizes sizes(packed);
    InferencePlaces places{.capacity = capacity};
    take_forward(packed, sizes, places);
    if (work == InferenceWork::outputs) {
        return places;
    }
    const Taking take(places);
    places.slopes = take(capacity * sizes.units);
    places.output = take(capacity * sizes.outputs);
    take_pairs(packed, work, places);
    take_chain(sizes, work, places);
    if (kernels::needs_bends(work)) {
        take_second_derivatives(packed, sizes, work, places);
    }
    return places;
}

double inference_operations(const PackedNetwork& packed, InferenceWork work) {
    const double K = static_cast<double>(packed.layers().back().outputs);
    const double n = static_cast<double>(packed.layers().front().inputs);
    double pass = 0.0, units = 0.0, tangents = 0.0;
    for (const kernels::PackedLayer& layer : packed.layers()) {
        const double products = 2.0 * static_cast<double>(layer.inputs) * static_cast<double>(layer.outputs);
        pass += products;
        units += static_cast<double>(layer.outputs);
        tangents += products * n;
    }
    const double sums = units * n * (n + 1.0);
    switch (work) {
        case InferenceWork::outputs:
            return pass;
        case InferenceWork::jacobian:
            return (1.0 + K) * pass;
        case InferenceWork::vector_jacobian:
        case InferenceWork::jacobian_vector:
            return 2.0 * pass;
        case InferenceWork::hessian:
            return (1.0 + K) * pass + K * sums + tangents;
        case InferenceWork::weighted_hessian:
            return 2.0 * pass + sums + tangents;
        case InferenceWork::hessian_vector:
            break;
    }
    return 4.0 * pass;
}

}  // namespace handgrad
