// The verdict on one tensor of derivatives: agreed, refuted, or neither, and what would have been noticed.
#pragma once

#include <cstddef>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include "handgrad/certify/certificate.hpp"
#include "handgrad/certify/rounding_bound.hpp"

namespace handgrad::certify {

/// A PASS would notice an error of this share of the tensor's norm, and then of zeros, of the other sign, of ½, 1.1 or
/// 2 times the tensor.
inline constexpr double most_detection_limit = 0.01;
/// Rows and columns of a smaller share of the tensor's norm are not asked to be told from zeros.
inline constexpr double negligible_share = 0x1p-12;
/// What is below this share of the sizes of its terms is 0 by structure: in double nothing of it is left.
inline constexpr double nothing_left = 0x1p-40;

/// What an entry of the tensor should be.
struct ExpectedEntry {
    double value = 0.0;
    double size = 0.0;   ///< sum of the absolute values of its terms
    double usual = 0.0;  ///< what rounding usually moves it by at most: see usual_error()
    double worst = 0.0;  ///< … and ever; ∞ where nothing is known
    double jump = 0.0;   ///< what kinks near which a z stands may add
};
ExpectedEntry expected_entry(const BoundedNumber& number);

/// Lays a claimed tensor of rows × columns (a vector: rows × 1) over the expected one.
///
/// FAIL when an entry is farther away than rounding and kinks can ever explain, or when the claim is a multiple of the
/// tensor to which rounding does not usually lead: from 8 entries on, when what is left beside the multiple is a tenth
/// of the difference. PASS when the whole and each row and column lie within what rounding usually does, and that is so
/// little that an error of most_detection_limit of the norm, or a row or column of zeros, would have been seen. A
/// tensor that is 0 by structure passes (`zero`) when the claim is 0 beside the sizes of the terms that cancel.
/// UNDETERMINED otherwise, with a reason. Sizes below `floor` are 0 to the precision: a tensor whose norm is, passes
/// like one that is 0 by structure. Of a tensor with an entry that is not finite, or whose terms are beyond `largest`,
/// nothing but what its other entries refute is known.
Judgement judge(std::span<const double> claimed, std::span<const ExpectedEntry> expected, std::size_t columns,
                double floor = 0.0, double largest = std::numeric_limits<double>::max());

}  // namespace handgrad::certify
