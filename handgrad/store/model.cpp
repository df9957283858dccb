// The model file: parameters as tensors, the description as JSON texts, and a checksum over every byte of both.
#include "handgrad/store/model.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

#include "handgrad/base/atomic_file.hpp"
#include "handgrad/base/error.hpp"
#include "handgrad/base/version.hpp"
#include "handgrad/store/conformity_tensors.hpp"
#include "handgrad/store/description.hpp"
#include "handgrad/store/json.hpp"
#include "handgrad/store/parameter_tensors.hpp"
#include "handgrad/store/saved_training.hpp"
#include "handgrad/store/soundness.hpp"
#include "handgrad/store/tensor_file.hpp"

namespace handgrad {
namespace {

constexpr std::string_view format_name = "handgrad model";
/// 2 adds to the columns what becomes of dates, signs in numbers, ids, missing texts and unknown categories; files of
/// version 1 knew none of them. 3 has the state of a training too, 4 weights of classes and what intervals are made of;
/// a model is written as the first version that has what it needs.
constexpr int format_version = 4, training_version = 3, plain_version = 2;

/// What stands in the metadata of a model file, and what a model may be without.
constexpr std::string_view history_key = "history";
constexpr std::string_view settings_key = "settings";
constexpr std::string_view training_rows_key = "training_rows";
constexpr std::array optional_keys{
    history_key,    settings_key,       training_rows_key, saved_training_key, saved_training_hash_key,
    conformity_key, conformity_hash_key};
constexpr std::array<std::string_view, 10> metadata_keys{
    "format", "format_version", "handgrad_version", "architecture",    "conventions",
    "loss",   "preprocessing",  "provenance",       "parameters_hash", "checksum"};

/// `checksum` is the XXH3-128 of the whole header, its blanks included, with these digits in its own place.
constexpr std::string_view no_checksum = "00000000000000000000000000000000";

[[noreturn]] void fail(const std::string& source, const std::string& cause) {
    throw Error(ErrorKind::model, source + ": " + cause);
}

// --- Checksums ------------------------------------------------------------------------------------------------------

/// A file's bytes cut where its header ends.
struct Parts {
    std::string header;
    std::string_view data;
};

/// Of bytes that have been parsed, or just written, as a tensor file.
Parts parts(std::string_view bytes) {
    std::uint64_t length = 0;
    std::ranges::copy(bytes.substr(0, sizeof length), reinterpret_cast<char*>(&length));
    return {std::string(bytes.substr(sizeof length, length)), bytes.substr(sizeof length + length)};
}

/// Where in the header the digits of its checksum stand, or npos. No text within the header can look like this: a
/// quotation mark inside a JSON text has a backslash before it.
std::size_t checksum_position(std::string_view header) {
    constexpr std::string_view before = R"("checksum":")";
    const std::size_t found = header.find(before);
    return found == std::string_view::npos || found + before.size() + no_checksum.size() > header.size()
               ? std::string_view::npos
               : found + before.size();
}

std::string header_checksum(std::string header, std::size_t position) {
    return xxh3_128_hex(header.replace(position, no_checksum.size(), no_checksum));
}

bool is_model(const TensorFile& file) {
    const auto format = file.metadata.find("format");
    return format != file.metadata.end() && format->second == format_name;
}

/// `2`, or `2.1` as a later handgrad may write for what older ones could nearly read.
struct FormatVersion {
    int major = 0;
    int minor = 0;

