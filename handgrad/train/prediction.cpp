// Encodes a table as the model was trained on it, runs the network, and decodes what comes out.
#include "handgrad/train/prediction.hpp"

#include <algorithm>
#include <cassert>
#include <cstddef>
#include <numeric>
#include <span>
#include <type_traits>
#include <variant>

#include "handgrad/base/error.hpp"
#include "handgrad/math/activations.hpp"
#include "handgrad/nn/predictor.hpp"

namespace handgrad {
namespace {

/// Rows whose Jacobians are taken at a time.
constexpr std::size_t block_rows = 1024;

/// y · scale + shift of each target: from what the network learned to the user's units.
Matrix<double> in_user_units(const Preprocessing& preprocessing, MatrixView<const double> values) {
    Matrix<double> result(values.rows(), values.columns());
    for (std::size_t i = 0; i < values.rows(); ++i) {
        for (std::size_t k = 0; k < values.columns(); ++k) {
            const TargetColumn& target = preprocessing.targets[k];
            result(i, k) = values(i, k) * target.scale + target.shift;
        }
    }
    return result;
}

/// The class that a row of outputs, or of 0/1 targets, stands for.
std::uint32_t class_of(const Preprocessing& preprocessing, std::span<const double> row) {
    if (preprocessing.one_output) {
        return row[0] > 0.5 ? 1 : 0;
    }
    return static_cast<std::uint32_t>(std::ranges::max_element(row) - row.begin());
}

/// Whether each output is by itself the probability of a class: one σ output, or softmax.
bool outputs_are_probabilities(const Preprocessing& preprocessing, Activation output) {
    return preprocessing.task == Task::classification &&
           (output == Activation::softmax || (output == Activation::sigmoid && preprocessing.one_output));
}

/// Fills the probabilities of all classes from one row of σ or softmax outputs, or better from their logits, when there
/// are any: 1 − σ(z) is σ(−z).
void fill_probabilities(const Preprocessing& preprocessing, Activation output, std::span<const double> yhat,
                        std::span<const double> z, std::span<double> probabilities) {
    if (preprocessing.one_output) {
        probabilities[0] = z.empty() ? 1.0 - yhat[0] : math::Sigmoid::value(-z[0]);
        probabilities[1] = z.empty() ? yhat[0] : math::Sigmoid::value(z[0]);
        return;
    }
    if (z.empty()) {
        std::ranges::copy(yhat, probabilities.begin());
    } else if (output == Activation::softmax) {
        math::Softmax::value(z, probabilities);
    } else {
        std::ranges::transform(z, probabilities.begin(), [](double z_k) { return math::Sigmoid::value(z_k); });
    }
    if (output == Activation::sigmoid) {
        const double sum = std::accumulate(probabilities.begin(), probabilities.end(), 0.0);
        for (double& p : probabilities) {
            p = sum == 0.0 ? 1.0 / static_cast<double>(probabilities.size()) : p / sum;
        }
    }
}

template <class T>
BasicDataset<T> encode(const Preprocessing& preprocessing, const Table& table, const ApplyOptions& options) {
    return apply_preprocessing<T>(preprocessing, table, all_rows(table.rows), options);
}

/// The number type of a network.
template <class Net>
using Number = std::remove_cvref_t<decltype(std::declval<Net>().parameters()[0])>;

/// What a unit of output k is worth in the user's units.
double output_slope(const Preprocessing& preprocessing, std::size_t k) {
    return preprocessing.task == Task::regression ? preprocessing.targets[k].scale : 1.0;
}

}  // namespace

Prediction decode(const Preprocessing& preprocessing, Activation output, MatrixView<const double> yhat,
                  MatrixView<const double> z) {
    assert(yhat.columns() == preprocessing.outputs() && (z.rows() == 0 || z.rows() == yhat.rows()));
    Prediction prediction;
    if (preprocessing.task == Task::regression) {
        prediction.values = in_user_units(preprocessing, yhat);
        return prediction;
    }
    const bool has_probabilities = output == Activation::sigmoid || output == Activation::softmax;
    prediction.probabilities = Matrix<double>(yhat.rows(), has_probabilities ? preprocessing.classes.size() : 0);
    for (std::size_t i = 0; i < yhat.rows(); ++i) {
        prediction.classes.push_back(class_of(preprocessing, yhat.row(i)));
        if (has_probabilities) {
            const auto logits = z.rows() == 0 ? std::span<const double>() : z.row(i);
            fill_probabilities(preprocessing, output, yhat.row(i), logits, prediction.probabilities.row(i));
        }
        if (preprocessing.one_output) {
            prediction.scores.push_back(has_probabilities ? prediction.probabilities(i, 1) : yhat(i, 0));
        }
    }
    return prediction;
}

Prediction predict(const Model& model, const Table& table, const ApplyOptions& options, const Execution& execution) {
    return std::visit(
        [&](const auto& net) {
            using T = Number<decltype(net)>;
            const BasicDataset<T> data = encode<T>(model.preprocessing, table, options);
            const Outputs<T> out = outputs(net, data.x, execution);
            return decode(model.preprocessing, net.architecture().output, convert<double>(out.yhat),
                          convert<double>(out.z));
        },
        model.net);
}

template <class T>
void for_each_jacobian(const Model& model, std::type_identity_t<MatrixView<const T>> x, const Execution& execution,
                       const std::function<void(std::span<const double>)>& take) {
    const BasicMlp<T>& net = std::get<BasicMlp<T>>(model.net);
    const std::size_t K = net.outputs();
    const std::size_t n = net.inputs();
    const std::vector<double> input_slopes = model.preprocessing.input_slopes();
    const BasicPredictor<T> predictor(net, execution);
    std::vector<double> in_units(K * n);
    Matrix<T> yhat(std::min(block_rows, x.rows()), K), J(std::min(block_rows, x.rows()), K * n);
    for (std::size_t first = 0; first < x.rows(); first += block_rows) {
        const std::size_t rows = std::min(block_rows, x.rows() - first);
        predictor.jacobian(x.rows_from(first, rows), yhat.view().rows_from(0, rows), J.view().rows_from(0, rows));
        for (std::size_t row = 0; row < rows; ++row) {
            for (std::size_t k = 0; k < K; ++k) {
                for (std::size_t j = 0; j < n; ++j) {
                    in_units[k * n + j] =
                        static_cast<double>(J(row, k * n + j)) * output_slope(model.preprocessing, k) * input_slopes[j];
                }
            }
            take(in_units);
        }
    }
}

Matrix<double> jacobians(const Model& model, const Table& table, const ApplyOptions& options,
                         const Execution& execution) {
    return std::visit(
        [&](const auto& net) {
            using T = Number<decltype(net)>;
            const BasicDataset<T> data = encode<T>(model.preprocessing, table, options);
            Matrix<double> result(data.rows(), net.outputs() * net.inputs());
            std::size_t next = 0;
            for_each_jacobian<T>(model, data.x, execution, [&](std::span<const double> row) {
                std::ranges::copy(row, result.row(next++).begin());
            });
            return result;
        },
        model.net);
}

std::vector<std::string> output_names(const Model& model) {
    const Preprocessing& preprocessing = model.preprocessing;
    std::vector<std::string> names;
    if (preprocessing.task == Task::regression) {
        for (const TargetColumn& target : preprocessing.targets) {
            names.push_back(target.name);
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

void check_target_domain(const Preprocessing& preprocessing, const Table& table, std::span<const std::size_t> rows,
                         Loss loss) {
    if (preprocessing.task == Task::classification) {
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

Evaluation evaluate(const Model& model, const Table& table, const ApplyOptions& options, const Execution& execution) {
    return std::visit(
        [&](const auto& net) {
            using T = Number<decltype(net)>;
            const BasicDataset<T> data = encode<T>(model.preprocessing, table, options);
            check_target_domain(model.preprocessing, table, all_rows(table.rows), model.loss.kind);
            const Activation output = net.architecture().output;
            return Evaluation{
                .rows = data.rows(),
                .loss = evaluate_loss(net, data, model.loss, model.weight_decay, execution),
                .metrics = metrics_of<T>(model.preprocessing, output, outputs(net, data.x, execution), data)};
        },
        model.net);
}

template <class T>
Metrics metrics_of(const Preprocessing& preprocessing, Activation output, const Outputs<T>& outputs,
                   const BasicDataset<T>& data) {
    assert(outputs.yhat.rows() == data.y.rows());
    const Matrix<double> y = convert<double>(data.y);
    const std::vector<double> weights(data.weights.begin(), data.weights.end());
    const Prediction prediction =
        decode(preprocessing, output, convert<double>(outputs.yhat), convert<double>(outputs.z));
    if (preprocessing.task == Task::regression) {
        return regression_metrics(prediction.values, in_user_units(preprocessing, y), weights);
    }
    std::vector<std::uint32_t> target;
    for (std::size_t i = 0; i < y.rows(); ++i) {
        target.push_back(class_of(preprocessing, y.row(i)));
    }
    return classification_metrics(prediction.classes, target, prediction.probabilities, prediction.scores, weights);
}

template void for_each_jacobian<float>(const Model&, MatrixView<const float>, const Execution&,
                                       const std::function<void(std::span<const double>)>&);
template void for_each_jacobian<double>(const Model&, MatrixView<const double>, const Execution&,
                                        const std::function<void(std::span<const double>)>&);

template Metrics metrics_of(const Preprocessing&, Activation, const Outputs<float>&, const BasicDataset<float>&);
template Metrics metrics_of(const Preprocessing&, Activation, const Outputs<double>&, const BasicDataset<double>&);

}  // namespace handgrad
