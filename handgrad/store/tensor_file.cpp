// safetensors in and out: 8 bytes of header length, a JSON header padded with blanks, then the tensors without gaps.
#include "handgrad/store/tensor_file.hpp"

#include <xxhash.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cassert>
#include <cstdint>
#include <cstring>
#include <new>
#include <numeric>
#include <utility>

#include "handgrad/base/atomic_file.hpp"
#include "handgrad/base/error.hpp"
#include "handgrad/data/binary_table.hpp"
#include "handgrad/store/json.hpp"

namespace handgrad {
namespace {

static_assert(std::endian::native == std::endian::little, "tensors are copied as they stand in memory");

constexpr std::size_t length_bytes = 8;
constexpr std::string_view metadata_name = "__metadata__";

constexpr std::array type_names{"F32", "F64", "F16", "BF16"};
constexpr std::array<std::size_t, type_names.size()> type_sizes{4, 8, 2, 2};
std::size_t size_of(TensorType type) { return type_sizes[static_cast<std::size_t>(type)]; }
std::string_view name(TensorType type) { return type_names[static_cast<std::size_t>(type)]; }

std::string hex_of(XXH128_hash_t hash) {
    XXH128_canonical_t canonical;
    XXH128_canonicalFromHash(&canonical, hash);
    constexpr std::string_view digits = "0123456789abcdef";
    std::string hex;
    for (const unsigned char byte : canonical.digest) {
        hex += digits[byte >> 4];
        hex += digits[byte & 15];
    }
    return hex;
}

/// Where a tensor's bytes stand behind the header, as its entry claims.
struct Extent {
    std::size_t begin;
    std::size_t end;
};

/// One tensor as its header entry describes it.
struct Entry {
    Tensor tensor;
    Extent extent;
};

/// Reads what the header says of one tensor and refuses what cannot be true.
class EntryReader {
public:
    EntryReader(const std::string& source, const std::string& tensor_name, std::size_t data_bytes, TensorTypes types)
        : place_(source + ": tensor '" + tensor_name + "'"),
          name_(tensor_name),
          data_bytes_(data_bytes),
          types_(types) {}

    [[nodiscard]] Entry read(const Json& json) const {
        const auto* fields = std::get_if<Json::Object>(&json.value);
        if (fields == nullptr) {
            fail("its entry in the header is not an object");
        }
        for (const auto& [field, value] : *fields) {
            if (field != "dtype" && field != "shape" && field != "data_offsets") {
                fail("its entry in the header has a field '" + excerpt(field) + "', which safetensors does not know");
            }
        }
        Entry entry{Tensor{.name = name_,
                           .type = type(member(*fields, "dtype")),
                           .shape = dimensions(member(*fields, "shape")),
                           .bytes = {}},
                    extent(member(*fields, "data_offsets"))};
        check_size(entry);
        return entry;
    }

private:
    [[noreturn]] void fail(const std::string& cause) const { throw Error(ErrorKind::model, place_ + ": " + cause); }

    [[nodiscard]] const Json& member(const Json::Object& fields, std::string_view field) const {
        const auto found = std::ranges::find(fields, field, &Json::Object::value_type::first);
        if (found == fields.end()) {
            fail("its entry in the header has no '" + std::string(field) + "'");
        }
        return found->second;
    }

    [[nodiscard]] TensorType type(const Json& json) const {
        const auto* text = std::get_if<std::string>(&json.value);
        if (text == nullptr) {
            fail("its dtype is not a text");
        }
        const bool halves = types_ == TensorTypes::floats;
        for (const TensorType type : {TensorType::f32, TensorType::f64, TensorType::f16, TensorType::bf16}) {
            const bool half = size_of(type) < sizeof(float);
            if (*text == handgrad::name(type) && (halves || !half)) {
                return type;
            }
        }
        std::string known = "F32 and F64";
        if (halves) {
            known = "F32, F64, F16 and BF16";
        }
        fail("its dtype is '" + excerpt(*text) + "'; only " + known + " are read, so convert it first");
    }

