// Encodes a table as the model was trained on it, runs the network, and decodes what comes out.
#include "handgrad/train/prediction.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <cstddef>
#include <initializer_list>
#include <numeric>
#include <span>
#include <type_traits>
#include <utility>
#include <variant>

#include "handgrad/base/error.hpp"
#include "handgrad/base/limits.hpp"
#include "handgrad/base/wording.hpp"
#include "handgrad/math/activations.hpp"
#include "handgrad/nn/predictor.hpp"
#include "handgrad/train/decoding.hpp"

namespace handgrad {
namespace {

/// Rows whose Jacobians are taken at a time, fewer where that would be more numbers than these.
constexpr std::size_t block_rows = 1024;
constexpr std::size_t block_numbers = std::size_t{1} << 24;

/// y · scale + shift of each target: from what the network learned to the user's units.
Matrix<double> all_in_user_units(const Preprocessing& preprocessing, MatrixView<const double> values) {
    Matrix<double> result(values.rows(), values.columns());
    for (std::size_t i = 0; i < values.rows(); ++i) {
        for (std::size_t k = 0; k < values.columns(); ++k) {
            result(i, k) = in_user_units(preprocessing.targets[k], values(i, k));
        }
    }
    return result;
}

/// Whether each output is by itself the probability of a class: one σ output, or softmax.
bool outputs_are_probabilities(const Preprocessing& preprocessing, Activation output) {
    return preprocessing.task == Task::classification &&
           (output == Activation::softmax || (output == Activation::sigmoid && preprocessing.one_output));
}

/// Rows in which one of these matrices, of which some may be without rows, has a number that is not finite.
std::size_t nonfinite_rows(std::initializer_list<MatrixView<const double>> matrices) {
    std::size_t rows = 0;
    for (const MatrixView<const double>& matrix : matrices) {
        rows = std::max(rows, matrix.rows());
    }
    std::size_t count = 0;
    for (std::size_t i = 0; i < rows; ++i) {
        count += std::ranges::any_of(matrices, [i](const MatrixView<const double>& matrix) {
            return i < matrix.rows() && !std::ranges::all_of(matrix.row(i), [](double x) { return std::isfinite(x); });
        });
    }
    return count;
}

template <class T>
BasicDataset<T> encode(const Preprocessing& preprocessing, const Table& table, const ApplyOptions& options) {
    return apply_preprocessing<T>(preprocessing, table, all_rows(table.rows), options);
}

}  // namespace

template <class T>
Metrics metrics_of(const Preprocessing& preprocessing, const Prediction& prediction, const BasicDataset<T>& data) {
    const Matrix<double> y = convert<double>(data.y);
    const std::vector<double> weights(data.metric_weights().begin(), data.metric_weights().end());
    if (preprocessing.task == Task::regression) {
        assert(prediction.values.rows() == y.rows());
        return regression_metrics(prediction.values, all_in_user_units(preprocessing, y), weights);
    }
    if (preprocessing.task == Task::multilabel) {
        return multilabel_metrics(prediction.values, y, weights, prediction.surprisals);
    }
    assert(prediction.classes.size() == y.rows());
    return classification_metrics(prediction.classes, classes_of(preprocessing, data), prediction.probabilities,
                                  prediction.scores, weights, prediction.surprisals);
}

template <class T>
std::vector<std::uint32_t> classes_of(const Preprocessing& preprocessing, const BasicDataset<T>& data) {
    const Matrix<double> y = convert<double>(data.y);
    std::vector<std::uint32_t> classes;
    for (std::size_t i = 0; i < y.rows(); ++i) {
        classes.push_back(class_of(preprocessing, y.row(i)));
    }
    return classes;
}

namespace {

/// Several labels: shares from the logits in double, where outputs are σ.
Prediction decode_labels(Activation output, MatrixView<const double> yhat, MatrixView<const double> z) {
    Prediction prediction;
    prediction.values = Matrix<double>(yhat.rows(), yhat.columns());
    const bool probable = output == Activation::sigmoid;
    prediction.surprisals = Matrix<double>(yhat.rows(), probable ? 2 * yhat.columns() : 0);
    for (std::size_t i = 0; i < yhat.rows(); ++i) {
        const std::span<double> shares = prediction.values.row(i);
        std::ranges::copy(yhat.row(i), shares.begin());
        if (!probable) {
            continue;
        }
        const auto logits = z.rows() == 0 ? std::span<const double>() : z.row(i);
        std::ranges::transform(logits, shares.begin(), [](double z_k) { return math::Sigmoid::value(z_k); });
        fill_surprisals_of_labels(logits, shares, prediction.surprisals.row(i));
    }
    return prediction;
}

}  // namespace

namespace {

/// One class of several for each row.
Prediction decode_classes(const Preprocessing& preprocessing, Activation output, MatrixView<const double> yhat,
                          MatrixView<const double> z) {
    Prediction prediction;
    const bool probable = has_probabilities(output);
    prediction.probabilities = Matrix<double>(yhat.rows(), probable ? preprocessing.classes.size() : 0);
    prediction.surprisals = Matrix<double>(yhat.rows(), prediction.probabilities.columns());
    for (std::size_t i = 0; i < yhat.rows(); ++i) {
        prediction.classes.push_back(class_of(preprocessing, yhat.row(i)));
        if (probable) {
            const auto logits = z.rows() == 0 ? std::span<const double>() : z.row(i);
            fill_probabilities(preprocessing, output, yhat.row(i), logits, prediction.probabilities.row(i));
            fill_surprisals(preprocessing, output, logits, prediction.probabilities.row(i),
                            prediction.surprisals.row(i));
        }
        if (preprocessing.one_output) {
            prediction.scores.push_back(probable ? prediction.probabilities(i, 1) : yhat(i, 0));
        }
    }
    return prediction;
}

}  // namespace

Prediction decode(const Preprocessing& preprocessing, Activation output, MatrixView<const double> yhat,
                  MatrixView<const double> z) {
    assert(yhat.columns() == preprocessing.outputs() && (z.rows() == 0 || z.rows() == yhat.rows()));
    Prediction prediction;
    switch (preprocessing.task) {
        case Task::regression:
            prediction.values = all_in_user_units(preprocessing, yhat);
            break;
        case Task::multilabel:
            prediction = decode_labels(output, yhat, z);
            break;
        case Task::classification:
            prediction = decode_classes(preprocessing, output, yhat, z);
            break;
    }
    prediction.nonfinite = nonfinite_rows({yhat, z, prediction.values});
    return prediction;
}

template <class T>
Prediction predict(const Model& model, const BasicDataset<T>& data, const Execution& execution) {
    const Outputs<T> out = outputs(std::get<BasicMlp<T>>(model.net), data.x, execution);
    return decode(model.preprocessing, model.architecture().output, convert<double>(out.yhat), convert<double>(out.z));
}

Prediction predict(const Model& model, const Table& table, const ApplyOptions& options, const Execution& execution) {
    return std::visit(
        [&]<class T>(const BasicMlp<T>& /*net*/) {
            return predict<T>(model, encode<T>(model.preprocessing, table, options), execution);
        },
        model.net);
}

namespace {

/// So many derivatives that they cannot all be meant are refused before they are asked for: of one row, and as a table
/// (`dense`) of rows. Each output is differentiated by so many inputs or pairs of them, `what` in words.
void refuse_many_derivatives(const Model& model, std::size_t rows, bool dense, std::size_t by,
                             const std::string& what) {
    const std::size_t K = model.architecture().outputs(), n = model.architecture().inputs();
    if (K > limits::derivatives / by) {
        throw Error(ErrorKind::data, "derivatives: " + plural(K, "output") + " by " + what + " are " +
                                         short_number(static_cast<double>(K) * static_cast<double>(by)) +
                                         " numbers for each row; at most " + std::to_string(limits::derivatives) +
                                         " are computed");
    }
    if (dense && rows > limits::dense_numbers(rows * n) / (K * by)) {
        throw Error(ErrorKind::data, "derivatives: " + plural(rows, "row") + " of " + std::to_string(K * by) +
                                         " numbers need " +
                                         short_number(static_cast<double>(rows * K * by) * sizeof(double) / 1e9) +
                                         " GB; take fewer rows at a time");
    }
}
void refuse_many_derivatives(const Model& model, std::size_t rows, bool dense) {
    const std::size_t n = model.architecture().inputs();
    refuse_many_derivatives(model, rows, dense, n, plural(n, "input"));
}

/// ∂ŷ/∂x of each row in the user's units for `take`, and unless it is null what the network puts out, of one pass
/// forward.
template <class T>
void differentiate(const Model& model, MatrixView<const T> x, const Execution& execution, Outputs<T>* outputs,
                   const std::function<void(std::span<const double>)>& take) {
    const BasicMlp<T>& net = std::get<BasicMlp<T>>(model.net);
    const std::size_t K = net.outputs();
    const std::size_t n = net.inputs();
    refuse_many_derivatives(model, x.rows(), false);
    const std::vector<double> input_slopes = model.preprocessing.input_slopes();
    const BasicPredictor<T> predictor(net, execution);
    std::vector<double> in_units(K * n);
    const std::size_t most_rows = std::clamp<std::size_t>(block_numbers / (K * n), 1, block_rows);
    Outputs<T> of_block{Matrix<T>(), Matrix<T>(std::min(most_rows, x.rows()), K)};
    Matrix<T> J(std::min(most_rows, x.rows()), K * n);
    for (std::size_t first = 0; first < x.rows(); first += most_rows) {
        const std::size_t rows = std::min(most_rows, x.rows() - first);
        MatrixView<T> yhat = of_block.yhat.view().rows_from(0, rows), z;
        if (outputs != nullptr) {
            yhat = outputs->yhat.view().rows_from(first, rows);
            z = outputs->z.view().rows_from(first, rows);
        }
        predictor.jacobian(x.rows_from(first, rows), z, yhat, J.view().rows_from(0, rows));
        for (std::size_t row = 0; row < rows; ++row) {
            for (std::size_t k = 0; k < K; ++k) {
                const double slope = output_slope(model.preprocessing, k);
                for (std::size_t j = 0; j < n; ++j) {
                    in_units[k * n + j] = derivative_in_user_units(J(row, k * n + j), slope, input_slopes[j]);
                }
            }
            take(in_units);
        }
    }
}

}  // namespace

template <class T>
void for_each_jacobian(const Model& model, std::type_identity_t<MatrixView<const T>> x, const Execution& execution,
                       const std::function<void(std::span<const double>)>& take) {
    differentiate<T>(model, x, execution, nullptr, take);
}

template <class T>
Matrix<double> jacobians(const Model& model, const BasicDataset<T>& data, const Execution& execution) {
    const BasicMlp<T>& net = std::get<BasicMlp<T>>(model.net);
    refuse_many_derivatives(model, data.rows(), true);
    Matrix<double> result(data.rows(), net.outputs() * net.inputs());
    std::size_t next = 0;
    for_each_jacobian<T>(model, data.x, execution,
                         [&](std::span<const double> row) { std::ranges::copy(row, result.row(next++).begin()); });
    return result;
}

Matrix<double> jacobians(const Model& model, const Table& table, const ApplyOptions& options,
                         const Execution& execution) {
    return std::visit(
        [&]<class T>(const BasicMlp<T>& /*net*/) {
            return jacobians<T>(model, encode<T>(model.preprocessing, table, options), execution);
        },
        model.net);
}

Differentiated predict_with_jacobians(const Model& model, const Table& table, const ApplyOptions& options,
                                      const Execution& execution) {
    return std::visit(
        [&]<class T>(const BasicMlp<T>& /*net*/) -> Differentiated {
            const BasicDataset<T> data = encode<T>(model.preprocessing, table, options);
            const std::size_t K = model.architecture().outputs();
            refuse_many_derivatives(model, data.rows(), true);
            Outputs<T> out{Matrix<T>(data.rows(), K), Matrix<T>(data.rows(), K)};
            Matrix<double> slopes(data.rows(), K * data.x.columns());
            std::size_t next = 0;
            differentiate<T>(model, data.x, execution, &out,
                             [&](std::span<const double> row) { std::ranges::copy(row, slopes.row(next++).begin()); });
            return {decode(model.preprocessing, model.architecture().output, convert<double>(out.yhat),
                           convert<double>(out.z)),
                    std::move(slopes)};
        },
        model.net);
}

template <class T>
Matrix<double> hessians(const Model& model, const BasicDataset<T>& data, const Execution& execution) {
    const BasicMlp<T>& net = std::get<BasicMlp<T>>(model.net);
    const std::size_t K = net.outputs(), n = net.inputs(), triangle = n * (n + 1) / 2;
    refuse_many_derivatives(model, data.rows(), true, triangle, plural(triangle, "pair") + " of inputs");
    const std::vector<double> slopes = model.preprocessing.input_slopes();
    const BasicPredictor<T> predictor(net, execution, Differentiable::twice);
    const std::size_t most_rows = std::clamp<std::size_t>(block_numbers / (K * n * n), 1, block_rows);
    Matrix<T> yhat(std::min(most_rows, data.rows()), K), H(std::min(most_rows, data.rows()), K * n * n);
    Matrix<double> result(data.rows(), K * triangle);
    for (std::size_t first = 0; first < data.rows(); first += most_rows) {
        const std::size_t rows = std::min(most_rows, data.rows() - first);
        predictor.hessian(data.x.view().rows_from(first, rows), yhat.view().rows_from(0, rows),
                          H.view().rows_from(0, rows));
        for (std::size_t row = 0; row < rows; ++row) {
            double* to = result.row(first + row).data();
            for (std::size_t k = 0; k < K; ++k) {
                const double slope = output_slope(model.preprocessing, k);
                for (std::size_t i = 0; i < n; ++i) {
                    for (std::size_t j = i; j < n; ++j) {
                        *to++ =
                            second_derivative_in_user_units(H(row, (k * n + i) * n + j), slope, slopes[i], slopes[j]);
                    }
                }
            }
        }
    }
    return result;
}

Matrix<double> hessians(const Model& model, const Table& table, const ApplyOptions& options,
                        const Execution& execution) {
    return std::visit(
        [&]<class T>(const BasicMlp<T>& /*net*/) {
            return hessians<T>(model, encode<T>(model.preprocessing, table, options), execution);
        },
        model.net);
}

std::vector<std::string> output_names(const Model& model) {
    const Preprocessing& preprocessing = model.preprocessing;
    std::vector<std::string> names;
    if (preprocessing.task != Task::classification) {
        const bool shares = preprocessing.task == Task::multilabel && has_probabilities(model.architecture().output);
        for (const TargetColumn& target : preprocessing.targets) {
            names.push_back(when(shares, "p(") + target.name + when(shares, ")"));
        }
        return names;
    }
    const bool probabilities = outputs_are_probabilities(preprocessing, model.architecture().output);
    for (std::size_t c = preprocessing.one_output ? 1 : 0; c < preprocessing.classes.size(); ++c) {
        names.push_back(probabilities ? "p(" + preprocessing.classes[c] + ")" : preprocessing.classes[c]);
    }
    return names;
}

std::vector<std::string> jacobian_names(const Model& model) {
    std::vector<std::string> names;
    for (const std::string& output : output_names(model)) {
        for (const std::string& input : model.preprocessing.input_names()) {
            names.push_back("d(" + output + ")/d(" + input + ")");
        }
    }
    return names;
}

std::vector<std::string> hessian_names(const Model& model) {
    const std::vector<std::string> inputs = model.preprocessing.input_names();
    std::vector<std::string> names;
    for (const std::string& output : output_names(model)) {
        for (std::size_t i = 0; i < inputs.size(); ++i) {
            for (std::size_t j = i; j < inputs.size(); ++j) {
                names.push_back("d2(" + output + ")/d(" + inputs[i] + ")d(" + inputs[j] + ")");
            }
        }
    }
    return names;
}

void check_target_domain(const Preprocessing& preprocessing, const Table& table, std::span<const std::size_t> rows,
                         Loss loss) {
    if (preprocessing.task != Task::regression) {
        return;
    }
    const LossFacts& domain = facts(loss);
    for (const TargetColumn& target : preprocessing.targets) {
        const std::vector<double>& y = table.column(target.name).numbers;
        for (const std::size_t row : rows) {
            if (y[row] < domain.lowest_target || y[row] > domain.highest_target) {
                throw Error(ErrorKind::data, table.place(row) + ": column '" + target.name +
                                                 "': " + format_number(y[row]) + " is outside the domain of the loss " +
                                                 std::string(domain.name) + ", " + format_number(domain.lowest_target) +
                                                 " to " + format_number(domain.highest_target) +
                                                 "; correct it, or train with another loss")
                    .about("loss");
            }
        }
    }
}

template <class T>
Metrics metrics_of(const Preprocessing& preprocessing, Activation output, const Outputs<T>& outputs,
                   const BasicDataset<T>& data) {
    return metrics_of(preprocessing,
                      decode(preprocessing, output, convert<double>(outputs.yhat), convert<double>(outputs.z)), data);
}

#define HANDGRAD_INSTANTIATE(T)                                                                   \
    template Prediction predict(const Model&, const BasicDataset<T>&, const Execution&);          \
    template Matrix<double> jacobians(const Model&, const BasicDataset<T>&, const Execution&);    \
    template Matrix<double> hessians(const Model&, const BasicDataset<T>&, const Execution&);     \
    template void for_each_jacobian<T>(const Model&, MatrixView<const T>, const Execution&,       \
                                       const std::function<void(std::span<const double>)>&);      \
    template std::vector<std::uint32_t> classes_of(const Preprocessing&, const BasicDataset<T>&); \
    template Metrics metrics_of(const Preprocessing&, const Prediction&, const BasicDataset<T>&); \
    template Metrics metrics_of(const Preprocessing&, Activation, const Outputs<T>&, const BasicDataset<T>&);
HANDGRAD_INSTANTIATE(float)
HANDGRAD_INSTANTIATE(double)
#undef HANDGRAD_INSTANTIATE

}  // namespace handgrad
