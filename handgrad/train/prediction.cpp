// Encodes a table as the model was trained on it, runs the network, and decodes what comes out.
#include "handgrad/train/prediction.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <cstddef>
#include <functional>
#include <numeric>
#include <span>
#include <type_traits>
#include <utility>
#include <variant>

#include "handgrad/base/error.hpp"
#include "handgrad/base/wording.hpp"
#include "handgrad/math/activations.hpp"
#include "handgrad/nn/predictor.hpp"
#include "handgrad/train/decoding.hpp"

namespace handgrad {
namespace {

/// Rows whose Jacobians are taken at a time.
constexpr std::size_t block_rows = 1024;

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

template <class T>
BasicDataset<T> encode(const Preprocessing& preprocessing, const Table& table, const ApplyOptions& options) {
    return apply_preprocessing<T>(preprocessing, table, all_rows(table.rows), options);
}

/// What decode() made of a network's outputs against the labels.
template <class T>
Metrics metrics_of_prediction(const Preprocessing& preprocessing, const Prediction& prediction,
                              const BasicDataset<T>& data) {
    const Matrix<double> y = convert<double>(data.y);
    const std::vector<double> weights(data.weights.begin(), data.weights.end());
    if (preprocessing.task == Task::regression) {
        assert(prediction.values.rows() == y.rows());
        return regression_metrics(prediction.values, all_in_user_units(preprocessing, y), weights);
    }
    assert(prediction.classes.size() == y.rows());
    return classification_metrics(prediction.classes, classes_of(preprocessing, data), prediction.probabilities,
                                  prediction.scores, weights);
}
}  // namespace

template <class T>
std::vector<std::uint32_t> classes_of(const Preprocessing& preprocessing, const BasicDataset<T>& data) {
    const Matrix<double> y = convert<double>(data.y);
    std::vector<std::uint32_t> classes;
    for (std::size_t i = 0; i < y.rows(); ++i) {
        classes.push_back(class_of(preprocessing, y.row(i)));
    }
    return classes;
}

Prediction decode(const Preprocessing& preprocessing, Activation output, MatrixView<const double> yhat,
                  MatrixView<const double> z) {
    assert(yhat.columns() == preprocessing.outputs() && (z.rows() == 0 || z.rows() == yhat.rows()));
    Prediction prediction;
    if (preprocessing.task == Task::regression) {
        prediction.values = all_in_user_units(preprocessing, yhat);
        return prediction;
    }
    const bool probable = has_probabilities(output);
    prediction.probabilities = Matrix<double>(yhat.rows(), probable ? preprocessing.classes.size() : 0);
    for (std::size_t i = 0; i < yhat.rows(); ++i) {
        prediction.classes.push_back(class_of(preprocessing, yhat.row(i)));
        if (probable) {
            const auto logits = z.rows() == 0 ? std::span<const double>() : z.row(i);
            fill_probabilities(preprocessing, output, yhat.row(i), logits, prediction.probabilities.row(i));
        }
        if (preprocessing.one_output) {
            prediction.scores.push_back(probable ? prediction.probabilities(i, 1) : yhat(i, 0));
        }
    }
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

/// ∂ŷ/∂x of each row in the user's units for `take`, and unless it is null what the network puts out, of one pass
/// forward.
template <class T>
void differentiate(const Model& model, MatrixView<const T> x, const Execution& execution, Outputs<T>* outputs,
                   const std::function<void(std::span<const double>)>& take) {
    const BasicMlp<T>& net = std::get<BasicMlp<T>>(model.net);
    const std::size_t K = net.outputs();
    const std::size_t n = net.inputs();
    const std::vector<double> input_slopes = model.preprocessing.input_slopes();
    const BasicPredictor<T> predictor(net, execution);
    std::vector<double> in_units(K * n);
    Outputs<T> of_block{Matrix<T>(), Matrix<T>(std::min(block_rows, x.rows()), K)};
    Matrix<T> J(std::min(block_rows, x.rows()), K * n);
    for (std::size_t first = 0; first < x.rows(); first += block_rows) {
        const std::size_t rows = std::min(block_rows, x.rows() - first);
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

template <class T>
Judged judge(const Model& model, const BasicDataset<T>& data, const Execution& execution) {
    const BasicMlp<T>& net = std::get<BasicMlp<T>>(model.net);
    Judged judged{.evaluation = {}, .prediction = predict(model, data, execution)};
    judged.evaluation = {.rows = data.rows(),
                         .loss = evaluate_loss(net, data, model.loss, model.weight_decay, execution),
                         .metrics = metrics_of_prediction(model.preprocessing, judged.prediction, data)};
    return judged;
}

Evaluation evaluate(const Model& model, const Table& table, const ApplyOptions& options, const Execution& execution) {
    return std::visit(
        [&]<class T>(const BasicMlp<T>& /*net*/) {
            const BasicDataset<T> data = encode<T>(model.preprocessing, table, options);
            check_target_domain(model.preprocessing, table, all_rows(table.rows), model.loss.kind);
            return judge(model, data, execution).evaluation;
        },
        model.net);
}

template <class T>
Metrics metrics_of(const Preprocessing& preprocessing, Activation output, const Outputs<T>& outputs,
                   const BasicDataset<T>& data) {
    return metrics_of_prediction(
        preprocessing, decode(preprocessing, output, convert<double>(outputs.yhat), convert<double>(outputs.z)), data);
}

namespace {

/// ŷ of the trivial predictor; empty where the model does not tell it.
std::vector<double> constant_answer(const Model& model) {
    if (!model.training_rows.constant_answer.empty()) {
        return model.training_rows.constant_answer;
    }
    // A standardised target has its mean at 0; that of weighted rows is another one.
    const Preprocessing& columns = model.preprocessing;
    const bool standardised = columns.weight.empty() && columns.task == Task::regression &&
                              std::ranges::none_of(columns.targets, [](const TargetColumn& target) {
                                  return target.shift == 0.0 && target.scale == 1.0;
                              });
    return std::vector<double>(standardised ? columns.targets.size() : 0);
}

}  // namespace

template <class T>
std::optional<Metrics> baseline_metrics(const Model& model, const BasicDataset<T>& data) {
    const std::vector<double> answer = constant_answer(model);
    if (answer.empty()) {
        return std::nullopt;
    }
    Outputs<T> constant{.z = {}, .yhat = Matrix<T>(data.rows(), answer.size())};
    for (std::size_t row = 0; row < data.rows(); ++row) {
        std::ranges::transform(answer, constant.yhat.row(row).begin(), [](double y) { return static_cast<T>(y); });
    }
    return metrics_of(model.preprocessing, model.architecture().output, constant, data);
}

template <class T>
std::vector<std::string> undefined_metrics(const Metrics& metrics, const Preprocessing& preprocessing,
                                           const BasicDataset<T>& data) {
    std::vector<std::string> reasons;
    std::string alike;  // what rows have in common that should differ
    const auto same = [&](std::size_t k) {
        for (std::size_t row = 1; row < data.y.rows(); ++row) {
            if (data.y(row, k) != data.y(0, k)) {
                return false;
            }
        }
        return true;
    };
    for (std::size_t k = 0; preprocessing.task == Task::regression && k < preprocessing.targets.size(); ++k) {
        if (alike.empty() && data.rows() > 1 && same(k)) {
            alike = "the target '" + preprocessing.targets[k].name + "' is the same in all rows";
        }
    }
    if (data.rows() < 2) {
        alike = "there is " + when(data.rows() == 0, "no row") + when(data.rows() == 1, "one row only");
    } else if (preprocessing.task == Task::classification) {
        const std::vector<std::uint32_t> classes = classes_of(preprocessing, data);
        if (std::ranges::adjacent_find(classes, std::not_equal_to{}) == classes.end()) {
            alike = "all rows are of class '" + preprocessing.classes[classes.front()] + "'";
        }
    }
    for (const auto& [name, value] : metrics) {
        if (!std::isnan(value)) {
            continue;
        }
        const bool of_spread = name == "r2" || name == "roc_auc";
        const bool explained = !alike.empty() && (of_spread || data.rows() == 0);
        reasons.push_back(name + ": " + (explained ? alike : "a prediction is not a number"));
    }
    return reasons;
}

#define HANDGRAD_INSTANTIATE(T)                                                                                        \
    template Prediction predict(const Model&, const BasicDataset<T>&, const Execution&);                               \
    template Matrix<double> jacobians(const Model&, const BasicDataset<T>&, const Execution&);                         \
    template void for_each_jacobian<T>(const Model&, MatrixView<const T>, const Execution&,                            \
                                       const std::function<void(std::span<const double>)>&);                           \
    template Judged judge(const Model&, const BasicDataset<T>&, const Execution&);                                     \
    template std::vector<std::uint32_t> classes_of(const Preprocessing&, const BasicDataset<T>&);                      \
    template std::optional<Metrics> baseline_metrics(const Model&, const BasicDataset<T>&);                            \
    template std::vector<std::string> undefined_metrics(const Metrics&, const Preprocessing&, const BasicDataset<T>&); \
    template Metrics metrics_of(const Preprocessing&, Activation, const Outputs<T>&, const BasicDataset<T>&);
HANDGRAD_INSTANTIATE(float)
HANDGRAD_INSTANTIATE(double)
#undef HANDGRAD_INSTANTIATE

}  // namespace handgrad
