// The messages of an ONNX file that a chain of layers has, read as if a stranger had sent them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace handgrad::imports {

struct OnnxTensor {
    std::vector<std::size_t> shape{};
    std::vector<double> values{};
    bool in_double = false;
};

struct OnnxNode {
    std::string operation;
    std::string domain;  ///< empty for ONNX's own
    std::vector<std::string> inputs;
    std::vector<std::string> outputs;
    std::map<std::string, double> numbers;  ///< attributes that are one number
    std::map<std::string, std::string> texts;
    std::map<std::string, OnnxTensor> tensors;
};

struct OnnxGraphRead {
    std::int64_t opset = 0;  ///< of ONNX's own operators
    std::vector<OnnxNode> nodes;
    std::map<std::string, OnnxTensor> constants;
    std::vector<std::string> inputs;  ///< with those that are constants
    std::vector<std::string> outputs;
};

/// Sizes are checked against the bytes that are there before anything is allocated. Raises Error(model) for what is no
/// such file, is damaged, keeps numbers in other files or in a form other than float16, bfloat16, float and double, or
/// is of an opset that is not known.
OnnxGraphRead read_onnx(std::string_view bytes, const std::string& source);

}  // namespace handgrad::imports
