// Names of tensors as others call them, and the few lines of Python that put a network together from them.
#include "handgrad/export/weights.hpp"

#include <array>
#include <cstddef>
#include <span>
#include <string_view>
#include <variant>
#include <vector>

#include "handgrad/data/npz_writer.hpp"
#include "handgrad/data/table.hpp"
#include "handgrad/store/tensor_file.hpp"

namespace handgrad::exports {
namespace {

NpyArray numbers(std::string name, const std::vector<double>& values) {
    return npy_array<double>(std::move(name), std::span<const double>(values));
}

std::vector<std::string> activation_names(const Architecture& architecture) {
    std::vector<std::string> names;
    for (std::size_t l = 0; l < architecture.layers(); ++l) {
        names.emplace_back(name(architecture.activation(l)));
    }
    return names;
}

/// Of each input of the network; 0 and 1 of a category.
void add_columns(std::vector<NpyArray>& arrays, const Preprocessing& columns) {
    std::vector<double> shifts, scales, target_shifts, target_scales;
    std::vector<std::string> outputs;
    for (const FeatureColumn& feature : columns.features) {
        shifts.insert(shifts.end(), feature.inputs(), feature.categorical() ? 0.0 : feature.shift);
        scales.insert(scales.end(), feature.inputs(), feature.categorical() ? 1.0 : feature.scale);
    }
    if (columns.task == Task::classification) {
        outputs.assign(columns.classes.begin() + (columns.one_output ? 1 : 0), columns.classes.end());
        target_shifts.assign(outputs.size(), 0.0);
        target_scales.assign(outputs.size(), 1.0);
    } else {
        for (const TargetColumn& target : columns.targets) {
            outputs.push_back(target.name);
            target_shifts.push_back(target.shift);
            target_scales.push_back(target.scale);
        }
    }
    arrays.push_back(npy_array("inputs", columns.input_names()));
    arrays.push_back(numbers("input_shift", shifts));
    arrays.push_back(numbers("input_scale", scales));
    arrays.push_back(npy_array("outputs", outputs));
    arrays.push_back(numbers("target_shift", target_shifts));
    arrays.push_back(numbers("target_scale", target_scales));
}

/// What PyTorch calls an activation, in `torch.nn`.
std::string torch_module(Activation activation, double leaky_slope) {
    switch (activation) {
        case Activation::identity:
            return "nn.Identity()";
        case Activation::relu:
            return "nn.ReLU()";
        case Activation::leaky_relu:
            return "nn.LeakyReLU(" + format_number(leaky_slope) + ")";
        case Activation::elu:
            return "nn.ELU()";
        case Activation::sigmoid:
            return "nn.Sigmoid()";
        case Activation::tanh:
            return "nn.Tanh()";
        case Activation::softplus:
            return "nn.Softplus()";
        case Activation::silu:
            return "nn.SiLU()";
        case Activation::gelu:
            return "nn.GELU()";
        case Activation::gelu_tanh:
            return "nn.GELU(\"tanh\")";
        case Activation::exp:
            return "Exp()";
        case Activation::softmax:
            return "nn.Softmax(-1)";
    }
    __builtin_unreachable();
}

/// As a text of Python.
std::string quoted(const std::string& text) {
    std::string result = "\"";
    for (const char c : text) {
        if (c == '\\' || c == '"') {
            result += '\\';
        }
        result += c;
    }
    return result + "\"";
}

bool uses_exp(const Architecture& architecture) {
    for (std::size_t l = 0; l < architecture.layers(); ++l) {
        if (architecture.activation(l) == Activation::exp) {
            return true;
        }
    }
    return false;
}

}  // namespace

std::string npz_weights(const Model& model) {
    const Architecture& architecture = model.architecture();
    std::vector<NpyArray> arrays;
    std::visit(
        [&]<class T>(const BasicMlp<T>& net) {
            for (std::size_t l = 0; l < net.layers(); ++l) {
                const MatrixView<const T> weight = net.weight(l);
                arrays.push_back(
                    npy_array<T>(weight_name(l), std::span<const T>(weight.data(), weight.rows() * weight.columns())));
                arrays.back().shape = {weight.rows(), weight.columns()};
                arrays.push_back(npy_array<T>(bias_name(l), net.bias(l)));
            }
        },
        model.net);
    arrays.push_back(npy_array("activations", activation_names(architecture)));
    arrays.push_back(numbers("leaky_slope", {architecture.leaky_slope}));
    add_columns(arrays, model.preprocessing);
    return npz_bytes(arrays);
}

std::string torch_program(const Model& model, const std::string& file) {
    const Architecture& architecture = model.architecture();
    std::string layers;
    for (std::size_t l = 0; l < architecture.layers(); ++l) {
        layers += (l == 0 ? "" : ", ") + std::string("nn.Linear(") + std::to_string(architecture.sizes[l]) + ", " +
                  std::to_string(architecture.sizes[l + 1]) + ")";
        const Activation activation = architecture.activation(l);
        if (l + 1 < architecture.layers() || activation != Activation::identity) {
            layers += ", " + torch_module(activation, architecture.leaky_slope);
        }
    }
    std::string text = "from safetensors.torch import load_file\nfrom torch import nn\n";
    if (uses_exp(architecture)) {
        text += "Exp = type(\"Exp\", (nn.Module,), {\"forward\": lambda self, z: z.exp()})\n";
    }
    text += "net = nn.Sequential(" + layers + ")" + (model.is_double() ? ".double()" : "") + "\n";
    return text + "net.load_state_dict(load_file(" + quoted(file) + "))\n";
}

std::string torch_weights(const Model& model, const std::string& file_name) {
    TensorFile file;
    file.metadata = {{"format", "pt"}, {"load", torch_program(model, file_name)}};
    std::visit(
        [&]<class T>(const BasicMlp<T>& net) {
            constexpr TensorType type = sizeof(T) == sizeof(float) ? TensorType::f32 : TensorType::f64;
            for (std::size_t l = 0; l < net.layers(); ++l) {
                const std::string place = std::to_string(2 * l);
                const MatrixView<const T> weight = net.weight(l);
                const std::span<const T> weights(weight.data(), weight.rows() * weight.columns());
                file.tensors.push_back({place + ".weight", type, {weight.rows(), weight.columns()}, {}});
                file.tensors.back().bytes = number_bytes<T>(weights);
                file.tensors.push_back({place + ".bias", type, {weight.rows()}, {}});
                file.tensors.back().bytes = number_bytes<T>(net.bias(l));
            }
        },
        model.net);
    return serialize(file);
}

}  // namespace handgrad::exports
