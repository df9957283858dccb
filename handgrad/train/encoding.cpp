// The preprocessing applied to all rows, and what came of it named and put into an archive.
#include "handgrad/train/encoding.hpp"

#include <algorithm>
#include <span>

#include "handgrad/data/npz_writer.hpp"

namespace handgrad {
namespace {

bool has_a_target(const Preprocessing& columns, const Table& table) {
    return std::ranges::any_of(columns.targets,
                               [&](const TargetColumn& target) { return table.find(target.name) != nullptr; });
}

/// `price`, or for classes `class=warm`, the positive one alone where two share an output.
std::vector<std::string> names_of_outputs(const Preprocessing& columns) {
    std::vector<std::string> names;
    if (columns.task != Task::classification) {
        for (const TargetColumn& target : columns.targets) {
            names.push_back(target.name);
        }
        return names;
    }
    for (const std::string& label : columns.classes) {
        names.push_back(columns.targets.front().name + "=" + label);
    }
    if (columns.one_output) {
        names.erase(names.begin());
    }
    return names;
}

}  // namespace

EncodedTable encode(const Model& model, const Table& table, bool allow_extra) {
    const Preprocessing& columns = model.preprocessing;
    const bool labelled = has_a_target(columns, table);
    EncodedTable encoded{.data = {}, .inputs = columns.input_names(), .outputs = {}};
    ApplyOptions options{.labels = Labels::absent, .allow_extra = allow_extra};
    if (labelled) {
        options.labels = Labels::required;
        encoded.outputs = names_of_outputs(columns);
    }
    std::visit(
        [&]<class T>(const BasicMlp<T>&) {
            BasicDataset<T> data = apply_preprocessing<T>(columns, table, all_rows(table.rows), options);
            if (labelled && data.weights.empty()) {
                data.weights.assign(data.rows(), T(1));
            }
            encoded.data = std::move(data);
        },
        model.net);
    return encoded;
}

std::string encoded_npz(const EncodedTable& encoded) {
    std::vector<NpyArray> arrays;
    std::visit(
        [&]<class T>(const BasicDataset<T>& data) {
            arrays.push_back(npy_array<T>("x", data.x));
            if (encoded.labelled()) {
                arrays.push_back(npy_array<T>("y", data.y));
                arrays.push_back(npy_array<T>("weights", std::span<const T>(data.weights)));
            }
        },
        encoded.data);
    arrays.push_back(npy_array("names", encoded.inputs));
    return npz_bytes(arrays);
}

}  // namespace handgrad
