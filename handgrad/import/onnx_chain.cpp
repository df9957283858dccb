// Node after node, each of what the one before gave.
#include "handgrad/import/onnx_chain.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <iterator>
#include <map>
#include <optional>
#include <string_view>
#include <utility>

#include "handgrad/base/error.hpp"
#include "handgrad/base/limits.hpp"
#include "handgrad/base/utf8.hpp"
#include "handgrad/base/wording.hpp"
#include "handgrad/data/npy_array.hpp"

namespace handgrad::imports {
namespace {

constexpr std::string_view known_operators =
    "Gemm, MatMul, Add, Relu, LeakyRelu, Elu, Sigmoid, Tanh, Softplus, Gelu, Exp, Softmax, Swish (or z times its "
    "Sigmoid), Identity, Dropout, Flatten and Constant";

std::string named(const std::string& name) { return "'" + printable(shortened(name, 80)) + "'"; }

/// 0.01 of 0.01f: an attribute is a float, and meant as the decimal that it was.
double as_written(double attribute) {
    std::array<char, 32> text{};
    const auto end = std::to_chars(text.data(), text.data() + text.size(), static_cast<float>(attribute)).ptr;
    double number = attribute;
    std::from_chars(text.data(), end, number);
    return number;
}

class Chain {
public:
    Chain(OnnxGraphRead graph, const std::string& source) : graph_(std::move(graph)), source_(source) {}

    ForeignNetwork network() {
        begin();
        for (place_ = 0; place_ < graph_.nodes.size(); ++place_) {
            step(graph_.nodes[place_]);
        }
        if (network_.layers.empty()) {
            fail("no layer is in it: a chain begins with Gemm or MatMul");
        }
        if (graph_.outputs.size() != 1 || graph_.outputs.front() != at_) {
            fail("its output is not what the last node gives: a chain has one output at its end");
        }
        return std::move(network_);
    }

private:
    [[noreturn]] void fail(const std::string& cause) const { throw Error(ErrorKind::model, source_ + ": " + cause); }
    [[noreturn]] void fail_here(const std::string& cause) const {
        const OnnxNode& node = graph_.nodes[place_];
        fail("node " + std::to_string(place_ + 1) + " (" + printable(shortened(node.operation, 80)) + "): " + cause);
    }

    void begin() {
        network_.format = "ONNX";
        network_.knows_activations = true;
        constants_ = std::move(graph_.constants);
        std::vector<std::string> inputs;
        std::ranges::copy_if(graph_.inputs, std::back_inserter(inputs),
                             [&](const std::string& name) { return !constants_.contains(name); });
        if (inputs.size() != 1) {
            fail("it has " + plural(inputs.size(), "input") + "; a chain has one, the rows of numbers");
        }
        at_ = inputs.front();
    }

    void step(const OnnxNode& node) {
        if (!node.domain.empty()) {
            fail_here("the operator is of " + named(node.domain) + "; known of ONNX's own are " +
                      std::string(known_operators));
        }
        if (node.outputs.empty() || node.outputs.front().empty()) {
            fail_here("it gives nothing");
        }
        if (node.operation == "Constant") {
            const auto value = node.tensors.find("value");
            if (value != node.tensors.end()) {
                constants_[node.outputs.front()] = value->second;
            }
            return;
        }
        if (!dispatch(node)) {
            fail_here("this operator is not known; known are " + std::string(known_operators));
        }
    }

    bool dispatch(const OnnxNode& node) {
        const std::string& name = node.operation;
        if (name == "Gemm") {
            gemm(node);
        } else if (name == "MatMul") {
            add_layer(weight_of(node, 1), false, 1.0);
        } else if (name == "Add") {
            add_bias(node);
        } else if (name == "Mul") {
            times_sigmoid(node);
        } else if (name == "Identity" || name == "Dropout" || name == "Flatten") {
            pass(node);
        } else {
            const std::optional<Activation> activation = activation_of(node);
            if (!activation) {
                return false;
            }
            activate(node, *activation);
        }
        at_ = node.outputs.front();
        return true;
    }

