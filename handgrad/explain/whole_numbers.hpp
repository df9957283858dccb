// Small networks of whole numbers, with rows to work through by hand.
#pragma once

#include <cstdint>
#include <string>

#include "handgrad/data/table.hpp"
#include "handgrad/explain/trace.hpp"
#include "handgrad/nn/mlp.hpp"
#include "handgrad/nn/passes.hpp"
#include "handgrad/store/model.hpp"

namespace handgrad::explain {

struct WholeNumberOptions {
    std::uint64_t seed = 0;               ///< another network and other rows for each
    std::string source = "exercise.csv";  ///< what the table is called
};

/// A model in double whose columns are neither scaled nor encoded but for classes, and a table for it.
struct WholeNumberProblem {
    Model model;
    Table table;      ///< six rows; fewer only where the shape has no more
    std::string csv;  ///< the table as a text
};

/// Weights and inputs are whole numbers from −3 to 3 without 0, biases with 0, targets what the loss takes of that
/// range (0 and 1 behind σ, classes behind softmax). On every row each activation changes something: no z lies on a
/// kink, in a layer of the ReLU family one unit is on and another off at least (a single one is on), and no δ is 0 but
/// where a unit is off, at which a gradient arrives that is not 0. Of many draws it is the one with the smallest
/// numbers on the way. The model records the optimizer of `step`. Raises Error(usage) for a shape that is none, and
/// where nothing of the kind was found (a single softmax output, whose gradient is 0 always).
WholeNumberProblem whole_number_problem(const Architecture& architecture, const LossFunction& loss,
                                        const StepOptions& step, const WholeNumberOptions& options = {});

}  // namespace handgrad::explain
