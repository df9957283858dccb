// The readers, and of what they accept the round trips and the sums that must come out.
#include "tests/fuzz/readers.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <new>
#include <stdexcept>
#include <string>
#include <vector>

#include "cli/config_file.hpp"
#include "handgrad/base/error.hpp"
#include "handgrad/compare/answers.hpp"
#include "handgrad/compare/comparison.hpp"
#include "handgrad/data/npz.hpp"
#include "handgrad/data/table.hpp"
#include "handgrad/diagnose/training_course.hpp"
#include "handgrad/explain/derivation.hpp"
#include "handgrad/import/import.hpp"
#include "handgrad/store/json.hpp"
#include "handgrad/store/model.hpp"
#include "handgrad/store/saved_training.hpp"
#include "handgrad/store/tensor_file.hpp"
#include "tests/support/counted_allocations.hpp"

namespace handgrad::fuzz {
namespace {

/// A reader's own mistake.
class Fault : public std::runtime_error {
    using std::runtime_error::runtime_error;
};

void must(bool holds, const char* what) {
    if (!holds) {
        throw Fault(what);
    }
}

// --- Tables ---------------------------------------------------------------------------------------------------------

void check_column(const Column& column, std::size_t rows) {
    must(!column.has_numbers || column.numbers.size() == rows, "a column has another number of numbers than rows");
    must(!column.has_texts || column.codes.size() == rows, "a column has another number of texts than rows");
    must(column.has_numbers || column.has_texts, "a column is of nothing");
    for (const std::uint32_t code : column.has_texts ? column.codes : std::vector<std::uint32_t>{}) {
        must(code == Column::missing_code || code < column.texts.size(), "a cell has no text");
    }
    must(column.missing <= rows, "more cells are missing than there are");
}

void check_table(const Table& table) {
    must(table.lines.empty() || table.lines.size() == table.rows, "rows have no lines");
    for (const Column& column : table.columns) {
        check_column(column, table.rows);
    }
    for (const KeptCells& kept : table.kept) {
        must(kept.cells.size() == table.rows, "cells were not kept");
    }
}

/// What the bits of the first byte choose, so that a seed begins with @, the byte of no choices.
ReadOptions options_of(unsigned choices) {
    ReadOptions options;
    options.header = (choices & 1U) == 0;
    if ((choices & 2U) != 0) {
        options.delimiter = ';';
        options.decimal = ',';
    }
    if ((choices & 4U) != 0) {
        options.thousands = ' ';
    }
    options.percent = (choices & 8U) != 0;
    options.currency = options.percent;
    if ((choices & 16U) != 0) {
        options.text_columns = {"a"};
        options.spelled_columns = {"b"};
        options.kept_columns = {"b"};
    }
    if ((choices & 32U) != 0) {
        options.date_columns = {"a"};
    }
    return options;
}

void read_csv_bytes(std::string_view bytes) {
    if (!bytes.empty()) {
        check_table(read_csv(bytes.substr(1), "t.csv", options_of(static_cast<unsigned char>(bytes[0]))));
    }
}

void read_npy_bytes(std::string_view bytes) { check_table(read_npy(bytes, "x.npy")); }

void read_idx_bytes(std::string_view bytes) { check_table(read_idx(bytes, "x.idx")); }

constexpr std::size_t most_inflated = std::size_t{1} << 24;

void read_gzip_bytes(std::string_view bytes) {
    must(gunzip(bytes, "t.csv.gz", most_inflated).size() <= most_inflated, "more was inflated than allowed");
}

// --- Named arrays ---------------------------------------------------------------------------------------------------

void check_arrays(const std::vector<NamedArray>& arrays) {
    for (const NamedArray& array : arrays) {
        std::size_t numbers = 1;
        for (const std::size_t length : array.shape) {
            numbers *= length;
        }
        must(!array.problem.empty() || array.values.size() == numbers, "an array is not of its shape");
        must(array.problem.empty() || array.values.empty(), "an array that cannot be read has numbers");
    }
}

void read_npz_bytes(std::string_view bytes) {
    check_arrays(read_npz(bytes, "x.npz", Unreadable::kept));
    check_arrays(read_npz(bytes, "x.npz"));
}

void read_gradient_bytes(std::string_view bytes) { check_arrays(compare::parse_gradients(bytes, "g.npz")); }

// --- Models ---------------------------------------------------------------------------------------------------------

void read_tensor_bytes(std::string_view bytes) {
    const TensorFile file = parse_tensor_file(bytes, "m.safetensors", TensorTypes::floats);
    const std::string written = serialize(file);
    const TensorFile again = parse_tensor_file(written, "again", TensorTypes::floats);
    must(again.metadata == file.metadata && again.tensors.size() == file.tensors.size(), "tensors did not come back");
    must(serialize(again) == written, "a tensor file is written in two ways");
    double sum = 0.0;
    for (const Tensor& tensor : file.tensors) {
        for (std::size_t i = 0; i < tensor.count(); ++i) {
            sum += tensor.value(i);
        }
    }
    must(sum <= HUGE_VAL || std::isnan(sum), "no sum");
}

constexpr std::size_t length_bytes = 8;

std::string with_length(std::string_view header) {
    const std::uint64_t length = header.size();
    std::string bytes(length_bytes, '\0');
    std::memcpy(bytes.data(), &length, length_bytes);
    return bytes + std::string(header);
}

/// How many bytes of data a header speaks of, as far as it can be read: no more than a small network has.
std::size_t data_bytes(std::string_view header) {
    constexpr std::size_t most = std::size_t{1} << 14;
    std::size_t end = 0;
    const Json json = parse_json(header, "header");
    const auto* members = std::get_if<Json::Object>(&json.value);
    for (const Json::Member& tensor : members != nullptr ? *members : Json::Object{}) {
        const auto* fields = std::get_if<Json::Object>(&tensor.second.value);
        for (const Json::Member& field : fields != nullptr ? *fields : Json::Object{}) {
            const auto* offsets = std::get_if<Json::Array>(&field.second.value);
            const bool told = field.first == "data_offsets" && offsets != nullptr && offsets->size() == 2;
            const auto* last = told ? std::get_if<std::uint64_t>(&offsets->back().value) : nullptr;
            end = std::max(end, last != nullptr && *last <= most ? static_cast<std::size_t>(*last) : 0);
        }
    }
    return end;
}

/// The same file with the checksums that its bytes have, so that what is behind the checksums is read too.
std::string signed_anew(TensorFile file) {
    constexpr std::string_view before = R"("checksum":")";
    std::string parameters, training;
    for (const Tensor& tensor : file.tensors) {
        (belongs_to_training(tensor.name) ? training : parameters) += tensor.bytes;
    }
    const std::string none(32, '0');
    file.metadata["parameters_hash"] = xxh3_128_hex(parameters);
    if (file.metadata.contains(std::string(saved_training_key))) {
        file.metadata[std::string(saved_training_hash_key)] = xxh3_128_hex(training);
    }
    file.metadata["checksum"] = none;
    std::string bytes = serialize(file);
    const std::size_t position = bytes.find(before) + before.size();
    const std::string_view header(bytes.data() + length_bytes,
                                  bytes.size() - length_bytes - parameters.size() - training.size());
    return bytes.replace(position, none.size(), xxh3_128_hex(header));
}

void read_model(std::string_view bytes) {
    const Model model = parse_model(bytes, "m.model", true);
    const std::string written = serialize_model(model);
    must(serialize_model(parse_model(written, "again", true)) == written, "a model is written in two ways");
    static_cast<void>(diagnose::training_course(model));
}

/// A model file; or the header of one alone, behind which as many zeros are put as it speaks of. Both are read with the
/// checksums that they have, then with right ones.
void read_model_bytes(std::string_view bytes) {
    const bool header_alone = bytes.starts_with('{');
    const std::string file =
        header_alone ? with_length(bytes) + std::string(data_bytes(bytes), '\0') : std::string(bytes);
    try {
        read_model(file);
    } catch (const Error&) {
        read_model(signed_anew(parse_tensor_file(file, "m.model")));
    }
}

void read_onnx_bytes(std::string_view bytes) {
    const Model model = imports::parse_foreign(bytes, "net.onnx").model;
    const std::string written = serialize_model(model);
    must(serialize_model(parse_model(written, "again")) == written, "an imported model is no sound one");
}

// --- Texts ----------------------------------------------------------------------------------------------------------

void read_json_bytes(std::string_view bytes) {
    const Json json = parse_json(bytes, "m.model");
    const std::string written = to_text(json);
    must(parse_json(written, "again") == json && to_text(parse_json(written, "again")) == written,
         "a JSON value did not come back");
}

/// The first byte chooses between the names of both kinds of file.
void read_config_bytes(std::string_view bytes) {
    if (bytes.empty()) {
        return;
    }
    const cli::Config config = cli::parse_config(bytes.substr(1), bytes[0] == 'i' ? "c.ini" : "c.toml");
    const auto lines = static_cast<std::size_t>(std::ranges::count(bytes, '\n')) + 1;
    for (const cli::ConfigEntry& entry : config.entries) {
        must(entry.line >= 1 && entry.line <= lines, "an entry stands on no line");
        must(entry.array || entry.values.size() == 1, "an entry has not one value");
    }
}

void read_sheet_bytes(std::string_view bytes) {
    static const explain::Derivation derivation =
        explain::derive({.sizes = {2, 3, 1}, .output = Activation::sigmoid}, Loss::binary_cross_entropy);
    static_cast<void>(compare::why_no_sheet("s.txt", bytes));
    const compare::ReadSheet sheet = compare::read_sheet(bytes, "s.txt", derivation);
    static_cast<void>(compare::sheet_says(bytes, "s.txt"));
    must(sheet.answers.size() == compare::asked_quantities(derivation).size(), "a sheet has not the answers asked for");
    for (const compare::Answer& answer : sheet.answers) {
        must(answer.values.size() == answer.rows * answer.columns && answer.units.size() == answer.values.size(),
             "an answer is not of its shape");
        for (const auto& value : answer.values) {
            must(!value || std::isfinite(*value), "an answer is not finite");
        }
    }
}

constexpr std::array all{
    Reader{"csv", read_csv_bytes, 512},
    Reader{"npy", read_npy_bytes, 64},
    Reader{"idx", read_idx_bytes, 64},
    Reader{"gzip", read_gzip_bytes, 4096},
    Reader{"npz", read_npz_bytes, 32'768},
    Reader{"gradients", read_gradient_bytes, 32'768},
    Reader{"tensors", read_tensor_bytes, 256},
    Reader{"model", read_model_bytes, 2048},
    Reader{"checkpoint", read_model_bytes, 2048},
    Reader{"onnx", read_onnx_bytes, 2048},
    Reader{"json", read_json_bytes, 512},
    Reader{"config", read_config_bytes, 4096},
    Reader{"sheet", read_sheet_bytes, 4096},
};

}  // namespace

std::span<const Reader> readers() { return all; }

const Reader* find_reader(std::string_view name) {
    const auto* const found = std::ranges::find(all, name, &Reader::name);
    return found == all.end() ? nullptr : found;
}

bool feed(const Reader& reader, std::string_view bytes) {
    const std::size_t before = live_bytes();
    forget_peak();
    bool accepted = true;
    try {
        reader.read(bytes);
    } catch (const Error&) {
        accepted = false;
    } catch (const std::bad_alloc&) {
        throw std::runtime_error("memory was asked for that there is not");
    }
    const std::size_t taken = peak_bytes() - before, allowed = most_beside + reader.most_memory * bytes.size();
    if (taken > allowed) {
        throw std::runtime_error(std::to_string(taken) + " bytes were taken to read " + std::to_string(bytes.size()) +
                                 ", more than the " + std::to_string(allowed) + " declared");
    }
    return accepted;
}

}  // namespace handgrad::fuzz
