// One list of names and shapes serves writing, checking and reading.
#include "handgrad/store/parameter_tensors.hpp"

#include <algorithm>
#include <cmath>
#include <span>

#include "handgrad/base/error.hpp"
#include "handgrad/data/table.hpp"

namespace handgrad {
namespace {

[[noreturn]] void fail(const std::string& source, const std::string& cause) {
    throw Error(ErrorKind::model, source + ": " + cause);
}

std::string shape_text(std::span<const std::size_t> shape) {
    std::string text;
    for (const std::size_t n : shape) {
        text += (text.empty() ? "" : "x") + std::to_string(n);
    }
    return text.empty() ? "a single number" : text;
}

/// Raises Error(model) for number i of a parameter that is not finite in the network.
[[noreturn]] void fail_nonfinite(const std::string& source, const Tensor& tensor, std::size_t i) {
    const std::string place = tensor.shape.size() == 2 ? "row " + std::to_string(i / tensor.shape[1]) + ", column " +
                                                             std::to_string(i % tensor.shape[1])
                                                       : "number " + std::to_string(i);
    const double value = tensor.value(i);
    std::string cause = source + ": tensor '" + tensor.name + "', " + place + ": ";
    if (std::isfinite(value)) {
        throw Error(ErrorKind::model, cause + format_number(value) + " is too large for f32; compute in f64")
            .about("dtype", "f64");
    }
    cause += std::string(std::isnan(value) ? "NaN" : "infinity") + " is not a number to compute with";
    throw Error(ErrorKind::model, cause + "; it can be read all the same").about("allow_nonfinite");
}

}  // namespace

std::vector<std::pair<std::string, std::vector<std::size_t>>> parameter_shapes(const Architecture& architecture) {
    std::vector<std::pair<std::string, std::vector<std::size_t>>> shapes;
    for (std::size_t l = 0; l < architecture.layers(); ++l) {
        shapes.push_back({weight_name(l), {architecture.sizes[l + 1], architecture.sizes[l]}});
        shapes.push_back({bias_name(l), {architecture.sizes[l + 1]}});
    }
    return shapes;
}

template <class T>
void add_parameters(TensorFile& file, const BasicMlp<T>& net, const std::string& prefix) {
    std::size_t first = 0;
    for (const auto& [name, shape] : parameter_shapes(net.architecture())) {
        Tensor tensor{prefix + name, sizeof(T) == sizeof(float) ? TensorType::f32 : TensorType::f64, shape, {}};
        tensor.bytes = number_bytes<T>(net.parameters().subspan(first, tensor.count()));
        first += tensor.count();
        file.tensors.push_back(std::move(tensor));
    }
}

void check_shapes(const TensorFile& file, const Architecture& architecture, const std::string& source,
                  const std::string& prefix) {
    for (const auto& [parameter, shape] : parameter_shapes(architecture)) {
        const std::string name = prefix + parameter;
        const Tensor* tensor = file.find(name);
        if (tensor == nullptr) {
            fail(source, "tensor '" + name + "' is missing; the network has " + std::to_string(architecture.layers()) +
                             " layers");
        }
        if (tensor->shape != shape) {
            const std::vector<std::size_t> transposed(shape.rbegin(), shape.rend());
            const bool is_transposed = shape.size() == 2 && tensor->shape == transposed;
            fail(source, "tensor '" + name + "' is " + shape_text(tensor->shape) + ", but the network asks for " +
                             shape_text(shape) + (is_transposed ? " (outputs x inputs): transpose it" : ""));
        }
    }
}

template <class T>
BasicMlp<T> read_parameters(const TensorFile& file, const Architecture& architecture, bool allow_nonfinite,
                            const std::string& source, const std::string& prefix) {
    BasicMlp<T> net = BasicMlp<T>::zeros(architecture);
    auto parameter = net.parameters().begin();
    for (const auto& [name, shape] : parameter_shapes(architecture)) {
        const Tensor& tensor = *file.find(prefix + name);
        for (std::size_t i = 0; i < tensor.count(); ++i, ++parameter) {
            *parameter = static_cast<T>(tensor.value(i));
            if (!allow_nonfinite && !std::isfinite(*parameter)) {
                fail_nonfinite(source, tensor, i);
            }
        }
    }
    return net;
}

#define HANDGRAD_INSTANTIATE(T)                                                                            \
    template void add_parameters(TensorFile&, const BasicMlp<T>&, const std::string&);                     \
    template BasicMlp<T> read_parameters(const TensorFile&, const Architecture&, bool, const std::string&, \
                                         const std::string&);
HANDGRAD_INSTANTIATE(float)
HANDGRAD_INSTANTIATE(double)
#undef HANDGRAD_INSTANTIATE

}  // namespace handgrad
