// The first bytes tell: a safetensors file begins with the length of its header, and that with a brace.
#include "cli/files.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string_view>

#include "cli/values.hpp"
#include "handgrad/base/error.hpp"
#include "handgrad/train/settings.hpp"

namespace handgrad::cli {
namespace {

/// Some bytes from the begin of a regular file; a pipe would lose them.
std::string first_bytes(const std::string& path) {
    std::error_code ignored;
    if (!std::filesystem::is_regular_file(path, ignored)) {
        return {};
    }
    std::array<char, 4096> bytes{};
    std::ifstream file(path, std::ios::binary);
    file.read(bytes.data(), bytes.size());
    return {bytes.data(), static_cast<std::size_t>(file.gcount())};
}

bool is_tensor_file(const std::string& path) {
    constexpr std::size_t length_bytes = 8;
    const std::string bytes = first_bytes(path);
    return bytes.size() > length_bytes && bytes[length_bytes] == '{' && bytes[length_bytes - 1] == '\0';
}

/// What a file is that is no tensor file, as far as its first bytes tell; empty where they do not.
std::string_view table_kind(const std::string& path) {
    const std::string bytes = first_bytes(path);
    if (bytes.starts_with("\x1F\x8B")) {
        return "a table (compressed by gzip)";
    }
    if (bytes.starts_with("\x93NUMPY")) {
        return "an array of NumPy";
    }
    const bool text = !bytes.empty() && std::ranges::none_of(bytes, [](char c) {
        return static_cast<unsigned char>(c) < ' ' && c != '\t' && c != '\n' && c != '\r';
    });
    return text && bytes.find('\n') != std::string::npos ? "a text, such as a table" : "";
}

}  // namespace

Model open_model(const std::string& model, const std::string& data, const ApplyingOptions& options) {
    const std::string_view kind = table_kind(model);
    if (kind.empty()) {
        Model loaded = load_model(model, options.allow_nonfinite);
        check_settings(loaded, model);
        loaded.preprocessing.unknown = options.unknown.value_or(loaded.preprocessing.unknown);
        return loaded;
    }
    if (!data.empty() && is_tensor_file(data)) {
        usage_error(fmt::format("{} is {}, and {} is a model file: the model comes first", model, kind, data));
    }
    throw Error(
        ErrorKind::model,
        fmt::format("{}: this is {}, where a model file is expected; make one: handgrad train {} --target COL -o "
                    "MODEL",
                    model, kind, model));
}

Table open_table(const std::string& path, const ReadOptions& reading) {
    if (is_tensor_file(path)) {
        throw Error(ErrorKind::data,
                    fmt::format("{}: this is a model file (safetensors), where a table is expected", path));
    }
    return read_table(path, reading);
}

}  // namespace handgrad::cli