    [[nodiscard]] std::vector<std::size_t> whole_numbers(const Json& json, const std::string& what) const {
        const auto* array = std::get_if<Json::Array>(&json.value);
        if (array == nullptr) {
            fail("its '" + what + "' is not a list");
        }
        std::vector<std::size_t> numbers;
        for (const Json& element : *array) {
            const auto* number = std::get_if<std::uint64_t>(&element.value);
            if (number == nullptr) {
                fail("its '" + what + "' has " + excerpt(to_text(element)) +
                     ", which is not a whole number from 0 to 2^64 - 1");
            }
            numbers.push_back(*number);
        }
        return numbers;
    }

    [[nodiscard]] std::vector<std::size_t> dimensions(const Json& json) const {
        std::vector<std::size_t> shape = whole_numbers(json, "shape");
        if (shape.size() > max_rank) {
            fail("it has " + std::to_string(shape.size()) + " dimensions; at most " + std::to_string(max_rank) +
                 " are read");
        }
        return shape;
    }

    [[nodiscard]] Extent extent(const Json& json) const {
        const std::vector<std::size_t> numbers = whole_numbers(json, "data_offsets");
        if (numbers.size() != 2) {
            fail("its data_offsets hold " + std::to_string(numbers.size()) + " numbers instead of begin and end");
        }
        const Extent extent{numbers[0], numbers[1]};
        if (extent.begin > extent.end) {
            fail("its data_offsets end at " + std::to_string(extent.end) + ", before they begin at " +
                 std::to_string(extent.begin));
        }
        if (extent.end > data_bytes_) {
            fail("truncated: its data should end at byte " + std::to_string(extent.end) +
                 " behind the header, but only " + std::to_string(data_bytes_) + " bytes are there");
        }
        return extent;
    }

    void check_size(const Entry& entry) const {
        std::size_t bytes = size_of(entry.tensor.type);
        bool too_large = false;
        for (const std::size_t n : entry.tensor.shape) {
            too_large = __builtin_mul_overflow(bytes, n, &bytes) || too_large;
        }
        if (std::ranges::count(entry.tensor.shape, std::size_t{0}) != 0) {
            bytes = 0;
        } else if (too_large) {
            fail("its shape has more numbers than 2^64 bytes hold");
        }
        if (bytes != entry.extent.end - entry.extent.begin) {
            fail("its shape needs " + std::to_string(bytes) + " bytes, but its data_offsets span " +
                 std::to_string(entry.extent.end - entry.extent.begin));
        }
    }