    auto operator<=>(const FormatVersion&) const = default;
};

std::optional<FormatVersion> parse_version(std::string_view text) {
    const auto number = [&](std::string_view digits) -> std::optional<int> {
        int value = 0;
        const auto [end, problem] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
        const bool whole = problem == std::errc() && end == digits.data() + digits.size();
        return whole && digits.front() != '0' ? std::optional(value) : std::nullopt;
    };
    const std::size_t point = std::min(text.find('.'), text.size());
    const std::optional<int> major = number(text.substr(0, point));
    const std::optional<int> minor = point == text.size() ? std::optional(0) : number(text.substr(point + 1));
    if (!major || !minor || *major < 1 || *minor < 0) {
        return std::nullopt;
    }
    return FormatVersion{*major, *minor};
}

void check_version(const std::map<std::string, std::string>& metadata, const std::string& source) {
    const auto found = metadata.find("format_version");
    if (found == metadata.end()) {
        fail(source, "its format_version is missing");
    }
    const std::string& text = found->second;
    const std::optional<FormatVersion> version = parse_version(text);
    if (!version) {
        fail(source, "its format_version is '" + excerpt(text) + "', which no handgrad writes");
    }
    if (*version > FormatVersion{format_version, 0}) {
        fail(source, "written by a later handgrad (format " + text + ", this one reads " +
                         std::to_string(format_version) + "); update handgrad");
    }
}

void check_metadata_keys(const std::map<std::string, std::string>& metadata, const std::string& source) {
    for (const std::string_view key : metadata_keys) {
        if (!metadata.contains(std::string(key))) {
            fail(source, "its metadata have no '" + std::string(key) + "'");
        }
    }
    for (const auto& [key, text] : metadata) {
        const bool known = std::ranges::find(metadata_keys, key) != metadata_keys.end() ||
                           std::ranges::find(optional_keys, key) != optional_keys.end();
        if (!known) {
            fail(source, "its metadata have '" + excerpt(key) + "', which this version does not know");
        }
    }
}

/// How many bytes are of the model's own tensors, of a training and of what intervals are made of, which stand in this
/// order.
struct Sections {
    std::size_t parameters = 0, training = 0, conformity = 0;
};
Sections sections(const TensorFile& file, const std::string& source) {
    Sections found;
    for (const Tensor& tensor : file.tensors) {
        const bool of_training = belongs_to_training(tensor.name), of_intervals = belongs_to_conformity(tensor.name);
        const bool late =
            (!of_intervals && found.conformity > 0) || (!of_training && !of_intervals && found.training > 0);
        if (late && !tensor.bytes.empty()) {
            fail(source, "tensor '" + excerpt(tensor.name) + "' stands behind those that it belongs before");
        }
        std::size_t& section = of_training ? found.training : found.parameters;
        (of_intervals ? found.conformity : section) += tensor.bytes.size();
    }
    return found;
}

/// Raises Error(model) unless header and data are, bit for bit, what was written.
void check_checksums(std::string_view bytes, const TensorFile& tensors, const std::string& source) {
    const std::map<std::string, std::string>& metadata = tensors.metadata;
    const auto compare = [&](const std::string& key, const std::string& computed, const std::string& what) {
        if (metadata.at(key) != computed) {
            fail(source, "damaged: the checksum of its " + what + " is " + computed + ", but its " + key + " is " +
                             excerpt(metadata.at(key)) + "; restore it from a copy");
        }
    };
    const Parts file = parts(bytes);
    const std::size_t position = checksum_position(file.header);
    if (position == std::string::npos) {
        fail(source, "its header was written anew by another program, so that its checksum says nothing");
    }
    compare("checksum", header_checksum(file.header, position), "columns and settings");
    const Sections bytes_of = sections(tensors, source);
    compare("parameters_hash", xxh3_128_hex(file.data.substr(0, bytes_of.parameters)), "parameters");
    const auto compare_part = [&](std::string_view key, std::size_t first, std::size_t count, const std::string& what) {
        if (metadata.contains(std::string(key))) {
            compare(std::string(key), xxh3_128_hex(file.data.substr(first, count)), what);
        } else if (count != 0) {
            fail(source, "its metadata have no '" + std::string(key) + "'");
        }
    };
    compare_part(saved_training_hash_key, bytes_of.parameters, bytes_of.training, "training");
    compare_part(conformity_hash_key, bytes_of.parameters + bytes_of.training, bytes_of.conformity, "intervals");
}

/// Raises Error(model) unless a file that calls itself a model is of this format and undamaged.
void check_model(std::string_view bytes, const TensorFile& file, const std::string& source) {
    check_version(file.metadata, source);
    check_metadata_keys(file.metadata, source);
    check_checksums(bytes, file, source);
}

// --- Parameters as tensors ------------------------------------------------------------------------------------------

/// `linear12.weight` or `linear12.bias`, whatever the number.
bool names_a_parameter(std::string_view name) {
    constexpr std::string_view before = "linear";
    const std::size_t dot = name.find('.');
    if (!name.starts_with(before) || dot == std::string_view::npos || dot == before.size()) {
        return false;
    }
    const std::string_view number = name.substr(before.size(), dot - before.size());
    const std::string_view kind = name.substr(dot);
    return number.find_first_not_of("0123456789") == std::string_view::npos && (kind == ".weight" || kind == ".bias");
}

/// Raises Error(model) for the first tensor that `extra` says and that is no parameter of the network.
template <class Extra>
void check_extra(const TensorFile& file, const Architecture& architecture, const std::string& source, Extra extra) {
    const auto shapes = parameter_shapes(architecture);
    for (const Tensor& tensor : file.tensors) {
        if (extra(tensor.name) &&
            std::ranges::find(shapes, tensor.name, [](const auto& s) { return s.first; }) == shapes.end()) {
            fail(source, "tensor '" + excerpt(tensor.name) + "' has no place in a network of " +
                             std::to_string(architecture.layers()) + " layers");
        }
    }
}

/// The one type of all tensors. Raises Error(model) when there are two.
TensorType common_type(const TensorFile& file, const std::string& source) {
    const Tensor& first = file.tensors.front();
    for (const Tensor& tensor : file.tensors) {
        const bool more = belongs_to_training(tensor.name) || belongs_to_conformity(tensor.name);
        if (tensor.type != first.type && !more) {
            fail(source, "tensors '" + first.name + "' and '" + tensor.name +
                             "' have different types; a model is all F32 or all F64");
        }
    }
    return first.type;
}

/// Everything of a model but its network and a training's state; its architecture is put into `architecture`.
Model described_model(const std::map<std::string, std::string>& metadata, const std::string& source,
                      Architecture& architecture) {
    Description description = read_description(metadata, source);
    architecture = std::move(description.architecture);
    Model model{.net = {},
                .loss = description.loss,
                .weight_decay = description.weight_decay,
                .preprocessing = std::move(description.preprocessing),
                .provenance = std::move(description.provenance)};
    const auto optional = [&](std::string_view key, auto&& read) {
        if (const auto text = metadata.find(std::string(key)); text != metadata.end()) {
            read(text->second, source + ": " + std::string(key));
        }
    };
    optional(history_key,
             [&](const std::string& text, const std::string& place) { model.history = read_history(text, place); });
    optional(settings_key, [&](const std::string& text, const std::string& place) {
        model.settings = read_setting_values(text, place);
    });
    optional(training_rows_key, [&](const std::string& text, const std::string& place) {
        model.training_rows = read_training_rows(text, place);
    });
    return model;
}

}  // namespace

