// Messages by protozero, field by field; what is not needed is passed over, what would change the meaning is refused.
#include "handgrad/import/onnx_reader.hpp"

#include <bit>
#include <cstring>
#include <functional>
#include <optional>
#include <protozero/pbf_reader.hpp>
#include <utility>

#include "handgrad/base/error.hpp"
#include "handgrad/base/limits.hpp"
#include "handgrad/base/utf8.hpp"
#include "handgrad/base/wording.hpp"
#include "handgrad/store/onnx_fields.hpp"
#include "handgrad/store/tensor_file.hpp"

namespace handgrad::imports {
namespace {

using onnx::DataType;
using protozero::pbf_reader;

constexpr std::int64_t oldest_opset = 7, newest_opset = 28;

// protozero takes it for granted that a field is of the kind that it is read as; a stranger's need not be.
void expect(const pbf_reader& reader, protozero::pbf_wire_type kind) {
    if (reader.wire_type() != kind) {
        throw protozero::unknown_pbf_wire_type_exception{};
    }
}
protozero::data_view view_of(pbf_reader& reader) {
    expect(reader, protozero::pbf_wire_type::length_delimited);
    return reader.get_view();
}
pbf_reader message_of(pbf_reader& reader) { return pbf_reader(view_of(reader)); }
std::string text_of(pbf_reader& reader) {
    const protozero::data_view view = view_of(reader);
    return {view.data(), view.size()};
}
std::int64_t integer_of(pbf_reader& reader) {
    expect(reader, protozero::pbf_wire_type::varint);
    return reader.get_int64();
}
template <class T>
T fixed_of(pbf_reader& reader) {
    if constexpr (sizeof(T) == sizeof(double)) {
        expect(reader, protozero::pbf_wire_type::fixed64);
        return reader.get_double();
    } else {
        expect(reader, protozero::pbf_wire_type::fixed32);
        return reader.get_float();
    }
}

/// One tensor, of which nothing is believed before the bytes bear it out.
class TensorReader {
public:
    TensorReader(pbf_reader reader, const std::string& source) : source_(source) {
        while (reader.next()) {
            take(reader);
        }
    }

    [[nodiscard]] const std::string& name() const { return name_; }

    OnnxTensor tensor() {
        check_not_outside();
        if (!halves_.empty()) {
            typed_ = half_values(halves_, halves_.size() / 2);
        }
        OnnxTensor tensor{.shape = shape(), .in_double = type_ == DataType::float64};
        std::size_t count = 1;
        for (const std::size_t length : tensor.shape) {
            count *= length;  // shape() has seen that this is what there is
        }
        tensor.values = raw_ ? raw_values(count) : typed_;
        if (tensor.values.size() != count) {
            fail("has " + plural(tensor.values.size(), "number") + ", its shape is of " + std::to_string(count));
        }
        return tensor;
    }

    /// Whole numbers and the like are there, but no weights.
    [[nodiscard]] bool is_of_numbers() const {
        return type_ == DataType::float32 || type_ == DataType::float64 || type_ == DataType::float16 ||
               type_ == DataType::bfloat16;
    }
    /// Raises Error(model) for numbers in another file, which is never opened.
    void check_not_outside() const {
        if (outside_) {
            fail(
                "keeps its numbers in another file: external data not supported; write the model with its numbers "
                "in it (in Python: onnx.save(onnx.load('model.onnx'), 'whole.onnx'))");
        }
    }

private:
    [[noreturn]] void fail(const std::string& cause) const {
        throw Error(ErrorKind::model, source_ + ": tensor '" + printable(shortened(name_, 80)) + "' " + cause);
    }

    void take(pbf_reader& reader) {
        switch (reader.tag()) {
            case onnx::tensor::dims:
                add_dimensions(reader);
                break;
            case onnx::tensor::data_type:
                type_ = static_cast<DataType>(integer_of(reader));
                break;
            case onnx::tensor::name:
                name_ = text_of(reader);
                break;
            case onnx::tensor::raw_data:
                raw_ = view_of(reader);
                break;
            case onnx::tensor::float_data:
                add_fixed<float>(reader);
                break;
            case onnx::tensor::double_data:
                add_fixed<double>(reader);
                break;
            case onnx::tensor::int32_data:
                add_halves(reader);
                break;
            case onnx::tensor::external_data:
                outside_ = true;
                reader.skip();
                break;
            case onnx::tensor::data_location:
                outside_ = integer_of(reader) != 0 || outside_;
                break;
            default:
                reader.skip();
        }
    }

