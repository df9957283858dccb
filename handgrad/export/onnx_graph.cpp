// The messages of onnx.proto, written by protozero.
#include "handgrad/export/onnx_graph.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cassert>
#include <protozero/pbf_writer.hpp>
#include <string_view>

#include "handgrad/base/version.hpp"

namespace handgrad::exports {
namespace {

static_assert(std::endian::native == std::endian::little);

struct Operator {
    std::string_view name;
    std::int64_t since;  ///< the opset from which on it means what is meant here, of all types that are used here
    std::string_view domain{};
};
constexpr std::array operators{
    Operator{"Abs", 6},     Operator{"Add", 7},
    Operator{"ArgMax", 1},  Operator{"Cast", 6},
    Operator{"Concat", 4},  Operator{"Div", 7},
    Operator{"Elu", 6},     Operator{"Equal", 11},
    Operator{"Exp", 6},     Operator{"Expand", 8},
    Operator{"Gather", 1},  Operator{"Gelu", 20},
    Operator{"Gemm", 7},    Operator{"Identity", 1},
    Operator{"IsNaN", 9},   Operator{"LeakyRelu", 6},
    Operator{"Less", 7},    Operator{"LessOrEqual", 12},
    Operator{"Log", 6},     Operator{"MatMul", 1},
    Operator{"Max", 8},     Operator{"Min", 8},
    Operator{"Mul", 7},     Operator{"Neg", 6},
    Operator{"Pow", 7},     Operator{"Relu", 6},
    Operator{"Reshape", 5}, Operator{"Round", 11},
    Operator{"Shape", 1},   Operator{"Sigmoid", 6},
    Operator{"Softmax", 1}, Operator{"Softplus", 1},
    Operator{"Sqrt", 6},    Operator{"Sub", 7},
    Operator{"Tanh", 6},    Operator{"Transpose", 1},
    Operator{"Where", 9},   Operator{"OneHotEncoder", 1, onnx::table_domain},
};
/// The lowest that runtimes of today read.
constexpr std::int64_t lowest_opset = 7;

const Operator& operator_of(std::string_view name) {
    const auto* place = std::ranges::find(operators, name, &Operator::name);
    assert(place != operators.end());
    return *place;
}

/// The version of the file format that came with an opset; 4 is the first in which constants are no inputs.
std::int64_t format_of(std::int64_t opset) {
    constexpr std::array<std::pair<std::int64_t, std::int64_t>, 6> last_of{
        {{9, 4}, {10, 5}, {11, 6}, {14, 7}, {18, 8}, {20, 9}}};
    for (const auto& [last, format] : last_of) {
        if (opset <= last) {
            return format;
        }
    }
    return last_of.back().second;
}

template <class T>
std::string raw_bytes(std::span<const T> values) {
    return {reinterpret_cast<const char*>(values.data()), values.size_bytes()};
}

/// Texts as one, no two lists alike.
std::string key_of(const std::vector<std::string>& texts) {
    std::string key;
    for (const std::string& text : texts) {
        key += std::to_string(text.size()) + ':' + text;
    }
    return key;
}

std::string pair_bytes(const std::string& key, const std::string& value) {
    std::string bytes;
    protozero::pbf_writer writer(bytes);
    writer.add_string(onnx::entry::key, key);
    writer.add_string(onnx::entry::value, value);
    return bytes;
}

std::string opset_bytes(const std::string& domain, std::int64_t version) {
    std::string bytes;
    protozero::pbf_writer writer(bytes);
    writer.add_string(onnx::operator_set::domain, domain);
    writer.add_int64(onnx::operator_set::version, version);
    return bytes;
}

}  // namespace

std::string OnnxGraph::unused_name(const std::string& wish) {
    std::string name = wish;
    for (int i = 2; !names_.insert(name).second; ++i) {
        name = wish + "_" + std::to_string(i);
    }
    return name;
}

std::string OnnxGraph::input(const std::string& name, onnx::DataType type, std::vector<OnnxDimension> shape) {
    inputs_.push_back({unused_name(name), type, std::move(shape)});
    return inputs_.back().name;
}

std::string OnnxGraph::output(const std::string& name, onnx::DataType type, std::vector<OnnxDimension> shape,
                              std::string documentation) {
    outputs_.push_back({unused_name(name), type, std::move(shape), std::move(documentation)});
    return outputs_.back().name;
}

std::string OnnxGraph::node(const std::string& operation, std::vector<std::string> inputs,
                            std::vector<OnnxAttribute> attributes, const std::string& result) {
    std::string key = operation + ' ' + key_of(inputs);
    for (const OnnxAttribute& attribute : attributes) {
        key += attribute_bytes(attribute);
    }
    if (result.empty()) {
        const auto known = known_.find(key);
        if (known != known_.end()) {
            return known->second;
        }
    }
    std::string name = result.empty() ? unused_name(operation) : result;
    known_.emplace(std::move(key), name);
    nodes_.push_back({operation, std::move(inputs), std::move(attributes), name});
    return name;
}

std::string OnnxGraph::constant(const std::string& name, onnx::DataType type, std::vector<std::size_t> shape,
                                std::string bytes, std::vector<std::string> texts) {
    constants_.push_back({unused_name(name), type, std::move(shape), std::move(bytes), std::move(texts)});
    return constants_.back().name;
}

std::string OnnxGraph::shared(const std::string& name, onnx::DataType type, std::vector<std::size_t> shape,
                              std::string bytes) {
    const auto [place, is_new] = known_.try_emplace(name + ' ' + std::to_string(static_cast<int>(type)) + ' ' + bytes);
    if (is_new) {
        place->second = constant(name, type, std::move(shape), std::move(bytes));
    }
    return place->second;
}

std::string OnnxGraph::number(double value, onnx::DataType type) {
    const auto narrow = static_cast<float>(value);
    std::string bytes = type == onnx::DataType::float32 ? raw_bytes(std::span<const float>(&narrow, 1))
                                                        : raw_bytes(std::span<const double>(&value, 1));
    return shared("number", type, {}, std::move(bytes));
}

std::string OnnxGraph::doubles(const std::string& name, std::vector<std::size_t> shape,
                               std::span<const double> values) {
    return constant(name, onnx::DataType::float64, std::move(shape), raw_bytes(values));
}

std::string OnnxGraph::floats(const std::string& name, std::vector<std::size_t> shape, std::span<const float> values) {
    return constant(name, onnx::DataType::float32, std::move(shape), raw_bytes(values));
}

std::string OnnxGraph::integers(const std::string& name, const std::vector<std::int64_t>& values) {
    return shared(name, onnx::DataType::int64, {values.size()}, raw_bytes(std::span<const std::int64_t>(values)));
}

std::string OnnxGraph::texts(const std::string& name, const std::vector<std::string>& values) {
    return constant(name, onnx::DataType::text, {values.size()}, "", values);
}

std::set<std::string> OnnxGraph::needed_names() const {
    std::set<std::string> needed;
    for (const Value& value : outputs_) {
        needed.insert(value.name);
    }
    for (auto node = nodes_.rbegin(); node != nodes_.rend(); ++node) {
        if (needed.contains(node->result)) {
            needed.insert(node->inputs.begin(), node->inputs.end());
        }
    }
    return needed;
}

std::string OnnxGraph::attribute_bytes(const OnnxAttribute& attribute) {
    std::string bytes;
    protozero::pbf_writer writer(bytes);
    writer.add_string(onnx::attribute::name, attribute.name);
    onnx::AttributeType type{};
    if (const auto* number = std::get_if<float>(&attribute.value)) {
        type = onnx::AttributeType::number;
        writer.add_float(onnx::attribute::number, *number);
    } else if (const auto* integer = std::get_if<std::int64_t>(&attribute.value)) {
        type = onnx::AttributeType::integer;
        writer.add_int64(onnx::attribute::integer, *integer);
    } else if (const auto* text = std::get_if<std::string>(&attribute.value)) {
        type = onnx::AttributeType::text;
        writer.add_bytes(onnx::attribute::text, *text);
    } else if (const auto* integers = std::get_if<std::vector<std::int64_t>>(&attribute.value)) {
        type = onnx::AttributeType::integers;
        for (const std::int64_t one : *integers) {
            writer.add_int64(onnx::attribute::integers, one);
        }
    } else {
        type = onnx::AttributeType::texts;
        for (const std::string& one : std::get<std::vector<std::string>>(attribute.value)) {
            writer.add_bytes(onnx::attribute::texts, one);
        }
    }
    writer.add_enum(onnx::attribute::type, static_cast<std::int32_t>(type));
    return bytes;
}

std::string OnnxGraph::node_bytes(const Node& node) {
    std::string bytes;
    protozero::pbf_writer writer(bytes);
    for (const std::string& input : node.inputs) {
        writer.add_string(onnx::node::input, input);
    }
    writer.add_string(onnx::node::output, node.result);
    writer.add_string(onnx::node::op_type, node.operation);
    for (const OnnxAttribute& attribute : node.attributes) {
        writer.add_message(onnx::node::attribute, attribute_bytes(attribute));
    }
    const std::string domain(operator_of(node.operation).domain);
    if (!domain.empty()) {
        writer.add_string(onnx::node::domain, domain);
    }
    return bytes;
}

std::string OnnxGraph::constant_bytes(const Constant& constant) {
    std::string bytes;
    protozero::pbf_writer writer(bytes);
    for (const std::size_t length : constant.shape) {
        writer.add_int64(onnx::tensor::dims, static_cast<std::int64_t>(length));
    }
    writer.add_int32(onnx::tensor::data_type, static_cast<std::int32_t>(constant.type));
    for (const std::string& text : constant.texts) {
        writer.add_bytes(onnx::tensor::string_data, text);
    }
    writer.add_string(onnx::tensor::name, constant.name);
    if (constant.type != onnx::DataType::text) {
        writer.add_bytes(onnx::tensor::raw_data, constant.bytes);
    }
    return bytes;
}

std::string OnnxGraph::value_bytes(const Value& value) {
    std::string shape, tensor, type, bytes;
    protozero::pbf_writer shape_writer(shape);
    for (const OnnxDimension& axis : value.shape) {
        std::string dimension;
        protozero::pbf_writer writer(dimension);
        if (const auto* length = std::get_if<std::size_t>(&axis)) {
            writer.add_int64(onnx::dimension::value, static_cast<std::int64_t>(*length));
        } else {
            writer.add_string(onnx::dimension::param, std::get<std::string>(axis));
        }
        shape_writer.add_message(onnx::shape::dim, dimension);
    }
    protozero::pbf_writer tensor_writer(tensor);
    tensor_writer.add_int32(onnx::tensor_type::elem_type, static_cast<std::int32_t>(value.type));
    tensor_writer.add_message(onnx::tensor_type::shape, shape);
    protozero::pbf_writer(type).add_message(onnx::type::tensor_type, tensor);
    protozero::pbf_writer writer(bytes);
    writer.add_string(onnx::value_info::name, value.name);
    writer.add_message(onnx::value_info::type, type);
    if (!value.documentation.empty()) {
        writer.add_string(onnx::value_info::doc_string, value.documentation);
    }
    return bytes;
}

std::string OnnxGraph::graph_bytes() const {
    const std::set<std::string> needed = needed_names();
    std::string bytes;
    protozero::pbf_writer writer(bytes);
    for (const Node& node : nodes_) {
        if (needed.contains(node.result)) {
            writer.add_message(onnx::graph::node, node_bytes(node));
        }
    }
    writer.add_string(onnx::graph::name, name_);
    for (const Constant& one : constants_) {
        if (needed.contains(one.name)) {
            writer.add_message(onnx::graph::initializer, constant_bytes(one));
        }
    }
    for (const Value& value : inputs_) {
        writer.add_message(onnx::graph::input, value_bytes(value));
    }
    for (const Value& value : outputs_) {
        writer.add_message(onnx::graph::output, value_bytes(value));
    }
    return bytes;
}

std::string OnnxGraph::bytes(const std::vector<std::pair<std::string, std::string>>& about) const {
    const std::set<std::string> needed = needed_names();
    std::map<std::string, std::int64_t> opsets{{"", lowest_opset}};
    for (const Node& node : nodes_) {
        if (needed.contains(node.result)) {
            const Operator& known = operator_of(node.operation);
            std::int64_t& version = opsets[std::string(known.domain)];
            version = std::max(version, known.since);
        }
    }
    std::string bytes;
    protozero::pbf_writer writer(bytes);
    writer.add_int64(onnx::model::ir_version, format_of(opsets[""]));
    writer.add_string(onnx::model::producer_name, "handgrad");
    writer.add_string(onnx::model::producer_version, std::string(version));
    writer.add_message(onnx::model::graph, graph_bytes());
    for (const auto& [domain, version_of_it] : opsets) {
        writer.add_message(onnx::model::opset_import, opset_bytes(domain, version_of_it));
    }
    for (const auto& [key, value] : about) {
        writer.add_message(onnx::model::metadata, pair_bytes(key, value));
    }
    return bytes;
}

}  // namespace handgrad::exports
