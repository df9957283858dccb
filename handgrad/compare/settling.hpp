// What is settled once every tensor has been searched: one name for each, by all of them together.
#pragma once

#include <algorithm>
#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "handgrad/compare/comparison.hpp"
#include "handgrad/compare/tensor_search.hpp"

namespace handgrad::compare {

/// Products of at most so many factors are tried, alone and beside causes of other kinds.
inline constexpr std::size_t most_factors = 3;

/// One tensor of theirs and the parameter that it belongs to.
struct Compared {
    std::size_t parameter;  ///< 2l: W of layer l, 2l + 1: b
    TensorSearch search;
};

inline bool has(const std::vector<Cause>& causes, Cause cause) {
    return std::ranges::find(causes, cause) != causes.end();
}

/// Whether there is nothing but zeros in theirs.
bool all_zeros(const Compared& compared);

/// How many tensors each set of causes, joined by `+`, explains beyond chance.
std::map<std::string, std::size_t> votes_of(const std::vector<Compared>& compared);

/// Names the cause of a tensor that does not pass: the fewest, then what explains most tensors, then the order in which
/// they were tried. A tensor of which the right gradient says too little is wrong all the same when it is another one
/// in every entry.
void settle(const TensorSearch& search, const std::map<std::string, std::size_t>& votes, const TensorSums& right,
            ComparedTensor& tensor);

/// What only the other tensors can tell: 1/B in a bias whose weights have none is its own sum; 2 in every tensor of a
/// loss in which no 2 stands is a gradient added twice.
void settle_together(Comparison& comparison, const std::vector<Compared>& compared, Loss loss);

/// Where to look when no cause fits, from which of the tensors around it are right.
std::string place_to_look(const Comparison& comparison, const std::vector<Compared>& compared, std::size_t index,
                          std::size_t layers);

}  // namespace handgrad::compare
