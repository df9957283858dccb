// A graph of ONNX as it is put together: nodes, constants, inputs and outputs by name; and its bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "handgrad/store/onnx_fields.hpp"

namespace handgrad::exports {

/// An axis: so many places, or by its name as many as come in.
using OnnxDimension = std::variant<std::size_t, std::string>;

struct OnnxAttribute {
    std::string name;
    std::variant<std::int64_t, float, std::string, std::vector<std::int64_t>, std::vector<std::string>> value;
};

/// Each operation stands in it once; what no output depends on is not written. Names are those that were asked for,
/// with a number behind them where two would be alike.
class OnnxGraph {
public:
    OnnxGraph(std::string name, onnx::DataType numbers) : name_(std::move(name)), numbers_(numbers) {}

    /// Its name, which is that asked for unless it is taken. Inputs and outputs come first, so that theirs is.
    std::string input(const std::string& name, onnx::DataType type, std::vector<OnnxDimension> shape);
    std::string output(const std::string& name, onnx::DataType type, std::vector<OnnxDimension> shape,
                       std::string documentation = "");

    /// The name of what the operation gives; `result` is how it is to be called where that matters: an output.
    std::string node(const std::string& operation, std::vector<std::string> inputs,
                     std::vector<OnnxAttribute> attributes = {}, const std::string& result = "");

    /// Constants: one number, of the type of the graph or of another; whole numbers; these stand in it once. Tables of
    /// numbers, texts.
    std::string number(double value) { return number(value, numbers_); }
    std::string number(double value, onnx::DataType type);
    std::string doubles(const std::string& name, std::vector<std::size_t> shape, std::span<const double> values);
    std::string floats(const std::string& name, std::vector<std::size_t> shape, std::span<const float> values);
    std::string integers(const std::string& name, const std::vector<std::int64_t>& values);
    std::string texts(const std::string& name, const std::vector<std::string>& values);

    [[nodiscard]] onnx::DataType numbers() const { return numbers_; }
    /// The whole model, of the lowest opset that has its operators as they are used. `about` is what the file says of
    /// itself: names and texts.
    [[nodiscard]] std::string bytes(const std::vector<std::pair<std::string, std::string>>& about) const;

private:
    struct Value {
        std::string name;
        onnx::DataType type;
        std::vector<OnnxDimension> shape;
        std::string documentation{};
    };
    struct Constant {
        std::string name;
        onnx::DataType type;
        std::vector<std::size_t> shape;
        std::string bytes;  ///< of numbers, little-endian
        std::vector<std::string> texts{};
    };
    struct Node {
        std::string operation;
        std::vector<std::string> inputs;
        std::vector<OnnxAttribute> attributes;
        std::string result;
    };

    std::string unused_name(const std::string& wish);
    std::string constant(const std::string& name, onnx::DataType type, std::vector<std::size_t> shape,
                         std::string bytes, std::vector<std::string> texts = {});
    /// One that may be there already.
    std::string shared(const std::string& name, onnx::DataType type, std::vector<std::size_t> shape, std::string bytes);
    [[nodiscard]] std::set<std::string> needed_names() const;
    [[nodiscard]] std::string graph_bytes() const;
    static std::string node_bytes(const Node& node);
    static std::string attribute_bytes(const OnnxAttribute& attribute);
    static std::string constant_bytes(const Constant& constant);
    static std::string value_bytes(const Value& value);

    std::string name_;
    onnx::DataType numbers_;
    std::vector<Value> inputs_, outputs_;
    std::vector<Constant> constants_;
    std::vector<Node> nodes_;
    std::set<std::string> names_;
    std::map<std::string, std::string> known_;  ///< the name of a constant or a result, by all that makes it
};

}  // namespace handgrad::exports
