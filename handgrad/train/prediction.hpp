// A model applied to a table: outputs in the user's units, classes and probabilities, Jacobians, metrics.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include "handgrad/base/matrix.hpp"
#include "handgrad/data/preprocessing.hpp"
#include "handgrad/kernels/simd_level.hpp"
#include "handgrad/store/model.hpp"
#include "handgrad/train/metrics.hpp"
#include "handgrad/train/trainer.hpp"

namespace handgrad {

struct Prediction {
    Matrix<double> values;               ///< regression: rows × targets, in the user's units; of several labels the
                                         ///< share of yes, which answer_of() makes 0 or 1
    std::vector<std::uint32_t> classes;  ///< classification: index into preprocessing.classes
    Matrix<double> probabilities;        ///< classification by σ or softmax outputs: rows × classes; else no columns
    Matrix<double> surprisals;   ///< −ln of each of them, finite where one has become 0; of several labels by σ
                                 ///< rows × 2 labels, of no and of yes
    std::vector<double> scores;  ///< classification with one output: ŷ of the positive class
    std::size_t nonfinite = 0;   ///< rows in which a value, or what the network puts out, is no finite number
};

/// A network's raw outputs, decoded. Single output: the second class where ŷ > ½; several: the largest (first of
/// equals). Probabilities of several σ outputs are their values divided by their sum; all alike where that is 0. With
/// the logits z probabilities are computed from them in double, so that a class that is almost ruled out keeps its
/// digits.
Prediction decode(const Preprocessing& preprocessing, Activation output, MatrixView<const double> yhat,
                  MatrixView<const double> z = {});

/// Reads nothing, prints nothing: encodes the table by the model's own preprocessing and runs the network on every row.
Prediction predict(const Model& model, const Table& table, const ApplyOptions& options = {.labels = Labels::absent},
                   const Execution& execution = {});
/// The same for rows that are encoded already, in the model's precision.
template <class T>
Prediction predict(const Model& model, const BasicDataset<T>& data, const Execution& execution = {});

/// ∂ŷ/∂x of each row in the user's units, rows × (K·n): for regression outputs by targets, for classification the
/// derivative of each network output (one σ output: of the second class's probability). Categories count as 0/1
/// numbers.
Matrix<double> jacobians(const Model& model, const Table& table,
                         const ApplyOptions& options = {.labels = Labels::absent}, const Execution& execution = {});
template <class T>
Matrix<double> jacobians(const Model& model, const BasicDataset<T>& data, const Execution& execution = {});

/// predict() and jacobians() of a table that is encoded once.
struct Differentiated {
    Prediction prediction;
    Matrix<double> jacobians;
};
Differentiated predict_with_jacobians(const Model& model, const Table& table,
                                      const ApplyOptions& options = {.labels = Labels::absent},
                                      const Execution& execution = {});

/// jacobians() for rows that are encoded already, of which one after the other is handed to `take`: K·n numbers.
template <class T>
void for_each_jacobian(const Model& model, std::type_identity_t<MatrixView<const T>> x, const Execution& execution,
                       const std::function<void(std::span<const double>)>& take);
/// `d(price)/d(area)`, `d(price)/d(city=Rome)` …, in the order of a row of jacobians().
std::vector<std::string> jacobian_names(const Model& model);
/// ∂²ŷ/∂x² of each row in the user's units, of what jacobians() differentiates. It is symmetric, so its upper triangle
/// is all of it: rows × (K·n(n+1)/2), of each output H_11, H_12 … H_1n, H_22 …. Where an activation has a kink its
/// second derivative counts as 0 (math/activations.hpp). Raises Error(data) for more numbers than can be meant.
Matrix<double> hessians(const Model& model, const Table& table,
                        const ApplyOptions& options = {.labels = Labels::absent}, const Execution& execution = {});
template <class T>
Matrix<double> hessians(const Model& model, const BasicDataset<T>& data, const Execution& execution = {});
/// `d2(price)/d(area)d(city=Rome)` …, in the order of a row of hessians(): the columns in their order, each with itself
/// and those behind it.
std::vector<std::string> hessian_names(const Model& model);
/// What the derivatives are of: the targets, or for a classifier p(CLASS) where outputs are the probabilities of
/// decode() (one σ output, softmax), else the class's name.
std::vector<std::string> output_names(const Model& model);

/// Raises Error(data) naming the first of these rows that has a target outside the domain of the loss; classes never
/// are.
void check_target_domain(const Preprocessing& preprocessing, const Table& table, std::span<const std::size_t> rows,
                         Loss loss);

/// The class that each labelled row has.
template <class T>
std::vector<std::uint32_t> classes_of(const Preprocessing& preprocessing, const BasicDataset<T>& data);

/// Metrics of what decode() made of a network's outputs against the labels of an encoded dataset.
template <class T>
Metrics metrics_of(const Preprocessing& preprocessing, const Prediction& prediction, const BasicDataset<T>& data);

/// The same of outputs; those without logits (z empty) will do.
template <class T>
Metrics metrics_of(const Preprocessing& preprocessing, Activation output, const Outputs<T>& outputs,
                   const BasicDataset<T>& data);

}  // namespace handgrad