const Architecture& Model::architecture() const {
    return std::visit([](const auto& mlp) -> const Architecture& { return mlp.architecture(); }, net);
}

template <class T>
std::string parameters_hash(const BasicMlp<T>& net) {
    return xxh3_128_hex(number_bytes<T>(net.parameters()));
}

std::string parameters_hash(const Model& model) {
    return std::visit([](const auto& net) { return parameters_hash(net); }, model.net);
}

std::string serialize_model(const Model& model) {
    check_sound(model, model.architecture(), "model", ErrorKind::usage);
    TensorFile file;
    std::visit([&](const auto& net) { add_parameters(file, net); }, model.net);
    file.metadata = description_texts({.architecture = model.architecture(),
                                       .loss = model.loss,
                                       .weight_decay = model.weight_decay,
                                       .preprocessing = model.preprocessing,
                                       .provenance = model.provenance});
    if (!model.history.empty()) {
        file.metadata[std::string(history_key)] = history_text(model.history);
    }
    if (!model.settings.empty()) {
        file.metadata[std::string(settings_key)] = setting_values_text(model.settings);
    }
    if (!model.training_rows.empty()) {
        file.metadata[std::string(training_rows_key)] = training_rows_text(model.training_rows);
    }
    file.metadata["format"] = format_name;
    file.metadata["format_version"] = std::to_string(plain_version);
    file.metadata["handgrad_version"] = version;
    file.metadata["parameters_hash"] = parameters_hash(model);
    file.metadata["checksum"] = no_checksum;
    add_saved_training(file, model);
    if (file.metadata.contains(std::string(saved_training_key))) {
        Xxh3Stream hash;
        for (const Tensor& tensor : file.tensors) {
            if (belongs_to_training(tensor.name)) {
                hash.add(tensor.bytes);
            }
        }
        file.metadata[std::string(saved_training_hash_key)] = hash.hex();
        file.metadata["format_version"] = std::to_string(training_version);
    }
    add_conformity(file, model);
    if (!model.preprocessing.class_weights.empty() || !model.conformity.empty()) {
        file.metadata["format_version"] = std::to_string(format_version);
    }
    std::string bytes = serialize(file);
    const Parts cut = parts(bytes);
    const std::size_t position = checksum_position(cut.header);
    bytes.replace(sizeof(std::uint64_t) + position, no_checksum.size(), header_checksum(cut.header, position));
    return bytes;
}