    std::string place_;
    std::string name_;
    std::size_t data_bytes_;
    TensorTypes types_;
};

std::map<std::string, std::string> read_metadata(const Json& json, const std::string& source) {
    const auto* object = std::get_if<Json::Object>(&json.value);
    if (object == nullptr) {
        throw Error(ErrorKind::model, source + ": __metadata__ is not an object");
    }
    std::map<std::string, std::string> metadata;
    for (const auto& [key, value] : *object) {
        const auto* text = std::get_if<std::string>(&value.value);
        if (text == nullptr) {
            throw Error(ErrorKind::model, source + ": __metadata__: the value of '" + excerpt(key) + "' is not a text");
        }
        metadata.emplace(key, *text);
    }
    return metadata;
}

/// The header's length in bytes, as the first of them say; it may be longer than the file.
std::size_t stated_length(std::string_view bytes, const std::string& source) {
    const auto fail = [&](const std::string& cause) -> void { throw Error(ErrorKind::model, source + ": " + cause); };
    if (bytes.empty()) {
        fail("not a safetensors file, as models are: it is empty");
    }
    if (bytes.size() < length_bytes) {
        fail("not a safetensors file, as models are: truncated at byte " + std::to_string(bytes.size()) +
             ", within the 8 bytes of header length that safetensors starts with");
    }
    std::uint64_t length = 0;
    std::memcpy(&length, bytes.data(), length_bytes);
    if (length > max_header_bytes) {
        fail("not a safetensors file, as models are: its first 8 bytes ask for a header of " + std::to_string(length) +
             " bytes; at most " + std::to_string(max_header_bytes) + " are read");
    }
    return length;
}

/// The header's length in bytes, known to fit into the file.
std::size_t header_length(std::string_view bytes, const std::string& source) {
    const std::size_t length = stated_length(bytes, source);
    const auto fail = [&](const std::string& cause) -> void { throw Error(ErrorKind::model, source + ": " + cause); };
    if (length > bytes.size() - length_bytes) {
        fail("not a safetensors file, as models are, or truncated at byte " + std::to_string(bytes.size()) +
             ": its header should end at byte " + std::to_string(length_bytes + length));
    }
    return length;
}

/// Sorts the entries by place and raises Error(model) unless they fill the data bytes without overlap, hole or rest.
void check_layout(std::vector<Entry>& entries, std::size_t data_bytes, const std::string& source) {
    std::ranges::stable_sort(entries, {}, [](const Entry& e) { return std::pair(e.extent.begin, e.extent.end); });
    std::size_t position = 0;
    for (const Entry& entry : entries) {
        if (entry.extent.begin != position) {
            const bool overlap = entry.extent.begin < position;
            throw Error(ErrorKind::model,
                        source + ": tensor '" + entry.tensor.name + "' begins at byte " +
                            std::to_string(entry.extent.begin) + " behind the header, but the one before it ends at " +
                            std::to_string(position) + (overlap ? ": they overlap" : ": a hole that nothing explains"));
        }
        position = entry.extent.end;
    }
    if (position != data_bytes) {
        throw Error(ErrorKind::model, source + ": " + std::to_string(data_bytes - position) +
                                          " bytes are left over behind the last tensor, at byte " +
                                          std::to_string(position) + " behind the header");
    }
}

Json number(std::size_t n) { return Json{std::uint64_t{n}}; }

}  // namespace

std::size_t Tensor::count() const {
    return std::accumulate(shape.begin(), shape.end(), std::size_t{1}, std::multiplies<>());
}

double Tensor::value(std::size_t i) const {
    assert(i < count());
    const auto read = [&]<class T>(T number) {
        std::memcpy(&number, bytes.data() + i * sizeof(T), sizeof(T));
        return static_cast<double>(number);
    };
    switch (type) {
        case TensorType::f32:
            return read(0.0F);
        case TensorType::f16:
            return numbers_of(std::string_view(bytes).substr(2 * i, 2), Element::f16, false).front();
        case TensorType::bf16: {  // the upper half of a float
            std::uint16_t upper = 0;
            std::memcpy(&upper, bytes.data() + i * sizeof upper, sizeof upper);
            return static_cast<double>(std::bit_cast<float>(std::uint32_t{upper} << 16U));
        }
        case TensorType::f64:
            break;
    }
    return read(0.0);
}

const Tensor* TensorFile::find(std::string_view name) const {
    const auto found = std::ranges::find(tensors, name, &Tensor::name);
    return found == tensors.end() ? nullptr : &*found;
}

std::string serialize(const TensorFile& file) {
    Json::Object header;
    if (!file.metadata.empty()) {
        Json::Object metadata;
        for (const auto& [key, value] : file.metadata) {
            metadata.push_back({key, Json{value}});
        }
        header.push_back({std::string(metadata_name), Json{std::move(metadata)}});
    }
    std::size_t position = 0;
    for (const Tensor& tensor : file.tensors) {
        assert(tensor.bytes.size() == tensor.count() * size_of(tensor.type));
        Json::Array shape;
        std::ranges::transform(tensor.shape, std::back_inserter(shape), number);
        const std::size_t end = position + tensor.bytes.size();
        Json::Array offsets;
        offsets.push_back(number(position));
        offsets.push_back(number(end));
        Json::Object entry;  // member by member: of a list GCC 12 destroys elements twice when one cannot be made
        entry.push_back({"dtype", Json{std::string(name(tensor.type))}});
        entry.push_back({"shape", Json{std::move(shape)}});
        entry.push_back({"data_offsets", Json{std::move(offsets)}});
        header.push_back({tensor.name, Json{std::move(entry)}});
        position = end;
    }
    std::string text = to_text(Json{std::move(header)});
    if (text.size() > max_header_bytes) {
        throw Error(ErrorKind::data, "the names and texts of the file need " + std::to_string(text.size()) +
                                         " bytes; at most " + std::to_string(max_header_bytes) + " can be read back");
    }
    text.resize((text.size() + 7) / 8 * 8, ' ');  // so that the data start at a multiple of 8 bytes

    std::string bytes(length_bytes, '\0');
    const std::uint64_t length = text.size();
    std::memcpy(bytes.data(), &length, length_bytes);
    bytes.reserve(length_bytes + text.size() + position);
    bytes += text;
    for (const Tensor& tensor : file.tensors) {
        bytes += tensor.bytes;
    }
    return bytes;
}

TensorFile parse_tensor_file(std::string_view bytes, const std::string& source, TensorTypes types) {
    const std::size_t length = header_length(bytes, source);
    const std::string_view data = bytes.substr(length_bytes + length);
    const Json json = parse_json(bytes.substr(length_bytes, length), source + ": header", length_bytes);
    const auto* header = std::get_if<Json::Object>(&json.value);
    if (header == nullptr) {
        throw Error(ErrorKind::model,
                    source + ": not a safetensors file, as models are: its header, at byte 8, is not a JSON object");
    }
    TensorFile file;
    std::vector<Entry> entries;
    for (const auto& [name, value] : *header) {
        if (name == metadata_name) {
            file.metadata = read_metadata(value, source);
            continue;
        }
        if (entries.size() == max_tensors) {
            throw Error(ErrorKind::model, source + ": more than " + std::to_string(max_tensors) + " tensors");
        }
        if (name.size() > max_name_bytes) {
            throw Error(ErrorKind::model, source + ": the name of tensor " + std::to_string(entries.size()) + " has " +
                                              std::to_string(name.size()) + " bytes; at most " +
                                              std::to_string(max_name_bytes) + " are read");
        }
        entries.push_back(EntryReader(source, name, data.size(), types).read(value));
    }
    check_layout(entries, data.size(), source);
    for (Entry& entry : entries) {
        entry.tensor.bytes = data.substr(entry.extent.begin, entry.extent.end - entry.extent.begin);
        file.tensors.push_back(std::move(entry.tensor));
    }
    return file;
}

void judge_tensor_file(std::string_view first, const std::string& source) {
    const std::size_t length = stated_length(first, source);
    if (first.size() > length_bytes && length > 0 && first[length_bytes] != '{') {
        static_cast<void>(parse_json(first.substr(length_bytes, length), source + ": header", length_bytes));
        throw Error(ErrorKind::model,
                    source + ": not a safetensors file, as models are: its header, at byte 8, is not a JSON object");
    }
    if (length == 0) {
        static_cast<void>(parse_json({}, source + ": header", length_bytes));
    }
}

TensorFile read_tensor_file(const std::filesystem::path& path) {
    const std::string source = path.string();
    return parse_tensor_file(read_file(path, [&](std::string_view first) { judge_tensor_file(first, source); }),
                             source);
}

void write_tensor_file(const std::filesystem::path& path, const TensorFile& file) {
    write_file_atomically(path, serialize(file));
}

std::string xxh3_128_hex(std::string_view bytes) { return hex_of(XXH3_128bits(bytes.data(), bytes.size())); }

struct Xxh3Stream::State {
    XXH3_state_t* state = XXH3_createState();
};

void Xxh3Stream::Delete::operator()(State* state) const noexcept {
    XXH3_freeState(state->state);
    delete state;
}

Xxh3Stream::Xxh3Stream() : state_(new State) {
    if (XXH3_128bits_reset(state_->state) == XXH_ERROR) {  // as of the null state that it has without memory
        throw std::bad_alloc();
    }
}

void Xxh3Stream::add(std::string_view bytes) {
    XXH3_128bits_update(state_->state, bytes.data(), bytes.size());  // fails for a null state alone
}

std::string Xxh3Stream::hex() const { return hex_of(XXH3_128bits_digest(state_->state)); }

}  // namespace handgrad
