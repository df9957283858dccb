// How much scratch each kind of inference takes, where things lie in it, and how many operations a row costs.
#pragma once

#include <cstddef>

#include "handgrad/kernels/inference_plan.hpp"
#include "handgrad/nn/packed_network.hpp"

namespace handgrad {

/// What one kind of work needs of scratch for tiles of `capacity` rows. Second derivatives go by tiles always: one row
/// of them is a tile that is not full.
kernels::InferencePlaces inference_places(const PackedNetwork& packed, kernels::InferenceWork work,
                                          std::size_t capacity);

/// Operations of one row.
double inference_operations(const PackedNetwork& packed, kernels::InferenceWork work);

/// Whether second derivatives of the network use a table of products of two weights (InferenceNet::products).
bool uses_products(const PackedNetwork& packed);

}  // namespace handgrad