void save_model(const std::filesystem::path& path, const Model& model) {
    write_file_atomically(path, serialize_model(model));
}

Model parse_model(std::string_view bytes, const std::string& source, bool allow_nonfinite) {
    const TensorFile file = parse_tensor_file(bytes, source);
    if (!is_model(file)) {
        throw Error(ErrorKind::model,
                    source + ": a safetensors file, but not a handgrad model; a training can start from bare weights")
            .about("init_from");
    }
    check_model(bytes, file, source);
    Architecture architecture;
    Model model = described_model(file.metadata, source, architecture);
    check_sound(model, architecture, source, ErrorKind::model);
    check_shapes(file, architecture, source);  // before a network of that size is allocated
    const bool has_training = file.metadata.contains(std::string(saved_training_key));
    const bool has_conformity = file.metadata.contains(std::string(conformity_key));
    check_extra(file, architecture, source, [&](const std::string& name) {
        return !(has_training && belongs_to_training(name)) && !(has_conformity && belongs_to_conformity(name));
    });
    if (common_type(file, source) == TensorType::f32) {
        model.net = read_parameters<float>(file, architecture, allow_nonfinite, source);
    } else {
        model.net = read_parameters<double>(file, architecture, allow_nonfinite, source);
    }
    if (has_training) {
        read_saved_training(file, model, source);
    }
    if (has_conformity) {
        read_conformity(file, model, allow_nonfinite, source);
    }
    return model;
}

Model load_model(const std::filesystem::path& path, bool allow_nonfinite) {
    const std::string source = path.string();
    return parse_model(read_file(path, [&](std::string_view first) { judge_tensor_file(first, source); }), source,
                       allow_nonfinite);
}

template <class T>
void load_parameters(const std::filesystem::path& path, BasicMlp<T>& net, bool allow_nonfinite) {
    const std::string source = path.string();
    const std::string bytes = read_file(path, [&](std::string_view first) { judge_tensor_file(first, source); });
    const TensorFile file = parse_tensor_file(bytes, source);
    if (is_model(file)) {
        check_model(bytes, file, source);
    }
    check_shapes(file, net.architecture(), source);
    check_extra(file, net.architecture(), source, names_a_parameter);
    net = read_parameters<T>(file, net.architecture(), allow_nonfinite, source);
}

template std::string parameters_hash(const BasicMlp<float>&);
template std::string parameters_hash(const BasicMlp<double>&);
template void load_parameters(const std::filesystem::path&, BasicMlp<float>&, bool);
template void load_parameters(const std::filesystem::path&, BasicMlp<double>&, bool);

}  // namespace handgrad
