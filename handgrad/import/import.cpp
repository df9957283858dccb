// What kind of file it is, and a model around the network that is in it.
#include "handgrad/import/import.hpp"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <utility>

#include "handgrad/base/atomic_file.hpp"
#include "handgrad/base/error.hpp"
#include "handgrad/base/utf8.hpp"
#include "handgrad/base/wording.hpp"
#include "handgrad/data/npz.hpp"
#include "handgrad/data/preprocessing_check.hpp"
#include "handgrad/import/named_weights.hpp"
#include "handgrad/import/onnx_chain.hpp"
#include "handgrad/import/onnx_reader.hpp"
#include "handgrad/store/head.hpp"
#include "handgrad/store/tensor_file.hpp"

namespace handgrad::imports {
namespace {

[[noreturn]] void refuse_pickle(const std::string& source) {
    throw Error(ErrorKind::model,
                source +
                    ": a pickle, which runs whatever stands in it when it is read; save the weights as safetensors "
                    "(safetensors.torch.save_file(model.state_dict(), 'weights.safetensors')) or as NPZ");
}

std::vector<NamedArray> arrays_of(const TensorFile& file) {
    std::vector<NamedArray> arrays;
    for (const Tensor& tensor : file.tensors) {
        constexpr int digits_of_float = 24, digits_of_double = 53;
        NamedArray array{.name = tensor.name,
                         .shape = tensor.shape,
                         .values = {},
                         .digits = tensor.type == TensorType::f64 ? digits_of_double : digits_of_float};
        for (std::size_t i = 0; i < tensor.count(); ++i) {
            array.values.push_back(tensor.value(i));
        }
        arrays.push_back(std::move(array));
    }
    return arrays;
}

/// A length, and a header of JSON so long.
bool begins_tensor_file(std::string_view bytes) {
    std::uint64_t length = 0;
    if (bytes.size() <= sizeof length) {
        return false;
    }
    std::memcpy(&length, bytes.data(), sizeof length);
    return bytes[sizeof length] == '{' && length <= max_header_bytes;
}

ForeignNetwork network_of(std::string_view bytes, const std::string& source) {
    if (bytes.starts_with("\x80") || bytes.find("/data.pkl") != std::string_view::npos) {
        refuse_pickle(source);
    }
    if (bytes.starts_with("PK")) {
        std::vector<NamedArray> arrays;
        try {
            arrays = read_npz(bytes, source, Unreadable::kept);
        } catch (const Error& error) {
            throw Error(ErrorKind::model, error.what());  // it is no table here
        }
        ForeignNetwork network = network_of_arrays(arrays, source);
        network.format = "NPZ";
        return network;
    }
    if (begins_tensor_file(bytes)) {
        const TensorFile file = parse_tensor_file(bytes, source, TensorTypes::floats);
        ForeignNetwork network = network_of_arrays(arrays_of(file), source);
        network.format = "safetensors";
        if (file.metadata.contains("preprocessing")) {  // a model of ours
            network.left_out.emplace_back("all that the model knows beside its weights");
        }
        return network;
    }
    if (bytes.empty()) {
        throw Error(ErrorKind::model, source + ": it is empty");
    }
    return network_of_chain(read_onnx(bytes, source), source);
}

/// The activations of all layers; raises Error(usage) for options that do not fit.
std::vector<Activation> activations_of(const ForeignNetwork& network, const ImportOptions& options,
                                       const std::string& source, std::vector<std::string>& notices) {
    std::vector<Activation> activations;
    for (const ForeignLayer& layer : network.layers) {
        activations.push_back(layer.activation);
    }
    const std::size_t hidden = activations.size() - 1;
    if (network.knows_activations && !options.hidden.empty()) {
        throw Error(ErrorKind::usage, source + ": the graph says which activations it has; leave them out");
    }
    if (!network.knows_activations && hidden > 0 && options.hidden.empty()) {
        throw Error(ErrorKind::usage, source + ": weights alone do not say which activation stands behind the " +
                                          plural(hidden, "hidden layer"))
            .about("hidden_activation", "relu");
    }
    if (options.hidden.size() > 1 && options.hidden.size() != hidden) {
        throw Error(ErrorKind::usage, source + ": " + plural(options.hidden.size(), "activation") + " for " +
                                          plural(hidden, "hidden layer"))
            .about("hidden_activation");
    }
    for (std::size_t l = 0; l < hidden && !options.hidden.empty(); ++l) {
        activations[l] = options.hidden[options.hidden.size() == 1 ? 0 : l];
    }
    if (options.output) {
        if (network.knows_activations && activations.back() != Activation::identity) {
            throw Error(ErrorKind::usage, source + ": the graph ends with " + std::string(name(activations.back())) +
                                              ", another one cannot follow");
        }
        activations.back() = *options.output;
    } else if (!network.knows_activations) {
        notices.emplace_back("nothing stands behind the last layer (identity): weights alone do not say it");
    }
    return activations;
}

Architecture architecture_of(const ForeignNetwork& network, const std::vector<Activation>& activations,
                             const ImportOptions& options) {
    Architecture architecture;
    architecture.sizes.push_back(network.layers.front().inputs);
    for (const ForeignLayer& layer : network.layers) {
        architecture.sizes.push_back(layer.outputs);
    }
    architecture.output = activations.back();
    const std::vector<Activation> hidden(activations.begin(), activations.end() - 1);
    const bool alike = std::ranges::all_of(hidden, [&](Activation one) { return one == hidden.front(); });
    if (!hidden.empty() && alike) {
        architecture.hidden = hidden.front();
    } else {
        architecture.each_hidden = hidden;
    }
    architecture.leaky_slope = options.leaky_slope.value_or(network.leaky_slope.value_or(architecture.leaky_slope));
    architecture.check();
    return architecture;
}

/// `x1`, `x2` …, or `y` alone; else the names that were given, of which there must be so many.
std::vector<std::string> names_of(const std::vector<std::string>& given, std::size_t count, const std::string& letter,
                                  const std::string& setting, const std::string& source) {
    if (!given.empty() && given.size() != count) {
        throw Error(ErrorKind::usage, source + ": " + plural(given.size(), "name") + " for " + plural(count, "column"))
            .about(setting);
    }
    std::vector<std::string> names = given;
    for (std::size_t i = names.size(); i < count; ++i) {
        names.push_back(count == 1 && letter == "y" ? letter : letter + std::to_string(i + 1));
    }
    return names;
}

Preprocessing columns_of(const ForeignNetwork& network, const Architecture& shape, const ImportOptions& options,
                         const std::string& source) {
    Preprocessing columns;
    for (const std::string& name : names_of(options.inputs, shape.inputs(), "x", "inputs", source)) {
        FeatureColumn feature{.name = name};
        if (!network.input_shifts.empty() && !network.input_scales.empty()) {
            feature.shift = network.input_shifts[columns.features.size()];
            feature.scale = network.input_scales[columns.features.size()];
        }
        columns.features.push_back(std::move(feature));
    }
    const bool one_of_two = shape.output == Activation::sigmoid && shape.outputs() == 1;
    const bool classes = one_of_two || shape.output == Activation::softmax;
    for (const std::string& name : names_of(options.targets, classes ? 1 : shape.outputs(), "y", "targets", source)) {
        TargetColumn target{.name = name};
        if (!classes && !network.target_shifts.empty() && !network.target_scales.empty()) {
            target.shift = network.target_shifts[columns.targets.size()];
            target.scale = network.target_scales[columns.targets.size()];
        }
        columns.targets.push_back(std::move(target));
    }
    if (!classes) {
        columns.task = shape.output == Activation::sigmoid ? Task::multilabel : Task::regression;
        return columns;
    }
    columns.task = Task::classification;
    columns.numeric_classes = true;
    columns.one_output = one_of_two;
    for (std::size_t k = 0; k < std::max<std::size_t>(2, shape.outputs()); ++k) {
        columns.classes.push_back(std::to_string(k));
    }
    return columns;
}

template <class T>
BasicMlp<T> filled(const ForeignNetwork& network, const Architecture& architecture, const std::string& source) {
    BasicMlp<T> net = BasicMlp<T>::zeros(architecture);
    auto to = net.parameters().begin();
    for (const ForeignLayer& layer : network.layers) {
        to = std::ranges::transform(layer.weight, to, [](double w) { return static_cast<T>(w); }).out;
        to = std::ranges::transform(layer.bias, to, [](double b) { return static_cast<T>(b); }).out;
    }
    const auto is_finite = [](T number) { return number - number == T(0); };
    if (!std::ranges::all_of(net.parameters(), is_finite)) {
        throw Error(ErrorKind::model, source + ": a weight is NaN or infinite");
    }
    return net;
}

}  // namespace

Imported parse_foreign(std::string_view bytes, const std::string& source, const ImportOptions& options) {
    const ForeignNetwork network = network_of(bytes, source);
    Imported imported;
    const std::vector<Activation> activations = activations_of(network, options, source, imported.notices);
    const Architecture architecture = architecture_of(network, activations, options);
    Model& model = imported.model;
    if (network.in_double) {
        model.net = filled<double>(network, architecture, source);
    } else {
        model.net = filled<float>(network, architecture, source);
    }
    model.loss = LossFunction(usual_loss(architecture.output));
    model.preprocessing = columns_of(network, architecture, options, source);
    check(model.preprocessing);
    model.provenance = {{"origin", "imported"},
                        {"data.file", std::filesystem::path(source).filename().string()},
                        {"imported.format", network.format}};
    if (!network.left_out.empty()) {
        std::string names;
        for (const std::string& one : network.left_out) {
            add_item(names, ", ", printable(shortened(one, 80)));
        }
        imported.notices.push_back("left out: " + shortened(names, 400));
    }
    return imported;
}

Imported import_model(const std::string& path, const ImportOptions& options) {
    return parse_foreign(read_file(path), path, options);
}

}  // namespace handgrad::imports
