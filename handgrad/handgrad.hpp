// The whole public interface of handgrad, in reading order.
#pragma once

// Foundations: the one exception, matrices and views, random numbers that are a pure function of seed and index.
#include "handgrad/base/error.hpp"
#include "handgrad/base/matrix.hpp"
#include "handgrad/base/not_enough_memory.hpp"
#include "handgrad/base/random.hpp"
// For programs: files that are written whole or not at all, what readers refuse to exceed, names that the user may have
// meant, the version.
#include "handgrad/base/atomic_file.hpp"
#include "handgrad/base/limits.hpp"
#include "handgrad/base/suggest.hpp"
#include "handgrad/base/utf8.hpp"
#include "handgrad/base/version.hpp"

// What a derivation leaves open and tools make differently, as declared fields.
#include "handgrad/math/conventions.hpp"
// The formulas, each written once for every type of number.
#include "handgrad/math/activations.hpp"
#include "handgrad/math/losses.hpp"
#include "handgrad/math/output_loss.hpp"
#include "handgrad/math/updates.hpp"
// Eq. (1)–(19) literally, with dense Jacobians: the oracle.
#include "handgrad/math/two_layer.hpp"

// Which instruction set and how many threads work; neither changes a bit of a result.
#include "handgrad/kernels/simd_level.hpp"

// Step 1: the network, weights in one flat buffer.
#include "handgrad/nn/mlp.hpp"
// What forward leaves for backward.
#include "handgrad/nn/tape.hpp"
// Steps 2 to 4: forward, loss, backward; and the Jacobian and Hessian by the input.
#include "handgrad/nn/passes.hpp"
// The same three steps in one call, at full speed.
#include "handgrad/nn/loss_gradient.hpp"
// Training on derivatives: the term that compares ∂ŷ/∂x with what it should be, and its gradient.
#include "handgrad/nn/jacobian_loss_gradient.hpp"
// For a loss of your own, or a network inside a larger function: from ∂l/∂ŷ to ∂l/∂θ and ∂l/∂x.
#include "handgrad/nn/vector_jacobian.hpp"
#include "handgrad/nn/weight_products.hpp"
// Networks that are monotone in some inputs, for all x, because of the signs of their weights.
#include "handgrad/nn/monotone.hpp"
// A trained network in use: outputs and derivatives by the input, for one row or many, fast.
#include "handgrad/nn/predictor.hpp"
// Not included here: handgrad/nn/fixed_predictor.hpp, the same for a shape that is known when compiling. It is made of
// the instructions that the including file is compiled for, and refuses -ffast-math.

// Tables from files: named columns of numbers or texts.
#include "handgrad/data/table.hpp"
// The same from columns that a program has in memory.
#include "handgrad/data/table_builder.hpp"
// What a network sees of a table: encoding, imputation and scaling, fitted once and kept in the model.
#include "handgrad/data/preprocessing.hpp"
// One row of cells, numbers and texts, that is in no table.
#include "handgrad/data/raw_row.hpp"

// A trained model and its file; how its conventions are called there.
#include "handgrad/store/conformity.hpp"
#include "handgrad/store/convention_names.hpp"
#include "handgrad/store/head.hpp"
#include "handgrad/store/history.hpp"
#include "handgrad/store/model.hpp"
#include "handgrad/store/setting_values.hpp"
#include "handgrad/store/tensor_file.hpp"
#include "handgrad/store/train_state.hpp"
#include "handgrad/store/training_rows.hpp"

// Step 5: the update.
#include "handgrad/train/optimizer.hpp"
// All five steps, epoch after epoch, and what may take the place of mini-batch steps.
#include "handgrad/train/solver.hpp"
#include "handgrad/train/trainer.hpp"
// From a table to a model in one call, and from a model to predictions and metrics.
#include "handgrad/train/checkpoint_folder.hpp"
#include "handgrad/train/encoding.hpp"
#include "handgrad/train/evaluation.hpp"
#include "handgrad/train/fit.hpp"
#include "handgrad/train/intervals.hpp"
#include "handgrad/train/metrics.hpp"
#include "handgrad/train/outside.hpp"
#include "handgrad/train/prediction.hpp"
#include "handgrad/train/scores.hpp"
// Every setting of a training, described once.
#include "handgrad/train/setting.hpp"
#include "handgrad/train/settings.hpp"
#include "handgrad/train/settings_text.hpp"
// From a model file to values in the user's units, row by row: what a program embeds.
#include "handgrad/train/model_predictor.hpp"

// Beyond what trains and uses a network each subject has a namespace of its own. A text with formulas, tables and
// numbers, and how it is written.
#include "handgrad/document/document.hpp"
#include "handgrad/document/notation.hpp"
#include "handgrad/document/render.hpp"
// Every derivative in the open: the tables of a network's derivation, and one step in numbers.
#include "handgrad/explain/compose.hpp"
#include "handgrad/explain/derivation.hpp"
#include "handgrad/explain/explanation.hpp"
#include "handgrad/explain/formulas.hpp"
#include "handgrad/explain/slopes.hpp"
#include "handgrad/explain/trace.hpp"
#include "handgrad/explain/training_steps.hpp"
#include "handgrad/explain/whole_numbers.hpp"
// Every derivative of a model, judged against the complex step.
#include "handgrad/certify/certificate.hpp"
// Somebody else's gradients against ours, and the mistakes that explain them; an exercise sheet that was filled in.
#include "handgrad/compare/answers.hpp"
#include "handgrad/compare/comparison.hpp"
#include "handgrad/compare/grading.hpp"
#include "handgrad/compare/marking.hpp"
// What a network does on a table: which factor starves a layer, which rows pull, how much each column moves.
#include "handgrad/diagnose/diagnosis.hpp"
#include "handgrad/diagnose/gradient_flow.hpp"
#include "handgrad/diagnose/row_forensics.hpp"
#include "handgrad/diagnose/sensitivity.hpp"
#include "handgrad/diagnose/training_course.hpp"
// Which settings suit a table, by rows that a network has not seen.
#include "handgrad/select/cross_validation.hpp"
#include "handgrad/select/fit_with_intervals.hpp"
#include "handgrad/select/folds.hpp"
#include "handgrad/select/search_points.hpp"
#include "handgrad/select/search_space.hpp"
#include "handgrad/select/trial_log.hpp"
#include "handgrad/select/tuning.hpp"
// All of it on one page.
#include "handgrad/report/grading_page.hpp"
#include "handgrad/report/report.hpp"
// What each of them reads like as plain text.
#include "handgrad/summary/comparison_text.hpp"
#include "handgrad/summary/descriptions.hpp"
#include "handgrad/summary/layout.hpp"
#include "handgrad/summary/selection_text.hpp"
#include "handgrad/summary/texts.hpp"

// Files that other programs run or read: C99, the weights for NumPy and PyTorch.
#include "handgrad/export/c99.hpp"
#include "handgrad/export/casadi.hpp"
#include "handgrad/export/onnx.hpp"
#include "handgrad/export/weights.hpp"
// And networks of other programs as models.
#include "handgrad/import/import.hpp"

// What the machine can do at most, and what training and inference make of it.
#include "handgrad/measure/bench.hpp"
#include "handgrad/measure/machine.hpp"
#include "handgrad/measure/workload.hpp"
