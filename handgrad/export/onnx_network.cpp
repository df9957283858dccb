// Products of whole layers; what is done to a single number is recorded from math/.
#include "handgrad/export/onnx_network.hpp"

#include <span>
#include <utility>

#include "handgrad/export/onnx_formula.hpp"
#include "handgrad/math/activations.hpp"

namespace handgrad::exports {
namespace {

/// The operator of ONNX that is this activation, and whether runtimes have it in double too.
struct Known {
    const char* operation;
    bool in_double;
    std::vector<OnnxAttribute> attributes = {};
};
std::optional<Known> known_operator(Activation activation, double leaky_slope) {
    switch (activation) {
        case Activation::relu:
            return Known{"Relu", true};
        case Activation::leaky_relu:
            return Known{"LeakyRelu", false, {{"alpha", static_cast<float>(leaky_slope)}}};
        case Activation::elu:
            return Known{"Elu", false};
        case Activation::sigmoid:
            return Known{"Sigmoid", true};
        case Activation::tanh:
            return Known{"Tanh", true};
        case Activation::softplus:
            return Known{"Softplus", false};
        case Activation::gelu:
            return Known{"Gelu", false};
        case Activation::gelu_tanh:
            return Known{"Gelu", false, {{"approximate", std::string("tanh")}}};
        case Activation::exp:
            return Known{"Exp", true};
        case Activation::softmax:
            return Known{"Softmax", true, {{"axis", std::int64_t{1}}}};
        case Activation::identity:
        case Activation::silu:
            break;
    }
    return std::nullopt;
}

}  // namespace

template <class T>
OnnxNetwork<T>::OnnxNetwork(OnnxGraph& graph, const BasicMlp<T>& net, std::string x, std::string result)
    : graph_(graph),
      net_(net),
      x_(std::move(x)),
      result_(std::move(result)),
      settings_(net.architecture().activation_settings()),
      weights_(net.layers()),
      z_(net.layers()),
      a_(net.layers()),
      slopes_(net.layers()),
      bends_(net.layers()) {}

template <class T>
std::string OnnxNetwork<T>::table(const std::string& name, std::vector<std::size_t> shape, std::span<const T> numbers) {
    if constexpr (sizeof(T) == sizeof(double)) {
        return graph_.doubles(name, std::move(shape), numbers);
    } else {
        return graph_.floats(name, std::move(shape), numbers);
    }
}

template <class T>
std::string OnnxNetwork<T>::weight(std::size_t layer) {
    if (weights_[layer].empty()) {
        const MatrixView<const T> w = net_.weight(layer);
        weights_[layer] = table(weight_name(layer), {w.rows(), w.columns()}, {w.data(), w.rows() * w.columns()});
    }
    return weights_[layer];
}

template <class T>
std::string OnnxNetwork<T>::activated(OnnxGraph& graph, Activation activation, const ActivationSettings& settings,
                                      const std::string& z, const std::string& name) {
    const std::optional<Known> known = known_operator(activation, settings.leaky_slope);
    if (known && (known->in_double || sizeof(T) == sizeof(float))) {
        return graph.node(known->operation, {z}, known->attributes, name);
    }
    if (activation == Activation::silu) {
        return graph.node("Mul", {z, graph.node("Sigmoid", {z})}, {}, name);
    }
    std::string value = visit(activation, [&]<class F>(F) -> std::string {
        if constexpr (F::facts.elementwise) {
            return drawn<T>(
                graph, [&](Written<T> number) { return F::value(number, settings); }, z);
        } else {
            return z;
        }
    });
    return name.empty() ? value : graph.node("Identity", {value}, {}, name);
}

template <class T>
std::string OnnxNetwork<T>::z(std::size_t layer) {
    if (z_[layer].empty()) {
        const std::string below = layer == 0 ? x_ : a(layer - 1);
        const std::string bias = table(bias_name(layer), {units(layer)}, net_.bias(layer));
        const bool is_output = layer + 1 == net_.layers() && net_.architecture().output == Activation::identity;
        z_[layer] =
            graph_.node("Gemm", {below, weight(layer), bias}, {{"transB", std::int64_t{1}}}, is_output ? result_ : "");
    }
    return z_[layer];
}

template <class T>
std::string OnnxNetwork<T>::a(std::size_t layer) {
    if (a_[layer].empty()) {
        const Activation activation = net_.architecture().activation(layer);
        const std::string logits = z(layer);
        a_[layer] = activation == Activation::identity
                        ? logits
                        : activated(graph_, activation, settings_, logits, layer + 1 == net_.layers() ? result_ : "");
    }
    return a_[layer];
}

template <class T>
std::string OnnxNetwork<T>::logits() {
    return z(net_.layers() - 1);
}

template <class T>
std::string OnnxNetwork<T>::outputs() {
    return a(net_.layers() - 1);
}

template <class T>
std::optional<std::string> OnnxNetwork<T>::slope(std::size_t layer) {
    visit(net_.architecture().activation(layer), [&]<class F>(F) {
        if constexpr (F::facts.elementwise && !std::is_same_v<F, math::Identity>) {
            if (!slopes_[layer]) {
                slopes_[layer] = drawn<T>(
                    graph_, [&](Written<T> number) { return F::derivative(number, settings_); }, z(layer));
            }
        }
    });
    return slopes_[layer];
}

template <class T>
std::optional<std::string> OnnxNetwork<T>::bend(std::size_t layer) {
    visit(net_.architecture().activation(layer), [&]<class F>(F) {
        if constexpr (F::facts.elementwise && !F::facts.piecewise_linear) {
            if (!bends_[layer]) {
                bends_[layer] = drawn<T>(
                    graph_, [&](Written<T> number) { return F::second_derivative(number, settings_); }, z(layer));
            }
        }
    });
    return bends_[layer];
}

template <class T>
std::string OnnxNetwork<T>::reshaped(const std::string& tensor, const std::vector<std::int64_t>& shape,
                                     const std::string& name) {
    return graph_.node("Reshape", {tensor, graph_.integers("shape", shape)}, {}, name);
}

template <class T>
std::string OnnxNetwork<T>::through_activation(const std::string& v, std::size_t layer) {
    const auto width = static_cast<std::int64_t>(units(layer));
    if (net_.architecture().activation(layer) == Activation::softmax) {  // p (v − Σ p v)
        const std::vector<T> ones(units(layer), T(1));
        const std::string p = reshaped(outputs(), {0, 1, width});
        const std::string sum = table("ones", {units(layer), 1}, ones);
        const std::string mean = graph_.node("MatMul", {graph_.node("Mul", {p, v}), sum});
        return graph_.node("Mul", {p, graph_.node("Sub", {v, mean})});
    }
    const std::optional<std::string> slopes = slope(layer);
    return slopes ? graph_.node("Mul", {v, reshaped(*slopes, {0, 1, width})}) : v;
}

template <class T>
std::string OnnxNetwork<T>::pulled(const std::string& v, std::size_t layer) {
    std::string at = v;
    for (std::size_t l = net_.layers() - 1; l > layer; --l) {
        at = graph_.node("MatMul", {through_activation(at, l), weight(l)});
    }
    return at;
}

template <class T>
void OnnxNetwork<T>::adjoint(const std::string& v, const std::string& name) {
    const std::string directions = reshaped(v, {0, -1, static_cast<std::int64_t>(net_.outputs())});
    const std::string at = graph_.node("MatMul", {through_activation(pulled(directions, 0), 0), weight(0)});
    reshaped(at, {0, -1}, name);
}

template <class T>
void OnnxNetwork<T>::forward(const std::string& d, const std::string& name) {
    std::string at = reshaped(d, {0, -1, static_cast<std::int64_t>(net_.inputs())});
    for (std::size_t l = 0; l < net_.layers(); ++l) {
        at = graph_.node("MatMul", {at, graph_.node("Transpose", {weight(l)})});
        at = through_activation(at, l);
    }
    reshaped(at, {0, -1}, name);
}

template <class T>
typename OnnxNetwork<T>::Matrices OnnxNetwork<T>::jacobian_matrices() {
    const std::size_t last = net_.layers() - 1;
    const auto outputs = static_cast<std::int64_t>(net_.outputs());
    Matrices m{weight(last), false};
    if (net_.architecture().output == Activation::softmax) {
        const std::string p = this->outputs();
        const std::string mean = graph_.node("MatMul", {reshaped(p, {0, 1, outputs}), m.name});
        m = {graph_.node("Mul", {reshaped(p, {0, outputs, 1}), graph_.node("Sub", {m.name, mean})}), true};
    } else if (const std::optional<std::string> slopes = slope(last)) {
        m = {graph_.node("Mul", {reshaped(*slopes, {0, outputs, 1}), m.name}), true};
    }
    for (std::size_t l = last; l-- > 0;) {
        if (const std::optional<std::string> slopes = slope(l)) {
            const std::string row = reshaped(*slopes, {0, 1, static_cast<std::int64_t>(units(l))});
            m = {graph_.node("Mul", {m.name, row}), true};
        }
        m.name = graph_.node("MatMul", {m.name, weight(l)});
    }
    return m;
}

template <class T>
void OnnxNetwork<T>::stack(const Matrices& matrices, std::size_t rows, std::size_t columns, const std::string& name) {
    const auto height = static_cast<std::int64_t>(rows), width = static_cast<std::int64_t>(columns);
    std::string all = matrices.name;
    if (!matrices.of_rows) {
        const std::string count = graph_.node("Gather", {graph_.node("Shape", {x_}), graph_.integers("first", {0})});
        const std::string shape =
            graph_.node("Concat", {count, graph_.integers("shape", {height, width})}, {{"axis", std::int64_t{0}}});
        all = graph_.node("Expand", {all, shape});
    }
    reshaped(all, {-1, width}, name);
}

template <class T>
void OnnxNetwork<T>::jacobian(const std::string& name) {
    stack(jacobian_matrices(), net_.outputs(), net_.inputs(), name);
}

template <class T>
typename OnnxNetwork<T>::Matrices OnnxNetwork<T>::tangents(std::size_t layer, Matrices before) {
    if (layer == 0) {
        return {weight(0), false};
    }
    if (const std::optional<std::string> slopes = slope(layer - 1)) {
        const std::string column = reshaped(*slopes, {0, static_cast<std::int64_t>(units(layer - 1)), 1});
        before = {graph_.node("Mul", {column, before.name}), true};
    }
    return {graph_.node("MatMul", {weight(layer), before.name}), before.of_rows};
}

template <class T>
std::optional<std::string> OnnxNetwork<T>::curvature(const std::string& v, std::size_t layer) {
    if (net_.architecture().activation(layer) == Activation::softmax) {
        return through_activation(v, layer);
    }
    const std::optional<std::string> bends = bend(layer);
    if (!bends) {
        return std::nullopt;
    }
    const std::string row = reshaped(*bends, {0, 1, static_cast<std::int64_t>(units(layer))});
    return graph_.node("Mul", {pulled(v, layer), row});
}

template <class T>
typename OnnxNetwork<T>::Matrices OnnxNetwork<T>::turned(Matrices matrices) {
    using Axes = std::vector<std::int64_t>;
    const Axes order = matrices.of_rows ? Axes{0, 2, 1} : Axes{1, 0};
    return {graph_.node("Transpose", {matrices.name}, {{"perm", order}}), matrices.of_rows};
}

template <class T>
std::string OnnxNetwork<T>::curvature_term(std::size_t layer, Matrices q, const std::string& c) {
    const auto height = static_cast<std::int64_t>(units(layer));
    if (net_.architecture().activation(layer) == Activation::softmax) {
        const std::string mean = graph_.node("MatMul", {reshaped(outputs(), {0, 1, height}), q.name});
        q = {graph_.node("Sub", {q.name, mean}), true};
    }
    const std::string weighted = graph_.node("Mul", {reshaped(c, {0, height, 1}), q.name});
    return graph_.node("MatMul", {turned(q).name, weighted});
}

template <class T>
void OnnxNetwork<T>::hessian(const std::string& v, const std::string& name, const std::string& transposed) {
    const std::size_t inputs = net_.inputs();
    const std::string direction = reshaped(v, {0, 1, static_cast<std::int64_t>(net_.outputs())});
    Matrices sum{graph_.number(0), false}, q{};
    for (std::size_t l = 0; l < net_.layers(); ++l) {
        q = tangents(l, q);
        if (const std::optional<std::string> c = curvature(direction, l)) {
            const std::string term = curvature_term(l, q, *c);
            sum = {sum.of_rows ? graph_.node("Add", {sum.name, term}) : term, true};
        }
    }
    stack(sum, inputs, inputs, name);
    stack(turned(jacobian_matrices()), inputs, net_.outputs(), transposed);
}

template class OnnxNetwork<float>;
template class OnnxNetwork<double>;

}  // namespace handgrad::exports
