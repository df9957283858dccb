// The numbers by which ONNX calls its fields and types in a file: a protobuf message is a list of numbered fields.
#pragma once

#include <cstdint>

/// Of each message of onnx.proto the fields that are written, read or refused here.
namespace handgrad::onnx {

using Field = std::uint32_t;

namespace model {
inline constexpr Field ir_version = 1, producer_name = 2, producer_version = 3, graph = 7, opset_import = 8,
                       metadata = 14;
}
namespace operator_set {
inline constexpr Field domain = 1, version = 2;
}
namespace graph {
inline constexpr Field node = 1, name = 2, initializer = 5, doc_string = 10, input = 11, output = 12,
                       sparse_initializer = 15;
}
namespace node {
inline constexpr Field input = 1, output = 2, name = 3, op_type = 4, attribute = 5, domain = 7;
}
namespace attribute {
inline constexpr Field name = 1, number = 2, integer = 3, text = 4, tensor = 5, integers = 8, texts = 9, type = 20;
}
namespace tensor {
inline constexpr Field dims = 1, data_type = 2, float_data = 4, int32_data = 5, string_data = 6, int64_data = 7,
                       name = 8, raw_data = 9, double_data = 10, external_data = 13, data_location = 14;
}
namespace value_info {
inline constexpr Field name = 1, type = 2, doc_string = 3;
}
namespace type {
inline constexpr Field tensor_type = 1;
}
namespace tensor_type {
inline constexpr Field elem_type = 1, shape = 2;
}
namespace shape {
inline constexpr Field dim = 1;
}
namespace dimension {
inline constexpr Field value = 1, param = 2;
}
namespace entry {
inline constexpr Field key = 1, value = 2;
}

/// TensorProto.DataType
enum class DataType : std::int32_t {
    none = 0,
    float32 = 1,
    int64 = 7,
    text = 8,
    float16 = 10,
    float64 = 11,
    bfloat16 = 16,
};
/// AttributeProto.AttributeType
enum class AttributeType : std::int32_t { number = 1, integer = 2, text = 3, tensor = 4, integers = 7, texts = 8 };

/// The operators of machine learning on tables: texts as categories.
inline constexpr const char* table_domain = "ai.onnx.ml";

}  // namespace handgrad::onnx
