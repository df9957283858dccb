// Encode, run, decode: each by the code that serves tables too, on scratch of one call.
#include "handgrad/train/model_predictor.hpp"

#include <algorithm>
#include <limits>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "handgrad/base/error.hpp"
#include "handgrad/base/scratch.hpp"
#include "handgrad/data/row_encoder.hpp"
#include "handgrad/nn/predictor.hpp"
#include "handgrad/train/decoding.hpp"
#include "handgrad/train/prediction.hpp"

namespace handgrad {
namespace {

/// Sizes are compared before a message is made: a call has no time for texts.
void require_size(std::size_t size, std::size_t wanted, const char* what) {
    if (size != wanted) {
        throw Error(ErrorKind::usage, "ModelPredictor: " + std::string(what) + " has room for " + std::to_string(size) +
                                          " numbers; " + std::to_string(wanted) + " are needed");
    }
}

template <class T>
void widen(std::span<const T> from, std::span<double> to) {
    std::ranges::transform(from, to.begin(), [](T value) { return static_cast<double>(value); });
}

}  // namespace

struct ModelPredictor::State {
    State(const Model& model, const Execution& execution)
        : preprocessing(model.preprocessing),
          output(model.architecture().output),
          encoder(model.preprocessing),
          input_slopes(model.preprocessing.input_slopes()),
          input_names(model.preprocessing.input_names()),
          output_names(handgrad::output_names(model)),
          predictor(std::visit(
              [&]<class T>(const BasicMlp<T>& net) -> std::variant<BasicPredictor<float>, BasicPredictor<double>> {
                  return BasicPredictor<T>(net, execution, Differentiable::twice);
              },
              model.net)) {
        const std::vector<std::size_t>& sizes = model.architecture().sizes;
        if (sizes.front() != inputs() || sizes.back() != outputs()) {
            throw Error(ErrorKind::usage, "ModelPredictor: the network has " + std::to_string(sizes.front()) +
                                              " inputs and " + std::to_string(sizes.back()) +
                                              " outputs, the model's columns make " + std::to_string(inputs()) +
                                              " and " + std::to_string(outputs()));
        }
    }

    [[nodiscard]] std::size_t inputs() const { return input_slopes.size(); }
    [[nodiscard]] std::size_t outputs() const { return output_names.size(); }

    /// The network's outputs in the user's units; a classifier's are what they are.
    template <class T>
    void decode(std::span<const T> from, std::span<double> yhat) const {
        if (preprocessing.task == Task::classification) {
            widen(from, yhat);
            return;
        }
        for (std::size_t k = 0; k < yhat.size(); ++k) {
            yhat[k] = in_user_units(preprocessing.targets[k], static_cast<double>(from[k]));
        }
    }

    template <class T>
    void predict(const BasicPredictor<T>& net, const RawRow& row, std::span<double> yhat) const {
        with_scratch(Scratch::bytes<T>(inputs()) + Scratch::bytes<T>(outputs()), [&](Scratch scratch) {
            const std::span<T> x = scratch.take<T>(inputs()), y = scratch.take<T>(outputs());
            encoder.encode(row, x);
            net.predict(x, y);
            decode<T>(y, yhat);
        });
    }

    template <class T>
    Classified classify(const BasicPredictor<T>& net, const RawRow& row, std::span<double> wanted) const {
        const std::size_t K = outputs(), n = inputs(), classes = preprocessing.classes.size();
        const std::size_t bytes = Scratch::bytes<T>(n) + 2 * Scratch::bytes<T>(K) + 2 * Scratch::bytes<double>(K) +
                                  Scratch::bytes<double>(classes);
        Classified result{.probability = std::numeric_limits<double>::quiet_NaN()};
        with_scratch(bytes, [&](Scratch scratch) {
            const std::span<T> x = scratch.take<T>(n), y = scratch.take<T>(K), logits = scratch.take<T>(K);
            const std::span<double> yhat = scratch.take<double>(K), z = scratch.take<double>(K);
            const std::span<double> probabilities = wanted.empty() ? scratch.take<double>(classes) : wanted;
            encoder.encode(row, x);
            net.predict(MatrixView<const T>(x.data(), 1, n), MatrixView<T>(logits.data(), 1, K),
                        MatrixView<T>(y.data(), 1, K));
            widen<T>(y, yhat);
            result.index = class_of(preprocessing, yhat);
            if (has_probabilities(output)) {
                widen<T>(logits, z);
                fill_probabilities(preprocessing, output, yhat, z, probabilities);
                result.probability = probabilities[result.index];
            }
        });
        result.name = preprocessing.classes[result.index];
        return result;
    }

