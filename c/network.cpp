// A network on numbers, for C.
#include <algorithm>

#include "c/boundary.hpp"
#include "c/objects.hpp"
#include "handgrad/math/activations.hpp"

namespace handgrad::c {
namespace {

template <class T>
inline constexpr const char* type_name = std::same_as<T, float> ? "HANDGRAD_FLOAT" : "HANDGRAD_DOUBLE";

template <class T>
const ReadyNetwork<T>& in_precision(const char* function, const NetworkObject& network) {
    const auto* ready = std::get_if<ReadyNetwork<T>>(&network.ready);
    if (ready == nullptr) {
        const bool is_float = std::same_as<T, float>;
        refuse(function, std::string("the network calculates in ") + (is_float ? "double" : "float") +
                             "; call the function " + (is_float ? "without" : "with") +
                             " _f at its end, or make the network as " + type_name<T>);
    }
    return *ready;
}

template <class T>
std::unique_ptr<NetworkObject> made(BasicMlp<T> net, std::size_t threads) {
    return std::make_unique<NetworkObject>(std::move(net), threads);
}

std::unique_ptr<NetworkObject> network_of(const char* function, const Model& model, handgrad_precision precision,
                                          std::size_t threads) {
    return std::visit(
        [&](const auto& net) {
            switch (precision) {
                case HANDGRAD_AS_STORED:
                    return made(net, threads);
                case HANDGRAD_FLOAT:
                    return made(convert<float>(net), threads);
                case HANDGRAD_DOUBLE:
                    return made(convert<double>(net), threads);
                case HANDGRAD_PRECISION_MAX:
                    break;
            }
            refuse(function, "precision is " + std::to_string(static_cast<int>(precision)) + ", which is none");
        },
        model.net);
}

Activation activation_named(const char* function, const char* argument, const char* name) {
    require(function, argument, name);
    const std::optional<Activation> found = find_activation(name);
    if (!found) {
        refuse(function, std::string(argument) + ": there is no activation '" + name + "'");
    }
    return *found;
}

Model model_of(const char* function, std::span<const std::size_t> sizes, const char* hidden, const char* output,
               std::span<const double> parameters) {
    Architecture shape{.sizes = {sizes.begin(), sizes.end()}};
    if (sizes.size() > 2) {
        shape.hidden = activation_named(function, "hidden", hidden);
    }
    shape.output = activation_named(function, "output", output);
    shape.check();
    Model model;
    BasicMlp<double>& net = model.net.emplace<BasicMlp<double>>(BasicMlp<double>::zeros(shape));
    require_size(function, "parameter_count", parameters.size(), "a network of these sizes has",
                 net.parameters().size());
    std::ranges::copy(parameters, net.parameters().begin());
    return model;
}

/// The arguments that all passes have.
template <class T>
struct Pass {
    const T* x;
    std::size_t rows, inputs;
    T* yhat;
    std::size_t outputs;
};

template <class T>
MatrixView<T> view(const char* function, const char* argument, T* data, std::size_t rows, std::size_t columns) {
    return {array(function, argument, data, rows, columns).data(), rows, columns};
}

/// Sizes checked, then `run(predictor, x, yhat)`.
template <class T, class Run>
handgrad_status pass(const char* function, const handgrad_network* handle, const Pass<T>& of, Run&& run) noexcept {
    return guarded(function, [&] {
        const Held<NetworkObject> network(function, "network", handle);
        const ReadyNetwork<T>& ready = in_precision<T>(function, *network);
        require_size(function, "inputs", of.inputs, "the network takes", ready.net.inputs());
        require_size(function, "outputs", of.outputs, "the network puts out", ready.net.outputs());
        run(ready.predictor, view(function, "x", of.x, of.rows, of.inputs),
            view(function, "yhat", of.yhat, of.rows, of.outputs));
    });
}

template <class T>
handgrad_status predict(const char* function, const handgrad_network* handle, const Pass<T>& of) noexcept {
    return pass(function, handle, of, [&](const BasicPredictor<T>& net, MatrixView<const T> x, MatrixView<T> yhat) {
        if (of.rows == 1) {  // the shorter way
            net.predict(x.row(0), yhat.row(0));
        } else {
            net.predict(x, yhat);
        }
    });
}

template <class T>
handgrad_status jacobian(const char* function, const handgrad_network* handle, const Pass<T>& of, T* J) noexcept {
    return pass(function, handle, of, [&](const BasicPredictor<T>& net, MatrixView<const T> x, MatrixView<T> yhat) {
        const MatrixView<T> slopes = view(function, "J", J, of.rows, of.outputs * of.inputs);
        if (of.rows == 1) {
            net.jacobian(x.row(0), yhat.row(0), MatrixView<T>(slopes.data(), of.outputs, of.inputs));
        } else {
            net.jacobian(x, yhat, slopes);
        }
    });
}

template <class T>
handgrad_status vector_jacobian(const char* function, const handgrad_network* handle, const Pass<T>& of, const T* v,
                                T* v_J) noexcept {
    return pass(function, handle, of, [&](const BasicPredictor<T>& net, MatrixView<const T> x, MatrixView<T> yhat) {
        net.vector_jacobian(x, view(function, "v", v, of.rows, of.outputs), yhat,
                            view(function, "v_J", v_J, of.rows, of.inputs));
    });
}

template <class T>
handgrad_status jacobian_vector(const char* function, const handgrad_network* handle, const Pass<T>& of, const T* u,
                                T* J_u) noexcept {
    return pass(function, handle, of, [&](const BasicPredictor<T>& net, MatrixView<const T> x, MatrixView<T> yhat) {
        net.jacobian_vector(x, view(function, "u", u, of.rows, of.inputs), yhat,
                            view(function, "J_u", J_u, of.rows, of.outputs));
    });
}

template <class T>
handgrad_status hessian(const char* function, const handgrad_network* handle, const Pass<T>& of, T* H) noexcept {
    return pass(function, handle, of, [&](const BasicPredictor<T>& net, MatrixView<const T> x, MatrixView<T> yhat) {
        const MatrixView<T> bends = view(function, "H", H, of.rows, of.outputs * of.inputs * of.inputs);
        if (of.rows == 1) {
            net.hessian(x.row(0), yhat.row(0), bends.row(0));
        } else {
            net.hessian(x, yhat, bends);
        }
    });
}

template <class T>
handgrad_status hessian_vector(const char* function, const handgrad_network* handle, const Pass<T>& of, const T* lambda,
                               const T* u, T* H_u) noexcept {
    return pass(function, handle, of, [&](const BasicPredictor<T>& net, MatrixView<const T> x, MatrixView<T> yhat) {
        net.hessian_vector(x, view(function, "lambda", lambda, of.rows, of.outputs),
                           view(function, "u", u, of.rows, of.inputs), yhat,
                           view(function, "H_u", H_u, of.rows, of.inputs));
    });
}

}  // namespace
}  // namespace handgrad::c