    void add_dimensions(pbf_reader& reader) {
        if (reader.wire_type() != protozero::pbf_wire_type::length_delimited) {
            dimensions_.push_back(integer_of(reader));
            return;
        }
        for (const std::int64_t length : reader.get_packed_int64()) {
            dimensions_.push_back(length);
        }
    }
    template <class T>
    void add_fixed(pbf_reader& reader) {
        if (reader.wire_type() == protozero::pbf_wire_type::length_delimited) {
            const protozero::data_view view = view_of(reader);
            if (view.size() % sizeof(T) != 0) {
                fail("is cut off");
            }
            add_bytes<T>(view, view.size() / sizeof(T));
        } else {
            typed_.push_back(static_cast<double>(fixed_of<T>(reader)));
        }
    }
    template <class T>
    void add_bytes(protozero::data_view view, std::size_t count) {
        for (std::size_t i = 0; i < count; ++i) {
            T number;
            std::memcpy(&number, view.data() + i * sizeof number, sizeof number);
            typed_.push_back(static_cast<double>(number));
        }
    }
    /// float16 and bfloat16 in the low bits of whole numbers.
    void add_halves(pbf_reader& reader) {
        const auto add = [&](std::int32_t bits) {
            halves_.push_back(static_cast<char>(bits & 0xFF));
            halves_.push_back(static_cast<char>(bits >> 8 & 0xFF));
        };
        if (reader.wire_type() != protozero::pbf_wire_type::length_delimited) {
            add(static_cast<std::int32_t>(integer_of(reader)));
            return;
        }
        for (const std::int32_t bits : reader.get_packed_int32()) {
            add(bits);
        }
    }
    [[nodiscard]] std::vector<double> half_values(std::string bytes, std::size_t count) const {
        const Tensor halves{.name = name_,
                            .type = type_ == DataType::bfloat16 ? TensorType::bf16 : TensorType::f16,
                            .shape = {count},
                            .bytes = std::move(bytes)};
        std::vector<double> values;
        for (std::size_t i = 0; i < count; ++i) {
            values.push_back(halves.value(i));
        }
        return values;
    }

    [[nodiscard]] std::size_t bytes_each() const {
        switch (type_) {
            case DataType::float64:
                return sizeof(double);
            case DataType::float32:
                return sizeof(float);
            case DataType::float16:
            case DataType::bfloat16:
                return 2;
            default:
                fail("is of the type " + std::to_string(static_cast<int>(type_)) +
                     "; weights are float, double, float16 or bfloat16");
        }
    }

    /// Of so many numbers as there are bytes for.
    [[nodiscard]] std::vector<std::size_t> shape() const {
        if (dimensions_.size() > limits::tensor_rank) {
            fail("has more than " + std::to_string(limits::tensor_rank) + " axes");
        }
        const std::size_t each = bytes_each(), there = raw_ ? raw_->size() / each : typed_.size();
        std::size_t count = 1;
        std::vector<std::size_t> shape;
        for (const std::int64_t length : dimensions_) {
            const bool fits = length > 0 && static_cast<std::uint64_t>(length) <= there / count;
            if (!fits) {
                fail("has room for " + plural(there, "number") + ", its axes say more or nothing (one is " +
                     std::to_string(length) + ")");
            }
            shape.push_back(static_cast<std::size_t>(length));
            count *= shape.back();
        }
        return shape;
    }
    [[nodiscard]] std::vector<double> raw_values(std::size_t count) {
        if (raw_->size() != count * bytes_each()) {
            fail("has " + plural(raw_->size(), "byte") + ", its shape is of " + std::to_string(count * bytes_each()));
        }
        typed_.clear();
        if (type_ == DataType::float64) {
            add_bytes<double>(*raw_, count);
        } else if (type_ == DataType::float32) {
            add_bytes<float>(*raw_, count);
        } else {
            return half_values({raw_->data(), raw_->size()}, count);
        }
        return typed_;
    }

    const std::string& source_;
    std::string name_;
    DataType type_ = DataType::none;
    std::vector<std::int64_t> dimensions_;
    std::optional<protozero::data_view> raw_;
    std::vector<double> typed_;
    std::string halves_;
    bool outside_ = false;
};

class Reader {
public:
    explicit Reader(const std::string& source) : source_(source) {}

