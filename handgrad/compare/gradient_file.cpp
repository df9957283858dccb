// Files of gradients: what the first bytes say they are, and for all others what to type instead.
#include <algorithm>
#include <array>
#include <cctype>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string_view>
#include <utility>

#include "handgrad/base/atomic_file.hpp"
#include "handgrad/base/error.hpp"
#include "handgrad/compare/comparison.hpp"
#include "handgrad/store/tensor_file.hpp"

namespace handgrad::compare {
namespace {

constexpr std::string_view how_to_write =
    "gradients are read from .npz and .safetensors, one array a parameter; in NumPy: "
    "np.savez('gradients.npz', W1=dW1, b1=db1, W2=dW2, b2=db2)";

[[noreturn]] void refuse(const std::string& path, const std::string& cause) {
    throw Error(ErrorKind::data, path + ": " + cause + "; " + std::string(how_to_write));
}

int digits_of(TensorType type) {
    switch (type) {
        case TensorType::bf16:
            return 8;
        case TensorType::f16:
            return 11;
        case TensorType::f32:
            return 24;
        case TensorType::f64:
            break;
    }
    return 53;
}

std::vector<NamedArray> arrays_of(const TensorFile& file) {
    std::vector<NamedArray> arrays;
    for (const Tensor& tensor : file.tensors) {
        NamedArray array{.name = tensor.name, .shape = tensor.shape, .values = {}, .digits = digits_of(tensor.type)};
        for (std::size_t i = 0; i < tensor.count(); ++i) {
            array.values.push_back(tensor.value(i));
        }
        arrays.push_back(std::move(array));
    }
    return arrays;
}

/// What a file is that cannot be a file of gradients, by its first bytes or else by the end of its name.
std::string known_kind(std::string_view bytes, const std::string& path) {
    struct Known {
        std::string_view begins, ends, kind;
    };
    static constexpr std::array known{Known{"\x89HDF\r\n", ".h5", "an HDF5 file"},
                                      Known{"MATLAB 5.0 MAT-file", ".mat", "a MATLAB file"},
                                      Known{"{", ".json", "JSON"},
                                      Known{"[", ".json", "JSON"},
                                      Known{"\x1f\x8b", ".gz", "packed by gzip"},
                                      Known{"PAR1", ".parquet", "a Parquet file"}};
    for (const Known& one : known) {
        if (bytes.starts_with(one.begins) || path.ends_with(one.ends)) {
            return std::string(one.kind);
        }
    }
    const auto printed = [](unsigned char c) { return c >= 0x80 || std::isprint(c) != 0 || std::isspace(c) != 0; };
    if (std::ranges::all_of(bytes, printed)) {
        return "a text";
    }
    return "neither of NumPy's archives nor safetensors by its first bytes";
}

/// Raises Error(data) for what begins like no file of gradients; `size` is that of the whole file.
void check_beginning(std::string_view bytes, std::uintmax_t size, const std::string& path) {
    if (bytes.empty()) {
        refuse(path, "it is empty");
    }
    if (bytes.starts_with("\x80\x02") || bytes.starts_with("\x80\x03") || bytes.starts_with("\x80\x04") ||
        bytes.starts_with("\x80\x05")) {
        throw Error(ErrorKind::data, path +
                                         ": a pickle, which runs whatever stands in it when it is read; save the "
                                         "gradients as .npz: np.savez('gradients.npz', **{name: p.grad.numpy() for "
                                         "name, p in model.named_parameters()}), or with "
                                         "safetensors.torch.save_file(..., 'gradients.safetensors')");
    }
    if (bytes.starts_with("PK")) {
        return;
    }
    if (bytes.starts_with("\x93NUMPY")) {
        refuse(path, "not an .npz archive but a single array, which has no name");
    }
    if (path.ends_with(".npz")) {
        refuse(path, "not an .npz archive by its first bytes");
    }
    std::uint64_t length = 0;
    if (bytes.size() > sizeof length) {
        std::memcpy(&length, bytes.data(), sizeof length);
    }
    if (bytes.size() <= sizeof length || bytes[sizeof length] != '{' || length > max_header_bytes) {
        refuse(path, "this is " + known_kind(bytes, path));
    }
    if (length > size - sizeof length) {
        throw Error(ErrorKind::data, path + ": cut off: its header should end at byte " +
                                         std::to_string(sizeof length + length) + ", the file ends at byte " +
                                         std::to_string(size) + "; write it again");
    }
}

/// Before a file is read that may be larger than memory and is of another kind. A device may have no end.
void check_before_reading(const std::string& path) {
    std::error_code failed;
    const std::filesystem::file_status status = std::filesystem::status(path, failed);
    if (status.type() == std::filesystem::file_type::character || status.type() == std::filesystem::file_type::block) {
        refuse(path, "this is a device");
    }
    if (status.type() != std::filesystem::file_type::regular) {
        return;  // a pipe is read once; what is wrong with anything else, reading says
    }
    std::array<char, 64> begin{};
    std::ifstream file(path, std::ios::binary);
    file.read(begin.data(), begin.size());
    const std::uintmax_t size = std::filesystem::file_size(path, failed);
    const bool unreadable = file.gcount() == 0 && size > 0;  // reading it says why
    if (file.is_open() && !failed && !unreadable) {
        check_beginning({begin.data(), static_cast<std::size_t>(file.gcount())}, size, path);
    }
}

}  // namespace

std::vector<NamedArray> parse_gradients(std::string_view bytes, const std::string& source) {
    check_beginning(bytes, bytes.size(), source);
    if (!bytes.starts_with("PK")) {
        try {
            return arrays_of(parse_tensor_file(bytes, source, TensorTypes::floats));
        } catch (const Error& error) {
            throw Error(ErrorKind::data, error.what());  // no model is wrong here
        }
    }
    if (bytes.find("/data.pkl") != std::string_view::npos) {
        check_beginning("\x80\x02", 2, source);  // torch.save: a pickle in an archive
    }
    return read_npz(bytes, source, Unreadable::kept);
}

std::vector<NamedArray> read_gradients(const std::string& path) {
    check_before_reading(path);
    return parse_gradients(read_file(path), path);
}

}  // namespace handgrad::compare
