// Prints what our readers read of files, a line of JSON each, for tests that compare it with other readers.
// Usage: reader_dump csv|npy|npz|tensors FILE...
#include <bit>
#include <cstdint>
#include <iostream>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "handgrad/base/atomic_file.hpp"
#include "handgrad/base/error.hpp"
#include "handgrad/data/npz.hpp"
#include "handgrad/data/table.hpp"
#include "handgrad/store/tensor_file.hpp"

namespace handgrad {
namespace {

using nlohmann::json;

/// The bits of each, since JSON has no NaN.
std::vector<std::uint64_t> bits(const std::vector<double>& numbers) {
    std::vector<std::uint64_t> result;
    result.reserve(numbers.size());
    for (const double number : numbers) {
        result.push_back(std::bit_cast<std::uint64_t>(number));
    }
    return result;
}

json table(const Table& table) {
    json columns = json::array();
    for (std::size_t i = 0; i < table.columns.size(); ++i) {
        const Column& column = table.columns[i];
        json one{{"name", column.name}, {"numeric", column.numeric()}, {"numbers", bits(column.numbers)}};
        if (i < table.kept.size()) {
            one["cells"] = table.kept[i].cells;
        }
        columns.push_back(std::move(one));
    }
    return {{"rows", table.rows}, {"columns", std::move(columns)}};
}

/// With every cell as it stands.
json csv(const std::string& bytes, const std::string& name) {
    ReadOptions options;
    for (const Column& column : read_csv(bytes, name, {}).columns) {
        options.kept_columns.push_back(column.name);
    }
    return table(read_csv(bytes, name, options));
}

json npz(const std::string& bytes, const std::string& name) {
    json arrays = json::object();
    for (const NamedArray& array : read_npz(bytes, name)) {
        arrays[array.name] = {{"shape", array.shape}, {"numbers", bits(array.values)}};
    }
    return arrays;
}

json tensors(const std::string& bytes, const std::string& name) {
    const TensorFile file = parse_tensor_file(bytes, name, TensorTypes::floats);
    json arrays = json::object();
    for (const Tensor& tensor : file.tensors) {
        std::vector<double> values;
        for (std::size_t i = 0; i < tensor.count(); ++i) {
            values.push_back(tensor.value(i));
        }
        arrays[tensor.name] = {{"shape", tensor.shape}, {"numbers", bits(values)}};
    }
    return {{"tensors", std::move(arrays)}, {"metadata", file.metadata}};
}

json read(std::string_view reader, const std::string& file) {
    try {
        const std::string bytes = read_file(file);
        if (reader == "csv") {
            return csv(bytes, file);
        }
        if (reader == "npy") {
            return table(read_npy(bytes, file));
        }
        return reader == "npz" ? npz(bytes, file) : tensors(bytes, file);
    } catch (const Error& error) {
        return {{"refused", error.what()}};
    }
}

}  // namespace
}  // namespace handgrad

int main(int count, char** words) {
    for (int i = 2; i < count; ++i) {
        std::cout << handgrad::read(words[1], words[i]).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace)
                  << '\n';
    }
}