    OnnxGraphRead model(std::string_view bytes) {
        bool has_graph = false;
        pbf_reader reader(bytes.data(), bytes.size());
        while (reader.next()) {
            if (reader.tag() == onnx::model::graph) {
                graph(message_of(reader));
                has_graph = true;
            } else if (reader.tag() == onnx::model::opset_import) {
                operator_set(message_of(reader));
            } else {
                reader.skip();
            }
        }
        if (!has_graph) {
            fail("no ONNX: there is no graph in it");
        }
        if (read_.opset < oldest_opset || read_.opset > newest_opset) {
            fail("its operators are of opset " + std::to_string(read_.opset) + "; read are " +
                 std::to_string(oldest_opset) + " to " + std::to_string(newest_opset) +
                 "; write it in one of these (in Python: onnx.version_converter.convert_version)");
        }
        return std::move(read_);
    }

private:
    [[noreturn]] void fail(const std::string& cause) const { throw Error(ErrorKind::model, source_ + ": " + cause); }

    void operator_set(pbf_reader reader) {
        std::string domain;
        std::int64_t version = 0;
        while (reader.next()) {
            if (reader.tag() == onnx::operator_set::domain) {
                domain = text_of(reader);
            } else if (reader.tag() == onnx::operator_set::version) {
                version = integer_of(reader);
            } else {
                reader.skip();
            }
        }
        if (domain.empty() || domain == "ai.onnx") {
            read_.opset = version;
        }
    }

    void graph(pbf_reader reader) {
        while (reader.next()) {
            switch (reader.tag()) {
                case onnx::graph::node:
                    read_.nodes.push_back(node(message_of(reader)));
                    break;
                case onnx::graph::initializer:
                    constant(message_of(reader));
                    break;
                case onnx::graph::input:
                    read_.inputs.push_back(value_name(message_of(reader)));
                    break;
                case onnx::graph::output:
                    read_.outputs.push_back(value_name(message_of(reader)));
                    break;
                case onnx::graph::sparse_initializer:
                    fail("it has sparse weights, which are not read; write them dense");
                default:
                    reader.skip();
            }
        }
    }

    void constant(pbf_reader reader) {
        TensorReader tensor(reader, source_);
        tensor.check_not_outside();
        if (!tensor.is_of_numbers()) {
            return;  // of shapes and the like: no layer has one
        }
        if (!read_.constants.emplace(tensor.name(), tensor.tensor()).second) {
            fail("tensor '" + printable(shortened(tensor.name(), 80)) + "' is there twice");
        }
    }

    static std::string value_name(pbf_reader reader) {
        std::string name;
        while (reader.next()) {
            if (reader.tag() == onnx::value_info::name) {
                name = text_of(reader);
            } else {
                reader.skip();
            }
        }
        return name;
    }

    OnnxNode node(pbf_reader reader) {
        OnnxNode node;
        while (reader.next()) {
            switch (reader.tag()) {
                case onnx::node::input:
                    node.inputs.push_back(text_of(reader));
                    break;
                case onnx::node::output:
                    node.outputs.push_back(text_of(reader));
                    break;
                case onnx::node::op_type:
                    node.operation = text_of(reader);
                    break;
                case onnx::node::domain:
                    node.domain = text_of(reader);
                    break;
                case onnx::node::attribute:
                    attribute(message_of(reader), node);
                    break;
                default:
                    reader.skip();
            }
        }
        if (node.domain == "ai.onnx") {
            node.domain.clear();
        }
        return node;
    }

    void attribute(pbf_reader reader, OnnxNode& node) {
        std::string name;
        std::optional<double> number;
        std::optional<std::string> text;
        std::optional<OnnxTensor> tensor;
        while (reader.next()) {
            switch (reader.tag()) {
                case onnx::attribute::name:
                    name = text_of(reader);
                    break;
                case onnx::attribute::number:
                    number = static_cast<double>(fixed_of<float>(reader));
                    break;
                case onnx::attribute::integer:
                    number = static_cast<double>(integer_of(reader));
                    break;
                case onnx::attribute::text:
                    text = text_of(reader);
                    break;
                case onnx::attribute::tensor: {
                    TensorReader value(message_of(reader), source_);
                    value.check_not_outside();
                    if (value.is_of_numbers()) {
                        tensor = value.tensor();
                    }
                    break;
                }
                default:
                    reader.skip();
            }
        }
        if (number) {
            node.numbers[name] = *number;
        }
        if (text) {
            node.texts[name] = *text;
        }
        if (tensor) {
            node.tensors[name] = std::move(*tensor);
        }
    }

    const std::string& source_;
    OnnxGraphRead read_;
};

}  // namespace

OnnxGraphRead read_onnx(std::string_view bytes, const std::string& source) {
    try {
        return Reader(source).model(bytes);
    } catch (const protozero::exception& problem) {
        throw Error(ErrorKind::model, source + ": no sound ONNX file (" + problem.what() +
                                          "): it is cut off, damaged, or another kind of file");
    }
}

}  // namespace handgrad::imports