    /// What the operator gives for z of ONNX's defaults too.
    std::optional<Activation> activation_of(const OnnxNode& node) {
        struct Known {
            std::string_view operation;
            Activation activation;
        };
        static constexpr std::array known{Known{"Relu", Activation::relu}, Known{"LeakyRelu", Activation::leaky_relu},
                                          Known{"Elu", Activation::elu},   Known{"Sigmoid", Activation::sigmoid},
                                          Known{"Tanh", Activation::tanh}, Known{"Softplus", Activation::softplus},
                                          Known{"Exp", Activation::exp},   Known{"Softmax", Activation::softmax},
                                          Known{"Gelu", Activation::gelu}, Known{"Swish", Activation::silu}};
        const auto* place = std::ranges::find(known, std::string_view(node.operation), &Known::operation);
        if (place == known.end()) {
            return std::nullopt;
        }
        if (place->activation == Activation::gelu) {
            return gelu_kind(node);
        }
        check_attributes(node, place->activation);
        return place->activation;
    }

    Activation gelu_kind(const OnnxNode& node) const {
        const auto how = node.texts.find("approximate");
        if (how == node.texts.end() || how->second == "none") {
            return Activation::gelu;
        }
        if (how->second != "tanh") {
            fail_here("approximate is " + named(how->second) + ", neither none nor tanh");
        }
        return Activation::gelu_tanh;
    }

    static double number(const OnnxNode& node, const std::string& name, double otherwise) {
        const auto place = node.numbers.find(name);
        return place == node.numbers.end() ? otherwise : place->second;
    }

    void check_attributes(const OnnxNode& node, Activation activation) {
        if ((activation == Activation::elu || activation == Activation::silu) && number(node, "alpha", 1.0) != 1.0) {
            fail_here("alpha is " + short_number(number(node, "alpha", 1.0)) + "; handgrad's has 1");
        }
        if (activation == Activation::softmax) {
            const double axis = number(node, "axis", graph_.opset < 13 ? 1.0 : -1.0);
            if (axis != 1.0 && axis != -1.0) {
                fail_here("axis is " + short_number(axis) + "; rows are normalised, which is 1 or -1");
            }
        }
        if (activation != Activation::leaky_relu) {
            return;
        }
        constexpr double usual = 0.01;
        const double slope = as_written(number(node, "alpha", usual));
        if (network_.leaky_slope && *network_.leaky_slope != slope) {
            fail_here("alpha is " + short_number(slope) + ", of the one before " + short_number(*network_.leaky_slope) +
                      "; handgrad has one slope for all layers");
        }
        network_.leaky_slope = slope;
    }

    /// Raises Error(model) unless the node takes what the one before gave.
    void check_follows(const std::string& input) const {
        if (input == at_) {
            return;
        }
        fail_here("it takes " + named(input) + " where the chain has come to " + named(at_) +
                  "; read are chains, in the order of their nodes, without branches or circles");
    }

    void pass(const OnnxNode& node) const {
        if (node.inputs.empty()) {
            fail_here("it takes nothing");
        }
        check_follows(node.inputs.front());
        if (number(node, "axis", 1.0) != 1.0) {
            fail_here("only rows of numbers can go in: axis must be 1");
        }
    }

    const OnnxTensor& constant(const std::string& name) const {
        const auto place = constants_.find(name);
        if (place == constants_.end()) {
            fail_here(named(name) + " is no constant of numbers; weights must be");
        }
        return place->second;
    }

    const OnnxTensor& weight_of(const OnnxNode& node, std::size_t place) const {
        if (node.inputs.size() <= place) {
            fail_here("it has " + plural(node.inputs.size(), "input") + ", and needs " + std::to_string(place + 1));
        }
        check_follows(node.inputs.front());
        return constant(node.inputs[place]);
    }

