// Within what predictions may be trusted: conformal intervals and label sets, of scores of rows that a network has not
// seen (docs/intervals.md).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "handgrad/base/matrix.hpp"
#include "handgrad/data/preprocessing.hpp"
#include "handgrad/store/conformity.hpp"
#include "handgrad/store/model.hpp"
#include "handgrad/train/prediction.hpp"

namespace handgrad {

/// ⌈(n + 1) · coverage⌉, of a coverage that is meant as its decimals say. Above n where n scores are too few for it,
/// and intervals are infinite.
std::size_t conformal_rank(std::size_t scores, double coverage);

/// Of labelled rows that the model has not seen: |y − ŷ| of each target in the table's units, or 1 − p of the class.
/// `prediction` is of these rows, in their order. Raises Error(data) as apply_preprocessing() does.
Matrix<double> conformity_scores(const Model& model, const Table& table, std::span<const std::size_t> rows,
                                 const Prediction& prediction);

struct Intervals {
    Matrix<double> lower = {}, upper = {};              ///< regression: rows × targets, in the table's units
    std::vector<std::vector<std::uint32_t>> sets = {};  ///< classification: of each row the classes, in their order
    std::size_t scores = 0;                             ///< that they are made of
    bool infinite = false;                              ///< these are too few: nothing is ruled out
};

/// Each target within its interval, or the class in its set, for at least `coverage` of new rows like those of the
/// scores, on average (cv_plus, jackknife_plus: guaranteed for 2 · coverage − 1). With n scores and r =
/// conformal_rank(n, coverage), split: ŷ ± the r-th smallest score; cv_plus and jackknife_plus (Barber, Candès, Ramdas,
/// Tibshirani 2021): from the (n + 1 − r)-th smallest of ŷ₋ᵢ − sᵢ to the r-th smallest of ŷ₋ᵢ + sᵢ, where ŷ₋ᵢ is of the
/// network that has not seen row i. A class is in the set where fewer than r scores sᵢ are below its 1 − p₋ᵢ.
/// `prediction` is the model's, of all rows of the table. Raises Error(usage) for a coverage that is not between 0 and
/// 1, and for a model that nothing was kept for.
Intervals intervals(const Model& model, const Table& table, const Prediction& prediction, double coverage,
                    const ApplyOptions& options = {.labels = Labels::absent}, const Execution& execution = {});

/// What the method promises for this coverage and what it gives as a rule, in a sentence or two.
std::string interval_promise(const Model& model, const Intervals& made, double coverage);

/// Of a labelled table: how many rows have a target within its interval, or their class in the set.
struct Coverage {
    std::size_t rows = 0;
    std::vector<std::size_t> within = {};  ///< of each target; one for a classification
    std::vector<double> width = {};  ///< of each target the mean of upper − lower; of classes that of a set's size
};
Coverage coverage_of(const Model& model, const Table& table, const Intervals& made);

}  // namespace handgrad
