// safetensors: named tensors and a map of texts in one file, read as if a stranger had sent it.
#pragma once

#include <cstddef>
#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "handgrad/base/limits.hpp"

namespace handgrad {

enum class TensorType { f32, f64, f16, bf16 };

/// One tensor; `bytes` are little-endian, row-major, unpadded.
struct Tensor {
    std::string name;
    TensorType type = TensorType::f32;
    std::vector<std::size_t> shape;
    std::string bytes;

    [[nodiscard]] std::size_t count() const;  ///< numbers in it
    /// Number i, exactly.
    [[nodiscard]] double value(std::size_t i) const;
};

struct TensorFile {
    std::vector<Tensor> tensors;                  ///< in file order
    std::map<std::string, std::string> metadata;  ///< `__metadata__`

    [[nodiscard]] const Tensor* find(std::string_view name) const;
};

/// Limits on a file from a stranger; what exceeds them raises Error(model).
inline constexpr std::size_t max_header_bytes = limits::header_bytes;
inline constexpr std::size_t max_tensors = limits::tensors;
inline constexpr std::size_t max_rank = limits::tensor_rank;
inline constexpr std::size_t max_name_bytes = limits::name_bytes;

/// The file's bytes. Offsets have no gaps, tensors keep their order, the header is padded with blanks to 8 bytes.
/// Raises Error(data) when the header would exceed the limit, or a text is not UTF-8.
std::string serialize(const TensorFile& file);

/// Which types of tensors are read: those of models, or F16 and BF16 too.
enum class TensorTypes { of_models, floats };

/// The reverse; `source` stands in messages. Raises Error(model) with the byte offset or the tensor's name for anything
/// that is not a sound safetensors file: sizes are checked against the bytes really there before anything is allocated;
/// overlaps, holes, trailing bytes, duplicate names, deep nesting, types other than F32 and F64 (with `floats` also F16
/// and BF16) are refused.
TensorFile parse_tensor_file(std::string_view bytes, const std::string& source,
                             TensorTypes types = TensorTypes::of_models);

/// Raises Error(model) for first bytes that begin no such file, whatever may follow.
void judge_tensor_file(std::string_view first, const std::string& source);

TensorFile read_tensor_file(const std::filesystem::path& path);                     ///< Error(io), Error(model)
void write_tensor_file(const std::filesystem::path& path, const TensorFile& file);  ///< atomic; Error(io)

/// XXH3-128 of bytes as 32 hex digits (canonical, as `xxhsum -H2` prints it).
std::string xxh3_128_hex(std::string_view bytes);

/// Numbers as the bytes that they are in memory.
template <class T>
std::string_view number_bytes(std::span<const T> numbers) {
    return {reinterpret_cast<const char*>(numbers.data()), numbers.size_bytes()};
}

/// The same of bytes that come in pieces, however they are cut: nothing is gathered.
class Xxh3Stream {
public:
    Xxh3Stream();
    void add(std::string_view bytes);
    [[nodiscard]] std::string hex() const;  ///< of all bytes so far

private:
    struct State;
    struct Delete {
        void operator()(State* state) const noexcept;
    };
    std::unique_ptr<State, Delete> state_;
};

}  // namespace handgrad