using namespace handgrad::c;

extern "C" {

handgrad_status handgrad_network_load(const char* path, handgrad_precision precision, size_t threads,
                                      handgrad_network** network) {
    return create(__func__, "network", network, [&, function = __func__] {
        require(function, "path", path);
        return network_of(function, handgrad::load_model(path), precision, threads);
    });
}

handgrad_status handgrad_network_of_model(const handgrad_model* model, handgrad_precision precision, size_t threads,
                                          handgrad_network** network) {
    return create(__func__, "network", network, [&, function = __func__] {
        return network_of(function, Held<ModelObject>(function, "model", model)->model, precision, threads);
    });
}

handgrad_status handgrad_network_create(const size_t* sizes, size_t count, const char* hidden, const char* output,
                                        const double* parameters, size_t parameter_count, handgrad_precision precision,
                                        size_t threads, handgrad_network** network) {
    return create(__func__, "network", network, [&, function = __func__] {
        return network_of(function,
                          model_of(function, array(function, "sizes", sizes, count, 1), hidden, output,
                                   array(function, "parameters", parameters, parameter_count, 1)),
                          precision, threads);
    });
}

handgrad_status handgrad_network_free(handgrad_network* network) {
    return release<NetworkObject>(__func__, "network", network);
}

handgrad_status handgrad_network_sizes(const handgrad_network* network, size_t* inputs, size_t* outputs,
                                       size_t* parameters) {
    return guarded(__func__, [&, function = __func__] {
        const Held<NetworkObject> held(function, "network", network);
        std::visit(
            [&](const auto& ready) {
                tell(inputs, ready.net.inputs());
                tell(outputs, ready.net.outputs());
                tell(parameters, ready.net.parameters().size());
            },
            held->ready);
    });
}

handgrad_status handgrad_network_precision(const handgrad_network* network, handgrad_precision* precision) {
    return guarded(__func__, [&, function = __func__] {
        require(function, "precision", precision);
        const Held<NetworkObject> held(function, "network", network);
        *precision = held->ready.index() == 0 ? HANDGRAD_FLOAT : HANDGRAD_DOUBLE;
    });
}

handgrad_status handgrad_network_parameters(const handgrad_network* network, double* parameters, size_t count) {
    return guarded(__func__, [&, function = __func__] {
        const Held<NetworkObject> held(function, "network", network);
        std::visit(
            [&](const auto& ready) {
                require_size(function, "count", count, "the network's parameters are", ready.net.parameters().size());
                std::ranges::copy(ready.net.parameters(), array(function, "parameters", parameters, count, 1).begin());
            },
            held->ready);
    });
}

handgrad_status handgrad_network_predict(const handgrad_network* network, const double* x, size_t rows, size_t inputs,
                                         double* yhat, size_t outputs) {
    return predict<double>(__func__, network, {x, rows, inputs, yhat, outputs});
}
handgrad_status handgrad_network_predict_f(const handgrad_network* network, const float* x, size_t rows, size_t inputs,
                                           float* yhat, size_t outputs) {
    return predict<float>(__func__, network, {x, rows, inputs, yhat, outputs});
}

handgrad_status handgrad_network_jacobian(const handgrad_network* network, const double* x, size_t rows, size_t inputs,
                                          double* yhat, size_t outputs, double* J) {
    return jacobian<double>(__func__, network, {x, rows, inputs, yhat, outputs}, J);
}
handgrad_status handgrad_network_jacobian_f(const handgrad_network* network, const float* x, size_t rows, size_t inputs,
                                            float* yhat, size_t outputs, float* J) {
    return jacobian<float>(__func__, network, {x, rows, inputs, yhat, outputs}, J);
}

handgrad_status handgrad_network_vector_jacobian(const handgrad_network* network, const double* x, const double* v,
                                                 size_t rows, size_t inputs, double* yhat, size_t outputs,
                                                 double* v_J) {
    return vector_jacobian<double>(__func__, network, {x, rows, inputs, yhat, outputs}, v, v_J);
}
handgrad_status handgrad_network_vector_jacobian_f(const handgrad_network* network, const float* x, const float* v,
                                                   size_t rows, size_t inputs, float* yhat, size_t outputs,
                                                   float* v_J) {
    return vector_jacobian<float>(__func__, network, {x, rows, inputs, yhat, outputs}, v, v_J);
}

handgrad_status handgrad_network_jacobian_vector(const handgrad_network* network, const double* x, const double* u,
                                                 size_t rows, size_t inputs, double* yhat, size_t outputs,
                                                 double* J_u) {
    return jacobian_vector<double>(__func__, network, {x, rows, inputs, yhat, outputs}, u, J_u);
}
handgrad_status handgrad_network_jacobian_vector_f(const handgrad_network* network, const float* x, const float* u,
                                                   size_t rows, size_t inputs, float* yhat, size_t outputs,
                                                   float* J_u) {
    return jacobian_vector<float>(__func__, network, {x, rows, inputs, yhat, outputs}, u, J_u);
}

handgrad_status handgrad_network_hessian(const handgrad_network* network, const double* x, size_t rows, size_t inputs,
                                         double* yhat, size_t outputs, double* H) {
    return hessian<double>(__func__, network, {x, rows, inputs, yhat, outputs}, H);
}
handgrad_status handgrad_network_hessian_vector(const handgrad_network* network, const double* x, const double* lambda,
                                                const double* u, size_t rows, size_t inputs, double* yhat,
                                                size_t outputs, double* H_u) {
    return hessian_vector<double>(__func__, network, {x, rows, inputs, yhat, outputs}, lambda, u, H_u);
}

handgrad_status handgrad_network_hessian_f(const handgrad_network* network, const float* x, size_t rows, size_t inputs,
                                           float* yhat, size_t outputs, float* H) {
    return hessian<float>(__func__, network, {x, rows, inputs, yhat, outputs}, H);
}
handgrad_status handgrad_network_hessian_vector_f(const handgrad_network* network, const float* x, const float* lambda,
                                                  const float* u, size_t rows, size_t inputs, float* yhat,
                                                  size_t outputs, float* H_u) {
    return hessian_vector<float>(__func__, network, {x, rows, inputs, yhat, outputs}, lambda, u, H_u);
}
}