    template <class T>
    void jacobian(const BasicPredictor<T>& net, const RawRow& row, std::span<double> yhat, MatrixView<double> J) const {
        const std::size_t K = outputs(), n = inputs();
        with_scratch(Scratch::bytes<T>(n) + Scratch::bytes<T>(K) + Scratch::bytes<T>(K * n), [&](Scratch scratch) {
            const std::span<T> x = scratch.take<T>(n), y = scratch.take<T>(K), slopes = scratch.take<T>(K * n);
            encoder.encode(row, x);
            net.jacobian(x, y, MatrixView<T>(slopes.data(), K, n));
            decode<T>(y, yhat);
            for (std::size_t k = 0; k < K; ++k) {
                const double slope = output_slope(preprocessing, k);
                for (std::size_t j = 0; j < n; ++j) {
                    J(k, j) = derivative_in_user_units(slopes[k * n + j], slope, input_slopes[j]);
                }
            }
        });
    }

    template <class T>
    void hessian(const BasicPredictor<T>& net, const RawRow& row, std::span<double> yhat, std::span<double> H) const {
        const std::size_t K = outputs(), n = inputs();
        with_scratch(Scratch::bytes<T>(n) + Scratch::bytes<T>(K) + Scratch::bytes<T>(K * n * n), [&](Scratch scratch) {
            const std::span<T> x = scratch.take<T>(n), y = scratch.take<T>(K), curves = scratch.take<T>(K * n * n);
            encoder.encode(row, x);
            net.hessian(x, y, curves);
            decode<T>(y, yhat);
            for (std::size_t at = 0; at < H.size(); ++at) {
                H[at] = second_derivative_in_user_units(curves[at], output_slope(preprocessing, at / (n * n)),
                                                        input_slopes[at / n % n], input_slopes[at % n]);
            }
        });
    }

    Preprocessing preprocessing;
    Activation output;
    RowEncoder encoder;
    std::vector<double> input_slopes;
    std::vector<std::string> input_names, output_names;
    std::variant<BasicPredictor<float>, BasicPredictor<double>> predictor;
};

ModelPredictor::ModelPredictor(const Model& model, const Execution& execution)
    : state_(std::make_shared<const State>(model, execution)) {}

ModelPredictor ModelPredictor::load(const std::filesystem::path& path, const Execution& execution) {
    return ModelPredictor(load_model(path), execution);
}

Task ModelPredictor::task() const { return state_->preprocessing.task; }
std::span<const std::string> ModelPredictor::columns() const { return state_->encoder.columns(); }
std::size_t ModelPredictor::column(std::string_view name) const { return state_->encoder.column(name); }
std::span<const std::string> ModelPredictor::outputs() const { return state_->output_names; }
std::span<const std::string> ModelPredictor::inputs() const { return state_->input_names; }
std::span<const std::string> ModelPredictor::classes() const { return state_->preprocessing.classes; }

double ModelPredictor::predict(const RawRow& row) const {
    double yhat = 0.0;
    predict(row, {&yhat, 1});
    return yhat;
}

void ModelPredictor::predict(const RawRow& row, std::span<double> yhat) const {
    require_size(yhat.size(), state_->outputs(), "yhat");
    std::visit([&](const auto& net) { state_->predict(net, row, yhat); }, state_->predictor);
}

Classified ModelPredictor::classify(const RawRow& row, std::span<double> probabilities) const {
    if (state_->preprocessing.task == Task::multilabel) {
        throw Error(ErrorKind::usage,
                    "ModelPredictor: this model answers several yes-or-no questions; call predict() for their shares");
    }
    if (state_->preprocessing.task == Task::regression) {
        throw Error(ErrorKind::usage, "ModelPredictor: this model predicts numbers, not classes; call predict()");
    }
    if (!probabilities.empty()) {
        require_size(probabilities.size(), state_->preprocessing.classes.size(), "probabilities");
        if (!has_probabilities(state_->output)) {
            throw Error(ErrorKind::usage, "ModelPredictor: the outputs of this model (" +
                                              std::string(name(state_->output)) +
                                              ") are no probabilities; ask for the class alone");
        }
    }
    return std::visit([&](const auto& net) { return state_->classify(net, row, probabilities); }, state_->predictor);
}

void ModelPredictor::jacobian(const RawRow& row, std::span<double> yhat, MatrixView<double> J) const {
    require_size(yhat.size(), state_->outputs(), "yhat");
    require_size(J.rows(), state_->outputs(), "a column of J");
    require_size(J.columns(), state_->inputs(), "a row of J");
    std::visit([&](const auto& net) { state_->jacobian(net, row, yhat, J); }, state_->predictor);
}

void ModelPredictor::hessian(const RawRow& row, std::span<double> yhat, std::span<double> H) const {
    require_size(yhat.size(), state_->outputs(), "yhat");
    require_size(H.size(), state_->outputs() * state_->inputs() * state_->inputs(), "H");
    std::visit([&](const auto& net) { state_->hessian(net, row, yhat, H); }, state_->predictor);
}

}  // namespace handgrad