    /// x W, or x Wᵀ where the weight stands as out × in.
    void add_layer(const OnnxTensor& w, bool out_in, double factor) {
        if (w.shape.size() != 2) {
            fail_here("the weight has the shape " + shape_text(w.shape) + "; it must have two axes");
        }
        ForeignLayer layer{.inputs = w.shape[out_in ? 1 : 0], .outputs = w.shape[out_in ? 0 : 1]};
        if (!network_.layers.empty() && network_.layers.back().outputs != layer.inputs) {
            fail_here("its weight takes " + plural(layer.inputs, "number") + ", the layer before gives " +
                      std::to_string(network_.layers.back().outputs));
        }
        if (network_.layers.size() == limits::layers) {
            fail_here("more than " + std::to_string(limits::layers) + " layers");
        }
        layer.weight.resize(w.values.size());
        for (std::size_t u = 0; u < layer.outputs; ++u) {
            for (std::size_t i = 0; i < layer.inputs; ++i) {
                const std::size_t from = out_in ? u * layer.inputs + i : i * layer.outputs + u;
                layer.weight[u * layer.inputs + i] = factor * w.values[from];
            }
        }
        layer.bias.assign(layer.outputs, 0.0);
        network_.in_double = network_.in_double || w.in_double;
        network_.layers.push_back(std::move(layer));
        open_ = true;
    }

    void gemm(const OnnxNode& node) {
        const OnnxTensor& w = weight_of(node, 1);
        if (number(node, "transA", 0.0) != 0.0) {
            fail_here("transA is set: rows would be columns");
        }
        add_layer(w, number(node, "transB", 0.0) != 0.0, number(node, "alpha", 1.0));
        if (node.inputs.size() > 2 && !node.inputs[2].empty()) {
            add_to_bias(constant(node.inputs[2]), number(node, "beta", 1.0));
        }
    }

    void add_to_bias(const OnnxTensor& b, double factor) {
        ForeignLayer& layer = network_.layers.back();
        const bool one = b.values.size() == 1;
        const bool fits =
            one || (b.values.size() == layer.outputs && !b.shape.empty() && b.shape.back() == layer.outputs);
        if (!fits) {
            fail_here("the bias has the shape " + shape_text(b.shape) + ", the layer " +
                      plural(layer.outputs, "output"));
        }
        for (std::size_t u = 0; u < layer.outputs; ++u) {
            layer.bias[u] += factor * b.values[one ? 0 : u];
        }
        network_.in_double = network_.in_double || b.in_double;
    }

    void add_bias(const OnnxNode& node) {
        if (node.inputs.size() != 2) {
            fail_here("it has " + plural(node.inputs.size(), "input") + ", and needs 2");
        }
        const std::size_t place = node.inputs[0] == at_ ? 1 : 0;
        check_follows(node.inputs[1 - place]);
        if (!open_) {
            fail_here("a bias stands behind a weight, before the activation");
        }
        add_to_bias(constant(node.inputs[place]), 1.0);
    }

    void activate(const OnnxNode& node, Activation activation) {
        if (node.inputs.empty()) {
            fail_here("it takes nothing");
        }
        check_follows(node.inputs.front());
        if (!open_) {
            fail_here("an activation stands behind a layer, one behind each");
        }
        before_activation_ = at_;
        network_.layers.back().activation = activation;
        open_ = false;
    }

    /// z · σ(z)
    void times_sigmoid(const OnnxNode& node) {
        const bool of_both = node.inputs.size() == 2 && !network_.layers.empty() && !open_ &&
                             network_.layers.back().activation == Activation::sigmoid &&
                             ((node.inputs[0] == before_activation_ && node.inputs[1] == at_) ||
                              (node.inputs[1] == before_activation_ && node.inputs[0] == at_));
        if (!of_both) {
            fail_here("it is known as z times the Sigmoid of the same z alone, right behind it");
        }
        network_.layers.back().activation = Activation::silu;
        before_activation_.clear();
    }

    OnnxGraphRead graph_;
    const std::string& source_;
    std::size_t place_ = 0;
    std::map<std::string, OnnxTensor> constants_;
    ForeignNetwork network_;
    std::string at_;                 ///< what the chain has come to
    std::string before_activation_;  ///< z of the last activation
    bool open_ = false;              ///< no activation has come behind the last layer yet
};

}  // namespace

ForeignNetwork network_of_chain(OnnxGraphRead graph, const std::string& source) {
    return Chain(std::move(graph), source).network();
}

}  // namespace handgrad::imports
